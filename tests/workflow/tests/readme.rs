//! The README says what is true.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;

use serde_json::Value;
use shared::ErrorName;

const README: &str = include_str!("../../../README.md");
const DEFINITION: &str = include_str!("../../../infra/workflow.asl.json");
const SCHEMA: &str = include_str!("../../../infra/request.schema.json");
const TEMPLATE: &str = include_str!("../../../samplesam.yaml");

fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    README
        .split(opening.as_str())
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

/// The rows of the table that begins with this line, each as its cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let rows = README.split(heading).nth(1).unwrap().lines().skip(2);
    rows.take_while(|row| row.starts_with('|'))
        .map(|row| row.trim_matches('|').split('|').map(str::trim).collect())
        .collect()
}

/// The words in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The names of all properties, on every level.
fn properties(schema: &Value, names: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            names.insert(name.clone());
            properties_of_branches(property, names);
        }
    }
}

fn properties_of_branches(schema: &Value, names: &mut BTreeSet<String>) {
    properties(schema, names);
    for branch in schema["oneOf"].as_array().into_iter().flatten() {
        properties(branch, names);
    }
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[test]
fn the_first_two_commands_are_the_local_run_and_the_tests() {
    let commands = blocks("sh");
    assert_eq!(
        commands[..2],
        ["cargo rehearse examples/aiven-kafka.json\n", "cargo test\n"]
    );
}

#[test]
fn the_picture_is_the_one_of_the_state_machine() {
    let definition = serde_json::from_str(DEFINITION).unwrap();
    let drawn = workflow::picture::mermaid(&definition);
    assert_eq!(
        blocks("mermaid"),
        [drawn.as_str()],
        "run `cargo run --example picture` and put its output there"
    );
}

#[test]
fn every_state_but_what_stands_between_two_is_in_the_picture() {
    let definition: Value = serde_json::from_str(DEFINITION).unwrap();
    let picture = blocks("mermaid").concat();
    for (name, state) in definition["States"].as_object().unwrap() {
        let drawn = picture
            .lines()
            .any(|line| line.trim().starts_with(&format!("{name} -->")));
        let between = match state["Type"].as_str().unwrap() {
            "Choice" | "Wait" => true,
            "Pass" => state["Next"].is_string(),
            // It waits, for the watch.
            "Task" => state["Resource"].as_str().unwrap().ends_with(".waitForTaskToken"),
            _ => false,
        };
        let own = !between;
        assert_eq!(drawn, own, "{name}");
    }
}

#[test]
fn every_error_name_stands_there_with_who_acts() {
    for name in ErrorName::ALL {
        let row = format!("| `{name}` | {} |", name.who_acts());
        assert!(README.contains(&row), "missing: {row}");
    }
}

#[test]
fn the_request_shown_is_a_good_one() {
    let request = serde_json::from_str(blocks("json")[0]).unwrap();
    shared::request::validate(&request, "privatelink/").expect("the README's request should pass");
}

#[test]
fn the_requests_to_copy_are_good_ones() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    for file in std::fs::read_dir(examples).unwrap() {
        let path = file.unwrap().path();
        let request = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let checked = shared::request::validate(&request, "privatelink/");
        assert!(checked.is_ok(), "{}: {checked:?}", path.display());
    }
}

#[test]
fn the_fields_are_those_of_the_schema() {
    let rows = table("| topic | fields | |");
    let shown = names(rows.iter().flat_map(|cells| quoted(cells[1])));
    let mut known = BTreeSet::new();
    properties(&serde_json::from_str(SCHEMA).unwrap(), &mut known);
    assert_eq!(shown, known);
}

#[test]
fn the_parameters_are_those_of_the_template() {
    let rows = table("| parameters of the stack | |");
    let shown = names(rows.iter().flat_map(|cells| quoted(cells[0])));
    let section = TEMPLATE.split("\nParameters:\n").nth(1).unwrap();
    let parameters = section
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'))
        .filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
    assert_eq!(shown, names(parameters));
}
