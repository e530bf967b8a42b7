//! The Aiven simulator, over TLS, as its clients see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod added;
mod lifecycle;
mod lookups;
mod requests;
mod services;
mod support;
#[path = "../vendors/mod.rs"]
mod vendors;
