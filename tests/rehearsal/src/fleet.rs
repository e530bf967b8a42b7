//! Accounts for a fleet, spread over services of both vendors, some of them broken; and what the fleet came to.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::{Value, json};
use simulators::{SimulatorsConfig, aiven, hcp};

use crate::environment::{Environment, SECRET_NAME_PREFIX};
use crate::execution::Running;
use crate::{Error, Result, emulator};

/// Aiven's limit of principals for a service.
const PRINCIPALS_OF_AN_AIVEN_SERVICE: usize = 16;
/// HCP's default limit of consumer accounts for a service.
const ACCOUNTS_OF_AN_HCP_SERVICE: usize = 10;
/// The secret of an Aiven token that Aiven does not know.
const WRONG_SECRET: &str = "aiven-wrong";
/// The secret of an HCP service principal that may only read.
const VIEWER_SECRET: &str = "hcp-viewer";
const VIEWER: (&str, &str) = ("simulated-hcp-viewer-id", "simulated-hcp-viewer-secret-do-not-print");
/// An Aiven service whose principals are used up.
const FULL_SERVICE: &str = "full-kafka";
/// An HCP cluster of a tier without PrivateLink.
const DEV_CLUSTER: &str = "dev-vault";

/// What is wrong with an account or its item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// The VPC is not there.
    NoVpc,
    /// The secret holds a token that the vendor does not know.
    WrongSecret,
    /// The vendor's service takes no more consumers.
    FullService,
    /// The cluster's tier has no PrivateLink.
    DevTier,
    /// The vendor rejects every endpoint of the account.
    Rejected,
    /// A field of the item is no field.
    BadField,
    /// The credential may read and not write.
    ReadOnly,
    /// The account lets nobody in.
    NoRole,
}

impl Defect {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NoVpc,
        Self::WrongSecret,
        Self::FullService,
        Self::DevTier,
        Self::Rejected,
        Self::BadField,
        Self::ReadOnly,
        Self::NoRole,
    ];

    /// The error that a run ends with.
    pub const fn error(self) -> &'static str {
        match self {
            Self::NoVpc | Self::BadField | Self::DevTier => "InvalidRequest",
            Self::WrongSecret | Self::ReadOnly | Self::NoRole => "Denied",
            Self::FullService => "LimitExceeded",
            Self::Rejected => "Rejected",
        }
    }
}

/// An item of a fleet.
#[derive(Debug, Clone)]
pub struct Member {
    pub account_id: String,
    /// The workflow's input.
    pub item: Value,
    pub defect: Option<Defect>,
    /// The vendor's service, by its name.
    pub service: String,
}

/// Makes so many accounts, and services for them: Aiven and HCP by turns, as few services as can have so many consumers, and
/// these by turns too, as a vendor lets consumers in one after the other.
/// Every account with a defect takes the next of `defects`; these are spread evenly.
pub fn members(simulators: &mut SimulatorsConfig, count: usize, defects: &[Defect]) -> Vec<Member> {
    add_special(simulators);
    let stride = count.checked_div(defects.len()).unwrap_or_default().max(1);
    (0..count)
        .map(|n| {
            let defect = (n % stride == stride / 2).then(|| defects.get(n / stride)).flatten();
            member(simulators, (n, count), defect.copied())
        })
        .collect()
}

fn add_special(simulators: &mut SimulatorsConfig) {
    if let Some(project) = simulators.aiven.projects.get_mut(aiven::PROJECT) {
        let others: Vec<String> = (0..PRINCIPALS_OF_AN_AIVEN_SERVICE)
            .map(|n| format!("arn:aws:iam::444455556666:role/other-{n}"))
            .collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        project.add_service(FULL_SERVICE, "kafka").privatelink = Some(aiven::PrivateLink::active(&others, &[]));
    }
    if let Some(project) = simulators.hcp.projects.get_mut(hcp::PROJECT_ID) {
        project.add_cluster(DEV_CLUSTER).tier = "DEV".to_owned();
    }
    simulators.hcp.service_principals.push(hcp::ServicePrincipal {
        client_id: VIEWER.0.to_owned(),
        client_secret: VIEWER.1.to_owned(),
        roles: BTreeMap::from([(hcp::PROJECT_ID.to_owned(), hcp::Role::Viewer)]),
    });
}

fn member(simulators: &mut SimulatorsConfig, (n, count): (usize, usize), defect: Option<Defect>) -> Member {
    let of_a_vendor = count.div_ceil(2);
    let turn = |most: usize| n / 2 % of_a_vendor.div_ceil(most);
    let account_id = format!("9{n:011}");
    // The VPCs of a service differ in their addresses.
    let octet = |number: usize| u8::try_from(number % 256).unwrap_or_default();
    let first = Ipv4Addr::new(10, octet(n / 64), octet(n * 4), 0);
    let cidr = ipnet::Ipv4Net::new(first, 22).unwrap_or_default();
    let vpc_id = simulators.aws.vend_account(&account_id, emulator::REGION, cidr);
    let of_aiven = match defect {
        Some(Defect::WrongSecret | Defect::FullService) => true,
        Some(Defect::DevTier | Defect::ReadOnly) => false,
        _ => n.is_multiple_of(2),
    };
    let (service, provider) = if of_aiven {
        let service = match defect {
            Some(Defect::FullService) => FULL_SERVICE.to_owned(),
            _ => format!("fleet-kafka-{}", turn(PRINCIPALS_OF_AN_AIVEN_SERVICE)),
        };
        of_aiven_service(simulators, &service, defect)
    } else {
        let cluster = match defect {
            Some(Defect::DevTier) => DEV_CLUSTER.to_owned(),
            _ => format!("fleet-vault-{}", turn(ACCOUNTS_OF_AN_HCP_SERVICE)),
        };
        of_hcp_cluster(simulators, &cluster, &cidr.to_string(), defect)
    };
    let mut item = json!({
        "provider": provider,
        "consumer": { "account_id": account_id, "region": emulator::REGION, "vpc_id": vpc_id }
    });
    match defect {
        Some(Defect::NoVpc) => item["consumer"]["vpc_id"] = json!(format!("vpc-0{n:016x}")),
        Some(Defect::BadField) => item["consumer"]["vpc"] = json!(vpc_id),
        Some(Defect::NoRole) => simulators.aws.account_mut(&account_id).roles.clear(),
        Some(Defect::Rejected) => _ = simulators.knobs.ec2.rejected_vpcs.insert(vpc_id),
        _ => {}
    }
    Member {
        account_id,
        item,
        defect,
        service,
    }
}

fn of_aiven_service(simulators: &mut SimulatorsConfig, service: &str, defect: Option<Defect>) -> (String, Value) {
    if let Some(project) = simulators.aiven.projects.get_mut(aiven::PROJECT)
        && !project.services.contains_key(service)
    {
        project.add_service(service, "kafka");
    }
    let secret = if defect == Some(Defect::WrongSecret) {
        WRONG_SECRET
    } else {
        "aiven"
    };
    let provider = json!({
        "type": "aiven", "project": aiven::PROJECT, "service_name": service, "components": ["kafka"],
        "secret_id": format!("{SECRET_NAME_PREFIX}{secret}")
    });
    (service.to_owned(), provider)
}

fn of_hcp_cluster(
    simulators: &mut SimulatorsConfig,
    cluster: &str,
    cidr: &str,
    defect: Option<Defect>,
) -> (String, Value) {
    if let Some(project) = simulators.hcp.projects.get_mut(hcp::PROJECT_ID)
        && !project.clusters.contains_key(cluster)
    {
        project.add_cluster(cluster);
    }
    let secret = if defect == Some(Defect::ReadOnly) {
        VIEWER_SECRET
    } else {
        "hcp"
    };
    let provider = json!({
        "type": "hcp_vault", "organization_id": hcp::ORGANIZATION_ID, "project_id": hcp::PROJECT_ID,
        "hvn_id": format!("{cluster}-hvn"), "vault_cluster_id": cluster, "consumer_ip_ranges": [cidr],
        "secret_id": format!("{SECRET_NAME_PREFIX}{secret}")
    });
    (cluster.to_owned(), provider)
}

impl Environment {
    /// Stores the secrets that the members' defects name.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn store_fleet_secrets(&self) -> Result<()> {
        let viewer = json!({ "client_id": VIEWER.0, "client_secret": VIEWER.1 });
        let wrong = json!({ "token": "not-a-token" });
        for (name, value) in [(VIEWER_SECRET, viewer), (WRONG_SECRET, wrong)] {
            let name = format!("{SECRET_NAME_PREFIX}{name}");
            self.aws.put_secret(&name, &value.to_string()).await?;
        }
        Ok(())
    }

    /// Starts the fleet's state machine.
    ///
    /// # Errors
    /// When the stack has none, or the emulator refuses.
    pub async fn begin_fleet(&self, input: &Value) -> Result<Running> {
        Running::start(&self.aws, self.output("FleetArn")?, input).await
    }

    /// The bucket of the fleets' lists and reports.
    ///
    /// # Errors
    /// When the stack has none.
    pub fn reports_bucket(&self) -> Result<&str> {
        self.output("ReportsBucketName")
    }

    fn output(&self, name: &str) -> Result<&str> {
        let value = self.outputs.get(name).map(String::as_str);
        value.ok_or_else(|| Error::new("reading the stack's outputs", format!("there is no {name}")))
    }
}
