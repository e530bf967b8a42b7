//! No credential shows anywhere, whatever happens to the runs, at the deployed log level and at the most verbose one.
//!
//! The credentials are unique to each test: the vendors' are random, the tokens that HCP mints are of this world alone, and the secret
//! access keys and session tokens of functions and assumed roles are the emulator's. In each place that is searched something is found that
//! may be there, so that an empty place is noticed.
//!
//! Traces have no place here: the functions send none by themselves, Lambda and Step Functions do, with names and times alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rehearsal::Options;
use rehearsal::execution::Running;
use serde_json::{Value, json};
use simulators::recorder::{Api, Fault, FaultKind};
use simulators::secrets::{AWS_HEADERS, VENDOR_HEADERS};
use simulators::{aiven, hcp};

use crate::bus::ACCOUNT;
use crate::requests::{kafka, vault, with};
use crate::stage::{Stage, stage};
use crate::vending::orders;

const SECOND: &str = "444455556666";
const LIMIT: Duration = Duration::from_secs(240);

/// Eight random bytes as hex, from the kernel.
fn random() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap();
    text.trim().replace('-', "")
}

/// The processes that one emulator runs, looked at all the time: their arguments, and the credentials in their environments.
#[derive(Default)]
struct Processes {
    arguments: BTreeSet<String>,
    credentials: BTreeSet<String>,
}

impl Processes {
    fn look(&mut self, group: u32) {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let path = entry.path();
            let Ok(stat) = fs::read_to_string(path.join("stat")) else {
                continue;
            };
            // After the name in parentheses: state, parent, process group.
            let of_group =
                stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(2)) == Some(&group.to_string());
            if !of_group {
                continue;
            }
            let read = |name: &str| fs::read(path.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let arguments = read("cmdline").unwrap_or_default().replace('\0', " ");
            let environment = read("environ").unwrap_or_default();
            for variable in environment.split('\0') {
                if let Some((_, value)) = variable.split_once('=')
                    && ["AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN="]
                        .iter()
                        .any(|name| variable.starts_with(name))
                    && value.len() > 20
                {
                    self.credentials.insert(value.to_owned());
                }
            }
            self.arguments.insert(arguments);
        }
    }
}

/// Vendors' credentials of this test alone.
struct Canaries {
    aiven: String,
    hcp: String,
}

impl Canaries {
    async fn plant(stage: &Stage) -> Self {
        let (aiven_token, hcp_secret) = (format!("AVNS-{}", random()), format!("hcps-{}/+=", random()));
        let simulators = &stage.environment.simulators;
        {
            let mut world = simulators.aiven.world();
            let grant = world.tokens.remove(aiven::TOKEN).unwrap();
            world.tokens.insert(aiven_token.clone(), grant);
        }
        simulators.hcp.world().service_principals[0].client_secret = hcp_secret.clone();
        let aws = &stage.environment.aws;
        let secret = json!({ "token": aiven_token }).to_string();
        aws.put_secret("privatelink/aiven", &secret).await.unwrap();
        let secret = json!({ "client_id": hcp::CLIENT_ID, "client_secret": hcp_secret }).to_string();
        aws.put_secret("privatelink/hcp", &secret).await.unwrap();
        Self {
            aiven: aiven_token,
            hcp: hcp_secret,
        }
    }
}

fn in_second_account(mut request: Value) -> Value {
    request["consumer"] = json!({
        "account_id": SECOND, "region": "eu-west-1", "vpc_tags": {"Name": "main"}, "client_cidrs": ["10.40.0.0/16"]
    });
    request
}

/// Runs that go well, and runs that fail in each way that could show something.
async fn lives(stage: &Stage) -> Vec<String> {
    let mut ids = Vec::new();
    for request in [kafka(), vault(), in_second_account(kafka()), in_second_account(vault())] {
        let output = stage.connects(&request).await;
        ids.push(output["connection_id"].as_str().unwrap().to_owned());
    }
    let recorder = &stage.environment.simulators.recorder;
    let wrong = |request: Value| with(request, "/consumer/tags", json!({"another": "try"}));
    for (request, api, operation, kind) in [
        (kafka(), Api::Aiven, "ServiceGet", FaultKind::Echo { status: 400 }),
        (
            kafka(),
            Api::Aiven,
            "ServicePrivatelinkAWSGet",
            FaultKind::Echo { status: 401 },
        ),
        (kafka(), Api::Aiven, "ServiceGet", FaultKind::Echo { status: 403 }),
        (vault(), Api::Hcp, "GetNetwork", FaultKind::Echo { status: 400 }),
        (vault(), Api::Hcp, "GetCluster", FaultKind::Echo { status: 401 }),
        (
            vault(),
            Api::Hcp,
            "ListPrivateLinkService",
            FaultKind::Echo { status: 403 },
        ),
        (vault(), Api::Ec2, "DescribeVpcs", FaultKind::Echo { status: 403 }),
        (kafka(), Api::Ec2, "CreateTags", FaultKind::Echo { status: 403 }),
        (
            vault(),
            Api::Route53,
            "ListHostedZonesByVPC",
            FaultKind::Echo { status: 403 },
        ),
        (
            in_second_account(kafka()),
            Api::Sts,
            "AssumeRole",
            FaultKind::Echo { status: 403 },
        ),
    ] {
        recorder.inject(Fault {
            api,
            operation: Some(operation.to_owned()),
            kth: None,
            kind,
        });
        let run = stage.run(&wrong(request)).await;
        assert!(run.failure().is_ok(), "{operation}: it was to fail");
        recorder.clear_faults();
    }
    // Secrets Manager itself; the register's errors end no run. And a crash with everything in memory.
    for (operation, kth, kind) in [
        ("PutItem", None, FaultKind::Echo { status: 400 }),
        ("GetSecretValue", Some(1), FaultKind::Echo { status: 400 }),
    ] {
        recorder.inject(Fault {
            api: Api::AwsJson,
            operation: Some(operation.to_owned()),
            kth,
            kind,
        });
        stage.run(&wrong(vault())).await;
        recorder.clear_faults();
    }
    recorder.inject(Fault {
        api: Api::Ec2,
        operation: Some("CreateTags".to_owned()),
        kth: Some(1),
        kind: FaultKind::KillAfter,
    });
    stage
        .run(&with(kafka(), "/consumer/tags", json!({"crashed": "once"})))
        .await;
    recorder.clear_faults();
    ids
}

/// Texts by place.
type Places = BTreeMap<String, String>;

async fn queue(stage: &Stage, name: &str, url: &str, places: &mut Places) {
    let aws = &stage.environment.aws;
    let mut all = String::new();
    loop {
        let body = json!({"QueueUrl": url, "MaxNumberOfMessages": 10});
        let answer = aws.expect_json("sqs", "AmazonSQS.ReceiveMessage", &body).await.unwrap();
        let messages = answer["Messages"].as_array().cloned().unwrap_or_default();
        if messages.is_empty() {
            break;
        }
        for message in messages {
            all += &message.to_string();
            let body = json!({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]});
            aws.expect_json("sqs", "AmazonSQS.DeleteMessage", &body).await.unwrap();
        }
    }
    places.insert(name.to_owned(), all);
}

/// Histories and descriptions of all executions of a state machine.
async fn executions(stage: &Stage, name: &str, machine: &str, places: &mut Places) {
    let aws = &stage.environment.aws;
    let ask = async |action: &str, body: Value| {
        let target = format!("AWSStepFunctions.{action}");
        aws.expect_json("states", &target, &body).await.unwrap()
    };
    let listed = ask(
        "ListExecutions",
        json!({"stateMachineArn": machine, "maxResults": 1000}),
    )
    .await;
    let (mut histories, mut described) = (String::new(), String::new());
    for execution in listed["executions"].as_array().unwrap() {
        let arn = json!({"executionArn": execution["executionArn"], "maxResults": 1000, "includeExecutionData": true});
        histories += &ask("GetExecutionHistory", arn.clone()).await.to_string();
        described += &ask("DescribeExecution", arn).await.to_string();
    }
    places.insert(format!("histories of {name}"), histories);
    places.insert(format!("inputs, outputs and errors of {name}"), described);
}

/// Every object of the bucket of reports.
async fn reports(stage: &Stage, places: &mut Places) {
    let bucket = stage.environment.reports_bucket().unwrap();
    let aws = &stage.environment.aws;
    let listed = aws.get_object(bucket, "?list-type=2").await.unwrap();
    let mut all = String::new();
    for key in listed
        .split("<Key>")
        .skip(1)
        .filter_map(|rest| rest.split("</Key>").next())
    {
        all += &aws.get_object(bucket, key).await.unwrap();
    }
    places.insert("reports".to_owned(), all);
}

async fn everything_written(stage: &Stage, told: &str) -> Places {
    let environment = &stage.environment;
    let mut places = Places::new();
    let logs = environment.logs().await.unwrap();
    places.insert("logs".to_owned(), logs.into_values().collect());
    for (name, output) in [
        ("the workflow", "WorkflowArn"),
        ("the fleet", "FleetArn"),
        ("the sweep", "SweepArn"),
    ] {
        executions(stage, name, &environment.outputs[output], &mut places).await;
    }
    queue(stage, "topic and events", told, &mut places).await;
    let dead = environment.outputs["StartDeadLettersUrl"].clone();
    queue(stage, "dead letters", &dead, &mut places).await;
    let table = json!({"TableName": environment.outputs["RegisterTableName"]});
    let rows = environment
        .aws
        .expect_json("dynamodb", "DynamoDB_20120810.Scan", &table);
    places.insert("register".to_owned(), rows.await.unwrap().to_string());
    reports(stage, &mut places).await;
    let emulator = fs::read_to_string(&environment.emulator.log).unwrap();
    places.insert("the emulator's terminal".to_owned(), emulator);
    places
}

/// The template, which offers no more than INFO, since the release profile leaves out what is below. A test build has it.
fn template_with_debug() -> tempfile::TempDir {
    let root = rehearsal::paths::workspace_root();
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root.join("infra"), dir.path().join("infra")).unwrap();
    let (offered, more) = ("[ERROR, WARN, INFO]", "[ERROR, WARN, INFO, DEBUG]");
    let template = fs::read_to_string(root.join("samplesam.yaml")).unwrap();
    assert!(template.contains(offered));
    fs::write(dir.path().join("samplesam.yaml"), template.replace(offered, more)).unwrap();
    dir
}

async fn nothing_shows(change: impl FnOnce(&mut Options)) {
    let stage = stage(change).await;
    let canaries = Canaries::plant(&stage).await;
    let processes = Arc::new(Mutex::new(Processes::default()));
    let over = Arc::new(AtomicBool::new(false));
    let group = stage.environment.emulator.process_id();
    let watch = {
        let (processes, over) = (Arc::clone(&processes), Arc::clone(&over));
        tokio::task::spawn_blocking(move || {
            while !over.load(Ordering::Relaxed) {
                processes.lock().unwrap().look(group);
                std::thread::sleep(Duration::from_millis(200));
            }
        })
    };
    let told = stage.subscribe().await;
    let ids = lives(&stage).await;

    stage.keep_profile("orders", &orders()).await;
    let reference = json!({"profile": "orders", "account_id": ACCOUNT});
    let fleet = json!({"name": "leaks", "items": [reference, kafka(), {"profile": "nowhere", "account_id": ACCOUNT}], "tolerated_failure_percentage": 100});
    let running = stage.environment.begin_fleet(&fleet).await.unwrap();
    running.finish(LIMIT).await.unwrap().output().unwrap();
    let sweep = &stage.environment.outputs["SweepArn"];
    let running = Running::start(&stage.environment.aws, sweep, &json!({})).await.unwrap();
    running.finish(LIMIT).await.unwrap().output().unwrap();
    // Somebody takes the event bus for a store of secrets: the event itself is kept, and that is the planted letter.
    let nobody = json!({"id": "planted-letter", "source": "privatelink-workflow.client", "detail-type": "Connection Requested", "detail": {}, "account": ACCOUNT});
    stage.hand_over(&nobody).await;
    stage.environment.denied().unwrap();

    let mut places = everything_written(&stage, &told).await;
    over.store(true, Ordering::Relaxed);
    watch.await.unwrap();
    let processes = std::mem::take(&mut *processes.lock().unwrap());
    places.insert("arguments".to_owned(), processes.arguments.into_iter().collect());

    let simulators = &stage.environment.simulators;
    let mut secrets: BTreeSet<String> = processes.credentials;
    assert!(secrets.len() >= 16, "of eight functions at least: {}", secrets.len());
    let of_roles = simulators.sts.as_ref().unwrap().secrets();
    assert!(of_roles.len() >= 4, "of two sessions at least: {}", of_roles.len());
    secrets.extend(of_roles);
    let minted: Vec<String> = simulators.hcp.world().access_tokens();
    assert!(!minted.is_empty(), "HCP gave tokens");
    secrets.extend(minted);
    secrets.extend([canaries.aiven, canaries.hcp, hcp::ACCESS_TOKEN_MARKER.to_owned()]);
    secrets.extend(VENDOR_HEADERS.into_iter().chain(AWS_HEADERS).map(str::to_owned));

    let leaks = found(&places, &secrets);
    assert!(leaks.is_empty(), "{leaks:#?}");
    // The search finds what may be there, in each place.
    for (place, visible) in [
        ("logs", "answered"),
        ("histories of the workflow", &ids[0]),
        ("inputs, outputs and errors of the workflow", &ids[0]),
        ("histories of the fleet", "orders"),
        ("inputs, outputs and errors of the fleet", "nowhere"),
        ("histories of the sweep", &ids[0]),
        ("inputs, outputs and errors of the sweep", "swept"),
        ("topic and events", &ids[0]),
        ("register", &ids[0]),
        ("reports", "nowhere"),
        ("the emulator's terminal", "privatelink"),
        ("arguments", "bootstrap"),
    ] {
        let planted = BTreeSet::from([visible.to_owned()]);
        let seen = found(&places, &planted);
        assert!(
            seen.iter().any(|leak| leak.starts_with(&format!("{place}:"))),
            "{place} was not searched: no {visible}"
        );
    }
    stage.close().await;
}

/// `<place>: <what was found, with its surroundings>`.
fn found(places: &Places, secrets: &BTreeSet<String>) -> Vec<String> {
    let mut all = Vec::new();
    for (place, text) in places {
        for secret in secrets {
            // As it is, and as JSON within JSON writes it.
            let escaped = secret.replace('/', "\\/");
            if let Some(at) = text.find(secret.as_str()).or_else(|| text.find(&escaped)) {
                let start = text[..at].char_indices().rev().nth(80).map_or(0, |(at, _)| at);
                all.push(format!("{place}: {secret:?} after …{}", &text[start..at]));
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_shows_a_credential_as_deployed() {
    nothing_shows(|_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_shows_a_credential_at_the_most_verbose_level() {
    let template = template_with_debug();
    nothing_shows(|options| {
        options.template = template.path().join("samplesam.yaml");
        options.parameters.insert("LogLevel".to_owned(), "DEBUG".to_owned());
    })
    .await;
}
