//! A world of its own inside a running environment: a vendor's service, a VPC with three zones, an open security group, a secret.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use simulators::ec2::{Rule, Seed, Subnet, Zone};
use simulators::fabric::{Endpoint, EndpointState};
use simulators::{Simulators, aiven, hcp};

use crate::stage::Stage;

/// The consumer's account.
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const OWN: &str = "arn:aws:iam::111122223333:root";
/// Another consumer of the service.
pub(crate) const FOREIGN: &str = "arn:aws:iam::444455556666:root";
pub(crate) const REGION: &str = "eu-west-1";
const TAG: &str = "privatelink-workflow:connection";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    Aiven,
    Hcp,
}

/// One world.
pub(crate) struct Scene<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) vendor: Vendor,
    /// Of the Aiven service, or the HCP cluster.
    pub(crate) name: String,
    /// Number of this world in its environment.
    number: u8,
    pub(crate) vpc: String,
    pub(crate) group: String,
    pub(crate) secret: String,
}

impl<'a> Scene<'a> {
    /// A world in which the vendor's service runs without PrivateLink.
    pub(crate) async fn new(stage: &'a Stage, vendor: Vendor, number: u8, region: &str) -> Scene<'a> {
        let name = format!("s{number}");
        let secret = format!("privatelink/{name}");
        let sims = &stage.environment.simulators;
        let value = match vendor {
            Vendor::Aiven => {
                let mut world = sims.aiven.world();
                world
                    .projects
                    .get_mut(aiven::PROJECT)
                    .unwrap()
                    .add_service_in(&name, "pg", region);
                json!({"token": aiven::TOKEN})
            }
            Vendor::Hcp => {
                let mut world = sims.hcp.world();
                let name = format!("{name}-vault");
                world
                    .projects
                    .get_mut(hcp::PROJECT_ID)
                    .unwrap()
                    .add_cluster_in(&name, region);
                json!({"client_id": hcp::CLIENT_ID, "client_secret": hcp::CLIENT_SECRET})
            }
        };
        let name = match vendor {
            Vendor::Aiven => name,
            Vendor::Hcp => format!("{name}-vault"),
        };
        let group = format!("sg-0c0ffee000000{number:04x}");
        let scene = Scene {
            stage,
            vendor,
            name,
            number,
            vpc: String::new(),
            group,
            secret,
        };
        stage
            .environment
            .aws
            .put_secret(&scene.secret, &value.to_string())
            .await
            .unwrap();
        let vpc = scene.add_vpc("a", 100);
        scene.add_open_group(&scene.group, &vpc);
        Scene { vpc, ..scene }
    }

    pub(crate) fn sims(&self) -> &Simulators {
        &self.stage.environment.simulators
    }

    /// A further VPC of the account; `hex` is one digit, `second` the second number of its range.
    pub(crate) fn add_vpc(&self, hex: &str, second: u8) -> String {
        let cidr = format!("10.{second}.0.0/16").parse().unwrap();
        let hex = format!("{:02x}{hex}", self.number);
        self.sims()
            .ec2
            .with_world(|world| world.account_mut(ACCOUNT).add_vpc(REGION, &hex, cidr))
    }

    /// The id of a VPC that was added so.
    pub(crate) fn vpc_id(&self, hex: &str) -> String {
        format!("vpc-0{:0>16}", format!("{:02x}{hex}", self.number))
    }

    pub(crate) fn add_open_group(&self, id: &str, vpc: &str) {
        let rule = Rule::tcp(&id.replacen("sg-", "sgr-", 1), 0, 65_535, "10.0.0.0/8");
        self.sims().ec2.with_world(|world| {
            let account = world.account_mut(ACCOUNT);
            account.add_security_group(id, vpc, id, vec![rule], &[]);
        });
    }

    /// A second subnet in the zone of the VPC's n-th (from 1).
    pub(crate) fn add_subnet_beside(&self, n: usize) -> String {
        let id = format!("subnet-0{:02x}beef{n:010x}", self.number);
        self.sims().ec2.with_world(|world| {
            let account = world.account_mut(ACCOUNT);
            let zone: Zone = account.subnets[&self.subnet(n)].zone.clone();
            let subnet = Subnet {
                vpc_id: self.vpc.clone(),
                cidr: format!("10.100.2{n}.0/24").parse().unwrap(),
                zone,
                full: false,
                public: false,
                tags: BTreeMap::new(),
            };
            account.subnets.insert(id.clone(), subnet);
        });
        id
    }

    /// The VPC's n-th subnet, from 1.
    pub(crate) fn subnet(&self, n: usize) -> String {
        format!("subnet-0{:0>15}{n:x}", format!("{:02x}a", self.number))
    }

    /// A request for two zones, with the open group, that may delete the service.
    pub(crate) fn request(&self) -> Value {
        let provider = match self.vendor {
            Vendor::Aiven => json!({
                "type": "aiven", "project": aiven::PROJECT, "service_name": self.name, "components": ["pg"],
                "delete_service": true, "secret_id": self.secret,
            }),
            Vendor::Hcp => json!({
                "type": "hcp_vault", "organization_id": hcp::ORGANIZATION_ID, "project_id": hcp::PROJECT_ID,
                "hvn_id": format!("{}-hvn", self.name), "vault_cluster_id": self.name, "consumer_ip_ranges": ["10.100.0.0/16"],
                "delete_service": true, "secret_id": self.secret,
            }),
        };
        json!({
            "provider": provider,
            "consumer": {
                "account_id": ACCOUNT, "region": REGION, "vpc_id": self.vpc,
                "subnet_ids": [self.subnet(1), self.subnet(2)], "security_group_ids": [self.group],
                "tags": {"team": "orders"},
            },
        })
    }

    /// The name that the private hosted zone of HCP has.
    pub(crate) fn host(&self) -> String {
        let world = self.sims().hcp.world();
        world.projects[hcp::PROJECT_ID].clusters[&self.name].private_dns.clone()
    }

    /// `vpce-svc-…` of the vendor's PrivateLink service.
    pub(crate) fn service_id(&self) -> String {
        match self.vendor {
            Vendor::Aiven => self.aiven(|s| s.privatelink.as_ref().unwrap().aws_service_id.clone().unwrap()),
            Vendor::Hcp => self.hcp_link(|link| link.unwrap().service_id.clone().unwrap()),
        }
    }

    /// Looks at the Aiven service, or changes it.
    pub(crate) fn aiven<R>(&self, act: impl FnOnce(&mut aiven::Service) -> R) -> R {
        let mut world = self.sims().aiven.world();
        let project = world.projects.get_mut(aiven::PROJECT).unwrap();
        act(project.services.get_mut(&self.name).unwrap())
    }

    /// Looks at the cluster's PrivateLink service at HCP, or changes it.
    pub(crate) fn hcp_link<R>(&self, act: impl FnOnce(Option<&mut hcp::PrivateLink>) -> R) -> R {
        let mut world = self.sims().hcp.world();
        let links = &mut world.projects.get_mut(hcp::PROJECT_ID).unwrap().links;
        act(links.values_mut().find(|link| link.vault_cluster_id == self.name))
    }

    /// The service exists already, for these principals; Aiven's with a connection of the other account.
    pub(crate) fn service_exists(&self, principals: &[&str]) {
        match self.vendor {
            Vendor::Aiven => {
                let accounts: &[&str] = if principals.contains(&FOREIGN) {
                    &["444455556666"]
                } else {
                    &[]
                };
                self.aiven(|s| s.privatelink = Some(aiven::PrivateLink::active(principals, accounts)));
            }
            Vendor::Hcp => {
                let mut world = self.sims().hcp.world();
                let project = world.projects.get_mut(hcp::PROJECT_ID).unwrap();
                let hvn = format!("{}-hvn", self.name);
                let id = format!("{}-link", self.name);
                let mut link = hcp::PrivateLink::available(&id, &hvn, &self.name, principals);
                if principals.contains(&FOREIGN) {
                    link.consumer_ip_ranges.push("10.40.0.0/16".to_owned());
                }
                project.links.insert(id, link);
            }
        }
        // Offered at the first look.
        drop(self.sims().aiven.world());
        drop(self.sims().hcp.world());
    }

    /// The connection's endpoints that are not deleted, newest last.
    pub(crate) fn ours(&self) -> Vec<Endpoint> {
        let mut endpoints = self.of_account();
        endpoints.retain(|e| e.tags.contains_key(TAG) && e.state != EndpointState::Deleted);
        endpoints
    }

    fn of_account(&self) -> Vec<Endpoint> {
        let prefix = format!("vpc-0{:0>15}", format!("{:02x}", self.number));
        let mut endpoints = self.sims().ec2.endpoints();
        endpoints.retain(|e| e.owner_account == ACCOUNT && e.vpc_id.starts_with(&prefix));
        endpoints
    }

    /// An endpoint in the VPC, connected to the vendor's service, that somebody made by hand.
    pub(crate) fn endpoint_by_hand(&self, change: impl FnOnce(&mut Seed)) -> String {
        let mut seed = Seed::of(ACCOUNT, REGION, &self.vpc, &self.service_id(), EndpointState::Available);
        seed.subnet_ids = vec![self.subnet(1), self.subnet(2)];
        seed.security_group_ids = vec![self.group.clone()];
        change(&mut seed);
        self.sims().ec2.seed(seed)
    }

    /// What everybody else has, by name.
    pub(crate) async fn others(&self) -> BTreeMap<String, String> {
        let mut others = BTreeMap::new();
        let gone = [EndpointState::Deleting, EndpointState::Deleted];
        for e in self.sims().ec2.endpoints() {
            let here =
                self.of_account().iter().any(|own| own.id == e.id) || e.service_name.ends_with(&self.known_service());
            if here && !e.tags.contains_key(TAG) && !gone.contains(&e.state) {
                others.insert(
                    format!("endpoint {}", e.id),
                    format!("{:?} {:?} {:?} {:?}", e.state, e.subnets, e.security_group_ids, e.tags),
                );
            }
        }
        for (id, group) in self.groups() {
            if !group.tags.contains_key(TAG) {
                others.insert(format!("group {id}"), format!("{:?}", group.rules));
            }
        }
        for (list, entries) in self.lists() {
            for entry in entries.iter().filter(|entry| !self.is_own_entry(entry)) {
                others.insert(format!("{list} {entry}"), String::new());
            }
        }
        for zone in self.zones().await {
            if !zone.reference.starts_with("plw-") {
                others.insert(format!("zone {}", zone.id), zone.records);
            }
        }
        others
    }

    /// What is ours, by name.
    pub(crate) async fn own(&self) -> Vec<String> {
        let mut own: Vec<String> = self
            .ours()
            .iter()
            .filter(|e| e.state != EndpointState::Deleting)
            .map(|e| format!("endpoint {}", e.state.wire()))
            .collect();
        let groups = self.groups();
        own.extend(
            groups
                .iter()
                .filter(|(_, g)| g.tags.contains_key(TAG))
                .map(|_| "group".to_owned()),
        );
        let lists = self.lists();
        for (list, entries) in &lists {
            own.extend(
                entries
                    .iter()
                    .filter(|e| self.is_own_entry(e))
                    .map(|entry| format!("{list} {entry}")),
            );
        }
        let foreign = lists
            .iter()
            .any(|(list, entries)| *list == "principal" && entries.iter().any(|e| e != OWN));
        if self.has_service() && !foreign {
            own.push("service".to_owned());
        }
        let zones = self.zones().await;
        own.extend(
            zones
                .iter()
                .filter(|z| z.reference.starts_with("plw-"))
                .map(|_| "zone".to_owned()),
        );
        own.sort();
        own
    }

    fn is_own_entry(&self, entry: &str) -> bool {
        entry == OWN || entry.starts_with("10.100.") || entry == "10.0.0.0/8" || entry == "pg" || entry == REGION
    }

    fn known_service(&self) -> String {
        let id = match self.vendor {
            Vendor::Aiven => {
                let world = self.sims().aiven.world();
                let service = world.projects[aiven::PROJECT].services.get(&self.name);
                let link = service.and_then(|service| service.privatelink.as_ref());
                link.and_then(|link| link.aws_service_id.clone())
            }
            Vendor::Hcp => self.hcp_link(|link| link.and_then(|link| link.service_id.clone())),
        };
        id.unwrap_or_else(|| "no service".to_owned())
    }

    fn has_service(&self) -> bool {
        match self.vendor {
            Vendor::Aiven => {
                let world = self.sims().aiven.world();
                let service = world.projects[aiven::PROJECT].services.get(&self.name);
                service.is_some_and(|s| {
                    s.privatelink
                        .as_ref()
                        .is_some_and(|l| l.state != aiven::LinkState::Deleting)
                })
            }
            Vendor::Hcp => self.hcp_link(|link| link.is_some_and(|l| l.state != hcp::LinkState::Deleting)),
        }
    }

    /// The vendor's lists by the kind of their entries.
    fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        match self.vendor {
            Vendor::Aiven => {
                let world = self.sims().aiven.world();
                let service = world.projects[aiven::PROJECT].services.get(&self.name);
                service.map(aiven::Service::lists).unwrap_or_default()
            }
            Vendor::Hcp => self.hcp_link(|link| link.map(|link| link.lists()).unwrap_or_default()),
        }
    }

    /// The security groups of the world's VPCs.
    pub(crate) fn groups(&self) -> Vec<(String, simulators::ec2::SecurityGroup)> {
        let prefix = format!("vpc-0{:0>15}", format!("{:02x}", self.number));
        self.sims().ec2.with_world(|world| {
            let groups = world.account_mut(ACCOUNT).security_groups.iter();
            groups
                .filter(|(_, group)| group.vpc_id.starts_with(&prefix))
                .map(|(id, group)| (id.clone(), group.clone()))
                .collect()
        })
    }
}
