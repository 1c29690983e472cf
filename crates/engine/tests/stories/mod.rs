//! What happens to clusters, told as stories: operations over simulated nodes, and the exact status before and after.
//!
//! Agents, observer and simulator are the real ones; only time is stepped by hand. In a status each row is
//! `LUN state: node usable/expected paths; why these nodes are expected`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may panic"
)]

mod cluster;
mod luns;
mod nodes;
mod paths;
mod read;
mod unmanaging;
pub(crate) mod world;
