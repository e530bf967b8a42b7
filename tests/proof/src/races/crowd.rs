//! A vendor's service, consumers in many accounts and VPCs, and executions that are started at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rehearsal::environment::SECRET_NAME_PREFIX;
use rehearsal::execution::Running;
use rehearsal::{Environment, Error, Options, Outcome, Result};
use serde_json::{Value, json};
use simulators::fabric::{Endpoint, EndpointState};
use simulators::knobs::Knobs;
use simulators::{SimulatorsConfig, aiven, hcp};
use tokio::task::JoinSet;

use crate::lives::life::Vendor;
use crate::pool::Pool;
use crate::trial::next_random;
use crate::world::REGION;

/// How much faster than the wall's clock simulated time passes. A run waits for the turn of another in simulated time, which has
/// the turn for some real time: so this is slow.
const SPEED: f64 = 3.0;
/// What the vendors and EC2 take for anything.
const DELAY: Duration = Duration::from_secs(10);
/// Real time for all executions of a race: a limit for what hangs, and not for what is slow.
const LIMIT: Duration = Duration::from_secs(3600);
/// Real time between two looks at an execution.
const POLL: Duration = Duration::from_secs(2);
/// Looks one after the other that the emulator may leave unanswered.
const UNANSWERED: u32 = 10;
/// Of the Aiven service, or the HCP cluster.
pub(super) const SERVICE: &str = "shared";

/// Who races for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Race {
    pub(super) vendor: Vendor,
    pub(super) accounts: usize,
    pub(super) vpcs: usize,
    /// Entries of others in the list of principals.
    pub(super) others: usize,
    pub(super) knobs: fn(&mut Knobs),
}

/// A VPC of an account.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) account: String,
    pub(super) vpc: String,
    pub(super) request: Value,
}

impl Member {
    /// What the workflow puts into the vendor's list for it.
    pub(super) fn principal(&self) -> String {
        format!("arn:aws:iam::{}:root", self.account)
    }

    pub(super) fn deprovision(&self) -> Value {
        let mut request = self.request.clone();
        request["action"] = json!("deprovision");
        request
    }
}

/// A running environment of a race.
pub(super) struct Crowd {
    pub(super) environment: Environment,
    pub(super) vendor: Vendor,
    pub(super) members: Vec<Member>,
    seed: u64,
}

pub(super) fn others_principal(n: usize) -> String {
    format!("arn:aws:iam::444455556666:role/other-{n}")
}

impl Crowd {
    /// # Errors
    /// When the environment does not start.
    pub(super) async fn new(pool: &Pool, race: Race, seed: u64) -> Result<Self> {
        let mut options = Options {
            say: |_| {},
            ..Options::default()
        };
        let simulators = &mut options.simulators;
        simulators.speed = SPEED;
        quicken(&mut simulators.knobs);
        (race.knobs)(&mut simulators.knobs);
        add_service(simulators, race);
        let members = (0..race.vpcs).map(|n| member(simulators, race, n)).collect();
        Ok(Self {
            environment: pool.start_other(options).await?,
            vendor: race.vendor,
            members,
            seed,
        })
    }

    /// Starts an execution for each request at once, in an order that the seed decides; how each has ended, in the order of the
    /// requests.
    ///
    /// # Errors
    /// When the emulator does not answer, or an execution does not end.
    pub(super) async fn run(&self, requests: Vec<Value>) -> Result<Vec<Outcome>> {
        let mut order: Vec<(usize, Value)> = requests.into_iter().enumerate().collect();
        let mut state = self.seed;
        order.sort_by_cached_key(|_| next_random(&mut state));
        let mut starting = JoinSet::new();
        for (n, request) in order {
            let (aws, arn) = (self.environment.aws.clone(), self.environment.workflow_arn.clone());
            starting.spawn(async move {
                follow(Running::start(&aws, &arn, &request).await?)
                    .await
                    .map(|end| (n, end))
            });
        }
        let mut ended = BTreeMap::new();
        while let Some(end) = starting.join_next().await {
            let (n, outcome) = end.map_err(|error| Error::new("following an execution", error))??;
            ended.insert(n, outcome);
        }
        Ok(ended.into_values().collect())
    }

    /// All endpoints of a VPC that are neither deleted nor being deleted.
    pub(super) fn endpoints(&self, vpc: &str) -> Vec<Endpoint> {
        let gone = [EndpointState::Deleting, EndpointState::Deleted];
        let mut endpoints = self.environment.simulators.ec2.endpoints();
        endpoints.retain(|endpoint| endpoint.vpc_id == vpc && !gone.contains(&endpoint.state));
        endpoints
    }

    /// The vendor's list, if there is a service that is not being deleted.
    pub(super) fn principals(&self) -> Option<Vec<String>> {
        let mut principals = self.change_principals(|_| ())?;
        principals.sort();
        Some(principals)
    }

    /// Changes the vendor's list in one piece, as somebody outside may; the list afterwards.
    pub(super) fn change_principals(&self, change: impl FnOnce(&mut Vec<String>)) -> Option<Vec<String>> {
        let sims = &self.environment.simulators;
        match self.vendor {
            Vendor::Aiven => {
                let mut world = sims.aiven.world();
                let service = world.projects.get_mut(aiven::PROJECT)?.services.get_mut(SERVICE)?;
                let link = service.privatelink.as_mut()?;
                let is_there = link.state != aiven::LinkState::Deleting;
                is_there.then(|| {
                    change(&mut link.principals);
                    link.principals.clone()
                })
            }
            Vendor::Hcp => {
                let mut world = sims.hcp.world();
                let link = world.projects.get_mut(hcp::PROJECT_ID)?.links.values_mut().next()?;
                let is_there = link.state != hcp::LinkState::Deleting;
                is_there.then(|| {
                    change(&mut link.consumer_accounts);
                    link.consumer_accounts.clone()
                })
            }
        }
    }
}

/// An emulator that walks a hundred executions answers late: it is asked again.
async fn follow(running: Running) -> Result<Outcome> {
    let started = Instant::now();
    let mut unanswered = 0;
    while started.elapsed() < LIMIT {
        match running.outcome().await {
            Ok(Some(outcome)) => return Ok(outcome),
            Ok(None) => unanswered = 0,
            Err(error) if unanswered == UNANSWERED => return Err(error),
            Err(_) => unanswered += 1,
        }
        tokio::time::sleep(POLL).await;
    }
    Err(Error::new(
        "waiting for an execution of a race",
        format!("{} still runs", running.arn),
    ))
}

fn quicken(knobs: &mut Knobs) {
    let ec2 = &mut knobs.ec2;
    ec2.acceptance = Some(DELAY);
    (ec2.provisioning, ec2.deletion, ec2.modify_lag) = (DELAY, DELAY, DELAY);
    let hcp = &mut knobs.hcp;
    (hcp.creation, hcp.update, hcp.deletion) = (DELAY, DELAY, DELAY);
    let aiven = &mut knobs.aiven;
    (aiven.creation, aiven.deletion, aiven.component_lag) = (DELAY, DELAY, DELAY);
}

fn add_service(simulators: &mut SimulatorsConfig, race: Race) {
    let others: Vec<String> = (0..race.others).map(others_principal).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    match race.vendor {
        Vendor::Aiven => {
            if let Some(project) = simulators.aiven.projects.get_mut(aiven::PROJECT) {
                let service = project.add_service(SERVICE, "pg");
                service.privatelink = (!others.is_empty()).then(|| aiven::PrivateLink::active(&others, &[]));
            }
        }
        Vendor::Hcp => {
            if let Some(project) = simulators.hcp.projects.get_mut(hcp::PROJECT_ID) {
                project.add_cluster(SERVICE);
                if !others.is_empty() {
                    let link = hcp::PrivateLink::available("others", &format!("{SERVICE}-hvn"), SERVICE, &others);
                    project.links.insert("others".to_owned(), link);
                }
            }
        }
    }
}

/// The n-th VPC, of the accounts by turns. All VPCs of an account lie in one range, which is the one that HCP gets, as HCP takes
/// 15 for a service.
fn member(simulators: &mut SimulatorsConfig, race: Race, n: usize) -> Member {
    let octet = |number: usize| u8::try_from(number % 256).unwrap_or_default();
    let (of, nth) = (n % race.accounts, n / race.accounts);
    let account_id = format!("9{of:011}");
    let net = |third: usize, prefix: u8| format!("10.{}.{}.0/{prefix}", octet(of), octet(third));
    let account = simulators.aws.account_mut(&account_id);
    account.add_consumer_role();
    let vpc = account.add_vpc(
        REGION,
        &format!("f{n:05x}"),
        net(nth % 64 * 4, 22).parse().unwrap_or_default(),
    );
    let provider = match race.vendor {
        Vendor::Aiven => json!({
            "type": "aiven", "project": aiven::PROJECT, "service_name": SERVICE, "components": ["pg"],
            "delete_service": true, "secret_id": format!("{SECRET_NAME_PREFIX}aiven")
        }),
        Vendor::Hcp => json!({
            "type": "hcp_vault", "organization_id": hcp::ORGANIZATION_ID, "project_id": hcp::PROJECT_ID,
            "hvn_id": format!("{SERVICE}-hvn"), "vault_cluster_id": SERVICE,
            "consumer_ip_ranges": [net(0, 16)], "delete_service": true,
            "secret_id": format!("{SECRET_NAME_PREFIX}hcp")
        }),
    };
    Member {
        request: json!({
            "provider": provider,
            "consumer": {"account_id": account_id, "region": REGION, "vpc_id": vpc},
        }),
        account: account_id,
        vpc,
    }
}
