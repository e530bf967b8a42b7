//! HCP Vault Dedicated: a PrivateLink service of a cluster, made through HCP's network API.
//!
//! | file | holds |
//! |---|---|
//! | `client.rs` | the calls and the token |
//! | `wire.rs` | HCP's answers |
//! | `errors.rs` | HCP's errors in our names |
//! | `checks.rs` | what preflight demands |
//! | `problems.rs` | what does not fit, with its field |
//! | `lists.rs` | the three shared lists of a service |
//! | `limits.rs` | how many entries they may have |
//! | `plan.rs` | what a run will change |
//! | `service.rs` | creating a service and changing its lists |
//! | `decision.rs` | what goes at a release, and what stays |
//! | `release.rs` | taking back |
//!
//! HCP accepts an endpoint by itself, 5 to 10 minutes after it was made, and has no call that tells or speeds that up.

mod checks;
mod client;
mod decision;
mod errors;
mod limits;
mod lists;
mod plan;
mod problems;
mod release;
#[cfg(test)]
mod samples;
mod service;
mod wire;

use async_trait::async_trait;

use self::checks::Health;
use self::client::Client;
use self::limits::Limits;
use self::wire::LinkState;
use super::{Provider, ProviderFacts, Reach, Release, ReleasePlan, ServiceSeen};
use crate::document::{Access, AvailableEndpoint, ComponentAddress, ServiceOffer, VendorFacts};
use crate::plan::Check;
use crate::progress::{Look, Pending};
use crate::request::{self, Consumer};
use crate::{Error, ErrorName, Result};

/// "traffic can flow privately from the consumer VPC to the linked HCP Vault Dedicated cluster on port 8200" (the guide)
const VAULT_PORT: u16 = 8200;

/// The provider of an HCP Vault Dedicated request.
pub struct HcpVault {
    params: request::HcpVault,
    client: Client,
    limits: Limits,
}

impl HcpVault {
    /// HCP knows the consumer only by the lists in `params`, which validation has filled in.
    pub fn new(params: request::HcpVault, _consumer: Consumer, reach: Reach) -> Self {
        Self {
            limits: Limits {
                accounts: reach.settings.hcp_max_consumer_accounts,
                ip_ranges: reach.settings.hcp_max_consumer_ip_ranges,
            },
            client: Client::new(&params, reach),
            params,
        }
    }
}

#[async_trait]
impl Provider for HcpVault {
    async fn preflight(&self) -> Result<ProviderFacts> {
        // First and alone: without the HVN the others are pointless, and it gets the token that the others share.
        let Some(network) = self.client.network().await? else {
            return Err(problems::unfit(&[checks::no_network(&self.params)]));
        };
        let (cluster, peerings, tgw_attachments, links) = tokio::try_join!(
            self.client.cluster(&self.params.vault_cluster_id),
            self.client.peerings(),
            self.client.tgw_attachments(),
            self.client.links(),
        )?;

        let mut problems = Vec::new();
        checks::network(&network, &mut problems)?;
        match &cluster {
            Some(cluster) => checks::cluster(&self.params, cluster, &network, &mut problems)?,
            None => problems.push(checks::no_cluster(&self.params)),
        }
        checks::attachments("peering", &peerings, &mut problems);
        checks::attachments("transit gateway attachment", &tgw_attachments, &mut problems);
        let link = checks::own_link(&self.params, &links).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        checks::own_region(&self.params, &network, &mut problems);
        problems::report(&problems)?;
        let Some(cluster) = cluster else {
            return Err(problems::unfit(&[checks::no_cluster(&self.params)]));
        };

        let link = checks::exists(link)?;
        let region = network.location.region.region.clone();
        if let Some(link) = link
            && link.state()? == LinkState::Failed
        {
            return Err(checks::failed(self.failed(link, &region).await?));
        }
        let step = self.step(&region, link)?;
        let delta = lists::Delta::of(&self.params, &region, link);
        let mut checks = checks::passed(&self.params, &cluster, &network);
        checks.extend(self.limits.counts(&delta.applied_to(link)));
        Ok(ProviderFacts {
            changes: vec![step.change(&self.client, link)],
            checks: checks.into_iter().map(Check::passed).collect(),
            vendor: VendorFacts {
                service_existed: link.is_some(),
                service_name: match link {
                    Some(link) if link.state()? == LinkState::Available => Some(link.external_name.clone()),
                    _ => None,
                }
                .filter(|name| !name.is_empty()),
                adds: delta.adds,
                ports: vec![(VAULT_PORT, VAULT_PORT)],
                private_hostname: Some(cluster.dns_names.private),
                service_region: region,
            },
        })
    }

    async fn ensure_service(&self, attempt: u32) -> Result<Look<ServiceOffer>> {
        self.ensure(attempt).await
    }

    async fn ensure_access(
        &self,
        _endpoint: &AvailableEndpoint,
        _attempt: u32,
        _connection_id: Option<&str>,
    ) -> Result<Look<Access>> {
        // Nothing to switch on: who may connect is said in the service's lists.
        let links = self.client.links().await?;
        let Some(link) = checks::own_link(&self.params, &links)? else {
            return Err(gone("is gone"));
        };
        match link.state()? {
            LinkState::Available => {}
            LinkState::Creating | LinkState::Updating => {
                let reason = format!("the PrivateLink service \"{}\" is being changed.", link.id);
                return Ok(Pending::new(link.raw_state(), reason).into());
            }
            LinkState::Failed => {
                let region = self.region_of(link).await?;
                return Err(self.failed(link, &region).await?);
            }
            LinkState::Deleting => return Err(gone("is being deleted")),
        }

        let id = &self.params.vault_cluster_id;
        let Some(cluster) = self.client.cluster(id).await? else {
            return Err(checks::no_cluster(&self.params).into());
        };
        match checks::health(id, &cluster.state)? {
            Health::Running => {}
            Health::Passing => {
                let reason = format!("the Vault cluster \"{id}\" is {}, not RUNNING.", cluster.state);
                return Ok(Pending::new(&cluster.state, reason).into());
            }
            Health::Down => {
                let state = &cluster.state;
                return Err(Error::new(
                    ErrorName::Rejected,
                    format!(
                        "the Vault cluster \"{id}\" is {state}, not RUNNING. Look at it in the HCP Portal, and start again when it runs."
                    ),
                ));
            }
        }
        let host = cluster.dns_names.private;
        if host.is_empty() {
            return Err(Error::unexpected(format!(
                "HCP no longer tells a private address of the Vault cluster \"{id}\". Look at it in the HCP Portal."
            )));
        }
        Ok(Look::Ready(Access {
            vendor_connection_id: None,
            components: vec![ComponentAddress {
                component: "vault".to_owned(),
                url: Some(format!("https://{host}:{VAULT_PORT}")),
                host,
                port: VAULT_PORT,
                authentication_method: None,
                ca: None,
                usage: None,
            }],
            hosted_zone_id: None,
        }))
    }

    async fn service_seen(&self) -> Result<Option<ServiceSeen>> {
        self.seen().await
    }

    /// Nothing to switch off: who may connect is said in the service's lists.
    async fn withdraw_access(&self, _release: &Release) -> Result<Look<Vec<String>>> {
        Ok(Look::Ready(Vec::new()))
    }

    async fn release(&self, release: &Release) -> Result<Look<Vec<String>>> {
        self.take_back(release).await
    }

    async fn plan_release(&self, release: &Release) -> Result<ReleasePlan> {
        self.plan_taking_back(release).await
    }

    /// None: a cluster's certificate is from Let's Encrypt.
    fn ca_certificate(&self) -> Option<String> {
        None
    }

    fn credentials(&self) -> String {
        "Clients log in to Vault by whatever auth method its administrators have enabled (https://developer.hashicorp.com/vault/docs/auth): \
         set VAULT_ADDR to the component's url and VAULT_NAMESPACE to admin or a namespace below it, then run `vault login`. The HCP \
         service principal of this workflow is no Vault credential."
            .to_owned()
    }
}

fn gone(how: &str) -> Error {
    Error::new(
        ErrorName::Rejected,
        format!(
            "the cluster's PrivateLink service {how}: somebody deleted it while this run was under way, and the endpoint with it became \
             useless. Start again."
        ),
    )
}
