//! The tests of `end_to_end` on the stricter second engine, see `tests/rehearsal/engines.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../end_to_end/accounts.rs"]
mod accounts;
#[path = "../end_to_end/bus.rs"]
mod bus;
#[path = "../end_to_end/changes.rs"]
mod changes;
#[path = "../end_to_end/connects.rs"]
mod connects;
#[path = "../end_to_end/engines.rs"]
mod engines;
#[path = "../end_to_end/fails.rs"]
mod fails;
#[path = "../end_to_end/landing_zone.rs"]
mod landing_zone;
#[path = "../end_to_end/refuses.rs"]
mod refuses;
#[path = "../end_to_end/register.rs"]
mod register;
#[path = "../end_to_end/requests.rs"]
mod requests;
#[path = "../end_to_end/secrets.rs"]
mod secrets;
#[path = "../end_to_end/stage.rs"]
mod stage;
#[path = "../end_to_end/vending.rs"]
mod vending;
#[path = "../end_to_end/watch.rs"]
mod watch;

/// What runs the state machine.
const ENGINE: rehearsal::Engine = rehearsal::Engine::Strict;
