//! Following pmxcfs: it tells nobody anything, so it is asked.
//!
//! Twice a second what changed (0.2 ms of its time); who is in the cluster when that says so, and every 2 s, since losing
//! or winning quorum alone moves no counter; documents that somebody here has read, every 5 s, since ours are in no list
//! of changes; and every value, each minute, since a counter that starts again can look as it did before.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::version::{Counters, Version};
use crate::store::Hint;

/// Between two questions what has changed.
pub const POLL_MS: u64 = 500;
const MEMBERS_MS: u64 = 2_000;
const DOCUMENTS_MS: u64 = 5_000;

/// Runs until the store is dropped. `first` is what had changed, and on which connection, before anybody looked.
pub async fn run(shared: Weak<Shared>, first: Option<(u64, Version)>, full_look: Duration) {
    let _ended = Ended(shared.clone());
    let mut poll = tokio::time::interval(Duration::from_millis(POLL_MS));
    // After a pmxcfs that hung, one question is enough.
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut known =
        Known { version: first, members_at: None, documents_at: None, values_at: Some(Instant::now()) };
    loop {
        poll.tick().await;
        let Some(shared) = shared.upgrade() else { return };
        known.look(&shared, full_look).await;
    }
}

/// Says it when following ends although the store is there: that is by a defect, and without a word readers would
/// believe the last picture for ever.
struct Ended(Weak<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        // A runtime that shuts down drops its tasks too; that is the program's end and no defect.
        if let Some(shared) = self.0.upgrade().filter(|_| std::thread::panicking()) {
            shared.follows_not(
                "the task that follows pmxcfs has ended, by a defect in this program (its log says more): restart it",
            );
        }
    }
}

/// What the last looks found, and when they were.
struct Known {
    /// The connection on which the list of changes came, and the list.
    version: Option<(u64, Version)>,
    members_at: Option<Instant>,
    documents_at: Option<Instant>,
    values_at: Option<Instant>,
}

/// Enough time has gone since `then`; the clock starts anew if so.
fn due(then: &mut Option<Instant>, after: Duration) -> bool {
    let due = then.is_none_or(|then| then.elapsed() >= after);
    if due {
        *then = Some(Instant::now());
    }
    due
}

impl Known {
    async fn look(&mut self, shared: &Arc<Shared>, full_look: Duration) {
        let (connection, version) = match shared.version().await {
            Ok(got) => got,
            Err(e) => {
                // Readers hear of it: the view is partial from now on.
                shared.follows_not(&e.words());
                return;
            }
        };
        let back = shared.follows();
        let clinfo_moved = self.version.as_ref().is_none_or(|(_, old)| old.clinfo != version.clinfo);
        let restarted = self
            .version
            .as_ref()
            .is_none_or(|(old, last)| *old != connection || last.starttime != version.starttime);
        if restarted {
            // It may have lost this node's values, and all counters may mean something else.
            shared.forget_seen();
            shared.hint(Hint::Resync);
            self.values_at = Some(Instant::now());
        } else if let Some((_, old)) = &self.version {
            hint_differences(shared, &old.values, &version.values);
        }
        if clinfo_moved || restarted || back {
            self.members_at = None;
        }
        if due(&mut self.members_at, Duration::from_millis(MEMBERS_MS)) {
            shared.members().await;
        }
        if due(&mut self.documents_at, Duration::from_millis(DOCUMENTS_MS)) {
            shared.look_at_documents().await;
        }
        if due(&mut self.values_at, full_look) {
            shared.look_at_values(&version).await;
        }
        self.version = Some((connection, version));
    }
}

fn hint_differences(shared: &Shared, old: &Counters, new: &Counters) {
    let changed = new.iter().filter(|(name, counter)| old.get(*name) != Some(counter)).map(|(name, _)| name);
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    for (writer, key) in changed.chain(gone) {
        shared.hint(Hint::Value { writer: writer.clone(), key: key.clone() });
    }
}
