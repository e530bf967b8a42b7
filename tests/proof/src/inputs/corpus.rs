//! The corpus of bad inputs: what is wrong, and what its user must be told.
//!
//! A case is an example with fields set or removed (by JSON pointer), or a whole input, or a text. Of its values, `"$repeat:x:9"` is
//! nine times x, and an object with one key is a list or a nesting of so many: `$arns`, `$networks`, `$subnets`, `$groups`, `$tags`,
//! `$fields`, `$nest`, `$nest_list`.

use rehearsal::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A bad input.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique in its file.
    pub name: String,
    /// The example that it is made of; the first where it says none.
    #[serde(default)]
    pub of: String,
    #[serde(default)]
    set: Map<String, Value>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default, deserialize_with = "present")]
    whole: Option<Value>,
    /// As it is, such as JSON with a field twice.
    #[serde(default)]
    pub text: Option<String>,
    /// Of a secret: where and what it is, if it is no text.
    #[serde(default)]
    pub stored: Option<String>,
    /// Any of these names is right.
    #[serde(default = "invalid")]
    pub error: Vec<String>,
    /// The path that the message must tell, or the beginning of a long one.
    #[serde(default)]
    pub at: Option<String>,
    /// Words of the message.
    #[serde(default)]
    pub says: Vec<String>,
    /// What nothing may show, unless it is the input itself.
    #[serde(default)]
    pub hides: Option<String>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn invalid() -> Vec<String> {
    vec!["InvalidRequest".to_owned()]
}

/// The files of the corpus by their name.
const FILES: [(&str, &str); 7] = [
    ("requests", include_str!("../../corpus/requests.json")),
    ("references", include_str!("../../corpus/references.json")),
    ("profiles", include_str!("../../corpus/profiles.json")),
    ("events", include_str!("../../corpus/events.json")),
    ("commands", include_str!("../../corpus/commands.json")),
    ("fleets", include_str!("../../corpus/fleets.json")),
    ("secrets", include_str!("../../corpus/secrets.json")),
];

/// The cases of a file.
///
/// # Errors
/// When the file is wrong.
pub fn cases(file: &str) -> Result<Vec<Case>> {
    let text = FILES
        .iter()
        .find(|(name, _)| *name == file)
        .map_or("", |(_, text)| text);
    serde_json::from_str(text).map_err(|error| Error::new(format!("reading the corpus file {file}.json"), error))
}

impl Case {
    /// The input, made of the examples by their names.
    ///
    /// # Errors
    /// When the case names no example, or a field that cannot be set.
    pub fn input(&self, examples: &[(&str, Value)]) -> Result<String> {
        if let Some(text) = &self.text {
            return Ok(text.clone());
        }
        if let Some(whole) = &self.whole {
            return Ok(expanded(whole).to_string());
        }
        let wrong = |what: String| Error::new(format!("making the case {}", self.name), what);
        let example = examples.iter().find(|(name, _)| self.of.is_empty() || *name == self.of);
        let Some((_, example)) = example else {
            return Err(wrong(format!("there is no example {}", self.of)));
        };
        let mut document = example.clone();
        for pointer in &self.remove {
            put(&mut document, pointer, None).ok_or_else(|| wrong(format!("there is no {pointer}")))?;
        }
        for (pointer, value) in &self.set {
            let pointer =
                repeated(pointer.trim_start_matches('/')).map_or_else(|| pointer.clone(), |key| format!("/{key}"));
            put(&mut document, &pointer, Some(expanded(value)))
                .ok_or_else(|| wrong(format!("{pointer} cannot be set")))?;
        }
        Ok(document.to_string())
    }

    /// Of a secret: the request that names it, as its example is.
    ///
    /// # Errors
    /// As [`Case::input`].
    pub fn request(&self, examples: &[(&str, Value)]) -> Result<String> {
        let plain = Self {
            text: None,
            ..self.clone()
        };
        plain.input(examples)
    }

    /// What is not right about an error; nothing where it is as the case says.
    pub fn findings(&self, error: &str, message: &str) -> Vec<String> {
        let mut findings = Vec::new();
        if !self.error.iter().any(|name| name == error) {
            findings.push(format!("it ended with {error}, not with {}", self.error.join(" or ")));
        }
        let at = self.at.as_deref().unwrap_or("/provider/secret_id");
        if !at.is_empty() && !tells(message, at) {
            findings.push(format!("the message does not tell the path {at}"));
        }
        for words in self.says.iter().filter(|words| !message.contains(words.as_str())) {
            findings.push(format!("the message does not say {words:?}"));
        }
        if !ADVICE.iter().any(|word| message.to_lowercase().contains(word)) {
            findings.push("the message does not say what to do".to_owned());
        }
        if message.chars().count() > LONGEST {
            findings.push(format!("the message has {} characters", message.chars().count()));
        }
        if message.contains("panicked") || message.contains("defect") {
            findings.push("the message speaks of a defect".to_owned());
        }
        if !findings.is_empty() {
            findings.push(format!("{error}: {}", message.chars().take(1200).collect::<String>()));
        }
        findings
    }
}

/// A path stands before what is wrong there, or is the beginning of one.
fn tells(message: &str, at: &str) -> bool {
    let starts = |line: &str| line.starts_with(&format!("{at}: ")) || (at.len() > 1 && line.starts_with(at));
    message.lines().any(starts)
        || message.contains(&format!(": {at}: "))
        || message.contains(&format!(". {at}: "))
        || message.contains(&format!(" {at}: "))
        || message.contains(&format!(": {at}/"))
}

/// What a message that says what to do has one of.
const ADVICE: [&str; 14] = [
    "correct",
    "give",
    "put ",
    "create",
    "restore",
    "start",
    "name ",
    "deploy",
    "invoke",
    "needed",
    "either",
    "a fleet has",
    "list what",
    "mend",
];
/// An execution's cause has at most 32,768 characters.
const LONGEST: usize = 30_000;

/// Sets a field or an item, or removes it.
pub(super) fn put(document: &mut Value, pointer: &str, value: Option<Value>) -> Option<()> {
    let (parent, key) = pointer.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    match document.pointer_mut(parent)? {
        Value::Object(fields) => {
            match value {
                Some(value) => fields.insert(key, value),
                None => fields.remove(&key),
            };
        }
        Value::Array(items) => {
            let at: usize = key.parse().ok()?;
            match value {
                Some(value) => *items.get_mut(at)? = value,
                None => drop((at < items.len()).then(|| items.remove(at))?),
            }
        }
        _ => return None,
    }
    Some(())
}

fn repeated(text: &str) -> Option<String> {
    let (text, times) = text.strip_prefix("$repeat:")?.rsplit_once(':')?;
    Some(text.repeat(times.parse().ok()?))
}

fn expanded(value: &Value) -> Value {
    match value {
        Value::String(text) => repeated(text).map_or_else(|| value.clone(), Value::String),
        Value::Array(items) => items.iter().map(expanded).collect(),
        Value::Object(fields) => {
            if let Some((word, count)) = fields.iter().next()
                && let (Some(word), Some(count)) = (word.strip_prefix('$'), count.as_u64())
            {
                return many(word, usize::try_from(count).unwrap_or_default());
            }
            let fields = fields.iter();
            fields
                .map(|(key, value)| (repeated(key).unwrap_or_else(|| key.clone()), expanded(value)))
                .collect::<Map<String, Value>>()
                .into()
        }
        other => other.clone(),
    }
}

fn many(word: &str, count: usize) -> Value {
    let list = |item: &dyn Fn(usize) -> String| (0..count).map(|n| json!(item(n))).collect();
    let fields = || (0..count).map(|n| (format!("k{n}"), json!("v"))).collect::<Map<_, _>>();
    let nested = |around: &dyn Fn(Value) -> Value| (0..count).fold(json!("x"), |inner, _| around(inner));
    match word {
        "arns" => list(&|n| format!("arn:aws:iam::{n:012}:root")),
        "networks" => list(&|n| format!("10.{n}.0.0/16")),
        "subnets" => list(&|n| format!("subnet-{n:08x}")),
        "groups" => list(&|n| format!("sg-{n:08x}")),
        "tags" | "fields" => fields().into(),
        "nest" => nested(&|inner| json!({"a": inner})),
        "nest_list" => nested(&|inner| json!([inner])),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_corpus_is_as_large_as_it_must_be_and_each_name_is_there_once() {
        let mut names = BTreeSet::new();
        for (file, _) in FILES {
            for case in cases(file).unwrap() {
                assert!(
                    names.insert(format!("{file}/{}", case.name)),
                    "{file}/{} twice",
                    case.name
                );
            }
        }
        assert!(names.len() >= 150);
    }

    #[test]
    fn an_error_that_says_nothing_is_found() {
        let case: Case = serde_json::from_value(json!({"name": "x", "at": "/action", "says": ["plan"]})).unwrap();
        assert!(
            case.findings("InvalidRequest", "/action: must be plan. Correct it.")
                .is_empty()
        );
        for (error, message) in [
            ("Unexpected", "/action: must be plan. Correct it."),
            ("InvalidRequest", "must be plan. Correct it."),
            ("InvalidRequest", "/action: is wrong. Correct it."),
            ("InvalidRequest", "/action: must be plan."),
        ] {
            assert!(!case.findings(error, message).is_empty(), "{message}");
        }
    }
}
