//! The register: one row for each connection, so that a person, and what starts runs by a connection's id, need not search AWS.
//!
//! It is no second truth. The clouds say what is there; a row says what the last run saw of it.

use std::collections::BTreeMap;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Error;
use crate::document::{Document, Origin, Preflight};
use crate::identity::ConnectionId;
use crate::progress::{self, Phase};
use crate::request::{Action, Goal, OnFailure, Request};
use crate::settings::PhaseName;

/// Days for which the row of a connection that was taken away stays.
const DAYS_AFTER_REMOVAL: i64 = 90;
/// For so long a run has the only right to write at a vendor's service: longer than any function may run, so that who holds it is
/// alive, or never writes again.
pub const LEASE_SECONDS: u64 = 120;
/// The error of a run that could not take something away.
const NEEDS_ATTENTION: &str = "NeedsAttention";

/// What the last run saw of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub connection_id: ConnectionId,
    /// Of the VPC.
    pub account_id: String,
    /// Of the VPC.
    pub region: String,
    /// Empty where a deprovision did not find it any more.
    pub vpc_id: String,
    /// `hcp_vault` or `aiven`.
    pub provider: String,
    /// The vendor's service, its coordinates joined by `/`.
    pub service: String,
    /// The request, as JSON text, with the action `provision`.
    pub request: String,
    /// The vending profile that the request was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    pub status: Status,
    /// The phase that was last looked at: its key in the state document.
    pub phase: String,
    /// The remote's own word, while the phase waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why the phase waits, or what is left after a removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `vpce-…`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<String>,
    /// Of the endpoint, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// The ARN of the last run that changed something; its name alone in a row that was rebuilt.
    pub execution_id: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The phases of the last run that changed something, by their keys in the state document.
    #[serde(default)]
    pub phases: BTreeMap<String, PhaseTimes>,
    /// Gone once a run ends well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
    /// When the table forgets the row: seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A run makes or changes it.
    Connecting,
    /// It works.
    Connected,
    /// The last run failed, and took back what it had made.
    Failed,
    /// A deprovision takes it away.
    Removing,
    /// A deprovision took it away.
    Removed,
    /// Something is left that no run could take away.
    NeedsAttention,
}

/// When a phase was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseTimes {
    pub started_at: Timestamp,
    /// Absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// As of the last look that was written down.
    pub looks: u32,
}

/// Why a run failed, or a step of it for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// As in the execution's `error`.
    pub name: String,
    pub message: String,
}

impl From<&Error> for LastError {
    fn from(error: &Error) -> Self {
        Self {
            name: error.name.as_str().to_owned(),
            message: error.message.clone(),
        }
    }
}

/// The time, to the second.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    let to_the_second = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Trunc);
    now.round(to_the_second).unwrap_or(now)
}

/// The connection of a run, and its VPC, as far as they are known: a VPC that is named by tags is found by preflight.
pub fn connection_of(document: &Document) -> Option<(ConnectionId, String)> {
    if let Some(facts) = facts(document) {
        return Some((facts.connection_id.clone(), facts.vpc_id.clone().unwrap_or_default()));
    }
    let vpc_id = document.request.consumer.vpc_id.clone()?;
    Some((ConnectionId::of(&document.request, &vpc_id), vpc_id))
}

fn facts(document: &Document) -> Option<&Preflight> {
    document.preflight.as_ref().and_then(Phase::ready)
}

/// The request as it is kept: what the connection is to be, whatever the run was for.
fn kept(request: &Request) -> String {
    let mut request = request.clone();
    request.action = Action::Provision;
    request.plan_for = Goal::Provision;
    serde_json::to_string(&request).unwrap_or_default()
}

impl Row {
    /// A row of its own for a connection that has none.
    pub fn new(
        connection_id: ConnectionId,
        vpc_id: String,
        request: &Request,
        execution_id: &str,
        now: Timestamp,
    ) -> Self {
        Self {
            connection_id,
            account_id: request.consumer.account_id.clone(),
            region: request.consumer.region.clone(),
            vpc_id,
            provider: request.provider.kind().to_owned(),
            service: request.provider.service_coordinates().join("/"),
            request: kept(request),
            origin: None,
            status: Status::Connecting,
            phase: PhaseName::Preflight.key().to_owned(),
            state: None,
            reason: None,
            endpoint_id: None,
            generation: None,
            execution_id: execution_id.to_owned(),
            created_at: now,
            updated_at: now,
            phases: BTreeMap::new(),
            last_error: None,
            expires_at: None,
        }
    }

    /// Whether the run of the document has written to it.
    pub fn is_of_run(&self, document: &Document) -> bool {
        self.execution_id == document.execution.id && !self.phases.is_empty()
    }

    /// The row at the first look of a phase that can change something.
    pub fn began(&mut self, document: &Document, phase: PhaseName, now: Timestamp) {
        self.updated_at = now;
        if phase == PhaseName::Undo {
            self.last_error = document.error.as_ref().map(|caught| LastError {
                name: caught.error.clone(),
                message: caught.message(),
            });
            if facts(document).is_none() {
                // Nothing was changed: whatever the connection was, it still is.
                if self.status == Status::Connecting && self.phases.is_empty() {
                    self.status = Status::Failed;
                }
                return;
            }
        }
        if !self.is_of_run(document) {
            self.begin_run(document, now);
        }
        self.status = match phase {
            PhaseName::Undo => Status::Failed,
            PhaseName::Removal => Status::Removing,
            // The connection works by now.
            PhaseName::Retirement => self.status,
            _ => Status::Connecting,
        };
        self.phase = phase.key().to_owned();
        self.state = None;
        self.reason = None;
        self.times(phase, now).ended_at = None;
    }

    /// What an earlier run left and still holds: when the row was made, the endpoint, and of a deprovision the request.
    fn begin_run(&mut self, document: &Document, now: Timestamp) {
        let request = &document.request;
        if request.action == Action::Provision {
            self.request = kept(request);
            self.origin = document.origin.clone();
        }
        self.execution_id.clone_from(&document.execution.id);
        self.expires_at = None;
        if request.goal() == Goal::Provision && self.last_error.is_some() && document.error.is_none() {
            self.last_error = None;
        }
        if let Some(endpoint_id) = facts(document).and_then(|facts| facts.endpoint_id.clone()) {
            self.endpoint_id = Some(endpoint_id);
        }
        self.phases.clear();
        if let Some(preflight) = &document.preflight {
            let times = PhaseTimes {
                started_at: document.execution.started_at.parse().unwrap_or(now),
                ended_at: Some(now),
                looks: preflight.attempt,
            };
            self.phases.insert(PhaseName::Preflight.key().to_owned(), times);
        }
    }

    /// The row after a look.
    pub fn saw(&mut self, document: &Document, phase: PhaseName, left: &Phase<Value>, now: Timestamp) {
        self.updated_at = now;
        self.phase = phase.key().to_owned();
        self.state.clone_from(&left.state);
        self.reason.clone_from(&left.reason);
        let goes_on = left.status == progress::Status::Pending;
        let times = self.times(phase, now);
        times.looks = left.attempt;
        times.ended_at = (!goes_on).then_some(now);
        if phase != PhaseName::Undo {
            self.last_error = None;
        }
        match left.status {
            progress::Status::Pending | progress::Status::Again => {}
            progress::Status::Ready => self.ended(document, phase, left.result.as_ref(), now),
            progress::Status::Exhausted => {
                self.status = Status::NeedsAttention;
                self.reason = left_over(left.result.as_ref()).or(self.reason.take());
                if phase != PhaseName::Undo {
                    self.last_error = Some(LastError {
                        name: NEEDS_ATTENTION.to_owned(),
                        message: left.reason.clone().unwrap_or_default(),
                    });
                }
            }
        }
    }

    fn ended(&mut self, document: &Document, phase: PhaseName, result: Option<&Value>, now: Timestamp) {
        let text = |key: &str| {
            result
                .and_then(|r| r.get(key))
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        match phase {
            PhaseName::Endpoint => {
                self.endpoint_id = text("endpoint_id");
                let generation = result.and_then(|r| r.get("generation")).and_then(Value::as_u64);
                self.generation = generation.and_then(|g| u32::try_from(g).ok());
            }
            PhaseName::Publish | PhaseName::Retirement => self.status = Status::Connected,
            PhaseName::Removal => {
                self.status = Status::Removed;
                self.endpoint_id = None;
                self.generation = None;
                self.reason = left_over(result);
                self.expires_at = Some(now.as_second() + DAYS_AFTER_REMOVAL * 24 * 3600);
            }
            PhaseName::Undo => {
                self.reason = left_over(result);
                if document.request.on_failure == OnFailure::Undo {
                    self.endpoint_id = facts(document).and_then(|facts| facts.endpoint_id.clone());
                    self.generation = self.generation.filter(|_| self.endpoint_id.is_some());
                }
            }
            _ => {}
        }
    }

    /// The row after a look that failed. Whether it is looked again is the state machine's affair.
    pub fn failed(&mut self, phase: PhaseName, error: &Error, now: Timestamp) {
        self.updated_at = now;
        self.phase = phase.key().to_owned();
        self.last_error = Some(error.into());
        let removes = matches!(phase, PhaseName::Retirement | PhaseName::Removal | PhaseName::Undo);
        if removes && !error.name.is_retried() {
            self.status = Status::NeedsAttention;
        }
    }

    fn times(&mut self, phase: PhaseName, now: Timestamp) -> &mut PhaseTimes {
        self.phases.entry(phase.key().to_owned()).or_insert(PhaseTimes {
            started_at: now,
            ended_at: None,
            looks: 0,
        })
    }
}

/// The sentences of a removal about what is left.
fn left_over(result: Option<&Value>) -> Option<String> {
    let left = result?.get("left")?.as_array()?;
    let sentences: Vec<&str> = left.iter().filter_map(Value::as_str).collect();
    (!sentences.is_empty()).then(|| format!("Left in place: {}.", sentences.join("; ")))
}

/// Whether a look says something else than the one before it, so that it is worth a write.
pub fn is_news(previous: Option<&Phase<Value>>, left: &Phase<Value>) -> bool {
    previous.is_none_or(|previous| {
        (previous.status, &previous.state, &previous.reason) != (left.status, &left.state, &left.reason)
            || left.result.is_some()
    })
}
