//! Validate: from whatever document came to a request, before anything of it is read or changed anywhere.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::document::Origin;
use shared::request::{self, Request};
use shared::{Error, ErrorName, Result};

use crate::context::Context;
use crate::vending::resolve::resolve;

/// The state machine's input as it came: a request, or a reference to one.
#[derive(Debug, Deserialize)]
pub struct Input {
    pub request: Value,
}

/// The request with its defaults.
#[derive(Debug, Serialize)]
pub struct Validated {
    pub request: Request,
    /// Where it came from, if a vending profile made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// Validates.
///
/// # Errors
/// `InvalidRequest` with every violation, also of a reference; otherwise as AWS answers where one has to be looked up.
pub async fn run(context: &Context, input: Value) -> Result<Validated> {
    let input: Input = serde_json::from_value(input).map_err(|error| {
        Error::new(
            ErrorName::InvalidRequest,
            format!("the function's input has no \"request\" ({error}). Start the state machine, not the function."),
        )
    })?;
    let resolved = resolve(context, input.request).await?;
    let prefix = &context.settings.secret_name_prefix;
    let request = request::validate(&resolved.request, prefix).map_err(|error| match &resolved.whose {
        Some(whose) => error.while_doing(whose),
        None => error,
    })?;
    Ok(Validated {
        request,
        origin: resolved.origin,
    })
}
