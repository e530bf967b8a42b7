//! Requests that are refused before anything is changed.

use serde_json::{Value, json};
use simulators::{aiven, hcp};

use crate::requests::{kafka, vault, with};
use crate::stage::stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_fit_is_refused_with_a_path_and_nothing_is_written() {
    let stage = stage(|options| {
        let project = options.simulators.hcp.projects.get_mut(hcp::PROJECT_ID).unwrap();
        let dev = hcp::Cluster::running("dev-vault", "DEV", hcp::HVN_ID, "dev.example");
        project.clusters.insert("dev-vault".to_owned(), dev);
        let mut peered = project.networks[hcp::HVN_ID].clone();
        peered.id = "peered-hvn".to_owned();
        peered.peerings.push(hcp::Peering {
            id: "to-acme".to_owned(),
            state: "ACTIVE".to_owned(),
            account_id: "111122223333".to_owned(),
            vpc_id: "vpc-0a1b2c3d4e5f60718".to_owned(),
            cidr: "10.20.0.0/16".to_owned(),
        });
        project.networks.insert("peered-hvn".to_owned(), peered);
        let cluster = hcp::Cluster::running("peered-vault", "STANDARD_SMALL", "peered-hvn", "peered.example");
        project.clusters.insert("peered-vault".to_owned(), cluster);
        let aiven = options.simulators.aiven.projects.get_mut(aiven::PROJECT).unwrap();
        let public = aiven::Service::running(aiven::PROJECT, "public-kafka", "kafka", "aws-eu-west-1", None);
        aiven.services.insert("public-kafka".to_owned(), public);
    })
    .await;
    let table: Vec<(Value, &str, Value, &[&str])> = vec![
        (kafka(), "/colour", json!("red"), &["/colour: unknown field"]),
        (
            kafka(),
            "/consumer/account_id",
            json!("444455556666"),
            // That account has the role, but not the VPC.
            &["/consumer/vpc_id: there is no VPC", "in account 444455556666"],
        ),
        (
            kafka(),
            "/consumer/region",
            json!("eu-west-2"),
            // The subnets are not looked for: without the VPC each of them would be one more line that says the same.
            &["/consumer/vpc_id: there is no VPC", "region eu-west-2"],
        ),
        (
            kafka(),
            "/consumer/vpc_id",
            json!("vpc-0fedcba9876543210"),
            &["/consumer/vpc_id: there is no VPC vpc-0fedcba9876543210"],
        ),
        (
            kafka(),
            "/consumer/subnet_ids",
            json!(["subnet-0aaa1111bbb222201", "subnet-0aaa1111bbb222209"]),
            &["/consumer/subnet_ids/1: there is no subnet"],
        ),
        (
            kafka(),
            "/consumer/security_group_ids",
            json!(["sg-0defa000000000001"]),
            &["/consumer/security_group_ids", "10000-31000"],
        ),
        (
            vault(),
            "/consumer/security_group_ids",
            json!(["sg-0defa000000000001"]),
            &["/consumer/security_group_ids", "port 8200"],
        ),
        (
            kafka(),
            "/provider/components",
            json!(["pg"]),
            &["/provider/components/0"],
        ),
        (
            kafka(),
            "/provider/service_name",
            json!("nothing-there"),
            &["/provider/service_name"],
        ),
        (
            kafka(),
            "/provider/service_name",
            json!("public-kafka"),
            &["/provider/service_name", "VPC"],
        ),
        (
            vault(),
            "/provider/vault_cluster_id",
            json!("dev-vault"),
            &["/provider/vault_cluster_id", "DEV"],
        ),
        (
            vault(),
            "/provider/vault_cluster_id",
            json!("no-vault"),
            &["/provider/vault_cluster_id"],
        ),
        (
            with(vault(), "/provider/vault_cluster_id", json!("peered-vault")),
            "/provider/hvn_id",
            json!("peered-hvn"),
            &["/provider/hvn_id", "to-acme"],
        ),
    ];
    for (request, field, value, words) in table {
        stage.fails(&with(request, field, value), "InvalidRequest", words).await;
        assert_eq!(stage.take_writes(), Vec::<String>::new(), "{field}");
    }
    for input in [json!("text"), json!([]), json!({}), json!(null)] {
        stage.fails(&input, "InvalidRequest", &["nothing was changed"]).await;
    }
    stage.assert_nothing_left().await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vpc_without_dns_and_a_foreign_zone_are_refused_for_vault() {
    let stage = stage(|options| {
        let account = options.simulators.aws.accounts.get_mut("111122223333").unwrap();
        account.vpcs.get_mut("vpc-0a1b2c3d4e5f60718").unwrap().dns_hostnames = false;
    })
    .await;
    stage
        .fails(
            &vault(),
            "InvalidRequest",
            &["/consumer/vpc_id", "enableDnsHostnames off"],
        )
        .await;
    assert_eq!(stage.take_writes(), Vec::<String>::new());
    stage.close().await;
}
