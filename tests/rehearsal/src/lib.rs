//! The real product on this machine, without AWS: for `cargo rehearse` and for the end-to-end tests.
//!
//! | module | holds |
//! |---|---|
//! | [`environment`] | all of the below together: the product, deployed and ready to run |
//! | [`python`] | a private Python environment with the emulator in it |
//! | [`functions`] | the Lambda functions, built and zipped |
//! | [`emulator`] | MiniStack as a child process that cannot outlive this one |
//! | [`aws`] | a small client of the emulator's APIs |
//! | [`package`] | what `sam package` does to the template |
//! | [`deploy`] | what `sam deploy` does with it |
//! | [`execution`] | one run of the state machine |
//! | [`fleet`] | accounts for a fleet, and its start |
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
mod http;
pub mod package;
pub mod paths;
pub mod python;
mod run_dir;

pub use environment::{Environment, Options};
pub use error::{Error, Result};
pub use execution::{Execution, Failure, Outcome};
