//! The whole life of a connection, from every starting situation: what exists where, in which state, with whose tags, times the
//! three actions.
//!
//! For each situation the plan must name exactly the calls that the run then writes, a second plan must find nothing to do, and after
//! a deprovision nothing of ours is left and everything of everybody else is as it was. A deprovision also begins at the situation
//! itself, in a world of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// What runs the state machine.
const ENGINE: rehearsal::Engine = rehearsal::Engine::Default;

mod aiven;
mod case;
mod consumer;
mod hcp;
mod scene;
#[path = "../end_to_end/stage.rs"]
#[allow(dead_code, reason = "shared with the end-to-end tests, which use all of it")]
mod stage;
mod table;
mod zones;
