//! The name of a call, by its method and path, as in Route 53's API model.

use axum::body::Bytes;
use http::Method;
use http::request::Parts;

use crate::front::Operation;

pub(super) fn of_call(parts: &Parts, _body: &Bytes) -> Operation {
    let segments: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    // 2013-04-01, collection …
    let name = match (&parts.method, segments.get(1..).unwrap_or_default()) {
        (&Method::POST, ["hostedzone"]) => "CreateHostedZone",
        (&Method::GET, ["hostedzone"]) => "ListHostedZones",
        (&Method::GET, ["hostedzone", _]) => "GetHostedZone",
        (&Method::DELETE, ["hostedzone", _]) => "DeleteHostedZone",
        (&Method::POST, ["hostedzone", _]) => "UpdateHostedZoneComment",
        (&Method::POST, ["hostedzone", _, "rrset"]) => "ChangeResourceRecordSets",
        (&Method::GET, ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        (&Method::POST, ["hostedzone", _, "associatevpc"]) => "AssociateVPCWithHostedZone",
        (&Method::POST, ["hostedzone", _, "disassociatevpc"]) => "DisassociateVPCFromHostedZone",
        (&Method::POST, ["hostedzone", _, "authorizevpcassociation"]) => "CreateVPCAssociationAuthorization",
        (&Method::GET, ["hostedzone", _, "authorizevpcassociation"]) => "ListVPCAssociationAuthorizations",
        (&Method::POST, ["hostedzone", _, "deauthorizevpcassociation"]) => "DeleteVPCAssociationAuthorization",
        (&Method::GET, ["hostedzonesbyvpc"]) => "ListHostedZonesByVPC",
        (&Method::GET, ["hostedzonesbyname"]) => "ListHostedZonesByName",
        (&Method::GET, ["hostedzonecount"]) => "GetHostedZoneCount",
        (&Method::GET, ["hostedzonelimit", _, _]) => "GetHostedZoneLimit",
        (&Method::GET, ["change", _]) => "GetChange",
        (&Method::POST, ["tags", _, _]) => "ChangeTagsForResource",
        (&Method::GET, ["tags", _, _]) => "ListTagsForResource",
        (&Method::POST, ["tags", _]) => "ListTagsForResources",
        _ => "Unknown",
    };
    Operation {
        // One operation reads by POST.
        write: parts.method != Method::GET && name != "ListTagsForResources",
        name: name.to_owned(),
    }
}
