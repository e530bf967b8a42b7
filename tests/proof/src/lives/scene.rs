//! A life's world: what it starts with, its requests, and what is there at a moment.

use std::collections::{BTreeMap, BTreeSet};

use rehearsal::{Environment, Result};
use serde_json::{Value, json};
use simulators::ec2::{Peer, Rule, SecurityGroup, Seed, Subnet};
use simulators::fabric::{Endpoint, EndpointState};
use simulators::{aiven, hcp};

use super::life::{CLIENTS, Goal, Life, Link, RANGES, TAGS, Vendor, Wishes};
use super::seen::{Seen, SeenEndpoint, SeenGroup, SeenLink};
use crate::situation::{ACCOUNT, OWN, Situation};
use crate::world::{REGION, Things, World, is_live, is_ours};

/// A second principal of the consumer's account.
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/clients";
/// A second region.
pub(crate) const SECOND_REGION: &str = "us-east-1";
/// The VPC's range.
pub(crate) const VPC_RANGE: &str = "10.100.0.0/16";
/// What the subnets have that a request chooses by a tag.
const CHOSEN: (&str, &str) = ("choose", "this");
const OTHER_ACCOUNT: &str = "444455556666";

/// Another account's principal.
pub(crate) fn others_principal(n: u8) -> String {
    format!("arn:aws:iam::{OTHER_ACCOUNT}:role/r{n}")
}

/// Another VPC's range.
pub(crate) fn others_range(n: u8) -> String {
    format!("10.{}.0.0/16", 40 + n)
}

/// A world in which a life is played.
pub(crate) struct Scene<'a> {
    pub(crate) world: World<'a>,
    pub(crate) vendor: Vendor,
    pub(super) by_hand: Option<String>,
}

impl<'a> Scene<'a> {
    /// # Errors
    /// When the emulator refuses.
    pub(crate) async fn new(environment: &'a Environment, life: &Life, number: u32) -> Result<Scene<'a>> {
        let situation = match life.vendor {
            Vendor::Aiven => Situation::AivenNew,
            Vendor::Hcp => Situation::HcpNew,
        };
        let mut scene = Scene {
            world: World::new(environment, situation, number).await?,
            vendor: life.vendor,
            by_hand: None,
        };
        scene.add_network();
        if let Some(link) = &life.start.link {
            scene.add_link(link);
        }
        if life.vendor == Vendor::Aiven {
            let on = life.start.components.iter();
            let on: BTreeMap<&str, bool> = on.map(|component| (component.name(), true)).collect();
            scene.aiven(|service| service.user_config = json!({"privatelink_access": on}));
        }
        // Offered at the first look.
        drop(scene.world.sims().aiven.world());
        drop(scene.world.sims().hcp.world());
        if life.start.by_hand
            && let Some(service) = scene.service_id()
        {
            let vpc = scene.world.vpc.clone();
            let seed = Seed {
                subnet_ids: vec![scene.world.subnet(1)],
                security_group_ids: vec![scene.group_id(1)],
                tags: BTreeMap::from([("made".to_owned(), "by-hand".to_owned())]),
                ..Seed::of(ACCOUNT, REGION, &vpc, &service, EndpointState::Available)
            };
            scene.by_hand = Some(scene.world.sims().ec2.seed(seed));
        }
        Ok(scene)
    }

    /// Two security groups that let everybody in, one that is for nothing, and a second subnet in each zone.
    fn add_network(&self) {
        let vpc = self.world.vpc.clone();
        let ids: Vec<(u8, String)> = (1..=6).map(|n| (n, self.subnet_id(n))).collect();
        self.world.sims().ec2.with_world(|world| {
            let account = world.account_mut(ACCOUNT);
            for n in 1..=3 {
                let id = self.group_id(n);
                let rule = Rule::tcp(&id.replacen("sg-", "sgr-", 1), 0, 65_535, "10.0.0.0/8");
                account.add_security_group(&id, &vpc, &format!("given-{n}"), vec![rule], &[]);
            }
            for (n, id) in &ids {
                if *n <= 3 {
                    account.tag_subnet(id, CHOSEN.0, CHOSEN.1);
                } else if let Some((_, first)) = ids.iter().find(|(of, _)| of + 3 == *n)
                    && let Some(zone) = account.subnets.get(first).map(|subnet| subnet.zone.clone())
                {
                    let subnet = Subnet {
                        vpc_id: vpc.clone(),
                        cidr: format!("10.100.2{n}.0/24").parse().unwrap_or_default(),
                        zone,
                        full: false,
                        public: false,
                        tags: BTreeMap::new(),
                    };
                    account.subnets.insert(id.clone(), subnet);
                }
            }
        });
    }

    fn add_link(&self, start: &Link) {
        let mut principals: Vec<String> = (1..=start.principals).map(others_principal).collect();
        principals.extend(start.ours.then(|| OWN.to_owned()));
        let principals: Vec<&str> = principals.iter().map(String::as_str).collect();
        let regions = start.region.then(|| SECOND_REGION.to_owned());
        match self.vendor {
            Vendor::Aiven => {
                let connected: &[&str] = if start.connected { &[OTHER_ACCOUNT] } else { &[] };
                let mut link = aiven::PrivateLink::active(&principals, connected);
                link.supported_regions.extend(regions);
                self.aiven(|service| service.privatelink = Some(link));
            }
            Vendor::Hcp => {
                let name = &self.world.name;
                let id = format!("{name}-link");
                let mut link = hcp::PrivateLink::available(&id, &format!("{name}-hvn"), name, &principals);
                link.consumer_ip_ranges.extend((1..=start.ranges).map(others_range));
                link.consumer_regions.extend(regions);
                let mut world = self.world.sims().hcp.world();
                if let Some(project) = world.projects.get_mut(hcp::PROJECT_ID) {
                    project.links.insert(id, link);
                }
            }
        }
    }

    /// Looks at the Aiven service, or changes it.
    pub(super) fn aiven<R>(&self, act: impl FnOnce(&mut aiven::Service) -> R) -> Option<R> {
        let mut world = self.world.sims().aiven.world();
        let project = world.projects.get_mut(aiven::PROJECT)?;
        project.services.get_mut(&self.world.name).map(act)
    }

    /// Looks at the cluster's PrivateLink service at HCP, or changes it.
    pub(super) fn hcp<R>(&self, act: impl FnOnce(&mut hcp::PrivateLink) -> R) -> Option<R> {
        let mut world = self.world.sims().hcp.world();
        let mut links = world.projects.get_mut(hcp::PROJECT_ID)?.links.values_mut();
        links.find(|link| link.vault_cluster_id == self.world.name).map(act)
    }

    /// `vpce-svc-…` of the vendor's PrivateLink service.
    pub(super) fn service_id(&self) -> Option<String> {
        match self.vendor {
            Vendor::Aiven => self.aiven(|service| service.privatelink.as_ref()?.aws_service_id.clone())?,
            Vendor::Hcp => self.hcp(|link| link.service_id.clone())?,
        }
    }

    pub(super) fn group_id(&self, n: u8) -> String {
        format!("sg-0c0ffee000{n}{}", &self.world.vpc[self.world.vpc.len() - 6..])
    }

    pub(super) fn subnet_id(&self, n: u8) -> String {
        let first = self.world.subnet(usize::from((n - 1) % 3 + 1));
        if n <= 3 {
            return first;
        }
        // The one beside it: another digit in a place that is zero in all of them.
        first.replacen("subnet-00", "subnet-0b", 1)
    }

    /// The request's document.
    pub(crate) fn request(&self, wishes: &Wishes, goal: Goal) -> Value {
        let mut request = self.world.request();
        request["action"] = match goal {
            Goal::Plan => json!("plan"),
            Goal::Provision => json!("provision"),
            Goal::Deprovision => json!("deprovision"),
        };
        request["allow_replace"] = json!(wishes.allow_replace);
        request["on_failure"] = json!(if wishes.keep { "keep" } else { "undo" });
        let provider = &mut request["provider"];
        provider["delete_service"] = json!(wishes.delete_service);
        let removed: Vec<String> = wishes.remove_principals.iter().map(|n| others_principal(*n)).collect();
        let principals = if wishes.role { json!([OWN, ROLE]) } else { json!([]) };
        let regions = if wishes.region {
            json!([SECOND_REGION])
        } else {
            json!([])
        };
        match self.vendor {
            Vendor::Aiven => {
                let components: Vec<&str> = wishes.components.iter().map(|component| component.name()).collect();
                provider["components"] = json!(components);
                provider["principals"] = principals;
                provider["supported_regions"] = regions;
                provider["remove_principals"] = json!(removed);
            }
            Vendor::Hcp => {
                provider["consumer_ip_ranges"] = json!(wished(&RANGES, &wishes.ranges));
                provider["consumer_accounts"] = principals;
                provider["consumer_regions"] = regions;
                provider["remove_consumer_accounts"] = json!(removed);
                let removed: Vec<String> = wishes.remove_ranges.iter().map(|n| others_range(*n)).collect();
                provider["remove_consumer_ip_ranges"] = json!(removed);
            }
        }
        let consumer = &mut request["consumer"];
        let subnets: Vec<String> = wishes.subnets.iter().map(|n| self.subnet_id(*n)).collect();
        consumer["subnet_ids"] = json!(subnets);
        if subnets.is_empty() {
            consumer["subnet_tags"] = json!({CHOSEN.0: CHOSEN.1});
        }
        let groups: Vec<String> = wishes.groups.iter().map(|n| self.group_id(*n)).collect();
        consumer["security_group_ids"] = json!(groups);
        consumer["client_cidrs"] = json!(wished(&CLIENTS, &wishes.clients));
        consumer["tags"] = json!(tags(wishes));
        if let Some(id) = self.by_hand.as_ref().filter(|_| wishes.adopt) {
            consumer["adopt_endpoint_id"] = json!(id);
        }
        request
    }

    /// What is there now.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub(crate) async fn look(&self) -> Result<Seen> {
        let service = self.service_id();
        let all = self.world.sims().ec2.endpoints();
        let seen = |endpoint: &Endpoint| self.seen_endpoint(endpoint, service.as_deref());
        let ours: Vec<Endpoint> = self.world.endpoints().into_iter().filter(is_live).collect();
        let by_hand = all.iter().find(|e| Some(&e.id) == self.by_hand.as_ref());
        let groups = self.world.groups(|group| is_ours(&group.tags));
        let zones = self.world.zones().await?;
        let zones: Vec<_> = zones.iter().filter(|zone| zone.is_ours()).collect();
        let points = |zone: &&crate::zones::HostedZone| ours.iter().any(|e| zone.records.contains(&e.id));
        let others = all.iter().filter(|e| {
            Some(&e.service_id) == service.as_ref()
                && is_live(e)
                && e.state != EndpointState::Rejected
                && !is_ours(&e.tags)
        });
        let others = others.count();
        Ok(Seen {
            endpoints: ours.iter().map(seen).collect(),
            by_hand: by_hand.filter(|e| is_live(e) && !is_ours(&e.tags)).map(seen),
            by_hand_is_gone: self.by_hand.is_some() && by_hand.is_none_or(|e| !is_live(e) && !is_ours(&e.tags)),
            groups: groups.iter().map(|(_, group)| seen_group(group)).collect(),
            link: self.seen_link(others),
            components: self.components(),
            zones: (zones.len(), zones.iter().all(points)),
        })
    }

    fn seen_endpoint(&self, endpoint: &Endpoint, service: Option<&str>) -> SeenEndpoint {
        let own = self.world.groups(|group| is_ours(&group.tags));
        let group = |id: &String| match (1..=3).find(|n| self.group_id(*n) == *id) {
            Some(n) => format!("given {n}"),
            None if own.iter().any(|(own, _)| own == id) => "own".to_owned(),
            None => id.clone(),
        };
        let subnet = |id: &String| (1..=6).find(|n| self.subnet_id(*n) == *id);
        SeenEndpoint {
            id: endpoint.id.clone(),
            state: endpoint.state.wire().to_owned(),
            is_current: service == Some(&endpoint.service_id),
            subnets: endpoint.subnets.iter().filter_map(|(id, _)| subnet(id)).collect(),
            groups: endpoint.security_group_ids.iter().map(group).collect(),
            tags: without_own(&endpoint.tags),
            private_dns: endpoint.private_dns_enabled,
        }
    }

    fn seen_link(&self, others: usize) -> Option<SeenLink> {
        let set = |items: &[String]| items.iter().cloned().collect::<BTreeSet<_>>();
        match self.vendor {
            Vendor::Aiven => self.aiven(|service| {
                let link = service.privatelink.as_ref();
                let link = link.filter(|link| link.state != aiven::LinkState::Deleting)?;
                Some(SeenLink {
                    principals: set(&link.principals),
                    ranges: BTreeSet::new(),
                    regions: set(&link.supported_regions),
                    others,
                })
            })?,
            Vendor::Hcp => self.hcp(|link| {
                (link.state != hcp::LinkState::Deleting).then(|| SeenLink {
                    principals: set(&link.consumer_accounts),
                    ranges: set(&link.consumer_ip_ranges),
                    regions: set(&link.consumer_regions),
                    others,
                })
            })?,
        }
    }

    fn components(&self) -> BTreeSet<String> {
        let on = self.aiven(|service| {
            let access = service.user_config["privatelink_access"].as_object();
            let on = access.into_iter().flatten().filter(|(_, on)| **on == json!(true));
            on.map(|(name, _)| name.clone()).collect()
        });
        on.unwrap_or_default()
    }

    /// What everybody else has, but for the vendor's lists, which are seen, and the endpoint that may be adopted.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub(crate) async fn others(&self) -> Result<Things> {
        let mut others = self.world.others().await?;
        let lists = ["principal ", "range ", "region ", "component "];
        others.retain(|name, _| !lists.iter().any(|list| name.starts_with(list)));
        if let Some(id) = &self.by_hand {
            others.remove(&format!("endpoint {id}"));
        }
        Ok(others)
    }
}

/// The request's tags.
pub(crate) fn tags(wishes: &Wishes) -> BTreeMap<String, String> {
    let value = |second: bool| if second { "two" } else { "one" };
    let tags = wishes.tags.iter();
    tags.filter_map(|(key, second)| {
        Some((
            (*TAGS.get(usize::from(*key) - 1)?).to_owned(),
            value(*second).to_owned(),
        ))
    })
    .collect()
}

/// The items of these numbers, from 1.
pub(crate) fn wished(all: &[&str], numbers: &BTreeSet<u8>) -> Vec<String> {
    let items = numbers.iter().filter_map(|n| all.get(usize::from(n.saturating_sub(1))));
    items.map(|item| (*item).to_owned()).collect()
}

fn without_own(tags: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let tags = tags.iter();
    tags.filter(|(key, _)| !key.starts_with("privatelink-workflow") && *key != "Name")
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn seen_group(group: &SecurityGroup) -> SeenGroup {
    let rules = group.rules.iter().filter(|rule| !rule.egress);
    let rules = rules.map(|rule| {
        let peer = match &rule.peer {
            Peer::Cidr(text) | Peer::CidrV6(text) | Peer::Group(text) | Peer::PrefixList(text) => text,
        };
        format!("{} {}-{} {peer}", rule.protocol, rule.from_port, rule.to_port)
    });
    SeenGroup {
        rules: rules.collect(),
        tags: without_own(&group.tags),
    }
}
