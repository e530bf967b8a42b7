//! From a JSON document to what it says, or to every violation at once, each with its JSON pointer.

use std::fmt::Write as _;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, Validator};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::rules::rules;
use super::{Provider, Request, json_schema};
use crate::{Error, ErrorName, Result};

/// One violation: where, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    path: String,
    message: String,
}

impl Violation {
    pub(crate) fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
        }
    }

    /// The same in a document that holds the one that was checked.
    pub(crate) fn below(self, path: &str) -> Self {
        Self {
            path: format!("{path}{}", self.path),
            ..self
        }
    }
}

/// What a document says, or what is wrong with it.
pub(crate) type Checked<T> = std::result::Result<T, Vec<Violation>>;

/// Checks a document and fills in the defaults that follow from the rest of it.
///
/// `secret_name_prefix`: what the names of secrets must start with, so that a request cannot make the workflow read any other.
///
/// # Errors
/// `InvalidRequest` with every violation, each on its own line as `<JSON pointer>: <what is wrong>`.
pub fn validate(document: &Value, secret_name_prefix: &str) -> Result<Request> {
    check(document, secret_name_prefix)?.map_err(|violations| report("the request", violations))
}

/// The same with the violations as they are.
///
/// # Errors
/// `Unexpected` where the schema itself is broken.
pub(crate) fn check(document: &Value, secret_name_prefix: &str) -> Result<Checked<Request>> {
    let (schema, violations) = request_schema(document);
    let request = match read::<Request>(document, &schema, violations)? {
        Ok(request) => with_defaults(request),
        Err(violations) => return Ok(Err(violations)),
    };
    let violations = rules(&request, secret_name_prefix);
    Ok(if violations.is_empty() {
        Ok(request)
    } else {
        Err(violations)
    })
}

/// Reads a document by the schema that was generated from its type; `violations` are those that are known already.
///
/// # Errors
/// `Unexpected` where the schema itself is broken.
pub(crate) fn read<T: DeserializeOwned>(
    document: &Value,
    schema: &Value,
    mut violations: Vec<Violation>,
) -> Result<Checked<T>> {
    let validator = Validator::new(schema).map_err(|error| {
        Error::unexpected(format!(
            "a document's own schema does not compile ({error}): this is a defect of the workflow."
        ))
    })?;
    for error in validator.iter_errors(document) {
        describe(&error, schema, &mut violations);
    }
    if violations.is_empty() {
        match serde_json::from_value(document.clone()) {
            Ok(value) => return Ok(Ok(value)),
            // The schema is generated from the very types, so this arm is for a difference between the two.
            Err(error) => violations.push(Violation::at("", error.to_string())),
        }
    }
    Ok(Err(violations))
}

/// The schema of a request of the document's vendor, and the violation where that cannot be told.
fn request_schema(document: &Value) -> (Value, Vec<Violation>) {
    let mut schema = json_schema();
    let mut violations = Vec::new();
    if document.is_object() {
        match provider_schema(&schema, document) {
            Ok(Some(provider)) => schema["properties"]["provider"] = provider,
            Ok(None) => {}
            Err(violation) => {
                violations.push(violation);
                schema["properties"]["provider"] = Value::Bool(true);
            }
        }
    }
    (schema, violations)
}

/// The provider's schema that the document's `provider.type` chooses: without it a single typing error in one provider's field
/// would be reported as "matches none of the providers".
fn provider_schema(schema: &Value, document: &Value) -> std::result::Result<Option<Value>, Violation> {
    let Some(provider) = document.get("provider").filter(|p| p.is_object()) else {
        return if document.get("provider").is_some() {
            Err(Violation::at("/provider", "must be an object"))
        } else {
            Ok(None)
        };
    };
    let branches = schema["properties"]["provider"]["oneOf"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let names = || {
        branches
            .iter()
            .filter_map(|b| b["properties"]["type"]["const"].as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let Some(kind) = provider.get("type") else {
        return Err(Violation::at("/provider/type", format!("missing; one of: {}", names())));
    };
    match branches.iter().find(|b| &b["properties"]["type"]["const"] == kind) {
        Some(branch) => Ok(Some(branch.clone())),
        None => Err(Violation::at("/provider/type", format!("must be one of: {}", names()))),
    }
}

/// A schema error in our words: the path of the field that is wrong, and the description of what belongs there.
fn describe(error: &ValidationError<'_>, schema: &Value, violations: &mut Vec<Violation>) {
    let path = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            violations.push(Violation::at(format!("{path}/{}", escape(name)), "missing"));
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            violations.extend(
                unexpected
                    .iter()
                    .map(|name| Violation::at(format!("{path}/{}", escape(name)), "unknown field")),
            );
        }
        ValidationErrorKind::Pattern { .. } => {
            let what = description(schema, &error.schema_path().to_string());
            violations.push(Violation::at(
                path,
                format!("{} does not have the right form. {what}", quoted(error.instance())),
            ));
        }
        ValidationErrorKind::UniqueItems => violations.push(Violation::at(path, "has the same item twice")),
        ValidationErrorKind::MinItems { limit } => {
            violations.push(Violation::at(path, format!("has too few items: at least {limit}")))
        }
        ValidationErrorKind::MaxItems { limit } => {
            violations.push(Violation::at(path, format!("has too many items: at most {limit}")))
        }
        ValidationErrorKind::MaxProperties { limit } => {
            violations.push(Violation::at(path, format!("has too many entries: at most {limit}")))
        }
        // The only choice without a tag is one of fixed words.
        ValidationErrorKind::OneOfNotValid { .. } => {
            violations.push(Violation::at(path, format!("must be one of: {}", words(error, schema))));
        }
        ValidationErrorKind::Type { .. } => violations.push(Violation::at(path, wrong_type(error, schema))),
        _ => violations.push(Violation::at(path, error.to_string())),
    }
}

/// The constants of a `oneOf`.
fn words(error: &ValidationError<'_>, schema: &Value) -> String {
    let branches = schema
        .pointer(&error.schema_path().to_string())
        .and_then(Value::as_array);
    let constants = branches
        .into_iter()
        .flatten()
        .filter_map(|branch| branch["const"].as_str());
    constants.collect::<Vec<_>>().join(", ")
}

/// "must be a string, not a number", by the schema's own `type`.
fn wrong_type(error: &ValidationError<'_>, schema: &Value) -> String {
    let pointer = error.schema_path().to_string();
    let expected = match schema.pointer(&pointer) {
        Some(Value::String(kind)) => kind.clone(),
        // An optional field is generated as ["string", "null"]; leaving it out is what its user means.
        Some(Value::Array(kinds)) => kinds
            .iter()
            .filter_map(Value::as_str)
            .filter(|k| *k != "null")
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "another type".to_owned(),
    };
    let found = match error.instance().as_ref() {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    format!("must be of type {expected}, not {found}")
}

/// The nearest `description` above a schema location.
fn description<'a>(schema: &'a Value, schema_path: &str) -> &'a str {
    let mut pointer = schema_path;
    loop {
        if let Some(text) = schema
            .pointer(pointer)
            .and_then(|s| s.get("description"))
            .and_then(Value::as_str)
        {
            return text;
        }
        match pointer.rfind('/') {
            Some(cut) => pointer = &pointer[..cut],
            None => return "",
        }
    }
}

fn with_defaults(mut request: Request) -> Request {
    let root = format!("arn:aws:iam::{}:root", request.consumer.account_id);
    let principals = request.provider.principals_mut();
    if principals.is_empty() {
        principals.push(root);
    }
    let region = request.consumer.region.clone();
    // Whether it is the vendor's own region, which needs no entry, is known only once the vendor was asked.
    let regions = match &mut request.provider {
        Provider::HcpVault(hcp) => &mut hcp.consumer_regions,
        Provider::Aiven(aiven) => &mut aiven.supported_regions,
    };
    if !regions.contains(&region) {
        regions.push(region);
    }
    request
}

/// `what`: "the request". Each violation is on its own line as `<JSON pointer>: <what is wrong>`.
pub(crate) fn report(what: &str, mut violations: Vec<Violation>) -> Error {
    violations.sort();
    violations.dedup();
    let mut text = format!(
        "{what} has {} violation{}; nothing was changed. Correct them and start again.",
        violations.len(),
        if violations.len() == 1 { "" } else { "s" }
    );
    for violation in violations {
        let path = if violation.path.is_empty() {
            "/"
        } else {
            &violation.path
        };
        let _ = write!(text, "\n{path}: {}", violation.message);
    }
    Error::new(ErrorName::InvalidRequest, text)
}

/// A value for a message, cut short: a request is nobody's secret, but a megabyte of it helps nobody.
fn quoted(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 80 {
        text
    } else {
        text.chars().take(77).chain("...".chars()).collect()
    }
}

/// Escapes a field's name for a JSON pointer (RFC 6901).
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
