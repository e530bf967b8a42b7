//! An environment with accounts for one test's fleets, and what they came to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rehearsal::fleet::{Defect, Member, members};
use rehearsal::{Environment, Execution, Failure, Options, Outcome};
use serde_json::{Value, json};
use simulators::aiven;
use simulators::fabric::EndpointState;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How much faster than the wall's clock simulated time passes.
const SPEED: f64 = 200.0;
/// Real time that a fleet may take, or that may pass until something that it is about to do.
const LIMIT: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(20);
/// Environments at once: each keeps all cores busy.
static TURNS: Semaphore = Semaphore::const_new(2);

pub(crate) struct Stage {
    pub(crate) environment: Environment,
    pub(crate) members: Vec<Member>,
    _turn: SemaphorePermit<'static>,
}

/// Starts an environment with so many accounts, some of them with these defects.
pub(crate) async fn stage(count: usize, defects: &[Defect]) -> Stage {
    let turn = TURNS.acquire().await.unwrap();
    let mut options = Options {
        say: |_| {},
        ..Options::default()
    };
    options.simulators.speed = SPEED;
    let members = members(&mut options.simulators, count, defects);
    let environment = Environment::start(options).await.unwrap();
    environment.store_fleet_secrets().await.unwrap();
    Stage {
        environment,
        members,
        _turn: turn,
    }
}

impl Stage {
    /// The members' items.
    pub(crate) fn items(&self) -> Vec<Value> {
        self.members.iter().map(|member| member.item.clone()).collect()
    }

    /// Runs a fleet to its end.
    pub(crate) async fn run(&self, input: &Value) -> Execution {
        let running = self.environment.begin_fleet(input).await.unwrap();
        running.finish(LIMIT).await.unwrap()
    }

    /// The summary of a fleet that must succeed.
    pub(crate) async fn succeeds(&self, input: &Value) -> Value {
        summary(&self.run(input).await)
    }

    /// The error of a fleet that must fail.
    pub(crate) async fn fails(&self, input: &Value) -> Failure {
        self.run(input).await.failure().unwrap().clone()
    }

    /// The executions of the workflow, each with its status.
    pub(crate) async fn runs(&self) -> BTreeMap<String, String> {
        let body = json!({ "stateMachineArn": self.environment.workflow_arn });
        let listed = self.call("ListExecutions", &body).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let executions = listed["executions"].as_array().unwrap().iter();
        executions.map(|e| (text(&e["name"]), text(&e["status"]))).collect()
    }

    /// A call of Step Functions.
    pub(crate) async fn call(&self, action: &str, body: &Value) -> Value {
        let target = format!("AWSStepFunctions.{action}");
        self.environment.aws.expect_json("states", &target, body).await.unwrap()
    }

    /// One of the report's files, as the summary says where the report is.
    pub(crate) async fn report(&self, summary: &Value, file: &str) -> Value {
        let report = |name: &str| summary["report"][name].as_str().unwrap();
        let key = format!("{}{file}", report("prefix"));
        let text = self.environment.aws.get_object(report("bucket"), &key).await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Each account's endpoint is available, and it never had another.
    pub(crate) fn assert_connected_once<'a>(&self, members: impl IntoIterator<Item = &'a Member>) {
        let endpoints = self.environment.simulators.ec2.endpoints();
        for member in members {
            let own: Vec<_> = endpoints
                .iter()
                .filter(|endpoint| endpoint.owner_account == member.account_id)
                .map(|endpoint| (endpoint.id.as_str(), endpoint.state))
                .collect();
            assert_eq!(own.len(), 1, "{}: {own:?}", member.account_id);
            assert_eq!(own[0].1, EndpointState::Available, "{}", member.account_id);
        }
    }

    /// The principals of an Aiven service.
    pub(crate) fn principals(&self, service: &str) -> Vec<String> {
        let world = self.environment.simulators.aiven.world();
        let link = world.projects[aiven::PROJECT].services[service].privatelink.clone();
        link.map(|link| link.principals).unwrap_or_default()
    }

    /// Waits until there are so many endpoints.
    pub(crate) async fn until_endpoints(&self, count: usize) {
        let deadline = Instant::now() + LIMIT;
        while self.environment.simulators.ec2.endpoints().len() < count {
            assert!(Instant::now() < deadline, "there were never {count} endpoints");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until no execution of the workflow is running: what was stopped notices it soon, and not at once.
    pub(crate) async fn until_nothing_runs(&self) {
        let deadline = Instant::now() + LIMIT;
        while self.runs().await.values().any(|status| status == "RUNNING") {
            assert!(Instant::now() < deadline, "an execution still runs");
            tokio::time::sleep(POLL).await;
        }
    }
}

/// The output of a fleet that succeeded.
pub(crate) fn summary(execution: &Execution) -> Value {
    match &execution.outcome {
        Outcome::Succeeded(output) => output.clone(),
        Outcome::Failed(failure) => panic!("{}: {}\n{}", failure.error, failure.cause, tail(execution)),
    }
}

fn tail(execution: &Execution) -> String {
    let text = execution.history_text();
    let lines: Vec<&str> = text.lines().rev().take(4).collect();
    lines.join("\n")
}
