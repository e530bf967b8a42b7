//! What only HCP has: operations, a service that may be changed only while it is AVAILABLE, rules that nobody has published.

use std::time::Duration;

use serde_json::json;
use shared::ErrorName;
use shared::progress::Look;
use simulators::hcp::{ApiError, CLUSTER_ID, HVN_ID, Operation, PrivateLink};
use simulators::knobs::{HcpKnobs, OwnRegion, SecondDelete};
use simulators::recorder::FaultKind;

use crate::rig::{Rig, failure, pending, quick, ready, still, until};
use crate::vendor::{OURS, Op, THEIRS, Vendor, hcp_cluster, hcp_network, hcp_project, peering};

const LOOK: &str = "ListPrivateLinkService";
const CREATE: &str = "CreatePrivateLinkService";
const PATCH: &str = "UpdatePrivateLinkService";

/// Quick, and what `set` makes of it.
async fn hcp(set: impl Fn(&mut HcpKnobs)) -> Rig {
    Rig::start(Vendor::Hcp, |knobs| {
        quick(knobs);
        set(&mut knobs.hcp);
    })
    .await
}

#[tokio::test]
async fn whatever_hcp_does_about_its_own_region_it_is_never_sent() {
    for own_region in [OwnRegion::Kept, OwnRegion::Refused, OwnRegion::Dropped] {
        let rig = hcp(|knobs| knobs.own_region = own_region).await;
        rig.ensured().await;
        assert!(rig.lists().unwrap().regions.is_empty(), "{own_region:?}");
        let kept = rig.released(&rig.everything(&[])).await;
        assert!(kept.is_empty(), "{own_region:?}: {kept:?}");
    }
}

#[tokio::test]
async fn a_service_is_changed_only_while_it_is_available() {
    // AVAILABLE, but a change is under way already: the operation tells.
    let rig = Rig::start(Vendor::Hcp, |knobs| {
        knobs.hcp.update_starts_after = Duration::from_secs(1000)
    })
    .await;
    rig.vendor.seed(&rig.sims, &[THEIRS]);
    assert_eq!(pending(rig.ensure(1).await).state, "UPDATING");
    let waiting = pending(rig.ensure(2).await);
    assert_eq!(waiting.state, "AVAILABLE");
    assert!(
        waiting.reason.contains("operation") && waiting.reason.contains("PENDING"),
        "{}",
        waiting.reason
    );
    assert_eq!(rig.calls(PATCH), 1);

    let rig = Rig::start(Vendor::Hcp, still).await;
    rig.vendor.seed(&rig.sims, &[THEIRS]);
    pending(rig.ensure(1).await);
    let waiting = pending(rig.ensure(2).await);
    assert_eq!(waiting.state, "UPDATING");
    assert_eq!(rig.calls(PATCH), 1);
}

#[tokio::test]
async fn a_change_that_starts_late_is_not_made_twice() {
    let rig = hcp(|knobs| knobs.update_starts_after = Duration::from_millis(6)).await;
    rig.vendor.seed(&rig.sims, &[THEIRS]);
    rig.ensured().await;
    assert_eq!(rig.calls(PATCH), 1);
}

#[tokio::test]
async fn an_operation_that_is_done_before_the_state_says_so_is_waited_out() {
    let rig = hcp(|knobs| knobs.state_lag = Duration::from_millis(400)).await;
    pending(rig.ensure(1).await);
    until("the operation's end", async || {
        let waiting = pending(rig.ensure(2).await);
        waiting.state == "CREATING" && waiting.reason.contains("is DONE")
    })
    .await;
    rig.ensured().await;
}

#[tokio::test]
async fn only_what_is_missing_is_sent() {
    // Adding what is there is refused.
    let mut rig = hcp(|knobs| knobs.strict_deltas = true).await;
    rig.vendor.seed(&rig.sims, &[OURS]);
    rig.ask(|request| request["provider"]["consumer_ip_ranges"] = json!(["10.99.0.0/16", "10.20.0.0/16"]));
    rig.ensured().await;
    assert_eq!(rig.lists().unwrap().ip_ranges, ["10.99.0.0/16", "10.20.0.0/16"]);
    // Removing what is not there, too.
    let mut release = rig.everything(&[]);
    release.delete_service = false;
    release.remove.principals.push("arn:aws:iam::555555555555:root".into());
    rig.released(&release).await;
    assert_eq!(rig.calls(PATCH), 2);
}

#[tokio::test]
async fn null_lists_are_empty_ones() {
    let rig = hcp(|_| {}).await;
    rig.vendor.seed(&rig.sims, &[OURS]);
    let body = json!({"private_link_services": [{
        "id": "their-link", "vault_cluster_id": CLUSTER_ID, "state": "AVAILABLE", "default_region": "eu-west-1",
        "consumer_accounts": null, "consumer_ip_ranges": null, "consumer_regions": null, "external_name": null,
    }], "pagination": null});
    rig.break_next(Op::Look, FaultKind::Body(body.to_string()));
    let waiting = pending(rig.ensure(1).await);
    assert!(
        waiting.reason.contains(OURS) && waiting.reason.contains("10.20.0.0/16"),
        "{}",
        waiting.reason
    );
    rig.ensured().await;
}

#[tokio::test]
async fn the_clusters_service_is_found_on_any_page_and_by_any_id() {
    let rig = hcp(|knobs| {
        knobs.sorted_lists = true;
        knobs.hvn_uuid_as_id = true;
    })
    .await;
    hcp_project(&rig.sims, |project| {
        for n in 0..23 {
            let link = PrivateLink::available(&format!("a-link-{n:02}"), HVN_ID, &format!("vault-{n}"), &[THEIRS]);
            project.links.insert(link.id.clone(), link);
        }
    });
    rig.vendor.seed(&rig.sims, &[THEIRS]);
    rig.ensured().await;
    assert_eq!((rig.calls(CREATE), rig.calls(PATCH)), (0, 1));
}

#[tokio::test]
async fn a_name_that_is_told_too_early_is_not_offered() {
    let rig = Rig::start(Vendor::Hcp, |knobs| knobs.hcp.external_name_at_once = true).await;
    for attempt in 1..3 {
        assert_eq!(pending(rig.ensure(attempt).await).state, "CREATING");
    }
    let facts = rig.provider().await.preflight().await.unwrap();
    assert_eq!(facts.vendor.service_name, None);
}

#[tokio::test]
async fn a_creation_that_failed_is_rejected_with_hcps_reason_and_undone() {
    let rig = hcp(|knobs| knobs.fail_creation = Some("terraform apply failed: error applying".into())).await;
    pending(rig.ensure(1).await);
    until("the failure", async || {
        !matches!(rig.ensure(2).await, Ok(Look::Pending(_)))
    })
    .await;
    let error = failure(
        rig.ensure(3).await,
        &["FAILED", "terraform apply failed", "gRPC code 13"],
    );
    assert_eq!(error.name, ErrorName::Rejected);
    assert_eq!(rig.calls(CREATE), 1, "never made over the failed one");
    rig.released(&rig.everything(&[])).await;
    assert_eq!(rig.lists(), None);
}

#[tokio::test]
async fn rules_that_the_operation_checks_end_the_same() {
    let rig = hcp(|knobs| knobs.rules_in_operation = true).await;
    hcp_network(&rig.sims, |hvn| hvn.peerings.push(peering("ACTIVE")));
    pending(rig.ensure(1).await);
    until("the failure", async || rig.ensure(2).await.is_err()).await;
    let error = failure(rig.ensure(3).await, &["peering or transit gateway"]);
    assert_eq!(error.name, ErrorName::Rejected);
}

#[tokio::test]
async fn a_full_list_is_a_limit_with_the_count_whatever_code_hcp_gives_it() {
    let accounts: Vec<String> = (0..10).map(|n| format!("arn:aws:iam::44445555666{n}:root")).collect();
    let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
    for limit_code in [3, 8] {
        let mut rig = hcp(|knobs| knobs.limit_code = limit_code).await;
        rig.vendor.seed(&rig.sims, &accounts);
        // The stack's owner says that HashiCorp raised it.
        rig.settings.hcp_max_consumer_accounts = 20;
        let error = failure(
            rig.ensure(1).await,
            &["at most 10 consumer accounts", "consumer account 11 of 10"],
        );
        assert_eq!(error.name, ErrorName::LimitExceeded, "{error}");
        assert_eq!(rig.lists().unwrap().principals.len(), 10);
    }
}

#[tokio::test]
async fn a_change_that_hcp_accepts_and_cannot_make_is_not_asked_for_for_ever() {
    for (code, message, name) in [
        (13, "terraform apply failed", ErrorName::Rejected),
        (8, "quota of consumer accounts", ErrorName::LimitExceeded),
    ] {
        let rig = hcp(|_| {}).await;
        rig.vendor.seed(&rig.sims, &[THEIRS]);
        pending(rig.ensure(1).await);
        until("the end of the change", async || {
            rig.lists().unwrap().principals.len() == 2
        })
        .await;
        // As if it had failed: the entries are not there, the service is AVAILABLE as before, and the operation tells why.
        hcp_project(&rig.sims, |project| {
            project.links.get_mut("their-link").unwrap().consumer_accounts = vec![THEIRS.into()];
            let operation = project.operations.values_mut().next().unwrap();
            operation.error = Some(ApiError::new(code, message));
        });
        let error = failure(rig.ensure(2).await, &["adding consumer accounts", message]);
        assert_eq!(error.name, name, "{error}");
        assert_eq!(rig.calls(PATCH), 1);
        // A new run tries it anew.
        pending(rig.ensure(1).await);
        assert_eq!(rig.calls(PATCH), 2);
        rig.ensured().await;
    }
}

#[tokio::test]
async fn an_old_failure_of_another_services_operation_is_nobodys_business() {
    let rig = hcp(|_| {}).await;
    rig.vendor.seed(&rig.sims, &[THEIRS]);
    hcp_project(&rig.sims, |project| {
        let operation = Operation {
            id: "old".into(),
            resource: (
                "hashicorp.network.private-link".into(),
                "other-link".into(),
                String::new(),
            ),
            region: "eu-west-1".into(),
            created_at: Duration::ZERO,
            running_at: Duration::ZERO,
            done_at: Duration::ZERO,
            error: Some(ApiError::new(13, "boom")),
        };
        project.operations.insert(operation.id.clone(), operation);
    });
    pending(rig.ensure(2).await);
    rig.ensured().await;
}

#[tokio::test]
async fn an_update_that_fails_leaves_a_failed_service_that_is_rejected() {
    let rig = hcp(|knobs| knobs.fail_update = Some("no capacity in the zone".into())).await;
    rig.vendor.seed(&rig.sims, &[THEIRS]);
    pending(rig.ensure(1).await);
    until("the failure", async || rig.ensure(2).await.is_err()).await;
    let error = failure(rig.ensure(3).await, &["FAILED", "no capacity in the zone"]);
    assert_eq!(error.name, ErrorName::Rejected);
    // Others' service is not deleted for it.
    let mut release = rig.everything(&[]);
    release.delete_service = false;
    release.remove.principals = vec![THEIRS.into()];
    let kept = ready(rig.release(&release).await);
    assert!(kept[0].contains("HCP changes only one that is AVAILABLE"), "{kept:?}");
}

/// Another run creates between this run's look and its creation.
async fn overtaken(set: impl Fn(&mut HcpKnobs)) -> Rig {
    let rig = hcp(set).await;
    rig.break_next(
        Op::Look,
        FaultKind::Body(json!({"private_link_services": []}).to_string()),
    );
    hcp_project(&rig.sims, |project| {
        let link = PrivateLink::available("their-link", HVN_ID, CLUSTER_ID, &[THEIRS]);
        project.links.insert(link.id.clone(), link);
    });
    rig
}

#[tokio::test]
async fn a_creation_that_another_run_was_faster_with_is_waited_for() {
    for code in [6, 9] {
        let rig = overtaken(|knobs| knobs.second_link_code = code).await;
        let waiting = pending(rig.ensure(1).await);
        assert!(waiting.reason.contains("another call"), "{}", waiting.reason);
        rig.ensured().await;
        assert_eq!(rig.endpoint_services(), 1);
    }
    // A code that also means "too many requests": another try mends it all the same.
    let rig = overtaken(|knobs| knobs.second_link_code = 8).await;
    assert_eq!(rig.ensure(1).await.unwrap_err().name, ErrorName::Throttled);
    rig.ensured().await;
    assert_eq!(rig.endpoint_services(), 1);
}

#[tokio::test]
async fn an_api_that_answers_with_what_is_there_is_fine_too() {
    let rig = hcp(|knobs| knobs.idempotent_create = true).await;
    rig.break_next(Op::Create, FaultKind::ResetAfter);
    rig.ensure(1).await.unwrap_err();
    // And the list lags.
    rig.break_next(
        Op::Look,
        FaultKind::Body(json!({"private_link_services": []}).to_string()),
    );
    pending(rig.ensure(2).await);
    rig.ensured().await;
    assert_eq!(rig.endpoint_services(), 1);
}

#[tokio::test]
async fn an_id_that_another_hvn_uses_is_told_by_its_field() {
    let rig = hcp(|_| {}).await;
    hcp_project(&rig.sims, |project| {
        let mut other = project.networks[HVN_ID].clone();
        other.id = "other-hvn".into();
        project.networks.insert(other.id.clone(), other);
        let link = PrivateLink::available("pl-acme-vault", "other-hvn", "other-vault", &[THEIRS]);
        project.links.insert(link.id.clone(), link);
    });
    let error = failure(rig.ensure(1).await, &["is taken by the HVN \"other-hvn\""]);
    assert!(
        error.message.starts_with("/provider/private_link_service_id: "),
        "{error}"
    );
}

#[tokio::test]
async fn a_deletion_ends_right_whatever_hcp_answers_to_a_second_one() {
    for second_delete in [
        SecondDelete::FailedOperation,
        SecondDelete::Unavailable,
        SecondDelete::NotFound,
    ] {
        let rig = hcp(|knobs| knobs.second_delete = second_delete).await;
        rig.ensured().await;
        rig.break_next(Op::Delete, FaultKind::ResetAfter);
        let release = rig.everything(&[]);
        rig.release(&release).await.unwrap_err();
        assert!(rig.released(&release).await.is_empty());
        assert_eq!(rig.lists(), None);
    }
}

#[tokio::test]
async fn a_deletion_that_hcp_refuses_for_now_is_waited_for() {
    let rig = hcp(|knobs| knobs.connections_block_deletion = true).await;
    rig.ensured().await;
    let endpoint = rig.connect();
    let release = rig.everything(&[&endpoint]);
    let waiting = pending(rig.release(&release).await);
    assert!(
        waiting.reason.contains("has endpoint connections"),
        "{}",
        waiting.reason
    );
    assert!(rig.sims.ec2.forget(&endpoint.endpoint_id));
    rig.released(&release).await;
    assert_eq!(rig.lists(), None);
}

#[tokio::test]
async fn a_cluster_that_is_not_running_is_waited_for_or_told() {
    let rig = hcp(|_| {}).await;
    rig.ensured().await;
    let endpoint = rig.connect();
    let set = |state: &str| hcp_cluster(&rig.sims, |cluster| cluster.state = state.into());
    set("UPDATING");
    assert_eq!(pending(rig.access(&endpoint, 1).await).state, "UPDATING");
    set("SEALED");
    assert_eq!(
        failure(rig.access(&endpoint, 1).await, &["SEALED"]).name,
        ErrorName::Rejected
    );
    set("HIBERNATING");
    assert_eq!(
        failure(rig.access(&endpoint, 1).await, &["\"HIBERNATING\""]).name,
        ErrorName::Unexpected
    );
    set("RUNNING");
    ready(rig.access(&endpoint, 1).await);
}

#[tokio::test]
async fn the_token_endpoints_page_under_load_is_a_throttle() {
    let rig = hcp(|knobs| knobs.token_requests_per_minute = Some(0)).await;
    let error = failure(rig.ensure(1).await, &["HCP POST /oauth2/token answered 403"]);
    assert_eq!(error.name, ErrorName::Throttled);
    assert!(!error.message.contains("Forbidden"), "{error}");
}

#[tokio::test]
async fn the_rate_limits_own_seconds_are_the_wait() {
    let rig = hcp(|knobs| knobs.requests_per_minute = Some(0)).await;
    let error = failure(rig.ensure(1).await, &["exceeded the rate limit"]);
    assert_eq!(error.name, ErrorName::Throttled);
    let wait = error.retry_after.unwrap().as_secs();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(rig.calls(LOOK), 1);
}
