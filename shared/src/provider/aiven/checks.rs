//! Preflight: whether the service that a request names fits it, from what Aiven answers.

use std::fmt::Write as _;

use super::components;
use super::lists::{Delta, counts};
use super::plan::{LinkStep, switched_off};
use super::wire::{PrivateLink, Service};
use crate::document::{Additions, VendorFacts};
use crate::plan::Check;
use crate::request::{self, COMPONENTS_BY_SERVICE_TYPE, UNSUPPORTED_SERVICE_TYPES};
use crate::{Error, ErrorName, Result};

const SERVICE_NAME: &str = "/provider/service_name";
/// Components that a service lists only where they are reachable, so that a missing row says nothing about them.
const LISTED_ONLY_WHEN_REACHABLE: [&str; 2] = ["jolokia", "prometheus"];
/// Parts of Kafka that are off unless `user_config` has this very key on.
const SWITCHED_BY_OWN_KEY: [&str; 3] = ["kafka_connect", "kafka_rest", "schema_registry"];

/// A service that fits the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) vendor: VendorFacts,
    pub(super) checks: Vec<Check>,
    /// What the PrivateLink service needs.
    pub(super) step: LinkStep,
}

/// What preflight learns from the service and its PrivateLink service, if there is one.
///
/// # Errors
/// `InvalidRequest` with every problem, each on its own line; `LimitExceeded` where the lists are full; `Unexpected` for a state or
/// a cloud that no contract knows.
pub(super) fn fit(service: &Service, link: Option<&PrivateLink>, params: &request::Aiven) -> Result<Fit> {
    // One that is being deleted will be gone, and the run makes its own.
    let link = link.filter(|link| link.state != "deleting");
    if let Some(link) = link
        && !matches!(link.state.as_str(), "creating" | "active")
    {
        return Err(unknown_state("the PrivateLink service", &link.state));
    }

    let mut problems = Problems::default();
    if let Some(problem) = not_running(service)? {
        problems.add(SERVICE_NAME, problem);
    }
    if service.project_vpc_id.is_none() {
        problems.add(
            SERVICE_NAME,
            "must be in a project VPC, as Aiven offers PrivateLink only there: migrate the service to a VPC in Aiven",
        );
    }
    let region = match region(service)? {
        Ok(region) => Some(region),
        Err(problem) => {
            problems.add(SERVICE_NAME, problem);
            None
        }
    };
    check_components(service, params, &mut problems);
    for (i, unwanted) in params.remove_supported_regions.iter().enumerate() {
        if region.as_ref() == Some(unwanted) {
            problems.add(
                &format!("/provider/remove_supported_regions/{i}"),
                format!(
                    "\"{unwanted}\" is the service's own region, from which it can always be connected to: leave it out"
                ),
            );
        }
    }
    problems.into_result(params)?;
    // Without a region there was a problem.
    let region = region.unwrap_or_default();

    let delta = Delta::of(params, link, &region);
    let step = LinkStep::of(params, link, &region)?;
    Ok(Fit {
        checks: passed(service, link, params, &step, &region),
        vendor: VendorFacts {
            service_existed: link.is_some(),
            service_name: link.and_then(|link| link.aws_service_name.clone()),
            adds: Additions {
                principals: delta.principals,
                ip_ranges: Vec::new(),
                regions: delta.regions,
                components: switched_off(service, &params.components),
            },
            ports: components::ports(service, &params.components),
            // Aiven's public DNS has its names.
            private_hostname: None,
            service_region: region,
        },
        step,
    })
}

/// What a person may want to know of what was checked.
fn passed(
    service: &Service,
    link: Option<&PrivateLink>,
    params: &request::Aiven,
    step: &LinkStep,
    region: &str,
) -> Vec<Check> {
    let mut checks = vec![
        format!(
            "the Aiven service {}/{} is RUNNING on {} in a project VPC",
            params.project, params.service_name, service.cloud_name
        ),
        format!(
            "a {} service offers these components over PrivateLink: {}",
            service.service_type,
            params.components.join(", ")
        ),
    ];
    checks.extend(counts(link, step.lists(), region));
    if link.is_some_and(|link| link.supported_regions.is_none()) {
        let regions = step.lists().and_then(|lists| lists.supported_regions.as_ref());
        if let Some(regions) = regions {
            checks.push(format!(
                "Aiven does not show the supported regions, so that this run's replace whatever is there: {}",
                regions.join(", ")
            ));
        }
        if !params.remove_supported_regions.is_empty() {
            checks.push("Aiven does not show the supported regions, so that none is removed".to_owned());
        }
    }
    checks.into_iter().map(Check::passed).collect()
}

/// Why the service cannot have a PrivateLink service made now, if it cannot.
///
/// # Errors
/// `Unexpected` for a state that no contract knows.
pub(super) fn not_running(service: &Service) -> Result<Option<String>> {
    match service.state.as_str() {
        "RUNNING" => Ok(None),
        "REBALANCING" | "REBUILDING" => Ok(Some(format!(
            "is {} now; wait until Aiven shows it RUNNING, then start again",
            service.state
        ))),
        "POWEROFF" => Ok(Some("is powered off: power it on, then start again".into())),
        other => Err(unknown_state("the service", other)),
    }
}

/// The service's AWS region, or why it has none.
///
/// # Errors
/// `Unexpected` for a cloud on AWS whose name has no region in the known form.
pub(super) fn region(service: &Service) -> Result<Result<String, String>> {
    let cloud = service.cloud_name.as_str();
    let Some(region) = cloud.strip_prefix("custom-").unwrap_or(cloud).strip_prefix("aws-") else {
        return Ok(Err(format!(
            "is in the cloud \"{cloud}\", and AWS PrivateLink needs a service on AWS"
        )));
    };
    if is_region(region) {
        Ok(Ok(region.to_owned()))
    } else {
        Err(Error::unexpected(format!(
            "the service is in the cloud \"{cloud}\", whose name does not end with an AWS region as \"aws-eu-west-1\" does: report \
             it to the maintainers of this workflow."
        )))
    }
}

/// The region in the name of an endpoint service: `com.amazonaws.vpce.<region>.vpce-svc-…`.
///
/// # Errors
/// `Unexpected` for another form.
pub(super) fn region_of_service_name(name: &str) -> Result<String> {
    name.split('.')
        .skip_while(|part| *part != "vpce")
        .nth(1)
        .filter(|region| is_region(region))
        .map(str::to_owned)
        .ok_or_else(|| {
            Error::unexpected(format!(
                "Aiven's aws_service_name is \"{name}\", not com.amazonaws.vpce.<region>.vpce-svc-…: report it to the maintainers of \
                 this workflow."
            ))
        })
}

/// A state that no contract knows is never waited on.
pub(super) fn unknown_state(of: &str, state: &str) -> Error {
    Error::unexpected(format!(
        "Aiven says that {of} is \"{state}\", a state that no contract knows: report it to the maintainers of this workflow."
    ))
}

/// `eu-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [area, words @ .., number] => {
            area.len() == 2
                && is_word(area)
                && !words.is_empty()
                && words.iter().all(is_word)
                && number.len() == 1
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    }
}

fn check_components(service: &Service, params: &request::Aiven, problems: &mut Problems) {
    let service_type = service.service_type.as_str();
    let Some((_, offered)) = COMPONENTS_BY_SERVICE_TYPE
        .iter()
        .find(|(name, _)| *name == service_type)
    else {
        problems.add(
            SERVICE_NAME,
            if UNSUPPORTED_SERVICE_TYPES.contains(&service_type) {
                format!("is of the type {service_type}, for which Aiven does not offer AWS PrivateLink")
            } else {
                format!("is of the type \"{service_type}\", of which this workflow does not know that Aiven offers AWS PrivateLink")
            },
        );
        return;
    };
    for (i, component) in params.components.iter().enumerate() {
        let path = format!("/provider/components/{i}");
        let component = component.as_str();
        if !offered.contains(&component) {
            let offered = offered.join(", ");
            problems.add(
                &path,
                format!("\"{component}\" is no component that a {service_type} service offers over PrivateLink; it offers: {offered}"),
            );
        } else if !service.components.iter().any(|row| row.component == component)
            && !LISTED_ONLY_WHEN_REACHABLE.contains(&component)
        {
            let how = if SWITCHED_BY_OWN_KEY.contains(&component) {
                format!(
                    "set its user_config.{component} to true first (avn service update -c {component}=true --project {} {})",
                    params.project, params.service_name
                )
            } else {
                "switch it on in the service's configuration first".to_owned()
            };
            problems.add(&path, format!("\"{component}\" is switched off in the service: {how}"));
        }
    }
}

/// What does not fit, each with the path of the field whose target it is.
#[derive(Default)]
struct Problems(Vec<(String, String)>);

impl Problems {
    fn add(&mut self, path: &str, problem: impl Into<String>) {
        self.0.push((path.to_owned(), problem.into()));
    }

    fn into_result(self, params: &request::Aiven) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut text = format!(
            "the Aiven service {}/{} does not fit the request; nothing was changed. Correct this and start again.",
            params.project, params.service_name
        );
        for (path, problem) in self.0 {
            let _ = write!(text, "\n{path}: {problem}");
        }
        Err(Error::new(ErrorName::InvalidRequest, text))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::provider::aiven::samples::{kafka, link, names, params, service};

    #[test]
    fn a_service_without_privatelink_needs_everything() {
        let fit = super::fit(&kafka(), None, &params(&["kafka", "schema_registry", "prometheus"])).unwrap();
        assert_eq!(fit.vendor.service_region, "eu-west-1");
        assert!(!fit.vendor.service_existed);
        assert_eq!(fit.vendor.service_name, None);
        assert_eq!(fit.vendor.adds.principals, names(&["arn:aws:iam::111122223333:root"]));
        assert!(fit.vendor.adds.regions.is_empty());
        assert_eq!(fit.vendor.adds.components, names(&["schema_registry", "prometheus"]));
        assert_eq!(fit.vendor.ports, [(10_000, 31_000)]);
        assert!(matches!(fit.step, LinkStep::Create(_)));
    }

    #[test]
    fn what_was_checked_is_told_with_figures() {
        let mut params = params(&["kafka"]);
        params.supported_regions = names(&["us-east-1"]);
        let messages = |link: Option<&PrivateLink>| -> Vec<String> {
            let checks = fit(&kafka(), link, &params).unwrap().checks;
            assert!(checks.iter().all(|check| check.passed));
            checks.into_iter().map(|check| check.message).collect()
        };
        let shown = link(&["arn:aws:iam::444455556666:root"], Some(&["eu-west-1", "us-east-1"]));
        assert_eq!(
            messages(Some(&shown)),
            [
                "the Aiven service acme-prod/orders is RUNNING on aws-eu-west-1 in a project VPC",
                "a kafka service offers these components over PrivateLink: kafka",
                "principals: 2 of 16 after this run",
                "additional regions: 1 of 16 after this run",
            ]
        );
        let hidden = link(&["arn:aws:iam::444455556666:root"], None);
        assert!(messages(Some(&hidden))[4].contains("replace whatever is there: us-east-1"));
    }

    #[test]
    fn the_own_region_cannot_be_removed() {
        let mut params = params(&["kafka"]);
        params.remove_supported_regions = names(&["us-east-1", "eu-west-1"]);
        let error = fit(&kafka(), None, &params).unwrap_err();
        assert!(
            error.message.contains("\n/provider/remove_supported_regions/1: "),
            "{error}"
        );
    }

    #[test]
    fn a_complete_service_needs_nothing() {
        let link = link(&["arn:aws:iam::111122223333:root"], None);
        let fit = super::fit(&kafka(), Some(&link), &params(&["kafka"])).unwrap();
        assert!(fit.vendor.service_existed && fit.vendor.adds.is_empty());
        assert_eq!(fit.vendor.service_name, link.aws_service_name);
    }

    #[test]
    fn one_that_is_being_deleted_does_not_count() {
        let mut link = link(&["arn:aws:iam::111122223333:root"], None);
        link.state = "deleting".into();
        let fit = super::fit(&kafka(), Some(&link), &params(&["kafka"])).unwrap();
        assert!(!fit.vendor.service_existed && fit.vendor.service_name.is_none());
        assert_eq!(fit.vendor.adds.principals.len(), 1);
    }

    #[test]
    fn all_problems_come_at_once_with_their_paths() {
        let mut service = kafka();
        service.state = "REBALANCING".into();
        service.project_vpc_id = None;
        service.cloud_name = "google-europe-west1".into();
        let error = fit(&service, None, &params(&["pg", "kafka", "kafka_rest"])).unwrap_err();
        assert_eq!(error.name, ErrorName::InvalidRequest);
        let lines: Vec<&str> = error.message.lines().skip(1).collect();
        assert_eq!(lines.len(), 5, "{}", error.message);
        assert!(lines[0].starts_with("/provider/service_name: is REBALANCING now; wait"));
        assert!(lines[1].starts_with("/provider/service_name: must be in a project VPC"));
        assert!(lines[2].starts_with("/provider/service_name: is in the cloud \"google-europe-west1\""));
        assert!(lines[3].starts_with("/provider/components/0: \"pg\" is no component that a kafka service offers"));
        assert!(lines[4].starts_with("/provider/components/2: \"kafka_rest\" is switched off"));
        assert!(lines[4].contains("user_config.kafka_rest"));
    }

    #[test]
    fn service_types_without_privatelink_have_their_message() {
        for (service_type, words) in [
            ("flink", "Aiven does not offer AWS PrivateLink"),
            ("newdb", "\"newdb\", of which this workflow does not know"),
        ] {
            let error = fit(&service(service_type, json!([])), None, &params(&["kafka"])).unwrap_err();
            assert_eq!(error.name, ErrorName::InvalidRequest);
            assert!(error.message.contains(words), "{}", error.message);
        }
    }

    #[test]
    fn unknown_states_are_unexpected() {
        let mut service = kafka();
        service.state = "HIBERNATING".into();
        let error = fit(&service, None, &params(&["kafka"])).unwrap_err();
        assert_eq!(error.name, ErrorName::Unexpected);
        assert!(error.message.contains("\"HIBERNATING\""));

        let mut link = link(&[], None);
        link.state = "updating".into();
        let error = fit(&kafka(), Some(&link), &params(&["kafka"])).unwrap_err();
        assert!(error.name == ErrorName::Unexpected && error.message.contains("\"updating\""));
    }

    #[test]
    fn the_region_is_in_the_clouds_name() {
        let region_in = |cloud: &str| {
            let mut service = kafka();
            service.cloud_name = cloud.into();
            region(&service)
        };
        assert_eq!(region_in("aws-us-gov-east-1").unwrap().unwrap(), "us-gov-east-1");
        assert_eq!(region_in("custom-aws-eu-west-1").unwrap().unwrap(), "eu-west-1");
        assert!(region_in("azure-eastus").unwrap().is_err());
        for odd in ["aws-", "aws-europe", "aws-eu-1", "custom-aws-abc123", "aws-eu-west-1-x"] {
            assert_eq!(region_in(odd).unwrap_err().name, ErrorName::Unexpected, "{odd}");
        }
    }

    #[test]
    fn the_region_is_in_the_endpoint_services_name() {
        for (name, region) in [
            ("com.amazonaws.vpce.eu-west-1.vpce-svc-0b16e88f3b706aaf1", "eu-west-1"),
            (
                "cn.com.amazonaws.vpce.cn-north-1.vpce-svc-0b16e88f3b706aaf1",
                "cn-north-1",
            ),
        ] {
            assert_eq!(region_of_service_name(name).unwrap(), region);
        }
        for odd in ["", "com.amazonaws.vpce", "com.amazonaws.s3.eu-west-1"] {
            assert_eq!(region_of_service_name(odd).unwrap_err().name, ErrorName::Unexpected);
        }
    }
}
