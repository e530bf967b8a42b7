//! What a user sees of vending profiles, and of references to them and to connections.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use shared::ErrorName;
use shared::events::{ANNOUNCEMENTS, AccountVended, events_schema};
use shared::profile::Profile;
use shared::request::{Action, Goal, Input, json_schema, validate};

const PREFIX: &str = "privatelink/";
const ACCOUNT: &str = "111122223333";

fn profile() -> Value {
    json!({
        "version": 1,
        "targets": {
            "include": {"ous": ["ou-ab12-l3zc8b3h", "Sandbox"], "accounts": [ACCOUNT]},
            "exclude": {"ous": ["Suspended"], "accounts": ["444455556666"]}
        },
        "request": {
            "provider": {
                "type": "aiven", "project": "acme-prod", "service_name": "orders-kafka", "components": ["kafka"],
                "secret_id": "privatelink/aiven"
            },
            "consumer": {"region": "eu-west-1", "vpc_tags": {"Name": "main"}, "client_cidrs": ["10.20.0.0/16"]}
        },
        "repair": true
    })
}

/// The document with a value at a JSON pointer, whose parents are made.
fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    let mut place = &mut document;
    for key in pointer.split('/').skip(1) {
        place = match key.parse::<usize>() {
            Ok(index) if place.is_array() => &mut place[index],
            _ => &mut place[key],
        };
    }
    *place = value;
    document
}

fn parse(document: &Value) -> Profile {
    Profile::parse("orders", &document.to_string(), PREFIX).unwrap()
}

/// Each violation on its line.
fn violations(text: &str) -> Vec<String> {
    let error = Profile::parse("orders", text, PREFIX).unwrap_err();
    assert_eq!(error.name, ErrorName::InvalidRequest);
    let mut lines = error.message.lines().map(str::to_owned);
    let first = lines.next().unwrap();
    assert!(first.starts_with("the vending profile \"orders\" has "), "{first}");
    lines.collect()
}

#[test]
fn a_profile_makes_a_request_for_an_account() {
    let profile = parse(&profile());
    assert!(profile.repair);
    let request = validate(&profile.request_for(ACCOUNT), PREFIX).unwrap();
    assert_eq!(request.consumer.account_id, ACCOUNT);
    assert_eq!(request.provider.principals(), ["arn:aws:iam::111122223333:root"]);
    assert_eq!((request.action, request.goal()), (Action::Provision, Goal::Provision));
    assert_eq!(
        validate(&profile.request_for("444455556666"), PREFIX)
            .unwrap()
            .consumer
            .account_id,
        "444455556666"
    );
}

#[test]
fn a_vended_account_waits_for_its_network_unless_the_profile_says_otherwise() {
    // As soon as requests know of it.
    if json_schema()
        .pointer("/properties/consumer/properties/wait_for_network")
        .is_some()
    {
        assert_eq!(
            parse(&profile()).request_for(ACCOUNT)["consumer"]["wait_for_network"],
            true
        );
        let profile = with(profile(), "/request/consumer/wait_for_network", json!(false));
        assert_eq!(
            parse(&profile).request_for(ACCOUNT)["consumer"]["wait_for_network"],
            false
        );
    }
}

#[test]
fn a_profile_needs_no_more_than_a_version_and_a_request() {
    let least = parse(&json!({"version": 1, "request": profile()["request"]}));
    assert!(!least.repair);
    assert!(
        !least.matches(ACCOUNT, Some("ou-ab12-l3zc8b3h"), Some("Sandbox")),
        "it is for nobody who does not name it"
    );
}

#[test]
fn a_profile_is_for_the_accounts_that_are_included_and_not_excluded() {
    let some = parse(&profile());
    let all = parse(&with(profile(), "/targets/include", json!({"all": true})));
    let nobody_else = "123456789012";
    for (account, ou_id, ou_name, of_some, of_all) in [
        (ACCOUNT, None, None, true, true),
        (ACCOUNT, None, Some("Suspended"), false, false),
        ("444455556666", Some("ou-ab12-l3zc8b3h"), None, false, false),
        (nobody_else, Some("ou-ab12-l3zc8b3h"), Some("Renamed"), true, true),
        (nobody_else, None, Some("Sandbox"), true, true),
        (nobody_else, Some("ou-ab12-00000000"), Some("sandbox"), false, true),
        (nobody_else, None, None, false, true),
    ] {
        let case = format!("{account} {ou_id:?} {ou_name:?}");
        assert_eq!(some.matches(account, ou_id, ou_name), of_some, "{case}");
        assert_eq!(all.matches(account, ou_id, ou_name), of_all, "{case}");
    }
}

#[test]
fn each_violation_of_a_profile_has_its_path() {
    for (pointer, value, expected) in [
        ("/version", json!(2), "/version: "),
        (
            "/version",
            json!("1"),
            "/version: must be of type integer, not a string",
        ),
        ("/targts", json!({}), "/targts: unknown field"),
        ("/repair", json!("yes"), "/repair: must be of type boolean"),
        (
            "/targets/include/all",
            json!(true),
            "/targets/include/all: is true, so that",
        ),
        (
            "/targets/include/tags",
            json!({}),
            "/targets/include/tags: unknown field",
        ),
        ("/targets/include/ous/1", json!(""), "/targets/include/ous/1: "),
        (
            "/targets/include/ous/1",
            json!("ou-ab12-l3zc8b3h"),
            "/targets/include/ous: has the same item twice",
        ),
        (
            "/targets/include/accounts/0",
            json!("1111"),
            "/targets/include/accounts/0: \"1111\" does not have the right form",
        ),
        (
            "/targets/exclude/ous/0",
            json!("Sandbox"),
            "/targets/exclude/ous/0: \"Sandbox\" is included too",
        ),
        (
            "/targets/exclude/accounts/0",
            json!(ACCOUNT),
            "/targets/exclude/accounts/0: \"111122223333\" is included too",
        ),
        ("/request", json!([]), "/request: must be of type object, not an array"),
        ("/request/action", json!("plan"), "/request/action: leave it out"),
        (
            "/request/plan_for",
            json!("provision"),
            "/request/plan_for: leave it out",
        ),
        (
            "/request/consumer/account_id",
            json!(ACCOUNT),
            "/request/consumer/account_id: leave it out",
        ),
        (
            "/request/provider/principals",
            json!([]),
            "/request/provider/principals: leave it out",
        ),
        (
            "/request/provider/type",
            json!("mongodb"),
            "/request/provider/type: must be one of: hcp_vault, aiven",
        ),
        (
            "/request/provider/components",
            json!(["zookeeper"]),
            "/request/provider/components/0: ",
        ),
        (
            "/request/provider/secret_id",
            json!("elsewhere/aiven"),
            "/request/provider/secret_id: must name a secret",
        ),
        (
            "/request/consumer/region",
            json!("Ireland"),
            "/request/consumer/region: ",
        ),
        (
            "/request/consumer/vpc_tags",
            json!({}),
            "/request/consumer/vpc_id: missing",
        ),
        (
            "/request/consumer",
            json!("main"),
            "/request/consumer: must be of type object",
        ),
    ] {
        let found = violations(&with(profile(), pointer, value).to_string());
        assert_eq!(found.len(), 1, "{pointer}: {found:#?}");
        assert!(found[0].starts_with(expected), "{pointer}: {found:#?}");
    }
}

#[test]
fn all_violations_of_a_profile_are_told_at_once() {
    let bad =
        json!({"version": 1, "target": {}, "request": {"provider": {"type": "aiven"}, "consumer": {"region": 1}}});
    let found = violations(&bad.to_string());
    for path in ["/target: ", "/request/provider/project: ", "/request/consumer/region: "] {
        assert!(found.iter().any(|line| line.starts_with(path)), "{path} in {found:#?}");
    }
    assert_eq!(violations("{")[0].split(" (").next(), Some("/: is not JSON"));
    let found = violations("{}");
    assert_eq!(found, ["/request: missing", "/version: missing"]);
}

#[test]
fn the_schema_accepts_what_a_profile_may_say() {
    let schema: Value = serde_json::from_str(&shared::profile::schema_text().unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&profile()));
    for (pointer, value) in [
        ("/request/action", json!("plan")),
        ("/request/consumer/account_id", json!(ACCOUNT)),
        ("/version", json!(2)),
        ("/request/consumer", json!({"region": "eu-west-1", "unheard": 1})),
    ] {
        assert!(!validator.is_valid(&with(profile(), pointer, value)), "{pointer}");
    }
}

#[test]
fn a_reference_is_told_from_a_request() {
    let Input::Profile(reference) =
        Input::read(json!({"profile": "orders", "account_id": ACCOUNT, "action": "plan"})).unwrap()
    else {
        panic!("it is a reference to a profile");
    };
    let request = validate(&reference.apply_to(parse(&profile()).request_for(ACCOUNT)), PREFIX).unwrap();
    assert_eq!(request.action, Action::Plan);

    let reference = json!({"connection_id": "plw-0123456789abcdef", "action": "plan", "plan_for": "deprovision"});
    let Input::Connection(reference) = Input::read(reference).unwrap() else {
        panic!("it is a reference to a connection");
    };
    // What was done last does not matter.
    let kept = with(parse(&profile()).request_for(ACCOUNT), "/action", json!("deprovision"));
    let request = validate(&reference.apply_to(kept), PREFIX).unwrap();
    assert_eq!((request.action, request.goal()), (Action::Plan, Goal::Deprovision));

    for document in [
        json!({"provider": {}, "consumer": {}}),
        json!({}),
        json!([]),
        json!("orders"),
        Value::Null,
    ] {
        assert_eq!(Input::read(document.clone()).unwrap(), Input::Request(document));
    }
}

#[test]
fn each_violation_of_a_reference_has_its_path() {
    for (reference, paths) in [
        (json!({"connection_id": "orders"}), &["/connection_id: "][..]),
        (json!({"connection_id": null}), &["/connection_id: "]),
        (
            json!({"connection_id": "plw-0123456789abcdef", "profile": "orders"}),
            &["/profile: unknown field"],
        ),
        (json!({"profile": "orders"}), &["/account_id: missing"]),
        (
            json!({"profile": "a b", "account_id": 1, "action": "make"}),
            &["/account_id: ", "/action: must be one of", "/profile: "],
        ),
    ] {
        let error = Input::read(reference).unwrap_err();
        assert_eq!(error.name, ErrorName::InvalidRequest);
        let lines: Vec<&str> = error.message.lines().skip(1).collect();
        assert_eq!(lines.len(), paths.len(), "{lines:#?}");
        for (line, path) in lines.iter().zip(paths) {
            assert!(line.starts_with(path), "{lines:#?}");
        }
    }
}

#[test]
fn an_event_fits_the_schema_of_its_detail_type_alone() {
    let validator = jsonschema::validator_for(&events_schema()).unwrap();
    let event = |source: &str, kind: &str, detail: &Value| {
        validator.is_valid(&json!({
            "version": "0", "id": "1", "source": source, "detail-type": kind, "account": ACCOUNT, "time": "2026-01-01T00:00:00Z",
            "region": "eu-west-1", "resources": [], "detail": detail
        }))
    };
    let client = "privatelink-workflow.client";
    let reference = json!({"profile": "orders", "account_id": ACCOUNT});
    assert!(event(client, "Connection Requested", &reference));
    assert!(event(
        client,
        "Connection Requested",
        &json!({"connection_id": "plw-0123456789abcdef"})
    ));
    let request = parse(&profile()).request_for(ACCOUNT);
    assert!(event(client, "Connection Requested", &request));
    let vended = json!({"account_id": ACCOUNT, "organizational_unit_name": "Sandbox", "profiles": ["orders"]});
    assert!(event(client, "Account Vended", &vended));
    assert!(AccountVended::read(&with(vended.clone(), "/sent_by", json!("a pipeline"))).is_ok());
    assert!(!event(
        client,
        "Account Vended",
        &json!({"account_id": 111_122_223_333_u64})
    ));
    assert!(!event("privatelink-workflow", "Account Vended", &vended));
    assert!(!event(client, "Connection Requested", &vended));
    let execution = json!({"id": "arn", "name": "n", "started_at": "2026-01-01T00:00:00Z"});
    for (kind, _) in ANNOUNCEMENTS {
        assert!(event(
            "privatelink-workflow",
            kind,
            &json!({"execution": execution, "error": "Denied"})
        ));
        assert!(!event(
            "privatelink-workflow",
            kind,
            &json!({"execution": execution, "token": "x"})
        ));
    }
}
