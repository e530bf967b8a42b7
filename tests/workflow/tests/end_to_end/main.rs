//! The workflow end to end: the real template, state machine and functions on the emulator, against the simulators.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accounts;
mod bus;
mod changes;
mod connects;
mod fails;
mod landing_zone;
mod refuses;
mod register;
mod requests;
mod secrets;
mod stage;
mod vending;
