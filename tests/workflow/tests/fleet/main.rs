//! The fleet end to end: many runs of the real workflow under one state machine, on the emulator and against the simulators.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod connects;
mod goes_on;
mod growth;
mod lists;
mod refuses;
mod stage;
