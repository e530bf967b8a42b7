//! What both vendors' providers promise, checked over real HTTP and TLS against the simulators.
//!
//! | module | promises about |
//! |---|---|
//! | `preflight` | what is there and what is missing, without writing |
//! | `refusals` | what preflight refuses, each with its path and words |
//! | `service` | the PrivateLink service and its shared lists |
//! | `access` | where the components answer |
//! | `release` | taking back |
//! | `faults` | whatever goes wrong between here and the vendor |
//! | `credentials` | the secret, the token, and that neither shows |
//! | `hcp`, `aiven` | what only one vendor has |
//!
//! Every promise is one test that runs for both vendors, see [`rig::both`].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod aiven;
mod credentials;
mod faults;
mod hcp;
mod preflight;
mod refusals;
mod release;
mod rig;
mod secrets_manager;
mod service;
mod vendor;
