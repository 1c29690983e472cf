//! What was told last of each subject.

use std::collections::BTreeMap;

use super::{Subject, Transition, What};
use crate::ids::EpochS;

/// Words alone are worth a transition so rarely: they move while something goes on.
const WORDS_GAP_S: i64 = 600;

/// What is told of a subject.
pub trait Worth: Clone {
    /// Whether another picture of it tells something new.
    fn is_news(&self, before: &Self) -> bool;
    /// Whether it is at least worded otherwise; told once in ten minutes.
    fn is_reworded(&self, _before: &Self) -> bool {
        false
    }
}

/// What stands, each since when it was told.
#[derive(Clone, Debug)]
pub struct Standing<V>(BTreeMap<Subject, (EpochS, V)>);

impl<V> Default for Standing<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V: Worth> Standing<V> {
    /// The transitions from what stands to `now`. Subjects of which `now` does not speak have cleared, if they are `among`
    /// those that it speaks for: from `from` on, as long as the test holds.
    pub fn to(
        &self,
        from: &Subject,
        among: impl Fn(&Subject) -> bool,
        now: &BTreeMap<Subject, V>,
        at: EpochS,
        out: &mut Vec<Transition<V>>,
    ) {
        for (subject, value) in now {
            let what = match self.0.get(subject) {
                None => What::Appeared,
                Some((_, before)) if value.is_news(before) => What::Changed,
                Some((told, before)) if value.is_reworded(before) && at.0 >= told.0 + WORDS_GAP_S => {
                    What::Changed
                }
                Some(_) => continue,
            };
            out.push(Transition { at, subject: subject.clone(), what, value: value.clone() });
        }
        let spoken_for = self.0.range(from..).take_while(|(subject, _)| among(subject));
        for (subject, (_, value)) in spoken_for.filter(|(subject, _)| !now.contains_key(*subject)) {
            let value = value.clone();
            out.push(Transition { at, subject: subject.clone(), what: What::Cleared, value });
        }
    }

    /// Takes a transition in.
    pub fn take(&mut self, transition: Transition<V>) {
        let Transition { at, subject, what, value } = transition;
        match what {
            What::Cleared => self.0.remove(&subject),
            What::Appeared | What::Changed => self.0.insert(subject, (at, value)),
        };
    }

    /// All that stands, in the order of subjects.
    pub fn iter(&self) -> impl Iterator<Item = (&Subject, EpochS, &V)> {
        self.0.iter().map(|(subject, (at, value))| (subject, *at, value))
    }

    /// Those from `from` on, as long as the test holds.
    pub fn range(
        &self,
        from: &Subject,
        among: impl Fn(&Subject) -> bool,
    ) -> impl Iterator<Item = (&Subject, &V)> {
        let range = self.0.range(from..).take_while(move |(subject, _)| among(subject));
        range.map(|(subject, (_, value))| (subject, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::history::Kind;
    use crate::ids::{NodeName, Wwid};

    /// A number that counts, and one that is only words.
    #[derive(Clone, PartialEq, Debug)]
    struct Told(u8, u8);

    impl Worth for Told {
        fn is_news(&self, before: &Self) -> bool {
            self.0 != before.0
        }
        fn is_reworded(&self, before: &Self) -> bool {
            self.1 != before.1
        }
    }

    fn cell(wwid: &str, node: &str) -> Subject {
        Subject::cell(&Wwid::new(wwid).unwrap(), &NodeName::new(node).unwrap())
    }

    fn picture(text: &str) -> BTreeMap<Subject, Told> {
        let one = |word: &str| {
            let (key, value) = word.split_once('=').unwrap();
            let (wwid, node) = key.split_once('/').unwrap();
            let (core, words) = value.split_once('.').unwrap_or((value, "0"));
            (cell(wwid, node), Told(core.parse().unwrap(), words.parse().unwrap()))
        };
        text.split_whitespace().map(one).collect()
    }

    #[test]
    fn transitions_are_what_became_different() {
        let mut standing = Standing::default();
        let from = Subject::of(Kind::Cell);
        for (at, now, expect) in [
            (0, "a/x=1 a/y=2", "appeared a/x=1 appeared a/y=2"),
            (1, "a/x=1 a/y=2", ""),
            (2, "a/x=1.7 a/y=3", "changed a/y=3"),
            (3, "a/x=1.7", "cleared a/y=3"),
            // Words count after ten minutes.
            (599, "a/x=1.7", ""),
            (600, "a/x=1.7", "changed a/x=1"),
            (601, "a/x=1.8", ""),
            (602, "", "cleared a/x=1"),
        ] {
            let mut out = Vec::new();
            standing.to(&from, |_| true, &picture(now), EpochS(at), &mut out);
            let word = |t: &Transition<Told>| {
                let (wwid, node) = (t.subject.wwid.as_ref().unwrap(), t.subject.node.as_ref().unwrap());
                format!("{} {wwid}/{node}={}", t.what.as_str(), t.value.0)
            };
            assert_eq!(out.iter().map(word).collect::<Vec<_>>().join(" "), expect, "at {at}");
            out.into_iter().for_each(|t| standing.take(t));
        }
    }

    #[test]
    fn one_row_says_nothing_of_the_others() {
        let mut standing = Standing::default();
        let mut out = Vec::new();
        standing.to(&Subject::of(Kind::Cell), |_| true, &picture("a/x=1 b/x=1 c/x=1"), EpochS(0), &mut out);
        out.drain(..).for_each(|t| standing.take(t));
        let b = Wwid::new("b").unwrap();
        let from = Subject { wwid: Some(b.clone()), ..Subject::of(Kind::Cell) };
        let among = |subject: &Subject| subject.wwid.as_ref() == Some(&b);
        standing.to(&from, among, &BTreeMap::new(), EpochS(1), &mut out);
        assert_eq!(out.iter().map(|t| t.subject.clone()).collect::<Vec<_>>(), [cell("b", "x")]);
    }

    proptest! {
        /// Whatever pictures follow each other: taking in what was told gives each of them back.
        #[test]
        fn transitions_fold_back_into_the_picture(
            pictures in proptest::collection::vec(proptest::collection::btree_map((0..3_u8, 0..3_u8), 0..4_u8, 0..9), 1..8)
        ) {
            let mut teller = Standing::default();
            let mut told = Vec::new();
            let mut after = Vec::new();
            for (at, picture) in (0..).zip(&pictures) {
                let name = |(w, n): (u8, u8)| cell(&format!("w{w}"), &format!("n{n}"));
                let now: BTreeMap<Subject, Told> = picture.iter().map(|(k, v)| (name(*k), Told(*v, 0))).collect();
                let mut out = Vec::new();
                teller.to(&Subject::of(Kind::Cell), |_| true, &now, EpochS(at), &mut out);
                let spoken: BTreeSet<&Subject> = out.iter().map(|t| &t.subject).collect();
                prop_assert_eq!(spoken.len(), out.len(), "each once");
                out.iter().cloned().for_each(|t| teller.take(t));
                told.extend(out);
                after.push(now);
            }
            for (at, expect) in (0..).zip(after) {
                let mut folded = Standing::default();
                told.iter().filter(|t| t.at <= EpochS(at)).cloned().for_each(|t| folded.take(t));
                let folded: BTreeMap<Subject, Told> =
                    folded.iter().map(|(subject, _, value)| (subject.clone(), value.clone())).collect();
                prop_assert_eq!(folded, expect);
            }
        }
    }
}
