//! Runs that fail: by name, with the reason, and with nothing left of what they made.

use std::time::Duration;

use rehearsal::Options;
use serde_json::{Value, json};
use simulators::recorder::{Api, Fault, FaultKind};
use simulators::{aiven, hcp};

use crate::requests::{kafka, vault, with};
use crate::stage::{FOREIGN, shared_with_others, stage};

const NEVER: Duration = Duration::from_secs(30 * 24 * 3600);

/// One run that fails and leaves nothing.
async fn fails_clean(request: Value, error: &str, words: &[&str], change: impl FnOnce(&mut Options)) {
    let stage = stage(change).await;
    stage.fails(&request, error, words).await;
    stage.assert_nothing_left().await;
    stage.close().await;
}

fn budget(options: &mut Options, phase: &str, seconds: u32) {
    options
        .parameters
        .insert(format!("{phase}BudgetSeconds"), seconds.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_endpoint_ends_the_run_for_both_vendors() {
    let stage = stage(|options| options.simulators.knobs.ec2.reject = true).await;
    for request in [kafka(), vault()] {
        stage
            .fails(
                &request,
                "Rejected",
                &["rejected by the vendor", "endpoint 3 of 3 in this run", "vpce-"],
            )
            .await;
    }
    stage.assert_nothing_left().await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_endpoint_ends_the_run_with_ec2s_last_error() {
    fails_clean(
        vault(),
        "Rejected",
        &["failed", "InsufficientFreeAddresses", "no free address"],
        |options| {
            let reason = ("InsufficientFreeAddresses".to_owned(), "no free address".to_owned());
            options.simulators.knobs.ec2.fail = Some(reason);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_endpoint_ends_the_run() {
    fails_clean(
        kafka(),
        "Rejected",
        &["expired", "did not accept it in time"],
        |options| {
            options.simulators.knobs.ec2.acceptance = None;
            options.simulators.knobs.ec2.expiry = Duration::from_secs(300);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_hcp_cannot_make_ends_the_run_with_its_reason() {
    fails_clean(vault(), "Rejected", &["FAILED", "terraform apply failed"], |options| {
        options.simulators.knobs.hcp.fail_creation = Some("terraform apply failed".to_owned());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_state_is_an_error_with_the_raw_value() {
    let stage = stage(|_| {}).await;
    let body = r#"{"aws_service_id": null, "aws_service_name": null, "principals": [], "state": "hibernating"}"#;
    stage.environment.simulators.recorder.inject(Fault {
        api: Api::Aiven,
        operation: Some("ServicePrivatelinkAWSGet".to_owned()),
        kth: Some(3),
        kind: FaultKind::Body(body.to_owned()),
    });
    stage.fails(&kafka(), "Unexpected", &["hibernating"]).await;
    stage.assert_nothing_left().await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_after_making_the_private_zone_takes_it_back() {
    let stage = stage(|_| {}).await;
    let cluster = json!({"cluster": {
        "id": hcp::CLUSTER_ID,
        "state": "HIBERNATING",
        "location": {"region": {"provider": "aws", "region": "eu-west-1"}},
        "config": {"tier": "STANDARD_SMALL", "network_config": {"network_id": hcp::HVN_ID}},
        "dns_names": {"private": hcp::CLUSTER_PRIVATE_DNS},
    }});
    // Preflight looks first, the look that makes the zone second.
    stage.environment.simulators.recorder.inject(Fault {
        api: Api::Hcp,
        operation: Some("GetCluster".to_owned()),
        kth: Some(3),
        kind: FaultKind::Body(cluster.to_string()),
    });
    let request = vault();
    let made = async {
        stage.until_called("GetCluster", 2).await;
        stage.until_zone().await;
    };
    let (_, ()) = tokio::join!(stage.fails(&request, "Unexpected", &["HIBERNATING"]), made);
    stage.assert_nothing_left().await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_budget_ends_with_the_last_state() {
    let stage = stage(|options| {
        options.simulators.knobs.aiven.creation = Duration::from_secs(400);
        options.simulators.knobs.hcp.creation = Duration::from_secs(400);
        budget(options, "Service", 60);
    })
    .await;
    let words = ["service waited", "its budget of 60 s"];
    stage
        .fails(&kafka(), "TimedOut", &[words[0], words[1], "last state seen: creating"])
        .await;
    stage
        .fails(&vault(), "TimedOut", &[words[0], words[1], "last state seen: CREATING"])
        .await;
    stage.assert_nothing_left().await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_endpoint_budget_ends_with_the_last_state() {
    fails_clean(
        kafka(),
        "TimedOut",
        &["endpoint waited", "service not visible"],
        |options| {
            options.simulators.knobs.ec2.principal_lag = NEVER;
            budget(options, "Endpoint", 60);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_acceptance_budget_ends_with_the_last_state() {
    fails_clean(
        vault(),
        "TimedOut",
        &["acceptance waited", "pendingAcceptance"],
        |options| {
            options.simulators.knobs.ec2.acceptance = None;
            budget(options, "Acceptance", 120);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_budget_ends_with_what_is_missing() {
    fails_clean(kafka(), "TimedOut", &["access waited", "kafka"], |options| {
        options.simulators.knobs.aiven.component_lag = NEVER;
        budget(options, "Access", 120);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_takes_back_our_entry_and_nobody_elses() {
    let stage = stage(|options| {
        options.simulators.knobs.ec2.reject = true;
        shared_with_others(options);
    })
    .await;
    for request in [kafka(), vault()] {
        stage.fails(&request, "Rejected", &["rejected by the vendor"]).await;
    }
    assert!(stage.endpoints().is_empty());
    assert_eq!(stage.aiven_principals(aiven::KAFKA_SERVICE).unwrap(), [FOREIGN]);
    assert_eq!(stage.hcp_accounts()["shared-link"], [FOREIGN]);
    let connections = stage
        .aiven_service(aiven::KAFKA_SERVICE)
        .privatelink
        .unwrap()
        .connections
        .len();
    assert_eq!(connections, 1, "the foreign connection is still there");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keep_leaves_everything_and_says_so() {
    let stage = stage(|options| options.simulators.knobs.ec2.reject = true).await;
    let request = with(kafka(), "/on_failure", json!("keep"));
    let words = [
        "rejected by the vendor",
        "Left in place",
        "on_failure is \"keep\"",
        "vpce-",
    ];
    stage.fails(&request, "Rejected", &words).await;
    assert_eq!(stage.endpoints().len(), 1);
    assert!(stage.aiven_principals(aiven::KAFKA_SERVICE).is_some());
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_cannot_end_needs_attention_and_lists_what_is_left() {
    let stage = stage(|options| {
        options.simulators.knobs.ec2.reject = true;
        budget(options, "Undo", 60);
    })
    .await;
    // For longer than the budget.
    stage
        .environment
        .simulators
        .recorder
        .refuse(Api::Ec2, "DeleteVpcEndpoints");
    let words = [
        "failed with Denied",
        "again, which is rejected",
        "left are",
        "the endpoint vpce-",
        "UnauthorizedOperation",
    ];
    stage.fails(&vault(), "NeedsAttention", &words).await;
    assert_eq!(stage.endpoints().len(), 1);
    stage.close().await;
}
