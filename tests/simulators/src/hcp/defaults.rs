//! The world of the local run.

use std::collections::BTreeMap;

use super::world::{Cluster, Network, Project, Role, ServicePrincipal, World};
use crate::fabric::zone_ids;

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
    let network = network(HVN_ID, "7b9e4c10-52d3-4a86-b1f7-3e6d8c2a9f33", REGION, "172.25.16.0/20");
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

impl Project {
    /// Another cluster, as [`default_world`]'s and in its region: running, STANDARD_SMALL, private, alone in a network of its
    /// own that is called `<name>-hvn`.
    pub fn add_cluster(&mut self, name: &str) -> &mut Cluster {
        self.add_cluster_in(name, REGION)
    }

    /// The same in a region of AWS.
    pub fn add_cluster_in(&mut self, name: &str, region: &str) -> &mut Cluster {
        let network_id = format!("{name}-hvn");
        let hex = hash(name);
        // The default network is 172.25.16.0/20; the others follow.
        let block = self.networks.len() + 1;
        let cidr = format!("172.{}.{}.0/20", 25 + block / 16, block % 16 * 16);
        let uuid = format!("7b9e4c10-52d3-4a86-b1f7-0000{hex:08x}");
        let network = network(&network_id, &uuid, region, &cidr);
        let private_dns = format!("{name}.private.vault.{hex:08x}.aws.hashicorp.cloud");
        let cluster = Cluster {
            resource_id: format!("8f0c6a52-6a38-4d4e-9d0d-0000{hex:08x}"),
            ..Cluster::running(name, "STANDARD_SMALL", &network_id, &private_dns)
        };
        self.networks.insert(network_id, network);
        self.clusters.entry(name.to_owned()).insert_entry(cluster).into_mut()
    }
}

/// A stable network on AWS.
fn network(id: &str, uuid: &str, region: &str, cidr_block: &str) -> Network {
    Network {
        id: id.to_owned(),
        uuid: uuid.to_owned(),
        provider: "aws".to_owned(),
        region: region.to_owned(),
        cidr_block: cidr_block.to_owned(),
        state: "STABLE".to_owned(),
        aws_account_id: "444455556666".to_owned(),
        zone_ids: zone_ids(region),
        peerings: Vec::new(),
        tgw_attachments: Vec::new(),
    }
}

/// FNV-1a: the same name has the same ids in every run.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
