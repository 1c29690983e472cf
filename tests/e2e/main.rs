//! The real program from outside: started as a person or systemd starts it, asked over its sockets, stopped by signals.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may; clippy.toml's leave reaches test functions and not the helpers beside them"
)]

mod alertmanager;
mod browser;
mod demo;
#[cfg(feature = "etcd")]
mod demo_etcd;
#[cfg(feature = "etcd")]
#[path = "../etcd_servers.rs"]
mod etcd_servers;
mod manage;
mod monitoring;
mod node;
mod observe_writes_nothing;
mod openapi;
mod prometheus;
mod service;
#[cfg(feature = "etcd")]
mod several_hosts;
mod trace;
