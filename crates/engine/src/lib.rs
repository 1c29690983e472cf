//! What happens when: agent and cluster as state machines, and the simulator. Pure: no clock, file, socket or thread.
#![forbid(unsafe_code)]

pub mod agent;
pub mod alerts;
pub mod apply;
pub mod cluster;
pub mod counts;
pub mod publish;
pub mod sim;
