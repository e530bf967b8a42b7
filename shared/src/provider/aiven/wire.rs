//! Aiven's answers and bodies, as far as they are needed: a service's answer also holds its users' passwords, so that nothing
//! else of it is kept.
//!
//! States stay text, so that a value that no contract knows can be shown as it came.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// `GET /v1/project/{project}/service/{service}`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ServiceAnswer {
    pub(super) service: Service,
}

/// A service.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Service {
    /// `kafka`, `pg`, …
    pub(super) service_type: String,
    /// `POWEROFF`, `REBALANCING`, `REBUILDING` or `RUNNING`.
    pub(super) state: String,
    /// `aws-<region>` on AWS.
    pub(super) cloud_name: String,
    /// Null or empty where the service is in no project VPC.
    #[serde(default, deserialize_with = "empty_as_none")]
    pub(super) project_vpc_id: Option<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) components: Vec<Row>,
    #[serde(default, deserialize_with = "null_as_default")]
    pub(super) user_config: UserConfig,
}

impl Service {
    /// PrivateLink access is switched on for this component. Unset is off.
    pub(super) fn has_enabled(&self, component: &str) -> bool {
        self.user_config.privatelink_access.get(component) == Some(&Value::Bool(true))
    }
}

/// A service's own settings.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct UserConfig {
    #[serde(default, deserialize_with = "null_as_default")]
    /// Switches, and whatever Aiven puts beside them.
    pub(super) privatelink_access: BTreeMap<String, Value>,
}

/// An item of `components`: one per component, route, authentication method and connection.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Row {
    pub(super) component: String,
    pub(super) host: String,
    pub(super) port: u16,
    /// `dynamic`, `private`, `privatelink` or `public`.
    pub(super) route: String,
    /// `primary`, `replica`, `disaster_recovery` or `ha_replica`.
    #[serde(default, deserialize_with = "empty_as_none")]
    pub(super) usage: Option<String>,
    /// Only of components that can do without TLS; absent means TLS.
    #[serde(default)]
    pub(super) ssl: Option<bool>,
    /// Only of Kafka brokers: `certificate` or `sasl`.
    #[serde(default, deserialize_with = "empty_as_none")]
    pub(super) kafka_authentication_method: Option<String>,
    /// Only of Kafka brokers: `project_ca` or `letsencrypt`.
    #[serde(default, deserialize_with = "empty_as_none")]
    pub(super) kafka_ssl_ca: Option<String>,
    /// Only of components that speak HTTP.
    #[serde(default, deserialize_with = "empty_as_none")]
    pub(super) path: Option<String>,
    /// Only on route `privatelink`: `plc…`.
    #[serde(default, deserialize_with = "empty_as_none")]
    pub(super) privatelink_connection_id: Option<String>,
}

/// `GET …/privatelink/aws`: the one PrivateLink service of a service.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PrivateLink {
    /// `creating`, `active` or `deleting`; one that is gone answers 404.
    pub(super) state: String,
    /// `com.amazonaws.vpce.<region>.vpce-svc-…`; null while creating.
    #[serde(default, deserialize_with = "empty_as_none")]
    pub(super) aws_service_name: Option<String>,
    pub(super) principals: Vec<String>,
    /// `None` where the API does not show them.
    #[serde(default)]
    pub(super) supported_regions: Option<Vec<String>>,
}

/// The body of `POST` and `PUT …/privatelink/aws`. A list replaces the vendor's whole list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Lists {
    pub(super) principals: Vec<String>,
    /// `None` leaves them as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) supported_regions: Option<Vec<String>>,
}

/// `GET …/privatelink/aws/connections`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Connections {
    pub(super) connections: Vec<Connection>,
}

/// A VPC endpoint that is connected to the PrivateLink service.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Connection {
    /// `vpce-…`
    pub(super) vpc_endpoint_id: String,
    /// `plc…`
    #[serde(default, deserialize_with = "empty_as_none")]
    pub(super) privatelink_connection_id: Option<String>,
    /// Aiven's state, not AWS's: `pending-user-approval`, `user-approved`, `connected` or `active`.
    pub(super) state: String,
}

/// The body of any refusal.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorAnswer {
    #[serde(default)]
    pub(super) message: String,
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + DeserializeOwned,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

fn empty_as_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_keeps_no_secret() {
        let answer: ServiceAnswer = serde_json::from_value(json!({"service": {
            "service_type": "kafka", "state": "RUNNING", "cloud_name": "aws-eu-west-1", "project_vpc_id": "",
            "users": [{"username": "avnadmin", "password": "hunter2"}],
            "connection_info": {"kafka_access_key": "hunter2"},
            "components": null, "user_config": null, "service_uri": "kafka://avnadmin:hunter2@host:1"
        }}))
        .unwrap();
        assert!(!format!("{answer:?}").contains("hunter2"));
        assert_eq!(answer.service.project_vpc_id, None);
        assert!(answer.service.components.is_empty());
    }

    #[test]
    fn a_switch_is_on_only_when_it_is_true() {
        let service: Service = serde_json::from_value(json!({
            "service_type": "kafka", "state": "RUNNING", "cloud_name": "aws-eu-west-1",
            "user_config": {"kafka_rest": true, "privatelink_access": {"kafka": true, "jolokia": false, "prometheus": null}}
        }))
        .unwrap();
        assert!(service.has_enabled("kafka"));
        for off in ["jolokia", "prometheus", "kafka_rest"] {
            assert!(!service.has_enabled(off), "{off}");
        }
    }

    #[test]
    fn a_link_without_principals_is_not_readable() {
        let link = serde_json::from_value::<PrivateLink>(json!({"state": "active"}));
        assert!(link.is_err());
    }

    #[test]
    fn regions_that_do_not_change_are_not_sent() {
        let lists = Lists {
            principals: vec!["p".into()],
            supported_regions: None,
        };
        assert_eq!(serde_json::to_value(lists).unwrap(), json!({"principals": ["p"]}));
    }
}
