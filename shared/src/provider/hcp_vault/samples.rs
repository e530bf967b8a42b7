//! HCP's answers and a request for the tests of the pure parts.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::wire::Link;
use crate::request::HcpVault;

pub(super) const ROOT: &str = "arn:aws:iam::111122223333:root";
pub(super) const OTHER: &str = "arn:aws:iam::444455556666:root";

/// A request of account 111122223333, as after validation.
pub(super) fn params() -> HcpVault {
    serde_json::from_value(json!({
        "organization_id": "o", "project_id": "p", "hvn_id": "acme-hvn", "vault_cluster_id": "acme-vault",
        "consumer_accounts": [ROOT], "consumer_ip_ranges": ["10.20.0.0/16"],
        "consumer_regions": ["eu-west-1", "us-east-1"], "secret_id": "privatelink/hcp",
    }))
    .unwrap()
}

/// A service that is AVAILABLE.
pub(super) fn link(accounts: &[&str], ranges: &[&str], regions: &[&str]) -> Link {
    serde_json::from_value(json!({
        "id": "pl-acme-vault", "state": "AVAILABLE",
        "consumer_accounts": accounts, "consumer_ip_ranges": ranges, "consumer_regions": regions,
    }))
    .unwrap()
}
