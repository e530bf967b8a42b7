//! What must be there after a race.

use std::collections::{BTreeMap, BTreeSet};

use rehearsal::Outcome;
use serde_json::Value;
use shared::error::ErrorName;

use super::crowd::{Crowd, Member};

/// How the executions ended, by the error's name.
pub(super) fn ends(outcomes: &[Outcome]) -> BTreeMap<String, usize> {
    let mut ends = BTreeMap::new();
    for outcome in outcomes {
        *ends.entry(end(outcome)).or_default() += 1;
    }
    ends
}

fn end(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded(_) => "success".to_owned(),
        Outcome::Failed(failure) => failure.error.clone(),
    }
}

/// All of them succeeded; a sentence for each that did not.
pub(super) fn all_succeed(outcomes: &[Outcome]) -> Vec<String> {
    let failed = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Succeeded(_) => None,
        Outcome::Failed(failure) => Some(format!("{} {}: {}", failure.status, failure.error, failure.message())),
    });
    failed.collect()
}

/// A failure has one of the names that the README tells.
pub(super) fn all_are_named(outcomes: &[Outcome]) -> Vec<String> {
    let known = |error: &str| ErrorName::ALL.iter().any(|name| name.as_str() == error);
    let failed = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Failed(failure) if !known(&failure.error) => {
            Some(format!("{} {}: {}", failure.status, failure.error, failure.message()))
        }
        _ => None,
    });
    failed.collect()
}

impl Crowd {
    /// Each VPC has exactly one live endpoint, which is the one that its executions told of.
    pub(super) fn are_connected_once(&self, members: &[Member], outcomes: &[Outcome]) -> Vec<String> {
        let mut findings = Vec::new();
        for (member, outcome) in members.iter().zip(outcomes) {
            let endpoints = self.endpoints(&member.vpc);
            let ids: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.id.as_str()).collect();
            let told = match outcome {
                Outcome::Succeeded(output) => output["endpoint"]["endpoint_id"].as_str(),
                Outcome::Failed(_) => ids.first().copied(),
            };
            if ids.len() != 1 || told != ids.first().copied() || endpoints[0].state.wire() != "available" {
                let states: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.state.wire()).collect();
                findings.push(format!("{} has {ids:?} {states:?}, and was told {told:?}", member.vpc));
            }
        }
        findings
    }

    /// Nothing of ours is in these VPCs.
    pub(super) fn have_nothing(&self, members: &[Member]) -> Vec<String> {
        let mut findings = Vec::new();
        for member in members {
            for endpoint in self.endpoints(&member.vpc) {
                let state = endpoint.state.wire();
                findings.push(format!("{} is left in {} ({state})", endpoint.id, member.vpc));
            }
            let groups = self.environment.simulators.ec2.with_world(|world| {
                let groups = world.account_mut(&member.account).security_groups.values();
                groups.filter(|g| g.vpc_id == member.vpc && g.name != "default").count()
            });
            if groups > 0 {
                findings.push(format!("{groups} security groups are left in {}", member.vpc));
            }
        }
        findings
    }

    /// The vendor's list has exactly these.
    pub(super) fn list_is(&self, expected: impl IntoIterator<Item = String>) -> Vec<String> {
        let expected: BTreeSet<String> = expected.into_iter().collect();
        let found = self.principals().unwrap_or_default();
        let list: BTreeSet<String> = found.iter().cloned().collect();
        let mut findings: Vec<String> = expected
            .difference(&list)
            .map(|e| format!("the list lost {e}"))
            .collect();
        findings.extend(list.difference(&expected).map(|entry| format!("the list has {entry}")));
        if list.len() != found.len() {
            findings.push(format!("the list has entries twice: {found:?}"));
        }
        findings
    }

    /// The vendor has no PrivateLink service any more.
    pub(super) fn has_no_service(&self) -> Vec<String> {
        let list = self.principals();
        list.map(|list| format!("the vendor's service is left, for {list:?}"))
            .into_iter()
            .collect()
    }
}

/// The requests of all.
pub(super) fn requests(members: &[Member]) -> Vec<Value> {
    members.iter().map(|member| member.request.clone()).collect()
}

/// The same, to take away.
pub(super) fn deprovisions(members: &[Member]) -> Vec<Value> {
    members.iter().map(Member::deprovision).collect()
}

/// The entries of all.
pub(super) fn principals(members: &[Member]) -> impl Iterator<Item = String> {
    members.iter().map(Member::principal)
}
