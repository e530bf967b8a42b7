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
    /// The role by which the workflow reaches the account, in that account. Default: the function's own role where it runs in the account itself, else the role named by the stack's ConsumerRoleName.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$"))]
    pub role_arn: Option<String>,
    /// A provision waits until the role can be assumed and the VPC and its subnets are there, as in an account that is still being set up. Default: it fails where they are not.
    #[serde(default)]
    pub wait_for_network: bool,
    /// The VPC: `vpc-` and 8 or 17 hex digits. Either this or `vpc_tags`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$"))]
    pub vpc_id: Option<String>,
    /// The VPC by its tags: the one VPC of the account and region that has all of these, at most 10. Either this or `vpc_id`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 10))]
    pub vpc_tags: BTreeMap<String, String>,
    /// One subnet per availability zone, in zones that the vendor's endpoint service offers; several give fault tolerance. Each is `subnet-` and 8 or 17 hex digits. Without this and `subnet_tags` the workflow chooses one in each zone that the service offers, private ones first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(regex(pattern = r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$")), extend("uniqueItems" = true))]
    pub subnet_ids: Vec<String>,
    /// The subnets by their tags, at most 10, and not with `subnet_ids`: of the VPC's subnets that have all of these, one in each zone that the service offers, private ones first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 10))]
    pub subnet_tags: BTreeMap<String, String>,
    /// Security groups of the endpoint's interfaces. They must let the clients in on the service's ports: Vault 8200, Kafka 10000-31000, others the component's port. Each is `sg-` and 8 or 17 hex digits. Without any, the workflow makes one, keeps its rules exact, and deletes it with the endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(regex(pattern = r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$")), extend("uniqueItems" = true))]
    pub security_group_ids: Vec<String>,
    /// CIDR ranges of the clients, like `10.20.0.0/16`, without host bits, that the security group which the workflow makes lets in: at most 30, and only without `security_group_ids`. Default: the VPC's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 30), inner(regex(pattern = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$")), extend("uniqueItems" = true))]
    pub client_cidrs: Vec<String>,
    /// An endpoint that exists without this workflow's tags and is to be the connection's: it is tagged, changed into what the request says, and from then on owned. `vpce-` and 8 or 17 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^vpce-([0-9a-f]{8}|[0-9a-f]{17})$"))]
    pub adopt_endpoint_id: Option<String>,
    /// The VPC that the connection moves away from: when the connection of this VPC works, that one's endpoint, name and security group go. Needs `allow_replace`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$"))]
    pub replaces_vpc_id: Option<String>,
    /// Tags for everything made in AWS: keys of at most 128 characters that do not start with `aws:` or `privatelink-workflow:`, values of at most 256 characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 40))]
    pub tags: BTreeMap<String, String>,
}

impl Consumer {
    /// The workflow makes the security group.
    pub fn has_managed_group(&self) -> bool {
        self.security_group_ids.is_empty()
    }
}
