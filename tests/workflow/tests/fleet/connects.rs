//! What is right is connected, what is not is named; and starting again repeats only what failed.

use std::collections::BTreeSet;

use rehearsal::fleet::{Defect, Member};
use serde_json::{Value, json};

use crate::stage::{Stage, stage};

const DEFECTS: [Defect; 3] = [Defect::NoVpc, Defect::FullService, Defect::NoRole];

fn broken(stage: &Stage) -> BTreeSet<(String, String)> {
    let with_defect = stage.members.iter().filter_map(|member| Some((member, member.defect?)));
    with_defect
        .map(|(member, defect)| (name(member), defect.error().to_owned()))
        .collect()
}

/// As the summary calls it.
fn name(member: &Member) -> String {
    let consumer = &member.item["consumer"];
    let words = [&consumer["account_id"], &consumer["region"], &consumer["vpc_id"]];
    let words = words.map(|word| word.as_str().unwrap());
    format!("{}/{}", words.join("/"), member.service)
}

fn failed_items(summary: &Value) -> BTreeSet<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = summary["failed_items"].as_array().unwrap().iter();
    items.map(|item| (text(&item["item"]), text(&item["error"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_connects_what_is_right_and_names_what_is_not() {
    let stage = stage(24, &DEFECTS).await;
    let right: Vec<&Member> = stage.members.iter().filter(|member| member.defect.is_none()).collect();
    assert_eq!(right.len(), 21);
    let mut input = json!({ "name": "wave-1", "items": stage.items(), "tolerated_failure_percentage": 20 });

    let summary = stage.succeeds(&input).await;
    assert_eq!(
        (&summary["total"], &summary["succeeded"], &summary["failed"]),
        (&json!(24), &json!(21), &json!(3))
    );
    assert_eq!(failed_items(&summary), broken(&stage));
    stage.assert_connected_once(right.iter().copied());

    // The report has the same, and the connections.
    let manifest = stage.report(&summary, "manifest.json").await;
    assert_eq!(manifest["ResultFiles"]["FAILED"].as_array().unwrap().len(), 1);
    let failures = stage.report(&summary, "FAILED_0.json").await;
    assert_eq!(failures.as_array().unwrap().len(), 3);
    for failure in failures.as_array().unwrap() {
        let run: Value = serde_json::from_str(failure["Cause"].as_str().unwrap()).unwrap();
        assert!(run["Cause"].as_str().unwrap().len() > 20, "{failure}");
    }
    let successes = stage.report(&summary, "SUCCEEDED_0.json").await;
    let connected: BTreeSet<String> = successes
        .as_array()
        .unwrap()
        .iter()
        .map(|child| {
            let output: Value = serde_json::from_str(child["Output"].as_str().unwrap()).unwrap();
            output["result"]["connection_id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(connected.len(), 21);

    // Again, with less patience: nothing is done again but what failed, and that is too much now.
    let before = stage.runs().await;
    stage.environment.simulators.recorder.clear_calls();
    input["tolerated_failure_percentage"] = json!(10);
    input["max_concurrency"] = json!(1);
    let failure = stage.fails(&input).await;
    assert_eq!(failure.error, "TooManyFailed");
    for words in [
        "3 of 24 items failed, more than the 10 %",
        "start the fleet again",
        "s3://",
        "LimitExceeded",
    ] {
        assert!(failure.cause.contains(words), "{words}: {}", failure.cause);
    }
    for (name, _) in broken(&stage) {
        assert!(failure.cause.contains(&name), "{name}: {}", failure.cause);
    }
    let mut after = stage.runs().await;
    after.retain(|name, _| !before.contains_key(name));
    assert_eq!(after.len(), 3, "only what failed ran again: {after:?}");
    assert!(
        after
            .iter()
            .all(|(name, status)| name.ends_with("-2") && status == "FAILED")
    );
    let writes = stage.environment.simulators.recorder.writes();
    assert!(writes.is_empty(), "{writes:?}");

    // Mended, it runs through.
    let mended: Vec<Value> = right.iter().map(|member| member.item.clone()).collect();
    let summary = stage
        .succeeds(&json!({ "name": "wave-1", "items": mended, "tolerated_failure_percentage": 0 }))
        .await;
    assert_eq!((&summary["succeeded"], &summary["failed"]), (&json!(21), &json!(0)));
    assert_eq!(stage.runs().await.len(), before.len() + 3);
}

/// A PUT at Aiven replaces the whole list of principals: without turns, one of two that read it at once would lose the other's.
#[tokio::test(flavor = "multi_thread")]
async fn two_fleets_at_one_service_lose_nobody() {
    let stage = stage(20, &[]).await;
    // Of Aiven, all at the first service.
    let of_aiven: Vec<&Member> = stage
        .members
        .iter()
        .filter(|member| member.service == stage.members[0].service)
        .collect();
    assert_eq!(of_aiven.len(), 10);
    let fleet = |name: &str, members: &[&Member]| {
        let items: Vec<&Value> = members.iter().map(|member| &member.item).collect();
        json!({ "name": name, "items": items, "tolerated_failure_percentage": 0 })
    };
    let (first, second) = of_aiven.split_at(5);
    let (first, second) = (fleet("first", first), fleet("second", second));
    let (one, other) = tokio::join!(stage.succeeds(&first), stage.succeeds(&second));
    assert_eq!((&one["succeeded"], &other["succeeded"]), (&json!(5), &json!(5)));
    stage.assert_connected_once(of_aiven.iter().copied());
    let principals: BTreeSet<String> = stage.principals(&of_aiven[0].service).into_iter().collect();
    let expected: BTreeSet<String> = of_aiven
        .iter()
        .map(|member| format!("arn:aws:iam::{}:root", member.account_id))
        .collect();
    assert_eq!(principals, expected);
}
