//! The check of the token before every call: `Authorization: aivenv1 TOKEN` or `Bearer TOKEN`.

use std::sync::MutexGuard;

use http::{HeaderMap, header};

use super::Aiven;
use super::errors::ApiError;
use super::world::World;

/// All calls under `privatelink/aws`, reads included, and changes of a service.
pub(super) const CONFIGURE: &str = "service:configuration:write";
/// Reading services.
pub(super) const READ: &str = "project:services:read";
/// Reading services with their secrets.
pub(super) const READ_SECRETS: &str = "service:secrets:read";

impl Aiven {
    /// The settled world, for a caller whose token is good for the project and has the permission.
    ///
    /// # Errors
    /// 401 for a token that is missing, unknown or expired, 404 for an unknown project, 403 for a project or permission that the
    /// token does not have, 429.
    pub(super) fn authorized(
        &self,
        headers: &HeaderMap,
        project: &str,
        permission: &str,
    ) -> Result<MutexGuard<'_, World>, ApiError> {
        let knobs = self.knobs();
        let now = self.now();
        let mut world = self.world();
        if let Some(limit) = knobs.requests_per_minute {
            let taken = world.requests.take(now, limit);
            taken.map_err(|seconds| ApiError::rate_limited(limit, seconds, knobs.retry_after_header))?;
        }
        let token = headers.get(header::AUTHORIZATION).and_then(|value| {
            let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
            ["aivenv1", "bearer"]
                .contains(&scheme.to_ascii_lowercase().as_str())
                .then(|| token.trim().to_owned())
        });
        let grant = token
            .and_then(|token| world.tokens.get(&token))
            .filter(|grant| grant.expires_at.is_none_or(|end| now < end));
        let grant = grant.ok_or_else(ApiError::unauthenticated)?;
        if !world.projects.contains_key(project) {
            // As seen in aiven/terraform-provider-aiven#477.
            return Err(ApiError::not_found("Project does not exist"));
        }
        if !grant.projects.contains(project) {
            // As seen in aiven/terraform-provider-aiven#561.
            return Err(ApiError::forbidden("Not a project member"));
        }
        if !grant.allows(permission) {
            return Err(ApiError::forbidden(format!("Missing permission {permission}")));
        }
        Ok(world)
    }
}
