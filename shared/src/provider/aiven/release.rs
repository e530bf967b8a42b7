//! Taking back what a run added, as far as nobody else uses it.
//!
//! Each look works out the whole plan from what it sees, so that it says the same at the end however often it was called.

use super::checks::unknown_state;
use super::client::Client;
use super::errors::Failure;
use super::lists::not_in;
use super::wire::{Lists, PrivateLink};
use super::{VERIFY_SECONDS, conflict};
use crate::Result;
use crate::progress::{Look, Pending};
use crate::provider::Release;
use crate::request;

/// One look. Ready with what is left on purpose.
pub(super) async fn look(client: &Client, params: &request::Aiven, release: &Release) -> Result<Look<Vec<String>>> {
    if !release.delete_service && release.remove.is_empty() {
        return Ok(Look::Ready(Vec::new()));
    }
    let link = if_there(client.privatelink().await)?;
    let mut others = Vec::new();
    if let Some(link) = &link {
        match link.state.as_str() {
            "active" => {}
            "creating" => {
                return Ok(Pending::new(
                    "creating",
                    "Aiven is still making the PrivateLink service; it cannot be changed before.",
                )
                .into());
            }
            "deleting" => {
                return Ok(Pending::new("deleting", "waiting until Aiven has deleted the PrivateLink service.").into());
            }
            other => return Err(unknown_state("the PrivateLink service", other)),
        }
        let connections = if_there(client.connections().await)?.unwrap_or_default();
        others = connections.into_iter().map(|c| c.vpc_endpoint_id).collect();
        others.retain(|id| !release.endpoint_ids.contains(id));
    }
    let mut enabled = Vec::new();
    if !release.remove.components.is_empty()
        && let Some(service) = if_there(client.service().await)?
    {
        enabled = release.remove.components.clone();
        enabled.retain(|component| service.has_enabled(component));
    }

    let plan = Plan::of(params, release, link.as_ref(), &others, enabled);
    let written = match plan.carry_out(client).await {
        Err(failure) if failure.is_absent() => true,
        Err(failure) => match conflict(&failure) {
            Some(pending) => return Ok(pending.into()),
            None => return Err(failure.into()),
        },
        Ok(written) => written,
    };
    Ok(if written {
        let state = if plan.change == Change::Delete {
            "deleting"
        } else {
            "active"
        };
        Pending::new(state, "checking that Aiven took back what this run had added.")
            .wait(VERIFY_SECONDS)
            .into()
    } else {
        Look::Ready(plan.left)
    })
}

fn if_there<T>(answer: Result<T, Failure>) -> Result<Option<T>> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.is_absent() => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

/// What to do with the PrivateLink service.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    Delete,
    Replace(Lists),
}

/// What one look writes, and what stays on purpose.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    switch_off: Vec<String>,
    change: Change,
    left: Vec<String>,
}

impl Plan {
    /// `others`: the endpoints of other connections that are listed. `enabled`: those of the components to remove that are still on.
    fn of(
        params: &request::Aiven,
        release: &Release,
        link: Option<&PrivateLink>,
        others: &[String],
        enabled: Vec<String>,
    ) -> Self {
        let mut plan = Self {
            switch_off: Vec::new(),
            change: Change::Nothing,
            left: Vec::new(),
        };
        if others.is_empty() {
            plan.switch_off = enabled;
        } else {
            plan.left.extend(enabled.iter().map(|component| {
                format!(
                    "PrivateLink access to {component} stays enabled, as other endpoints are connected and may use it ({}); switch it \
                     off by `avn service update -c privatelink_access.{component}=false --project {} {}`",
                    others.join(", "),
                    params.project,
                    params.service_name
                )
            }));
        }
        if let Some(link) = link {
            plan.shrink(params, release, link, others);
        }
        plan
    }

    fn shrink(&mut self, params: &request::Aiven, release: &Release, link: &PrivateLink, others: &[String]) {
        let service = format!("--project {} {}", params.project, params.service_name);
        let mut principals = not_in(&link.principals, &release.remove.principals);
        if release.delete_service && principals.is_empty() && others.is_empty() {
            self.change = Change::Delete;
            return;
        }
        if release.delete_service {
            let who = [principals.as_slice(), others].concat().join(", ");
            self.left.push(format!(
                "the PrivateLink service, which this run created, stays, as others use it or may ({who}); delete it by `avn service \
                 privatelink aws delete {service}` when they need it no more"
            ));
        }
        if principals.is_empty() && !link.principals.is_empty() {
            principals.clone_from(&link.principals);
            let why = if others.is_empty() {
                "as Aiven demands at least one".to_owned()
            } else {
                format!("as other endpoints are connected by them ({})", others.join(", "))
            };
            self.left.push(format!(
                "the principals {} stay allowed, {why}; put another in their place by `avn service privatelink aws update --principal \
                 ARN {service}`",
                principals.join(", ")
            ));
        }
        let regions = self.regions(params, release, link, others);
        if principals.len() < link.principals.len() || regions.is_some() {
            self.change = Change::Replace(Lists {
                principals,
                supported_regions: regions,
            });
        }
    }

    /// The regions without those of the run, if that is a change and nobody may connect from them.
    fn regions(
        &mut self,
        params: &request::Aiven,
        release: &Release,
        link: &PrivateLink,
        others: &[String],
    ) -> Option<Vec<String>> {
        let remove = &release.remove.regions;
        let stays = |why: &str| {
            format!(
                "the regions {} stay supported, as {why}; change the list of {}/{} in Aiven",
                remove.join(", "),
                params.project,
                params.service_name
            )
        };
        if remove.is_empty() {
            return None;
        }
        let Some(there) = &link.supported_regions else {
            self.left.push(stays(
                "Aiven does not show the list, so that it cannot be changed without losing others' entries",
            ));
            return None;
        };
        let rest = not_in(there, remove);
        if rest.len() == there.len() {
            return None;
        }
        if !others.is_empty() {
            self.left.push(stays(&format!(
                "other endpoints are connected and may be there ({})",
                others.join(", ")
            )));
            return None;
        }
        Some(rest)
    }

    /// Whether anything was written.
    async fn carry_out(&self, client: &Client) -> Result<bool, Failure> {
        if !self.switch_off.is_empty() {
            client.switch_access(&self.switch_off, false).await?;
        }
        match &self.change {
            Change::Nothing => Ok(!self.switch_off.is_empty()),
            Change::Delete => client.delete_privatelink().await.map(|()| true),
            Change::Replace(lists) => client.update_privatelink(lists).await.map(|()| true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Additions;
    use crate::provider::aiven::samples::{link, names, params};

    const OURS: &str = "arn:aws:iam::111122223333:root";
    const THEIRS: &str = "arn:aws:iam::444455556666:root";

    fn release(delete_service: bool) -> Release {
        Release {
            delete_service,
            remove: Additions {
                principals: names(&[OURS]),
                regions: names(&["us-east-1"]),
                components: names(&["kafka"]),
                ..Additions::default()
            },
            endpoint_ids: Vec::new(),
        }
    }

    fn plan(delete_service: bool, link: Option<&PrivateLink>, others: &[&str], enabled: &[&str]) -> Plan {
        Plan::of(
            &params(&["kafka"]),
            &release(delete_service),
            link,
            &names(others),
            names(enabled),
        )
    }

    #[test]
    fn a_service_of_ours_alone_goes_whole() {
        let plan = plan(true, Some(&link(&[OURS], Some(&["us-east-1"]))), &[], &["kafka"]);
        assert_eq!(plan.change, Change::Delete);
        assert_eq!(plan.switch_off, names(&["kafka"]));
        assert!(plan.left.is_empty());
    }

    #[test]
    fn a_service_that_is_gone_leaves_only_components_to_switch_off() {
        let plan = plan(true, None, &[], &["kafka"]);
        assert_eq!(plan.change, Change::Nothing);
        assert_eq!(plan.switch_off, names(&["kafka"]));
    }

    #[test]
    fn a_service_that_others_may_use_stays_without_us() {
        let link = link(&[THEIRS, OURS], Some(&["eu-west-2", "us-east-1"]));
        let plan = plan(true, Some(&link), &[], &[]);
        assert_eq!(
            plan.change,
            Change::Replace(Lists {
                principals: names(&[THEIRS]),
                supported_regions: Some(names(&["eu-west-2"])),
            })
        );
        assert_eq!(plan.left.len(), 1);
        assert!(
            plan.left[0].contains("the PrivateLink service, which this run created, stays")
                && plan.left[0].contains(THEIRS)
        );
    }

    #[test]
    fn what_other_connections_may_use_stays() {
        let link = link(&[THEIRS, OURS], Some(&["us-east-1"]));
        let plan = plan(false, Some(&link), &["vpce-2"], &["kafka"]);
        assert!(plan.switch_off.is_empty());
        assert_eq!(
            plan.change,
            Change::Replace(Lists {
                principals: names(&[THEIRS]),
                supported_regions: None,
            })
        );
        assert_eq!(plan.left.len(), 2);
        assert!(
            plan.left[0].contains("privatelink_access.kafka=false"),
            "{}",
            plan.left[0]
        );
        assert!(plan.left[1].contains("us-east-1"), "{}", plan.left[1]);
    }

    #[test]
    fn an_endpoint_that_came_with_our_principals_keeps_the_service_as_it_is() {
        let plan = plan(
            true,
            Some(&link(&[OURS], Some(&["us-east-1"]))),
            &["vpce-2"],
            &["kafka"],
        );
        assert_eq!(plan.change, Change::Nothing);
        assert!(plan.switch_off.is_empty());
        assert_eq!(plan.left.len(), 4, "{:?}", plan.left);
        assert!(
            plan.left.iter().all(|sentence| sentence.contains("(vpce-2)")),
            "{:?}",
            plan.left
        );
    }

    #[test]
    fn the_last_principals_of_a_service_of_others_stay() {
        let plan = plan(false, Some(&link(&[OURS], Some(&[]))), &[], &[]);
        assert_eq!(plan.change, Change::Nothing);
        assert_eq!(plan.left.len(), 1);
        assert!(plan.left[0].contains("at least one"));
    }

    #[test]
    fn regions_that_are_not_shown_are_not_touched() {
        let plan = plan(false, Some(&link(&[THEIRS], None)), &[], &[]);
        assert_eq!(plan.change, Change::Nothing);
        assert_eq!(plan.left.len(), 1);
        assert!(plan.left[0].contains("does not show"));
    }

    #[test]
    fn what_is_gone_already_is_done() {
        let plan = plan(false, Some(&link(&[THEIRS], Some(&["eu-west-2"]))), &["vpce-2"], &[]);
        assert_eq!(plan.change, Change::Nothing);
        assert!(plan.switch_off.is_empty() && plan.left.is_empty());
    }
}
