//! Values of settings: what each may be, and how it is written in multipath's own grammar.
//!
//! multipathd warns of a bad value at best, and at worst does something else: 0.14.3 spins for ever on `polling_interval abc`.
//! So a value that this does not accept never reaches a node.

use std::fmt;

use crate::section::quote;

/// No value is longer: multipath reads lines of 1,024 bytes, key, quotes and doubled quotes included.
pub const VALUE_BYTES_MAX: usize = 255;
/// multipath's own integers.
const INT_MAX: u32 = 2_147_483_647;

/// What a value may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `1` or `0`, a bare key is `1`; `yes` and `no` are taken too. Rendered as `yes` and `no`.
    YesNo,
    /// A number within both bounds.
    Number(u32, u32),
    /// A number within both bounds, or one of these words.
    NumberOr(u32, u32, &'static [&'static str]),
    /// One of these words.
    Words(&'static [&'static str]),
    /// A form of its own.
    Form(Form),
}

/// Forms that are neither numbers nor words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// `service-time 0`: a selector of the kernel, and the number of its arguments, which is 0.
    Selector,
    /// `1 queue_if_no_path`: how many words follow, and those.
    Features,
    /// What a prioritizer is given: printable text.
    PrioArgs,
    /// `0x1234abcd`, `0x1234abcd:aptpl`, or `file`.
    ReservationKey,
    /// Permissions in octal, up to 0777.
    Mode,
    /// A number or the name of a user or group.
    Owner,
    /// A name of udev's: `ID_SERIAL`.
    UdevName,
    /// `sd:ID_SERIAL dasd:ID_UID nvme:ID_WWN`
    UdevNames,
    /// A regular expression that names foreign kinds of multipathing: printable text.
    Pattern,
    /// What stands before the number in a made-up name, or between a name and a partition's number; no `/`.
    NamePart,
    /// Seconds, negative ones too.
    Seconds,
}

/// Selectors that the kernel has.
const SELECTORS: [&str; 4] = ["round-robin", "queue-length", "service-time", "historical-service-time"];
/// What stands first in a value of `features`: no more of them than this.
const FEATURES_MAX: usize = 8;

impl Kind {
    /// The value as it is rendered, not yet quoted.
    ///
    /// # Errors
    /// What is wrong with it and what it may be, in words.
    pub fn accept(self, value: Option<&str>) -> Result<String, String> {
        let Some(value) = value else {
            return match self {
                Kind::YesNo => Ok("yes".into()),
                _ => Err(format!("it has no value: {self}")),
            };
        };
        if value.len() > VALUE_BYTES_MAX {
            return Err(format!("it is longer than {VALUE_BYTES_MAX} bytes"));
        }
        // What a user typed opens no section and ends no line.
        if let Some(odd) = value.chars().find(|c| !(c.is_ascii_graphic() || *c == ' ')) {
            return Err(format!("{odd:?} cannot stand in it: printable ASCII can"));
        }
        let refused = || Err(format!("{} is not allowed: {self}", quote(value)));
        let number = |low: u32, high: u32| number(value).filter(|n| (low..=high).contains(n));
        match self {
            Kind::YesNo => match value {
                "1" | "yes" => Ok("yes".into()),
                "0" | "no" => Ok("no".into()),
                _ => refused(),
            },
            Kind::Number(low, high) => number(low, high).map_or_else(refused, |n| Ok(n.to_string())),
            Kind::NumberOr(low, high, words) => match number(low, high) {
                Some(n) => Ok(n.to_string()),
                None if words.contains(&value) => Ok(value.to_owned()),
                None => refused(),
            },
            Kind::Words(words) if words.contains(&value) => Ok(value.to_owned()),
            Kind::Words(_) => refused(),
            Kind::Form(form) if form.holds(value) => Ok(value.to_owned()),
            Kind::Form(_) => refused(),
        }
    }
}

/// Digits alone, and none that would be read as octal.
fn number(text: &str) -> Option<u32> {
    let plain = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    text.parse().ok().filter(|_| plain)
}

impl Form {
    fn holds(self, value: &str) -> bool {
        let words: Vec<&str> = value.split(' ').collect();
        let graphic = || !words.iter().any(|word| word.is_empty());
        match self {
            Form::Selector => matches!(words.as_slice(), [name, "0"] if SELECTORS.contains(name)),
            Form::Features => match words.as_slice() {
                [count, features @ ..] => {
                    graphic()
                        && features.len() <= FEATURES_MAX
                        && number(count) == u32::try_from(features.len()).ok()
                }
                [] => false,
            },
            Form::PrioArgs | Form::Pattern => graphic(),
            Form::ReservationKey => value == "file" || is_key(value.strip_suffix(":aptpl").unwrap_or(value)),
            Form::Mode => u32::from_str_radix(value, 8).is_ok_and(|mode| mode <= 0o777) && value.len() <= 4,
            Form::Owner => number(value).is_some() || is_user(value),
            Form::UdevName => is_udev_name(value),
            Form::UdevNames => words.iter().all(|word| {
                word.split_once(':').is_some_and(|(kind, name)| {
                    !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_alphanumeric()) && is_udev_name(name)
                })
            }),
            Form::NamePart => {
                !value.is_empty()
                    && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.:=@_".contains(&b))
            }
            Form::Seconds => {
                number(value.strip_prefix('-').unwrap_or(value)).is_some_and(|n| n <= INT_MAX)
                    && value != "-0"
            }
        }
    }
}

/// `0x` and one to sixteen digits.
fn is_key(text: &str) -> bool {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    (1..=16).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_user(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && text.len() <= 32
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
}

fn is_udev_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::YesNo => f.write_str("1 or 0"),
            Kind::Number(low, INT_MAX) => write!(f, "a number from {low}"),
            Kind::Number(low, high) => write!(f, "a number from {low} to {high}"),
            Kind::NumberOr(low, INT_MAX, words) => write!(f, "a number from {low}, or {}", words.join(", ")),
            Kind::NumberOr(low, high, words) => {
                write!(f, "a number from {low} to {high}, or {}", words.join(", "))
            }
            Kind::Words(words) => f.write_str(&words.join(", ")),
            Kind::Form(form) => form.fmt(f),
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::Selector => {
                "\"service-time 0\", \"queue-length 0\", \"round-robin 0\" or \"historical-service-time 0\""
            }
            Form::Features => "how many words follow and those, as in \"2 pg_init_retries 50\"",
            Form::PrioArgs => "words with one space between them",
            Form::ReservationKey => {
                "up to 16 hexadecimal digits as in 0x123abc, with :aptpl behind them or without; or file"
            }
            Form::Mode => "permissions in octal up to 0777",
            Form::Owner => "a number or a name",
            Form::UdevName => "a property of udev's, as in ID_SERIAL",
            Form::UdevNames => {
                "kinds of devices and properties of udev's, as in \"sd:ID_SERIAL nvme:ID_WWN\""
            }
            Form::Pattern => "a regular expression without two spaces in a row",
            Form::NamePart => "letters, digits and +-.:=@_",
            Form::Seconds => "a number of seconds, which may be negative",
        })
    }
}

/// A value in multipath's grammar: one string, in which a quote is written twice.
pub(super) fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}
