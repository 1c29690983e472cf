//! The history of what this node saw: it is told what changed, and asked how things stood.

pub mod alerted;
mod recorder;
mod remembered;
mod then;
mod told;

use std::path::Path;

use pathkeeper_io::history::{History, Life};
use pathkeeper_model::history::Limits;
use pathkeeper_model::{EpochS, Instance, NodeName};

pub use recorder::Recorder;
pub use remembered::Remembered;
pub use then::{status, steps};

/// Opens the history in a state directory; `None` where none is to be kept, or the system gives no thread.
pub fn open(dir: &Path, node: &NodeName, instance: Instance, limits: Limits, now: EpochS) -> Option<History> {
    if limits.age_s == 0 {
        return None;
    }
    let life = Life {
        node: node.clone(),
        instance: instance.to_string(),
        version: env!("CARGO_PKG_VERSION").into(),
        began: now,
    };
    match History::start(dir, life, limits) {
        Ok(history) => Some(history),
        Err(e) => {
            tracing::warn!("no history is kept: {e}");
            None
        }
    }
}
