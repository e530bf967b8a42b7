//! Taking back what a run added, as far as nobody else uses it.

use super::checks;
use super::lists;
use super::service::{before, changing, describe, still_running};
use super::wire::{Link, LinkState};
use super::{HcpVault, Release};
use crate::document::Additions;
use crate::progress::{Look, Pending};
use crate::{Error, Result};

impl HcpVault {
    /// Takes back what a run added. Ready with what is left on purpose.
    pub(super) async fn take_back(&self, release: &Release) -> Result<Look<Vec<String>>> {
        if !release.delete_service && release.remove.is_empty() {
            return Ok(Look::Ready(Vec::new()));
        }
        let links = match self.client.links().await {
            Err(failure) if failure.is_not_found() => return Ok(Look::Ready(Vec::new())),
            links => links?,
        };
        // A service with another id than the request's is not one that this run has touched.
        let Ok(Some(link)) = checks::own_link(&self.params, &links) else {
            return Ok(Look::Ready(Vec::new()));
        };
        let region = self.region_of(link).await?;
        let others = lists::others(link, &release.remove);
        let delete = release.delete_service && others.is_empty();
        let removes = lists::present(link, &release.remove);
        match link.state()? {
            LinkState::Deleting => {
                let operation = self.client.newest_operation(&link.id, &region).await?;
                Ok(Pending::new(
                    link.raw_state(),
                    format!(
                        "HCP is deleting the PrivateLink service \"{}\"; {}.",
                        link.id,
                        describe(operation.as_ref())
                    ),
                )
                .into())
            }
            LinkState::Creating | LinkState::Updating => Ok(self.settling(link, &region).await?.into()),
            LinkState::Available | LinkState::Failed if delete => Ok(self.delete(link, &region).await?.into()),
            LinkState::Failed if !removes.is_empty() => Ok(Look::Ready(vec![format!(
                "{} of the HCP PrivateLink service \"{}\": it is FAILED, and HCP changes only one that is AVAILABLE. Delete it in the HCP \
                 Portal if nobody else needs it.",
                lists::describe(&removes),
                link.id
            )])),
            LinkState::Available if !removes.is_empty() => Ok(self.shrink(link, &region, &removes).await?.into()),
            LinkState::Available | LinkState::Failed if release.delete_service => Ok(Look::Ready(vec![format!(
                "the HCP PrivateLink service \"{}\", which this run created: others use it by now ({}).",
                link.id,
                others.join(", ")
            )])),
            LinkState::Available | LinkState::Failed => Ok(Look::Ready(Vec::new())),
        }
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

    async fn shrink(&self, link: &Link, region: &str, removes: &Additions) -> Result<Pending> {
        let operation = self.client.newest_operation(&link.id, region).await?;
        if let Some(running) = still_running(operation.as_ref())? {
            return Ok(changing(link, running));
        }
        let doing = format!(
            "removing {} from the PrivateLink service \"{}\"",
            lists::describe(removes),
            link.id
        );
        match self
            .client
            .update_link(&link.id, &lists::remove_body(&link.id, region, removes))
            .await
        {
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
                None => Err(Error::from(failure).while_doing(&doing)),
            },
        }
    }
}
