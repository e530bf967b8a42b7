//! The components of each service type, and the rows of `components[]` that a service has at a moment.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::world::{Connection, ConnectionState, Service};
use crate::knobs::AivenKnobs;

/// Most components have their service's base port plus an offset; user interfaces over HTTP have 443.
const HTTPS: u16 = 443;

/// A component of a service type. Its name is its key in `privatelink_access`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    pub(super) name: &'static str,
    /// Offset from the service's base port; `None` is port 443.
    offset: Option<u16>,
    exists: Exists,
}

/// When a service has the component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exists {
    Always,
    /// When the boolean of this name in `user_config` is true.
    Switched,
    /// When an integration of that name exists.
    Integrated,
    /// As `Integrated`, and on no other route than privatelink.
    PrivatelinkOnly,
}

const fn component(name: &'static str, offset: Option<u16>, exists: Exists) -> Component {
    Component { name, offset, exists }
}

const PROMETHEUS: Component = component("prometheus", Some(9), Exists::Integrated);
const JOLOKIA: Component = component("jolokia", Some(8), Exists::PrivatelinkOnly);

/// All service types, each with what `privatelink_access` can switch.
const CATALOGUE: &[(&str, &[Component])] = &[
    (
        "clickhouse",
        &[
            component("clickhouse", Some(0), Exists::Always),
            component("clickhouse_arrowflight", Some(3), Exists::Always),
            component("clickhouse_https", Some(1), Exists::Always),
            component("clickhouse_mysql", Some(2), Exists::Always),
            PROMETHEUS,
        ],
    ),
    (
        "dragonfly",
        &[component("dragonfly", Some(0), Exists::Always), PROMETHEUS],
    ),
    ("flink", &[component("flink", None, Exists::Always), PROMETHEUS]),
    ("grafana", &[component("grafana", None, Exists::Always)]),
    (
        "kafka",
        &[
            component("kafka", Some(0), Exists::Always),
            component("kafka_connect", None, Exists::Switched),
            component("kafka_rest", Some(4), Exists::Switched),
            component("schema_registry", Some(3), Exists::Switched),
            PROMETHEUS,
            JOLOKIA,
        ],
    ),
    (
        "kafka_connect",
        &[component("kafka_connect", None, Exists::Always), PROMETHEUS, JOLOKIA],
    ),
    ("kafka_mirrormaker", &[]),
    (
        "mysql",
        &[
            component("mysql", Some(0), Exists::Always),
            component("mysqlx", Some(1), Exists::Always),
            PROMETHEUS,
        ],
    ),
    (
        "opensearch",
        &[
            component("opensearch", Some(0), Exists::Always),
            component("opensearch_dashboards", None, Exists::Always),
            PROMETHEUS,
        ],
    ),
    (
        "pg",
        &[
            component("pg", Some(0), Exists::Always),
            component("pgbouncer", Some(1), Exists::Always),
            PROMETHEUS,
        ],
    ),
    (
        "thanos",
        &[
            component("query_frontend", None, Exists::Always),
            component("receiver_routing", Some(1), Exists::Always),
        ],
    ),
    ("valkey", &[component("valkey", Some(0), Exists::Always), PROMETHEUS]),
];

/// They have `privatelink_access` keys, or none, but no AWS PrivateLink.
const UNSUPPORTED: [&str; 3] = ["flink", "kafka_mirrormaker", "thanos"];

pub(super) fn service_types() -> impl Iterator<Item = &'static str> {
    CATALOGUE.iter().map(|(service_type, _)| *service_type)
}

/// `None` for a type that Aiven does not have.
pub(super) fn of_type(service_type: &str) -> Option<&'static [Component]> {
    CATALOGUE
        .iter()
        .find(|(name, _)| *name == service_type)
        .map(|(_, components)| *components)
}

pub(super) fn supports_privatelink(service_type: &str) -> bool {
    of_type(service_type).is_some() && !UNSUPPORTED.contains(&service_type)
}

/// The keys of `privatelink_access`, `public_access` or `private_access` of a service type.
pub(super) fn access_keys(service_type: &str, section: &str) -> Vec<&'static str> {
    let components = of_type(service_type).unwrap_or_default().iter();
    let has_key = |component: &&Component| match (section, service_type) {
        ("privatelink_access", _) => true,
        ("private_access", "flink") => false,
        ("public_access", "flink") => component.name == "flink",
        _ => component.exists != Exists::PrivatelinkOnly,
    };
    components.filter(has_key).map(|component| component.name).collect()
}

/// How a Kafka client authenticates, and who signed the broker's certificate.
const CERTIFICATE: (&str, &str) = ("certificate", "project_ca");
const SASL: (&str, &str) = ("sasl", "project_ca");
const SASL_LETS_ENCRYPT: (&str, &str) = ("sasl", "letsencrypt");
/// In the order of [`Connection::kafka_ports`]; the dynamic ports are the base port plus the index.
const KAFKA_METHODS: [(&str, &str); 3] = [CERTIFICATE, SASL, SASL_LETS_ENCRYPT];

/// The rows of a service: by component, then route, then authentication method, then connection.
pub(super) fn rows(service: &Service, knobs: &AivenKnobs, now: Duration) -> Vec<Value> {
    let mut rows = Vec::new();
    for component in of_type(&service.service_type)
        .unwrap_or_default()
        .iter()
        .filter(|c| exists(service, c))
    {
        if component.exists != Exists::PrivatelinkOnly {
            route_rows(&mut rows, service, component, "dynamic", &[], knobs);
            if service.flag(&["public_access", component.name], false) {
                route_rows(&mut rows, service, component, "public", &[], knobs);
            }
        }
        if service.flag(&["privatelink_access", component.name], false)
            && service.rows_from.get(component.name).is_none_or(|from| now >= *from)
        {
            let connections = service.privatelink.iter().flat_map(|link| &link.connections);
            let active: Vec<&Connection> = connections
                .filter(|c| c.state(now) == ConnectionState::Active)
                .collect();
            route_rows(&mut rows, service, component, "privatelink", &active, knobs);
        }
    }
    if knobs.reversed_rows {
        rows.reverse();
    }
    rows
}

fn exists(service: &Service, component: &Component) -> bool {
    match component.exists {
        Exists::Always => true,
        Exists::Switched => service.flag(&[component.name], false),
        Exists::Integrated | Exists::PrivatelinkOnly => service.integrations.contains(component.name),
    }
}

/// The rows of one component on one route; `connections` only for the route `privatelink`.
fn route_rows(
    rows: &mut Vec<Value>,
    service: &Service,
    component: &Component,
    route: &str,
    connections: &[&Connection],
    knobs: &AivenKnobs,
) {
    let port = dynamic_port(service, component);
    for (index, method) in methods(service, component, route) {
        let mut row = Map::new();
        row.insert("component".to_owned(), json!(component.name));
        row.insert("route".to_owned(), json!(route));
        row.insert("usage".to_owned(), json!("primary"));
        if let Some((authentication, ca)) = method {
            row.insert("kafka_authentication_method".to_owned(), json!(authentication));
            row.insert("kafka_ssl_ca".to_owned(), json!(ca));
        }
        if component.name == "schema_registry" || component.name == "opensearch_dashboards" {
            row.insert("path".to_owned(), json!("/"));
        }
        let mut push = |host: String, port: u16, connection: Option<&str>| {
            let mut row = row.clone();
            row.insert("host".to_owned(), json!(host));
            row.insert("port".to_owned(), json!(port));
            if connection.is_some() || knobs.null_connection_ids {
                row.insert("privatelink_connection_id".to_owned(), json!(connection));
            }
            rows.push(Value::Object(row));
        };
        match route {
            "dynamic" => push(service.host.clone(), port + index as u16, None),
            "public" => push(format!("public-{}", service.host), port + index as u16, None),
            _ => {
                for connection in connections {
                    let host = format!("privatelink-{}-{}", connection.number, service.host);
                    // Only brokers have ports of their own for each connection.
                    let port = if method.is_some() {
                        connection.kafka_ports[index]
                    } else {
                        port
                    };
                    push(host, port, Some(&connection.id));
                }
            }
        }
    }
}

/// The enabled authentication methods of Kafka brokers with their index, or one `None` for any other component.
fn methods(
    service: &Service,
    component: &Component,
    route: &str,
) -> Vec<(usize, Option<(&'static str, &'static str)>)> {
    if (service.service_type.as_str(), component.name) != ("kafka", "kafka") {
        return vec![(0, None)];
    }
    let sasl = service.flag(&["kafka_authentication_methods", "sasl"], false);
    let lets_encrypt = match route {
        "privatelink" => service.flag(&["letsencrypt_sasl_privatelink"], false),
        _ => service.flag(&["letsencrypt_sasl"], false),
    };
    let enabled = [
        service.flag(&["kafka_authentication_methods", "certificate"], true),
        sasl,
        sasl && lets_encrypt,
    ];
    let methods = KAFKA_METHODS.into_iter().zip(enabled).enumerate();
    methods
        .filter(|(_, (_, enabled))| *enabled)
        .map(|(index, (method, _))| (index, Some(method)))
        .collect()
}

fn dynamic_port(service: &Service, component: &Component) -> u16 {
    component.offset.map_or(HTTPS, |offset| service.base_port + offset)
}

/// The port of a type's main component with certificate authentication: what `service_uri` shows.
pub(super) fn main_port(service: &Service) -> u16 {
    let main = of_type(&service.service_type).and_then(<[Component]>::first);
    main.map_or(HTTPS, |component| dynamic_port(service, component))
}

/// Host and port of a component's dynamic route, when the service has it.
pub(super) fn dynamic_address(service: &Service, name: &str) -> Option<(String, u16)> {
    let component = of_type(&service.service_type)?
        .iter()
        .find(|c| c.name == name && exists(service, c))?;
    Some((service.host.clone(), dynamic_port(service, component)))
}
