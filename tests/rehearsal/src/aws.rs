//! A small client of the emulator's APIs: requests carry what routes them (account, region, service), and no real signature.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::{Error, Result, emulator, http};

const TIMEOUT: Duration = Duration::from_secs(60);

/// The emulator's APIs, for one account and region. Clones share connections.
#[derive(Debug, Clone)]
pub struct Aws {
    url: String,
    states_url: String,
    account: String,
    http: reqwest::Client,
}

/// An error that an API answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// `ExecutionDoesNotExist`, `ResourceExistsException`, …
    pub code: String,
    pub message: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.message)
    }
}

/// What a call came to: the API's own error is for the caller to judge.
pub type Answer<T> = Result<Result<T, ApiError>>;

impl Aws {
    /// `url`: the emulator's, without a slash at the end.
    ///
    /// # Errors
    /// When no HTTP client can be made; not expected.
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self {
            url: url.to_owned(),
            states_url: url.to_owned(),
            account: emulator::ACCOUNT.to_owned(),
            http: http::client()?,
        })
    }

    /// The same, but Step Functions is at another address.
    #[must_use]
    pub fn with_states_at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.states_url);
        self
    }

    /// Calls an API that speaks JSON. `target` is the `X-Amz-Target` header, like `AWSStepFunctions.StartExecution`.
    ///
    /// # Errors
    /// When the emulator does not answer, or not with JSON.
    pub async fn json(&self, service: &str, target: &str, body: &Value) -> Answer<Value> {
        let url = if service == "states" {
            &self.states_url
        } else {
            &self.url
        };
        let request = self
            .http
            .post(format!("{url}/"))
            .header(AUTHORIZATION, self.authorization(service))
            .header(CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("X-Amz-Target", target)
            .body(body.to_string());
        let (status, text) = self.send(request, target).await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        if (200..300).contains(&status) {
            return Ok(Ok(body));
        }
        let word = |names: [&str; 2]| names.iter().find_map(|name| body[*name].as_str()).map(str::to_owned);
        let code = word(["__type", "code"]).unwrap_or_default();
        let code = code.rsplit('#').next().unwrap_or_default().to_owned();
        let message = word(["message", "Message"]).unwrap_or(text);
        Ok(Err(ApiError { status, code, message }))
    }

    /// The same where every error of the API is an error of ours.
    ///
    /// # Errors
    /// As [`Aws::json`], and any error that the API answers.
    pub async fn expect_json(&self, service: &str, target: &str, body: &Value) -> Result<Value> {
        self.json(service, target, body)
            .await?
            .map_err(|error| calling(target).because(error))
    }

    /// Calls an API that takes a form and answers XML, like CloudFormation.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub async fn query(
        &self,
        service: &str,
        action: &str,
        version: &str,
        parameters: &[(String, String)],
    ) -> Answer<String> {
        let mut form = vec![
            ("Action".to_owned(), action.to_owned()),
            ("Version".to_owned(), version.to_owned()),
        ];
        form.extend_from_slice(parameters);
        let request = self
            .http
            .post(format!("{}/", self.url))
            .header(AUTHORIZATION, self.authorization(service))
            .form(&form);
        let (status, text) = self.send(request, action).await?;
        if (200..300).contains(&status) {
            return Ok(Ok(text));
        }
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
        };
        Ok(Err(ApiError {
            status,
            code: element("Code").unwrap_or_default(),
            message: element("Message").unwrap_or_else(|| text.clone()),
        }))
    }

    /// Invokes a Lambda function and waits for its answer, which is an object with `errorType` where the function failed.
    ///
    /// # Errors
    /// When the emulator does not answer, or not with JSON.
    pub async fn invoke(&self, function: &str, input: &Value) -> Result<Value> {
        let what = format!("Invoke {function}");
        let request = self
            .http
            .post(format!("{}/2015-03-31/functions/{function}/invocations", self.url))
            .header(AUTHORIZATION, self.authorization("lambda"))
            .body(input.to_string());
        let (status, text) = self.send(request, &what).await?;
        let unexpected = || calling(&what).because(format!("{status} {text}"));
        serde_json::from_str(&text).map_err(|_| unexpected())
    }

    /// Makes a bucket.
    ///
    /// # Errors
    /// When the emulator does not answer or refuses.
    pub async fn create_bucket(&self, bucket: &str) -> Result<()> {
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{}</LocationConstraint></CreateBucketConfiguration>",
            emulator::REGION
        );
        self.put(&format!("/{bucket}"), place.into_bytes()).await
    }

    /// Puts an object.
    ///
    /// # Errors
    /// When the emulator does not answer or refuses.
    pub async fn put_object(&self, bucket: &str, key: &str, content: Vec<u8>) -> Result<()> {
        self.put(&format!("/{bucket}/{key}"), content).await
    }

    /// Gets an object that is text.
    ///
    /// # Errors
    /// When the emulator does not answer or refuses.
    pub async fn get_object(&self, bucket: &str, key: &str) -> Result<String> {
        let what = format!("GET s3:/{bucket}/{key}");
        let request = self
            .http
            .get(self.object_url(bucket, key))
            .header(AUTHORIZATION, self.authorization("s3"));
        let (status, text) = self.send(request, &what).await?;
        if (200..300).contains(&status) {
            Ok(text)
        } else {
            Err(calling(&what).because(format!("{status} {text}")))
        }
    }

    async fn put(&self, path: &str, content: Vec<u8>) -> Result<()> {
        let what = format!("PUT s3:/{path}");
        let request = self
            .http
            .put(format!("{}{path}", self.url))
            .header(AUTHORIZATION, self.authorization("s3"))
            .header("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
            .body(content);
        let (status, text) = self.send(request, &what).await?;
        if (200..300).contains(&status) {
            Ok(())
        } else {
            Err(calling(&what).because(format!("{status} {text}")))
        }
    }

    /// The address of an object, for APIs that read it there.
    pub fn object_url(&self, bucket: &str, key: &str) -> String {
        format!("{}/{bucket}/{key}", self.url)
    }

    /// Creates a secret, or gives an existing one a new value.
    ///
    /// # Errors
    /// When the emulator does not answer or refuses.
    pub async fn put_secret(&self, name: &str, value: &str) -> Result<()> {
        let body = json!({ "Name": name, "SecretString": value });
        let created = self
            .json("secretsmanager", "secretsmanager.CreateSecret", &body)
            .await?;
        match created {
            Ok(_) => Ok(()),
            Err(error) if error.code == "ResourceExistsException" => {
                let body = json!({ "SecretId": name, "SecretString": value });
                self.expect_json("secretsmanager", "secretsmanager.PutSecretValue", &body)
                    .await
                    .map(drop)
            }
            Err(error) => Err(calling("secretsmanager.CreateSecret").because(error)),
        }
    }

    /// Deletes a secret for good.
    ///
    /// # Errors
    /// When the emulator does not answer or refuses.
    pub async fn delete_secret(&self, name: &str) -> Result<()> {
        let body = json!({ "SecretId": name, "ForceDeleteWithoutRecovery": true });
        self.expect_json("secretsmanager", "secretsmanager.DeleteSecret", &body)
            .await
            .map(drop)
    }

    /// Everything that was logged, by log group.
    ///
    /// # Errors
    /// When the emulator does not answer or refuses.
    pub async fn logs(&self) -> Result<BTreeMap<String, String>> {
        let mut logs = BTreeMap::new();
        for group in self
            .pages("Logs_20140328.DescribeLogGroups", json!({}), "logGroups")
            .await?
        {
            let Some(name) = group["logGroupName"].as_str() else {
                continue;
            };
            let request = json!({ "logGroupName": name });
            let events = self.pages("Logs_20140328.FilterLogEvents", request, "events").await?;
            let lines = events.iter().filter_map(|event| event["message"].as_str());
            let text = lines.fold(String::new(), |text, line| text + line.trim_end() + "\n");
            logs.insert(name.to_owned(), text);
        }
        Ok(logs)
    }

    async fn pages(&self, target: &str, mut request: Value, items: &str) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        loop {
            let mut page = self.expect_json("logs", target, &request).await?;
            if let Value::Array(some) = page[items].take() {
                all.extend(some);
            }
            match page["nextToken"].take() {
                // CloudWatch Logs repeats the token on the last page.
                token if token.is_string() && token != request["nextToken"] => request["nextToken"] = token,
                _ => return Ok(all),
            }
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder, what: &str) -> Result<(u16, String)> {
        let failed = |error: reqwest::Error| {
            calling(what)
                .because(error.without_url())
                .advise("The emulator has ended or is stuck; its log says more.")
        };
        let response = request.timeout(TIMEOUT).send().await.map_err(failed)?;
        let status = response.status().as_u16();
        Ok((status, response.text().await.map_err(failed)?))
    }

    /// The emulator reads account, region and service from the credential's scope, and checks no signature.
    fn authorization(&self, service: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/{}/{service}/aws4_request, SignedHeaders=host;x-amz-date, Signature=unchecked",
            self.account,
            emulator::REGION
        )
    }
}

struct Calling(String);

fn calling(what: &str) -> Calling {
    Calling(format!("calling the emulator, {what}"))
}

impl Calling {
    fn because(self, why: impl fmt::Display) -> Error {
        Error::new(self.0, why)
    }
}
