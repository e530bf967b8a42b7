//! Answers that no contract knows, made of real ones: another state, a missing field, another case, fields that are new.

use serde_json::json;
use simulators::recorder::Api;

use super::rewriting::{in_json, in_xml, swapped};
use crate::life::Act;

/// What must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The act ends with an error that has this word.
    Named(&'static str),
    /// As [`Expected::Named`] in a provision; else the act ends well, or so.
    NamedInProvision(&'static str),
    /// The act ends well, or as [`Expected::Named`].
    Safe(&'static str),
    /// The act ends as if nothing had been.
    Same,
}

/// How an answer differs.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// This value at a JSON pointer, whose `*` is every item of an array; `None` removes.
    Json(&'static str, Option<&'static str>),
    /// Upper case to lower case and the other way at a JSON pointer.
    JsonCase(&'static str),
    /// This text in each XML element of a name; `None` removes the elements.
    Xml(&'static str, Option<&'static str>),
    /// The text of each XML element of a name, made by this.
    XmlCase(&'static str, fn(&str) -> String),
}

/// An edit of the answers to an operation.
#[derive(Debug, Clone, Copy)]
pub struct Edit {
    pub api: Api,
    pub operation: &'static str,
    /// Of the trial's name.
    pub word: &'static str,
    pub change: Change,
    pub expected: Expected,
}

const fn edit(api: Api, operation: &'static str, word: &'static str, change: Change, expected: Expected) -> Edit {
    Edit {
        api,
        operation,
        word,
        change,
        expected,
    }
}

use Api::{Aiven, Ec2, Hcp, Route53};
use Change::{Json, JsonCase, Xml, XmlCase};
use Expected::{Named, NamedInProvision, Safe, Same};

const PL: &str = "ServicePrivatelinkAWSGet";
const CONNECTIONS: &str = "ServicePrivatelinkAWSConnectionList";
const LINKS: &str = "ListPrivateLinkService";
const ENDPOINTS: &str = "DescribeVpcEndpoints";

/// All of them. A field that an act does not use at some look may be anything there: [`Expected::Safe`].
pub const EDITS: [Edit; 43] = [
    edit(
        Aiven,
        PL,
        "state-unknown",
        Json("/state", Some("\"hibernating\"")),
        Named("hibernating"),
    ),
    edit(Aiven, PL, "state-empty", Json("/state", Some("\"\"")), Named("\"\"")),
    edit(
        Aiven,
        PL,
        "state-case",
        JsonCase("/state"),
        Named("a state that no contract knows"),
    ),
    edit(
        Aiven,
        PL,
        "state-missing",
        Json("/state", None),
        Named("\"state\" is missing"),
    ),
    edit(
        Aiven,
        PL,
        "state-number",
        Json("/state", Some("3")),
        Named("\"state\" is not a string"),
    ),
    edit(
        Aiven,
        PL,
        "principals-missing",
        Json("/principals", None),
        Named("\"principals\" is missing"),
    ),
    edit(
        Aiven,
        PL,
        "principals-null",
        Json("/principals", Some("null")),
        Named("\"principals\" is not"),
    ),
    edit(
        Aiven,
        PL,
        "principal-object",
        Json("/principals/*", Some("{\"arn\": \"x\"}")),
        Named("principals["),
    ),
    edit(
        Aiven,
        PL,
        "name-missing",
        Json("/aws_service_name", None),
        Safe("endpoint service"),
    ),
    edit(
        Aiven,
        "ServiceGet",
        "state-unknown",
        Json("/service/state", Some("\"HIBERNATING\"")),
        Safe("HIBERNATING"),
    ),
    edit(
        Aiven,
        "ServiceGet",
        "state-case",
        JsonCase("/service/state"),
        Safe("a state that no contract knows"),
    ),
    edit(
        Aiven,
        "ServiceGet",
        "service-missing",
        Json("/service", None),
        Named("\"service\" is missing"),
    ),
    edit(
        Aiven,
        "ServiceGet",
        "state-missing",
        Json("/service/state", None),
        Named("\"service.state\" is missing"),
    ),
    edit(
        Aiven,
        "ServiceGet",
        "cloud-missing",
        Json("/service/cloud_name", None),
        Named("\"service.cloud_name\" is missing"),
    ),
    edit(
        Aiven,
        "ServiceGet",
        "port-missing",
        Json("/service/components/*/port", None),
        Named("port\" is missing"),
    ),
    edit(
        Aiven,
        "ServiceGet",
        "port-huge",
        Json("/service/components/*/port", Some("70000")),
        Named("port\" is not"),
    ),
    edit(
        Aiven,
        "ServiceGet",
        "route-new",
        Json("/service/components/*/route", Some("\"carrier\"")),
        Safe("components"),
    ),
    edit(
        Aiven,
        "ServiceGet",
        "usage-new",
        Json("/service/components/*/usage", Some("\"spare\"")),
        Same,
    ),
    edit(
        Aiven,
        CONNECTIONS,
        "state-unknown",
        Json("/connections/*/state", Some("\"pondering\"")),
        Safe("pondering"),
    ),
    edit(
        Aiven,
        CONNECTIONS,
        "state-case",
        JsonCase("/connections/*/state"),
        Safe("no contract"),
    ),
    edit(
        Aiven,
        CONNECTIONS,
        "missing",
        Json("/connections", None),
        Named("\"connections\" is missing"),
    ),
    edit(
        Aiven,
        CONNECTIONS,
        "endpoint-missing",
        Json("/connections/*/vpc_endpoint_id", None),
        Named("vpc_endpoint_id\" is missing"),
    ),
    edit(
        Hcp,
        LINKS,
        "state-unknown",
        Json("/private_link_services/*/state", Some("\"PAUSED\"")),
        Named("PAUSED"),
    ),
    edit(
        Hcp,
        LINKS,
        "state-case",
        JsonCase("/private_link_services/*/state"),
        Named("which this workflow does not know"),
    ),
    edit(
        Hcp,
        LINKS,
        "state-missing",
        Json("/private_link_services/*/state", None),
        Named("state \"\""),
    ),
    edit(
        Hcp,
        LINKS,
        "id-missing",
        Json("/private_link_services/*/id", None),
        Named("id\" is missing"),
    ),
    edit(
        Hcp,
        LINKS,
        "accounts-text",
        Json("/private_link_services/*/consumer_accounts", Some("\"all\"")),
        Named("consumer_accounts\" is not"),
    ),
    edit(
        Hcp,
        "GetNetwork",
        "state-unknown",
        Json("/network/state", Some("\"DREAMING\"")),
        Safe("DREAMING"),
    ),
    edit(
        Hcp,
        "GetNetwork",
        "network-missing",
        Json("/network", None),
        Named("\"network\" is missing"),
    ),
    edit(
        Hcp,
        "GetNetwork",
        "state-missing",
        Json("/network/state", None),
        Named("\"network.state\" is missing"),
    ),
    edit(
        Hcp,
        "GetCluster",
        "state-unknown",
        Json("/cluster/state", Some("\"DREAMING\"")),
        Named("DREAMING"),
    ),
    edit(
        Hcp,
        "GetCluster",
        "state-missing",
        Json("/cluster/state", None),
        Named("\"cluster.state\" is missing"),
    ),
    edit(
        Hcp,
        "ListOperations",
        "state-unknown",
        Json("/operations/*/state", Some("\"HALTED\"")),
        Safe("HALTED"),
    ),
    edit(
        Hcp,
        "ListOperations",
        "id-missing",
        Json("/operations/*/id", None),
        Named("id\" is missing"),
    ),
    edit(
        Hcp,
        "Token",
        "token-missing",
        Json("/access_token", None),
        Named("\"access_token\" is missing"),
    ),
    edit(
        Hcp,
        "Token",
        "lifetime-endless",
        Json("/expires_in", Some("18446744073709551615")),
        Same,
    ),
    edit(
        Ec2,
        ENDPOINTS,
        "state-unknown",
        Xml("state", Some("hibernating")),
        NamedInProvision("hibernating"),
    ),
    edit(
        Ec2,
        ENDPOINTS,
        "state-missing",
        Xml("state", None),
        Named("without a state"),
    ),
    edit(
        Ec2,
        ENDPOINTS,
        "id-missing",
        Xml("vpcEndpointId", None),
        Named("without an id"),
    ),
    edit(Ec2, ENDPOINTS, "state-pascal-case", XmlCase("state", pascal), Same),
    edit(Ec2, ENDPOINTS, "state-upper-case", XmlCase("state", upper), Same),
    edit(
        Ec2,
        "CreateVpcEndpoint",
        "state-unknown",
        Xml("state", Some("hibernating")),
        Safe("hibernating"),
    ),
    edit(
        Route53,
        "ChangeResourceRecordSets",
        "status-unknown",
        Xml("Status", Some("PONDERING")),
        Same,
    ),
];

fn pascal(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

fn upper(text: &str) -> String {
    text.to_ascii_uppercase()
}

impl Expected {
    /// What is not right about how an act ended: `error` is its line, none where it succeeded.
    pub(super) fn findings(self, act: Act, error: Option<&str>) -> Vec<String> {
        let (word, may_succeed) = match self {
            Self::Named(word) => (word, false),
            Self::NamedInProvision(word) => (word, act != Act::Provision),
            Self::Safe(word) => (word, true),
            Self::Same => {
                return error
                    .map(|error| format!("it was to end well: {error}"))
                    .into_iter()
                    .collect();
            }
        };
        // A deprovision that fails needs attention, whatever stopped it, and says why.
        let named = |error: &str| {
            error.contains(" Unexpected: ") || (act == Act::Deprovision && error.contains(" NeedsAttention: "))
        };
        match error {
            // A removal goes on by a later look, and is judged by what is left.
            None if may_succeed || act == Act::Deprovision => Vec::new(),
            None => vec![format!("it succeeded, and was to fail with {word:?}")],
            Some(error) if named(error) && error.contains(word) => Vec::new(),
            Some(error) => vec![format!("it was to end as Unexpected with {word:?}: {error}")],
        }
    }
}

impl Change {
    /// The answer with the change.
    pub fn of(self, body: &str) -> String {
        match self {
            Self::Json(pointer, value) => {
                in_json(body, pointer, &mut |_| value.and_then(|v| serde_json::from_str(v).ok()))
            }
            Self::JsonCase(pointer) => in_json(body, pointer, &mut |old| Some(json!(swapped(old?.as_str()?)))),
            Self::Xml(name, value) => in_xml(body, name, &|_| value.map(str::to_owned)),
            Self::XmlCase(name, make) => in_xml(body, name, &|old| Some(make(old))),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use serde_json::Value;

    use super::*;

    #[test]
    fn an_edit_changes_what_it_names_and_nothing_else() {
        let body = r#"{"links":[{"id":"a","state":"UP"},{"id":"b"}]}"#;
        let of = |change: Change| serde_json::from_str::<Value>(&change.of(body)).unwrap();
        assert_eq!(
            of(Json("/links/*/state", None)),
            json!({"links": [{"id": "a"}, {"id": "b"}]})
        );
        assert_eq!(of(JsonCase("/links/*/state"))["links"][0]["state"], "up");
        assert_eq!(
            of(Json("/none", Some("1"))),
            serde_json::from_str::<Value>(body).unwrap()
        );
        let xml = "<a><state>pending</state><b><state>x</state></b></a>";
        assert_eq!(Xml("state", None).of(xml), "<a><b></b></a>");
        assert_eq!(
            XmlCase("state", pascal).of(xml),
            "<a><state>Pending</state><b><state>X</state></b></a>"
        );
    }
}
