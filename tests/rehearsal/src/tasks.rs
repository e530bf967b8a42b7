//! The tasks of state machines as the emulator calls them: which they were, and one that is to fail.

use serde_json::{Value, json};

use crate::{Environment, Error, Result};

/// Not an error: the execution is stopped.
pub const STOPPED: &str = "Stopped";

/// A call of a task that is to fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    /// `events:putEvents`, or `lambda:invoke/` and the function's name in the template.
    pub task: String,
    /// From 1, counted from [`Environment::expect_tasks`] on.
    pub nth: u32,
    /// As a state machine names it: `Lambda.ServiceException`; or [`STOPPED`].
    pub error: String,
    /// The service has acted, and only its answer is lost.
    pub after: bool,
}

impl Environment {
    /// What tasks were called since the last time, in their order; and from now on this failure holds, or none.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn expect_tasks(&self, failure: Option<&TaskFailure>) -> Result<Vec<String>> {
        let wanted = failure.map_or_else(
            || json!({}),
            |failure| {
                json!({
                    "task": failure.task, "nth": failure.nth, "error": failure.error, "after": failure.after,
                })
            },
        );
        let answer = self
            .aws
            .expect_json("states", "AWSStepFunctions.RehearsalExpectTasks", &wanted)
            .await?;
        let calls = answer["calls"].as_array().ok_or_else(|| {
            let why = format!("the emulator's launcher does not know it: {answer}");
            Error::new("asking for the calls of tasks", why)
        })?;
        Ok(calls.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }
}
