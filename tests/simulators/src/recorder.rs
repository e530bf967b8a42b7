//! Every call that a simulator gets, and the faults that were asked for at "the k-th call of X".

use std::fmt;
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
    /// An AWS service that speaks JSON: Secrets Manager and DynamoDB.
    AwsJson,
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
    /// An error of this status that repeats the credential it was asked with, without acting.
    Echo { status: u16 },
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
    /// Act, then answer with what this makes of the real body.
    Rewrite(Rewrite),
    /// This status with no body and no header that says anything, without acting: a limiter or a gateway in between.
    Bare { status: u16 },
    /// Kill the calling function's process before acting.
    KillBefore,
    /// Act, then kill the calling function's process before it is answered.
    KillAfter,
}

/// What becomes of a body that is text.
#[derive(Clone)]
pub struct Rewrite(Arc<dyn Fn(&str) -> String + Send + Sync>);

impl Rewrite {
    /// By this function.
    pub fn by(rewrite: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(rewrite))
    }

    /// The other body.
    pub fn of(&self, body: &str) -> String {
        (self.0)(body)
    }
}

impl fmt::Debug for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rewrite")
    }
}

/// A call that is about to be answered.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub api: Api,
    /// As in [`Call::operation`].
    pub operation: &'a str,
    pub method: &'a str,
    /// With the query.
    pub path: &'a str,
    /// Has account and region in the scope of the credential, of a call to AWS.
    pub authorization: &'a str,
    pub body: &'a [u8],
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
    faults: Vec<Armed>,
    hits: u32,
    always: Option<Rewrite>,
    listener: Option<Listener>,
}

/// Takes the calls that are not kept.
struct Listener(Box<dyn FnMut(&Call) + Send>);

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// A fault to come.
struct Armed {
    which: Box<dyn Fn(&Asked<'_>) -> bool + Send>,
    kth: Option<u32>,
    kind: FaultKind,
    seen: u32,
}

impl fmt::Debug for Armed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Armed")
            .field("kth", &self.kth)
            .field("kind", &self.kind)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl Recorder {
    /// Everything called so far, but what [`Recorder::hand_to`] got.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// The writes among the calls that succeeded (2xx), at EC2, Route 53 and the vendors: not those to the stack's own table.
    pub fn writes(&self) -> Vec<Call> {
        self.lock()
            .calls
            .iter()
            .filter(|c| c.write && c.api != Api::AwsJson && (200..300).contains(&c.status))
            .cloned()
            .collect()
    }

    /// Forgets the calls (not the faults).
    pub fn clear_calls(&self) {
        self.lock().calls.clear();
    }

    /// Asks for a fault.
    pub fn inject(&self, fault: Fault) {
        let Fault {
            api,
            operation,
            kth,
            kind,
        } = fault;
        let which =
            move |asked: &Asked<'_>| asked.api == api && operation.as_deref().is_none_or(|o| o == asked.operation);
        self.inject_where(which, kth, kind);
    }

    /// Asks for a fault at the k-th (from 1; `None`: every) of the calls that `which` picks, such as one world's.
    pub fn inject_where(&self, which: impl Fn(&Asked<'_>) -> bool + Send + 'static, kth: Option<u32>, kind: FaultKind) {
        self.lock().faults.push(Armed {
            which: Box::new(which),
            kth,
            kind,
            seen: 0,
        });
    }

    /// How many calls a fault has hit since the faults were last forgotten.
    pub fn hits(&self) -> u32 {
        self.lock().hits
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

    /// What becomes of every answer that no fault hits, whatever faults are forgotten; `None` ends it.
    pub fn rewrite_always(&self, rewrite: Option<Rewrite>) {
        self.lock().always = rewrite;
    }

    /// What becomes of every answer that no fault hits.
    pub(crate) fn always(&self) -> Option<Rewrite> {
        self.lock().always.clone()
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        let mut inner = self.lock();
        inner.faults.clear();
        inner.hits = 0;
    }

    /// Keeps no calls from now on, however many come, and hands each to `listener`, one after the other.
    pub fn hand_to(&self, listener: impl FnMut(&Call) + Send + 'static) {
        self.lock().listener = Some(Listener(Box::new(listener)));
    }

    /// Notes a call that was answered.
    pub fn note(&self, call: Call) {
        let mut inner = self.lock();
        match &mut inner.listener {
            Some(Listener(listener)) => listener(&call),
            None => inner.calls.push(call),
        }
    }

    /// Called once at the start of every call: counts it against the faults and says which one hits.
    pub fn fault_for(&self, asked: &Asked<'_>) -> Option<FaultKind> {
        let mut hit = None;
        let mut inner = self.lock();
        for armed in &mut inner.faults {
            if !(armed.which)(asked) {
                continue;
            }
            armed.seen += 1;
            if hit.is_none() && armed.kth.is_none_or(|k| k == armed.seen) {
                hit = Some(armed.kind.clone());
            }
        }
        inner.hits += u32::from(hit.is_some());
        hit
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<'a>(operation: &'a str, path: &'a str) -> Asked<'a> {
        Asked {
            api: Api::Aiven,
            operation,
            method: "GET",
            path,
            authorization: "",
            body: b"",
        }
    }

    #[test]
    fn a_fault_hits_the_kth_call_of_those_that_are_picked() {
        let recorder = Recorder::default();
        recorder.inject_where(|asked| asked.path.contains("/mine/"), Some(2), FaultKind::ResetBefore);
        let hit = |path| recorder.fault_for(&asked("ServiceGet", path)).is_some();
        assert_eq!(
            [hit("/mine/1"), hit("/theirs/1"), hit("/mine/2"), hit("/mine/3")],
            [false, false, true, false]
        );
        assert_eq!(recorder.hits(), 1);
        recorder.clear_faults();
        assert_eq!(recorder.hits(), 0);
    }
}
