//! The policies of a role as the emulator has them after the deployment, from IAM's `GetAccountAuthorizationDetails`.

use serde_json::{Map, Value};

/// The policy documents of a role, inline and managed; none where there is no such role. `details`: XML.
pub(super) fn policies_of(details: &str, role: &str) -> Option<Vec<Value>> {
    let (roles, managed) = details.split_once("</RoleDetailList>")?;
    let (_, roles) = roles.split_once("<RoleDetailList>")?;
    let start = format!("<RoleName>{role}</RoleName>");
    let (_, rest) = roles.split_once(start.as_str())?;
    let own = rest.split("<RoleName>").next()?;
    let mut documents: Vec<String> = elements(own, "PolicyDocument").collect();
    for arn in elements(own, "PolicyArn") {
        let start = format!("<Arn>{arn}</Arn>");
        let (_, policy) = managed.split_once(start.as_str())?;
        documents.extend(elements(policy, "Document").next());
    }
    documents.iter().map(|document| json(document)).collect()
}

/// The id in the template of a role that CloudFormation named: `EnsureEndpointRole` of `privatelink-EnsureEndpointRole-1A2B3C`.
pub fn logical_id(role: &str) -> String {
    role.rsplit('-').nth(1).unwrap_or(role).to_owned()
}

/// A policy of a template in another account, with what CloudFormation fills in.
pub(super) fn filled(policy: &Value, account: &str) -> Value {
    match policy {
        Value::Object(object) => match object.get("Fn::Sub") {
            Some(Value::String(text)) => text
                .replace("${AWS::Partition}", "aws")
                .replace("${AWS::AccountId}", account)
                .into(),
            _ => object
                .iter()
                .map(|(key, value)| (key.clone(), filled(value, account)))
                .collect::<Map<_, _>>()
                .into(),
        },
        Value::Array(all) => all.iter().map(|value| filled(value, account)).collect(),
        other => other.clone(),
    }
}

fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = String> + use<'a> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts: Vec<&str> = xml.split(open.as_str()).skip(1).collect();
    parts
        .into_iter()
        .filter_map(move |part| part.split_once(close.as_str()))
        .map(|(text, _)| text.to_owned())
}

/// Policies are percent-encoded in IAM's answers.
fn json(document: &str) -> Option<Value> {
    let decoded = form_urlencoded::parse(document.as_bytes()).next()?.0;
    serde_json::from_str(&decoded).ok()
}
