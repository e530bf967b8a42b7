//! The JSON of Aiven's API.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::components;
use super::errors::ApiError;
use super::world::{Connection, LinkState, PrivateLink, SECRET_MARKER, Service, Vpc};
use crate::knobs::AivenKnobs;

/// What stands in the place of a secret that the caller did not ask for.
const REDACTED: &str = "<redacted>";

/// Body of POST and PUT; avn writes what was not given as `null`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct LinkRequest {
    pub(super) principals: Option<Vec<String>>,
    pub(super) supported_regions: Option<Vec<String>>,
}

/// Body of a service's PUT; other fields are accepted and change nothing here.
#[derive(Debug, Deserialize)]
pub(super) struct ServiceRequest {
    pub(super) cloud: Option<String>,
    pub(super) plan: Option<String>,
    pub(super) powered: Option<bool>,
    /// Absent: stays where it is; `null`: leaves the VPC; an id: moves there.
    #[serde(default, deserialize_with = "given")]
    pub(super) project_vpc_id: Option<Option<String>>,
    pub(super) user_config: Option<Value>,
}

/// Tells `null` from absent.
fn given<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Reads a request body, whatever its content type says.
///
/// # Errors
/// 400.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::invalid(format!("Invalid input: {error}")))
}

pub(super) fn link(link: &PrivateLink, service: &Service, knobs: &AivenKnobs, now: Duration) -> Value {
    let state = match link.state {
        LinkState::Active if now < link.updating_until => LinkState::Creating,
        state => state,
    };
    let mut value = json!({
        "aws_service_id": link.aws_service_id,
        "aws_service_name": link.aws_service_name,
        "principals": link.principals,
        "state": state.wire(),
    });
    if knobs.regions_in_answers {
        let own = service
            .aws_region()
            .filter(|_| knobs.own_region_listed)
            .map(str::to_owned);
        let regions: Vec<String> = own.into_iter().chain(link.supported_regions.iter().cloned()).collect();
        value["supported_regions"] = json!(regions);
    }
    value
}

pub(super) fn connection(connection: &Connection, knobs: &AivenKnobs, now: Duration) -> Value {
    let known = knobs.connection_id_at_once || now >= connection.active_at;
    json!({
        "vpc_endpoint_id": connection.vpc_endpoint_id,
        "dns_name": connection.dns_name,
        "privatelink_connection_id": known.then_some(&connection.id),
        "state": connection.state(now).wire(),
    })
}

pub(super) fn vpc(vpc: &Vpc) -> Value {
    json!({
        "project_vpc_id": vpc.id,
        "cloud_name": vpc.cloud_name,
        "network_cidr": vpc.network_cidr,
        "state": vpc.state,
        "peering_connections": [],
        "create_time": "2026-01-01T00:00:00Z",
        "update_time": "2026-01-01T00:00:00Z",
    })
}

/// A service; `secrets` shows its users' passwords and keys.
pub(super) fn service(service: &Service, secrets: bool, knobs: &AivenKnobs, now: Duration) -> Value {
    let shown = |what: &str| match secrets || !knobs.redact_secrets {
        true => format!("{SECRET_MARKER}-{what}-{}", service.name),
        false => REDACTED.to_owned(),
    };
    let password = shown("password");
    let user = if matches!(service.service_type.as_str(), "valkey" | "dragonfly") {
        "default"
    } else {
        "avnadmin"
    };
    let mut avnadmin = json!({"username": user, "password": password, "type": "primary"});
    if service.service_type == "kafka" {
        avnadmin["access_cert"] = json!(shown("access-cert"));
        avnadmin["access_key"] = json!(shown("access-key"));
    }
    let (host, port) = (&service.host, components::main_port(service));
    let uri = match service.service_type.as_str() {
        "kafka" => format!("{host}:{port}"),
        "pg" => format!("postgres://{user}:{password}@{host}:{port}/defaultdb?sslmode=require"),
        "mysql" => format!("mysql://{user}:{password}@{host}:{port}/defaultdb?ssl-mode=REQUIRED"),
        "valkey" | "dragonfly" => format!("rediss://{user}:{password}@{host}:{port}"),
        _ => format!("https://{user}:{password}@{host}:{port}"),
    };
    let mut params = json!({"host": host, "port": port.to_string(), "ssl": "required"});
    if service.service_type != "kafka" {
        params["user"] = json!(user);
        params["password"] = json!(password);
    }
    json!({
        "service_name": service.name,
        "service_type": service.service_type,
        "plan": service.plan,
        "cloud_name": service.cloud_name,
        "state": service.state.wire(),
        "project_vpc_id": service.project_vpc_id,
        "components": components::rows(service, knobs, now),
        "connection_info": connection_info(service, &uri, user, &password, &shown),
        "service_uri": uri,
        "service_uri_params": params,
        "users": [avnadmin],
        "user_config": service.user_config,
        "node_count": 3,
        "node_states": [],
        "termination_protection": false,
        "tags": {},
        "create_time": "2026-01-01T00:00:00Z",
        "update_time": "2026-01-01T00:00:00Z",
    })
}

/// URIs of the dynamic route.
fn connection_info(service: &Service, uri: &str, user: &str, password: &str, shown: &dyn Fn(&str) -> String) -> Value {
    let mut info = Map::new();
    info.insert(service.service_type.clone(), json!([uri]));
    match service.service_type.as_str() {
        "kafka" => {
            info.insert("kafka_access_cert".to_owned(), json!(shown("access-cert")));
            info.insert("kafka_access_key".to_owned(), json!(shown("access-key")));
            for component in ["kafka_connect", "kafka_rest", "schema_registry"] {
                if let Some((host, port)) = components::dynamic_address(service, component) {
                    info.insert(
                        format!("{component}_uri"),
                        json!(format!("https://{user}:{password}@{host}:{port}")),
                    );
                }
            }
        }
        "pg" | "mysql" => {
            let params = json!([{"host": service.host, "port": components::main_port(service).to_string(), "user": user, "password": password, "dbname": "defaultdb", "sslmode": "require"}]);
            info.insert(format!("{}_params", service.service_type), params);
        }
        "valkey" | "dragonfly" => {
            info.insert(format!("{}_password", service.service_type), json!(password));
        }
        _ => {}
    }
    Value::Object(info)
}

/// As much of a type's schema as `avn service update -c` needs to read its options.
pub(super) fn user_config_schema(service_type: &str) -> Option<Value> {
    components::of_type(service_type)?;
    let mut properties = Map::new();
    for (section, title) in [
        (
            "privatelink_access",
            "Allow access to selected service components through Privatelink",
        ),
        (
            "public_access",
            "Allow access to selected service ports from the public Internet",
        ),
        (
            "private_access",
            "Allow access to selected service ports from private networks",
        ),
    ] {
        let keys = components::access_keys(service_type, section).into_iter();
        let keys: Map<String, Value> = keys
            .map(|key| (key.to_owned(), json!({"title": key, "type": "boolean"})))
            .collect();
        if !keys.is_empty() {
            let schema = json!({"title": title, "type": "object", "additionalProperties": false, "properties": keys});
            properties.insert(section.to_owned(), schema);
        }
    }
    if service_type == "kafka" {
        for name in [
            "kafka_connect",
            "kafka_rest",
            "schema_registry",
            "letsencrypt_sasl",
            "letsencrypt_sasl_privatelink",
        ] {
            properties.insert(
                name.to_owned(),
                json!({"title": name, "type": "boolean", "default": false}),
            );
        }
        let methods = json!({
            "certificate": {"title": "Enable certificate/SSL authentication", "type": "boolean", "default": true},
            "sasl": {"title": "Enable SASL authentication", "type": "boolean", "default": false},
        });
        properties.insert(
            "kafka_authentication_methods".to_owned(),
            json!({"title": "Kafka authentication methods", "type": "object", "properties": methods}),
        );
    }
    Some(json!({"type": "object", "additionalProperties": false, "properties": properties}))
}
