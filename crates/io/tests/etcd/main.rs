//! The etcd store against real etcd servers: what it promises, and what it does when they fail.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may; clippy.toml's leave reaches test functions and not the helpers beside them"
)]

#[path = "../../../../tests/etcd_servers.rs"]
mod etcd_servers;

mod certificates;
mod contract;
mod errors;
mod faults;
mod harness;
mod node;
mod process;
