//! An endpoint on the wire.

use crate::clock::Clock;
use crate::fabric::{Endpoint, EndpointState};

use super::world::Account;
use super::xml::Xml;

/// What stands inside `<vpcEndpoint>` and inside the items of `<vpcEndpointSet>`.
pub(super) fn write_endpoint(xml: &mut Xml, endpoint: &Endpoint, account: &Account, clock: &Clock) {
    xml.text("vpcEndpointId", &endpoint.id)
        .text("vpcEndpointType", "Interface")
        .text("vpcId", &endpoint.vpc_id)
        .text("serviceName", &endpoint.service_name)
        .text("state", endpoint.state.wire())
        .texts::<&str>("routeTableIdSet", [])
        .texts("subnetIdSet", endpoint.subnets.iter().map(|(id, _)| id))
        .list("groupSet", &endpoint.security_group_ids, |xml, id| {
            xml.text("groupId", id);
            if let Some(group) = account.security_groups.get(id) {
                xml.text("groupName", &group.name);
            }
        })
        .text("ipAddressType", "ipv4")
        .node("dnsOptions", |xml| {
            xml.text("dnsRecordIpType", "ipv4");
        })
        .text("privateDnsEnabled", endpoint.private_dns_enabled)
        .text("requesterManaged", false);
    let interfaces = if endpoint.has_interfaces() {
        endpoint.interfaces.as_slice()
    } else {
        &[]
    };
    xml.texts(
        "networkInterfaceIdSet",
        interfaces.iter().map(|interface| &interface.id),
    )
    .list("dnsEntrySet", dns_names(endpoint), |xml, name| {
        xml.text("dnsName", name)
            .text("hostedZoneId", hosted_zone_id(&endpoint.region));
    })
    .text(
        "creationTimestamp",
        format!("{:.3}", clock.timestamp(endpoint.created_at)),
    )
    .tags(&endpoint.tags)
    .text("ownerId", &endpoint.owner_account);
    if endpoint.state == EndpointState::Failed
        && let Some((code, message)) = &endpoint.last_error
    {
        xml.node("lastError", |xml| {
            xml.text("message", message).text("code", code);
        });
        xml.text("failureReason", message);
    }
    // com.amazonaws.vpce.<region>.<service id>
    if let Some(region) = endpoint.service_name.split('.').nth(3) {
        xml.text("serviceRegion", region);
    }
}

/// The regional name first, then one for each zone; none before the endpoint is available, none without subnets.
fn dns_names(endpoint: &Endpoint) -> Vec<String> {
    if endpoint.state != EndpointState::Available || endpoint.subnets.is_empty() {
        return Vec::new();
    }
    let regional = endpoint.dns_name.clone();
    let zonal = endpoint.subnets.iter().filter_map(|(_, zone)| {
        let (host, domain) = endpoint.dns_name.split_once('.')?;
        Some(format!("{host}-{zone}.{domain}"))
    });
    std::iter::once(regional.clone()).chain(zonal).collect()
}

/// AWS has one hosted zone per region for the names of endpoints; this one is made up, in its form.
pub(super) fn hosted_zone_id(region: &str) -> String {
    let letters: String = region.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("Z{:0<13}", letters.to_uppercase())
}
