//! What waiting costs and how late it sees: the deployed schedule of looks beside others, played against clouds of several tempers;
//! and the bill of recorded runs.
//!
//! | module | holds |
//! |---|---|
//! | [`clouds`] | how long the clouds take |
//! | [`deployed`] | the schedule, the definition and the memory of the functions, as they are deployed |
//! | [`machine`] | the states that a run enters |
//! | [`shapes`], [`compared`] | other ways to wait |
//! | [`clock`] | what the looks of one phase use, and when they see |
//! | [`play`] | runs |
//! | [`front`] | every shape under all clouds, and which are best |
//! | [`table`], [`picture`] | the same for a person |
//! | [`prices`] | what AWS charges |
//! | [`bill`] | what a recorded run cost, and the same wait elsewhere |
//! | [`assumed`] | numbers that no file says |

pub mod assumed;
pub mod bill;
pub mod clock;
pub mod clouds;
pub mod compared;
pub mod deployed;
pub mod front;
pub mod machine;
pub mod picture;
pub mod play;
pub mod prices;
pub mod shapes;
pub mod table;

/// Errors are for the person at the command line.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
