//! From a JSON document to what it says, or to every violation at once, each with its JSON pointer.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::rules::rules;
use super::schema::schema_of;
use super::{Provider, Request, conform, json_schema};
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

    /// The path of the value that is there: of a field that is missing or unknown, the object.
    #[cfg(test)]
    pub(super) fn value_path(&self) -> String {
        let of_field = ["missing", "unknown field"].contains(&self.message.as_str());
        let parent = self.path.rsplit_once('/').filter(|_| of_field);
        parent.map_or(self.path.as_str(), |(parent, _)| parent).to_owned()
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
    check(document, secret_name_prefix).map_err(|violations| report("the request", violations))
}

/// The same with the violations as they are.
pub(crate) fn check(document: &Value, secret_name_prefix: &str) -> Checked<Request> {
    let (schema, violations) = request_schema(document);
    let request = with_defaults(read::<Request>(document, &schema, violations)?);
    let violations = rules(&request, secret_name_prefix);
    if violations.is_empty() {
        Ok(request)
    } else {
        Err(violations)
    }
}

/// Reads a document by the schema that was generated from its type; `violations` are those that are known already.
pub(crate) fn read<T: DeserializeOwned>(
    document: &Value,
    schema: &Value,
    mut violations: Vec<Violation>,
) -> Checked<T> {
    violations.extend(conform::violations(document, schema));
    if !violations.is_empty() {
        return Err(violations);
    }
    // The schema is generated from the very types, so this error is for a difference between the two.
    T::deserialize(document).map_err(|error| vec![Violation::at("", error.to_string())])
}

/// Reads any document by the schema of its type. `what`: for the message, like "the command".
///
/// # Errors
/// `InvalidRequest` with every violation, each on its own line as `<JSON pointer>: <what is wrong>`.
pub fn read_document<T: JsonSchema + DeserializeOwned>(what: &str, document: &Value) -> Result<T> {
    read(document, &schema_of::<T>(), Vec::new()).map_err(|violations| report(what, violations))
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

/// An execution's cause ends at 32,768 characters: so many lines of so many characters are told.
const TOLD_LINES: usize = 40;
const TOLD_PATH_CHARS: usize = 160;
const TOLD_MESSAGE_CHARS: usize = 600;

/// `what`: "the request". Each violation is on its own line as `<JSON pointer>: <what is wrong>`.
pub(crate) fn report(what: &str, mut violations: Vec<Violation>) -> Error {
    violations.sort();
    violations.dedup();
    let mut text = format!(
        "{what} has {} violation{}; nothing was changed. Correct them and start again.",
        violations.len(),
        if violations.len() == 1 { "" } else { "s" }
    );
    let more = violations.len().saturating_sub(TOLD_LINES);
    for violation in violations.into_iter().take(TOLD_LINES) {
        let path = if violation.path.is_empty() {
            "/"
        } else {
            &violation.path
        };
        let path = cut(path, TOLD_PATH_CHARS);
        let _ = write!(text, "\n{path}: {}", cut(&violation.message, TOLD_MESSAGE_CHARS));
    }
    if more > 0 {
        let _ = write!(text, "\nand {more} more.");
    }
    Error::new(ErrorName::InvalidRequest, text)
}

pub(super) fn cut(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        text.to_owned()
    } else {
        text.chars()
            .take(chars.saturating_sub(3))
            .chain("...".chars())
            .collect()
    }
}

/// Escapes a field's name for a JSON pointer (RFC 6901).
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
