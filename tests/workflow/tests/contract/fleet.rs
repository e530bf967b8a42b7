//! The fleet: both kinds of list run the same, its role may do what its definition does, and its bucket is private.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::stack::Stack;

const FLEET: &str = "Fleet";
const ROLE: &str = "FleetRole.";
/// What Step Functions does in the role's name besides the calls that the definition names: it hears of a nested execution's end
/// and stops it, starts and follows a Map's children, and writes a large report in parts.
const BESIDES: [&str; 7] = [
    "events:DescribeRule",
    "events:PutRule",
    "events:PutTargets",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
    "states:RedriveExecution",
    "states:StopExecution",
];
/// The log and the traces, as every state machine has.
const COMMON: [&str; 2] = ["FleetRole.DeliverLog", "FleetRole.Trace"];

/// Names of states are unique in a definition, so that the two Maps have two of each.
#[test]
fn both_kinds_of_list_run_the_same() {
    let fleet = Stack::load().definition(FLEET);
    let maps = ["ConnectFromJson", "ConnectFromCsv"].map(|map| {
        let mut map = fleet["States"][map].clone();
        let fields = map.as_object_mut().unwrap();
        for own in ["Comment", "Label"] {
            fields.remove(own).unwrap();
        }
        let reader = fields["ItemReader"]
            .as_object_mut()
            .unwrap()
            .remove("ReaderConfig")
            .unwrap();
        let item = fields["ItemSelector"].as_object_mut().unwrap().remove("item").unwrap();
        (
            map.to_string().replace("OfRow\"", "\""),
            reader["InputType"].clone(),
            item,
        )
    });
    assert_eq!(maps[0].0, maps[1].0);
    assert_eq!([&maps[0].1, &maps[1].1], ["JSON", "CSV"]);
    assert_eq!(maps[0].2, "{% $states.context.Map.Item.Value %}");
}

#[test]
fn its_role_allows_just_what_it_does() {
    let stack = Stack::load();
    let mut needed: BTreeSet<String> = BESIDES.map(str::to_owned).into();
    collect_calls(&stack.definition(FLEET), &mut needed);
    let allowed: BTreeSet<String> = stack
        .statements()
        .iter()
        .filter(|statement| statement.name.starts_with(ROLE) && !COMMON.contains(&statement.name.as_str()))
        .flat_map(|statement| statement.actions.iter().map(|action| (*action).to_owned()))
        .collect();
    assert_eq!(allowed, needed);
}

#[test]
fn it_starts_the_workflow_and_its_own_children() {
    let stack = Stack::load();
    let statements = stack.statements();
    let starting: Vec<&Value> = statements
        .iter()
        .filter(|statement| statement.name.starts_with(ROLE) && statement.actions.contains(&"states:StartExecution"))
        .flat_map(|statement| statement.resources.clone())
        .collect();
    let own = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:${AWS::StackName}-fleet";
    assert_eq!(starting, [&json!({ "Ref": "Workflow" }), &json!({ "Fn::Sub": own })]);
    assert_eq!(
        stack.resource(FLEET)["Properties"]["Name"],
        json!({ "Fn::Sub": "${AWS::StackName}-fleet" }),
        "the name that the role names"
    );
}

#[test]
fn its_bucket_is_private_encrypted_and_kept() {
    let stack = Stack::load();
    let bucket = stack.resource("ReportsBucket");
    assert_eq!(bucket["DeletionPolicy"], "Retain");
    let block = bucket["Properties"]["PublicAccessBlockConfiguration"]
        .as_object()
        .unwrap();
    assert!(
        block.len() == 4 && block.values().all(|blocked| blocked == true),
        "{block:?}"
    );
    let rules = &bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"];
    assert!(rules[0]["ServerSideEncryptionByDefault"]["SSEAlgorithm"].is_string());
    let policy = &stack.resource("ReportsBucketPolicy")["Properties"]["PolicyDocument"]["Statement"][0];
    assert_eq!((&policy["Effect"], &policy["Action"]), (&json!("Deny"), &json!("s3:*")));
    assert_eq!(
        policy["Condition"],
        json!({ "Bool": { "aws:SecureTransport": "false" } })
    );
}

/// The action behind each `Resource` of the definition: `arn:aws:states:::aws-sdk:sfn:describeMapRun` is `states:DescribeMapRun`.
fn collect_calls(value: &Value, actions: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(resource) = fields.get("Resource").and_then(Value::as_str) {
                let call = resource.strip_prefix("arn:aws:states:::").unwrap();
                let call = call.strip_prefix("aws-sdk:").unwrap_or(call);
                let (service, action) = call.split_once(':').unwrap();
                let service = if service == "sfn" { "states" } else { service };
                let action = action.split('.').next().unwrap();
                let (first, rest) = action.split_at(1);
                actions.insert(format!("{service}:{}{rest}", first.to_uppercase()));
            }
            fields.values().for_each(|field| collect_calls(field, actions));
        }
        Value::Array(all) => all.iter().for_each(|item| collect_calls(item, actions)),
        _ => {}
    }
}
