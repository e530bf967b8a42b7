//! What is there, as far as a life is about it: without ids, but for those of endpoints.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::Things;

/// The connection's side of a world, and the vendor's lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// With the workflow's tag, and neither deleted nor being deleted; oldest first.
    pub(crate) endpoints: Vec<SeenEndpoint>,
    /// The endpoint that somebody made by hand, while it has no tag of the workflow and is not gone.
    pub(crate) by_hand: Option<SeenEndpoint>,
    /// That one is gone, and was never the workflow's as far as EC2 remembers.
    pub(crate) by_hand_is_gone: bool,
    pub(crate) groups: Vec<SeenGroup>,
    pub(crate) link: Option<SeenLink>,
    /// Aiven's components that are on.
    pub(crate) components: BTreeSet<String>,
    /// How many private hosted zones there are, and whether all point to a live endpoint of ours.
    pub(crate) zones: (usize, bool),
}

/// An endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SeenEndpoint {
    /// Empty in what is expected of a new one.
    pub(crate) id: String,
    /// As on the wire.
    pub(crate) state: String,
    /// Of the endpoint service that the vendor has now.
    pub(crate) is_current: bool,
    pub(crate) subnets: BTreeSet<u8>,
    pub(crate) groups: BTreeSet<String>,
    /// Without the workflow's own.
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) private_dns: bool,
}

impl SeenEndpoint {
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state.as_str(), "pendingAcceptance" | "pending" | "available")
    }
}

/// A security group that the workflow made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SeenGroup {
    /// Ingress: port and network.
    pub(crate) rules: BTreeSet<String>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A PrivateLink service that is not being deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SeenLink {
    pub(crate) principals: BTreeSet<String>,
    pub(crate) ranges: BTreeSet<String>,
    pub(crate) regions: BTreeSet<String>,
    /// Live endpoints that are connected and not ours.
    pub(crate) others: usize,
}

impl Seen {
    pub(crate) fn live(&self) -> impl Iterator<Item = &SeenEndpoint> {
        self.endpoints.iter().filter(|endpoint| endpoint.is_live())
    }

    /// By name, for a comparison that a person can read; without ids.
    pub(crate) fn things(&self) -> Things {
        let mut things = Things::new();
        for (n, e) in self.endpoints.iter().enumerate() {
            let what = format!(
                "{} current {} subnets {:?} groups {:?} tags {:?} private dns {}",
                e.state, e.is_current, e.subnets, e.groups, e.tags, e.private_dns
            );
            things.insert(format!("endpoint {}", n + 1), what);
        }
        for (n, group) in self.groups.iter().enumerate() {
            things.insert(
                format!("security group {}", n + 1),
                format!("{:?} tags {:?}", group.rules, group.tags),
            );
        }
        if let Some(link) = &self.link {
            things.insert("service".to_owned(), String::new());
            for (list, entries) in link.lists() {
                for entry in entries {
                    things.insert(format!("{list} {entry}"), String::new());
                }
            }
        }
        for component in &self.components {
            things.insert(format!("component {component}"), String::new());
        }
        if self.zones.0 > 0 {
            let what = format!("{}, to the endpoint: {}", self.zones.0, self.zones.1);
            things.insert("zones".to_owned(), what);
        }
        things
    }

    /// The entries of the lists, by name.
    pub(crate) fn entries(&self) -> BTreeSet<String> {
        let of_link = self.link.iter().flat_map(SeenLink::lists);
        let mut entries: BTreeSet<String> = of_link
            .flat_map(|(list, entries)| entries.iter().map(move |entry| format!("{list} {entry}")))
            .collect();
        entries.extend(self.components.iter().map(|component| format!("component {component}")));
        entries
    }
}

impl SeenLink {
    fn lists(&self) -> [(&'static str, &BTreeSet<String>); 3] {
        [
            ("principal", &self.principals),
            ("range", &self.ranges),
            ("region", &self.regions),
        ]
    }
}
