//! Tokens: the client-credentials grant, and the check of the bearer token before every API call.

use std::collections::HashMap;
use std::sync::MutexGuard;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use super::Hcp;
use super::errors::ApiError;
use super::world::{Role, Token, World};

/// Every access token contains this text, so that a leak is easy to find.
pub const ACCESS_TOKEN_MARKER: &str = "simulated-hcp-access-token";

/// The only audience that the API accepts.
const AUDIENCE: &str = "https://api.hashicorp.cloud";

/// `POST /oauth2/token`. Credentials come as HTTP Basic (the Go SDK's first try, both parts form-encoded before base64) or in the body.
pub(super) async fn token(State(hcp): State<Hcp>, headers: HeaderMap, body: Bytes) -> Response {
    let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let knobs = hcp.knobs();
    let now = hcp.now();
    let mut world = hcp.world();
    if let Some(limit) = knobs.token_requests_per_minute
        && world.token_requests.take(now, limit).is_err()
    {
        return (
            StatusCode::FORBIDDEN,
            Html("<html><head><title>403 Forbidden</title></head><body>Forbidden</body></html>"),
        )
            .into_response();
    }

    let credentials = basic_credentials(&headers)
        .or_else(|| Some((form.get("client_id")?.clone(), form.get("client_secret")?.clone())));
    let known = credentials.filter(|(id, secret)| {
        world
            .service_principals
            .iter()
            .any(|principal| principal.client_id == *id && principal.client_secret == *secret)
    });
    let Some((client_id, _)) = known else {
        // The wording of Ory's fosite, on which the endpoint seems to be built; not seen verbatim from HCP.
        return oauth_error(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method).",
        );
    };
    if form.get("grant_type").map(String::as_str) != Some("client_credentials") {
        return oauth_error(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "The authorization grant type is not supported by the authorization server.",
        );
    }
    let audience = form.get("audience").map(String::as_str);
    if audience.is_some_and(|audience| audience != AUDIENCE) {
        return oauth_error(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "The requested audience is not allowed for this client.",
        );
    }

    let number = world.fresh_number();
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"{client_id}","jti":"{number}"}}"#));
    let access_token = format!(
        "{}.{claims}.{ACCESS_TOKEN_MARKER}-{number:06}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#)
    );
    let token = Token {
        client_id,
        expires_at: now + knobs.token_lifetime,
        for_api: audience.is_some(),
    };
    world.tokens.insert(access_token.clone(), token);
    Json(json!({"access_token": access_token, "expires_in": knobs.token_lifetime.as_secs(), "token_type": "Bearer"}))
        .into_response()
}

impl Hcp {
    /// The settled world, for a caller whose token is good and whose role in the project is at least `needed`.
    ///
    /// # Errors
    /// 401 with code 16, 403 with code 7 (also for an organization or project that does not exist), 429 with code 8.
    pub(super) fn authorized(
        &self,
        headers: &HeaderMap,
        organization: &str,
        project: &str,
        needed: Role,
    ) -> Result<MutexGuard<'_, World>, ApiError> {
        let mut world = self.world();
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .ok_or_else(|| ApiError::unauthenticated("missing bearer token"))?;
        let good = world
            .tokens
            .get(token)
            .filter(|token| token.for_api && self.now() < token.expires_at);
        let client_id = good
            .map(|token| token.client_id.clone())
            .ok_or_else(|| ApiError::unauthenticated("invalid or expired token"))?;

        if let Some(limit) = self.knobs().requests_per_minute {
            world
                .requests
                .take(self.now(), limit)
                .map_err(|seconds| ApiError::rate_limited(limit, seconds))?;
        }

        let principal = world
            .service_principals
            .iter()
            .find(|p| p.client_id == client_id)
            .ok_or_else(ApiError::denied)?;
        let enough = match project {
            // The operation service lets a caller leave the project open.
            "-" => principal.roles.values().any(|role| *role >= needed),
            _ => {
                principal.roles.get(project).is_some_and(|role| *role >= needed) && world.projects.contains_key(project)
            }
        };
        if organization != world.organization_id || !enough {
            return Err(ApiError::denied());
        }
        Ok(world)
    }
}

fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    form_urlencoded::parse(format!("v={text}").as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn oauth_error(status: StatusCode, error: &str, description: &str) -> Response {
    (status, Json(json!({"error": error, "error_description": description}))).into_response()
}
