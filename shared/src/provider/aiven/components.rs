//! Where a service's components answer: the rows of its `components` list, whose order is no contract.

use std::collections::BTreeSet;

use super::wire::{Row, Service};
use crate::document::ComponentAddress;

/// Ports of Kafka's brokers over PrivateLink (Aiven's guide).
const KAFKA_PORTS: (u16, u16) = (10_000, 31_000);
/// Components whose address is best given as a URL.
const HTTP_COMPONENTS: [&str; 8] = [
    "clickhouse_https",
    "grafana",
    "kafka_connect",
    "kafka_rest",
    "opensearch",
    "opensearch_dashboards",
    "prometheus",
    "schema_registry",
];
const DYNAMIC: &str = "dynamic";
const PRIVATELINK: &str = "privatelink";

/// The TCP ports that clients will use, as inclusive ranges: Kafka's pool, and for other components the port of their dynamic
/// route, which they keep over PrivateLink, and those that they have over PrivateLink already. Nothing for a component that has
/// no row.
pub(super) fn ports(service: &Service, components: &[String]) -> Vec<(u16, u16)> {
    let kafka = components.iter().any(|c| c == "kafka");
    let mut ports: BTreeSet<(u16, u16)> = service
        .components
        .iter()
        .filter(|row| components.contains(&row.component))
        .filter(|row| row.route == PRIVATELINK || (row.route == DYNAMIC && row.component != "kafka"))
        .map(|row| (row.port, row.port))
        .filter(|(port, _)| !(kafka && (KAFKA_PORTS.0..=KAFKA_PORTS.1).contains(port)))
        .collect();
    if kafka {
        ports.insert(KAFKA_PORTS);
    }
    ports.into_iter().collect()
}

/// The components' addresses over one connection, sorted; or what has no row yet, each as words: `kafka (sasl)`.
///
/// Kafka has a row of its own for each authentication method that is switched on; which ones are shows the dynamic route.
pub(super) fn addresses(
    service: &Service,
    components: &[String],
    connection_id: &str,
) -> Result<Vec<ComponentAddress>, Vec<String>> {
    let mut rows = Vec::new();
    let mut missing = Vec::new();
    for component in components {
        let of_component = || service.components.iter().filter(move |row| &row.component == component);
        let ours: Vec<&Row> = of_component()
            .filter(|row| row.route == PRIVATELINK && row.privatelink_connection_id.as_deref() == Some(connection_id))
            .collect();
        let methods: BTreeSet<&str> = of_component()
            .filter(|row| row.route == DYNAMIC)
            .filter_map(|row| row.kafka_authentication_method.as_deref())
            .collect();
        if methods.is_empty() && ours.is_empty() {
            missing.push(component.clone());
        }
        missing.extend(
            methods
                .into_iter()
                .filter(|method| {
                    !ours
                        .iter()
                        .any(|row| row.kafka_authentication_method.as_deref() == Some(method))
                })
                .map(|method| format!("{component} ({method})")),
        );
        rows.extend(ours);
    }
    if !missing.is_empty() {
        return Err(missing);
    }
    rows.sort_by_key(|row| order(row));
    Ok(rows.into_iter().map(address).collect())
}

/// Certificate before SASL, the primary before replicas, the project's CA before another: a client that takes the first row of a
/// component takes the usual one.
fn order(row: &Row) -> impl Ord + use<> {
    (
        row.component.clone(),
        row.kafka_authentication_method.clone(),
        row.usage.as_deref() != Some("primary"),
        row.usage.clone(),
        row.kafka_ssl_ca.as_deref() == Some("letsencrypt"),
        row.host.clone(),
        row.port,
    )
}

fn address(row: &Row) -> ComponentAddress {
    ComponentAddress {
        component: row.component.clone(),
        host: row.host.clone(),
        port: row.port,
        authentication_method: row.kafka_authentication_method.clone(),
        ca: row.kafka_ssl_ca.clone(),
        usage: row.usage.clone(),
        url: HTTP_COMPONENTS.contains(&row.component.as_str()).then(|| url(row)),
    }
}

fn url(row: &Row) -> String {
    let scheme = if row.ssl == Some(false) { "http" } else { "https" };
    let path = row.path.as_deref().unwrap_or_default();
    let slash = if path.is_empty() || path.starts_with('/') {
        ""
    } else {
        "/"
    };
    format!("{scheme}://{}:{}{slash}{path}", row.host, row.port)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::provider::aiven::samples::{kafka, names, service};

    #[test]
    fn only_rows_of_our_connection_count() {
        let addresses = addresses(&kafka(), &names(&["schema_registry", "kafka"]), "plc1").unwrap();
        let seen: Vec<_> = addresses
            .iter()
            .map(|a| (a.component.as_str(), a.port, a.authentication_method.as_deref()))
            .collect();
        assert_eq!(
            seen,
            [
                ("kafka", 14611, Some("certificate")),
                ("kafka", 23232, Some("sasl")),
                ("schema_registry", 14604, None),
            ]
        );
        assert_eq!(addresses[0].ca.as_deref(), Some("project_ca"));
        assert_eq!(addresses[0].usage.as_deref(), Some("primary"));
        assert_eq!(addresses[0].url, None);
        assert_eq!(
            addresses[2].url.as_deref(),
            Some("https://privatelink-orders.aivencloud.com:14604")
        );
    }

    #[test]
    fn missing_rows_are_named() {
        let wanted = names(&["kafka", "schema_registry", "jolokia"]);
        assert_eq!(
            addresses(&kafka(), &wanted, "plc2").unwrap_err(),
            ["kafka (sasl)", "schema_registry", "jolokia"]
        );
        assert_eq!(
            addresses(&kafka(), &wanted[..1], "plc3").unwrap_err(),
            ["kafka (certificate)", "kafka (sasl)"]
        );
    }

    #[test]
    fn the_usual_row_comes_first() {
        let row = |usage: &str, method: &str, ca: &str, port: u16| {
            json!({"component": "kafka", "host": "h", "port": port, "route": "privatelink", "usage": usage,
                   "kafka_authentication_method": method, "kafka_ssl_ca": ca, "privatelink_connection_id": "plc1"})
        };
        let service = service(
            "kafka",
            json!([
                row("primary", "sasl", "letsencrypt", 1),
                row("disaster_recovery", "certificate", "project_ca", 2),
                row("primary", "sasl", "project_ca", 3),
                row("primary", "certificate", "project_ca", 4),
            ]),
        );
        let ports: Vec<_> = addresses(&service, &names(&["kafka"]), "plc1")
            .unwrap()
            .iter()
            .map(|a| a.port)
            .collect();
        assert_eq!(ports, [4, 2, 3, 1]);
    }

    #[test]
    fn urls_have_their_path_and_scheme() {
        let row = |ssl: Option<bool>, path: Option<&str>| -> Row {
            serde_json::from_value(
                json!({"component": "grafana", "host": "h", "port": 443, "route": "privatelink",
                "usage": "primary", "ssl": ssl, "path": path}),
            )
            .unwrap()
        };
        assert_eq!(url(&row(None, None)), "https://h:443");
        assert_eq!(url(&row(Some(true), Some("/metrics"))), "https://h:443/metrics");
        assert_eq!(url(&row(Some(false), Some("metrics"))), "http://h:443/metrics");
    }

    #[test]
    fn ports_are_the_pool_and_the_rows() {
        assert_eq!(
            ports(&kafka(), &names(&["kafka", "schema_registry", "jolokia"])),
            [(10_000, 31_000)]
        );
        assert_eq!(ports(&kafka(), &names(&["schema_registry"])), [(14604, 14604)]);
        assert!(ports(&kafka(), &names(&["jolokia"])).is_empty());
        let row = |component: &str, usage: &str, port: u16| json!({"component": component, "host": "h", "port": port, "route": "dynamic", "usage": usage});
        let opensearch = service(
            "opensearch",
            json!([
                row("opensearch_dashboards", "primary", 443),
                row("opensearch", "primary", 25000),
                row("opensearch", "replica", 25000)
            ]),
        );
        assert_eq!(
            ports(&opensearch, &names(&["opensearch", "opensearch_dashboards"])),
            [(443, 443), (25000, 25000)]
        );
    }

    #[test]
    fn ports_that_are_in_use_over_privatelink_count_too() {
        let row = |component: &str, route: &str, port: u16| json!({"component": component, "host": "h", "port": port, "route": route, "usage": "primary"});
        let service = service(
            "pg",
            json!([
                row("pg", "dynamic", 21470),
                row("pg", "privatelink", 21490),
                row("pg", "public", 21500),
                row("prometheus", "privatelink", 9273),
                row("pgbouncer", "privatelink", 21471),
            ]),
        );
        assert_eq!(
            ports(&service, &names(&["pg", "prometheus"])),
            [(9273, 9273), (21470, 21470), (21490, 21490)]
        );
    }
}
