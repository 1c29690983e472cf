//! sysfs: what the kernel knows about devices and adapters, under a root that tests can set.

pub mod adapter;
pub mod device;
pub mod file;
pub mod page83;

pub use device::{DeviceFacts, MapFacts};
