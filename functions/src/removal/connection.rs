//! Taking a whole connection away: access, name, endpoint, security group, and the vendor's entries, in this order.

use aws_sdk_ec2::Client as Ec2;
use aws_sdk_route53::Client as Route53;
use shared::document::{Document, Preflight};
use shared::identity::{ConnectionId, zone_reference_suffix};
use shared::plan::{Change, Effect, Remote};
use shared::progress::Look;
use shared::provider::{Provider, Release};
use shared::request::Request;
use shared::{Error, Result};

use super::{Outcome, endpoints as remove_endpoints, groups as remove_groups, vendor, zones as remove_zones};
use crate::consumer_side::changes::delete_endpoint;
use crate::context::Context;
use crate::dns::{self, Zone};
use crate::ec2::endpoints::{self, Endpoint, State};
use crate::ec2::groups::managed::{self, Group};
use crate::register::lease;

/// The consumer's side of a connection, as it is now.
#[derive(Debug)]
pub struct Found {
    pub endpoints: Vec<Endpoint>,
    groups: Vec<Group>,
    zones: Vec<Zone>,
}

/// Looks for everything that carries the connection's identity, whether its VPC exists or not.
///
/// # Errors
/// As EC2 and Route 53 answer.
pub async fn find(ec2: &Ec2, route53: &Route53, connection: &ConnectionId, suffix: Option<&str>) -> Result<Found> {
    let prefix = connection.zone_reference_prefix();
    let is_ours = |reference: &str| {
        reference.starts_with(&prefix)
            || suffix.is_some_and(|s| reference.starts_with("plw-") && reference.ends_with(s))
    };
    let (endpoints, groups, zones) = tokio::join!(
        endpoints::find_ours(ec2, connection),
        managed::find(ec2, connection),
        dns::all(route53, is_ours)
    );
    Ok(Found {
        endpoints: endpoints?,
        groups: groups?,
        zones: zones?,
    })
}

/// Takes the consumer's side away; true when no endpoint is left.
pub async fn remove(
    ec2: &Ec2,
    route53: &Route53,
    connection: &ConnectionId,
    found: &Found,
    outcome: &mut Outcome,
) -> bool {
    remove_zones(route53, ec2, &found.zones, connection, outcome).await;
    let gone = remove_endpoints(ec2, &found.endpoints, outcome).await;
    if gone {
        remove_groups(ec2, &found.groups, outcome).await;
    } else {
        let left = found.groups.iter().map(|g| format!("the security group {}", g.id));
        outcome.left.extend(left);
    }
    gone
}

/// The same as entries of a plan, and what would be left.
///
/// # Errors
/// As EC2 and Route 53 answer.
pub async fn plan(
    ec2: &Ec2,
    route53: &Route53,
    connection: &ConnectionId,
    found: &Found,
) -> Result<(Vec<Change>, Vec<String>)> {
    let (mut changes, mut left) = (Vec::new(), Vec::new());
    for zone in &found.zones {
        let fate = dns::fate(route53, ec2, zone, connection).await?;
        let effect = match (fate.delete_zone, &fate.record) {
            (true, _) => Effect::Delete,
            (false, Some(_)) => Effect::Change,
            (false, None) => Effect::Keep,
        };
        let mut change = Change::new(effect, Remote::Route53, "hosted_zone").id(&zone.id).field(
            "name",
            zone.name.clone(),
            serde_json::Value::Null,
        );
        if fate.record.is_some() {
            change = change.call("ChangeResourceRecordSets");
        }
        if fate.delete_zone {
            change = change.call("DeleteHostedZone");
        }
        changes.push(change);
        left.extend(fate.left);
    }
    let alive = |e: &&Endpoint| !matches!(e.state, State::Deleting | State::Deleted);
    changes.extend(found.endpoints.iter().filter(alive).map(delete_endpoint));
    changes.extend(found.groups.iter().map(|group| {
        Change::new(Effect::Delete, Remote::Ec2, "security_group")
            .id(&group.id)
            .call("DeleteSecurityGroup")
    }));
    Ok((changes, left))
}

/// A deprovision, before its first write of a look.
struct Deprovision<'a> {
    context: &'a Context,
    request: &'a Request,
    facts: &'a Preflight,
    ec2: Ec2,
    route53: Route53,
    provider: Box<dyn Provider>,
}

impl<'a> Deprovision<'a> {
    async fn new(context: &'a Context, request: &'a Request, facts: &'a Preflight) -> Result<Self> {
        let (ec2, route53, provider) = tokio::join!(
            context.ec2(request),
            context.route53(request),
            context.provider(request)
        );
        Ok(Self {
            context,
            request,
            facts,
            ec2: ec2?,
            route53: route53?,
            provider,
        })
    }

    /// By tags a VPC that is gone cannot be found, but a zone remembers how it was named.
    fn suffix(&self) -> Option<String> {
        self.facts.vpc_id.is_none().then(|| zone_reference_suffix(self.request))
    }

    async fn find(&self) -> Result<Found> {
        let suffix = self.suffix();
        find(&self.ec2, &self.route53, &self.facts.connection_id, suffix.as_deref()).await
    }

    /// What the vendor is to take back; a sentence where the vendor cannot be asked.
    async fn release(&self, found: &Found) -> Result<std::result::Result<Release, String>> {
        let seen = match vendor::see(self.provider.as_ref(), self.request).await? {
            Ok(seen) => seen,
            Err(sentence) => return Ok(Err(sentence)),
        };
        let connection = &self.facts.connection_id;
        let others = vendor::others(self.context, self.request, &found.endpoints, seen.as_ref(), |e| {
            e.is_of(connection)
        })
        .await?;
        Ok(Ok(vendor::release(
            self.request,
            &found.endpoints,
            &others,
            &self.facts.vpc_cidrs,
        )))
    }
}

/// One look of a deprovision.
pub async fn deprovision(context: &Context, document: &Document, facts: &Preflight) -> Outcome {
    let request = &document.request;
    let mut outcome = Outcome::default();
    let at_vendor = format!("what the connection has at {}", request.provider.display_name());
    let looked = async {
        let deprovision = Deprovision::new(context, request, facts).await?;
        let found = deprovision.find().await?;
        Ok((deprovision, found))
    };
    let (deprovision, found) = match looked.await {
        Ok(looked) => looked,
        Err(error) => {
            outcome.failed("the connection's endpoint, security group and name", &error);
            return outcome;
        }
    };
    let release = match deprovision.release(&found).await {
        Ok(Ok(release)) => Some(release),
        Ok(Err(sentence)) => {
            outcome.left.push(sentence);
            outcome.unseen = true;
            None
        }
        Err(error) => {
            outcome.failed(&at_vendor, &error);
            None
        }
    };
    let note = |outcome: &mut Outcome, answer: std::result::Result<Look<Vec<String>>, Error>| match answer {
        Ok(Look::Ready(kept)) => outcome.left.extend(kept),
        Ok(Look::Pending(pending)) => outcome.wait(format!("{at_vendor} ({})", pending.state), pending),
        Err(error) => outcome.failed(&at_vendor, &error),
    };
    if let Some(release) = &release {
        let withdraw = async |provider: &dyn Provider| provider.withdraw_access(release).await;
        note(&mut outcome, lease::in_turn(context, document, withdraw).await);
    }
    let gone = remove(
        &deprovision.ec2,
        &deprovision.route53,
        &facts.connection_id,
        &found,
        &mut outcome,
    )
    .await;
    match release {
        // The vendor refuses, or breaks, a service that still has our endpoint.
        Some(release) if gone => {
            let give_back = async |provider: &dyn Provider| provider.release(&release).await;
            note(&mut outcome, lease::in_turn(context, document, give_back).await);
        }
        Some(_) => outcome.left.push(at_vendor.clone()),
        None => {}
    }
    outcome
}

/// What a deprovision would write, and what it would leave.
///
/// # Errors
/// As the clouds answer.
pub async fn plan_deprovision(
    context: &Context,
    request: &Request,
    facts: &Preflight,
) -> Result<(Vec<Change>, Vec<String>)> {
    let deprovision = Deprovision::new(context, request, facts).await?;
    let found = deprovision.find().await?;
    let (mut changes, mut left) = plan(&deprovision.ec2, &deprovision.route53, &facts.connection_id, &found).await?;
    match deprovision.release(&found).await? {
        Ok(release) => {
            let at_vendor = deprovision.provider.plan_release(&release).await?;
            changes.splice(..0, at_vendor.access);
            changes.extend(at_vendor.changes);
            left.extend(at_vendor.left);
        }
        Err(sentence) => left.push(sentence),
    }
    Ok((changes, left))
}
