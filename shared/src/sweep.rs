//! What the sweep tells of a connection: that it differs from its request, or that it could not be looked at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Change;

/// Tells of a [`Drift`].
pub const CONNECTION_DRIFTED: &str = "Connection Drifted";
/// Tells of a [`SweepFailure`].
pub const SWEEP_FAILED: &str = "Connection Sweep Failed";

/// A connection that is not what its request, or its vending profile, says; or that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drift {
    /// `plw-` and 16 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<String>,
    /// The vending profile that was looked at, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The account that the profile was looked at for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// What a run would change.
    pub changes: Vec<Change>,
    /// What stands in the way of a run.
    pub problems: Vec<String>,
    /// Whether it is mended now.
    pub repair: bool,
    /// The run that made the plan.
    pub execution: Looked,
    /// The ARN of the sweep's child execution.
    pub sweep: String,
}

/// A connection whose plan, or whose repair, failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepFailure {
    /// `plw-` and 16 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<String>,
    /// The vending profile that was looked at, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The account that the profile was looked at for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// What failed: `plan`, or `provision` for a repair.
    pub action: String,
    /// The name of the error, as the run ended with it.
    pub error: String,
    /// What happened and what to do, as the run ended with it.
    pub cause: String,
    /// The run, if it was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Looked>,
    /// The ARN of the sweep's child execution.
    pub sweep: String,
}

/// A run of the workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Looked {
    /// The execution's ARN.
    pub id: String,
}
