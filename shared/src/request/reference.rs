//! What starts the workflow: a full request, or a few words that refer to one which is kept elsewhere.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::schema::schema_of;
use super::validate::{Checked, read, report};
use super::{Action, Goal};
use crate::Result;

/// The input of the state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A request, not yet validated.
    Request(Value),
    /// The request of a connection that is in the register.
    Connection(ConnectionReference),
    /// The request that a vending profile makes for an account.
    Profile(ProfileReference),
}

/// A connection by its name: the request that made it is read from the register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Reference to a connection")]
pub struct ConnectionReference {
    /// `plw-` and 16 hex digits.
    #[schemars(regex(pattern = r"^plw-[0-9a-f]{16}$"), example = "plw-148d2627f8f8d1dd")]
    pub connection_id: String,
    /// What to do, whatever was done before.
    #[serde(default)]
    pub action: Action,
    /// Which of the other two the action `plan` plans; only with it.
    #[serde(default)]
    pub plan_for: Goal,
}

/// An account by a vending profile: the request is made of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Reference to a vending profile")]
pub struct ProfileReference {
    /// The profile's name: at most 32 letters, digits, `-` and `_`.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_-]{1,32}$"), example = "orders-kafka")]
    pub profile: String,
    /// The AWS account of the VPC: 12 digits, as a string. It need not be among the profile's targets.
    #[schemars(regex(pattern = r"^[0-9]{12}$"), example = "111122223333")]
    pub account_id: String,
    /// What to do.
    #[serde(default)]
    pub action: Action,
    /// Which of the other two the action `plan` plans; only with it.
    #[serde(default)]
    pub plan_for: Goal,
}

impl Input {
    /// Tells a reference from a request, by the field that only the one has, and checks it.
    ///
    /// # Errors
    /// `InvalidRequest` with every violation of a reference, each with its JSON pointer.
    pub fn read(document: Value) -> Result<Self> {
        let checked = if document.get("connection_id").is_some() {
            reference(&document).map(Self::Connection)
        } else if document.get("profile").is_some() {
            reference(&document).map(Self::Profile)
        } else {
            Ok(Self::Request(document))
        };
        checked.map_err(|violations| report("the reference", violations))
    }
}

fn reference<T: JsonSchema + serde::de::DeserializeOwned>(document: &Value) -> Checked<T> {
    read(document, &schema_of::<T>(), Vec::new())
}

impl ConnectionReference {
    /// The kept request, with what is to be done now.
    pub fn apply_to(&self, request: Value) -> Value {
        with_action(request, self.action, self.plan_for)
    }
}

impl ProfileReference {
    /// The profile's request, with what is to be done now.
    pub fn apply_to(&self, request: Value) -> Value {
        with_action(request, self.action, self.plan_for)
    }
}

fn with_action(mut request: Value, action: Action, plan_for: Goal) -> Value {
    if let Some(fields) = request.as_object_mut() {
        fields.insert("action".to_owned(), json!(action));
        fields.insert("plan_for".to_owned(), json!(plan_for));
    }
    request
}
