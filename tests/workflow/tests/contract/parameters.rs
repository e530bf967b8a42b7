//! The stack's parameters: described, bounded, and what the functions read of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use shared::settings::Settings;

use crate::stack::Stack;

#[test]
fn every_parameter_is_described_bounded_and_shown_in_a_group() {
    let stack = Stack::load();
    let mut grouped = Vec::new();
    let interface = &stack.template["Metadata"]["AWS::CloudFormation::Interface"];
    for group in interface["ParameterGroups"].as_array().unwrap() {
        grouped.extend(
            group["Parameters"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap()),
        );
    }
    grouped.sort_unstable();
    let mut names = Vec::new();
    for (name, parameter) in stack.parameters() {
        assert!(
            parameter["Description"]
                .as_str()
                .is_some_and(|text| text.ends_with('.')),
            "{name}"
        );
        let has = |key: &str| parameter.get(key).is_some();
        assert!(
            has("AllowedPattern") || has("AllowedValues") || has("MinValue") && has("MaxValue"),
            "{name} takes anything"
        );
        names.push(name.as_str());
    }
    names.sort_unstable();
    assert_eq!(grouped, names);
}

#[test]
fn the_functions_read_just_what_the_template_sets() {
    let asked = RefCell::new(BTreeSet::new());
    Settings::from_lookup(|name| {
        asked.borrow_mut().insert(name.to_owned());
        None
    })
    .unwrap();
    let set: BTreeSet<String> = variables(&Stack::load()).into_keys().collect();
    assert_eq!(asked.into_inner(), set);
}

#[test]
fn each_variable_is_set_from_the_parameter_of_its_name() {
    for (variable, parameter) in variables(&Stack::load()) {
        assert_eq!(variable, screaming(&parameter));
    }
}

#[test]
fn the_defaults_of_template_and_code_are_the_same() {
    let stack = Stack::load();
    let variables = variables(&stack);
    let deployed = Settings::from_lookup(|name| {
        let parameter = variables
            .get(name)
            .filter(|name| !OF_RESOURCES.contains(&name.as_str()))?;
        let text = match &stack.parameter(parameter)["Default"] {
            Value::String(text) => text.clone(),
            number => number.to_string(),
        };
        // As Settings::from_env does with the environment.
        Some(text).filter(|text| !text.is_empty())
    });
    let built_in = Settings::from_lookup(|_| None);
    assert_eq!(format!("{:?}", deployed.unwrap()), format!("{:?}", built_in.unwrap()));
}

/// Variables that name a resource of the stack.
const OF_RESOURCES: [&str; 1] = ["RegisterTable"];

/// Every environment variable of the functions, and the parameter or resource it is set from, whose name it has.
fn variables(stack: &Stack) -> BTreeMap<String, String> {
    let set = &stack.template["Globals"]["Function"]["Environment"]["Variables"];
    set.as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value["Ref"].as_str().expect("a parameter").to_owned()))
        .collect()
}

/// `HcpApiUrl` is `HCP_API_URL`.
fn screaming(parameter: &str) -> String {
    let mut text = String::new();
    for letter in parameter.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}
