//! Taking back, as far as nobody else uses it: the looks at HCP, and the writes.

use super::HcpVault;
use super::checks;
use super::client::Write;
use super::decision::{Decision, Fate};
use super::lists::{self, Delta};
use super::plan::{link_change, update};
use super::service::{before, changing, describe, still_running};
use super::wire::{Link, LinkState};
use crate::plan::Effect;
use crate::progress::{Look, Pending};
use crate::provider::{Release, ReleasePlan, ServiceSeen};
use crate::{Error, Result};

impl HcpVault {
    /// The PrivateLink service for a removal.
    pub(super) async fn seen(&self) -> Result<Option<ServiceSeen>> {
        let Some(link) = self.link_to_release().await? else {
            return Ok(None);
        };
        let mut regions = vec![self.region_of(&link).await?];
        for region in &link.consumer_regions {
            if !regions.contains(region) {
                regions.push(region.clone());
            }
        }
        Ok(Some(ServiceSeen {
            service_name: Some(link.external_name).filter(|name| !name.is_empty()),
            regions,
        }))
    }

    /// Takes back what is ours. Ready with what is left on purpose.
    pub(super) async fn take_back(&self, release: &Release) -> Result<Look<Vec<String>>> {
        if is_nothing(release) {
            return Ok(Look::Ready(Vec::new()));
        }
        let Some(link) = self.link_to_release().await? else {
            return Ok(Look::Ready(Vec::new()));
        };
        let region = self.region_of(&link).await?;
        match link.state()? {
            LinkState::Deleting => {
                let operation = self.client.newest_operation(&link.id, &region).await?;
                return Ok(Pending::new(
                    link.raw_state(),
                    format!(
                        "HCP is deleting the PrivateLink service \"{}\"; {}.",
                        link.id,
                        describe(operation.as_ref())
                    ),
                )
                .into());
            }
            LinkState::Creating | LinkState::Updating => return Ok(self.settling(&link, &region).await?.into()),
            LinkState::Available | LinkState::Failed => {}
        }
        let decision = Decision::of(release, &link, &region)?;
        Ok(match &decision.fate {
            Fate::Keep => Look::Ready(decision.left),
            Fate::Delete => self.delete(&link, &region).await?.into(),
            Fate::Shrink(delta) => return self.shrink(&link, &region, delta, decision.left).await,
        })
    }

    /// What [`Self::take_back`] would write, without writing.
    pub(super) async fn plan_taking_back(&self, release: &Release) -> Result<ReleasePlan> {
        if is_nothing(release) {
            return Ok(ReleasePlan::default());
        }
        let Some(link) = self.link_to_release().await? else {
            return Ok(ReleasePlan::default());
        };
        if link.state()? == LinkState::Deleting {
            let kept = link_change(Effect::Keep, &link.id).why("HCP is deleting it already");
            return Ok(ReleasePlan {
                changes: vec![kept],
                ..ReleasePlan::default()
            });
        }
        let region = self.region_of(&link).await?;
        let decision = Decision::of(release, &link, &region)?;
        let change = match &decision.fate {
            Fate::Keep => link_change(Effect::Keep, &link.id),
            Fate::Delete => link_change(Effect::Delete, &link.id).call(self.client.name_of(Write::Delete(&link.id))),
            Fate::Shrink(delta) => update(&self.client, &link, delta),
        };
        Ok(ReleasePlan {
            changes: vec![change],
            left: decision.left,
            ..ReleasePlan::default()
        })
    }

    /// The cluster's service; none where the HVN is gone, and none with another id than the request's: no run has touched that.
    async fn link_to_release(&self) -> Result<Option<Link>> {
        let links = match self.client.links().await {
            Err(failure) if failure.is_not_found() => return Ok(None),
            links => links?,
        };
        Ok(checks::own_link(&self.params, &links).ok().flatten().cloned())
    }

    async fn delete(&self, link: &Link, region: &str) -> Result<Pending> {
        let operation = self.client.newest_operation(&link.id, region).await?;
        if let Some(running) = still_running(operation.as_ref())? {
            return Ok(changing(link, running));
        }
        match self.client.delete_link(&link.id, region).await {
            Ok(started) => Ok(Pending::new(
                "DELETING",
                format!(
                    "HCP deletes the PrivateLink service \"{}\"; {}{}.",
                    link.id,
                    describe(started.operation.as_ref()),
                    before(operation.as_ref())
                ),
            )),
            // Such as endpoints that are not gone yet: this passes by itself, or the budget ends it.
            Err(failure) if failure.is_refusal() => Ok(Pending::new(
                link.raw_state(),
                format!(
                    "HCP does not delete the PrivateLink service \"{}\" yet: {}",
                    link.id, failure.error.message
                ),
            )),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn shrink(
        &self,
        link: &Link,
        region: &str,
        delta: &Delta,
        mut left: Vec<String>,
    ) -> Result<Look<Vec<String>>> {
        let operation = self.client.newest_operation(&link.id, region).await?;
        if let Some(running) = still_running(operation.as_ref())? {
            return Ok(changing(link, running).into());
        }
        let body = lists::delta_body(&link.id, region, delta);
        let failure = match self.client.update_link(&link.id, &body).await {
            Ok(started) => {
                return Ok(Pending::new(
                    "UPDATING",
                    format!(
                        "HCP is {}; {}{}.",
                        delta.doing(&link.id),
                        describe(started.operation.as_ref()),
                        before(operation.as_ref())
                    ),
                )
                .into());
            }
            Err(failure) => failure,
        };
        if let Some(pending) = self.changed_meanwhile(&failure, link, region).await? {
            return Ok(pending.into());
        }
        if !failure.is_refusal() || !delta.applied_to(Some(link)).principals.is_empty() {
            return Err(Error::from(failure).while_doing(&delta.doing(&link.id)));
        }
        // Whether a service may be without any account is not documented. If not, the rest goes without them.
        let mut rest = delta.clone();
        let accounts = std::mem::take(&mut rest.removes.principals);
        if !rest.is_empty() {
            return match self
                .client
                .update_link(&link.id, &lists::delta_body(&link.id, region, &rest))
                .await
            {
                Ok(_) => Ok(Pending::new("UPDATING", format!("HCP is {}.", rest.doing(&link.id))).into()),
                Err(failure) => Err(Error::from(failure).while_doing(&rest.doing(&link.id))),
            };
        }
        left.push(format!(
            "the consumer_accounts {} of the HCP PrivateLink service \"{}\": HCP does not remove the last ones ({}). Deprovision with \
             `delete_service` to have the service deleted.",
            accounts.join(", "),
            link.id,
            failure.error.message.trim_end_matches('.')
        ));
        Ok(Look::Ready(left))
    }
}

/// There is nothing of HCP's to take back.
fn is_nothing(release: &Release) -> bool {
    !release.delete_service && release.remove.is_empty() && release.remove_if_alone.is_empty()
}
