//! When `multipath-alerts` goes out: as soon as it may, beside the report and never in its way. Others wait to see it.

use pathkeeper_model::MonoMs;
use pathkeeper_model::alert::ALERTS_KEY;

use super::{IN_FLIGHT_MAX_MS, Publication, REFRESH_MS, RETRY_FIRST_MS, RETRY_MAX_MS};

/// What was told to people outside, and what of that the store has.
#[derive(Debug, Default)]
pub(super) struct Told {
    value: Option<Vec<u8>>,
    /// What the store has taken, as far as is known.
    taken: Option<Vec<u8>>,
    /// Number, begin and bytes of what is being put.
    in_flight: Option<(u64, MonoMs, Vec<u8>)>,
    last: Option<MonoMs>,
    retry_at: Option<MonoMs>,
    retry_ms: u64,
    next_id: u64,
}

impl Told {
    pub fn take(&mut self, value: Vec<u8>) {
        self.value = Some(value);
    }

    /// The store may have forgotten it, or another has changed it.
    pub fn lost(&mut self) {
        self.taken = None;
        self.retry_at = None;
    }

    /// When it is to be put; `None` while nothing is, or an answer is awaited.
    pub fn when(&self, gap_ms: u64, refreshes: bool) -> Option<MonoMs> {
        if self.in_flight.is_some() || self.value.is_none() {
            return None;
        }
        let after = |ms: u64| self.last.map_or(MonoMs(0), |at| at.plus(ms));
        if self.taken != self.value {
            return Some(after(gap_ms).max(self.retry_at.unwrap_or(MonoMs(0))));
        }
        refreshes.then(|| after(REFRESH_MS))
    }

    /// What was never answered is given up.
    pub fn give_up(&mut self, now: MonoMs) {
        if self.in_flight.take_if(|(_, began, _)| now.since(*began) >= IN_FLIGHT_MAX_MS).is_some() {
            self.taken = None;
        }
    }

    pub fn gives_up_at(&self) -> Option<MonoMs> {
        self.in_flight.as_ref().map(|(_, began, _)| began.plus(IN_FLIGHT_MAX_MS))
    }

    /// What is put now; [`Told::when`] has come.
    pub fn due(&mut self, now: MonoMs) -> Option<Publication> {
        let value = self.value.clone()?;
        self.next_id += 1;
        self.last = Some(now);
        // Whatever becomes of it, what stood before may stand no more.
        self.taken = None;
        self.in_flight = Some((self.next_id, now, value.clone()));
        Some(Publication { id: self.next_id, values: vec![(ALERTS_KEY.to_owned(), Some(value))] })
    }

    pub fn published(&mut self, id: u64, taken: bool, now: MonoMs) {
        let Some((.., bytes)) = self.in_flight.take_if(|(of, ..)| *of == id) else { return };
        if taken {
            (self.taken, self.retry_at, self.retry_ms) = (Some(bytes), None, RETRY_FIRST_MS);
        } else {
            self.retry_ms = self.retry_ms.max(RETRY_FIRST_MS);
            self.retry_at = Some(now.plus(self.retry_ms));
            self.retry_ms = (self.retry_ms * 2).min(RETRY_MAX_MS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP_MS: u64 = 2_000;

    #[test]
    fn it_goes_out_once_and_again_when_it_changed_was_not_taken_or_was_lost() {
        let mut told = Told::default();
        let when = |told: &Told, refreshes| told.when(GAP_MS, refreshes).map(|at| at.0);
        assert_eq!(when(&told, true), None, "nothing was told");
        told.take(b"a".to_vec());
        assert_eq!(when(&told, false), Some(0));
        let put = told.due(MonoMs(1_000)).unwrap();
        assert_eq!(put.values, [(ALERTS_KEY.to_owned(), Some(b"a".to_vec()))]);
        assert_eq!(when(&told, true), None, "an answer is awaited");
        told.published(put.id, true, MonoMs(1_100));
        assert_eq!((when(&told, false), when(&told, true)), (None, Some(1_000 + REFRESH_MS)));
        // What changes while it is being put goes after it, and not before the gap.
        told.take(b"b".to_vec());
        assert_eq!(when(&told, false), Some(3_000));
        let put = told.due(MonoMs(3_000)).unwrap();
        told.take(b"c".to_vec());
        told.published(put.id, true, MonoMs(3_100));
        assert_eq!(when(&told, false), Some(5_000));
        // Refused: later and later.
        for wait_ms in [RETRY_FIRST_MS, RETRY_FIRST_MS * 2] {
            let put = told.due(MonoMs(10_000)).unwrap();
            told.published(put.id, false, MonoMs(12_000));
            assert_eq!(when(&told, false), Some(12_000 + wait_ms));
        }
        // Never answered; the late answer counts for nothing.
        let put = told.due(MonoMs(20_000)).unwrap();
        assert_eq!(told.gives_up_at(), Some(MonoMs(20_000 + IN_FLIGHT_MAX_MS)));
        told.give_up(MonoMs(20_000 + IN_FLIGHT_MAX_MS));
        told.published(put.id, true, MonoMs(60_000));
        assert!(when(&told, false).is_some());
        let put = told.due(MonoMs(70_000)).unwrap();
        told.published(put.id, true, MonoMs(70_000));
        assert_eq!(when(&told, false), None);
        told.lost();
        assert_eq!(when(&told, false), Some(70_000 + GAP_MS));
    }
}
