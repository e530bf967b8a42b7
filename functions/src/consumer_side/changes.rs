//! A decision as the entries of a plan.

use serde_json::json;
use shared::plan::{Change, Effect, Remote};

use super::decide::{Decision, EndpointDecision, Existing, GroupDecision};
use super::{Service, Situation, Wanted};
use crate::ec2::endpoints::Endpoint;
use crate::ec2::groups::rules;
use crate::ec2::tagging::TagDiff;

const ENDPOINT: &str = "vpc_endpoint";
const GROUP: &str = "security_group";

/// What the decision writes before the connection works, in its order; then what goes when it works.
pub fn changes(decision: &Decision, situation: &Situation, wanted: &Wanted<'_>) -> Vec<Change> {
    let mut changes: Vec<Change> = decision.group.iter().map(|group| of_group(group, situation)).collect();
    changes.extend(
        decision
            .dead
            .iter()
            .map(|e| delete_endpoint(e).why(format!("it is {}", e.raw_state))),
    );
    changes.push(match &decision.endpoint {
        EndpointDecision::Create { generation, subnets } => {
            let mut change = Change::new(Effect::Create, Remote::Ec2, ENDPOINT)
                .field("vpc_id", json!(null), situation.vpc.id.clone())
                .call("CreateVpcEndpoint");
            if let Service::Offered(offer) = wanted.service {
                change = change.field("service_name", json!(null), offer.service_name.clone());
            }
            let ids: Vec<&String> = subnets.iter().map(|s| &s.id).collect();
            change = change.field("subnet_ids", json!(null), json!(ids));
            if !situation.candidates.named && wanted.offered.is_empty() {
                change = change.why(
                    "of these subnets, those are taken whose zones the service offers, which is known when it is there",
                );
            } else if *generation > 1 {
                change = change.why(format!("generation {generation} of the connection's endpoint"));
            }
            change
        }
        EndpointDecision::Existing(existing) => of_existing(existing, wanted),
    });
    changes.extend(decision.surplus_groups.iter().map(|group| {
        Change::new(Effect::Delete, Remote::Ec2, GROUP)
            .id(&group.id)
            .call("DeleteSecurityGroup")
            .why("the request names groups of its own")
    }));
    changes
}

/// The endpoints that go when the new one works.
pub fn replaced(decision: &Decision) -> Vec<Change> {
    let replaced = decision.replaced.iter();
    replaced
        .map(|e| {
            delete_endpoint(e).why(format!(
                "it is connected to {}, and goes when the new endpoint works",
                e.service_name
            ))
        })
        .collect()
}

/// The deletion of an endpoint.
pub fn delete_endpoint(endpoint: &Endpoint) -> Change {
    Change::new(Effect::Delete, Remote::Ec2, ENDPOINT)
        .id(&endpoint.id)
        .call("DeleteVpcEndpoints")
}

fn of_group(decision: &GroupDecision, situation: &Situation) -> Change {
    let words = |rules| json!(rules::in_words(rules));
    let Some(existing) = &decision.existing else {
        let mut change = Change::new(Effect::Create, Remote::Ec2, GROUP)
            .field("vpc_id", json!(null), situation.vpc.id.clone())
            .field("ingress", json!(null), words(&decision.add))
            .call("CreateSecurityGroup");
        if !decision.add.is_empty() {
            change = change.call("AuthorizeSecurityGroupIngress");
        }
        return change;
    };
    let unchanged = decision.add.is_empty() && decision.remove.is_empty() && decision.tag_diff.is_empty();
    let effect = if unchanged { Effect::Keep } else { Effect::Change };
    let mut change = Change::new(effect, Remote::Ec2, GROUP).id(&existing.id);
    change = with_tags(change, &decision.tag_diff, &existing.tags);
    if !decision.add.is_empty() || !decision.remove.is_empty() {
        let after = existing
            .rules
            .difference(&decision.remove)
            .chain(&decision.add)
            .cloned()
            .collect();
        change = change.field("ingress", words(&existing.rules), words(&after));
    }
    if !decision.add.is_empty() {
        change = change.call("AuthorizeSecurityGroupIngress");
    }
    if !decision.remove.is_empty() {
        change = change.call("RevokeSecurityGroupIngress");
    }
    change
}

fn of_existing(existing: &Existing, wanted: &Wanted<'_>) -> Change {
    let Existing {
        endpoint,
        adopted,
        subnets,
        tag_diff,
        modifications,
    } = existing;
    let unchanged = tag_diff.is_empty() && modifications.is_empty();
    let effect = if unchanged { Effect::Keep } else { Effect::Change };
    let mut change = with_tags(
        Change::new(effect, Remote::Ec2, ENDPOINT).id(&endpoint.id),
        tag_diff,
        &endpoint.tags,
    );
    let mut differs = |field: &str, from: &[String], to: Vec<String>| {
        let (mut from, mut to) = (from.to_vec(), to);
        from.sort();
        to.sort();
        if from != to {
            change.fields.push(shared::plan::Field {
                field: field.to_owned(),
                from: json!(from),
                to: json!(to),
            });
        }
    };
    differs(
        "subnet_ids",
        &endpoint.subnet_ids,
        subnets.iter().map(|s| s.id.clone()).collect(),
    );
    let groups = if wanted.request.consumer.has_managed_group() {
        match modifications.first() {
            Some(first) if !first.add_security_group_ids.is_empty() => first.add_security_group_ids.clone(),
            Some(first) if !first.remove_security_group_ids.is_empty() => {
                let stays = |id: &&String| !first.remove_security_group_ids.contains(id);
                endpoint.security_group_ids.iter().filter(stays).cloned().collect()
            }
            _ => endpoint.security_group_ids.clone(),
        }
    } else {
        wanted.request.consumer.security_group_ids.clone()
    };
    differs("security_group_ids", &endpoint.security_group_ids, groups);
    if endpoint.private_dns_enabled {
        change = change.field("private_dns_enabled", true, false);
    }
    for _ in modifications {
        change = change.call("ModifyVpcEndpoint");
    }
    if *adopted {
        change = change.why("adopted: from now on it is the connection's");
    } else if modifications.len() > 1 {
        change = change
            .why("an endpoint takes one subnet of a zone at a time: each zone that changes is unreachable for a while");
    }
    change
}

fn with_tags(mut change: Change, diff: &TagDiff, present: &crate::ec2::tagging::Tags) -> Change {
    for (key, value) in &diff.set {
        change = change.field(
            &format!("tags.{key}"),
            present.get(key).cloned().map_or(json!(null), Into::into),
            value.clone(),
        );
    }
    for key in &diff.delete {
        change = change.field(
            &format!("tags.{key}"),
            present.get(key).cloned().map_or(json!(null), Into::into),
            json!(null),
        );
    }
    change.calls.extend(diff.calls());
    change
}
