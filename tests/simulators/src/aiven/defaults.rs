//! The world of the local run.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};

use super::world::{Grant, Project, Service, Vpc, World};
use crate::fabric::{Endpoint, EndpointService, EndpointState, Fabric, Interface, zone_ids};

pub const PROJECT: &str = "acme-prod";
/// Kafka with certificate and SASL authentication, schema registry and REST.
pub const KAFKA_SERVICE: &str = "orders-kafka";
/// PostgreSQL with PgBouncer.
pub const PG_SERVICE: &str = "orders-pg";
pub const PROJECT_VPC_ID: &str = "4f2d8a10-7c3e-4b1d-9f60-5e8a2b7c1d44";
pub const REGION: &str = "eu-west-1";
/// Zone ids in which endpoint services are offered.
pub const ZONE_IDS: [&str; 3] = ["euw1-az1", "euw1-az2", "euw1-az3"];
/// Good for nothing outside of the simulator, and easy to find in a log.
pub const TOKEN: &str = "simulated-aiven-secret-token-do-not-print";

const CLOUD: &str = "aws-eu-west-1";

/// One project with a VPC and two running services, and one token for everything.
pub fn default_world() -> World {
    let mut kafka = Service::running(PROJECT, KAFKA_SERVICE, "kafka", CLOUD, Some(PROJECT_VPC_ID));
    kafka.user_config = user_config("kafka");
    let mut pg = Service::running(PROJECT, PG_SERVICE, "pg", CLOUD, Some(PROJECT_VPC_ID));
    pg.base_port = 21470;
    let vpc = Vpc {
        id: PROJECT_VPC_ID.to_owned(),
        cloud_name: CLOUD.to_owned(),
        network_cidr: "10.40.0.0/24".to_owned(),
        state: "ACTIVE".to_owned(),
    };
    let price = |cloud: &str, price: &str| (cloud.to_owned(), price.to_owned());
    let project = Project {
        vpcs: BTreeMap::from([(vpc.id.clone(), vpc)]),
        services: BTreeMap::from([kafka, pg].map(|service| (service.name.clone(), service))),
        ca_certificate: include_str!("project_ca.pem").to_owned(),
        privatelink_availability: vec![
            price("aws-eu-west-1", "0.0600"),
            price("aws-us-east-1", "0.0600"),
            price("azure-westeurope", "0.0600"),
        ],
    };
    World {
        tokens: BTreeMap::from([(TOKEN.to_owned(), Grant::full(PROJECT))]),
        projects: BTreeMap::from([(PROJECT.to_owned(), project)]),
        ..World::default()
    }
}

/// What a service of the local run has besides its type's own components.
fn user_config(service_type: &str) -> Value {
    match service_type {
        "kafka" => json!({
            "kafka_authentication_methods": {"certificate": true, "sasl": true},
            "kafka_rest": true,
            "schema_registry": true,
        }),
        _ => json!({}),
    }
}

impl Project {
    /// Another running service, with the components that [`default_world`]'s of this type has, in its region and project VPC;
    /// host and ports are its own. The host names the project [`PROJECT`].
    pub fn add_service(&mut self, name: &str, service_type: &str) -> &mut Service {
        self.add_service_in(name, service_type, REGION)
    }

    /// The same in a region of AWS, in the project's active VPC there; one is made if there is none.
    pub fn add_service_in(&mut self, name: &str, service_type: &str, region: &str) -> &mut Service {
        let cloud = format!("aws-{region}");
        let vpc_id = self.vpc_in(&cloud);
        let taken = |port: u16| self.services.values().any(|service| service.base_port == port);
        let base_port = (13_000..).step_by(40).find(|port| !taken(*port)).unwrap_or(13_000);
        let service = Service {
            user_config: user_config(service_type),
            base_port,
            // Room for seven connections before the next service's, and below 31000 for the first forty services.
            next_kafka_port: 15_011 + (base_port - 13_000) * 10,
            zone_ids: zone_ids(region),
            ..Service::running(PROJECT, name, service_type, &cloud, Some(&vpc_id))
        };
        self.services.entry(name.to_owned()).insert_entry(service).into_mut()
    }

    fn vpc_in(&mut self, cloud: &str) -> String {
        let mut vpcs = self.vpcs.values();
        if let Some(vpc) = vpcs.find(|vpc| vpc.cloud_name == cloud && vpc.state == "ACTIVE") {
            return vpc.id.clone();
        }
        let n = self.vpcs.len();
        let vpc = Vpc {
            id: format!("4f2d8a10-7c3e-4b1d-9f60-{n:012x}"),
            cloud_name: cloud.to_owned(),
            network_cidr: format!("10.40.{n}.0/24"),
            state: "ACTIVE".to_owned(),
        };
        if self.privatelink_availability.iter().all(|(known, _)| known != cloud) {
            self.privatelink_availability
                .push((cloud.to_owned(), "0.0600".to_owned()));
        }
        let id = vpc.id.clone();
        self.vpcs.insert(id.clone(), vpc);
        id
    }
}

/// Puts an endpoint of another account, available since time zero, into the fabric.
pub(super) fn foreign_endpoint(fabric: &Fabric, service: &EndpointService, account: &str) -> Endpoint {
    let mut state = fabric.state();
    let (hex, subnet, interface) = (state.fresh_hex(), state.fresh_hex(), state.fresh_hex());
    let id = format!("vpce-{hex}");
    let subnet_id = format!("subnet-{subnet}");
    let endpoint = Endpoint {
        dns_name: format!("{id}-foreign0.{}.{}.vpce.amazonaws.com", service.id, service.region),
        id,
        owner_account: account.to_owned(),
        region: service.region.clone(),
        vpc_id: format!("vpc-{}", state.fresh_hex()),
        service_id: service.id.clone(),
        service_name: service.name.clone(),
        state: EndpointState::Available,
        since: Duration::ZERO,
        created_at: Duration::ZERO,
        visible_at: Duration::ZERO,
        subnets: vec![(subnet_id.clone(), format!("{}a", service.region))],
        interfaces: vec![Interface {
            id: format!("eni-{interface}"),
            subnet_id,
            private_ip: Ipv4Addr::new(10, 99, 0, 10),
        }],
        security_group_ids: Vec::new(),
        tags: BTreeMap::new(),
        last_error: None,
        private_dns_enabled: false,
        before_modify: None,
    };
    state.endpoints.insert(endpoint.id.clone(), endpoint.clone());
    endpoint
}
