//! What an event on the bus asks for.

use serde::Deserialize;
use serde_json::Value;
use shared::events::{ACCOUNT_VENDED, AccountVended, CLIENT_SOURCE, CONNECTION_REQUESTED};
use shared::{Error, Result};

const CONTROL_TOWER_SOURCE: &str = "aws.controltower";
/// There is another event of the same name for the API call, long before the account is there.
const LIFECYCLE: &str = "AWS Service Event via CloudTrail";

/// An event as EventBridge hands it to a target.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Event {
    /// The same whenever the event is delivered again.
    pub id: String,
    pub source: String,
    #[serde(rename = "detail-type")]
    pub detail_type: String,
    pub detail: Value,
}

/// What an event asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// One run with this input.
    Run(Value),
    /// The runs of the vending profiles of an account.
    Vend(AccountVended),
    /// Nothing, for this reason.
    Nothing(String),
}

impl Event {
    /// Reads an event.
    ///
    /// # Errors
    /// `InvalidRequest` for what is no event, or one whose id cannot be part of an execution's name.
    pub fn read(document: Value) -> Result<Self> {
        let no_event = |path: &str, why: &str| {
            let what = "the function's input is no event of EventBridge";
            Error::invalid_at(
                path,
                format!("{why}; {what}. Put an event on the bus; do not invoke the function."),
            )
        };
        if !document.is_object() {
            return Err(no_event("/", "must be an object"));
        }
        for field in ["id", "source", "detail-type", "detail"] {
            match document.get(field) {
                None => return Err(no_event(&format!("/{field}"), "missing")),
                Some(value) if field != "detail" && !value.is_string() => {
                    return Err(no_event(&format!("/{field}"), "must be of type string"));
                }
                Some(_) => {}
            }
        }
        let event: Self = serde_json::from_value(document).map_err(|error| no_event("/", &error.to_string()))?;
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
        // "event-" and this make an execution's name, of 80 characters at most.
        if event.id.is_empty() || event.id.len() > 74 || !event.id.chars().all(is_word) {
            return Err(no_event(
                "/id",
                "is no id of an event: at most 74 letters, digits and hyphens",
            ));
        }
        Ok(event)
    }

    /// What it asks for.
    ///
    /// # Errors
    /// `InvalidRequest` with the path of what is wrong in its detail.
    pub fn wanted(&self) -> Result<Wanted> {
        match (self.source.as_str(), self.detail_type.as_str()) {
            (CLIENT_SOURCE, CONNECTION_REQUESTED) => Ok(Wanted::Run(self.detail.clone())),
            (CLIENT_SOURCE, ACCOUNT_VENDED) => AccountVended::read(&self.detail).map(Wanted::Vend),
            (CONTROL_TOWER_SOURCE, LIFECYCLE) => control_tower(&self.detail),
            (source, detail_type) => Ok(Wanted::Nothing(format!(
                "\"{detail_type}\" of {source} starts nothing."
            ))),
        }
    }
}

/// Of Control Tower's guide, "Lifecycle events"; a vending that is tried again ends as an update.
fn control_tower(detail: &Value) -> Result<Wanted> {
    let name = detail["eventName"].as_str().unwrap_or_default();
    let key = match name {
        "CreateManagedAccount" => "createManagedAccountStatus",
        "UpdateManagedAccount" => "updateManagedAccountStatus",
        other => return Ok(Wanted::Nothing(format!("Control Tower's {other} vends no account."))),
    };
    let status = &detail["serviceEventDetails"][key];
    let text = |pointer: &str| status.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let state = text("/state").unwrap_or_default();
    let account = text("/account/accountId").unwrap_or_default();
    if state != "SUCCEEDED" {
        return Ok(Wanted::Nothing(format!(
            "Control Tower's {name} of account {account} is {state}, not SUCCEEDED."
        )));
    }
    if account.len() != 12 || !account.bytes().all(|b| b.is_ascii_digit()) {
        let path = format!("/detail/serviceEventDetails/{key}/account/accountId");
        return Err(Error::invalid_at(&path, format!("\"{account}\" is no AWS account")));
    }
    Ok(Wanted::Vend(AccountVended {
        account_id: account,
        organizational_unit_id: text("/organizationalUnit/organizationalUnitId"),
        organizational_unit_name: text("/organizationalUnit/organizationalUnitName"),
        profiles: None,
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use serde_json::json;
    use shared::ErrorName;

    use super::*;

    fn event(source: &str, detail_type: &str, detail: Value) -> Event {
        let document = json!({
            "version": "0", "id": "999cccaa-eaaa-0000-1111-123456789012", "detail-type": detail_type, "source": source,
            "account": "123456789012", "time": "2018-08-30T21:42:18Z", "region": "us-east-1", "resources": [], "detail": detail
        });
        Event::read(document).unwrap()
    }

    fn managed(name: &str, key: &str, state: &str) -> Value {
        json!({"eventName": name, "serviceEventDetails": {key: {
            "organizationalUnit": {"organizationalUnitName": "Custom", "organizationalUnitId": "ou-ab12-l3zc8b3h"},
            "account": {"accountName": "LifeCycle1", "accountId": "111122223333"},
            "state": state
        }}})
    }

    #[test]
    fn a_managed_account_is_vended_when_it_was_created_or_updated() {
        for (name, key) in [
            ("CreateManagedAccount", "createManagedAccountStatus"),
            ("UpdateManagedAccount", "updateManagedAccountStatus"),
        ] {
            let wanted = event(CONTROL_TOWER_SOURCE, LIFECYCLE, managed(name, key, "SUCCEEDED")).wanted();
            let expected = AccountVended {
                account_id: "111122223333".to_owned(),
                organizational_unit_id: Some("ou-ab12-l3zc8b3h".to_owned()),
                organizational_unit_name: Some("Custom".to_owned()),
                profiles: None,
            };
            assert_eq!(wanted.unwrap(), Wanted::Vend(expected));
        }
    }

    #[test]
    fn what_vends_no_account_starts_nothing_and_says_why() {
        let status = "createManagedAccountStatus";
        for (source, detail_type, detail, why) in [
            (
                CONTROL_TOWER_SOURCE,
                LIFECYCLE,
                managed("CreateManagedAccount", status, "FAILED"),
                "is FAILED",
            ),
            (
                CONTROL_TOWER_SOURCE,
                "AWS API Call via CloudTrail",
                json!({"eventName": "CreateManagedAccount", "requestParameters": "HIDDEN_DUE_TO_SECURITY_REASONS"}),
                "starts nothing",
            ),
            (
                CONTROL_TOWER_SOURCE,
                LIFECYCLE,
                json!({"eventName": "SetupLandingZone"}),
                "SetupLandingZone",
            ),
            (CLIENT_SOURCE, "Connection Wanted", json!({}), "Connection Wanted"),
            ("somebody", CONNECTION_REQUESTED, json!({}), "somebody"),
        ] {
            let Wanted::Nothing(reason) = event(source, detail_type, detail).wanted().unwrap() else {
                panic!("{source} {detail_type} starts something");
            };
            assert!(reason.contains(why), "{reason}");
        }
    }

    #[test]
    fn what_is_wrong_in_an_event_is_named_by_its_path() {
        let mut detail = managed("CreateManagedAccount", "createManagedAccountStatus", "SUCCEEDED");
        detail["serviceEventDetails"]["createManagedAccountStatus"]["account"]["accountId"] = json!("XXXXXXXXXXXX");
        let error = event(CONTROL_TOWER_SOURCE, LIFECYCLE, detail).wanted().unwrap_err();
        assert!(
            error.message.contains("/account/accountId: \"XXXXXXXXXXXX\""),
            "{error}"
        );

        let detail = json!({"account_id": "1111", "profiles": ["orders kafka"]});
        let error = event(CLIENT_SOURCE, ACCOUNT_VENDED, detail).wanted().unwrap_err();
        assert!(
            error.message.contains("\n/account_id: ") && error.message.contains("\n/profiles/0: "),
            "{error}"
        );
        assert_eq!(error.name, ErrorName::InvalidRequest);

        for id in ["", "a b", "a/b"] {
            let document = json!({"id": id, "source": "s", "detail-type": "t", "detail": {}});
            assert!(Event::read(document).unwrap_err().message.starts_with("/id: "), "{id}");
        }
        assert!(
            Event::read(json!({"request": {}}))
                .unwrap_err()
                .message
                .contains("no event")
        );
    }
}
