//! The document that travels through the state machine: the request as validated, then one key per step.
//!
//! A step reads what earlier steps left and answers with its own [`Phase`], which the state machine stores under the step's
//! key. No secret and no token is ever in it.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::identity::ConnectionId;
use crate::plan::Plan;
use crate::progress::Phase;
use crate::request::Request;

/// The whole document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Document {
    pub request: Request,
    /// Where the request came from, if a vending profile made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    pub execution: Execution,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preflight: Option<Phase<Preflight>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Phase<ServiceOffer>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Phase<EndpointMade>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<Phase<AvailableEndpoint>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Phase<Access>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retirement: Option<Phase<Removed>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal: Option<Phase<Removed>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Phase<Undone>>,
    /// Endpoints of this run that came to nothing and were made again, oldest first. One alone may come without its list, as JSONata
    /// makes no list of one.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_many")]
    pub ended: Vec<EndedEndpoint>,
    /// What a `Catch` caught.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Caught>,
}

/// The vending profile that made a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The profile's name.
    pub profile: String,
    /// The version of its parameter in the Parameter Store, from 1.
    pub version: u64,
}

/// The run, from the state machine's context object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Execution {
    /// The execution's ARN.
    pub id: String,
    pub name: String,
    /// RFC 3339.
    pub started_at: String,
}

/// An error as Step Functions hands it to a `Catch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Caught {
    pub error: String,
    /// For a Lambda's error a JSON text with `errorType` and `errorMessage`; absent or plain text otherwise.
    #[serde(default)]
    pub cause: String,
}

impl Caught {
    /// The cause as a sentence: a Lambda's is a JSON text around its message.
    pub fn message(&self) -> String {
        let cause = serde_json::from_str::<serde_json::Value>(&self.cause).ok();
        let message = cause.as_ref().and_then(|cause| cause.get("errorMessage")?.as_str());
        message.unwrap_or(&self.cause).to_owned()
    }
}

/// An endpoint that was rejected, failed, expired or deleted by somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedEndpoint {
    pub endpoint_id: String,
    /// EC2's word.
    pub state: String,
    /// A sentence.
    pub reason: String,
}

/// What preflight found: the facts of the world before this run changed it, so that undo takes back just what it added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    /// The identity, which needs the VPC's id.
    pub connection_id: ConnectionId,
    /// The VPC; none only where a deprovision does not find it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// The VPC's own CIDR ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vpc_cidrs: Vec<String>,
    /// What the run will write.
    pub plan: Plan,
    /// What the vendor said; none where a deprovision did not ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<VendorFacts>,
    /// The connection's endpoint, or the one to adopt, if it existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// Our private hosted zone, if it existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone_id: Option<String>,
    /// Something of the connection is to go when the new endpoint works.
    #[serde(default)]
    pub retires: bool,
}

/// What the vendor said before this run changed anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorFacts {
    /// The vendor's AWS region, where its endpoint service is.
    pub service_region: String,
    /// The vendor's PrivateLink service existed.
    pub service_existed: bool,
    /// The endpoint service's name, if the service was there and had one already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// What this run will add to the vendor's shared lists.
    pub adds: Additions,
    /// TCP ports that the endpoint's security groups must let in, as inclusive ranges.
    pub ports: Vec<(u16, u16)>,
    /// The name that needs a private hosted zone in the VPC, if the vendor has none of its own in public DNS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_hostname: Option<String>,
}

/// Entries of the vendor's shared lists that a request needs and that are not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Additions {
    /// Aiven `principals`, HCP `consumer_accounts`.
    pub principals: Vec<String>,
    /// HCP `consumer_ip_ranges`.
    pub ip_ranges: Vec<String>,
    /// Aiven `supported_regions`, HCP `consumer_regions`.
    pub regions: Vec<String>,
    /// Aiven `user_config.privatelink_access` keys.
    pub components: Vec<String>,
}

impl Additions {
    /// Nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.principals.is_empty() && self.ip_ranges.is_empty() && self.regions.is_empty() && self.components.is_empty()
    }
}

/// The vendor's service, ready for an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceOffer {
    /// `com.amazonaws.vpce.<region>.vpce-svc-…`
    pub service_name: String,
    /// The vendor's AWS region.
    pub service_region: String,
}

/// The endpoint exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointMade {
    /// `vpce-…`
    pub endpoint_id: String,
    /// From 1; part of the ClientToken.
    pub generation: u32,
}

/// The endpoint is `available`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailableEndpoint {
    pub endpoint_id: String,
    /// Regional name first, zonal names after it.
    pub dns_entries: Vec<DnsEntry>,
    pub network_interface_ids: Vec<String>,
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
}

/// A DNS name of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsEntry {
    pub dns_name: String,
    /// The zone that an alias record to `dns_name` names as its target's.
    pub hosted_zone_id: String,
}

/// The vendor lets traffic through and says where to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The vendor's own id of this connection (Aiven `plc…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_connection_id: Option<String>,
    /// Where each component answers.
    pub components: Vec<ComponentAddress>,
    /// The private hosted zone that makes the vendor's name resolve in the VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosted_zone_id: Option<String>,
}

/// Where a component of the vendor's service answers over this connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentAddress {
    /// The vendor's name for it: `kafka`, `schema_registry`, `vault`.
    pub component: String,
    pub host: String,
    pub port: u16,
    /// Only of Kafka brokers: `certificate` or `sasl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication_method: Option<String>,
    /// Which CA signs it: `project_ca`, `letsencrypt`, where the vendor says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// `primary`, `replica`, …, where the vendor says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// `https://host:port`, for components that speak HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What a removal came to; the output of the action `deprovision`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    pub connection_id: ConnectionId,
    /// Everything was looked at: what is left is there for others. False where the vendor could not be asked.
    pub complete: bool,
    /// What is left, each with the reason and what to do about it.
    pub left: Vec<String>,
}

/// What undo took back and what it could not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// The first cause, as a sentence.
    pub cause: String,
    /// What is left, each with the reason and the command or place to remove it.
    pub left: Vec<String>,
}

/// The output of the workflow: how to use the connection. Never a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    pub connection_id: ConnectionId,
    /// `hcp_vault` or `aiven`.
    pub provider: String,
    pub endpoint: EndpointInfo,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor_connection_id: Option<String>,
    pub components: Vec<ComponentAddress>,
    /// The private hosted zone, where one was needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_dns: Option<PrivateDns>,
    /// Where to get the CA certificate that clients must trust, where it is not a public one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<String>,
    /// Where clients find credentials: a place, never the thing.
    pub credentials: String,
    pub timings: Vec<Timing>,
}

/// The consumer's side of the connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointInfo {
    pub endpoint_id: String,
    pub service_name: String,
    pub account_id: String,
    pub region: String,
    pub vpc_id: String,
    pub dns_names: Vec<String>,
    pub network_interface_ids: Vec<String>,
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
}

/// A private hosted zone of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateDns {
    pub hosted_zone_id: String,
    pub name: String,
}

/// How long a phase took, by the waits it asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    pub phase: String,
    pub looks: u32,
    pub waited_seconds: u32,
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<EndedEndpoint>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        Many(Vec<EndedEndpoint>),
        One(EndedEndpoint),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::Many(many) => many,
        OneOrMany::One(one) => vec![one],
    })
}
