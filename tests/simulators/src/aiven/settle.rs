//! What time does: PrivateLinks and services that change their state, endpoints that become connections.

use std::collections::BTreeSet;
use std::time::Duration;

use super::world::{Connection, LinkState, PrivateLink, Service, ServiceState, World};
use crate::fabric::{EndpointState, Fabric};
use crate::knobs::AivenKnobs;

impl World {
    /// Applies what time has done since the last look.
    pub(super) fn settle(&mut self, fabric: &Fabric) {
        let (now, knobs) = (fabric.clock.now(), fabric.knobs().aiven);
        for service in self
            .projects
            .values_mut()
            .flat_map(|project| project.services.values_mut())
        {
            service.settle(fabric, &knobs, now);
        }
    }
}

impl Service {
    fn settle(&mut self, fabric: &Fabric, knobs: &AivenKnobs, now: Duration) {
        if self.running_at.is_some_and(|at| now >= at) {
            self.running_at = None;
            self.state = ServiceState::Running;
        }
        let Some(mut link) = self.privatelink.take() else {
            return;
        };
        match link.state {
            LinkState::Deleting if now >= link.due => return,
            // One that is made while the service is not RUNNING stays `creating`, as was seen on Azure
            // (aiven/terraform-provider-aiven#680).
            LinkState::Creating if now >= link.due && self.state == ServiceState::Running => {
                link.state = LinkState::Active
            }
            _ => {}
        }
        if link.state == LinkState::Active && link.aws_service_id.is_none() {
            self.offer(&mut link, fabric, now);
        }
        self.settle_connections(&mut link, fabric, knobs, now);
        self.privatelink = Some(link);
    }

    fn offer(&mut self, link: &mut PrivateLink, fabric: &Fabric, now: Duration) {
        let principals: BTreeSet<String> = link.principals.iter().cloned().collect();
        let regions: BTreeSet<String> = link.supported_regions.iter().cloned().collect();
        let region = self.aws_region().unwrap_or_default().to_owned();
        let service = fabric.offer_service(&region, principals, regions, self.zone_ids.clone());
        for account in std::mem::take(&mut link.foreign_accounts) {
            let endpoint = super::defaults::foreign_endpoint(fabric, &service, &account);
            let connection = self.connection(link, endpoint.id, endpoint.dns_name, now, false);
            link.connections.push(connection);
        }
        link.aws_service_id = Some(service.id);
        link.aws_service_name = Some(service.name);
    }

    /// A connection is listed some time after its endpoint became available, or by a refresh; it vanishes with the endpoint.
    fn settle_connections(&mut self, link: &mut PrivateLink, fabric: &Fabric, knobs: &AivenKnobs, now: Duration) {
        let Some(service_id) = link.aws_service_id.clone() else {
            return;
        };
        let mut endpoints = fabric.connections(&service_id);
        endpoints.retain(|endpoint| endpoint.state == EndpointState::Available);
        link.connections.retain(|connection| {
            endpoints
                .iter()
                .any(|endpoint| endpoint.id == connection.vpc_endpoint_id)
        });
        for endpoint in endpoints {
            let known = link
                .connections
                .iter()
                .any(|connection| connection.vpc_endpoint_id == endpoint.id);
            let told = knobs
                .listing_lag
                .map(|lag| endpoint.since + lag)
                .filter(|at| now >= *at);
            let listed_at = told.or(link.refreshed_at.filter(|at| *at >= endpoint.since));
            if let (false, Some(listed_at)) = (known, listed_at) {
                let active_at = listed_at + knobs.connection_activation;
                let connection = self.connection(
                    link,
                    endpoint.id,
                    endpoint.dns_name,
                    active_at,
                    knobs.reuse_connection_numbers,
                );
                link.connections.push(connection);
            }
        }
    }

    fn connection(
        &mut self,
        link: &mut PrivateLink,
        endpoint_id: String,
        dns_name: String,
        active_at: Duration,
        reuse: bool,
    ) -> Connection {
        let taken = |number: &u32| link.connections.iter().any(|connection| connection.number == *number);
        let lowest = (1..).find(|number| !taken(number)).unwrap_or(1);
        link.last_number += 1;
        let number = if reuse { lowest } else { link.last_number };
        // Spread as the recorded ones are, and inside of 10000 to 31000 for the first hundred connections.
        let kafka_ports = [0, 1, 2].map(|offset| self.next_kafka_port + offset * 17);
        self.next_kafka_port += 53;
        Connection {
            id: connection_id(&endpoint_id),
            vpc_endpoint_id: endpoint_id,
            dns_name,
            number,
            active_at,
            kafka_ports,
        }
    }
}

/// `plc` and 11 hex digits, made from the endpoint's id.
fn connection_id(endpoint_id: &str) -> String {
    let hash = endpoint_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("plc{:011x}", hash & 0xfff_ffff_ffff)
}
