//! Interface endpoints: find ours, make one, delete one.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{ResourceType, TagSpecification, VpcEndpoint, VpcEndpointType};
use shared::document::{AvailableEndpoint, DnsEntry, Document, ServiceOffer};
use shared::identity::{ConnectionId, TAG_CONNECTION, TAG_EXECUTION, TAG_GENERATION};
use shared::request::Consumer;
use shared::{Error, ErrorName, Result, aws};

use super::{filter, tag, tags};

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
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
    pub generation: u32,
    /// The execution that made it.
    pub execution: Option<String>,
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
            subnet_ids: Vec::new(),
            security_group_ids: Vec::new(),
            generation: 1,
            execution: None,
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

    /// For later steps.
    pub fn available(self) -> AvailableEndpoint {
        AvailableEndpoint {
            endpoint_id: self.id,
            dns_entries: self.dns_entries,
            network_interface_ids: self.network_interface_ids,
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
            subnet_ids: endpoint.subnet_ids().to_vec(),
            security_group_ids: endpoint
                .groups()
                .iter()
                .filter_map(|g| g.group_id().map(str::to_owned))
                .collect(),
            generation: tag(endpoint.tags(), TAG_GENERATION)
                .and_then(|g| g.parse().ok())
                .unwrap_or(1),
            execution: tag(endpoint.tags(), TAG_EXECUTION).map(str::to_owned),
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
pub async fn find_ours(ec2: &Client, consumer: &Consumer, connection: &ConnectionId) -> Result<Vec<Endpoint>> {
    let by_tag = filter(&format!("tag:{TAG_CONNECTION}"), [connection.to_string()]);
    describe_all(
        ec2,
        vec![by_tag, filter("vpc-id", [&consumer.vpc_id])],
        "looking for the connection's endpoint",
    )
    .await
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

/// What came of a create.
#[derive(Debug)]
pub enum Created {
    /// The endpoint, new or the one that the token made before.
    Made(Box<Endpoint>),
    /// EC2 does not know the service yet, or not for this account.
    ServiceUnknown(String),
    /// The token was used with other parameters.
    TokenTaken,
    /// Another operation on the same thing is under way.
    Busy(String),
}

/// Creates the endpoint of a generation.
///
/// # Errors
/// As EC2 answers.
pub async fn create(ec2: &Client, document: &Document, service: &ServiceOffer, generation: u32) -> Result<Created> {
    let consumer = &document.request.consumer;
    let all_tags = document
        .connection_id
        .tags(&document.request, generation, &document.execution.name);
    let tagged = TagSpecification::builder()
        .resource_type(ResourceType::VpcEndpoint)
        .set_tags(Some(tags(&all_tags)))
        .build();
    let answer = ec2
        .create_vpc_endpoint()
        // The default would be a gateway endpoint.
        .vpc_endpoint_type(VpcEndpointType::Interface)
        .vpc_id(&consumer.vpc_id)
        .service_name(&service.service_name)
        .set_service_region((service.service_region != consumer.region).then(|| service.service_region.clone()))
        .set_subnet_ids(Some(consumer.subnet_ids.clone()))
        .set_security_group_ids(Some(consumer.security_group_ids.clone()))
        // Neither vendor's endpoint service has a private DNS name; asking for it is refused.
        .private_dns_enabled(false)
        .client_token(document.connection_id.client_token(generation))
        .tag_specifications(tagged)
        .send()
        .await;
    let error = match answer {
        Ok(answer) => {
            let endpoint = answer.vpc_endpoint().ok_or_else(|| {
                Error::unexpected("EC2 answered CreateVpcEndpoint without an endpoint; no documented answer does that.")
            })?;
            return Ok(Created::Made(Box::new(Endpoint::from_sdk(endpoint)?)));
        }
        Err(error) => error,
    };
    let named = aws::error(&error, "creating the endpoint");
    Ok(match aws::code(&error) {
        Some("InvalidServiceName") => Created::ServiceUnknown(named.message),
        Some("IdempotentParameterMismatch") => Created::TokenTaken,
        Some("InvalidParameter") if named.message.contains("idempotent operation going on") => {
            Created::Busy(named.message)
        }
        _ => return Err(named),
    })
}

/// Asks for an endpoint's deletion; one that is not there is deleted.
///
/// # Errors
/// As EC2 answers, also inside its HTTP 200.
pub async fn delete(ec2: &Client, id: &str) -> Result<()> {
    let doing = format!("deleting the endpoint {id}");
    let answer = match ec2.delete_vpc_endpoints().vpc_endpoint_ids(id).send().await {
        Ok(answer) => answer,
        Err(error) if aws::code(&error).is_some_and(is_absent) => return Ok(()),
        Err(error) => return Err(aws::error(&error, &doing)),
    };
    for refused in answer.unsuccessful() {
        let code = refused.error().and_then(|e| e.code()).unwrap_or("no code");
        let message = refused.error().and_then(|e| e.message()).unwrap_or("no message");
        if !is_absent(code) {
            return Err(Error::new(
                ErrorName::Unexpected,
                format!("{doing}: AWS answered {code}: {message}"),
            ));
        }
    }
    Ok(())
}

fn is_absent(code: &str) -> bool {
    matches!(code, "InvalidVpcEndpoint.NotFound" | "InvalidVpcEndpointId.NotFound")
}
