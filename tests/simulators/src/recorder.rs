//! Every call that a simulator gets, and the faults that were asked for at "the k-th call of X".

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Which simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    Ec2,
    Route53,
    Sts,
    Hcp,
    Aiven,
}

/// One call, as it arrived.
#[derive(Debug, Clone)]
pub struct Call {
    pub api: Api,
    /// EC2's or STS's action, Route 53's operation, or the vendor's operation id (`CreatePrivateLinkService`,
    /// `ServicePrivatelinkAWSCreate`).
    pub operation: String,
    /// Creates, updates or deletes something.
    pub write: bool,
    pub method: String,
    pub path: String,
    pub user_agent: String,
    /// The status that was answered; 0 where the connection was cut.
    pub status: u16,
    /// Simulated time since the start.
    pub at: Duration,
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum FaultKind {
    /// Answer this status in the API's own error form, without acting. `retry_after`: seconds, told as the API tells it.
    Status { status: u16, retry_after: Option<u64> },
    /// A proxy's HTML page with this status, without acting.
    Html { status: u16 },
    /// Cut the connection before acting.
    ResetBefore,
    /// Act, then cut the connection.
    ResetAfter,
    /// Act, then send half of the body.
    Truncate,
    /// Act, then answer after this much REAL time.
    Slow(Duration),
    /// Act, then answer 200 with this body instead of the real one.
    Body(String),
}

/// A fault at the k-th call (counted from 1, after the fault was set) of an operation.
#[derive(Debug, Clone)]
pub struct Fault {
    pub api: Api,
    /// The operation's name; `None` counts every call of the API.
    pub operation: Option<String>,
    /// 1 is the next call; `None` is every call.
    pub kth: Option<u32>,
    pub kind: FaultKind,
}

/// The log of calls and the faults to come.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    calls: Vec<Call>,
    faults: Vec<(Fault, u32)>,
}

impl Recorder {
    /// Everything called so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// The writes among the calls that succeeded (2xx).
    pub fn writes(&self) -> Vec<Call> {
        self.lock()
            .calls
            .iter()
            .filter(|c| c.write && (200..300).contains(&c.status))
            .cloned()
            .collect()
    }

    /// Forgets the calls (not the faults).
    pub fn clear_calls(&self) {
        self.lock().calls.clear();
    }

    /// Asks for a fault.
    pub fn inject(&self, fault: Fault) {
        self.lock().faults.push((fault, 0));
    }

    /// Answers every call of an operation with 403, until the faults are forgotten.
    pub fn refuse(&self, api: Api, operation: &str) {
        self.inject(Fault {
            api,
            operation: Some(operation.to_owned()),
            kth: None,
            kind: FaultKind::Status {
                status: 403,
                retry_after: None,
            },
        });
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// Notes a call that was answered.
    pub fn note(&self, call: Call) {
        self.lock().calls.push(call);
    }

    /// Called once at the start of every call: counts it against the faults and says which one hits.
    pub fn fault_for(&self, api: Api, operation: &str) -> Option<FaultKind> {
        let mut hit = None;
        for (fault, seen) in &mut self.lock().faults {
            if fault.api != api || fault.operation.as_deref().is_some_and(|o| o != operation) {
                continue;
            }
            *seen += 1;
            if hit.is_none() && fault.kth.is_none_or(|k| k == *seen) {
                hit = Some(fault.kind.clone());
            }
        }
        hit
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
