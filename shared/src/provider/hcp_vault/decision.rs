//! What goes at a release, and what stays on purpose: from what was seen, so that a plan and a look decide the same.

use super::lists::{self, Delta};
use super::wire::{Link, LinkState};
use crate::Result;
use crate::document::Additions;
use crate::provider::Release;

/// What happens to the PrivateLink service.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Keep,
    Delete,
    Shrink(Delta),
}

/// The PrivateLink service and its lists.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) fate: Fate,
    /// What is left on purpose, each as a sentence.
    pub(super) left: Vec<String>,
}

impl Decision {
    /// `hvn_region` is always served, and so no entry.
    ///
    /// # Errors
    /// `Unexpected` for a state that is not documented.
    pub(super) fn of(release: &Release, link: &Link, hvn_region: &str) -> Result<Self> {
        let without_own = |entries: &Additions| Additions {
            regions: lists::without(&entries.regions, hvn_region),
            ..entries.clone()
        };
        let (remove, if_alone) = (without_own(&release.remove), without_own(&release.remove_if_alone));
        let all = lists::merged(&remove, &if_alone);
        let mut users = lists::others(link, &all);
        users.extend(release.other_endpoint_ids.iter().cloned());
        let alone = users.is_empty();
        if alone && release.delete_service {
            return Ok(Self {
                fate: Fate::Delete,
                left: Vec::new(),
            });
        }

        let users = users.join(", ");
        let mut left = Vec::new();
        if release.delete_service {
            left.push(format!(
                "the HCP PrivateLink service \"{}\": others use it or may ({users}). Delete it in the HCP Portal when they need it no more.",
                link.id
            ));
        }
        // Undo takes back what its run added, and says nothing of a service that was there before.
        if alone && release.remove_if_alone != Additions::default() {
            left.push(format!(
                "the HCP PrivateLink service \"{}\", which nobody uses any more: the request does not allow deleting it; set `delete_service`.",
                link.id
            ));
        }
        let removes = lists::present(link, if alone { &all } else { &remove });
        if !alone {
            let kept = lists::present(link, &if_alone);
            for ((name, items), (_, going)) in lists::named(&kept).into_iter().zip(lists::named(&removes)) {
                let items: Vec<&str> = items
                    .iter()
                    .filter(|item| !going.contains(item))
                    .map(String::as_str)
                    .collect();
                if !items.is_empty() {
                    left.push(format!(
                        "the {name} {} of the HCP PrivateLink service \"{}\": others use it or may ({users}). Take them out by \
                         `remove_{name}` of a later request when nobody needs them.",
                        items.join(", "),
                        link.id
                    ));
                }
            }
        }
        if removes.is_empty() {
            return Ok(Self { fate: Fate::Keep, left });
        }
        if link.state()? == LinkState::Failed {
            left.push(format!(
                "{} of the HCP PrivateLink service \"{}\": it is FAILED, and HCP changes only one that is AVAILABLE. Delete it in the HCP \
                 Portal if nobody else needs it.",
                lists::describe(&removes),
                link.id
            ));
            return Ok(Self { fate: Fate::Keep, left });
        }
        let delta = Delta {
            adds: Additions::default(),
            removes,
        };
        Ok(Self {
            fate: Fate::Shrink(delta),
            left,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn link(state: &str, accounts: &[&str]) -> Link {
        serde_json::from_value(json!({
            "id": "pl-acme", "state": state, "consumer_accounts": accounts, "consumer_ip_ranges": ["10.1.0.0/16", "10.2.0.0/16"],
            "consumer_regions": ["us-east-1", "eu-west-1"],
        }))
        .unwrap()
    }

    fn entries(accounts: &[&str], ranges: &[&str]) -> Additions {
        Additions {
            principals: names(accounts),
            ip_ranges: names(ranges),
            regions: names(&["us-east-1", "eu-west-1"]),
            components: Vec::new(),
        }
    }

    fn release(delete_service: bool) -> Release {
        Release {
            delete_service,
            remove: Additions {
                ip_ranges: names(&["10.1.0.9/16"]),
                ..Additions::default()
            },
            remove_if_alone: entries(&["ours"], &["10.1.0.0/16", "10.2.0.3/16"]),
            ..Release::default()
        }
    }

    fn decide(release: &Release, link: &Link) -> Decision {
        Decision::of(release, link, "eu-west-1").unwrap()
    }

    fn shrinks(decision: &Decision) -> Additions {
        match &decision.fate {
            Fate::Shrink(delta) => delta.removes.clone(),
            _ => Additions::default(),
        }
    }

    #[test]
    fn alone_the_service_goes_where_that_is_allowed_and_else_the_entries() {
        for state in ["AVAILABLE", "FAILED"] {
            let decision = decide(&release(true), &link(state, &["ours"]));
            assert_eq!((decision.fate, decision.left), (Fate::Delete, Vec::new()));
        }
        let decision = decide(&release(false), &link("AVAILABLE", &["ours"]));
        assert_eq!(decision.left.len(), 1, "{:?}", decision.left);
        assert!(decision.left[0].contains("set `delete_service`"), "{:?}", decision.left);
        let expected = Additions {
            regions: names(&["us-east-1"]),
            ..entries(&["ours"], &["10.1.0.0/16", "10.2.0.0/16"])
        };
        assert_eq!(shrinks(&decision), expected);
    }

    #[test]
    fn with_others_only_our_own_entries_go_and_each_other_list_is_told() {
        let with_endpoint = Release {
            other_endpoint_ids: names(&["vpce-2"]),
            ..release(true)
        };
        for (release, accounts, user) in [
            (release(true), &["ours", "theirs"][..], "theirs"),
            (with_endpoint, &["ours"], "vpce-2"),
        ] {
            let decision = decide(&release, &link("AVAILABLE", accounts));
            let expected = Additions {
                ip_ranges: names(&["10.1.0.0/16"]),
                ..Additions::default()
            };
            assert_eq!(shrinks(&decision), expected);
            assert_eq!(decision.left.len(), 4, "{:?}", decision.left);
            assert!(
                decision.left.iter().all(|sentence| sentence.contains(user)),
                "{:?}",
                decision.left
            );
            for (sentence, words) in decision.left[1..].iter().zip([
                "consumer_accounts ours",
                "consumer_ip_ranges 10.2.0.0/16",
                "consumer_regions us-east-1",
            ]) {
                assert!(sentence.contains(words), "{sentence}");
            }
        }
    }

    #[test]
    fn a_failed_service_keeps_its_entries_and_one_without_them_is_done() {
        let failed = decide(&release(false), &link("FAILED", &["ours"]));
        assert_eq!(failed.fate, Fate::Keep);
        let told = |words: &str| failed.left.iter().any(|sentence| sentence.contains(words));
        assert!(
            told("it is FAILED") && told("set `delete_service`"),
            "{:?}",
            failed.left
        );
        let nothing = Release {
            remove: entries(&["gone"], &["10.9.0.0/16"]),
            ..Release::default()
        };
        let mut link = link("AVAILABLE", &["theirs"]);
        link.consumer_regions.clear();
        assert_eq!(decide(&nothing, &link).fate, Fate::Keep);
    }
}
