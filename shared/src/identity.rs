//! The one identity of a connection, and everything derived from it.
//!
//! Provider service, consumer account, region and VPC make a connection what it is. The same request thus always finds what
//! an earlier run made, and nothing else.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::request::{Provider, Request};

/// Tag with the [`ConnectionId`]: what carries it is ours.
pub const TAG_CONNECTION: &str = "privatelink-workflow:connection";
/// Tag with the generation of the endpoint, from 1.
pub const TAG_GENERATION: &str = "privatelink-workflow:generation";
/// Tag with the name of the execution that made the resource.
pub const TAG_EXECUTION: &str = "privatelink-workflow:execution";
/// Tag with a mark for each of the request's own tags, by which one that the request no longer has is told from other people's.
pub const TAG_KEYS: &str = "privatelink-workflow:keys";
/// Tag of an endpoint with the vendor's service: what a request says of it besides [`TAG_COMPONENTS`] and [`TAG_SECRET`].
pub const TAG_SERVICE: &str = "privatelink-workflow:service";
/// Tag of an endpoint with the request's components, where its vendor has any.
pub const TAG_COMPONENTS: &str = "privatelink-workflow:components";
/// Tag of an endpoint with the name or ARN of the secret.
pub const TAG_SECRET: &str = "privatelink-workflow:secret";
/// Prefix that a request's own tags must not have.
pub const TAG_PREFIX: &str = "privatelink-workflow:";

/// "Value length" of EC2's tag restrictions.
const TAG_VALUE_CHARS: usize = 256;

/// `plw-` and 16 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(String);

impl ConnectionId {
    /// The identity of the connection that the request describes, in this VPC.
    pub fn of(request: &Request, vpc_id: &str) -> Self {
        let consumer = &request.consumer;
        let parts = [
            request.provider.service_coordinates().join("/"),
            consumer.account_id.clone(),
            consumer.region.clone(),
            vpc_id.to_owned(),
        ];
        Self(format!("plw-{}", hex(&parts.join("|"), 8)))
    }

    /// The EC2 `ClientToken` of a generation of the endpoint (at most 64 ASCII characters).
    ///
    /// The same for every retry of every layer. A token may not serve twice (whether EC2 accepts one again after its endpoint
    /// is gone is documented nowhere), hence the generation.
    pub fn client_token(&self, generation: u32) -> String {
        format!("{self}-g{generation}")
    }

    /// The Route 53 `CallerReference` prefix by which a hosted zone of ours is known.
    pub fn zone_reference_prefix(&self) -> String {
        format!("{self}/")
    }

    /// The `CallerReference` of the zone that an execution makes (Route 53 takes each only once, for ever).
    pub fn zone_reference(&self, request: &Request, execution_id: &str) -> String {
        format!("{self}/{}{}", hex(execution_id, 8), zone_reference_suffix(request))
    }

    /// The name of the security group that the workflow makes, unique in its VPC.
    pub fn group_name(&self) -> String {
        format!("privatelink-workflow {self}")
    }

    /// The tags that make a resource ours, over the request's own.
    pub fn tags(&self, request: &Request, generation: u32, execution_name: &str) -> BTreeMap<String, String> {
        let mut tags = request.consumer.tags.clone();
        tags.entry("Name".to_owned())
            .or_insert_with(|| request.provider.display_name());
        let keys: Vec<String> = tags.keys().map(|key| key_mark(key)).collect();
        tags.insert(TAG_KEYS.to_owned(), keys.join(" "));
        tags.insert(TAG_CONNECTION.to_owned(), self.0.clone());
        tags.insert(TAG_GENERATION.to_owned(), generation.to_string());
        tags.insert(TAG_EXECUTION.to_owned(), execution_name.to_owned());
        tags
    }

    /// The same for an endpoint, with what a request needs that is made of them, should the register be lost.
    pub fn endpoint_tags(&self, request: &Request, generation: u32, execution_name: &str) -> BTreeMap<String, String> {
        let mut tags = self.tags(request, generation, execution_name);
        tags.extend(service_tags(&request.provider));
        tags
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The vendor's side of a request as tags. What does not fit is empty, as a tag of ours is never taken off.
fn service_tags(provider: &Provider) -> BTreeMap<String, String> {
    let (service, components) = match provider {
        Provider::HcpVault(hcp) => {
            let ids = [
                &hcp.organization_id,
                &hcp.project_id,
                &hcp.hvn_id,
                &hcp.vault_cluster_id,
            ];
            (ids.map(String::as_str).join("/"), None)
        }
        Provider::Aiven(aiven) => (
            format!("{}/{}", aiven.project, aiven.service_name),
            Some(aiven.components.join(" ")),
        ),
    };
    let mut tags = BTreeMap::from([
        (TAG_SERVICE.to_owned(), format!("{}/{service}", provider.kind())),
        (TAG_SECRET.to_owned(), provider.secret_id().to_owned()),
    ]);
    tags.extend(components.map(|components| (TAG_COMPONENTS.to_owned(), components)));
    for value in tags.values_mut() {
        if value.chars().count() > TAG_VALUE_CHARS {
            value.clear();
        }
    }
    tags
}

/// The vendor's side of a request out of an endpoint's tags. HCP's ranges, which no tag holds, are those of the VPC.
///
/// # Errors
/// A sentence about what the tags lack.
pub fn provider_of_tags(tags: &BTreeMap<String, String>, vpc_cidrs: &[String]) -> Result<Value, String> {
    let tag = |key: &str| {
        let value = tags.get(key).filter(|value| !value.is_empty());
        value.ok_or_else(|| format!("it has no tag {key}; run its request again, which sets it"))
    };
    let service = tag(TAG_SERVICE)?;
    let secret_id = tag(TAG_SECRET)?;
    match service.split('/').collect::<Vec<_>>()[..] {
        ["aiven", project, service_name] => Ok(json!({
            "type": "aiven", "project": project, "service_name": service_name, "secret_id": secret_id,
            "components": tag(TAG_COMPONENTS)?.split(' ').collect::<Vec<_>>(),
        })),
        ["hcp_vault", organization_id, project_id, hvn_id, vault_cluster_id] => Ok(json!({
            "type": "hcp_vault", "organization_id": organization_id, "project_id": project_id, "hvn_id": hvn_id,
            "vault_cluster_id": vault_cluster_id, "consumer_ip_ranges": vpc_cidrs, "secret_id": secret_id,
        })),
        _ => Err(format!("its tag {TAG_SERVICE} names no service: {service}")),
    }
}

/// What a `CallerReference` ends with, by which a zone is found whose VPC was named by tags and is gone.
pub fn zone_reference_suffix(request: &Request) -> String {
    let consumer = &request.consumer;
    let parts = [
        request.provider.service_coordinates().join("/"),
        consumer.account_id.clone(),
        consumer.region.clone(),
        format!("{:?}", (&consumer.vpc_id, &consumer.vpc_tags)),
    ];
    format!("/{}", hex(&parts.join("|"), 8))
}

/// The mark of a tag's key in [`TAG_KEYS`]: short, as forty of them must fit into a tag's 256 characters.
pub fn key_mark(key: &str) -> String {
    hex(key, 2)
}

/// Eight hex digits by which texts are told apart, as in the names of executions.
pub fn short_hash(text: &str) -> String {
    hex(text, 4)
}

/// The first `bytes` bytes of the SHA-256 of `text`, as hex.
fn hex(text: &str, bytes: usize) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .take(bytes)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
