//! Taking back what a run added, and nothing of anybody else's.

use serde_json::json;
use shared::progress::Look;
use shared::provider::{Release, ReleasePlan};
use simulators::recorder::FaultKind;

use crate::rig::{both, failure, pending, quick, ready, still, until};
use crate::vendor::{OURS, Op, THEIRS, Vendor, aiven_service, switched_on};

#[tokio::test]
async fn after_a_creation_nothing_is_left() {
    both(quick, async |rig| {
        rig.ensured().await;
        let endpoint = rig.connect();
        rig.accessed(&endpoint).await;
        // The vendor still lists the endpoint, which is ours and so nobody who needs the service.
        let release = rig.everything(&[&endpoint]);
        assert_eq!(rig.released(&release).await, Vec::<String>::new());
        assert_eq!(rig.lists(), None);
        assert_eq!(rig.endpoint_services(), 0);
        assert!(aiven_service(&rig.sims, |service| switched_on(service)).is_empty());
    })
    .await;
}

#[tokio::test]
async fn of_a_service_of_others_only_our_entries_go() {
    both(quick, async |mut rig| {
        rig.vendor.seed(&rig.sims, &[THEIRS]);
        rig.ask(|request| request["consumer"]["region"] = json!("us-east-1"));
        let before = rig.lists().unwrap();
        let adds = rig.provider().await.preflight().await.unwrap().vendor.adds;
        rig.ensured().await;
        let endpoint = rig.connect();
        rig.accessed(&endpoint).await;
        assert_ne!(rig.lists(), Some(before.clone()));
        let release = Release {
            delete_service: false,
            remove: adds,
            endpoint_ids: vec![endpoint.endpoint_id],
            ..Release::default()
        };
        assert_eq!(rig.released(&release).await, Vec::<String>::new());
        assert_eq!(rig.lists(), Some(before));
        assert_eq!((rig.calls(rig.vendor.op(Op::Delete)), rig.endpoint_services()), (0, 1));
    })
    .await;
}

#[tokio::test]
async fn a_service_that_others_joined_stays_and_the_reason_is_told() {
    both(quick, async |rig| {
        rig.ensured().await;
        rig.vendor.set_principals(&rig.sims, &[OURS, THEIRS]);
        let kept = rig.released(&rig.everything(&[])).await;
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert!(
            kept[0].contains("PrivateLink service") && kept[0].contains(THEIRS),
            "{kept:?}"
        );
        assert_eq!(rig.lists().unwrap().principals, [THEIRS]);
        assert_eq!(rig.calls(rig.vendor.op(Op::Delete)), 0);
    })
    .await;
}

#[tokio::test]
async fn twice_is_once() {
    both(quick, async |rig| {
        rig.ensured().await;
        let release = rig.everything(&[]);
        rig.released(&release).await;
        rig.sims.recorder.clear_calls();
        assert_eq!(ready(rig.release(&release).await), Vec::<String>::new());
        assert_eq!(rig.writes(), 0);
    })
    .await;
}

#[tokio::test]
async fn while_it_goes_it_is_asked_for_once_and_waited_for() {
    both(still, async |rig| {
        rig.vendor.seed(&rig.sims, &[OURS]);
        let release = rig.everything(&[]);
        pending(rig.release(&release).await);
        for _ in 0..2 {
            assert_eq!(pending(rig.release(&release).await).state, rig.vendor.words().deleting);
        }
        assert_eq!(rig.calls(rig.vendor.op(Op::Delete)), 1);
    })
    .await;
}

#[tokio::test]
async fn what_is_gone_with_its_whole_service_is_done() {
    both(quick, async |rig| {
        rig.ensured().await;
        rig.vendor.forget_target(&rig.sims);
        let release = rig.everything(&[]);
        assert_eq!(ready(rig.release(&release).await), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn nothing_to_take_back_is_no_call_at_all() {
    both(quick, async |rig| {
        let nothing = Release {
            endpoint_ids: vec!["vpce-0a1b2c3d4e5f60718".into()],
            ..Release::default()
        };
        assert_eq!(rig.plan_release(&nothing).await, ReleasePlan::default());
        assert_eq!(ready(rig.release(&nothing).await), Vec::<String>::new());
        assert!(rig.sims.recorder.calls().is_empty());
        assert_eq!(rig.secrets.reads(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_service_that_is_still_being_made_is_waited_for_and_then_deleted() {
    both(still, async |rig| {
        rig.ensure(1).await.unwrap();
        let waiting = pending(rig.release(&rig.everything(&[])).await);
        assert_eq!(waiting.state, rig.vendor.words().creating);
        assert_eq!(rig.calls(rig.vendor.op(Op::Delete)), 0);
    })
    .await;
    both(quick, async |rig| {
        rig.ensure(1).await.unwrap();
        rig.released(&rig.everything(&[])).await;
        assert_eq!((rig.lists(), rig.endpoint_services()), (None, 0));
    })
    .await;
}

#[tokio::test]
async fn it_gets_there_through_whatever_goes_wrong() {
    let kinds = [
        FaultKind::Status {
            status: 503,
            retry_after: None,
        },
        FaultKind::ResetBefore,
        FaultKind::ResetAfter,
        FaultKind::Truncate,
    ];
    for kind in kinds {
        both(quick, async |rig| {
            rig.ensured().await;
            rig.break_next(Op::Look, kind.clone());
            rig.break_next(Op::Delete, kind.clone());
            let release = rig.everything(&[]);
            let mut failures = 0;
            until("the release", async || match rig.release(&release).await {
                Err(error) => {
                    assert!(error.name.is_retried(), "{error}");
                    failures += 1;
                    false
                }
                Ok(Look::Pending(_)) => false,
                Ok(Look::Ready(left)) => {
                    assert!(left.is_empty(), "{left:?}");
                    true
                }
            })
            .await;
            assert_eq!(failures, 2, "{kind:?}");
            assert_eq!((rig.lists(), rig.endpoint_services()), (None, 0));
        })
        .await;
    }
}

#[tokio::test]
async fn without_the_right_to_write_the_call_is_named() {
    both(quick, async |rig| {
        rig.ensured().await;
        rig.vendor.take_write_permission(&rig.sims);
        let call = match rig.vendor {
            Vendor::Hcp => "HCP DELETE /network/",
            // Even to look takes that right at Aiven.
            Vendor::Aiven => "Aiven GET /v1/project/acme-prod/service/orders-kafka/privatelink/aws",
        };
        failure(rig.release(&rig.everything(&[])).await, &[call, "403"]);
    })
    .await;
}
