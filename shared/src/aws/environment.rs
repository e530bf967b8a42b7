//! A service's settings from the environment's variables.

use std::env;

use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

/// Looks for `<variable>_<SERVICE>`, as `AWS_ENDPOINT_URL_SECRETS_MANAGER`, then for `<variable>`; in no file.
#[derive(Debug)]
pub(super) struct FromEnvironment;

impl LoadServiceConfig for FromEnvironment {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let of_all = key.env();
        let of_service = format!("{of_all}_{}", in_capitals(key.service_id()));
        [of_service.as_str(), of_all]
            .into_iter()
            .filter_map(|name| env::var(name).ok())
            .find(|value| !value.is_empty())
    }
}

/// "Route 53" is `ROUTE_53`.
fn in_capitals(service_id: &str) -> String {
    service_id.to_uppercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_named_as_in_the_sdks_reference_guide() {
        let names = ["EC2", "Route 53", "Secrets Manager", "DynamoDB"].map(in_capitals);
        assert_eq!(names, ["EC2", "ROUTE_53", "SECRETS_MANAGER", "DYNAMODB"]);
    }
}
