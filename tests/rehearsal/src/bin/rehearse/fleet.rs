//! `cargo rehearse --fleet 200`: many accounts at once, some of them broken, against the throttles of EC2.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rehearsal::fleet::{Defect, Member, members};
use rehearsal::growth::{self, Tally};
use rehearsal::{Environment, Error, Outcome, Result};
use serde_json::{Value, json};
use simulators::SimulatorsConfig;

use crate::CALLS;
use crate::least::{CREATE_BUCKET, Minimum};
use crate::live::clock;

/// One account in so many is broken.
const BROKEN_ONE_IN: usize = 20;
const TOLERATED_PERCENTAGE: u32 = 10;
const POLL: Duration = Duration::from_millis(500);
/// Real time between two lines of progress.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// The accounts of a rehearsal.
#[derive(Debug)]
pub(crate) struct Fleet {
    /// Runs at once.
    concurrency: u32,
    members: Vec<Member>,
    minimum: Minimum,
}

impl Fleet {
    /// Makes so many accounts, and turns the throttles of EC2 on.
    pub(crate) fn prepare(simulators: &mut SimulatorsConfig, count: usize, concurrency: u32) -> Self {
        simulators.knobs.ec2.create_bucket = Some(CREATE_BUCKET);
        simulators.knobs.ec2.organization_create_bucket = Some(CREATE_BUCKET);
        let defects: Vec<Defect> = Defect::ALL
            .into_iter()
            .cycle()
            // A few have room for none.
            .take(if count < BROKEN_ONE_IN {
                0
            } else {
                count.div_ceil(BROKEN_ONE_IN)
            })
            .collect();
        let members = members(simulators, count, &defects);
        let minimum = Minimum::of(&members, &simulators.knobs, concurrency);
        Self {
            concurrency,
            members,
            minimum,
        }
    }

    /// Runs the fleet and tells what it came to. `false`: it did not come out as the defects say.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub(crate) async fn run(&self, environment: &Environment, say: fn(&str)) -> Result<(bool, Value)> {
        environment.store_fleet_secrets().await?;
        let broken = self.members.iter().filter(|member| member.defect.is_some()).count();
        say(&format!(
            "Running a fleet of {} accounts, {broken} of them broken, {} at once.\n",
            self.members.len(),
            self.concurrency
        ));
        let items: Vec<&Value> = self.members.iter().map(|member| &member.item).collect();
        // Beside the input: Step Functions takes 256 KiB.
        let bucket = environment.reports_bucket()?;
        let list = json!(items).to_string().into_bytes();
        environment.aws.put_object(bucket, "lists/rehearsal.json", list).await?;
        let input = json!({
            "name": "rehearsal", "items_from": { "bucket": bucket, "key": "lists/rehearsal.json" },
            "max_concurrency": self.concurrency, "tolerated_failure_percentage": TOLERATED_PERCENTAGE
        });
        // A thousand accounts make a hundred thousand calls.
        let calls = Tally::of(&environment.simulators.recorder, &environment.logs_dir().join(CALLS))?;
        let mut memory = vec![("at the beginning", resident_mib())];
        let simulated = environment.simulators.fabric.clock;
        let (begun, began) = (simulated.now(), Instant::now());
        let running = environment.begin_fleet(&input).await?;
        let mut said = Instant::now();
        let (mut connected, mut last_connected) = (0, Duration::ZERO);
        let outcome = loop {
            if let Some(outcome) = running.outcome().await? {
                break outcome;
            }
            if let Some(counts) = counts(environment, &running.arn).await? {
                let number = |name: &str| counts[name].as_u64().unwrap_or_default();
                let ended = number("succeeded") + number("failed");
                if number("succeeded") > connected {
                    connected = number("succeeded");
                    last_connected = simulated.now().saturating_sub(begun);
                }
                if memory.len() == 1 && ended * 2 >= number("total") {
                    memory.push(("in the middle", resident_mib()));
                }
                if said.elapsed() >= REPORT_EVERY {
                    said = Instant::now();
                    say(&format!(
                        "{:>6}  {} connected, {} failed, {} running, {} to go",
                        clock(simulated.now().saturating_sub(begun)),
                        number("succeeded"),
                        number("failed"),
                        number("running"),
                        number("pending")
                    ));
                }
            }
            tokio::time::sleep(POLL).await;
        };
        memory.push(("at the end", resident_mib()));
        let took = Took {
            all: simulated.now().saturating_sub(begun),
            last_connected,
            real: began.elapsed(),
        };
        // However the fleet ended: with this the file is whole.
        let calls = calls.kinds()?;
        match outcome {
            Outcome::Succeeded(summary) => {
                let expected = self.is_as_expected(&failures(environment, &summary).await?);
                let mut text = self.told(&summary, &took, &memory);
                if !expected {
                    text.push_str("\n\nThis is not what the accounts' defects lead to.");
                }
                say(&text);
                say(&growth::told(&calls, self.members.len()));
                Ok((expected, summary))
            }
            Outcome::Failed(failure) => {
                say(&format!(
                    "\nThe fleet {}. {}: {}",
                    failure.status, failure.error, failure.cause
                ));
                Ok((false, json!({ "error": failure.error, "cause": failure.cause })))
            }
        }
    }

    fn told(&self, summary: &Value, took: &Took, memory: &[(&str, u64)]) -> String {
        let mut text = format!(
            "\n{} accounts: {} connected, {} failed. The report: s3://{}/{}\n\n",
            summary["total"],
            summary["succeeded"],
            summary["failed"],
            summary["report"]["bucket"].as_str().unwrap_or_default(),
            summary["report"]["prefix"].as_str().unwrap_or_default()
        );
        for failed in summary["failed_items"].as_array().into_iter().flatten() {
            let word = |name: &str| failed[name].as_str().unwrap_or_default();
            let cause: String = word("cause").split_whitespace().collect::<Vec<_>>().join(" ");
            let cause: String = cause.chars().take(170).collect();
            let _ = writeln!(text, "  {}\n    {}: {cause}", word("item"), word("error"));
        }
        let _ = write!(
            text,
            "\nTime: {} simulated, {} s of yours; the last account was connected at {}. {}",
            clock(took.all),
            took.real.as_secs(),
            clock(took.last_connected),
            self.minimum.told(took.all)
        );
        let sizes: Vec<String> = memory.iter().map(|(when, mib)| format!("{mib} MiB {when}")).collect();
        let _ = write!(
            text,
            "\nMemory of this program, with the simulators: {}.",
            sizes.join(", ")
        );
        text
    }

    /// Each broken account failed with its error, and no other.
    fn is_as_expected(&self, failures: &BTreeMap<String, String>) -> bool {
        let expected = self
            .members
            .iter()
            .filter_map(|m| Some((m.account_id.clone(), m.defect?.error().to_owned())));
        *failures == expected.collect()
    }
}

/// The errors of the accounts that failed: from the summary, or from the report where they are too many for a state.
async fn failures(environment: &Environment, summary: &Value) -> Result<BTreeMap<String, String>> {
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let told = summary["failed_items"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if !told.is_empty() || summary["failed"] == 0 {
        let account = |item: &Value| Some(item["item"].as_str()?.split('/').next()?.to_owned());
        let failure = |item| Some((account(item)?, word(&item["error"])?));
        return Ok(told.iter().filter_map(failure).collect());
    }
    let place = |name: &str| summary["report"][name].as_str().unwrap_or_default();
    let key = format!("{}FAILED_0.json", place("prefix"));
    let text = environment.aws.get_object(place("bucket"), &key).await?;
    // Input and cause are JSON within the JSON.
    let within = |value: &Value| serde_json::from_str::<Value>(value.as_str()?).ok();
    let report: Vec<Value> =
        serde_json::from_str(&text).map_err(|error| Error::new(format!("reading the fleet's report {key}"), error))?;
    let failure = |item: &Value| {
        let account = word(&within(&item["Input"])?["item"]["consumer"]["account_id"])?;
        let error = within(&item["Cause"]).and_then(|cause| word(&cause["Error"]));
        Some((account, error.or_else(|| word(&item["Error"]))?))
    };
    Ok(report.iter().filter_map(failure).collect())
}

/// How long a fleet took.
struct Took {
    /// In simulated time.
    all: Duration,
    /// Until the last account that is connected was, in simulated time.
    last_connected: Duration,
    real: Duration,
}

/// What the fleet's Map Run says of its items, once there is one.
async fn counts(environment: &Environment, execution_arn: &str) -> Result<Option<Value>> {
    let call = async |action: &str, body: Value| {
        let target = format!("AWSStepFunctions.{action}");
        environment.aws.expect_json("states", &target, &body).await
    };
    let runs = call("ListMapRuns", json!({ "executionArn": execution_arn })).await?;
    let Some(arn) = runs["mapRuns"][0]["mapRunArn"].as_str() else {
        return Ok(None);
    };
    let mut run = call("DescribeMapRun", json!({ "mapRunArn": arn })).await?;
    Ok(Some(run["itemCounts"].take()).filter(Value::is_object))
}

/// Memory of this process in MiB; 0 where the system does not tell.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

/// For the command line.
pub(crate) fn count(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=2000).contains(&count) => Ok(count),
        _ => Err("it is a number from 1 to 2000".to_owned()),
    }
}
