//! Credentials of a role in another account.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_sts::types::Tag;

use super::{error, home_config};
use crate::http::Client;
use crate::{Error, Result};

/// The shortest time that STS gives credentials for; a function's invocation ends long before.
const SESSION_SECONDS: i32 = 900;

/// A role to assume, and as whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumeRole {
    pub role_arn: String,
    pub external_id: String,
    /// 2 to 64 of the characters `A-Za-z0-9_+=,.@-`.
    pub session_name: String,
    pub session_tags: BTreeMap<String, String>,
}

/// Asks STS in the function's own region, whose tokens are valid in every region of the role's account.
///
/// # Errors
/// As STS answers: it says `Denied` of a role that does not exist just as of one that trusts somebody else.
pub async fn assume(http: &Client, role: &AssumeRole) -> Result<Credentials> {
    let doing = format!("assuming {}", role.role_arn);
    let unexpected = |what: &str| {
        Error::unexpected(format!(
            "{doing}: {what}: this is a defect of the workflow or of its environment."
        ))
    };
    let mut call = aws_sdk_sts::Client::new(&home_config(http).await)
        .assume_role()
        .role_arn(&role.role_arn)
        .external_id(&role.external_id)
        .role_session_name(&role.session_name)
        .duration_seconds(SESSION_SECONDS);
    for (key, value) in &role.session_tags {
        let tag = Tag::builder().key(key).value(value).build();
        call = call.tags(tag.map_err(|_| unexpected("a session tag is incomplete"))?);
    }
    let answer = call.send().await.map_err(|e| error(&e, &doing))?;
    let got = answer
        .credentials()
        .ok_or_else(|| unexpected("AWS's answer has no credentials"))?;
    Ok(Credentials::new(
        got.access_key_id(),
        got.secret_access_key(),
        Some(got.session_token().to_owned()),
        SystemTime::try_from(*got.expiration()).ok(),
        "AssumeRole",
    ))
}
