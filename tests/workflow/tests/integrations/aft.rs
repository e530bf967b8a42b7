//! AFT's hook: the event that it sends for a request's custom fields, and that it never fails an account.

use std::fs;

use rehearsal::emulator::{ACCOUNT, REGION};
use serde_json::{Value, json};

use crate::cloud::{Caught, Cloud, file};

const DEFINITION: &str = "infra/aft/aft-account-provisioning-customizations.asl.json";
const BUS: &str = "vending";
const VENDED: &str = "123456789012";

/// What AFT's `aft-account-provisioning-framework` hands over; `custom_fields` as its account request has it, or not at all.
fn payload(custom_fields: Option<Value>) -> Value {
    let mut payload: Value = serde_json::from_str(include_str!("../samples/aft-payload.json")).unwrap();
    if let Some(fields) = custom_fields {
        payload["account_request"]["custom_fields"] = fields;
    }
    payload
}

struct Aft {
    cloud: Cloud,
    machine: String,
    caught: Caught,
}

impl Aft {
    async fn start() -> Self {
        let cloud = Cloud::start().await;
        cloud
            .aws
            .expect_json("events", "AWSEvents.CreateEventBus", &json!({"Name": BUS}))
            .await
            .unwrap();
        let bus = format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{BUS}");
        let (machine, caught) = (
            cloud
                .machine("aft-account-provisioning-customizations", &definition(&bus))
                .await,
            Caught::on(&cloud.aws, BUS, &json!({"source": ["privatelink-workflow.client"]})).await,
        );
        Self { cloud, machine, caught }
    }

    /// The details of the events that a run with this payload sends; it must succeed and give on what it got.
    async fn sent(&self, payload: &Value) -> Vec<Value> {
        let run = self.cloud.run(&self.machine, payload).await;
        assert_eq!(run.output().unwrap(), payload);
        let events = self.caught.take().await;
        for event in &events {
            assert_eq!(event["detail-type"], "Account Vended");
        }
        events.into_iter().map(|event| event["detail"].clone()).collect()
    }
}

/// As Terraform's `templatefile` writes it.
fn definition(bus: &str) -> String {
    fs::read_to_string(file(DEFINITION))
        .unwrap()
        .replace("${event_bus_arn}", bus)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_profiles_of_the_custom_field_are_asked_for() {
    let aft = Aft::start().await;
    for (field, profiles) in [
        (json!("kafka"), vec!["kafka"]),
        (json!("kafka,vault"), vec!["kafka", "vault"]),
        (json!(" kafka , vault,,kafka "), vec!["kafka", "vault"]),
        (json!(["kafka", "vault"]), vec!["kafka", "vault"]),
        (json!(["kafka"]), vec!["kafka"]),
    ] {
        let fields = json!({"privatelink": field, "vpc_size": "small"});
        let expected = json!({
            "account_id": VENDED, "organizational_unit_id": "ou-ab12-cdef3456", "organizational_unit_name": "Sandbox",
            "profiles": profiles
        });
        // AFT gives the fields as text; an object would be as clear.
        for fields in [json!(fields.to_string()), fields.clone()] {
            let sent = aft.sent(&payload(Some(fields.clone()))).await;
            assert_eq!(sent.as_slice(), std::slice::from_ref(&expected), "{fields}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_asked_for_nothing_is_sent() {
    let aft = Aft::start().await;
    let absent = [
        None,
        Some(json!("")),
        Some(json!("  ")),
        Some(Value::Null),
        Some(json!("null")),
        Some(json!("{}")),
        Some(json!({})),
        Some(json!("{\"vpc_size\": \"small\"}")),
        Some(json!("{\"privatelink\": \"\"}")),
        Some(json!("{\"privatelink\": \" , \"}")),
        Some(json!("{\"privatelink\": null}")),
        Some(json!("{\"privatelink\": []}")),
    ];
    let malformed = [
        Some(json!("{privatelink: kafka}")),
        Some(json!("{\"privatelink\": \"kafka\"")),
        Some(json!("kafka")),
        Some(json!("[]")),
        Some(json!("\"privatelink\"")),
        Some(json!("{\"privatelink\": 5}")),
        Some(json!("{\"privatelink\": true}")),
        Some(json!("{\"privatelink\": {\"name\": \"kafka\"}}")),
        Some(json!("{\"privatelink\": [1, null, \"\"]}")),
        Some(json!(5)),
        Some(json!(["privatelink"])),
    ];
    for fields in absent.into_iter().chain(malformed) {
        assert_eq!(
            aft.sent(&payload(fields.clone())).await,
            Vec::<Value>::new(),
            "{fields:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_is_not_afts_fails_nothing() {
    let aft = Aft::start().await;
    let asked = payload(Some(json!("{\"privatelink\": \"kafka\"}")));
    let without = |pointer: &str| {
        let mut payload = asked.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        payload
            .pointer_mut(parent)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(key);
        payload
    };
    let mut unknown_account = asked.clone();
    unknown_account["account_info"]["account"]["id"] = json!("");
    for payload in [
        json!({}),
        json!([]),
        unknown_account,
        without("/account_info"),
        without("/account_info/account/id"),
        without("/account_request"),
    ] {
        assert_eq!(aft.sent(&payload).await, Vec::<Value>::new(), "{payload}");
    }
    // The README of AFT shows an empty parent.
    let mut bare = without("/account_info/account/org_name");
    bare["account_info"]["account"]["parent_id"] = json!("");
    let expected = json!({"account_id": VENDED, "profiles": ["kafka"]});
    assert_eq!(aft.sent(&bare).await, [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_sent_fails_no_account() {
    let cloud = Cloud::start().await;
    // No ARN of a bus, so that the call itself is refused.
    let machine = definition("").replace("events:putEvents", "aws-sdk:nothing:putEvents");
    let machine = cloud.machine("aft", &machine).await;
    let payload = payload(Some(json!("{\"privatelink\": \"kafka\"}")));
    let run = cloud.run(&machine, &payload).await;
    assert_eq!(run.output().unwrap(), &payload);
    assert_eq!(run.states(), ["TellOfAccount", "NotTold", "Done"]);
}

/// Terraform reads `${…}` and `%{…}` in the file.
#[test]
fn terraform_finds_just_its_variable() {
    let text = fs::read_to_string(file(DEFINITION)).unwrap();
    let places: Vec<&str> = text
        .split("${")
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap())
        .collect();
    assert_eq!(places, ["event_bus_arn"]);
    assert!(!text.contains("%{"));
    let terraform = fs::read_to_string(file("infra/aft/privatelink.tf")).unwrap();
    assert!(terraform.contains("event_bus_arn = local.privatelink_event_bus_arn"));
    assert!(terraform.contains("\"aft-account-provisioning-customizations\""));
    assert!(terraform.contains(DEFINITION.rsplit('/').next().unwrap()));
}
