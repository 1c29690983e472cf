//! A configuration applied: the machine, its hands, real files, and the simulator's multipathd behind a real socket, which here
//! reads the files when it is told to.
//!
//! `multipath -t` runs in a mount namespace of its own, so what has a drop-in to be judged needs root, and says loudly that it
//! was skipped elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

mod faults;
mod gate;
mod lab;
mod one_node;
mod played;
mod rollout;
