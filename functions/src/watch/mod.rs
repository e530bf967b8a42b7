//! The watch looks again at what a step waits for, and wakes the state machine when there is something for the step to do.
//!
//! ```text
//! state machine ──► queue ──after the wait──► watch ──still pending──► queue
//!       ▲                                      └──anything else, or watched long enough──► SendTaskSuccess
//!       └── the step looks itself ◄────────────────────────────────────────────────────────────┘
//! ```
//!
//! A look of the state machine is three transitions, for the price of which the watch looks more than twenty times. It only wakes: it
//! writes nothing, and what the step does next is decided by the step's own look. So a message that is lost, late or delivered twice changes
//! nothing but when that look comes, and without any message it comes when the state's `TimeoutSeconds` are over.

mod message;

use serde::Serialize;
use serde_json::Value;
use shared::document::Document;
use shared::progress::{Phase, Status};
use shared::settings::PhaseName;
use shared::{Error, Result, aws};

pub use self::message::Message;
use crate::context::Context;
use crate::patience::patient;
use crate::runtime::{Watched, limited, to_json};
use crate::steps::ensure_accepted::EnsureAccepted;
use crate::steps::ensure_access::EnsureAccess;
use crate::steps::ensure_service::EnsureService;

/// A message is delayed by so many seconds at most: SQS takes 900, and the state that waits has 900 in all.
const LONGEST_DELAY_SECONDS: u32 = 300;

/// What came of a message.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Watch {
    /// `watching`, `woken`, or `late`: nobody waited for it any more.
    pub status: &'static str,
    /// The state of what is waited for, as last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    pub reason: String,
    /// Looks of the phase so far.
    pub attempt: u32,
}

/// Looks again for one message.
///
/// # Errors
/// `Unexpected` for an event that is no message of the watch; otherwise when the state machine could not be woken. Then the message
/// comes again.
pub async fn run(context: Context, event: Value) -> Result<Watch> {
    let message = Message::of_event(&event)?;
    let phases = [PhaseName::Service, PhaseName::Acceptance, PhaseName::Access];
    let phase = phases.into_iter().find(|phase| phase.key() == message.phase);
    match phase {
        Some(PhaseName::Service) => watch::<EnsureService>(context, &message).await,
        Some(PhaseName::Acceptance) => watch::<EnsureAccepted>(context, &message).await,
        Some(PhaseName::Access) => watch::<EnsureAccess>(context, &message).await,
        _ => Err(Error::unexpected(format!(
            "the watch was asked for the phase \"{}\", for which it does not look: this is a defect of the state machine.",
            message.phase
        ))),
    }
}

async fn watch<S: Watched>(context: Context, message: &Message) -> Result<Watch> {
    let document = message.document()?;
    let context = context.of_run(&document);
    let last = S::previous(&document).ok_or_else(|| {
        Error::unexpected(format!(
            "the document of a watch has no \"{}\": this is a defect of the state machine.",
            message.phase
        ))
    })?;
    let schedule = context.settings.schedule(S::PHASE, &document.request);
    let watched = message.watched_seconds.saturating_add(last.wait_seconds);
    if !schedule.watches(watched, schedule.interval_seconds) {
        return wake(&context, message, last, "it is the step's turn to look.".to_owned()).await;
    }
    match look_again::<S>(&context, &document, last).await {
        Ok(Some(phase)) if phase.status == Status::Pending => {
            let delay = phase.wait_seconds.min(LONGEST_DELAY_SECONDS);
            match send(&context, message.next(watched, to_json(&phase)?), delay).await {
                Ok(()) => Ok(Watch {
                    status: "watching",
                    attempt: phase.attempt,
                    reason: phase.reason.unwrap_or_default(),
                    state: phase.state,
                }),
                Err(error) => wake(&context, message, last, error.message).await,
            }
        }
        Ok(Some(_)) => wake(&context, message, last, "it is ready.".to_owned()).await,
        Ok(None) => wake(&context, message, last, "something is to be written.".to_owned()).await,
        // It is the step's to tell, which sees the same.
        Err(error) => wake(&context, message, last, error.message).await,
    }
}

/// None where something is to be written.
async fn look_again<S: Watched>(
    context: &Context,
    document: &Document,
    last: &Phase<S::Output>,
) -> Result<Option<Phase<S::Output>>> {
    let schedule = context.settings.schedule(S::PHASE, &document.request);
    // Boxed: see `runtime::answer`.
    let look = limited(S::PHASE, Box::pin(S::look_only(context, document, last))).await;
    let Some(look) = look.transpose() else {
        return Ok(None);
    };
    let (interval, execution) = (schedule.interval_seconds, &document.execution.name);
    let look = patient(look, interval, execution, last.next_attempt())?;
    Phase::after(Some(last), look, &schedule, S::PHASE.key()).map(Some)
}

async fn send(context: &Context, body: String, delay_seconds: u32) -> Result<()> {
    let request = context
        .sqs()
        .await
        .send_message()
        .queue_url(queue_url()?)
        .message_body(body);
    let sent = request
        .delay_seconds(i32::try_from(delay_seconds).unwrap_or(i32::MAX))
        .send()
        .await;
    sent.map(drop)
        .map_err(|error| aws::error(&error, "sending the watch's next message"))
}

/// Hands the phase back as it was before this look, which the step repeats.
async fn wake<T: Serialize>(context: &Context, message: &Message, last: &Phase<T>, reason: String) -> Result<Watch> {
    let client = context.step_functions().await;
    let output = to_json(last)?.to_string();
    let woken = client
        .send_task_success()
        .task_token(message.task_token())
        .output(output)
        .send()
        .await;
    let status = match woken {
        Ok(_) => "woken",
        Err(error) => match error.as_service_error() {
            // The execution was stopped, or its state has given up waiting.
            Some(error) if error.is_task_timed_out() || error.is_task_does_not_exist() || error.is_invalid_token() => {
                "late"
            }
            _ => return Err(aws::error(&error, "waking the state machine")),
        },
    };
    Ok(Watch {
        status,
        state: last.state.clone(),
        reason,
        attempt: last.attempt,
    })
}

fn queue_url() -> Result<String> {
    let url = std::env::var("WATCH_QUEUE_URL").ok().filter(|url| !url.is_empty());
    url.ok_or_else(|| {
        Error::unexpected("the function's setting WATCH_QUEUE_URL is missing: deploy the stack's template as it is.")
    })
}
