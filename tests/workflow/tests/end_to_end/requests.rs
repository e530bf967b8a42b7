//! The requests of the examples, which fit the simulators' worlds.

use serde_json::Value;

pub(crate) fn kafka() -> Value {
    serde_json::from_str(include_str!("../../../../examples/aiven-kafka.json")).unwrap()
}

pub(crate) fn vault() -> Value {
    serde_json::from_str(include_str!("../../../../examples/hcp-vault.json")).unwrap()
}

/// The request with a value at a JSON pointer.
pub(crate) fn with(mut request: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    request.pointer_mut(parent).unwrap()[key] = value;
    request
}
