//! The functions beside an empty Lambda, and beside the same step in other languages.
//!
//! Every subject is started as Lambda starts it, against a Runtime API over HTTP, and gets one event, whose calls go to
//! simulators over TLS. Rounds are interleaved, so that whatever else the machine does hits all alike, and ratios are taken
//! within a round.

pub mod artifacts;
pub mod callgrind;
pub mod gate;
pub mod measure;
pub mod peers;
pub mod remotes;
pub mod report;
pub mod runtime_api;
pub mod stats;
pub mod subjects;

/// For a person: what failed, and why.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T, E = Error> = std::result::Result<T, E>;
