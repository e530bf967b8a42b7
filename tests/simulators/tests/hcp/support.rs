//! A running HCP with one project, and a client with a token.

use std::time::Duration;

use crate::vendors::{Answer, Vendor, answer, fabric, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simulators::fabric::Fabric;
use simulators::hcp::{
    CLIENT_ID, CLIENT_SECRET, CLUSTER_ID, Cluster, HVN_ID, Hcp, ORGANIZATION_ID, PROJECT_ID, REGION, World,
    default_world,
};
use simulators::knobs::HcpKnobs;
use simulators::recorder::Recorder;

pub(crate) const ACCOUNT: &str = "arn:aws:iam::111122223333:root";

pub(crate) const LONG: Duration = Duration::from_secs(1_000_000);

pub(crate) struct Rig {
    pub(crate) vendor: Vendor,
    pub(crate) hcp: Hcp,
    pub(crate) fabric: Fabric,
    pub(crate) recorder: Recorder,
    pub(crate) token: String,
}

impl Rig {
    pub(crate) async fn start(speed: f64, world: World, set: impl FnOnce(&mut HcpKnobs)) -> Self {
        let fabric = fabric(speed, |knobs| set(&mut knobs.hcp));
        let recorder = Recorder::default();
        let hcp = Hcp::new(fabric.clone(), recorder.clone(), world);
        let vendor = Vendor::start(hcp.router()).await;
        let mut rig = Self {
            vendor,
            hcp,
            fabric,
            recorder,
            token: String::new(),
        };
        rig.token = rig.login(CLIENT_ID, CLIENT_SECRET).await;
        rig
    }

    /// Real time: nothing moves while the test looks.
    pub(crate) async fn still(set: impl FnOnce(&mut HcpKnobs)) -> Self {
        Self::start(1.0, default_world(), set).await
    }

    /// Minutes pass in tenths of a second.
    pub(crate) async fn fast(set: impl FnOnce(&mut HcpKnobs)) -> Self {
        Self::start(1000.0, default_world(), set).await
    }

    pub(crate) async fn login(&self, id: &str, secret: &str) -> String {
        let (status, body) = self
            .token_request(&[("client_id", id), ("client_secret", secret)])
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn token_request(&self, credentials: &[(&str, &str)]) -> Answer {
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("audience", "https://api.hashicorp.cloud"),
        ];
        form.extend(credentials);
        answer(self.vendor.request(Method::POST, "/oauth2/token").form(&form)).await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.vendor.request(method, path).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    pub(crate) async fn create(&self, link: Value) -> Answer {
        self.call(Method::POST, &links(), Some(json!({"private_link_service": link})))
            .await
    }

    pub(crate) async fn created(&self) -> Value {
        let (status, body) = self.create(wanted("acme-link")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    pub(crate) async fn link(&self) -> Answer {
        self.call(Method::GET, &link("acme-link"), None).await
    }

    pub(crate) async fn until_link(&self, state: &str) -> Value {
        until(state, || async {
            let (_, body) = self.link().await;
            let link = body["private_link_service"].clone();
            (link["state"] == state).then_some(link)
        })
        .await
    }

    /// The operation's end, by long polls.
    pub(crate) async fn done(&self, operation: &Value) -> Value {
        let path = format!(
            "{}/{}/wait?timeout=5s&location.region.provider=aws",
            operations(PROJECT_ID),
            operation["id"].as_str().unwrap()
        );
        until("the operation", || async {
            let (status, body) = self.call(Method::GET, &path, None).await;
            assert_eq!(status, StatusCode::OK);
            (body["operation"]["state"] == "DONE").then(|| body["operation"].clone())
        })
        .await
    }
}

pub(crate) fn project_path(service: &str, project: &str) -> String {
    format!("/{service}/organizations/{ORGANIZATION_ID}/projects/{project}")
}

pub(crate) fn network() -> String {
    format!("{}/networks/{HVN_ID}", project_path("network/2020-09-07", PROJECT_ID))
}

pub(crate) fn links() -> String {
    format!("{}/private-link-services", network())
}

pub(crate) fn link(id: &str) -> String {
    format!("{}/{id}", links())
}

pub(crate) fn operations(project: &str) -> String {
    format!("{}/operations", project_path("operation/2020-05-05", project))
}

pub(crate) fn clusters() -> String {
    format!("{}/clusters", project_path("vault/2020-11-25", PROJECT_ID))
}

pub(crate) fn wanted(id: &str) -> Value {
    json!({
        "id": id,
        "vault_cluster_id": CLUSTER_ID,
        "consumer_accounts": [ACCOUNT],
        "consumer_ip_ranges": ["10.0.0.0/16"],
        "consumer_regions": ["us-east-1"],
        "hvn": {"location": {"region": {"provider": "aws", "region": REGION}}},
    })
}

pub(crate) fn with(mut value: Value, key: &str, to: Value) -> Value {
    value[key] = to;
    value
}

pub(crate) fn hvn(world: &mut World) -> &mut simulators::hcp::Network {
    world
        .projects
        .get_mut(PROJECT_ID)
        .unwrap()
        .networks
        .get_mut(HVN_ID)
        .unwrap()
}

pub(crate) fn cluster(world: &mut World) -> &mut Cluster {
    world
        .projects
        .get_mut(PROJECT_ID)
        .unwrap()
        .clusters
        .get_mut(CLUSTER_ID)
        .unwrap()
}
