//! When somebody looked, and when nobody did.

use crate::ids::EpochS;

/// One life of the agent that keeps the history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// When it had its first picture; `None` = it never had one.
    pub since: Option<EpochS>,
    /// The last time at which it said that it looked.
    pub until: EpochS,
}

/// A time within a run of which not all was written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    /// From here.
    pub since: EpochS,
    /// To here.
    pub until: EpochS,
    /// How many transitions are lost; 0 = nobody looked.
    pub lost: u64,
    /// Why.
    pub why: String,
}

/// A time of which nothing is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unobserved {
    /// Since when; `None` = from the beginning.
    pub since: Option<EpochS>,
    /// Until when; `None` = up to now.
    pub until: Option<EpochS>,
    /// Why, in words.
    pub why: String,
}

/// Whether all that was seen at this time was written down. `kept` is since when transitions are kept, `runs` in their order.
///
/// # Errors
/// The time around it of which nothing is known.
pub fn observed(at: EpochS, kept: EpochS, runs: &[Run], gaps: &[Gap]) -> Result<(), Unobserved> {
    if at < kept {
        let why = "there is no history, or none any more, of what was before".to_owned();
        return Err(Unobserved { since: None, until: Some(kept), why });
    }
    let seen = |run: &&Run| run.since.is_some_and(|since| since <= at) && at <= run.until;
    if !runs.iter().any(|run| seen(&run)) {
        let since = runs.iter().filter(|run| run.since.is_some()).map(|run| run.until);
        let since = since.filter(|until| *until < at).max();
        let until = runs.iter().filter_map(|run| run.since).filter(|since| *since > at).min();
        let why = match (since, until) {
            (None, Some(_)) => "the history begins later",
            (None, None) => "there is no history yet",
            (Some(_), _) => "the agent did not run, or had no picture of the cluster",
        };
        return Err(Unobserved { since, until, why: why.to_owned() });
    }
    match gaps.iter().find(|gap| gap.since <= at && at < gap.until) {
        Some(gap) => Err(Unobserved { since: Some(gap.since), until: Some(gap.until), why: gap.why.clone() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_saw_is_not_known() {
        let run = |since: Option<i64>, until: i64| Run { since: since.map(EpochS), until: EpochS(until) };
        let runs = [run(Some(100), 200), run(None, 250), run(Some(300), 400)];
        let gaps = [Gap { since: EpochS(340), until: EpochS(350), lost: 7, why: "disk".into() }];
        let of = |at: i64| {
            observed(EpochS(at), EpochS(50), &runs, &gaps)
                .map_err(|u| (u.since.map(|s| s.0), u.until.map(|u| u.0), u.why))
                .err()
                .map(|(since, until, why)| format!("{since:?} {until:?} {why}"))
        };
        for at in [100, 150, 200, 300, 339, 350, 400] {
            assert_eq!(of(at), None, "{at}");
        }
        let away = "the agent did not run, or had no picture of the cluster";
        for (at, expect) in [
            (10, "None Some(50) there is no history, or none any more, of what was before".to_owned()),
            (60, "None Some(100) the history begins later".to_owned()),
            (201, format!("Some(200) Some(300) {away}")),
            (250, format!("Some(200) Some(300) {away}")),
            (299, format!("Some(200) Some(300) {away}")),
            (340, "Some(340) Some(350) disk".to_owned()),
            (401, format!("Some(400) None {away}")),
        ] {
            assert_eq!(of(at).unwrap(), expect, "{at}");
        }
        assert!(observed(EpochS(1), EpochS(0), &[], &[]).is_err());
    }
}
