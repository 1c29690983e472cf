//! How often each kind of event came: shown in /metrics, so that a loop that spins can be seen.

use std::collections::BTreeMap;

/// Event kinds by name, with how often each came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<&'static str, u64>);

impl Counts {
    /// Counts one event of this kind.
    pub fn add(&mut self, kind: &'static str) {
        *self.0.entry(kind).or_default() += 1;
    }

    /// All kinds that came at least once.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().map(|(kind, n)| (*kind, *n))
    }
}
