//! A message of the watch: what to look at again, and whom to wake.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::document::Document;
use shared::{Error, Result};

/// Where a message is found in the event. The event source hands over one at a time, so that one that fails is alone in coming again.
const BODY: &str = "/Records/0/body";

/// One message.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// Whoever has it can end the wait.
    task_token: SecretString,
    /// The phase's key in the document.
    pub phase: String,
    /// Seconds that the watch has waited since the state was entered, before the wait that this message was delayed by.
    #[serde(default)]
    pub watched_seconds: u32,
    /// As the state machine had it, with the phase as the watch saw it last.
    pub document: Value,
}

impl Message {
    /// Reads the event of Lambda's event source mapping.
    ///
    /// # Errors
    /// `Unexpected` for what is no message of the watch, without its text: it may hold a token.
    pub fn of_event(event: &Value) -> Result<Self> {
        let message = event.pointer(BODY).and_then(Value::as_str).map(serde_json::from_str);
        match message {
            Some(Ok(message)) if event.pointer("/Records/1").is_none() => Ok(message),
            _ => Err(Error::unexpected(
                "the watch was invoked with what is no single message of its queue: only the state machine and the watch itself \
                 write there, and the event source has a batch size of 1. Deploy the stack's template as it is.",
            )),
        }
    }

    /// The document, read.
    ///
    /// # Errors
    /// As [`crate::runtime::document`].
    pub fn document(&self) -> Result<Document> {
        crate::runtime::document(self.document.clone())
    }

    /// For the one call that needs it.
    pub fn task_token(&self) -> &str {
        self.task_token.expose_secret()
    }

    /// The text of the next message: of the same task, after a wait, with what was seen now.
    pub fn next(&self, watched_seconds: u32, seen: Value) -> String {
        let mut document = self.document.clone();
        if let Some(phases) = document.as_object_mut() {
            phases.insert(self.phase.clone(), seen);
        }
        json!({
            "task_token": self.task_token(), "phase": self.phase, "watched_seconds": watched_seconds, "document": document,
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn event(body: &Value) -> Value {
        json!({"Records": [{"messageId": "1", "body": body.to_string(), "eventSource": "aws:sqs"}]})
    }

    fn body() -> Value {
        json!({"task_token": "the-token", "phase": "service", "document": {"service": {"attempt": 1}, "request": {}}})
    }

    #[test]
    fn the_next_message_is_the_same_but_for_what_was_seen() {
        let message = Message::of_event(&event(&body())).unwrap();
        assert_eq!(message.watched_seconds, 0);
        let next: Value = serde_json::from_str(&message.next(50, json!({"attempt": 2}))).unwrap();
        let mut expected = body();
        expected["watched_seconds"] = json!(50);
        expected["document"]["service"]["attempt"] = json!(2);
        assert_eq!(next, expected);
    }

    #[test]
    fn what_is_no_message_is_told_without_its_text() {
        let two = json!({"Records": [event(&body())["Records"][0], event(&body())["Records"][0]]});
        let mut without_phase = body();
        without_phase.as_object_mut().unwrap().remove("phase");
        for event in [json!({}), json!({"Records": []}), two, event(&without_phase)] {
            let error = Message::of_event(&event).unwrap_err();
            assert_eq!(error.name, shared::ErrorName::Unexpected);
            assert!(!error.message.contains("the-token"), "{}", error.message);
        }
    }

    #[test]
    fn debug_does_not_tell_the_token() {
        let message = Message::of_event(&event(&body())).unwrap();
        assert!(!format!("{message:?}").contains("the-token"));
    }
}
