//! The binary's rooms: the agent's wiring, the HTTP server, the command line, the demo.
//!
//! They are a library so that tests and benchmarks can reach them; `main.rs` only calls [`cli::main`].
#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod http;
pub mod redact;
pub mod tls;
