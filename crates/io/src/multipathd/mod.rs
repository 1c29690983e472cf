//! multipathd over its own socket: `show` verbs only.

pub mod frame;
pub mod json;
pub mod mend;
pub mod query;
pub mod raw;
pub mod reply;
pub mod socket;

pub use query::Query;
pub use socket::{AskError, Connection, Deadline, SocketAddress};
