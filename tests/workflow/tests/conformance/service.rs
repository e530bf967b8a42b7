//! The vendor's PrivateLink service: made once, shared with others, and never theirs taken from them.

use std::time::Duration;

use serde_json::json;
use shared::ErrorName;
use simulators::recorder::FaultKind;

use crate::rig::{both, failure, pending, quick, ready, still, until, until_ready};
use crate::vendor::{OURS, Op, THEIRS};

const ROLE: &str = "arn:aws:iam::111122223333:role/clients";

#[tokio::test]
async fn it_is_created_once_however_often_it_is_ensured() {
    both(quick, async |rig| {
        let offer = rig.ensured().await;
        for attempt in 1..4 {
            assert_eq!(ready(rig.ensure(attempt).await), offer);
        }
        assert_eq!(rig.calls(rig.vendor.op(Op::Create)), 1);
        assert_eq!((rig.writes(), rig.endpoint_services()), (1, 1));
        let mut lists = rig.lists().unwrap();
        lists.components = rig.wanted().components;
        assert_eq!(lists, rig.wanted());
    })
    .await;
}

#[tokio::test]
async fn the_offer_is_what_an_endpoint_connects_to() {
    both(quick, async |rig| {
        let offer = rig.ensured().await;
        let service = rig.vendor.endpoint_service(&rig.sims).unwrap();
        assert_eq!(offer.service_name, format!("com.amazonaws.vpce.eu-west-1.{service}"));
        assert_eq!(offer.service_region, "eu-west-1");
    })
    .await;
}

#[tokio::test]
async fn a_complete_service_is_ready_at_the_first_look_and_not_touched() {
    both(quick, async |rig| {
        rig.ensured().await;
        rig.sims.recorder.clear_calls();
        ready(rig.ensure(1).await);
        assert_eq!(rig.writes(), 0);
    })
    .await;
}

#[tokio::test]
async fn one_that_is_there_is_extended_and_nobodys_entry_is_lost() {
    both(quick, async |mut rig| {
        rig.vendor.seed(&rig.sims, &[THEIRS]);
        rig.ask(|request| request["consumer"]["region"] = json!("us-east-1"));
        let before = rig.lists().unwrap();
        rig.ensured().await;
        let (after, wanted) = (rig.lists().unwrap(), rig.wanted());
        assert_eq!(after.principals, [before.principals, wanted.principals].concat());
        assert_eq!(after.ip_ranges, [before.ip_ranges, wanted.ip_ranges].concat());
        assert_eq!(after.regions, [before.regions, wanted.regions].concat());
        assert_eq!(rig.calls(rig.vendor.op(Op::Create)), 0);
        assert_eq!(rig.endpoint_services(), 1);
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_another_run_removed_in_between_is_put_back() {
    both(quick, async |rig| {
        rig.ensured().await;
        rig.vendor.set_principals(&rig.sims, &[THEIRS]);
        pending(rig.ensure(1).await);
        until_ready("the service", async |_| rig.ensure(1).await).await;
        assert_eq!(rig.lists().unwrap().principals, [THEIRS, OURS]);
    })
    .await;
}

#[tokio::test]
async fn two_runs_at_once_keep_each_others_entries() {
    both(quick, async |mut rig| {
        rig.vendor.seed(&rig.sims, &[THEIRS]);
        let principals = rig.vendor.principals_field();
        let first = rig.request.clone();
        rig.ask(|request| request["provider"][principals] = json!([ROLE]));
        let second = rig.request.clone();
        // The first look of one run answers so late that the other run has written meanwhile.
        rig.break_next(Op::Look, FaultKind::Slow(Duration::from_millis(150)));
        let ensured = async |request| {
            let provider = rig.provider_of(request).await;
            until_ready("the service", async |attempt| provider.ensure_service(attempt).await).await
        };
        let late = async {
            until("the slow look", async || rig.calls(rig.vendor.op(Op::Look)) > 0).await;
            ensured(&second).await
        };
        tokio::join!(ensured(&first), late);
        // Both look once more after their writes, which the state machine has them do some seconds later.
        tokio::join!(ensured(&first), ensured(&second));
        let principals = rig.lists().unwrap().principals;
        assert!(
            [THEIRS, OURS, ROLE]
                .iter()
                .all(|p| principals.iter().any(|have| have == p)),
            "{principals:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn while_it_is_made_the_vendors_word_is_shown_and_nothing_written() {
    both(still, async |rig| {
        pending(rig.ensure(1).await);
        let waiting = pending(rig.ensure(2).await);
        assert_eq!(waiting.state, rig.vendor.words().creating);
        assert_eq!(rig.writes(), 1);
    })
    .await;
}

#[tokio::test]
async fn one_that_is_being_deleted_is_waited_for_and_made_again() {
    both(still, async |rig| {
        rig.vendor.seed(&rig.sims, &[OURS]);
        let release = rig.everything(&[]);
        pending(rig.release(&release).await);
        rig.sims.recorder.clear_calls();
        let waiting = pending(rig.ensure(1).await);
        assert_eq!(waiting.state, rig.vendor.words().deleting);
        assert_eq!(rig.writes(), 0);
    })
    .await;
    both(quick, async |rig| {
        rig.vendor.seed(&rig.sims, &[OURS]);
        let release = rig.everything(&[]);
        pending(rig.release(&release).await);
        rig.ensured().await;
        assert_eq!((rig.calls(rig.vendor.op(Op::Create)), rig.endpoint_services()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_state_that_no_contract_knows_ends_the_run_with_the_raw_word() {
    both(quick, async |rig| {
        let body = rig.vendor.answer_in_state("hibernating");
        rig.inject(rig.vendor.op(Op::Look), None, FaultKind::Body(body));
        for attempt in [1, 2] {
            let error = failure(rig.ensure(attempt).await, &["\"hibernating\"", "report"]);
            assert_eq!(error.name, ErrorName::Unexpected);
        }
        let preflight = rig.checked(rig.provider().await.preflight().await);
        assert_eq!(failure(preflight, &["\"hibernating\""]).name, ErrorName::Unexpected);
        let release = rig.everything(&[]);
        assert_eq!(
            failure(rig.release(&release).await, &["\"hibernating\""]).name,
            ErrorName::Unexpected
        );
        assert_eq!(rig.writes(), 0);
    })
    .await;
}

#[tokio::test]
async fn what_the_vendor_refuses_to_create_is_told_in_its_own_words() {
    both(quick, async |rig| {
        let words = rig.vendor.forbid_creation(&rig.sims);
        let error = failure(rig.ensure(1).await, &[words]);
        assert_eq!(error.name, ErrorName::InvalidRequest);
        assert_eq!(rig.lists(), None);
    })
    .await;
}

#[tokio::test]
async fn a_run_without_the_right_to_write_is_denied() {
    both(quick, async |rig| {
        rig.vendor.take_write_permission(&rig.sims);
        let error = failure(rig.ensure(1).await, &["403", "Give"]);
        assert_eq!(error.name, ErrorName::Denied);
    })
    .await;
}

#[tokio::test]
async fn the_same_request_again_writes_nothing_anywhere() {
    both(quick, async |mut rig| {
        rig.ensured().await;
        let endpoint = rig.connect();
        let first = rig.accessed(&endpoint).await;
        rig.cold_start();
        rig.sims.recorder.clear_calls();
        let facts = rig.provider().await.preflight().await.unwrap();
        assert!(facts.vendor.adds.is_empty(), "{facts:?}");
        ready(rig.ensure(1).await);
        assert_eq!(ready(rig.access(&endpoint, 1).await), first);
        assert_eq!(rig.writes(), 0);
    })
    .await;
}
