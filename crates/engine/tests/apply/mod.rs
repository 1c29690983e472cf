//! How one node applies a configuration, told as stories and killed at every step. Time is stepped by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod kills;
mod law;
mod stories;
mod world;
