//! The engine, with its time stepped by hand: each module is a subject. One program, for linking each by itself takes longer than its tests.

mod agent;
mod agent_expects;
mod alerts;
mod apply;
mod cluster;
mod expect;
mod judged;
#[path = "../benches/load/mod.rs"]
#[allow(dead_code, reason = "shared with benches")]
mod load;
mod sim_recordings;
mod sim_san;
mod stories;
