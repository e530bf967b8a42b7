//! Progress for a person: one line for each change, with what was called for it.

use std::collections::BTreeMap;
use std::time::Duration;

use rehearsal::execution::Event;
use serde_json::Value;
use simulators::recorder::{Api, Call};

/// The document's keys under which a step leaves its answer.
const PHASES: [&str; 8] = [
    "preflight",
    "service",
    "endpoint",
    "acceptance",
    "access",
    "retirement",
    "removal",
    "undo",
];
/// A wait without change is mentioned again after this much simulated time.
const REMINDER: Duration = Duration::from_secs(180);
const WIDTH: usize = 110;
const INDENT: &str = "                    ";

/// What was shown so far, and what is still to be said.
#[derive(Debug)]
pub(crate) struct Live {
    speed: f64,
    /// When the run began, by the simulators' clock.
    begun: Duration,
    /// The same by the engine's clock: seconds since 1970.
    begun_at: Option<f64>,
    /// The last answer of each phase.
    phases: BTreeMap<String, Value>,
    /// The state that was entered last.
    state: String,
    /// It has failed since.
    has_failed: bool,
    has_waited: bool,
    calls: Vec<Call>,
    shown: Option<(String, Duration)>,
}

impl Live {
    /// For a run that begins now. `begun`: what the simulators' clock says.
    pub(crate) fn new(begun: Duration, speed: f64) -> Self {
        Self {
            speed,
            begun,
            begun_at: None,
            phases: BTreeMap::new(),
            state: String::new(),
            has_failed: false,
            has_waited: false,
            calls: Vec::new(),
            shown: None,
        }
    }

    /// Takes what has happened since the last time, and returns the lines to show.
    pub(crate) fn lines(&mut self, news: &[Event], calls: &[Call]) -> Vec<String> {
        self.calls.extend_from_slice(calls);
        let mut lines = Vec::new();
        for event in news {
            let at = self.time_of(event);
            if event.kind.ends_with("StateEntered") {
                event.state().unwrap_or_default().clone_into(&mut self.state);
                self.has_failed = false;
                self.has_waited = false;
            }
            // Somebody else answers with the task's token.
            self.has_waited |= event.kind == "TaskSubmitted";
            for said in self.said(event) {
                self.show(&mut lines, at, &said);
            }
        }
        lines
    }

    fn time_of(&mut self, event: &Event) -> Duration {
        let at = event.raw["timestamp"].as_f64().unwrap_or_default();
        let begun_at = *self.begun_at.get_or_insert(at);
        Duration::from_secs_f64(((at - begun_at) * self.speed).max(0.0))
    }

    fn said(&mut self, event: &Event) -> Vec<Said> {
        if event.kind == "LambdaFunctionFailed" || event.kind == "TaskFailed" {
            self.has_failed = true;
            // Each one is news, also when it is like the last: it was tried again in between.
            self.shown = None;
            return vec![self.failed(event)];
        }
        if event.kind.ends_with("Succeeded") {
            self.has_failed = false;
        }
        if event.kind != "TaskStateExited" {
            return Vec::new();
        }
        let output = event.output().unwrap_or_default();
        let mut said = Vec::new();
        for key in PHASES {
            let phase = &output[key];
            if phase["status"].is_string() && self.phases.get(key) != Some(phase) {
                self.phases.insert(key.to_owned(), phase.clone());
                // A phase that begins anew has not looked yet.
                if phase["attempt"] != 0 {
                    said.push(Said::phase(key, phase));
                }
            }
        }
        // A state that failed and was caught is left, too, and one that waited in vain.
        if said.is_empty() && !self.has_failed && !self.has_waited {
            said.push(Said {
                who: self.state.clone(),
                what: "done".to_owned(),
                why: String::new(),
                look: String::new(),
            });
        }
        said
    }

    fn failed(&self, event: &Event) -> Said {
        let details = event.details();
        let cause = details["cause"].as_str().unwrap_or_default();
        let parsed: Option<Value> = serde_json::from_str(cause).ok();
        let message = parsed
            .as_ref()
            .and_then(|cause| cause["errorMessage"].as_str())
            .unwrap_or(cause);
        Said {
            who: self.state.clone(),
            what: details["error"].as_str().unwrap_or("failed").to_owned(),
            why: format!(": {}", message.lines().next().unwrap_or_default()),
            look: String::new(),
        }
    }

    /// Adds the line and the calls that led to it. What the last line said is only mentioned again after a while.
    fn show(&mut self, lines: &mut Vec<String>, at: Duration, said: &Said) {
        let key = format!("{} {}{}", said.who, said.what, said.why);
        let line = match &self.shown {
            Some((shown, when)) if *shown == key && at < *when + REMINDER => return,
            Some((shown, _)) if *shown == key => format!("still {}{}", said.what, said.look),
            _ => format!("{}{}{}", said.what, said.why, said.look),
        };
        lines.push(format!("{:>6}  {:<10}  {line}", clock(at), said.who));
        let begun = self.begun;
        // A call is noted when it is answered, shortly before the step that made it is.
        let (before, after): (Vec<_>, Vec<_>) = std::mem::take(&mut self.calls)
            .into_iter()
            .partition(|call| call.at.saturating_sub(begun) <= at);
        self.calls = after;
        lines.extend(wrapped(&summary(&before)));
        self.shown = Some((key, at));
    }
}

/// What a line says: who, what and why, of which every change is news, and how often it has been looked.
#[derive(Debug)]
struct Said {
    who: String,
    what: String,
    why: String,
    look: String,
}

impl Said {
    fn phase(key: &str, phase: &Value) -> Self {
        let text = |name: &str| phase[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| phase[name].as_u64().unwrap_or_default();
        let because = |reason: String| format!(": {reason}");
        let (what, why, look) = match text("status").as_str() {
            "pending" => (
                text("state"),
                because(text("reason")),
                format!(
                    " (look {}; the next in {} s)",
                    number("attempt"),
                    number("wait_seconds")
                ),
            ),
            "ready" if number("waited_seconds") > 0 => (
                "ready".to_owned(),
                String::new(),
                format!(" after {} s and {} looks", number("waited_seconds"), number("attempt")),
            ),
            "exhausted" => ("exhausted".to_owned(), because(text("reason")), String::new()),
            // What the reason advises after its first sentence is for the end of a run.
            "again" => {
                let reason = text("reason");
                let what = reason.split(". ").next().unwrap_or_default().trim_end_matches('.');
                (
                    "again".to_owned(),
                    because(format!("{what}; another one is made.")),
                    String::new(),
                )
            }
            status => (status.to_owned(), String::new(), String::new()),
        };
        Self {
            who: key.to_owned(),
            what,
            why,
            look,
        }
    }
}

/// `mm:ss`, with as many minutes as it takes.
pub(crate) fn clock(time: Duration) -> String {
    format!("{:02}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

/// Each kind of call once, in the order of the first: `Aiven ServiceGet 200 ×3`.
fn summary(calls: &[Call]) -> Vec<String> {
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for call in calls {
        let api = match call.api {
            Api::Ec2 => "EC2",
            Api::Route53 => "Route 53",
            Api::Sts => "STS",
            Api::Hcp => "HCP",
            Api::Aiven => "Aiven",
            Api::AwsJson => "AWS",
        };
        let status = if call.status == 0 {
            "cut".to_owned()
        } else {
            call.status.to_string()
        };
        let name = format!("{api} {} {status}", call.operation);
        match kinds.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => kinds.push((name, 1)),
        }
    }
    kinds
        .into_iter()
        .map(|(name, count)| if count > 1 { format!("{name} ×{count}") } else { name })
        .collect()
}

fn wrapped(items: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if line.chars().count() + item.chars().count() + 2 <= WIDTH => {
                line.push_str(", ");
                line.push_str(item);
            }
            _ => lines.push(format!("{INDENT}{item}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(id: u64, at: f64, kind: &str, details: (&str, Value)) -> Event {
        Event::new(json!({ "id": id, "type": kind, "timestamp": at, details.0: details.1 }))
    }

    fn exited(id: u64, at: f64, output: &Value) -> Event {
        event(
            id,
            at,
            "TaskStateExited",
            (
                "stateExitedEventDetails",
                json!({ "name": "EnsureService", "output": output.to_string() }),
            ),
        )
    }

    fn entered(id: u64, at: f64) -> Event {
        event(
            id,
            at,
            "TaskStateEntered",
            ("stateEnteredEventDetails", json!({ "name": "EnsureService" })),
        )
    }

    fn call(at: u64, operation: &str, status: u16) -> Call {
        Call {
            api: Api::Aiven,
            operation: operation.to_owned(),
            write: false,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            user_agent: String::new(),
            status,
            at: Duration::from_secs(at),
        }
    }

    fn pending(attempt: u32) -> Value {
        json!({ "service": { "status": "pending", "attempt": attempt, "waited_seconds": 0, "wait_seconds": 15, "state": "creating", "reason": "Aiven makes it." } })
    }

    #[test]
    fn a_change_is_one_line_with_the_calls_that_led_to_it() {
        let mut live = Live::new(Duration::from_secs(100), 10.0);
        let calls = [call(101, "Get", 404), call(101, "Create", 200), call(190, "Get", 200)];
        let lines = live.lines(&[entered(1, 50.0), exited(2, 50.5, &pending(1))], &calls);
        assert_eq!(
            lines,
            [
                " 00:05  service     creating: Aiven makes it. (look 1; the next in 15 s)".to_owned(),
                format!("{INDENT}Aiven Get 404, Aiven Create 200"),
            ]
        );
        assert!(
            live.lines(&[exited(3, 52.0, &pending(2))], &[]).is_empty(),
            "nothing new"
        );
        assert_eq!(
            live.lines(&[exited(4, 70.0, &pending(3))], &[]),
            [
                " 03:20  service     still creating (look 3; the next in 15 s)".to_owned(),
                format!("{INDENT}Aiven Get 200"),
            ]
        );
        let ready = json!({ "service": { "status": "ready", "attempt": 4, "waited_seconds": 45, "wait_seconds": 0 } });
        assert_eq!(
            live.lines(&[exited(5, 71.0, &ready)], &[]),
            [" 03:30  service     ready after 45 s and 4 looks"]
        );
    }

    #[test]
    fn an_endpoint_that_is_made_again_is_one_line_with_the_reason() {
        let mut live = Live::new(Duration::ZERO, 1.0);
        let acceptance = |phase: Value| json!({ "acceptance": phase });
        let again = json!({ "status": "again", "attempt": 3, "waited_seconds": 90, "wait_seconds": 0, "state": "ended",
            "reason": "the endpoint vpce-1 was rejected. Ask why." });
        assert_eq!(
            live.lines(&[exited(1, 0.0, &acceptance(again))], &[]),
            [" 00:00  acceptance  again: the endpoint vpce-1 was rejected; another one is made."]
        );
        let anew = json!({ "status": "pending", "attempt": 0, "waited_seconds": 90, "wait_seconds": 0 });
        let mut output = acceptance(anew);
        output["endpoint"] = json!({ "status": "ready", "attempt": 1, "waited_seconds": 0, "wait_seconds": 0 });
        assert_eq!(
            live.lines(&[exited(2, 1.0, &output)], &[]),
            [" 00:01  endpoint    ready"]
        );
    }

    #[test]
    fn an_error_is_shown_with_the_first_line_of_its_message() {
        let mut live = Live::new(Duration::ZERO, 1.0);
        let cause = json!({ "errorType": "Throttled", "errorMessage": "too many\nmore" }).to_string();
        let details = (
            "taskFailedEventDetails",
            json!({ "error": "Throttled", "cause": cause }),
        );
        let failed = event(2, 5.0, "TaskFailed", details);
        let lines = live.lines(&[entered(1, 5.0), failed.clone(), failed], &[]);
        assert_eq!(lines, [" 00:00  EnsureService  Throttled: too many"; 2], "both of them");
        assert!(
            live.lines(&[exited(3, 5.0, &json!({}))], &[]).is_empty(),
            "caught is not done"
        );
    }

    #[test]
    fn the_same_calls_are_counted() {
        assert_eq!(
            summary(&[call(0, "Get", 200), call(0, "Get", 200), call(0, "Put", 0)]),
            ["Aiven Get 200 ×2", "Aiven Put cut"]
        );
        let long: Vec<String> = (0..20).map(|n| format!("Aiven ServiceGet{n} 200")).collect();
        assert!(wrapped(&long).iter().all(|line| line.chars().count() <= WIDTH));
    }
}
