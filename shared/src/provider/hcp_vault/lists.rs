//! The three shared lists of a PrivateLink service: what a request still needs in them, and the bodies that change them.
//!
//! PATCH takes what to add and what to remove, so that runs side by side lose nobody's entry.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::wire::Link;
use crate::document::Additions;
use crate::request::HcpVault;

/// "Consumer accounts: 10 per PrivateLink service" by default (the guide); a support ticket raises it, so HCP decides, not we.
const DEFAULT_MAX_ACCOUNTS: usize = 10;
/// "Consumer IP ranges: 15 per PrivateLink service" by default (the guide).
const DEFAULT_MAX_IP_RANGES: usize = 15;
/// "PrivateLink Service ID cannot exceed 36 characters." (the guide)
const MAX_ID_LENGTH: usize = 36;

/// The id of the service that a run would create: the request's, or `pl-<cluster id>`, cut to what HCP takes.
pub(super) fn service_id(params: &HcpVault) -> String {
    match &params.private_link_service_id {
        Some(id) => id.clone(),
        None => {
            let id: String = format!("pl-{}", params.vault_cluster_id)
                .chars()
                .take(MAX_ID_LENGTH)
                .collect();
            // An id must not end with a hyphen.
            id.trim_end_matches('-').to_owned()
        }
    }
}

/// What the request wants and the service does not have. The HVN's own region is always served and never an entry.
pub(super) fn missing(params: &HcpVault, hvn_region: &str, link: Option<&Link>) -> Additions {
    let has = |list: fn(&Link) -> &Vec<String>, item: &String| link.is_some_and(|link| list(link).contains(item));
    let has_range =
        |range: &str| link.is_some_and(|link| link.consumer_ip_ranges.iter().any(|have| same_range(have, range)));
    let filter =
        |wanted: &[String], keep: &dyn Fn(&String) -> bool| wanted.iter().filter(|item| keep(item)).cloned().collect();
    Additions {
        principals: filter(&params.consumer_accounts, &|arn| {
            !has(|link| &link.consumer_accounts, arn)
        }),
        ip_ranges: filter(&params.consumer_ip_ranges, &|range| !has_range(range)),
        regions: filter(&params.consumer_regions, &|region| {
            region != hvn_region && !has(|link| &link.consumer_regions, region)
        }),
        components: Vec::new(),
    }
}

/// What of `remove` the service has, in its own spelling.
pub(super) fn present(link: &Link, remove: &Additions) -> Additions {
    let both =
        |have: &[String], unwanted: &[String]| have.iter().filter(|item| unwanted.contains(item)).cloned().collect();
    Additions {
        principals: both(&link.consumer_accounts, &remove.principals),
        ip_ranges: link
            .consumer_ip_ranges
            .iter()
            .filter(|have| remove.ip_ranges.iter().any(|range| same_range(have, range)))
            .cloned()
            .collect(),
        regions: both(&link.consumer_regions, &remove.regions),
        components: Vec::new(),
    }
}

/// The consumer accounts that are not among those to remove: somebody else's, so that the service must stay.
pub(super) fn others<'a>(link: &'a Link, remove: &Additions) -> Vec<&'a str> {
    let others = link
        .consumer_accounts
        .iter()
        .filter(|arn| !remove.principals.contains(arn));
    others.map(String::as_str).collect()
}

/// The body of the POST: organization, project and HVN are in the path.
pub(super) fn create_body(params: &HcpVault, hvn_region: &str) -> Value {
    let all = missing(params, hvn_region, None);
    json!({"private_link_service": {
        "id": service_id(params),
        "vault_cluster_id": params.vault_cluster_id,
        "consumer_accounts": all.principals,
        "consumer_ip_ranges": all.ip_ranges,
        "consumer_regions": all.regions,
        "hvn": hvn(hvn_region),
    }})
}

/// The body of a PATCH that adds.
pub(super) fn add_body(link_id: &str, hvn_region: &str, adds: &Additions) -> Value {
    delta_body("add", link_id, hvn_region, adds)
}

/// The body of a PATCH that removes.
pub(super) fn remove_body(link_id: &str, hvn_region: &str, removes: &Additions) -> Value {
    delta_body("remove", link_id, hvn_region, removes)
}

/// Lists without an entry are left out: what HCP does with an empty one is not documented.
fn delta_body(verb: &str, link_id: &str, hvn_region: &str, delta: &Additions) -> Value {
    let mut body = json!({"id": link_id, "hvn": hvn(hvn_region)});
    let lists = [
        ("consumer_accounts", &delta.principals),
        ("consumer_ip_ranges", &delta.ip_ranges),
        ("consumer_regions", &delta.regions),
    ];
    for (name, items) in lists {
        if !items.is_empty() {
            body[format!("{verb}_{name}")] = json!(items);
        }
    }
    body
}

fn hvn(region: &str) -> Value {
    json!({"location": {"region": {"provider": "aws", "region": region}}})
}

/// Whether the service would go beyond the default limits, whose refusal HCP words as it likes.
pub(super) fn beyond_defaults(link: Option<&Link>, adds: &Additions) -> bool {
    let (accounts, ip_ranges) = counts(link, adds);
    accounts > DEFAULT_MAX_ACCOUNTS || ip_ranges > DEFAULT_MAX_IP_RANGES
}

/// How full the service would be: "With this request it would have consumer account 11 of 10 …".
pub(super) fn describe_counts(link: Option<&Link>, adds: &Additions) -> String {
    let (accounts, ip_ranges) = counts(link, adds);
    format!(
        "With this request the service would have consumer account {accounts} of {DEFAULT_MAX_ACCOUNTS} and consumer IP range \
         {ip_ranges} of {DEFAULT_MAX_IP_RANGES} (HCP's default limits)."
    )
}

fn counts(link: Option<&Link>, adds: &Additions) -> (usize, usize) {
    (
        link.map_or(0, |link| link.consumer_accounts.len()) + adds.principals.len(),
        link.map_or(0, |link| link.consumer_ip_ranges.len()) + adds.ip_ranges.len(),
    )
}

/// Entries in a few words: "2 accounts, 1 IP range".
pub(super) fn describe(entries: &Additions) -> String {
    let lists = [
        ("consumer accounts", &entries.principals),
        ("IP ranges", &entries.ip_ranges),
        ("regions", &entries.regions),
    ];
    let lists = lists.into_iter().filter(|(_, items)| !items.is_empty());
    lists
        .map(|(name, items)| format!("{name} {}", items.join(", ")))
        .collect::<Vec<_>>()
        .join("; ")
}

/// Whether HCP brings ranges into a normal form is not documented.
fn same_range(a: &str, b: &str) -> bool {
    let network = |text: &str| text.parse::<IpNet>().map(|net| net.trunc()).ok();
    a == b || network(a).is_some_and(|net| network(b) == Some(net))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;

    const ROOT: &str = "arn:aws:iam::111122223333:root";
    const OTHER: &str = "arn:aws:iam::444455556666:root";

    fn params() -> HcpVault {
        serde_json::from_value(json!({
            "organization_id": "o", "project_id": "p", "hvn_id": "acme-hvn", "vault_cluster_id": "acme-vault",
            "consumer_accounts": [ROOT], "consumer_ip_ranges": ["10.20.0.0/16"],
            "consumer_regions": ["eu-west-1", "us-east-1"], "secret_id": "privatelink/hcp",
        }))
        .unwrap()
    }

    fn link(accounts: &[&str], ranges: &[&str], regions: &[&str]) -> Link {
        serde_json::from_value(json!({
            "id": "pl-acme-vault", "state": "AVAILABLE",
            "consumer_accounts": accounts, "consumer_ip_ranges": ranges, "consumer_regions": regions,
        }))
        .unwrap()
    }

    #[test]
    fn the_derived_id_is_a_slug_of_at_most_36_characters() {
        let id = |cluster: &str| {
            service_id(&HcpVault {
                vault_cluster_id: cluster.into(),
                ..params()
            })
        };
        assert_eq!(id("acme-vault"), "pl-acme-vault");
        assert_eq!(id(&"x".repeat(36)), format!("pl-{}", "x".repeat(33)));
        // The cut falls behind a hyphen.
        assert_eq!(id(&format!("{}-abc", "x".repeat(32))), format!("pl-{}", "x".repeat(32)));
        let named = HcpVault {
            private_link_service_id: Some("mine".into()),
            ..params()
        };
        assert_eq!(service_id(&named), "mine");
    }

    #[test]
    fn a_new_service_gets_everything_but_the_hvns_own_region() {
        let body = create_body(&params(), "eu-west-1");
        let expected = json!({"private_link_service": {
            "id": "pl-acme-vault", "vault_cluster_id": "acme-vault", "consumer_accounts": [ROOT],
            "consumer_ip_ranges": ["10.20.0.0/16"], "consumer_regions": ["us-east-1"],
            "hvn": {"location": {"region": {"provider": "aws", "region": "eu-west-1"}}},
        }});
        assert_eq!(body, expected);
    }

    #[test]
    fn only_what_is_missing_is_added() {
        let adds = missing(
            &params(),
            "eu-west-1",
            Some(&link(&[OTHER, ROOT], &["10.99.0.0/16"], &[])),
        );
        assert_eq!(
            adds,
            Additions {
                ip_ranges: vec!["10.20.0.0/16".into()],
                regions: vec!["us-east-1".into()],
                ..Additions::default()
            }
        );
        let body = add_body("pl-acme-vault", "eu-west-1", &adds);
        let expected = json!({
            "id": "pl-acme-vault", "add_consumer_ip_ranges": ["10.20.0.0/16"], "add_consumer_regions": ["us-east-1"],
            "hvn": {"location": {"region": {"provider": "aws", "region": "eu-west-1"}}},
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn a_complete_service_needs_nothing_whatever_the_order_and_the_own_region() {
        let complete = link(
            &[OTHER, ROOT],
            &["10.1.0.0/16", "10.20.0.0/16"],
            &["us-east-1", "eu-west-1"],
        );
        assert!(missing(&params(), "eu-west-1", Some(&complete)).is_empty());
        // The same network with host bits.
        let spelled = link(&[ROOT], &["10.20.3.4/16"], &["us-east-1"]);
        assert!(missing(&params(), "eu-west-1", Some(&spelled)).is_empty());
    }

    #[test]
    fn only_what_is_there_is_removed() {
        let remove = Additions {
            principals: vec![ROOT.into(), "arn:aws:iam::555555555555:root".into()],
            regions: vec!["us-east-1".into()],
            ..Additions::default()
        };
        let link = link(&[OTHER, ROOT], &["10.20.0.0/16"], &[]);
        let removes = present(&link, &remove);
        assert_eq!(
            removes,
            Additions {
                principals: vec![ROOT.into()],
                ..Additions::default()
            }
        );
        assert_eq!(
            remove_body("x", "eu-west-1", &removes)["remove_consumer_accounts"],
            json!([ROOT])
        );
        assert_eq!(others(&link, &remove), [OTHER]);
    }

    #[test]
    fn the_defaults_are_counted_with_what_is_there() {
        let accounts: Vec<String> = (0..10).map(|i| format!("arn:aws:iam::{i:012}:root")).collect();
        let full = link(&accounts.iter().map(String::as_str).collect::<Vec<_>>(), &[], &[]);
        let adds = missing(&params(), "eu-west-1", Some(&full));
        assert!(beyond_defaults(Some(&full), &adds));
        assert!(describe_counts(Some(&full), &adds).contains("account 11 of 10"));
        assert!(!beyond_defaults(None, &adds));
    }
}
