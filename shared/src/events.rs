//! The events on the stack's event bus: what starts the workflow, and what it tells when it ends.
//!
//! The types are the source of `infra/events.schema.json`. Events of others, like Control Tower's, are not in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Result;
use crate::document::{Execution, Origin};
use crate::request::schema::{schema_of, text_of};
use crate::request::validate::{read, report};
use crate::request::{Action, ConnectionReference, ProfileReference, json_schema};
use crate::sweep::{CONNECTION_DRIFTED, Drift, SWEEP_FAILED, SweepFailure};

/// The source of events that ask the workflow for something.
pub const CLIENT_SOURCE: &str = "privatelink-workflow.client";
/// The source of the workflow's own events.
pub const WORKFLOW_SOURCE: &str = "privatelink-workflow";
/// Asks for a run: its detail is the state machine's input.
pub const CONNECTION_REQUESTED: &str = "Connection Requested";
/// Tells that there is an account: its detail is [`AccountVended`].
pub const ACCOUNT_VENDED: &str = "Account Vended";

/// The workflow's own events by their detail types, each with what it tells.
pub const ANNOUNCEMENTS: [(&str, &str); 4] = [
    ("Connection Ready", "A provision ended: the connection works."),
    (
        "Connection Removed",
        "A deprovision ended: the connection is taken away.",
    ),
    (
        "Connection Failed",
        "A run failed, and nothing of it is left but what the cause says was kept.",
    ),
    (
        "Connection Needs Attention",
        "A run ended with something left that a person must look at.",
    ),
];

/// An account that may get connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountVended {
    /// The AWS account: 12 digits, as a string.
    #[schemars(regex(pattern = r"^[0-9]{12}$"), example = "111122223333")]
    pub account_id: String,
    /// The id of the organizational unit that the account is in, by which profiles choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_unit_id: Option<String>,
    /// The name of that unit, by which profiles may choose as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organizational_unit_name: Option<String>,
    /// The names of the vending profiles to use, whatever their targets are. Without it every profile is used that has the account among its targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(regex(pattern = r"^[A-Za-z0-9_-]{1,32}$")))]
    pub profiles: Option<Vec<String>>,
}

impl AccountVended {
    /// Reads the detail of an event.
    ///
    /// # Errors
    /// `InvalidRequest` with every violation, each with its JSON pointer.
    pub fn read(detail: &Value) -> Result<Self> {
        // Others send it, and may put more into it.
        read(detail, &schema_of::<Self>(), Vec::new())
            .map_err(|violations| report(&format!("the detail of the event \"{ACCOUNT_VENDED}\""), violations))
    }
}

/// What the workflow tells at the end of a run. A run that ended early knows less.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    /// `plw-` and 16 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<String>,
    /// What the run was to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// The consumer's AWS account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The consumer's AWS region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The consumer's VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// The vendor's service: `aiven/<project>/<service>` or `hcp_vault/<organization>/<project>/<cluster>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The endpoint that a provision made or found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// The run.
    pub execution: Execution,
    /// The vending profile that made the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The name of the error, as the execution ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What happened and what to do, as the execution ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// The schema of whole events, as they are on the bus.
pub fn events_schema() -> Value {
    let inputs = [
        json_schema(),
        schema_of::<ConnectionReference>(),
        schema_of::<ProfileReference>(),
    ];
    let requested = json!({"oneOf": inputs.map(without_dialect)});
    let mut events = vec![
        event(
            CLIENT_SOURCE,
            CONNECTION_REQUESTED,
            "Starts a run; its detail is the input of the state machine.",
            requested,
        ),
        event(
            CLIENT_SOURCE,
            ACCOUNT_VENDED,
            "Starts a run for each vending profile that is named, or else has the account among its targets.",
            schema_of::<AccountVended>(),
        ),
    ];
    events.extend(ANNOUNCEMENTS.map(|(kind, told)| event(WORKFLOW_SOURCE, kind, told, schema_of::<Announcement>())));
    events.extend([
        event(
            WORKFLOW_SOURCE,
            CONNECTION_DRIFTED,
            "The sweep found a connection that is not what its request says, or that is missing.",
            schema_of::<Drift>(),
        ),
        event(
            WORKFLOW_SOURCE,
            SWEEP_FAILED,
            "The sweep could not look at a connection, or not mend it.",
            schema_of::<SweepFailure>(),
        ),
    ]);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Events of the PrivateLink workflow",
        "oneOf": events,
    })
}

/// Only a whole document says what its schema is written in.
fn without_dialect(mut schema: Value) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        fields.remove("$schema");
    }
    schema
}

fn event(source: &str, kind: &str, told: &str, detail: Value) -> Value {
    json!({
        "title": kind,
        "description": told,
        "type": "object",
        "required": ["source", "detail-type", "detail"],
        "properties": {
            "source": {"const": source},
            "detail-type": {"const": kind},
            "detail": without_dialect(detail),
        }
    })
}

/// The schema as the text of `infra/events.schema.json`.
///
/// # Errors
/// None in practice: a schema is plain JSON.
pub fn schema_text() -> serde_json::Result<String> {
    text_of(&events_schema())
}
