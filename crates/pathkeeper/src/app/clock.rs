//! The one place that reads clocks for the state machines.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pathkeeper_model::{EpochS, MonoMs, Now};

/// A wall clock's offset is never a longer text.
const OFFSET_BYTES_MAX: u64 = 32;

/// One start for all monotonic readings of this process.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    offset: ClockOffset,
}

/// Seconds that a test adds to the wall clock while the agent runs, as if somebody had set it; none in service.
#[derive(Clone, Debug, Default)]
pub struct ClockOffset(Option<Arc<Path>>);

impl ClockOffset {
    /// The offset that this file holds, as a whole number of seconds in text. It is read each time the clock is; an
    /// absent or unreadable one is 0.
    pub fn from_file(file: Option<PathBuf>) -> Self {
        Self(file.map(Arc::from))
    }

    /// A reading of the machine's wall clock, as this agent sees it.
    pub fn shift(&self, wall: EpochS) -> EpochS {
        let Some(file) = &self.0 else { return wall };
        let mut text = String::new();
        let read = std::fs::File::open(file).and_then(|f| f.take(OFFSET_BYTES_MAX).read_to_string(&mut text));
        let offset_s = read.ok().and_then(|_| text.trim().parse::<i64>().ok()).unwrap_or(0);
        EpochS(wall.0.saturating_add(offset_s))
    }
}

impl Clock {
    /// Starts now.
    pub fn start(offset: ClockOffset) -> Self {
        Self { start: Instant::now(), offset }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let mono = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_secs()).unwrap_or(i64::MAX),
        };
        Now { mono: MonoMs(mono), wall: self.offset.shift(EpochS(wall)) }
    }

    /// Sleeps until `at`; for ever if that is beyond a year.
    pub async fn sleep_until(&self, at: MonoMs) {
        const YEAR_MS: u64 = 365 * 86_400_000;
        let left = at.since(self.now().mono).min(YEAR_MS);
        tokio::time::sleep(Duration::from_millis(left)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_follows_its_file_and_nonsense_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("offset");
        let offset = ClockOffset::from_file(Some(file.clone()));
        assert_eq!(offset.shift(EpochS(1000)), EpochS(1000), "no file yet");
        for (text, expect) in [("3600\n", 4600), ("-120", 880), ("soon", 1000), ("", 1000)] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(offset.shift(EpochS(1000)), EpochS(expect), "{text:?}");
        }
        std::fs::write(&file, i64::MAX.to_string()).unwrap();
        assert_eq!(offset.shift(EpochS(1000)), EpochS(i64::MAX));
        assert_eq!(ClockOffset::default().shift(EpochS(1000)), EpochS(1000));
    }
}
