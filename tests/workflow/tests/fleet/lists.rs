//! Lists that lie in S3.

use serde_json::{Value, json};

use crate::stage::stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_lies_in_s3_as_json_or_as_csv() {
    let stage = stage(2, &[]).await;
    let bucket = stage.environment.reports_bucket().unwrap();
    let aws = &stage.environment.aws;
    let list = json!(stage.items()).to_string();
    aws.put_object(bucket, "lists/two.json", list.into_bytes())
        .await
        .unwrap();
    let fleet = |name: &str, key: &str| json!({ "name": name, "items_from": { "bucket": bucket, "key": key }, "tolerated_failure_percentage": 100 });
    let summary = stage.succeeds(&fleet("json", "lists/two.json")).await;
    assert_eq!((&summary["total"], &summary["succeeded"]), (&json!(2), &json!(2)));
    stage.assert_connected_once(&stage.members);

    // Each row is a reference; what it refers to is not there, which its own run tells.
    let rows = "connection_id,profile,account_id,action\nplw-0123456789abcdef,,,plan\n,nowhere,111122223333,\n";
    aws.put_object(bucket, "lists/two.csv", rows.into()).await.unwrap();
    let summary = stage.succeeds(&fleet("csv", "lists/two.csv")).await;
    assert_eq!((&summary["total"], &summary["failed"]), (&json!(2), &json!(2)));
    let mut inputs = Vec::new();
    for failed in summary["failed_items"].as_array().unwrap() {
        assert_eq!(failed["error"], "InvalidRequest");
        let name = failed["execution"].as_str().unwrap();
        let arn = stage.environment.workflow_arn.replace(":stateMachine:", ":execution:");
        let run = stage
            .call("DescribeExecution", &json!({ "executionArn": format!("{arn}:{name}") }))
            .await;
        let input: Value = serde_json::from_str(run["input"].as_str().unwrap()).unwrap();
        inputs.push((failed["item"].clone(), input));
    }
    inputs.sort_by_key(|(item, _)| item.to_string());
    let expected = [
        (
            json!("nowhere/111122223333"),
            json!({ "profile": "nowhere", "account_id": "111122223333" }),
        ),
        (
            json!("plw-0123456789abcdef"),
            json!({ "connection_id": "plw-0123456789abcdef", "action": "plan" }),
        ),
    ];
    assert_eq!(inputs, expected);

    // A list that is not there, and one that is no list.
    let failure = stage.fails(&fleet("missing", "lists/none.json")).await;
    assert_eq!(failure.error, "States.ItemReaderFailed");
    aws.put_object(bucket, "lists/none.json", b"{}".to_vec()).await.unwrap();
    let failure = stage.fails(&fleet("missing", "lists/none.json")).await;
    assert_eq!(failure.error, "States.ItemReaderFailed");
}
