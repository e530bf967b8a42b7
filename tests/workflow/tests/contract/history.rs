//! The limits of an execution: 25,000 history events, and its time-out. Either would end a run on the spot, and nothing would be
//! taken back; so the longest run that the parameters allow stays below them.

use std::collections::BTreeSet;

use serde_json::json;
use shared::progress::{Look, Pending, Phase, Schedule};
use shared::request::{Request, validate};
use shared::settings::{PhaseName, Settings};

use crate::machine::{PHASES, PhaseStates, nexts};
use crate::stack::Stack;

/// "Maximum execution history size" of a Standard workflow.
const EVENTS_AT_MOST: u64 = 25_000;
/// Left for retries, of which each takes three: failed, scheduled, started.
const EVENTS_FOR_RETRIES: u64 = 3_000;
/// TaskStateEntered, TaskScheduled, TaskStarted, TaskSubmitFailed or TaskFailed, TaskStateExited.
const REFUSED_TASK: u64 = 5;
/// ExecutionStarted and ExecutionSucceeded or ExecutionFailed.
const EVENTS_OF_EXECUTION: u64 = 2;

/// How long a run can become.
struct Bounds {
    stack: Stack,
    settings: Settings,
    request: Request,
}

/// The longest way on from a state: events, and seconds of waiting.
#[derive(Debug, Clone, Copy, Default)]
struct Longest {
    events: u64,
    seconds: u64,
}

impl Bounds {
    /// Every parameter at its `MaxValue`, but the seconds between two looks at their `MinValue`.
    fn load(vendor: serde_json::Value) -> Self {
        let stack = Stack::load();
        let settings = Settings::from_lookup(|variable| {
            let parameter = &stack.template["Globals"]["Function"]["Environment"]["Variables"][variable]["Ref"];
            let parameter = stack.parameter(parameter.as_str().unwrap());
            let bound = if variable == "POLL_SECONDS" {
                "MinValue"
            } else {
                "MaxValue"
            };
            parameter.get(bound).map(ToString::to_string)
        });
        let request = json!({
            "provider": vendor,
            // As long as a run can become, it waits for its network first.
            "consumer": {
                "account_id": "111122223333", "region": "eu-west-1", "vpc_id": "vpc-0a1b2c3d", "wait_for_network": true
            }
        });
        Self {
            stack,
            settings: settings.unwrap(),
            request: validate(&request, "privatelink/").unwrap(),
        }
    }

    fn of_both_vendors() -> [Self; 2] {
        [
            Self::load(json!({
                "type": "aiven", "project": "p", "service_name": "s", "components": ["kafka"], "secret_id": "privatelink/s"
            })),
            Self::load(json!({
                "type": "hcp_vault", "organization_id": "5c1d9b3e-7a42-4f0e-9a6b-2f8d0c3e1a11",
                "project_id": "d2f6a8c4-1b3e-4d5f-8a9b-0c1d2e3f4a22", "hvn_id": "hvn", "vault_cluster_id": "vault",
                "consumer_ip_ranges": ["10.20.0.0/16"], "secret_id": "privatelink/s"
            })),
        ]
    }

    fn schedule(&self, phase: &PhaseStates) -> Schedule {
        self.settings.schedule(phase.phase, &self.request)
    }

    /// Waits of a phase whose remote never gets ready, by the code that schedules them.
    fn waits(&self, phase: &PhaseStates) -> u64 {
        let schedule = self.schedule(phase);
        let (mut previous, mut waits) = (None::<Phase<()>>, 0);
        loop {
            let look = Look::Pending(Pending::new("pending", "never ready."));
            match Phase::after(previous.as_ref(), look, &schedule, phase.task) {
                Ok(next) => previous = Some(next),
                Err(_) => return waits,
            }
            waits += 1;
        }
    }

    /// Events of one visit, as "Execution event history" lists them.
    fn events(&self, state: &str) -> u64 {
        match self.stack.machine["States"][state]["Type"].as_str().unwrap() {
            // TaskStateEntered, TaskScheduled, TaskStarted, TaskSubmitted, TaskSucceeded or TaskTimedOut, TaskStateExited
            "Task" if PHASES.iter().any(|phase| phase.watch == Some(state)) => 6,
            // The same without TaskSubmitted.
            "Task" => 5,
            // Entered and exited.
            "Choice" | "Wait" | "Pass" => 2,
            "Fail" => 1,
            other => panic!("{state} is a {other}"),
        }
    }

    /// Events of a phase's looks until its budget is used up.
    fn events_of_looks(&self, phase: &PhaseStates) -> u64 {
        let choice = self.stack.machine["States"][phase.task]["Next"].as_str().unwrap();
        let look = self.events(phase.task) + self.events(choice);
        let waits = self.waits(phase);
        match phase.watch {
            None => waits * (self.events(phase.wait) + look),
            // It never writes, so that the watch wakes it at the end alone, or after minutes. If the queue takes no message, the step
            // looks each minute.
            Some(_) if phase.phase == PhaseName::Acceptance => {
                let minutes = u64::from(self.schedule(phase).budget_seconds).div_ceil(60);
                minutes * (REFUSED_TASK + self.events(phase.wait) + look)
            }
            // The watch wakes it for each write, which at worst is each look's.
            Some(watch) => waits * (self.events(watch) + look),
        }
    }

    /// The longest way from a state to an end. The budget of a phase is used up once, by all of its loops together, as another
    /// endpoint is made within the same budgets.
    fn longest(&self, state: &str, replacements: u64, used: &BTreeSet<&'static str>) -> Longest {
        let mut used = used.clone();
        let mut own = Longest {
            events: self.events(state),
            seconds: 0,
        };
        if let Some(phase) = PHASES.iter().find(|phase| phase.task == state)
            && used.insert(phase.task)
        {
            own.events += self.events_of_looks(phase);
            own.seconds += u64::from(self.schedule(phase).budget_seconds);
        }
        let replacements = match state {
            "MakeAnother" if replacements == 0 => return Longest::default(),
            "MakeAnother" => replacements - 1,
            _ => replacements,
        };
        // What waits is counted above.
        let is_wait = |name: &str| {
            PHASES
                .iter()
                .any(|phase| phase.wait == name || phase.watch == Some(name))
        };
        let ways = nexts(&self.stack.machine["States"][state]);
        let ways = ways.into_iter().filter(|name| !is_wait(name));
        let on = ways
            .map(|name| self.longest(name, replacements, &used))
            .collect::<Vec<_>>();
        Longest {
            events: own.events + on.iter().map(|way| way.events).max().unwrap_or(0),
            seconds: own.seconds + on.iter().map(|way| way.seconds).max().unwrap_or(0),
        }
    }

    fn of_a_run(&self) -> Longest {
        let replacements = u64::from(self.settings.endpoint_replacements_max);
        let mut longest = self.longest("Validate", replacements, &BTreeSet::new());
        longest.events += EVENTS_OF_EXECUTION;
        longest
    }
}

#[test]
fn the_longest_run_fits_into_an_executions_history() {
    for bounds in Bounds::of_both_vendors() {
        let events = bounds.of_a_run().events;
        assert!(
            events + EVENTS_FOR_RETRIES <= EVENTS_AT_MOST,
            "{}: a run may make {events} history events",
            bounds.request.provider.kind()
        );
        // All budgets of a run that fails at its very end are in it.
        assert!(events > 20_000, "only {events}: a phase was not counted");
    }
}

#[test]
fn the_largest_budgets_fit_into_an_executions_time() {
    for bounds in Bounds::of_both_vendors() {
        let seconds = bounds.of_a_run().seconds;
        let limit = bounds.stack.machine["TimeoutSeconds"].as_u64().unwrap();
        assert!(
            2 * seconds <= limit,
            "a run may wait {seconds} s, and looking takes time too; it ends at {limit} s"
        );
    }
}
