//! Who calls, from the credential scope of the SigV4 header. Signatures are not checked.

use std::collections::BTreeSet;

/// `Credential=<access key>/<date>/<region>/<service>/aws4_request`.
#[derive(Debug, Clone)]
pub(super) struct Credential {
    pub(super) access_key: String,
    pub(super) date: String,
    pub(super) region: String,
}

impl Credential {
    /// `None` for anything that is not signed by SigV4 for EC2.
    pub(super) fn parse(authorization: &str) -> Option<Self> {
        let fields = authorization.strip_prefix("AWS4-HMAC-SHA256")?;
        let scope = fields
            .split(',')
            .find_map(|field| field.trim().strip_prefix("Credential="))?;
        fields
            .split(',')
            .find_map(|field| field.trim().strip_prefix("Signature="))?;
        let mut parts = scope.split('/');
        let (access_key, date, region) = (parts.next()?, parts.next()?, parts.next()?);
        let complete = parts.next() == Some("ec2") && parts.next() == Some("aws4_request") && parts.next().is_none();
        (complete && !access_key.is_empty() && !region.is_empty()).then(|| Self {
            access_key: access_key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
        })
    }
}

/// An account, in a region.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) account: String,
    pub(super) region: String,
}

impl Caller {
    /// `arn:aws:iam::<account>:root` allows the whole account; another ARN of the account allows the caller only where it is
    /// `calling_principal`, or where nobody said who calls.
    pub(super) fn is_among(&self, principals: &BTreeSet<String>, calling_principal: Option<&str>) -> bool {
        principals.iter().any(|principal| {
            if principal == "*" {
                return true;
            }
            let mut parts = principal.splitn(6, ':').skip(4);
            parts.next() == Some(&self.account)
                && (parts.next() == Some("root") || calling_principal.is_none_or(|calling| calling == principal))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_matched_by_account_and_then_by_arn() {
        let caller = Caller {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
        };
        let allows = |arn: &str, calling| caller.is_among(&BTreeSet::from([arn.to_owned()]), calling);
        let role = "arn:aws:iam::111122223333:role/connector";
        assert!(allows("arn:aws:iam::111122223333:root", Some(role)));
        assert!(allows(role, None));
        assert!(allows(role, Some(role)));
        assert!(!allows("arn:aws:iam::111122223333:role/other", Some(role)));
        assert!(!allows("arn:aws:iam::444455556666:root", None));
    }

    #[test]
    fn only_a_sigv4_header_for_ec2_names_a_caller() {
        let header = |service| {
            format!(
                "AWS4-HMAC-SHA256 Credential=111122223333/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=ab"
            )
        };
        assert_eq!(
            Credential::parse(&header("ec2")).map(|c| c.region),
            Some("eu-west-1".into())
        );
        assert!(Credential::parse(&header("s3")).is_none());
        assert!(Credential::parse("Bearer abc").is_none());
    }
}
