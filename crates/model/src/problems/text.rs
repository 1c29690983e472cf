//! Small texts: sizes, times, lists.

use std::fmt::Write as _;

use crate::guests::{Guest, GuestKind};
use crate::ids::EpochS;

/// More lines or names than this help nobody.
pub const NAMED_MAX: usize = 8;

/// At most [`NAMED_MAX`] of them, and how many there are besides.
pub fn few<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    let mut out = String::new();
    let mut left_out = 0_usize;
    for (at, one) in all.into_iter().enumerate() {
        if at >= NAMED_MAX {
            left_out += 1;
            continue;
        }
        out.push_str(if at == 0 { "" } else { ", " });
        out.push_str(&one.to_string());
    }
    if left_out > 0 {
        let _ = write!(out, ", {left_out} more");
    }
    out
}

/// `1 path`, `4 paths`.
pub fn count(n: u32, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// `500 GiB`, `1.5 TiB`; where that would round, the bytes as well.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut unit = 1024_u64;
    let mut name = UNITS[0];
    for next in UNITS.iter().skip(1) {
        if bytes / unit < 1024 {
            break;
        }
        unit = unit.saturating_mul(1024);
        name = next;
    }
    let (whole, rest) = (bytes / unit, bytes % unit);
    if rest == 0 {
        return format!("{whole} {name}");
    }
    let tenths = u128::from(rest) * 10 / u128::from(unit);
    if u128::from(rest) * 10 % u128::from(unit) == 0 {
        return format!("{whole}.{tenths} {name}");
    }
    format!("{whole}.{tenths} {name} ({bytes} bytes)")
}

/// A moment as `2026-11-23 03:12:48 UTC`: findings are equal on all nodes, wherever these are.
pub fn utc(at: EpochS) -> String {
    let (days, second) = (at.0.div_euclid(86_400), at.0.rem_euclid(86_400));
    // Howard Hinnant's civil_from_days: eras of 400 years from 0000-03-01.
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era.saturating_mul(400) + year_of_era + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}

/// `VM 311 bkp-srv`.
pub fn guest(guest: &Guest) -> String {
    let kind = match guest.kind {
        GuestKind::Vm => "VM",
        GuestKind::Ct => "CT",
    };
    match &guest.name {
        Some(name) => format!("{kind} {} {name}", guest.id),
        None => format!("{kind} {}", guest.id),
    }
}

/// A name as one word of a shell: as it is, or in single quotes.
pub fn word(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, expect) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1 << 30, "1 GiB"),
            (500 << 30, "500 GiB"),
            (3 << 39, "1.5 TiB"),
            ((1 << 40) + 512, "1.0 TiB (1099511628288 bytes)"),
            (u64::MAX, "15.9 EiB (18446744073709551615 bytes)"),
        ] {
            assert_eq!(size(bytes), expect);
        }
    }

    #[test]
    fn moments() {
        for (at, expect) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_783_082_400, "2026-07-03 12:40:00 UTC"),
            (1_798_761_599, "2026-12-31 23:59:59 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(utc(EpochS(at)), expect);
        }
        utc(EpochS(i64::MAX));
        utc(EpochS(i64::MIN));
    }

    #[test]
    fn lists() {
        assert_eq!(few(Vec::<u8>::new()), "");
        assert_eq!(few([1, 2]), "1, 2");
        assert_eq!(few(0..10), "0, 1, 2, 3, 4, 5, 6, 7, 2 more");
        assert_eq!((count(1, "path"), count(0, "path")), ("1 path".into(), "0 paths".into()));
        assert_eq!((word("a-1"), word("it's"), word("")), ("a-1".into(), r"'it'\''s'".into(), "''".into()));
    }
}
