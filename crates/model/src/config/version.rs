//! Versions of multipath-tools, as far as it matters which settings they know.

use std::fmt;

/// A release of multipath-tools, such as 0.9.4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version {
    /// The first number.
    pub major: u16,
    /// The second.
    pub minor: u16,
    /// The third; 0 where there is none.
    pub patch: u16,
}

impl Version {
    /// By its numbers.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// Reads `0.9.4`, `v0.9.4`, `0.9` and the versions of packages (`0.9.4-3+deb12u2`): what stands behind the numbers does not
    /// count. `None` where no two numbers begin it.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().strip_prefix('v').unwrap_or_else(|| text.trim());
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let mut numbers = text.get(..end)?.split('.').filter(|part| !part.is_empty()).map(str::parse::<u16>);
        let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        Some(Self { major, minor, patch: numbers.next().and_then(Result::ok).unwrap_or(0) })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_they_are_told() {
        for (text, expect) in [
            ("0.9.4", Some((0, 9, 4))),
            ("v0.14.3", Some((0, 14, 3))),
            ("0.9.4-3+deb12u2", Some((0, 9, 4))),
            (" 0.11 ", Some((0, 11, 0))),
            ("0.8.7.4", Some((0, 8, 7))),
            ("1", None),
            ("", None),
            ("multipath-tools 0.9", None),
            ("0.99999.1", None),
        ] {
            let expect = expect.map(|(major, minor, patch)| Version::new(major, minor, patch));
            assert_eq!(Version::parse(text), expect, "{text:?}");
        }
        assert!(Version::new(0, 9, 10) > Version::new(0, 9, 4));
    }
}
