//! What HCP answers, as far as the workflow reads it (hashicorp/hcp-sdk-go: cloud-network 2020-09-07, cloud-vault-service
//! 2020-11-25, cloud-operation 2020-05-05).
//!
//! proto-JSON: a missing field, `null` and the empty value mean the same, hence [`or_default`] on whatever may be empty.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use crate::document::Additions;
use crate::{Error, ErrorName, Result};

/// The answer of the token endpoint: `{"access_token","expires_in","token_type"}`.
#[derive(Debug, Deserialize)]
pub(super) struct Token {
    pub(super) access_token: SecretString,
    /// Seconds; one hour in practice.
    pub(super) expires_in: u64,
}

/// A page of a list; each list has a name of its own for its items.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Page<T> {
    #[serde(
        alias = "private_link_services",
        alias = "networks",
        alias = "peerings",
        alias = "tgw_attachments",
        alias = "operations",
        default,
        deserialize_with = "or_default"
    )]
    pub(super) items: Vec<T>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) pagination: Pagination,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Pagination {
    /// Empty on the last page.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) next_page_token: String,
}

/// `{"network": …}`
#[derive(Debug, Deserialize)]
pub(super) struct NetworkAnswer {
    pub(super) network: Network,
}

/// A HashiCorp Virtual Network.
#[derive(Debug, Deserialize)]
pub(super) struct Network {
    pub(super) id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) location: Location,
    pub(super) state: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Location {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) region: Region,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Region {
    /// `aws` or `azure`.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) provider: String,
    /// The cloud's own name, like `eu-west-1`.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) region: String,
}

/// A peering or a transit gateway attachment of an HVN.
#[derive(Debug, Deserialize)]
pub(super) struct Attachment {
    pub(super) id: String,
    pub(super) state: String,
}

/// `{"cluster": …}`
#[derive(Debug, Deserialize)]
pub(super) struct ClusterAnswer {
    pub(super) cluster: Cluster,
}

/// A Vault Dedicated cluster.
#[derive(Debug, Deserialize)]
pub(super) struct Cluster {
    pub(super) state: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) location: Location,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) dns_names: DnsNames,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) config: ClusterConfig,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct DnsNames {
    /// `<cluster>-private-vault-<8 hex>.<8 hex>.z1.hashicorp.cloud`: taken as it is, never built.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) private: String,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ClusterConfig {
    /// `DEV` is the zero value, so that a missing tier is that one.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) tier: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) network_config: NetworkConfig,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) disaster_recovery_network_config: NetworkConfig,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct NetworkConfig {
    /// The HVN's id; empty where there is none.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) network_id: String,
}

/// A PrivateLink service. It has no field for the reason of a failure: that is in [`Operation::error`].
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Link {
    pub(super) id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) vault_cluster_id: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) consumer_accounts: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub(super) consumer_ip_ranges: Vec<String>,
    /// Without the HVN's own region.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) consumer_regions: Vec<String>,
    /// The HVN's region, where HCP tells it (since September 2025).
    #[serde(default, deserialize_with = "or_default")]
    pub(super) default_region: String,
    /// `com.amazonaws.vpce.<region>.vpce-svc-…`. Whether it means anything before `AVAILABLE` is not documented.
    #[serde(default, deserialize_with = "or_default")]
    pub(super) external_name: String,
    #[serde(default, deserialize_with = "or_default")]
    state: String,
}

/// Where a PrivateLink service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkState {
    Creating,
    Available,
    Updating,
    Deleting,
    Failed,
}

impl Link {
    /// The state.
    ///
    /// # Errors
    /// `Unexpected` with the raw value, for `UNSET` and whatever is not documented.
    pub(super) fn state(&self) -> Result<LinkState> {
        match self.state.as_str() {
            "CREATING" => Ok(LinkState::Creating),
            "AVAILABLE" => Ok(LinkState::Available),
            "UPDATING" => Ok(LinkState::Updating),
            "DELETING" => Ok(LinkState::Deleting),
            "FAILED" => Ok(LinkState::Failed),
            raw => Err(Error::unexpected(format!(
                "HCP's PrivateLink service \"{}\" is in the state \"{raw}\", which this workflow does not know. Look at it in the HCP \
                 Portal, and report the state to the maintainers of this workflow.",
                self.id
            ))),
        }
    }

    /// The three lists.
    pub(super) fn lists(&self) -> Additions {
        Additions {
            principals: self.consumer_accounts.clone(),
            ip_ranges: self.consumer_ip_ranges.clone(),
            regions: self.consumer_regions.clone(),
            components: Vec::new(),
        }
    }

    /// The state in HCP's own word.
    pub(super) fn raw_state(&self) -> &str {
        &self.state
    }
}

/// `{"operation": …}`: the rest of a write's answer is read again anyway.
#[derive(Debug, Deserialize)]
pub(super) struct Started {
    #[serde(default)]
    pub(super) operation: Option<Operation>,
}

/// What HCP does about a change. `DONE` with an error is a failure.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) state: String,
    #[serde(default, deserialize_with = "or_default")]
    link: LinkedResource,
    #[serde(default, deserialize_with = "or_default")]
    created_at: String,
    #[serde(default)]
    error: Option<Status>,
}

#[derive(Debug, Default, Clone, Deserialize)]
struct LinkedResource {
    #[serde(default, deserialize_with = "or_default")]
    r#type: String,
    #[serde(default, deserialize_with = "or_default")]
    id: String,
}

/// The gRPC code.
const RESOURCE_EXHAUSTED: i32 = 8;

/// `google.rpc.Status`
#[derive(Debug, Clone, Deserialize)]
struct Status {
    #[serde(default, deserialize_with = "or_default")]
    code: i32,
    #[serde(default, deserialize_with = "or_default")]
    message: String,
}

/// The type of a PrivateLink service in links.
pub(super) const PRIVATE_LINK_TYPE: &str = "hashicorp.network.private-link";

impl Operation {
    /// The newest of these that works on the PrivateLink service.
    pub(super) fn newest(operations: Vec<Self>, link_id: &str) -> Option<Self> {
        operations
            .into_iter()
            .filter(|operation| operation.link.r#type == PRIVATE_LINK_TYPE && operation.link.id == link_id)
            .max_by_key(|operation| operation.created_at.parse::<Timestamp>().unwrap_or(Timestamp::MIN))
    }

    /// Whether it has ended, well or badly.
    ///
    /// # Errors
    /// `Unexpected` with the raw value of a state that is not documented.
    pub(super) fn is_done(&self) -> Result<bool> {
        match self.state.as_str() {
            "DONE" => Ok(true),
            "PENDING" | "QUEUED" | "RUNNING" => Ok(false),
            raw => Err(Error::unexpected(format!(
                "HCP's operation {} is in the state \"{raw}\", which this workflow does not know. Report it to the maintainers of this \
                 workflow.",
                self.id
            ))),
        }
    }

    /// Why it failed, in HCP's words, if it did.
    pub(super) fn failure(&self) -> Option<String> {
        self.error.as_ref().map(|error| {
            let message = match error.message.as_str() {
                "" => "no message",
                text => text,
            };
            format!("{} (gRPC code {})", super::errors::cut(message), error.code)
        })
    }

    /// Our name for its failure: the owner of a limit acts, or the requester with HashiCorp.
    pub(super) fn failure_name(&self) -> ErrorName {
        match &self.error {
            Some(error) if error.code == RESOURCE_EXHAUSTED || super::errors::is_limit(&error.message) => {
                ErrorName::LimitExceeded
            }
            _ => ErrorName::Rejected,
        }
    }

    /// The operation in a few words, for the reason of a wait.
    pub(super) fn describe(&self) -> String {
        match self.failure() {
            Some(failure) => format!("operation {} failed: {failure}", self.id),
            None => format!("operation {} is {}", self.id, self.state),
        }
    }
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use serde_json::json;

    use super::*;

    fn link(state: &str) -> Link {
        serde_json::from_value(json!({"id": "pl-acme", "state": state})).unwrap()
    }

    #[test]
    fn documented_states_are_known_and_others_are_shown_raw() {
        assert_eq!(link("AVAILABLE").state(), Ok(LinkState::Available));
        assert_eq!(link("CREATING").state(), Ok(LinkState::Creating));
        assert_eq!(link("UPDATING").state(), Ok(LinkState::Updating));
        assert_eq!(link("DELETING").state(), Ok(LinkState::Deleting));
        assert_eq!(link("FAILED").state(), Ok(LinkState::Failed));
        for raw in ["", "UNSET", "available", "PAUSED"] {
            let error = link(raw).state().unwrap_err();
            assert_eq!(error.name, ErrorName::Unexpected);
            assert!(error.message.contains(&format!("\"{raw}\"")), "{error}");
        }
    }

    #[test]
    fn null_missing_and_empty_lists_are_the_same() {
        let value = json!({"private_link_services": [
            {"id": "a", "state": "AVAILABLE", "consumer_accounts": null, "consumer_ip_ranges": [], "external_name": null}
        ], "pagination": null});
        let page: Page<Link> = serde_json::from_value(value).unwrap();
        let link = &page.items[0];
        assert!(
            link.consumer_accounts.is_empty() && link.consumer_ip_ranges.is_empty() && link.consumer_regions.is_empty()
        );
        assert_eq!(
            (link.external_name.as_str(), page.pagination.next_page_token.as_str()),
            ("", "")
        );
        let empty: Page<Attachment> = serde_json::from_value(json!({"peerings": null})).unwrap();
        assert!(empty.items.is_empty());
    }

    #[test]
    fn the_guides_create_answer_is_read() {
        let started: Started = serde_json::from_value(json!({
            "private_link_service": {"id": "privatelink-service", "state": "CREATING"},
            "operation": {
                "id": "op-1", "state": "PENDING", "location": {"organization_id": "o", "project_id": "p"},
                "link": {"type": "hashicorp.network.private-link", "id": "privatelink-service", "uuid": "privatelink-service"},
                "created_at": "2025-09-02T11:27:12.011Z", "updated_at": "2025-09-02T11:27:12.011Z"
            }
        }))
        .unwrap();
        assert_eq!(started.operation.unwrap().describe(), "operation op-1 is PENDING");
    }

    #[test]
    fn the_newest_operation_of_the_service_tells_the_failure() {
        let operation = |id: &str, link: &str, at: &str, error: Option<&str>| {
            let mut value =
                json!({"id": id, "state": "DONE", "created_at": at, "link": {"type": PRIVATE_LINK_TYPE, "id": link}});
            if let Some(message) = error {
                value["error"] = json!({"code": 13, "message": message, "details": []});
            }
            serde_json::from_value::<Operation>(value).unwrap()
        };
        let newest = Operation::newest(
            vec![
                operation("old", "ours", "2025-09-02T11:27:12.9Z", None),
                // Later than the one above, though earlier as text.
                operation(
                    "new",
                    "ours",
                    "2025-09-02T11:27:12.930351Z",
                    Some("terraform apply failed"),
                ),
                operation("other", "theirs", "2025-09-03T00:00:00Z", None),
            ],
            "ours",
        )
        .unwrap();
        assert!(newest.is_done().unwrap());
        assert_eq!(
            newest.describe(),
            "operation new failed: terraform apply failed (gRPC code 13)"
        );
    }

    #[test]
    fn an_unknown_operation_state_is_unexpected() {
        let operation: Operation = serde_json::from_value(json!({"id": "op", "state": "PAUSED"})).unwrap();
        assert_eq!(operation.is_done().unwrap_err().name, ErrorName::Unexpected);
    }
}
