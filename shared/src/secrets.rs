//! Credentials from Secrets Manager, kept in the process for at most five minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_types::SdkConfig;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::{Error, ErrorName, Result, aws};

/// So that a rotated secret is noticed soon even if the old one still works.
const MAX_AGE: Duration = Duration::from_secs(5 * 60);
/// However long a vendor says that a token is good.
const MAX_TOKEN_AGE: Duration = Duration::from_secs(24 * 60 * 60);
/// A token is not used when it has less than this left.
const TOKEN_MARGIN: Duration = Duration::from_secs(60);

/// What a process remembers of secrets and of the tokens it got for them. Lives as long as the process.
#[derive(Debug, Default, Clone)]
pub struct SecretCache(Arc<Mutex<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    secrets: HashMap<String, (Instant, SecretString)>,
    tokens: HashMap<String, (Instant, SecretString)>,
}

impl SecretCache {
    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn secret(&self, id: &str) -> Option<SecretString> {
        self.lock()
            .secrets
            .get(id)
            .filter(|(read, _)| read.elapsed() < MAX_AGE)
            .map(|(_, secret)| secret.clone())
    }
}

/// Secrets Manager, for one invocation and one secret.
#[derive(Debug, Clone)]
pub struct Secret {
    config: SdkConfig,
    cache: SecretCache,
    id: String,
}

impl Secret {
    /// The secret with this name or ARN.
    pub fn new(config: SdkConfig, cache: SecretCache, id: &str) -> Self {
        Self {
            config,
            cache,
            id: id.to_owned(),
        }
    }

    /// Forgets the secret and its token: after a 401 it may have been rotated.
    pub fn forget(&self) {
        let mut remembered = self.cache.lock();
        remembered.secrets.remove(&self.id);
        remembered.tokens.remove(&self.id);
    }

    /// A token that was got for this secret and is still good.
    pub fn token(&self) -> Option<SecretString> {
        self.cache
            .lock()
            .tokens
            .get(&self.id)
            .filter(|(until, _)| Instant::now() + TOKEN_MARGIN < *until)
            .map(|(_, token)| token.clone())
    }

    /// Remembers a token for as long as it is good.
    pub fn remember_token(&self, token: SecretString, lifetime: Duration) {
        self.cache
            .lock()
            .tokens
            .insert(self.id.clone(), (Instant::now() + lifetime.min(MAX_TOKEN_AGE), token));
    }

    /// The named string fields of the secret's JSON object.
    ///
    /// # Errors
    /// `InvalidRequest` for a missing secret, one that is no JSON object of text, and a missing or empty field; `Denied` where the
    /// function may not read or decrypt it.
    pub async fn fields<const N: usize>(&self, names: [&str; N]) -> Result<[SecretString; N]> {
        let text = match self.cache.secret(&self.id) {
            Some(text) => text,
            None => self.read().await?,
        };
        let fields = self.parse(&text, names);
        if fields.is_err() {
            // A person is about to correct it; do not hold on to the wrong one.
            self.forget();
        }
        fields
    }

    async fn read(&self) -> Result<SecretString> {
        // Only now, since most steps of AWS's side never read it: a client is half a million instructions.
        let client = Client::new(&self.config);
        let answer = client.get_secret_value().secret_id(&self.id).send().await.map_err(|error| {
            let id = &self.id;
            match error.as_service_error().and_then(ProvideErrorMetadata::code) {
                Some("ResourceNotFoundException") => Error::invalid_at(
                    "/provider/secret_id",
                    format!("Secrets Manager has no secret \"{id}\" in the workflow's account and region, or no current value in it. Create it, or correct the name."),
                ),
                Some("InvalidRequestException") => Error::invalid_at(
                    "/provider/secret_id",
                    format!("the secret \"{id}\" cannot be read, as it is scheduled for deletion. Restore it, or name another."),
                ),
                Some("DecryptionFailure") => Error::new(
                    ErrorName::Denied,
                    format!("the secret \"{id}\" cannot be decrypted: give the function kms:Decrypt on its key (the stack's SecretsKmsKeyArn)."),
                ),
                _ => aws::error(&error, &format!("reading the secret \"{id}\"")),
            }
        })?;
        let text = answer
            .secret_string
            .ok_or_else(|| self.wrong_shape("is binary, not text"))?;
        let text = SecretString::from(text);
        self.cache
            .lock()
            .secrets
            .insert(self.id.clone(), (Instant::now(), text.clone()));
        Ok(text)
    }

    fn parse<const N: usize>(&self, text: &SecretString, names: [&str; N]) -> Result<[SecretString; N]> {
        let expected = format!("{{\"{}\"}}", names.join("\",\""));
        let value: Value = serde_json::from_str(text.expose_secret())
            .map_err(|_| self.wrong_shape(&format!("is not JSON; expected an object {expected} of strings")))?;
        let Value::Object(object) = value else {
            return Err(self.wrong_shape(&format!("is JSON but no object; expected {expected}")));
        };
        let mut fields = Vec::with_capacity(N);
        for name in names {
            match object.get(name) {
                Some(Value::String(text)) if !text.trim().is_empty() => fields.push(SecretString::from(text.trim())),
                Some(Value::String(_)) => return Err(self.wrong_shape(&format!("has an empty \"{name}\""))),
                Some(_) => return Err(self.wrong_shape(&format!("has a \"{name}\" that is not a string"))),
                None => return Err(self.wrong_shape(&format!("has no \"{name}\"; expected {expected}"))),
            }
        }
        fields
            .try_into()
            .map_err(|_| Error::unexpected("a secret's fields were miscounted: this is a defect of the workflow."))
    }

    fn wrong_shape(&self, what: &str) -> Error {
        Error::invalid_at(
            "/provider/secret_id",
            format!(
                "the secret \"{}\" {what}. Correct its value in Secrets Manager and start again.",
                self.id
            ),
        )
    }
}
