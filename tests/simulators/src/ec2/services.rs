//! `DescribeVpcEndpointServices`, for the services that vendors offer.

use crate::fabric::EndpointService;

use super::Ec2;
use super::caller::Caller;
use super::error::Ec2Error;
use super::query::Params;
use super::xml::Xml;

/// The account that all vendors' services are in.
const PROVIDER_ACCOUNT: &str = "555555555555";

pub(super) fn describe_vpc_endpoint_services(
    ec2: &Ec2,
    caller: &Caller,
    params: &Params,
    xml: &mut Xml,
) -> Result<(), Ec2Error> {
    let filters = params.filters(&[
        "owner",
        "service-name",
        "service-region",
        "service-type",
        "supported-ip-address-types",
    ])?;
    let (knobs, now) = (ec2.fabric.knobs().ec2, ec2.fabric.clock.now());
    let mut inner = ec2.lock();
    let account = inner.world.account_mut(&caller.account);
    let state = ec2.fabric.state();

    let regions = params.list("ServiceRegion");
    let in_regions = |service: &EndpointService| {
        let asked = if regions.is_empty() {
            service.region == caller.region
        } else {
            regions.contains(&service.region)
        };
        asked && (service.region == caller.region || service.supported_regions.contains(&caller.region))
    };
    let mut services: Vec<&EndpointService> = state
        .services
        .values()
        .filter(|service| in_regions(service))
        .filter(|service| {
            caller.is_among(
                service.principals_in_effect(now, knobs.principal_lag),
                knobs.calling_principal.as_deref(),
            )
        })
        .collect();

    let names = params.list("ServiceName");
    if let Some(unknown) = names
        .iter()
        .find(|name| services.iter().all(|service| service.name != **name))
    {
        return Err(Ec2Error::service_name(unknown));
    }
    if !names.is_empty() {
        services.retain(|service| names.contains(&service.name));
    }
    let no_tags = std::collections::BTreeMap::new();
    services.retain(|service| {
        filters.match_item(&no_tags, |name| {
            vec![match name {
                "owner" => PROVIDER_ACCOUNT.to_owned(),
                "service-name" => service.name.clone(),
                "service-region" => service.region.clone(),
                "service-type" => "Interface".to_owned(),
                _ => "ipv4".to_owned(),
            }]
        })
    });

    let (page, next) = params.page(services)?;
    xml.texts("serviceNameSet", page.iter().map(|service| &service.name));
    xml.list("serviceDetailSet", page, |xml, service| {
        xml.text("serviceName", &service.name)
            .text("serviceId", &service.id)
            .list("serviceType", ["Interface"], |xml, kind| {
                xml.text("serviceType", kind);
            })
            .text("serviceRegion", &service.region);
        // A service of another region comes without zones.
        if service.region == caller.region {
            let zones = account.zones.get(&caller.region).map(Vec::as_slice).unwrap_or_default();
            let common: Vec<_> = zones
                .iter()
                .filter(|zone| service.zone_ids.contains(&zone.id))
                .collect();
            xml.texts("availabilityZoneIdSet", common.iter().map(|zone| &zone.id))
                .texts("availabilityZoneSet", common.iter().map(|zone| &zone.name));
        }
        xml.text("owner", PROVIDER_ACCOUNT)
            .texts(
                "baseEndpointDnsNameSet",
                [format!("{}.{}.vpce.amazonaws.com", service.id, service.region)],
            )
            .text("vpcEndpointPolicySupported", false)
            .text("acceptanceRequired", true)
            .text("managesVpcEndpoints", false)
            .tags(&no_tags)
            .texts("supportedIpAddressTypeSet", ["ipv4"]);
    });
    if let Some(token) = next {
        xml.text("nextToken", token);
    }
    Ok(())
}
