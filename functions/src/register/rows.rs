//! What is written to the register around the looks of a run. That the register fails never fails a run.

use std::time::Duration;

use serde_json::Value;
use shared::document::Document;
use shared::progress::{Phase, Status};
use shared::register::{self, Row, is_news};
use shared::request::Action;
use shared::settings::PhaseName;
use shared::{Error, Result};

use super::Register;
use crate::context::Context;

/// A register that hangs must not use up the function's time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes down one look of a phase.
pub(crate) struct Record<'a> {
    register: Register,
    document: &'a Document,
    phase: PhaseName,
    /// What the phase left last time.
    previous: Option<Phase<Value>>,
}

impl<'a> Record<'a> {
    /// None where nothing is written down: without a register, and of phases that change nothing before the run has begun to.
    pub(crate) async fn of(
        context: &Context,
        document: &'a Document,
        phase: PhaseName,
        previous: Option<Phase<Value>>,
    ) -> Option<Self> {
        if document.request.action == Action::Plan || phase == PhaseName::Preflight {
            return None;
        }
        Some(Self {
            register: context.register().await?,
            document,
            phase,
            previous,
        })
    }

    /// Before a look that can change something, if it is the phase's first.
    pub(crate) async fn before(&self) {
        let changes = !matches!(self.phase, PhaseName::Acceptance | PhaseName::Publish);
        if changes && self.previous.as_ref().is_none_or(|previous| previous.attempt == 0) {
            self.write(|row| row.began(self.document, self.phase, register::now()))
                .await;
        }
    }

    /// After a look, if it says something new.
    pub(crate) async fn after(&self, answer: &Result<Value>) {
        if self.phase == PhaseName::Undo && self.document.preflight.as_ref().and_then(Phase::ready).is_none() {
            // There was nothing to take back.
            return;
        }
        let now = register::now();
        match answer {
            Ok(value) => {
                let Some(left) = self.left(value) else { return };
                if is_news(self.previous.as_ref(), &left) {
                    self.write(|row| row.saw(self.document, self.phase, &left, now)).await;
                }
            }
            Err(error) => self.write(|row| row.failed(self.phase, error, now)).await,
        }
    }

    /// What publish answers is no phase but the connection.
    fn left(&self, answer: &Value) -> Option<Phase<Value>> {
        if self.phase != PhaseName::Publish {
            return serde_json::from_value(answer.clone()).ok();
        }
        Some(Phase {
            status: Status::Ready,
            attempt: 1,
            waited_seconds: 0,
            wait_seconds: 0,
            state: None,
            reason: None,
            vendor_connection_id: None,
            result: Some(answer.clone()),
        })
    }

    async fn write(&self, change: impl FnOnce(&mut Row)) {
        let written = tokio::time::timeout(PATIENCE, self.try_to_write(change)).await;
        let (error, message) = match written {
            Ok(Ok(())) => return,
            Ok(Err(error)) => (error.name.as_str(), error.message),
            Err(_) => ("Unavailable", "it took too long".to_owned()),
        };
        tracing::warn!(error, message, "the register was not written to");
    }

    async fn try_to_write(&self, change: impl FnOnce(&mut Row)) -> Result<(), Error> {
        let Some((connection_id, vpc_id)) = register::connection_of(self.document) else {
            return Ok(());
        };
        let before = self.register.get(&connection_id.to_string()).await?;
        let mut row = before.unwrap_or_else(|| {
            let execution = &self.document.execution.id;
            Row::new(
                connection_id,
                vpc_id,
                &self.document.request,
                execution,
                register::now(),
            )
        });
        if !row.is_of_run(self.document) {
            // An earlier write was lost.
            row.began(self.document, self.phase, register::now());
        }
        change(&mut row);
        self.register.put(&row).await
    }
}
