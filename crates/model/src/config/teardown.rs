//! The one document that takes the cluster's configuration down on purpose.
//!
//! An absent, an empty and a garbled document are no instruction; so is one without sections not a tear-down. Only this text is,
//! and a person's command writes it.

use std::fmt;

const BEGIN: &str = "# pathkeeper: torn down by ";
const BETWEEN: &str = " at ";
/// Of a name and a time that are read back.
const WORD_BYTES_MAX: usize = 255;

/// Who tore the configuration down, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TornDown {
    /// The user.
    pub by: String,
    /// The time, as it is shown.
    pub at: String,
}

impl TornDown {
    /// Reads a document; `None` if it is any other.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let line = text.strip_suffix('\n').unwrap_or(text);
        // The last one: a user's name may hold anything.
        let (by, at) = line.strip_prefix(BEGIN)?.rsplit_once(BETWEEN)?;
        let good = |word: &str| {
            !word.trim().is_empty() && word.len() <= WORD_BYTES_MAX && !word.chars().any(char::is_control)
        };
        (good(by) && good(at)).then(|| Self { by: by.to_owned(), at: at.to_owned() })
    }

    /// The document, by a user at a time. What would break the line is replaced.
    pub fn new(by: &str, at: &str) -> Self {
        let word = |text: &str| {
            let mut out = String::new();
            for c in text.trim().chars().map(|c| if c.is_control() { '?' } else { c }) {
                if out.len() + c.len_utf8() > WORD_BYTES_MAX {
                    break;
                }
                out.push(c);
            }
            if out.is_empty() { "nobody".to_owned() } else { out }
        };
        Self { by: word(by), at: word(at).replace(BETWEEN, " ") }
    }
}

impl fmt::Display for TornDown {
    /// The document's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{BEGIN}{}{BETWEEN}{}", self.by, self.at)
    }
}
