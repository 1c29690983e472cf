//! The rules: from what is seen now to what is said now.

use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_model::alert::{
    AlertAct, AlertEntry, AlertKey, AlertMessage, AlertState, AlertsValue, Ending, NODES_MAX,
};
use pathkeeper_model::finding::{Code, Finding, Severity};
use pathkeeper_model::{MonoMs, NodeName, Now};

use super::holds::{family, is_absence, is_of_the_store, is_remembered};
use super::scene::Scene;
use super::{
    AlertEffect, AlertRow, Alerts, CANDIDATES_MAX, CLAIM_MS, CLAIMS_MAX, FIRING_MAX, Own, POSITION_MS,
    RESOLVED_KNOWN_MS, RESOLVED_TOLD_MS,
};

/// What is worse is told when it has been so for this long.
const WORSE_MS: u64 = 10_000;
/// What only grows is not told more often than this.
const GROWTH_GAP_MS: u64 = 900_000;
/// What somebody muted, or another alert explains, is over for people when it has been so for this long.
const QUIET_MS: u64 = 10_000;
/// What an earlier run of this node said is not told to sinks again before the others' words of meanwhile are here: one of them
/// may have said that it is over, a moment ago.
const REJOIN_MS: u64 = 30_000;
/// An observer that has just begun knows nothing of what only memory tells.
const REMEMBERED_MS: u64 = 1_800_000;

/// Where this node stands among the others.
struct Place {
    /// So much later than the first one it speaks.
    stagger_ms: u64,
    first: bool,
    whole: bool,
}

/// The findings by what they are about.
struct Seen<'a> {
    /// Those that people are told of, worst first.
    counted: Vec<(AlertKey, &'a Finding)>,
    standing: BTreeSet<AlertKey>,
    /// Those that stand and do not count: muted, hidden by a window, explained.
    quiet: BTreeMap<AlertKey, &'a Finding>,
}

impl<'a> Seen<'a> {
    fn of(findings: &'a [Finding], least: Severity) -> Self {
        let mut seen = Self { counted: Vec::new(), standing: BTreeSet::new(), quiet: BTreeMap::new() };
        for finding in findings {
            let key = AlertKey::from(&finding.fingerprint());
            if !finding.counts() {
                seen.quiet.insert(key, finding);
            } else if finding.severity >= least {
                if seen.counted.len() < CANDIDATES_MAX {
                    seen.counted.push((key.clone(), finding));
                }
                seen.standing.insert(key);
            }
        }
        seen
    }
}

/// Why what was told is told as over.
enum Over {
    Not,
    Yes(Ending, String, u64),
}

impl Alerts {
    /// Looks at what is seen now: what is to be said and done.
    pub fn look(&mut self, scene: &Scene<'_>, now: Now) -> Vec<AlertEffect> {
        self.next = MonoMs(u64::MAX);
        if !scene.listed && !scene.doubted {
            return Vec::new();
        }
        if scene.listed {
            self.began.get_or_insert(now.mono);
        }
        let mut effects = Vec::new();
        self.hear_others(scene, now, &mut effects);
        let own = &self.config.node;
        let online = scene.nodes.iter().filter(|(_, seen)| seen.online).map(|(name, _)| name);
        let rank = online.filter(|name| *name < own).count();
        let place = Place {
            stagger_ms: POSITION_MS.saturating_mul(rank as u64),
            first: rank == 0,
            whole: scene.is_whole(),
        };
        if self.config.sends {
            let seen = Seen::of(scene.findings, self.config.least);
            self.say_what_stands(scene, &seen, &place, now, &mut effects);
            self.say_what_is_over(scene, &seen, &place, now, &mut effects);
            self.take_over(scene, &place, now);
        }
        self.forget(scene, now);
        self.tell(now, &mut effects);
        effects
    }

    fn hear_others(&mut self, scene: &Scene<'_>, now: Now, effects: &mut Vec<AlertEffect>) {
        let own = self.config.node.clone();
        if scene.listed && self.began == Some(now.mono) {
            let earlier = scene.values.get(&own).filter(|value| value.instance != Some(self.config.instance));
            let earlier: Option<AlertsValue> = earlier.map(|value| (*value).clone());
            self.take_earlier(earlier.iter(), now);
        }
        for (writer, value) in scene.values.iter().filter(|(writer, _)| **writer != own) {
            for entry in &value.entries {
                if self.hear(entry, writer, now) {
                    effects.push(AlertEffect::Said(Box::new(entry.clone()), writer.clone()));
                }
            }
        }
        // What others have said since, or delivered while this node tried to, is theirs.
        let theirs = self.own.iter().filter_map(|(key, own)| {
            let known = &self.known.get(key)?.entry;
            let further = known.turn > own.entry.turn;
            let done = known.turn == own.entry.turn && known.delivered && !own.entry.delivered;
            (further || done).then(|| (key.clone(), known.clone()))
        });
        let theirs: Vec<_> = theirs.collect();
        for (key, known) in theirs {
            let Some(own) = self.own.remove(&key) else { continue };
            if own.in_hand && !own.entry.delivered {
                effects.push(AlertEffect::Drop(key, own.entry.turn));
            }
            let ended = known.state == AlertState::Resolved || known.severity != own.entry.severity;
            if own.entry.state == AlertState::Firing && ended {
                let entry = AlertEntry { turn: known.turn, at: now.wall, ..own.entry };
                effects.push(AlertEffect::End(Box::new(self.message(&entry, AlertAct::Resolved, None, now))));
            }
        }
    }

    fn say_what_stands(
        &mut self,
        scene: &Scene<'_>,
        seen: &Seen<'_>,
        place: &Place,
        now: Now,
        effects: &mut Vec<AlertEffect>,
    ) {
        let mut standing = BTreeSet::new();
        let mut waiting = Vec::new();
        self.held_back = 0;
        for (own_key, finding) in seen.counted.iter().map(|(key, finding)| (key, *finding)) {
            let key = self.told_of_its_family(own_key).unwrap_or_else(|| own_key.clone());
            if !standing.insert(key.clone()) {
                continue;
            }
            let known =
                self.known.get(&key).map(|known| (known.entry.clone(), known.by.clone(), known.heard));
            match known {
                Some((entry, by, heard)) if entry.state == AlertState::Firing => {
                    self.pending.remove(&key);
                    if entry.delivered {
                        self.say_what_is_worse(finding, &entry, heard, place, now, effects);
                    } else if self.claim_is_free(&entry, &by, heard, (scene, place), now) {
                        let message = self.message(&entry, AlertAct::Firing, Some(finding), now);
                        self.say(entry, message, now, effects);
                    }
                }
                known => {
                    if !place.whole && !self.may_say_without_the_others(finding, scene) {
                        // Nor does the time count that passes while nobody can know.
                        self.pending.remove(&key);
                        continue;
                    }
                    let since = *self.pending.entry(key.clone()).or_insert(now.mono);
                    let due = since.plus(self.config.holds.of(finding)).plus(place.stagger_ms);
                    let turn = known.map_or(0, |(entry, ..)| entry.turn).saturating_add(1);
                    let entry = self.entry_of(finding, key, turn, !place.whole, now);
                    if due > now.mono {
                        self.wake(due);
                        waiting.push(AlertRow { entry, by: None, due: Some(due) });
                    } else if self.firing_count() >= FIRING_MAX {
                        self.held_back = self.held_back.saturating_add(1);
                        // When there is room again, positions count again.
                        self.pending.insert(entry.key.clone(), now.mono);
                        waiting.push(AlertRow { entry, by: None, due: None });
                    } else {
                        let message = self.message(&entry, AlertAct::Firing, Some(finding), now);
                        self.say(entry, message, now, effects);
                    }
                }
            }
        }
        self.waiting = waiting;
        // A flap that is over before anybody was told is nobody's business.
        self.pending.retain(|key, _| standing.contains(key));
        self.worse.retain(|key, _| standing.contains(key));
        self.clear.retain(|key, _| !standing.contains(key));
        self.remind(seen, now, effects);
    }

    /// What was told of the same node by another code that says the same thing.
    fn told_of_its_family(&self, key: &AlertKey) -> Option<AlertKey> {
        let told =
            |key: &AlertKey| self.known.get(key).is_some_and(|known| known.entry.state == AlertState::Firing);
        if told(key) {
            return None;
        }
        let others = family(&key.code).map(|code| AlertKey { code: code.as_str().to_owned(), ..key.clone() });
        others.into_iter().find(told)
    }

    /// Without trust this node may be the one that is cut off: it speaks of what it sees by itself.
    fn may_say_without_the_others(&self, finding: &Finding, scene: &Scene<'_>) -> bool {
        if finding.code == Code::StorePartial {
            return true;
        }
        if is_absence(finding.code) {
            return false;
        }
        let on_this_side = |name: &NodeName| {
            *name == self.config.node || scene.nodes.get(name).is_some_and(|seen| seen.heard && seen.online)
        };
        match &finding.scope.node {
            Some(node) => on_this_side(node),
            None => finding.explains.as_ref().is_some_and(|explains| explains.nodes.iter().any(on_this_side)),
        }
    }

    fn firing_count(&self) -> usize {
        self.known.values().filter(|known| known.entry.state == AlertState::Firing).count()
    }

    /// Somebody meant to send this and has not done it in time; or this node did, before it was restarted.
    fn claim_is_free(
        &mut self,
        entry: &AlertEntry,
        by: &NodeName,
        heard: MonoMs,
        (scene, place): (&Scene<'_>, &Place),
        now: Now,
    ) -> bool {
        if *by == self.config.node {
            return self.own.get(&entry.key).is_none_or(|own| !own.in_hand);
        }
        let tries = |(writer, value): (&NodeName, &&AlertsValue)| {
            let there = scene.nodes.get(writer).is_some_and(|seen| seen.online);
            there && value.entries.iter().any(|of| of.key == entry.key && of.turn == entry.turn)
        };
        if scene.values.iter().filter(|of| tries((of.0, of.1))).count() >= CLAIMS_MAX {
            return false;
        }
        let due = heard.plus(CLAIM_MS).plus(place.stagger_ms);
        if due > now.mono {
            self.wake(due);
        }
        due <= now.mono
    }

    fn say_what_is_worse(
        &mut self,
        finding: &Finding,
        told: &AlertEntry,
        heard: MonoMs,
        place: &Place,
        now: Now,
        effects: &mut Vec<AlertEffect>,
    ) {
        let severer = finding.severity > told.severity;
        let (luns, nodes) = extent(finding);
        let grown = luns > told.luns || nodes.len() > told.nodes.len();
        if !severer && !grown {
            self.worse.remove(&told.key);
            return;
        }
        // Growth that waits for its time is no head start: else all positions would speak at once.
        let begun =
            self.worse.get(&told.key).filter(|(of, _)| *of == severer).map_or(now.mono, |(_, at)| *at);
        self.worse.insert(told.key.clone(), (severer, begun));
        let since = begun.plus(WORSE_MS);
        let allowed = if severer { MonoMs(0) } else { heard.plus(GROWTH_GAP_MS) };
        let due = since.max(allowed).plus(place.stagger_ms);
        if due > now.mono {
            self.wake(due);
            return;
        }
        self.worse.remove(&told.key);
        let turn = told.turn.saturating_add(1);
        let entry = AlertEntry {
            since: told.since,
            severity: finding.severity.max(told.severity),
            ..self.entry_of(finding, told.key.clone(), turn, !place.whole, now)
        };
        let mut message = self.message(&entry, AlertAct::Update, Some(finding), now);
        message.severity_before = severer.then_some(told.severity);
        self.say(entry, message, now, effects);
    }

    /// What this node answers for and still stands is told again where people want that.
    fn remind(&mut self, seen: &Seen<'_>, now: Now, effects: &mut Vec<AlertEffect>) {
        let Some(remind_ms) = self.config.remind_ms else { return };
        let mut next = MonoMs(u64::MAX);
        let mut due = Vec::new();
        for (key, own) in &mut self.own {
            let stands = own.entry.state == AlertState::Firing && own.entry.delivered;
            if !stands || !seen.standing.contains(key) {
                continue;
            }
            if own.at.plus(remind_ms) <= now.mono {
                own.at = now.mono;
                due.push(own.entry.clone());
            }
            next = next.min(own.at.plus(remind_ms));
        }
        self.wake(next);
        for entry in due {
            let finding = seen.counted.iter().find(|(key, _)| *key == entry.key).map(|(_, finding)| *finding);
            let message = self.message(&entry, AlertAct::Reminder, finding, now);
            effects.push(AlertEffect::Send(Box::new(message)));
        }
    }

    fn say_what_is_over(
        &mut self,
        scene: &Scene<'_>,
        seen: &Seen<'_>,
        place: &Place,
        now: Now,
        effects: &mut Vec<AlertEffect>,
    ) {
        let told: Vec<_> = self
            .known
            .values()
            .filter(|known| !seen.standing.contains(&known.entry.key))
            .map(|known| (known.entry.clone(), known.by.clone(), known.heard))
            .collect();
        for (entry, by, heard) in told {
            let key = entry.key.clone();
            if entry.state == AlertState::Resolved {
                if !entry.delivered && self.claim_is_free(&entry, &by, heard, (scene, place), now) {
                    let mut message = self.message(&entry, AlertAct::Resolved, None, now);
                    message.ending = Some((Ending::Cleared, String::new()));
                    self.say(entry, message, now, effects);
                }
                continue;
            }
            let by_family = family(&key.code)
                .map(|code| AlertKey { code: code.as_str().to_owned(), ..key.clone() })
                .any(|other| seen.standing.contains(&other));
            let over = if by_family { Over::Not } else { self.is_over(&entry, scene, seen, place, now) };
            let Over::Yes(ending, why, after_ms) = over else {
                self.clear.remove(&key);
                continue;
            };
            let since = *self.clear.entry(key.clone()).or_insert(now.mono);
            let due = since.plus(after_ms).plus(place.stagger_ms);
            if due > now.mono {
                self.wake(due);
                continue;
            }
            self.clear.remove(&key);
            let entry = AlertEntry {
                turn: entry.turn.saturating_add(1),
                state: AlertState::Resolved,
                at: now.wall,
                delivered: false,
                partial: false,
                ..entry
            };
            let mut message = self.message(&entry, AlertAct::Resolved, None, now);
            message.ending = Some((ending, why));
            self.say(entry, message, now, effects);
        }
    }

    /// Whether what was told and does not stand is over, by what is seen.
    fn is_over(
        &mut self,
        told: &AlertEntry,
        scene: &Scene<'_>,
        seen: &Seen<'_>,
        place: &Place,
        now: Now,
    ) -> Over {
        if !place.whole {
            return Over::Not;
        }
        let key = &told.key;
        let quiet = seen.quiet.get(key);
        if let Some(muted) = quiet.and_then(|finding| finding.muted.as_ref()) {
            let (ending, what) = match muted.by_window {
                true => (Ending::Window, "a maintenance window hides it"),
                false => (Ending::Muted, "muted"),
            };
            let why = format!("{what}, by {}: {}; it has not recovered", muted.by, muted.reason);
            return Over::Yes(ending, why, QUIET_MS);
        }
        let cause = quiet.and_then(|finding| finding.cause.as_ref()).map(AlertKey::from);
        if let Some(cause) = cause.or_else(|| scene.explained.get(key).cloned()) {
            let told = self.known.get(&cause).map(|known| &known.entry);
            return match told.filter(|cause| cause.state == AlertState::Firing && cause.delivered) {
                Some(_) => {
                    let why = format!("{cause} explains it, and stands; it has not recovered");
                    Over::Yes(Ending::Explained, why, QUIET_MS)
                }
                None => Over::Not,
            };
        }
        let began = self.began.unwrap_or(now.mono);
        if is_remembered(&key.code) {
            let knows = began.plus(REMEMBERED_MS);
            if knows > now.mono {
                self.wake(knows);
                return Over::Not;
            }
        }
        match seen_as_over(told, scene) {
            Some(ending) => Over::Yes(ending, String::new(), self.config.resolve_after_ms),
            None => Over::Not,
        }
    }

    /// What nobody who is there answers for any more is the first one's from now on. Nothing is sent for that.
    fn take_over(&mut self, scene: &Scene<'_>, place: &Place, now: Now) {
        if !place.first || !place.whole {
            return;
        }
        let own = self.config.node.clone();
        // Who is behind, and who is there and up to date.
        let mut behind = BTreeSet::new();
        let mut kept = BTreeSet::new();
        for (writer, value) in &scene.values {
            let there = scene.nodes.get(writer).is_some_and(|seen| seen.online);
            for entry in &value.entries {
                let Some(known) = self.known.get(&entry.key) else { continue };
                if entry.turn < known.entry.turn {
                    behind.insert(entry.key.clone());
                } else if there && *writer != own {
                    kept.insert(entry.key.clone());
                }
            }
        }
        let free: Vec<_> = self
            .known
            .values()
            .filter(|known| known.entry.delivered && !kept.contains(&known.entry.key))
            .filter(|known| known.entry.state == AlertState::Firing || behind.contains(&known.entry.key))
            .filter(|known| {
                self.own.get(&known.entry.key).is_none_or(|own| own.entry.turn < known.entry.turn)
            })
            .map(|known| known.entry.clone())
            .collect();
        for entry in free {
            let taken = Own { entry: entry.clone(), message: None, in_hand: false, at: now.mono };
            self.own.insert(entry.key.clone(), taken);
            if let Some(known) = self.known.get_mut(&entry.key) {
                known.by = own.clone();
            }
        }
    }

    /// What is over, and was heard by all who are there, need not be remembered for ever.
    fn forget(&mut self, scene: &Scene<'_>, now: Now) {
        let mut behind = BTreeSet::new();
        for (writer, value) in &scene.values {
            for entry in value.entries.iter().filter(|_| *writer != self.config.node) {
                let older = self.known.get(&entry.key).is_some_and(|known| entry.turn < known.entry.turn);
                if older {
                    behind.insert(&entry.key);
                }
            }
        }
        self.own.retain(|key, own| {
            own.entry.state == AlertState::Firing
                || !own.entry.delivered
                || behind.contains(key)
                || now.mono.since(own.at) < RESOLVED_TOLD_MS
        });
        let kept = &self.own;
        self.known.retain(|key, known| {
            known.entry.state == AlertState::Firing
                || kept.contains_key(key)
                || now.mono.since(known.heard) < RESOLVED_KNOWN_MS
        });
    }

    /// What others should know, and what sinks should hear again.
    fn tell(&mut self, now: Now, effects: &mut Vec<AlertEffect>) {
        let entries: Vec<AlertEntry> = self.own.values().map(|own| own.entry.clone()).collect();
        let same =
            self.told.as_ref().is_some_and(|told| told.entries == entries && told.failing == self.failing);
        let nothing_yet = self.told.is_none() && entries.is_empty() && self.failing.is_empty();
        if !same && !nothing_yet {
            self.seq += 1;
            let value = AlertsValue {
                node: Some(self.config.node.as_str().to_owned()),
                instance: Some(self.config.instance),
                seq: Some(self.seq),
                time: Some(now.wall),
                entries,
                left_out: 0,
                failing: self.failing.clone(),
            };
            self.told = Some(value.clone());
            effects.push(AlertEffect::Tell(value));
        }
        let rejoined = self.began.map_or(MonoMs(u64::MAX), |began| began.plus(REJOIN_MS));
        if rejoined > now.mono && self.own.values().any(|own| own.message.is_none()) {
            self.wake(rejoined);
        }
        let firing: Vec<(AlertEntry, Option<Box<AlertMessage>>)> = self
            .own
            .values()
            .filter(|own| own.entry.state == AlertState::Firing)
            .filter(|own| own.message.is_some() || rejoined <= now.mono)
            .map(|own| (own.entry.clone(), own.message.clone()))
            .collect();
        let standing: Vec<AlertMessage> = firing
            .into_iter()
            .map(|(entry, message)| match message {
                Some(message) => AlertMessage { act: AlertAct::Firing, severity_before: None, ..*message },
                None => {
                    let at = Now { wall: entry.at, ..now };
                    self.message(&entry, AlertAct::Firing, None, at)
                }
            })
            .collect();
        if standing != self.standing {
            self.standing.clone_from(&standing);
            effects.push(AlertEffect::Standing(standing));
        }
    }

    fn entry_of(&self, finding: &Finding, key: AlertKey, turn: u64, partial: bool, now: Now) -> AlertEntry {
        let (luns, nodes) = extent(finding);
        AlertEntry {
            key,
            turn,
            state: AlertState::Firing,
            severity: finding.severity,
            since: finding.since.unwrap_or(now.wall),
            at: now.wall,
            delivered: false,
            partial,
            luns,
            nodes,
            summary: finding.summary.clone(),
        }
    }

    fn message(
        &self,
        entry: &AlertEntry,
        act: AlertAct,
        finding: Option<&Finding>,
        now: Now,
    ) -> AlertMessage {
        AlertMessage {
            key: entry.key.clone(),
            turn: entry.turn,
            act,
            severity: entry.severity,
            severity_before: None,
            summary: finding.map_or_else(|| entry.summary.clone(), |finding| finding.summary.clone()),
            evidence: finding.map(|finding| finding.evidence.clone()).unwrap_or_default(),
            advice: finding.map(|finding| finding.advice.clone()).unwrap_or_default(),
            since: entry.since,
            at: if act == AlertAct::Reminder { now.wall } else { entry.at },
            ending: None,
            partial: entry.partial,
            luns: entry.luns,
            nodes: entry.nodes.clone(),
            sender: self.config.node.clone(),
        }
    }

    fn say(&mut self, entry: AlertEntry, message: AlertMessage, now: Now, effects: &mut Vec<AlertEffect>) {
        let key = entry.key.clone();
        let own = self.config.node.clone();
        self.pending.remove(&key);
        self.known
            .insert(key.clone(), super::Known { entry: entry.clone(), by: own.clone(), heard: now.mono });
        let message = Box::new(message);
        self.own.insert(
            key,
            Own { entry: entry.clone(), message: Some(message.clone()), in_hand: true, at: now.mono },
        );
        effects.push(AlertEffect::Said(Box::new(entry), own));
        effects.push(AlertEffect::Send(message));
    }
}

/// LUNs and nodes that a finding touches.
fn extent(finding: &Finding) -> (u32, Vec<String>) {
    match (&finding.explains, &finding.scope.node) {
        (Some(explains), _) => {
            (explains.luns, explains.nodes.iter().take(NODES_MAX).map(ToString::to_string).collect())
        }
        (None, Some(node)) => (u32::from(finding.scope.wwid.is_some()), vec![node.to_string()]),
        (None, None) => (u32::from(finding.scope.wwid.is_some()), Vec::new()),
    }
}

/// Whether those who could see that it is no longer so do see it. The view is whole.
fn seen_as_over(told: &AlertEntry, scene: &Scene<'_>) -> Option<Ending> {
    let key = &told.key;
    if scene.unknown.contains(key) {
        return None;
    }
    let of_luns = key.wwid.is_some() || key.object.is_some() || key.path.is_some();
    let of_luns = of_luns && !key.code.starts_with("NODE_") && key.code != Code::AlertsFailing.as_str();
    if let Some(node) = &key.node {
        let Some(seen) = scene.node(node) else { return Some(Ending::Removed) };
        // One LUN is looked at by itself; an adapter by all that run over it.
        let speaks = if of_luns { seen.sees_luns || (key.wwid.is_some() && seen.heard) } else { seen.heard };
        return (seen.member && speaks).then_some(Ending::Cleared);
    }
    if is_of_the_store(&key.code) {
        return Some(Ending::Cleared);
    }
    let touched: BTreeMap<&str, _> =
        told.nodes.iter().filter_map(|node| Some((node.as_str(), scene.node(node)?))).collect();
    if told.nodes.is_empty() {
        let all_speak = scene.nodes.values().filter(|seen| seen.online).all(|seen| seen.sees_luns);
        return all_speak.then_some(Ending::Cleared);
    }
    if touched.is_empty() {
        return Some(Ending::Removed);
    }
    let silent = touched.values().any(|seen| seen.online && !seen.sees_luns);
    let seen = touched.values().any(|seen| seen.sees_luns);
    (seen && !silent).then_some(Ending::Cleared)
}
