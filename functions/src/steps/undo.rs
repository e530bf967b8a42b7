//! Undo: after a failure, takes back what this run created, and nothing else. Absence is done.

use aws_sdk_ec2::Client as Ec2;
use shared::Result;
use shared::document::{Caught, Document, Preflight, Undone, VendorFacts};
use shared::progress::{Look, Pending, Phase};
use shared::provider::{Provider, Release};
use shared::request::OnFailure;
use shared::settings::PhaseName;

use crate::context::Context;
use crate::dns;
use crate::ec2::endpoints::{self, Endpoint};
use crate::ec2::groups::managed;
use crate::register::lease;
use crate::removal::{self, Outcome};

/// What a create whose answer was lost has made may show only after a while: absence counts from this look on.
const LOOKS_UNTIL_ABSENT: u32 = 3;

/// One look: removes what it can, and says what is left. Its own failures are noted and tried again until the budget ends.
///
/// # Errors
/// None: a failure of a removal is part of the answer.
pub async fn run(context: &Context, document: &Document) -> Result<Phase<Undone>> {
    let previous = document.undo.as_ref();
    let attempt = previous.map_or(1, |p| p.attempt.saturating_add(1));
    let facts = document.preflight.as_ref().and_then(Phase::ready);
    let outcome = match facts.and_then(|facts| Some((facts, facts.vendor.as_ref()?))) {
        // Nothing was created before preflight was through.
        None => Outcome::default(),
        Some((facts, vendor)) if document.request.on_failure == OnFailure::Keep => Outcome {
            left: kept_on_purpose(document, facts, vendor),
            ..Outcome::default()
        },
        Some((facts, vendor)) => take_back(context, document, facts, vendor, attempt).await,
    };
    let undone = Undone {
        cause: cause(document.error.as_ref()),
        left: outcome.left.clone(),
    };
    let schedule = context.settings.schedule(PhaseName::Undo, &document.request);
    outcome
        .be_patient()
        .conclude(previous, &schedule, PhaseName::Undo, &document.execution.name, undone)
}

/// What a run may have made, by how far it came and by what was there before it.
#[derive(Debug, PartialEq, Eq)]
struct Made<'a> {
    /// The vendor's service.
    service: bool,
    /// Entries of the vendor's lists.
    entries: bool,
    endpoint: bool,
    /// The name of the private hosted zone.
    zone: Option<&'a str>,
}

impl<'a> Made<'a> {
    fn of(document: &Document, facts: &Preflight, vendor: &'a VendorFacts) -> Self {
        let reached_endpoint = document.service.as_ref().and_then(Phase::ready).is_some();
        let reached_zone = document.acceptance.as_ref().and_then(Phase::ready).is_some();
        Self {
            service: !vendor.service_existed,
            entries: !vendor.adds.is_empty(),
            endpoint: reached_endpoint && (facts.endpoint_id.is_none() || !document.ended.is_empty()),
            zone: vendor
                .private_hostname
                .as_deref()
                .filter(|_| reached_zone && facts.zone_id.is_none()),
        }
    }

    fn at_vendor(&self) -> bool {
        self.service || self.entries
    }

    /// Something that may not be visible yet.
    fn by_a_create(&self) -> bool {
        self.service || self.endpoint || self.zone.is_some()
    }
}

/// In the reverse order of making.
async fn take_back(
    context: &Context,
    document: &Document,
    facts: &Preflight,
    vendor: &VendorFacts,
    attempt: u32,
) -> Outcome {
    let mut outcome = Outcome::default();
    let made = Made::of(document, facts, vendor);
    let early = attempt < LOOKS_UNTIL_ABSENT;
    let ec2 = match context.ec2(&document.request).await {
        Ok(ec2) => ec2,
        Err(error) => {
            outcome.failed("what this run made", &error);
            return outcome;
        }
    };
    match endpoints::find_ours(&ec2, &facts.connection_id).await {
        Err(error) => outcome.failed("what this run made", &error),
        Ok(ours) => {
            if let Some(host) = vendor.private_hostname.as_deref() {
                take_back_name(context, document, facts, host, &ours, &mut outcome).await;
            }
            // The vendor refuses, or breaks, a service that still has our endpoint.
            let gone = remove_endpoints(&ec2, document, &ours, made.endpoint && early, &mut outcome).await;
            if gone {
                remove_group(&ec2, document, facts, &mut outcome).await;
            }
            match (made.at_vendor(), gone) {
                (true, true) => release(context, &ec2, document, facts, vendor, &ours, &mut outcome).await,
                (true, false) => outcome.left.push(what_was_added(document)),
                (false, _) => {}
            }
        }
    }
    if outcome.waiting_for.is_none() && made.by_a_create() && early {
        outcome.waiting_for = Some(not_visible());
    }
    outcome
}

fn not_visible() -> Pending {
    Pending::new(
        "not visible",
        "what a create whose answer was lost has made may show only after a while.",
    )
}

fn what_was_added(document: &Document) -> String {
    format!("what this run added to {}", document.request.provider.display_name())
}

/// Removes the zone that this run made; in one that was there, lets the name answer with the endpoint that it had before.
async fn take_back_name(
    context: &Context,
    document: &Document,
    facts: &Preflight,
    host: &str,
    ours: &[Endpoint],
    outcome: &mut Outcome,
) {
    if document.acceptance.as_ref().and_then(Phase::ready).is_none() {
        return;
    }
    let consumer = &document.request.consumer;
    let vpc_id = facts.vpc_id.as_deref().unwrap_or_default();
    let connection = &facts.connection_id;
    let what = format!("the private hosted zone {host} in {vpc_id}");
    let (ec2, route53) = match tokio::try_join!(context.ec2(&document.request), context.route53(&document.request)) {
        Ok(clients) => clients,
        Err(error) => return outcome.failed(&what, &error),
    };
    let zone = match dns::find(&route53, &consumer.region, vpc_id, host).await {
        Ok(Some(zone)) if zone.is_of(connection) => zone,
        Ok(_) => return,
        Err(error) => return outcome.failed(&what, &error),
    };
    if zone.reference == connection.zone_reference(&document.request, &document.execution.id) {
        return removal::zones(&route53, &ec2, &[zone], connection, outcome).await;
    }
    let before = ours
        .iter()
        .find(|e| e.is_live() && !is_of_this_run(e, document) && !e.dns_entries.is_empty());
    if let Some(target) = before.and_then(|e| e.dns_entries.first())
        && let Err(error) = dns::point_at(&route53, &zone, target).await
    {
        outcome.failed(&what, &error);
    }
}

/// Whether none of this run's endpoints is left. `unseen`: one was probably made and may not be visible yet.
async fn remove_endpoints(
    ec2: &Ec2,
    document: &Document,
    ours: &[Endpoint],
    unseen: bool,
    outcome: &mut Outcome,
) -> bool {
    let own: Vec<&Endpoint> = ours.iter().filter(|e| is_of_this_run(e, document)).collect();
    if own.is_empty() && unseen {
        outcome.wait("the endpoint of this run, if it was made".to_owned(), not_visible());
        return false;
    }
    removal::endpoints(ec2, own, outcome).await
}

/// The security group that this run made.
async fn remove_group(ec2: &Ec2, document: &Document, facts: &Preflight, outcome: &mut Outcome) {
    if !document.request.consumer.has_managed_group() {
        return;
    }
    match managed::find(ec2, &facts.connection_id).await {
        Ok(groups) => {
            let own = groups
                .iter()
                .filter(|g| g.execution() == Some(&document.execution.name));
            removal::groups(ec2, own, outcome).await;
        }
        Err(error) => outcome.failed("the security group of this run, if it was made", &error),
    }
}

async fn release(
    context: &Context,
    ec2: &Ec2,
    document: &Document,
    facts: &Preflight,
    vendor: &VendorFacts,
    ours: &[Endpoint],
    outcome: &mut Outcome,
) {
    let what = what_was_added(document);
    let others = match others(ec2, document, facts, ours).await {
        Ok(others) => others,
        Err(error) => return outcome.failed(&what, &error),
    };
    if !others.is_empty() {
        outcome.left.push(format!(
            "{what} is kept, as {} of this account may need it",
            others.join(", ")
        ));
        return;
    }
    let made = document.endpoint.as_ref().and_then(Phase::ready);
    let release = Release {
        delete_service: !vendor.service_existed,
        remove: vendor.adds.clone(),
        endpoint_ids: ours
            .iter()
            .map(|e| e.id.clone())
            .chain(made.map(|e| e.endpoint_id.clone()))
            .chain(document.ended.iter().map(|e| e.endpoint_id.clone()))
            .collect(),
        ..Release::default()
    };
    let withdraw = async |provider: &dyn Provider| provider.withdraw_access(&release).await;
    let give_back = async |provider: &dyn Provider| provider.release(&release).await;
    // Both in one look: neither waits for the other.
    for answer in [
        lease::in_turn(context, document, withdraw).await,
        lease::in_turn(context, document, give_back).await,
    ] {
        match answer {
            Ok(Look::Ready(kept)) => outcome.left.extend(kept),
            Ok(Look::Pending(pending)) => outcome.wait(format!("{what} ({})", pending.state), pending),
            Err(error) => outcome.failed(&what, &error),
        }
    }
}

/// Live endpoints of this account that need what this run added: any of the same service, and one of this connection that
/// another execution of the same request has made meanwhile. One that was there before this run had all that it needs.
async fn others(ec2: &Ec2, document: &Document, facts: &Preflight, ours: &[Endpoint]) -> Result<Vec<String>> {
    let of_service = match document.service.as_ref().and_then(Phase::ready) {
        Some(service) => endpoints::find_of_service(ec2, &service.service_name).await?,
        None => Vec::new(),
    };
    let mut others: Vec<String> = ours
        .iter()
        .chain(&of_service)
        .filter(|e| e.may_be_live() && !is_of_this_run(e, document) && Some(&e.id) != facts.endpoint_id.as_ref())
        .map(|e| e.id.clone())
        .collect();
    others.sort();
    others.dedup();
    Ok(others)
}

fn is_of_this_run(endpoint: &Endpoint, document: &Document) -> bool {
    endpoint.execution() == Some(&document.execution.name)
}

fn kept_on_purpose(document: &Document, facts: &Preflight, vendor: &VendorFacts) -> Vec<String> {
    let made = Made::of(document, facts, vendor);
    let mut left = Vec::new();
    if made.at_vendor() {
        left.push(what_was_added(document));
    }
    if made.endpoint {
        left.push(match document.endpoint.as_ref().and_then(Phase::ready) {
            Some(endpoint) => format!("the endpoint {}", endpoint.endpoint_id),
            None => "the endpoint, if it was made".to_owned(),
        });
    }
    if let Some(host) = made.zone {
        left.push(format!("the private hosted zone {host}, if it was made"));
    }
    left.iter()
        .map(|what| format!("{what}, as on_failure is \"keep\""))
        .collect()
}

/// The first cause as a sentence.
fn cause(caught: Option<&Caught>) -> String {
    caught.map_or_else(|| "no cause was recorded".to_owned(), Caught::message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value, json};

    use super::*;

    /// A run whose preflight found this, and whose phases up to `reached` are done.
    fn document(facts: &Value, reached: &[&str]) -> Document {
        let ready = |result: Value| json!({"status": "ready", "attempt": 1, "waited_seconds": 0, "wait_seconds": 0, "result": result});
        let mut document = json!({
            "request": {
                "provider": {"type": "aiven", "project": "acme-prod", "service_name": "orders", "components": ["kafka"], "secret_id": "s"},
                "consumer": {"account_id": "111122223333", "region": "eu-west-1", "vpc_id": "vpc-1", "subnet_ids": [], "security_group_ids": []},
            },
            "execution": {"id": "arn", "name": "run-1", "started_at": "2026-01-01T00:00:00Z"},
            "preflight": ready(facts.clone()),
        });
        for phase in reached {
            document[phase] = ready(match *phase {
                "service" => {
                    json!({"service_name": "com.amazonaws.vpce.eu-west-1.vpce-svc-1", "service_region": "eu-west-1"})
                }
                "endpoint" => json!({"endpoint_id": "vpce-1", "generation": 1}),
                _ => {
                    json!({"endpoint_id": "vpce-1", "dns_entries": [], "network_interface_ids": [], "subnet_ids": [], "security_group_ids": []})
                }
            });
        }
        serde_json::from_value(document).unwrap()
    }

    fn facts(existed: bool) -> Value {
        let mut facts = json!({
            "connection_id": "plw-1",
            "vpc_id": "vpc-1",
            "plan": {"goal": "provision", "connection_id": "plw-1", "feasible": true, "summary": [], "changes": [], "checks": []},
            "vendor": {
                "service_region": "eu-west-1", "service_existed": existed, "private_hostname": "vault.example", "ports": [],
                "adds": {"principals": [], "ip_ranges": [], "regions": [], "components": []},
            },
        });
        if existed {
            facts["endpoint_id"] = json!("vpce-0");
            facts["zone_id"] = json!("Z0");
        }
        facts
    }

    fn kept(facts: &Value, reached: &[&str]) -> Vec<String> {
        let document = document(facts, reached);
        let facts = document.preflight.as_ref().and_then(Phase::ready).unwrap();
        kept_on_purpose(&document, facts, facts.vendor.as_ref().unwrap())
    }

    #[test]
    fn a_run_can_have_made_what_its_phases_reached() {
        let kept = |reached: &[&str]| kept(&facts(false), reached).join("\n");
        let why = "as on_failure is \"keep\"";
        let added = format!("what this run added to aiven acme-prod/orders, {why}");
        assert_eq!(kept(&[]), added);
        assert_eq!(
            kept(&["service"]),
            format!("{added}\nthe endpoint, if it was made, {why}")
        );
        assert_eq!(
            kept(&["service", "endpoint"]),
            format!("{added}\nthe endpoint vpce-1, {why}")
        );
        assert_eq!(
            kept(&["service", "endpoint", "acceptance"]),
            format!(
                "{added}\nthe endpoint vpce-1, {why}\nthe private hosted zone vault.example, if it was made, {why}"
            )
        );
    }

    #[test]
    fn what_was_there_before_is_not_the_runs() {
        let mut there = facts(true);
        let all = ["service", "endpoint", "acceptance"];
        assert!(kept(&there, &all).is_empty());
        there["vendor"]["adds"]["components"] = json!(["kafka"]);
        assert_eq!(kept(&there, &all).len(), 1);
    }

    #[test]
    fn only_what_a_create_made_can_be_invisible() {
        let by_a_create = |facts: &Value, reached: &[&str]| {
            let document = document(facts, reached);
            let facts = document.preflight.as_ref().and_then(Phase::ready).unwrap();
            Made::of(&document, facts, facts.vendor.as_ref().unwrap()).by_a_create()
        };
        assert!(by_a_create(&facts(false), &[]));
        let mut there = facts(true);
        there["vendor"]["adds"]["components"] = json!(["kafka"]);
        assert!(!by_a_create(&there, &["service"]));
    }

    #[test]
    fn the_cause_is_the_functions_own_message() {
        let caught = |cause: &str| Caught {
            error: "Rejected".into(),
            cause: cause.into(),
        };
        assert_eq!(
            cause(Some(&caught(r#"{"errorType":"Rejected","errorMessage":"it failed."}"#))),
            "it failed."
        );
        assert_eq!(cause(Some(&caught("plain words"))), "plain words");
        assert_eq!(cause(None), "no cause was recorded");
    }
}
