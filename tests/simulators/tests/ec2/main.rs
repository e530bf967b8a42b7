//! The EC2 simulator, over HTTP, as a client sees it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod creation;
mod faults;
mod groups;
mod lifecycle;
mod modify;
mod network;
mod routes;
mod support;
mod together;
