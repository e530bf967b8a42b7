//! What Aiven demands of a PrivateLink and of a service's configuration. Unless said otherwise the texts are guesses.

use serde_json::Value;

use super::components;
use super::errors::ApiError;
use super::world::{Project, Service};
use crate::knobs::AivenKnobs;

const MAX_PRINCIPALS: usize = 16;
const MAX_REGIONS: usize = 16;

/// What a service must be to have a PrivateLink.
pub(super) fn check_service(service: &Service, project: &Project) -> Result<(), ApiError> {
    if !components::supports_privatelink(&service.service_type) {
        return Err(ApiError::invalid(format!(
            "Privatelink is not supported for service type {}",
            service.service_type
        )));
    }
    if service.aws_region().is_none() {
        return Err(ApiError::invalid(format!(
            "AWS Privatelink is not available in cloud {}",
            service.cloud_name
        )));
    }
    match &service.project_vpc_id {
        None => Err(ApiError::invalid(
            "Privatelink is only available for services in a project VPC",
        )),
        Some(id) => vpc_is_active(project, id),
    }
}

/// The text was seen in aiven/terraform-provider-aiven#54.
pub(super) fn vpc_is_active(project: &Project, id: &str) -> Result<(), ApiError> {
    let vpc = project
        .vpcs
        .get(id)
        .ok_or_else(|| ApiError::not_found("Project VPC not found"))?;
    match vpc.state.as_str() {
        "ACTIVE" => Ok(()),
        state => Err(ApiError::conflict(format!(
            "Project VPC {id} is in state {state}, not ACTIVE"
        ))),
    }
}

/// 1 to 16 ARNs of accounts, users or roles; repeated ones count once.
pub(super) fn principals(given: &[String], knobs: &AivenKnobs) -> Result<Vec<String>, ApiError> {
    let principals = deduplicated(given);
    if principals.is_empty() || principals.len() > MAX_PRINCIPALS {
        return Err(ApiError::invalid(format!(
            "Invalid principals: between 1 and {MAX_PRINCIPALS} are required"
        )));
    }
    match principals
        .iter()
        .find(|arn| knobs.check_principals && !is_principal(arn))
    {
        Some(bad) => Err(ApiError::invalid(format!(
            "Invalid principals: {bad:?} is not an AWS principal ARN"
        ))),
        None => Ok(principals),
    }
}

/// At most 16 names of AWS regions besides the service's own, which is always served.
pub(super) fn regions(given: &[String], service: &Service, knobs: &AivenKnobs) -> Result<Vec<String>, ApiError> {
    if !knobs.cross_region {
        return Err(ApiError::forbidden(
            "Cross-region Privatelink is not enabled for this project",
        ));
    }
    let mut regions = deduplicated(given);
    regions.retain(|region| Some(region.as_str()) != service.aws_region());
    if regions.len() > MAX_REGIONS {
        return Err(ApiError::invalid(format!(
            "Invalid supported_regions: at most {MAX_REGIONS} are allowed"
        )));
    }
    match regions.iter().find(|region| !is_region(region)) {
        Some(bad) => Err(ApiError::invalid(format!(
            "Invalid supported_regions: {bad:?} is not an AWS region"
        ))),
        None => Ok(regions),
    }
}

/// The parts of a partial `user_config` that this simulator knows.
pub(super) fn check_user_config(change: &Value, service: &Service) -> Result<(), ApiError> {
    let Some(change) = change.as_object() else {
        return Err(ApiError::invalid("Invalid user_config: must be an object"));
    };
    for section in ["privatelink_access", "public_access", "private_access"] {
        let Some(access) = change.get(section) else { continue };
        let Some(access) = access.as_object() else {
            return Err(ApiError::invalid(format!(
                "Invalid user_config.{section}: must be an object"
            )));
        };
        let known = components::access_keys(&service.service_type, section);
        if let Some(unknown) = access.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(ApiError::invalid(format!(
                "Invalid user_config.{section}: Additional properties are not allowed ('{unknown}' was unexpected)"
            )));
        }
        if let Some((key, _)) = access.iter().find(|(_, value)| !value.is_boolean()) {
            return Err(ApiError::invalid(format!(
                "Invalid user_config.{section}.{key}: must be a boolean"
            )));
        }
        // aiven/terraform-provider-aiven PR #1727: inside a VPC the dynamic route is private already.
        if section == "private_access"
            && service.project_vpc_id.is_some()
            && access.values().any(|value| *value == true)
        {
            return Err(ApiError::invalid(
                "Invalid user_config.private_access: not available in a project VPC",
            ));
        }
    }
    Ok(())
}

/// `arn:aws:iam::<12 digits>:` and `root`, `user/NAME` or `role/NAME`.
fn is_principal(arn: &str) -> bool {
    let Some((account, resource)) = arn.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(':')) else {
        return false;
    };
    let named = |prefix: &str| resource.strip_prefix(prefix).is_some_and(|name| !name.is_empty());
    account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && (resource == "root" || named("user/") || named("role/"))
}

/// `eu-west-1`, not Aiven's `aws-eu-west-1`.
fn is_region(region: &str) -> bool {
    let parts: Vec<&str> = region.split('-').collect();
    matches!(parts[..], [area, .., number] if parts.len() >= 3 && area.len() == 2 && number.parse::<u8>().is_ok())
}

fn deduplicated(items: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for item in items {
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    kept
}
