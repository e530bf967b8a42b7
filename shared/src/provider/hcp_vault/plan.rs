//! What a run will do to the PrivateLink service: decided here for the plan and for the run, so that the two cannot differ.

use serde_json::{Value, json};

use super::HcpVault;
use super::client::{Client, Write};
use super::lists::{self, Delta};
use super::wire::Link;
use crate::Result;
use crate::plan::{Change, Effect, Remote};

/// What the PrivateLink service needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkStep {
    Keep,
    /// With this id.
    Create(String, Delta),
    Update(Delta),
}

impl HcpVault {
    /// The next step. `link`: the service, if it is there to stay.
    ///
    /// # Errors
    /// `LimitExceeded` when the lists cannot hold what the request needs.
    pub(super) fn step(&self, region: &str, link: Option<&Link>) -> Result<LinkStep> {
        let delta = Delta::of(&self.params, region, link);
        if link.is_some() && delta.is_empty() {
            return Ok(LinkStep::Keep);
        }
        self.limits.check(link, &delta)?;
        Ok(match link {
            None => LinkStep::Create(lists::service_id(&self.params), delta),
            Some(_) => LinkStep::Update(delta),
        })
    }
}

impl LinkStep {
    /// The step as a part of a plan.
    pub(super) fn change(&self, client: &Client, link: Option<&Link>) -> Change {
        match (self, link) {
            (Self::Create(id, delta), _) => {
                with_lists(link_change(Effect::Create, id), None, delta).call(client.name_of(Write::Create))
            }
            (Self::Update(delta), Some(link)) => update(client, link, delta),
            (Self::Keep | Self::Update(_), link) => link_change(Effect::Keep, link.map_or("", |link| link.id.as_str())),
        }
    }
}

/// A change of a service's lists, with its call.
pub(super) fn update(client: &Client, link: &Link, delta: &Delta) -> Change {
    with_lists(link_change(Effect::Change, &link.id), Some(link), delta).call(client.name_of(Write::Update(&link.id)))
}

/// A change of the PrivateLink service, without its parts.
pub(super) fn link_change(effect: Effect, id: &str) -> Change {
    Change::new(effect, Remote::Hcp, "private_link_service").id(id)
}

/// With the lists that differ, whole.
fn with_lists(mut change: Change, link: Option<&Link>, delta: &Delta) -> Change {
    let before = link.map(Link::lists);
    let after = delta.applied_to(link);
    let before = before.as_ref().map(lists::named);
    for (i, (name, after)) in lists::named(&after).into_iter().enumerate() {
        let from = before.map_or(Value::Null, |lists| json!(lists[i].1));
        if from != json!(after) && !(from.is_null() && after.is_empty()) {
            change = change.field(name, from, json!(after));
        }
    }
    change
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::document::Additions;

    #[test]
    fn fields_are_whole_lists_and_only_those_that_differ() {
        let link: Link = serde_json::from_value(json!({
            "id": "pl-acme", "state": "AVAILABLE", "consumer_accounts": ["a", "b"], "consumer_ip_ranges": ["10.0.0.0/16"],
        }))
        .unwrap();
        let delta = Delta {
            adds: Additions {
                principals: vec!["c".into()],
                ..Additions::default()
            },
            removes: Additions {
                principals: vec!["a".into()],
                ..Additions::default()
            },
        };
        let fields = |link: Option<&Link>| -> Vec<(String, Value, Value)> {
            let change = with_lists(link_change(Effect::Change, "pl-acme"), link, &delta);
            change.fields.into_iter().map(|f| (f.field, f.from, f.to)).collect()
        };
        assert_eq!(
            fields(Some(&link)),
            [("consumer_accounts".to_owned(), json!(["a", "b"]), json!(["b", "c"]))]
        );
        assert_eq!(
            fields(None),
            [("consumer_accounts".to_owned(), Value::Null, json!(["c"]))]
        );
    }
}
