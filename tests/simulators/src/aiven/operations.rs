//! The name of a call, by its method and path: the ids are those of Aiven's API specification.

use axum::body::Bytes;
use http::Method;
use http::request::Parts;

use crate::front::Operation;

pub(super) fn of_call(parts: &Parts, _body: &Bytes) -> Operation {
    let segments: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    // v1, project, {project}, collection …
    let (name, write) = match (&parts.method, segments.get(3..).unwrap_or_default()) {
        (&Method::POST, ["service", _, "privatelink", "aws"]) => ("ServicePrivatelinkAWSCreate", true),
        (&Method::GET, ["service", _, "privatelink", "aws"]) => ("ServicePrivatelinkAWSGet", false),
        (&Method::PUT, ["service", _, "privatelink", "aws"]) => ("ServicePrivatelinkAWSUpdate", true),
        (&Method::DELETE, ["service", _, "privatelink", "aws"]) => ("ServicePrivatelinkAWSDelete", true),
        (&Method::GET, ["service", _, "privatelink", "aws", "connections"]) => {
            ("ServicePrivatelinkAWSConnectionList", false)
        }
        (&Method::POST, ["service", _, "privatelink", "aws", "refresh"]) => ("ServicePrivatelinkAWSRefresh", false),
        (&Method::GET, ["service"]) => ("ServiceList", false),
        (&Method::GET, ["service", _]) => ("ServiceGet", false),
        (&Method::PUT, ["service", _]) => ("ServiceUpdate", true),
        (&Method::GET, ["service-types", _]) => ("ProjectServiceTypeGet", false),
        (&Method::GET, ["service_types"]) => ("ListProjectServiceTypes", false),
        (&Method::GET, ["kms", "ca"]) => ("ProjectKmsGetCA", false),
        (&Method::GET, ["privatelink-availability"]) => ("ProjectPrivatelinkAvailabilityList", false),
        (&Method::GET, ["vpcs"]) => ("VpcList", false),
        (&Method::GET, ["vpcs", _]) => ("VpcGet", false),
        (method, _) => ("Unknown", method != Method::GET),
    };
    Operation {
        name: name.to_owned(),
        write,
    }
}
