//! The HCP simulator, over TLS, as its clients see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod lifecycle;
mod lookups;
mod requests;
mod support;
#[path = "../vendors/mod.rs"]
mod vendors;
