//! What both vendors' providers promise, checked over real HTTP and TLS against the simulators.
//!
//! | module | promises about |
//! |---|---|
//! | `preflight` | what is there and what is missing, without writing |
//! | `refusals` | what preflight refuses, each with its path and words |
//! | `service` | the PrivateLink service and its shared lists |
//! | `access` | where the components answer |
//! | `lists` | the shared lists: what is to be removed, and how many there may be |
//! | `plan` | what is told beforehand is what is written |
//! | `release` | undo: taking back what a run added |
//! | `removal` | what a deprovision needs beyond that |
//! | `turns` | a look that may not write |
//! | `connections` | one to each host, and hosts side by side |
//! | `faults` | whatever goes wrong between here and the vendor |
//! | `https` | TLS, redirects, bounds, and that nothing sends a credential elsewhere |
//! | `credentials` | the secret, the token, and that neither shows |
//! | `hcp`, `aiven` | what only one vendor has |
//!
//! Every promise is one test that runs for both vendors, see [`rig::both`].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod aiven;
mod connections;
mod credentials;
mod faults;
mod hcp;
mod https;
mod lists;
mod plan;
mod preflight;
mod refusals;
mod release;
mod removal;
mod rig;
mod secrets_manager;
mod service;
mod turns;
mod vendor;
