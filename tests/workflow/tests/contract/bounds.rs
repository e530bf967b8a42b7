//! What the writes to EC2 and Route 53 are bound by: the tag that the code sets, and resources and keys that the action knows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::identity::{TAG_CONNECTION, TAG_PREFIX};

use crate::rights::writes;
use crate::stack::{Stack, Statement, items};

/// Writes of EC2, the kinds of resource of each that our calls name, and the condition keys that EC2 knows for them ("Actions,
/// resources, and condition keys for Amazon EC2" and "for AWS PrivateLink", November 2025). A key that an action does not know is
/// never there, so that a condition on it refuses everything, or nothing.
pub(crate) const WRITES: [(&str, &[&str], &[&str]); 11] = [
    (
        "ec2:AuthorizeSecurityGroupIngress",
        &["security-group"],
        &["aws:ResourceTag"],
    ),
    (
        "ec2:CreateSecurityGroup",
        &["security-group", "vpc"],
        &["aws:RequestTag"],
    ),
    (
        "ec2:CreateTags",
        &["security-group", "vpc-endpoint"],
        &["aws:RequestTag", "aws:ResourceTag", "aws:TagKeys", "ec2:CreateAction"],
    ),
    (
        "ec2:CreateVpcEndpoint",
        &["security-group", "subnet", "vpc", "vpc-endpoint"],
        &["aws:RequestTag", "aws:TagKeys", "ec2:VpceServiceName"],
    ),
    ("ec2:DeleteSecurityGroup", &["security-group"], &["aws:ResourceTag"]),
    (
        "ec2:DeleteTags",
        &["security-group", "vpc-endpoint"],
        &["aws:RequestTag", "aws:ResourceTag", "aws:TagKeys"],
    ),
    ("ec2:DeleteVpcEndpoints", &["vpc-endpoint"], &["aws:ResourceTag"]),
    (
        "ec2:ModifyVpcEndpoint",
        &["security-group", "subnet", "vpc-endpoint"],
        &["aws:ResourceTag"],
    ),
    (
        "ec2:RevokeSecurityGroupIngress",
        &["security-group"],
        &["aws:ResourceTag"],
    ),
    ("vpce:AllowMultiRegion", &["vpc-endpoint"], &[]),
    ("route53:CreateHostedZone", &[], &["route53:VPCs"]),
];

/// What is taken away or changed must be ours.
const CHANGES: [&str; 5] = [
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:DeleteSecurityGroup",
    "ec2:DeleteVpcEndpoints",
    "ec2:ModifyVpcEndpoint",
    "ec2:RevokeSecurityGroupIngress",
];

/// Roles that change records, and how.
const CHANGES_RECORDS: [(&str, &[&str]); 4] = [
    ("DeprovisionRole", &["DELETE"]),
    ("EnsureAccessRole", &["UPSERT"]),
    ("RetireRole", &["DELETE"]),
    ("UndoRole", &["DELETE", "UPSERT"]),
];

fn is_ours() -> Value {
    json!({"StringLike": {format!("aws:ResourceTag/{TAG_CONNECTION}"): "plw-*"}})
}

/// Statements by the EC2 resources of one kind that one action may touch.
fn allowing<'a>(statements: &'a [Statement<'a>], action: &str, kind: &str) -> Vec<&'a Statement<'a>> {
    let found = statements
        .iter()
        .filter(|s| s.actions.contains(&action) && kinds(s).contains(kind));
    found.collect()
}

/// `vpc-endpoint` of `arn:…:vpc-endpoint/*`.
fn kinds<'a>(statement: &Statement<'a>) -> BTreeSet<&'a str> {
    let arns = statement.resources.iter().filter_map(|r| r["Fn::Sub"].as_str());
    arns.filter_map(|arn| arn.rsplit(':').next()?.split('/').next())
        .collect()
}

#[test]
fn what_is_changed_or_deleted_is_ours() {
    let stack = Stack::load();
    let statements = stack.statements();
    for action in CHANGES {
        for kind in ["security-group", "vpc-endpoint"] {
            for statement in allowing(&statements, action, kind) {
                // Which groups an endpoint has is the request's affair; they themselves are not changed by that.
                let of_network = action == "ec2:ModifyVpcEndpoint" && kind == "security-group";
                if !of_network {
                    assert_eq!(statement.condition, Some(&is_ours()), "{}: {action}", statement.name);
                }
            }
        }
    }
}

#[test]
fn what_is_created_gets_our_tag() {
    let stack = Stack::load();
    let statements = stack.statements();
    let tag = format!("aws:RequestTag/{TAG_CONNECTION}");
    let only = |action: &str, kind: &str| {
        let found = allowing(&statements, action, kind);
        assert_eq!(found.len(), 1, "{action}");
        found[0].condition.cloned()
    };
    assert_eq!(
        only("ec2:CreateVpcEndpoint", "vpc-endpoint"),
        Some(json!({"StringLike": {&tag: "plw-*", "ec2:VpceServiceName": "com.amazonaws.vpce.*"}}))
    );
    assert_eq!(
        only("ec2:CreateSecurityGroup", "security-group"),
        Some(json!({"StringLike": {&tag: "plw-*"}}))
    );
}

/// Our tag decides what the other statements allow, so that nobody gets it but by these three ways.
#[test]
fn our_tag_is_given_at_creation_by_adoption_or_as_it_was() {
    let stack = Stack::load();
    let statements = stack.statements();
    let (in_request, on_resource) = (
        format!("aws:RequestTag/{TAG_CONNECTION}"),
        format!("aws:ResourceTag/{TAG_CONNECTION}"),
    );
    let tagging: BTreeMap<&str, (Value, BTreeSet<&str>)> = statements
        .iter()
        .filter(|s| s.actions.contains(&"ec2:CreateTags"))
        .map(|s| {
            assert_eq!(s.actions, ["ec2:CreateTags"], "{}", s.name);
            (s.name.as_str(), (s.condition.cloned().unwrap(), kinds(s)))
        })
        .collect();
    let both = BTreeSet::from(["security-group", "vpc-endpoint"]);
    let expected = BTreeMap::from([
        (
            "EnsureEndpointRole.TagAtCreation",
            (
                json!({"StringEquals": {"ec2:CreateAction": ["CreateSecurityGroup", "CreateVpcEndpoint"]}}),
                both.clone(),
            ),
        ),
        (
            "EnsureEndpointRole.AdoptEndpoint",
            (
                json!({"StringLike": {&in_request: "plw-*"}, "Null": {&on_resource: "true"}}),
                BTreeSet::from(["vpc-endpoint"]),
            ),
        ),
        (
            "EnsureEndpointRole.TagOwn",
            (
                json!({
                    "StringLike": {&on_resource: "plw-*"},
                    "StringEqualsIfExists": {&in_request: format!("${{{on_resource}}}")}
                }),
                both,
            ),
        ),
    ]);
    assert_eq!(tagging, expected);
}

#[test]
fn our_tags_are_never_taken_off() {
    let stack = Stack::load();
    let statements = stack.statements();
    let untagging: Vec<_> = statements
        .iter()
        .filter(|s| s.actions.contains(&"ec2:DeleteTags"))
        .collect();
    assert_eq!(untagging.len(), 1);
    assert_eq!(untagging[0].actions, ["ec2:DeleteTags"]);
    let mut expected = is_ours();
    // Without keys EC2 deletes every tag, and "for all" of none is true.
    expected["Null"] = json!({"aws:TagKeys": "false"});
    expected["ForAllValues:StringNotLike"] = json!({"aws:TagKeys": format!("{TAG_PREFIX}*")});
    assert_eq!(untagging[0].condition, Some(&expected));
}

#[test]
fn records_change_only_below_the_vendors_domains() {
    let stack = Stack::load();
    let statements = stack.statements();
    let mut found = BTreeMap::new();
    for statement in statements
        .iter()
        .filter(|s| s.actions.contains(&"route53:ChangeResourceRecordSets"))
    {
        assert_eq!(statement.actions.len(), 1, "{}", statement.name);
        let role = statement.name.split('.').next().unwrap();
        assert_eq!(found.insert(role, statement.condition.cloned()), None, "{role}");
    }
    let expected = CHANGES_RECORDS.iter().map(|(role, actions)| {
        let condition = json!({
            "ForAllValues:StringEquals": {
                "route53:ChangeResourceRecordSetsRecordTypes": ["A"],
                "route53:ChangeResourceRecordSetsActions": actions
            },
            "ForAllValues:StringLike": {
                "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["*.hashicorp.cloud", "*.hashicorp.com"]
            }
        });
        (*role, Some(condition))
    });
    assert_eq!(found, expected.collect());
}

#[test]
fn a_zone_that_is_made_is_private() {
    let stack = Stack::load();
    let statements = stack.statements();
    let creating: Vec<_> = statements
        .iter()
        .filter(|s| s.actions.contains(&"route53:CreateHostedZone"))
        .collect();
    assert_eq!(creating.len(), 1);
    assert_eq!(creating[0].condition, Some(&json!({"Null": {"route53:VPCs": "false"}})));
}

/// A kind that is missing would refuse a real call; one that no action takes is a mistake.
#[test]
fn writes_name_the_kinds_of_resource_that_their_calls_do() {
    let stack = Stack::load();
    let statements = stack.statements();
    let known: BTreeMap<&str, BTreeSet<&str>> = WRITES
        .iter()
        .map(|(action, kinds, _)| (*action, kinds.iter().copied().collect()))
        .collect();
    let mut granted: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for statement in statements.iter().filter(|s| writes(s)) {
        let role = statement.name.split('.').next().unwrap();
        let kinds = kinds(statement);
        let mut taken = BTreeSet::new();
        for action in &statement.actions {
            if let Some(of_action) = known.get(action) {
                taken.extend(of_action.intersection(&kinds).copied());
                granted
                    .entry((role, action))
                    .or_default()
                    .extend(of_action.intersection(&kinds));
            } else {
                assert!(
                    action.starts_with("route53:"),
                    "{}: {action} has no row in WRITES",
                    statement.name
                );
                taken.insert("hostedzone");
            }
        }
        assert_eq!(kinds, taken, "{}", statement.name);
    }
    for ((role, action), kinds) in granted {
        assert_eq!(kinds, known[action], "{role}: {action}");
    }
}

#[test]
fn conditions_use_keys_that_their_actions_know() {
    let stack = Stack::load();
    for statement in stack.statements() {
        let keys: BTreeSet<String> = statement
            .condition
            .into_iter()
            .flat_map(|condition| condition.as_object().unwrap().values())
            .flat_map(|of_operator| of_operator.as_object().unwrap().keys())
            .map(|key| key.split('/').next().unwrap().to_owned())
            .collect();
        for (action, _, known) in WRITES.iter().filter(|(action, ..)| statement.actions.contains(action)) {
            for key in &keys {
                assert!(
                    known.contains(&key.as_str()),
                    "{}: {action} does not know {key}",
                    statement.name
                );
            }
        }
    }
}

/// `Null` takes the words true and false, which YAML would make booleans of.
#[test]
fn null_is_asked_for_in_words() {
    let stack = Stack::load();
    for statement in stack.statements() {
        let Some(null) = statement.condition.and_then(|condition| condition.get("Null")) else {
            continue;
        };
        for word in null.as_object().unwrap().values().flat_map(items) {
            assert!(word == "true" || word == "false", "{}: {word}", statement.name);
        }
    }
}
