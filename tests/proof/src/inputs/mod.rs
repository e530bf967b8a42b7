//! Inputs that are wrong, and answers that no contract knows.
//!
//! | module | holds |
//! |---|---|
//! | [`corpus`] | bad inputs in `tests/proof/corpus`, and how a case is made of an example |
//! | [`bad`] | each of them through the deployed state machines and functions |
//! | [`secrets`] | the same for the vendors' secrets |
//! | [`fuzz`] | mutated requests and answers, many thousands of them |
//! | [`mutation`] | how JSON and XML are mutated |
//! | [`served`] | the simulators alone, with the product's own clients before them |
//! | [`unknown`] | lives in which a remote answers what no contract knows |
//! | [`edits`] | those answers |
//! | `rewriting` | how they are made of real ones |

pub mod bad;
pub mod corpus;
mod deployed;
pub mod edits;
pub mod fuzz;
pub mod mutation;
mod rewriting;
pub mod secrets;
pub mod served;
pub mod unknown;
