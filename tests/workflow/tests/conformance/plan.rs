//! What preflight and a planned release say is what the run then writes, call for call.

use serde_json::{Value, json};
use shared::document::Additions;
use shared::plan::{Change, Effect};
use shared::provider::{Release, ReleasePlan};

use crate::rig::{Rig, both, planned, quick, ready, still};
use crate::vendor::{OURS, THEIRS, Vendor, aiven_service};

const ROLE: &str = "arn:aws:iam::111122223333:role/clients";

/// What is there before, and what the request is.
struct Situation {
    name: &'static str,
    before: fn(&mut Rig),
    /// An earlier run of the same request went through.
    ran: bool,
    /// The effects at the PrivateLink service.
    effect: Effect,
}

const SITUATIONS: [Situation; 8] = [
    Situation {
        name: "nothing",
        before: |_| {},
        ran: false,
        effect: Effect::Create,
    },
    Situation {
        name: "nothing, from another region",
        before: |rig| rig.ask(|request| request["consumer"]["region"] = json!("us-east-1")),
        ran: false,
        effect: Effect::Create,
    },
    Situation {
        name: "a service of others",
        before: |rig| rig.vendor.seed(&rig.sims, &[THEIRS]),
        ran: false,
        effect: Effect::Change,
    },
    Situation {
        name: "a service of others, from another region, with entries to remove",
        before: |rig| {
            rig.vendor.seed(&rig.sims, &[THEIRS, ROLE]);
            let vendor = rig.vendor;
            rig.ask(|request| {
                request["consumer"]["region"] = json!("us-east-1");
                remove(
                    vendor,
                    request,
                    &[ROLE, "arn:aws:iam::555555555555:root"],
                    &["us-west-2", "ap-south-1"],
                );
            });
        },
        ran: false,
        effect: Effect::Change,
    },
    Situation {
        name: "an earlier run's",
        before: |_| {},
        ran: true,
        effect: Effect::Keep,
    },
    Situation {
        name: "an earlier run's, from another region",
        before: |rig| rig.ask(|request| request["consumer"]["region"] = json!("us-east-1")),
        ran: true,
        effect: Effect::Keep,
    },
    Situation {
        name: "an earlier run's, with entries to remove that are not there",
        before: |rig| {
            let vendor = rig.vendor;
            rig.ask(|request| remove(vendor, request, &[THEIRS], &["us-west-2"]));
        },
        ran: true,
        effect: Effect::Keep,
    },
    Situation {
        name: "one without our principal, though complete otherwise",
        before: |rig| {
            rig.vendor.seed(&rig.sims, &[THEIRS]);
            if rig.vendor == Vendor::Aiven {
                aiven_service(&rig.sims, |service| {
                    service.user_config["privatelink_access"] = json!({"kafka": true, "schema_registry": true});
                });
            }
        },
        ran: false,
        effect: Effect::Change,
    },
];

/// Asks for these to be removed.
fn remove(vendor: Vendor, request: &mut Value, principals: &[&str], regions: &[&str]) {
    let provider = &mut request["provider"];
    match vendor {
        Vendor::Hcp => {
            provider["remove_consumer_accounts"] = json!(principals);
            provider["remove_consumer_regions"] = json!(regions);
            provider["remove_consumer_ip_ranges"] = json!(["10.99.0.0/16"]);
        }
        Vendor::Aiven => {
            provider["remove_principals"] = json!(principals);
            provider["remove_supported_regions"] = json!(regions);
        }
    }
}

#[tokio::test]
async fn what_preflight_says_is_what_the_run_writes() {
    for situation in SITUATIONS {
        println!("{}", situation.name);
        both(quick, async |mut rig| {
            (situation.before)(&mut rig);
            if situation.ran {
                rig.run().await;
            }
            let facts = rig.preflight().await.unwrap();
            assert!(facts.checks.iter().all(|check| check.passed), "{facts:?}");
            assert_eq!(link_change(&rig, &facts.changes).effect, situation.effect);
            assert_eq!(rig.run().await, planned(&facts.changes));
            assert_fields_hold(&rig, &facts.changes);

            // And once more there is nothing to do.
            let facts = rig.preflight().await.unwrap();
            assert!(
                facts.changes.iter().all(|change| change.effect == Effect::Keep),
                "{facts:?}"
            );
            assert_eq!(rig.run().await, Vec::<String>::new());
        })
        .await;
    }
}

/// The change of the PrivateLink service, with the vendor's name for it.
fn link_change<'a>(rig: &Rig, changes: &'a [Change]) -> &'a Change {
    let resource = match rig.vendor {
        Vendor::Hcp => "private_link_service",
        Vendor::Aiven => "privatelink",
    };
    changes.iter().find(|change| change.resource == resource).unwrap()
}

/// The lists and switches are now what the changes said that they would be.
fn assert_fields_hold(rig: &Rig, changes: &[Change]) {
    let Additions {
        principals,
        ip_ranges,
        regions,
        components,
    } = rig.lists().unwrap();
    for field in changes.iter().flat_map(|change| &change.fields) {
        let now = match field.field.as_str() {
            "principals" | "consumer_accounts" => json!(principals),
            "consumer_ip_ranges" => json!(ip_ranges),
            "supported_regions" | "consumer_regions" => json!(regions),
            switch => {
                let component = switch.strip_prefix("privatelink_access.").unwrap();
                json!(components.iter().any(|on| on == component))
            }
        };
        assert_eq!(field.to, now, "{field:?}");
        assert_ne!(field.from, now, "{field:?}");
    }
}

#[tokio::test]
async fn one_that_is_being_made_counts_as_there_and_one_that_goes_as_gone() {
    both(still, async |rig| {
        rig.ensure(1).await.unwrap();
        let facts = rig.preflight().await.unwrap();
        assert_eq!(link_change(&rig, &facts.changes).effect, Effect::Keep);
    })
    .await;
    both(still, async |rig| {
        rig.vendor.seed(&rig.sims, &[OURS]);
        rig.release(&rig.everything(&[])).await.unwrap();
        let facts = rig.preflight().await.unwrap();
        assert_eq!(link_change(&rig, &facts.changes).effect, Effect::Create);
    })
    .await;
}

#[tokio::test]
async fn how_full_the_lists_will_be_is_told() {
    both(still, async |rig| {
        rig.vendor.seed(&rig.sims, &[THEIRS, ROLE]);
        let facts = rig.preflight().await.unwrap();
        let messages: Vec<&str> = facts.checks.iter().map(|check| check.message.as_str()).collect();
        let expected: &[&str] = match rig.vendor {
            Vendor::Hcp => &[
                "consumer accounts: 3 of 10 after this run",
                "consumer IP ranges: 2 of 15 after this run",
            ],
            Vendor::Aiven => &[
                "principals: 3 of 16 after this run",
                "additional regions: 1 of 16 after this run",
            ],
        };
        assert!(expected.iter().all(|line| messages.contains(line)), "{messages:?}");
        assert!(
            messages[0].contains("STABLE") || messages[0].contains("RUNNING"),
            "{messages:?}"
        );
    })
    .await;
}

/// Who is there when a connection is taken away.
struct Leaving {
    name: &'static str,
    principals: &'static [&'static str],
    other_endpoint: bool,
    delete_service: bool,
    /// Whether others of the account may need the entries as well.
    shared: bool,
    /// Nothing is left at all; else the principals that are.
    left: Option<&'static [&'static str]>,
}

const LEAVING: [Leaving; 10] = [
    Leaving {
        name: "alone, may delete",
        principals: &[OURS],
        other_endpoint: false,
        delete_service: true,
        shared: false,
        left: None,
    },
    Leaving {
        name: "alone, may delete, entries that others may need",
        principals: &[OURS],
        other_endpoint: false,
        delete_service: true,
        shared: true,
        left: None,
    },
    Leaving {
        name: "alone, may not delete",
        principals: &[OURS],
        other_endpoint: false,
        delete_service: false,
        shared: false,
        left: Some(&[]),
    },
    Leaving {
        name: "alone, may not delete, entries that others may need",
        principals: &[OURS],
        other_endpoint: false,
        delete_service: false,
        shared: true,
        left: Some(&[]),
    },
    Leaving {
        name: "beside another principal, may delete",
        principals: &[THEIRS, OURS],
        other_endpoint: false,
        delete_service: true,
        shared: false,
        left: Some(&[THEIRS]),
    },
    Leaving {
        name: "beside another principal, may not delete",
        principals: &[THEIRS, OURS],
        other_endpoint: false,
        delete_service: false,
        shared: false,
        left: Some(&[THEIRS]),
    },
    Leaving {
        name: "beside another principal, entries that others may need",
        principals: &[THEIRS, OURS],
        other_endpoint: false,
        delete_service: true,
        shared: true,
        left: Some(&[THEIRS, OURS]),
    },
    Leaving {
        name: "beside another endpoint of the account, may delete",
        principals: &[OURS],
        other_endpoint: true,
        delete_service: true,
        shared: true,
        left: Some(&[OURS]),
    },
    Leaving {
        name: "beside another endpoint and another principal",
        principals: &[THEIRS, OURS],
        other_endpoint: true,
        delete_service: false,
        shared: false,
        left: Some(&[THEIRS]),
    },
    Leaving {
        name: "when our entries are gone already",
        principals: &[THEIRS],
        other_endpoint: false,
        delete_service: false,
        shared: false,
        left: Some(&[THEIRS]),
    },
];

#[tokio::test]
async fn what_a_planned_release_says_is_what_the_release_writes() {
    for leaving in LEAVING {
        println!("{}", leaving.name);
        both(quick, async |mut rig| {
            rig.ask(|request| request["consumer"]["region"] = json!("us-east-1"));
            rig.run().await;
            rig.vendor.set_principals(&rig.sims, leaving.principals);
            let endpoints: Vec<String> = rig.sims.ec2.endpoints().iter().map(|e| e.id.clone()).collect();
            let mut release = Release {
                delete_service: leaving.delete_service,
                endpoint_ids: endpoints,
                ..Release::default()
            };
            if leaving.shared {
                release.remove_if_alone = rig.wanted();
            } else {
                release.remove = rig.wanted();
            }
            if leaving.other_endpoint {
                release.other_endpoint_ids = vec!["vpce-0ffffffffffffffff".into()];
            }

            let plan = rig.plan_release(&release).await;
            rig.sims.recorder.clear_calls();
            let left = rig.released(&release).await;
            assert_eq!(rig.written(), planned(&all(&plan)), "{plan:?}");
            assert_eq!(left, plan.left);

            let lists = rig.lists();
            match leaving.left {
                None => assert_eq!((lists, left), (None, Vec::new())),
                // Aiven's list must not be empty.
                Some([]) if rig.vendor == Vendor::Aiven => {
                    assert_eq!(lists.unwrap().principals, [OURS]);
                    assert!(left.len() == 1 && left[0].contains("delete_service"), "{left:?}");
                }
                Some(principals) => assert_eq!(lists.unwrap().principals, principals),
            }

            // Twice is once, and what is kept is told the same again.
            let plan = rig.plan_release(&release).await;
            assert_eq!(planned(&all(&plan)), Vec::<String>::new());
            rig.sims.recorder.clear_calls();
            assert_eq!(ready(rig.release(&release).await), plan.left);
            assert_eq!(rig.writes(), 0);
        })
        .await;
    }
}

#[tokio::test]
async fn a_planned_release_of_what_is_gone_or_going_writes_nothing() {
    both(still, async |rig| {
        rig.vendor.seed(&rig.sims, &[OURS]);
        let release = rig.everything(&[]);
        let plan = rig.plan_release(&release).await;
        assert_eq!(planned(&all(&plan)).len(), 1);
        rig.release(&release).await.unwrap();
        let plan = rig.plan_release(&release).await;
        assert!(planned(&all(&plan)).is_empty(), "{plan:?}");
        let mut why = plan.changes.iter().filter_map(|change| change.why.as_deref());
        assert!(why.next_back().unwrap().contains("deleting it already"));
        rig.vendor.forget_target(&rig.sims);
        assert!(all(&rig.plan_release(&release).await).is_empty());
    })
    .await;
    both(still, async |rig| {
        rig.ensure(1).await.unwrap();
        let plan = rig.plan_release(&rig.everything(&[])).await;
        assert_eq!(plan.changes.last().unwrap().effect, Effect::Delete);
    })
    .await;
}

/// The whole plan of a release, in its order.
fn all(plan: &ReleasePlan) -> Vec<Change> {
    [plan.access.as_slice(), &plan.changes].concat()
}
