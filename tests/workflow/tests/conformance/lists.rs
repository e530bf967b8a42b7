//! The shared lists: entries that a request wants out, and how many there may be.

use serde_json::json;
use shared::ErrorName;
use shared::document::Additions;
use shared::plan::Check;
use simulators::hcp::CLUSTER_ID;

use crate::rig::{Rig, both, failure, pending, quick, still};
use crate::vendor::{OURS, Op, THEIRS, Vendor, aiven_service, hcp_project};

const ROLE: &str = "arn:aws:iam::111122223333:role/clients";

fn remove_field(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Hcp => "remove_consumer_accounts",
        Vendor::Aiven => "remove_principals",
    }
}

/// Somebody else's service with as many principals as fit.
fn seed_full(rig: &Rig) {
    let n = match rig.vendor {
        Vendor::Hcp => 10,
        Vendor::Aiven => 16,
    };
    let full: Vec<String> = (0..n).map(|i| format!("arn:aws:iam::444455556666:role/r{i}")).collect();
    let full: Vec<&str> = full.iter().map(String::as_str).collect();
    rig.vendor.seed(&rig.sims, &full);
}

#[tokio::test]
async fn what_is_to_be_removed_goes_by_the_same_write_whoever_put_it_there() {
    both(quick, async |mut rig| {
        rig.vendor.seed(&rig.sims, &[THEIRS, ROLE]);
        let vendor = rig.vendor;
        rig.ask(|request| {
            let provider = &mut request["provider"];
            provider[remove_field(vendor)] = json!([THEIRS]);
            match vendor {
                Vendor::Hcp => {
                    provider["remove_consumer_ip_ranges"] = json!(["10.99.0.0/16"]);
                    provider["remove_consumer_regions"] = json!(["us-west-2"]);
                }
                Vendor::Aiven => provider["remove_supported_regions"] = json!(["us-west-2"]),
            }
        });
        rig.ensured().await;
        let lists = rig.lists().unwrap();
        assert_eq!(lists.principals, [ROLE, OURS]);
        assert!(lists.regions.is_empty(), "{lists:?}");
        if vendor == Vendor::Hcp {
            assert_eq!(lists.ip_ranges, ["10.20.0.0/16"]);
        }
        assert_eq!(rig.calls(vendor.op(Op::Extend)), 1);
        assert_eq!(rig.writes(), 1);
    })
    .await;
}

#[tokio::test]
async fn nothing_but_a_removal_is_a_change_too_and_what_comes_back_is_seen() {
    both(quick, async |mut rig| {
        rig.ensured().await;
        rig.vendor.set_principals(&rig.sims, &[OURS, THEIRS]);
        let field = remove_field(rig.vendor);
        rig.ask(|request| request["provider"][field] = json!([THEIRS]));
        let facts = rig.preflight().await.unwrap();
        assert_eq!(facts.vendor.adds.principals, Vec::<String>::new());
        pending(rig.ensure(1).await);
        rig.ensured().await;
        assert_eq!(rig.lists().unwrap().principals, [OURS]);
        // Another writer's list, made before ours was written.
        rig.vendor.set_principals(&rig.sims, &[OURS, THEIRS]);
        pending(rig.ensure(1).await);
        rig.ensured().await;
        assert_eq!(rig.lists().unwrap().principals, [OURS]);
    })
    .await;
}

#[tokio::test]
async fn the_own_region_cannot_be_asked_away() {
    both(still, async |mut rig| {
        let field = match rig.vendor {
            Vendor::Hcp => "remove_consumer_regions",
            Vendor::Aiven => "remove_supported_regions",
        };
        rig.ask(|request| {
            request["consumer"]["region"] = json!("us-east-1");
            request["provider"][field] = json!(["eu-west-1"]);
        });
        let error = failure(rig.preflight().await, &["leave it out"]);
        assert_eq!(error.name, ErrorName::InvalidRequest);
        assert!(error.message.contains(&format!("\n/provider/{field}")), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_full_list_is_told_before_anything_is_written() {
    both(still, async |rig| {
        seed_full(&rig);
        let provider = rig.provider().await;
        for error in [
            rig.checked(provider.preflight().await).unwrap_err(),
            rig.ensure(1).await.unwrap_err(),
        ] {
            assert_eq!(error.name, ErrorName::LimitExceeded);
            let checks = Check::of_error(&error);
            assert_eq!(checks.len(), 1, "{error}");
            let (path, words) = match rig.vendor {
                Vendor::Hcp => ("/provider/consumer_accounts", "consumer account 11 of 10"),
                Vendor::Aiven => ("/provider/principals", "principal 17 of 16"),
            };
            assert_eq!(checks[0].path.as_deref(), Some(path));
            assert!(checks[0].message.contains(words), "{error}");
        }
        assert_eq!(rig.writes(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_goes_makes_room_for_one_that_comes() {
    both(quick, async |mut rig| {
        seed_full(&rig);
        let field = remove_field(rig.vendor);
        rig.ask(|request| request["provider"][field] = json!(["arn:aws:iam::444455556666:role/r3"]));
        rig.preflight().await.unwrap();
        rig.ensured().await;
        let principals = rig.lists().unwrap().principals;
        assert!(principals.len() >= 10 && principals.iter().any(|arn| arn == OURS));
        assert!(!principals.iter().any(|arn| arn.ends_with("/r3")), "{principals:?}");
    })
    .await;
}

#[tokio::test]
async fn a_limit_that_hashicorp_raised_is_the_stacks_parameter() {
    let mut rig = Rig::start(Vendor::Hcp, still).await;
    seed_full(&rig);
    rig.settings.hcp_max_consumer_accounts = 12;
    let facts = rig.preflight().await.unwrap();
    let told = "consumer accounts: 11 of 12 after this run";
    assert!(
        facts.checks.iter().any(|check| check.message == told),
        "{:?}",
        facts.checks
    );

    rig.settings.hcp_max_consumer_accounts = 10;
    rig.settings.hcp_max_consumer_ip_ranges = 1;
    let error = failure(
        rig.preflight().await,
        &[
            "/provider/consumer_accounts: ",
            "\n/provider/consumer_ip_ranges: ",
            "HcpMaxConsumerIpRanges",
        ],
    );
    assert_eq!(error.name, ErrorName::LimitExceeded);
}

#[tokio::test]
async fn a_service_that_would_begin_beyond_the_limit_is_not_made() {
    let mut rig = Rig::start(Vendor::Hcp, still).await;
    rig.settings.hcp_max_consumer_accounts = 0;
    let error = failure(
        rig.ensure(1).await,
        &["/provider/consumer_accounts: ", "consumer account 1 of 0"],
    );
    assert_eq!(error.name, ErrorName::LimitExceeded);
    assert_eq!(rig.writes(), 0);
}

#[tokio::test]
async fn a_service_beyond_the_limit_that_needs_nothing_is_fine() {
    let rig = Rig::start(Vendor::Hcp, quick).await;
    rig.ensured().await;
    let mut accounts = vec![OURS.to_owned()];
    accounts.extend((0..12).map(|i| format!("arn:aws:iam::444455556666:role/r{i}")));
    hcp_project(&rig.sims, |project| {
        let mut links = project.links.values_mut();
        let link = links.find(|link| link.vault_cluster_id == CLUSTER_ID);
        link.unwrap().consumer_accounts = accounts;
    });
    assert_eq!(rig.preflight().await.unwrap().vendor.adds, Additions::default());
    assert_eq!(rig.run().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_another_writer_dropped_is_put_back_until_access_is_ready() {
    let mut rig = Rig::start(Vendor::Aiven, quick).await;
    rig.ask(|request| request["consumer"]["region"] = json!("us-east-1"));
    rig.ensured().await;
    let endpoint = rig.connect();
    let id = rig.accessed(&endpoint).await.vendor_connection_id.unwrap();
    // At the first look, and at one that knows the connection and finds all there.
    for (attempt, connection) in [(1, None), (2, Some(id.as_str()))] {
        // A PUT that was made from a list without ours.
        aiven_service(&rig.sims, |service| {
            let link = service.privatelink.as_mut().unwrap();
            link.principals = vec![THEIRS.to_owned()];
            link.supported_regions = Vec::new();
        });
        rig.sims.recorder.clear_calls();
        let waiting = pending(rig.access_of(&endpoint, attempt, connection).await);
        assert_eq!(waiting.wait_seconds, Some(5));
        rig.accessed(&endpoint).await;
        let lists = rig.lists().unwrap();
        assert_eq!(lists.principals, [THEIRS, OURS]);
        assert_eq!(lists.regions, ["us-east-1"]);
        assert_eq!(rig.calls(Vendor::Aiven.op(Op::Extend)), 1);
        assert_eq!(rig.writes(), 1);
    }
}
