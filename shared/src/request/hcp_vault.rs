//! HCP Vault Dedicated's side of a request, in HCP's own terms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An HCP Vault Dedicated cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HcpVault {
    /// The HCP organization: a UUID in lower case.
    #[schemars(regex(pattern = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"))]
    pub organization_id: String,
    /// The HCP project: a UUID in lower case.
    #[schemars(regex(pattern = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"))]
    pub project_id: String,
    /// The HashiCorp Virtual Network of the cluster: 3 to 36 letters, digits and inner hyphens.
    #[schemars(regex(pattern = r"^[0-9A-Za-z][-0-9A-Za-z]{1,34}[0-9A-Za-z]$"))]
    pub hvn_id: String,
    /// The Vault cluster, of an Essentials or Standard tier: 3 to 36 letters, digits and inner hyphens.
    #[schemars(regex(pattern = r"^[0-9A-Za-z][-0-9A-Za-z]{1,34}[0-9A-Za-z]$"))]
    pub vault_cluster_id: String,
    /// The id of the PrivateLink service, unique in the project: 3 to 36 letters, digits and inner hyphens. Default: the one that the cluster has, or a new one named after the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9A-Za-z][-0-9A-Za-z]{1,34}[0-9A-Za-z]$"))]
    pub private_link_service_id: Option<String>,
    /// IAM principals that may connect: account root, user or role ARNs without a path, at most 10 here, and per service unless HashiCorp has raised that. Default: the consumer account's root.
    #[serde(default)]
    #[schemars(length(max = 10), inner(regex(pattern = r"^arn:aws:iam::[0-9]{12}:(root|user/[A-Za-z0-9_+=,.@-]{1,64}|role/[A-Za-z0-9_+=,.@-]{1,64})$")), extend("uniqueItems" = true))]
    pub consumer_accounts: Vec<String>,
    /// CIDR ranges of the VPCs that need access, like `10.20.0.0/16`, without host bits: at most 15 here, and per service unless HashiCorp has raised that.
    #[schemars(length(min = 1, max = 15), inner(regex(pattern = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$")), extend("uniqueItems" = true))]
    pub consumer_ip_ranges: Vec<String>,
    /// AWS regions, like `eu-west-1`, to connect from besides the HVN's, which is always included. The consumer's region is always added.
    #[serde(default)]
    #[schemars(length(max = 16), inner(regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9]$")), extend("uniqueItems" = true))]
    pub consumer_regions: Vec<String>,
    /// Principals to take out of the service's list, whoever put them there; nothing that the request needs, its defaults included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(regex(pattern = r"^arn:aws:iam::[0-9]{12}:.{1,256}$")), extend("uniqueItems" = true))]
    pub remove_consumer_accounts: Vec<String>,
    /// CIDR ranges to take out of the service's list, whoever put them there; nothing that the request needs, its defaults included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(regex(pattern = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$")), extend("uniqueItems" = true))]
    pub remove_consumer_ip_ranges: Vec<String>,
    /// Regions to take out of the service's list, whoever put them there; nothing that the request needs, its defaults included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(regex(pattern = r"^[a-z]{2}(-[a-z]+)+-[0-9]$")), extend("uniqueItems" = true))]
    pub remove_consumer_regions: Vec<String>,
    /// Let a deprovision delete the vendor's PrivateLink service, when nobody else uses it.
    #[serde(default)]
    pub delete_service: bool,
    /// The name or ARN of the Secrets Manager secret with `{"client_id","client_secret"}` of an HCP service principal that is Contributor of the project.
    #[schemars(regex(pattern = r"^[A-Za-z0-9/_+=.@:-]{1,2048}$"))]
    pub secret_id: String,
}
