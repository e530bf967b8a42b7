//! The three shared lists of a PrivateLink service: what a request still needs in them, and the bodies that change them.
//!
//! PATCH takes what to add and what to remove, so that runs side by side lose nobody's entry.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::wire::Link;
use crate::document::Additions;
use crate::request::HcpVault;

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

/// What a request changes in the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delta {
    /// What it wants and the service does not have.
    pub(super) adds: Additions,
    /// What it wants out and the service has, in the service's spelling.
    pub(super) removes: Additions,
}

impl Delta {
    /// `link`: the service, if it is there to stay.
    pub(super) fn of(params: &HcpVault, hvn_region: &str, link: Option<&Link>) -> Self {
        let adds = missing(params, hvn_region, link);
        let unwanted = Additions {
            principals: params.remove_consumer_accounts.clone(),
            // Another spelling of a range that the request needs is that range.
            ip_ranges: params
                .remove_consumer_ip_ranges
                .iter()
                .filter(|range| !params.consumer_ip_ranges.iter().any(|wanted| same_range(wanted, range)))
                .cloned()
                .collect(),
            regions: without(&params.remove_consumer_regions, hvn_region),
            components: Vec::new(),
        };
        Self {
            adds,
            removes: link.map_or_else(Additions::default, |link| present(link, &unwanted)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.adds.is_empty() && self.removes.is_empty()
    }

    /// The three lists as they will be.
    pub(super) fn applied_to(&self, link: Option<&Link>) -> Additions {
        let after = |have: fn(&Link) -> &Vec<String>, adds: &[String], removes: &[String]| {
            let have = link.map(have).into_iter().flatten();
            have.filter(|item| !removes.contains(item))
                .chain(adds)
                .cloned()
                .collect::<Vec<_>>()
        };
        let (adds, removes) = (&self.adds, &self.removes);
        Additions {
            principals: after(|link| &link.consumer_accounts, &adds.principals, &removes.principals),
            ip_ranges: after(|link| &link.consumer_ip_ranges, &adds.ip_ranges, &removes.ip_ranges),
            regions: after(|link| &link.consumer_regions, &adds.regions, &removes.regions),
            components: Vec::new(),
        }
    }

    /// In a few words: "adding consumer accounts … to, and removing IP ranges … from".
    pub(super) fn doing(&self, link_id: &str) -> String {
        match (self.adds.is_empty(), self.removes.is_empty()) {
            (_, true) => format!(
                "adding {} to the PrivateLink service \"{link_id}\"",
                describe(&self.adds)
            ),
            (true, false) => format!(
                "removing {} from the PrivateLink service \"{link_id}\"",
                describe(&self.removes)
            ),
            (false, false) => format!(
                "adding {} to the PrivateLink service \"{link_id}\" and removing {}",
                describe(&self.adds),
                describe(&self.removes)
            ),
        }
    }
}

/// Both, each entry once.
pub(super) fn merged(a: &Additions, b: &Additions) -> Additions {
    let both = |a: &[String], b: &[String]| {
        let more = b.iter().filter(|item| !a.contains(item));
        a.iter().chain(more).cloned().collect()
    };
    Additions {
        principals: both(&a.principals, &b.principals),
        ip_ranges: both(&a.ip_ranges, &b.ip_ranges),
        regions: both(&a.regions, &b.regions),
        components: Vec::new(),
    }
}

/// The regions without the HVN's own, which is always served and never an entry.
pub(super) fn without(regions: &[String], hvn_region: &str) -> Vec<String> {
    regions.iter().filter(|region| *region != hvn_region).cloned().collect()
}

/// The consumer accounts that are not among these: somebody else's.
pub(super) fn others(link: &Link, known: &Additions) -> Vec<String> {
    let others = link
        .consumer_accounts
        .iter()
        .filter(|arn| !known.principals.contains(arn));
    others.cloned().collect()
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

/// The body of the PATCH. Lists without an entry are left out: what HCP does with an empty one is not documented.
pub(super) fn delta_body(link_id: &str, hvn_region: &str, delta: &Delta) -> Value {
    let mut body = json!({"id": link_id, "hvn": hvn(hvn_region)});
    for (verb, entries) in [("add", &delta.adds), ("remove", &delta.removes)] {
        for (name, items) in named(entries) {
            if !items.is_empty() {
                body[format!("{verb}_{name}")] = json!(items);
            }
        }
    }
    body
}

/// The lists by HCP's names.
pub(super) fn named(entries: &Additions) -> [(&'static str, &Vec<String>); 3] {
    [
        ("consumer_accounts", &entries.principals),
        ("consumer_ip_ranges", &entries.ip_ranges),
        ("consumer_regions", &entries.regions),
    ]
}

fn hvn(region: &str) -> Value {
    json!({"location": {"region": {"provider": "aws", "region": region}}})
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
    use crate::provider::hcp_vault::samples::{OTHER, ROOT, link, params};

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
        let delta = Delta {
            adds,
            removes: Additions::default(),
        };
        let body = delta_body("pl-acme-vault", "eu-west-1", &delta);
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
        assert_eq!(others(&link, &remove), [OTHER]);
    }

    #[test]
    fn what_is_to_be_removed_goes_by_the_same_body_and_only_if_it_is_there() {
        let params = HcpVault {
            remove_consumer_accounts: vec![OTHER.into(), "arn:aws:iam::555555555555:root".into()],
            // The second is another spelling of what the request needs.
            remove_consumer_ip_ranges: vec!["10.99.3.4/16".into(), "10.20.0.1/16".into()],
            remove_consumer_regions: vec!["eu-west-1".into(), "us-west-2".into()],
            ..params()
        };
        let link = link(
            &[OTHER],
            &["10.99.0.0/16", "10.20.0.0/16"],
            &["eu-west-1", "us-west-2", "us-east-1"],
        );
        let delta = Delta::of(&params, "eu-west-1", Some(&link));
        let expected = json!({
            "id": "x", "add_consumer_accounts": [ROOT], "remove_consumer_accounts": [OTHER],
            "remove_consumer_ip_ranges": ["10.99.0.0/16"], "remove_consumer_regions": ["us-west-2"],
            "hvn": {"location": {"region": {"provider": "aws", "region": "eu-west-1"}}},
        });
        assert_eq!(delta_body("x", "eu-west-1", &delta), expected);
        let after = delta.applied_to(Some(&link));
        assert_eq!(
            (after.principals, after.ip_ranges),
            (vec![ROOT.into()], vec!["10.20.0.0/16".into()])
        );
        assert_eq!(after.regions, ["eu-west-1", "us-east-1"]);
        assert!(Delta::of(&params, "eu-west-1", None).removes.is_empty());
        assert!(delta.doing("x").contains("and removing consumer accounts"));
    }
}
