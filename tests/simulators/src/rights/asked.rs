//! What a call needs: actions on resources, with the condition keys that AWS knows for them.
//!
//! Sources: the service authorization reference's pages of EC2, AWS PrivateLink, Route 53, DynamoDB, Secrets Manager, Systems Manager,
//! Organizations, Step Functions, SQS and STS, November 2026.

use axum::body::Bytes;
use http::request::Parts;
use serde_json::Value;

use super::policy::Context;
use crate::ec2::Ec2;
use crate::recorder::Api;

/// An action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) context: Context,
}

/// Where a call is made, and by whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
}

impl Place<'_> {
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }
}

/// `*` for a resource is the ARN of nothing in particular: what an action without resources asks for.
pub(super) fn asked(action: impl Into<String>, resource: impl Into<String>, context: Context) -> Asked {
    Asked {
        action: action.into(),
        resource: resource.into(),
        context,
    }
}

/// On everything, without a condition key.
pub(super) fn plain(action: impl Into<String>) -> Asked {
    asked(action, "*", Context::new())
}

/// Everything that AWS asks the caller's policies for.
///
/// # Errors
/// A call that is not known here: nobody has thought about its rights.
pub(super) fn of_call(
    api: Api,
    operation: &str,
    place: Place<'_>,
    parts: &Parts,
    body: &Bytes,
    ec2: &Ec2,
) -> Result<Vec<Asked>, String> {
    match api {
        Api::Ec2 => super::ec2::of_call(operation, place, parts, body, ec2),
        Api::Route53 => super::route53::of_call(operation, parts, body),
        Api::Sts => sts(operation, body),
        Api::AwsJson => json(place, parts, body),
        Api::Hcp | Api::Aiven => Ok(Vec::new()),
    }
}

fn sts(operation: &str, body: &Bytes) -> Result<Vec<Asked>, String> {
    if operation != "AssumeRole" {
        return Err(format!("sts:{operation} is not known here"));
    }
    let form: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let role = form.iter().find(|(name, _)| name == "RoleArn");
    let role = role.map(|(_, arn)| arn.clone()).unwrap_or_default();
    let mut all = vec![asked("sts:AssumeRole", role.clone(), Context::new())];
    if form.iter().any(|(name, _)| name.starts_with("Tags.member.")) {
        all.push(asked("sts:TagSession", role, Context::new()));
    }
    Ok(all)
}

/// Services that speak JSON: `X-Amz-Target: DynamoDB_20120810.GetItem`.
fn json(place: Place<'_>, parts: &Parts, body: &Bytes) -> Result<Vec<Asked>, String> {
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let (service, operation) = target.and_then(|target| target.rsplit_once('.')).unwrap_or_default();
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let none = Context::new();
    Ok(match (service, operation) {
        ("secretsmanager", "GetSecretValue") => {
            let id = text("SecretId");
            // Secrets Manager appends a hyphen and six characters to the name.
            let arn = match id.starts_with("arn:") {
                true => id.to_owned(),
                false => place.arn("secretsmanager", &format!("secret:{id}-1a2b3c")),
            };
            vec![asked("secretsmanager:GetSecretValue", arn, none)]
        }
        ("DynamoDB_20120810", "GetItem" | "PutItem" | "DeleteItem" | "Scan") => {
            let key = body["Key"]["id"]["S"].as_str().or(body["Item"]["id"]["S"].as_str());
            let context = key.map(|key| ("dynamodb:LeadingKeys".to_owned(), vec![key.to_owned()]));
            let table = place.arn("dynamodb", &format!("table/{}", text("TableName")));
            vec![asked(
                format!("dynamodb:{operation}"),
                table,
                context.into_iter().collect(),
            )]
        }
        ("AmazonSSM", "GetParameter") => {
            // A version or label follows a colon.
            let name = text("Name").split(':').next().unwrap_or_default();
            vec![asked(
                "ssm:GetParameter",
                place.arn("ssm", &format!("parameter{name}")),
                none,
            )]
        }
        ("AmazonSSM", "GetParametersByPath") => {
            let path = place.arn("ssm", &format!("parameter{}", text("Path")));
            let below = format!("{path}/any");
            [path, below]
                .map(|resource| asked("ssm:GetParametersByPath", resource, none.clone()))
                .into()
        }
        ("AWSOrganizationsV20161128", "ListRoots" | "ListAccountsForParent" | "ListOrganizationalUnitsForParent") => {
            vec![plain(format!("organizations:{operation}"))]
        }
        ("AWSStepFunctions", "StartExecution") => {
            vec![asked("states:StartExecution", text("stateMachineArn"), none)]
        }
        // Its page has no resource type for what takes a task's token.
        ("AWSStepFunctions", "SendTaskSuccess") => vec![plain("states:SendTaskSuccess")],
        ("AmazonSQS", "SendMessage") => {
            // https://sqs.<region>.amazonaws.com/<account>/<queue>
            let mut parts = text("QueueUrl").rsplit('/');
            let queue = parts.next().unwrap_or_default();
            let owner = parts.next().unwrap_or_default();
            let arn = format!("arn:aws:sqs:{}:{owner}:{queue}", place.region);
            vec![asked("sqs:SendMessage", arn, none)]
        }
        _ => return Err(format!("{service}.{operation} is not known here")),
    })
}
