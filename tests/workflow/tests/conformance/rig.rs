//! The world of a test: simulators, a Secrets Manager, and the product's provider as a function would have it.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use shared::document::{Access, Additions, AvailableEndpoint, ServiceOffer};
use shared::http::{self, Tls};
use shared::plan::{Change, Effect};
use shared::progress::{Look, Pending};
use shared::provider::{self, Provider, ProviderFacts, Reach, Release, ReleasePlan, Writing};
use shared::request::{self, Request};
use shared::secrets::{Secret, SecretCache};
use shared::settings::Settings;
use shared::{Error, Result};
use simulators::ec2::Seed;
use simulators::fabric::EndpointState;
use simulators::hcp;
use simulators::knobs::Knobs;
use simulators::recorder::{Call, Fault, FaultKind};
use simulators::secrets::SECRETS;
use simulators::{Simulators, SimulatorsConfig};
use tempfile::NamedTempFile;

use crate::secrets_manager::{SecretsManager, Stored};
use crate::vendor::{Op, Vendor};

/// Between two looks of a test; the wait that a look asks for is the state machine's business.
const POLL: Duration = Duration::from_millis(3);
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a test for both vendors, each in a world of its own.
pub(crate) async fn both(knobs: impl Fn(&mut Knobs), test: impl AsyncFn(Rig)) {
    for vendor in Vendor::ALL {
        // Shown when the test fails.
        println!("{vendor:?}:");
        test(Rig::start(vendor, &knobs).await).await;
    }
}

/// Minutes long, as in the real world: a state that was entered holds for the whole test.
pub(crate) fn still(_: &mut Knobs) {}

/// Whatever takes minutes takes milliseconds.
pub(crate) fn quick(knobs: &mut Knobs) {
    let soon = Duration::from_millis(8);
    knobs.hcp.creation = soon;
    knobs.hcp.update = soon;
    knobs.hcp.deletion = soon;
    knobs.hcp.operation_pending = soon / 2;
    knobs.aiven.creation = soon;
    knobs.aiven.deletion = soon;
    knobs.aiven.listing_lag = Some(soon);
    knobs.aiven.connection_activation = soon;
    knobs.aiven.component_lag = soon;
}

/// See the module.
pub(crate) struct Rig {
    pub(crate) vendor: Vendor,
    pub(crate) sims: Simulators,
    pub(crate) secrets: SecretsManager,
    pub(crate) request: Request,
    pub(crate) settings: Settings,
    cache: SecretCache,
    ca_file: NamedTempFile,
}

impl Rig {
    pub(crate) async fn start(vendor: Vendor, knobs: impl Fn(&mut Knobs)) -> Self {
        let mut config = SimulatorsConfig::default();
        knobs(&mut config.knobs);
        let sims = Simulators::start(config).await.unwrap();
        let secrets = SecretsManager::start(Stored::Text(vendor.secret().to_string())).await;
        let mut ca_file = NamedTempFile::new().unwrap();
        ca_file.write_all(sims.ca_pem.as_bytes()).unwrap();
        let settings = Settings::from_lookup(|name| match name {
            "HCP_API_URL" => Some(sims.hcp_url.clone()),
            "HCP_AUTH_URL" => Some(sims.hcp_auth_url.clone()),
            "AIVEN_API_URL" => Some(sims.aiven_url.clone()),
            "EXTRA_CA_FILE" => Some(ca_file.path().to_str().unwrap().to_owned()),
            _ => None,
        })
        .unwrap();
        Self {
            request: validated(&vendor.example()),
            vendor,
            sims,
            secrets,
            settings,
            cache: SecretCache::default(),
            ca_file,
        }
    }

    /// Another request than the example.
    pub(crate) fn ask(&mut self, change: impl FnOnce(&mut Value)) {
        let mut document = self.vendor.example();
        change(&mut document);
        self.request = validated(&document);
    }

    /// Also trusts this authority.
    pub(crate) fn trust(&mut self, pem: &str) {
        self.ca_file.write_all(pem.as_bytes()).unwrap();
    }

    /// A process that remembers nothing.
    pub(crate) fn cold_start(&mut self) {
        self.cache = SecretCache::default();
    }

    pub(crate) async fn reach(&self) -> Reach {
        let http = http::Client::new(&Tls::new(&self.settings).unwrap(), "conformance").unwrap();
        let config = self.secrets.config(&http).await;
        Reach {
            secret: Secret::new(config, self.cache.clone(), self.request.provider.secret_id()),
            settings: self.settings.clone(),
            writing: Writing::Allowed,
            http,
        }
    }

    /// As an invocation makes it: a new client, and what the process remembers.
    pub(crate) async fn provider(&self) -> Box<dyn Provider> {
        self.provider_of(&self.request).await
    }

    pub(crate) async fn provider_of(&self, request: &Request) -> Box<dyn Provider> {
        provider::of(request, self.reach().await)
    }

    // What the tests do most.

    /// One look of the service phase.
    pub(crate) async fn ensure(&self, attempt: u32) -> Result<Look<ServiceOffer>> {
        self.checked(self.provider().await.ensure_service(attempt).await)
    }

    /// Looks of the service phase until it is ready.
    pub(crate) async fn ensured(&self) -> ServiceOffer {
        until_ready("the service", async |attempt| self.ensure(attempt).await).await
    }

    pub(crate) async fn access(&self, endpoint: &AvailableEndpoint, attempt: u32) -> Result<Look<Access>> {
        self.access_of(endpoint, attempt, None).await
    }

    /// With what the last look found out.
    pub(crate) async fn access_of(
        &self,
        endpoint: &AvailableEndpoint,
        attempt: u32,
        connection: Option<&str>,
    ) -> Result<Look<Access>> {
        let provider = self.provider().await;
        self.checked(provider.ensure_access(endpoint, attempt, connection).await)
    }

    pub(crate) async fn accessed(&self, endpoint: &AvailableEndpoint) -> Access {
        let mut connection = None;
        until_ready("access", async |attempt| {
            let look = self.access_of(endpoint, attempt, connection.as_deref()).await;
            if let Ok(Look::Pending(pending)) = &look {
                connection.clone_from(&pending.vendor_connection_id);
            }
            look
        })
        .await
    }

    pub(crate) async fn preflight(&self) -> Result<ProviderFacts> {
        self.checked(self.provider().await.preflight().await)
    }

    /// One look of a removal, or of undo: access first, and the rest when that is withdrawn.
    pub(crate) async fn release(&self, release: &Release) -> Result<Look<Vec<String>>> {
        let provider = self.provider().await;
        let mut left = match self.checked(provider.withdraw_access(release).await)? {
            Look::Ready(left) => left,
            Look::Pending(pending) => return Ok(pending.into()),
        };
        Ok(match self.checked(provider.release(release).await)? {
            Look::Ready(more) => {
                left.extend(more);
                Look::Ready(left)
            }
            Look::Pending(pending) => pending.into(),
        })
    }

    /// Looks of a removal until nothing is left but what stays on purpose.
    pub(crate) async fn released(&self, release: &Release) -> Vec<String> {
        until_ready("the release", async |_| self.release(release).await).await
    }

    pub(crate) async fn plan_release(&self, release: &Release) -> ReleasePlan {
        self.checked(self.provider().await.plan_release(release).await).unwrap()
    }

    /// Forgets the calls so far, makes a whole run, and gives the writes of it: `PUT /v1/project/…`.
    pub(crate) async fn run(&self) -> Vec<String> {
        self.sims.recorder.clear_calls();
        self.ensured().await;
        self.accessed(&self.connect()).await;
        self.written()
    }

    /// The writes since the last time that calls were forgotten.
    pub(crate) fn written(&self) -> Vec<String> {
        let calls = self.sims.recorder.calls();
        let writes = calls.iter().filter(|call| call.write);
        writes.map(|call| format!("{} {}", call.method, call.path)).collect()
    }

    /// Whatever the error, its text and its `Debug` hold no secret.
    pub(crate) fn checked<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            assert_no_secret(&format!("{error} {error:?}"));
        }
        result
    }

    /// What a release gets after a run that found nothing and made everything, with these endpoints.
    pub(crate) fn everything(&self, endpoints: &[&AvailableEndpoint]) -> Release {
        Release {
            delete_service: true,
            remove: self.wanted(),
            endpoint_ids: endpoints.iter().map(|e| e.endpoint_id.clone()).collect(),
            ..Release::default()
        }
    }

    /// What the request needs in the vendor's lists.
    pub(crate) fn wanted(&self) -> Additions {
        let without_own = |regions: &[String]| regions.iter().filter(|r| *r != hcp::REGION).cloned().collect();
        match &self.request.provider {
            request::Provider::HcpVault(hcp) => Additions {
                principals: hcp.consumer_accounts.clone(),
                ip_ranges: hcp.consumer_ip_ranges.clone(),
                regions: without_own(&hcp.consumer_regions),
                components: Vec::new(),
            },
            request::Provider::Aiven(aiven) => Additions {
                principals: aiven.principals.clone(),
                ip_ranges: Vec::new(),
                regions: without_own(&aiven.supported_regions),
                components: aiven.components.clone(),
            },
        }
    }

    /// An endpoint in the consumer's VPC, connected to the vendor's service and available.
    pub(crate) fn connect(&self) -> AvailableEndpoint {
        let service_id = self.vendor.endpoint_service(&self.sims);
        self.connect_to(&service_id.expect("a service to connect to"))
    }

    /// The same, connected to this endpoint service.
    pub(crate) fn connect_to(&self, service_id: &str) -> AvailableEndpoint {
        let consumer = &self.request.consumer;
        let vpc_id = consumer.vpc_id.as_deref().expect("an example with a VPC");
        let seed = Seed {
            service_region: "eu-west-1".into(),
            subnet_ids: consumer.subnet_ids.clone(),
            ..Seed::of(
                &consumer.account_id,
                &consumer.region,
                vpc_id,
                service_id,
                EndpointState::Available,
            )
        };
        AvailableEndpoint {
            endpoint_id: self.sims.ec2.seed(seed),
            dns_entries: Vec::new(),
            network_interface_ids: Vec::new(),
            subnet_ids: consumer.subnet_ids.clone(),
            security_group_ids: consumer.security_group_ids.clone(),
        }
    }

    /// What the vendor's lists hold, past its API.
    pub(crate) fn lists(&self) -> Option<Additions> {
        self.vendor.lists(&self.sims)
    }

    /// Endpoint services in AWS, of whoever.
    pub(crate) fn endpoint_services(&self) -> usize {
        // The world of the vendor makes them.
        let _ = self.lists();
        self.sims.fabric.state().services.len()
    }

    pub(crate) fn inject(&self, operation: &str, kth: Option<u32>, kind: FaultKind) {
        self.sims.recorder.inject(Fault {
            api: self.vendor.api(),
            operation: Some(operation.to_owned()),
            kth,
            kind,
        });
    }

    /// The next call of this kind goes wrong.
    pub(crate) fn break_next(&self, op: Op, kind: FaultKind) {
        self.inject(self.vendor.op(op), Some(1), kind);
    }

    /// How often the vendor got this call.
    pub(crate) fn calls(&self, operation: &str) -> usize {
        self.calls_where(|call| call.operation == operation)
    }

    pub(crate) fn calls_where(&self, which: impl Fn(&Call) -> bool) -> usize {
        self.sims.recorder.calls().iter().filter(|call| which(call)).count()
    }

    /// Calls that changed something, or tried to.
    pub(crate) fn writes(&self) -> usize {
        self.calls_where(|call| call.write)
    }
}

/// The writing calls of a plan, in order; whatever is kept takes none.
pub(crate) fn planned(changes: &[Change]) -> Vec<String> {
    for change in changes {
        assert_eq!(change.effect == Effect::Keep, change.calls.is_empty(), "{change:?}");
        assert!(change.effect != Effect::Keep || change.fields.is_empty(), "{change:?}");
        assert!(change.id.as_ref().is_some_and(|id| !id.is_empty()), "{change:?}");
    }
    changes.iter().flat_map(|change| change.calls.clone()).collect()
}

/// Looks until it is ready.
pub(crate) async fn until_ready<T>(what: &str, mut look: impl AsyncFnMut(u32) -> Result<Look<T>>) -> T {
    let start = Instant::now();
    for attempt in 1.. {
        match look(attempt).await.unwrap() {
            Look::Ready(ready) => return ready,
            Look::Pending(pending) => assert!(start.elapsed() < PATIENCE, "{what} still waits: {pending:?}"),
        }
        tokio::time::sleep(POLL).await;
    }
    unreachable!("attempts do not end")
}

/// Asks until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < PATIENCE, "still waiting for {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// The look must be pending.
pub(crate) fn pending<T: std::fmt::Debug>(look: Result<Look<T>>) -> Pending {
    match look {
        Ok(Look::Pending(pending)) => {
            assert!(pending.reason.ends_with('.'), "a sentence: {}", pending.reason);
            pending
        }
        other => panic!("not pending: {other:?}"),
    }
}

/// The look must be ready.
pub(crate) fn ready<T: std::fmt::Debug>(look: Result<Look<T>>) -> T {
    match look {
        Ok(Look::Ready(ready)) => ready,
        other => panic!("not ready: {other:?}"),
    }
}

/// It must fail, with all of these words.
pub(crate) fn failure<T: std::fmt::Debug>(result: Result<T>, words: &[&str]) -> Error {
    let error = result.unwrap_err();
    for word in words {
        assert!(error.message.contains(word), "no {word:?} in: {error}");
    }
    error
}

/// None of the simulated world's secrets is in a text.
pub(crate) fn assert_no_secret(text: &str) {
    for secret in SECRETS.into_iter().chain([hcp::CLIENT_ID]) {
        assert!(!text.contains(secret), "a secret shows: {text}");
    }
}

fn validated(document: &Value) -> Request {
    request::validate(document, "privatelink/").unwrap()
}
