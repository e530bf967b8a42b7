//! Security groups of an endpoint's interfaces: those that the request names, or one of the workflow's own.

pub mod given;
pub mod managed;
pub mod rules;
