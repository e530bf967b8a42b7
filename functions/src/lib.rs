//! The steps of the workflow, one module each, and what runs them as Lambda functions.
//!
//! ```text
//! validate ─► preflight ─┬─► ensure_service ─► ensure_endpoint ─► ensure_accepted ─► ensure_access ─► retire ─► publish
//!                        └─► deprovision              any failure ─► undo
//! ```
//!
//! Every step looks, creates or changes only what differs, and answers *pending* or *ready*; order, waits and retries are in
//! `infra/workflow.asl.json` alone. What starts it without a person is in [`vending`], what looks between two looks of a step in [`watch`].

pub mod consumer_role;
pub mod consumer_side;
pub mod context;
pub mod dns;
pub mod ec2;
mod panics;
mod patience;
pub mod register;
pub mod removal;
pub mod runtime;
pub mod steps;
pub mod sweep;
pub mod vending;
pub mod watch;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
