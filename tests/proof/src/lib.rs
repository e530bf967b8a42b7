//! Nothing is lost, whatever fails: proven by trials on the real state machine with the real functions, and counted in a table.
//!
//! | module | holds |
//! |---|---|
//! | [`rows`] | the rows of the table |
//! | [`trial`] | what a trial is, and how many are played at once |
//! | [`report`] | the table |
//! | [`pool`] | running environments, one trial in each at a time |
//! | [`world`] | one vendor's service, one VPC, and what belongs to others in them |
//! | [`life`] | provision, a change, deprovision; and what is right afterwards |
//! | [`faults`] | every call of a life fails once |
//! | [`crashes`] | every function is killed around each of its calls |
//! | [`repeats`] | every task is invoked twice |

pub mod crashes;
pub mod faults;
pub mod life;
pub mod pool;
pub mod repeats;
pub mod report;
pub mod rows;
pub mod trial;
pub mod world;
mod zones;
