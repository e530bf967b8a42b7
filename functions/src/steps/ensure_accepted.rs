//! EnsureAccepted: the vendor accepted the endpoint, and AWS made it available.
//!
//! An endpoint that comes to nothing is made again, so many times in a run as the stack says.

use shared::document::{AvailableEndpoint, Document};
use shared::progress::{Look, Pending, Phase, Status};
use shared::settings::PhaseName;
use shared::{Error, ErrorName, Result};

use super::needs;
use crate::context::Context;
use crate::ec2::endpoints::{self, Endpoint, State};
use crate::runtime::{self, Step, Watched};

/// A new endpoint may be invisible for some seconds; after so many looks it is believed to be gone.
const LOOKS_UNTIL_VISIBLE: u32 = 8;

/// The step.
pub struct EnsureAccepted;

impl Step for EnsureAccepted {
    const PHASE: PhaseName = PhaseName::Acceptance;
    type Output = AvailableEndpoint;

    fn previous(document: &Document) -> Option<&Phase<AvailableEndpoint>> {
        document.acceptance.as_ref()
    }

    async fn look(context: &Context, document: &Document, attempt: u32) -> Result<Look<AvailableEndpoint>> {
        let id = &needs(document.endpoint.as_ref(), "endpoint")?.endpoint_id;
        let ec2 = context.ec2(&document.request).await?;
        match endpoints::get(&ec2, id).await? {
            Some(endpoint) => classify(endpoint),
            None if attempt <= LOOKS_UNTIL_VISIBLE => {
                Ok(Pending::new("not visible", format!("EC2 does not show the new endpoint {id} yet.")).into())
            }
            None => Err(ended(
                id,
                "is gone",
                "Somebody deleted it. Find out who (CloudTrail, DeleteVpcEndpoints), then start the same request again.",
            )),
        }
    }
}

impl Watched for EnsureAccepted {
    /// A look never writes.
    async fn look_only(
        context: &Context,
        document: &Document,
        last: &Phase<AvailableEndpoint>,
    ) -> Result<Option<Look<AvailableEndpoint>>> {
        Self::look(context, document, last.next_attempt()).await.map(Some)
    }
}

/// One answer of the step: as any, but that an endpoint which came to nothing is `again` while the run may make another.
///
/// # Errors
/// As the look; `Rejected` with every endpoint's end when no other may be made.
pub async fn answer(context: &Context, document: &Document) -> Result<Phase<AvailableEndpoint>> {
    let error = match runtime::answer::<EnsureAccepted>(context, document).await {
        Err(error) if error.name == ErrorName::Rejected => error,
        other => return other,
    };
    let made_again = document.ended.len();
    let at_most = context.settings.endpoint_replacements_max;
    if made_again < usize::try_from(at_most).unwrap_or(usize::MAX) {
        let previous = document.acceptance.as_ref();
        return Ok(Phase {
            status: Status::Again,
            attempt: previous.map_or(1, Phase::next_attempt),
            waited_seconds: previous.map_or(0, |p| p.waited_seconds.saturating_add(p.wait_seconds)),
            wait_seconds: 0,
            state: Some("ended".to_owned()),
            reason: Some(error.message),
            vendor_connection_id: None,
            result: None,
        });
    }
    if made_again == 0 {
        return Err(error);
    }
    let before: Vec<&str> = document.ended.iter().map(|e| e.endpoint_id.as_str()).collect();
    let message = format!(
        "{} It was endpoint {} of {} in this run; before it {} came to nothing.",
        error.message,
        made_again + 1,
        at_most.saturating_add(1),
        before.join(", ")
    );
    Err(Error::new(ErrorName::Rejected, message))
}

/// One arm per state; a state that is in no contract is an error, never "wait on".
fn classify(endpoint: Endpoint) -> Result<Look<AvailableEndpoint>> {
    let id = endpoint.id.clone();
    let raw = endpoint.raw_state.clone();
    let wait = |reason: &str| Ok(Pending::new(raw.clone(), format!("{id}: {reason}")).into());
    match endpoint.state {
        State::PendingAcceptance => wait("the vendor has not accepted it yet; that takes 5 to 10 minutes."),
        State::Pending => wait("accepted; AWS is making its network interfaces."),
        State::Partial => wait("some of its network interfaces are not there yet."),
        State::Available if endpoint.dns_entries.is_empty() => wait("available, but without DNS names so far."),
        State::Available => Ok(Look::Ready(endpoint.available())),
        State::Rejected => Err(ended(
            &id,
            "was rejected by the vendor",
            "Ask the vendor's support why, with the endpoint's id; then start the same request again.",
        )),
        State::Failed => {
            let why = endpoint.failure.unwrap_or_else(|| "AWS gave no reason".to_owned());
            Err(ended(
                &id,
                &format!("failed ({why})"),
                "Mend that, then start the same request again.",
            ))
        }
        State::Expired => Err(ended(
            &id,
            "expired: the vendor did not accept it in time",
            "Ask the vendor's support why; then start the same request again.",
        )),
        State::Deleting | State::Deleted => Err(ended(
            &id,
            "is being deleted, and not by this run",
            "Find out by whom (CloudTrail, DeleteVpcEndpoints), then start the same request again.",
        )),
        State::Unknown(raw) => Err(Error::unexpected(format!(
            "the endpoint {id} is in state \"{raw}\", which no contract knows. Look at it in the VPC console and report it."
        ))),
    }
}

fn ended(id: &str, what: &str, advice: &str) -> Error {
    Error::new(ErrorName::Rejected, format!("the endpoint {id} {what}. {advice}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use shared::document::DnsEntry;

    use super::*;

    fn endpoint(raw_state: &str, dns_names: usize) -> Endpoint {
        let dns_entries = (0..dns_names).map(|n| DnsEntry {
            dns_name: format!("vpce-1-{n}.vpce.amazonaws.com"),
            hosted_zone_id: "Z1".to_owned(),
        });
        Endpoint::sample("vpce-1", raw_state, dns_entries.collect())
    }

    #[test]
    fn states_on_the_way_are_waited_out_with_ec2s_own_word() {
        for raw in [
            "pendingAcceptance",
            "pending",
            "PendingAcceptance",
            "PENDING",
            "partial",
        ] {
            let Look::Pending(pending) = classify(endpoint(raw, 0)).unwrap() else {
                panic!("{raw} is ready");
            };
            assert_eq!(pending.state, raw);
        }
    }

    #[test]
    fn available_is_ready_once_it_has_dns_names() {
        assert!(matches!(classify(endpoint("available", 0)), Ok(Look::Pending(_))));
        let Look::Ready(available) = classify(endpoint("available", 2)).unwrap() else {
            panic!("not ready");
        };
        assert_eq!(available.dns_entries.len(), 2);
    }

    #[test]
    fn an_end_is_rejected_with_its_reason() {
        for (raw, words) in [
            ("rejected", "rejected by the vendor"),
            ("expired", "did not accept it in time"),
            ("deleting", "being deleted"),
            ("deleted", "being deleted"),
        ] {
            let error = classify(endpoint(raw, 0)).unwrap_err();
            assert_eq!(error.name, ErrorName::Rejected);
            assert!(error.message.contains(words), "{}", error.message);
        }
        let mut failed = endpoint("failed", 0);
        failed.failure = Some("InsufficientFreeAddresses: no free address".to_owned());
        assert!(
            classify(failed)
                .unwrap_err()
                .message
                .contains("InsufficientFreeAddresses")
        );
    }

    #[test]
    fn a_state_that_no_contract_knows_is_an_error_with_the_raw_value() {
        let error = classify(endpoint("hibernating", 0)).unwrap_err();
        assert_eq!(error.name, ErrorName::Unexpected);
        assert!(error.message.contains("\"hibernating\""));
    }
}
