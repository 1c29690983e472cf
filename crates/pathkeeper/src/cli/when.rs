//! Moments and lengths of time as people give and read them.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::Failure;
use super::text::{View, span};

/// Longer ones are mistakes: ten years.
const LENGTH_MAX_S: i64 = 3_650 * 86_400;

/// `4h`, `90m`, `1h30m`, `2d`: seconds.
pub fn length(text: &str) -> Result<i64, Failure> {
    let bad = || Failure::new(format!("{text:?} is no length of time: 90m, 4h, 1h30m, 2d"));
    let (mut total, mut digits) = (0_i64, String::new());
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                digits.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return Err(bad()),
        };
        let n: i64 = digits.parse().map_err(|_| bad())?;
        total = n.checked_mul(unit).and_then(|s| total.checked_add(s)).ok_or_else(bad)?;
        digits.clear();
    }
    if !digits.is_empty() || !(1..=LENGTH_MAX_S).contains(&total) {
        return Err(bad());
    }
    Ok(total)
}

/// `06:00` (the next one), `2026-11-23` (its beginning), `2026-11-23 06:00`, `2026-11-23T06:00:00Z`: epoch seconds.
pub fn moment(text: &str, view: &View) -> Result<i64, Failure> {
    let bad = || {
        Failure::new(format!(
            "{text:?} is no time: 06:00 (the next one), 2026-11-23, \"2026-11-23 06:00\" (local), 2026-11-23T06:00:00Z"
        ))
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_second());
    }
    let local = |at: DateTime| at.to_zoned(view.zone.clone()).map_err(|_| bad());
    // A date alone: one with a time parses as a date, too.
    if text.len() == 10
        && let Ok(date) = text.parse::<Date>()
    {
        return Ok(local(date.to_datetime(Time::midnight()))?.timestamp().as_second());
    }
    // A time alone parses as one, and a date with a time as the other.
    if text.len() <= 8
        && let Ok(time) = text.parse::<Time>()
    {
        let now = Timestamp::from_second(view.now).map_err(|_| bad())?.to_zoned(view.zone.clone());
        let today = local(now.date().to_datetime(time))?;
        let next = if today.timestamp().as_second() > view.now {
            today
        } else {
            local(now.date().checked_add(1.day()).map_err(|_| bad())?.to_datetime(time))?
        };
        return Ok(next.timestamp().as_second());
    }
    Ok(local(text.parse::<DateTime>().map_err(|_| bad())?)?.timestamp().as_second())
}

/// A moment that is over: `2h` ago, `06:00` (the last one), `2026-11-23`, `2026-11-23 06:00`, `2026-11-23T06:00:00Z`: epoch
/// seconds.
pub fn past(text: &str, view: &View) -> Result<i64, Failure> {
    if let Ok(length) = length(text) {
        return Ok(view.now - length);
    }
    let at = moment(text, view)?;
    let is_time_alone = text.len() <= 8 && text.parse::<Time>().is_ok();
    if !is_time_alone {
        return Ok(at);
    }
    // The next one, a day back by the calendar: days of 23 and 25 hours have their times, too.
    let bad = || Failure::new(format!("{text:?} is no time of yesterday or today"));
    let next = Timestamp::from_second(at).map_err(|_| bad())?.to_zoned(view.zone.clone());
    let last = next.datetime().checked_sub(1.day()).map_err(|_| bad())?;
    Ok(last.to_zoned(view.zone.clone()).map_err(|_| bad())?.timestamp().as_second())
}

/// `06:00` today, `Mon 06:00` within a week, else `2026-12-01 06:00`; local.
pub fn shown(epoch_s: i64, view: &View) -> String {
    let zoned = |at: i64, zone: &TimeZone| Timestamp::from_second(at).map(|at| at.to_zoned(zone.clone()));
    let (Ok(at), Ok(now)) = (zoned(epoch_s, &view.zone), zoned(view.now, &view.zone)) else {
        return "?".into();
    };
    let form = match (at.date() == now.date(), (epoch_s - view.now).abs() < 6 * 86_400) {
        (true, _) => "%H:%M",
        (false, true) => "%a %H:%M",
        (false, false) => "%Y-%m-%d %H:%M",
    };
    at.strftime(form).to_string()
}

/// `until Mon 06:00 (2h)`, or that it is over.
pub fn until(epoch_s: i64, view: &View) -> String {
    let left = epoch_s - view.now;
    if left > 0 {
        format!("until {} ({})", shown(epoch_s, view), span(left))
    } else {
        format!("over since {}", shown(epoch_s, view))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixtures::view;

    #[test]
    fn lengths_of_time() {
        for (text, expect) in [
            ("4h", Some(14_400)),
            ("1h30m", Some(5_400)),
            ("90m", Some(5_400)),
            ("2d", Some(172_800)),
            ("1w", Some(604_800)),
            ("10s", Some(10)),
            ("", None),
            ("0h", None),
            ("4", None),
            ("h", None),
            ("4x", None),
            ("-4h", None),
            ("99999999999999999999h", None),
            ("9223372036854775807w", None),
            ("11w9999d", None),
        ] {
            assert_eq!(length(text).ok(), expect, "{text:?}");
        }
    }

    #[test]
    fn moments_are_read_as_they_are_shown() {
        // 2026-07-03 12:40:00 UTC.
        let mut view = view();
        (view.now, view.zone) = (1_783_082_400, TimeZone::UTC);
        let check = |text: &str, expect: Option<i64>, words: &str| {
            let at = moment(text, &view).ok();
            assert_eq!(at.map(|at| at - view.now), expect, "{text:?}");
            assert_eq!(at.map(|at| shown(at, &view)).unwrap_or_default(), words, "{text:?}");
        };
        check("13:00", Some(1_200), "13:00");
        check("12:40", Some(86_400), "Sat 12:40");
        check("06:00", Some(62_400), "Sat 06:00");
        check("2026-07-04", Some(40_800), "Sat 00:00");
        check("2026-07-04 06:00", Some(62_400), "Sat 06:00");
        check("2026-07-04T06:00", Some(62_400), "Sat 06:00");
        check("2026-07-04T06:00:00Z", Some(62_400), "Sat 06:00");
        check("2027-01-01", Some(15_679_200), "2027-01-01 00:00");
        for text in ["", "soon", "25:00", "2026-13-01", "06:00x"] {
            check(text, None, "");
            assert!(past(text, &view).is_err(), "{text:?}");
        }
        for (text, expect) in [
            ("12:39:59", -1),
            ("12:40", 0),
            ("12:41", 60 - 86_400),
            ("06:00", 62_400 - 86_400),
            ("2h", -7_200),
            ("2026-07-03", -45_600),
            ("2026-07-04T06:00:00Z", 62_400),
        ] {
            assert_eq!(past(text, &view).ok().map(|at| at - view.now), Some(expect), "{text:?}");
        }
        assert_eq!(until(view.now + 1_200, &view), "until 13:00 (20m)");
        assert_eq!(until(view.now - 60, &view), "over since 12:39");
    }
}
