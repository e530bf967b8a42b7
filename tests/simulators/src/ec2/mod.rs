//! EC2's PrivateLink and what it stands on (VPCs, subnets, security groups), over the query protocol: a form in, XML out.
//!
//! What it does not know is forwarded to an emulator, where one is given.
//!
//! ```text
//! request ─► caller (SigV4 scope: account, region) ─► action ─┬─► world (network, mutable)      ─► XML
//!                                                            ├─► fabric (services, endpoints)
//!                                                            └─► upstream
//! ```

mod caller;
mod create;
mod delete;
mod describe;
mod error;
mod group_rules;
mod groups;
mod hand;
mod interfaces;
mod ledger;
mod modify;
mod network;
mod query;
mod route_tables;
mod services;
mod tags;
mod wire;
mod world;
mod xml;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Method, Uri};

use crate::fabric::Fabric;
use crate::front::{Front, Operation};
use crate::recorder::{Api, Recorder};
use crate::upstream::{self, Upstream};
use caller::{Caller, Credential};
use error::Ec2Error;
use ledger::Ledger;
use query::Params;
use xml::Xml;

pub use hand::Seed;
pub(crate) use query::Params as Form;
pub use world::{
    Account, CONSUMER_EXTERNAL_ID, CONSUMER_ROLE, Peer, Role, Rule, SecurityGroup, Subnet, Vpc, World, Zone,
};

/// The EC2 of all accounts and regions. Clones share the state.
#[derive(Debug, Clone)]
pub struct Ec2 {
    fabric: Fabric,
    recorder: Recorder,
    inner: Arc<Mutex<Inner>>,
    upstream: Option<Upstream>,
}

#[derive(Debug)]
struct Inner {
    world: World,
    ledger: Ledger,
}

type Action = fn(&Ec2, &Caller, &Params, &mut Xml) -> Result<(), Ec2Error>;

impl Ec2 {
    /// `upstream`: the emulator's address, which gets every action that is not simulated here.
    pub fn new(fabric: Fabric, recorder: Recorder, world: World, upstream: Option<&str>) -> Self {
        let inner = Inner {
            world,
            ledger: Ledger::default(),
        };
        Self {
            fabric,
            recorder,
            inner: Arc::new(Mutex::new(inner)),
            upstream: upstream.map(Upstream::new),
        }
    }

    /// Everything that the front answers, every call of it recorded and open to faults.
    pub fn router(&self) -> Router {
        let front = Front {
            api: Api::Ec2,
            clock: self.fabric.clock,
            recorder: self.recorder.clone(),
            operation,
            error: error::for_fault,
        };
        front.wrap(Router::new().fallback(answer).with_state(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn operation(parts: &Parts, body: &Bytes) -> Operation {
    let name = Params::parse(parts.uri.query().unwrap_or_default(), body)
        .get("Action")
        .unwrap_or("none")
        .to_owned();
    let reads = ["Describe", "Get", "List", "Search", "none"];
    Operation {
        write: !reads.iter().any(|read| name.starts_with(read)),
        name,
    }
}

async fn answer(State(ec2): State<Ec2>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let params = Params::parse(uri.query().unwrap_or_default(), &body);
    match ec2.perform(&method, &uri, &headers, &params, &body).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

impl Ec2 {
    async fn perform(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        params: &Params,
        body: &Bytes,
    ) -> Result<Response, Ec2Error> {
        let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let credential = authorization
            .and_then(Credential::parse)
            .ok_or_else(Ec2Error::auth_failure)?;
        let name = params.get("Action").ok_or_else(|| Ec2Error::missing("Action"))?;

        let Some(action) = action(name) else {
            let Some(upstream) = &self.upstream else {
                return Err(Ec2Error::invalid_action(name, params.get("Version")));
            };
            return upstream
                .forward(method, uri, headers, body)
                .await
                .map_err(|error| Ec2Error::bad_gateway(upstream::no_answer(&error)));
        };
        if params.flag("DryRun")? == Some(true) {
            return Err(Ec2Error::dry_run());
        }
        let caller = self.caller(&credential).await;
        let mut xml = Xml::default();
        action(self, &caller, params, &mut xml)?;
        Ok(xml.into_response(name))
    }

    /// The account of an access key: the world's own table, a key that is the account's id, what the emulator knows (it hands
    /// out the keys of assumed roles), or else the default account.
    async fn caller(&self, credential: &Credential) -> Caller {
        let key = &credential.access_key;
        let known = self.lock().world.access_keys.get(key).cloned();
        let account = match known {
            Some(account) => account,
            None if key.len() == 12 && key.bytes().all(|b| b.is_ascii_digit()) => key.clone(),
            None => {
                let told = match &self.upstream {
                    Some(upstream) => upstream.account_of(key, &credential.date, &credential.region).await,
                    None => None,
                };
                let mut inner = self.lock();
                match told {
                    Some(account) => {
                        inner.world.access_keys.insert(key.clone(), account.clone());
                        account
                    }
                    None => inner.world.default_account.clone(),
                }
            }
        };
        Caller {
            account,
            region: credential.region.clone(),
        }
    }
}

fn action(name: &str) -> Option<Action> {
    Some(match name {
        "CreateVpcEndpoint" => create::create_vpc_endpoint,
        "DescribeVpcEndpoints" => describe::describe_vpc_endpoints,
        "ModifyVpcEndpoint" => modify::modify_vpc_endpoint,
        "DeleteVpcEndpoints" => delete::delete_vpc_endpoints,
        "DescribeVpcEndpointServices" => services::describe_vpc_endpoint_services,
        "DescribeVpcs" => network::describe_vpcs,
        "DescribeVpcAttribute" => network::describe_vpc_attribute,
        "DescribeSubnets" => network::describe_subnets,
        "DescribeRouteTables" => route_tables::describe_route_tables,
        "DescribeAvailabilityZones" => network::describe_availability_zones,
        "DescribeSecurityGroups" => groups::describe_security_groups,
        "CreateSecurityGroup" => groups::create_security_group,
        "DeleteSecurityGroup" => groups::delete_security_group,
        "DescribeSecurityGroupRules" => group_rules::describe_security_group_rules,
        "AuthorizeSecurityGroupIngress" => group_rules::authorize_ingress,
        "AuthorizeSecurityGroupEgress" => group_rules::authorize_egress,
        "RevokeSecurityGroupIngress" => group_rules::revoke_ingress,
        "RevokeSecurityGroupEgress" => group_rules::revoke_egress,
        "CreateTags" => tags::create_tags,
        "DeleteTags" => tags::delete_tags,
        "DescribeNetworkInterfaces" => interfaces::describe_network_interfaces,
        _ => return None,
    })
}
