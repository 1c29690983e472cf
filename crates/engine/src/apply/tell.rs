//! What the node says of itself, until the store has taken it.

use pathkeeper_model::{MonoMs, Now};

use super::Answer;
use super::plan::{Progress, Told};

/// After an attempt that the store did not take.
const RETRY_MS: u64 = 5_000;
/// An attempt that did not come back by then is made once more.
const GIVE_UP_MS: u64 = 60_000;

#[derive(Debug)]
pub(super) struct Teller {
    told: Option<Told>,
    taken: bool,
    running: Option<(u64, MonoMs)>,
    not_before: MonoMs,
}

impl Default for Teller {
    fn default() -> Self {
        Self { told: None, taken: false, running: None, not_before: MonoMs(0) }
    }
}

impl Teller {
    /// Says this from now on. `since` stays where the rest is as before, but each failure has its own.
    pub(super) fn set(&mut self, told: Told, now: Now) {
        let again = matches!(told.progress, Progress::Failed | Progress::RolledBack);
        let same = |said: &Told| {
            let since = if again { told.since } else { said.since };
            *said == Told { since, ..told.clone() }
        };
        if self.told.as_ref().is_some_and(same) {
            return;
        }
        self.told = Some(told);
        self.taken = false;
        // What is under way is of something else: its answer says nothing.
        self.running = None;
        self.not_before = now.mono;
    }

    pub(super) fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    /// The store has this, and it was read back.
    pub(super) fn has_taken(&self, generation: u64, progress: Progress) -> bool {
        self.taken && self.told.as_ref().is_some_and(|t| t.generation == generation && t.progress == progress)
    }

    pub(super) fn is_due(&self, now: Now) -> bool {
        self.told.is_some() && !self.taken && self.next_deadline() <= now.mono
    }

    pub(super) fn next_deadline(&self) -> MonoMs {
        match (&self.told, self.taken, self.running) {
            (Some(_), false, Some((_, began))) => began.plus(GIVE_UP_MS),
            (Some(_), false, None) => self.not_before,
            _ => MonoMs(u64::MAX),
        }
    }

    pub(super) fn start(&mut self, id: u64, now: Now) -> Option<Told> {
        self.running = Some((id, now.mono));
        self.told.clone()
    }

    pub(super) fn came_back(&mut self, id: u64, answer: &Answer, now: Now) {
        if self.running.take_if(|(running, _)| *running == id).is_none() {
            return;
        }
        self.taken = *answer == Answer::Did;
        self.not_before = now.mono.plus(RETRY_MS);
    }
}
