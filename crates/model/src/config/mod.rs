//! The cluster's multipath configuration: what may stand in it, and what becomes of it.
//!
//! `multipath.cfg` ([`crate::multipath_cfg`]) says what people want. Here are the settings of multipath that may stand in
//! it ([`keywords`]) with their types and bounds ([`value`]), and the drop-in that every node makes of it ([`render`]): the same bytes
//! everywhere, whatever order somebody typed things in.

pub mod keywords;
pub mod render;
pub mod rollout;
pub mod value;
pub mod version;

pub use keywords::{Keyword, Place};
pub use version::Version;
