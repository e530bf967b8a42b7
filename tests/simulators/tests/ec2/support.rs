//! A running EC2 with one endpoint service, and a client that speaks the query protocol.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use simulators::clock::Clock;
use simulators::ec2::{Ec2, World};
use simulators::fabric::{EndpointService, Fabric};
use simulators::knobs::{Ec2Knobs, Knobs};
use simulators::recorder::Recorder;
use simulators::server::Server;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const OTHER_ACCOUNT: &str = "444455556666";
pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const VPC: &str = "vpc-0a1b2c3d4e5f60718";
pub(crate) const SUBNET_A: &str = "subnet-0aaa1111bbb222201";
pub(crate) const SUBNET_B: &str = "subnet-0aaa1111bbb222202";
pub(crate) const SUBNET_C: &str = "subnet-0aaa1111bbb222203";
pub(crate) const GROUP: &str = "sg-0c0ffee0000000001";

/// Simulated seconds per real one.
const SPEED: f64 = 1_000.0;
/// A delay that no test lives to see the end of; a knob that is set to zero later ends it at once.
pub(crate) const FOREVER: Duration = Duration::from_secs(100_000_000);
/// Real time after which a state that should have come is given up.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Cloud {
    pub(crate) ec2: Ec2,
    pub(crate) fabric: Fabric,
    pub(crate) recorder: Recorder,
    pub(crate) service: EndpointService,
    pub(crate) server: Server,
    pub(crate) http: reqwest::Client,
}

/// An answer: the status and the XML.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) xml: String,
}

pub(crate) async fn cloud() -> Cloud {
    cloud_with(|_| {}).await
}

/// No lags, so that a test speaks only of what it is about; everything else as `Knobs::default` has it.
pub(crate) async fn cloud_with(set: impl FnOnce(&mut Knobs)) -> Cloud {
    cloud_of(World::default(), None, set).await
}

pub(crate) async fn cloud_of(world: World, upstream: Option<&str>, set: impl FnOnce(&mut Knobs)) -> Cloud {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut knobs = Knobs::default();
    knobs.ec2.visibility_lag = Duration::ZERO;
    knobs.ec2.principal_lag = Duration::ZERO;
    set(&mut knobs);
    let fabric = Fabric::new(Clock::new(SPEED), knobs);
    let recorder = Recorder::default();
    let service = fabric.offer_service(
        REGION,
        BTreeSet::from([format!("arn:aws:iam::{ACCOUNT}:root")]),
        BTreeSet::from(["us-east-1".to_owned()]),
        vec!["euw1-az1".into(), "euw1-az2".into()],
    );
    let ec2 = Ec2::new(fabric.clone(), recorder.clone(), world, upstream);
    let server = Server::http(ec2.router()).await.unwrap();
    Cloud {
        ec2,
        fabric,
        recorder,
        service,
        server,
        http: reqwest::Client::new(),
    }
}

pub(crate) fn authorization(account: &str, region: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/ec2/aws4_request, SignedHeaders=host, Signature=0")
}

impl Cloud {
    /// Turns knobs while everything runs.
    pub(crate) fn turn(&self, set: impl FnOnce(&mut Ec2Knobs)) {
        self.fabric.change_knobs(|knobs| set(&mut knobs.ec2));
    }

    pub(crate) fn request(
        &self,
        account: &str,
        region: &str,
        action: &str,
        params: &[(&str, &str)],
    ) -> reqwest::RequestBuilder {
        let mut form = vec![("Action", action), ("Version", "2016-11-15")];
        form.extend_from_slice(params);
        self.http
            .post(&self.server.url)
            .header("authorization", authorization(account, region))
            .form(&form)
    }

    pub(crate) async fn call_as(&self, account: &str, region: &str, action: &str, params: &[(&str, &str)]) -> Answer {
        let response = self.request(account, region, action, params).send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            xml: response.text().await.unwrap(),
        }
    }

    pub(crate) async fn call(&self, action: &str, params: &[(&str, &str)]) -> Answer {
        self.call_as(ACCOUNT, REGION, action, params).await
    }

    /// A complete `CreateVpcEndpoint`; `more` is added, or replaces what it names.
    pub(crate) async fn create(&self, more: &[(&str, &str)]) -> Answer {
        let mut params = vec![
            ("VpcEndpointType", "Interface"),
            ("VpcId", VPC),
            ("ServiceName", self.service.name.as_str()),
            ("SubnetId.1", SUBNET_A),
            ("SubnetId.2", SUBNET_B),
            ("SecurityGroupId.1", GROUP),
        ];
        params.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        params.extend_from_slice(more);
        params.retain(|(_, value)| !value.is_empty());
        self.call("CreateVpcEndpoint", &params).await
    }

    pub(crate) async fn created(&self, more: &[(&str, &str)]) -> String {
        let answer = self.create(more).await;
        assert_eq!(answer.status, 200, "{}", answer.xml);
        answer.text("vpcEndpointId").unwrap()
    }

    pub(crate) async fn describe(&self, id: &str) -> Answer {
        self.call("DescribeVpcEndpoints", &[("VpcEndpointId.1", id)]).await
    }

    /// Asks until `right` holds, because only the simulated clock brings it about.
    pub(crate) async fn until(&self, action: &str, params: &[(&str, &str)], right: impl Fn(&Answer) -> bool) -> Answer {
        let start = Instant::now();
        loop {
            let answer = self.call(action, params).await;
            if right(&answer) {
                return answer;
            }
            assert!(start.elapsed() < PATIENCE, "still {} {}", answer.status, answer.xml);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn until_state(&self, id: &str, state: &str) -> Answer {
        self.until("DescribeVpcEndpoints", &[("VpcEndpointId.1", id)], |answer| {
            answer.text("state").as_deref() == Some(state)
        })
        .await
    }
}

impl Answer {
    /// The text of the first element with this name.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.texts(name).into_iter().next()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let rest = self.xml.split(&open).skip(1);
        rest.filter_map(|after| after.split_once(&close).map(|(text, _)| text.to_owned()))
            .collect()
    }

    /// `<item>`s of simple text inside the first list with this name.
    pub(crate) fn items(&self, list: &str) -> Vec<String> {
        let inside = self.text(list).unwrap_or_default();
        Answer { status: 0, xml: inside }.texts("item")
    }

    pub(crate) fn assert_error(&self, status: u16, code: &str, message: &str) {
        assert_eq!(
            (self.status, self.text("Code").as_deref()),
            (status, Some(code)),
            "{}",
            self.xml
        );
        let told = self.text("Message").unwrap();
        assert!(told.contains(message), "{told}");
    }
}
