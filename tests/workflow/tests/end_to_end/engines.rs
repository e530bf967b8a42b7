//! Which tests run on both engines: all but those named here, which are in `only_default.rs`.

/// Name and reason.
const ONLY_DEFAULT: [(&str, &str); 2] = [
    (
        "a_run_that_is_broken_off_is_told_by_step_functions",
        "moto puts no event on the bus when an execution's status changes",
    ),
    (
        "a_queue_that_takes_no_message_leaves_the_wait_to_the_state_machine",
        "a single refusal of an integration is played by the default engine's launcher",
    ),
];

/// Whole modules: name and reason.
const MODULES_ONLY_DEFAULT: [(&str, &str); 4] = [
    ("only_default", "the tests of the table above"),
    (
        "leaks",
        "searches what one engine writes down, which is the same places for both",
    ),
    (
        "rights",
        "the rights of the state machines' own roles are told by the default engine's launcher",
    ),
    ("template", "reads the template for `rights`"),
];

const DEFAULT: &str = include_str!("main.rs");
const STRICT: &str = include_str!("../end_to_end_strict/main.rs");

fn modules(main: &str) -> Vec<&str> {
    let names = main
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    names.collect()
}

#[test]
fn every_module_that_is_not_listed_runs_on_both_engines() {
    let mut expected = modules(DEFAULT);
    expected.retain(|name| MODULES_ONLY_DEFAULT.iter().all(|(only, _)| only != name));
    assert_eq!(modules(STRICT), expected);
    assert_eq!(modules(DEFAULT).len(), expected.len() + MODULES_ONLY_DEFAULT.len());
    for name in expected {
        assert!(
            STRICT.contains(&format!("#[path = \"../end_to_end/{name}.rs\"]\nmod {name};")),
            "{name} is not the same file"
        );
    }
    for (main, engine) in [(DEFAULT, "Engine::Default;"), (STRICT, "Engine::Strict;")] {
        assert!(main.contains(engine), "{engine}");
    }
}

#[test]
fn what_runs_on_one_engine_only_is_listed_with_its_reason() {
    let source = include_str!("only_default.rs");
    let tests = source
        .split("#[tokio::test")
        .skip(1)
        .filter_map(|test| test.split_once("async fn ")?.1.split_once('('));
    let tests: Vec<&str> = tests.map(|(name, _)| name).collect();
    let listed: Vec<&str> = ONLY_DEFAULT.iter().map(|(name, _)| *name).collect();
    assert_eq!(tests, listed);
    assert!(ONLY_DEFAULT.iter().all(|(_, reason)| reason.len() > 20));
    let page = include_str!("../../../rehearsal/engines.md");
    for (name, reason) in ONLY_DEFAULT.into_iter().chain(MODULES_ONLY_DEFAULT) {
        let row = format!("| `{name}` | {reason} |");
        assert!(page.contains(&row), "engines.md has no row {row}");
    }
}
