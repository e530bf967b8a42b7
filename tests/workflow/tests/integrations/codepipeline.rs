//! The CodePipeline sample: every field that the action StepFunctions needs, and the rights of its role.

use std::collections::BTreeSet;

use rehearsal::functions::Zips;
use rehearsal::package::package;
use serde_json::{Value, json};

use crate::cloud::file;

fn template() -> Value {
    let template = package(&file("infra/pipelines/codepipeline.yaml"), &Zips::new(), "bucket");
    template.unwrap().template
}

fn actions(template: &Value) -> Vec<&Value> {
    let stages = template["Resources"]["Pipeline"]["Properties"]["Stages"]
        .as_array()
        .unwrap();
    stages
        .iter()
        .flat_map(|stage| stage["Actions"].as_array().unwrap())
        .collect()
}

/// "AWS Step Functions invoke action reference", CodePipeline User Guide.
#[test]
fn the_action_has_every_field() {
    let template = template();
    let actions = actions(&template);
    let action = actions.last().unwrap();
    assert_eq!(
        action["ActionTypeId"],
        json!({"Category": "Invoke", "Owner": "AWS", "Provider": "StepFunctions", "Version": "1"})
    );
    assert_eq!(
        action["Configuration"],
        json!({
            "StateMachineArn": {"Ref": "WorkflowArn"}, "ExecutionNamePrefix": "codepipeline",
            "InputType": "FilePath", "Input": {"Ref": "InputFile"}
        })
    );
    // With FilePath an artifact to take the file from is required, and just one.
    assert_eq!(action["InputArtifacts"], actions[0]["OutputArtifacts"]);
    assert_eq!(action["InputArtifacts"].as_array().unwrap().len(), 1);
    // A hyphen and the action's id, 36 characters, follow; names have 80.
    assert!("codepipeline".len() + 37 <= 80);
}

#[test]
fn the_role_may_start_and_follow_runs_of_the_workflow_alone() {
    let template = template();
    let policies = &template["Resources"]["PipelineRole"]["Properties"]["Policies"];
    let mut actions = BTreeSet::new();
    for statement in policies[0]["PolicyDocument"]["Statement"].as_array().unwrap() {
        assert_ne!(statement["Resource"], "*", "{statement}");
        let words: Vec<&str> = match &statement["Action"] {
            Value::Array(all) => all.iter().map(|action| action.as_str().unwrap()).collect(),
            one => vec![one.as_str().unwrap()],
        };
        actions.extend(words.into_iter().filter(|action| action.starts_with("states:")));
    }
    // "Add permissions to the CodePipeline service role", CodePipeline User Guide.
    let needed = [
        "states:DescribeExecution",
        "states:DescribeStateMachine",
        "states:StartExecution",
    ];
    assert_eq!(actions, BTreeSet::from(needed));
}
