//! The stack as it is deployed: the template with CloudFormation's long forms, and the definition of its state machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rehearsal::functions::Zips;
use rehearsal::package::package;
use rehearsal::paths;
use serde_json::Value;

pub(crate) const FUNCTION: &str = "AWS::Serverless::Function";
pub(crate) const MACHINE: &str = "AWS::Serverless::StateMachine";
pub(crate) const WORKFLOW: &str = "Workflow";

pub(crate) struct Stack {
    pub(crate) template: Value,
    pub(crate) machine: Value,
}

/// A statement of a role's policies.
pub(crate) struct Statement<'a> {
    /// The role and the statement's Sid, for messages.
    pub(crate) name: String,
    pub(crate) actions: Vec<&'a str>,
    pub(crate) resources: Vec<&'a Value>,
    pub(crate) condition: Option<&'a Value>,
}

pub(crate) fn root() -> PathBuf {
    paths::workspace_root()
}

/// The binaries that cargo finds in the crate `functions`.
pub(crate) fn binaries() -> BTreeSet<String> {
    let manifest = fs::read_to_string(root().join("functions/Cargo.toml")).unwrap();
    assert!(
        !manifest.contains("[[bin]]"),
        "cargo finds binaries by their place alone"
    );
    fs::read_dir(root().join("functions/src/bin"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

impl Stack {
    pub(crate) fn load() -> Self {
        let zips: Zips = binaries()
            .into_iter()
            .map(|binary| (binary, Path::new("never.zip").to_owned()))
            .collect();
        let packaged = package(&root().join("samplesam.yaml"), &zips, "bucket").unwrap();
        let definitions: Vec<&PathBuf> = packaged
            .artefacts
            .values()
            .filter(|path| path.ends_with("workflow.asl.json"))
            .collect();
        assert_eq!(definitions.len(), 1, "the template names one definition");
        Self {
            machine: serde_json::from_slice(&fs::read(definitions[0]).unwrap()).unwrap(),
            template: packaged.template,
        }
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.template["Parameters"].as_object().unwrap().iter()
    }

    pub(crate) fn parameter(&self, name: &str) -> &Value {
        &self.template["Parameters"][name]
    }

    pub(crate) fn resources(&self, kind: &str) -> BTreeMap<&str, &Value> {
        let all = self.template["Resources"].as_object().unwrap();
        all.iter()
            .filter(|(_, resource)| resource["Type"] == kind)
            .map(|(id, resource)| (id.as_str(), resource))
            .collect()
    }

    pub(crate) fn resource(&self, id: &str) -> &Value {
        self.template["Resources"]
            .get(id)
            .unwrap_or_else(|| panic!("the template has no {id}"))
    }

    /// The definition of a state machine.
    pub(crate) fn definition(&self, machine: &str) -> Value {
        let file = self.resource(machine)["Properties"]["DefinitionUri"]["Key"].as_str();
        let file = file.unwrap_or_else(|| panic!("{machine} has no definition in a file"));
        serde_json::from_slice(&fs::read(root().join("infra").join(file)).unwrap()).unwrap()
    }

    /// Every state that calls a function, by name.
    pub(crate) fn tasks(&self) -> BTreeMap<&str, &Value> {
        self.tasks_of("arn:aws:states:::lambda:invoke")
    }

    /// Every task of a resource, by name.
    pub(crate) fn tasks_of(&self, resource: &str) -> BTreeMap<&str, &Value> {
        let states = self.machine["States"].as_object().unwrap();
        let tasks = states
            .iter()
            .filter(|(_, state)| state["Type"] == "Task" && state["Resource"] == resource);
        tasks.map(|(name, state)| (name.as_str(), state)).collect()
    }

    /// The function that a task calls, through the definition's substitution.
    pub(crate) fn function_of(&self, task: &str) -> &str {
        let name = self.machine["States"][task]["Arguments"]["FunctionName"].as_str();
        let name = name.unwrap_or_else(|| panic!("{task} names no function"));
        let key = name.strip_prefix("${").and_then(|name| name.strip_suffix('}'));
        let key = key.unwrap_or_else(|| panic!("{task} calls {name}, which is no substitution"));
        let value = &self.resource(WORKFLOW)["Properties"]["DefinitionSubstitutions"][key];
        attribute(value, "Arn").unwrap_or_else(|| panic!("{task}: {key} is {value}, not the ARN of a function"))
    }

    /// Of each role, its managed policies' included.
    pub(crate) fn statements(&self) -> Vec<Statement<'_>> {
        let mut found = Vec::new();
        for (role, resource) in self.resources("AWS::IAM::Role") {
            let properties = &resource["Properties"];
            for policy in items(&properties["Policies"]) {
                found.extend(statements(role, &policy["PolicyDocument"]));
            }
            for policy in properties.get("ManagedPolicyArns").into_iter().flat_map(items) {
                let id = policy["Ref"].as_str().expect("a policy of this template");
                assert_eq!(self.resource(id)["Type"], "AWS::IAM::ManagedPolicy");
                found.extend(statements(role, &self.resource(id)["Properties"]["PolicyDocument"]));
            }
        }
        found
    }
}

/// The statements of a policy that only allows.
pub(crate) fn statements<'a>(role: &str, policy: &'a Value) -> Vec<Statement<'a>> {
    let mut found = Vec::new();
    for statement in items(&policy["Statement"]) {
        // Only `!If [condition, statement, nothing]` occurs.
        let statement = statement.pointer("/Fn::If/1").unwrap_or(statement);
        assert_eq!(statement["Effect"], "Allow", "{role}: {statement}");
        found.push(Statement {
            name: format!("{role}.{}", statement["Sid"].as_str().expect("a statement has a Sid")),
            actions: items(&statement["Action"])
                .map(|action| action.as_str().unwrap())
                .collect(),
            resources: items(&statement["Resource"]).collect(),
            condition: statement.get("Condition"),
        });
    }
    found
}

/// `Id` of `!GetAtt Id.Name`.
pub(crate) fn attribute<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    let parts = value.get("Fn::GetAtt")?.as_array()?;
    (parts.get(1)? == name).then(|| parts.first()?.as_str()).flatten()
}

/// IAM takes one thing or a list of things.
pub(crate) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(all) => all.iter(),
        one => std::slice::from_ref(one).iter(),
    }
}
