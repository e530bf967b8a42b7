//! Takes credentials out of what a remote answers: a message that repeats what was sent would end in logs, histories and events.

use std::borrow::Cow;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// What stands in the place of a credential.
const REDACTED: &str = "[redacted]";
/// A shorter text is no credential of a vendor's, and would be found in words.
const MIN_CHARS: usize = 8;

/// A JSON body without these credentials, in however JSON writes them; another body as it is, since none is ever shown.
pub(crate) fn json_body(body: Vec<u8>, secrets: &[&SecretString]) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(&body) else {
        return body;
    };
    if !redact(&mut value, secrets) {
        return body;
    }
    // A value that was read can be written.
    serde_json::to_vec(&value).unwrap_or_default()
}

/// Whether there was anything to take out.
fn redact(value: &mut Value, secrets: &[&SecretString]) -> bool {
    match value {
        Value::String(string) => {
            let clean = text(string, secrets).into_owned();
            let changed = clean != *string;
            *string = clean;
            changed
        }
        Value::Array(items) => items.iter_mut().fold(false, |any, item| redact(item, secrets) | any),
        Value::Object(fields) => {
            let leaking = fields.keys().any(|key| text(key, secrets) != *key);
            if leaking {
                let named = std::mem::take(fields).into_iter();
                *fields = named
                    .map(|(key, value)| (text(&key, secrets).into_owned(), value))
                    .collect();
            }
            fields
                .values_mut()
                .fold(leaking, |any, field| redact(field, secrets) | any)
        }
        _ => false,
    }
}

fn text<'a>(text: &'a str, secrets: &[&SecretString]) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for secret in secrets {
        let secret = secret.expose_secret();
        if secret.len() >= MIN_CHARS && text.contains(secret) {
            text = Cow::Owned(text.replace(secret, REDACTED));
        }
    }
    text
}

/// A message of AWS's up to where it repeats the request: of a signature that does not match it shows the canonical request, session
/// token included, and of a header that is not complete the header ("IncompleteSignature", "SignatureDoesNotMatch").
pub(crate) fn aws_message(message: &str) -> &str {
    const REPEATS: [&str; 6] = [
        "The Canonical String",
        "The String-to-Sign",
        "AWS4-HMAC-SHA256",
        "Authorization=",
        "x-amz-security-token",
        "X-Amz-Security-Token",
    ];
    let end = REPEATS.iter().filter_map(|start| message.find(start)).min();
    &message[..end.unwrap_or(message.len())]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn clean(body: &str, secret: &str) -> String {
        String::from_utf8(json_body(body.as_bytes().to_vec(), &[&SecretString::from(secret)])).unwrap()
    }

    #[test]
    fn a_credential_goes_however_json_writes_it() {
        let secret = "AVNS/a+b=c\"d";
        for body in [
            r#"{"message": "bad token AVNS/a+b=c\"d!"}"#,
            r#"{"message": "bad token AVNS\/a+b\u003dc\u0022d!"}"#,
            r#"{"errors": [{"deep": ["AVNS/a+b=c\"d"]}], "AVNS/a+b=c\"d": 1}"#,
        ] {
            let clean = clean(body, secret);
            assert!(!clean.contains("a+b") && clean.contains(REDACTED), "{clean}");
        }
    }

    #[test]
    fn what_holds_none_stays_as_it_is() {
        for body in [r#"{"message" : "a\/b"}"#, "<html>0123456789</html>", "{\"half", ""] {
            assert_eq!(clean(body, "0123456789"), body);
        }
        assert_eq!(clean(r#"{"state": "active"}"#, "active"), r#"{"state": "active"}"#);
    }

    #[test]
    fn aws_may_not_repeat_the_request() {
        let message = "The request signature we calculated does not match the signature you provided. The Canonical String for this \
             request should have been 'POST\n/\n\nx-amz-security-token:IQoJ";
        assert!(aws_message(message).ends_with("you provided. "));
        let message = "'abc' not a valid key=value pair (missing equal-sign) in Authorization header: 'AWS4-HMAC-SHA256 Credential=x'.";
        assert!(aws_message(message).ends_with("header: '"));
        assert_eq!(aws_message("Rate exceeded"), "Rate exceeded");
    }
}
