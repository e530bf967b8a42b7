//! The consumer's side of a connection: what is there, how it differs from what a request needs, and the writes that end the
//! difference.
//!
//! `network` waits until there is anything to look at, `read` looks, `decide` compares without calling anybody, `changes` says it for a plan, `apply` does it. Plan and run decide by
//! the same function.

pub mod apply;
pub mod changes;
pub mod decide;
pub mod network;
pub mod read;

use std::collections::BTreeMap;

use shared::document::ServiceOffer;
use shared::identity::ConnectionId;
use shared::request::Request;

use crate::ec2::endpoints::Endpoint;
use crate::ec2::groups::given::Given;
use crate::ec2::groups::managed::Group;
use crate::ec2::subnets::Candidates;
use crate::ec2::vpc::Vpc;

/// What is there.
#[derive(Debug)]
pub struct Situation {
    pub vpc: Vpc,
    /// The connection's endpoints in whatever state, oldest first.
    pub ours: Vec<Endpoint>,
    /// The endpoint to adopt, while it is not the connection's.
    pub adoptee: Option<Endpoint>,
    /// The security groups that the workflow made for the connection.
    pub groups: Vec<Group>,
    /// The security groups that the request names.
    pub given: Given,
    pub candidates: Candidates,
    /// Zone ids by subnet id: of the candidates, and of the endpoints' own subnets.
    pub zones: BTreeMap<String, String>,
}

/// What a request needs.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub request: &'a Request,
    pub connection: &'a ConnectionId,
    pub execution_name: &'a str,
    pub service: Service<'a>,
    /// Ids of the zones in which the service can be reached; empty where they are not known.
    pub offered: &'a [String],
    /// TCP ports of the service, as inclusive ranges.
    pub ports: &'a [(u16, u16)],
}

/// The vendor's endpoint service.
#[derive(Debug, Clone, Copy)]
pub enum Service<'a> {
    /// There is none yet.
    Absent,
    /// There is one whose name is not told yet.
    Unnamed,
    Offered(&'a ServiceOffer),
}

impl Service<'_> {
    /// Whether an endpoint is connected to it.
    fn is_of(&self, endpoint: &Endpoint) -> bool {
        match self {
            Self::Absent => false,
            Self::Unnamed => true,
            Self::Offered(offer) => endpoint.service_name == offer.service_name,
        }
    }
}
