//! The real product on this machine, without AWS: for `cargo rehearse` and for the end-to-end tests.
//!
//! | module | holds |
//! |---|---|
//! | [`environment`] | all of the below together: the product, deployed and ready to run |
//! | [`python`] | private Python environments with the engines in them |
//! | [`functions`] | the Lambda functions, built and zipped |
//! | [`emulator`] | MiniStack as a child process that cannot outlive this one |
//! | [`strict`] | moto as a stricter second engine for the state machine, for tests |
//! | [`aws`] | a small client of the emulator's APIs |
//! | [`package`] | what `sam package` does to the template |
//! | [`deploy`] | what `sam deploy` does with it |
//! | [`execution`] | one run of the state machine |
//! | [`tasks`] | what the state machines called, and a task that is to fail |
//! | [`fleet`] | accounts for a fleet, and its start |
//! | [`growth`] | remote calls by kind, for each connection |
//! | [`paths`] | where things are |
//! | [`error`] | errors for a person |

pub mod aws;
pub mod deploy;
pub mod emulator;
pub mod environment;
pub mod error;
pub mod execution;
pub mod fleet;
pub mod functions;
pub mod growth;
mod guarded;
mod http;
pub mod package;
pub mod paths;
pub mod python;
mod refused;
mod rights;
mod run_dir;
pub mod strict;
pub mod tasks;

pub use environment::{Engine, Environment, Options};
pub use error::{Error, Result};
pub use execution::{Execution, Failure, Outcome};
