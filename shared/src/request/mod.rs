//! The one document that starts the workflow, whatever starts it.
//!
//! The types here are the source of the JSON Schema in `infra/request.schema.json`; [`validate`] checks a document against
//! that schema and against the rules that a schema cannot say, and reports every violation at once.

mod aiven;
mod conform;
mod consumer;
mod hcp_vault;
mod reference;
mod rules;
pub(crate) mod schema;
pub(crate) mod validate;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use aiven::{Aiven, COMPONENTS_BY_SERVICE_TYPE, UNSUPPORTED_SERVICE_TYPES};
pub use consumer::Consumer;
pub use hcp_vault::HcpVault;
pub use reference::{ConnectionReference, Input, ProfileReference};
pub use schema::{json_schema, schema_text};
pub use validate::{read_document, validate};

/// A request: what to do about which vendor's service, and the VPC that gets private access to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "PrivateLink connection request")]
pub struct Request {
    /// What to do.
    #[serde(default)]
    pub action: Action,
    /// Which of the other two the action `plan` plans; only with it.
    #[serde(default)]
    pub plan_for: Goal,
    /// The vendor's side, in the vendor's own terms.
    pub provider: Provider,
    /// The AWS side: the VPC that gets access.
    pub consumer: Consumer,
    /// Allow what cannot change in place to be replaced, such as an endpoint whose vendor offers another endpoint service now, or the connection of `replaces_vpc_id`: the new one is made and available first, then the old one goes.
    #[serde(default)]
    pub allow_replace: bool,
    /// What to do with what a provision created when it fails.
    #[serde(default)]
    pub on_failure: OnFailure,
}

/// What a run does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Write nothing; say what a run would change, and what stands in its way.
    Plan,
    /// Make the connection, or change it into what the request says.
    #[default]
    Provision,
    /// Take the connection away.
    Deprovision,
}

/// What a run, or the run that is planned, is to reach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The connection is there, as the request says.
    #[default]
    Provision,
    /// Nothing of the connection is there.
    Deprovision,
}

impl Request {
    /// What the run, or the run that is planned, is to reach.
    pub const fn goal(&self) -> Goal {
        match self.action {
            Action::Plan => self.plan_for,
            Action::Provision => Goal::Provision,
            Action::Deprovision => Goal::Deprovision,
        }
    }

    /// The run waits for the consumer's network; only a provision does.
    pub fn waits_for_network(&self) -> bool {
        self.action == Action::Provision && self.consumer.wait_for_network
    }
}

/// The vendor's side of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Provider {
    /// HCP Vault Dedicated.
    HcpVault(HcpVault),
    /// An Aiven service.
    Aiven(Aiven),
}

/// What happens to what this run created when it fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Remove it.
    #[default]
    Undo,
    /// Leave it, for a person to look at.
    Keep,
}

impl Provider {
    /// The value of the `type` field.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::HcpVault(_) => "hcp_vault",
            Self::Aiven(_) => "aiven",
        }
    }

    /// What names the vendor's service in the whole world.
    pub fn service_coordinates(&self) -> Vec<String> {
        match self {
            Self::HcpVault(hcp) => vec![
                "hcp_vault".into(),
                hcp.organization_id.clone(),
                hcp.project_id.clone(),
                hcp.vault_cluster_id.clone(),
            ],
            Self::Aiven(aiven) => vec!["aiven".into(), aiven.project.clone(), aiven.service_name.clone()],
        }
    }

    /// A short name for people, for the `Name` tag.
    pub fn display_name(&self) -> String {
        match self {
            Self::HcpVault(hcp) => format!("hcp-vault {}", hcp.vault_cluster_id),
            Self::Aiven(aiven) => format!("aiven {}/{}", aiven.project, aiven.service_name),
        }
    }

    /// The secret with the vendor's credentials.
    pub fn secret_id(&self) -> &str {
        match self {
            Self::HcpVault(hcp) => &hcp.secret_id,
            Self::Aiven(aiven) => &aiven.secret_id,
        }
    }

    /// The IAM principals that the vendor is to allow; never empty after validation.
    pub fn principals(&self) -> &[String] {
        match self {
            Self::HcpVault(hcp) => &hcp.consumer_accounts,
            Self::Aiven(aiven) => &aiven.principals,
        }
    }

    /// A deprovision may delete the vendor's PrivateLink service, if nobody else uses it.
    pub const fn may_delete_service(&self) -> bool {
        match self {
            Self::HcpVault(hcp) => hcp.delete_service,
            Self::Aiven(aiven) => aiven.delete_service,
        }
    }

    pub(crate) fn principals_mut(&mut self) -> &mut Vec<String> {
        match self {
            Self::HcpVault(hcp) => &mut hcp.consumer_accounts,
            Self::Aiven(aiven) => &mut aiven.principals,
        }
    }

    /// The name of the field that holds the principals.
    pub(crate) const fn principals_field(&self) -> &'static str {
        match self {
            Self::HcpVault(_) => "consumer_accounts",
            Self::Aiven(_) => "principals",
        }
    }
}
