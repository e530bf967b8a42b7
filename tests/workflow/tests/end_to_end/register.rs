//! The register: what it says of a run, and what becomes of a run without it.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rehearsal::execution::Running;
use rehearsal::{Execution, Outcome};
use serde_json::{Value, json};
use simulators::aiven;

use crate::requests::{kafka, vault, with};
use crate::stage::{FOREIGN, Stage, shared_with_others, stage};

const LIMIT: Duration = Duration::from_secs(240);
const POLL: Duration = Duration::from_millis(20);
/// The lease of the Aiven service.
const LEASE: &str = "lease/aiven/acme-prod/orders-kafka";
/// Slow enough for looks that wait for each other, each with a process of its own.
const SLOWER: f64 = 24.0;

impl Stage {
    async fn dynamodb(&self, operation: &str, mut body: Value) -> Value {
        body["TableName"] = self.environment.outputs["RegisterTableName"].as_str().into();
        let target = format!("DynamoDB_20120810.{operation}");
        let aws = &self.environment.aws;
        aws.expect_json("dynamodb", &target, &body).await.unwrap()
    }

    /// Everything in the table, by id.
    pub(crate) async fn register_ids(&self) -> Vec<String> {
        let items = self.dynamodb("Scan", json!({})).await["Items"].take();
        let ids = items.as_array().unwrap().iter();
        ids.map(|item| item["id"]["S"].as_str().unwrap().to_owned()).collect()
    }

    async fn delete_rows(&self) {
        for id in self.register_ids().await {
            self.dynamodb("DeleteItem", json!({"Key": {"id": {"S": id}}})).await;
        }
    }

    /// What the function `register` answers.
    pub(crate) async fn ask_register(&self, command: Value) -> Value {
        let function = &self.environment.outputs["RegisterFunctionName"];
        let url = format!(
            "{}/2015-03-31/functions/{function}/invocations",
            self.environment.emulator.url
        );
        let scope = "Credential=111122223333/20260101/eu-west-1/lambda/aws4_request";
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client
            .post(url)
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"),
            )
            .body(command.to_string())
            .send()
            .await
            .unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    /// The rows without their requests.
    async fn rows(&self) -> Vec<Value> {
        let mut listed = self.ask_register(json!({"action": "list"})).await;
        match listed["connections"].take() {
            Value::Array(rows) => rows,
            other => panic!("no list: {other} in {listed}"),
        }
    }

    /// Waits until the only row is so.
    async fn until_row(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + LIMIT;
        loop {
            let rows = self.rows().await;
            if let [row] = &rows[..]
                && is_so(row)
            {
                return row.clone();
            }
            assert!(Instant::now() < deadline, "{what}: {rows:#?}");
            tokio::time::sleep(POLL).await;
        }
    }

    async fn finish(&self, running: Running) -> Execution {
        let execution = running.finish(LIMIT).await.unwrap();
        self.keep(&execution);
        execution
    }

    /// Runs all of them at once; each must connect.
    async fn connect_at_once(&self, requests: &[Value]) -> Vec<Execution> {
        let mut running = Vec::new();
        for request in requests {
            running.push(self.environment.begin(request).await.unwrap());
        }
        let mut executions = Vec::new();
        for run in running {
            let execution = self.finish(run).await;
            self.output(&execution).await;
            executions.push(execution);
        }
        executions
    }

    /// Kafka requests of so many VPCs, for which the workflow chooses subnets and makes security groups.
    fn kafka_of_vpcs(&self, count: u8) -> Vec<Value> {
        (1..=count)
            .map(|n| {
                let cidr = format!("10.{}.0.0/16", 100 + n).parse().unwrap();
                let vpc = self.environment.simulators.ec2.with_world(|world| {
                    world
                        .account_mut("111122223333")
                        .add_vpc("eu-west-1", &format!("{n:02x}"), cidr)
                });
                let consumer = json!({"account_id": "111122223333", "region": "eu-west-1", "vpc_id": vpc});
                with(kafka(), "/consumer", consumer)
            })
            .collect()
    }
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_has_a_row_from_its_first_change_to_its_end() {
    let stage = stage(|options| options.simulators.speed = 60.0).await;
    let running = stage.environment.begin(&kafka()).await.unwrap();
    let arn = running.arn.clone();
    let middle = stage
        .until_row("it waits for the vendor", |row| {
            text(row, "state") == "pendingAcceptance"
        })
        .await;
    assert_eq!(
        (text(&middle, "status"), text(&middle, "phase")),
        ("connecting", "acceptance")
    );
    assert!(text(&middle, "reason").contains("not accepted"), "{middle}");
    assert!(middle["phases"]["acceptance"].get("ended_at").is_none(), "{middle}");

    let execution = stage.finish(running).await;
    let output = stage.output(&execution).await;
    let id = output["connection_id"].as_str().unwrap();
    let row = stage.ask_register(json!({"action": "get", "connection_id": id})).await;
    assert_eq!(
        (text(&row, "status"), text(&row, "execution_id")),
        ("connected", arn.as_str())
    );
    assert_eq!(
        (&row["endpoint_id"], &row["generation"]),
        (&output["endpoint"]["endpoint_id"], &json!(1))
    );
    assert_eq!(text(&row, "service"), "aiven/acme-prod/orders-kafka");
    assert_eq!(
        row["request"]["provider"]["components"],
        kafka()["provider"]["components"]
    );
    assert!(
        row.get("last_error").is_none() && row.get("expires_at").is_none(),
        "{row}"
    );
    for phase in ["preflight", "service", "endpoint", "acceptance", "access", "connection"] {
        let times = &row["phases"][phase];
        assert!(times["looks"].as_u64() > Some(0), "{phase}: {row}");
        assert!(text(times, "started_at") <= text(times, "ended_at") && !text(times, "started_at").is_empty());
    }
    assert_eq!(stage.register_ids().await.len(), 1, "the leases are given back");

    let planned = with(kafka(), "/action", json!("plan"));
    stage.run(&planned).await;
    let bad = with(kafka(), "/consumer/subnet_ids", json!(["subnet-0aaa1111bbb2222ff"]));
    let again = stage.ask_register(json!({"action": "get", "connection_id": id})).await;
    assert_eq!(again, row, "a plan writes nothing");
    stage.fails(&bad, "InvalidRequest", &["subnet-0aaa1111bbb2222ff"]).await;
    let after = stage.ask_register(json!({"action": "get", "connection_id": id})).await;
    assert_eq!(text(&after, "status"), "connected", "nothing was changed: {after}");
    assert_eq!(text(&after["last_error"], "name"), "InvalidRequest");

    stage.run(&with(kafka(), "/action", json!("deprovision"))).await;
    let gone = stage.ask_register(json!({"action": "get", "connection_id": id})).await;
    assert_eq!((text(&gone, "status"), text(&gone, "phase")), ("removed", "removal"));
    assert!(
        gone["expires_at"].as_i64().is_some() && gone.get("endpoint_id").is_none(),
        "{gone}"
    );
    assert_eq!(gone["created_at"], row["created_at"]);
    assert_eq!(
        gone["request"]["action"], "provision",
        "the request says what the connection was"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_failed_says_so() {
    let stage = stage(|options| {
        options.simulators.knobs.ec2.reject = true;
        options
            .parameters
            .insert("EndpointReplacementsMax".to_owned(), "0".to_owned());
    })
    .await;
    stage.fails(&vault(), "Rejected", &[]).await;
    let [row] = &stage.rows().await[..] else {
        panic!("one row");
    };
    assert_eq!((text(row, "status"), text(row, "phase")), ("failed", "undo"));
    assert_eq!(text(&row["last_error"], "name"), "Rejected");
    assert!(text(&row["last_error"], "message").contains("was rejected by the vendor"));
    assert!(row.get("endpoint_id").is_none(), "undo took it back: {row}");
    for (filter, count) in [
        (
            json!({"status": "failed", "provider": "hcp_vault", "account_id": "111122223333"}),
            1,
        ),
        (json!({"status": "connected"}), 0),
        (json!({"provider": "aiven"}), 0),
        (json!({"account_id": "444455556666"}), 0),
    ] {
        let command = with(filter, "/action", json!("list"));
        let listed = stage.ask_register(command.clone()).await;
        assert_eq!(listed["connections"].as_array().unwrap().len(), count, "{command}");
    }
    for (command, words) in [
        (
            json!({"action": "get", "connection_id": "plw-0"}),
            "the register has no plw-0",
        ),
        (json!({"action": "drop"}), "none of list, get, rebuild"),
    ] {
        let answer = stage.ask_register(command).await;
        assert_eq!(answer["errorType"], "InvalidRequest", "{answer}");
        assert!(text(&answer, "errorMessage").contains(words), "{answer}");
    }
    stage.close().await;
}

/// Without its table nothing is written at a vendor, as nobody knows whose turn it is; what needs no turn goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_register_that_is_out_of_order_is_waited_for_only_where_a_turn_is_needed() {
    let stage = stage(|options| options.simulators.speed = SLOWER).await;
    stage.dynamodb("DeleteTable", json!({})).await;
    let mut running = stage.environment.begin(&kafka()).await.unwrap();
    let deadline = Instant::now() + LIMIT;
    let mut turned_away = 0;
    while turned_away < 2 {
        assert!(Instant::now() < deadline, "the lease was not missed");
        tokio::time::sleep(POLL).await;
        let news = running.news().await.unwrap().iter();
        turned_away += news
            .filter(|event| event.raw.to_string().contains("taking the lease"))
            .count();
    }
    assert_eq!(stage.take_writes(), [""; 0], "nobody had the lease");
    stage
        .dynamodb(
            "CreateTable",
            json!({
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
            }),
        )
        .await;
    let execution = stage.finish(running).await;
    stage.output(&execution).await;
    let [row] = &stage.rows().await[..] else {
        panic!("one row");
    };
    assert_eq!(text(row, "status"), "connected", "what was lost is made good: {row}");
    stage.dynamodb("DeleteTable", json!({})).await;
    // Nothing is to be written at the vendor.
    stage.connects(&kafka()).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_waited_for_and_runs_out_with_its_holder() {
    let stage = stage(|options| options.simulators.speed = SLOWER).await;
    let now = SystemTime::now();
    let expires_at = now.duration_since(UNIX_EPOCH).unwrap().as_secs() + 12;
    let lease = json!({
        "id": {"S": LEASE}, "holder": {"S": "a run that died"}, "expires_at": {"N": expires_at.to_string()},
    });
    stage.dynamodb("PutItem", json!({"Item": lease})).await;
    let running = stage.environment.begin(&kafka()).await.unwrap();
    let waiting = stage
        .until_row("it waits for its turn", |row| text(row, "state") == "busy")
        .await;
    let reason = text(&waiting, "reason");
    assert!(reason.contains("another execution is changing the service") && reason.contains("a run that died"));
    assert_eq!(stage.take_writes(), [""; 0], "the lease is somebody else's");

    let execution = stage.finish(running).await;
    stage.output(&execution).await;
    assert!(
        now.elapsed().unwrap() >= Duration::from_secs(11),
        "it was not waited for"
    );
    assert!(
        !stage.register_ids().await.contains(&LEASE.to_owned()),
        "it is given back"
    );
    stage.close().await;
}

/// Each run adds its own principals to the one list that Aiven's PUT replaces. A PUT between another run's GET and PUT would lose
/// somebody's, which that run would put again: so there is just one for each.
#[tokio::test(flavor = "multi_thread")]
async fn ten_runs_at_once_on_one_service_lose_nobody() {
    let stage = stage(|options| {
        shared_with_others(options);
        options.simulators.speed = SLOWER;
        // The functions take real time while the budget passes in simulated time.
        options
            .parameters
            .insert("ServiceBudgetSeconds".to_owned(), "7200".to_owned());
    })
    .await;
    let root = "arn:aws:iam::111122223333:root";
    let own = |n: usize| format!("arn:aws:iam::111122223333:role/team-{n}");
    let requests: Vec<Value> = stage
        .kafka_of_vpcs(10)
        .into_iter()
        .enumerate()
        .map(|(n, request)| with(request, "/provider/principals", json!([root, own(n)])))
        .collect();
    stage.connect_at_once(&requests).await;
    let principals = stage.aiven_principals(aiven::KAFKA_SERVICE).unwrap();
    for expected in (0..10).map(own).chain([root.to_owned(), FOREIGN.to_owned()]) {
        assert!(principals.contains(&expected), "{expected} is lost: {principals:?}");
    }
    let writes = stage.take_writes();
    let puts = writes.iter().filter(|w| *w == "ServicePrivatelinkAWSUpdate").count();
    assert_eq!(puts, 10, "{writes:?}");
    assert_eq!(stage.endpoints().len(), 10);
    assert_eq!(stage.rows().await.len(), 10);
    stage.close().await;
}

/// AWS lets an account make few endpoints at a time.
#[tokio::test(flavor = "multi_thread")]
async fn many_runs_at_once_in_one_account_do_not_die_of_throttling() {
    let stage = stage(|options| {
        let short = Duration::from_secs(10);
        let knobs = &mut options.simulators.knobs;
        knobs.ec2.create_bucket = Some((4.0, 0.3));
        knobs.ec2.acceptance = Some(short);
        knobs.ec2.provisioning = short;
        knobs.aiven.component_lag = short;
        // The bucket fills in simulated time, and the functions start in real time: a faster clock would never see it empty.
        options.simulators.speed = 3.0;
        // Nobody waits for a turn before the endpoint.
        let root = "arn:aws:iam::111122223333:root";
        let aiven = options.simulators.aiven.projects.get_mut(aiven::PROJECT).unwrap();
        let service = aiven.services.get_mut(aiven::KAFKA_SERVICE).unwrap();
        service.privatelink = Some(aiven::PrivateLink::active(&[root], &[]));
    })
    .await;
    let requests = stage.kafka_of_vpcs(12);
    let executions = stage.connect_at_once(&requests).await;
    let throttled = executions
        .iter()
        .filter(|e| e.history_text().contains("RequestLimitExceeded"));
    assert!(throttled.count() > 0, "the bucket was never empty");
    let failures = executions
        .iter()
        .flat_map(|e| &e.history)
        .filter(|event| ["LambdaFunctionFailed", "TaskFailed"].contains(&event.kind.as_str()));
    assert_eq!(failures.count(), 0, "a throttled look waits and does not fail");
    assert_eq!(stage.endpoints().len(), 12);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_register_is_made_again_from_tags_and_its_requests_work() {
    let stage = stage(shared_with_others).await;
    let managed = with(kafka(), "/consumer/security_group_ids", json!([]));
    let vault_request = vault();
    let (of_aiven, of_hcp) = tokio::join!(stage.connects(&managed), stage.connects(&vault_request));
    stage.delete_rows().await;
    let rebuild = json!({"action": "rebuild"});
    let refused = stage.ask_register(rebuild.clone()).await;
    assert!(text(&refused, "errorMessage").contains("/accounts"), "{refused}");
    let places = json!([{"account_id": "111122223333", "regions": ["eu-west-1"]},
                        {"account_id": "123456789012", "regions": ["eu-west-1"]}]);
    let rebuilt = stage.ask_register(with(rebuild.clone(), "/accounts", places)).await;
    assert_eq!(rebuilt["made"].as_array().unwrap().len(), 2, "{rebuilt}");
    assert_eq!(rebuilt["skipped"][0]["account_id"], "123456789012", "{rebuilt}");
    let again = stage.ask_register(rebuild).await;
    assert_eq!(again["kept"].as_array().unwrap().len(), 2, "{again}");

    for (output, original) in [(&of_aiven, &managed), (&of_hcp, &vault_request)] {
        let id = &output["connection_id"];
        let row = stage.ask_register(json!({"action": "get", "connection_id": id})).await;
        assert_eq!(text(&row, "status"), "connected");
        assert_eq!(row["endpoint_id"], output["endpoint"]["endpoint_id"]);
        let request = &row["request"];
        for pointer in [
            "/provider/secret_id",
            "/consumer/vpc_id",
            "/consumer/subnet_ids",
            "/consumer/tags/team",
        ] {
            assert_eq!(request.pointer(pointer), original.pointer(pointer), "{pointer}");
        }
        stage.take_writes();
        let planned = stage.run(&with(request.clone(), "/action", json!("plan"))).await;
        let plan = stage.output(&planned).await;
        let changes = plan["changes"].as_array().unwrap();
        assert!(changes.iter().all(|change| change["effect"] == "keep"), "{plan:#}");
        let removed = stage.run(&with(request.clone(), "/action", json!("deprovision"))).await;
        assert!(
            matches!(removed.outcome, Outcome::Succeeded(_)),
            "{:?}",
            removed.outcome
        );
    }
    assert_eq!(stage.endpoints().len(), 0);
    assert_eq!(stage.aiven_principals(aiven::KAFKA_SERVICE).unwrap(), [FOREIGN]);
    assert_eq!(stage.hcp_accounts()["shared-link"], [FOREIGN]);
    let statuses: Vec<Value> = stage.rows().await.iter().map(|row| row["status"].clone()).collect();
    assert_eq!(statuses, ["removed", "removed"]);
    stage.close().await;
}
