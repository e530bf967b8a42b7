#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::events::AccountVended;
use crate::profile::Profile;
use crate::request::schema::{json_schema, schema_of};
use crate::request::{ConnectionReference, ProfileReference};

/// Of everything that is read from outside, as validation uses them, each with a document that conforms.
fn schemas() -> Vec<(Value, Value)> {
    let whole = json_schema();
    let mut all = Vec::new();
    for (example, branch) in [
        (include_str!("../../../../examples/hcp-vault.json"), 0),
        (include_str!("../../../../examples/aiven-kafka.json"), 1),
    ] {
        let mut schema = whole.clone();
        schema["properties"]["provider"] = whole["properties"]["provider"]["oneOf"][branch].clone();
        all.push((schema, serde_json::from_str(example).unwrap()));
    }
    let mut profile = schema_of::<Profile>();
    profile["properties"]["request"] = json!({"type": "object"});
    let targets = json!({"include": {"accounts": ["111122223333"], "ous": ["prod"]}, "exclude": {"ous": ["test"]}});
    all.push((profile, json!({"version": 1, "request": {}, "targets": targets})));
    let connection = json!({"connection_id": "plw-148d2627f8f8d1dd", "action": "plan", "plan_for": "deprovision"});
    all.push((schema_of::<ConnectionReference>(), connection));
    let reference = json!({"profile": "orders-kafka", "account_id": "111122223333"});
    all.push((schema_of::<ProfileReference>(), reference));
    let vended = json!({"account_id": "111122223333", "profiles": ["orders-kafka"]});
    all.push((schema_of::<AccountVended>(), vended));
    all
}

fn each_schema(schema: &Value, visit: &mut impl FnMut(&Map<String, Value>)) {
    let Some(schema) = schema.as_object() else {
        return;
    };
    visit(schema);
    for (keyword, inner) in schema {
        match (keyword.as_str(), inner) {
            ("properties", Value::Object(fields)) => fields.values().for_each(|field| each_schema(field, visit)),
            ("oneOf", Value::Array(branches)) => branches.iter().for_each(|branch| each_schema(branch, visit)),
            ("items" | "additionalProperties", inner) => each_schema(inner, visit),
            _ => {}
        }
    }
}

#[test]
fn every_keyword_of_the_schemas_is_known() {
    for (schema, _) in schemas() {
        each_schema(&schema, &mut |schema| {
            for keyword in schema.keys().map(String::as_str) {
                let known = CHECKED.contains(&keyword) || TOLD.contains(&keyword);
                assert!(known, "{keyword} in {schema:?}");
            }
        });
    }
}

#[test]
fn every_pattern_is_a_regular_expression_and_every_choice_one_of_words() {
    for (schema, _) in schemas() {
        each_schema(&schema, &mut |schema| {
            if let Some(pattern) = schema.get("pattern") {
                Regex::new(pattern.as_str().unwrap()).unwrap();
            }
            for branch in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
                assert!(branch["const"].is_string(), "{branch}");
            }
        });
    }
}

/// Each field of a document, and each that it could have, once with every one of these values and once without any.
fn mutations(document: &Value, schema: &Value) -> Vec<Value> {
    let mut pointers = vec![String::new()];
    point(document, schema, "", &mut pointers);
    let mut mutations = vec![document.clone()];
    for pointer in pointers {
        let was = document
            .pointer(&pointer)
            .and_then(Value::as_str)
            .unwrap_or("10.20.0.0/16");
        for value in [
            Value::Null,
            json!(true),
            json!(1),
            json!(-1),
            json!(2.5),
            json!(1e30),
            json!(""),
            json!("prod"),
            json!("deprovision"),
            json!("x".repeat(3000)),
            json!(format!("{was}x")),
            json!(format!("{was}\n")),
            json!(was.to_uppercase()),
            json!(was.get(1..)),
            json!([]),
            json!([was]),
            json!([was, was]),
            json!([1, 1, null]),
            json!((0..99).map(|n| format!("10.0.{n}.0/24")).collect::<Vec<_>>()),
            json!({}),
            json!({"a": "b"}),
            json!({"a~/": 1}),
            Value::Object((0..99).map(|n| (n.to_string(), json!("v"))).collect()),
        ] {
            mutations.push(replaced(document, &pointer, Some(value)));
        }
        mutations.push(replaced(document, &pointer, None));
    }
    mutations
}

fn point(document: &Value, schema: &Value, path: &str, pointers: &mut Vec<String>) {
    let of_schema = schema["properties"].as_object();
    let of_document = document.as_object();
    let names = of_schema.into_iter().chain(of_document).flat_map(Map::keys);
    for name in names.collect::<BTreeSet<_>>() {
        let path = below(path, name);
        point(&document[name], &schema["properties"][name], &path, pointers);
        pointers.push(path);
    }
}

fn replaced(document: &Value, pointer: &str, value: Option<Value>) -> Value {
    let mut document = document.clone();
    let Some((parent, name)) = pointer.rsplit_once('/') else {
        return value.unwrap_or_default();
    };
    if let Some(Value::Object(parent)) = document.pointer_mut(parent) {
        match value {
            Some(value) => parent.insert(name.to_owned(), value),
            None => parent.remove(name),
        };
    }
    document
}

#[test]
fn a_general_validator_finds_the_same_values_wrong() {
    let mut compared = 0;
    for (schema, document) in schemas() {
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert_eq!(violations(&document, &schema), [], "{document}");
        for mutation in mutations(&document, &schema) {
            let theirs: BTreeSet<String> = validator
                .iter_errors(&mutation)
                .map(|error| error.instance_path().to_string())
                .collect();
            let ours: BTreeSet<String> = violations(&mutation, &schema)
                .into_iter()
                .map(|violation| violation.value_path())
                .collect();
            assert_eq!(ours, theirs, "{mutation}");
            compared += 1;
        }
    }
    assert!(compared > 1000, "{compared} documents compared");
}
