//! What is deployed: schedule, definition, memory. Nothing of it is written down here again.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use shared::progress::{AFTER_START_SECONDS, Schedule};
use shared::request::{Request, validate};
use shared::settings::{PhaseName, Settings};

use crate::{Result, clouds, machine};

/// The deployed workflow.
#[derive(Debug)]
pub struct Deployed {
    definition: Value,
    /// MB by the name of the task.
    memory: BTreeMap<String, f64>,
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
        let everywhere = template["Globals"]["Function"]["MemorySize"].as_f64();
        let mut memory = BTreeMap::new();
        let states = definition["States"].as_object().into_iter().flatten();
        for (task, state) in states.filter(|(_, state)| state["Type"] == "Task") {
            let own = template["Resources"][format!("{task}Function").as_str()]["Properties"]["MemorySize"].as_f64();
            if state["Resource"] == "arn:aws:states:::lambda:invoke" {
                let mb = own.or(everywhere).ok_or_else(|| format!("{task} has no memory"))?;
                memory.insert(task.clone(), mb);
            }
        }
        let request: Value = serde_json::from_str(&read("examples/aiven-kafka.json")?)?;
        let request = validate(&request, "privatelink/").map_err(|violations| format!("{violations:?}"))?;
        Ok(Self {
            definition,
            memory,
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

    /// The states of a run whose phases, of those of [`clouds::PHASES`], come around so often.
    ///
    /// # Errors
    /// When the definition is not understood.
    pub fn states(&self, action: &str, turns: &[u32]) -> Result<Vec<String>> {
        let mut again = BTreeMap::new();
        for (phase, turns) in clouds::PHASES.into_iter().zip(turns) {
            again.insert(self.task(phase)?, *turns);
        }
        machine::states(&self.definition, action, &again)
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
