//! What a run will do to the PrivateLink service and to the service's switches: decided here for the plan and for the run, so that
//! the two cannot differ.

use serde_json::{Value, json};

use super::client::{Client, Write};
use super::lists::Delta;
use super::wire::{Lists, PrivateLink, Service};
use crate::plan::{Change, Effect, Remote};
use crate::{Result, request};

/// What the PrivateLink service needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LinkStep {
    Keep,
    Create(Lists),
    Update(Lists),
}

impl LinkStep {
    /// `link`: the PrivateLink service, if it is there to stay. `own_region`: the service's.
    ///
    /// # Errors
    /// `LimitExceeded` when the lists cannot hold what the request needs.
    pub(super) fn of(params: &request::Aiven, link: Option<&PrivateLink>, own_region: &str) -> Result<Self> {
        let delta = Delta::of(params, link, own_region);
        if link.is_some() && delta.is_empty() {
            return Ok(Self::Keep);
        }
        let lists = delta.applied_to(link, own_region)?;
        Ok(if link.is_some() {
            Self::Update(lists)
        } else {
            Self::Create(lists)
        })
    }

    /// What it writes.
    pub(super) const fn lists(&self) -> Option<&Lists> {
        match self {
            Self::Keep => None,
            Self::Create(lists) | Self::Update(lists) => Some(lists),
        }
    }

    /// The step as a part of a plan.
    ///
    /// # Errors
    /// `Unexpected` where the API's address is none.
    pub(super) fn change(&self, client: &Client, service_name: &str, link: Option<&PrivateLink>) -> Result<Change> {
        Ok(match self {
            Self::Keep => link_change(Effect::Keep, service_name),
            Self::Create(lists) => {
                with_lists(link_change(Effect::Create, service_name), None, lists).call(client.name_of(Write::Create)?)
            }
            Self::Update(lists) => {
                with_lists(link_change(Effect::Change, service_name), link, lists).call(client.name_of(Write::Update)?)
            }
        })
    }
}

/// The components whose PrivateLink access is to be switched on.
pub(super) fn switched_off(service: &Service, components: &[String]) -> Vec<String> {
    let off = components.iter().filter(|component| !service.has_enabled(component));
    off.cloned().collect()
}

/// The switches as a part of a plan; kept where there is none to turn.
///
/// # Errors
/// `Unexpected` where the API's address is none.
pub(super) fn switches(client: &Client, service_name: &str, components: &[String], on: bool) -> Result<Change> {
    let effect = if components.is_empty() {
        Effect::Keep
    } else {
        Effect::Change
    };
    let mut change = Change::new(effect, Remote::Aiven, "service").id(service_name);
    for component in components {
        change = change.field(&format!("privatelink_access.{component}"), !on, on);
    }
    if components.is_empty() {
        Ok(change)
    } else {
        Ok(change.call(client.name_of(Write::Configure)?))
    }
}

/// A change of the PrivateLink service, without its parts.
pub(super) fn link_change(effect: Effect, service_name: &str) -> Change {
    Change::new(effect, Remote::Aiven, "privatelink").id(service_name)
}

/// With the lists that a write changes, whole.
pub(super) fn with_lists(mut change: Change, link: Option<&PrivateLink>, lists: &Lists) -> Change {
    let before = link.map_or(Value::Null, |link| json!(link.principals));
    let after = json!(lists.principals);
    if before != after {
        change = change.field("principals", before, after);
    }
    if let Some(regions) = &lists.supported_regions {
        let before = link.and_then(|link| link.supported_regions.as_ref());
        change = change.field(
            "supported_regions",
            before.map_or(Value::Null, |list| json!(list)),
            json!(regions),
        );
    }
    change
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::provider::aiven::samples::{kafka, link, names, params};

    const OURS: &str = "arn:aws:iam::111122223333:root";
    const THEIRS: &str = "arn:aws:iam::444455556666:root";

    #[test]
    fn a_link_is_made_extended_or_kept() {
        let params = params(&["kafka"]);
        let step = |link: Option<&PrivateLink>| LinkStep::of(&params, link, "eu-west-1").unwrap();
        assert!(matches!(step(None), LinkStep::Create(lists) if lists.principals == [OURS]));
        assert!(
            matches!(step(Some(&link(&[THEIRS], Some(&[])))), LinkStep::Update(lists)
            if lists.principals == [THEIRS, OURS] && lists.supported_regions.is_none())
        );
        assert_eq!(step(Some(&link(&[OURS, THEIRS], Some(&["us-east-1"])))), LinkStep::Keep);
    }

    #[test]
    fn fields_are_whole_lists_and_only_those_that_differ() {
        let lists = |principals: &[&str], regions: Option<&[&str]>| Lists {
            principals: names(principals),
            supported_regions: regions.map(names),
        };
        let fields = |link: Option<&PrivateLink>, lists: &Lists| {
            let change = with_lists(link_change(Effect::Change, "orders"), link, lists);
            let fields = change.fields.into_iter();
            fields
                .map(|field| (field.field, field.from, field.to))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            fields(None, &lists(&[OURS], None)),
            [("principals".to_owned(), Value::Null, json!([OURS]))]
        );
        let before = link(&[THEIRS], Some(&["us-east-1"]));
        assert_eq!(
            fields(Some(&before), &lists(&[THEIRS], Some(&[]))),
            [("supported_regions".to_owned(), json!(["us-east-1"]), json!([]))]
        );
        assert_eq!(
            fields(Some(&link(&[THEIRS], None)), &lists(&[THEIRS], Some(&["us-east-1"])))[0].1,
            Value::Null
        );
    }

    #[test]
    fn only_switches_that_are_off_are_turned() {
        assert_eq!(
            switched_off(&kafka(), &names(&["schema_registry", "kafka"])),
            ["schema_registry"]
        );
    }
}
