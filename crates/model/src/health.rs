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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Fingerprint, Muted, Scope};

    fn finding(code: Code, severity: Severity) -> Finding {
        Finding::new(code, severity, Scope::default(), "")
    }

    #[test]
    fn the_worst_that_counts() {
        let warn = || finding(Code::LunDegraded, Severity::Warning);
        let error = || finding(Code::LunFailed, Severity::Error);
        let info = || finding(Code::NodeBudget, Severity::Info);
        let muted = |mut of: Finding| {
            let muted = Muted {
                id: "1".into(),
                by_window: false,
                by: "kb".into(),
                reason: "known".into(),
                until: None,
            };
            of.muted = Some(Box::new(muted));
            of
        };
        let explained = |mut of: Finding| {
            of.cause = Some(Fingerprint { code: Code::HbaDown, scope: Scope::default() });
            of
        };
        let partial = || finding(Code::StorePartial, Severity::Error);
        for (found, is_partial, expect) in [
            (vec![], false, Health::Ok),
            (vec![info()], false, Health::Ok),
            (vec![info(), warn()], false, Health::Warn),
            (vec![warn(), error()], false, Health::Err),
            (vec![muted(error()), warn()], false, Health::Warn),
            (vec![explained(error())], false, Health::Ok),
            (vec![muted(warn()), explained(warn())], false, Health::Ok),
            // What cannot be seen is no health; what is seen and wrong is.
            (vec![], true, Health::Partial),
            (vec![partial(), warn()], true, Health::Partial),
            (vec![partial(), error()], true, Health::Err),
            (vec![partial(), muted(error())], true, Health::Partial),
        ] {
            let codes: Vec<_> = found.iter().map(|f| (f.code, f.counts())).collect();
            assert_eq!(Health::of(&found, is_partial), expect, "{codes:?} {is_partial}");
        }
    }
}
