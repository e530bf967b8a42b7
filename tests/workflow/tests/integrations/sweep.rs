//! The sweep end to end: the real template, state machines and functions on the emulator, against the simulators.

use std::time::Duration;

use rehearsal::{Environment, Options};
use serde_json::{Value, json};
use shared::events::events_schema;
use shared::sweep::{CONNECTION_DRIFTED, SWEEP_FAILED};
use simulators::aiven;
use simulators::fabric::{Endpoint, EndpointState};
use simulators::recorder::Api;

use crate::cloud::Caught;

const ACCOUNT: &str = "111122223333";
/// How much faster than the wall's clock simulated time passes.
const SPEED: f64 = 200.0;
const LIMIT: Duration = Duration::from_secs(120);

struct Scene {
    environment: Environment,
    told: Caught,
}

async fn scene(change: impl FnOnce(&mut Options)) -> Scene {
    let mut options = Options {
        say: |_| {},
        ..Options::default()
    };
    options.simulators.speed = SPEED;
    change(&mut options);
    let environment = Environment::start(options).await.unwrap();
    let pattern = json!({"source": ["privatelink-workflow"], "detail-type": [CONNECTION_DRIFTED, SWEEP_FAILED]});
    let told = Caught::on(&environment.aws, "default", &pattern).await;
    Scene { environment, told }
}

impl Scene {
    async fn connect(&self, request: &Value) -> Value {
        let run = self.environment.run(request).await.unwrap();
        run.output().unwrap().clone()
    }

    /// Runs the sweep: its output, and the events that it sent, each as its kind and detail.
    async fn sweep(&self, input: &Value) -> (Value, Vec<(String, Value)>) {
        let machine = &self.environment.outputs["SweepArn"];
        let running = rehearsal::execution::Running::start(&self.environment.aws, machine, input);
        let run = running.await.unwrap().finish(LIMIT).await.unwrap();
        let output = run
            .output()
            .unwrap_or_else(|error| panic!("{error}\n{}", run.history_text()))
            .clone();
        let events = self.told.take().await;
        let schema = jsonschema::validator_for(&events_schema()).unwrap();
        for event in &events {
            let wrong: Vec<String> = schema.iter_errors(event).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{wrong:?}: {event:#}");
        }
        let told = events.into_iter().map(|event| {
            (
                event["detail-type"].as_str().unwrap().to_owned(),
                event["detail"].clone(),
            )
        });
        (output, told.collect())
    }

    async fn keep_profile(&self, name: &str, profile: &Value) {
        let name = format!("/privatelink-workflow/profiles/{name}");
        let body = json!({"Name": name, "Type": "String", "Overwrite": true, "Value": profile.to_string()});
        self.aws("ssm", "AmazonSSM.PutParameter", &body).await;
    }

    async fn aws(&self, service: &str, target: &str, body: &Value) -> Value {
        self.environment.aws.expect_json(service, target, body).await.unwrap()
    }

    /// The sum of a metric of the stack.
    async fn metric(&self, name: &str) -> f64 {
        let parameters = [
            ("Namespace", "PrivateLinkWorkflow"),
            ("MetricName", name),
            ("Dimensions.member.1.Name", "Stack"),
            ("Dimensions.member.1.Value", rehearsal::environment::STACK),
            ("StartTime", "2020-01-01T00:00:00Z"),
            ("EndTime", "2100-01-01T00:00:00Z"),
            ("Period", "3153600000"),
            ("Statistics.member.1", "Sum"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let aws = &self.environment.aws;
        let xml = aws
            .query("monitoring", "GetMetricStatistics", "2010-08-01", &parameters)
            .await
            .unwrap()
            .unwrap();
        let sums = xml.split("<Sum>").skip(1).map(|rest| rest.split('<').next().unwrap());
        let sums: Vec<f64> = sums.map(|sum| sum.parse().unwrap()).collect();
        assert!(!sums.is_empty(), "{name} was not measured: {xml}");
        sums.iter().sum()
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let mut endpoints = self.environment.simulators.ec2.endpoints();
        let gone = [EndpointState::Deleting, EndpointState::Deleted];
        endpoints.retain(|endpoint| !gone.contains(&endpoint.state));
        endpoints
    }

    fn change_endpoint(&self, change: impl FnOnce(&mut Endpoint)) {
        let id = self.endpoints()[0].id.clone();
        let mut state = self.environment.simulators.fabric.state();
        change(state.endpoints.get_mut(&id).unwrap());
    }

    /// The successful writes since the last look.
    fn take_writes(&self) -> Vec<String> {
        let recorder = &self.environment.simulators.recorder;
        let writes = recorder.writes().into_iter().map(|call| call.operation).collect();
        recorder.clear_calls();
        writes
    }
}

fn kafka() -> Value {
    serde_json::from_str(include_str!("../../../../examples/aiven-kafka.json")).unwrap()
}

/// A profile that makes the example's request, for these targets.
fn profile(include: &Value, repair: bool) -> Value {
    let mut request = kafka();
    request["consumer"].as_object_mut().unwrap().remove("account_id");
    json!({"version": 1, "targets": {"include": include}, "request": request, "repair": repair})
}

fn counts(output: &Value) -> [u64; 4] {
    ["swept", "drifted", "repaired", "failed"].map(|key| output[key].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_drifted_nothing_is_told_and_nothing_written() {
    let scene = scene(|_| {}).await;
    let (output, told) = scene.sweep(&json!({})).await;
    assert_eq!((counts(&output), told.len()), ([0; 4], 0), "there is nothing yet");
    scene.connect(&kafka()).await;
    scene.take_writes();
    let (output, told) = scene.sweep(&json!({"repair": true})).await;
    assert_eq!(counts(&output), [1, 0, 0, 0], "{told:?}");
    assert_eq!(told, []);
    assert_eq!(scene.take_writes(), Vec::<String>::new());
    assert_eq!(scene.metric("Swept").await, 1.0);
    assert_eq!(scene.metric("Drifted").await, 0.0);
    assert_eq!(scene.metric("Failed").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drift_is_told_and_mended_only_where_that_is_asked_for() {
    let scene = scene(|_| {}).await;
    let connection = scene.connect(&kafka()).await;
    let whole = scene.endpoints()[0].subnets.clone();
    assert!(whole.len() > 1);
    scene.change_endpoint(|endpoint| {
        endpoint.subnets.pop();
    });
    scene.take_writes();

    let (output, told) = scene.sweep(&json!({})).await;
    assert_eq!(counts(&output), [1, 1, 0, 0]);
    assert_eq!(told.len(), 1, "{told:?}");
    let (kind, detail) = &told[0];
    assert_eq!(kind, CONNECTION_DRIFTED);
    assert_eq!(detail["connection_id"], connection["connection_id"]);
    assert_eq!(detail["repair"], false);
    assert_eq!(detail["changes"][0]["resource"], "vpc_endpoint", "{detail}");
    assert_eq!(detail["changes"][0]["effect"], "change", "{detail}");
    assert_eq!(detail["problems"], json!([]));
    assert!(detail["execution"]["id"].as_str().unwrap().contains(":execution:"));
    assert_eq!(scene.take_writes(), Vec::<String>::new());
    assert_eq!(scene.metric("Drifted").await, 1.0);

    let (output, told) = scene.sweep(&json!({"repair": true})).await;
    assert_eq!(counts(&output), [1, 1, 1, 0]);
    assert_eq!((told.len(), &told[0].1["repair"]), (1, &json!(true)));
    let mut mended = scene.endpoints()[0].subnets.clone();
    mended.sort_unstable();
    assert_eq!(mended, {
        let mut whole = whole;
        whole.sort_unstable();
        whole
    });
    assert_eq!(scene.metric("Repaired").await, 1.0);

    // Somebody deletes the endpoint.
    scene.change_endpoint(|endpoint| endpoint.state = EndpointState::Deleted);
    let (output, told) = scene.sweep(&json!({})).await;
    assert_eq!((counts(&output), told.len()), ([1, 1, 0, 0], 1), "{told:?}");
    assert_eq!(scene.endpoints().len(), 0);
    let (output, _) = scene.sweep(&json!({"repair": true})).await;
    assert_eq!(counts(&output), [1, 1, 1, 0]);
    assert_eq!(scene.endpoints().len(), 1);
    let (output, told) = scene.sweep(&json!({})).await;
    assert_eq!((counts(&output), told.len()), ([1, 0, 0, 0], 0), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_vending_was_missed_is_found_and_connected_once() {
    let scene = scene(|_| {}).await;
    let include = json!({"accounts": [ACCOUNT]});
    scene.keep_profile("orders", &profile(&include, false)).await;
    let (output, told) = scene.sweep(&json!({})).await;
    assert_eq!((counts(&output), told.len()), ([1, 1, 0, 0], 1));
    let detail = &told[0].1;
    assert_eq!(
        (&detail["profile"], &detail["account_id"]),
        (&json!("orders"), &json!(ACCOUNT))
    );
    assert_eq!(scene.endpoints().len(), 0);

    scene.keep_profile("orders", &profile(&include, true)).await;
    let (output, told) = scene.sweep(&json!({})).await;
    assert_eq!((counts(&output), told.len()), ([1, 1, 1, 0], 1), "{told:?}");
    assert_eq!(scene.endpoints().len(), 1);
    // The connection has a row by now, which is the profile's.
    let (output, told) = scene.sweep(&json!({})).await;
    assert_eq!((counts(&output), told.len()), ([1, 0, 0, 0], 0), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_fails_is_told_and_the_others_are_looked_at() {
    let scene = scene(|_| {}).await;
    scene.connect(&kafka()).await;
    scene.change_endpoint(|endpoint| {
        endpoint.subnets.pop();
    });
    // Aiven knows this token no more.
    let token = json!({"token": "revoked"}).to_string();
    scene
        .environment
        .aws
        .put_secret("privatelink/revoked", &token)
        .await
        .unwrap();
    let mut revoked = profile(&json!({"accounts": ["444455556666"]}), true);
    revoked["request"]["provider"]["secret_id"] = json!("privatelink/revoked");
    scene.keep_profile("revoked", &revoked).await;
    scene.keep_profile("broken", &json!({"version": 2})).await;

    let (output, mut told) = scene.sweep(&json!({})).await;
    told.sort_by(|(one, _), (other, _)| one.cmp(other));
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(
        (counts(&output), kinds),
        ([2, 1, 0, 1], vec![CONNECTION_DRIFTED, SWEEP_FAILED]),
        "{told:#?}"
    );
    let failed = &told[1].1;
    assert_eq!(
        (&failed["profile"], &failed["account_id"]),
        (&json!("revoked"), &json!("444455556666"))
    );
    assert_eq!(
        (&failed["action"], &failed["error"]),
        (&json!("plan"), &json!("Denied")),
        "{failed}"
    );
    assert!(failed["cause"].as_str().unwrap().contains("Aiven"), "{failed}");
    assert_eq!(scene.metric("Failed").await, 1.0);
    let notes = output["notes"].as_array().unwrap();
    assert!(
        notes.len() == 1 && notes[0].as_str().unwrap().contains("\"broken\""),
        "{notes:?}"
    );
    assert!(!format!("{told:?}{output}").contains(aiven::TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_fails_is_told_with_the_runs_own_error() {
    let scene = scene(|_| {}).await;
    scene
        .keep_profile("orders", &profile(&json!({"accounts": [ACCOUNT]}), true))
        .await;
    scene
        .environment
        .simulators
        .recorder
        .refuse(Api::Ec2, "CreateVpcEndpoint");
    let (output, mut told) = scene.sweep(&json!({})).await;
    told.sort_by(|(one, _), (other, _)| one.cmp(other));
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(
        (counts(&output), kinds),
        ([1, 0, 0, 1], vec![CONNECTION_DRIFTED, SWEEP_FAILED]),
        "{told:#?}"
    );
    let failed = &told[1].1;
    assert_eq!(
        (&failed["action"], &failed["error"]),
        (&json!("provision"), &json!("Denied"))
    );
    assert_eq!(failed["connection_id"], told[0].1["connection_id"]);
    assert_eq!(scene.endpoints().len(), 0, "the run has taken back what it made");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_found_by_their_organizational_unit() {
    let scene = scene(|options| {
        options
            .parameters
            .insert("OrganizationsAccess".to_owned(), "true".to_owned());
    })
    .await;
    let organizations = |action: &str, body: Value| {
        let target = format!("AWSOrganizationsV20161128.{action}");
        let aws = scene.environment.aws.clone();
        async move { aws.expect_json("organizations", &target, &body).await.unwrap() }
    };
    let roots = organizations("ListRoots", json!({})).await;
    let root = &roots["Roots"][0]["Id"];
    let unit = organizations(
        "CreateOrganizationalUnit",
        json!({"ParentId": root, "Name": "Workloads"}),
    )
    .await;
    let unit = &unit["OrganizationalUnit"]["Id"];
    let inner = organizations("CreateOrganizationalUnit", json!({"ParentId": unit, "Name": "Orders"})).await;
    let inner = &inner["OrganizationalUnit"]["Id"];
    let moved = json!({"AccountId": ACCOUNT, "SourceParentId": root, "DestinationParentId": inner});
    organizations("MoveAccount", moved).await;

    for (include, swept) in [
        (json!({"ous": ["Orders"]}), 1),
        (json!({"ous": [inner]}), 1),
        (json!({"all": true}), 1),
        (json!({"ous": ["Workloads"]}), 0),
    ] {
        scene.keep_profile("orders", &profile(&include, false)).await;
        let (output, told) = scene.sweep(&json!({})).await;
        assert_eq!(counts(&output), [swept, swept, 0, 0], "{include}: {told:?}");
        assert_eq!(output["notes"], json!([]), "{include}");
    }
}
