//! A simulated SAN and its nodes, for tests, `pathkeeper demo` and measurements.
//!
//! Pure and seeded: the same configuration gives the same SAN, and the same operations the same states, on every machine.
//!
//! - [`San`] is what stands there; [`Op`] what can happen to it; [`San::apply`] what follows.
//! - [`San::view`] is what a node's multipathd knows, [`multipathd::answer`] the text that it would send for a command.
//! - [`San::kernel_maps`] is what the node's device-mapper says, [`KernelEvent::payload`] its uevents.
//! - [`San::truth`] is what an honest agent must report: tests compare with it.
//! - [`Script`] is a text with one operation a line; [`story()`] writes the one that the demo plays.

pub mod multipathd;
mod ops;
mod rng;
mod san;
mod script;
mod seen;
mod story;
mod sysfs;

pub use ops::{Effects, KernelEvent, KernelEventKind, Op};
pub use rng::Rng;
pub use san::{
    Adapter, Condition, Counters, DM_MAJOR, DaemonMode, Lun, Node, NodeLun, Path, PathSet, San, SanConfig,
    SanError, TargetPort, disk_name, disk_numbers,
};
pub use script::{Problem, Script, Step, describe};
pub use seen::{MapTruth, NodeTruth};
pub use story::{faults_in_place, story};
pub use sysfs::{SysfsEntry, SysfsKind};
