//! What a removal needs to know of a vendor's service, and how it gets there.

use serde_json::json;
use shared::document::Additions;
use shared::provider::{Release, ServiceSeen};
use simulators::fabric::EndpointState;
use simulators::recorder::FaultKind;

use crate::rig::{Rig, both, failure, quick, ready, still};
use crate::vendor::{OURS, Op, THEIRS, Vendor, aiven_service, hcp_project, switched_on};

async fn seen(rig: &Rig) -> Option<ServiceSeen> {
    rig.checked(rig.provider().await.service_seen().await).unwrap()
}

#[tokio::test]
async fn the_service_is_seen_with_its_name_and_every_region() {
    both(still, async |rig| {
        rig.vendor.seed(&rig.sims, &[THEIRS]);
        let service = rig.vendor.endpoint_service(&rig.sims).unwrap();
        let expected = ServiceSeen {
            service_name: Some(format!("com.amazonaws.vpce.eu-west-1.{service}")),
            regions: vec!["eu-west-1".into(), "us-west-2".into()],
        };
        assert_eq!(seen(&rig).await, Some(expected));
        assert_eq!(rig.writes(), 0);
    })
    .await;
}

#[tokio::test]
async fn one_that_is_being_made_has_no_name_yet() {
    both(still, async |mut rig| {
        rig.ask(|request| request["consumer"]["region"] = json!("us-east-1"));
        rig.ensure(1).await.unwrap();
        let seen = seen(&rig).await.unwrap();
        assert_eq!(seen.service_name, None);
        assert_eq!(seen.regions, ["eu-west-1", "us-east-1"]);
    })
    .await;
}

#[tokio::test]
async fn a_vendor_that_has_none_of_it_any_more_is_no_error() {
    both(still, async |rig| {
        assert_eq!(seen(&rig).await, None);
        rig.vendor.seed(&rig.sims, &[OURS]);
        rig.vendor.forget_target(&rig.sims);
        assert_eq!(seen(&rig).await, None);
        let release = Release {
            remove_if_alone: rig.wanted(),
            ..rig.everything(&[])
        };
        assert_eq!(ready(rig.release(&release).await), Vec::<String>::new());
        assert_eq!(rig.writes(), 0);
    })
    .await;
    // All of it: the organization's project at HCP, and Aiven's.
    both(still, async |rig| {
        match rig.vendor {
            Vendor::Hcp => hcp_project(&rig.sims, |project| *project = Default::default()),
            Vendor::Aiven => {
                let not_found = FaultKind::Status {
                    status: 404,
                    retry_after: None,
                };
                rig.inject(rig.vendor.op(Op::Look), None, not_found.clone());
                rig.inject(rig.vendor.op(Op::Target), None, not_found);
            }
        }
        assert_eq!(seen(&rig).await, None);
        assert_eq!(ready(rig.release(&rig.everything(&[])).await), Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn access_is_withdrawn_before_the_endpoint_goes() {
    both(quick, async |rig| {
        rig.run().await;
        let endpoints: Vec<String> = rig.sims.ec2.endpoints().iter().map(|e| e.id.clone()).collect();
        let release = Release {
            delete_service: true,
            remove: rig.wanted(),
            endpoint_ids: endpoints,
            ..Release::default()
        };
        rig.sims.recorder.clear_calls();
        let provider = rig.provider().await;
        let left = crate::rig::until_ready("the withdrawal", async |_| provider.withdraw_access(&release).await).await;
        assert_eq!(left, Vec::<String>::new());
        // The service and its lists are still there; only Aiven has something to switch off.
        assert_eq!(rig.lists().unwrap().principals, [OURS]);
        match rig.vendor {
            Vendor::Hcp => assert!(rig.sims.recorder.calls().is_empty()),
            Vendor::Aiven => {
                assert!(aiven_service(&rig.sims, |service| switched_on(service)).is_empty());
                assert_eq!(rig.writes(), 1);
            }
        }
    })
    .await;
}

#[tokio::test]
async fn components_stay_on_while_another_endpoint_of_the_account_is_connected() {
    let rig = Rig::start(Vendor::Aiven, quick).await;
    rig.run().await;
    let release = Release {
        remove: Additions {
            components: rig.wanted().components,
            ..Additions::default()
        },
        endpoint_ids: rig.sims.ec2.endpoints().iter().map(|e| e.id.clone()).collect(),
        other_endpoint_ids: vec!["vpce-0ffffffffffffffff".into()],
        ..Release::default()
    };
    let left = ready(rig.release(&release).await);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().all(|sentence| sentence.contains("vpce-0ffffffffffffffff")));
    assert_eq!(
        aiven_service(&rig.sims, |service| switched_on(service)),
        ["kafka", "schema_registry"]
    );
}

#[tokio::test]
async fn an_hcp_that_keeps_the_last_account_is_told_and_the_rest_goes() {
    let rig = Rig::start(Vendor::Hcp, |knobs| {
        quick(knobs);
        knobs.hcp.last_account_may_go = false;
    })
    .await;
    rig.ensured().await;
    let release = Release {
        delete_service: false,
        ..rig.everything(&[])
    };
    let left = rig.released(&release).await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].contains(OURS) && left[0].contains("delete_service"), "{left:?}");
    let lists = rig.lists().unwrap();
    assert_eq!((lists.principals, lists.ip_ranges), (vec![OURS.to_owned()], Vec::new()));
}

#[tokio::test]
async fn a_failed_service_is_told_by_preflight_and_goes_with_the_connection() {
    let rig = Rig::start(Vendor::Hcp, |knobs| {
        quick(knobs);
        knobs.hcp.fail_creation = Some("terraform apply failed".into());
    })
    .await;
    rig.ensure(1).await.unwrap();
    crate::rig::until("the failure", async || rig.ensure(2).await.is_err()).await;
    rig.sims.recorder.clear_calls();
    let error = failure(
        rig.preflight().await,
        &["\n/provider/private_link_service_id: ", "terraform apply failed"],
    );
    assert_eq!(error.name, shared::ErrorName::Rejected);
    assert_eq!(rig.writes(), 0);
    let plan = rig.plan_release(&rig.everything(&[])).await;
    assert_eq!(rig.released(&rig.everything(&[])).await, plan.left);
    assert_eq!(rig.written(), crate::rig::planned(&plan.changes));
    assert_eq!(rig.lists(), None);
}

#[tokio::test]
async fn each_account_and_region_gets_its_own_connection() {
    let mut rig = Rig::start(Vendor::Aiven, quick).await;
    rig.ensured().await;
    let here = rig.connect();
    let first = rig.accessed(&here).await;
    rig.ask(|request| {
        request["consumer"]["account_id"] = json!("444455556666");
        request["consumer"]["region"] = json!("us-east-1");
    });
    rig.ensured().await;
    let there = rig.connect();
    let second = rig.accessed(&there).await;
    assert_ne!(first.vendor_connection_id, second.vendor_connection_id);
    let hosts = |access: &shared::document::Access| -> Vec<String> {
        access.components.iter().map(|c| c.host.clone()).collect()
    };
    assert!(hosts(&first).iter().all(|host| !hosts(&second).contains(host)));
    let lists = rig.lists().unwrap();
    assert_eq!(
        (lists.principals, lists.regions),
        (vec![OURS.into(), THEIRS.into()], vec!["us-east-1".into()])
    );

    // The second leaves; the first has what it had.
    let release = Release {
        delete_service: true,
        remove: Additions {
            principals: vec![THEIRS.into()],
            ..Additions::default()
        },
        endpoint_ids: vec![there.endpoint_id],
        ..Release::default()
    };
    let left = rig.released(&release).await;
    assert!(left.len() == 1 && left[0].contains(&here.endpoint_id), "{left:?}");
    assert_eq!(rig.lists().unwrap().principals, [OURS]);
    rig.ask(|_| {});
    assert_eq!(rig.accessed(&here).await, first);
    let endpoints = rig.sims.ec2.endpoints();
    assert!(
        endpoints
            .iter()
            .all(|endpoint| endpoint.state == EndpointState::Available)
    );
}

#[tokio::test]
async fn the_next_plan_has_the_ports_that_this_run_found() {
    let mut rig = Rig::start(Vendor::Aiven, quick).await;
    rig.ask(|request| {
        request["provider"]["service_name"] = json!("orders-pg");
        request["provider"]["components"] = json!(["pg", "pgbouncer"]);
    });
    rig.ensured().await;
    let provider = rig.provider().await;
    let endpoint = {
        let service_id = crate::vendor::aiven_project(&rig.sims, |project| {
            let link = project.services["orders-pg"].privatelink.as_ref().unwrap();
            link.aws_service_id.clone().unwrap()
        });
        rig.connect_to(&service_id)
    };
    let access = crate::rig::until_ready("access", async |attempt| {
        provider.ensure_access(&endpoint, attempt, None).await
    })
    .await;
    let ports = rig.preflight().await.unwrap().vendor.ports;
    for component in access.components {
        assert!(
            ports.iter().any(|(from, to)| (*from..=*to).contains(&component.port)),
            "{ports:?}: {component:?}"
        );
    }
}
