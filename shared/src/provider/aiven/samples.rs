//! Aiven's answers for the tests of the pure parts.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::wire::{Connection, PrivateLink, Service};
use crate::request;

pub(super) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// A request of account 111122223333 from eu-west-1, as after validation.
pub(super) fn params(components: &[&str]) -> request::Aiven {
    request::Aiven {
        project: "acme-prod".into(),
        service_name: "orders".into(),
        principals: names(&["arn:aws:iam::111122223333:root"]),
        supported_regions: names(&["eu-west-1"]),
        components: names(components),
        remove_principals: Vec::new(),
        remove_supported_regions: Vec::new(),
        delete_service: false,
        secret_id: "privatelink/aiven".into(),
    }
}

/// An active PrivateLink service in eu-west-1.
pub(super) fn link(principals: &[&str], regions: Option<&[&str]>) -> PrivateLink {
    PrivateLink {
        state: "active".into(),
        aws_service_name: Some("com.amazonaws.vpce.eu-west-1.vpce-svc-0b16e88f3b706aaf1".into()),
        principals: names(principals),
        supported_regions: regions.map(names),
    }
}

pub(super) fn connection(endpoint: &str, id: &str, state: &str) -> Connection {
    serde_json::from_value(json!({"vpc_endpoint_id": endpoint, "privatelink_connection_id": id, "state": state}))
        .unwrap()
}

/// A Kafka service in eu-west-1 with two connections and both authentication methods.
///
/// Kafka's rows of the first connection have both methods, of the second just `certificate`; `kafka_rest` is off.
pub(super) fn kafka() -> Service {
    let kafka = |route: &str, port: u16, method: &str, plc: Value| {
        json!({"component": "kafka", "host": format!("{route}-orders.aivencloud.com"), "port": port, "route": route,
               "usage": "primary", "kafka_authentication_method": method, "kafka_ssl_ca": "project_ca",
               "privatelink_connection_id": plc})
    };
    let registry = |route: &str, plc: Value| {
        json!({"component": "schema_registry", "host": format!("{route}-orders.aivencloud.com"), "port": 14604,
               "route": route, "usage": "primary", "privatelink_connection_id": plc})
    };
    service(
        "kafka",
        json!([
            kafka("privatelink", 23232, "sasl", json!("plc1")),
            kafka("dynamic", 14601, "certificate", Value::Null),
            kafka("dynamic", 14612, "sasl", Value::Null),
            kafka("privatelink", 14611, "certificate", json!("plc1")),
            kafka("privatelink", 16111, "certificate", json!("plc2")),
            registry("dynamic", Value::Null),
            registry("privatelink", json!("plc1")),
        ]),
    )
}

/// A running service in a project VPC in eu-west-1 with these `components`.
pub(super) fn service(service_type: &str, components: Value) -> Service {
    serde_json::from_value(json!({
        "service_type": service_type, "state": "RUNNING", "cloud_name": "aws-eu-west-1",
        "project_vpc_id": "0f1e2d3c-0000-0000-0000-000000000000", "components": components,
        "user_config": {"privatelink_access": {"kafka": true}}
    }))
    .unwrap()
}
