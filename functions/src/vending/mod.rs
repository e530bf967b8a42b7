//! What starts the workflow without a person: events, references to connections, and vending profiles.
//!
//! | module | holds |
//! |---|---|
//! | [`event`] | what an event on the bus asks for |
//! | [`start`] | the executions that an event starts |
//! | [`profiles`] | vending profiles in SSM Parameter Store |
//! | [`resolve`] | from a reference to the request it means |

pub mod event;
pub mod profiles;
pub mod resolve;
pub mod start;

pub use profiles::Profiles;
