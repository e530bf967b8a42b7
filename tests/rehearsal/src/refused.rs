//! Executions in which states are refused, whatever they call: both engines play that, each in its own way.

use serde_json::{Value, json};

use crate::environment::Environment;
use crate::execution::Running;
use crate::{Error, Result, http};

/// What such an execution of the emulator is called after `#`, as with AWS's Step Functions Local.
const TEST_CASE: &str = "Refused";

impl Environment {
    /// Starts the workflow with a request; these Task states fail in it, each time, with this error and cause. With the second engine also
    /// in another execution that starts at the same moment.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn begin_refused(
        &self,
        states: &[&str],
        (error, cause): (&str, &str),
        request: &Value,
    ) -> Result<Running> {
        if let Some(strict) = &self.strict {
            strict.refuse(Some((states, error, cause))).await?;
            let running = self.begin(request).await;
            strict.refuse(None).await?;
            return running;
        }
        let machine = self.workflow_arn.rsplit(':').next().unwrap_or_default();
        let refused: Value = states.iter().map(|state| (*state, "refused")).collect();
        let config = json!({"stepfunctions._sfn_mock_config": {
            "StateMachines": {machine: {"TestCases": {TEST_CASE: refused}}},
            "MockedResponses": {"refused": {"0-99": {"Throw": {"Error": error, "Cause": cause}}}}
        }});
        let url = format!("{}/_ministack/config", self.emulator.url);
        let answer = http::client()?.post(url).body(config.to_string()).send().await;
        answer
            .and_then(reqwest::Response::error_for_status)
            .map_err(|error| Error::new("setting the emulator", error))?;
        Running::start(&self.aws, &format!("{}#{TEST_CASE}", self.workflow_arn), request).await
    }
}
