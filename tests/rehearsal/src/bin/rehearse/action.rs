//! What to run, one after the other.

use clap::ValueEnum;
use serde_json::{Value, json};

/// One run of the workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Action {
    /// What a run would change; of a deprovision if the request's plan_for says so.
    Plan,
    /// What a deprovision would take away.
    PlanDeprovision,
    /// Make the connection, or change it.
    Provision,
    /// Take it away.
    Deprovision,
}

impl Action {
    /// The request's own; a provision where it says none, or none that is known, which the workflow then tells.
    pub(crate) fn of(request: &Value) -> Self {
        match (request["action"].as_str(), request["plan_for"].as_str()) {
            (Some("plan"), Some("deprovision")) => Self::PlanDeprovision,
            (Some("plan"), _) => Self::Plan,
            (Some("deprovision"), _) => Self::Deprovision,
            _ => Self::Provision,
        }
    }

    /// The request with this action in place of its own. What is no object stays as it is, for the workflow to refuse.
    pub(crate) fn put_into(self, request: &Value) -> Value {
        let mut request = request.clone();
        let Some(fields) = request.as_object_mut() else {
            return request;
        };
        let word = match self {
            Self::Plan => "plan",
            Self::PlanDeprovision => {
                fields.insert("plan_for".to_owned(), json!("deprovision"));
                "plan"
            }
            Self::Provision => "provision",
            Self::Deprovision => "deprovision",
        };
        if word != "plan" {
            fields.remove("plan_for");
        }
        fields.insert("action".to_owned(), json!(word));
        request
    }

    /// Its word on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::PlanDeprovision => "plan-deprovision",
            Self::Provision => "provision",
            Self::Deprovision => "deprovision",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_runs_what_it_says() {
        assert_eq!(Action::of(&json!({})), Action::Provision);
        assert_eq!(Action::of(&json!({ "action": "deprovision" })), Action::Deprovision);
        assert_eq!(Action::of(&json!({ "action": "plan" })), Action::Plan);
        let plan = json!({ "action": "plan", "plan_for": "deprovision" });
        assert_eq!(Action::of(&plan), Action::PlanDeprovision);
    }

    #[test]
    fn an_action_takes_the_place_of_the_requests_own() {
        let request = json!({ "action": "plan", "plan_for": "deprovision", "provider": 1 });
        assert_eq!(
            Action::Plan.put_into(&request),
            request,
            "the request says what to plan"
        );
        assert_eq!(
            Action::Provision.put_into(&request),
            json!({ "action": "provision", "provider": 1 }),
            "plan_for belongs to a plan alone"
        );
        assert_eq!(
            Action::PlanDeprovision.put_into(&json!({})),
            json!({ "action": "plan", "plan_for": "deprovision" })
        );
    }

    #[test]
    fn the_names_are_those_of_the_command_line() {
        for action in Action::value_variants() {
            let value = action.to_possible_value();
            assert_eq!(value.as_ref().map(|v| v.get_name()), Some(action.name()));
        }
    }
}
