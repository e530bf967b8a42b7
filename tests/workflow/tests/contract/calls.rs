//! The calls of AWS that a step's code can make, and the rights of its role: the same, in both directions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::stack::{FUNCTION, Stack, attribute, root};

/// What a step calls, and what AWS asks for besides.
struct Step {
    role: &'static str,
    /// By the code, directly.
    calls: &'static [&'static str],
    /// Actions that AWS checks in the caller's name for one of the calls ("dependent actions" in the service authorization
    /// reference), each with that call.
    besides: &'static [(&'static str, &'static str)],
}

const MULTI_REGION: &str = "vpce:AllowMultiRegion";
/// Seen in practice, in no reference: without it Route 53 refuses the VPC of a new private zone.
const REGIONS_OF_A_ZONE: (&str, &str) = ("ec2:DescribeRegions", "route53:CreateHostedZone");

const STEPS: [Step; 14] = [
    Step {
        role: "SweepFunctionRole",
        calls: &[
            "dynamodb:Scan",
            "organizations:ListAccountsForParent",
            "organizations:ListOrganizationalUnitsForParent",
            "organizations:ListRoots",
            "ssm:GetParametersByPath",
        ],
        besides: &[],
    },
    Step {
        role: "StartRole",
        calls: &["ssm:GetParametersByPath", "states:StartExecution"],
        // Lambda keeps an event of which the call failed.
        besides: &[("sqs:SendMessage", "states:StartExecution")],
    },
    Step {
        role: "ValidateRole",
        // Only of a reference.
        calls: &["dynamodb:GetItem", "ssm:GetParameter"],
        besides: &[],
    },
    Step {
        role: "PreflightRole",
        calls: &[
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcAttribute",
            "ec2:DescribeVpcEndpointServices",
            "ec2:DescribeVpcEndpoints",
            "ec2:DescribeVpcs",
            "route53:GetHostedZone",
            // Of the connection in the VPC that goes, and of a deprovision that is planned.
            "route53:ListHostedZones",
            "route53:ListHostedZonesByVPC",
            "route53:ListResourceRecordSets",
        ],
        besides: &[],
    },
    Step {
        role: "EnsureServiceRole",
        calls: &["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"],
        besides: &[],
    },
    Step {
        role: "EnsureEndpointRole",
        calls: &[
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:CreateSecurityGroup",
            "ec2:CreateTags",
            "ec2:CreateVpcEndpoint",
            "ec2:DeleteSecurityGroup",
            "ec2:DeleteTags",
            "ec2:DeleteVpcEndpoints",
            "ec2:DescribeRouteTables",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcEndpointServices",
            "ec2:DescribeVpcEndpoints",
            "ec2:ModifyVpcEndpoint",
            "ec2:RevokeSecurityGroupIngress",
        ],
        besides: &[
            ("ec2:DescribeVpcs", "ec2:CreateVpcEndpoint"),
            (MULTI_REGION, "ec2:CreateVpcEndpoint"),
        ],
    },
    Step {
        role: "EnsureAcceptedRole",
        calls: &["dynamodb:GetItem", "dynamodb:PutItem", "ec2:DescribeVpcEndpoints"],
        besides: &[],
    },
    Step {
        role: "EnsureAccessRole",
        calls: &[
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "ec2:AuthorizeSecurityGroupIngress",
            "ec2:DescribeSecurityGroups",
            "route53:ChangeResourceRecordSets",
            "route53:CreateHostedZone",
            "route53:GetHostedZone",
            "route53:ListHostedZonesByVPC",
            "route53:ListResourceRecordSets",
        ],
        besides: &[("ec2:DescribeVpcs", "route53:CreateHostedZone"), REGIONS_OF_A_ZONE],
    },
    Step {
        role: "WatchRole",
        calls: &["ec2:DescribeVpcEndpoints", "sqs:SendMessage", "states:SendTaskSuccess"],
        // Lambda takes them from the queue and off it.
        besides: &[
            ("sqs:DeleteMessage", "sqs:SendMessage"),
            ("sqs:GetQueueAttributes", "sqs:SendMessage"),
            ("sqs:ReceiveMessage", "sqs:SendMessage"),
        ],
    },
    Step {
        role: "PublishRole",
        calls: &["dynamodb:GetItem", "dynamodb:PutItem"],
        besides: &[],
    },
    Step {
        role: "RetireRole",
        calls: &[
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "ec2:DeleteSecurityGroup",
            "ec2:DeleteVpcEndpoints",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeVpcEndpoints",
            "route53:ChangeResourceRecordSets",
            "route53:DeleteHostedZone",
            "route53:ListHostedZones",
            "route53:ListResourceRecordSets",
        ],
        besides: &[(MULTI_REGION, "ec2:DeleteVpcEndpoints")],
    },
    Step {
        role: "DeprovisionRole",
        calls: &[
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "ec2:DeleteSecurityGroup",
            "ec2:DeleteVpcEndpoints",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeVpcEndpoints",
            // Ranges of VPCs whose endpoints use the same service.
            "ec2:DescribeVpcs",
            "route53:ChangeResourceRecordSets",
            "route53:DeleteHostedZone",
            "route53:ListHostedZones",
            "route53:ListResourceRecordSets",
        ],
        besides: &[(MULTI_REGION, "ec2:DeleteVpcEndpoints")],
    },
    Step {
        role: "UndoRole",
        calls: &[
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "ec2:DeleteSecurityGroup",
            "ec2:DeleteVpcEndpoints",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeVpcEndpoints",
            "route53:ChangeResourceRecordSets",
            "route53:DeleteHostedZone",
            "route53:GetHostedZone",
            "route53:ListHostedZonesByVPC",
            "route53:ListResourceRecordSets",
        ],
        besides: &[
            ("ec2:DescribeVpcs", "route53:ListHostedZonesByVPC"),
            (MULTI_REGION, "ec2:DeleteVpcEndpoints"),
        ],
    },
    Step {
        role: "RegisterRole",
        calls: &[
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Scan",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeVpcEndpoints",
            "ec2:DescribeVpcs",
        ],
        besides: &[],
    },
];

#[test]
fn a_role_may_just_what_its_step_calls() {
    let stack = Stack::load();
    let mut granted: BTreeMap<&str, BTreeSet<&str>> = stack
        .resources(FUNCTION)
        .values()
        .map(|function| {
            (
                attribute(&function["Properties"]["Role"], "Arn").unwrap(),
                BTreeSet::new(),
            )
        })
        .collect();
    let statements = stack.statements();
    for statement in &statements {
        let role = statement.name.split('.').next().unwrap();
        for action in &statement.actions {
            if let (Some(actions), true) = (granted.get_mut(role), is_granted_here(action)) {
                actions.insert(action);
            }
        }
    }
    let needed: BTreeMap<&str, BTreeSet<&str>> = STEPS
        .iter()
        .map(|step| {
            let besides = step.besides.iter().map(|(action, _)| *action);
            let calls = step.calls.iter().copied().filter(|action| is_granted_here(action));
            (step.role, calls.chain(besides).collect())
        })
        .collect();
    for (role, actions) in &needed {
        assert_eq!(granted.get(role), Some(actions), "{role}");
    }
    assert_eq!(granted.len(), needed.len(), "each function has a row in STEPS");
}

#[test]
fn what_aws_asks_for_besides_belongs_to_a_call() {
    for step in &STEPS {
        for (action, call) in step.besides {
            assert!(step.calls.contains(call), "{}: {action} is for {call}", step.role);
            assert!(
                !step.calls.contains(action),
                "{}: {action} is called as it is",
                step.role
            );
        }
        // Each call that depends on another action, in whatever step, has it.
        for (call, dependent) in [
            ("ec2:CreateVpcEndpoint", "ec2:DescribeSecurityGroups"),
            ("ec2:CreateVpcEndpoint", "ec2:DescribeSubnets"),
            ("ec2:CreateVpcEndpoint", "ec2:DescribeVpcs"),
            ("ec2:CreateVpcEndpoint", "ec2:CreateTags"),
            ("ec2:CreateVpcEndpoint", MULTI_REGION),
            ("ec2:ModifyVpcEndpoint", MULTI_REGION),
            ("ec2:DeleteVpcEndpoints", MULTI_REGION),
            ("ec2:CreateSecurityGroup", "ec2:CreateTags"),
            ("route53:CreateHostedZone", "ec2:DescribeVpcs"),
            ("route53:ListHostedZonesByVPC", "ec2:DescribeVpcs"),
        ] {
            let has = step.calls.contains(&dependent) || step.besides.iter().any(|(action, _)| *action == dependent);
            assert!(
                !step.calls.contains(&call) || has,
                "{}: {call} needs {dependent}",
                step.role
            );
        }
    }
}

/// A call that is new in the code, or gone from it, has to be thought about here.
#[test]
fn the_calls_are_those_of_the_code() {
    let mut in_code = BTreeSet::new();
    collect_calls(&root().join("functions/src"), &mut in_code);
    let in_table: BTreeSet<String> = STEPS
        .iter()
        .flat_map(|step| step.calls)
        .map(|action| action.split(':').nth(1).unwrap().to_lowercase())
        .collect();
    assert_eq!(in_code, in_table);
}

/// Operations of an SDK client, like `.describe_vpcs()`: `describevpcs`.
fn collect_calls(directory: &Path, calls: &mut BTreeSet<String>) {
    const VERBS: [&str; 20] = [
        "associate_",
        "attach_",
        "authorize_",
        "change_",
        "create_",
        "delete_",
        "describe_",
        "detach_",
        "disassociate_",
        "get_",
        "list_",
        "modify_",
        "put_",
        "reject_",
        "replace_",
        "revoke_",
        "scan",
        "send_",
        "start_",
        "update_",
    ];
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_calls(&path, calls);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for rest in text.split('.').skip(1) {
            let Some((word, _)) = rest.split_once("()") else {
                continue;
            };
            let is_word = word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if is_word && VERBS.iter().any(|verb| word.starts_with(verb)) {
                calls.insert(word.replace('_', ""));
            }
        }
    }
}

/// Of a service on the consumer's side, or of what starts the workflow.
fn is_granted_here(action: &str) -> bool {
    is_of_consumer(action)
        || ["dynamodb:", "organizations:", "sqs:", "ssm:", "states:"]
            .iter()
            .any(|service| action.starts_with(service))
}

/// Of the services on the consumer's side.
pub(crate) fn is_of_consumer(action: &str) -> bool {
    ["ec2:", "route53:", "vpce:"]
        .iter()
        .any(|service| action.starts_with(service))
}
