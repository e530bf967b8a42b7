//! What repeats is held: instructions, page faults, bytes and connections, against what was recorded on the same architecture.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::artifacts::{Artifact, workspace};
use crate::callgrind;
use crate::report::Measured;
use crate::stats::Spread;

/// AWS-LC collects entropy at the first random number: 424 million instructions, where a whole first event takes 10.
const ENTROPY_TRAP: u64 = 200_000_000;
/// Another processor takes other paths through memcpy and ring; another libc starts differently.
const INSTRUCTIONS: f64 = 1.15;
/// How much of a file the kernel maps at once depends on what it has cached.
const FAULTS: f64 = 1.25;
const BYTES: f64 = 1.03;
/// To one host, whatever was recorded.
const CONNECTIONS: u32 = 1;

/// The key of the packages for arm64, beside the architectures that were measured.
const DEPLOYED: &str = "deployed";

/// Architecture to name to what was recorded.
type Record = BTreeMap<String, BTreeMap<String, Recorded>>;

/// What was recorded of a program. Of a package that is not for this machine's processor there are only its bytes, and without valgrind
/// there are no instructions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    zip_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    init_instructions: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_instructions: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minor_faults: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connections: Option<BTreeMap<String, u32>>,
}

impl Recorded {
    fn of(measured: &Measured) -> Self {
        let faults = Spread::of(measured.samples.iter().map(|sample| sample.first.minor_faults)).median;
        Self {
            zip_bytes: measured.zip_bytes,
            init_instructions: measured.init_instructions,
            first_instructions: measured.first_instructions,
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            minor_faults: Some(faults as u64),
            connections: Some(
                measured
                    .connections
                    .iter()
                    .map(|(host, n)| ((*host).to_owned(), *n))
                    .collect(),
            ),
        }
    }

    fn of_package(package: &Artifact) -> Self {
        Self {
            zip_bytes: package.zip.len() as u64,
            init_instructions: None,
            first_instructions: None,
            minor_faults: None,
            connections: None,
        }
    }

    /// What is worse now than it was.
    fn worse(&self, now: &Self) -> Vec<String> {
        let mut worse = Vec::new();
        let numbers = [
            ("bytes of zip", Some(self.zip_bytes), Some(now.zip_bytes), BYTES),
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
            let (Some(before), Some(after)) = (before, after) else {
                continue;
            };
            #[allow(clippy::cast_precision_loss, reason = "a ratio")]
            let ratio = after as f64 / before as f64;
            if ratio > tolerance {
                worse.push(format!(
                    "{after} {what}, {ratio:.2} × the {before} on record; {tolerance} × is allowed"
                ));
            }
        }
        for (host, after) in now.connections.iter().flatten() {
            if *after > CONNECTIONS {
                worse.push(format!(
                    "{after} connections to {host} in one invocation; {CONNECTIONS} is allowed"
                ));
            }
        }
        if let Some(instructions) = now
            .first_instructions
            .filter(|instructions| *instructions > ENTROPY_TRAP)
        {
            worse.push(format!(
                "{instructions} instructions with the first event: does AWS-LC collect entropy? `cargo tree --invert aws-lc-sys` \
                 tells who brings it"
            ));
        }
        worse
    }
}

fn path() -> PathBuf {
    workspace().join("bench/recorded.json")
}

fn read() -> Result<Record> {
    Ok(serde_json::from_str(&fs::read_to_string(path())?)?)
}

/// Writes what was measured as the record of this architecture.
///
/// # Errors
/// When it was not measured by callgrind, or cannot be written.
pub fn record(all: &[Measured]) -> Result<()> {
    let recorded: BTreeMap<String, Recorded> = all.iter().map(|m| (m.name.clone(), Recorded::of(m))).collect();
    if recorded
        .values()
        .any(|r| r.init_instructions.is_none() || r.first_instructions.is_none())
    {
        return Err("a record needs valgrind, and every program to run under it".into());
    }
    write(ARCH, recorded)
}

fn write(key: &str, recorded: BTreeMap<String, Recorded>) -> Result<()> {
    let mut record = read().unwrap_or_default();
    record.insert(key.to_owned(), recorded);
    fs::write(path(), serde_json::to_string_pretty(&record)? + "\n")?;
    Ok(())
}

/// Writes the sizes of the packages that are deployed.
///
/// # Errors
/// When they cannot be written.
pub fn record_packages(packages: &[Artifact]) -> Result<()> {
    let recorded = packages
        .iter()
        .map(|package| (package.name.clone(), Recorded::of_package(package)));
    write(DEPLOYED, recorded.collect())
}

/// Compares the sizes of the packages that are deployed with the record: one line for each that grew.
///
/// # Errors
/// When there is no record.
pub fn check_packages(packages: &[Artifact]) -> Result<Vec<String>> {
    let record = read()?;
    let Some(recorded) = record.get(DEPLOYED) else {
        return Err(format!(
            "{} has no {DEPLOYED:?}: `cargo artifacts --record` puts it there",
            path().display()
        )
        .into());
    };
    Ok(packages
        .iter()
        .flat_map(|package| {
            worse_than(
                recorded,
                &package.name,
                &Recorded::of_package(package),
                "cargo artifacts",
            )
        })
        .collect())
}

fn worse_than(recorded: &BTreeMap<String, Recorded>, name: &str, now: &Recorded, by: &str) -> Vec<String> {
    let worse = match recorded.get(name) {
        Some(before) => before.worse(now),
        None => vec![format!("not on record; `{by} --record` puts it there")],
    };
    worse.into_iter().map(|line| format!("{name}: {line}")).collect()
}

/// What a comparison came to.
#[derive(Debug, Default)]
pub struct Verdict {
    /// One line each.
    pub worse: Vec<String>,
    /// What could not be compared, and why.
    pub skipped: Vec<String>,
}

/// Compares with the record.
///
/// # Errors
/// When there is no record.
pub fn check(all: &[Measured]) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    let record = read()?;
    let Some(recorded) = record.get(ARCH) else {
        let known: Vec<&str> = record.keys().map(String::as_str).collect();
        let known = known.join(", ");
        verdict.skipped.push(format!(
            "everything: the record is of {known}, and this machine is {ARCH}"
        ));
        return Ok(verdict);
    };
    if !callgrind::is_there() {
        let skipped = "instructions, and with them the guard against AWS-LC's entropy: valgrind is not installed";
        verdict.skipped.push(skipped.to_owned());
    }
    for measured in all {
        let worse = worse_than(recorded, &measured.name, &Recorded::of(measured), "cargo compare");
        verdict.worse.extend(worse);
    }
    Ok(verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded() -> Recorded {
        Recorded {
            zip_bytes: 1_000_000,
            init_instructions: Some(1_000_000),
            first_instructions: Some(10_000_000),
            minor_faults: Some(100),
            connections: Some(BTreeMap::from([("ec2".to_owned(), 1)])),
        }
    }

    #[test]
    fn noise_passes_and_growth_is_named() {
        let mut now = recorded();
        now.init_instructions = Some(1_100_000);
        assert!(recorded().worse(&now).is_empty());
        now.zip_bytes = 1_100_000;
        now.connections = Some(BTreeMap::from([("ec2".to_owned(), 2)]));
        let worse = recorded().worse(&now);
        assert_eq!(worse.len(), 2, "{worse:?}");
        assert!(worse[0].contains("bytes of zip") && worse[1].contains("connections to ec2"));
    }

    #[test]
    fn without_valgrind_the_rest_is_compared() {
        let mut now = recorded();
        now.first_instructions = None;
        now.minor_faults = Some(200);
        let worse = recorded().worse(&now);
        assert!(worse.len() == 1 && worse[0].contains("page faults"), "{worse:?}");
    }

    #[test]
    fn a_package_that_grew_or_is_new_is_named() {
        let record = BTreeMap::from([("start".to_owned(), recorded())]);
        let package = |name: &str, bytes| Artifact {
            name: name.to_owned(),
            program: PathBuf::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            zip: vec![0; bytes],
        };
        let worse = |package: &Artifact| {
            worse_than(
                &record,
                &package.name,
                &Recorded::of_package(package),
                "cargo artifacts",
            )
            .join("; ")
        };
        assert_eq!(worse(&package("start", 1_020_000)), "");
        assert!(worse(&package("start", 1_040_000)).starts_with("start: 1040000 bytes of zip"));
        assert!(worse(&package("stop", 1)).contains("stop: not on record; `cargo artifacts --record`"));
    }

    #[test]
    fn the_entropy_trap_is_named() {
        let mut now = recorded();
        now.first_instructions = Some(434_000_000);
        assert!(recorded().worse(&now).iter().any(|line| line.contains("entropy")));
    }
}
