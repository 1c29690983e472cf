//! The one place that reads clocks for the state machines.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pathkeeper_model::{EpochS, MonoMs, Now};

/// One start for all monotonic readings of this process.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let mono = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
        };
        Now { mono: MonoMs(mono), wall: EpochS(wall) }
    }

    /// Sleeps until `at`; for ever if that is beyond a year.
    pub async fn sleep_until(&self, at: MonoMs) {
        const YEAR_MS: u64 = 365 * 86_400_000;
        let left = at.since(self.now().mono).min(YEAR_MS);
        tokio::time::sleep(Duration::from_millis(left)).await;
    }
}
