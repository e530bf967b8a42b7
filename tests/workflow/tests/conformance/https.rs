//! The one HTTP client, towards the vendors and towards AWS: TLS only, no redirect, no answer without bounds, and nothing in a request, a
//! secret or a profile that sends a credential elsewhere.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_credential_types::Credentials;
use axum::Router;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, HOST, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use shared::http::{self, Tls};
use shared::request::{self, Request as Asked};
use shared::secrets::{Secret, SecretCache};
use shared::settings::Settings;
use shared::{Error, ErrorName, Result, aws};
use simulators::hostile;
use simulators::server::Server;
use simulators::tls::Ca;

use crate::rig::{Rig, both, failure, quick};
use crate::secrets_manager::Stored;
use crate::vendor::Vendor;

const MIB: usize = 1024 * 1024;
/// What kernel and TLS hold on the way besides what the client reads.
const ON_THE_WAY: usize = 12 * MIB;
/// The bounds of `shared::http` and `shared::aws`.
const OF_VENDORS: usize = 4 * MIB;
const OF_AWS: usize = 32 * MIB;
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

/// A server and the authority that signed for it.
struct There {
    server: Server,
    ca: Ca,
}

impl There {
    async fn start(router: Router) -> Self {
        let ca = Ca::new().unwrap();
        Self {
            server: Server::https(router, &ca).await.unwrap(),
            ca,
        }
    }

    /// The vendor is there.
    fn instead_of_vendor(&self, rig: &mut Rig) {
        rig.trust(&self.ca.pem);
        at(rig, &self.server.url);
    }
}

fn at(rig: &mut Rig, url: &str) {
    rig.settings.hcp_api_url = url.parse().unwrap();
    rig.settings.aiven_api_url = url.parse().unwrap();
}

/// Reads a secret from a Secrets Manager at an address, as a function does.
async fn read_secret(url: &str, ca_pem: Option<&str>) -> Result<()> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ca_pem.unwrap_or_default()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let settings = Settings::from_lookup(|name| (name == "EXTRA_CA_FILE" && ca_pem.is_some()).then(|| path.clone()));
    let http = http::Client::new(&Tls::new(&settings.unwrap()).unwrap(), "conformance").unwrap();
    let credentials = Credentials::new(
        "AKIDEXAMPLE",
        "a-secret-access-key",
        Some("a-session-token".into()),
        None,
        "test",
    );
    let config = aws::config_as(&http, "eu-west-1", credentials).await;
    let config = config.to_builder().endpoint_url(url).build();
    let secret = Secret::new(config, SecretCache::default(), "privatelink/x");
    secret.fields(["token"]).await.map(|_| ())
}

#[test]
fn an_address_without_tls_is_refused() {
    for name in ["HCP_API_URL", "HCP_AUTH_URL", "AIVEN_API_URL"] {
        for url in [
            "http://api.example",
            "ftp://api.example",
            "api.example",
            "file:///etc/passwd",
        ] {
            let settings = Settings::from_lookup(|asked| (asked == name).then(|| url.to_owned()));
            let error = settings.unwrap_err();
            assert!(error.message.contains(name), "{url}: {error}");
        }
    }
}

#[tokio::test]
async fn an_answer_of_aws_that_redirects_is_not_followed() {
    for status in REDIRECTS {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let target = There::start(Router::new().fallback(move || {
            count.fetch_add(1, Ordering::Relaxed);
            async { StatusCode::OK }
        }))
        .await;
        let location = target.server.url.clone();
        let there = There::start(Router::new().fallback(move || {
            let location = location.clone();
            async move { (StatusCode::from_u16(status).unwrap(), [(LOCATION, location)]).into_response() }
        }))
        .await;
        let both = format!("{}{}", there.ca.pem, target.ca.pem);
        let error = read_secret(&there.server.url, Some(&both)).await.unwrap_err();
        assert_ne!(error.name, ErrorName::InvalidRequest, "{status}: {error}");
        assert_eq!(asked.load(Ordering::Relaxed), 0, "{status}");
    }
}

#[tokio::test]
async fn whom_aws_is_not_signed_by_gets_nothing_sent() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let there = There::start(Router::new().fallback(move || {
        count.fetch_add(1, Ordering::Relaxed);
        async { StatusCode::OK }
    }))
    .await;
    let error = read_secret(&there.server.url, None).await.unwrap_err();
    assert_eq!(error.name, ErrorName::Unavailable, "{error}");
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    read_secret(&there.server.url, Some(&there.ca.pem)).await.unwrap_err();
    assert_eq!(asked.load(Ordering::Relaxed), 1, "with the authority it is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_given_up_at_the_bound() {
    for length in [Some(100 * MIB), None] {
        both(quick, async |mut rig| {
            let sent = Arc::new(AtomicUsize::new(0));
            let there = There::start(hostile::flood(length, Arc::clone(&sent))).await;
            there.instead_of_vendor(&mut rig);
            let error = failure(rig.ensure(1).await, &["more than 4194304 bytes"]);
            assert_eq!(error.name, ErrorName::Unexpected);
            let sent = sent.load(Ordering::Relaxed);
            assert!((OF_VENDORS..OF_VENDORS + ON_THE_WAY).contains(&sent), "{sent} bytes");
        })
        .await;
        let sent = Arc::new(AtomicUsize::new(0));
        let there = There::start(hostile::flood(length, Arc::clone(&sent))).await;
        let error = read_secret(&there.server.url, Some(&there.ca.pem)).await.unwrap_err();
        assert_eq!(error.name, ErrorName::Unexpected, "{error}");
        assert!(error.message.contains("larger than any"), "{error}");
        let sent = sent.load(Ordering::Relaxed);
        assert!((OF_AWS..OF_AWS + ON_THE_WAY).contains(&sent), "{sent} bytes");
    }
}

/// Twenty seconds each, all at once.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_keeps_silent_or_never_ends_is_given_up_in_time() {
    // Nobody accepts there: the kernel does, and no handshake follows.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let deaf = format!("https://{}", listener.local_addr().unwrap());
    let (silent, dripping) = tokio::join!(There::start(hostile::silence()), There::start(hostile::drip()));
    let vendor = async |url: &str, ca: Option<&str>| -> Error {
        let mut rig = Rig::start(Vendor::Aiven, quick).await;
        if let Some(ca) = ca {
            rig.trust(ca);
        }
        at(&mut rig, url);
        rig.ensure(1).await.unwrap_err()
    };
    let aws = async |url: &str, ca: Option<&str>| read_secret(url, ca).await.unwrap_err();
    let (silent_ca, dripping_ca) = (Some(silent.ca.pem.as_str()), Some(dripping.ca.pem.as_str()));
    let errors = tokio::join!(
        vendor(&deaf, None),
        vendor(&silent.server.url, silent_ca),
        vendor(&dripping.server.url, dripping_ca),
        aws(&deaf, None),
        aws(&silent.server.url, silent_ca),
        aws(&dripping.server.url, dripping_ca),
    );
    for error in [errors.0, errors.1, errors.2, errors.3, errors.4, errors.5] {
        assert_eq!(error.name, ErrorName::Unavailable, "{error}");
    }
}

/// Texts that would change host, path or header of a call if they got into it unescaped. `HOST` is where nobody may call.
const HOSTILE: [&str; 26] = [
    "https://HOST/",
    "//HOST",
    "//HOST/x",
    "@HOST",
    "x@HOST",
    "x:y@HOST/",
    ":1@HOST",
    ".HOST",
    "..",
    ".",
    "../../../x",
    "a/../../b",
    "a/b",
    "%2e%2e",
    "%2e%2e%2f%2e%2e%2f",
    "a%2f..%2f..%2fb",
    "a%00b",
    "a?host=HOST",
    "a#HOST",
    "a\r\nHost: HOST",
    "a%0d%0aHost:%20HOST",
    "a\nb",
    "a\\..\\b",
    "a;b",
    "ａ．ｂ",
    "a b",
];

/// Every place of a text in the document, as JSON pointers.
fn texts(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(n, item)| texts(item, &format!("{at}/{n}"), found)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(key, field)| texts(field, &format!("{at}/{key}"), found)),
        _ => {}
    }
}

/// What a server was asked: host, path with query, and whether with a credential.
type Log = Arc<Mutex<Vec<(String, String, bool)>>>;

fn log_and_refuse(log: &Log) -> Router {
    let log = Arc::clone(log);
    Router::new().fallback(move |request: Request| {
        let text = |headers: &HeaderMap, name| {
            headers
                .get(name)
                .map(|v: &axum::http::HeaderValue| v.to_str().unwrap().to_owned())
        };
        let entry = (
            text(request.headers(), HOST).unwrap_or_default(),
            request.uri().to_string(),
            request.headers().contains_key(AUTHORIZATION),
        );
        log.lock().unwrap().push(entry);
        async { StatusCode::NOT_FOUND }
    })
}

/// Everything that a provider does with a request, whatever comes of it.
async fn everything(rig: &Rig, request: &Asked) {
    let provider = rig.provider_of(request).await;
    let _ = provider.preflight().await;
    let _ = rig.provider_of(request).await.ensure_service(1).await;
    let _ = rig.provider_of(request).await.service_seen().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_field_of_a_request_changes_where_a_credential_goes() {
    for vendor in Vendor::ALL {
        let mut rig = Rig::start(vendor, quick).await;
        let (log, elsewhere) = (Log::default(), Log::default());
        let there = There::start(log_and_refuse(&log)).await;
        let trap = There::start(log_and_refuse(&elsewhere)).await;
        there.instead_of_vendor(&mut rig);
        rig.trust(&trap.ca.pem);
        let host = there.server.url.trim_start_matches("https://").to_owned();
        let trap_host = trap.server.url.trim_start_matches("https://").to_owned();
        everything(&rig, &rig.request).await;
        // Without query: what is asked for when nobody meddles.
        let depth = |uri: &str| uri.split('?').next().unwrap().split('/').count();
        let honest: Vec<(String, String, bool)> = std::mem::take(&mut *log.lock().unwrap());
        assert!(honest.iter().any(|(_, _, credential)| *credential), "{honest:?}");
        let depths: Vec<usize> = honest.iter().map(|(_, uri, _)| depth(uri)).collect();

        let example = vendor.example();
        let mut pointers = Vec::new();
        texts(&example, "", &mut pointers);
        assert!(pointers.len() >= 10, "{pointers:?}");
        let (mut refused, mut taken) = (0, 0);
        for pointer in &pointers {
            for hostile in HOSTILE {
                let hostile = hostile.replace("HOST", &trap_host);
                let own = example.pointer(pointer).and_then(Value::as_str).unwrap();
                for text in [hostile.clone(), format!("{own}{hostile}")] {
                    let mut document = example.clone();
                    *document.pointer_mut(pointer).unwrap() = json!(text);
                    let Ok(request) = request::validate(&document, "privatelink/") else {
                        refused += 1;
                        continue;
                    };
                    taken += 1;
                    everything(&rig, &request).await;
                    for (asked_host, uri, _) in std::mem::take(&mut *log.lock().unwrap()) {
                        assert_eq!(asked_host, host, "{pointer}: {text:?}");
                        assert!(
                            depths.contains(&depth(&uri)) && !uri.contains('#'),
                            "{pointer}: {text:?}: {uri}"
                        );
                        assert!(
                            !uri.contains("/../") && !uri.contains(&trap_host),
                            "{pointer}: {text:?}: {uri}"
                        );
                    }
                }
            }
        }
        let strayed = elsewhere.lock().unwrap().clone();
        assert!(strayed.is_empty(), "{strayed:?}");
        println!("{vendor:?}: {refused} refused, {taken} taken and sent nowhere else");
        assert!(refused > taken, "most of them are no names");
    }
}

#[tokio::test]
async fn an_address_in_a_secret_is_no_address() {
    both(quick, async |mut rig| {
        let elsewhere = Log::default();
        let trap = There::start(log_and_refuse(&elsewhere)).await;
        rig.trust(&trap.ca.pem);
        let mut secret = rig.vendor.secret();
        for name in ["url", "api_url", "auth_url", "base_url", "endpoint", "host", "audience"] {
            secret[name] = json!(trap.server.url);
        }
        rig.secrets.store(Stored::Text(secret.to_string()));
        rig.cold_start();
        rig.ensured().await;
        assert!(elsewhere.lock().unwrap().is_empty());
    })
    .await;
}
