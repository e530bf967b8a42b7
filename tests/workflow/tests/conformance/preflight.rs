//! What preflight tells, and that it only reads.

use serde_json::json;
use shared::document::Additions;
use shared::progress::Look;

use crate::rig::{Rig, both, quick, still};
use crate::vendor::{OURS, Op, THEIRS, Vendor};

/// A request from another region for two principals, so that every list has something to add.
fn ask_for_much(rig: &mut Rig) {
    let principals = rig.vendor.principals_field();
    rig.ask(|request| {
        request["provider"][principals] = json!([OURS, "arn:aws:iam::111122223333:role/clients"]);
        request["consumer"]["region"] = json!("us-east-1");
    });
}

#[tokio::test]
async fn without_a_service_everything_is_to_be_added() {
    both(still, async |mut rig| {
        ask_for_much(&mut rig);
        let facts = rig.provider().await.preflight().await.unwrap().vendor;
        assert!(!facts.service_existed && facts.service_name.is_none());
        assert_eq!(facts.service_region, "eu-west-1");
        assert_eq!(facts.adds, rig.wanted());
        assert_eq!(facts.adds.principals.len(), 2);
        assert_eq!(facts.adds.regions, ["us-east-1"]);
        match rig.vendor {
            Vendor::Hcp => {
                assert_eq!(facts.adds.ip_ranges, ["10.20.0.0/16"]);
                assert_eq!(facts.ports, [(8200, 8200)]);
                let host = simulators::hcp::CLUSTER_PRIVATE_DNS;
                assert_eq!(facts.private_hostname.as_deref(), Some(host));
            }
            Vendor::Aiven => {
                assert_eq!(facts.adds.components, ["kafka", "schema_registry"]);
                assert_eq!(facts.ports, [(10_000, 31_000)]);
                assert_eq!(facts.private_hostname, None);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn the_own_region_is_nothing_to_add() {
    both(still, async |rig| {
        let facts = rig.provider().await.preflight().await.unwrap().vendor;
        assert!(facts.adds.regions.is_empty(), "{:?}", facts.adds);
    })
    .await;
}

#[tokio::test]
async fn of_a_service_that_is_there_only_what_is_missing_is_to_be_added() {
    both(still, async |mut rig| {
        rig.vendor.seed(&rig.sims, &[THEIRS, OURS]);
        ask_for_much(&mut rig);
        let facts = rig.provider().await.preflight().await.unwrap().vendor;
        assert!(facts.service_existed);
        let service = rig.vendor.endpoint_service(&rig.sims).unwrap();
        assert_eq!(
            facts.service_name,
            Some(format!("com.amazonaws.vpce.eu-west-1.{service}"))
        );
        assert_eq!(facts.adds.principals, ["arn:aws:iam::111122223333:role/clients"]);
        assert_eq!(facts.adds.regions, ["us-east-1"]);
    })
    .await;
}

#[tokio::test]
async fn a_service_that_an_earlier_run_completed_needs_nothing() {
    both(quick, async |rig| {
        rig.ensured().await;
        rig.accessed(&rig.connect()).await;
        let facts = rig.provider().await.preflight().await.unwrap().vendor;
        assert!(facts.service_existed);
        assert_eq!(facts.adds, Additions::default());
    })
    .await;
}

#[tokio::test]
async fn a_service_that_is_being_made_is_there_without_a_name() {
    both(still, async |rig| {
        rig.ensure(1).await.unwrap();
        let facts = rig.provider().await.preflight().await.unwrap().vendor;
        assert!(facts.service_existed && facts.service_name.is_none(), "{facts:?}");
    })
    .await;
}

#[tokio::test]
async fn a_service_that_is_being_deleted_is_not_there() {
    both(still, async |rig| {
        rig.vendor.seed(&rig.sims, &[OURS]);
        let release = rig.everything(&[]);
        assert!(matches!(rig.release(&release).await, Ok(Look::Pending(_))));
        let facts = rig.provider().await.preflight().await.unwrap().vendor;
        assert!(!facts.service_existed && facts.service_name.is_none(), "{facts:?}");
        assert_eq!(facts.adds.principals, [OURS]);
    })
    .await;
}

#[tokio::test]
async fn it_writes_nothing_whatever_it_finds() {
    both(still, async |rig| {
        let provider = rig.provider().await;
        provider.preflight().await.unwrap();
        rig.vendor.seed(&rig.sims, &[THEIRS]);
        provider.preflight().await.unwrap();
        rig.inject(
            rig.vendor.op(Op::Look),
            Some(1),
            simulators::recorder::FaultKind::ResetBefore,
        );
        provider.preflight().await.unwrap_err();
        assert_eq!(rig.writes(), 0);
    })
    .await;
}
