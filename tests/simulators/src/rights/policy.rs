//! IAM policies that only allow, read and evaluated: the part of IAM's grammar that this product uses. Anything else is an error, so that
//! nothing is passed over in silence.
//!
//! Sources: "IAM JSON policy elements: Condition operators", "Create a condition with multiple keys or values" and "Set operators for
//! multivalued context keys" of the IAM User Guide, November 2026.

use std::collections::BTreeMap;

use serde_json::Value;

/// Condition keys of a call, each with its values. A key without an entry is not in the call.
pub type Context = BTreeMap<String, Vec<String>>;

/// A statement that allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its `Sid`; empty where it has none.
    pub sid: String,
    actions: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    operator: Operator,
    key: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Operator {
    for_all: bool,
    if_exists: bool,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    Equals,
    Like,
    NotLike,
}

/// The statements of a policy; in a role's trust, which names no resource, they are about every resource.
///
/// # Errors
/// What of the policy is not understood here.
pub fn statements(policy: &Value) -> Result<Vec<Statement>, String> {
    items(&policy["Statement"]).map(Statement::read).collect()
}

impl Statement {
    fn read(statement: &Value) -> Result<Self, String> {
        if statement["Effect"] != "Allow" {
            return Err(format!("only statements that allow are understood: {statement}"));
        }
        if let Some(other) = ["NotAction", "NotResource", "NotPrincipal"]
            .iter()
            .find(|name| statement.get(**name).is_some())
        {
            return Err(format!("{other} is not understood: {statement}"));
        }
        let mut conditions = Vec::new();
        for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
            let known = Operator::read(operator).ok_or_else(|| format!("{operator} is not understood"))?;
            for (key, values) in keys.as_object().into_iter().flatten() {
                conditions.push(Condition {
                    operator: known,
                    key: key.clone(),
                    values: texts(values)?,
                });
            }
        }
        let resources = match statement.get("Resource") {
            Some(resources) => texts(resources)?,
            None => vec!["*".to_owned()],
        };
        Ok(Self {
            sid: statement["Sid"].as_str().unwrap_or_default().to_owned(),
            actions: texts(&statement["Action"])?,
            resources,
            conditions,
        })
    }

    /// The actions as the policy writes them.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().map(String::as_str)
    }

    /// Whether it allows an action on a resource in a call with these keys.
    pub fn allows(&self, action: &str, resource: &str, context: &Context) -> bool {
        // Actions are matched without regard to case, resources are not.
        let action = action.to_ascii_lowercase();
        self.actions
            .iter()
            .any(|pattern| like(&pattern.to_ascii_lowercase(), &action))
            && self.resources.iter().any(|pattern| like(pattern, resource))
            && self.conditions.iter().all(|condition| condition.holds(context))
    }
}

impl Operator {
    fn read(text: &str) -> Option<Self> {
        let (for_all, text) = match text.strip_prefix("ForAllValues:") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (if_exists, text) = match text.strip_suffix("IfExists") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let kind = match text {
            "Null" => Kind::Null,
            "StringEquals" => Kind::Equals,
            // ARNs here have no wildcard in one of their first five parts, where the two differ.
            "StringLike" | "ArnLike" | "ArnEquals" => Kind::Like,
            "StringNotLike" => Kind::NotLike,
            _ => return None,
        };
        Some(Self {
            for_all,
            if_exists,
            kind,
        })
    }
}

impl Condition {
    fn holds(&self, context: &Context) -> bool {
        let Operator {
            for_all,
            if_exists,
            kind,
        } = self.operator;
        let given = context.get(&self.key).filter(|values| !values.is_empty());
        if kind == Kind::Null {
            let absent = given.is_none().to_string();
            return self.values.contains(&absent);
        }
        let Some(given) = given else {
            return for_all || if_exists || kind == Kind::NotLike;
        };
        let patterns: Vec<String> = self.values.iter().filter_map(|value| filled(value, context)).collect();
        let fits = |value: &String| match kind {
            Kind::Equals => patterns.contains(value),
            Kind::NotLike => !patterns.iter().any(|pattern| like(pattern, value)),
            _ => patterns.iter().any(|pattern| like(pattern, value)),
        };
        if for_all {
            given.iter().all(fits)
        } else {
            given.iter().any(fits)
        }
    }
}

/// The value with its policy variable, `${aws:ResourceTag/x}`, filled in; none where the call has not the key.
fn filled(value: &str, context: &Context) -> Option<String> {
    let Some((before, rest)) = value.split_once("${") else {
        return Some(value.to_owned());
    };
    let (key, after) = rest.split_once('}')?;
    let filling = context.get(key)?.first()?;
    Some(format!("{before}{filling}{after}"))
}

/// `*` is any text, `?` any character.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    // Where to go on when what follows the last star did not fit.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    p = at + 1;
                    t = from + 1;
                    star = Some((at, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    match value {
        Value::Array(all) => all.iter(),
        one => std::slice::from_ref(one).iter(),
    }
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    items(value)
        .map(|item| match item {
            Value::String(text) => Ok(text.clone()),
            Value::Bool(flag) => Ok(flag.to_string()),
            other => Err(format!("{other} is no text")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn statement(condition: Value) -> Statement {
        let policy = json!({"Statement": {
            "Effect": "Allow", "Action": "ec2:CreateTags", "Resource": "arn:aws:ec2:*:111122223333:vpc-endpoint/*", "Condition": condition
        }});
        statements(&policy).unwrap().remove(0)
    }

    fn allowed(condition: Value, context: &[(&str, &[&str])]) -> bool {
        let context = context
            .iter()
            .map(|(key, values)| ((*key).to_owned(), values.iter().map(|v| (*v).to_owned()).collect()))
            .collect();
        let resource = "arn:aws:ec2:eu-west-1:111122223333:vpc-endpoint/vpce-1";
        statement(condition).allows("ec2:createTags", resource, &context)
    }

    #[test]
    fn actions_and_resources_are_matched_whole() {
        let any = statement(json!({}));
        let context = Context::new();
        let here = "arn:aws:ec2:eu-west-1:111122223333:vpc-endpoint/vpce-1";
        assert!(any.allows("ec2:CreateTags", here, &context));
        for (action, resource) in [
            ("ec2:CreateTag", here),
            ("ec2:CreateTagsNow", here),
            (
                "ec2:CreateTags",
                "arn:aws:ec2:eu-west-1:444455556666:vpc-endpoint/vpce-1",
            ),
            ("ec2:CreateTags", "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1"),
            ("ec2:CreateTags", "*"),
        ] {
            assert!(!any.allows(action, resource, &context), "{action} {resource}");
        }
    }

    #[test]
    fn a_key_that_is_not_in_the_call_decides_as_iam_documents_it() {
        let key = "aws:RequestTag/t";
        assert!(!allowed(json!({"StringLike": {key: "plw-*"}}), &[]));
        assert!(!allowed(json!({"StringEquals": {key: "plw-1"}}), &[]));
        assert!(allowed(json!({"StringEqualsIfExists": {key: "plw-1"}}), &[]));
        assert!(!allowed(
            json!({"StringEqualsIfExists": {key: "plw-1"}}),
            &[(key, &["plw-2"])]
        ));
        assert!(allowed(json!({"ForAllValues:StringNotLike": {key: "plw-*"}}), &[]));
        assert!(allowed(json!({"Null": {key: "true"}}), &[]));
        assert!(!allowed(json!({"Null": {key: "false"}}), &[]));
        assert!(allowed(json!({"Null": {key: "false"}}), &[(key, &["x"])]));
    }

    #[test]
    fn one_of_several_values_is_enough_unless_all_are_asked_for() {
        let tags = ("aws:TagKeys", &["team", "privatelink-workflow:connection"][..]);
        assert!(allowed(json!({"StringLike": {"aws:TagKeys": ["x", "te*"]}}), &[tags]));
        assert!(!allowed(
            json!({"ForAllValues:StringLike": {"aws:TagKeys": ["x", "te*"]}}),
            &[tags]
        ));
        assert!(!allowed(
            json!({"ForAllValues:StringNotLike": {"aws:TagKeys": "privatelink-workflow:*"}}),
            &[tags]
        ));
    }

    #[test]
    fn a_variable_is_what_the_call_has_there() {
        let same = json!({"StringEquals": {"aws:RequestTag/t": "${aws:ResourceTag/t}"}});
        let of = |on_resource| {
            allowed(
                same.clone(),
                &[("aws:RequestTag/t", &["a"]), ("aws:ResourceTag/t", on_resource)],
            )
        };
        assert!(of(&["a"]));
        assert!(!of(&["b"]));
        assert!(!of(&[]));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for policy in [
            json!({"Effect": "Deny", "Action": "*", "Resource": "*"}),
            json!({"Effect": "Allow", "NotAction": "x:Y", "Resource": "*"}),
            json!({"Effect": "Allow", "Action": "x:Y", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}),
            json!({"Effect": "Allow", "Action": "x:Y", "Resource": {"Ref": "Table"}}),
        ] {
            assert!(statements(&json!({"Statement": policy})).is_err(), "{policy}");
        }
    }

    #[test]
    fn a_star_takes_any_text() {
        assert!(like("a*b*c", "a--b-b-c"));
        assert!(like("*", ""));
        assert!(like("a?c*", "abc"));
        assert!(!like("a*b", "a-b-c"));
        assert!(!like("", "a"));
    }
}
