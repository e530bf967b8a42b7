//! What somebody else does between two runs.

use std::collections::BTreeSet;

use serde_json::json;
use simulators::ec2::{Rule, SecurityGroup};
use simulators::fabric::{Endpoint, EndpointState};
use simulators::hcp;

use super::life::{Component, Deed, TAGS, Vendor};
use super::scene::{ROLE, Scene, others_principal};
use crate::situation::{ACCOUNT, OWN};
use crate::world::{is_live, is_ours};

/// The endpoint service at which an endpoint still is when the vendor has another one.
const OLD_SERVICE: &str = "vpce-svc-0dead0000000000ff";
/// A principal that nobody has at the start.
const NEWCOMER: u8 = 90;

impl Scene<'_> {
    /// Does it, if there is something to do it to.
    pub(crate) fn deed(&mut self, deed: Deed) {
        let ours = self.world.endpoints().into_iter().rfind(is_live);
        let ec2 = &self.world.sims().ec2;
        if let Some(endpoint) = &ours {
            let id = &endpoint.id;
            match deed {
                Deed::DeleteEndpoint => _ = ec2.delete(id),
                Deed::ForgetEndpoint => _ = ec2.forget(id),
                Deed::RejectEndpoint => _ = ec2.reject(id),
                Deed::FailEndpoint => _ = ec2.fail(id, "InternalError", "no capacity"),
                Deed::ExpireEndpoint => _ = ec2.restore(id, EndpointState::Expired),
                Deed::MoveService => self.change_endpoint(id, |endpoint| {
                    let old = endpoint.service_id.clone();
                    endpoint.service_id = OLD_SERVICE.to_owned();
                    endpoint.service_name = endpoint.service_name.replace(&old, OLD_SERVICE);
                }),
                Deed::AddTag => self.change_endpoint(id, |endpoint| {
                    endpoint.tags.insert("backup".to_owned(), "daily".to_owned());
                }),
                Deed::ChangeTag => self.change_endpoint(id, |endpoint| {
                    if let Some((_, value)) = endpoint.tags.iter_mut().find(|(key, _)| TAGS.contains(&key.as_str())) {
                        "drifted".clone_into(value);
                    }
                }),
                Deed::DropTag => self.change_endpoint(id, |endpoint| {
                    for key in TAGS {
                        if endpoint.tags.remove(key).is_some() {
                            break;
                        }
                    }
                }),
                Deed::SwapGroups => {
                    let group = self.group_id(3);
                    self.change_endpoint(id, |endpoint| endpoint.security_group_ids = vec![group]);
                }
                Deed::SwapSubnets => self.swap_subnets(endpoint),
                Deed::PrivateDns => self.change_endpoint(id, |endpoint| endpoint.private_dns_enabled = true),
                _ => {}
            }
        }
        match deed {
            Deed::AddTag => self.change_own_groups(|group| {
                group.tags.insert("backup".to_owned(), "daily".to_owned());
            }),
            Deed::AddRule => self.change_own_groups(|group| {
                group
                    .rules
                    .push(Rule::tcp("sgr-0000000000000aaaa", 22, 22, "0.0.0.0/0"));
            }),
            Deed::DropRules => self.change_own_groups(|group| group.rules.retain(|rule| rule.egress)),
            Deed::DeleteHandMade => {
                if let Some(id) = &self.by_hand {
                    ec2.delete(id);
                }
            }
            Deed::AddPrincipal => self.change_principals(|list| {
                let newcomer = others_principal(NEWCOMER);
                if !list.contains(&newcomer) && list.len() < 10 {
                    list.push(newcomer);
                }
            }),
            Deed::RemoveOurPrincipal => self.change_principals(|list| {
                list.retain(|entry| entry != OWN && entry != ROLE);
                if list.is_empty() {
                    list.push(others_principal(NEWCOMER));
                }
            }),
            Deed::SwitchOff => self.switch(false),
            Deed::SwitchOn => self.switch(true),
            Deed::DeleteService => self.delete_service(),
            _ => {}
        }
        // What was changed is offered by now.
        drop(self.world.sims().aiven.world());
        drop(self.world.sims().hcp.world());
    }

    fn change_endpoint(&self, id: &str, change: impl FnOnce(&mut Endpoint)) {
        let mut state = self.world.sims().fabric.state();
        if let Some(endpoint) = state.endpoints.get_mut(id) {
            change(endpoint);
        }
    }

    /// Into the last zone alone.
    fn swap_subnets(&self, endpoint: &Endpoint) {
        let id = self.subnet_id(3);
        let zone = self.world.sims().ec2.with_world(|world| {
            let subnet = world.account_mut(ACCOUNT).subnets.get(&id)?;
            Some(subnet.zone.name.clone())
        });
        self.change_endpoint(&endpoint.id, |endpoint| {
            endpoint.interfaces.truncate(1);
            for interface in &mut endpoint.interfaces {
                interface.subnet_id.clone_from(&id);
            }
            endpoint.subnets = vec![(id, zone.unwrap_or_default())];
        });
    }

    fn change_own_groups(&self, change: impl Fn(&mut SecurityGroup)) {
        self.world.sims().ec2.with_world(|world| {
            let groups = world.account_mut(ACCOUNT).security_groups.values_mut();
            groups
                .filter(|group| group.vpc_id == self.world.vpc && is_ours(&group.tags))
                .for_each(change);
        });
    }

    fn change_principals(&self, change: impl Fn(&mut Vec<String>)) {
        let changed = match self.vendor {
            Vendor::Aiven => self.aiven(|service| {
                let link = service.privatelink.as_mut()?;
                change(&mut link.principals);
                Some((
                    link.aws_service_id.clone()?,
                    link.principals.clone(),
                    link.supported_regions.clone(),
                ))
            }),
            Vendor::Hcp => self.hcp(|link| {
                change(&mut link.consumer_accounts);
                Some((
                    link.service_id.clone()?,
                    link.consumer_accounts.clone(),
                    link.consumer_regions.clone(),
                ))
            }),
        };
        if let Some((id, principals, regions)) = changed.flatten() {
            let set = |items: Vec<String>| items.into_iter().collect::<BTreeSet<_>>();
            let fabric = &self.world.sims().fabric;
            fabric.change_service(&id, set(principals), set(regions));
        }
    }

    fn switch(&self, on: bool) {
        self.aiven(|service| service.user_config["privatelink_access"][Component::Pg.name()] = json!(on));
    }

    fn delete_service(&self) {
        let id = self.service_id();
        match self.vendor {
            Vendor::Aiven => _ = self.aiven(|service| service.privatelink.take()),
            Vendor::Hcp => {
                let mut world = self.world.sims().hcp.world();
                if let Some(project) = world.projects.get_mut(hcp::PROJECT_ID) {
                    project.links.retain(|_, link| link.vault_cluster_id != self.world.name);
                }
            }
        }
        if let Some(id) = id {
            self.world.sims().fabric.withdraw_service(&id);
        }
    }
}
