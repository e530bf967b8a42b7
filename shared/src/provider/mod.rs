//! The vendors behind one trait, in the workflow's language.
//!
//! Each vendor has a folder with the same files: `mod.rs` (the trait), `client.rs` (the calls), `wire.rs` (the answers),
//! `errors.rs` (the vendor's errors in our names). A newcomer who has read one has read both.

pub mod aiven;
pub mod hcp_vault;
mod writing;

use async_trait::async_trait;

use crate::Result;
use crate::document::{Access, Additions, AvailableEndpoint, ServiceOffer, VendorFacts};
use crate::plan::{Change, Check};
use crate::progress::Look;
use crate::request::{self, Request};
use crate::secrets::Secret;
use crate::settings::Settings;
pub use writing::{Withheld, Writing};

/// A vendor that offers a service over AWS PrivateLink.
///
/// Every method looks first and changes only what differs, so that calling it again is always right.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Reads only: checks what just the vendor knows, says what is there before the run changes anything, and what
    /// [`Provider::ensure_service`] and [`Provider::ensure_access`] will change.
    ///
    /// # Errors
    /// `InvalidRequest` with the path of the field whose target does not fit; `LimitExceeded` where the additions do not fit in.
    async fn preflight(&self) -> Result<ProviderFacts>;

    /// Makes the vendor's PrivateLink service exist, and offer itself to this consumer. `attempt` counts from 1.
    ///
    /// # Errors
    /// `Rejected` when the vendor's service, or the change that this run asked for, failed; `LimitExceeded`, `Denied` and the like
    /// as the vendor answers.
    async fn ensure_service(&self, attempt: u32) -> Result<Look<ServiceOffer>>;

    /// Makes the vendor let traffic from the endpoint through, and says where each component answers. `attempt` counts from 1;
    /// `connection_id` is what the last look's [`Pending::vendor_connection_id`](crate::progress::Pending) said.
    ///
    /// # Errors
    /// As the vendor answers.
    async fn ensure_access(
        &self,
        endpoint: &AvailableEndpoint,
        attempt: u32,
        connection_id: Option<&str>,
    ) -> Result<Look<Access>>;

    /// The PrivateLink service as it is, for a removal; none where the vendor has none (any more).
    ///
    /// # Errors
    /// As the vendor answers.
    async fn service_seen(&self) -> Result<Option<ServiceSeen>>;

    /// Before the endpoint goes: switches off what lets its traffic through, where no other endpoint is connected. What is already
    /// gone is done. Ready with what is left on purpose, each as a sentence.
    ///
    /// # Errors
    /// As the vendor answers.
    async fn withdraw_access(&self, release: &Release) -> Result<Look<Vec<String>>>;

    /// After the endpoint is gone: takes entries out of the shared lists, and deletes the service itself where that is allowed and
    /// nobody else uses it. What is already gone is done. Ready with what is left on purpose, each as a sentence.
    ///
    /// # Errors
    /// As the vendor answers.
    async fn release(&self, release: &Release) -> Result<Look<Vec<String>>>;

    /// Reads only: what [`Provider::withdraw_access`] and [`Provider::release`] would change, in their order.
    ///
    /// # Errors
    /// As the vendor answers.
    async fn plan_release(&self, release: &Release) -> Result<ReleasePlan>;

    /// Where a client gets the CA certificate to trust, if a public one is not enough: a sentence with a command.
    fn ca_certificate(&self) -> Option<String>;

    /// Where a client gets its credentials: a sentence, never a credential.
    fn credentials(&self) -> String;
}

/// What preflight learned from the vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFacts {
    pub vendor: VendorFacts,
    /// What the run will change at the vendor, in its order, and what it keeps.
    pub changes: Vec<Change>,
    /// What was checked at the vendor, and how full its lists will be.
    pub checks: Vec<Check>,
}

/// The vendor's PrivateLink service, as far as a removal needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSeen {
    /// `com.amazonaws.vpce.<region>.vpce-svc-…`, once there is one.
    pub service_name: Option<String>,
    /// The AWS regions from which an endpoint can be connected, the service's own among them.
    pub regions: Vec<String>,
}

/// What to take back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Release {
    /// The PrivateLink service may be deleted, if nobody else uses it: the run created it, or the request allows it.
    pub delete_service: bool,
    /// Entries that only this connection needs. Components are switched off only where no other endpoint is connected.
    pub remove: Additions,
    /// Entries that others may need as well: they go only when nobody else uses the service.
    pub remove_if_alone: Additions,
    /// Every endpoint of this connection, the deleted ones too: a vendor that still lists one of them as connected does not list
    /// somebody else.
    pub endpoint_ids: Vec<String>,
    /// Live endpoints of the consumer's account that are connected to the service and are not this connection's.
    pub other_endpoint_ids: Vec<String>,
}

/// What a release would come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleasePlan {
    /// Before the endpoint goes.
    pub access: Vec<Change>,
    /// After the endpoint is gone.
    pub changes: Vec<Change>,
    /// What would be left on purpose, each as a sentence.
    pub left: Vec<String>,
}

/// What a provider needs to reach its vendor.
#[derive(Debug, Clone)]
pub struct Reach {
    pub http: crate::http::Client,
    pub settings: Settings,
    pub secret: Secret,
    pub writing: Writing,
}

/// The provider of a request.
pub fn of(request: &Request, reach: Reach) -> Box<dyn Provider> {
    let consumer = request.consumer.clone();
    match &request.provider {
        request::Provider::HcpVault(params) => Box::new(hcp_vault::HcpVault::new(params.clone(), consumer, reach)),
        request::Provider::Aiven(params) => Box::new(aiven::Aiven::new(params.clone(), consumer, reach)),
    }
}
