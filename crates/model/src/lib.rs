//! What things are: names, states, reports, the fold and the matrix, findings. Pure: no clock, file, socket or thread.

#![forbid(unsafe_code)]

pub mod alert;
pub mod arrays;
pub mod can;
pub mod cause;
pub mod config;
pub mod detail;
pub mod discover;
pub mod expect;
pub mod explain;
pub mod finding;
pub mod fold;
pub mod fold_doc;
pub mod fresh;
pub mod guests;
pub mod guide;
pub mod health;
pub mod history;
pub mod ids;
pub mod json;
pub mod judge;
pub mod ledger;
pub mod local;
pub mod matrix;
pub mod multipath_cfg;
pub mod multipath_conf;
pub mod mutes;
pub mod names;
pub mod node_value;
pub mod orders;
pub mod picture;
pub mod problems;
pub mod reboot;
pub mod report;
pub mod section;
mod shell;
pub mod state;
pub mod storage_cfg;
pub mod token;
pub mod topology;
pub mod volumes;
pub mod windows;

pub use ids::{EpochS, Instance, MonoMs, NodeName, Now, Wwid};
pub use state::{Entry, State, Transport};
