//! Bad inputs: each ends with the error and the path that its case names, and nothing is written anywhere.

use rehearsal::{Error, Execution, Outcome, Result};
use serde_json::{Value, json};

use super::corpus::{self, Case};
use super::{deployed, secrets};
use crate::pool::{Pool, Stage};
use crate::trial::{Trial, Trials, Verdict};

/// What a case is given to.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// The workflow's state machine.
    Workflow,
    /// A vending profile in Parameter Store, by a reference to it.
    Profile,
    /// The function of the stack.
    Function(&'static str),
    /// The fleet's state machine.
    Fleet,
}

const FILES: [(&str, Way); 6] = [
    ("requests", Way::Workflow),
    ("references", Way::Workflow),
    ("profiles", Way::Profile),
    ("events", Way::Function("StartFunction")),
    ("commands", Way::Function("RegisterFunction")),
    ("fleets", Way::Fleet),
];

/// One trial for each case of the corpus, and for each list of a fleet.
///
/// # Errors
/// When the corpus is wrong.
pub fn trials() -> Result<Trials> {
    let mut trials = Vec::new();
    for (file, way) in FILES {
        for case in corpus::cases(file)? {
            let name = format!("inputs/{file}/{}", case.name);
            trials.push(Trial::new(name, move |pool| {
                let case = case.clone();
                async move { settled(play(&pool, &case, way).await) }
            }));
        }
    }
    for (name, key, text, words) in LISTS {
        trials.push(Trial::new(format!("inputs/lists/{name}"), move |pool| async move {
            settled(play_list(&pool, key, text, words).await)
        }));
    }
    trials.extend(secrets::trials()?);
    Ok(Trials {
        row: "bad inputs",
        source: format!("{} inputs in tests/proof/corpus", trials.len()),
        trials,
    })
}

pub(super) fn settled(findings: Result<Vec<String>>) -> Verdict {
    match findings {
        Ok(findings) => Verdict::of(&findings),
        Err(error) => Verdict::Wrong(format!("{error}")),
    }
}

/// The examples that a user copies.
pub(super) fn examples() -> Result<Vec<(&'static str, Value)>> {
    let read = |text: &str| serde_json::from_str(text).map_err(|error| Error::new("reading an example", error));
    Ok(vec![
        ("aiven", read(include_str!("../../../../examples/aiven-kafka.json"))?),
        ("hcp", read(include_str!("../../../../examples/hcp-vault.json"))?),
    ])
}

fn events() -> Result<Vec<(&'static str, Value)>> {
    let control_tower = include_str!("../../../workflow/tests/samples/control-tower-event.json");
    let mut control_tower: Value =
        serde_json::from_str(control_tower).map_err(|error| Error::new("reading Control Tower's sample", error))?;
    control_tower["detail"]["serviceEventDetails"]["createManagedAccountStatus"]["account"]["accountId"] =
        json!("111122223333");
    let ours = |detail_type: &str, detail: Value| {
        json!({
            "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "source": "privatelink-workflow.client",
            "detail-type": detail_type, "account": "111122223333", "time": "2026-01-01T00:00:00Z", "region": "eu-west-1",
            "resources": [], "detail": detail,
        })
    };
    let (_, request) = examples()?.swap_remove(0);
    Ok(vec![
        ("requested", ours("Connection Requested", request)),
        (
            "vended",
            ours(
                "Account Vended",
                json!({"account_id": "111122223333", "profiles": ["orders"]}),
            ),
        ),
        ("control_tower", control_tower),
    ])
}

pub(super) fn profile() -> Result<Value> {
    let (_, mut request) = examples()?.swap_remove(0);
    if let Some(consumer) = request["consumer"].as_object_mut() {
        consumer.remove("account_id");
    }
    Ok(json!({"version": 1, "request": request}))
}

async fn play(pool: &Pool, case: &Case, way: Way) -> Result<Vec<String>> {
    let examples = match way {
        Way::Workflow => examples()?,
        Way::Profile => vec![("profile", profile()?)],
        Way::Function("StartFunction") => events()?,
        Way::Function(_) => Vec::new(),
        Way::Fleet => vec![(
            "fleet",
            json!({"name": "wave-1", "items": [{"connection_id": "plw-0123456789abcdef"}]}),
        )],
    };
    let input = case.input(&examples)?;
    let stage = pool.take().await?;
    let recorder = &stage.environment.simulators.recorder;
    recorder.clear_calls();
    let findings = match way {
        Way::Workflow => {
            let workflow = &stage.environment.workflow_arn;
            judged(case, &deployed::run(&stage.environment, workflow, &input).await?)
        }
        Way::Fleet => {
            let fleet = stage.environment.outputs.get("FleetArn").cloned().unwrap_or_default();
            judged(case, &deployed::run(&stage.environment, &fleet, &input).await?)
        }
        Way::Profile => {
            let name = format!("p{}", pool.world_number());
            let parameter = json!({
                "Name": format!("/privatelink-workflow/profiles/{name}"), "Type": "String", "Overwrite": true, "Value": input,
            });
            let aws = &stage.environment.aws;
            aws.expect_json("ssm", "AmazonSSM.PutParameter", &parameter).await?;
            let reference = json!({"profile": name, "account_id": "111122223333"}).to_string();
            let ran = deployed::run(&stage.environment, &stage.environment.workflow_arn, &reference).await;
            let gone = json!({"Name": parameter["Name"]});
            aws.expect_json("ssm", "AmazonSSM.DeleteParameter", &gone).await?;
            judged(case, &ran?)
        }
        Way::Function(id) => {
            let function = deployed::resource(&stage.environment, id).await?;
            let answer = deployed::invoke(&stage.environment, &function, &input).await?;
            match (answer["errorType"].as_str(), answer["errorMessage"].as_str()) {
                (Some(error), Some(message)) => case.findings(error, message),
                _ => vec![format!("it succeeded with {answer}")],
            }
        }
    };
    Ok(finished(pool, stage, findings))
}

/// Nothing was written; the environment can be used again.
pub(super) fn finished(pool: &Pool, stage: Stage, mut findings: Vec<String>) -> Vec<String> {
    for write in stage.environment.simulators.recorder.writes() {
        findings.push(format!("{:?} was asked for {}", write.api, write.operation));
    }
    pool.give_back(stage);
    findings
}

pub(super) fn judged(case: &Case, execution: &Execution) -> Vec<String> {
    match &execution.outcome {
        Outcome::Succeeded(output) => vec![format!("it succeeded with {output:.300}")],
        Outcome::Failed(failure) => {
            let message = failure.message();
            let mut findings = case.findings(&failure.error, &message);
            if let Some(hidden) = case.hides.as_deref().filter(|hidden| message.contains(*hidden)) {
                findings.push(format!("the message shows {hidden}"));
            }
            findings
        }
    }
}

/// Lists of a fleet: name, key, content, and words of the cause.
const LISTS: [(&str, &str, &str, &[&str]); 6] = [
    (
        "csv-account-short",
        "a.csv",
        "profile,account_id\norders,1111\n",
        &["/account_id: "],
    ),
    (
        "csv-unknown-column",
        "b.csv",
        "profile,account_id,vpc\norders,111122223333,vpc-1\n",
        &["/vpc: unknown field"],
    ),
    (
        "csv-unknown-connection",
        "c.csv",
        "connection_id\nplw-00000000000000ff\n",
        &["/connection_id: "],
    ),
    (
        "csv-both",
        "d.csv",
        "connection_id,profile,account_id\nplw-00000000000000ff,orders,111122223333\n",
        &["/profile: "],
    ),
    (
        "json-bad-request",
        "e.json",
        "[{\"provider\": {\"type\": \"aiven\"}, \"consumer\": {}}]",
        &["/provider/project: missing"],
    ),
    (
        "json-of-an-action",
        "f.json",
        "[{\"connection_id\": \"plw-00000000000000ff\", \"action\": \"destroy\"}]",
        &["/action: "],
    ),
];

async fn play_list(pool: &Pool, key: &str, text: &str, words: &[&str]) -> Result<Vec<String>> {
    let stage = pool.take().await?;
    let environment = &stage.environment;
    let bucket = environment.reports_bucket()?;
    let key = format!("lists/{key}");
    environment
        .aws
        .put_object(bucket, &key, text.as_bytes().to_vec())
        .await?;
    environment.simulators.recorder.clear_calls();
    let name = format!("wave-{}", pool.world_number());
    let input = json!({"name": name, "items_from": {"bucket": bucket, "key": key}}).to_string();
    let fleet = environment.outputs.get("FleetArn").cloned().unwrap_or_default();
    let execution = deployed::run(environment, &fleet, &input).await?;
    let mut findings = Vec::new();
    match &execution.outcome {
        Outcome::Failed(failure) if failure.error == "TooManyFailed" => {
            let cause = failure.message();
            for word in ["InvalidRequest", "start the fleet again"] {
                if !cause.contains(word) {
                    findings.push(format!("the cause does not say {word:?}: {cause}"));
                }
            }
            let place = cause
                .split_once(&format!("s3://{bucket}/"))
                .and_then(|(_, rest)| rest.split_once(". "));
            let place = place.map_or("", |(place, _)| place);
            let report = environment
                .aws
                .get_object(bucket, &format!("{place}FAILED_0.json"))
                .await?;
            for word in words.iter().filter(|word| !report.contains(**word)) {
                findings.push(format!("the item's cause does not say {word:?}: {report:.1500}"));
            }
        }
        other => findings.push(format!("it ended with {other:?}")),
    }
    Ok(finished(pool, stage, findings))
}
