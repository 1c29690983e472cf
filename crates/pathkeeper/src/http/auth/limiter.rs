//! How often somebody may fail, and how often it is told. Pure: time is an argument.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use pathkeeper_model::MonoMs;

/// One failure in so many milliseconds is forgiven.
const STEP_MS: u64 = 6_000;
/// So many at once are answered as what they are.
const BURST: u64 = 10;
/// The first refusal is held back so long, each further one twice as long,
const DELAY_MS: u64 = 250;
/// and none longer: Proxmox VE holds back each by as much.
const DELAY_MAX_MS: u64 = 3_000;
/// Places that are remembered. Who has more addresses than this wins only more refusals.
const SOURCES_MAX: usize = 1_024;
/// One line about a refusal in so many milliseconds,
const TELL_MS: u64 = 2_000;
/// and so many at once.
const TELL_BURST: u64 = 20;

/// Where somebody asks from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An IPv4 address, or the first 64 bits of an IPv6 one: whoever has one has the rest.
    Net(IpAddr),
    /// A user at the Unix socket.
    User(u32),
    /// Not known.
    Nobody,
}

impl Source {
    /// The place of an address.
    pub fn of(ip: IpAddr) -> Self {
        Source::Net(match ip.to_canonical() {
            IpAddr::V6(v6) if !v6.is_loopback() => {
                Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into()
            }
            other => other,
        })
    }
}

/// What is to become of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Answer it after so long.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// Too many: come back later.
    Limited {
        /// Seconds until one more is answered.
        retry_after_s: u64,
        /// The first one that is limited since one was answered.
        first: bool,
    },
}

/// Failures by source, in memory that is bounded.
#[derive(Debug, Default)]
pub struct Limiter {
    sources: BTreeMap<Source, Failures>,
    told: Bucket,
    untold: u64,
}

#[derive(Debug, Default)]
struct Failures {
    bucket: Bucket,
    limited: bool,
}

/// A bucket that leaks one drop in a step: only the moment when it will be empty is kept.
#[derive(Debug, Default, Clone, Copy)]
struct Bucket {
    empty_at_ms: u64,
}

impl Bucket {
    /// How many drops are in it with one more; the error is for how many milliseconds there is no room for one.
    fn add(&mut self, now_ms: u64, step_ms: u64, burst: u64) -> Result<u64, u64> {
        let filled = self.empty_at_ms.max(now_ms).saturating_add(step_ms);
        let over = (filled - now_ms).saturating_sub(step_ms * burst);
        if over > 0 {
            return Err(over);
        }
        self.empty_at_ms = filled;
        Ok((filled - now_ms).div_ceil(step_ms))
    }
}

impl Limiter {
    /// Somebody failed.
    pub fn fail(&mut self, source: Source, now: MonoMs) -> Verdict {
        if !self.sources.contains_key(&source) && self.sources.len() >= SOURCES_MAX {
            self.make_room(now);
        }
        let failures = self.sources.entry(source).or_default();
        match failures.bucket.add(now.0, STEP_MS, BURST) {
            Ok(nth) => {
                failures.limited = false;
                let doubled = DELAY_MS << (nth - 1).min(16);
                Verdict::Delay { ms: doubled.min(DELAY_MAX_MS) }
            }
            Err(ms) => {
                let first = !std::mem::replace(&mut failures.limited, true);
                Verdict::Limited { retry_after_s: ms.div_ceil(1_000), first }
            }
        }
    }

    /// Those that are forgiven go; where there are none, the one that failed least.
    fn make_room(&mut self, now: MonoMs) {
        self.sources.retain(|_, failures| failures.bucket.empty_at_ms > now.0);
        if self.sources.len() >= SOURCES_MAX {
            let least = self.sources.iter().min_by_key(|(_, failures)| failures.bucket.empty_at_ms);
            if let Some(least) = least.map(|(source, _)| *source) {
                self.sources.remove(&least);
            }
        }
    }

    /// Whether a refusal may be told in the log now; then how many were not told since the last one.
    pub fn may_tell(&mut self, now: MonoMs) -> Option<u64> {
        if self.told.add(now.0, TELL_MS, TELL_BURST).is_err() {
            self.untold += 1;
            return None;
        }
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    #[test]
    fn failures_are_slower_and_slower_and_then_limited() {
        let mut limiter = Limiter::default();
        let now = MonoMs(1_000_000);
        let mut fail = |at: u64| limiter.fail(source("192.0.2.1"), MonoMs(at));
        let delays: Vec<_> = (0..10).map(|_| fail(now.0)).collect();
        let expect = [250, 500, 1_000, 2_000, 3_000, 3_000, 3_000, 3_000, 3_000, 3_000];
        assert_eq!(delays, expect.map(|ms| Verdict::Delay { ms }));
        assert_eq!(fail(now.0), Verdict::Limited { retry_after_s: 6, first: true });
        assert_eq!(fail(now.0 + 1_500), Verdict::Limited { retry_after_s: 5, first: false });
        // Who keeps to it is answered again, and is not punished for what was limited.
        assert_eq!(fail(now.0 + 6_000), Verdict::Delay { ms: 3_000 });
        assert_eq!(fail(now.0 + 6_000), Verdict::Limited { retry_after_s: 6, first: true });
        assert_eq!(fail(now.0 + 600_000), Verdict::Delay { ms: 250 }, "all is forgiven");
    }

    #[test]
    fn one_place_is_not_punished_for_another() {
        let mut limiter = Limiter::default();
        let now = MonoMs(5);
        for _ in 0..100 {
            limiter.fail(source("192.0.2.1"), now);
        }
        assert!(matches!(limiter.fail(source("192.0.2.1"), now), Verdict::Limited { .. }));
        assert_eq!(limiter.fail(source("192.0.2.2"), now), Verdict::Delay { ms: 250 });
        assert_eq!(limiter.fail(Source::User(1000), now), Verdict::Delay { ms: 250 });
    }

    #[test]
    fn an_address_has_one_place() {
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:2"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::1"), Source::Net(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    }

    #[test]
    fn a_flood_from_everywhere_takes_bounded_memory_and_keeps_the_worst() {
        let mut limiter = Limiter::default();
        let now = MonoMs(77);
        for _ in 0..20 {
            limiter.fail(source("198.51.100.1"), now);
        }
        for n in 0..3_000_u32 {
            limiter.fail(Source::of(std::net::Ipv4Addr::from_bits(n).into()), now);
        }
        assert_eq!(limiter.sources.len(), SOURCES_MAX);
        assert!(matches!(limiter.fail(source("198.51.100.1"), now), Verdict::Limited { .. }));
        limiter.fail(source("203.0.113.9"), MonoMs(now.0 + 600_000));
        assert_eq!(limiter.sources.len(), 1, "who is forgiven is forgotten");
    }

    #[test]
    fn the_log_is_told_of_some_and_counts_the_rest() {
        let mut limiter = Limiter::default();
        let told = (0..1_000).filter(|_| limiter.may_tell(MonoMs(0)).is_some()).count();
        assert_eq!(told as u64, TELL_BURST);
        assert_eq!(limiter.may_tell(MonoMs(TELL_MS)), Some(1_000 - TELL_BURST));
        assert_eq!(limiter.may_tell(MonoMs(TELL_MS)), None);
        assert_eq!(limiter.may_tell(MonoMs(2 * TELL_MS)), Some(1));
    }
}
