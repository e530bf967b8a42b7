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

/// Request, field, its value (`-` removes it), and the one violation that follows, as `path: words in the message`.
const BAD: &str = r#"
aiven | /provider | - | /provider: missing
aiven | /provider | "aiven" | /provider: must be an object
aiven | /provider/type | - | /provider/type: missing; one of: hcp_vault, aiven
aiven | /provider/type | "mongodb" | /provider/type: must be one of: hcp_vault, aiven
aiven | /consumer | - | /consumer: missing
aiven | /consumer | [] | /consumer: must be of type object, not an array
aiven | /on_failure | "explode" | /on_failure: must be one of: undo, keep
aiven | /cosumer | {} | /cosumer: unknown field
aiven | /consumer/vpcid | "vpc-1" | /consumer/vpcid: unknown field
aiven | /provider/a~b | 1 | /provider/a~0b: unknown field
aiven | /provider/vault_cluster_id | "x" | /provider/vault_cluster_id: unknown field

aiven | /consumer/account_id | - | /consumer/account_id: missing
aiven | /consumer/account_id | 111122223333 | /consumer/account_id: must be of type string, not a number
aiven | /consumer/account_id | "11112222333" | /consumer/account_id: 12 digits
aiven | /consumer/region | "Ireland" | /consumer/region: like `eu-west-1`
aiven | /consumer/region | "eu-west-1a" | /consumer/region: like `eu-west-1`
aiven | /consumer/vpc_id | "vpc-xyz" | /consumer/vpc_id: 8 or 17 hex digits
aiven | /consumer/vpc_id | null | /consumer/vpc_id: not null
aiven | /consumer/subnet_ids | [] | /consumer/subnet_ids: too few items: at least 1
aiven | /consumer/subnet_ids | "subnet-0aaa1111bbb222201" | /consumer/subnet_ids: must be of type array
aiven | /consumer/subnet_ids/1 | "subnet-0aaa1111bbb222201" | /consumer/subnet_ids: same item twice
aiven | /consumer/subnet_ids/0 | "vpc-0a1b2c3d4e5f60718" | /consumer/subnet_ids/0: does not have the right form
aiven | /consumer/security_group_ids | - | /consumer/security_group_ids: missing
aiven | /consumer/security_group_ids/0 | "default" | /consumer/security_group_ids/0: does not have the right form
aiven | /consumer/tags | {"aws:team": "x"} | /consumer/tags/aws:team: must not start with
aiven | /consumer/tags | {"privatelink-workflow:x": "x"} | /consumer/tags/privatelink-workflow:x: must not start with
aiven | /consumer/tags | {"a/b": 1} | /consumer/tags/a~1b: must be of type string
aiven | /consumer/tags | {"": "x"} | /consumer/tags/: 1 to 128

aiven | /provider/project | "Acme Prod" | /provider/project: does not have the right form
aiven | /provider/service_name | "a/../b" | /provider/service_name: does not have the right form
aiven | /provider/service_name | "" | /provider/service_name: does not have the right form
aiven | /provider/components | [] | /provider/components: too few items
aiven | /provider/components/0 | "kafca" | /provider/components/0: no component that any service type offers
aiven | /provider/principals | ["111122223333"] | /provider/principals/0: does not have the right form
aiven | /provider/principals | ["*"] | /provider/principals/0: does not have the right form
aiven | /provider/principals | ["arn:aws:iam::111122223333:role/path/name"] | /provider/principals/0: without a path
aiven | /provider/principals | ["arn:aws:iam::444455556666:root"] | /provider/principals: no principal of the consumer account 111122223333
aiven | /provider/supported_regions | ["aws-eu-west-2"] | /provider/supported_regions/0: does not have the right form
aiven | /provider/secret_id | "production/database" | /provider/secret_id: starts with "privatelink/"
aiven | /provider/secret_id | "privatelink/" | /provider/secret_id: starts with "privatelink/"
aiven | /provider/secret_id | "arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-AbCdEf" | /provider/secret_id: starts with "privatelink/"

hcp | /provider/organization_id | "acme" | /provider/organization_id: a UUID in lower case
hcp | /provider/project_id | - | /provider/project_id: missing
hcp | /provider/hvn_id | "-hvn" | /provider/hvn_id: inner hyphens
hcp | /provider/vault_cluster_id | "ab" | /provider/vault_cluster_id: 3 to 36
hcp | /provider/private_link_service_id | "a-name-that-is-one-character-too-long" | /provider/private_link_service_id: 3 to 36
hcp | /provider/private_link_service_id | 7 | /provider/private_link_service_id: must be of type string
hcp | /provider/consumer_accounts | ["arn:aws:iam::444455556666:root"] | /provider/consumer_accounts: no principal of the consumer account
hcp | /provider/consumer_ip_ranges | - | /provider/consumer_ip_ranges: missing
hcp | /provider/consumer_ip_ranges | ["10.20.0.0"] | /provider/consumer_ip_ranges/0: like `10.20.0.0/16`
hcp | /provider/consumer_ip_ranges | ["10.20.0.300/16"] | /provider/consumer_ip_ranges/0: not an IPv4 CIDR range
hcp | /provider/consumer_ip_ranges | ["10.20.0.0/33"] | /provider/consumer_ip_ranges/0: not an IPv4 CIDR range
hcp | /provider/consumer_ip_ranges | ["10.20.1.0/16"] | /provider/consumer_ip_ranges/0: the network is 10.20.0.0/16
hcp | /provider/consumer_ip_ranges | ["0.0.0.0/0"] | /provider/consumer_ip_ranges/0: whole Internet
hcp | /provider/consumer_regions | ["eu_west_1"] | /provider/consumer_regions/0: does not have the right form
hcp | /provider/components | ["vault"] | /provider/components: unknown field
"#;

/// One mistake is one violation, with its path and its message.
fn assert_one_violation(bad: &Value, expected: &str, case: &str) {
    let (path, words) = expected.split_once(": ").unwrap();
    let found = violations(bad);
    assert_eq!(found.len(), 1, "{case}: {found:#?}");
    assert!(
        found[0].starts_with(&format!("{path}: ")) && found[0].contains(words),
        "{case}: {found:#?}"
    );
}

#[test]
fn each_violation_has_its_path_and_its_message() {
    let rows: Vec<_> = BAD.lines().filter(|line| !line.is_empty()).collect();
    assert!(rows.len() > 50);
    for row in rows {
        let [request, field, value, expected] = row.splitn(4, " | ").collect::<Vec<_>>().try_into().unwrap();
        let request = if request == "hcp" { hcp() } else { aiven() };
        let value = (value != "-").then(|| serde_json::from_str(value).unwrap());
        assert_one_violation(&with(request, field, value), expected, row);
    }
}

#[test]
fn what_is_too_much_is_told_with_its_limit() {
    let many = |n: usize, item: &dyn Fn(usize) -> String| Some(json!((0..n).map(item).collect::<Vec<_>>()));
    let arn = |n: usize| format!("arn:aws:iam::{n:012}:root");
    let tags = (0..41).map(|n| (format!("k{n}"), json!("v"))).collect();
    let table = [
        (aiven(), "/provider/principals", many(17, &arn), "at most 16"),
        (hcp(), "/provider/consumer_accounts", many(11, &arn), "at most 10"),
        (
            hcp(),
            "/provider/consumer_ip_ranges",
            many(16, &|n| format!("10.{n}.0.0/16")),
            "at most 15",
        ),
        (
            aiven(),
            "/consumer/subnet_ids",
            many(17, &|n| format!("subnet-{n:08x}")),
            "at most 16",
        ),
        (aiven(), "/consumer/tags", Some(Value::Object(tags)), "at most 40"),
    ];
    for (document, field, value, words) in table {
        assert_one_violation(&with(document, field, value), &format!("{field}: {words}"), field);
    }
    let long = with(aiven(), "/consumer/tags", Some(json!({"a": "x".repeat(257)})));
    assert_one_violation(&long, "/consumer/tags/a: at most 256", "a long value");
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
