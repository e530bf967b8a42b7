//! Other accounts: who may assume which role, and that `infra/consumer-role.yaml` gives there what the functions have at home.

use std::collections::{BTreeMap, BTreeSet};

use rehearsal::functions::Zips;
use rehearsal::package::package;
use serde_json::{Value, json};
use shared::identity::TAG_PREFIX;
use shared::settings::Settings;
use simulators::ec2::{CONSUMER_EXTERNAL_ID, CONSUMER_ROLE};
use simulators::rights::policy;

use crate::bounds::WRITES;
use crate::calls::is_of_consumer;
use crate::stack::{FUNCTION, Stack, Statement, attribute, root, statements};

pub(crate) const ASSUMES: [&str; 2] = ["sts:AssumeRole", "sts:TagSession"];
/// The role of the stack's name in whatever account.
pub(crate) const CONSUMER_ROLES: &str = "arn:${AWS::Partition}:iam::*:role/${ConsumerRoleName}";

/// Parameters of the stack, and those of the consumer's role that have to have the same value.
const SHARED_PARAMETERS: [(&str, &str); 2] = [("ConsumerRoleName", "RoleName"), ("ConsumerExternalId", "ExternalId")];

/// The one thing in which the functions' conditions differ, and the consumer's role has all of them.
const RECORD_ACTIONS: &str = "/ForAllValues:StringEquals/route53:ChangeResourceRecordSetsActions";

/// `infra/consumer-role.yaml` with CloudFormation's long forms.
fn consumer_template() -> Value {
    let path = root().join("infra/consumer-role.yaml");
    package(&path, &Zips::new(), "bucket").unwrap().template
}

/// An action on a resource under a condition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    action: String,
    resource: String,
    /// JSON, and without the kinds of changes of records.
    condition: String,
    record_actions: BTreeSet<String>,
}

/// The rights on the consumer's side, each by itself. What no action can do to a kind of resource is left out.
fn rights<'a>(statements: impl IntoIterator<Item = &'a Statement<'a>>) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for statement in statements {
        let mut condition = statement.condition.cloned().unwrap_or_default();
        let record_actions = match condition.pointer_mut(RECORD_ACTIONS).map(Value::take) {
            Some(Value::Array(actions)) => actions.iter().map(ToString::to_string).collect(),
            _ => BTreeSet::new(),
        };
        for action in statement.actions.iter().filter(|action| is_of_consumer(action)) {
            for resource in &statement.resources {
                let known = WRITES.iter().find(|(name, ..)| name == action);
                let kind = resource["Fn::Sub"]
                    .as_str()
                    .and_then(|arn| arn.rsplit(':').next()?.split('/').next());
                if let (Some((_, kinds, _)), Some(kind)) = (known, kind)
                    && !kinds.contains(&kind)
                {
                    continue;
                }
                rights.insert(Right {
                    action: (*action).to_owned(),
                    resource: resource.to_string(),
                    condition: condition.to_string(),
                    record_actions: record_actions.clone(),
                });
            }
        }
    }
    rights
}

/// Both directions: nothing is missing in the other account, and nothing is allowed there that is not allowed at home.
#[test]
fn the_role_in_another_account_may_what_the_functions_together_may() {
    let stack = Stack::load();
    let roles: BTreeSet<&str> = stack
        .resources(FUNCTION)
        .values()
        .map(|function| attribute(&function["Properties"]["Role"], "Arn").unwrap())
        .collect();
    let at_home = stack.statements();
    let of_functions = at_home
        .iter()
        .filter(|statement| roles.contains(statement.name.split('.').next().unwrap()));
    let mut at_home = rights(of_functions);
    // A right to some kinds of changes is a part of the right to more of them.
    let all = at_home.clone();
    at_home.retain(|right| {
        !all.iter().any(|wider| {
            let same = (&wider.action, &wider.resource, &wider.condition)
                == (&right.action, &right.resource, &right.condition);
            same && wider.record_actions.len() > right.record_actions.len()
                && wider.record_actions.is_superset(&right.record_actions)
        })
    });

    let template = consumer_template();
    let policies = template["Resources"]["ConsumerRole"]["Properties"]["Policies"]
        .as_array()
        .unwrap();
    assert_eq!(policies.len(), 1);
    let there = statements("ConsumerRole", &policies[0]["PolicyDocument"]);
    for statement in &there {
        for action in &statement.actions {
            assert!(is_of_consumer(action), "{}: {action}", statement.name);
        }
    }
    let there = rights(&there);
    let missing: Vec<_> = at_home.difference(&there).collect();
    let too_much: Vec<_> = there.difference(&at_home).collect();
    assert!(missing.is_empty(), "infra/consumer-role.yaml lacks {missing:#?}");
    assert!(too_much.is_empty(), "no function may {too_much:#?}");
    assert!(there.len() > 30, "only {} rights were compared", there.len());
}

#[test]
fn the_role_trusts_the_stacks_functions_with_the_external_id() {
    let template = consumer_template();
    let properties = &template["Resources"]["ConsumerRole"]["Properties"];
    let principal = json!({"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${WorkflowAccountId}:root"}});
    let by_functions = json!({
        "aws:PrincipalArn": {"Fn::Sub": "arn:${AWS::Partition}:iam::${WorkflowAccountId}:role/${WorkflowStackName}-*"}
    });
    let trust: BTreeMap<&str, (&Value, &Value)> = properties["AssumeRolePolicyDocument"]["Statement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|statement| {
            assert_eq!(statement["Effect"], "Allow");
            assert_eq!(statement["Principal"], principal);
            (
                statement["Action"].as_str().unwrap(),
                (&statement["Condition"], &statement["Sid"]),
            )
        })
        .collect();
    assert_eq!(trust.keys().copied().collect::<Vec<_>>(), ASSUMES);
    assert_eq!(
        trust["sts:AssumeRole"].0,
        &json!({"ArnLike": by_functions, "StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}})
    );
    assert_eq!(
        trust["sts:TagSession"].0,
        &json!({"ArnLike": by_functions, "ForAllValues:StringLike": {"aws:TagKeys": format!("{TAG_PREFIX}*")}})
    );
    assert_eq!(properties["RoleName"], json!({"Ref": "RoleName"}));
}

/// The trust as it is deployed for the stack `privatelink` of account 111122223333, with the external id `ours`.
fn deployed_trust(value: &Value) -> Value {
    match value {
        Value::Object(object) => match (object.get("Fn::Sub"), object.get("Ref")) {
            (Some(Value::String(text)), _) => text
                .replace("${AWS::Partition}", "aws")
                .replace("${WorkflowAccountId}", "111122223333")
                .replace("${WorkflowStackName}", "privatelink")
                .into(),
            (_, Some(Value::String(parameter))) if parameter == "ExternalId" => "ours".into(),
            _ => object
                .iter()
                .map(|(key, value)| (key.clone(), deployed_trust(value)))
                .collect(),
        },
        Value::Array(all) => all.iter().map(deployed_trust).collect(),
        other => other.clone(),
    }
}

#[test]
fn nobody_gets_in_without_the_external_id() {
    let template = consumer_template();
    let trust = deployed_trust(&template["Resources"]["ConsumerRole"]["Properties"]["AssumeRolePolicyDocument"]);
    let statements = policy::statements(&trust).unwrap();
    let allows = |action: &str, keys: &[(&str, &str)]| {
        let context = keys
            .iter()
            .map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()]));
        let context = context.collect();
        statements
            .iter()
            .any(|statement| statement.allows(action, "*", &context))
    };
    const FUNCTION: (&str, &str) = (
        "aws:PrincipalArn",
        "arn:aws:iam::111122223333:role/privatelink-PreflightRole-1A2B",
    );
    const OTHER: (&str, &str) = ("aws:PrincipalArn", "arn:aws:iam::111122223333:role/somebody");
    const FOREIGN: (&str, &str) = (
        "aws:PrincipalArn",
        "arn:aws:iam::444455556666:role/privatelink-PreflightRole-1A2B",
    );
    assert!(allows("sts:AssumeRole", &[FUNCTION, ("sts:ExternalId", "ours")]));
    for keys in [
        &[FUNCTION][..],
        &[FUNCTION, ("sts:ExternalId", "")],
        &[FUNCTION, ("sts:ExternalId", "theirs")],
        &[OTHER, ("sts:ExternalId", "ours")],
        &[FOREIGN, ("sts:ExternalId", "ours")],
        &[("sts:ExternalId", "ours")],
    ] {
        assert!(!allows("sts:AssumeRole", keys), "{keys:?}");
    }
    // A session is tagged with our keys alone.
    assert!(allows(
        "sts:TagSession",
        &[FUNCTION, ("aws:TagKeys", "privatelink-workflow:execution")]
    ));
    assert!(!allows("sts:TagSession", &[FUNCTION, ("aws:TagKeys", "team")]));
}

/// Neither stack can be deployed without an external id, and a function without the setting has the stack's default.
#[test]
fn there_is_always_an_external_id() {
    let stack = Stack::load();
    let template = consumer_template();
    for parameter in [
        stack.parameter("ConsumerExternalId"),
        &template["Parameters"]["ExternalId"],
    ] {
        let pattern = parameter["AllowedPattern"].as_str().unwrap();
        assert!(pattern.starts_with('^') && pattern.ends_with("{2,1224}$"), "{pattern}");
    }
    let settings = Settings::from_lookup(|_| None).unwrap();
    assert_eq!(settings.consumer_external_id, CONSUMER_EXTERNAL_ID);
}

#[test]
fn both_templates_take_the_same_values() {
    let stack = Stack::load();
    let template = consumer_template();
    for (ours, theirs) in SHARED_PARAMETERS {
        for key in ["Default", "AllowedPattern"] {
            assert_eq!(
                stack.parameter(ours)[key],
                template["Parameters"][theirs][key],
                "{ours}: {key}"
            );
        }
    }
    // As the accounts of the local run have it.
    assert_eq!(stack.parameter("ConsumerRoleName")["Default"], CONSUMER_ROLE);
    assert_eq!(stack.parameter("ConsumerExternalId")["Default"], CONSUMER_EXTERNAL_ID);
    for (name, parameter) in template["Parameters"].as_object().unwrap() {
        let text = parameter["Description"].as_str().unwrap();
        assert!(
            text.ends_with('.') && parameter.get("AllowedPattern").is_some(),
            "{name}"
        );
    }
}

#[test]
fn the_functions_that_reach_consumers_may_assume_just_the_consumers_roles() {
    let stack = Stack::load();
    let all = stack.statements();
    let roles = |found: &dyn Fn(&Statement<'_>) -> bool| -> BTreeSet<String> {
        let statements = all.iter().filter(|statement| found(statement));
        statements
            .map(|statement| statement.name.split('.').next().unwrap().to_owned())
            .collect()
    };
    let is_sts = |statement: &Statement<'_>| statement.actions.iter().any(|action| action.starts_with("sts:"));
    let reaching = roles(&|statement| statement.actions.iter().any(|action| is_of_consumer(action)));
    assert_eq!(roles(&is_sts), reaching);
    let by_name = json!({"Fn::Sub": CONSUMER_ROLES});
    let by_request = json!({"Ref": "ConsumerRoleArns"});
    for statement in all.iter().filter(|statement| is_sts(statement)) {
        // The register works for no run, and its sessions have no tags.
        let actions = if statement.name.starts_with("RegisterRole.") {
            &ASSUMES[..1]
        } else {
            &ASSUMES[..]
        };
        assert_eq!(statement.actions, actions, "{}", statement.name);
        let expected = match statement.name.split('.').nth(1).unwrap() {
            "AssumeConsumerRole" => &by_name,
            "AssumeNamedConsumerRoles" => &by_request,
            other => panic!("{other} is not known here"),
        };
        assert_eq!(statement.resources, [expected], "{}", statement.name);
    }
}
