//! The HCP simulator, over TLS, as its clients see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod clusters;
mod lifecycle;
mod lookups;
mod requests;
mod support;
mod updates;
#[path = "../vendors/mod.rs"]
mod vendors;
