//! What starts the workflow from outside, and what looks after its connections: AFT, pipelines, the sweep.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod aft;
mod cloud;
mod codepipeline;
mod github;
mod sweep;
