//! What a test or a rehearsal can set: delays in simulated time, and the behaviours that no source verifies.

use std::collections::BTreeSet;
use std::time::Duration;

/// All knobs; `Default` is a vendor on a normal day.
#[derive(Debug, Clone, Default)]
pub struct Knobs {
    pub ec2: Ec2Knobs,
    pub hcp: HcpKnobs,
    pub aiven: AivenKnobs,
}

/// How EC2's side of PrivateLink behaves.
#[derive(Debug, Clone)]
pub struct Ec2Knobs {
    /// From creation until the provider accepts; `None` never accepts.
    pub acceptance: Option<Duration>,
    /// The provider rejects instead of accepting.
    pub reject: bool,
    /// The provider rejects endpoints in these VPCs only, by id.
    pub rejected_vpcs: BTreeSet<String>,
    /// From acceptance (`pending`) until `available`.
    pub provisioning: Duration,
    /// Provisioning ends in `failed` with this code and message instead.
    pub fail: Option<(String, String)>,
    /// `pendingAcceptance` for this long becomes `expired` (AWS: 7 days, recalled and unverified).
    pub expiry: Duration,
    /// `deleting` for this long, then `deleted`.
    pub deletion: Duration,
    /// `deleted` is still described for this long.
    pub deleted_lingers: Duration,
    /// A new endpoint answers `InvalidVpcEndpointId.NotFound` to reads by id (and is missing from lists) for this long.
    pub visibility_lag: Duration,
    /// A changed principal sees `InvalidServiceName` for this long.
    pub principal_lag: Duration,
    /// `CreateVpcEndpoint` answers 503 `Unavailable` for a service this young.
    pub service_lag: Duration,
    /// The ARN of the role or user that calls, where a service allows only some of an account's; `None`: any ARN of the
    /// caller's account matches.
    pub calling_principal: Option<String>,
    /// Zone ids from which a service of another region can be reached; `None`: all.
    pub remote_access_zone_ids: Option<Vec<String>>,
    /// Create and Modify share a bucket per account and region: capacity and refill per simulated second; `None` is no
    /// throttle. AWS: (4, 0.3), recalled and unverified.
    pub create_bucket: Option<(f64, f64)>,
    /// The same kind of bucket over all accounts and regions together; `None` is no such throttle. AWS: unverified.
    pub organization_create_bucket: Option<(f64, f64)>,
    /// Interface endpoints per VPC.
    pub endpoints_per_vpc: usize,
    /// A client token whose endpoint is gone: `true` answers with the corpse, `false` makes a new endpoint (unverified).
    pub token_outlives_endpoint: bool,
    /// One call of Modify that removes a subnet and adds another of the same zone is refused (openshift/aws-vpce-operator
    /// removes first, in a call of its own); `false` accepts it.
    pub modify_adds_before_removes: bool,
    /// After a Modify, `DescribeVpcEndpoints` shows subnets, groups and private DNS as they were before for this long.
    pub modify_lag: Duration,
}

impl Default for Ec2Knobs {
    fn default() -> Self {
        Self {
            acceptance: Some(Duration::from_secs(420)),
            reject: false,
            rejected_vpcs: BTreeSet::new(),
            provisioning: Duration::from_secs(45),
            fail: None,
            expiry: Duration::from_secs(7 * 24 * 3600),
            deletion: Duration::from_secs(90),
            deleted_lingers: Duration::from_secs(120),
            visibility_lag: Duration::from_secs(3),
            principal_lag: Duration::from_secs(5),
            service_lag: Duration::ZERO,
            calling_principal: None,
            remote_access_zone_ids: None,
            create_bucket: None,
            organization_create_bucket: None,
            endpoints_per_vpc: 50,
            token_outlives_endpoint: true,
            modify_adds_before_removes: true,
            modify_lag: Duration::ZERO,
        }
    }
}

/// How HCP behaves. Apart from the durations, every knob is there because no source tells; the default is the likeliest.
#[derive(Debug, Clone)]
pub struct HcpKnobs {
    /// CREATING for this long. Clients allow 35 minutes; real durations are not published.
    pub creation: Duration,
    /// UPDATING for this long.
    pub update: Duration,
    /// DELETING for this long, then 404.
    pub deletion: Duration,
    /// An operation is PENDING for this long before it is RUNNING.
    pub operation_pending: Duration,
    /// A link's state follows its operation's DONE after this long. Unverified.
    pub state_lag: Duration,
    /// After an accepted PATCH the link still says AVAILABLE for this long before it says UPDATING. Unverified.
    pub update_starts_after: Duration,
    /// Creation ends in FAILED, with this message in `operation.error`.
    pub fail_creation: Option<String>,
    /// Updates end in FAILED, with this message in `operation.error`.
    pub fail_update: Option<String>,
    /// Deletions end in FAILED, with this message in `operation.error`.
    pub fail_deletion: Option<String>,
    /// Seconds a token is good for.
    pub token_lifetime: Duration,
    /// Requests a minute before 429 with `X-Ratelimit-Reset`; `None` is no limit.
    pub requests_per_minute: Option<u32>,
    /// Token requests a minute before 403 with an HTML page; `None` is no limit. Seen once, the cause is a guess.
    pub token_requests_per_minute: Option<u32>,
    /// Tier, network, cluster and limits are checked by the operation (DONE with error, link FAILED), not by the POST. Unverified.
    pub rules_in_operation: bool,
    /// gRPC code for too many accounts or ranges: 3 (400) or 8 (429). Unverified.
    pub limit_code: i32,
    /// gRPC code for the second link of a cluster: 9 (400), 6 (409) or 8 (429). Unverified.
    pub second_link_code: i32,
    /// A POST with the id, cluster and lists of a link that exists answers with that link instead of 409. Unverified.
    pub idempotent_create: bool,
    /// The endpoint service's name is known while CREATING, though nobody can use it yet. Unverified.
    pub external_name_at_once: bool,
    /// What the network's own region in `consumer_regions` does. Unverified.
    pub own_region: OwnRegion,
    /// Adding what is there, removing what is not, the same in both, and an empty PATCH are refused. Unverified.
    pub strict_deltas: bool,
    /// The principal `*` is accepted. Unverified.
    pub any_principal: bool,
    /// An update may remove the last consumer account; otherwise it is refused with code 3. Unverified.
    pub last_account_may_go: bool,
    /// What DELETE of a DELETING link answers. Unverified.
    pub second_delete: SecondDelete,
    /// DELETE is refused (code 9) while consumers are connected; otherwise their endpoints are rejected. Unverified.
    pub connections_block_deletion: bool,
    /// `hvn.id` of a link is the network's uuid and not its slug. Seen in an example only.
    pub hvn_uuid_as_id: bool,
    /// A link's lists come back sorted and not as they were given. Unverified.
    pub sorted_lists: bool,
    /// A network's dependencies name its private links besides its clusters. Unverified.
    pub links_are_dependencies: bool,
}

/// What HCP does about the network's own region in `consumer_regions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnRegion {
    /// Accepted, and not repeated in the list.
    Dropped,
    /// Accepted and listed.
    Kept,
    /// 400, code 3.
    Refused,
}

/// What HCP answers to DELETE of a link that is DELETING.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondDelete {
    /// 200 with an operation that is DONE with the error "execution already started", which Terraform's provider expects.
    FailedOperation,
    /// 503, seen for routes.
    Unavailable,
    /// 404.
    NotFound,
}

impl Default for HcpKnobs {
    fn default() -> Self {
        Self {
            creation: Duration::from_secs(150),
            update: Duration::from_secs(60),
            deletion: Duration::from_secs(90),
            operation_pending: Duration::from_secs(2),
            state_lag: Duration::ZERO,
            update_starts_after: Duration::ZERO,
            fail_creation: None,
            fail_update: None,
            fail_deletion: None,
            token_lifetime: Duration::from_secs(3600),
            requests_per_minute: None,
            token_requests_per_minute: None,
            rules_in_operation: false,
            limit_code: 3,
            second_link_code: 9,
            idempotent_create: false,
            external_name_at_once: false,
            own_region: OwnRegion::Dropped,
            strict_deltas: false,
            any_principal: false,
            last_account_may_go: true,
            second_delete: SecondDelete::FailedOperation,
            connections_block_deletion: false,
            hvn_uuid_as_id: false,
            sorted_lists: false,
            links_are_dependencies: false,
        }
    }
}

/// How Aiven behaves. Apart from the durations, every knob is there because no source tells; the default is the likeliest.
#[derive(Debug, Clone)]
pub struct AivenKnobs {
    /// `creating` for this long; "up to a few minutes".
    pub creation: Duration,
    /// `deleting` for this long, then 404.
    pub deletion: Duration,
    /// After its creation a PrivateLink answers 404 to reads for this long; clients expect it.
    pub visibility_lag: Duration,
    /// From the endpoint being `available` until its connection is listed; `None` needs a `refresh`.
    pub listing_lag: Option<Duration>,
    /// A listed connection is `connected` for this long, then `active`. Unverified.
    pub connection_activation: Duration,
    /// From a component being enabled until its privatelink rows exist.
    pub component_lag: Duration,
    /// A service is REBUILDING for this long after a change of plan or network or a power-on.
    pub rebuild: Duration,
    /// Requests a minute before 429 with "try again in Ns"; `None` is no limit. Window and scope are unverified.
    pub requests_per_minute: Option<u32>,
    /// 429 also has a `Retry-After` header. Unverified.
    pub retry_after_header: bool,
    /// After a PUT the PrivateLink shows as `creating`, with its ids, for this long. Unverified.
    pub update_leaves_active: Duration,
    /// PUT and DELETE of a PrivateLink that is `creating` answer 409. Unverified.
    pub refuse_changes_while_creating: bool,
    /// DELETE of a PrivateLink that is `deleting` answers 409 and not the object once more. Unverified.
    pub second_delete_conflicts: bool,
    /// Principals that are no ARN of an account, user or role are refused. Unverified.
    pub check_principals: bool,
    /// The project may use `supported_regions` (sales enables it); otherwise 403. Status unverified.
    pub cross_region: bool,
    /// Answers have `supported_regions`; the API of August 2026 had not.
    pub regions_in_answers: bool,
    /// `supported_regions` lists the service's own region too. Unverified.
    pub own_region_listed: bool,
    /// A connection has its id already while `connected`. Unverified.
    pub connection_id_at_once: bool,
    /// The n of `privatelink-<n>-` is used again after its connection is gone. Unverified.
    pub reuse_connection_numbers: bool,
    /// Rows of other routes have `privatelink_connection_id: null` and do not leave it out. Unverified.
    pub null_connection_ids: bool,
    /// The rows of `components` come in the opposite order: their order is no contract.
    pub reversed_rows: bool,
    /// Secrets are `<redacted>` unless asked for.
    pub redact_secrets: bool,
    /// A power-off takes the PrivateLink away, as Terraform's documentation says.
    pub power_off_drops_privatelink: bool,
}

impl Default for AivenKnobs {
    fn default() -> Self {
        Self {
            creation: Duration::from_secs(120),
            deletion: Duration::from_secs(60),
            visibility_lag: Duration::ZERO,
            listing_lag: Some(Duration::from_secs(20)),
            connection_activation: Duration::from_secs(10),
            component_lag: Duration::from_secs(60),
            rebuild: Duration::from_secs(300),
            requests_per_minute: None,
            retry_after_header: false,
            update_leaves_active: Duration::ZERO,
            refuse_changes_while_creating: false,
            second_delete_conflicts: false,
            check_principals: true,
            cross_region: true,
            regions_in_answers: true,
            own_region_listed: false,
            connection_id_at_once: false,
            reuse_connection_numbers: false,
            null_connection_ids: false,
            reversed_rows: false,
            redact_secrets: true,
            power_off_drops_privatelink: true,
        }
    }
}
