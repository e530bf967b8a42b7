//! What the stack's parameters say, from the environment of a function.

use url::Url;

use crate::progress::Schedule;
use crate::request::Request;
use crate::{Error, Result};

/// The settings of a function; a function whose step does not need one has it at its default.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `https://api.cloud.hashicorp.com` unless the stack says otherwise.
    pub hcp_api_url: Url,
    /// `https://auth.idp.hashicorp.com` unless the stack says otherwise.
    pub hcp_auth_url: Url,
    /// `https://api.aiven.io` unless the stack says otherwise.
    pub aiven_api_url: Url,
    /// Secrets that a request may name start with this.
    pub secret_name_prefix: String,
    /// The role in a consumer's account that is assumed where the request names no other.
    pub consumer_role_name: String,
    /// What those roles' trust asks for; no secret.
    pub consumer_external_id: String,
    /// Path of the vending profiles in SSM Parameter Store, without a slash at its end.
    pub profile_path: String,
    /// Whether the sweep lists the organization's accounts.
    pub organizations_access: bool,
    /// PEM file of CAs to trust besides the public ones, for networks that inspect TLS.
    pub extra_ca_file: Option<String>,
    /// The table of the register; without one nothing is written down, and runs do not wait for each other's changes.
    pub register_table: Option<String>,
    /// Seconds between two looks.
    pub poll_seconds: u32,
    /// Of a preflight that waits for the consumer's network.
    pub network_budget_seconds: u32,
    pub service_budget_seconds: u32,
    pub endpoint_budget_seconds: u32,
    pub acceptance_budget_seconds: u32,
    pub access_budget_seconds: u32,
    /// Of undo, deprovision and the retirement of what was replaced.
    pub undo_budget_seconds: u32,
    /// How often a run makes an endpoint again that was rejected, failed, expired or deleted by somebody.
    pub endpoint_replacements_max: u32,
    /// HCP's limit of consumer accounts of one service, which a support ticket raises.
    pub hcp_max_consumer_accounts: u32,
    /// HCP's limit of consumer IP ranges of one service, which a support ticket raises.
    pub hcp_max_consumer_ip_ranges: u32,
}

/// The phases that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhaseName {
    Preflight,
    Service,
    Endpoint,
    Acceptance,
    Access,
    Retirement,
    Publish,
    Removal,
    Undo,
}

impl PhaseName {
    /// The phase's key in the state document.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::Service => "service",
            Self::Endpoint => "endpoint",
            Self::Acceptance => "acceptance",
            Self::Access => "access",
            Self::Retirement => "retirement",
            Self::Publish => "connection",
            Self::Removal => "removal",
            Self::Undo => "undo",
        }
    }
}

/// Half of the documented minimum of the automatic acceptance at HCP, "5 to 10 minutes", and somewhat more: of runs that are
/// accepted twice as fast, 19 in 20 are still seen within 20 seconds.
const ACCEPTANCE_FIRST_WAIT_SECONDS: u32 = 175;
/// For so long the watch looks again between two looks of a step that makes a connection. Each of the step's is three transitions of
/// the state machine, and one for the history and the register.
pub const WATCH_SECONDS: u32 = 300;
/// Preflight and publish wait only when a remote asks for it, but for a preflight that waits for the network.
const SHORT_BUDGET_SECONDS: u32 = 300;
/// Accounts are set up in minutes to hours.
const NETWORK_POLL_SECONDS: u32 = 60;

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    /// `Unexpected` for a value that the template's allowed patterns should have stopped.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// The same from any source of variables.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let url = |name: &str, default: &str| {
            let text = get(name).unwrap_or_else(|| default.to_owned());
            let url = Url::parse(&text).map_err(|error| {
                Error::unexpected(format!(
                    "the function's setting {name} is not a URL ({error}): correct the stack's parameter."
                ))
            })?;
            if url.scheme() == "https" {
                Ok(url)
            } else {
                Err(Error::unexpected(format!(
                    "the function's setting {name} is not an https URL: correct the stack's parameter."
                )))
            }
        };
        let number = |name: &str, default: u32| match get(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| {
                Error::unexpected(format!(
                    "the function's setting {name} is not a whole number: correct the stack's parameter."
                ))
            }),
        };
        Ok(Self {
            hcp_api_url: url("HCP_API_URL", "https://api.cloud.hashicorp.com")?,
            hcp_auth_url: url("HCP_AUTH_URL", "https://auth.idp.hashicorp.com")?,
            aiven_api_url: url("AIVEN_API_URL", "https://api.aiven.io")?,
            secret_name_prefix: get("SECRET_NAME_PREFIX").unwrap_or_else(|| "privatelink/".to_owned()),
            consumer_role_name: get("CONSUMER_ROLE_NAME").unwrap_or_else(|| "privatelink-workflow-consumer".to_owned()),
            consumer_external_id: get("CONSUMER_EXTERNAL_ID").unwrap_or_else(|| "privatelink-workflow".to_owned()),
            profile_path: get("PROFILE_PATH").unwrap_or_else(|| "/privatelink-workflow/profiles".to_owned()),
            organizations_access: get("ORGANIZATIONS_ACCESS").is_some_and(|value| value == "true"),
            extra_ca_file: get("EXTRA_CA_FILE"),
            register_table: get("REGISTER_TABLE"),
            poll_seconds: number("POLL_SECONDS", 15)?,
            network_budget_seconds: number("NETWORK_BUDGET_SECONDS", 2 * 60 * 60)?,
            service_budget_seconds: number("SERVICE_BUDGET_SECONDS", 35 * 60)?,
            endpoint_budget_seconds: number("ENDPOINT_BUDGET_SECONDS", 30 * 60)?,
            acceptance_budget_seconds: number("ACCEPTANCE_BUDGET_SECONDS", 60 * 60)?,
            access_budget_seconds: number("ACCESS_BUDGET_SECONDS", 15 * 60)?,
            undo_budget_seconds: number("UNDO_BUDGET_SECONDS", 60 * 60)?,
            endpoint_replacements_max: number("ENDPOINT_REPLACEMENTS_MAX", 2)?,
            hcp_max_consumer_accounts: number("HCP_MAX_CONSUMER_ACCOUNTS", 10)?,
            hcp_max_consumer_ip_ranges: number("HCP_MAX_CONSUMER_IP_RANGES", 15)?,
        })
    }

    /// How a phase waits in a run of this request.
    pub fn schedule(&self, phase: PhaseName, request: &Request) -> Schedule {
        if phase == PhaseName::Preflight && request.waits_for_network() {
            let interval_seconds = self.poll_seconds.max(NETWORK_POLL_SECONDS);
            return Schedule {
                first_wait_seconds: interval_seconds,
                interval_seconds,
                budget_seconds: self.network_budget_seconds,
                watch_seconds: 0,
            };
        }
        let budget_seconds = match phase {
            PhaseName::Preflight | PhaseName::Publish => SHORT_BUDGET_SECONDS,
            PhaseName::Service => self.service_budget_seconds,
            PhaseName::Endpoint => self.endpoint_budget_seconds,
            PhaseName::Acceptance => self.acceptance_budget_seconds,
            PhaseName::Access => self.access_budget_seconds,
            PhaseName::Undo | PhaseName::Removal | PhaseName::Retirement => self.undo_budget_seconds,
        };
        let first_wait_seconds = match phase {
            PhaseName::Acceptance => ACCEPTANCE_FIRST_WAIT_SECONDS.min(budget_seconds / 2),
            _ => self.poll_seconds,
        };
        let watch_seconds = match phase {
            PhaseName::Service | PhaseName::Acceptance | PhaseName::Access => WATCH_SECONDS,
            // Nothing is seen later or costs more if their few looks are the step's.
            _ => 0,
        };
        Schedule {
            first_wait_seconds,
            interval_seconds: self.poll_seconds,
            budget_seconds,
            watch_seconds,
        }
    }
}
