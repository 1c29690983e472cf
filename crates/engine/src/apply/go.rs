//! From step to step: what a step wants done, and where its answer leads.

use pathkeeper_model::{MonoMs, Now};

use super::plan::{Attempt, Mark, Outcome, Progress, Taken};
use super::sight::{Device, SeenPath, Sight};
use super::{Answer, Apply, CHECK_STEP_MS, Fault, SETTLE_MS, Step, VERIFY_MS, VERIFY_STEP_MS, What, verify};

/// What a person types where we must not.
const BY_HAND: &str = "when all paths are back: multipathd reconfigure";

impl Apply {
    /// Begins where an earlier life was. Nothing that it began is begun again.
    pub(super) fn resume(&mut self, attempt: Option<Attempt>, now: Now) {
        self.step = Step::Rest;
        let Some(Attempt { plan, before, mark }) = attempt else { return };
        let well = matches!(&mark, Mark::Done(outcome) if outcome.progress == Progress::Verified);
        self.last = Some((plan.generation, matches!(mark, Mark::Done(_)), well));
        self.plan = plan;
        self.before = before;
        // It may be so; saying it costs nothing.
        self.wwids_touched = true;
        self.look_at = now.mono;
        if let Mark::Done(outcome) = mark {
            self.tell(outcome.progress, outcome.why, Now { wall: outcome.since, ..now });
            return;
        }
        let again = vec!["pathkeeper was started anew in the middle, and looks what is there".to_owned()];
        self.tell(Progress::Applying, again, now);
        let until = now.mono.plus(VERIFY_MS);
        self.step = match mark {
            Mark::Begun => Step::Cut { until },
            Mark::Asked => Step::Verify { until, asked: now.mono, sure: false },
            Mark::Restoring { why, taken } => {
                self.fault = Fault { why, taken, not_restored: None };
                self.restore_files()
            }
            Mark::AskedBack { why } => {
                self.fault = Fault { why, taken: Taken::Perhaps, not_restored: None };
                Step::VerifyBack { until }
            }
            Mark::Done(_) => Step::Rest,
        };
    }

    /// What the present step wants done now, if nothing is under way.
    pub(super) fn due(&self, now: Now) -> Option<What> {
        if self.running.is_some() || self.stuck {
            return None;
        }
        let generation = self.plan.generation;
        let remember = |mark: Mark| {
            let (plan, before) = (self.plan.clone(), self.before.clone());
            Some(What::Remember(Box::new(Attempt { plan, before, mark })))
        };
        let look = || {
            let paths = self.before.maps.iter().flat_map(|map| &map.paths).filter(|path| path.usable);
            let device = |path: &SeenPath| Device { dev: path.dev.clone(), dev_t: path.dev_t.clone() };
            Some(What::Look { devices: paths.map(device).collect() })
        };
        match &self.step {
            Step::Unloaded | Step::Rest | Step::Announce => None,
            Step::Check | Step::Recheck => {
                (self.look_at <= now.mono).then(|| What::Look { devices: Vec::new() })
            }
            Step::Verify { .. } | Step::VerifyBack { .. } | Step::Cut { .. } if self.look_at > now.mono => {
                None
            }
            Step::Verify { .. } | Step::VerifyBack { .. } | Step::Cut { .. } | Step::Decide => look(),
            Step::Judge => Some(What::Judge { files: self.plan.files.clone() }),
            Step::Keep => Some(What::Keep { generation }),
            Step::MarkBegun => remember(Mark::Begun),
            Step::Write(at) => self.plan.files.get(*at).cloned().map(What::Write),
            Step::MarkAsked => remember(Mark::Asked),
            Step::Wwids => Some(What::Wwids { add: self.plan.add.clone(), remove: self.plan.remove.clone() }),
            Step::Ask if self.plan.needs_reconfigure => Some(What::Reconfigure),
            Step::Ask => Some(What::AddPaths { devices: self.new_paths.clone() }),
            Step::MarkRestoring => {
                remember(Mark::Restoring { why: self.fault.why.clone(), taken: self.fault.taken })
            }
            Step::Restore => Some(What::Restore { generation }),
            // Entries that were added stay: they take nothing from anybody, and somebody may use the new map already.
            Step::RestoreWwids => Some(What::Wwids { add: self.plan.remove.clone(), remove: Vec::new() }),
            Step::MarkBack => remember(Mark::AskedBack { why: self.fault.why.clone() }),
            Step::AskBack => Some(What::Reconfigure),
            Step::MarkDone(outcome) => remember(Mark::Done(outcome.clone())),
        }
    }

    /// The store has taken `applying`: now the node may be touched.
    pub(super) fn announced(&mut self, now: Now) {
        if self.step == Step::Announce && self.teller.has_taken(self.plan.generation, Progress::Applying) {
            self.step = Step::Recheck;
            self.look_at = now.mono;
        }
    }

    /// What came back leads to the next step.
    pub(super) fn take(&mut self, answer: Answer, now: Now) {
        let step = self.step.clone();
        match (step, answer) {
            (Step::Check | Step::Recheck, Answer::Saw(sight)) => self.checked(&sight, now),
            (Step::Check | Step::Recheck, Answer::Failed(why)) => self.checked(&Sight::silent(why), now),
            (Step::Verify { .. }, Answer::Saw(sight)) => self.looked(&sight, now),
            (Step::Verify { .. }, Answer::Failed(why)) => self.looked(&Sight::silent(why), now),
            (Step::VerifyBack { .. }, Answer::Saw(sight)) => self.looked_back(&sight, now),
            (Step::VerifyBack { .. }, Answer::Failed(why)) => self.looked_back(&Sight::silent(why), now),
            (Step::Cut { until }, Answer::Saw(sight)) => self.cut(&sight, until, now),
            (Step::Cut { until }, Answer::Failed(why)) => self.cut(&Sight::silent(why), until, now),
            (Step::Decide, Answer::Saw(sight)) => self.decide(&sight, now),
            (Step::Decide, Answer::Failed(why)) => self.decide(&Sight::silent(why), now),

            (Step::Judge, Answer::Judged(refused)) if refused.is_empty() => self.announce(now),
            (Step::Judge, Answer::Judged(refused)) => {
                let mut why = vec!["multipath -t refuses it; nothing was touched".to_owned()];
                why.extend(refused);
                self.over_untouched(why, now);
            }
            (Step::Judge, Answer::Failed(why)) => {
                self.over_untouched(vec![format!("it could not be judged: {why}; nothing was touched")], now);
            }
            (Step::Keep, Answer::Did) => self.step = Step::MarkBegun,
            (Step::MarkBegun, Answer::Did) => {
                self.last = Some((self.plan.generation, false, false));
                self.step = Step::Write(0);
            }
            (Step::Keep | Step::MarkBegun, Answer::Failed(why)) => {
                self.over_untouched(vec![format!("{why}; nothing was touched")], now);
            }
            (Step::Write(at), Answer::Did) => {
                let next = Step::Write(at + 1);
                self.step = if at + 1 < self.plan.files.len() { next } else { self.after_files() };
            }
            (Step::MarkAsked, Answer::Did) => {
                self.last = Some((self.plan.generation, false, false));
                self.step = if self.plan.files.is_empty() { self.wwids_or(Step::Ask) } else { Step::Ask };
                self.skip_asking(now);
            }
            (Step::MarkAsked, Answer::Failed(why)) if self.plan.files.is_empty() => {
                self.over_untouched(vec![format!("{why}; nothing was touched")], now);
            }
            (Step::Wwids, Answer::Did) => {
                self.wwids_touched = true;
                self.step = if self.plan.files.is_empty() { Step::Ask } else { Step::MarkAsked };
                self.skip_asking(now);
            }
            (Step::Write(_) | Step::Wwids | Step::MarkAsked, Answer::Failed(why)) => {
                self.fail(vec![format!("{why}; multipathd was asked for nothing")], Taken::No);
            }
            (Step::Ask, answer) => {
                // No answer does not mean that it was not taken.
                self.verify_from(answer == Answer::Did, now);
            }

            // Where it cannot be remembered it is done all the same: what the disk says leads a later life here too.
            (Step::MarkRestoring, _) => self.step = self.restore_files(),
            (Step::Restore, answer) => {
                if let Answer::Failed(why) = answer {
                    self.fault.not_restored = Some(why);
                }
                self.step = self.restore_wwids();
            }
            (Step::RestoreWwids, answer) => {
                if let Answer::Failed(why) = answer {
                    self.fault.not_restored.get_or_insert(why);
                }
                self.step = Step::Decide;
            }
            (Step::MarkBack, Answer::Did) => self.step = Step::AskBack,
            (Step::MarkBack, Answer::Failed(why)) => {
                let why =
                    format!("files restored, multipathd still runs the new configuration: {why}; {BY_HAND}");
                self.over(Progress::Failed, vec![why], now);
            }
            (Step::AskBack, _) => {
                self.step = Step::VerifyBack { until: now.mono.plus(VERIFY_MS) };
                self.look_at = now.mono.plus(VERIFY_STEP_MS);
            }
            (Step::MarkDone(outcome), _) => {
                let well = outcome.progress == Progress::Verified;
                self.last = Some((self.plan.generation, true, well));
                self.tell(outcome.progress, outcome.why, Now { wall: outcome.since, ..now });
                self.rest();
            }
            // An answer of another kind than was asked for is a defect of the runner's; the time-out ends it.
            (_, _) => {}
        }
    }

    fn after_files(&self) -> Step {
        self.wwids_or(Step::MarkAsked)
    }

    fn wwids_or(&self, other: Step) -> Step {
        if self.plan.add.is_empty() && self.plan.remove.is_empty() { other } else { Step::Wwids }
    }

    /// Where there is nothing to ask multipathd for, looking is all.
    fn skip_asking(&mut self, now: Now) {
        if self.step == Step::Ask && !self.plan.needs_reconfigure && self.new_paths.is_empty() {
            self.verify_from(true, now);
        }
    }

    fn verify_from(&mut self, sure: bool, now: Now) {
        self.step = Step::Verify { until: now.mono.plus(VERIFY_MS), asked: now.mono, sure };
        self.look_at = now.mono.plus(VERIFY_STEP_MS);
    }

    /// Before anything is touched: idle, the plan is right, no path holds it up.
    fn checked(&mut self, sight: &Sight, now: Now) {
        self.look_at = now.mono.plus(CHECK_STEP_MS);
        let announced = self.step == Step::Recheck;
        let (Some(pid), None) = (sight.idle_pid(), sight.not_idle()) else {
            self.wait(Progress::Waiting, sight.not_idle().into_iter().collect(), now);
            return;
        };
        let stale = verify::stale(&self.plan, sight);
        if !stale.is_empty() {
            let mut why = vec!["the plan does not fit the node any more, and is made anew".to_owned()];
            why.extend(stale);
            self.wait(Progress::Waiting, why, now);
            return;
        }
        if self.plan.needs_reconfigure && !self.plan.forced {
            let holding = verify::holding(&self.plan, sight);
            if !holding.is_empty() {
                self.held_since.get_or_insert((now.mono, now.wall));
                self.wait(Progress::Held, holding, now);
                return;
            }
        }
        self.held_since = None;
        if !announced {
            if self.plan.files.is_empty() {
                self.announce(now)
            } else {
                self.step = Step::Judge
            }
            return;
        }
        self.before = verify::snapshot(&self.plan, sight, pid);
        let loose = self.plan.add.iter().flat_map(|wwid| sight.loose_paths(wwid));
        self.new_paths = loose.map(|path| path.dev.clone()).collect();
        self.fault = Fault::default();
        self.wwids_touched = false;
        self.step = if self.plan.files.is_empty() { Step::MarkAsked } else { Step::Keep };
    }

    /// Looks again later; what was announced is taken back.
    fn wait(&mut self, progress: Progress, why: Vec<String>, now: Now) {
        if progress != Progress::Held {
            self.held_since = None;
        }
        self.step = Step::Check;
        self.tell(progress, why, now);
    }

    fn announce(&mut self, now: Now) {
        self.step = Step::Announce;
        self.tell(Progress::Applying, Vec::new(), now);
    }

    /// It ends, and nothing was touched.
    fn over_untouched(&mut self, why: Vec<String>, now: Now) {
        self.over(Progress::RolledBack, why, now);
    }

    /// It ends.
    fn over(&mut self, progress: Progress, why: Vec<String>, now: Now) {
        let why = std::mem::take(&mut self.fault.why).into_iter().chain(why).collect();
        self.held_since = None;
        self.look_at = now.mono;
        self.step = Step::MarkDone(Outcome { progress, why, since: now.wall });
    }

    /// It goes back.
    fn fail(&mut self, why: Vec<String>, taken: Taken) {
        self.fault = Fault { why, taken, not_restored: None };
        self.step = Step::MarkRestoring;
    }

    fn restore_files(&self) -> Step {
        if self.plan.files.is_empty() { self.restore_wwids() } else { Step::Restore }
    }

    fn restore_wwids(&self) -> Step {
        if self.plan.remove.is_empty() { Step::Decide } else { Step::RestoreWwids }
    }

    /// Is it as planned?
    fn looked(&mut self, sight: &Sight, now: Now) {
        let Step::Verify { until, asked, sure } = self.step else { return };
        self.look_at = now.mono.plus(VERIFY_STEP_MS).min(until.max(now.mono.plus(1)));
        let found = verify::look(&self.plan, &self.before, sight, false);
        let late = until <= now.mono;
        let shown = !self.plan.needs_reconfigure || found.evidence;
        let settled = sure && now.mono.since(asked) >= SETTLE_MS;
        if found.is_sound() && (shown || settled) && (found.drift.is_empty() || late) {
            let notes = found.lost.into_iter().chain(found.drift).collect();
            self.over(Progress::Verified, notes, now);
            return;
        }
        if !late {
            return;
        }
        if let Some(why) = found.not_idle {
            self.fail(vec![why], Taken::Hung);
        } else if found.is_sound() {
            self.fail(vec!["nothing shows that multipathd has read the new files".to_owned()], Taken::No);
        } else {
            // An earlier life may not have come to ask; then multipathd runs what it ran before.
            self.fail(found.wrong, if sure || found.evidence { Taken::Perhaps } else { Taken::No });
        }
    }

    /// Files were touched, and multipathd was asked for nothing: it runs what it ran, unless it was started anew meanwhile.
    fn cut(&mut self, sight: &Sight, until: MonoMs, now: Now) {
        let found = verify::look(&self.plan, &self.before, sight, false);
        if found.not_idle.is_some() && now.mono < until {
            self.look_at = now.mono.plus(VERIFY_STEP_MS);
            return;
        }
        let taken = match found {
            verify::Findings { not_idle: Some(_), .. } => Taken::Hung,
            verify::Findings { evidence: true, .. } => Taken::Perhaps,
            _ => Taken::No,
        };
        self.fail(vec!["pathkeeper ended before it had written all files".to_owned()], taken);
    }

    /// Files are back. multipathd reads them only if that costs no path.
    fn decide(&mut self, sight: &Sight, now: Now) {
        if let Some(why) = self.fault.not_restored.take() {
            let kept =
                format!("kept files are in the state directory, config/before-{}", self.plan.generation);
            self.over(Progress::Failed, vec![format!("files could not be put back: {why}; {kept}")], now);
        } else if !self.plan.needs_reconfigure || self.fault.taken == Taken::No {
            let mut why = vec!["files are as before, and multipathd runs what it ran".to_owned()];
            why.extend(self.added());
            // With nothing but that to do it is not as before.
            let is_as_before = why.len() == 1 || !self.plan.files.is_empty();
            self.over(if is_as_before { Progress::RolledBack } else { Progress::Failed }, why, now);
        } else if self.fault.taken == Taken::Hung || sight.not_idle().is_some() {
            let what =
                "files restored; multipathd hung, was sent nothing more, and may run the new configuration";
            self.over(Progress::Failed, vec![format!("{what}; {BY_HAND}")], now);
        } else {
            let lost = verify::unusable(&self.before, sight);
            if lost.is_empty() {
                self.step = Step::MarkBack;
                return;
            }
            let what = "files restored, multipathd still runs the new configuration: not usable now are";
            self.over(Progress::Failed, vec![format!("{what} {}; {BY_HAND}", lost.join(", "))], now);
        }
    }

    /// What going back leaves of the wwids file, a sentence.
    fn added(&self) -> Option<String> {
        let wwids: Vec<&str> = self.plan.add.iter().map(|wwid| wwid.as_str()).collect();
        let stay = self.wwids_touched && !wwids.is_empty();
        stay.then(|| format!("entries that were added to the wwids file stay there: {}", wwids.join(", ")))
    }

    /// Is it as before?
    fn looked_back(&mut self, sight: &Sight, now: Now) {
        let Step::VerifyBack { until } = self.step else { return };
        self.look_at = now.mono.plus(VERIFY_STEP_MS).min(until.max(now.mono.plus(1)));
        let found = verify::look(&self.plan, &self.before, sight, true);
        if found.is_sound() {
            let mut why = vec!["files are as before, and multipathd runs them".to_owned()];
            why.extend(self.added());
            why.extend(found.lost);
            self.over(Progress::RolledBack, why, now);
        } else if until <= now.mono {
            let mut why = vec!["files are as before, and multipathd is not".to_owned()];
            why.extend(found.not_idle);
            why.extend(found.wrong);
            self.over(Progress::Failed, why, now);
        }
    }
}
