//! Many at once: real executions that race for one service of a vendor, for EC2's throttles, and for one connection.
//!
//! | module | holds |
//! |---|---|
//! | `crowd` | a vendor's service, accounts and VPCs, and executions that are started at once |
//! | `judge` | what must be there after a race |
//! | `trials` | the races |

mod crowd;
mod judge;
mod trials;

pub use trials::trials;
