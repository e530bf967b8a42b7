//! Aiven's side of a request, in Aiven's own terms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An Aiven service in a project VPC on AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aiven {
    /// The Aiven project: 1 to 63 lower-case letters, digits, hyphens and underscores.
    #[schemars(regex(pattern = r"^[a-z0-9_-]{1,63}$"))]
    pub project: String,
    /// The Aiven service: 1 to 64 lower-case letters, digits and inner hyphens, starting with a letter.
    #[schemars(regex(pattern = r"^[a-z]([-a-z0-9]{0,62}[a-z0-9])?$"))]
    pub service_name: String,
    /// IAM principals that may connect: account root, user or role ARNs without a path, at most 16 per service. Default: the consumer account's root.
    #[serde(default)]
    #[schemars(length(max = 16), inner(regex(pattern = r"^arn:aws:iam::[0-9]{12}:(root|user/[A-Za-z0-9_+=,.@-]{1,64}|role/[A-Za-z0-9_+=,.@-]{1,64})$")), extend("uniqueItems" = true))]
    pub principals: Vec<String>,
    /// AWS regions, like `eu-west-1`, to connect from besides the service's own, which is always included: at most 16. Aiven enables this feature per project. The consumer's region, where it differs from the service's, is always added.
    #[serde(default)]
    #[schemars(length(max = 16), inner(regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9]$")), extend("uniqueItems" = true))]
    pub supported_regions: Vec<String>,
    /// Service components to reach over PrivateLink, by their names in the service's `user_config.privatelink_access`, like `kafka`, `schema_registry` or `pg`.
    #[schemars(length(min = 1, max = 16), inner(regex(pattern = r"^[a-z][a-z0-9_]{0,63}$")), extend("uniqueItems" = true))]
    pub components: Vec<String>,
    /// Principals to take out of the service's list, whoever put them there; nothing that the request needs, its defaults included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(regex(pattern = r"^arn:aws:iam::[0-9]{12}:.{1,256}$")), extend("uniqueItems" = true))]
    pub remove_principals: Vec<String>,
    /// Regions to take out of the service's list, whoever put them there; nothing that the request needs, its defaults included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9]$")), extend("uniqueItems" = true))]
    pub remove_supported_regions: Vec<String>,
    /// Let a deprovision delete the vendor's PrivateLink service, when nobody else uses it.
    #[serde(default)]
    pub delete_service: bool,
    /// The name or ARN of the Secrets Manager secret with `{"token"}`, an Aiven token of an operator of the project.
    #[schemars(regex(pattern = r"^[A-Za-z0-9/_+=.@:-]{1,2048}$"))]
    pub secret_id: String,
}

/// The components of each service type that have a `privatelink_access` switch (Aiven's service schemas, August 2026).
pub const COMPONENTS_BY_SERVICE_TYPE: [(&str, &[&str]); 9] = [
    (
        "clickhouse",
        &[
            "clickhouse",
            "clickhouse_arrowflight",
            "clickhouse_https",
            "clickhouse_mysql",
            "prometheus",
        ],
    ),
    ("dragonfly", &["dragonfly", "prometheus"]),
    ("grafana", &["grafana"]),
    (
        "kafka",
        &[
            "jolokia",
            "kafka",
            "kafka_connect",
            "kafka_rest",
            "prometheus",
            "schema_registry",
        ],
    ),
    ("kafka_connect", &["jolokia", "kafka_connect", "prometheus"]),
    ("mysql", &["mysql", "mysqlx", "prometheus"]),
    ("opensearch", &["opensearch", "opensearch_dashboards", "prometheus"]),
    ("pg", &["pg", "pgbouncer", "prometheus"]),
    ("valkey", &["prometheus", "valkey"]),
];

/// Service types for which Aiven does not offer AWS PrivateLink (docs, August 2026), whatever switches they have.
pub const UNSUPPORTED_SERVICE_TYPES: [&str; 4] = ["flink", "kafka_mirrormaker", "thanos", "cassandra"];
