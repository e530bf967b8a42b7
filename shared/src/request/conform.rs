//! Whether a document conforms to a JSON Schema, for the keywords that the schemas here have.
//!
//! A general validator first compiles a schema: of 36.5 million instructions of a cold `validate`, 73 % went into the regular
//! expressions of fields that the request does not even have, and 21 % into checking the schema against the schema of schemas. This
//! way it is 4.6 million. A pattern is compiled when a value meets it, by the engine that the AWS SDK has linked already. Its tests
//! hold that both agree.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::validate::{Violation, cut, escape};

/// Every violation of a schema, in our words. A keyword that is not known says nothing; a test holds that there is none.
pub(super) fn violations(document: &Value, schema: &Value) -> Vec<Violation> {
    let mut walk = Walk {
        violations: Vec::new(),
        patterns: BTreeMap::new(),
    };
    walk.value(document, schema, "", "");
    walk.violations
}

/// Keywords that are checked.
#[cfg(test)]
const CHECKED: [&str; 16] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "maxProperties",
    "items",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "oneOf",
    "const",
];
/// Keywords that say something to people only.
#[cfg(test)]
const TOLD: [&str; 6] = ["$schema", "title", "description", "default", "examples", "format"];

struct Walk<'a> {
    violations: Vec<Violation>,
    /// By their text; none where it is no regular expression.
    patterns: BTreeMap<&'a str, Option<Regex>>,
}

impl<'a> Walk<'a> {
    /// `path`: the value's JSON pointer. `told`: the nearest description above this schema.
    fn value(&mut self, value: &Value, schema: &'a Value, path: &str, told: &'a str) {
        // `true` and `false` are schemas too; only the one that accepts everything is used.
        let Some(schema) = schema.as_object() else {
            return;
        };
        let told = schema.get("description").and_then(Value::as_str).unwrap_or(told);
        if let Some(branches) = schema.get("oneOf").and_then(Value::as_array) {
            self.word(value, branches, path);
        }
        if let Some(expected) = schema.get("type")
            && !is_of_type(value, expected)
        {
            self.wrong(path, wrong_type(value, expected));
            // The other keywords are each about one type.
            return;
        }
        if let Some(word) = schema.get("const")
            && value != word
        {
            self.wrong(path, format!("must be {word}"));
        }
        match value {
            Value::Object(fields) => self.object(fields, schema, path, told),
            Value::Array(items) => self.array(items, schema, path, told),
            Value::String(text) => self.string(text, schema, path, told),
            Value::Number(number) => self.number(number.as_f64().unwrap_or_default(), schema, path),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn wrong(&mut self, path: &str, message: impl Into<String>) {
        self.violations.push(Violation::at(path, message));
    }

    /// The only choice without a tag is one of fixed words.
    fn word(&mut self, value: &Value, branches: &'a [Value], path: &str) {
        let mut words = branches.iter().filter_map(|branch| branch.get("const"));
        if !words.any(|word| word == value) {
            let words = branches.iter().filter_map(|branch| branch["const"].as_str());
            let words = words.collect::<Vec<_>>().join(", ");
            self.wrong(path, format!("must be one of: {words}"));
        }
    }

    fn object(&mut self, fields: &Map<String, Value>, schema: &'a Map<String, Value>, path: &str, told: &'a str) {
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if !fields.contains_key(name) {
                self.wrong(&below(path, name), "missing");
            }
        }
        if let Some(limit) = limit(schema, "maxProperties")
            && fields.len() > limit
        {
            self.wrong(path, format!("has too many entries: at most {limit}"));
        }
        let known = schema.get("properties").and_then(Value::as_object);
        for (name, value) in fields {
            let path = below(path, name);
            match known.and_then(|known| known.get(name)) {
                Some(schema) => self.value(value, schema, &path, told),
                None => match schema.get("additionalProperties") {
                    Some(Value::Bool(false)) => self.wrong(&path, unknown_field(name)),
                    Some(schema) => self.value(value, schema, &path, told),
                    None => {}
                },
            }
        }
    }

    fn array(&mut self, items: &[Value], schema: &'a Map<String, Value>, path: &str, told: &'a str) {
        if let Some(limit) = limit(schema, "minItems")
            && items.len() < limit
        {
            self.wrong(path, format!("has too few items: at least {limit}"));
        }
        if let Some(limit) = limit(schema, "maxItems")
            && items.len() > limit
        {
            self.wrong(path, format!("has too many items: at most {limit}"));
        }
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        if unique && (1..items.len()).any(|at| items[..at].contains(&items[at])) {
            self.wrong(path, "has the same item twice");
        }
        if let Some(schema) = schema.get("items") {
            for (at, item) in items.iter().enumerate() {
                self.value(item, schema, &format!("{path}/{at}"), told);
            }
        }
    }

    fn string(&mut self, text: &str, schema: &'a Map<String, Value>, path: &str, told: &'a str) {
        let length = || text.chars().count();
        if let Some(limit) = limit(schema, "minLength")
            && length() < limit
        {
            self.wrong(path, format!("has too few characters: at least {limit}"));
        }
        if let Some(limit) = limit(schema, "maxLength")
            && length() > limit
        {
            self.wrong(path, format!("has too many characters: at most {limit}"));
        }
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str) {
            let compiled = self.patterns.entry(pattern).or_insert_with(|| Regex::new(pattern).ok());
            if !compiled.as_ref().is_some_and(|regex| regex.is_match(text)) {
                self.wrong(path, format!("{} does not have the right form. {told}", quoted(text)));
            }
        }
    }

    fn number(&mut self, number: f64, schema: &Map<String, Value>, path: &str) {
        let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
        if let Some(limit) = limit("minimum")
            && number < limit
        {
            self.wrong(path, format!("must be at least {limit}"));
        }
        if let Some(limit) = limit("maximum")
            && number > limit
        {
            self.wrong(path, format!("must be at most {limit}"));
        }
    }
}

fn below(path: &str, name: &str) -> String {
    format!("{path}/{}", escape(name))
}

fn limit(schema: &Map<String, Value>, keyword: &str) -> Option<usize> {
    schema.get(keyword)?.as_u64()?.try_into().ok()
}

fn is_of_type(value: &Value, expected: &Value) -> bool {
    match expected {
        Value::String(kind) => match kind.as_str() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "number" => value.is_number(),
            // 3.0 is an integer too.
            "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
            _ => false,
        },
        Value::Array(kinds) => kinds.iter().any(|kind| is_of_type(value, kind)),
        _ => true,
    }
}

/// "must be of type string, not a number".
fn wrong_type(value: &Value, expected: &Value) -> String {
    let expected = match expected {
        Value::String(kind) => kind.clone(),
        // An optional field is generated as ["string", "null"]; leaving it out is what its user means.
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .filter(|kind| *kind != "null")
            .collect::<Vec<_>>()
            .join(" or "),
        _ => "another type".to_owned(),
    };
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    format!("must be of type {expected}, not {found}")
}

/// No field's name has other characters than ASCII's: those that it has by mistake may look like others, or like none.
fn unknown_field(name: &str) -> String {
    if name.is_ascii() {
        "unknown field".to_owned()
    } else {
        format!("unknown field; its name is \"{}\"", plain(name))
    }
}

/// A value for a message, cut short: a request is nobody's secret, but a megabyte of it helps nobody.
fn quoted(text: &str) -> String {
    cut(&plain(&Value::from(text).to_string()), 80)
}

/// With escapes for whatever is not ASCII: a character that looks like another one, or like none, is seen so.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            plain.push(c);
        } else {
            plain.extend(c.escape_unicode());
        }
    }
    plain
}

#[cfg(test)]
mod tests;
