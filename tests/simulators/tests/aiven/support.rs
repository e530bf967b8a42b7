//! A running Aiven with one project, and a client with a token.

use std::time::Duration;

use crate::vendors::{Answer, Vendor, answer, fabric, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use simulators::aiven::{Aiven, KAFKA_SERVICE, PROJECT, PrivateLink, Service, TOKEN, World, default_world};
use simulators::fabric::Fabric;
use simulators::knobs::AivenKnobs;
use simulators::recorder::Recorder;

pub(crate) const ACCOUNT: &str = "arn:aws:iam::111122223333:root";

pub(crate) const LONG: Duration = Duration::from_secs(1_000_000);

pub(crate) struct Rig {
    pub(crate) vendor: Vendor,
    pub(crate) aiven: Aiven,
    pub(crate) fabric: Fabric,
    pub(crate) recorder: Recorder,
}

impl Rig {
    pub(crate) async fn start(speed: f64, world: World, set: impl FnOnce(&mut AivenKnobs)) -> Self {
        let fabric = fabric(speed, |knobs| set(&mut knobs.aiven));
        let recorder = Recorder::default();
        let aiven = Aiven::new(fabric.clone(), recorder.clone(), world);
        let vendor = Vendor::start(aiven.router()).await;
        Self {
            vendor,
            aiven,
            fabric,
            recorder,
        }
    }

    /// Real time: nothing moves while the test looks.
    pub(crate) async fn still(set: impl FnOnce(&mut AivenKnobs)) -> Self {
        Self::start(1.0, default_world(), set).await
    }

    /// Minutes pass in tenths of a second.
    pub(crate) async fn fast(set: impl FnOnce(&mut AivenKnobs)) -> Self {
        Self::start(1000.0, default_world(), set).await
    }

    /// Real time, an active PrivateLink on Kafka, and no lags.
    pub(crate) async fn linked(set: impl FnOnce(&mut AivenKnobs)) -> Self {
        let mut world = default_world();
        kafka(&mut world).privatelink = Some(PrivateLink::active(&[ACCOUNT], &[]));
        Self::start(1.0, world, |knobs| {
            knobs.listing_lag = Some(Duration::ZERO);
            knobs.connection_activation = Duration::ZERO;
            knobs.component_lag = Duration::ZERO;
            set(knobs);
        })
        .await
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self
            .vendor
            .request(method, path)
            .header("authorization", format!("aivenv1 {TOKEN}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    pub(crate) async fn create(&self, service: &str, principals: Value) -> Answer {
        self.call(Method::POST, &link(service), Some(json!({"principals": principals})))
            .await
    }

    pub(crate) async fn link(&self) -> Answer {
        self.call(Method::GET, &link(KAFKA_SERVICE), None).await
    }

    pub(crate) async fn until_link(&self, state: &str) -> Value {
        until(state, || async {
            Some(self.link().await.1).filter(|link| link["state"] == state)
        })
        .await
    }

    pub(crate) async fn connections(&self) -> Vec<Value> {
        let (status, body) = self
            .call(Method::GET, &format!("{}/connections", link(KAFKA_SERVICE)), None)
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["connections"].as_array().unwrap().clone()
    }

    pub(crate) async fn until_connection(&self, state: &str) -> Value {
        until(state, || async {
            self.connections()
                .await
                .into_iter()
                .find(|connection| connection["state"] == state)
        })
        .await
    }

    /// The `vpce-svc-…` of Kafka's PrivateLink.
    pub(crate) fn service_id(&self) -> String {
        kafka(&mut self.aiven.world())
            .privatelink
            .as_ref()
            .unwrap()
            .aws_service_id
            .clone()
            .unwrap()
    }

    pub(crate) async fn configure(&self, user_config: Value) -> Answer {
        self.call(
            Method::PUT,
            &service(KAFKA_SERVICE),
            Some(json!({"user_config": user_config})),
        )
        .await
    }

    pub(crate) async fn rows(&self, route: &str) -> Vec<Value> {
        let (_, body) = self.call(Method::GET, &service(KAFKA_SERVICE), None).await;
        let rows = body["service"]["components"].as_array().unwrap();
        rows.iter().filter(|row| row["route"] == route).cloned().collect()
    }
}

pub(crate) fn service(name: &str) -> String {
    format!("/v1/project/{PROJECT}/service/{name}")
}

pub(crate) fn link(name: &str) -> String {
    format!("{}/privatelink/aws", service(name))
}

pub(crate) fn kafka(world: &mut World) -> &mut Service {
    world
        .projects
        .get_mut(PROJECT)
        .unwrap()
        .services
        .get_mut(KAFKA_SERVICE)
        .unwrap()
}

pub(crate) fn seed(world: &mut World, name: &str, service_type: &str, cloud: &str, vpc: Option<&str>) {
    let service = Service::running(PROJECT, name, service_type, cloud, vpc);
    world
        .projects
        .get_mut(PROJECT)
        .unwrap()
        .services
        .insert(name.to_owned(), service);
}
