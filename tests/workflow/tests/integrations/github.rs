//! The GitHub sample: what its job may do and is pinned to, and its shell steps, run by bash with the real AWS CLI.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use rehearsal::emulator::REGION;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::cloud::{Cloud, file};

const WORKFLOW: &str = "infra/pipelines/github-actions.yml";
/// Ends as its input says.
const MACHINE: &str = r#"{
  "QueryLanguage": "JSONata",
  "StartAt": "Pause",
  "States": {
    "Pause": {"Type": "Wait", "Seconds": "{% $states.input.seconds %}", "Next": "IsGood"},
    "IsGood": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.good %}", "Next": "Good"}], "Default": "Bad"},
    "Good": {"Type": "Pass", "Output": {"connection_id": "plw-1"}, "End": true},
    "Bad": {"Type": "Fail", "Error": "Rejected", "Cause": "the vendor\n::set-output::refused"}
  }
}"#;

fn workflow() -> Value {
    serde_norway::from_str(&fs::read_to_string(file(WORKFLOW)).unwrap()).unwrap()
}

fn steps(workflow: &Value) -> &Vec<Value> {
    workflow["jobs"]["connect"]["steps"].as_array().unwrap()
}

#[test]
fn the_job_has_a_token_and_nothing_else() {
    let workflow = workflow();
    assert_eq!(workflow["permissions"], json!({}));
    assert_eq!(
        workflow["jobs"]["connect"]["permissions"],
        json!({"contents": "read", "id-token": "write"})
    );
    let with = &steps(&workflow)[1]["with"];
    for key in ["role-to-assume", "aws-region"] {
        assert!(with[key].as_str().unwrap().starts_with("${{ vars."), "{key}: {with}");
    }
    assert!(with.get("aws-access-key-id").is_none());
    let session = with["role-duration-seconds"].as_u64().unwrap();
    let limit: u64 = env_of(&workflow["jobs"]["connect"])["LIMIT_SECONDS"].parse().unwrap();
    let job = workflow["jobs"]["connect"]["timeout-minutes"].as_u64().unwrap() * 60;
    assert!(limit < session && limit < job, "the wait says why it ends");
}

#[test]
fn actions_are_pinned_by_commit() {
    let workflow = workflow();
    let text = fs::read_to_string(file(WORKFLOW)).unwrap();
    let used: Vec<&str> = steps(&workflow)
        .iter()
        .filter_map(|step| step["uses"].as_str())
        .collect();
    let names: Vec<&str> = used.iter().map(|used| used.split('@').next().unwrap()).collect();
    assert_eq!(names, ["actions/checkout", "aws-actions/configure-aws-credentials"]);
    for used in used {
        let commit = used.split('@').nth(1).unwrap();
        let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(is_commit && text.contains(&format!("{used} # v")), "{used}");
    }
}

/// What comes from outside reaches the shell as a variable only, and no credential is in sight.
#[test]
fn no_expression_and_no_secret_is_in_a_script() {
    let workflow = workflow();
    let text = fs::read_to_string(file(WORKFLOW)).unwrap();
    assert!(!text.contains("secrets."));
    for step in steps(&workflow) {
        assert!(!step["run"].as_str().unwrap_or_default().contains("${{"), "{step}");
    }
}

fn env_of(part: &Value) -> BTreeMap<String, String> {
    let variables = part["env"].as_object().cloned().unwrap_or_default();
    variables
        .into_iter()
        .map(|(name, value)| (name, value.as_str().unwrap().to_owned()))
        .collect()
}

/// What a job of the workflow came to.
struct Job {
    ok: bool,
    shown: String,
    summary: String,
}

/// Runs the job's scripts as a runner does, one after the other until one fails, with these variables for its own.
fn run_job(dir: &Path, own: BTreeMap<&str, String>) -> Job {
    let workflow = workflow();
    let job = &workflow["jobs"]["connect"];
    let (outputs, summary) = (dir.join("outputs"), dir.join("summary"));
    for path in [&outputs, &summary] {
        fs::write(path, "").unwrap();
    }
    let mut shown = String::new();
    let mut ok = true;
    for step in steps(&workflow) {
        let (Some(script), true) = (step["run"].as_str(), ok) else {
            continue;
        };
        assert_eq!(step["shell"], "bash");
        let mut variables = env_of(job);
        variables.extend(env_of(step));
        for value in variables.values_mut() {
            let name = value
                .strip_prefix("${{ steps.start.outputs.")
                .and_then(|rest| rest.strip_suffix(" }}"));
            if let Some(name) = name {
                let written = fs::read_to_string(&outputs).unwrap();
                let found = written.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
                *value = found.expect("an output of the step before").to_owned();
            }
        }
        for (name, value) in &own {
            variables.insert((*name).to_owned(), value.clone());
        }
        assert!(variables.values().all(|value| !value.contains("${{")), "{variables:?}");
        // "bash: the actual command that GitHub runs", Workflow syntax for GitHub Actions.
        let path = dir.join("script");
        fs::write(&path, script).unwrap();
        let Output { status, stdout, stderr } = Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(&path)
            .current_dir(dir)
            .env_clear()
            .envs(&variables)
            .env("GITHUB_OUTPUT", &outputs)
            .env("GITHUB_STEP_SUMMARY", &summary)
            .output()
            .unwrap();
        ok = status.success();
        shown += &String::from_utf8_lossy(&[stdout, stderr].concat());
    }
    Job {
        ok,
        shown,
        summary: fs::read_to_string(summary).unwrap(),
    }
}

struct GitHub {
    cloud: Cloud,
    machine: String,
}

impl GitHub {
    async fn start() -> Self {
        let cloud = Cloud::start().await;
        let machine = cloud.machine("privatelink", MACHINE).await;
        Self { cloud, machine }
    }

    async fn job(&self, name: &str, input: &Value, limit_seconds: u32) -> Job {
        let dir = self.cloud.dir.path().join(name);
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("privatelink.json"), input.to_string()).unwrap();
        // The environment's own `aws` names the directory in which it was made.
        let aws = dir.join("aws");
        fs::write(
            &aws,
            format!("#!/bin/sh\nexec '{}' -m awscli \"$@\"\n", self.cloud.python.display()),
        )
        .unwrap();
        fs::set_permissions(&aws, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", dir.display(), std::env::var("PATH").unwrap());
        let own = BTreeMap::from([
            ("WORKFLOW_ARN", self.machine.clone()),
            ("INPUT_FILE", "privatelink.json".to_owned()),
            ("EXECUTION_NAME", name.to_owned()),
            ("POLL_SECONDS", "0.2".to_owned()),
            ("LIMIT_SECONDS", limit_seconds.to_string()),
            ("PATH", path),
            ("HOME", dir.display().to_string()),
            // The action sets both.
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", self.cloud.emulator.url.clone()),
            ("AWS_ACCESS_KEY_ID", "111122223333".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "rehearsal".to_owned()),
        ]);
        spawn_blocking(move || run_job(&dir, own)).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_succeeds_is_waited_for_and_its_output_shown() {
    let github = GitHub::start().await;
    // Some looks long, by the emulator's clock.
    let job = github
        .job("github-1-1", &json!({"good": true, "seconds": 400}), 60)
        .await;
    assert!(job.ok, "{}", job.shown);
    assert!(job.shown.contains(":github-1-1"), "{}", job.shown);
    assert_eq!(job.summary, "```json\n{\"connection_id\": \"plw-1\"}\n```\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_fails_the_job_with_its_cause() {
    let github = GitHub::start().await;
    let job = github
        .job("github-2-1", &json!({"good": false, "seconds": 1}), 60)
        .await;
    assert!(!job.ok, "{}", job.shown);
    assert!(job.shown.contains("::error::the execution is FAILED"), "{}", job.shown);
    assert!(
        job.shown.contains("Rejected") && job.shown.contains("refused"),
        "{}",
        job.shown
    );
    let injected = job.shown.lines().any(|line| line.starts_with("::set-output"));
    assert!(!injected, "{}", job.shown);
    assert_eq!(job.summary, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_too_long_fails_the_job() {
    let github = GitHub::start().await;
    let input = json!({"good": true, "seconds": 100_000});
    let job = github.job("github-3-1", &input, 1).await;
    assert!(!job.ok, "{}", job.shown);
    assert!(
        job.shown.contains("::error::still RUNNING after 1 seconds"),
        "{}",
        job.shown
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_refused_fails_the_job() {
    let github = GitHub::start().await;
    let nowhere = GitHub {
        machine: format!("{}-of-nobody", github.machine),
        cloud: github.cloud,
    };
    let job = nowhere.job("github-4-1", &json!({}), 60).await;
    assert!(
        !job.ok && job.shown.contains("StateMachineDoesNotExist"),
        "{}",
        job.shown
    );
}
