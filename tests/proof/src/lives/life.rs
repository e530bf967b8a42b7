//! A random life: what is there before it, and what is done in it. Nothing of it names a thing of the world, so that it can be
//! written down and played again anywhere.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// A life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Life {
    pub vendor: Vendor,
    pub start: Start,
    pub acts: Vec<Act>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    Aiven,
    Hcp,
}

/// What is there before the first act.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Start {
    /// The vendor's PrivateLink service.
    pub link: Option<Link>,
    /// Aiven's components that are on.
    pub components: BTreeSet<Component>,
    /// An endpoint to the vendor's service that somebody made by hand in the VPC; only with a service.
    pub by_hand: bool,
}

/// A PrivateLink service that others have made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Link {
    /// Entries of other accounts in the list of principals.
    pub principals: u8,
    /// Others' ranges, at HCP.
    pub ranges: u8,
    /// The consumer's own account is in the list.
    pub ours: bool,
    /// A second region is in the list.
    pub region: bool,
    /// Another account is connected, at Aiven.
    pub connected: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    Pg,
    Pgbouncer,
    Prometheus,
}

impl Component {
    pub const ALL: [Self; 3] = [Self::Pg, Self::Pgbouncer, Self::Prometheus];

    /// In `privatelink_access`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pg => "pg",
            Self::Pgbouncer => "pgbouncer",
            Self::Prometheus => "prometheus",
        }
    }
}

/// A run of the workflow, and what happens before and during it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// What somebody else does before it.
    #[serde(default)]
    pub deeds: Vec<Deed>,
    pub goal: Goal,
    pub wishes: Wishes,
    /// The vendor rejects each endpoint that is made meanwhile.
    #[serde(default)]
    pub rejects: bool,
    #[serde(default)]
    pub mishaps: Vec<Mishap>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    Plan,
    Provision,
    Deprovision,
}

/// What a request says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wishes {
    /// 1 to 3 are one in each zone, 4 to 6 the ones beside them; none: chosen by a tag that 1 to 3 have.
    pub subnets: BTreeSet<u8>,
    /// Of the given security groups 1 and 2; none: the workflow makes one.
    pub groups: BTreeSet<u8>,
    /// Of [`CLIENTS`]; only for the group that the workflow makes.
    pub clients: BTreeSet<u8>,
    /// Of [`TAGS`]: key, and whether its second value.
    pub tags: BTreeSet<(u8, bool)>,
    /// At Aiven.
    pub components: BTreeSet<Component>,
    /// Of [`RANGES`], at HCP.
    pub ranges: BTreeSet<u8>,
    /// Besides the account's root a role of it may connect.
    pub role: bool,
    /// From a second region, too.
    pub region: bool,
    /// Others' principals to remove, by number.
    pub remove_principals: BTreeSet<u8>,
    /// Others' ranges to remove, by number, at HCP.
    pub remove_ranges: BTreeSet<u8>,
    /// Names the endpoint that somebody made by hand.
    pub adopt: bool,
    pub allow_replace: bool,
    pub delete_service: bool,
    /// What a run made stays when it fails.
    pub keep: bool,
}

/// Clients of the security group that the workflow makes.
pub const CLIENTS: [&str; 3] = ["10.100.0.0/20", "10.100.64.0/18", "10.99.0.0/16"];
/// Keys of the request's tags.
pub const TAGS: [&str; 3] = ["team", "tier", "cost"];
/// Ranges of the request: the first two are inside the VPC.
pub const RANGES: [&str; 3] = ["10.100.0.0/16", "10.100.32.0/20", "10.200.0.0/16"];

/// What goes wrong in an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mishap {
    pub calls: Calls,
    /// From 1; `None` is each of them for the whole act.
    pub nth: Option<u8>,
    pub kind: Misfortune,
}

/// Which calls of an act are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calls {
    All,
    /// To EC2, Route 53 and the vendor.
    Writes,
    Ec2,
    Route53,
    Vendor,
    /// To Secrets Manager and the register.
    AwsJson,
}

/// Every kind of fault that the simulators have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misfortune {
    InternalError,
    Unavailable,
    /// With the time to wait, as the API tells it.
    Throttled,
    Unauthorized,
    Forbidden,
    Conflict,
    HtmlPage,
    BareThrottle,
    ResetBefore,
    ResetAfter,
    Truncated,
    Slow,
    /// 200 with something that is no answer.
    Nonsense,
    KilledBefore,
    KilledAfter,
}

/// What somebody else does between two runs. One that finds nothing to be done to does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    DeleteEndpoint,
    /// EC2 does not even remember it.
    ForgetEndpoint,
    RejectEndpoint,
    FailEndpoint,
    ExpireEndpoint,
    /// The vendor has another endpoint service now, and the endpoint is still at the old one.
    MoveService,
    /// The vendor's PrivateLink service is deleted, with all that are connected.
    DeleteService,
    AddPrincipal,
    RemoveOurPrincipal,
    SwitchOff,
    SwitchOn,
    /// One of somebody else's on our endpoint and our security group.
    AddTag,
    /// Another value of one of the request's.
    ChangeTag,
    DropTag,
    AddRule,
    DropRules,
    SwapGroups,
    SwapSubnets,
    PrivateDns,
    DeleteHandMade,
}

impl Wishes {
    /// All that two requests name together, and leave to delete the service: what a last deprovision takes back.
    pub fn and(&mut self, other: &Self) {
        self.components.extend(&other.components);
        self.ranges.extend(&other.ranges);
        self.role |= other.role;
        self.region |= other.region;
    }
}
