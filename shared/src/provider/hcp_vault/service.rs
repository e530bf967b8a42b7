//! Making the cluster's PrivateLink service exist and offer itself to the consumer.
//!
//! HCP changes a service only while it is `AVAILABLE`, one operation at a time. The service says where it stands, the
//! operation why it failed: both are read.

use super::HcpVault;
use super::checks;
use super::errors::Failure;
use super::limits;
use super::lists::{self, Delta};
use super::plan::LinkStep;
use super::wire::{Link, LinkState, Operation};
use crate::document::ServiceOffer;
use crate::progress::{AFTER_START_SECONDS, Look, Pending};
use crate::{Error, ErrorName, Result};

/// Seconds before looking again where something changed between a read and a write.
const SHORT_WAIT_SECONDS: u32 = 5;

impl HcpVault {
    /// Looks at the service; creates it, or changes its lists.
    pub(super) async fn ensure(&self, attempt: u32) -> Result<Look<ServiceOffer>> {
        let links = self.client.links().await?;
        let Some(link) = checks::own_link(&self.params, &links)? else {
            return Ok(self.create().await?.into());
        };
        let region = self.region_of(link).await?;
        match link.state()? {
            LinkState::Creating | LinkState::Updating => Ok(self.settling(link, &region).await?.into()),
            LinkState::Deleting => Ok(Pending::new(
                link.raw_state(),
                format!(
                    "HCP is deleting the PrivateLink service \"{}\"; when it is gone, it is created again.",
                    link.id
                ),
            )
            .into()),
            LinkState::Failed => Err(self.failed(link, &region).await?),
            LinkState::Available => {
                if let LinkStep::Update(delta) = self.step(&region, Some(link))? {
                    return Ok(self.change(link, &region, &delta, attempt).await?.into());
                }
                if link.external_name.is_empty() {
                    return Ok(Pending::new(
                        link.raw_state(),
                        format!(
                            "the PrivateLink service \"{}\" is available, but HCP does not tell the name of its endpoint service yet.",
                            link.id
                        ),
                    )
                    .into());
                }
                Ok(Look::Ready(ServiceOffer {
                    service_name: link.external_name.clone(),
                    service_region: region,
                }))
            }
        }
    }

    async fn create(&self) -> Result<Pending> {
        let id = lists::service_id(&self.params);
        let Some(network) = self.client.network().await? else {
            return Err(checks::no_network(&self.params).into());
        };
        let region = network.location.region.region;
        self.step(&region, None)?;
        let refusal = match self
            .client
            .create_link(&lists::create_body(&self.params, &region))
            .await
        {
            Ok(started) => {
                return Ok(Pending::new(
                    "CREATING",
                    format!(
                        "HCP creates the PrivateLink service \"{id}\"; {}.",
                        describe(started.operation.as_ref())
                    ),
                )
                .wait(AFTER_START_SECONDS));
            }
            Err(failure) if !failure.is_refusal() && failure.error.name != ErrorName::LimitExceeded => {
                return Err(failure.into());
            }
            Err(refusal) => refusal,
        };
        // Another run, or the first try of a call whose answer was lost, may have created it since we looked.
        let links = self.client.links().await?;
        if checks::own_link(&self.params, &links)?.is_some() {
            return Ok(Pending::new(
                "CREATING",
                format!("the PrivateLink service \"{id}\" has just been created by another call."),
            )
            .wait(SHORT_WAIT_SECONDS));
        }
        if refusal.is_conflict() {
            if let Some(hvn) = self.other_hvn_with(&id).await? {
                return Err(checks::taken(&id, &format!("the HVN \"{hvn}\"")).into());
            }
            return Ok(Pending::new(
                "absent",
                format!(
                    "HCP does not create the PrivateLink service \"{id}\", but lists no service that would stand in its way. If this \
                     stays, name another id in private_link_service_id. {}",
                    refusal.error.message
                ),
            )
            .wait(SHORT_WAIT_SECONDS));
        }
        let delta = Delta::of(&self.params, &region, None);
        Err(with_counts(refusal, None, &delta).while_doing(&format!("creating the PrivateLink service \"{id}\"")))
    }

    /// Another HVN of the project that has a PrivateLink service with this id.
    async fn other_hvn_with(&self, id: &str) -> Result<Option<String>> {
        for network in self.client.networks().await? {
            if network.id != self.params.hvn_id
                && self
                    .client
                    .links_of(&network.id)
                    .await?
                    .iter()
                    .any(|link| link.id == id)
            {
                return Ok(Some(network.id));
            }
        }
        Ok(None)
    }

    async fn change(&self, link: &Link, region: &str, delta: &Delta, attempt: u32) -> Result<Pending> {
        let id = &link.id;
        let operation = self.client.newest_operation(id, region).await?;
        if let Some(running) = still_running(operation.as_ref())? {
            return Ok(changing(link, running));
        }
        let doing = delta.doing(id);
        match &operation {
            // On the first look it is the failure of some earlier run, whose reason may be gone.
            Some(failed) if attempt > 1 && failed.failure().is_some() => {
                return Err(gave_up(failed, link, delta).while_doing(&doing));
            }
            _ => {}
        }
        match self.client.update_link(id, &lists::delta_body(id, region, delta)).await {
            Ok(started) => Ok(Pending::new(
                "UPDATING",
                format!(
                    "HCP is {doing}; {}{}.",
                    describe(started.operation.as_ref()),
                    before(operation.as_ref())
                ),
            )),
            Err(failure) => match self.changed_meanwhile(&failure, link, region).await? {
                Some(pending) => Ok(pending),
                None => Err(with_counts(failure, Some(link), delta).while_doing(&doing)),
            },
        }
    }

    /// After a refused change: a wait, if the service is no longer as it was when the change was made for it.
    pub(super) async fn changed_meanwhile(
        &self,
        failure: &Failure,
        link: &Link,
        region: &str,
    ) -> Result<Option<Pending>> {
        if !failure.is_refusal() {
            return Ok(None);
        }
        let links = self.client.links().await?;
        let Some(now) = links.iter().find(|other| other.id == link.id) else {
            let reason = format!(
                "the PrivateLink service \"{}\" has just been deleted by another call.",
                link.id
            );
            return Ok(Some(Pending::new("absent", reason).wait(SHORT_WAIT_SECONDS)));
        };
        let operation = self.client.newest_operation(&link.id, region).await?;
        if let Some(running) = still_running(operation.as_ref())? {
            return Ok(Some(changing(now, running)));
        }
        Ok(
            (now.state()? != LinkState::Available || !same_lists(now, link)).then(|| {
                let reason = format!(
                    "the PrivateLink service \"{}\" has just been changed by another call.",
                    link.id
                );
                Pending::new(now.raw_state(), reason).wait(SHORT_WAIT_SECONDS)
            }),
        )
    }

    /// `CREATING` and `UPDATING`.
    pub(super) async fn settling(&self, link: &Link, region: &str) -> Result<Pending> {
        let operation = self.client.newest_operation(&link.id, region).await?;
        Ok(Pending::new(
            link.raw_state(),
            format!(
                "the PrivateLink service \"{}\" is {}; {}.",
                link.id,
                link.raw_state(),
                describe(operation.as_ref())
            ),
        ))
    }

    /// The error of a service that is `FAILED`.
    pub(super) async fn failed(&self, link: &Link, region: &str) -> Result<Error> {
        let operation = self.client.newest_operation(&link.id, region).await?;
        Ok(Error::new(
            operation.as_ref().map_or(ErrorName::Rejected, Operation::failure_name),
            format!(
                "HCP's PrivateLink service \"{}\" is FAILED; {}. Delete it in the HCP Portal, unless this run's undo does, and start \
                 again; if it fails again, open a support ticket at HashiCorp with the operation's id.",
                link.id,
                describe(operation.as_ref())
            ),
        ))
    }

    /// The region of a service: its HVN's.
    pub(super) async fn region_of(&self, link: &Link) -> Result<String> {
        if !link.default_region.is_empty() {
            return Ok(link.default_region.clone());
        }
        match self.client.network().await? {
            Some(network) => Ok(network.location.region.region),
            None => Err(checks::no_network(&self.params).into()),
        }
    }
}

/// The operation, while it is not done. HCP may still say `AVAILABLE` when a change was accepted and has not begun.
pub(super) fn still_running(operation: Option<&Operation>) -> Result<Option<&Operation>> {
    match operation {
        Some(operation) if !operation.is_done()? => Ok(Some(operation)),
        _ => Ok(None),
    }
}

pub(super) fn changing(link: &Link, operation: &Operation) -> Pending {
    Pending::new(
        link.raw_state(),
        format!(
            "the PrivateLink service \"{}\" is {}, but {}; it can be changed after that.",
            link.id,
            link.raw_state(),
            operation.describe()
        ),
    )
}

pub(super) fn describe(operation: Option<&Operation>) -> String {
    operation.map_or_else(|| "HCP tells no operation".to_owned(), Operation::describe)
}

/// The failure of the operation before, so that a change that fails again and again is seen.
pub(super) fn before(operation: Option<&Operation>) -> String {
    match operation {
        Some(operation) if operation.failure().is_some() => format!("; before that, {}", operation.describe()),
        _ => String::new(),
    }
}

fn same_lists(a: &Link, b: &Link) -> bool {
    let lists = |link: &Link| {
        let mut lists = [
            &link.consumer_accounts,
            &link.consumer_ip_ranges,
            &link.consumer_regions,
        ]
        .map(Clone::clone);
        lists.iter_mut().for_each(|list| list.sort());
        lists
    };
    lists(a) == lists(b)
}

/// HCP's refusal, with how full the lists would be where that may be the reason.
fn with_counts(failure: Failure, link: Option<&Link>, delta: &Delta) -> Error {
    let beyond = failure.is_refusal() && limits::beyond_defaults(link, delta);
    let mut error = Error::from(failure);
    if beyond {
        error.name = ErrorName::LimitExceeded;
    }
    if error.name == ErrorName::LimitExceeded {
        error.message = format!("{} {}", error.message, limits::describe_counts(link, delta));
    }
    error
}

/// The error of a change that HCP accepted and then could not make: asking for it again and again helps nobody.
fn gave_up(failed: &Operation, link: &Link, delta: &Delta) -> Error {
    let name = failed.failure_name();
    let counts = match name {
        ErrorName::LimitExceeded => format!(" {}", limits::describe_counts(Some(link), delta)),
        _ => String::new(),
    };
    Error::new(
        name,
        format!(
            "HCP accepted the change and then could not make it; {}.{counts} Mend that and start again; if it fails again, open a \
             support ticket at HashiCorp with the operation's id.",
            failed.describe()
        ),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use serde_json::json;

    use super::*;
    use crate::document::Additions;

    fn link(accounts: &[&str]) -> Link {
        serde_json::from_value(json!({"id": "pl-acme", "state": "AVAILABLE", "consumer_accounts": accounts})).unwrap()
    }

    fn operation(state: &str, error: Option<&str>) -> Operation {
        let error = error.map(|message| json!({"code": 13, "message": message}));
        serde_json::from_value(json!({"id": "op-1", "state": state, "error": error})).unwrap()
    }

    #[test]
    fn a_service_can_be_changed_when_no_operation_runs() {
        assert!(still_running(None).unwrap().is_none());
        assert!(still_running(Some(&operation("DONE", None))).unwrap().is_none());
        for state in ["PENDING", "QUEUED", "RUNNING"] {
            assert!(still_running(Some(&operation(state, None))).unwrap().is_some());
        }
        assert_eq!(
            still_running(Some(&operation("HALTED", None))).unwrap_err().name,
            ErrorName::Unexpected
        );
    }

    #[test]
    fn a_wait_tells_the_state_of_both() {
        let pending = changing(&link(&[]), &operation("RUNNING", None));
        assert_eq!(pending.state, "AVAILABLE");
        assert!(
            pending.reason.contains("AVAILABLE") && pending.reason.contains("op-1 is RUNNING"),
            "{}",
            pending.reason
        );
    }

    #[test]
    fn the_failure_before_is_told() {
        assert_eq!(before(Some(&operation("DONE", None))), "");
        assert_eq!(
            before(Some(&operation("DONE", Some("boom")))),
            "; before that, operation op-1 failed: boom (gRPC code 13)"
        );
    }

    #[test]
    fn a_change_that_hcp_could_not_make_ends_with_its_reason() {
        let delta = Delta {
            adds: Additions {
                principals: vec!["c".into()],
                ..Additions::default()
            },
            removes: Additions::default(),
        };
        let broken = gave_up(
            &operation("DONE", Some("terraform apply failed")),
            &link(&["a"]),
            &delta,
        );
        assert_eq!(broken.name, ErrorName::Rejected);
        assert!(
            broken.message.contains("op-1 failed: terraform apply failed"),
            "{broken}"
        );
        let full = gave_up(
            &operation("DONE", Some("quota of consumer accounts reached")),
            &link(&["a"]),
            &delta,
        );
        assert_eq!(full.name, ErrorName::LimitExceeded);
        assert!(full.message.contains("consumer account 2 of 10"), "{full}");
    }

    #[test]
    fn order_is_no_change() {
        assert!(same_lists(&link(&["a", "b"]), &link(&["b", "a"])));
        assert!(!same_lists(&link(&["a"]), &link(&["a", "b"])));
    }
}
