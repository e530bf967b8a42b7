//! The name of a call, by its method and path: the ids are those of HashiCorp's API specification.

use axum::body::Bytes;
use http::Method;
use http::request::Parts;

use crate::front::Operation;

pub(super) fn of_call(parts: &Parts, _body: &Bytes) -> Operation {
    let segments: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    // All but the token's path read: service, date, organizations, {o}, projects, {p}, collection …
    let (name, write) = match (
        &parts.method,
        segments.first().copied().unwrap_or_default(),
        segments.get(6..).unwrap_or_default(),
    ) {
        (&Method::POST, "oauth2", _) => ("Token", false),
        (&Method::POST, "network", ["networks", _, "private-link-services"]) => ("CreatePrivateLinkService", true),
        (&Method::GET, "network", ["networks", _, "private-link-services"]) => ("ListPrivateLinkService", false),
        (&Method::GET, "network", ["networks", _, "private-link-services", _]) => ("GetPrivateLinkService", false),
        (&Method::PATCH, "network", ["networks", _, "private-link-services", _]) => ("UpdatePrivateLinkService", true),
        (&Method::DELETE, "network", ["networks", _, "private-link-services", _]) => ("DeletePrivateLinkService", true),
        (&Method::GET, "network", ["networks"]) => ("ListNetworks", false),
        (&Method::GET, "network", ["networks", _]) => ("GetNetwork", false),
        (&Method::GET, "network", ["networks", _, "peerings"]) => ("ListPeerings", false),
        (&Method::GET, "network", ["networks", _, "transit-gateway-attachments"]) => ("ListTGWAttachments", false),
        (&Method::GET, "network", ["networks", _, "dependencies"]) => ("ListDependencies", false),
        (&Method::GET, "operation", ["operations"]) => ("ListOperations", false),
        (&Method::GET, "operation", ["operations", _]) => ("GetOperation", false),
        (&Method::GET, "operation", ["operations", _, "wait"]) => ("WaitOperation", false),
        (&Method::GET, "vault", ["clusters"]) => ("ListClusters", false),
        (&Method::GET, "vault", ["clusters", _]) => ("GetCluster", false),
        (&Method::DELETE, "vault", ["clusters", _]) => ("DeleteCluster", true),
        (method, ..) => ("Unknown", method != Method::GET),
    };
    Operation {
        name: name.to_owned(),
        write,
    }
}
