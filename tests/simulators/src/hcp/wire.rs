//! The JSON of HCP's API: requests in both cases of proto-JSON, answers in snake_case with empty values written out.

use std::collections::HashMap;
use std::time::Duration;

use axum::response::Response;
use http::{HeaderValue, header};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::errors::ApiError;
use super::world::{Cluster, Network, Operation, PrivateLink, World};
use crate::knobs::HcpKnobs;

pub(super) const HVN: &str = "hashicorp.network.hvn";
pub(super) const PRIVATE_LINK: &str = "hashicorp.network.private-link";
pub(super) const VAULT_CLUSTER: &str = "hashicorp.vault.cluster";

/// Query parameters; unknown ones are ignored.
pub(super) type Params = HashMap<String, String>;

/// `{"private_link_service": …}`. Read-only fields are ignored, as are unknown ones.
#[derive(Debug, Deserialize)]
pub(super) struct CreateRequest {
    pub(super) private_link_service: PrivateLinkInput,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct PrivateLinkInput {
    #[serde(deserialize_with = "null_as_empty")]
    pub(super) id: String,
    #[serde(deserialize_with = "null_as_empty")]
    pub(super) vault_cluster_id: String,
    #[serde(deserialize_with = "null_as_empty")]
    pub(super) consumer_accounts: Vec<String>,
    #[serde(deserialize_with = "null_as_empty")]
    pub(super) consumer_ip_ranges: Vec<String>,
    #[serde(deserialize_with = "null_as_empty")]
    pub(super) consumer_regions: Vec<String>,
    pub(super) hvn: Option<HvnInput>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UpdateRequest {
    #[serde(deserialize_with = "null_as_empty")]
    pub(super) id: String,
    #[serde(deserialize_with = "null_as_empty")]
    pub(super) add_consumer_accounts: Vec<String>,
    #[serde(deserialize_with = "null_as_empty")]
    pub(super) remove_consumer_accounts: Vec<String>,
    #[serde(deserialize_with = "null_as_empty")]
    pub(super) add_consumer_ip_ranges: Vec<String>,
    #[serde(deserialize_with = "null_as_empty")]
    pub(super) remove_consumer_ip_ranges: Vec<String>,
    #[serde(deserialize_with = "null_as_empty")]
    pub(super) add_consumer_regions: Vec<String>,
    #[serde(deserialize_with = "null_as_empty")]
    pub(super) remove_consumer_regions: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct HvnInput {
    location: Option<LocationInput>,
}

#[derive(Debug, Deserialize)]
struct LocationInput {
    region: Option<RegionInput>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(super) struct RegionInput {
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) provider: String,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(super) region: String,
}

impl HvnInput {
    pub(super) fn region(&self) -> Option<&RegionInput> {
        self.location.as_ref()?.region.as_ref()
    }
}

/// The Go SDK writes unset lists as `null`.
fn null_as_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a request body, whatever its content type says.
///
/// # Errors
/// 400 with code 3.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let value: Value = serde_json::from_slice(body).map_err(|error| ApiError::invalid(error.to_string()))?;
    serde_json::from_value(snake_case_keys(value)).map_err(|error| ApiError::invalid(error.to_string()))
}

fn snake_case_keys(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let renamed = fields
                .into_iter()
                .map(|(key, value)| (snake_case(&key), snake_case_keys(value)));
            Value::Object(renamed.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.into_iter().map(snake_case_keys).collect(),
        other => other,
    }
}

fn snake_case(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 4);
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Renders the objects of one project.
pub(super) struct Render<'a> {
    pub(super) world: &'a World,
    pub(super) project_id: &'a str,
    pub(super) now: Duration,
}

impl Render<'_> {
    fn location(&self, provider: &str, region: &str) -> Value {
        json!({
            "organization_id": self.world.organization_id,
            "project_id": self.project_id,
            "region": {"provider": provider, "region": region},
        })
    }

    fn timestamp(&self, at: Duration) -> String {
        let time = jiff::SignedDuration::try_from(at)
            .ok()
            .and_then(|at| self.world.epoch.checked_add(at).ok());
        format!("{:.3}", time.unwrap_or(Timestamp::MAX))
    }

    pub(super) fn private_link(&self, link: &PrivateLink, network: &Network, knobs: &HcpKnobs) -> Value {
        let hvn_id = if knobs.hvn_uuid_as_id {
            &network.uuid
        } else {
            &network.id
        };
        let mut lists = [
            link.consumer_accounts.clone(),
            link.consumer_ip_ranges.clone(),
            link.consumer_regions.clone(),
        ];
        if knobs.sorted_lists {
            lists.iter_mut().for_each(|list| list.sort());
        }
        let [accounts, ip_ranges, regions] = lists;
        json!({
            "id": link.id,
            "external_name": link.external_name,
            "hvn": {
                "type": HVN,
                "id": hvn_id,
                "uuid": network.uuid,
                "location": self.location(&network.provider, &network.region),
                "description": "",
            },
            "state": link.state.wire(),
            "created_at": self.timestamp(link.created_at),
            "updated_at": self.timestamp(link.updated_at),
            "vault_cluster_id": link.vault_cluster_id,
            "consumer_regions": regions,
            "default_region": network.region,
            "consumer_accounts": accounts,
            "consumer_ip_ranges": ip_ranges,
        })
    }

    pub(super) fn operation(&self, operation: &Operation) -> Value {
        let (kind, id, description) = &operation.resource;
        let location = self.location("aws", &operation.region);
        let state = operation.state(self.now);
        let updated_at = match state {
            "DONE" => operation.done_at,
            "RUNNING" => operation.running_at,
            _ => operation.created_at,
        };
        let mut value = json!({
            "id": operation.id,
            "state": state,
            "location": location.clone(),
            "link": {"type": kind, "id": id, "uuid": id, "location": location, "description": description},
            "created_at": self.timestamp(operation.created_at),
            "updated_at": self.timestamp(updated_at),
        });
        if let (Some(error), "DONE") = (&operation.error, state) {
            value["error"] = error.body();
        }
        value
    }

    pub(super) fn network(&self, network: &Network) -> Value {
        let data = match network.provider.as_str() {
            "azure" => json!({"azure_network_data": {}}),
            _ => json!({"aws_network_data": {"account_id": network.aws_account_id}}),
        };
        json!({
            "id": network.id,
            "cidr_block": network.cidr_block,
            "location": self.location(&network.provider, &network.region),
            "state": network.state,
            "provider_network_data": data,
            "created_at": self.timestamp(Duration::ZERO),
        })
    }

    pub(super) fn peerings(&self, network: &Network) -> Vec<Value> {
        let render = |peering: &super::Peering| {
            json!({
                "id": peering.id,
                "hvn": self.link(HVN, &network.id, network),
                "state": peering.state,
                "target": {"aws_target": {"account_id": peering.account_id, "vpc_id": peering.vpc_id, "region": network.region, "cidr": peering.cidr}},
                "provider_peering_id": "",
                "created_at": self.timestamp(Duration::ZERO),
                "updated_at": self.timestamp(Duration::ZERO),
            })
        };
        network.peerings.iter().map(render).collect()
    }

    pub(super) fn tgw_attachments(&self, network: &Network) -> Vec<Value> {
        let render = |attachment: &super::TgwAttachment| {
            json!({
                "id": attachment.id,
                "hvn": self.link(HVN, &network.id, network),
                "location": self.location(&network.provider, &network.region),
                "cidrs": [],
                "state": attachment.state,
                "provider_data": {"aws_data": {"account_id": attachment.account_id, "tgw_id": attachment.tgw_id}},
                "provider_tgw_attachment_id": "",
            })
        };
        network.tgw_attachments.iter().map(render).collect()
    }

    /// A reference to a resource of the network's region.
    pub(super) fn link(&self, kind: &str, id: &str, network: &Network) -> Value {
        json!({"type": kind, "id": id, "uuid": id, "description": "", "location": self.location(&network.provider, &network.region)})
    }

    pub(super) fn cluster(&self, cluster: &Cluster, network: Option<&Network>) -> Value {
        let (provider, region) = network.map_or(("aws", ""), |network| (&network.provider, &network.region));
        json!({
            "id": cluster.id,
            "resource_id": cluster.resource_id,
            "location": self.location(provider, region),
            "state": cluster.state,
            "current_version": "v1.19.0",
            "created_at": self.timestamp(Duration::ZERO),
            "dns_names": {
                "public": cluster.public_dns.clone().unwrap_or_default(),
                "private": cluster.private_dns,
                "proxy": "",
                "custom": "",
            },
            "config": {
                "tier": cluster.tier,
                "network_config": {
                    "network_id": cluster.network_id,
                    "public_ips_enabled": cluster.public_dns.is_some(),
                    "http_proxy_option": "DISABLED",
                    "ip_allowlist": [],
                },
                "vault_config": {"namespace": "admin", "initial_version": ""},
                "capacity_config": {"num_servers": 3},
            },
            "lock_origins": [],
            "notifications": [],
        })
    }
}

/// One page of a list under `key`. Tokens are opaque to clients.
///
/// # Errors
/// 400 with code 3 for a token that no answer contained.
pub(super) fn page(key: &str, items: Vec<Value>, params: &Params) -> Result<Value, ApiError> {
    const DEFAULT_SIZE: usize = 10;
    let number = |name: &str| params.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let size = match number("pagination.page_size").map(str::parse) {
        None | Some(Ok(0)) => DEFAULT_SIZE,
        Some(Ok(size)) => size,
        Some(Err(_)) => return Err(ApiError::invalid("invalid page_size")),
    };
    let next = number("pagination.next_page_token").or_else(|| number("pagination.previous_page_token"));
    let start: usize = match next.map(|token| token.strip_prefix("page-").unwrap_or_default().parse()) {
        None => 0,
        Some(Ok(start)) => start,
        Some(Err(_)) => return Err(ApiError::invalid("invalid page token")),
    };
    let end = start.saturating_add(size);
    let token = |at: Option<usize>| at.map(|at| format!("page-{at}")).unwrap_or_default();
    let pagination = json!({
        "next_page_token": token((end < items.len()).then_some(end)),
        "previous_page_token": token((start > 0).then(|| start.saturating_sub(size))),
    });
    let items: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    Ok(json!({key: items, "pagination": pagination}))
}

/// What HCP's proxy adds to every answer.
pub(super) async fn gateway_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::SERVER, HeaderValue::from_static("envoy"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, max-age=0"));
    headers.insert(
        "grpc-metadata-content-type",
        HeaderValue::from_static("application/grpc"),
    );
    response
}
