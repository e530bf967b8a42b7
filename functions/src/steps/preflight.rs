//! Preflight: reads only. Checks what only the clouds know, plans what the run will write, and notes what was there before it.

use shared::document::{Document, Preflight as Facts, ServiceOffer, VendorFacts};
use shared::identity::ConnectionId;
use shared::plan::{Change, Check, Effect, Plan, Remote};
use shared::progress::{Look, Phase};
use shared::provider::ProviderFacts;
use shared::request::{Action, Goal, Provider, Request};
use shared::settings::PhaseName;
use shared::{Error, ErrorName, Result};

use crate::consumer_side::changes::{changes, replaced};
use crate::consumer_side::decide::{Decision, EndpointDecision, decide};
use crate::consumer_side::network;
use crate::consumer_side::read::read;
use crate::consumer_side::{Service, Situation, Wanted};
use crate::context::Context;
use crate::dns;
use crate::ec2::{endpoints, services, vpc};
use crate::removal::connection;
use crate::removal::vendor::contains;
use crate::runtime::Step;

/// The step.
pub struct Preflight;

impl Step for Preflight {
    const PHASE: PhaseName = PhaseName::Preflight;
    type Output = Facts;

    fn previous(document: &Document) -> Option<&Phase<Facts>> {
        document.preflight.as_ref()
    }

    async fn look(context: &Context, document: &Document, attempt: u32) -> Result<Look<Facts>> {
        if document.request.waits_for_network()
            && let Some(pending) = network::missing(context, &document.request).await?
        {
            if attempt == 1 {
                // What is wrong at the vendor is told now, and not after hours of waiting.
                context.provider(&document.request).await.preflight().await?;
            }
            return Ok(pending.into());
        }
        let facts = match document.request.goal() {
            Goal::Provision => match Box::pin(provision(context, document)).await? {
                Look::Ready(facts) => facts,
                pending => return Ok(pending),
            },
            Goal::Deprovision => Box::pin(deprovision(context, &document.request)).await?,
        };
        if document.request.action == Action::Provision {
            facts.plan.require_feasible()?;
        }
        Ok(Look::Ready(facts))
    }
}

/// The consumer's side as it is: what it needs is known only with the vendor's side.
struct Seen {
    connection: ConnectionId,
    situation: Situation,
}

async fn provision(context: &Context, document: &Document) -> Result<Look<Facts>> {
    let request = &document.request;
    let (provider, ec2) = tokio::join!(context.provider(request), context.ec2(request));
    let ec2 = ec2?;
    let (vendor, seen) = tokio::join!(provider.preflight(), look_around(&ec2, request));
    let (mut checks, mut plan_changes, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    let vendor = match vendor {
        Ok(ProviderFacts {
            vendor,
            changes,
            checks: passed,
        }) => {
            plan_changes.extend(changes);
            checks.extend(passed);
            Some(vendor)
        }
        // Reported along with what is wrong on the consumer's side.
        Err(error)
            if matches!(
                error.name,
                ErrorName::InvalidRequest | ErrorName::LimitExceeded | ErrorName::Rejected
            ) =>
        {
            checks.extend(Check::of_error(&error));
            None
        }
        Err(error) => return Err(error),
    };
    let (seen, around) = seen?;
    checks.extend(around);
    let mut facts = Facts {
        connection_id: match &seen {
            Some(seen) => seen.connection.clone(),
            None => ConnectionId::of(request, request.consumer.vpc_id.as_deref().unwrap_or_default()),
        },
        vpc_id: seen.as_ref().map(|s| s.situation.vpc.id.clone()),
        vpc_cidrs: seen.as_ref().map(|s| s.situation.vpc.cidrs.clone()).unwrap_or_default(),
        plan: empty_plan(Goal::Provision, request),
        vendor: None,
        endpoint_id: None,
        zone_id: None,
        retires: false,
    };
    if let (Some(vendor), Some(seen)) = (&vendor, &seen) {
        let offer = vendor.service_name.clone().map(|service_name| ServiceOffer {
            service_name,
            service_region: vendor.service_region.clone(),
        });
        let offered = offered_zones(&ec2, request, offer.as_ref(), &seen.situation).await?;
        let wanted = Wanted {
            request,
            connection: &seen.connection,
            execution_name: &document.execution.name,
            service: match &offer {
                Some(offer) => Service::Offered(offer),
                None if vendor.service_existed => Service::Unnamed,
                None => Service::Absent,
            },
            offered: &offered,
            ports: &vendor.ports,
        };
        if let Some(pending) = network::out_of_reach(request, &seen.situation.candidates, &offered) {
            return Ok(pending.into());
        }
        checks.extend(seen.situation.check(&wanted));
        let decision = decide(&seen.situation, &wanted);
        plan_changes.extend(changes(&decision, &seen.situation, &wanted));
        let (of_name, zone_id) = name(context, request, vendor, seen, &decision, &mut checks).await?;
        plan_changes.extend(of_name);
        notes.extend(ranges_that_stay_closed(request, &seen.situation.vpc.cidrs));
        let mut going = replaced(&decision);
        going.extend(old_vpc(context, request, &ec2, &mut notes).await?);
        facts.retires = !going.is_empty();
        plan_changes.extend(going);
        facts.zone_id = zone_id;
        if let EndpointDecision::Existing(existing) = &decision.endpoint {
            facts.endpoint_id = Some(existing.endpoint.id.clone());
        }
        if request.action == Action::Plan
            && let Some(offer) = &offer
        {
            notes.extend(other_endpoints(&ec2, offer, seen).await?);
        }
    }
    // What stands in the way comes first for a person.
    checks.sort_by_key(|check| check.passed);
    facts.plan = Plan::new(
        Goal::Provision,
        facts.connection_id.clone(),
        plan_changes,
        checks,
        notes,
    );
    facts.vendor = vendor;
    Ok(Look::Ready(facts))
}

/// HCP is told of these ranges, but the security group that the workflow makes does not let them in.
fn ranges_that_stay_closed(request: &Request, vpc_cidrs: &[String]) -> Option<String> {
    let consumer = &request.consumer;
    let Provider::HcpVault(hcp) = &request.provider else {
        return None;
    };
    let let_in = if consumer.client_cidrs.is_empty() {
        vpc_cidrs
    } else {
        &consumer.client_cidrs
    };
    let closed: Vec<&str> = hcp
        .consumer_ip_ranges
        .iter()
        .filter(|range| !let_in.iter().any(|cidr| contains(cidr, range)))
        .map(String::as_str)
        .collect();
    (consumer.has_managed_group() && !closed.is_empty()).then(|| {
        format!(
            "the security group lets in {}, but not the whole of {}; name clients there in client_cidrs.",
            let_in.join(", "),
            closed.join(", ")
        )
    })
}

fn empty_plan(goal: Goal, request: &Request) -> Plan {
    Plan::new(goal, ConnectionId::of(request, ""), Vec::new(), Vec::new(), Vec::new())
}

/// The VPC and everything in it that a decision needs; none where there is no such VPC.
async fn look_around(ec2: &aws_sdk_ec2::Client, request: &Request) -> Result<(Option<Seen>, Vec<Check>)> {
    let consumer = &request.consumer;
    let vpc = match vpc::find(ec2, consumer).await? {
        vpc::Found::One(vpc) => vpc,
        vpc::Found::Absent(failed) | vpc::Found::Ambiguous(failed) => return Ok((None, vec![failed])),
    };
    let connection = ConnectionId::of(request, &vpc.id);
    let vpc_id = vpc.id.clone();
    // Only HCP's name needs a private zone; Aiven's public DNS answers with the private addresses.
    let needs_zone = matches!(request.provider, Provider::HcpVault(_));
    let dns_attributes = async {
        if needs_zone {
            vpc::check_dns(ec2, consumer, &vpc_id).await
        } else {
            Ok(Vec::new())
        }
    };
    let (found, dns) = tokio::join!(read(ec2, request, vpc, &connection), dns_attributes);
    let (situation, mut checks) = found?;
    checks.extend(dns?);
    let seen = Seen { connection, situation };
    Ok((Some(seen), checks))
}

/// Zones that the service offers, as far as the account can see them and they matter.
async fn offered_zones(
    ec2: &aws_sdk_ec2::Client,
    request: &Request,
    offer: Option<&ServiceOffer>,
    situation: &Situation,
) -> Result<Vec<String>> {
    let Some(offer) = offer else {
        return Ok(Vec::new());
    };
    let there = situation
        .ours
        .iter()
        .any(|e| e.is_live() && e.service_name == offer.service_name);
    if there && situation.candidates.named {
        return Ok(Vec::new());
    }
    // Not an allowed principal yet: the zones are checked once it is, before the endpoint is made.
    let zones = services::zone_ids(
        ec2,
        &offer.service_name,
        &offer.service_region,
        &request.consumer.region,
    );
    Ok(zones.await?.unwrap_or_default())
}

/// What happens to the private hosted zone, and its id if it is there.
async fn name(
    context: &Context,
    request: &Request,
    vendor: &VendorFacts,
    seen: &Seen,
    decision: &Decision,
    checks: &mut Vec<Check>,
) -> Result<(Option<Change>, Option<String>)> {
    let Some(host) = &vendor.private_hostname else {
        return Ok((None, None));
    };
    let route53 = context.route53(request).await?;
    let vpc_id = &seen.situation.vpc.id;
    let Some(zone) = dns::find(&route53, &request.consumer.region, vpc_id, host).await? else {
        let create = Change::new(Effect::Create, Remote::Route53, "hosted_zone")
            .field("name", serde_json::Value::Null, host.clone())
            .call("CreateHostedZone")
            .call("ChangeResourceRecordSets");
        return Ok((Some(create), None));
    };
    if !zone.is_of(&seen.connection) {
        checks.push(Check::failed(
            ErrorName::InvalidRequest,
            vpc::path(&request.consumer),
            dns::not_ours(vpc_id, host, &zone.id),
        ));
        return Ok((None, None));
    }
    let target = match &decision.endpoint {
        EndpointDecision::Existing(existing) => existing.endpoint.dns_entries.first(),
        EndpointDecision::Create { .. } => None,
    };
    let pointed = match target {
        Some(target) => dns::is_pointed_at(&route53, &zone, target).await?,
        None => false,
    };
    let change = if pointed {
        Change::new(Effect::Keep, Remote::Route53, "hosted_zone")
    } else {
        Change::new(Effect::Change, Remote::Route53, "hosted_zone")
            .call("ChangeResourceRecordSets")
            .why("its record is to point to the connection's endpoint")
    };
    Ok((Some(change.id(&zone.id)), Some(zone.id)))
}

/// What goes of the connection in the VPC that this one replaces.
async fn old_vpc(
    context: &Context,
    request: &Request,
    ec2: &aws_sdk_ec2::Client,
    notes: &mut Vec<String>,
) -> Result<Vec<Change>> {
    let Some(vpc_id) = &request.consumer.replaces_vpc_id else {
        return Ok(Vec::new());
    };
    let old = ConnectionId::of(request, vpc_id);
    let route53 = context.route53(request).await?;
    let found = connection::find(ec2, &route53, &old, None).await?;
    let (changes, left) = connection::plan(ec2, &route53, &old, &found).await?;
    if changes.is_empty() {
        notes.push(format!("nothing of this connection is in {vpc_id} (any more)."));
    }
    if matches!(request.provider, Provider::HcpVault(_)) {
        notes.push(format!(
            "ranges of {vpc_id} in HCP's list stay; take them out by remove_consumer_ip_ranges."
        ));
    }
    notes.extend(left);
    Ok(changes
        .into_iter()
        .map(|change| {
            change.why(format!(
                "of {vpc_id}, which is replaced: goes when the new endpoint works"
            ))
        })
        .collect())
}

/// Endpoints of the account that are connected to the same service and stay as they are.
async fn other_endpoints(ec2: &aws_sdk_ec2::Client, offer: &ServiceOffer, seen: &Seen) -> Result<Vec<String>> {
    let found = endpoints::find_of_service(ec2, &offer.service_name).await?;
    let others = found.iter().filter(|e| e.may_be_live() && !e.is_of(&seen.connection));
    let notes = others.map(|e| {
        let what = match e.tags.get(shared::identity::TAG_CONNECTION) {
            Some(other) => format!(
                "of the connection {other}; a connection cannot move: to move it here, name its VPC in replaces_vpc_id"
            ),
            None if e.vpc_id == seen.situation.vpc.id => {
                "without this workflow's tags; to take it over, name it in adopt_endpoint_id".to_owned()
            }
            None => "without this workflow's tags".to_owned(),
        };
        format!("{} in {} is connected to the same service, {what}.", e.id, e.vpc_id)
    });
    Ok(notes.collect())
}

async fn deprovision(context: &Context, request: &Request) -> Result<Facts> {
    let ec2 = context.ec2(request).await?;
    let consumer = &request.consumer;
    let vpc = match vpc::find(&ec2, consumer).await? {
        vpc::Found::One(vpc) => Some(vpc),
        vpc::Found::Absent(_) => None,
        vpc::Found::Ambiguous(failed) => {
            return Err(Error::invalid_at(vpc::path(consumer), failed.message));
        }
    };
    let vpc_id = vpc.as_ref().map(|v| v.id.clone()).or_else(|| consumer.vpc_id.clone());
    let connection_id = ConnectionId::of(request, vpc_id.as_deref().unwrap_or_default());
    let mut facts = Facts {
        connection_id: connection_id.clone(),
        vpc_id,
        vpc_cidrs: vpc.map(|v| v.cidrs).unwrap_or_default(),
        plan: empty_plan(Goal::Deprovision, request),
        vendor: None,
        endpoint_id: None,
        zone_id: None,
        retires: false,
    };
    let (changes, left) = if request.action == Action::Plan {
        connection::plan_deprovision(context, request, &facts).await?
    } else {
        // The run looks for itself, again and again.
        (Vec::new(), Vec::new())
    };
    facts.plan = Plan::new(Goal::Deprovision, connection_id, changes, Vec::new(), left);
    Ok(facts)
}
