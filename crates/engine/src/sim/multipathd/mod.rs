//! What a multipathd of a chosen version answers, byte for byte.
//!
//! [`View`] is all that the daemon knows at one moment; [`answer`] is the text it would send for a command. The formats
//! follow real daemons (recordings in tests/data/multipathd; `cargo test -p pathkeeper-engine --test engine sim_recordings`
//! renders every recorded state again and compares).

mod command;
mod format;
mod json;
mod topology;
mod view;

pub use command::{Reply, answer};
pub use format::{map_wildcards, path_wildcards};
pub use json::{json_map, json_maps};
pub use topology::topology;
pub use view::{Chk, Group, Map, NextCheck, Path, PathDm, Retry, Version, View};
