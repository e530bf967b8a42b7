//! From an event to executions of the workflow, under names by which no event starts one twice.

use aws_sdk_sfn::Client;
use serde::Serialize;
use serde_json::{Value, json};
use shared::events::AccountVended;
use shared::identity::short_hash;
use shared::request::{Action, Goal, ProfileReference};
use shared::{Error, ErrorName, Result, aws};

use super::Profiles;
use super::event::{Event, Wanted};
use crate::context::Context;

/// What came of an event.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Started {
    /// `started` or `nothing`.
    pub status: &'static str,
    pub reason: String,
    /// The names of the executions that are there now for this event.
    pub executions: Vec<String>,
}

/// An execution to be started.
struct Run {
    name: String,
    input: Value,
}

/// Starts what an event asks for.
///
/// # Errors
/// `InvalidRequest` for an event that says what cannot be, and for vending profiles that are wrong, after the others were
/// started; otherwise as AWS answers. Then nobody waits for this function, and EventBridge keeps the event in the queue of dead letters.
pub async fn run(context: &Context, event: Value) -> Result<Started> {
    let event = Event::read(event)?;
    let (runs, broken) = match event.wanted()? {
        Wanted::Nothing(reason) => return Ok(nothing(reason)),
        Wanted::Run(input) => {
            let name = format!("event-{}", event.id);
            (vec![Run { name, input }], Vec::new())
        }
        Wanted::Vend(account) => vend(&context.profiles().await, &event.id, account).await?,
    };
    let machine = workflow_arn()?;
    let client = context.step_functions().await;
    for run in &runs {
        start(&client, &machine, run).await?;
    }
    let executions: Vec<String> = runs.into_iter().map(|run| run.name).collect();
    if !broken.is_empty() {
        return Err(wrong_profiles(&broken, &executions));
    }
    Ok(if executions.is_empty() {
        nothing("no vending profile is for this account.".to_owned())
    } else {
        Started {
            status: "started",
            reason: executions.join(", "),
            executions,
        }
    })
}

fn nothing(reason: String) -> Started {
    Started {
        status: "nothing",
        reason,
        executions: Vec::new(),
    }
}

/// The runs of an account, and the profiles of which nobody can tell whether they are for it.
async fn vend(profiles: &Profiles, event_id: &str, account: AccountVended) -> Result<(Vec<Run>, Vec<Error>)> {
    let (names, broken) = match account.profiles {
        // One that does not exist fails as a run, which tells whoever is to know.
        Some(names) => (names, Vec::new()),
        None => {
            let kept = profiles.kept().await?;
            let (ou_id, ou_name) = (
                account.organizational_unit_id.as_deref(),
                account.organizational_unit_name.as_deref(),
            );
            let matching = kept.good.into_iter();
            let matching = matching.filter(|(_, profile, _)| profile.matches(&account.account_id, ou_id, ou_name));
            (matching.map(|(name, ..)| name).collect(), kept.broken)
        }
    };
    let runs = names.into_iter().map(|profile| Run {
        name: format!("vend-{profile}-{}-{}", account.account_id, short_hash(event_id)),
        input: json!(ProfileReference {
            profile,
            account_id: account.account_id.clone(),
            action: Action::Provision,
            plan_for: Goal::default(),
        }),
    });
    Ok((runs.collect(), broken))
}

/// Starts an execution, unless an earlier delivery of the event has.
async fn start(client: &Client, machine: &str, run: &Run) -> Result<()> {
    let call = client
        .start_execution()
        .state_machine_arn(machine)
        .name(&run.name)
        .input(run.input.to_string());
    match call.send().await {
        Ok(_) => tracing::info!(execution = run.name, "started"),
        Err(error) if aws::code(&error) == Some("ExecutionAlreadyExists") => {
            tracing::info!(execution = run.name, "is there already");
        }
        Err(error) => return Err(aws::error(&error, &format!("starting the execution {}", run.name))),
    }
    Ok(())
}

fn wrong_profiles(broken: &[Error], executions: &[String]) -> Error {
    let started = match executions {
        [] => "no other is for this account".to_owned(),
        names => format!("the others are started ({})", names.join(", ")),
    };
    let broken: Vec<&str> = broken.iter().map(|error| error.message.as_str()).collect();
    Error::new(
        ErrorName::InvalidRequest,
        format!(
            "not every vending profile can be read; {started}.\n{}",
            broken.join("\n")
        ),
    )
}

fn workflow_arn() -> Result<String> {
    let arn = std::env::var("WORKFLOW_ARN").ok().filter(|arn| !arn.is_empty());
    arn.ok_or_else(|| {
        Error::unexpected("the function's setting WORKFLOW_ARN is missing: deploy the stack's template as it is.")
    })
}
