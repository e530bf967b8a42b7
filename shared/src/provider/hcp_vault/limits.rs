//! How many entries the shared lists may have: HashiCorp's limits, which a support ticket raises.

use super::lists::Delta;
use super::wire::Link;
use crate::document::Additions;
use crate::{Error, ErrorName, Result};

/// "Consumer accounts: 10 per PrivateLink service" by default (the guide); a support ticket raises it.
const DEFAULT_MAX_ACCOUNTS: usize = 10;
/// "Consumer IP ranges: 15 per PrivateLink service" by default (the guide).
const DEFAULT_MAX_IP_RANGES: usize = 15;

/// How many entries the service may have: HCP's own limits, unless the stack's parameters say otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) accounts: u32,
    pub(super) ip_ranges: u32,
}

impl Limits {
    /// # Errors
    /// `LimitExceeded` with a line for each list that grows beyond its limit.
    pub(super) fn check(self, link: Option<&Link>, delta: &Delta) -> Result<()> {
        let after = delta.applied_to(link);
        let full: String = [
            (
                "consumer account",
                "consumer_accounts",
                &delta.adds.principals,
                &after.principals,
                self.accounts,
            ),
            (
                "consumer IP range",
                "consumer_ip_ranges",
                &delta.adds.ip_ranges,
                &after.ip_ranges,
                self.ip_ranges,
            ),
        ]
        .into_iter()
        .filter(|(.., adds, after, max)| !adds.is_empty() && u32::try_from(after.len()).unwrap_or(u32::MAX) > *max)
        .map(|(what, field, _, after, max)| {
            format!(
                "\n/provider/{field}: the service would have {what} {} of {max}.",
                after.len()
            )
        })
        .collect();
        if full.is_empty() {
            return Ok(());
        }
        Err(Error::new(
            ErrorName::LimitExceeded,
            format!(
                "the lists of the HCP PrivateLink service cannot hold what the request needs; nothing was written to them. Have entries \
                 removed that nobody uses any more, or have HashiCorp raise the limit by a support ticket and then the stack's \
                 parameters HcpMaxConsumerAccounts and HcpMaxConsumerIpRanges.{full}"
            ),
        ))
    }

    /// How full the lists will be: "consumer accounts: 4 of 10 after this run".
    pub(super) fn counts(self, after: &Additions) -> [String; 2] {
        [
            ("consumer accounts", &after.principals, self.accounts),
            ("consumer IP ranges", &after.ip_ranges, self.ip_ranges),
        ]
        .map(|(what, list, max)| format!("{what}: {} of {max} after this run", list.len()))
    }
}

/// Whether the service would go beyond the default limits, whose refusal HCP words as it likes.
pub(super) fn beyond_defaults(link: Option<&Link>, delta: &Delta) -> bool {
    let after = delta.applied_to(link);
    after.principals.len() > DEFAULT_MAX_ACCOUNTS || after.ip_ranges.len() > DEFAULT_MAX_IP_RANGES
}

/// How full the service would be: "With this request it would have consumer account 11 of 10 …".
pub(super) fn describe_counts(link: Option<&Link>, delta: &Delta) -> String {
    let after = delta.applied_to(link);
    format!(
        "With this request the service would have consumer account {} of {DEFAULT_MAX_ACCOUNTS} and consumer IP range {} of \
         {DEFAULT_MAX_IP_RANGES} (HCP's default limits).",
        after.principals.len(),
        after.ip_ranges.len()
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::provider::hcp_vault::samples::{OTHER, ROOT, link, params};
    use crate::request::HcpVault;

    #[test]
    fn a_list_that_would_grow_beyond_its_limit_is_told_with_the_way_out() {
        let limits = Limits {
            accounts: 2,
            ip_ranges: 1,
        };
        let full = link(&[OTHER, "b"], &["10.99.0.0/16"], &[]);
        let error = limits
            .check(Some(&full), &Delta::of(&params(), "eu-west-1", Some(&full)))
            .unwrap_err();
        assert_eq!(error.name, ErrorName::LimitExceeded);
        let lines: Vec<&str> = error.message.lines().collect();
        assert!(
            lines[0].contains("HcpMaxConsumerAccounts and HcpMaxConsumerIpRanges"),
            "{error}"
        );
        assert_eq!(
            lines[1..],
            [
                "/provider/consumer_accounts: the service would have consumer account 3 of 2.",
                "/provider/consumer_ip_ranges: the service would have consumer IP range 2 of 1.",
            ]
        );
        // It counts after removal, and one that needs nothing more is fine, however full it is.
        let swap = HcpVault {
            remove_consumer_accounts: vec![OTHER.into()],
            remove_consumer_ip_ranges: vec!["10.99.0.0/16".into()],
            ..params()
        };
        let delta = Delta::of(&swap, "eu-west-1", Some(&full));
        limits.check(Some(&full), &delta).unwrap();
        assert_eq!(
            limits.counts(&delta.applied_to(Some(&full))),
            [
                "consumer accounts: 2 of 2 after this run",
                "consumer IP ranges: 1 of 1 after this run"
            ]
        );
        let beyond = link(&[ROOT, "b", "c"], &["10.20.0.0/16", "x"], &[]);
        let delta = Delta::of(&params(), "eu-west-1", Some(&beyond));
        assert!(!delta.is_empty(), "a region");
        limits.check(Some(&beyond), &delta).unwrap();
    }

    #[test]
    fn the_defaults_are_counted_with_what_is_there() {
        let accounts: Vec<String> = (0..10).map(|i| format!("arn:aws:iam::{i:012}:root")).collect();
        let full = link(&accounts.iter().map(String::as_str).collect::<Vec<_>>(), &[], &[]);
        let delta = Delta::of(&params(), "eu-west-1", Some(&full));
        assert!(beyond_defaults(Some(&full), &delta));
        assert!(describe_counts(Some(&full), &delta).contains("account 11 of 10"));
        assert!(!beyond_defaults(None, &delta));
    }
}
