//! `pathkeeper demo`: a simulated cluster with real agents, and the simulated daemons by themselves.

pub mod multipathd;
pub mod tree;
