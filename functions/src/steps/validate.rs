//! Validate: from whatever document came to a request, before anything is read or changed anywhere.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::request::{self, Request};
use shared::{Error, ErrorName, Result};

use crate::context::Context;

/// The request as it came.
#[derive(Debug, Deserialize)]
pub struct Input {
    pub request: Value,
}

/// The request with its defaults.
#[derive(Debug, Serialize)]
pub struct Validated {
    pub request: Request,
}

/// Validates.
///
/// # Errors
/// `InvalidRequest` with every violation.
pub fn run(context: &Context, input: Value) -> Result<Validated> {
    let input: Input = serde_json::from_value(input).map_err(|error| {
        Error::new(
            ErrorName::InvalidRequest,
            format!("the function's input has no \"request\" ({error}). Start the state machine, not the function."),
        )
    })?;
    let request = request::validate(&input.request, &context.settings.secret_name_prefix)?;
    Ok(Validated { request })
}
