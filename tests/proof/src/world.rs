//! A world of its own inside a running environment: a vendor's service, a VPC with three zones, a secret, and what belongs to
//! others in all of them.

use std::collections::BTreeMap;

use rehearsal::{Environment, Result};
use serde_json::{Value, json};
use simulators::ec2::{Peer, Rule, SecurityGroup, Seed};
use simulators::fabric::{Endpoint, EndpointState};
use simulators::{Simulators, aiven, hcp};

use crate::situation::{ACCOUNT, Situation};
use crate::zones::{self, HostedZone};

/// Another consumer of the service.
pub const FOREIGN: &str = "arn:aws:iam::444455556666:root";
pub const REGION: &str = "eu-west-1";
/// What the workflow marks as its own in AWS.
const TAG: &str = "privatelink-workflow:connection";
/// A tag of the request.
const DRIFTING: &str = "tier";
/// Another connection of this workflow in the same VPC.
const NEIGHBOUR: &str = "plw-0123456789abcdef";

/// Name to content.
pub type Things = BTreeMap<String, String>;

/// One world.
pub struct World<'a> {
    environment: &'a Environment,
    situation: Situation,
    number: u32,
    /// Of the Aiven service, or the HCP cluster.
    pub(crate) name: String,
    pub(crate) vpc: String,
    secret: String,
}

impl<'a> World<'a> {
    /// Makes it. `number`: one that no other world of the environment has.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn new(environment: &'a Environment, situation: Situation, number: u32) -> Result<World<'a>> {
        let name = format!("w{number}-{}", if situation.is_aiven() { "pg" } else { "vault" });
        let sims = &environment.simulators;
        let vpc = sims.ec2.with_world(|world| {
            let account = world.account_mut(situation.account());
            if situation.account() != ACCOUNT {
                account.add_consumer_role();
            }
            account.add_vpc(
                REGION,
                &format!("{number:04x}a"),
                "10.100.0.0/16".parse().unwrap_or_default(),
            )
        });
        let world = World {
            environment,
            situation,
            number,
            secret: format!("privatelink/{name}"),
            name,
            vpc,
        };
        let secret = if situation.is_aiven() {
            json!({"token": aiven::TOKEN})
        } else {
            json!({"client_id": hcp::CLIENT_ID, "client_secret": hcp::CLIENT_SECRET})
        };
        environment.aws.put_secret(&world.secret, &secret.to_string()).await?;
        world.add_vendors_service();
        world.add_what_is_others().await?;
        Ok(world)
    }

    pub(crate) fn sims(&self) -> &Simulators {
        &self.environment.simulators
    }

    fn add_vendors_service(&self) {
        let (name, sims) = (&self.name, self.sims());
        if self.situation.is_aiven() {
            let mut world = sims.aiven.world();
            if let Some(project) = world.projects.get_mut(aiven::PROJECT) {
                let service = project.add_service_in(name, "pg", REGION);
                // The same in every world, so that security groups' rules can be compared.
                service.base_port = 13_000;
                if self.situation.is_shared() {
                    let mut link = aiven::PrivateLink::active(&[FOREIGN], &["444455556666"]);
                    link.supported_regions.push("us-east-1".to_owned());
                    service.privatelink = Some(link);
                    service.user_config = json!({"privatelink_access": {"prometheus": true}});
                }
            }
        } else {
            let mut world = sims.hcp.world();
            if let Some(project) = world.projects.get_mut(hcp::PROJECT_ID) {
                project.add_cluster_in(name, REGION);
                if self.situation.is_shared() {
                    let id = format!("{name}-link");
                    let mut link = hcp::PrivateLink::available(&id, &format!("{name}-hvn"), name, &[FOREIGN]);
                    link.consumer_ip_ranges.push("10.40.0.0/16".to_owned());
                    link.consumer_regions.push("us-east-1".to_owned());
                    project.links.insert(id, link);
                }
            }
        }
        // Offered at the first look.
        drop(sims.aiven.world());
        drop(sims.hcp.world());
    }

    /// In the same VPC: an endpoint to something else, one of another connection, their security groups, and a private zone.
    async fn add_what_is_others(&self) -> Result<()> {
        for (n, tag) in [("1", ("team", "theirs")), ("2", (TAG, NEIGHBOUR))] {
            let group = format!("sg-0f0ffee000{n}{:06x}", self.number);
            self.sims().ec2.with_world(|world| {
                let rule = Rule::tcp(&group.replacen("sg-", "sgr-", 1), 443, 443, "10.0.0.0/8");
                world.account_mut(self.situation.account()).add_security_group(
                    &group,
                    &self.vpc,
                    &format!("theirs-{n}"),
                    vec![rule],
                    &[tag],
                );
            });
            let service = format!("vpce-svc-0fefefefefefefe0{n}");
            self.sims().ec2.seed(Seed {
                subnet_ids: vec![self.subnet(1)],
                security_group_ids: vec![group],
                tags: BTreeMap::from([(tag.0.to_owned(), tag.1.to_owned())]),
                ..Seed::of(
                    self.situation.account(),
                    REGION,
                    &self.vpc,
                    &service,
                    EndpointState::Available,
                )
            });
        }
        if !self.situation.is_aiven() {
            let name = format!("w{}.theirs.example.com", self.number);
            zones::create(self.environment, self.situation.account(), &name, &self.vpc).await?;
        }
        Ok(())
    }

    /// The VPC's n-th subnet, from 1.
    pub(crate) fn subnet(&self, n: usize) -> String {
        format!("subnet-0{:0>15}{n:x}", format!("{:04x}a", self.number))
    }

    /// The request of the life's beginning: two zones, the workflow's own security group, the service may go.
    pub fn request(&self) -> Value {
        let provider = if self.situation.is_aiven() {
            json!({
                "type": "aiven", "project": aiven::PROJECT, "service_name": self.name, "components": ["pg"],
                "delete_service": true, "secret_id": self.secret,
            })
        } else {
            json!({
                "type": "hcp_vault", "organization_id": hcp::ORGANIZATION_ID, "project_id": hcp::PROJECT_ID,
                "hvn_id": format!("{}-hvn", self.name), "vault_cluster_id": self.name,
                "consumer_ip_ranges": ["10.100.0.0/16"], "delete_service": true, "secret_id": self.secret,
            })
        };
        json!({
            "provider": provider,
            "consumer": {
                "account_id": self.situation.account(), "region": REGION, "vpc_id": self.vpc,
                "subnet_ids": [self.subnet(1), self.subnet(2)], "tags": {"team": "orders", "tier": "one"},
            },
        })
    }

    /// The change: another zone for one of the two and one more, other clients, a tag less, and more at the vendor.
    pub fn changed_request(&self) -> Value {
        let mut request = self.request();
        request["consumer"]["subnet_ids"] = json!([self.subnet(2), self.subnet(3)]);
        request["consumer"]["client_cidrs"] = json!(["10.100.32.0/20"]);
        request["consumer"]["tags"] = json!({"team": "payments"});
        if self.situation.is_aiven() {
            request["provider"]["components"] = json!(["pg", "pgbouncer"]);
        } else {
            request["provider"]["consumer_ip_ranges"] = json!(["10.100.0.0/20", "10.100.16.0/20"]);
            request["provider"]["remove_consumer_ip_ranges"] = json!(["10.100.0.0/16"]);
        }
        request
    }

    /// Of the vendor's service.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Account and region of the VPC.
    pub fn place(&self) -> (&'static str, &'static str) {
        (self.situation.account(), REGION)
    }

    /// Somebody changes a tag of the endpoint and takes the account out of the Aiven service's list.
    pub fn drift(&self) {
        let ours = self.endpoints();
        let mut state = self.sims().fabric.state();
        for endpoint in &ours {
            if let Some(endpoint) = state.endpoints.get_mut(&endpoint.id) {
                endpoint.tags.insert(DRIFTING.to_owned(), "drifted".to_owned());
            }
        }
        drop(state);
        let mut world = self.sims().aiven.world();
        let project = world.projects.get_mut(aiven::PROJECT);
        if let Some(service) = project.and_then(|project| project.services.get_mut(&self.name))
            && let Some(link) = &mut service.privatelink
        {
            link.principals.retain(|principal| !self.is_own_entry(principal));
        }
    }

    /// As somebody left it.
    pub fn has_drifted(&self) -> bool {
        let is_tagged = |endpoint: &Endpoint| endpoint.tags.get(DRIFTING).is_some_and(|value| value == "drifted");
        let is_listed = |(list, entries): (&str, Vec<String>)| {
            list == "principal" && entries.iter().any(|entry| self.is_own_entry(entry))
        };
        self.endpoints().iter().any(is_tagged) || !self.lists().into_iter().any(is_listed)
    }

    /// The connection's endpoints that EC2 remembers, oldest first.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let mut endpoints = self.sims().ec2.endpoints();
        endpoints.retain(|e| e.vpc_id == self.vpc && is_ours(&e.tags));
        endpoints
    }

    /// What is ours, by name, without anything that differs between two worlds: equal in two worlds means that the connections
    /// are alike.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn own(&self) -> Result<Things> {
        let mut own = Things::new();
        let live: Vec<Endpoint> = self.endpoints().into_iter().filter(is_live).collect();
        for (n, endpoint) in live.iter().enumerate() {
            own.insert(format!("endpoint {}", n + 1), self.of_endpoint(endpoint));
        }
        let groups = self.groups(|group| is_ours(&group.tags));
        for (n, (_, group)) in groups.iter().enumerate() {
            own.insert(format!("security group {}", n + 1), of_rules(&group.rules));
        }
        for (list, entries) in self.lists() {
            for entry in entries.into_iter().filter(|entry| self.is_own_entry(entry)) {
                own.insert(format!("{list} {entry}"), String::new());
            }
        }
        if let Some(state) = self.service_state().filter(|_| !self.situation.is_shared()) {
            own.insert("service".to_owned(), state);
        }
        for (n, zone) in self.zones().await?.iter().filter(|zone| zone.is_ours()).enumerate() {
            let points_to_ours = live.iter().any(|endpoint| zone.records.contains(&endpoint.id));
            own.insert(
                format!("zone {}", n + 1),
                format!("{} records, to the endpoint: {points_to_ours}", zone.record_count()),
            );
        }
        Ok(own)
    }

    fn of_endpoint(&self, endpoint: &Endpoint) -> String {
        let zones: Vec<&str> = endpoint.subnets.iter().map(|(_, zone)| zone.as_str()).collect();
        let own_groups = self.groups(|group| is_ours(&group.tags));
        let is_own = |id: &String| own_groups.iter().any(|(own, _)| own == id);
        let groups: Vec<&str> = (endpoint.security_group_ids.iter())
            .map(|id| if is_own(id) { "own" } else { "theirs" })
            .collect();
        let tags: Vec<String> = (endpoint.tags.iter())
            .filter(|(key, _)| !key.starts_with("privatelink-workflow") && *key != "Name")
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        format!(
            "{} in {zones:?}, groups {groups:?}, tags {tags:?}",
            endpoint.state.wire()
        )
    }

    /// What everybody else has, in this world and in the rest of the environment.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn others(&self) -> Result<Things> {
        let mut others = Things::new();
        for e in self.sims().ec2.endpoints() {
            if !is_ours(&e.tags) {
                let what = format!("{:?} {:?} {:?} {:?}", e.state, e.subnets, e.security_group_ids, e.tags);
                others.insert(format!("endpoint {}", e.id), what);
            }
        }
        for (id, group) in self.groups(|group| !is_ours(&group.tags)) {
            others.insert(format!("security group {id}"), of_rules(&group.rules));
        }
        for (list, entries) in self.lists() {
            for entry in entries.into_iter().filter(|entry| !self.is_own_entry(entry)) {
                others.insert(format!("{list} {entry}"), String::new());
            }
        }
        for (name, what) in self.others_services() {
            others.insert(name, what);
        }
        for zone in self.zones().await?.into_iter().filter(|zone| !zone.is_ours()) {
            others.insert(format!("zone {}", zone.id), zone.records);
        }
        Ok(others)
    }

    /// Services of the same project that are not this world's.
    fn others_services(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let aiven = self.sims().aiven.world();
        for service in aiven.projects.values().flat_map(|project| project.services.values()) {
            if service.name != self.name {
                let principals = service.privatelink.as_ref().map(|link| link.principals.clone());
                let what = format!("{principals:?} {}", service.user_config);
                found.push((format!("aiven {}", service.name), what));
            }
        }
        let hcp = self.sims().hcp.world();
        for link in hcp.projects.values().flat_map(|project| project.links.values()) {
            if link.vault_cluster_id != self.name {
                let what = format!("{:?} {:?}", link.consumer_accounts, link.consumer_ip_ranges);
                found.push((format!("hcp {}", link.id), what));
            }
        }
        found
    }

    pub(crate) fn groups(&self, which: impl Fn(&SecurityGroup) -> bool) -> Vec<(String, SecurityGroup)> {
        self.sims().ec2.with_world(|world| {
            let groups = world.account_mut(self.situation.account()).security_groups.iter();
            groups
                .filter(|(_, group)| group.vpc_id == self.vpc && which(group))
                .map(|(id, group)| (id.clone(), group.clone()))
                .collect()
        })
    }

    fn is_own_entry(&self, entry: &str) -> bool {
        entry == format!("arn:aws:iam::{}:root", self.situation.account())
            || entry.starts_with("10.100.")
            || ["pg", "pgbouncer", REGION].contains(&entry)
    }

    /// The private hosted zones of this world.
    pub(crate) async fn zones(&self) -> Result<Vec<HostedZone>> {
        if self.situation.is_aiven() {
            return Ok(Vec::new());
        }
        let names = [format!("{}.", self.name), format!("w{}.theirs", self.number)];
        zones::list(self.environment, self.situation.account(), |text| {
            names.iter().any(|name| text.contains(name.as_str()))
        })
        .await
    }

    /// The state of the vendor's PrivateLink service; of more than one, how many.
    fn service_state(&self) -> Option<String> {
        if self.situation.is_aiven() {
            let world = self.sims().aiven.world();
            let service = world.projects[aiven::PROJECT].services.get(&self.name);
            let link = service.and_then(|service| service.privatelink.as_ref());
            return link
                .filter(|link| link.state != aiven::LinkState::Deleting)
                .map(|link| link.state.wire().to_owned());
        }
        let world = self.sims().hcp.world();
        let links: Vec<&str> = (world.projects[hcp::PROJECT_ID].links.values())
            .filter(|link| link.vault_cluster_id == self.name && link.state != hcp::LinkState::Deleting)
            .map(|link| link.state.wire())
            .collect();
        (!links.is_empty()).then(|| links.join(", "))
    }

    /// The vendor's lists by the kind of their entries.
    fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        if self.situation.is_aiven() {
            let world = self.sims().aiven.world();
            let service = world.projects[aiven::PROJECT].services.get(&self.name);
            return service.map(aiven::Service::lists).unwrap_or_default();
        }
        let world = self.sims().hcp.world();
        let links = world.projects[hcp::PROJECT_ID].links.values();
        let of_cluster = links.filter(|link| link.vault_cluster_id == self.name);
        of_cluster
            .map(hcp::PrivateLink::lists)
            .find(|lists| !lists.is_empty())
            .unwrap_or_default()
    }
}

/// Tags of a connection of a trial, and not of the neighbour.
pub(crate) fn is_ours(tags: &BTreeMap<String, String>) -> bool {
    tags.get(TAG).is_some_and(|connection| connection != NEIGHBOUR)
}

pub(crate) fn is_live(endpoint: &Endpoint) -> bool {
    !matches!(endpoint.state, EndpointState::Deleting | EndpointState::Deleted)
}

fn of_rules(rules: &[Rule]) -> String {
    let mut lines: Vec<String> = (rules.iter())
        .map(|rule| {
            let peer = match &rule.peer {
                Peer::Cidr(text) | Peer::CidrV6(text) | Peer::Group(text) | Peer::PrefixList(text) => text,
            };
            let way = if rule.egress { "to" } else { "from" };
            format!("{} {}-{} {way} {peer}", rule.protocol, rule.from_port, rule.to_port)
        })
        .collect();
    lines.sort();
    lines.join(", ")
}

/// What two collections differ in, a line each; empty where they are equal.
pub fn differences(found: &Things, expected: &Things) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, what) in expected {
        match found.get(name) {
            None => lines.push(format!("missing: {name} {what}")),
            Some(other) if other != what => lines.push(format!("{name} is {other}, not {what}")),
            Some(_) => {}
        }
    }
    let more = found.iter().filter(|(name, _)| !expected.contains_key(*name));
    lines.extend(more.map(|(name, what)| format!("too much: {name} {what}")));
    lines
}
