//! Connections in an account that is not the stack's, by a role there.

use std::time::Duration;

use rehearsal::Options;
use serde_json::{Value, json};
use simulators::ec2::{CONSUMER_EXTERNAL_ID, CONSUMER_ROLE, Role};
use simulators::recorder::Api;
use simulators::sts::Session;
use simulators::{aiven, hcp};

use crate::requests::{kafka, vault, with};
use crate::stage::{Stage, stage};

const SECOND: &str = "444455556666";
const REGION: &str = "eu-west-1";
/// An account that has nothing yet.
const NEW: &str = "123456789012";

/// The request for the VPC `main` of another account, with subnets and security group for the workflow to choose and make.
fn in_account(mut request: Value, account: &str) -> Value {
    request["consumer"] = json!({
        "account_id": account, "region": REGION, "vpc_tags": {"Name": "main"}, "client_cidrs": ["10.40.0.0/16"]
    });
    request
}

fn principal(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

fn role_arn(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role/{name}")
}

fn sessions(stage: &Stage) -> Vec<Session> {
    stage.environment.simulators.sts.as_ref().unwrap().sessions()
}

/// Gives the account a role with the stack's external id.
fn add_role(stage: &Stage, account: &str, name: &str) {
    let role = Role {
        external_id: CONSUMER_EXTERNAL_ID.to_owned(),
    };
    stage.environment.simulators.ec2.with_world(|world| {
        world.account_mut(account).roles.insert(name.to_owned(), role);
    });
}

/// Deploys the stack so that requests may name these roles.
fn may_assume(options: &mut Options, arns: &str) {
    options
        .parameters
        .insert("ConsumerRoleArns".to_owned(), arns.to_owned());
}

/// Security groups in the account with our tag.
fn own_groups(stage: &Stage, account: &str) -> usize {
    stage.environment.simulators.ec2.with_world(|world| {
        let groups = world.account_mut(account).security_groups.values();
        groups
            .filter(|group| group.tags.contains_key("privatelink-workflow:connection"))
            .count()
    })
}

async fn assert_nothing_left_in(stage: &Stage, account: &str) {
    stage.assert_nothing_left().await;
    assert_eq!(own_groups(stage, account), 0);
    let zones = stage.route53_of(account, "hostedzone").await;
    assert!(!zones.contains("<HostedZone>"), "a hosted zone is left: {zones}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vpc_in_another_account_is_connected_to_both_vendors_and_left_as_it_was() {
    let stage = stage(|_| {}).await;
    let requests = [kafka(), vault()].map(|request| in_account(request, SECOND));
    let (one, two) = tokio::join!(stage.connects(&requests[0]), stage.connects(&requests[1]));
    for output in [&one, &two] {
        assert_eq!(output["endpoint"]["account_id"], SECOND);
        let id = output["endpoint"]["endpoint_id"].as_str().unwrap();
        let endpoint = stage.endpoints().into_iter().find(|e| e.id == id).unwrap();
        assert_eq!(endpoint.owner_account, SECOND);
        assert_eq!(endpoint.subnets.len(), 3);
    }
    assert_eq!((own_groups(&stage, SECOND), own_groups(&stage, "111122223333")), (2, 0));
    assert_eq!(
        stage.aiven_principals(aiven::KAFKA_SERVICE).unwrap(),
        [principal(SECOND)]
    );
    assert_eq!(
        stage.hcp_accounts().into_values().collect::<Vec<_>>(),
        [[principal(SECOND)]]
    );
    // The name is in the account of its VPC.
    let zone_id = two["private_dns"]["hosted_zone_id"].as_str().unwrap();
    assert!(stage.route53_of(SECOND, "hostedzone").await.contains(zone_id));
    assert!(!stage.route53("hostedzone").await.contains("<HostedZone>"));

    // The same again changes nothing, and a deprovision takes it all away.
    stage.take_writes();
    for request in &requests {
        stage.connects(request).await;
    }
    assert_eq!(stage.take_writes(), Vec::<String>::new());
    for request in requests {
        let mut request = with(request, "/action", json!("deprovision"));
        request["provider"]["delete_service"] = json!(true);
        let output = stage.connects(&request).await;
        assert_eq!((&output["complete"], &output["left"]), (&json!(true), &json!([])));
    }
    assert_nothing_left_in(&stage, SECOND).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_sees_by_its_sessions_which_run_acts_for_which_connection() {
    let stage = stage(|_| {}).await;
    let running = stage
        .environment
        .begin_as("wave-1", &in_account(kafka(), SECOND))
        .await
        .unwrap();
    let execution = running.finish(Duration::from_secs(120)).await.unwrap();
    stage.keep(&execution);
    let output = stage.output(&execution).await;
    let found = sessions(&stage);
    assert_eq!(found.len(), 2, "{found:#?}");
    for session in &found {
        assert_eq!(session.role_arn, role_arn(SECOND, CONSUMER_ROLE));
        assert_eq!(session.name, "plw-wave-1");
        assert_eq!(session.tags["privatelink-workflow:execution"], "wave-1");
    }
    // Preflight finds the VPC, of which the connection's id is made.
    let tagged: Vec<Option<&str>> = found
        .iter()
        .map(|session| session.tags.get("privatelink-workflow:connection").map(String::as_str))
        .collect();
    assert_eq!(tagged, [output["connection_id"].as_str(), None]);
    // Each function assumes the role once, and then acts.
    let calls = stage.environment.simulators.recorder.calls();
    let looks: u64 = output["timings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|timing| timing["phase"] != "service")
        .map(|timing| timing["looks"].as_u64().unwrap())
        .sum();
    let assumed = calls.iter().filter(|call| call.api == Api::Sts).count() as u64;
    assert!(assumed <= looks, "{assumed} times in {looks} looks");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_account_needs_no_role_but_takes_one_that_is_named() {
    let arn = role_arn("111122223333", "network");
    let stage = stage(|options| may_assume(options, &arn)).await;
    stage.connects(&vault()).await;
    assert_eq!(sessions(&stage), []);
    add_role(&stage, "111122223333", "network");
    stage.take_writes();
    let request = with(vault(), "/consumer/role_arn", json!(arn));
    stage.connects(&request).await;
    assert_eq!(stage.take_writes(), Vec::<String>::new());
    assert!(sessions(&stage).iter().all(|session| session.role_arn == arn));
    assert!(!sessions(&stage).is_empty());
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_in_another_account_takes_back_what_it_made_there() {
    let stage = stage(|options| options.simulators.knobs.ec2.reject = true).await;
    for request in [kafka(), vault()] {
        let request = in_account(request, SECOND);
        stage.fails(&request, "Rejected", &["rejected by the vendor"]).await;
    }
    assert_nothing_left_in(&stage, SECOND).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_taken_away_on_the_way_needs_attention_and_a_later_run_takes_all_away() {
    let stage = stage(|options| {
        options.simulators.knobs.ec2.acceptance = None;
        options
            .parameters
            .insert("UndoBudgetSeconds".to_owned(), "600".to_owned());
    })
    .await;
    let request = in_account(vault(), SECOND);
    let somebody = async {
        let id = stage.until_endpoint().await;
        stage.environment.simulators.ec2.with_world(|world| {
            world.account_mut(SECOND).roles.clear();
        });
        id
    };
    let words = [
        "The run failed with Denied: /consumer/account_id: ",
        "left are what this run made",
        "privatelink-workflow:connection = plw-",
    ];
    let (_, id) = tokio::join!(stage.fails(&request, "NeedsAttention", &words), somebody);
    assert_eq!(stage.endpoints()[0].id, id);

    add_role(&stage, SECOND, CONSUMER_ROLE);
    let mut request = with(request, "/action", json!("deprovision"));
    request["provider"]["delete_service"] = json!(true);
    stage.connects(&request).await;
    assert_nothing_left_in(&stage, SECOND).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_cannot_be_assumed_is_denied_with_what_to_do_and_nothing_is_written() {
    let stage = stage(|options| {
        // Reached by another stack.
        let role = Role {
            external_id: "another".to_owned(),
        };
        let account = options.simulators.aws.account_mut("555555555555");
        account.roles.insert(CONSUMER_ROLE.to_owned(), role);
        may_assume(options, &role_arn(SECOND, "other"));
    })
    .await;
    for action in ["plan", "provision", "deprovision"] {
        for account in [NEW, "555555555555"] {
            let request = with(in_account(kafka(), account), "/action", json!(action));
            let deploy = format!("deploy infra/consumer-role.yaml in account {account}");
            let words = [
                "/consumer/account_id: ",
                &role_arn(account, CONSUMER_ROLE),
                "AccessDenied",
                &deploy,
            ];
            stage.fails(&request, "Denied", &words).await;
        }
    }
    let request = with(
        in_account(vault(), SECOND),
        "/consumer/role_arn",
        json!(role_arn(SECOND, "other")),
    );
    let words = ["/consumer/role_arn: ", "role/other", "ConsumerRoleArns"];
    stage.fails(&request, "Denied", &words).await;
    assert_eq!(stage.take_writes(), Vec::<String>::new());
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_another_role_of_its_account_and_no_other_accounts() {
    let arn = role_arn(SECOND, "vending/network");
    let stage = stage(|options| may_assume(options, "arn:aws:iam::444455556666:role/vending/*")).await;
    add_role(&stage, SECOND, "network");
    let request = with(in_account(kafka(), SECOND), "/consumer/role_arn", json!(arn));
    stage.connects(&request).await;
    assert!(sessions(&stage).iter().all(|session| session.role_arn == arn));
    assert!(!sessions(&stage).is_empty());

    stage.take_writes();
    let foreign = role_arn("555555555555", CONSUMER_ROLE);
    let request = with(request, "/consumer/role_arn", json!(foreign));
    let words = ["/consumer/role_arn: ", "555555555555", SECOND];
    stage.fails(&request, "InvalidRequest", &words).await;

    // One that trusts the stack, and that the stack does not name.
    add_role(&stage, SECOND, "admin");
    let arn = role_arn(SECOND, "admin");
    let request = with(request, "/consumer/role_arn", json!(arn));
    stage
        .fails(&request, "Denied", &["/consumer/role_arn: ", "ConsumerRoleArns"])
        .await;
    let rights = stage.environment.simulators.rights.as_ref().unwrap();
    let denied = rights.take_denied();
    assert!(
        !denied.is_empty()
            && denied
                .iter()
                .all(|call| call.starts_with("PreflightRole lacks sts:") && call.contains(&arn)),
        "{denied:#?}"
    );
    assert_eq!(stage.take_writes(), Vec::<String>::new());
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_the_role_then_the_vpc_then_its_subnets() {
    let stage = stage(|_| {}).await;
    let mut request = in_account(vault(), NEW);
    request["consumer"]["wait_for_network"] = json!(true);
    request["consumer"]["subnet_tags"] = json!({"tier": "private"});
    let landing_zone = async {
        let ec2 = &stage.environment.simulators.ec2;
        let refused = |call: &simulators::recorder::Call| call.api == Api::Sts && call.status == 403;
        stage.until_calls("refused AssumeRole", 2, refused).await;
        add_role(&stage, NEW, CONSUMER_ROLE);
        stage.until_called("DescribeVpcs", 2).await;
        // The VPC comes with subnets, of which none is meant for this yet.
        let cidr = "10.40.0.0/16".parse().unwrap();
        ec2.with_world(|world| world.vend_account(NEW, REGION, cidr));
        stage.until_called("DescribeSubnets", 2).await;
        ec2.with_world(|world| {
            let account = world.account_mut(NEW);
            let ids: Vec<String> = account.subnets.keys().take(2).cloned().collect();
            for id in ids {
                account.tag_subnet(&id, "tier", "private");
            }
        });
    };
    let (output, ()) = tokio::join!(stage.connects(&request), landing_zone);
    assert_eq!(output["endpoint"]["account_id"], NEW);
    assert_eq!(output["endpoint"]["subnet_ids"].as_array().unwrap().len(), 2);
    let preflight = &output["timings"][0];
    assert_eq!(preflight["phase"], "preflight");
    assert!(preflight["looks"].as_u64().unwrap() >= 6, "{preflight}");
    assert_eq!(
        preflight["waited_seconds"].as_u64(),
        preflight["looks"].as_u64().map(|looks| 60 * (looks - 1)),
        "a look a minute"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_a_subnet_where_the_service_is() {
    let stage = stage(|_| {}).await;
    let ec2 = &stage.environment.simulators.ec2;
    // The first subnet of a landing zone is in a zone that no vendor offers.
    let rest = ec2.with_world(|world| {
        let account = world.account_mut(SECOND);
        let mut first = std::mem::take(&mut account.subnets);
        let second = first.keys().nth(1).unwrap().clone();
        let rest = first.split_off(&second);
        for subnet in first.values_mut() {
            subnet.zone.id = "euw1-az4".to_owned();
        }
        account.subnets = first;
        rest
    });
    let request = with(in_account(kafka(), SECOND), "/consumer/wait_for_network", json!(true));
    let landing_zone = async {
        // The zones are told to who is a principal of the service.
        let told =
            |call: &simulators::recorder::Call| call.operation == "DescribeVpcEndpointServices" && call.status == 200;
        stage.until_calls("DescribeVpcEndpointServices", 2, told).await;
        ec2.with_world(|world| world.account_mut(SECOND).subnets.extend(rest));
    };
    let (output, ()) = tokio::join!(stage.connects(&request), landing_zone);
    assert_eq!(output["endpoint"]["subnet_ids"].as_array().unwrap().len(), 2);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_never_comes_ends_the_run_with_what_it_waited_for() {
    let stage = stage(|options| {
        options
            .parameters
            .insert("NetworkBudgetSeconds".to_owned(), "300".to_owned());
    })
    .await;
    let waiting = |request: Value| with(request, "/consumer/wait_for_network", json!(true));
    let request = waiting(in_account(kafka(), NEW));
    let words = [
        "preflight waited 300 s",
        "no access",
        "/consumer/account_id",
        "AccessDenied",
    ];
    stage.fails(&request, "TimedOut", &words).await;
    let request = waiting(with(
        in_account(kafka(), SECOND),
        "/consumer/vpc_tags",
        json!({"Name": "never"}),
    ));
    let words = ["preflight waited 300 s", "no VPC", "/consumer/vpc_tags", SECOND];
    stage.fails(&request, "TimedOut", &words).await;
    // By id as well, and in the own account.
    let request = waiting(with(kafka(), "/consumer/vpc_id", json!("vpc-0fedcba9876543210")));
    let words = ["no VPC", "/consumer/vpc_id: there is no VPC vpc-0fedcba9876543210"];
    stage.fails(&request, "TimedOut", &words).await;
    let request = waiting(with(
        in_account(vault(), SECOND),
        "/consumer/subnet_tags",
        json!({"tier": "private"}),
    ));
    let words = ["no subnet", "/consumer/subnet_tags: no subnet of vpc-"];
    stage.fails(&request, "TimedOut", &words).await;
    assert_eq!(stage.take_writes(), Vec::<String>::new());
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_at_the_vendor_or_would_not_mend_itself_ends_a_waiting_run_at_once() {
    let stage = stage(|_| {}).await;
    let waiting = with(in_account(kafka(), NEW), "/consumer/wait_for_network", json!(true));
    let request = with(waiting.clone(), "/provider/service_name", json!("nothing-there"));
    stage
        .fails(&request, "InvalidRequest", &["/provider/service_name"])
        .await;
    // A plan and a deprovision take the same request and do not wait.
    for action in ["plan", "deprovision"] {
        let request = with(waiting.clone(), "/action", json!(action));
        stage.fails(&request, "Denied", &["/consumer/account_id"]).await;
    }
    stage.environment.simulators.ec2.with_world(|world| {
        let account = world.account_mut(SECOND);
        let second = account.add_vpc(REGION, "4445", "10.41.0.0/16".parse().unwrap());
        account.tag_vpc(&second, "Name", "main");
    });
    let request = with(in_account(kafka(), SECOND), "/consumer/wait_for_network", json!(true));
    stage
        .fails(&request, "InvalidRequest", &["/consumer/vpc_tags", "several VPCs"])
        .await;
    assert_eq!(stage.take_writes(), Vec::<String>::new());
    assert_eq!(stage.hcp_accounts().len(), 0, "{}", hcp::PROJECT_ID);
    stage.close().await;
}
