//! What a test does by hand, past the API.

use std::collections::BTreeMap;

use crate::fabric::{Endpoint, EndpointState};

use super::Ec2;
use super::create::{attach, dns_name};
use super::world::World;

/// An endpoint to be there before anything is called.
#[derive(Debug, Clone)]
pub struct Seed {
    pub account: String,
    pub region: String,
    pub vpc_id: String,
    /// `vpce-svc-…`; it need not exist (any more).
    pub service_id: String,
    pub service_region: String,
    pub state: EndpointState,
    pub subnet_ids: Vec<String>,
    pub security_group_ids: Vec<String>,
    pub tags: BTreeMap<String, String>,
    /// For [`EndpointState::Failed`]: code and message.
    pub last_error: Option<(String, String)>,
    pub private_dns_enabled: bool,
}

impl Seed {
    /// An endpoint for a service of the same region, without subnets, groups and tags: set what matters with
    /// `Seed { tags, ..Seed::of(…) }`.
    pub fn of(account: &str, region: &str, vpc_id: &str, service_id: &str, state: EndpointState) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            vpc_id: vpc_id.to_owned(),
            service_id: service_id.to_owned(),
            service_region: region.to_owned(),
            state,
            subnet_ids: Vec::new(),
            security_group_ids: Vec::new(),
            tags: BTreeMap::new(),
            last_error: None,
            private_dns_enabled: false,
        }
    }
}

impl Ec2 {
    /// Looks at the network, or changes it.
    pub fn with_world<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        act(&mut self.lock().world)
    }

    /// The tags of a resource of an account; none where it has no such resource.
    pub(crate) fn tags_of(&self, account: &str, id: &str) -> Option<BTreeMap<String, String>> {
        let inner = self.lock();
        let state = self.fabric.state();
        if id.starts_with("vpce-") {
            let endpoint = state.endpoints.get(id);
            return endpoint
                .filter(|endpoint| endpoint.owner_account == account)
                .map(|endpoint| endpoint.tags.clone());
        }
        let account = inner.world.accounts.get(account)?;
        let group = account.security_groups.get(id).map(|group| &group.tags);
        let vpc = || account.vpcs.get(id).map(|vpc| &vpc.tags);
        let subnet = || account.subnets.get(id).map(|subnet| &subnet.tags);
        group.or_else(vpc).or_else(subnet).cloned()
    }

    /// The name of the service that an endpoint is for.
    pub(crate) fn service_name_of(&self, endpoint_id: &str) -> Option<String> {
        let state = self.fabric.state();
        state
            .endpoints
            .get(endpoint_id)
            .map(|endpoint| endpoint.service_name.clone())
    }

    /// All endpoints that are still remembered, of all accounts, oldest first.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let mut endpoints: Vec<_> = self.fabric.state().endpoints.values().cloned().collect();
        endpoints.sort_by_key(|endpoint| endpoint.created_at);
        endpoints
    }

    /// The provider accepts now. `false`: there is no such endpoint that waits for it.
    pub fn accept(&self, id: &str) -> bool {
        self.enter(id, EndpointState::Pending, |state| {
            state == EndpointState::PendingAcceptance
        })
    }

    /// The provider rejects now, which it can do before and after it accepted.
    pub fn reject(&self, id: &str) -> bool {
        self.enter(id, EndpointState::Rejected, |state| {
            matches!(
                state,
                EndpointState::PendingAcceptance | EndpointState::Pending | EndpointState::Available
            )
        })
    }

    /// Somebody deletes the endpoint behind the product's back; from now on EC2 takes it through `deleting`.
    pub fn delete(&self, id: &str) -> bool {
        self.enter(id, EndpointState::Deleting, |state| {
            !matches!(state, EndpointState::Deleting | EndpointState::Deleted)
        })
    }

    /// Puts the endpoint into a state, whatever it was in; a state that time moves on begins now. `false`: there is no such
    /// endpoint. For [`EndpointState::Failed`] with a reason see [`Ec2::fail`].
    pub fn restore(&self, id: &str, state: EndpointState) -> bool {
        self.enter(id, state, |_| true)
    }

    /// The endpoint has failed, for a reason with this code and message. `false`: there is no such endpoint.
    pub fn fail(&self, id: &str, code: &str, message: &str) -> bool {
        if let Some(endpoint) = self.fabric.state().endpoints.get_mut(id) {
            endpoint.last_error = Some((code.to_owned(), message.to_owned()));
        }
        self.restore(id, EndpointState::Failed)
    }

    /// The endpoint is gone at once, as if it had never been.
    pub fn forget(&self, id: &str) -> bool {
        self.fabric.state().endpoints.remove(id).is_some()
    }

    /// Puts an endpoint there, visible at once, and answers its id. A state that time moves on begins now. Subnets that the
    /// account does not have are left out.
    pub fn seed(&self, seed: Seed) -> String {
        let now = self.fabric.clock.now();
        let mut inner = self.lock();
        let account = inner.world.account_mut(&seed.account);
        let mut state = self.fabric.state();
        let subnets: Vec<_> = seed
            .subnet_ids
            .iter()
            .filter_map(|id| account.subnets.get(id).map(|subnet| (id.clone(), subnet)))
            .collect();
        let id = format!("vpce-{}", state.fresh_hex());
        let endpoint = Endpoint {
            dns_name: dns_name(&id, &seed.service_id, &seed.region),
            service_name: format!("com.amazonaws.vpce.{}.{}", seed.service_region, seed.service_id),
            subnets: subnets
                .iter()
                .map(|(id, subnet)| (id.clone(), subnet.zone.name.clone()))
                .collect(),
            interfaces: attach(&mut state, &subnets).unwrap_or_default(),
            id: id.clone(),
            owner_account: seed.account,
            region: seed.region,
            vpc_id: seed.vpc_id,
            service_id: seed.service_id,
            state: seed.state,
            since: now,
            created_at: now,
            visible_at: now,
            security_group_ids: seed.security_group_ids,
            tags: seed.tags,
            last_error: seed.last_error,
            private_dns_enabled: seed.private_dns_enabled,
            before_modify: None,
        };
        state.endpoints.insert(id.clone(), endpoint);
        id
    }

    fn enter(&self, id: &str, next: EndpointState, from: impl Fn(EndpointState) -> bool) -> bool {
        let now = self.fabric.clock.now();
        match self
            .fabric
            .state()
            .endpoints
            .get_mut(id)
            .filter(|endpoint| from(endpoint.state))
        {
            Some(endpoint) => {
                endpoint.enter(next, now);
                true
            }
            None => false,
        }
    }
}
