//! The difference between what is there and what a request needs. Calls nobody.

use std::collections::{BTreeMap, BTreeSet};

use shared::identity::TAG_EXECUTION;

use super::{Situation, Wanted};
use crate::ec2::endpoints::{Endpoint, Modification};
use crate::ec2::groups::managed::Group;
use crate::ec2::groups::rules::{self, Rule};
use crate::ec2::subnets::Subnet;
use crate::ec2::tagging::{TagDiff, Tags};

/// Everything that a run does on the consumer's side, in this order.
#[derive(Debug)]
pub struct Decision {
    /// The workflow's own security group, where the request names none.
    pub group: Option<GroupDecision>,
    /// Endpoints that came to nothing, to delete.
    pub dead: Vec<Endpoint>,
    /// Endpoints that are on their way out, to wait for.
    pub leaving: Vec<Endpoint>,
    pub endpoint: EndpointDecision,
    /// The workflow's own groups that nothing needs any more, to delete after the endpoint has let go of them.
    pub surplus_groups: Vec<Group>,
    /// Live endpoints that are connected to another service, to delete when the new one works.
    pub replaced: Vec<Endpoint>,
}

/// The workflow's own security group.
#[derive(Debug)]
pub struct GroupDecision {
    /// None: to create.
    pub existing: Option<Group>,
    /// Of a new one: all of them.
    pub tags: Tags,
    pub tag_diff: TagDiff,
    pub add: BTreeSet<Rule>,
    pub remove: BTreeSet<Rule>,
}

/// The endpoint.
#[derive(Debug)]
pub enum EndpointDecision {
    Create { generation: u32, subnets: Vec<Subnet> },
    Existing(Box<Existing>),
}

/// An endpoint that is there, and how it is to change.
#[derive(Debug)]
pub struct Existing {
    pub endpoint: Endpoint,
    /// It is not the connection's yet.
    pub adopted: bool,
    pub subnets: Vec<Subnet>,
    pub tag_diff: TagDiff,
    /// The changes in place, one after the other.
    pub modifications: Vec<Modification>,
}

/// Decides.
pub fn decide(situation: &Situation, wanted: &Wanted<'_>) -> Decision {
    let consumer = &wanted.request.consumer;
    let (live, others): (Vec<&Endpoint>, Vec<&Endpoint>) = situation.ours.iter().partition(|e| e.is_live());
    let (current, replaced): (Vec<&Endpoint>, Vec<&Endpoint>) = live.into_iter().partition(|e| wanted.service.is_of(e));
    let newest = current.iter().copied().max_by_key(|e| e.generation());
    let next_generation = situation
        .ours
        .iter()
        .map(Endpoint::generation)
        .max()
        .unwrap_or(0)
        .saturating_add(1);

    let own_group = situation.groups.first();
    let group = consumer
        .has_managed_group()
        .then(|| decide_group(own_group, situation, wanted));
    let group_ids = match &group {
        None => Some(consumer.security_group_ids.clone()),
        // Of one that is yet to be made, no endpoint can have the id.
        Some(_) => own_group.map(|g| vec![g.id.clone()]),
    };
    let endpoint = match newest.or(situation.adoptee.as_ref()) {
        None => EndpointDecision::Create {
            generation: next_generation,
            subnets: situation.candidates.choose(wanted.offered, &[]),
        },
        Some(endpoint) => EndpointDecision::Existing(Box::new(decide_existing(
            endpoint,
            newest.is_none().then_some(next_generation),
            group_ids.as_deref(),
            situation,
            wanted,
        ))),
    };
    let surplus = situation.groups.iter().skip(usize::from(group.is_some()));
    let cloned = |endpoints: Vec<&Endpoint>| endpoints.into_iter().cloned().collect();
    Decision {
        group,
        dead: others.iter().filter(|e| e.is_dead()).map(|e| (*e).clone()).collect(),
        leaving: others.iter().filter(|e| e.is_leaving()).map(|e| (*e).clone()).collect(),
        endpoint,
        surplus_groups: surplus.cloned().collect(),
        replaced: cloned(replaced),
    }
}

fn decide_group(existing: Option<&Group>, situation: &Situation, wanted: &Wanted<'_>) -> GroupDecision {
    let consumer = &wanted.request.consumer;
    let cidrs = if consumer.client_cidrs.is_empty() {
        &situation.vpc.cidrs
    } else {
        &consumer.client_cidrs
    };
    let needed = rules::wanted(wanted.ports, cidrs);
    let present = existing.map(|g| g.rules.clone()).unwrap_or_default();
    let tags = wanted.connection.tags(wanted.request, 1, wanted.execution_name);
    GroupDecision {
        tag_diff: existing.map(|g| TagDiff::of(&g.tags, &tags)).unwrap_or_default(),
        existing: existing.cloned(),
        tags,
        add: needed.difference(&present).cloned().collect(),
        remove: present.difference(&needed).cloned().collect(),
    }
}

/// `adopted_as`: the generation that it is adopted as. `group_ids`: none while the group is yet to be made.
fn decide_existing(
    endpoint: &Endpoint,
    adopted_as: Option<u32>,
    group_ids: Option<&[String]>,
    situation: &Situation,
    wanted: &Wanted<'_>,
) -> Existing {
    let subnets = situation.candidates.choose(wanted.offered, &endpoint.subnet_ids);
    let generation = adopted_as.unwrap_or_else(|| endpoint.generation());
    let mut tags = wanted
        .connection
        .endpoint_tags(wanted.request, generation, wanted.execution_name);
    if adopted_as.is_some() {
        // No execution has such a name, so that undo never takes it for one that this run has made.
        tags.insert(TAG_EXECUTION.to_owned(), format!("adopted:{}", wanted.execution_name));
    }
    Existing {
        adopted: adopted_as.is_some(),
        tag_diff: TagDiff::of(&endpoint.tags, &tags),
        modifications: modifications(endpoint, &subnets, group_ids, &situation.zones),
        subnets,
        endpoint: endpoint.clone(),
    }
}

/// The changes that lead to these subnets and groups.
///
/// EC2 refuses two subnets of one zone, so that a zone's old subnet leaves before its new one comes; one zone after the other, so that
/// an endpoint in several zones stays reachable.
fn modifications(
    endpoint: &Endpoint,
    subnets: &[Subnet],
    group_ids: Option<&[String]>,
    zones: &BTreeMap<String, String>,
) -> Vec<Modification> {
    let not_in = |a: &[String], b: &[String]| a.iter().filter(|id| !b.contains(id)).cloned().collect::<Vec<_>>();
    let mut first = Modification {
        private_dns_off: endpoint.private_dns_enabled,
        ..Modification::default()
    };
    match group_ids {
        Some(ids) => {
            first.add_security_group_ids = not_in(ids, &endpoint.security_group_ids);
            first.remove_security_group_ids = not_in(&endpoint.security_group_ids, ids);
        }
        // The group to be made takes the place of all; its id is a word for the plan alone.
        None => {
            first.add_security_group_ids = vec!["(the new group)".to_owned()];
            first.remove_security_group_ids.clone_from(&endpoint.security_group_ids);
        }
    }
    let mut present: BTreeSet<String> = endpoint.subnet_ids.iter().cloned().collect();
    let mut all = Vec::new();
    let mut next = first;
    loop {
        let zone_of = |id: &String| zones.get(id).cloned().unwrap_or_else(|| id.clone());
        let taken: BTreeSet<String> = present.iter().map(zone_of).collect();
        let absent = || subnets.iter().filter(|s| !present.contains(&s.id));
        let coming: BTreeSet<&String> = absent().map(|s| &s.zone_id).collect();
        let leaving = || present.iter().filter(|id| !subnets.iter().any(|s| s.id == **id));
        next.add_subnet_ids = absent()
            .filter(|s| !taken.contains(&s.zone_id))
            .map(|s| s.id.clone())
            .collect();
        // Whole zones go at once; a zone that gets another subnet only as the one of this call.
        let swapped = leaving().find(|id| coming.contains(&zone_of(id))).cloned();
        next.remove_subnet_ids = leaving()
            .filter(|id| !coming.contains(&zone_of(id)))
            .cloned()
            .chain(swapped)
            .collect();
        if next.is_empty() {
            return all;
        }
        for id in &next.remove_subnet_ids {
            present.remove(id);
        }
        present.extend(next.add_subnet_ids.iter().cloned());
        all.push(std::mem::take(&mut next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(subnets: &[&str], groups: &[&str]) -> Endpoint {
        let mut endpoint = Endpoint::sample("vpce-1", "available", Vec::new());
        endpoint.subnet_ids = subnets.iter().map(|s| (*s).to_owned()).collect();
        endpoint.security_group_ids = groups.iter().map(|s| (*s).to_owned()).collect();
        endpoint
    }

    /// `a1` is in zone `a`.
    fn zone(id: &str) -> String {
        id[..1].to_owned()
    }

    fn steps(from: &[&str], to: &[&str]) -> Vec<(Vec<String>, Vec<String>)> {
        let subnets: Vec<Subnet> = to
            .iter()
            .map(|id| Subnet {
                id: (*id).to_owned(),
                zone_id: zone(id),
                zone_name: String::new(),
                private: true,
                has_free_addresses: true,
            })
            .collect();
        let zones = from.iter().chain(to).map(|id| ((*id).to_owned(), zone(id))).collect();
        let groups = ["sg-1".to_owned()];
        let steps = modifications(&endpoint(from, &["sg-1"]), &subnets, Some(&groups), &zones);
        steps
            .into_iter()
            .map(|m| (m.add_subnet_ids, m.remove_subnet_ids))
            .collect()
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn nothing_to_change_is_no_call() {
        assert!(steps(&["a1", "b1"], &["b1", "a1"]).is_empty());
    }

    #[test]
    fn zones_that_come_and_go_take_one_call() {
        assert_eq!(steps(&["a1", "b1"], &["a1", "c1"]), [(ids(&["c1"]), ids(&["b1"]))]);
    }

    #[test]
    fn within_a_zone_the_old_subnet_leaves_before_the_new_one_comes() {
        assert_eq!(
            steps(&["a1"], &["a2"]),
            [(ids(&[]), ids(&["a1"])), (ids(&["a2"]), ids(&[]))]
        );
    }

    #[test]
    fn only_one_zone_is_dark_at_a_time() {
        assert_eq!(
            steps(&["a1", "b1", "c1"], &["a2", "b2", "d1"]),
            [
                (ids(&["d1"]), ids(&["c1", "a1"])),
                (ids(&["a2"]), ids(&["b1"])),
                (ids(&["b2"]), ids(&[]))
            ]
        );
    }

    #[test]
    fn groups_and_private_dns_go_with_the_first_call() {
        let mut endpoint = endpoint(&["a1"], &["sg-1", "sg-2"]);
        endpoint.private_dns_enabled = true;
        let subnets = [Subnet {
            id: "a1".to_owned(),
            zone_id: "a".to_owned(),
            zone_name: String::new(),
            private: true,
            has_free_addresses: true,
        }];
        let steps = modifications(&endpoint, &subnets, Some(&ids(&["sg-2", "sg-3"])), &BTreeMap::new());
        assert_eq!(
            steps,
            [Modification {
                add_security_group_ids: ids(&["sg-3"]),
                remove_security_group_ids: ids(&["sg-1"]),
                private_dns_off: true,
                ..Modification::default()
            }]
        );
    }
}
