//! The roles: nothing on everything without a reason, no secret outside the prefix, no write without a bound.

use std::collections::BTreeSet;

use serde_json::json;

use crate::accounts::{ASSUMES, CONSUMER_ROLES};
use crate::calls::is_of_consumer;
use crate::stack::{Stack, Statement};

/// Actions that may name no resource, each with the reason.
const ON_EVERYTHING: [(&str, &str); 28] = [
    (
        "cloudwatch:PutMetricData",
        "takes no resource; bound to our namespace by a condition",
    ),
    (
        "organizations:ListAccountsForParent",
        "roots and units belong to the management account; only with OrganizationsAccess",
    ),
    (
        "organizations:ListOrganizationalUnitsForParent",
        "roots and units belong to the management account; only with OrganizationsAccess",
    ),
    (
        "organizations:ListRoots",
        "takes no resource; only with OrganizationsAccess",
    ),
    ("ec2:DescribeRegions", "EC2's Describe calls take no resource"),
    ("ec2:DescribeRouteTables", "EC2's Describe calls take no resource"),
    ("ec2:DescribeSecurityGroups", "EC2's Describe calls take no resource"),
    ("ec2:DescribeSubnets", "EC2's Describe calls take no resource"),
    (
        "ec2:DescribeVpcAttribute",
        "EC2's Describe calls take no resource but for this one's VPC, which the request names",
    ),
    (
        "ec2:DescribeVpcEndpointServices",
        "EC2's Describe calls take no resource",
    ),
    ("ec2:DescribeVpcEndpoints", "EC2's Describe calls take no resource"),
    ("ec2:DescribeVpcs", "EC2's Describe calls take no resource"),
    (
        "route53:CreateHostedZone",
        "takes no resource; bound to private zones by a condition",
    ),
    ("route53:ListHostedZones", "takes no resource"),
    ("route53:ListHostedZonesByVPC", "takes no resource"),
    ("states:SendTaskSuccess", "takes no resource: the token says which task"),
    ("xray:GetSamplingRules", "X-Ray takes no resource"),
    ("xray:GetSamplingTargets", "X-Ray takes no resource"),
    ("xray:PutTelemetryRecords", "X-Ray takes no resource"),
    ("xray:PutTraceSegments", "X-Ray takes no resource"),
    ("logs:CreateLogDelivery", "log delivery takes no resource"),
    ("logs:DeleteLogDelivery", "log delivery takes no resource"),
    ("logs:DescribeLogGroups", "log delivery looks at all groups"),
    ("logs:DescribeResourcePolicies", "log delivery takes no resource"),
    ("logs:GetLogDelivery", "log delivery takes no resource"),
    ("logs:ListLogDeliveries", "log delivery takes no resource"),
    ("logs:PutResourcePolicy", "log delivery takes no resource"),
    ("logs:UpdateLogDelivery", "log delivery takes no resource"),
];

/// Writes to EC2 or Route 53 without a condition, each with the reason.
const UNBOUND_WRITES: [(&str, &str); 10] = [
    (
        "EnsureEndpointRole.CreateEndpointInNetwork",
        "the request names the network; the endpoint itself is bound by the statement before",
    ),
    (
        "EnsureEndpointRole.CreateSecurityGroupInVpc",
        "the request names the VPC; the group itself is bound by the statement before",
    ),
    (
        "EnsureEndpointRole.ChangeEndpointInNetwork",
        "the request names the network; the endpoint itself is bound by the statement before",
    ),
    (
        "EnsureEndpointRole.ReachServiceInOtherRegion",
        "only opens what the other statements about endpoints allow",
    ),
    (
        "RetireRole.ManageEndpointOfOtherRegion",
        "only opens what ec2:DeleteVpcEndpoints allows",
    ),
    (
        "DeprovisionRole.ManageEndpointOfOtherRegion",
        "only opens what ec2:DeleteVpcEndpoints allows",
    ),
    (
        "UndoRole.ManageEndpointOfOtherRegion",
        "only opens what ec2:DeleteVpcEndpoints allows",
    ),
    (
        "RetireRole.OwnZones",
        "Route 53 has no condition on a zone's name or tags, and deletes no zone that has records",
    ),
    (
        "DeprovisionRole.OwnZones",
        "Route 53 has no condition on a zone's name or tags, and deletes no zone that has records",
    ),
    (
        "UndoRole.OwnZones",
        "Route 53 has no condition on a zone's name or tags, and deletes no zone that has records",
    ),
];

/// The steps that talk to a vendor, and the watch.
const READS_SECRETS: [&str; 6] = [
    "DeprovisionRole",
    "EnsureAccessRole",
    "EnsureServiceRole",
    "PreflightRole",
    "UndoRole",
    "WatchRole",
];

#[test]
fn no_action_on_everything_without_a_reason() {
    let stack = Stack::load();
    let mut used = BTreeSet::new();
    for statement in stack.statements() {
        for action in &statement.actions {
            assert!(!action.contains('*'), "{} allows {action}", statement.name);
        }
        if statement.resources.iter().any(|resource| *resource == "*") {
            used.extend(statement.actions.iter().map(|action| (*action).to_owned()));
        }
    }
    let reasoned: BTreeSet<String> = ON_EVERYTHING.iter().map(|(action, _)| (*action).to_owned()).collect();
    assert_eq!(used, reasoned);
}

#[test]
fn resources_name_their_account_where_arns_have_one() {
    let stack = Stack::load();
    for statement in stack.statements() {
        for resource in &statement.resources {
            let Some(arn) = resource["Fn::Sub"].as_str() else {
                continue;
            };
            // Roles in other accounts are the one thing that is elsewhere, see accounts.rs.
            let elsewhere = arn == CONSUMER_ROLES && statement.actions.iter().all(|action| ASSUMES.contains(action));
            // Buckets have no account in their ARN; each is the stack's own or one of its parameters.
            let named = [
                ":${AWS::AccountId}:",
                ":route53:::",
                "${ReportsBucket.Arn}/",
                ":s3:::${FleetListsBucket}/",
            ]
            .iter()
            .any(|part| arn.contains(part));
            assert!(named || elsewhere, "{}: {arn} is anybody's", statement.name);
        }
    }
}

#[test]
fn secrets_are_read_below_the_prefix_by_the_steps_that_talk_to_a_vendor() {
    let stack = Stack::load();
    let below = json!({
        "Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${SecretNamePrefix}*"
    });
    let mut reading = BTreeSet::new();
    for statement in of_service(&stack, "secretsmanager:") {
        assert_eq!(
            statement.actions,
            ["secretsmanager:GetSecretValue"],
            "{}",
            statement.name
        );
        assert_eq!(statement.resources, [&below], "{}", statement.name);
        reading.insert(statement.name.split('.').next().unwrap().to_owned());
    }
    assert_eq!(reading, READS_SECRETS.map(str::to_owned).into());

    let mut decrypting = BTreeSet::new();
    for statement in of_service(&stack, "kms:") {
        assert_eq!(statement.actions, ["kms:Decrypt"], "{}", statement.name);
        assert_eq!(
            statement.resources,
            [&json!({"Ref": "SecretsKmsKeyArn"})],
            "{}",
            statement.name
        );
        let via = statement
            .condition
            .unwrap()
            .pointer("/StringEquals/kms:ViaService")
            .unwrap();
        assert_eq!(via, &json!({"Fn::Sub": "secretsmanager.${AWS::Region}.amazonaws.com"}));
        decrypting.insert(statement.name.split('.').next().unwrap().to_owned());
    }
    assert_eq!(decrypting, reading);
}

#[test]
fn writes_are_bound_by_a_condition_or_have_a_reason() {
    let stack = Stack::load();
    let mut unbound = BTreeSet::new();
    for statement in stack.statements().into_iter().filter(writes) {
        if statement.condition.is_none() {
            unbound.insert(statement.name);
        }
    }
    let reasoned: BTreeSet<String> = UNBOUND_WRITES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(unbound, reasoned);
}

fn of_service<'a>(stack: &'a Stack, prefix: &str) -> Vec<Statement<'a>> {
    let mut statements = stack.statements();
    statements.retain(|statement| statement.actions.iter().any(|action| action.starts_with(prefix)));
    statements
}

/// Something of EC2 or Route 53.
pub(crate) fn writes(statement: &Statement<'_>) -> bool {
    statement.actions.iter().any(|action| {
        let (_, verb) = action.split_once(':').unwrap();
        is_of_consumer(action) && !["Describe", "Get", "List"].iter().any(|read| verb.starts_with(read))
    })
}

/// The steps that write at a vendor, and the key that all runs of one service share.
const TAKES_TURNS: [&str; 4] = ["DeprovisionRole", "EnsureAccessRole", "EnsureServiceRole", "UndoRole"];

#[test]
fn the_register_is_written_below_the_keys_of_what_is_written() {
    let stack = Stack::load();
    let below = |keys: &str| json!({"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [keys]}});
    let mut taking_turns = BTreeSet::new();
    for statement in of_service(&stack, "dynamodb:") {
        assert_eq!(
            statement.resources,
            [&json!({"Fn::GetAtt": ["RegisterTable", "Arn"]})],
            "{}",
            statement.name
        );
        let (role, sid) = statement.name.split_once('.').unwrap();
        let (actions, condition) = match sid {
            "ListRegister" => (&["dynamodb:Scan"][..], None),
            "ReadRegister" => (&["dynamodb:GetItem"][..], Some(below("connection/*"))),
            "TakeTurns" => {
                taking_turns.insert(role.to_owned());
                (&["dynamodb:DeleteItem", "dynamodb:PutItem"][..], Some(below("lease/*")))
            }
            _ => (
                &["dynamodb:GetItem", "dynamodb:PutItem"][..],
                Some(below("connection/*")),
            ),
        };
        assert_eq!(statement.actions, actions, "{}", statement.name);
        assert_eq!(statement.condition, condition.as_ref(), "{}", statement.name);
    }
    assert_eq!(taking_turns, TAKES_TURNS.map(str::to_owned).into());
}
