//! Who tells people what, and how often: agents that alert about one world, over stores and nodes that fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    dead_code,
    reason = "a test may panic; the world is shared with the stories"
)]

mod fleet;
mod law;
#[path = "../stories/read.rs"]
mod read;
mod rules;
mod scenarios;
#[path = "../stories/world.rs"]
mod world;
