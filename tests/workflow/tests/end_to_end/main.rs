//! The workflow end to end: the real template, state machine and functions on the emulator, against the simulators.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod bus;
mod changes;
mod connects;
mod engines;
mod fails;
mod landing_zone;
mod leaks;
mod only_default;
mod refuses;
mod register;
mod requests;
mod rights;
mod secrets;
mod stage;
#[path = "../contract/stack.rs"]
#[allow(dead_code)]
mod template;
mod vending;
mod watch;

/// What runs the state machine: `end_to_end_strict` has the same tests with the other engine.
const ENGINE: rehearsal::Engine = rehearsal::Engine::Default;
