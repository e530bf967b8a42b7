//! Preflight: reads only. Checks what only the clouds know, and notes what was there before the run changed anything.

use shared::document::{Document, Preflight as Facts};
use shared::progress::{Look, Phase};
use shared::request::Provider;
use shared::settings::PhaseName;
use shared::{Error, ErrorName, Result};

use crate::context::Context;
use crate::dns;
use crate::ec2::endpoints::{self, Endpoint};
use crate::ec2::network::{self, Network};
use crate::ec2::services;
use crate::runtime::Step;

/// The step.
pub struct Preflight;

impl Step for Preflight {
    const PHASE: PhaseName = PhaseName::Preflight;
    type Output = Facts;

    fn previous(document: &Document) -> Option<&Phase<Facts>> {
        document.preflight.as_ref()
    }

    async fn look(context: &Context, document: &Document, _attempt: u32) -> Result<Look<Facts>> {
        let request = &document.request;
        let consumer = &request.consumer;
        let (provider, ec2) = tokio::join!(context.provider(request), context.ec2(request));
        let (vendor, network, dns, ours) = tokio::join!(
            provider.preflight(),
            network::read(&ec2, consumer),
            dns_violations(&ec2, document),
            endpoints::find_ours(&ec2, consumer, &document.connection_id),
        );
        let mut network = network?;
        network.violations.extend(dns?);
        let endpoint = ours?.into_iter().find(Endpoint::is_live);
        let vendor = match vendor {
            Ok(vendor) => vendor,
            // Report the network's violations along with the vendor's.
            Err(error) if error.name == ErrorName::InvalidRequest && !network.violations.is_empty() => {
                network.violations.insert(0, error.message);
                return Err(invalid(network));
            }
            Err(error) => return Err(error),
        };
        network.check_ports(&vendor.ports);
        if let Some(endpoint) = &endpoint {
            check_unchanged(endpoint, document, &mut network);
        } else if let Some(service_name) = vendor.service_name.clone() {
            let service = shared::document::ServiceOffer {
                service_name,
                service_region: vendor.region.clone(),
            };
            // Not an allowed principal yet: the zones are checked once it is, before the endpoint is made.
            let offered = services::zone_ids(&ec2, &service, &consumer.region)
                .await?
                .unwrap_or_default();
            let outside = services::subnets_outside(&network.subnets, &offered);
            network.violations.extend(outside);
        }
        let zone_id = match &vendor.private_hostname {
            None => None,
            Some(host) => {
                let route53 = context.route53(request).await;
                match dns::find(&route53, consumer, host, &document.connection_id).await? {
                    Some(zone) if !zone.ours => {
                        network.violations.push(dns::not_ours(consumer, host, &zone.id).message);
                        None
                    }
                    found => found.map(|zone| zone.id),
                }
            }
        };
        if !network.violations.is_empty() {
            return Err(invalid(network));
        }
        Ok(Look::Ready(Facts {
            service_region: vendor.region,
            service_existed: vendor.service_existed,
            adds: vendor.adds,
            endpoint_id: endpoint.map(|e| e.id),
            private_hostname: vendor.private_hostname,
            zone_id,
        }))
    }
}

/// Only HCP's name needs a private zone; Aiven's public DNS answers with the private addresses.
async fn dns_violations(ec2: &aws_sdk_ec2::Client, document: &Document) -> Result<Vec<String>> {
    match document.request.provider {
        Provider::HcpVault(_) => network::check_dns(ec2, &document.request.consumer.vpc_id).await,
        Provider::Aiven(_) => Ok(Vec::new()),
    }
}

/// An endpoint that exists is used as it is; a request that wants it otherwise is told so rather than ignored.
fn check_unchanged(endpoint: &Endpoint, document: &Document, network: &mut Network) {
    let consumer = &document.request.consumer;
    let mut differs = |field: &str, have: &[String], want: &[String]| {
        let (mut have, mut want) = (have.to_vec(), want.to_vec());
        have.sort();
        want.sort();
        if have != want {
            network.violations.push(format!(
                "/consumer/{field}: the connection's endpoint {} exists with {}; this workflow does not change an endpoint in place. \
                 Ask for those, or delete the endpoint first.",
                endpoint.id,
                have.join(", ")
            ));
        }
    };
    differs("subnet_ids", &endpoint.subnet_ids, &consumer.subnet_ids);
    differs(
        "security_group_ids",
        &endpoint.security_group_ids,
        &consumer.security_group_ids,
    );
}

fn invalid(network: Network) -> Error {
    Error::new(
        ErrorName::InvalidRequest,
        format!(
            "the request does not fit what is there; nothing was changed. Correct it and start again.\n{}",
            network.violations.join("\n")
        ),
    )
}
