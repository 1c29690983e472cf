//! A simulated SAN and its nodes, for tests, `pathkeeper demo` and measurements.
//!
//! Pure and seeded: the same configuration gives the same SAN, and the same operations the same states, on every machine.

pub mod multipathd;
mod rng;

pub use rng::Rng;
