//! What Aiven knows: projects, their VPCs and services, and the PrivateLink of each service.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::fabric::Fabric;
use crate::knobs::AivenKnobs;
use crate::rate::MinuteWindow;

/// Every secret of the world contains this text, so that a leak is easy to find.
pub const SECRET_MARKER: &str = "simulated-aiven-secret";

/// First port that a Kafka connection gets; Aiven's lie between 10000 and 31000.
const FIRST_KAFKA_PORT: u16 = 14611;

/// The state of the simulator. Fill it before the start (see [`super::default_world`]) or change it in flight.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// By token.
    pub tokens: BTreeMap<String, Grant>,
    /// By project name.
    pub projects: BTreeMap<String, Project>,
    pub(super) requests: MinuteWindow,
}

/// What a token is good for.
#[derive(Debug, Clone)]
pub struct Grant {
    pub projects: BTreeSet<String>,
    /// `service:configuration:write` …; `None` is all of them.
    pub permissions: Option<BTreeSet<String>>,
    /// Simulated time.
    pub expires_at: Option<Duration>,
}

impl Grant {
    /// Everything in one project, for ever.
    pub fn full(project: &str) -> Self {
        Self {
            projects: BTreeSet::from([project.to_owned()]),
            permissions: None,
            expires_at: None,
        }
    }

    pub(super) fn allows(&self, permission: &str) -> bool {
        self.permissions
            .as_ref()
            .is_none_or(|permissions| permissions.contains(permission))
    }
}

/// A project.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// By id.
    pub vpcs: BTreeMap<String, Vpc>,
    /// By name.
    pub services: BTreeMap<String, Service>,
    /// The project's CA, PEM.
    pub ca_certificate: String,
    /// `aws-eu-west-1` and USD an hour as text, as `privatelink-availability` lists them.
    pub privatelink_availability: Vec<(String, String)>,
}

/// A project VPC.
#[derive(Debug, Clone)]
pub struct Vpc {
    pub id: String,
    pub cloud_name: String,
    pub network_cidr: String,
    /// `APPROVED`, `ACTIVE`, `DELETING`, `DELETED`.
    pub state: String,
}

/// States of a service, in Aiven's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    Poweroff,
    Rebalancing,
    Rebuilding,
    Running,
}

impl ServiceState {
    pub fn wire(self) -> &'static str {
        match self {
            Self::Poweroff => "POWEROFF",
            Self::Rebalancing => "REBALANCING",
            Self::Rebuilding => "REBUILDING",
            Self::Running => "RUNNING",
        }
    }
}

/// A service of any type.
#[derive(Debug, Clone)]
pub struct Service {
    pub name: String,
    /// `kafka`, `pg`, `opensearch` …
    pub service_type: String,
    pub plan: String,
    /// `aws-eu-west-1`.
    pub cloud_name: String,
    pub state: ServiceState,
    pub project_vpc_id: Option<String>,
    /// An object.
    pub user_config: Value,
    /// Components that an integration switches on: `prometheus`, `jolokia`.
    pub integrations: BTreeSet<String>,
    /// Host name of the dynamic route.
    pub host: String,
    /// First of the ports of the dynamic route.
    pub base_port: u16,
    /// Zone ids in which its endpoint service is offered.
    pub zone_ids: Vec<String>,
    pub privatelink: Option<PrivateLink>,
    /// When a component that was enabled in flight gets its rows; one that is missing has them at once.
    pub(super) rows_from: BTreeMap<String, Duration>,
    /// When REBUILDING is over.
    pub(super) running_at: Option<Duration>,
    pub(super) next_kafka_port: u16,
}

impl Service {
    /// What several consumers may share, by the kind of its entries: components that are enabled and, while its PrivateLink is not being
    /// deleted, principals and regions.
    pub fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        let access = self.user_config["privatelink_access"].as_object();
        let enabled = access.into_iter().flatten().filter(|(_, on)| **on == Value::Bool(true));
        let mut lists = vec![("component", enabled.map(|(name, _)| name.clone()).collect())];
        if let Some(link) = &self.privatelink
            && link.state != LinkState::Deleting
        {
            lists.push(("principal", link.principals.clone()));
            lists.push(("region", link.supported_regions.clone()));
        }
        lists
    }

    /// A running service in a project VPC, without any component enabled for PrivateLink.
    pub fn running(
        project: &str,
        name: &str,
        service_type: &str,
        cloud_name: &str,
        project_vpc_id: Option<&str>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            service_type: service_type.to_owned(),
            plan: "business-4".to_owned(),
            cloud_name: cloud_name.to_owned(),
            state: ServiceState::Running,
            project_vpc_id: project_vpc_id.map(str::to_owned),
            user_config: json!({}),
            integrations: BTreeSet::new(),
            host: format!("{name}-{project}.a.aivencloud.com"),
            base_port: 12690,
            zone_ids: super::ZONE_IDS.map(str::to_owned).to_vec(),
            privatelink: None,
            rows_from: BTreeMap::new(),
            running_at: None,
            next_kafka_port: FIRST_KAFKA_PORT,
        }
    }

    /// The AWS region of `aws-<region>`; `None` on another cloud.
    pub fn aws_region(&self) -> Option<&str> {
        self.cloud_name.strip_prefix("aws-")
    }

    /// A boolean of `user_config` by its path, or the default.
    pub(super) fn flag(&self, path: &[&str], default: bool) -> bool {
        let found = path.iter().try_fold(&self.user_config, |value, key| value.get(key));
        found.and_then(Value::as_bool).unwrap_or(default)
    }

    /// Merges a partial configuration deeply and notes which components were enabled or disabled by it.
    pub(super) fn merge_user_config(&mut self, change: &Value, now: Duration, knobs: &AivenKnobs) {
        if let Some(access) = change.get("privatelink_access").and_then(Value::as_object) {
            for (component, enabled) in access {
                let was = self.flag(&["privatelink_access", component], false);
                match (was, enabled.as_bool()) {
                    (false, Some(true)) => _ = self.rows_from.insert(component.clone(), now + knobs.component_lag),
                    (true, Some(false)) => _ = self.rows_from.remove(component),
                    _ => {}
                }
            }
        }
        merge(&mut self.user_config, change);
    }

    /// Begins a rebuild, which ends in RUNNING.
    pub(super) fn rebuild(&mut self, now: Duration, knobs: &AivenKnobs) {
        self.state = ServiceState::Rebuilding;
        self.running_at = Some(now + knobs.rebuild);
    }

    /// Drops the PrivateLink without a trace.
    pub(super) fn drop_privatelink(&mut self, fabric: &Fabric) {
        if let Some(service_id) = self.privatelink.take().and_then(|link| link.aws_service_id) {
            fabric.withdraw_service(&service_id);
        }
    }
}

fn merge(target: &mut Value, change: &Value) {
    match (target, change) {
        (Value::Object(target), Value::Object(change)) => {
            for (key, value) in change {
                merge(
                    target.entry(key.clone()).or_insert_with(|| Value::Object(Map::new())),
                    value,
                );
            }
        }
        (target, change) => *target = change.clone(),
    }
}

/// States of a PrivateLink, in Aiven's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    Creating,
    Active,
    Deleting,
}

impl LinkState {
    pub fn wire(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Active => "active",
            Self::Deleting => "deleting",
        }
    }
}

/// The PrivateLink of a service.
#[derive(Debug, Clone)]
pub struct PrivateLink {
    pub principals: Vec<String>,
    /// Without the service's own region.
    pub supported_regions: Vec<String>,
    pub state: LinkState,
    /// `vpce-svc-…`; `None` while creating.
    pub aws_service_id: Option<String>,
    /// `com.amazonaws.vpce.<region>.vpce-svc-…`; `None` while creating.
    pub aws_service_name: Option<String>,
    /// Accounts whose endpoints are there when the endpoint service is first offered.
    pub foreign_accounts: Vec<String>,
    /// In the order in which they were listed first.
    pub connections: Vec<Connection>,
    pub(super) created_at: Duration,
    /// When the state moves on.
    pub(super) due: Duration,
    /// After a PUT the state shows as `creating` until then.
    pub(super) updating_until: Duration,
    pub(super) refreshed_at: Option<Duration>,
    pub(super) last_number: u32,
}

impl PrivateLink {
    /// A link that was there before the run, with connections of other accounts; it is offered at the first look.
    pub fn active(principals: &[&str], foreign_accounts: &[&str]) -> Self {
        let owned = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect();
        Self {
            state: LinkState::Active,
            foreign_accounts: owned(foreign_accounts),
            ..Self::creating(owned(principals), Vec::new(), Duration::ZERO, Duration::ZERO)
        }
    }

    pub(super) fn creating(
        principals: Vec<String>,
        supported_regions: Vec<String>,
        now: Duration,
        due: Duration,
    ) -> Self {
        Self {
            principals,
            supported_regions,
            state: LinkState::Creating,
            aws_service_id: None,
            aws_service_name: None,
            foreign_accounts: Vec::new(),
            connections: Vec::new(),
            created_at: now,
            due,
            updating_until: Duration::ZERO,
            refreshed_at: None,
            last_number: 0,
        }
    }
}

/// States of a connection; Aiven's `pending-user-approval` and `user-approved` are not reachable on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionState {
    Connected,
    Active,
}

impl ConnectionState {
    pub fn wire(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Active => "active",
        }
    }
}

/// A VPC endpoint as Aiven lists it.
#[derive(Debug, Clone)]
pub struct Connection {
    pub vpc_endpoint_id: String,
    pub dns_name: String,
    /// `plc` and 11 hex digits.
    pub id: String,
    /// The n of `privatelink-<n>-…`.
    pub number: u32,
    pub active_at: Duration,
    /// Kafka's ports of this connection: certificate, SASL with the project's CA, SASL with Let's Encrypt.
    pub kafka_ports: [u16; 3],
}

impl Connection {
    pub fn state(&self, now: Duration) -> ConnectionState {
        if now >= self.active_at {
            ConnectionState::Active
        } else {
            ConnectionState::Connected
        }
    }
}
