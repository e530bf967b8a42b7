//! An environment for one test, what it leaves behind, and a search of everything it wrote for secrets.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rehearsal::{Environment, Execution, Options, Outcome, emulator};
use serde_json::Value;
use simulators::fabric::{Endpoint, EndpointState};
use simulators::recorder::Call;
use simulators::secrets::{SECRETS, VENDOR_HEADERS};
use simulators::{aiven, hcp};
use tokio::sync::{Semaphore, SemaphorePermit};

/// How much faster than the wall's clock simulated time passes: twelve minutes in four seconds.
const SPEED: f64 = 200.0;
/// Real time to wait for something that a run is about to do.
const LIMIT: Duration = Duration::from_secs(60);

/// Another consumer of the vendors' services.
pub(crate) const FOREIGN: &str = "arn:aws:iam::444455556666:root";

/// Both services have their PrivateLink already, for another consumer: Aiven's with a connection, HCP's as `shared-link`.
pub(crate) fn shared_with_others(options: &mut Options) {
    let aiven = options.simulators.aiven.projects.get_mut(aiven::PROJECT).unwrap();
    let service = aiven.services.get_mut(aiven::KAFKA_SERVICE).unwrap();
    service.privatelink = Some(aiven::PrivateLink::active(&[FOREIGN], &["444455556666"]));
    let hcp = options.simulators.hcp.projects.get_mut(hcp::PROJECT_ID).unwrap();
    let link = hcp::PrivateLink::available("shared-link", hcp::HVN_ID, hcp::CLUSTER_ID, &[FOREIGN]);
    hcp.links.insert("shared-link".to_owned(), link);
}

/// A running environment of one test.
pub(crate) struct Stage {
    pub(crate) environment: Environment,
    /// Histories and outcomes of its runs.
    written: Mutex<Vec<String>>,
    _turn: SemaphorePermit<'static>,
}

/// Starts an environment; `change` sets knobs, worlds and the stack's parameters before.
pub(crate) async fn stage(change: impl FnOnce(&mut Options)) -> Stage {
    static TURNS: OnceLock<Semaphore> = OnceLock::new();
    // Each has an emulator and a process for each function, which wait for each other more than they work.
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let at_once = (cores + cores / 2).clamp(3, 6);
    let turn = TURNS.get_or_init(|| Semaphore::new(at_once)).acquire().await.unwrap();
    let mut options = Options {
        engine: crate::ENGINE,
        say: |_| {},
        ..Options::default()
    };
    options.simulators.speed = SPEED;
    change(&mut options);
    let environment = Environment::start(options).await.unwrap();
    Stage {
        environment,
        written: Mutex::default(),
        _turn: turn,
    }
}

impl Stage {
    /// Runs a request to its end.
    pub(crate) async fn run(&self, request: &Value) -> Execution {
        let execution = self.environment.run(request).await.unwrap();
        self.keep(&execution);
        execution
    }

    /// Remembers what a run wrote, for the search at the end.
    pub(crate) fn keep(&self, execution: &Execution) {
        let text = format!("{}\n{:?}", execution.history_text(), execution.outcome);
        self.written.lock().unwrap().push(text);
    }

    /// The output of a run that must connect.
    pub(crate) async fn connects(&self, request: &Value) -> Value {
        let execution = self.run(request).await;
        self.output(&execution).await
    }

    pub(crate) async fn output(&self, execution: &Execution) -> Value {
        match &execution.outcome {
            Outcome::Succeeded(output) => output.clone(),
            Outcome::Failed(failure) => panic!(
                "{}: {}\n{}",
                failure.error,
                failure.message(),
                self.report(execution).await
            ),
        }
    }

    /// The message of a run that must fail with this error, and these words in its message.
    pub(crate) async fn fails(&self, request: &Value, error: &str, words: &[&str]) -> String {
        let execution = self.run(request).await;
        let Outcome::Failed(failure) = &execution.outcome else {
            panic!("it was to fail with {error}\n{}", self.report(&execution).await);
        };
        let message = failure.message();
        let right = failure.error == error && words.iter().all(|word| message.contains(word));
        assert!(
            right,
            "expected {error} with {words:?}, got {}: {message}\n{}",
            failure.error,
            self.report(&execution).await
        );
        message
    }

    /// Everything that helps to understand a failed test.
    async fn report(&self, execution: &Execution) -> String {
        let history = execution.history_text();
        let tail: Vec<&str> = history.lines().rev().take(6).collect();
        let calls = self.environment.simulators.recorder.calls();
        let calls: Vec<_> = calls
            .iter()
            .map(|c| format!("{:?} {} {}", c.api, c.operation, c.status))
            .collect();
        let logs = self.environment.logs().await.unwrap_or_default();
        format!(
            "newest events first:\n{}\ncalls: {}\nlogs: {logs:#?}",
            tail.join("\n"),
            calls.join(", ")
        )
    }

    /// The successful writes at AWS and the vendors since the last look, by operation.
    pub(crate) fn take_writes(&self) -> Vec<String> {
        let recorder = &self.environment.simulators.recorder;
        let writes = recorder.writes();
        recorder.clear_calls();
        writes.into_iter().map(|call| call.operation).collect()
    }

    /// Waits until an operation was called so often.
    pub(crate) async fn until_called(&self, operation: &str, times: usize) {
        self.until_calls(operation, times, |call| call.operation == operation)
            .await;
    }

    /// Waits until there were so many of these calls; `what` tells of them when there never are.
    pub(crate) async fn until_calls(&self, what: &str, times: usize, are: impl Fn(&Call) -> bool) {
        let deadline = Instant::now() + LIMIT;
        let called = || {
            let calls = self.environment.simulators.recorder.calls();
            calls.iter().filter(|call| are(call)).count()
        };
        while called() < times {
            assert!(Instant::now() < deadline, "{what}: not {times} calls");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until there is an endpoint of ours; its id.
    pub(crate) async fn until_endpoint(&self) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(endpoint) = self.endpoints().pop() {
                return endpoint.id;
            }
            assert!(Instant::now() < deadline, "no endpoint was made");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until there is a hosted zone.
    pub(crate) async fn until_zone(&self) {
        let deadline = Instant::now() + LIMIT;
        while !self.route53("hostedzone").await.contains("<HostedZone>") {
            assert!(Instant::now() < deadline, "no hosted zone was made");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Our endpoints that are not gone.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        let mut endpoints = self.environment.simulators.ec2.endpoints();
        let gone = [EndpointState::Deleting, EndpointState::Deleted];
        endpoints.retain(|e| e.tags.contains_key("privatelink-workflow:connection") && !gone.contains(&e.state));
        endpoints
    }

    /// An Aiven service as it stands.
    pub(crate) fn aiven_service(&self, name: &str) -> aiven::Service {
        self.environment.simulators.aiven.world().projects[aiven::PROJECT].services[name].clone()
    }

    /// The principals of an Aiven service's PrivateLink, if it has one.
    pub(crate) fn aiven_principals(&self, service: &str) -> Option<Vec<String>> {
        self.aiven_service(service).privatelink.map(|link| link.principals)
    }

    /// The accounts of each PrivateLink service of the HCP project.
    pub(crate) fn hcp_accounts(&self) -> BTreeMap<String, Vec<String>> {
        let world = self.environment.simulators.hcp.world();
        let links = world.projects[hcp::PROJECT_ID].links.iter();
        links
            .map(|(id, link)| (id.clone(), link.consumer_accounts.clone()))
            .collect()
    }

    /// A GET at the emulator's Route 53.
    pub(crate) async fn route53(&self, path: &str) -> String {
        self.route53_of(emulator::ACCOUNT, path).await
    }

    /// The same in another account.
    pub(crate) async fn route53_of(&self, account: &str, path: &str) -> String {
        self.call_route53(account, reqwest::Method::GET, path, String::new())
            .await
    }

    /// A call at the emulator's Route 53, past what records.
    pub(crate) async fn call_route53(
        &self,
        account: &str,
        method: reqwest::Method,
        path: &str,
        body: String,
    ) -> String {
        let url = format!("{}/2013-04-01/{path}", self.environment.emulator.url);
        let scope = format!("Credential={account}/20260101/us-east-1/route53/aws4_request");
        let authorization = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0");
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client
            .request(method, url)
            .header("authorization", authorization)
            .body(body)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "Route 53 answered {}", answer.status());
        answer.text().await.unwrap()
    }

    /// Nothing of ours is left anywhere.
    pub(crate) async fn assert_nothing_left(&self) {
        let left: Vec<_> = self.endpoints().into_iter().map(|e| (e.id, e.state)).collect();
        assert!(left.is_empty(), "endpoints are left: {left:?}");
        assert_eq!(
            self.aiven_principals(aiven::KAFKA_SERVICE),
            None,
            "Aiven's PrivateLink is left"
        );
        assert_eq!(self.hcp_accounts(), BTreeMap::new(), "HCP's PrivateLink is left");
        let zones = self.route53("hostedzone").await;
        assert!(!zones.contains("<HostedZone>"), "a hosted zone is left: {zones}");
    }

    /// Ends the test: nothing that was written holds a secret, and nothing was called that a role does not grant.
    pub(crate) async fn close(self) {
        assert_eq!(self.environment.denied().unwrap(), Vec::<String>::new());
        let mut written = self.written.lock().unwrap().clone();
        written.extend(self.environment.logs().await.unwrap().into_values());
        written.push(std::fs::read_to_string(&self.environment.emulator.log).unwrap());
        assert!(
            written.len() > 2 && written[0].len() > 100,
            "there is something to search"
        );
        assert_eq!(secrets_in(&written), Vec::<String>::new());
    }
}

/// Each secret, and each header that carries one to a vendor, that one of the texts holds, with its surroundings.
pub(crate) fn secrets_in(texts: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for text in texts {
        for needle in SECRETS.into_iter().chain(VENDOR_HEADERS) {
            if let Some(at) = text.find(needle) {
                let around: String = text[..at]
                    .chars()
                    .rev()
                    .take(80)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
                    .collect();
                found.push(format!("{needle:?} after …{around}"));
            }
        }
    }
    found
}
