//! What no compiler holds together agrees: the template, the state machine, the binaries, the names of errors, the settings.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod bounds;
mod calls;
mod events;
mod fleet;
mod functions;
mod history;
mod machine;
mod parameters;
mod rights;
mod stack;
mod sweep;

use std::fs;

use serde_json::Value;
use shared::request::validate;

use crate::stack::Stack;

#[test]
fn the_examples_are_valid_requests() {
    let prefix = Stack::load().parameter("SecretNamePrefix")["Default"].clone();
    let mut seen = 0;
    for entry in fs::read_dir(stack::root().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        let request: Value = serde_json::from_slice(&fs::read(&path).unwrap()).expect("an example is JSON");
        if let Err(error) = validate(&request, prefix.as_str().unwrap()) {
            panic!("{}: {error}", path.display());
        }
        seen += 1;
    }
    assert!(seen > 0, "there are examples");
}
