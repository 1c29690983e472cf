//! multipathd over its own socket: `show` verbs, and for a managed node the two orders of [`manage`].

pub mod frame;
pub mod json;
pub mod manage;
pub mod mend;
pub mod query;
pub mod raw;
pub mod reply;
pub mod socket;

pub use query::Query;
pub use socket::{AskError, Connection, Deadline, SocketAddress};
