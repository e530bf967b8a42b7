//! Every task is invoked twice: Step Functions promises at least once. The state machine of the trial has, before a task, the
//! same task once more, whose answer nobody hears.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rehearsal::{Error, Result, paths};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::faults::Recorded;
use crate::life::{self, Course, Quiet};
use crate::pool::Pool;
use crate::situation::Situation;
use crate::trial::{Trial, Trials, Verdict};

/// Stands for all tasks at once.
const ALL: &str = "all";

/// One trial for each task of a life, and one for all at once.
pub fn trials(recorded: &Recorded) -> Trials {
    let mut trials = Vec::new();
    for (situation, quiet) in &recorded.lives {
        let mut tasks: BTreeSet<&str> = quiet.tasks.keys().map(|(_, task)| task.as_str()).collect();
        tasks.insert(ALL);
        for task in tasks {
            let (situation, quiet, task) = (*situation, Arc::clone(quiet), task.to_owned());
            let name = format!("repeats/{}/{task}", situation.name());
            trials.push(Trial::new(name, move |pool| {
                let (quiet, task) = (Arc::clone(&quiet), task.clone());
                async move {
                    match play(&pool, situation, &task, &quiet).await {
                        Ok(verdict) => verdict,
                        Err(error) => Verdict::Wrong(format!("{error}")),
                    }
                }
            }));
        }
    }
    Trials {
        row: "tasks twice",
        source: format!("each task of {} lives, and all at once", recorded.lives.len()),
        trials,
    }
}

async fn play(pool: &Pool, situation: Situation, task: &str, quiet: &Quiet) -> Result<Verdict> {
    let copy = Copied::with_task_twice(task)?;
    let stage = pool.start_with(&copy.template).await?;
    let course = Course {
        repeats: true,
        quiet: Some(quiet),
        ..Course::default()
    };
    let played = life::play(&stage, situation, pool.world_number(), course).await?;
    pool.give_back(stage);
    let again = played.quiet.tasks.keys().any(|(_, name)| name.ends_with(SUFFIX));
    Ok(if again {
        Verdict::of(&played.told())
    } else {
        Verdict::Empty
    })
}

/// Of the state that is the task once more.
const SUFFIX: &str = "UnheardOf";

/// A copy of the template with another definition.
struct Copied {
    template: PathBuf,
    _dir: TempDir,
}

impl Copied {
    fn with_task_twice(task: &str) -> Result<Self> {
        const WHAT: &str = "copying the template";
        let failed = |error: std::io::Error| Error::new(WHAT, error);
        let root = paths::workspace_root();
        let definition = Path::new("infra/workflow.asl.json");
        let text = fs::read_to_string(root.join(definition)).map_err(failed)?;
        let machine: Value = serde_json::from_str(&text).map_err(|error| Error::new(WHAT, error))?;
        let dir = tempfile::tempdir().map_err(failed)?;
        let template = dir.path().join("samplesam.yaml");
        fs::copy(root.join("samplesam.yaml"), &template).map_err(failed)?;
        fs::create_dir(dir.path().join("infra")).map_err(failed)?;
        for file in fs::read_dir(root.join("infra")).map_err(failed)?.flatten() {
            let path = file.path();
            if path.is_file() {
                fs::copy(&path, dir.path().join("infra").join(file.file_name())).map_err(failed)?;
            }
        }
        fs::write(dir.path().join(definition), twice(machine, task).to_string()).map_err(failed)?;
        Ok(Self { template, _dir: dir })
    }
}

/// The machine in which the task (or [`ALL`]) comes once more before itself, whatever leads to it.
fn twice(mut machine: Value, task: &str) -> Value {
    let Some(states) = machine["States"].as_object_mut() else {
        return machine;
    };
    let names: Vec<String> = (states.iter())
        .filter(|(name, state)| state["Type"] == "Task" && (task == ALL || *name == task))
        .map(|(name, _)| name.clone())
        .collect();
    let unheard = |name: &str| format!("{name}{SUFFIX}");
    for state in states.values_mut() {
        redirect(state, &names, &unheard);
    }
    for name in &names {
        let mut state = states[name].clone();
        state["Output"] = json!("{% $states.input %}");
        state["Next"] = json!(name);
        state["Catch"] = json!([{ "ErrorEquals": ["States.ALL"], "Output": "{% $states.input %}", "Next": name }]);
        states.insert(unheard(name), state);
    }
    if let Some(first) = machine["StartAt"]
        .as_str()
        .filter(|first| names.iter().any(|name| name == first))
    {
        machine["StartAt"] = json!(unheard(first));
    }
    machine
}

fn redirect(value: &mut Value, names: &[String], unheard: &dyn Fn(&str) -> String) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                match field.as_str() {
                    Some(target) if (key == "Next" || key == "Default") && names.iter().any(|name| name == target) => {
                        *field = json!(unheard(target));
                    }
                    _ => redirect(field, names, unheard),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, names, unheard)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_comes_once_more_before_itself() {
        let machine = json!({"StartAt": "A", "States": {
            "A": {"Type": "Task", "Arguments": {"Next": 1}, "Next": "Is"},
            "Is": {"Type": "Choice", "Choices": [{"Next": "End"}], "Default": "A"},
            "End": {"Type": "Pass", "End": true},
        }});
        let twice = twice(machine, "A");
        assert_eq!(twice["StartAt"], "AUnheardOf");
        assert_eq!(twice["States"]["AUnheardOf"]["Next"], "A");
        assert_eq!(twice["States"]["A"]["Next"], "Is");
        assert_eq!(twice["States"]["Is"]["Default"], "AUnheardOf");
    }
}
