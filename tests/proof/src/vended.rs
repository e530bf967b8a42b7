//! An account that is vended: its profile, the event, and the runs that come of it.

use std::time::{Duration, Instant};

use rehearsal::execution::Running;
use rehearsal::{Environment, Error, Outcome, Result};
use serde_json::{Value, json};

use crate::register::Answer;
use crate::world::World;

const POLL: Duration = Duration::from_millis(50);

pub(crate) struct Vended<'a> {
    environment: &'a Environment,
    profile: String,
    event: Value,
}

impl<'a> Vended<'a> {
    /// Keeps a profile that makes the world's request.
    pub(crate) async fn new(environment: &'a Environment, world: &World<'_>, number: u32) -> Result<Self> {
        let (account, _) = world.place();
        let profile = format!("w{number}");
        let mut request = world.request();
        if let Some(consumer) = request["consumer"].as_object_mut() {
            consumer.remove("account_id");
        }
        let content = json!({"version": 1, "request": request});
        let body =
            json!({"Name": parameter(&profile), "Type": "String", "Overwrite": true, "Value": content.to_string()});
        environment
            .aws
            .expect_json("ssm", "AmazonSSM.PutParameter", &body)
            .await?;
        let event = json!({
            "version": "0", "id": format!("0c0ffee0-0000-4000-8000-{number:012x}"), "detail-type": "Account Vended",
            "source": "privatelink-workflow.client", "account": account, "time": "2026-11-01T12:00:00Z",
            "region": "eu-west-1", "resources": [], "detail": {"account_id": account, "profiles": [profile]},
        });
        Ok(Self {
            environment,
            profile,
            event,
        })
    }

    /// Tells the function of it, as EventBridge does.
    pub(crate) async fn tell(&self) -> Result<Answer> {
        let function = self.environment.resource("StartFunction").await?;
        self.environment.aws.invoke(&function, &self.event).await.map(Answer)
    }

    /// How the runs ended that were started by it, of which there must be one.
    pub(crate) async fn runs(&self, limit: Duration) -> Result<Vec<Outcome>> {
        let prefix = format!("vend-{}-", self.profile);
        let deadline = Instant::now() + limit;
        let started = loop {
            let body = json!({"stateMachineArn": self.environment.workflow_arn});
            let target = "AWSStepFunctions.ListExecutions";
            let listed = self.environment.aws.expect_json("states", target, &body).await?;
            let executions = listed["executions"].as_array().into_iter().flatten();
            let ours = executions.filter(|run| run["name"].as_str().is_some_and(|name| name.starts_with(&prefix)));
            let arns: Vec<String> = ours
                .filter_map(|run| run["executionArn"].as_str().map(str::to_owned))
                .collect();
            if !arns.is_empty() {
                break arns;
            }
            if Instant::now() > deadline {
                return Err(Error::new(
                    "waiting for the vended run",
                    format!("no execution {prefix}… was started"),
                ));
            }
            tokio::time::sleep(POLL).await;
        };
        if started.len() > 1 {
            let why = format!("one event started {started:?}");
            return Err(Error::new("waiting for the vended run", why));
        }
        let mut outcomes = Vec::new();
        for arn in started {
            let running = Running::known(&self.environment.aws, &arn);
            outcomes.push(running.finish(limit).await?.outcome);
        }
        Ok(outcomes)
    }

    /// Deletes the profile.
    pub(crate) async fn forget(self) -> Result<()> {
        let body = json!({"Name": parameter(&self.profile)});
        let target = "AmazonSSM.DeleteParameter";
        self.environment.aws.expect_json("ssm", target, &body).await.map(drop)
    }
}

fn parameter(profile: &str) -> String {
    format!("/privatelink-workflow/profiles/{profile}")
}
