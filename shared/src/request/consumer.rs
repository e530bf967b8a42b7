//! The AWS side of a request.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The VPC that gets private access, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Consumer {
    /// The AWS account of the VPC: 12 digits, as a string.
    #[schemars(regex(pattern = r"^[0-9]{12}$"), example = "111122223333")]
    pub account_id: String,
    /// The AWS region of the VPC, like `eu-west-1`.
    #[schemars(regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"), example = "eu-west-1")]
    pub region: String,
    /// The VPC: `vpc-` and 8 or 17 hex digits.
    #[schemars(regex(pattern = r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$"))]
    pub vpc_id: String,
    /// One subnet per availability zone, in zones that the vendor's endpoint service offers; several give fault tolerance. Each is `subnet-` and 8 or 17 hex digits.
    #[schemars(length(min = 1, max = 16), inner(regex(pattern = r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")), extend("uniqueItems" = true))]
    pub subnet_ids: Vec<String>,
    /// Security groups of the endpoint's interfaces. They must let the clients in on the service's ports: Vault 8200, Kafka 10000-31000, others the component's port. Each is `sg-` and 8 or 17 hex digits.
    #[schemars(length(min = 1, max = 16), inner(regex(pattern = r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$")), extend("uniqueItems" = true))]
    pub security_group_ids: Vec<String>,
    /// Tags for everything made in AWS: keys of at most 128 characters that do not start with `aws:` or `privatelink-workflow:`, values of at most 256 characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 40))]
    pub tags: BTreeMap<String, String>,
}
