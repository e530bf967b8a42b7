//! What the tests of the whole workflow share.

pub mod picture;
