//! What the measured processes call: the simulators of EC2 and Aiven, and just enough of Secrets Manager, Route 53, and the services
//! that speak JSON, all over TLS, and each behind a door that counts its connections.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use simulators::aiven::{self, Aiven};
use simulators::clock::Clock;
use simulators::ec2::{self, Ec2};
use simulators::fabric::Fabric;
use simulators::knobs::Knobs;
use simulators::recorder::Recorder;
use simulators::server::Server;
use simulators::tls::Ca;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// Simulated time runs so much faster: the twelve minutes of a connection pass in less than a second.
const SPEED: f64 = 2000.0;
/// The secret of the examples' requests.
const SECRET_ID: &str = "privatelink/aiven";

/// The running remotes. Dropping them stops them.
pub struct Remotes {
    doors: BTreeMap<&'static str, Door>,
    ca_file: PathBuf,
    _servers: Vec<Server>,
}

impl Remotes {
    /// Starts them within the current tokio runtime; the certificate authority goes into a file of `dir`.
    ///
    /// # Errors
    /// When a port cannot be bound or the file cannot be written.
    pub async fn start(dir: &Path) -> io::Result<Self> {
        let fabric = Fabric::new(Clock::new(SPEED), Knobs::default());
        let recorder = Recorder::default();
        let ec2 = Ec2::new(fabric.clone(), recorder.clone(), ec2::World::default(), None);
        let aiven = Aiven::new(fabric, recorder, aiven::default_world());
        let ca = Ca::of_rsa_keys(&rsa_keys()?)?;
        let ca_file = dir.join("ca.pem");
        std::fs::write(&ca_file, &ca.pem)?;

        let mut servers = Vec::new();
        let mut doors = BTreeMap::new();
        for (name, router) in [
            ("ec2", ec2.router()),
            ("aiven", aiven.router()),
            ("secretsmanager", Router::new().fallback(secrets_manager)),
            ("route53", Router::new().fallback(route53)),
            ("dynamodb", Router::new().fallback(json_service)),
            ("sqs", Router::new().fallback(json_service)),
            ("ssm", Router::new().fallback(json_service)),
            ("states", Router::new().fallback(json_service)),
        ] {
            let server = Server::https(router, &ca).await?;
            doors.insert(name, Door::open(&server.url).await?);
            servers.push(server);
        }
        Ok(Self {
            doors,
            ca_file,
            _servers: servers,
        })
    }

    /// What points a process to them: our functions, boto3, and the SDKs of Go and Node.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let url = |name: &str| self.doors.get(name).map(|door| door.url.clone()).unwrap_or_default();
        let ca = self.ca_file.display().to_string();
        vec![
            ("AIVEN_API_URL", url("aiven")),
            ("AWS_ENDPOINT_URL_DYNAMODB", url("dynamodb")),
            ("AWS_ENDPOINT_URL_EC2", url("ec2")),
            ("AWS_ENDPOINT_URL_ROUTE_53", url("route53")),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url("secretsmanager")),
            ("AWS_ENDPOINT_URL_SFN", url("states")),
            ("AWS_ENDPOINT_URL_SQS", url("sqs")),
            ("AWS_ENDPOINT_URL_SSM", url("ssm")),
            ("EXTRA_CA_FILE", ca.clone()),
            ("AWS_CA_BUNDLE", ca.clone()),
            ("SSL_CERT_FILE", ca.clone()),
            ("NODE_EXTRA_CA_CERTS", ca),
        ]
    }

    /// Connections to each host since the last call.
    pub fn take_connections(&self) -> BTreeMap<&'static str, u32> {
        let taken = self
            .doors
            .iter()
            .map(|(name, door)| (*name, door.count.swap(0, Ordering::Relaxed)));
        taken.filter(|(_, count)| *count > 0).collect()
    }
}

/// Keys of 2,048 bits, with which AWS's own endpoints and their authority sign (<https://www.amazontrust.com/repository/>): a client has
/// three signatures to verify, each in a tenth of the time of one with P-256, which the simulators' certificates have elsewhere. Node.js
/// makes them, since no TLS library here can.
fn rsa_keys() -> io::Result<[String; 3]> {
    const PROGRAM: &str = r#"
        const { generateKeyPairSync } = require("node:crypto");
        const encoding = {
          publicKeyEncoding: { type: "spki", format: "pem" },
          privateKeyEncoding: { type: "pkcs8", format: "pem" },
        };
        const keys = [1, 2, 3].map(() => generateKeyPairSync("rsa", { modulusLength: 2048, ...encoding }).privateKey);
        process.stdout.write(JSON.stringify(keys));
    "#;
    let needed = |why: String| io::Error::other(format!("Node.js, which makes the remotes' keys, {why}"));
    let output = Command::new("node")
        .args(["-e", PROGRAM])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| needed(format!("does not start: {error}. Install it, or put it on the PATH.")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(needed(format!("ended with {}: {}", output.status, said.trim())));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Forwards connections and counts them.
struct Door {
    url: String,
    count: Arc<AtomicU32>,
    task: tokio::task::AbortHandle,
}

impl Door {
    async fn open(to: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("https://{}", listener.local_addr()?);
        let count = Arc::new(AtomicU32::new(0));
        let (inside, counted) = (to.trim_start_matches("https://").to_owned(), Arc::clone(&count));
        let task = tokio::spawn(async move {
            while let Ok((mut outer, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let inside = inside.clone();
                tokio::spawn(async move {
                    if let Ok(mut inner) = TcpStream::connect(inside).await {
                        let _ = (outer.set_nodelay(true), inner.set_nodelay(true));
                        // Either side's end is the end.
                        let _ = copy_bidirectional(&mut outer, &mut inner).await;
                    }
                });
            }
        })
        .abort_handle();
        Ok(Self { url, count, task })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn secrets_manager(headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, answer) = if target == Some("secretsmanager.GetSecretValue") && asked["SecretId"] == SECRET_ID {
        let answer = json!({
            "ARN": format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:{SECRET_ID}-AbCdEf"),
            "Name": SECRET_ID,
            "VersionId": "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111",
            "SecretString": json!({ "token": aiven::TOKEN }).to_string(),
            "VersionStages": ["AWSCURRENT"],
            "CreatedDate": 1_767_225_600.0,
        });
        (StatusCode::OK, answer)
    } else {
        let answer = json!({ "__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find the specified secret." });
        (StatusCode::BAD_REQUEST, answer)
    };
    (
        status,
        [("content-type", "application/x-amz-json-1.1")],
        answer.to_string(),
    )
        .into_response()
}

/// A VPC without private hosted zones.
async fn route53(uri: Uri) -> Response {
    if uri.path() != "/2013-04-01/hostedzonesbyvpc" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let answer = r#"<?xml version="1.0"?><ListHostedZonesByVPCResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><HostedZoneSummaries/><MaxItems>100</MaxItems></ListHostedZonesByVPCResponse>"#;
    ([("content-type", "text/xml")], answer).into_response()
}

/// An empty table, no vending profile, and a state machine that starts and is woken.
async fn json_service(headers: HeaderMap) -> Response {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let answer = match target.and_then(|target| target.rsplit('.').next()) {
        Some("Scan") => json!({ "Count": 0, "ScannedCount": 0, "Items": [] }),
        Some("GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" | "SendTaskSuccess") => json!({}),
        Some("GetParametersByPath") => json!({ "Parameters": [] }),
        Some("StartExecution") => json!({
            "executionArn": "arn:aws:states:eu-west-1:111122223333:execution:privatelink:event-1",
            "startDate": 1_767_225_600.0,
        }),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([("content-type", "application/x-amz-json-1.0")], answer.to_string()).into_response()
}
