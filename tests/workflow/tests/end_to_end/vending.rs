//! Accounts that are vended, events that ask for connections, references to what is kept, and what is told of how runs end.
//!
//! Two things the emulator does not do, and AWS does. Its bus takes no events of AWS's sources, as nobody but AWS can put them:
//! Control Tower's are matched against the pattern of the deployed rule and then handed to the rule's target. And its bus calls a
//! function once and forgets it: what the retries and the queue of dead letters do is seen with an asynchronous invocation, which is
//! how EventBridge calls a function.

use rehearsal::Execution;
use serde_json::{Value, json};
use simulators::recorder::Api;

use crate::bus::ACCOUNT;
use crate::requests::{kafka, vault, with};
use crate::stage::stage;

/// A profile for Kafka in accounts of the organizational unit "Custom".
pub(crate) fn orders() -> Value {
    let mut request = with(
        kafka(),
        "/consumer",
        json!({"region": "eu-west-1", "vpc_tags": {"Name": "main"}}),
    );
    request["consumer"]["client_cidrs"] = json!(["10.20.0.0/16"]);
    json!({"version": 1, "targets": {"include": {"ous": ["Custom"]}}, "request": request})
}

/// A profile for nobody who does not name it.
fn vaults() -> Value {
    let mut request = vault();
    request["consumer"].as_object_mut().unwrap().remove("account_id");
    json!({"version": 1, "request": request})
}

/// The sample of Control Tower's guide, "Lifecycle events in AWS Control Tower", for an account.
pub(crate) fn control_tower_for(account: &str, id: &str, name: &str, state: &str) -> Value {
    let mut event: Value = serde_json::from_str(include_str!("../samples/control-tower-event.json")).unwrap();
    event["id"] = json!(id);
    event["detail"]["eventName"] = json!(name);
    let details = &mut event["detail"]["serviceEventDetails"];
    let mut status = details["createManagedAccountStatus"].take();
    status["account"]["accountId"] = json!(account);
    status["state"] = json!(state);
    let field = match name {
        "CreateManagedAccount" => "createManagedAccountStatus",
        _ => "updateManagedAccountStatus",
    };
    *details = json!({ field: status });
    event
}

fn control_tower(id: &str, name: &str, state: &str) -> Value {
    control_tower_for(ACCOUNT, id, name, state)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_control_tower_vends_gets_its_connection_once() {
    let stage = stage(|_| {}).await;
    stage.keep_profile("orders", &orders()).await;
    stage.keep_profile("vaults", &vaults()).await;
    let queue = stage.subscribe().await;
    let event = control_tower(
        "999cccaa-eaaa-0000-1111-123456789012",
        "CreateManagedAccount",
        "SUCCEEDED",
    );
    assert!(stage.matches("ControlTowerRule", &event).await);

    let answer = stage.deliver(&event).await;
    assert_eq!(answer["status"], "started", "{answer}");
    // The same event again, while the run goes on and after it: nothing is started twice.
    assert_eq!(stage.deliver(&event).await, answer);
    let execution = stage.ended("vend-orders-111122223333-").await;
    let output = stage.output(&execution).await;
    assert_eq!(stage.deliver(&event).await, answer);
    let executions = stage.executions().await;
    assert_eq!(json!(executions), answer["executions"]);
    assert_eq!(
        executions.len(),
        1,
        "the profile \"vaults\" is for nobody who does not name it"
    );
    assert_eq!(stage.endpoints().len(), 1);

    let told = stage.told(&queue, "Connection Ready").await;
    let endpoint = &output["endpoint"];
    let expected = json!({
        "connection_id": output["connection_id"], "action": "provision", "account_id": ACCOUNT, "region": "eu-west-1",
        "vpc_id": endpoint["vpc_id"], "service": "aiven/acme-prod/orders-kafka", "endpoint_id": endpoint["endpoint_id"],
        "execution": told["execution"], "origin": {"profile": "orders", "version": 1}
    });
    assert_eq!(told, expected);
    assert_eq!(told["execution"]["id"], execution.arn);

    // Vended again, by a profile that was written again: another run, which finds everything as it should be.
    stage.take_writes();
    stage.keep_profile("orders", &orders()).await;
    let event = control_tower(
        "888cccaa-eaaa-0000-1111-123456789012",
        "UpdateManagedAccount",
        "SUCCEEDED",
    );
    assert!(stage.matches("ControlTowerRule", &event).await);
    let name = stage.deliver(&event).await["executions"][0]
        .as_str()
        .unwrap()
        .to_owned();
    assert_ne!(name, executions[0]);
    stage.output(&stage.ended(&name).await).await;
    assert_eq!(stage.take_writes(), Vec::<String>::new());
    let told = stage.told(&queue, "Connection Ready").await;
    assert_eq!(told["origin"], json!({"profile": "orders", "version": 2}));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_vends_nothing_starts_nothing() {
    let stage = stage(|_| {}).await;
    let created = control_tower(
        "999cccaa-eaaa-0000-1111-123456789012",
        "CreateManagedAccount",
        "SUCCEEDED",
    );
    let answer = stage.deliver(&created).await;
    assert_eq!(answer["reason"], "no vending profile is for this account.", "{answer}");

    stage.keep_profile("orders", &orders()).await;
    let failed = control_tower("999cccaa-eaaa-0000-1111-123456789012", "CreateManagedAccount", "FAILED");
    let api_call = with(created.clone(), "/detail-type", json!("AWS API Call via CloudTrail"));
    assert!(!stage.matches("ControlTowerRule", &api_call).await);
    let of_other_ou = "/detail/serviceEventDetails/createManagedAccountStatus/organizationalUnit";
    let elsewhere = with(
        created.clone(),
        of_other_ou,
        json!({"organizationalUnitName": "Sandbox", "organizationalUnitId": "ou-ab12-00000000"}),
    );
    for (event, words) in [
        (&failed, "is FAILED"),
        (&api_call, "AWS API Call via CloudTrail"),
        (&elsewhere, "no vending profile"),
    ] {
        let answer = stage.deliver(event).await;
        assert_eq!(answer["status"], "nothing", "{answer}");
        assert!(answer["reason"].as_str().unwrap().contains(words), "{answer}");
    }
    assert_eq!(stage.executions().await, Vec::<String>::new());

    // Something has to be there for the search for secrets.
    stage.run(&json!({})).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_on_the_bus_starts_what_it_asks_for() {
    let stage = stage(|_| {}).await;
    stage.keep_profile("orders", &orders()).await;
    stage.keep_profile("vaults", &vaults()).await;
    let requested = stage.put_event("Connection Requested", &kafka()).await;
    let by_name = json!({"account_id": ACCOUNT, "profiles": ["vaults"]});
    let named = stage.put_event("Account Vended", &by_name).await;
    assert_ne!(requested, named);
    let (kafka, vault) = (format!("event-{requested}"), "vend-vaults-111122223333-");
    let (kafka, vault) = tokio::join!(stage.ended(&kafka), stage.ended(vault));
    assert_eq!(stage.output(&kafka).await["provider"], "aiven");
    assert_eq!(stage.output(&vault).await["provider"], "hcp_vault");

    // By the targets of the profiles; the plan of what is there already is by the reference in the event.
    let by_ou = json!({"account_id": ACCOUNT, "organizational_unit_id": "ou-ab12-l3zc8b3h", "organizational_unit_name": "Custom"});
    stage.put_event("Account Vended", &by_ou).await;
    stage.output(&stage.ended("vend-orders-111122223333-").await).await;
    let plan = json!({"profile": "orders", "account_id": ACCOUNT, "action": "plan"});
    let planned = stage.put_event("Connection Requested", &plan).await;
    let output = stage.output(&stage.ended(&format!("event-{planned}")).await).await;
    assert_eq!(
        output["changes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|c| c["effect"] != "keep")
            .count(),
        0,
        "{output}"
    );
    assert_eq!(stage.executions().await.len(), 4);
    assert_eq!(stage.endpoints().len(), 2);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_start_anything_is_kept_with_the_reason() {
    let stage = stage(|_| {}).await;
    let queue = stage.environment.outputs["StartDeadLettersUrl"].clone();
    let event = control_tower(
        "999cccaa-eaaa-0000-1111-123456789012",
        "CreateManagedAccount",
        "SUCCEEDED",
    );

    let nobody = "/detail/serviceEventDetails/createManagedAccountStatus/account/accountId";
    let nobody = with(event.clone(), nobody, json!("XXXXXXXXXXXX"));
    stage.hand_over(&nobody).await;
    let kept = stage.message(&queue).await;
    assert_eq!(kept["requestPayload"], nobody);
    let reason = kept["responsePayload"]["errorMessage"].as_str().unwrap();
    assert_eq!(kept["responsePayload"]["errorType"], "InvalidRequest");
    assert!(reason.contains("/account/accountId"), "{reason}");

    // A profile that is wrong keeps no other from its accounts, and is not passed over in silence.
    stage.keep_profile("orders", &orders()).await;
    stage
        .keep_profile(
            "broken",
            &json!({"version": 1, "targets": {"include": {"all": 1}}, "request": {}}),
        )
        .await;
    stage.hand_over(&event).await;
    let kept = stage.message(&queue).await;
    let reason = kept["responsePayload"]["errorMessage"].as_str().unwrap();
    for words in [
        "the others are started (vend-orders-",
        "profile \"broken\"",
        "\n/targets/include/all: ",
        "\n/request/provider: ",
    ] {
        assert!(reason.contains(words), "{reason}");
    }
    stage.output(&stage.ended("vend-orders-").await).await;
    assert_eq!(stage.executions().await.len(), 1);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn how_each_run_ends_is_told() {
    let stage = stage(|options| {
        options
            .parameters
            .insert("UndoBudgetSeconds".to_owned(), "600".to_owned());
    })
    .await;
    let queue = stage.subscribe().await;

    let invalid = stage.run(&json!({"profile": "nobody", "account_id": ACCOUNT})).await;
    let told = stage.told_of_failure(&queue, "Connection Failed", &invalid).await;
    assert_eq!((&told["account_id"], &told["service"]), (&json!(ACCOUNT), &Value::Null));

    let missing = stage
        .run(&with(kafka(), "/provider/secret_id", json!("privatelink/none")))
        .await;
    let told = stage.told_of_failure(&queue, "Connection Failed", &missing).await;
    assert_eq!(told["error"], "InvalidRequest");
    assert_eq!(told["service"], "aiven/acme-prod/orders-kafka");

    let connected = stage.connects(&vault()).await;
    let told = stage.told(&queue, "Connection Ready").await;
    let provider = &vault()["provider"];
    let word = |field: &str| provider[field].as_str().unwrap().to_owned();
    let service = [
        "hcp_vault".to_owned(),
        word("organization_id"),
        word("project_id"),
        word("vault_cluster_id"),
    ]
    .join("/");
    assert_eq!(told["service"], service);

    // Nothing is told of a plan: the next is of the deprovision, which comes to no end.
    stage.connects(&with(vault(), "/action", json!("plan"))).await;
    stage
        .environment
        .simulators
        .recorder
        .refuse(Api::Ec2, "DeleteVpcEndpoints");
    let deprovision = with(vault(), "/action", json!("deprovision"));
    let stuck = stage.run(&deprovision).await;
    let told = stage
        .told_of_failure(&queue, "Connection Needs Attention", &stuck)
        .await;
    assert_eq!(told["connection_id"], connected["connection_id"]);
    assert_eq!(told["error"], "NeedsAttention");

    stage.environment.simulators.recorder.clear_faults();
    stage.connects(&deprovision).await;
    let told = stage.told(&queue, "Connection Removed").await;
    assert_eq!(told["connection_id"], connected["connection_id"]);
    assert_eq!(
        (&told["action"], &told["vpc_id"]),
        (&json!("deprovision"), &connected["endpoint"]["vpc_id"])
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_the_same_when_nobody_can_be_told() {
    let stage = stage(|_| {}).await;
    let queue = stage.subscribe().await;
    let refused = |execution: &Execution| {
        execution
            .history
            .iter()
            .filter(|event| event.kind == "TaskFailed")
            .count()
    };
    let connected = stage.run_untold(&kafka()).await;
    assert!(refused(&connected) > 1, "it was tried again");
    let connection_id = stage.output(&connected).await["connection_id"].clone();
    let failed = stage
        .run_untold(&with(kafka(), "/provider/secret_id", json!("privatelink/none")))
        .await;
    let failure = failed.failure().unwrap();
    assert_eq!(failure.error, "InvalidRequest");
    assert!(failure.cause.contains("/provider/secret_id: "), "{}", failure.cause);
    let deprovision = with(kafka(), "/action", json!("deprovision"));
    let removed = stage.run_untold(&deprovision).await;
    assert_eq!(stage.output(&removed).await["connection_id"], connection_id);
    assert_eq!(stage.endpoints().len(), 0);

    // Of none of them was anything told.
    stage.connects(&deprovision).await;
    let told = stage.told(&queue, "Connection Removed").await;
    assert_ne!(told["execution"]["id"], removed.arn);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_for_whoever_names_it() {
    let stage = stage(|_| {}).await;
    stage.keep_profile("vaults", &vaults()).await;
    let reference = json!({"profile": "vaults", "account_id": ACCOUNT});
    let plan = stage.connects(&with(reference.clone(), "/action", json!("plan"))).await;
    assert_eq!(stage.take_writes(), Vec::<String>::new(), "{plan}");
    let output = stage.connects(&reference).await;
    assert_eq!(output["connection_id"], plan["connection_id"]);
    let removed = stage
        .connects(&with(reference.clone(), "/action", json!("deprovision")))
        .await;
    assert_eq!(removed["connection_id"], plan["connection_id"]);
    assert_eq!(stage.endpoints().len(), 0);

    let unknown = with(reference.clone(), "/profile", json!("orders"));
    stage
        .fails(
            &unknown,
            "InvalidRequest",
            &["/profile: ", "/privatelink-workflow/profiles/orders"],
        )
        .await;
    let wrong = json!({"profile": "a b", "account_id": "1111", "acction": "plan", "plan_for": "deprovision"});
    let words = ["\n/account_id: ", "\n/acction: unknown field", "\n/profile: "];
    stage.fails(&wrong, "InvalidRequest", &words).await;

    let mut broken = vaults();
    broken["request"]["provider"]["secret_id"] = json!("elsewhere/hcp");
    stage.keep_profile("broken", &broken).await;
    let broken = with(reference, "/profile", json!("broken"));
    stage
        .fails(
            &broken,
            "InvalidRequest",
            &["profile \"broken\"", "\n/request/provider/secret_id: "],
        )
        .await;
    assert_eq!(stage.executions().await.len(), 6);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_known_by_its_id() {
    let stage = stage(|_| {}).await;
    let connected = stage.connects(&kafka()).await;
    let id = connected["connection_id"].as_str().unwrap();
    stage.take_writes();

    let reference = json!({"connection_id": id});
    let again = stage.connects(&reference).await;
    assert_eq!(again["endpoint"], connected["endpoint"]);
    assert_eq!(stage.take_writes(), Vec::<String>::new());
    let plan = json!({"connection_id": id, "action": "plan", "plan_for": "deprovision"});
    let plan = stage.connects(&plan).await;
    assert_eq!(plan["connection_id"], id, "{plan}");
    let removed = stage.connects(&with(reference, "/action", json!("deprovision"))).await;
    assert_eq!(removed["connection_id"], id);
    assert_eq!(stage.endpoints().len(), 0);

    let unknown = json!({"connection_id": "plw-0123456789abcdef"});
    stage
        .fails(
            &unknown,
            "InvalidRequest",
            &["/connection_id: ", "knows no connection plw-0123456789abcdef"],
        )
        .await;
    stage
        .fails(
            &json!({"connection_id": "orders"}),
            "InvalidRequest",
            &["\n/connection_id: "],
        )
        .await;
    stage.close().await;
}
