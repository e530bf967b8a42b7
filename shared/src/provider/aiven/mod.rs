//! Aiven: a service's own AWS PrivateLink service, shared by all its consumers.
//!
//! | file | holds |
//! |---|---|
//! | `client.rs` | the calls |
//! | `wire.rs` | the answers and bodies |
//! | `errors.rs` | Aiven's refusals in our names |
//! | `checks.rs` | preflight: does the service fit the request |
//! | `lists.rs` | the shared lists: principals and regions |
//! | `plan.rs` | what a run will change |
//! | `access.rs` | one look at an endpoint's way to the components |
//! | `components.rs` | where the components answer |
//! | `decision.rs` | what goes at a release, and what stays |
//! | `release.rs` | taking back |

mod access;
mod checks;
mod client;
mod components;
mod decision;
mod errors;
mod lists;
mod plan;
mod release;
#[cfg(test)]
mod samples;
mod wire;

use async_trait::async_trait;

pub use self::access::LOOKS_PER_REFRESH;
use self::client::Client;
use self::errors::Failure;
use self::plan::LinkStep;
use self::wire::{Lists, PrivateLink};
use super::{Provider, ProviderFacts, Reach, Release, ReleasePlan, ServiceSeen};
use crate::document::{Access, AvailableEndpoint, ServiceOffer};
use crate::progress::{AFTER_START_SECONDS, Look, Pending};
use crate::request::{self, Consumer};
use crate::{Error, ErrorName, Result};

/// Seconds until the look that checks a write: a concurrent run may have replaced the same list meanwhile.
const VERIFY_SECONDS: u32 = 5;

/// Aiven as a [`Provider`].
pub struct Aiven {
    params: request::Aiven,
    client: Client,
}

impl Aiven {
    /// The Aiven service of a request. The consumer's part of it is already in the request's principals and regions.
    pub fn new(params: request::Aiven, _consumer: Consumer, reach: Reach) -> Self {
        Self {
            client: Client::new(reach, &params),
            params,
        }
    }

    async fn create_service(&self) -> Result<Look<ServiceOffer>> {
        let service = self.client.service().await?;
        if let Some(problem) = checks::not_running(&service)? {
            // One that is made while nodes move can stay `creating` for ever.
            return if service.state == "POWEROFF" {
                Err(Error::invalid_at("/provider/service_name", problem))
            } else {
                Ok(Pending::new(service.state, format!("the service {problem}.")).into())
            };
        }
        let region =
            checks::region(&service)?.map_err(|problem| Error::invalid_at("/provider/service_name", problem))?;
        let step = LinkStep::of(&self.params, None, &region)?;
        Ok(self.write(&step).await?.unwrap_or_else(creating).into())
    }

    async fn offer(&self, link: &PrivateLink) -> Result<Look<ServiceOffer>> {
        let Some(service_name) = &link.aws_service_name else {
            return Ok(Pending::new("active", "Aiven does not show the name of the endpoint service yet.").into());
        };
        let service_region = checks::region_of_service_name(service_name)?;
        let step = LinkStep::of(&self.params, Some(link), &service_region)?;
        Ok(match self.write(&step).await? {
            Some(pending) => pending.into(),
            None => Look::Ready(ServiceOffer {
                service_name: service_name.clone(),
                service_region,
            }),
        })
    }

    /// Carries out a step, and says what to wait for then; none where there is nothing to do.
    async fn write(&self, step: &LinkStep) -> Result<Option<Pending>> {
        let (answer, lists, pending) = match step {
            LinkStep::Keep => return Ok(None),
            LinkStep::Create(lists) => (
                self.client.create_privatelink(lists).await,
                lists,
                creating().wait(AFTER_START_SECONDS),
            ),
            LinkStep::Update(lists) => {
                let reason = "checking that Aiven has the lists now as this consumer needs them.";
                let pending = Pending::new("active", reason).wait(VERIFY_SECONDS);
                (self.client.update_privatelink(lists).await, lists, pending)
            }
        };
        match answer {
            Ok(()) => Ok(Some(pending)),
            Err(failure) if failure.is_absent() && matches!(step, LinkStep::Update(_)) => Ok(Some(
                Pending::new(
                    "absent",
                    "somebody deleted the PrivateLink service just now; a new one is made.",
                )
                .wait(VERIFY_SECONDS),
            )),
            Err(failure) => match conflict(&failure) {
                Some(pending) => Ok(Some(pending)),
                None => Err(hint_at_regions(failure.into(), lists)),
            },
        }
    }

    /// Writes again what another writer's list has dropped since: a PUT replaces the whole.
    async fn still_allowed(&self, link: &PrivateLink) -> Result<Option<Pending>> {
        match (link.state.as_str(), &link.aws_service_name) {
            ("active", Some(name)) => {
                let region = checks::region_of_service_name(name)?;
                self.write(&LinkStep::of(&self.params, Some(link), &region)?).await
            }
            ("active" | "creating" | "deleting", _) => Ok(Some(Pending::new(
                link.state.as_str(),
                "somebody deletes or makes the PrivateLink service anew; if this stays, start again.",
            ))),
            (other, _) => Err(checks::unknown_state("the PrivateLink service", other)),
        }
    }
}

#[async_trait]
impl Provider for Aiven {
    async fn preflight(&self) -> Result<ProviderFacts> {
        // The two share it, and each would read it.
        self.client.token().await?;
        let (service, link) = tokio::join!(self.client.service(), self.client.privatelink());
        let service = service?;
        let link = match link {
            Err(failure) if failure.is_absent() => None,
            other => Some(other?),
        };
        let fit = checks::fit(&service, link.as_ref(), &self.params)?;
        let name = &self.params.service_name;
        Ok(ProviderFacts {
            changes: vec![
                fit.step.change(&self.client, name, link.as_ref())?,
                plan::switches(&self.client, name, &fit.vendor.adds.components, true)?,
            ],
            vendor: fit.vendor,
            checks: fit.checks,
        })
    }

    async fn ensure_service(&self, _attempt: u32) -> Result<Look<ServiceOffer>> {
        let link = match self.client.privatelink().await {
            // If it is new and just not visible, creating it again is a conflict; if the token may not see it, it may not create it.
            Err(failure) if failure.is_absent_or_new() => return self.create_service().await,
            other => other?,
        };
        match link.state.as_str() {
            "active" => self.offer(&link).await,
            "creating" => Ok(creating().into()),
            "deleting" => Ok(Pending::new(
                "deleting",
                "somebody deleted the PrivateLink service; a new one is made once it is gone.",
            )
            .into()),
            other => Err(checks::unknown_state("the PrivateLink service", other)),
        }
    }

    async fn ensure_access(
        &self,
        endpoint: &AvailableEndpoint,
        attempt: u32,
        connection_id: Option<&str>,
    ) -> Result<Look<Access>> {
        access::look(self, &endpoint.endpoint_id, attempt, connection_id).await
    }

    async fn service_seen(&self) -> Result<Option<ServiceSeen>> {
        release::service_seen(&self.client).await
    }

    async fn withdraw_access(&self, release: &Release) -> Result<Look<Vec<String>>> {
        release::withdraw(&self.client, &self.params, release).await
    }

    async fn release(&self, release: &Release) -> Result<Look<Vec<String>>> {
        release::look(&self.client, &self.params, release).await
    }

    async fn plan_release(&self, release: &Release) -> Result<ReleasePlan> {
        release::plan(&self.client, &self.params, release).await
    }

    fn ca_certificate(&self) -> Option<String> {
        let project = &self.params.project;
        Some(format!(
            "Kafka, PostgreSQL, MySQL and older services of other types have certificates of the Aiven project's own CA: get it by `avn \
             project ca-get --project {project} --target-filepath ca.pem`, or as \"certificate\" from GET /v1/project/{project}/kms/ca. \
             Components whose ca is letsencrypt, and most with a URL, have a public CA's."
        ))
    }

    fn credentials(&self) -> String {
        format!(
            "The service's users, the same as for any other route: in the Aiven Console on the service's Users page, or by `avn service \
             user-list --project {} {}`.",
            self.params.project, self.params.service_name
        )
    }
}

fn creating() -> Pending {
    Pending::new(
        "creating",
        "Aiven is making the PrivateLink service, which takes a few minutes.",
    )
}

/// Aiven enables other regions per project, and what it answers where it has not is not known.
fn hint_at_regions(mut error: Error, lists: &Lists) -> Error {
    if let Some(regions) = &lists.supported_regions
        && matches!(error.name, ErrorName::Denied | ErrorName::InvalidRequest)
    {
        error.message.push_str(&format!(
            " The call also asked for connections from other regions ({}), which Aiven enables per project: if that is what it refused, \
             ask Aiven to enable it, or connect from the service's region.",
            regions.join(", ")
        ));
    }
    error
}

/// The wait after a conflict, with Aiven's own reason.
fn conflict(failure: &Failure) -> Option<Pending> {
    failure.conflict().map(|message| {
        Pending::new(
            "conflict",
            format!("Aiven answered: {}.", message.trim_end_matches('.')),
        )
        .wait(VERIFY_SECONDS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_other_regions_hints_at_them() {
        let mut lists = Lists {
            principals: Vec::new(),
            supported_regions: Some(vec!["us-east-1".into()]),
        };
        let denied = || Error::new(ErrorName::Denied, "no.");
        assert!(hint_at_regions(denied(), &lists).message.contains("(us-east-1)"));
        lists.supported_regions = None;
        assert_eq!(hint_at_regions(denied(), &lists), denied());
    }
}
