//! The outside world: multipathd, the kernel, sysfs, stores. It tells facts and judges nothing.
#![deny(unsafe_code)]

mod bounded;
pub mod multipathd;
pub mod store;
