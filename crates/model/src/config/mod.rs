//! The cluster's multipath configuration: what may stand in it, what becomes of it, and what it would do to a node.
//!
//! `multipath.cfg` ([`crate::multipath_cfg`]) says what people want, `multipath-overrides.conf` ([`overrides`]) what hardware needs.
//! Here are the settings that may stand in the one ([`keywords`]) with their types and bounds ([`value`]), how it is changed without
//! losing a comment ([`edit`]), the drop-ins that every node makes of both ([`render`]), what would happen on a node if they
//! were applied ([`plan`]: what one node has is in [`node`], what is in force for a LUN in [`effective`]), who applies them and when
//! ([`rollout`]; what people do with one is in [`steer`], the texts that it names in [`texts`]), what goes wrong with that ([`findings`]), and how documents are made of what nodes have already ([`adopt`]).

pub mod adopt;
pub mod edit;
pub mod effective;
pub mod findings;
pub mod keywords;
pub mod node;
pub mod overrides;
pub mod plan;
pub mod render;
pub mod rollout;
pub mod steer;
pub mod teardown;
pub mod texts;
pub mod value;
pub mod version;

pub use keywords::{Keyword, Place};
pub use version::Version;
