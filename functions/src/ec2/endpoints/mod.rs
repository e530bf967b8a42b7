//! Interface endpoints: find them here, make, change and delete them in `write`.

mod write;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::VpcEndpoint;
use shared::document::{AvailableEndpoint, DnsEntry};
use shared::identity::{ConnectionId, TAG_CONNECTION, TAG_EXECUTION, TAG_GENERATION};
use shared::{Error, Result, aws};

use super::filter;
use super::tagging::{Tags, read_tags};
pub use write::{Created, Modification, New, create, delete, modify};

/// States of an endpoint.
///
/// EC2 sends them in camelCase and the SDK knows only PascalCase (aws-sdk-rust#619), so they are compared without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    PendingAcceptance,
    Pending,
    Available,
    Partial,
    Deleting,
    Deleted,
    Rejected,
    Failed,
    Expired,
    /// In no contract.
    Unknown(String),
}

impl State {
    fn of(raw: &str) -> Self {
        match raw.to_ascii_lowercase().as_str() {
            "pendingacceptance" => Self::PendingAcceptance,
            "pending" => Self::Pending,
            "available" => Self::Available,
            "partial" => Self::Partial,
            "deleting" => Self::Deleting,
            "deleted" => Self::Deleted,
            "rejected" => Self::Rejected,
            "failed" => Self::Failed,
            "expired" => Self::Expired,
            _ => Self::Unknown(raw.to_owned()),
        }
    }
}

/// An endpoint as described.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub id: String,
    pub state: State,
    /// The state as EC2 wrote it, for messages.
    pub raw_state: String,
    pub service_name: String,
    /// `Interface` for all that this workflow makes.
    pub endpoint_type: String,
    pub vpc_id: String,
    pub owner_id: String,
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
    pub private_dns_enabled: bool,
    /// Another AWS service made it and keeps it.
    pub requester_managed: bool,
    pub tags: Tags,
    pub dns_entries: Vec<DnsEntry>,
    pub network_interface_ids: Vec<String>,
    /// `LastError` and `FailureReason`, where EC2 gave any.
    pub failure: Option<String>,
    created_at: i64,
}

impl Endpoint {
    #[cfg(test)]
    pub(crate) fn sample(id: &str, raw_state: &str, dns_entries: Vec<DnsEntry>) -> Self {
        Self {
            id: id.to_owned(),
            state: State::of(raw_state),
            raw_state: raw_state.to_owned(),
            service_name: "com.amazonaws.vpce.eu-west-1.vpce-svc-1".to_owned(),
            endpoint_type: "Interface".to_owned(),
            vpc_id: "vpc-1".to_owned(),
            owner_id: "111122223333".to_owned(),
            subnet_ids: Vec::new(),
            security_group_ids: Vec::new(),
            private_dns_enabled: false,
            requester_managed: false,
            tags: Tags::new(),
            dns_entries,
            network_interface_ids: Vec::new(),
            failure: None,
            created_at: 0,
        }
    }

    /// Connected, or on its way.
    pub fn is_live(&self) -> bool {
        matches!(
            self.state,
            State::PendingAcceptance | State::Pending | State::Available | State::Partial
        )
    }

    /// It may use its service, also in a state that no contract knows: for whoever would take the service away.
    pub fn may_be_live(&self) -> bool {
        self.is_live() || matches!(self.state, State::Unknown(_))
    }

    /// It came to nothing, and will not move again by itself.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, State::Rejected | State::Failed | State::Expired)
    }

    /// On its way out.
    pub fn is_leaving(&self) -> bool {
        self.state == State::Deleting
    }

    /// The execution that made it; none of one that was adopted.
    pub fn execution(&self) -> Option<&str> {
        self.tags.get(TAG_EXECUTION).map(String::as_str)
    }

    /// From 1.
    pub fn generation(&self) -> u32 {
        self.tags.get(TAG_GENERATION).and_then(|g| g.parse().ok()).unwrap_or(1)
    }

    /// Of this connection.
    pub fn is_of(&self, connection: &ConnectionId) -> bool {
        self.tags.get(TAG_CONNECTION) == Some(&connection.to_string())
    }

    /// For later steps.
    pub fn available(self) -> AvailableEndpoint {
        AvailableEndpoint {
            endpoint_id: self.id,
            dns_entries: self.dns_entries,
            network_interface_ids: self.network_interface_ids,
            subnet_ids: self.subnet_ids,
            security_group_ids: self.security_group_ids,
        }
    }

    fn from_sdk(endpoint: &VpcEndpoint) -> Result<Self> {
        let field = |name: &str, value: Option<&str>| {
            value.map(str::to_owned).ok_or_else(|| {
                Error::unexpected(format!(
                    "EC2 described an endpoint without {name}; no documented answer does that."
                ))
            })
        };
        let raw_state = field("a state", endpoint.state().map(|s| s.as_str()))?;
        Ok(Self {
            id: field("an id", endpoint.vpc_endpoint_id())?,
            state: State::of(&raw_state),
            raw_state,
            service_name: field("a service name", endpoint.service_name())?,
            endpoint_type: endpoint
                .vpc_endpoint_type()
                .map_or("Interface", |t| t.as_str())
                .to_owned(),
            vpc_id: endpoint.vpc_id().unwrap_or_default().to_owned(),
            owner_id: endpoint.owner_id().unwrap_or_default().to_owned(),
            subnet_ids: endpoint.subnet_ids().to_vec(),
            security_group_ids: endpoint
                .groups()
                .iter()
                .filter_map(|g| g.group_id().map(str::to_owned))
                .collect(),
            private_dns_enabled: endpoint.private_dns_enabled() == Some(true),
            requester_managed: endpoint.requester_managed() == Some(true),
            tags: read_tags(endpoint.tags()),
            dns_entries: endpoint
                .dns_entries()
                .iter()
                .filter_map(|entry| {
                    Some(DnsEntry {
                        dns_name: entry.dns_name()?.to_owned(),
                        hosted_zone_id: entry.hosted_zone_id()?.to_owned(),
                    })
                })
                .collect(),
            network_interface_ids: endpoint.network_interface_ids().to_vec(),
            failure: failure(endpoint),
            created_at: endpoint.creation_timestamp().map_or(0, |t| t.secs()),
        })
    }
}

fn failure(endpoint: &VpcEndpoint) -> Option<String> {
    let last_error = endpoint.last_error().map(|e| {
        format!(
            "{}: {}",
            e.code().unwrap_or("no code"),
            e.message().unwrap_or("no message")
        )
    });
    let parts: Vec<String> = last_error
        .into_iter()
        .chain(endpoint.failure_reason().map(str::to_owned))
        .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Every endpoint that carries the connection's tag, in whatever state, oldest first.
///
/// # Errors
/// As EC2 answers.
pub async fn find_ours(ec2: &Client, connection: &ConnectionId) -> Result<Vec<Endpoint>> {
    let by_tag = filter(&format!("tag:{TAG_CONNECTION}"), [connection.to_string()]);
    describe_all(ec2, vec![by_tag], "looking for the connection's endpoint").await
}

/// Every endpoint of this account and region that is some connection's, in whatever state, oldest first.
///
/// # Errors
/// As EC2 answers.
pub async fn find_of_any_connection(ec2: &Client) -> Result<Vec<Endpoint>> {
    let by_key = filter("tag-key", [TAG_CONNECTION]);
    describe_all(ec2, vec![by_key], "looking for the endpoints of connections").await
}

/// Every endpoint of this account and region that is connected to a service.
///
/// # Errors
/// As EC2 answers.
pub async fn find_of_service(ec2: &Client, service_name: &str) -> Result<Vec<Endpoint>> {
    let by_service = filter("service-name", [service_name]);
    describe_all(ec2, vec![by_service], "looking for other endpoints of the service").await
}

async fn describe_all(ec2: &Client, filters: Vec<aws_sdk_ec2::types::Filter>, doing: &str) -> Result<Vec<Endpoint>> {
    let pages = ec2
        .describe_vpc_endpoints()
        .set_filters(Some(filters))
        .into_paginator()
        .items()
        .send();
    let found = pages
        .collect::<std::result::Result<Vec<_>, _>>()
        .await
        .map_err(|e| aws::error(&e, doing))?;
    let mut found = found.iter().map(Endpoint::from_sdk).collect::<Result<Vec<_>>>()?;
    found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    Ok(found)
}

/// One endpoint by id; `None` while it is not visible yet, or no longer there.
///
/// # Errors
/// As EC2 answers.
pub async fn get(ec2: &Client, id: &str) -> Result<Option<Endpoint>> {
    match ec2.describe_vpc_endpoints().vpc_endpoint_ids(id).send().await {
        Ok(answer) => answer.vpc_endpoints().first().map(Endpoint::from_sdk).transpose(),
        Err(error) if aws::code(&error) == Some("InvalidVpcEndpointId.NotFound") => Ok(None),
        Err(error) => Err(aws::error(&error, &format!("describing the endpoint {id}"))),
    }
}
