//! Remote calls by kind, for each connection: what stays the same from one connection to a thousand, and what throttles repeat.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use simulators::recorder::{Api, Call, Recorder};

use crate::{Error, Result};

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
pub type Kinds = BTreeMap<(String, String), Calls>;

/// Counts calls that are kept.
pub fn by_kind(calls: &[Call]) -> Kinds {
    let mut kinds = Kinds::new();
    for call in calls {
        count(&mut kinds, call);
    }
    kinds
}

fn count(kinds: &mut Kinds, call: &Call) {
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

/// EC2 throttles with 503, the others with 429.
fn is_throttle(call: &Call) -> bool {
    call.status == 429 || (call.api == Api::Ec2 && call.status == 503)
}

/// Each kind's calls for each of so many connections.
pub fn told(kinds: &Kinds, connections: usize) -> String {
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
    calls.iter().map(line).collect()
}

fn line(call: &Call) -> String {
    let api = format!("{:?}", call.api);
    let line = json!({ "api": api, "operation": call.operation, "write": call.write, "status": call.status });
    format!("{line}\n")
}

/// Counts calls as they come, and writes them as [`lines`] to a file instead of keeping them.
#[derive(Debug, Clone)]
pub struct Tally(Arc<Mutex<Counted>>);

#[derive(Debug)]
struct Counted {
    kinds: Kinds,
    file: BufWriter<File>,
    /// The first one; later calls are counted and not written then.
    failure: Option<std::io::Error>,
}

impl Tally {
    /// Of all calls that these simulators get from now on.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn of(recorder: &Recorder, path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(|error| Error::new(format!("writing {}", path.display()), error))?;
        let tally = Self(Arc::new(Mutex::new(Counted {
            kinds: Kinds::new(),
            file: BufWriter::new(file),
            failure: None,
        })));
        let listener = tally.clone();
        recorder.hand_to(move |call| listener.take(call));
        Ok(tally)
    }

    fn take(&self, call: &Call) {
        let mut counted = self.lock();
        count(&mut counted.kinds, call);
        if counted.failure.is_none() {
            counted.failure = counted.file.write_all(line(call).as_bytes()).err();
        }
    }

    /// What came so far, all of it written.
    ///
    /// # Errors
    /// When the file could not be written.
    pub fn kinds(&self) -> Result<Kinds> {
        let mut counted = self.lock();
        let failure = counted.failure.take().or_else(|| counted.file.flush().err());
        match failure {
            Some(error) => Err(Error::new("writing down the calls of the simulators", error)),
            None => Ok(counted.kinds.clone()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    fn call(operation: &str, status: u16) -> Call {
        Call {
            api: Api::Ec2,
            operation: operation.to_owned(),
            write: operation.starts_with("Create"),
            method: "POST".to_owned(),
            path: "/".to_owned(),
            user_agent: String::new(),
            status,
            at: Duration::ZERO,
        }
    }

    #[test]
    fn a_tally_counts_and_writes_down_what_the_recorder_then_does_not_keep() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("calls.jsonl");
        let recorder = Recorder::default();
        recorder.note(call("DescribeVpcs", 200));
        let tally = Tally::of(&recorder, &path).unwrap();
        let calls = [
            call("CreateVpcEndpoint", 503),
            call("CreateVpcEndpoint", 200),
            call("DescribeVpcs", 200),
        ];
        for call in &calls {
            recorder.note(call.clone());
        }
        assert_eq!(recorder.calls().len(), 1);
        let kinds = tally.kinds().unwrap();
        assert_eq!(kinds, by_kind(&calls));
        let created = kinds[&("Ec2".to_owned(), "CreateVpcEndpoint".to_owned())];
        assert_eq!((created.made, created.throttled, created.write), (1, 1, true));
        assert_eq!(std::fs::read_to_string(path).unwrap(), lines(&calls));
    }
}
