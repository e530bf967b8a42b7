//! The README says what is true.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use shared::ErrorName;

const README: &str = include_str!("../../../README.md");
const DEFINITION: &str = include_str!("../../../infra/workflow.asl.json");

fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("```{language}\n");
    README
        .split(opening.as_str())
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
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
fn every_state_but_choices_and_waits_is_in_the_picture() {
    let definition: serde_json::Value = serde_json::from_str(DEFINITION).unwrap();
    let picture = blocks("mermaid").concat();
    for (name, state) in definition["States"].as_object().unwrap() {
        let drawn = picture
            .lines()
            .any(|line| line.trim().starts_with(&format!("{name} -->")));
        let own = !matches!(state["Type"].as_str().unwrap(), "Choice" | "Wait");
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
