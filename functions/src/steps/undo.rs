//! Undo: after a failure, takes back what this run created, and nothing else. Absence is done.

use aws_sdk_ec2::Client as Ec2;
use serde_json::Value;
use shared::document::{Additions, Caught, Document, Preflight, Undone};
use shared::progress::{Look, Pending, Phase, Status};
use shared::provider::Release;
use shared::request::OnFailure;
use shared::settings::PhaseName;
use shared::{Error, ErrorName, Result};

use crate::context::Context;
use crate::dns;
use crate::ec2::endpoints::{self, Endpoint, State};

/// A create whose answer was lost may show only after a while: absence counts from this look on.
const LOOKS_UNTIL_ABSENT: u32 = 3;

/// One look: removes what it can, and says what is left. Its own failures are noted and tried again until the budget ends.
///
/// # Errors
/// `Unexpected` for a document that no failed run can have.
pub async fn run(context: &Context, document: &Document) -> Result<Phase<Undone>> {
    let previous = document.undo.as_ref();
    let attempt = previous.map_or(1, |p| p.attempt.saturating_add(1));
    let cause = cause(document.error.as_ref());
    let kept = document.request.on_failure == OnFailure::Keep;
    let outcome = match document.preflight.as_ref().and_then(Phase::ready) {
        // Nothing was created before preflight was through.
        None => Outcome::default(),
        Some(facts) if kept => Outcome {
            left: kept_on_purpose(document, facts),
            ..Outcome::default()
        },
        Some(facts) => take_back(context, document, facts, attempt).await,
    };
    let look = match outcome.waiting_for {
        None => Look::Ready(Undone {
            cause: cause.clone(),
            left: outcome.left.clone(),
        }),
        Some(pending) => Look::Pending(pending),
    };
    let schedule = context.settings.schedule(PhaseName::Undo, &document.request.provider);
    match Phase::after(previous, look, &schedule, PhaseName::Undo.key()) {
        Err(error) if error.name == ErrorName::TimedOut => Ok(Phase {
            status: Status::Exhausted,
            attempt,
            waited_seconds: schedule.budget_seconds,
            wait_seconds: 0,
            state: None,
            reason: Some(error.message),
            result: Some(Undone {
                cause,
                left: outcome.left,
            }),
        }),
        other => other,
    }
}

/// What one look came to.
#[derive(Default)]
struct Outcome {
    /// What is still there, each as a sentence.
    left: Vec<String>,
    /// Why to look again.
    waiting_for: Option<Pending>,
}

impl Outcome {
    fn wait(&mut self, what: String, pending: Pending) {
        self.left.push(what);
        self.waiting_for.get_or_insert(pending);
    }

    /// A failed removal is tried again, whatever its name: somebody may be giving back a right just now.
    fn failed(&mut self, what: String, error: &Error) {
        let mut pending = Pending::new(error.name.as_str(), error.message.clone());
        pending.wait_seconds = error.retry_after.and_then(|wait| u32::try_from(wait.as_secs()).ok());
        self.wait(format!("{what}: {}", error.message), pending);
    }
}

/// In the reverse order of making.
async fn take_back(context: &Context, document: &Document, facts: &Preflight, attempt: u32) -> Outcome {
    let mut outcome = Outcome::default();
    let request = &document.request;
    let ec2 = context.ec2(request).await;
    if let (None, Some(host)) = (&facts.zone_id, &facts.private_hostname) {
        let route53 = context.route53(request).await;
        match dns::remove(&route53, &request.consumer, host, &document.connection_id).await {
            Ok(kept) => outcome.left.extend(kept),
            Err(error) => outcome.failed(
                format!("the private hosted zone {host} in {}", request.consumer.vpc_id),
                &error,
            ),
        }
    }
    if facts.endpoint_id.is_none() {
        remove_endpoints(&ec2, document, attempt, &mut outcome).await;
    }
    // The vendor refuses, or breaks, a service that still has our endpoint.
    if outcome.waiting_for.is_none() {
        release(context, &ec2, document, facts, attempt, &mut outcome).await;
    } else if !facts.service_existed || !facts.adds.is_empty() {
        outcome
            .left
            .push(format!("what this run added to {}", request.provider.display_name()));
    }
    outcome
}

async fn remove_endpoints(ec2: &Ec2, document: &Document, attempt: u32, outcome: &mut Outcome) {
    let found = match own_endpoints(ec2, document).await {
        Ok(found) => found,
        Err(error) => {
            outcome.failed("the endpoint of this run, if it was made".to_owned(), &error);
            return;
        }
    };
    let started = document.service.as_ref().and_then(Phase::ready).is_some();
    if found.is_empty() && started && attempt < LOOKS_UNTIL_ABSENT {
        outcome.wait(
            "the endpoint of this run, if it was made".to_owned(),
            Pending::new(
                "not visible",
                "a create whose answer was lost may show only after a while.",
            ),
        );
    }
    for endpoint in found {
        let what = format!("the endpoint {} ({})", endpoint.id, endpoint.raw_state);
        let removal = if endpoint.state == State::Deleting {
            Ok(())
        } else {
            endpoints::delete(ec2, &endpoint.id).await
        };
        match removal {
            Ok(()) => {
                let pending = Pending::new(
                    endpoint.raw_state,
                    format!("waiting until the endpoint {} is gone.", endpoint.id),
                );
                outcome.wait(what, pending);
            }
            Err(error) => outcome.failed(what, &error),
        }
    }
}

/// The endpoints that this very run made and that are not gone yet.
async fn own_endpoints(ec2: &Ec2, document: &Document) -> Result<Vec<Endpoint>> {
    let mut found = endpoints::find_ours(ec2, &document.request.consumer, &document.connection_id).await?;
    found.retain(|e| e.state != State::Deleted && e.execution.as_deref() == Some(&document.execution.name));
    Ok(found)
}

async fn release(
    context: &Context,
    ec2: &Ec2,
    document: &Document,
    facts: &Preflight,
    attempt: u32,
    outcome: &mut Outcome,
) {
    if facts.service_existed && facts.adds.is_empty() {
        return;
    }
    let name = document.request.provider.display_name();
    let others = match others_of_service(ec2, document).await {
        Ok(others) => others,
        Err(error) => return outcome.failed(format!("what this run added to {name}"), &error),
    };
    if !others.is_empty() {
        outcome.left.push(format!(
            "what this run added to {name} is kept, as {} of this account may need it",
            others.join(", ")
        ));
        return;
    }
    let release = Release {
        delete_service: !facts.service_existed,
        remove: Additions::clone(&facts.adds),
    };
    match context.provider(&document.request).await.release(&release).await {
        Ok(Look::Ready(kept)) if facts.service_existed || attempt >= 2 => outcome.left.extend(kept),
        // A create whose answer was lost may show only after a while.
        Ok(Look::Ready(kept)) if !kept.is_empty() => outcome.left.extend(kept),
        Ok(Look::Ready(_)) => outcome.wait(
            format!("the PrivateLink service of {name}, if it was made"),
            Pending::new(
                "not visible",
                "a create whose answer was lost may show only after a while.",
            ),
        ),
        Ok(Look::Pending(pending)) => outcome.wait(
            format!("the PrivateLink service of {name} ({})", pending.state),
            pending,
        ),
        Err(error) => outcome.failed(format!("what this run added to {name}"), &error),
    }
}

/// Live endpoints of this account that use the same service and are not this connection's.
async fn others_of_service(ec2: &Ec2, document: &Document) -> Result<Vec<String>> {
    let Some(service) = document.service.as_ref().and_then(Phase::ready) else {
        return Ok(Vec::new());
    };
    let ours = endpoints::find_ours(ec2, &document.request.consumer, &document.connection_id).await?;
    let all = endpoints::find_of_service(ec2, &service.service_name).await?;
    let others = all
        .into_iter()
        .filter(|e| e.is_live() && !ours.iter().any(|o| o.id == e.id));
    Ok(others.map(|e| e.id).collect())
}

fn kept_on_purpose(document: &Document, facts: &Preflight) -> Vec<String> {
    let mut left = Vec::new();
    if !facts.service_existed || !facts.adds.is_empty() {
        left.push(format!(
            "what this run added to {}, as on_failure is \"keep\"",
            document.request.provider.display_name()
        ));
    }
    if let (None, Some(made)) = (&facts.endpoint_id, document.endpoint.as_ref().and_then(Phase::ready)) {
        left.push(format!("the endpoint {}, as on_failure is \"keep\"", made.endpoint_id));
    }
    left
}

/// The first cause as a sentence: a Lambda's `Cause` is a JSON text around its message.
fn cause(caught: Option<&Caught>) -> String {
    let Some(caught) = caught else {
        return "no cause was recorded".to_owned();
    };
    let message = serde_json::from_str::<Value>(&caught.cause)
        .ok()
        .and_then(|cause| cause.get("errorMessage").and_then(Value::as_str).map(str::to_owned));
    message.unwrap_or_else(|| caught.cause.clone())
}
