//! What only Aiven has: lists that are replaced whole, connections that show late, components to switch on.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use shared::ErrorName;
use shared::progress::Look;
use shared::provider::Release;
use simulators::aiven::{PROJECT_VPC_ID, PrivateLink, ServiceState};
use simulators::knobs::AivenKnobs;
use simulators::recorder::FaultKind;

use crate::rig::{Rig, failure, pending, quick, ready, still, until};
use crate::vendor::{OURS, Op, THEIRS, Vendor, aiven_service, switched_on};

const CREATE: &str = "ServicePrivatelinkAWSCreate";
const CONNECTIONS: &str = "ServicePrivatelinkAWSConnectionList";
const REFRESH: &str = "ServicePrivatelinkAWSRefresh";
const UPDATE_SERVICE: &str = "ServiceUpdate";

/// Quick, and what `set` makes of it.
async fn aiven(set: impl Fn(&mut AivenKnobs)) -> Rig {
    Rig::start(Vendor::Aiven, |knobs| {
        quick(knobs);
        set(&mut knobs.aiven);
    })
    .await
}

#[tokio::test]
async fn an_endpoint_that_stays_unlisted_has_aiven_look_on_every_fourth_look() {
    let rig = aiven(|knobs| knobs.listing_lag = Some(Duration::from_secs(1000))).await;
    rig.ensured().await;
    let endpoint = rig.connect();
    for attempt in 1..=3 {
        let waiting = pending(rig.access(&endpoint, attempt).await);
        assert_eq!(waiting.state, "unlisted");
        assert!(waiting.reason.contains(&endpoint.endpoint_id), "{}", waiting.reason);
    }
    assert_eq!(rig.calls(REFRESH), 0);
    // One that may not connect any more would never be listed: first it may again.
    aiven_service(&rig.sims, |service| {
        service.privatelink.as_mut().unwrap().principals = vec![THEIRS.to_owned()];
    });
    assert_eq!(pending(rig.access(&endpoint, 4).await).wait_seconds, Some(5));
    assert_eq!(rig.lists().unwrap().principals, [THEIRS, OURS]);
    assert_eq!(rig.calls(REFRESH), 0);
    pending(rig.access(&endpoint, 4).await);
    assert_eq!(rig.calls(REFRESH), 1);
    // And so it gets listed, though no event ever comes.
    rig.accessed(&endpoint).await;
    assert_eq!(rig.calls(REFRESH), 1);
}

#[tokio::test]
async fn a_refresh_that_aiven_cannot_do_is_no_failure() {
    for status in [404, 409] {
        let rig = aiven(|knobs| knobs.listing_lag = None).await;
        rig.ensured().await;
        let fault = FaultKind::Status {
            status,
            retry_after: None,
        };
        rig.inject(REFRESH, None, fault);
        assert_eq!(pending(rig.access(&rig.connect(), 4).await).state, "unlisted");
    }
}

#[tokio::test]
async fn switching_on_is_a_partial_configuration_and_moves_nothing() {
    let rig = aiven(|_| {}).await;
    let config = |rig: &Rig| {
        aiven_service(&rig.sims, |service| {
            (service.user_config.clone(), service.project_vpc_id.clone())
        })
    };
    aiven_service(&rig.sims, |service| {
        service.user_config["privatelink_access"] = json!({"kafka_rest": true})
    });
    let (mut before, _) = config(&rig);
    rig.ensured().await;
    rig.accessed(&rig.connect()).await;
    let (after, vpc) = config(&rig);
    before["privatelink_access"] = json!({"kafka": true, "kafka_rest": true, "schema_registry": true});
    assert_eq!(after, before);
    assert_eq!(vpc.as_deref(), Some(PROJECT_VPC_ID));
    assert_eq!(rig.calls(UPDATE_SERVICE), 1, "all components by one call");
    assert!(aiven_service(&rig.sims, |service| service.state == ServiceState::Running));
}

#[tokio::test]
async fn a_component_that_was_on_before_stays_on_after_a_release() {
    let rig = aiven(|_| {}).await;
    rig.vendor.seed(&rig.sims, &[THEIRS]);
    aiven_service(&rig.sims, |service| {
        service.user_config["privatelink_access"] = json!({"kafka": true})
    });
    let adds = rig.provider().await.preflight().await.unwrap().vendor.adds;
    assert_eq!(adds.components, ["schema_registry"]);
    rig.ensured().await;
    let endpoint = rig.connect();
    rig.accessed(&endpoint).await;
    let release = Release {
        delete_service: false,
        remove: adds,
        endpoint_ids: vec![endpoint.endpoint_id],
        ..Release::default()
    };
    rig.released(&release).await;
    assert_eq!(aiven_service(&rig.sims, |service| switched_on(service)), ["kafka"]);
}

#[tokio::test]
async fn what_other_endpoints_may_use_stays_and_is_told() {
    let rig = aiven(|_| {}).await;
    rig.ensured().await;
    let (ours, theirs) = (rig.connect(), rig.connect());
    rig.accessed(&ours).await;
    rig.accessed(&theirs).await;
    let kept = ready(rig.release(&rig.everything(&[&ours])).await);
    assert!(
        kept.iter().all(|sentence| sentence.contains(&theirs.endpoint_id)),
        "{kept:?}"
    );
    assert!(
        kept.iter()
            .any(|sentence| sentence.contains("privatelink_access.kafka=false")),
        "{kept:?}"
    );
    assert!(
        kept.iter().any(|sentence| sentence.contains("privatelink aws delete")),
        "{kept:?}"
    );
    assert_eq!(rig.lists(), Some(rig.wanted()));
    assert_eq!(rig.writes(), 2, "created and switched on, nothing since");
}

#[tokio::test]
async fn kafka_has_a_row_for_each_authentication_method() {
    for knob in [false, true] {
        let rig = aiven(|knobs| {
            knobs.reversed_rows = knob;
            knobs.null_connection_ids = knob;
            knobs.connection_id_at_once = knob;
            knobs.own_region_listed = knob;
        })
        .await;
        aiven_service(&rig.sims, |service| {
            service.user_config["letsencrypt_sasl_privatelink"] = json!(true)
        });
        rig.ensured().await;
        let access = rig.accessed(&rig.connect()).await;
        let rows: Vec<(&str, Option<&str>, Option<&str>)> = access
            .components
            .iter()
            .map(|c| {
                (
                    c.component.as_str(),
                    c.authentication_method.as_deref(),
                    c.ca.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("kafka", Some("certificate"), Some("project_ca")),
                ("kafka", Some("sasl"), Some("project_ca")),
                ("kafka", Some("sasl"), Some("letsencrypt")),
                ("schema_registry", None, None),
            ]
        );
        let ports: BTreeSet<u16> = access.components.iter().map(|c| c.port).collect();
        assert_eq!(ports.len(), 4);
        assert!(
            access.components[3]
                .url
                .as_ref()
                .unwrap()
                .starts_with("https://privatelink-1-")
        );
    }
}

#[tokio::test]
async fn a_service_of_another_type_has_its_own_components() {
    let mut rig = aiven(|_| {}).await;
    rig.ask(|request| {
        request["provider"]["service_name"] = json!("orders-pg");
        request["provider"]["components"] = json!(["pg", "pgbouncer"]);
    });
    let facts = rig.provider().await.preflight().await.unwrap();
    assert_eq!(facts.vendor.ports, [(21470, 21470), (21471, 21471)]);
    rig.ensured().await;
}

#[tokio::test]
async fn a_new_service_that_does_not_show_yet_is_not_made_twice() {
    let rig = aiven(|knobs| knobs.visibility_lag = Duration::from_millis(400)).await;
    let waiting = async |attempt| pending(rig.ensure(attempt).await).state;
    assert_eq!(waiting(1).await, "creating");
    assert_eq!(waiting(2).await, "conflict");
    rig.ensured().await;
    assert_eq!((rig.sims.recorder.writes().len(), rig.endpoint_services()), (1, 1));
    // The same where the API answers 403 for a while.
    let rig = aiven(|_| {}).await;
    rig.ensure(1).await.unwrap();
    rig.break_next(
        Op::Look,
        FaultKind::Status {
            status: 403,
            retry_after: None,
        },
    );
    assert_eq!(pending(rig.ensure(2).await).state, "conflict");
    rig.ensured().await;
}

#[tokio::test]
async fn a_service_whose_nodes_move_is_waited_for_before_anything_is_made() {
    let rig = aiven(|_| {}).await;
    let set = |state| aiven_service(&rig.sims, |service| service.state = state);
    set(ServiceState::Rebalancing);
    assert_eq!(pending(rig.ensure(1).await).state, "REBALANCING");
    set(ServiceState::Poweroff);
    let error = failure(rig.ensure(1).await, &["/provider/service_name: ", "power it on"]);
    assert_eq!(error.name, ErrorName::InvalidRequest);
    assert_eq!(rig.calls(CREATE), 0);
    set(ServiceState::Running);
    rig.ensured().await;
}

#[tokio::test]
async fn changes_that_aiven_refuses_for_now_are_waited_for() {
    let rig = aiven(|knobs| {
        knobs.update_leaves_active = Duration::from_millis(20);
        knobs.refuse_changes_while_creating = true;
        knobs.second_delete_conflicts = true;
    })
    .await;
    rig.vendor.seed(&rig.sims, &[THEIRS]);
    rig.ensured().await;
    let mut release = rig.everything(&[]);
    release.delete_service = false;
    rig.released(&release).await;
    assert_eq!(rig.lists().unwrap().principals, [THEIRS]);
}

#[tokio::test]
async fn a_region_that_the_project_may_not_use_is_told_with_the_way_out() {
    let mut rig = aiven(|knobs| knobs.cross_region = false).await;
    rig.ask(|request| request["consumer"]["region"] = json!("us-east-1"));
    let error = failure(
        rig.ensure(1).await,
        &["Cross-region", "(us-east-1)", "ask Aiven to enable it"],
    );
    assert_eq!(error.name, ErrorName::Denied);
    // From the service's own region nothing of the kind is sent.
    rig.ask(|_| {});
    rig.ensured().await;
}

#[tokio::test]
async fn an_api_that_does_not_show_its_regions_is_not_asked_for_ever() {
    let mut rig = aiven(|knobs| knobs.regions_in_answers = false).await;
    rig.ask(|request| request["consumer"]["region"] = json!("us-east-1"));
    rig.ensured().await;
    assert_eq!(rig.writes(), 1);
    assert_eq!(rig.lists().unwrap().regions, ["us-east-1"]);
}

#[tokio::test]
async fn the_last_principal_of_a_service_of_others_stays() {
    let rig = aiven(|_| {}).await;
    rig.vendor.seed(&rig.sims, &[OURS]);
    let mut release = rig.everything(&[]);
    release.delete_service = false;
    let kept = ready(rig.release(&release).await);
    assert!(kept[0].contains("as Aiven demands at least one"), "{kept:?}");
    assert_eq!(rig.lists().unwrap().principals, [OURS]);
}

#[tokio::test]
async fn foreign_connections_of_a_service_of_theirs_survive_a_release() {
    let rig = aiven(|_| {}).await;
    aiven_service(&rig.sims, |service| {
        service.privatelink = Some(PrivateLink::active(&[THEIRS], &["444455556666"]))
    });
    let before = rig.lists();
    rig.ensured().await;
    let endpoint = rig.connect();
    let mut release = rig.everything(&[&endpoint]);
    release.delete_service = false;
    release.remove.components.clear();
    rig.released(&release).await;
    assert_eq!(rig.lists(), before);
    let connections = aiven_service(&rig.sims, |service| {
        service.privatelink.as_ref().unwrap().connections.len()
    });
    assert!(connections >= 1);
}

#[tokio::test]
async fn a_connection_that_a_person_must_approve_says_so() {
    let rig = aiven(|_| {}).await;
    rig.ensured().await;
    let endpoint = rig.connect();
    let listed = |state: &str| -> Value {
        json!({"connections": [{"vpc_endpoint_id": endpoint.endpoint_id, "dns_name": "", "privatelink_connection_id": null, "state": state}]})
    };
    for (state, words) in [
        ("pending-user-approval", "must approve"),
        ("user-approved", "is approved"),
        ("connected", "has not given the connection an id"),
    ] {
        rig.inject(CONNECTIONS, Some(1), FaultKind::Body(listed(state).to_string()));
        let waiting = pending(rig.access(&endpoint, 1).await);
        assert_eq!(waiting.state, state);
        assert!(waiting.reason.contains(words), "{}", waiting.reason);
        rig.sims.recorder.clear_faults();
    }
    rig.inject(CONNECTIONS, Some(1), FaultKind::Body(listed("refused").to_string()));
    assert_eq!(
        failure(rig.access(&endpoint, 1).await, &["\"refused\""]).name,
        ErrorName::Unexpected
    );
}

#[tokio::test]
async fn rows_that_are_not_there_yet_are_named() {
    let rig = aiven(|knobs| knobs.component_lag = Duration::from_secs(1000)).await;
    rig.ensured().await;
    let endpoint = rig.connect();
    until("all but the rows", async || {
        pending(rig.access(&endpoint, 1).await).state == "RUNNING"
    })
    .await;
    let waiting = pending(rig.access(&endpoint, 1).await);
    for words in ["kafka (certificate)", "kafka (sasl)", "schema_registry"] {
        assert!(waiting.reason.contains(words), "{}", waiting.reason);
    }
}

#[tokio::test]
async fn looks_that_wait_ask_once_and_each_fourth_asks_for_the_connection_too() {
    let rig = aiven(|knobs| knobs.component_lag = Duration::from_secs(1000)).await;
    rig.ensured().await;
    let endpoint = rig.connect();
    let (mut connection, mut asked) = (None, Vec::new());
    let asks = async |attempt: u32, connection: Option<&str>| {
        rig.sims.recorder.clear_calls();
        let waiting = pending(rig.access_of(&endpoint, attempt, connection).await);
        let mut operations: Vec<String> = rig.sims.recorder.calls().into_iter().map(|c| c.operation).collect();
        operations.sort();
        (waiting, operations)
    };
    until("a connection whose components are on", async || {
        let (waiting, _) = asks(1, None).await;
        connection = waiting.vendor_connection_id;
        connection.is_some() && waiting.state == "RUNNING"
    })
    .await;
    for attempt in 2..=4 {
        let (waiting, operations) = asks(attempt, connection.as_deref()).await;
        assert_eq!(
            (waiting.state.as_str(), &waiting.vendor_connection_id),
            ("RUNNING", &connection)
        );
        asked.push(operations);
    }
    assert_eq!(
        asked,
        [&["ServiceGet"][..], &["ServiceGet"], &["ServiceGet", CONNECTIONS]]
    );

    // What somebody switched off is on again at the next look, whatever the last one knew.
    aiven_service(&rig.sims, |service| {
        service.user_config["privatelink_access"] = json!({})
    });
    let (waiting, operations) = asks(2, connection.as_deref()).await;
    assert_eq!(waiting.state, "enabling");
    assert!(operations.contains(&"ServiceUpdate".to_owned()), "{operations:?}");

    // One that is not listed is asked for by the list alone.
    let fault = FaultKind::Body(json!({"connections": []}).to_string());
    rig.inject(CONNECTIONS, None, fault);
    let (waiting, operations) = asks(2, None).await;
    assert_eq!(
        (waiting.state.as_str(), operations),
        ("unlisted", vec![CONNECTIONS.to_owned()])
    );
}

#[tokio::test]
async fn the_wait_in_aivens_sentence_is_the_wait() {
    for header in [false, true] {
        let rig = aiven(|knobs| {
            knobs.requests_per_minute = Some(0);
            knobs.retry_after_header = header;
        })
        .await;
        let error = failure(rig.ensure(1).await, &["Rate limit 0 exceeded"]);
        assert_eq!(error.name, ErrorName::Throttled);
        assert!((1..=60).contains(&error.retry_after.unwrap().as_secs()), "{error:?}");
    }
}

#[tokio::test]
async fn a_user_that_is_not_there_yet_is_tried_again() {
    let rig = aiven(|_| {}).await;
    // Seen by Aiven's own clients on any method.
    let fault = FaultKind::Status {
        status: 404,
        retry_after: None,
    };
    rig.break_next(Op::Extend, fault);
    rig.vendor.seed(&rig.sims, &[THEIRS]);
    let waiting = pending(rig.ensure(1).await);
    assert_eq!(waiting.state, "absent");
    assert!(matches!(rig.ensure(2).await, Ok(Look::Pending(_))));
    rig.ensured().await;
}

#[tokio::test]
async fn nothing_of_the_services_secrets_is_asked_for() {
    let rig = aiven(|knobs| knobs.redact_secrets = false).await;
    let facts = rig.provider().await.preflight().await.unwrap();
    rig.ensured().await;
    let access = rig.accessed(&rig.connect()).await;
    crate::rig::assert_no_secret(&format!("{facts:?} {access:?}"));
}

#[tokio::test]
async fn while_it_is_creating_nothing_is_replaced() {
    let mut rig = Rig::start(Vendor::Aiven, still).await;
    rig.ensure(1).await.unwrap();
    rig.ask(|request| request["provider"]["principals"] = json!([OURS, "arn:aws:iam::111122223333:user/john"]));
    assert_eq!(pending(rig.ensure(1).await).state, "creating");
    assert_eq!(rig.writes(), 1);
}
