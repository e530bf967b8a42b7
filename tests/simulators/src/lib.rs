//! Stateful simulators of the three clouds that a connection touches: EC2's PrivateLink, HCP and Aiven; and fronts of an
//! emulator's Route 53 and STS.
//!
//! They speak HTTP (and TLS with a CA made at start), check authorization, keep state, move it with a clock that can run
//! faster than the real one, and can be told to fail at the k-th call of an operation. What the contracts mark as unverified
//! is a knob ([`knobs`]), never a constant.
//!
//! ```text
//!   product ──HTTP──► ec2 ─────┐
//!           ──TLS───► hcp ─────┼──► Fabric: endpoint services and endpoints, as AWS PrivateLink knows them
//!           ──TLS───► aiven ───┘
//!           ──HTTP──► route53, sts, aws_json ───► the emulator, if there is one
//!                      └ every call passes the rights of the caller, the Recorder (what was called, by whom, was it a write) and the faults
//! ```

pub mod aiven;
pub mod aws_json;
pub mod clock;
pub mod ec2;
mod echo;
pub mod fabric;
pub mod front;
pub mod hcp;
pub mod hostile;
pub mod knobs;
mod process;
pub mod rate;
pub mod recorder;
pub mod rights;
pub mod route53;
pub mod secrets;
pub mod server;
mod start;
pub mod sts;
pub mod tls;
mod upstream;

pub use start::{Simulators, SimulatorsConfig};
