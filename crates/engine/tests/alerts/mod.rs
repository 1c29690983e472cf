//! Who tells people what, and how often: agents that alert about one world, over stores and nodes that fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may panic"
)]

mod fleet;
mod law;
mod rules;
mod scenarios;
