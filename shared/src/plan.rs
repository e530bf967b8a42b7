//! What a run would write, before it writes: the list of changes, the checks behind it, and both as lines for a person.
//!
//! The functions that make this list are the ones that the steps apply, so that a plan says what a run does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ErrorName;
use crate::identity::ConnectionId;
use crate::request::Goal;
use crate::{Error, Result};

/// The whole plan; the output of the action `plan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// What it is the plan of: `provision` or `deprovision`.
    pub goal: Goal,
    pub connection_id: ConnectionId,
    /// Every check passed: a run would begin to write.
    pub feasible: bool,
    /// The same as the other fields, as lines to read: `+` create, `~` change, `-` delete, `=` keep, `!` a failed check, `i` a note.
    pub summary: Vec<String>,
    pub changes: Vec<Change>,
    pub checks: Vec<Check>,
    /// What is worth knowing and changes nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Whose API a change goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Remote {
    Hcp,
    Aiven,
    Ec2,
    Route53,
}

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Create,
    Change,
    Keep,
    Delete,
}

/// One resource of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    pub effect: Effect,
    pub remote: Remote,
    /// In the remote's words: `vpc_endpoint`, `security_group`, `hosted_zone`, `private_link_service`, `user_config`.
    pub resource: String,
    /// The remote's id, where the resource has one already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// The writing calls that it takes, in order: AWS's actions, or a vendor's method and path. Empty for what is kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
    /// Why, where the fields do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A field that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    pub field: String,
    /// Null where there was nothing.
    pub from: Value,
    /// Null where nothing will be.
    pub to: Value,
}

/// Something that must hold before anything is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub passed: bool,
    /// What was looked at, and what was found.
    pub message: String,
    /// JSON pointer into the request, where the message is about a field of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The error that a run would end with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Change {
    /// A change of a resource, to which the other parts are added.
    pub fn new(effect: Effect, remote: Remote, resource: &str) -> Self {
        Self {
            effect,
            remote,
            resource: resource.to_owned(),
            id: None,
            fields: Vec::new(),
            calls: Vec::new(),
            why: None,
        }
    }

    /// The remote's id of the resource.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// A field that changes.
    #[must_use]
    pub fn field(mut self, field: &str, from: impl Into<Value>, to: impl Into<Value>) -> Self {
        self.fields.push(Field {
            field: field.to_owned(),
            from: from.into(),
            to: to.into(),
        });
        self
    }

    /// A writing call that it takes.
    #[must_use]
    pub fn call(mut self, call: impl Into<String>) -> Self {
        self.calls.push(call.into());
        self
    }

    /// The reason.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// The line for a person.
    fn line(&self) -> String {
        let sign = match self.effect {
            Effect::Create => '+',
            Effect::Change => '~',
            Effect::Keep => '=',
            Effect::Delete => '-',
        };
        let remote = match self.remote {
            Remote::Hcp => "hcp",
            Remote::Aiven => "aiven",
            Remote::Ec2 => "ec2",
            Remote::Route53 => "route53",
        };
        let mut line = format!("{sign} {remote} {}", self.resource);
        if let Some(id) = &self.id {
            line.push_str(&format!(" {id}"));
        }
        let fields: Vec<String> = self
            .fields
            .iter()
            .map(|f| match (&f.from, &f.to) {
                (Value::Null, to) => format!("{}: {}", f.field, shown(to)),
                (from, Value::Null) => format!("{}: without {}", f.field, shown(from)),
                (from, to) => format!("{}: {} -> {}", f.field, shown(from), shown(to)),
            })
            .collect();
        if !fields.is_empty() {
            line.push_str(&format!(" ({})", fields.join("; ")));
        }
        if let Some(why) = &self.why {
            line.push_str(&format!(": {why}"));
        }
        line
    }
}

/// A value for a line: text without quotes, lists with commas.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

impl Check {
    /// A check that passed.
    pub fn passed(message: impl Into<String>) -> Self {
        Self {
            passed: true,
            message: message.into(),
            path: None,
            error: None,
        }
    }

    /// A check that failed at a field of the request.
    pub fn failed(error: ErrorName, path: &str, message: impl Into<String>) -> Self {
        Self {
            passed: false,
            message: message.into(),
            path: Some(path.to_owned()),
            error: Some(error.as_str().to_owned()),
        }
    }

    /// The checks that an error with the lines `<JSON pointer>: <what is wrong>` stands for.
    pub fn of_error(error: &Error) -> Vec<Self> {
        let of_line = |line: &str| {
            let (path, message) = line.split_once(": ").filter(|_| line.starts_with('/'))?;
            Some(Self::failed(error.name, path, message))
        };
        let lines: Vec<Self> = error.message.lines().filter_map(of_line).collect();
        if lines.is_empty() {
            vec![Self {
                passed: false,
                message: error.message.clone(),
                path: None,
                error: Some(error.name.as_str().to_owned()),
            }]
        } else {
            lines
        }
    }
}

impl Plan {
    /// A plan of these parts, with its lines.
    pub fn new(
        goal: Goal,
        connection_id: ConnectionId,
        changes: Vec<Change>,
        checks: Vec<Check>,
        notes: Vec<String>,
    ) -> Self {
        let failed = checks.iter().filter(|check| !check.passed);
        let failed = failed.map(|check| match &check.path {
            Some(path) => format!("! {path}: {}", check.message),
            None => format!("! {}", check.message),
        });
        let summary = changes
            .iter()
            .map(Change::line)
            .chain(failed)
            .chain(notes.iter().map(|note| format!("i {note}")))
            .collect();
        Self {
            goal,
            connection_id,
            feasible: checks.iter().all(|check| check.passed),
            summary,
            changes,
            checks,
            notes,
        }
    }

    /// Nothing would be written.
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| change.effect == Effect::Keep)
    }

    /// Whether a run may write.
    ///
    /// # Errors
    /// The failed checks in one error, under the name of the first.
    pub fn require_feasible(&self) -> Result<()> {
        let failed: Vec<&Check> = self.checks.iter().filter(|check| !check.passed).collect();
        let Some(first) = failed.first() else {
            return Ok(());
        };
        let name = ErrorName::ALL
            .into_iter()
            .find(|name| Some(name.as_str()) == first.error.as_deref())
            .unwrap_or(ErrorName::InvalidRequest);
        let lines: Vec<String> = failed
            .iter()
            .map(|check| match &check.path {
                Some(path) => format!("{path}: {}", check.message),
                None => check.message.clone(),
            })
            .collect();
        Err(Error::new(
            name,
            format!(
                "the request does not fit what is there; nothing was changed. Correct it and start again.\n{}",
                lines.join("\n")
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn plan(changes: Vec<Change>, checks: Vec<Check>) -> Plan {
        let id: ConnectionId = serde_json::from_value(json!("plw-1")).unwrap();
        Plan::new(Goal::Provision, id, changes, checks, vec!["a note".to_owned()])
    }

    #[test]
    fn a_person_reads_one_line_for_each_part() {
        let changes = vec![
            Change::new(Effect::Change, Remote::Aiven, "privatelink")
                .id("orders")
                .field("principals", json!(["a"]), json!(["a", "b"])),
            Change::new(Effect::Create, Remote::Ec2, "vpc_endpoint").why("there is none"),
        ];
        let checks = vec![
            Check::passed("fine"),
            Check::failed(ErrorName::InvalidRequest, "/consumer/vpc_id", "is not there."),
        ];
        assert_eq!(
            plan(changes, checks).summary,
            [
                "~ aiven privatelink orders (principals: a -> a, b)",
                "+ ec2 vpc_endpoint: there is none",
                "! /consumer/vpc_id: is not there.",
                "i a note",
            ]
        );
    }

    #[test]
    fn a_failed_check_stops_a_run_under_its_name() {
        assert!(plan(Vec::new(), vec![Check::passed("fine")]).require_feasible().is_ok());
        let full = Check::failed(ErrorName::LimitExceeded, "/provider/principals", "17 of 16.");
        let error = plan(Vec::new(), vec![full]).require_feasible().unwrap_err();
        assert_eq!(error.name, ErrorName::LimitExceeded);
        assert!(error.message.ends_with("\n/provider/principals: 17 of 16."), "{error}");
    }

    #[test]
    fn each_line_of_an_error_is_a_check_of_its_own() {
        let error = Error::new(
            ErrorName::InvalidRequest,
            "two things.\n/a/b: first.\n/c: second: really.",
        );
        let checks = Check::of_error(&error);
        assert_eq!(checks.len(), 2);
        assert_eq!(checks[1].path.as_deref(), Some("/c"));
        assert_eq!(checks[1].message, "second: really.");
        assert_eq!(Check::of_error(&Error::unexpected("no path"))[0].message, "no path");
    }

    #[test]
    fn a_plan_that_only_keeps_is_empty() {
        let keep = Change::new(Effect::Keep, Remote::Ec2, "vpc_endpoint");
        assert!(plan(vec![keep.clone()], Vec::new()).is_empty());
        let create = Change::new(Effect::Create, Remote::Ec2, "vpc_endpoint");
        assert!(!plan(vec![keep, create], Vec::new()).is_empty());
    }
}
