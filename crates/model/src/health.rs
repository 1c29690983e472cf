//! The verdict on line 1: the worst that is neither muted nor explained by a listed cause.

use crate::finding::{Code, Finding, Severity};

/// The verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Health {
    /// Nothing is wrong.
    Ok,
    /// Redundancy or certainty is lost.
    Warn,
    /// Something does not work.
    Err,
    /// What is seen is not the whole.
    Partial,
}

impl Health {
    /// `HEALTH_OK`, `HEALTH_WARN`, `HEALTH_ERR`, `PARTIAL`.
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Ok => "HEALTH_OK",
            Health::Warn => "HEALTH_WARN",
            Health::Err => "HEALTH_ERR",
            Health::Partial => "PARTIAL",
        }
    }

    /// The verdict over all findings; `partial`: this observer does not see the whole.
    pub fn of(findings: &[Finding], partial: bool) -> Self {
        let counted = findings.iter().filter(|f| f.counts() && f.code != Code::StorePartial);
        match counted.map(|f| f.severity).max() {
            Some(Severity::Error) => Health::Err,
            _ if partial => Health::Partial,
            Some(Severity::Warning) => Health::Warn,
            Some(Severity::Info) | None => Health::Ok,
        }
    }
}
