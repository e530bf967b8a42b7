//! What a user sees of a request's validation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use shared::ErrorName;
use shared::identity::ConnectionId;
use shared::request::{Provider, json_schema, schema_text, validate};

const PREFIX: &str = "privatelink/";

fn aiven() -> Value {
    json!({
        "provider": {
            "type": "aiven",
            "project": "acme-prod",
            "service_name": "orders-kafka",
            "components": ["kafka"],
            "secret_id": "privatelink/aiven"
        },
        "consumer": consumer()
    })
}

fn hcp() -> Value {
    json!({
        "provider": {
            "type": "hcp_vault",
            "organization_id": "5c1d9b3e-7a42-4f0e-9a6b-2f8d0c3e1a11",
            "project_id": "d2f6a8c4-1b3e-4d5f-8a9b-0c1d2e3f4a22",
            "hvn_id": "acme-hvn",
            "vault_cluster_id": "acme-vault",
            "consumer_ip_ranges": ["10.20.0.0/16"],
            "secret_id": "privatelink/hcp"
        },
        "consumer": consumer()
    })
}

fn consumer() -> Value {
    json!({
        "account_id": "111122223333",
        "region": "eu-west-1",
        "vpc_id": "vpc-0a1b2c3d4e5f60718",
        "subnet_ids": ["subnet-0aaa1111bbb222201", "subnet-0aaa1111bbb222202"],
        "security_group_ids": ["sg-0c0ffee0000000001"]
    })
}

/// The lines of the error's text that name a path.
fn violations(document: &Value) -> Vec<String> {
    let error = validate(document, PREFIX).expect_err("the document should be refused");
    assert_eq!(error.name, ErrorName::InvalidRequest);
    error.message.lines().skip(1).map(str::to_owned).collect()
}

/// The document with the value at a JSON pointer replaced, or removed.
fn with(mut document: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(object), Some(value)) => {
            object.insert(key.to_owned(), value);
        }
        (Value::Object(object), None) => {
            object.remove(key).expect("only what is there can be removed");
        }
        (parent, Some(value)) => *parent.get_mut(key.parse::<usize>().unwrap()).unwrap() = value,
        (_, None) => panic!("items are not removed"),
    }
    document
}

#[test]
fn good_requests_pass_and_get_their_defaults() {
    for document in [aiven(), hcp()] {
        let request = validate(&document, PREFIX).unwrap();
        assert_eq!(request.provider.principals(), ["arn:aws:iam::111122223333:root"]);
        let regions = match &request.provider {
            Provider::HcpVault(hcp) => &hcp.consumer_regions,
            Provider::Aiven(aiven) => &aiven.supported_regions,
        };
        assert_eq!(regions, &["eu-west-1"]);
        let again = validate(&serde_json::to_value(&request).unwrap(), PREFIX).unwrap();
        assert_eq!(again, request, "a validated request is a request");
    }
}

#[test]
fn each_violation_has_its_path_and_its_message() {
    let none = None;
    let some = |value: Value| Some(value);
    let many = |n: usize, item: &dyn Fn(usize) -> String| json!((0..n).map(item).collect::<Vec<_>>());
    let arn = |n: usize| format!("arn:aws:iam::{n:012}:root");
    let table: Vec<(Value, &str, Option<Value>, &str, &str)> = vec![
        // Shape.
        (aiven(), "/provider", none.clone(), "/provider", "missing"),
        (
            aiven(),
            "/provider",
            some(json!("aiven")),
            "/provider",
            "must be an object",
        ),
        (
            aiven(),
            "/provider/type",
            none.clone(),
            "/provider/type",
            "missing; one of: hcp_vault, aiven",
        ),
        (
            aiven(),
            "/provider/type",
            some(json!("mongodb")),
            "/provider/type",
            "must be one of: hcp_vault, aiven",
        ),
        (aiven(), "/consumer", none.clone(), "/consumer", "missing"),
        (
            aiven(),
            "/consumer",
            some(json!([])),
            "/consumer",
            "must be of type object, not an array",
        ),
        (
            aiven(),
            "/on_failure",
            some(json!("explode")),
            "/on_failure",
            "must be one of: undo, keep",
        ),
        (aiven(), "/cosumer", some(json!({})), "/cosumer", "unknown field"),
        (
            aiven(),
            "/consumer/vpcid",
            some(json!("vpc-1")),
            "/consumer/vpcid",
            "unknown field",
        ),
        (
            aiven(),
            "/provider/a~b",
            some(json!(1)),
            "/provider/a~0b",
            "unknown field",
        ),
        (
            aiven(),
            "/provider/vault_cluster_id",
            some(json!("x")),
            "/provider/vault_cluster_id",
            "unknown field",
        ),
        // Consumer.
        (
            aiven(),
            "/consumer/account_id",
            none.clone(),
            "/consumer/account_id",
            "missing",
        ),
        (
            aiven(),
            "/consumer/account_id",
            some(json!(111122223333u64)),
            "/consumer/account_id",
            "must be of type string, not a number",
        ),
        (
            aiven(),
            "/consumer/account_id",
            some(json!("11112222333")),
            "/consumer/account_id",
            "12 digits",
        ),
        (
            aiven(),
            "/consumer/region",
            some(json!("Ireland")),
            "/consumer/region",
            "like `eu-west-1`",
        ),
        (
            aiven(),
            "/consumer/region",
            some(json!("eu-west-1a")),
            "/consumer/region",
            "like `eu-west-1`",
        ),
        (
            aiven(),
            "/consumer/vpc_id",
            some(json!("vpc-xyz")),
            "/consumer/vpc_id",
            "8 or 17 hex digits",
        ),
        (
            aiven(),
            "/consumer/vpc_id",
            some(json!(null)),
            "/consumer/vpc_id",
            "not null",
        ),
        (
            aiven(),
            "/consumer/subnet_ids",
            some(json!([])),
            "/consumer/subnet_ids",
            "too few items: at least 1",
        ),
        (
            aiven(),
            "/consumer/subnet_ids",
            some(json!("subnet-0aaa1111bbb222201")),
            "/consumer/subnet_ids",
            "must be of type array",
        ),
        (
            aiven(),
            "/consumer/subnet_ids/1",
            some(json!("subnet-0aaa1111bbb222201")),
            "/consumer/subnet_ids",
            "same item twice",
        ),
        (
            aiven(),
            "/consumer/subnet_ids/0",
            some(json!("vpc-0a1b2c3d4e5f60718")),
            "/consumer/subnet_ids/0",
            "does not have the right form",
        ),
        (
            aiven(),
            "/consumer/security_group_ids",
            none.clone(),
            "/consumer/security_group_ids",
            "missing",
        ),
        (
            aiven(),
            "/consumer/security_group_ids/0",
            some(json!("default")),
            "/consumer/security_group_ids/0",
            "does not have the right form",
        ),
        (
            aiven(),
            "/consumer/tags",
            some(json!({"aws:team": "x"})),
            "/consumer/tags/aws:team",
            "must not start with",
        ),
        (
            aiven(),
            "/consumer/tags",
            some(json!({"privatelink-workflow:connection": "x"})),
            "/consumer/tags/privatelink-workflow:connection",
            "must not start with",
        ),
        (
            aiven(),
            "/consumer/tags",
            some(json!({"a": "x".repeat(257)})),
            "/consumer/tags/a",
            "at most 256",
        ),
        (
            aiven(),
            "/consumer/tags",
            some(json!({"a/b": 1})),
            "/consumer/tags/a~1b",
            "must be of type string",
        ),
        (
            aiven(),
            "/consumer/tags",
            some(json!({"": "x"})),
            "/consumer/tags/",
            "1 to 128",
        ),
        (
            aiven(),
            "/consumer/tags",
            some(Value::Object((0..41).map(|n| (format!("k{n}"), json!("v"))).collect())),
            "/consumer/tags",
            "at most 40",
        ),
        // Aiven.
        (
            aiven(),
            "/provider/project",
            some(json!("Acme Prod")),
            "/provider/project",
            "does not have the right form",
        ),
        (
            aiven(),
            "/provider/service_name",
            some(json!("a/../b")),
            "/provider/service_name",
            "does not have the right form",
        ),
        (
            aiven(),
            "/provider/service_name",
            some(json!("")),
            "/provider/service_name",
            "does not have the right form",
        ),
        (
            aiven(),
            "/provider/components",
            some(json!([])),
            "/provider/components",
            "too few items",
        ),
        (
            aiven(),
            "/provider/components/0",
            some(json!("kafca")),
            "/provider/components/0",
            "no component that any service type offers",
        ),
        (
            aiven(),
            "/provider/principals",
            some(json!(["111122223333"])),
            "/provider/principals/0",
            "does not have the right form",
        ),
        (
            aiven(),
            "/provider/principals",
            some(json!(["*"])),
            "/provider/principals/0",
            "does not have the right form",
        ),
        (
            aiven(),
            "/provider/principals",
            some(json!(["arn:aws:iam::111122223333:role/path/name"])),
            "/provider/principals/0",
            "without a path",
        ),
        (
            aiven(),
            "/provider/principals",
            some(json!(["arn:aws:iam::444455556666:root"])),
            "/provider/principals",
            "no principal of the consumer account 111122223333",
        ),
        (
            aiven(),
            "/provider/principals",
            some(many(17, &arn)),
            "/provider/principals",
            "at most 16",
        ),
        (
            aiven(),
            "/provider/supported_regions",
            some(json!(["aws-eu-west-2"])),
            "/provider/supported_regions/0",
            "does not have the right form",
        ),
        (
            aiven(),
            "/provider/secret_id",
            some(json!("production/database")),
            "/provider/secret_id",
            "starts with \"privatelink/\"",
        ),
        (
            aiven(),
            "/provider/secret_id",
            some(json!("privatelink/")),
            "/provider/secret_id",
            "starts with \"privatelink/\"",
        ),
        (
            aiven(),
            "/provider/secret_id",
            some(json!(
                "arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-AbCdEf"
            )),
            "/provider/secret_id",
            "starts with \"privatelink/\"",
        ),
        // HCP.
        (
            hcp(),
            "/provider/organization_id",
            some(json!("acme")),
            "/provider/organization_id",
            "a UUID in lower case",
        ),
        (
            hcp(),
            "/provider/project_id",
            none.clone(),
            "/provider/project_id",
            "missing",
        ),
        (
            hcp(),
            "/provider/hvn_id",
            some(json!("-hvn")),
            "/provider/hvn_id",
            "inner hyphens",
        ),
        (
            hcp(),
            "/provider/vault_cluster_id",
            some(json!("a".repeat(37))),
            "/provider/vault_cluster_id",
            "3 to 36",
        ),
        (
            hcp(),
            "/provider/private_link_service_id",
            some(json!("a".repeat(37))),
            "/provider/private_link_service_id",
            "3 to 36",
        ),
        (
            hcp(),
            "/provider/private_link_service_id",
            some(json!(7)),
            "/provider/private_link_service_id",
            "must be of type string",
        ),
        (
            hcp(),
            "/provider/consumer_accounts",
            some(many(11, &arn)),
            "/provider/consumer_accounts",
            "at most 10",
        ),
        (
            hcp(),
            "/provider/consumer_accounts",
            some(json!(["arn:aws:iam::444455556666:root"])),
            "/provider/consumer_accounts",
            "no principal of the consumer account",
        ),
        (
            hcp(),
            "/provider/consumer_ip_ranges",
            none.clone(),
            "/provider/consumer_ip_ranges",
            "missing",
        ),
        (
            hcp(),
            "/provider/consumer_ip_ranges",
            some(json!(["10.20.0.0"])),
            "/provider/consumer_ip_ranges/0",
            "like `10.20.0.0/16`",
        ),
        (
            hcp(),
            "/provider/consumer_ip_ranges",
            some(json!(["10.20.0.300/16"])),
            "/provider/consumer_ip_ranges/0",
            "not an IPv4 CIDR range",
        ),
        (
            hcp(),
            "/provider/consumer_ip_ranges",
            some(json!(["10.20.0.0/33"])),
            "/provider/consumer_ip_ranges/0",
            "not an IPv4 CIDR range",
        ),
        (
            hcp(),
            "/provider/consumer_ip_ranges",
            some(json!(["10.20.1.0/16"])),
            "/provider/consumer_ip_ranges/0",
            "the network is 10.20.0.0/16",
        ),
        (
            hcp(),
            "/provider/consumer_ip_ranges",
            some(json!(["0.0.0.0/0"])),
            "/provider/consumer_ip_ranges/0",
            "whole Internet",
        ),
        (
            hcp(),
            "/provider/consumer_ip_ranges",
            some(many(16, &|n| format!("10.{n}.0.0/16"))),
            "/provider/consumer_ip_ranges",
            "at most 15",
        ),
        (
            hcp(),
            "/provider/consumer_regions",
            some(json!(["eu_west_1"])),
            "/provider/consumer_regions/0",
            "does not have the right form",
        ),
        (
            hcp(),
            "/provider/components",
            some(json!(["vault"])),
            "/provider/components",
            "unknown field",
        ),
    ];
    for (document, pointer, value, path, words) in table {
        let bad = with(document, pointer, value.clone());
        let found = violations(&bad);
        let expected = format!("{path}: ");
        assert!(
            found
                .iter()
                .any(|line| line.starts_with(&expected) && line.contains(words)),
            "{pointer} = {value:?}: expected a line \"{expected}…{words}…\", found {found:#?}"
        );
        assert_eq!(
            found.len(),
            1,
            "{pointer} = {value:?}: one mistake is one violation, found {found:#?}"
        );
    }
}

#[test]
fn all_violations_are_reported_at_once() {
    let mut bad = with(aiven(), "/consumer/account_id", Some(json!(7)));
    bad = with(bad, "/consumer/vpc_id", None);
    bad = with(bad, "/provider/service_name", Some(json!("NO")));
    bad = with(bad, "/colour", Some(json!("red")));
    let paths: Vec<_> = violations(&bad)
        .iter()
        .map(|line| line.split(": ").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        paths,
        [
            "/colour",
            "/consumer/account_id",
            "/consumer/vpc_id",
            "/provider/service_name"
        ]
    );
}

#[test]
fn whatever_is_no_object_is_refused_with_a_path() {
    for document in [json!(null), json!([]), json!("text"), json!(1), json!(true), json!({})] {
        assert!(
            violations(&document).iter().all(|line| line.starts_with('/')),
            "{document}"
        );
    }
}

#[test]
fn a_long_wrong_value_is_cut_short() {
    let bad = with(aiven(), "/provider/project", Some(json!("X".repeat(100_000))));
    assert!(violations(&bad).concat().len() < 500);
}

#[test]
fn the_schema_in_infra_is_the_one_of_the_types() {
    let kept = include_str!("../../infra/request.schema.json");
    assert_eq!(
        kept,
        schema_text().unwrap(),
        "the types changed: run `cargo run --example schema > infra/request.schema.json`"
    );
}

#[test]
fn the_whole_schema_accepts_what_validation_accepts() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    for document in [aiven(), hcp()] {
        assert!(validator.is_valid(&document));
    }
    assert!(!validator.is_valid(&with(aiven(), "/provider/type", Some(json!("mongodb")))));
}

#[test]
fn a_connection_is_its_service_account_region_and_vpc() {
    let id = |document: &Value| ConnectionId::of(&validate(document, PREFIX).unwrap()).to_string();
    let same = [
        with(
            aiven(),
            "/consumer/subnet_ids",
            Some(json!(["subnet-0aaa1111bbb222203"])),
        ),
        with(aiven(), "/consumer/tags", Some(json!({"a": "b"}))),
        with(aiven(), "/provider/components", Some(json!(["schema_registry"]))),
        with(aiven(), "/provider/secret_id", Some(json!("privatelink/other"))),
        with(aiven(), "/on_failure", Some(json!("keep"))),
    ];
    for document in same {
        assert_eq!(id(&document), id(&aiven()));
    }
    let other = [
        with(aiven(), "/consumer/account_id", Some(json!("444455556666"))),
        with(aiven(), "/consumer/region", Some(json!("eu-west-2"))),
        with(aiven(), "/consumer/vpc_id", Some(json!("vpc-0a1b2c3d4e5f60719"))),
        with(aiven(), "/provider/service_name", Some(json!("orders-pg"))),
        with(aiven(), "/provider/project", Some(json!("acme-test"))),
        hcp(),
    ];
    for document in other {
        assert_ne!(id(&document), id(&aiven()));
    }
}

#[test]
fn a_client_token_fits_ec2_and_differs_by_generation() {
    let id = ConnectionId::of(&validate(&aiven(), PREFIX).unwrap());
    let tokens: Vec<_> = (1..=3).map(|generation| id.client_token(generation)).collect();
    assert!(tokens.iter().all(|token| token.len() <= 64 && token.is_ascii()));
    assert!(tokens[0] != tokens[1] && tokens[1] != tokens[2]);
    assert_eq!(tokens[0], id.client_token(1), "the same in every retry of every layer");
}
