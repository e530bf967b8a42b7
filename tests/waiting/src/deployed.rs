//! What is deployed: schedule, definition, memory. Nothing of it is written down here again.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use shared::progress::{AFTER_START_SECONDS, Schedule};
use shared::request::{Request, validate};
use shared::settings::{PhaseName, Settings};

use crate::clock::Functions;
use crate::{Result, clouds, machine};

/// The watch's resource in the template.
const WATCH: &str = "WatchFunction";

/// The deployed workflow.
#[derive(Debug)]
pub struct Deployed {
    definition: Value,
    /// MB by the name of the task.
    memory: BTreeMap<String, f64>,
    watch_mb: f64,
    /// Each invocation of the watch is a trace of its own, linked to that of the execution: "Tracing event-driven applications".
    watch_is_traced: bool,
    settings: Settings,
    request: Request,
}

impl Deployed {
    /// Reads the repository: `samplesam.yaml`, `infra/workflow.asl.json`, and an example's request.
    ///
    /// # Errors
    /// When something of it is not there or not as expected.
    pub fn load() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let read = |path: &str| std::fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"));
        let template: serde_norway::Value = serde_norway::from_str(&read("samplesam.yaml")?)?;
        let definition: Value = serde_json::from_str(&read("infra/workflow.asl.json")?)?;
        let parameter = |name: &str| {
            let default = &template["Parameters"][name]["Default"];
            default.as_u64().map(|number| number.to_string())
        };
        // The environment's names are the parameters' in another writing.
        let settings = Settings::from_lookup(|variable| parameter(&camel(variable)))?;
        let everywhere = &template["Globals"]["Function"];
        let of_function = |name: &str, property: &str| {
            let own = &template["Resources"][name]["Properties"][property];
            if own.is_null() { &everywhere[property] } else { own }.clone()
        };
        let memory_of = |function: &str| {
            let mb = of_function(function, "MemorySize").as_f64();
            mb.ok_or_else(|| format!("{function} has no memory"))
        };
        if template["Resources"][WATCH].is_null() {
            return Err(format!("samplesam.yaml has no {WATCH}").into());
        }
        let mut memory = BTreeMap::new();
        let states = definition["States"].as_object().into_iter().flatten();
        for (task, state) in states.filter(|(_, state)| state["Type"] == "Task") {
            if state["Resource"] == machine::LAMBDA {
                memory.insert(task.clone(), memory_of(&format!("{task}Function"))?);
            }
        }
        let request: Value = serde_json::from_str(&read("examples/aiven-kafka.json")?)?;
        let request = validate(&request, "privatelink/").map_err(|violations| format!("{violations:?}"))?;
        Ok(Self {
            definition,
            memory,
            watch_mb: memory_of(WATCH)?,
            watch_is_traced: of_function(WATCH, "Tracing").as_str() == Some("Active"),
            settings,
            request,
        })
    }

    /// How a phase waits.
    pub fn schedule(&self, phase: PhaseName) -> Schedule {
        self.settings.schedule(phase, &self.request)
    }

    /// What the step itself asks for after its first look, which starts something, if that wins over the schedule.
    pub const fn first_wait(phase: PhaseName) -> Option<u32> {
        match phase {
            PhaseName::Service | PhaseName::Access => Some(AFTER_START_SECONDS),
            _ => None,
        }
    }

    /// The task of a phase, by the key that it writes.
    ///
    /// # Errors
    /// When no task does.
    pub fn task(&self, phase: PhaseName) -> Result<String> {
        let writes = format!("'{}': $states.result.Payload", phase.key());
        let mut states = self.definition["States"].as_object().into_iter().flatten();
        let found = states.find(|(_, state)| state["Output"].as_str().is_some_and(|output| output.contains(&writes)));
        let (task, _) = found.ok_or_else(|| format!("no task writes {}", phase.key()))?;
        Ok(task.clone())
    }

    /// MB of a task's function; 0 of a task that calls none.
    pub fn memory_mb(&self, task: &str) -> f64 {
        self.memory.get(task).copied().unwrap_or_default()
    }

    /// MB of the watch.
    pub const fn watch_mb(&self) -> f64 {
        self.watch_mb
    }

    /// Whether each invocation of the watch is a trace.
    pub const fn watch_is_traced(&self) -> bool {
        self.watch_is_traced
    }

    /// The functions that look in a phase.
    ///
    /// # Errors
    /// As [`Deployed::task`].
    pub fn functions(&self, phase: PhaseName) -> Result<Functions> {
        Ok(Functions {
            step_mb: self.memory_mb(&self.task(phase)?),
            watch_mb: self.watch_mb,
            watch_is_traced: self.watch_is_traced,
        })
    }

    /// The states of a run whose phases, of those of [`clouds::PHASES`], come around so often.
    ///
    /// # Errors
    /// When the definition is not understood.
    pub fn states(&self, action: &str, turns: &[u32]) -> Result<Vec<String>> {
        let mut again = BTreeMap::new();
        for (phase, turns) in clouds::PHASES.into_iter().zip(turns) {
            again.insert(self.task(phase)?, *turns);
        }
        self.states_of(action, &again)
    }

    /// The states of a run whose tasks, by name, come around so often.
    ///
    /// # Errors
    /// When the definition is not understood.
    pub fn states_of(&self, action: &str, again: &BTreeMap<String, u32>) -> Result<Vec<String>> {
        machine::states(&self.definition, action, again)
    }

    /// Transitions of one turn of a phase: another look with all that leads to it.
    ///
    /// # Errors
    /// When the definition is not understood.
    pub fn transitions_of_a_turn(&self) -> Result<f64> {
        let (none, one) = (self.states("provision", &[0])?, self.states("provision", &[1])?);
        Ok(f64::from(u32::try_from(one.len() - none.len())?))
    }
}

/// `PollSeconds` of `POLL_SECONDS`.
fn camel(variable: &str) -> String {
    let words = variable.split('_').map(|word| {
        let (first, rest) = word.split_at(usize::from(!word.is_empty()));
        first.to_owned() + &rest.to_lowercase()
    });
    words.collect()
}
