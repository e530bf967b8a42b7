//! What a row says after each look of a run.

use serde_json::{Value, json};
use shared::document::Document;
use shared::progress::Phase;
use shared::register::{Row, Status, connection_of, is_news, now};
use shared::settings::PhaseName;
use shared::{Error, ErrorName};

use crate::{accepted, aiven, with};

const VPC: &str = "vpc-0a1b2c3d4e5f60718";

/// A run of Aiven's example, whose preflight is through; `more` goes over its document.
fn run(name: &str, action: &str, more: &[(&str, Value)]) -> Document {
    let request = accepted(&with(aiven(), "/action", Some(json!(action))));
    let facts = json!({
        "connection_id": "plw-1", "vpc_id": VPC,
        "plan": {"goal": "provision", "connection_id": "plw-1", "feasible": true, "summary": [], "changes": [], "checks": []},
    });
    let mut document = json!({
        "request": request,
        "execution": {"id": format!("arn:{name}"), "name": name, "started_at": "2026-01-01T00:00:00Z"},
        "preflight": {"status": "ready", "attempt": 2, "waited_seconds": 15, "wait_seconds": 0, "result": facts},
    });
    for (key, value) in more {
        document[*key] = value.clone();
    }
    serde_json::from_value(document).unwrap()
}

fn new_row(document: &Document) -> Row {
    let (connection_id, vpc_id) = connection_of(document).unwrap();
    Row::new(connection_id, vpc_id, &document.request, &document.execution.id, now())
}

fn ready(result: Value) -> Phase<Value> {
    left(&json!({"status": "ready", "result": result}))
}

fn left(fields: &Value) -> Phase<Value> {
    let mut phase = json!({"attempt": 3, "waited_seconds": 0, "wait_seconds": 0});
    for (key, value) in fields.as_object().unwrap() {
        phase[key] = value.clone();
    }
    serde_json::from_value(phase).unwrap()
}

/// The row of a connection that a run has made.
fn connected() -> Row {
    let document = run("first", "provision", &[]);
    let mut row = new_row(&document);
    row.began(&document, PhaseName::Service, now());
    row.began(&document, PhaseName::Endpoint, now());
    let made = ready(json!({"endpoint_id": "vpce-1", "generation": 2}));
    row.saw(&document, PhaseName::Endpoint, &made, now());
    row.saw(&document, PhaseName::Publish, &ready(json!({})), now());
    row
}

#[test]
fn a_run_that_connects() {
    let row = connected();
    assert_eq!((row.status, row.phase.as_str()), (Status::Connected, "connection"));
    assert_eq!((row.endpoint_id.as_deref(), row.generation), (Some("vpce-1"), Some(2)));
    assert_eq!(row.phases["preflight"].looks, 2);
    assert_eq!(row.phases["preflight"].started_at.to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(row.phases["service"].ended_at, None);
    assert_eq!(row.phases["endpoint"].looks, 3);
    let text = serde_json::to_string(&row).unwrap();
    assert_eq!(serde_json::from_str::<Row>(&text).unwrap(), row);
}

#[test]
fn an_error_is_shown_until_a_look_goes_well() {
    let document = run("second", "provision", &[]);
    let mut row = connected();
    row.began(&document, PhaseName::Service, now());
    assert_eq!(row.status, Status::Connecting);
    row.failed(
        PhaseName::Service,
        &Error::new(ErrorName::Unavailable, "no answer"),
        now(),
    );
    assert_eq!(row.last_error.as_ref().unwrap().message, "no answer");
    let waits = left(&json!({"status": "pending", "state": "creating", "reason": "it is made"}));
    row.saw(&document, PhaseName::Service, &waits, now());
    assert_eq!((row.last_error, row.state.as_deref()), (None, Some("creating")));
}

#[test]
fn a_run_that_fails_is_failed_and_keeps_its_first_error() {
    let cause =
        json!({"Error": "Rejected", "Cause": "{\"errorType\":\"Rejected\",\"errorMessage\":\"the vendor said no.\"}"});
    let document = run("second", "provision", &[("error", cause)]);
    let mut row = connected();
    row.began(&run("second", "provision", &[]), PhaseName::Service, now());
    row.began(&document, PhaseName::Undo, now());
    row.saw(
        &document,
        PhaseName::Undo,
        &ready(json!({"cause": "", "left": ["a group"]})),
        now(),
    );
    assert_eq!(row.status, Status::Failed);
    let error = row.last_error.clone().unwrap();
    assert_eq!(
        (error.name.as_str(), error.message.as_str()),
        ("Rejected", "the vendor said no.")
    );
    assert_eq!(row.reason.as_deref(), Some("Left in place: a group."));

    let exhausted =
        left(&json!({"status": "exhausted", "reason": "no time", "result": {"cause": "", "left": ["a group"]}}));
    row.saw(&document, PhaseName::Undo, &exhausted, now());
    assert_eq!(row.status, Status::NeedsAttention);
    assert_eq!(row.last_error.unwrap().name, "Rejected");
}

/// Nothing was changed by it.
#[test]
fn a_run_that_preflight_stops_leaves_the_connection_as_it_is() {
    let stopped = json!({"status": "pending", "attempt": 1, "waited_seconds": 0, "wait_seconds": 1});
    let cause = json!({"Error": "InvalidRequest", "Cause": "no such subnet"});
    let document = run("second", "provision", &[("preflight", stopped), ("error", cause)]);
    let mut row = connected();
    row.began(&document, PhaseName::Undo, now());
    assert_eq!(
        (row.status, row.execution_id.as_str()),
        (Status::Connected, "arn:first")
    );
    assert_eq!(row.last_error.unwrap().message, "no such subnet");
    let mut of_none = new_row(&document);
    of_none.began(&document, PhaseName::Undo, now());
    assert_eq!(of_none.status, Status::Failed);
}

#[test]
fn a_removal_ends_with_a_row_that_is_forgotten_after_ninety_days() {
    let document = run("second", "deprovision", &[]);
    let mut row = connected();
    let before = row.clone();
    row.began(&document, PhaseName::Removal, now());
    assert_eq!((row.status, &row.request), (Status::Removing, &before.request));
    assert!(row.request.contains("\"action\":\"provision\""));
    let mut stuck = row.clone();
    row.saw(&document, PhaseName::Removal, &ready(json!({"left": []})), now());
    assert_eq!((row.status, row.endpoint_id), (Status::Removed, None));
    let days = (row.expires_at.unwrap() - now().as_second()) / 86_400;
    assert!((89..=90).contains(&days), "{days}");

    stuck.failed(PhaseName::Removal, &Error::new(ErrorName::Denied, "no right"), now());
    assert_eq!(stuck.status, Status::NeedsAttention);
}

#[test]
fn a_connection_that_comes_back_is_not_forgotten() {
    let mut row = connected();
    let removal = run("second", "deprovision", &[]);
    row.began(&removal, PhaseName::Removal, now());
    row.saw(&removal, PhaseName::Removal, &ready(json!({"left": []})), now());
    row.began(&run("third", "provision", &[]), PhaseName::Service, now());
    assert_eq!((row.status, row.expires_at), (Status::Connecting, None));
    assert!(!row.phases.contains_key("removal"), "the phases are the last run's");
}

#[test]
fn only_news_is_written() {
    let waits = |reason: &str| left(&json!({"status": "pending", "state": "creating", "reason": reason}));
    assert!(is_news(None, &waits("a")));
    assert!(!is_news(Some(&waits("a")), &waits("a")));
    assert!(is_news(Some(&waits("a")), &waits("b")));
    assert!(is_news(Some(&waits("a")), &ready(json!({}))));
}
