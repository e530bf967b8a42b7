//! The world of the local run.

use std::collections::BTreeMap;

use super::world::{Cluster, Network, Project, Role, ServicePrincipal, World};

pub const ORGANIZATION_ID: &str = "5c1d9b3e-7a42-4f0e-9a6b-2f8d0c3e1a11";
pub const PROJECT_ID: &str = "d2f6a8c4-1b3e-4d5f-8a9b-0c1d2e3f4a22";
pub const HVN_ID: &str = "acme-hvn";
pub const CLUSTER_ID: &str = "acme-vault";
pub const CLUSTER_PRIVATE_DNS: &str = "acme-vault-private-vault-bf846ce7.bb6e28a9.z1.hashicorp.cloud";
pub const REGION: &str = "eu-west-1";
/// Zone ids in which the link is offered.
pub const ZONE_IDS: [&str; 3] = ["euw1-az1", "euw1-az2", "euw1-az3"];
/// Good for nothing outside of the simulator.
pub const CLIENT_ID: &str = "simulated-hcp-client-id";
/// Good for nothing outside of the simulator, and easy to find in a log.
pub const CLIENT_SECRET: &str = "simulated-hcp-client-secret-do-not-print";

/// One organization and project with a stable network and a small private cluster, and one service principal that may write.
pub fn default_world() -> World {
    let network = Network {
        id: HVN_ID.to_owned(),
        uuid: "7b9e4c10-52d3-4a86-b1f7-3e6d8c2a9f33".to_owned(),
        provider: "aws".to_owned(),
        region: REGION.to_owned(),
        cidr_block: "172.25.16.0/20".to_owned(),
        state: "STABLE".to_owned(),
        aws_account_id: "444455556666".to_owned(),
        zone_ids: ZONE_IDS.map(str::to_owned).to_vec(),
        peerings: Vec::new(),
        tgw_attachments: Vec::new(),
    };
    let cluster = Cluster::running(CLUSTER_ID, "STANDARD_SMALL", HVN_ID, CLUSTER_PRIVATE_DNS);
    let project = Project {
        networks: BTreeMap::from([(HVN_ID.to_owned(), network)]),
        clusters: BTreeMap::from([(CLUSTER_ID.to_owned(), cluster)]),
        ..Project::default()
    };
    let mut world = World::new(ORGANIZATION_ID);
    world.projects.insert(PROJECT_ID.to_owned(), project);
    world.service_principals.push(ServicePrincipal {
        client_id: CLIENT_ID.to_owned(),
        client_secret: CLIENT_SECRET.to_owned(),
        roles: BTreeMap::from([(PROJECT_ID.to_owned(), Role::Contributor)]),
    });
    world
}
