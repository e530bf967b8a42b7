//! What a deprovision asks the vendor to take back, and what it leaves because somebody else may need it.

use ipnet::Ipv4Net;
use shared::document::Additions;
use shared::provider::{Provider, Release, ServiceSeen};
use shared::request::{self, Request};
use shared::{Error, ErrorName, Result};

use crate::context::Context;
use crate::ec2::endpoints::{self, Endpoint};
use crate::ec2::vpc;

/// Other live endpoints of the consumer's account that are connected to the same service.
#[derive(Debug, Default)]
pub struct Others {
    pub endpoint_ids: Vec<String>,
    /// The ranges of their VPCs.
    pub cidrs: Vec<String>,
}

/// Looks for them in every region from which the service can be reached.
///
/// # Errors
/// As EC2 answers in the consumer's own region; a region where the account may do nothing has no endpoint of it.
pub async fn others(
    context: &Context,
    request: &Request,
    ours: &[Endpoint],
    seen: Option<&ServiceSeen>,
    is_ours: impl Fn(&Endpoint) -> bool,
) -> Result<Others> {
    let home = &request.consumer.region;
    let mut names: Vec<String> = ours.iter().map(|e| e.service_name.clone()).collect();
    names.extend(seen.and_then(|s| s.service_name.clone()));
    names.sort();
    names.dedup();
    let mut regions = vec![home.clone()];
    regions.extend(seen.map(|s| s.regions.clone()).unwrap_or_default());
    regions.sort();
    regions.dedup();
    let mut others = Others::default();
    for region in &regions {
        let ec2 = context.ec2_in(request, region).await?;
        for name in &names {
            let found = match endpoints::find_of_service(&ec2, name).await {
                Err(error) if error.name == ErrorName::Denied && region != home => continue,
                other => other?,
            };
            let (ids, mut vpcs): (Vec<String>, Vec<String>) = found
                .into_iter()
                .filter(|e| e.may_be_live() && !is_ours(e))
                .map(|e| (e.id, e.vpc_id))
                .unzip();
            vpcs.sort();
            vpcs.dedup();
            others.endpoint_ids.extend(ids);
            others.cidrs.extend(vpc::cidrs_of(&ec2, &vpcs).await?);
        }
    }
    others.endpoint_ids.sort();
    others.endpoint_ids.dedup();
    Ok(others)
}

/// What a deprovision takes back.
///
/// An entry goes when it can only be this connection's: principals of the consumer's account when the account has no other endpoint of
/// the service, ranges inside the connection's own VPC when no other connection's VPC overlaps them, and what the request names to be
/// removed. The rest of what the request needs goes when nobody else uses the service.
pub fn release(request: &Request, ours: &[Endpoint], others: &Others, vpc_cidrs: &[String]) -> Release {
    let account = format!("arn:aws:iam::{}:", request.consumer.account_id);
    let alone_in_account = others.endpoint_ids.is_empty();
    let (own, shared_principals) = request
        .provider
        .principals()
        .iter()
        .cloned()
        .partition(|arn| arn.starts_with(&account) && alone_in_account);
    let mut remove = Additions {
        principals: own,
        ..Additions::default()
    };
    let mut remove_if_alone = Additions {
        principals: shared_principals,
        ..Additions::default()
    };
    match &request.provider {
        request::Provider::HcpVault(hcp) => {
            let (own, shared_ranges) = hcp.consumer_ip_ranges.iter().cloned().partition(|range| {
                vpc_cidrs.iter().any(|cidr| contains(cidr, range))
                    && !others.cidrs.iter().any(|cidr| overlap(cidr, range))
            });
            remove.ip_ranges = own;
            remove_if_alone.ip_ranges = shared_ranges;
            remove_if_alone.regions.clone_from(&hcp.consumer_regions);
            remove.principals.extend(hcp.remove_consumer_accounts.iter().cloned());
            remove.ip_ranges.extend(hcp.remove_consumer_ip_ranges.iter().cloned());
            remove.regions.extend(hcp.remove_consumer_regions.iter().cloned());
        }
        request::Provider::Aiven(aiven) => {
            remove_if_alone.regions.clone_from(&aiven.supported_regions);
            remove.components.clone_from(&aiven.components);
            remove.principals.extend(aiven.remove_principals.iter().cloned());
            remove.regions.extend(aiven.remove_supported_regions.iter().cloned());
        }
    }
    Release {
        delete_service: request.provider.may_delete_service(),
        remove,
        remove_if_alone,
        endpoint_ids: ours.iter().map(|e| e.id.clone()).collect(),
        other_endpoint_ids: others.endpoint_ids.clone(),
    }
}

/// Whether a CIDR range lies in another.
pub fn contains(outer: &str, inner: &str) -> bool {
    let nets = outer.parse::<Ipv4Net>().ok().zip(inner.parse::<Ipv4Net>().ok());
    nets.is_some_and(|(outer, inner)| outer.contains(&inner))
}

fn overlap(a: &str, b: &str) -> bool {
    contains(a, b) || contains(b, a)
}

/// The vendor's side cannot be looked at, as the secret with the credentials is gone or of no use: what is left there is for a person.
pub fn without_secret(request: &Request, error: &Error) -> Option<String> {
    let gone = error.name == ErrorName::InvalidRequest && error.message.contains("/provider/secret_id: ");
    gone.then(|| {
        format!(
            "what the connection has at {} was not looked at, as its credentials are not there: {}",
            request.provider.display_name(),
            error.message
        )
    })
}

/// The service as the vendor has it; a sentence where it cannot be asked.
///
/// # Errors
/// As the vendor answers.
pub async fn see(
    provider: &dyn Provider,
    request: &Request,
) -> Result<std::result::Result<Option<ServiceSeen>, String>> {
    match provider.service_seen().await {
        Ok(seen) => Ok(Ok(seen)),
        Err(error) => match without_secret(request, &error) {
            Some(sentence) => Ok(Err(sentence)),
            None => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    const OWN: &str = "arn:aws:iam::111122223333:root";
    const OTHER: &str = "arn:aws:iam::444455556666:root";

    fn hcp(ranges: &[&str]) -> Request {
        serde_json::from_value(json!({
            "provider": {
                "type": "hcp_vault", "organization_id": "o", "project_id": "p", "hvn_id": "h", "vault_cluster_id": "c",
                "consumer_accounts": [OWN, OTHER], "consumer_ip_ranges": ranges, "consumer_regions": ["eu-west-1"], "secret_id": "s"
            },
            "consumer": {"account_id": "111122223333", "region": "eu-west-1", "vpc_id": "vpc-1"}
        }))
        .unwrap()
    }

    fn others(ids: &[&str], cidrs: &[&str]) -> Others {
        let owned = |items: &[&str]| items.iter().map(|i| (*i).to_owned()).collect();
        Others {
            endpoint_ids: owned(ids),
            cidrs: owned(cidrs),
        }
    }

    #[test]
    fn what_is_surely_ours_goes_and_the_rest_only_if_nobody_else_is_there() {
        let vpc = ["10.20.0.0/16".to_owned()];
        let request = hcp(&["10.20.0.0/16", "10.20.4.0/24", "10.0.0.0/8"]);
        let release = release(&request, &[], &others(&[], &[]), &vpc);
        assert_eq!(release.remove.principals, [OWN]);
        assert_eq!(release.remove.ip_ranges, ["10.20.0.0/16", "10.20.4.0/24"]);
        assert_eq!(release.remove_if_alone.principals, [OTHER]);
        assert_eq!(release.remove_if_alone.ip_ranges, ["10.0.0.0/8"]);
        assert_eq!(release.remove_if_alone.regions, ["eu-west-1"]);
        assert!(!release.delete_service);
    }

    #[test]
    fn another_connection_of_the_account_keeps_what_it_needs() {
        let vpc = ["10.20.0.0/16".to_owned()];
        let request = hcp(&["10.20.0.0/16"]);
        let elsewhere = release(&request, &[], &others(&["vpce-2"], &["10.30.0.0/16"]), &vpc);
        assert!(elsewhere.remove.principals.is_empty());
        assert_eq!(elsewhere.remove.ip_ranges, ["10.20.0.0/16"]);
        let same_range = release(&request, &[], &others(&["vpce-2"], &["10.20.0.0/16"]), &vpc);
        assert!(same_range.remove.ip_ranges.is_empty());
        assert_eq!(same_range.remove_if_alone.ip_ranges, ["10.20.0.0/16"]);
    }
}
