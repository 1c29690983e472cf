//! The cluster's multipath configuration through the API and the command line: looked at, written, brought to the nodes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod commands;
mod lab;
mod look;
mod rollout;
mod write;
