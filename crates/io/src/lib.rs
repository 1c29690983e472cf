//! The outside world: multipathd, the kernel, sysfs, stores. It tells facts and judges nothing.
#![deny(unsafe_code)]

pub mod append_log;
mod bounded;
pub mod dm;
pub mod dropins;
pub mod history;
mod host;
pub mod journal;
pub mod local;
mod lvm;
pub mod managing;
pub mod multipathd;
pub mod notify;
pub mod process;
mod ready;
pub mod roots;
pub mod state_file;
pub mod state_lock;
pub mod store;
pub mod sysfs;
#[cfg(test)]
mod testing;
pub mod uevent;

pub use host::files as config_files;
pub use local::{Depth, LocalReader, ProbeResult, ReaderConfig, StaleFlag};
pub use managing::{Managing, NotManaged};
pub use multipathd::SocketAddress;
pub use roots::Roots;
