//! Runs a step as a Lambda function: input in, answer or named error out.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use lambda_runtime::tracing::subscriber::{self, filter::LevelFilter};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use shared::document::Document;
use shared::progress::{LOOK_SECONDS, Look, Phase};
use shared::settings::{PhaseName, Settings};
use shared::{Error, ErrorName, Result};

use crate::context::{Context, Process};
use crate::panics;
use crate::patience::patient;
use crate::register::Record;

/// A step that polls: it looks, and says pending or ready.
pub trait Step {
    /// The phase whose schedule and budget apply.
    const PHASE: PhaseName;
    /// What it leaves for later steps.
    type Output: Serialize + DeserializeOwned + Send;

    /// What this step left in the document last time.
    fn previous(document: &Document) -> Option<&Phase<Self::Output>>;

    /// Looks, and creates or changes only what differs. `attempt` counts from 1.
    fn look(context: &Context, document: &Document, attempt: u32) -> impl Future<Output = Result<Look<Self::Output>>>;
}

/// A step for which the watch looks again, see [`crate::watch`].
pub trait Watched: Step {
    /// Looks, and writes nothing: a watch goes on for some minutes when its execution is stopped, and somebody may be taking away then
    /// what it would make. None where something is to be written, which is the step's own to do. `last`: what the look before this
    /// one came to.
    fn look_only(
        context: &Context,
        document: &Document,
        last: &Phase<Self::Output>,
    ) -> impl Future<Output = Result<Option<Look<Self::Output>>>>;
}

/// Serves a step, given by its answer, until the runtime ends the process. What it does is written to the register.
///
/// # Errors
/// What the Lambda runtime itself fails with.
pub async fn serve_answer<A, T>(
    function: &'static str,
    phase: PhaseName,
    answer: A,
) -> std::result::Result<(), lambda_runtime::Error>
where
    A: AsyncFn(&Context, &Document) -> Result<T>,
    T: Serialize,
{
    serve_with(function, async |context, input| {
        let previous = input.get(phase.key()).cloned();
        let document = document(input)?;
        let context = context.of_run(&document);
        let previous = previous.and_then(|left| serde_json::from_value(left).ok());
        let record = Record::of(&context, &document, phase, previous).await;
        if let Some(record) = &record {
            record.before().await;
        }
        let answer = answer(&context, &document).await.and_then(|answer| to_json(&answer));
        if let Some(record) = &record {
            record.after(&answer).await;
        }
        answer
    })
    .await
}

/// Serves a polling step until the runtime ends the process.
///
/// # Errors
/// What the Lambda runtime itself fails with.
pub async fn serve<S: Step>(function: &'static str) -> std::result::Result<(), lambda_runtime::Error> {
    serve_answer(function, S::PHASE, answer::<S>).await
}

/// One answer of a step: one look under its schedule and budget.
///
/// # Errors
/// As the step's look, and `TimedOut` when the budget is used up.
pub async fn answer<S: Step>(context: &Context, document: &Document) -> Result<Phase<S::Output>> {
    let schedule = context.settings.schedule(S::PHASE, &document.request);
    let previous = S::previous(document);
    let attempt = previous.map_or(1, Phase::next_attempt);
    // Boxed: the SDK's futures nest so deep that the compiler gives up on the layout of the whole.
    let look = limited(S::PHASE, Box::pin(S::look(context, document, attempt))).await;
    let look = patient(look, schedule.interval_seconds, &document.execution.name, attempt)?;
    Phase::after(previous, look, &schedule, S::PHASE.key())
}

/// A look that ends with a named error before its function is ended.
///
/// # Errors
/// As the look; `Unavailable` when it takes too long.
pub(crate) async fn limited<T>(phase: PhaseName, look: impl Future<Output = Result<T>>) -> Result<T> {
    let looked = tokio::time::timeout(Duration::from_secs(LOOK_SECONDS), look).await;
    looked.unwrap_or_else(|_| {
        let message = format!("a look at {} took longer than {LOOK_SECONDS} s.", phase.key());
        Err(Error::new(ErrorName::Unavailable, message))
    })
}

/// Serves any handler from JSON to JSON, with errors by name.
///
/// # Errors
/// What the Lambda runtime itself fails with.
pub async fn serve_with<H>(function: &'static str, handler: H) -> std::result::Result<(), lambda_runtime::Error>
where
    H: AsyncFn(Context, Value) -> Result<Value>,
{
    panics::tell_panics();
    log_by_level();
    let process = Arc::new(Settings::from_env().and_then(|settings| Process::new(function, settings)));
    let handler = &handler;
    // Raw JSON is taken whatever it is: a document of the wrong shape, or one nested too deep to be read, is then our error by
    // name, and not the runtime's own deserialisation error, whose name no Catch can know.
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let process = Arc::clone(&process);
        async move {
            panics::begins(&event.context.request_id);
            let work = async {
                let process = process.as_ref().as_ref().map_err(Clone::clone)?;
                let input = input(&event.payload)?;
                Box::pin(handler(process.context(&event.context.invoked_function_arn)?, input)).await
            };
            let result = work.await;
            log(function, &result);
            result.map_err(diagnostic)
        }
    }))
    .await
}

/// Logs as the runtime's own subscriber does, but with one level for everything: the language of its filters (`RUST_LOG`) brings
/// 0.18 MB of regular expressions into every function, and is parsed at every cold start.
fn log_by_level() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok();
    let level = level.and_then(|name| name.parse().ok()).unwrap_or(LevelFilter::INFO);
    let subscriber = subscriber::fmt()
        .with_target(false)
        .without_time()
        .with_max_level(level);
    if std::env::var("AWS_LAMBDA_LOG_FORMAT").is_ok_and(|format| format.eq_ignore_ascii_case("json")) {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
}

/// Reads an input.
///
/// # Errors
/// `InvalidRequest` where it is nested deeper than anything that this workflow knows.
fn input(raw: &RawValue) -> Result<Value> {
    serde_json::from_str(raw.get()).map_err(|error| {
        // Only the position: the text around it may be anybody's.
        Error::invalid_at(
            "/",
            format!(
                "the input cannot be read as JSON at line {}, column {}: it is broken, or nested more than a hundred levels deep. Correct it \
                 and start again.",
                error.line(),
                error.column()
            ),
        )
    })
}

/// Reads the state document.
///
/// # Errors
/// `InvalidRequest` where it has not the shape.
pub fn document(input: Value) -> Result<Document> {
    serde_json::from_value(input).map_err(|error| {
        Error::new(
            ErrorName::InvalidRequest,
            format!(
                "the function's input is not this workflow's state document ({error}). Start the state machine with a request; do not \
                 invoke the functions by hand."
            ),
        )
    })
}

/// An answer as JSON.
///
/// # Errors
/// None in practice.
pub fn to_json<T: Serialize>(answer: &T) -> Result<Value> {
    serde_json::to_value(answer).map_err(|error| {
        Error::unexpected(format!(
            "an answer could not be written as JSON ({error}): this is a defect of the workflow."
        ))
    })
}

/// `errorType` is exactly the name that the state machine's Retry and Catch use.
pub(crate) fn diagnostic(error: Error) -> Diagnostic {
    Diagnostic {
        error_type: error.name.as_str().to_owned(),
        error_message: error.message,
    }
}

fn log(function: &str, result: &Result<Value>) {
    let text = |answer: &Value, key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    match result {
        Ok(answer) => tracing::info!(
            function,
            status = text(answer, "status"),
            state = text(answer, "state"),
            reason = text(answer, "reason"),
            attempt = answer.get("attempt").and_then(serde_json::Value::as_u64),
            "answered"
        ),
        Err(error) => tracing::error!(function, error = error.name.as_str(), message = error.message, "failed"),
    }
}
