//! From the state machine's input to a request: itself, or the one that it refers to.

use serde_json::Value;
use shared::document::Origin;
use shared::request::{ConnectionReference, Input, ProfileReference};
use shared::{Error, Result};

use crate::context::Context;

/// A request, not yet validated, and where it came from.
#[derive(Debug)]
pub struct Resolved {
    pub request: Value,
    /// Before the paths of what is wrong with it; none for a request that came as it is.
    pub whose: Option<String>,
    pub origin: Option<Origin>,
}

/// The request that an input means.
///
/// # Errors
/// `InvalidRequest` with its path for a reference to what does not exist, and for a profile that is wrong; otherwise as AWS answers.
pub async fn resolve(context: &Context, input: Value) -> Result<Resolved> {
    match Input::read(input)? {
        Input::Request(request) => Ok(Resolved {
            request,
            whose: None,
            origin: None,
        }),
        Input::Connection(reference) => of_connection(context, &reference).await,
        Input::Profile(reference) => of_profile(context, &reference).await,
    }
}

async fn of_connection(context: &Context, reference: &ConnectionReference) -> Result<Resolved> {
    let id = &reference.connection_id;
    let row = match context.register().await {
        Some(register) => register.get(id).await?,
        None => None,
    };
    let Some(row) = row else {
        return Err(Error::invalid_at(
            "/connection_id",
            format!(
                "the register knows no connection {id}. Correct the id, or start with the connection's full request."
            ),
        ));
    };
    let request = serde_json::from_str(&row.request).map_err(|error| {
        Error::unexpected(format!(
            "the register's request of {id} is not JSON ({error}). Start with the connection's full request."
        ))
    })?;
    Ok(Resolved {
        request: reference.apply_to(request),
        whose: Some(format!("the request that the register has for {id}")),
        origin: row.origin,
    })
}

async fn of_profile(context: &Context, reference: &ProfileReference) -> Result<Resolved> {
    let name = &reference.profile;
    let Some((profile, version)) = context.profiles().await.get(name).await? else {
        return Err(Error::invalid_at(
            "/profile",
            format!(
                "there is no vending profile \"{name}\", that is, no parameter {}/{name}. Correct the name, or put the profile there.",
                context.settings.profile_path
            ),
        ));
    };
    Ok(Resolved {
        request: reference.apply_to(profile.request_for(&reference.account_id)),
        whose: Some(format!(
            "the request that version {version} of the vending profile \"{name}\" makes"
        )),
        origin: Some(Origin {
            profile: name.clone(),
            version,
        }),
    })
}
