//! Looking at the consumer's side.

use std::collections::BTreeMap;

use aws_sdk_ec2::Client;
use shared::identity::{ConnectionId, TAG_CONNECTION};
use shared::plan::Check;
use shared::request::Request;
use shared::{ErrorName, Result};

use super::{Service, Situation, Wanted};
use crate::ec2::endpoints::{self, Endpoint};
use crate::ec2::groups::{given, managed};
use crate::ec2::subnets;
use crate::ec2::vpc::Vpc;

/// Reads everything that a decision needs.
///
/// # Errors
/// As EC2 answers. What does not exist or fit is no error but a failed check.
pub async fn read(
    ec2: &Client,
    request: &Request,
    vpc: Vpc,
    connection: &ConnectionId,
) -> Result<(Situation, Vec<Check>)> {
    let consumer = &request.consumer;
    let (candidates, given, ours, groups, adoptee) = tokio::join!(
        subnets::read(ec2, consumer, &vpc),
        given::read(ec2, consumer, &vpc),
        endpoints::find_ours(ec2, connection),
        managed::find(ec2, connection),
        adoptee(ec2, request),
    );
    let (candidates, mut checks) = candidates?;
    let (given, of_groups) = given?;
    checks.extend(of_groups);
    let ours = ours?;
    let (adoptee, of_adoptee) = adoptee?;
    checks.extend(of_adoptee);
    let adoptee = adoptee.filter(|e| !e.is_of(connection));

    let mut zones: BTreeMap<String, String> = candidates
        .subnets
        .iter()
        .map(|s| (s.id.clone(), s.zone_id.clone()))
        .collect();
    let mut unknown: Vec<String> = ours
        .iter()
        .filter(|e| e.is_live())
        .chain(&adoptee)
        .flat_map(|e| e.subnet_ids.iter().cloned())
        .filter(|id| !zones.contains_key(id))
        .collect();
    unknown.sort();
    unknown.dedup();
    zones.extend(subnets::zones_of(ec2, &unknown).await?);
    let situation = Situation {
        vpc,
        ours,
        adoptee,
        groups: groups?,
        given,
        candidates,
        zones,
    };
    Ok((situation, checks))
}

async fn adoptee(ec2: &Client, request: &Request) -> Result<(Option<Endpoint>, Vec<Check>)> {
    let Some(id) = &request.consumer.adopt_endpoint_id else {
        return Ok((None, Vec::new()));
    };
    let found = endpoints::get(ec2, id).await?;
    let missing = found.is_none().then(|| {
        adoption_failed(format!(
            "there is no endpoint {id} in account {}, region {}.",
            request.consumer.account_id, request.consumer.region
        ))
    });
    Ok((found, missing.into_iter().collect()))
}

impl Situation {
    /// Whether what is there lets a run begin: the endpoint to adopt is of the right kind, the service's zones and ports are reached,
    /// and what cannot change in place may be replaced.
    pub fn check(&self, wanted: &Wanted<'_>) -> Vec<Check> {
        let mut checks = self.given.check_ports(wanted.ports);
        checks.extend(self.candidates.check_zones(&wanted.request.consumer, wanted.offered));
        if let Some(adoptee) = &self.adoptee {
            checks.extend(self.check_adoptee(adoptee, wanted));
        }
        let moved = self.ours.iter().find(|e| e.is_live() && !wanted.service.is_of(e));
        if let Some(endpoint) = moved.filter(|_| !wanted.request.allow_replace) {
            let now = match wanted.service {
                Service::Offered(offer) => format!("now offers {}", offer.service_name),
                Service::Absent | Service::Unnamed => "has no such service any more".to_owned(),
            };
            checks.push(Check::failed(
                ErrorName::InvalidRequest,
                "/allow_replace",
                format!(
                    "the connection's endpoint {} is connected to {}, but the vendor {now}, and an endpoint cannot move. Set it to true, and \
                     a new endpoint is made and available before the old one goes.",
                    endpoint.id, endpoint.service_name
                ),
            ));
        }
        checks
    }

    fn check_adoptee(&self, adoptee: &Endpoint, wanted: &Wanted<'_>) -> Vec<Check> {
        let consumer = &wanted.request.consumer;
        let id = &adoptee.id;
        let mut wrong = Vec::new();
        if adoptee.endpoint_type != "Interface" {
            wrong.push(format!(
                "{id} is a {} endpoint, no Interface endpoint.",
                adoptee.endpoint_type
            ));
        }
        if adoptee.requester_managed {
            wrong.push(format!("{id} is managed by another AWS service."));
        }
        if adoptee.vpc_id != self.vpc.id {
            wrong.push(format!("{id} is in {}, not in {}.", adoptee.vpc_id, self.vpc.id));
        }
        if !adoptee.owner_id.is_empty() && adoptee.owner_id != consumer.account_id {
            wrong.push(format!(
                "{id} is owned by account {}, not {}.",
                adoptee.owner_id, consumer.account_id
            ));
        }
        match wanted.service {
            Service::Offered(offer) if adoptee.service_name != offer.service_name => wrong.push(format!(
                "{id} is connected to {}, but the vendor offers {}.",
                adoptee.service_name, offer.service_name
            )),
            Service::Absent => wrong.push(format!(
                "{id} is connected to {}, but the vendor has no PrivateLink service yet.",
                adoptee.service_name
            )),
            Service::Offered(_) | Service::Unnamed => {}
        }
        if let Some(other) = adoptee.tags.get(TAG_CONNECTION) {
            wrong.push(format!("{id} belongs to the connection {other} already."));
        }
        if !adoptee.is_live() {
            wrong.push(format!(
                "{id} is {}; only one that works can be adopted.",
                adoptee.raw_state
            ));
        }
        if let Some(own) = self.ours.iter().find(|e| e.is_live()) {
            wrong.push(format!(
                "the connection has the endpoint {} already; deprovision it first, or leave {id} out.",
                own.id
            ));
        }
        if wrong.is_empty() {
            return vec![Check::passed(format!("{id} can be adopted."))];
        }
        wrong.into_iter().map(adoption_failed).collect()
    }
}

fn adoption_failed(message: String) -> Check {
    Check::failed(ErrorName::InvalidRequest, "/consumer/adopt_endpoint_id", message)
}
