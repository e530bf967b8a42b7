//! Nothing is lost, whatever fails: proven by trials on the real state machine with the real functions, and counted in a table.
//!
//! | module | holds |
//! |---|---|
//! | [`rows`] | the rows of the table |
//! | [`trial`] | what a trial is, and how many are played at once |
//! | [`report`] | the table |
//! | [`pool`] | running environments, one trial in each at a time |
//! | [`scenes`] | a fleet, a sweep, the register's commands, a vended account |
//! | [`situation`] | what is there before a life begins |
//! | [`trouble`] | what can go wrong with a call |
//! | [`world`] | one vendor's service, one VPC, and what belongs to others in them |
//! | [`life`] | provision, a change, deprovision; and what is right afterwards |
//! | `together` | a mishap in a life; up to three of them share one |
//! | [`faults`] | every call of a life fails once |
//! | [`crashes`] | every function is killed around each of its calls |
//! | [`repeats`] | every task is invoked twice |
//! | [`lives`] | random lives against a naive model |
//! | [`races`] | many executions at once |
//! | [`mutants`] | deliberate bugs, each with the test that must fail by it |
//! | [`inputs`] | inputs that are wrong, and answers that no contract knows |

pub mod crashes;
pub mod faults;
pub mod inputs;
pub mod life;
pub mod lives;
pub mod mutants;
pub mod pool;
pub mod races;
mod register;
pub mod repeats;
pub mod report;
pub mod rows;
pub mod scenes;
pub mod situation;
mod together;
pub mod trial;
pub mod trouble;
mod vended;
pub mod world;
mod zones;
