//! Random lives against a naive model of the world.
//!
//! | module | holds |
//! |---|---|
//! | [`life`] | what is there at the start, the runs, and what goes wrong; as JSON, to be pinned |
//! | [`strategy`] | where lives come from |
//! | [`search`] | lives by number, and making a wrong one smaller |
//! | [`play`] | plays a life in a world, and judges it |
//! | `model` | what must be there, by the README |

mod deeds;
pub mod life;
mod mishaps;
mod model;
pub mod play;
mod scene;
pub mod search;
mod seen;
pub mod strategy;
