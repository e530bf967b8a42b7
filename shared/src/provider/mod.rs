//! The vendors behind one trait, in the workflow's language.
//!
//! Each vendor has a folder with the same files: `mod.rs` (the trait), `client.rs` (the calls), `wire.rs` (the answers),
//! `errors.rs` (the vendor's errors in our names). A newcomer who has read one has read both.

pub mod aiven;
pub mod hcp_vault;

use async_trait::async_trait;

use crate::Result;
use crate::document::{Access, Additions, AvailableEndpoint, ServiceOffer};
use crate::progress::Look;
use crate::request::{self, Request};
use crate::secrets::Secret;
use crate::settings::Settings;

/// A vendor that offers a service over AWS PrivateLink.
///
/// Every method looks first and changes only what differs, so that calling it again is always right.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Reads only: checks what just the vendor knows, and says what is there before the run changes anything.
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

    /// Makes the vendor let traffic from the endpoint through, and says where each component answers. `attempt` counts from 1.
    ///
    /// # Errors
    /// As the vendor answers.
    async fn ensure_access(&self, endpoint: &AvailableEndpoint, attempt: u32) -> Result<Look<Access>>;

    /// Takes back what a run added: entries of shared lists, enabled components, and the service itself where the run created
    /// it and nobody else uses it. What is already gone is done. Ready with what is left on purpose, each as a sentence.
    ///
    /// # Errors
    /// As the vendor answers.
    async fn release(&self, release: &Release) -> Result<Look<Vec<String>>>;

    /// Where a client gets the CA certificate to trust, if a public one is not enough: a sentence with a command.
    fn ca_certificate(&self) -> Option<String>;

    /// Where a client gets its credentials: a sentence, never a credential.
    fn credentials(&self) -> String;
}

/// What preflight learned from the vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderFacts {
    /// The AWS region of the vendor's service.
    pub region: String,
    /// The PrivateLink service exists.
    pub service_existed: bool,
    /// The endpoint service's name, if the service is there and has one already.
    pub service_name: Option<String>,
    /// What the request needs and the vendor's lists do not have.
    pub adds: Additions,
    /// TCP ports that the endpoint's security groups must let in, as inclusive ranges.
    pub ports: Vec<(u16, u16)>,
    /// The name to resolve in the VPC by a private hosted zone, where the vendor's DNS does not do it.
    pub private_hostname: Option<String>,
}

/// What to take back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The run created the PrivateLink service.
    pub delete_service: bool,
    /// The run added these; entries that another connection of the same account may need are not among them.
    pub remove: Additions,
    /// Every endpoint of this connection, the deleted ones too: a vendor that still lists one of them as connected does not list
    /// somebody else.
    pub endpoint_ids: Vec<String>,
}

/// What a provider needs to reach its vendor.
#[derive(Debug, Clone)]
pub struct Reach {
    pub http: reqwest::Client,
    pub settings: Settings,
    pub secret: Secret,
}

/// The provider of a request.
pub fn of(request: &Request, reach: Reach) -> Box<dyn Provider> {
    let consumer = request.consumer.clone();
    match &request.provider {
        request::Provider::HcpVault(params) => Box::new(hcp_vault::HcpVault::new(params.clone(), consumer, reach)),
        request::Provider::Aiven(params) => Box::new(aiven::Aiven::new(params.clone(), consumer, reach)),
    }
}
