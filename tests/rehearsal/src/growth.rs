//! Remote calls by kind, for each connection: what stays the same from one connection to a thousand, and what throttles repeat.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;
use simulators::recorder::{Api, Call};

/// Calls of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// That were answered by more than a throttle.
    pub made: usize,
    /// That a throttle turned away.
    pub throttled: usize,
    /// Whether they change something.
    pub write: bool,
}

/// By API and operation.
pub fn by_kind(calls: &[Call]) -> BTreeMap<(String, String), Calls> {
    let mut kinds: BTreeMap<(String, String), Calls> = BTreeMap::new();
    for call in calls {
        let kind = kinds
            .entry((format!("{:?}", call.api), call.operation.clone()))
            .or_default();
        kind.write |= call.write;
        if is_throttle(call) {
            kind.throttled += 1;
        } else {
            kind.made += 1;
        }
    }
    kinds
}

/// EC2 throttles with 503, the others with 429.
fn is_throttle(call: &Call) -> bool {
    call.status == 429 || (call.api == Api::Ec2 && call.status == 503)
}

/// Each kind's calls for each of so many connections.
pub fn told(kinds: &BTreeMap<(String, String), Calls>, connections: usize) -> String {
    let of_each = |count: usize| {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        f64::from(count) / f64::from(u32::try_from(connections.max(1)).unwrap_or(u32::MAX))
    };
    let mut text = String::from("\nCalls for each connection, and those that throttles turned away:\n");
    for ((api, operation), calls) in kinds {
        let kind = if calls.write { "writes" } else { "reads" };
        let _ = writeln!(
            text,
            "  {api:<8} {operation:<42} {kind:<7}{:>8.2}{:>8.2}",
            of_each(calls.made),
            of_each(calls.throttled)
        );
    }
    text
}

/// The calls as lines of JSON: API, operation, whether it writes, status.
pub fn lines(calls: &[Call]) -> String {
    let line = |call: &Call| {
        let api = format!("{:?}", call.api);
        let line = json!({ "api": api, "operation": call.operation, "write": call.write, "status": call.status });
        format!("{line}\n")
    };
    calls.iter().map(line).collect()
}
