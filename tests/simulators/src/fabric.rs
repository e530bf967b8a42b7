//! What AWS PrivateLink itself knows: endpoint services (offered by the vendors) and endpoints (made by consumers).
//!
//! The vendor simulators offer and withdraw services and look at their connections; the EC2 simulator makes and deletes
//! endpoints. Time moves states: every read first applies the transitions that have come due.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::knobs::{Ec2Knobs, Knobs};

/// A vendor's endpoint service (`vpce-svc-…`).
#[derive(Debug, Clone)]
pub struct EndpointService {
    /// `vpce-svc-` and 17 hex digits.
    pub id: String,
    /// `com.amazonaws.vpce.<region>.<id>`.
    pub name: String,
    /// The vendor's region.
    pub region: String,
    /// Regions besides `region` from which consumers may connect.
    pub supported_regions: BTreeSet<String>,
    /// IAM principal ARNs that may see and use the service.
    pub principals: BTreeSet<String>,
    /// Zone ids (`euw1-az1`) the service offers.
    pub zone_ids: Vec<String>,
    /// When the service came to be.
    pub created_at: Duration,
    /// When the principals last changed: they take effect after `knobs.ec2.principal_lag`.
    pub principals_changed_at: Duration,
    /// The principals in effect until then.
    pub principals_before: BTreeSet<String>,
}

impl EndpointService {
    /// Who may use the service at this moment, the lag of the last change considered.
    pub fn principals_in_effect(&self, now: Duration, lag: Duration) -> &BTreeSet<String> {
        if now < self.principals_changed_at + lag {
            &self.principals_before
        } else {
            &self.principals
        }
    }
}

/// States of an endpoint, in EC2's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointState {
    PendingAcceptance,
    Pending,
    Available,
    Deleting,
    Deleted,
    Rejected,
    Failed,
    Expired,
}

impl EndpointState {
    /// The form on the wire, which is camelCase whatever the API model says.
    pub fn wire(self) -> &'static str {
        match self {
            Self::PendingAcceptance => "pendingAcceptance",
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

/// The network interface of an endpoint in one subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// `eni-` and 17 hex digits.
    pub id: String,
    pub subnet_id: String,
    pub private_ip: Ipv4Addr,
}

/// A consumer's interface endpoint (`vpce-…`).
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub id: String,
    pub owner_account: String,
    pub region: String,
    pub vpc_id: String,
    pub service_id: String,
    pub service_name: String,
    pub state: EndpointState,
    /// When `state` was entered.
    pub since: Duration,
    pub created_at: Duration,
    /// When reads begin to see it.
    pub visible_at: Duration,
    /// Subnet id to zone name, in the order they were given.
    pub subnets: Vec<(String, String)>,
    /// One for each subnet.
    pub interfaces: Vec<Interface>,
    pub security_group_ids: Vec<String>,
    pub tags: BTreeMap<String, String>,
    /// `LastError` of a failed endpoint: code and message.
    pub last_error: Option<(String, String)>,
    /// The regional DNS name; present once the endpoint is available.
    pub dns_name: String,
    /// The vendors' services have no private name, so only an endpoint that was put there by hand can have it on.
    pub private_dns_enabled: bool,
    /// What reads show for `knobs.ec2.modify_lag` after the last modification.
    pub before_modify: Option<BeforeModify>,
}

/// What an endpoint was before it was modified.
#[derive(Debug, Clone)]
pub struct BeforeModify {
    pub modified_at: Duration,
    pub subnets: Vec<(String, String)>,
    pub interfaces: Vec<Interface>,
    pub security_group_ids: Vec<String>,
    pub private_dns_enabled: bool,
}

/// Ids of a region's first three zones, as AWS abbreviates regions: `apse2-az1` of `ap-southeast-2`.
pub fn zone_ids(region: &str) -> Vec<String> {
    let short: String = region
        .replace("north", "n")
        .replace("south", "s")
        .replace("central", "c")
        .replace("east", "e")
        .replace("west", "w")
        .replace('-', "");
    (1..=3).map(|n| format!("{short}-az{n}")).collect()
}

/// The state behind the lock.
#[derive(Debug, Default)]
pub struct FabricState {
    pub services: BTreeMap<String, EndpointService>,
    pub endpoints: BTreeMap<String, Endpoint>,
    next_number: u64,
}

/// Endpoint services and endpoints, shared by all simulators.
#[derive(Debug, Clone)]
pub struct Fabric {
    pub clock: Clock,
    pub knobs: Arc<Mutex<Knobs>>,
    state: Arc<Mutex<FabricState>>,
}

impl Fabric {
    pub fn new(clock: Clock, knobs: Knobs) -> Self {
        Self {
            clock,
            knobs: Arc::new(Mutex::new(knobs)),
            state: Arc::default(),
        }
    }

    /// A copy of the knobs as they stand.
    pub fn knobs(&self) -> Knobs {
        self.knobs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Turns knobs while everything runs; delays that are already running end by the new values.
    pub fn change_knobs(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.knobs.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The state, with every transition applied that has come due.
    pub fn state(&self) -> MutexGuard<'_, FabricState> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle(self.clock.now(), &self.knobs());
        state
    }

    /// A vendor offers a new endpoint service.
    pub fn offer_service(
        &self,
        region: &str,
        principals: BTreeSet<String>,
        supported_regions: BTreeSet<String>,
        zone_ids: Vec<String>,
    ) -> EndpointService {
        let now = self.clock.now();
        let mut state = self.state();
        let id = format!("vpce-svc-{}", state.fresh_hex());
        let service = EndpointService {
            name: format!("com.amazonaws.vpce.{region}.{id}"),
            id: id.clone(),
            region: region.to_owned(),
            supported_regions,
            principals,
            zone_ids,
            created_at: now,
            principals_changed_at: now,
            principals_before: BTreeSet::new(),
        };
        state.services.insert(id, service.clone());
        service
    }

    /// A vendor changes who may use its service, and from where.
    pub fn change_service(&self, id: &str, principals: BTreeSet<String>, supported_regions: BTreeSet<String>) {
        let now = self.clock.now();
        let lag = self.knobs().ec2.principal_lag;
        if let Some(service) = self.state().services.get_mut(id) {
            if service.principals != principals {
                service.principals_before = service.principals_in_effect(now, lag).clone();
                service.principals_changed_at = now;
            }
            service.principals = principals;
            service.supported_regions = supported_regions;
        }
    }

    /// A vendor removes its service: live connections are rejected first, as AWS demands.
    pub fn withdraw_service(&self, id: &str) {
        let now = self.clock.now();
        let mut state = self.state();
        state.services.remove(id);
        for endpoint in state.endpoints.values_mut().filter(|e| e.service_id == id) {
            if matches!(
                endpoint.state,
                EndpointState::PendingAcceptance | EndpointState::Pending | EndpointState::Available
            ) {
                endpoint.enter(EndpointState::Rejected, now);
            }
        }
    }

    /// Every endpoint that was ever connected to the service and is still remembered, oldest first.
    pub fn connections(&self, service_id: &str) -> Vec<Endpoint> {
        let state = self.state();
        let mut found: Vec<_> = state
            .endpoints
            .values()
            .filter(|e| e.service_id == service_id)
            .cloned()
            .collect();
        found.sort_by_key(|e| e.created_at);
        found
    }
}

impl Endpoint {
    /// Moves to a state and notes when.
    pub fn enter(&mut self, state: EndpointState, now: Duration) {
        self.state = state;
        self.since = now;
    }

    /// As reads show it: for `lag` after a modification as it was before.
    pub fn shown(&self, now: Duration, lag: Duration) -> Cow<'_, Self> {
        match &self.before_modify {
            Some(before) if now < before.modified_at + lag => Cow::Owned(Self {
                subnets: before.subnets.clone(),
                interfaces: before.interfaces.clone(),
                security_group_ids: before.security_group_ids.clone(),
                private_dns_enabled: before.private_dns_enabled,
                ..self.clone()
            }),
            _ => Cow::Borrowed(self),
        }
    }

    /// Its interfaces are in the subnets and use the security groups until its deletion is over.
    pub fn has_interfaces(&self) -> bool {
        self.state != EndpointState::Deleted
    }

    /// When time alone moves the endpoint on, and to where; `None` as the state means that EC2 forgets it.
    fn next_transition(&self, knobs: &Ec2Knobs) -> Option<(Duration, Option<EndpointState>)> {
        use EndpointState as S;
        let (after, next) = match self.state {
            S::PendingAcceptance => match knobs.acceptance {
                Some(delay) if delay <= knobs.expiry => {
                    let rejects = knobs.reject || knobs.rejected_vpcs.contains(&self.vpc_id);
                    (delay, Some(if rejects { S::Rejected } else { S::Pending }))
                }
                _ => (knobs.expiry, Some(S::Expired)),
            },
            S::Pending => (
                knobs.provisioning,
                Some(if knobs.fail.is_some() { S::Failed } else { S::Available }),
            ),
            S::Deleting => (knobs.deletion, Some(S::Deleted)),
            S::Deleted => (knobs.deleted_lingers, None),
            S::Available | S::Rejected | S::Failed | S::Expired => return None,
        };
        Some((self.since + after, next))
    }
}

impl FabricState {
    /// 17 hex digits that no other resource of this world has.
    pub fn fresh_hex(&mut self) -> String {
        self.next_number += 1;
        format!("{:017x}", 0x0a1b_2c3d_4e5f_u64 * 0x100 + self.next_number)
    }

    /// Applies what time has done since the last look, each transition at the moment it was due.
    fn settle(&mut self, now: Duration, knobs: &Knobs) {
        self.endpoints.retain(|_, endpoint| {
            while let Some((due, next)) = endpoint.next_transition(&knobs.ec2) {
                if due > now {
                    break;
                }
                let Some(next) = next else { return false };
                if next == EndpointState::Failed {
                    endpoint.last_error.clone_from(&knobs.ec2.fail);
                }
                endpoint.enter(next, due);
            }
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(state: EndpointState, since: u64) -> Endpoint {
        let since = Duration::from_secs(since);
        Endpoint {
            id: "vpce-1".into(),
            owner_account: "111122223333".into(),
            region: "eu-west-1".into(),
            vpc_id: "vpc-1".into(),
            service_id: "vpce-svc-1".into(),
            service_name: "com.amazonaws.vpce.eu-west-1.vpce-svc-1".into(),
            state,
            since,
            created_at: since,
            visible_at: since,
            subnets: Vec::new(),
            interfaces: Vec::new(),
            security_group_ids: Vec::new(),
            tags: BTreeMap::new(),
            last_error: None,
            dns_name: String::new(),
            private_dns_enabled: false,
            before_modify: None,
        }
    }

    fn settled(state: EndpointState, now: u64, knobs: &Knobs) -> Option<Endpoint> {
        let mut fabric = FabricState::default();
        fabric.endpoints.insert("vpce-1".into(), endpoint(state, 10));
        fabric.settle(Duration::from_secs(now), knobs);
        fabric.endpoints.remove("vpce-1")
    }

    #[test]
    fn zone_ids_are_those_that_aws_uses() {
        assert_eq!(zone_ids("eu-west-1"), ["euw1-az1", "euw1-az2", "euw1-az3"]);
        assert_eq!(zone_ids("us-east-1")[0], "use1-az1");
        assert_eq!(zone_ids("ap-southeast-2")[0], "apse2-az1");
        assert_eq!(zone_ids("eu-central-1")[0], "euc1-az1");
    }

    #[test]
    fn a_jump_over_two_transitions_dates_each_at_its_own_moment() {
        let settled =
            settled(EndpointState::PendingAcceptance, 100_000, &Knobs::default()).map(|e| (e.state, e.since.as_secs()));
        assert_eq!(settled, Some((EndpointState::Available, 10 + 420 + 45)));
    }

    #[test]
    fn a_state_holds_until_its_time() {
        let knobs = Knobs::default();
        let state = |now| settled(EndpointState::PendingAcceptance, now, &knobs).map(|e| e.state);
        assert_eq!(state(429), Some(EndpointState::PendingAcceptance));
        assert_eq!(state(430), Some(EndpointState::Pending));
        assert_eq!(state(475), Some(EndpointState::Available));
    }

    #[test]
    fn a_deleted_endpoint_is_described_for_a_while_and_then_forgotten() {
        let knobs = Knobs::default();
        assert_eq!(
            settled(EndpointState::Deleting, 100, &knobs).map(|e| e.state),
            Some(EndpointState::Deleted)
        );
        assert!(settled(EndpointState::Deleting, 10 + 90 + 120, &knobs).is_none());
    }

    #[test]
    fn nobody_accepting_ends_in_expiry_and_a_refusal_in_rejection() {
        let mut knobs = Knobs::default();
        knobs.ec2.acceptance = None;
        assert_eq!(
            settled(EndpointState::PendingAcceptance, 10_000_000, &knobs).map(|e| e.state),
            Some(EndpointState::Expired)
        );
        knobs.ec2.acceptance = Some(Duration::ZERO);
        knobs.ec2.reject = true;
        assert_eq!(
            settled(EndpointState::PendingAcceptance, 10, &knobs).map(|e| e.state),
            Some(EndpointState::Rejected)
        );
    }

    #[test]
    fn failed_provisioning_says_why() {
        let mut knobs = Knobs::default();
        knobs.ec2.fail = Some(("InternalError".into(), "no capacity".into()));
        let failed = settled(EndpointState::Pending, 1_000, &knobs);
        assert_eq!(
            failed.map(|e| (e.state, e.last_error)),
            Some((EndpointState::Failed, knobs.ec2.fail))
        );
    }
}
