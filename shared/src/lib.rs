//! What more than one step of the workflow uses.
//!
//! | module | holds |
//! |---|---|
//! | [`request`] | the one document a user writes: types, JSON Schema, validation |
//! | [`document`] | the state document that travels through the state machine, and what each step leaves in it |
//! | [`profile`] | vending profiles: which accounts get which connection |
//! | [`events`] | the events that start the workflow, and those that it sends |
//! | [`plan`] | what a run would write, before it writes |
//! | [`progress`] | a step's answer: pending (how long, why) or ready; the schedule of waits and the budgets |
//! | [`error`] | the named errors that the state machine retries, catches and shows |
//! | [`identity`] | the one identity of a connection, and the names, tags and tokens made of it |
//! | [`register`] | the row of a connection in the register |
//! | [`settings`] | what the stack's parameters say |
//! | [`secrets`] | credentials from Secrets Manager |
//! | [`http`] | the HTTP client of the vendors' APIs |
//! | [`aws`] | the AWS SDK over that same client, and its errors in our names |
//! | `redact` | takes credentials out of what a remote answers |
//! | [`provider`] | HCP Vault Dedicated and Aiven behind one trait |

pub mod aws;
pub mod document;
pub mod error;
pub mod events;
pub mod http;
pub mod identity;
pub mod plan;
pub mod profile;
pub mod progress;
pub mod provider;
mod redact;
pub mod register;
pub mod request;
pub mod secrets;
pub mod settings;
pub mod sweep;

pub use error::{Error, ErrorName, Result};
