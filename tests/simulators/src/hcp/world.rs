//! What HCP knows: an organization, its projects, and in each the networks, clusters, private links and operations.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::errors::ApiError;
use crate::fabric::Fabric;
use crate::rate::MinuteWindow;

/// The state of the simulator. Fill it before the start (see [`super::default_world`]) or change it in flight.
#[derive(Debug, Clone)]
pub struct World {
    pub organization_id: String,
    /// By project id.
    pub projects: BTreeMap<String, Project>,
    pub service_principals: Vec<ServicePrincipal>,
    /// Simulated time zero, on the wall.
    pub epoch: Timestamp,
    /// Access tokens handed out.
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) requests: MinuteWindow,
    pub(super) token_requests: MinuteWindow,
    pub(super) next_number: u64,
}

/// A key of a service principal, and what it may do.
#[derive(Debug, Clone)]
pub struct ServicePrincipal {
    pub client_id: String,
    pub client_secret: String,
    /// Role by project id; a project that is missing answers 403.
    pub roles: BTreeMap<String, Role>,
}

/// A project role: viewers read, contributors also create, change and delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Viewer,
    Contributor,
}

#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) client_id: String,
    pub(super) expires_at: Duration,
    /// Issued for the API; a token without that audience is good for nothing.
    pub(super) for_api: bool,
}

/// A project: everything is found by its slug.
#[derive(Debug, Clone, Default)]
pub struct Project {
    pub networks: BTreeMap<String, Network>,
    pub clusters: BTreeMap<String, Cluster>,
    pub links: BTreeMap<String, PrivateLink>,
    pub operations: BTreeMap<String, Operation>,
}

/// A HashiCorp Virtual Network.
#[derive(Debug, Clone)]
pub struct Network {
    pub id: String,
    pub uuid: String,
    /// `aws` or `azure`.
    pub provider: String,
    pub region: String,
    pub cidr_block: String,
    /// `STABLE`, `CREATING`, `FAILED` …
    pub state: String,
    /// HashiCorp's AWS account behind the network.
    pub aws_account_id: String,
    /// Zone ids in which its endpoint services are offered.
    pub zone_ids: Vec<String>,
    pub peerings: Vec<Peering>,
    pub tgw_attachments: Vec<TgwAttachment>,
}

/// A VPC peering of a network; any state but `FAILED`, `EXPIRED` and `REJECTED` forbids private links.
#[derive(Debug, Clone)]
pub struct Peering {
    pub id: String,
    pub state: String,
    pub account_id: String,
    pub vpc_id: String,
    pub cidr: String,
}

/// A transit gateway attachment of a network; the states count as those of peerings do.
#[derive(Debug, Clone)]
pub struct TgwAttachment {
    pub id: String,
    pub state: String,
    pub account_id: String,
    pub tgw_id: String,
}

/// A Vault Dedicated cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub id: String,
    pub resource_id: String,
    /// `RUNNING`, `CREATING`, `SEALED` …
    pub state: String,
    /// `DEV`, `STANDARD_SMALL`, `PLUS_LARGE` …
    pub tier: String,
    /// Slug of its network.
    pub network_id: String,
    pub private_dns: String,
    /// The public host name, when public addresses are on.
    pub public_dns: Option<String>,
    /// When it is gone, once deletion has begun.
    pub(super) gone_at: Option<Duration>,
}

impl Cluster {
    /// A running, private cluster.
    pub fn running(id: &str, tier: &str, network_id: &str, private_dns: &str) -> Self {
        Self {
            id: id.to_owned(),
            resource_id: "8f0c6a52-6a38-4d4e-9d0d-6d5b7a4e2c11".to_owned(),
            state: "RUNNING".to_owned(),
            tier: tier.to_owned(),
            network_id: network_id.to_owned(),
            private_dns: private_dns.to_owned(),
            public_dns: None,
            gone_at: None,
        }
    }
}

/// States of a private link, in HCP's words (`UNSET` is never shown).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    Creating,
    Available,
    Updating,
    Deleting,
    Failed,
}

impl LinkState {
    pub fn wire(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Available => "AVAILABLE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
            Self::Failed => "FAILED",
        }
    }
}

/// A PrivateLink service of a cluster.
#[derive(Debug, Clone)]
pub struct PrivateLink {
    pub id: String,
    pub hvn_id: String,
    pub vault_cluster_id: String,
    pub consumer_accounts: Vec<String>,
    pub consumer_ip_ranges: Vec<String>,
    /// Without the network's own region, which is always served.
    pub consumer_regions: Vec<String>,
    pub state: LinkState,
    pub created_at: Duration,
    pub updated_at: Duration,
    /// The endpoint service in the fabric (`vpce-svc-…`), once it exists.
    pub service_id: Option<String>,
    /// `com.amazonaws.vpce.<region>.vpce-svc-…`; empty until the service exists.
    pub external_name: String,
    pub(super) change: Option<Change>,
}

impl PrivateLink {
    /// What several consumers may share, by the kind of its entries; empty while it is being deleted.
    pub fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        if self.state == LinkState::Deleting {
            return Vec::new();
        }
        vec![
            ("principal", self.consumer_accounts.clone()),
            ("range", self.consumer_ip_ranges.clone()),
            ("region", self.consumer_regions.clone()),
        ]
    }

    /// A link that was there before the run; its endpoint service is offered at the first look.
    pub fn available(id: &str, hvn_id: &str, vault_cluster_id: &str, consumer_accounts: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            hvn_id: hvn_id.to_owned(),
            vault_cluster_id: vault_cluster_id.to_owned(),
            consumer_accounts: consumer_accounts.iter().map(|&a| a.to_owned()).collect(),
            consumer_ip_ranges: Vec::new(),
            consumer_regions: Vec::new(),
            state: LinkState::Available,
            created_at: Duration::ZERO,
            updated_at: Duration::ZERO,
            service_id: None,
            external_name: String::new(),
            change: None,
        }
    }

    /// The same while HCP still makes it, until then.
    #[must_use]
    pub fn being_created(mut self, until: Duration) -> Self {
        self.state = LinkState::Creating;
        self.change = Some(Change {
            starts_at: Duration::ZERO,
            ends_at: until,
            outcome: Outcome::Available,
        });
        self
    }

    /// Withdraws the endpoint service and begins the deletion.
    pub(super) fn start_deleting(&mut self, change: Change, fabric: &Fabric, now: Duration) {
        if let Some(service_id) = self.service_id.take() {
            fabric.withdraw_service(&service_id);
        }
        self.state = LinkState::Deleting;
        self.updated_at = now;
        self.change = Some(change);
    }

    /// Makes the endpoint service, or brings its principals and regions into step.
    pub(super) fn offer(&mut self, network: &Network, principals: BTreeSet<String>, fabric: &Fabric) {
        let regions: BTreeSet<String> = self.consumer_regions.iter().cloned().collect();
        match &self.service_id {
            Some(id) => fabric.change_service(id, principals, regions),
            None => {
                let service = fabric.offer_service(&network.region, principals, regions, network.zone_ids.clone());
                self.external_name = service.name;
                self.service_id = Some(service.id);
            }
        }
    }
}

/// A change of a link that is under way.
#[derive(Debug, Clone)]
pub struct Change {
    /// An update shows as `UPDATING` from here on.
    pub starts_at: Duration,
    /// When the state moves on.
    pub ends_at: Duration,
    pub outcome: Outcome,
}

/// Where a change ends.
#[derive(Debug, Clone)]
pub enum Outcome {
    Available,
    /// The three lists after the update.
    Updated {
        accounts: Vec<String>,
        ip_ranges: Vec<String>,
        regions: Vec<String>,
    },
    Gone,
    Failed,
}

/// An operation: its state is a function of time. `DONE` with an error is a failure.
#[derive(Debug, Clone)]
pub struct Operation {
    pub id: String,
    /// Type (`hashicorp.network.private-link`), id and description of what it works on.
    pub resource: (String, String, String),
    pub region: String,
    pub created_at: Duration,
    pub running_at: Duration,
    pub done_at: Duration,
    pub error: Option<ApiError>,
}

impl Operation {
    pub fn state(&self, now: Duration) -> &'static str {
        match now {
            now if now >= self.done_at => "DONE",
            now if now >= self.running_at => "RUNNING",
            _ => "PENDING",
        }
    }
}

impl World {
    /// An empty organization.
    pub fn new(organization_id: &str) -> Self {
        Self {
            organization_id: organization_id.to_owned(),
            projects: BTreeMap::new(),
            service_principals: Vec::new(),
            epoch: Timestamp::now(),
            tokens: BTreeMap::new(),
            requests: MinuteWindow::default(),
            token_requests: MinuteWindow::default(),
            next_number: 0,
        }
    }

    /// Every access token that was given out, but for those that were made invalid.
    pub fn access_tokens(&self) -> Vec<String> {
        self.tokens.keys().cloned().collect()
    }

    /// Makes every access token invalid, as a rotation of keys may.
    pub fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    /// A number that was not used before in this world.
    pub(super) fn fresh_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// An id in the form of a UUID.
    pub(super) fn fresh_uuid(&mut self) -> String {
        format!("9d3c1f00-4b7e-4a10-8c55-{:012x}", self.fresh_number())
    }
}
