//! What a user sees of a request's validation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad;
mod good;
mod identity;
mod register;

use serde_json::{Value, json};
use shared::request::{Request, json_schema, schema_text, validate};

pub(crate) const PREFIX: &str = "privatelink/";

pub(crate) fn aiven() -> Value {
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

pub(crate) fn hcp() -> Value {
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

/// The document with the value at a JSON pointer replaced, or removed.
pub(crate) fn with(mut document: Value, pointer: &str, value: Option<Value>) -> Value {
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

/// The document with a merge patch (RFC 7396) applied.
pub(crate) fn patched(mut document: Value, patch: &Value) -> Value {
    merge(&mut document, patch);
    document
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let object = target.as_object_mut().unwrap();
    for (key, value) in fields {
        if value.is_null() {
            object.remove(key);
        } else {
            merge(object.entry(key).or_insert(Value::Null), value);
        }
    }
}

pub(crate) fn accepted(document: &Value) -> Request {
    validate(document, PREFIX).unwrap_or_else(|error| panic!("{document}: {error}"))
}

pub(crate) fn base_request(name: &str) -> Value {
    match name {
        "aiven" => aiven(),
        "hcp" => hcp(),
        other => panic!("no request {other}"),
    }
}

#[test]
fn the_schema_in_infra_is_the_one_of_the_types() {
    let kept = include_str!("../../../infra/request.schema.json");
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
