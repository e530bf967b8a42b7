//! What repeats is held: instructions, page faults, bytes and connections, against what was recorded.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::artifacts::workspace;
use crate::report::Measured;
use crate::stats::Spread;

/// AWS-LC collects entropy at the first random number: 424 million instructions, where a whole first event takes 10.
const ENTROPY_TRAP: u64 = 200_000_000;
/// Another processor takes other paths through memcpy and ring; another libc starts differently.
const INSTRUCTIONS: f64 = 1.15;
/// How much of a file the kernel maps at once depends on what it has cached.
const FAULTS: f64 = 1.25;
const BYTES: f64 = 1.03;

/// What was recorded of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    zip_bytes: u64,
    init_instructions: u64,
    first_instructions: u64,
    minor_faults: u64,
    connections: BTreeMap<String, u32>,
}

impl Recorded {
    fn of(measured: &Measured) -> Option<Self> {
        let faults = Spread::of(measured.samples.iter().map(|sample| sample.first.minor_faults)).median;
        Some(Self {
            zip_bytes: measured.zip_bytes,
            init_instructions: measured.init_instructions?,
            first_instructions: measured.first_instructions?,
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            minor_faults: faults as u64,
            connections: measured
                .connections
                .iter()
                .map(|(host, n)| ((*host).to_owned(), *n))
                .collect(),
        })
    }

    /// What is worse now than it was.
    fn worse(&self, now: &Self) -> Vec<String> {
        let mut worse = Vec::new();
        let numbers = [
            ("bytes of zip", self.zip_bytes, now.zip_bytes, BYTES),
            (
                "instructions of init",
                self.init_instructions,
                now.init_instructions,
                INSTRUCTIONS,
            ),
            (
                "instructions with the first event",
                self.first_instructions,
                now.first_instructions,
                INSTRUCTIONS,
            ),
            ("minor page faults", self.minor_faults, now.minor_faults, FAULTS),
        ];
        for (what, before, after, tolerance) in numbers {
            #[allow(clippy::cast_precision_loss, reason = "a ratio")]
            let ratio = after as f64 / before as f64;
            if ratio > tolerance {
                worse.push(format!(
                    "{after} {what}, {ratio:.2} × the {before} on record; {tolerance} × is allowed"
                ));
            }
        }
        for (host, after) in &now.connections {
            let before = self.connections.get(host).copied().unwrap_or_default();
            if *after > before {
                worse.push(format!(
                    "{after} connections to {host} in one invocation, where {before} are on record"
                ));
            }
        }
        if now.first_instructions > ENTROPY_TRAP {
            worse.push(format!(
                "{} instructions with the first event: does AWS-LC collect entropy? `cargo tree --invert aws-lc-sys` tells who brings it",
                now.first_instructions
            ));
        }
        worse
    }
}

fn path() -> PathBuf {
    workspace().join("bench/recorded.json")
}

/// Writes what was measured as the record.
///
/// # Errors
/// When it was not measured by callgrind, or cannot be written.
pub fn record(all: &[Measured]) -> Result<()> {
    let recorded = all.iter().map(|m| Recorded::of(m).map(|r| (m.name.as_str(), r)));
    let recorded: Option<BTreeMap<_, _>> = recorded.collect();
    let recorded = recorded.ok_or("valgrind is needed for a record")?;
    fs::write(path(), serde_json::to_string_pretty(&recorded)? + "\n")?;
    Ok(())
}

/// What is worse than the record, one line each.
///
/// # Errors
/// When there is no record, or no valgrind.
pub fn check(all: &[Measured]) -> Result<Vec<String>> {
    let recorded: BTreeMap<String, Recorded> = serde_json::from_str(&fs::read_to_string(path())?)?;
    let mut worse = Vec::new();
    for measured in all {
        let now = Recorded::of(measured).ok_or("valgrind is needed for the gate")?;
        match recorded.get(&measured.name) {
            Some(before) => worse.extend(
                before
                    .worse(&now)
                    .into_iter()
                    .map(|line| format!("{}: {line}", measured.name)),
            ),
            None => worse.push(format!(
                "{}: not on record; `cargo compare --record` puts it there",
                measured.name
            )),
        }
    }
    Ok(worse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> Recorded {
        Recorded {
            zip_bytes: 1_000_000,
            init_instructions: 1_000_000,
            first_instructions: 10_000_000,
            minor_faults: 100,
            connections: BTreeMap::from([("ec2".to_owned(), 1)]),
        }
    }

    #[test]
    fn noise_passes_and_growth_is_named() {
        let mut now = recorded();
        now.init_instructions = 1_100_000;
        assert!(recorded().worse(&now).is_empty());
        now.zip_bytes = 1_100_000;
        now.connections.insert("ec2".to_owned(), 2);
        let worse = recorded().worse(&now);
        assert_eq!(worse.len(), 2, "{worse:?}");
        assert!(worse[0].contains("bytes of zip") && worse[1].contains("connections to ec2"));
    }

    #[test]
    fn the_entropy_trap_is_named() {
        let mut now = recorded();
        now.first_instructions = 434_000_000;
        assert!(recorded().worse(&now).iter().any(|line| line.contains("entropy")));
    }
}
