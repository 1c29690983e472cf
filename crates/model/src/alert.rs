//! Alerts: what agents tell people outside, and the value `multipath-alerts` in which each says what it has told.
//!
//! There is no leader: whoever is about to send looks into everybody's value, and what stands there is not sent again. Each
//! alert bears a `turn` that grows with each thing that is said of it (firing, an update, resolved, firing again), so the
//! newest word is the one with the highest turn, whatever anybody's clock says.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::finding::{Fingerprint, Severity};
use crate::ids::{EpochS, Instance, NodeName};
use crate::json::{Scalar, Scanner};
use crate::node_value::{Read, clip, epoch, is_zero, members, read_object, small, text, to_json, unsigned};
use crate::report::{PartError, TEXT_BYTES_MAX};

/// The store's key of [`AlertsValue`].
pub const ALERTS_KEY: &str = "multipath-alerts";
/// The value is never longer: words go first, then what is resolved, then what is least severe and oldest.
pub const ALERTS_BYTES_MAX: usize = 8_192;
/// No more alerts than this are read from one value.
pub const ENTRIES_MAX: usize = 256;
/// An alert's words in the value.
pub const SUMMARY_BYTES_MAX: usize = 160;
/// Nodes of one alert in the value.
pub const NODES_MAX: usize = 8;
/// Sinks in trouble in the value.
pub const FAILING_MAX: usize = 8;

/// What an alert is about: a finding's fingerprint, in texts, since a peer of another version may know other codes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct AlertKey {
    /// The finding's code.
    pub code: String,
    /// Its node.
    pub node: Option<String>,
    /// Its LUN.
    pub wwid: Option<String>,
    /// Its path.
    pub path: Option<String>,
    /// Its object.
    pub object: Option<String>,
}

impl From<&Fingerprint> for AlertKey {
    fn from(of: &Fingerprint) -> Self {
        let owned = |text: &String| clip(text, TEXT_BYTES_MAX).into_owned();
        Self {
            code: of.code.as_str().to_owned(),
            node: of.scope.node.as_ref().map(|node| clip(node.as_str(), TEXT_BYTES_MAX).into_owned()),
            wwid: of.scope.wwid.as_ref().map(|wwid| clip(wwid.as_str(), TEXT_BYTES_MAX).into_owned()),
            path: of.scope.path.as_ref().map(owned),
            object: of.scope.object.as_ref().map(owned),
        }
    }
}

/// As a [`Fingerprint`]: `HBA_DOWN pve2/host7`.
impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        let parts = [&self.node, &self.wwid, &self.path, &self.object];
        for (part, before) in
            parts.into_iter().flatten().zip(std::iter::once(" ").chain(std::iter::repeat("/")))
        {
            write!(f, "{before}{part}")?;
        }
        Ok(())
    }
}

/// Whether an alert stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AlertState {
    /// It is over, and that was said.
    Resolved,
    /// It stands.
    Firing,
}

impl AlertState {
    /// `firing`, `resolved`.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Firing => "firing",
            AlertState::Resolved => "resolved",
        }
    }
}

/// What was said last of one alert.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlertEntry {
    /// About what.
    pub key: AlertKey,
    /// The how-manieth word about it this is, from 1.
    pub turn: u64,
    /// What was said.
    pub state: AlertState,
    /// How bad it was said to be.
    pub severity: Severity,
    /// Since when it stands, by the clock of whoever said it.
    pub since: EpochS,
    /// When it was said, by the same clock.
    pub at: EpochS,
    /// A sink has taken it. Until then it is only meant to be sent.
    pub delivered: bool,
    /// Whoever said it did not see the whole cluster.
    pub partial: bool,
    /// LUNs that it touched.
    pub luns: u32,
    /// Nodes that it touched, at most [`NODES_MAX`] of them.
    pub nodes: Vec<String>,
    /// Its words; may be empty where there was no room.
    pub summary: String,
}

/// A sink that does not take what it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailingSink {
    /// Its name in the settings.
    pub sink: String,
    /// Since when.
    pub since: EpochS,
    /// Why, in words without anything secret.
    pub why: String,
}

/// The value `multipath-alerts`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AlertsValue {
    /// The node's name as it calls itself.
    pub node: Option<String>,
    /// The run of the agent.
    pub instance: Option<Instance>,
    /// The how-manieth value of that run.
    pub seq: Option<u64>,
    /// The writer's wall clock.
    pub time: Option<EpochS>,
    /// What it has said and answers for.
    pub entries: Vec<AlertEntry>,
    /// Alerts that found no room.
    pub left_out: u32,
    /// Its sinks that are in trouble.
    pub failing: Vec<FailingSink>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Wire<'a> {
    v: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failing: Vec<WireFailing<'a>>,
    entries: Vec<WireEntry<'a>>,
    left_out: u32,
}

#[derive(Serialize)]
struct WireFailing<'a> {
    sink: Cow<'a, str>,
    since: i64,
    why: Cow<'a, str>,
}

#[derive(Serialize)]
struct WireEntry<'a> {
    code: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wwid: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Cow<'a, str>>,
    turn: u64,
    state: &'static str,
    severity: &'static str,
    since: i64,
    at: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sending: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
    #[serde(skip_serializing_if = "is_zero")]
    luns: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    summary: Cow<'a, str>,
}

impl AlertEntry {
    fn wire(&self, with_words: bool) -> WireEntry<'_> {
        fn part(text: Option<&String>) -> Option<Cow<'_, str>> {
            text.map(|text| clip(text, TEXT_BYTES_MAX))
        }
        let key = &self.key;
        WireEntry {
            code: clip(&key.code, TEXT_BYTES_MAX),
            node: part(key.node.as_ref()),
            wwid: part(key.wwid.as_ref()),
            path: part(key.path.as_ref()),
            object: part(key.object.as_ref()),
            turn: self.turn,
            state: self.state.as_str(),
            severity: self.severity.as_str(),
            since: self.since.0.max(0),
            at: self.at.0.max(0),
            sending: !self.delivered,
            partial: self.partial,
            luns: self.luns,
            nodes: match self.nodes.as_slice() {
                [only] if Some(only) == key.node.as_ref() => Vec::new(),
                nodes => nodes.iter().take(NODES_MAX).map(|node| clip(node, TEXT_BYTES_MAX)).collect(),
            },
            summary: if with_words { clip(&self.summary, SUMMARY_BYTES_MAX) } else { Cow::Borrowed("") },
        }
    }

    /// What is to be kept when not all can be: it stands, it is bad, it is new.
    fn weight(&self) -> (AlertState, Severity, EpochS) {
        (self.state, self.severity, self.at)
    }
}

impl AlertsValue {
    /// Writes the value in at most [`ALERTS_BYTES_MAX`] bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut order: Vec<&AlertEntry> = self.entries.iter().collect();
        order.sort_by(|a, b| b.weight().cmp(&a.weight()).then_with(|| a.key.cmp(&b.key)));
        let whole = self.write(&order, order.len());
        if whole.1 == 0 {
            return whole.0;
        }
        // Words can be had from the findings; that it was told cannot.
        self.write(&order, 0).0
    }

    /// The value with as many entries as find room, the first `worded` of them with their words; and how many found none.
    fn write(&self, order: &[&AlertEntry], worded: usize) -> (Vec<u8>, usize) {
        let mut wire = Wire {
            v: 1,
            node: self.node.as_ref().map(|node| clip(node, TEXT_BYTES_MAX)),
            instance: self.instance.map(|instance| instance.to_string()),
            seq: self.seq,
            time: self.time.map(|time| time.0.max(0)),
            failing: self
                .failing
                .iter()
                .take(FAILING_MAX)
                .map(|failing| WireFailing {
                    sink: clip(&failing.sink, 63),
                    since: failing.since.0.max(0),
                    why: clip(&failing.why, 120),
                })
                .collect(),
            entries: Vec::new(),
            left_out: u32::MAX,
        };
        let mut used = to_json(&wire).len();
        for (at, entry) in order.iter().take(ENTRIES_MAX).enumerate() {
            let one = entry.wire(at < worded);
            let len = to_json(&one).len() + 1;
            if used + len > ALERTS_BYTES_MAX {
                break;
            }
            used += len;
            wire.entries.push(one);
        }
        let left_out = order.len() - wire.entries.len();
        wire.left_out = u32::try_from(left_out).unwrap_or(u32::MAX).saturating_add(self.left_out);
        (to_json(&wire), left_out)
    }

    /// Reads a value. A NUL and what follows it is cut; unknown keys are ignored; an entry that lacks its code, turn, state or
    /// severity is left out and counted, as is one that is there twice, the one with the lower turn.
    ///
    /// # Errors
    /// If the value is no JSON object.
    pub fn decode(value: &[u8]) -> Result<Self, PartError> {
        let mut alerts = AlertsValue::default();
        read_object(value, |key, scan| {
            match key {
                "node" => alerts.node = text(scan)?,
                "instance" => alerts.instance = text(scan)?.as_deref().and_then(Instance::parse),
                "seq" => alerts.seq = unsigned(scan)?,
                "time" => alerts.time = epoch(scan)?,
                "left-out" => alerts.left_out = alerts.left_out.saturating_add(small(scan)?.unwrap_or(0)),
                "failing" => read_failing(scan, &mut alerts)?,
                "entries" => read_entries(scan, &mut alerts)?,
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        alerts.entries.sort_by(|a, b| a.key.cmp(&b.key).then(b.turn.cmp(&a.turn)));
        let mut seen = BTreeSet::new();
        let before = alerts.entries.len();
        alerts.entries.retain(|entry| seen.insert(entry.key.clone()));
        let twice = u32::try_from(before - alerts.entries.len()).unwrap_or(u32::MAX);
        alerts.left_out = alerts.left_out.saturating_add(twice);
        Ok(alerts)
    }
}

fn flag(scan: &mut Scanner<'_>) -> Read<bool> {
    Ok(matches!(scan.value()?, Scalar::Bool(true)))
}

fn read_failing(scan: &mut Scanner<'_>, alerts: &mut AlertsValue) -> Read<()> {
    alerts.failing.clear();
    if !scan.open_array() {
        return scan.skip();
    }
    let mut first = true;
    while scan.next_item(&mut first)? {
        let (mut sink, mut since, mut why) = (None, None, None);
        members(scan, |key, scan| {
            match key {
                "sink" => sink = text(scan)?.filter(|name| !name.is_empty()),
                "since" => since = epoch(scan)?,
                "why" => why = text(scan)?,
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        if let Some(sink) = sink.filter(|_| alerts.failing.len() < FAILING_MAX) {
            let (since, why) = (since.unwrap_or(EpochS(0)), why.unwrap_or_default());
            alerts.failing.push(FailingSink { sink, since, why });
        }
    }
    Ok(())
}

fn read_entries(scan: &mut Scanner<'_>, alerts: &mut AlertsValue) -> Read<()> {
    alerts.entries.clear();
    if !scan.open_array() {
        return scan.skip();
    }
    let mut first = true;
    while scan.next_item(&mut first)? {
        match read_entry(scan)?.filter(|_| alerts.entries.len() < ENTRIES_MAX) {
            Some(entry) => alerts.entries.push(entry),
            None => alerts.left_out = alerts.left_out.saturating_add(1),
        }
    }
    Ok(())
}

fn read_entry(scan: &mut Scanner<'_>) -> Read<Option<AlertEntry>> {
    let mut key = AlertKey::default();
    let (mut turn, mut state, mut severity) = (None, None, None);
    let mut entry = AlertEntry {
        key: AlertKey::default(),
        turn: 0,
        state: AlertState::Resolved,
        severity: Severity::Info,
        since: EpochS(0),
        at: EpochS(0),
        delivered: true,
        partial: false,
        luns: 0,
        nodes: Vec::new(),
        summary: String::new(),
    };
    members(scan, |name, scan| {
        match name {
            "code" => key.code = text(scan)?.unwrap_or_default(),
            "node" => key.node = text(scan)?,
            "wwid" => key.wwid = text(scan)?,
            "path" => key.path = text(scan)?,
            "object" => key.object = text(scan)?,
            "turn" => turn = unsigned(scan)?.filter(|turn| *turn > 0),
            "state" => {
                state = match text(scan)?.as_deref() {
                    Some("firing") => Some(AlertState::Firing),
                    Some("resolved") => Some(AlertState::Resolved),
                    _ => None,
                };
            }
            "severity" => severity = text(scan)?.as_deref().and_then(Severity::parse),
            "since" => entry.since = epoch(scan)?.unwrap_or(EpochS(0)),
            "at" => entry.at = epoch(scan)?.unwrap_or(EpochS(0)),
            "sending" => entry.delivered = !flag(scan)?,
            "partial" => entry.partial = flag(scan)?,
            "luns" => entry.luns = small(scan)?.unwrap_or(0),
            "nodes" => {
                entry.nodes.clear();
                if !scan.open_array() {
                    return scan.skip();
                }
                let mut first = true;
                while scan.next_item(&mut first)? {
                    let node = text(scan)?.filter(|_| entry.nodes.len() < NODES_MAX);
                    entry.nodes.extend(node);
                }
            }
            "summary" => entry.summary = text(scan)?.unwrap_or_default(),
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    let (Some(turn), Some(state), Some(severity), false) = (turn, state, severity, key.code.is_empty())
    else {
        return Ok(None);
    };
    if entry.nodes.is_empty() {
        entry.nodes.extend(key.node.clone());
    }
    Ok(Some(AlertEntry { key, turn, state, severity, ..entry }))
}

/// What a message says of its alert.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AlertAct {
    /// It stands, from now on.
    Firing,
    /// It stands, and is worse or larger than it was said to be.
    Update,
    /// It still stands, and people wanted to be reminded.
    Reminder,
    /// It is over.
    Resolved,
}

impl AlertAct {
    /// `firing`, `update`, `reminder`, `resolved`.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertAct::Firing => "firing",
            AlertAct::Update => "update",
            AlertAct::Reminder => "reminder",
            AlertAct::Resolved => "resolved",
        }
    }
}

/// Why an alert is over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ending {
    /// It was seen, by a whole view, that it is no longer so.
    Cleared,
    /// Somebody muted it. It has NOT recovered.
    Muted,
    /// A maintenance window hides it. It has NOT recovered.
    Window,
    /// Another alert, which stands, explains it. It has NOT recovered.
    Explained,
    /// What it was about is no longer there to be looked at: a node that people removed from the cluster.
    Removed,
}

impl Ending {
    /// `cleared`, `muted`, `window`, `explained`, `removed`.
    pub fn as_str(self) -> &'static str {
        match self {
            Ending::Cleared => "cleared",
            Ending::Muted => "muted",
            Ending::Window => "window",
            Ending::Explained => "explained",
            Ending::Removed => "removed",
        }
    }
}

/// One message for people outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlertMessage {
    /// About what.
    pub key: AlertKey,
    /// As in [`AlertEntry::turn`].
    pub turn: u64,
    /// What it says.
    pub act: AlertAct,
    /// How bad it is said to be.
    pub severity: Severity,
    /// How bad it was said to be before, where that differs.
    pub severity_before: Option<Severity>,
    /// One line for a person.
    pub summary: String,
    /// What was seen, one line each.
    pub evidence: Vec<String>,
    /// What to do next, one line each.
    pub advice: Vec<String>,
    /// Since when it stands.
    pub since: EpochS,
    /// When this is said.
    pub at: EpochS,
    /// Why it is over, and more of that in words; of [`AlertAct::Resolved`] alone.
    pub ending: Option<(Ending, String)>,
    /// The sender does not see the whole cluster.
    pub partial: bool,
    /// LUNs that it touches.
    pub luns: u32,
    /// Nodes that it touches.
    pub nodes: Vec<String>,
    /// Who sends it.
    pub sender: NodeName,
}

/// The same thing said of one alert by several nodes, the newest first: what stands.
pub fn newer(a: &AlertEntry, than: &AlertEntry) -> bool {
    // Of two that were said at once, beyond each other's sight, the one that still stands is the safe one.
    (a.turn, a.state, a.delivered) > (than.turn, than.state, than.delivered)
}
