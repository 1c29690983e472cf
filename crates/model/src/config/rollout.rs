//! Who applies a configuration, and when: the document `pathkeeper/rollout`, the value `multipath-config`, and the turns.
//!
//! There is no leader. Each node decides for itself, from what all of them say, whether it is its turn: [`turn`] is a pure
//! function. One node goes first and alone, the canary; the others follow, three at a time, when it has verified. Nobody
//! follows a failure. A node says `applying` and reads that back from the store, with everything that was said before
//! it, before it touches a file: of two that believe that they go first, at least one then sees the other.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::Confirmed;
use crate::detail::Head;
use crate::ids::{EpochS, NodeName, Wwid};
use crate::json::{Scalar, Scanner};
use crate::node_value::{APPLY_ERROR_BYTES_MAX, Read, clip, epoch, members, read_object, text, unsigned};
use crate::report::PartError;
use crate::shell::Writer;

/// The rollout's document in the store.
pub const ROLLOUT_DOCUMENT: &str = "pathkeeper/rollout";
/// The store's key of [`Applied`].
pub const CONFIG_KEY: &str = "multipath-config";
/// So many nodes work at a time behind the canary.
pub const AT_ONCE_MAX: usize = 3;
/// More names than this are not read in one list.
const NODES_MAX: usize = 4_096;
const LUNS_MAX: usize = 16_384;

/// What people want of a rollout.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Course {
    /// It goes on.
    Running,
    /// Nobody begins; who is at work ends it.
    Paused,
    /// It is over. What was before comes back as a generation of its own.
    Aborted,
}

impl Course {
    const ALL: [Course; 3] = [Course::Running, Course::Paused, Course::Aborted];

    /// `running`, `paused`, `aborted`.
    pub fn as_str(self) -> &'static str {
        match self {
            Course::Running => "running",
            Course::Paused => "paused",
            Course::Aborted => "aborted",
        }
    }
}

/// A rollout. Every field but `generation` and the course may be absent for a reader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rollout {
    /// Grows with each rollout.
    pub generation: u64,
    /// Digest of `multipath.cfg` that is rolled out.
    pub config: String,
    /// Digest of the overrides that are.
    pub overrides: String,
    /// What people want of it.
    pub course: Course,
    /// Who goes first, where somebody chose.
    pub canary: Option<NodeName>,
    /// Nodes that do not hold for failed paths.
    pub force: BTreeSet<NodeName>,
    /// Nodes whose unknown end, or failure, somebody looked at and took for over, each with the `since` of what it said then:
    /// that holds up nobody any more. What goes wrong there later does again.
    pub resumed: BTreeMap<NodeName, Option<EpochS>>,
    /// Who started it.
    pub by: String,
    /// When, by the clock of the node that took it.
    pub time: Option<EpochS>,
    /// Both digests that were in force before.
    pub previous: Option<(String, String)>,
    /// It is for this node alone (`config apply --node`).
    pub only: Option<NodeName>,
    /// What they agreed to who started it: what a node would do beyond it is refused there.
    pub confirmed: Confirmed,
}

/// How far a node is with a generation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Progress {
    /// It had that configuration already.
    Current,
    /// Its turn has not come.
    Waiting,
    /// It would have to reconfigure while a path is down.
    Held,
    /// It is at work, or was when it was last heard of.
    Applying,
    /// Done, and seen to be right.
    Verified,
    /// It went wrong, and is not as before.
    Failed,
    /// It went wrong, and is as before.
    RolledBack,
    /// It observes, has no multipath-tools, or has nothing to do with any LUN.
    NotApplicable,
}

impl Progress {
    const ALL: [Progress; 8] = [
        Progress::Current,
        Progress::Waiting,
        Progress::Held,
        Progress::Applying,
        Progress::Verified,
        Progress::Failed,
        Progress::RolledBack,
        Progress::NotApplicable,
    ];

    /// The word on the wire: `current`, `waiting`, `held`, `applying`, `verified`, `failed`, `rolled-back`, `not-applicable`.
    pub fn as_str(self) -> &'static str {
        match self {
            Progress::Current => "current",
            Progress::Waiting => "waiting",
            Progress::Held => "held",
            Progress::Applying => "applying",
            Progress::Verified => "verified",
            Progress::Failed => "failed",
            Progress::RolledBack => "rolled-back",
            Progress::NotApplicable => "not-applicable",
        }
    }

    /// Whether the configuration of that generation is in force there, and was seen to be.
    pub fn is_done(self) -> bool {
        matches!(self, Progress::Current | Progress::Verified)
    }

    /// Whether it went wrong.
    pub fn is_wrong(self) -> bool {
        matches!(self, Progress::Failed | Progress::RolledBack)
    }
}

/// The value `multipath-config`: what a node made of the newest rollout that it knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Applied {
    /// Which one; 0 = none yet.
    pub generation: u64,
    /// How far it is.
    pub progress: Progress,
    /// SHA-1 hex of both drop-ins as they are in force.
    pub digest: Option<String>,
    /// Since when, its own wall clock.
    pub since: Option<EpochS>,
    /// Why, for people.
    pub why: Option<String>,
    /// What is in force there otherwise than it was applied, for people.
    pub drift: Option<String>,
}

impl Rollout {
    /// Writes the document. The same rollout always gives the same bytes.
    pub fn encode(&self) -> Vec<u8> {
        let previous = self.previous.as_ref().map(|(config, overrides)| {
            Writer::new().text("config", Some(config)).text("overrides", Some(overrides)).end()
        });
        let mut out = Writer::new()
            .raw("generation", &self.generation.to_string())
            .text("config", Some(&self.config))
            .text("overrides", Some(&self.overrides))
            .text("state", Some(self.course.as_str()))
            .text("canary", self.canary.as_ref().map(NodeName::as_str))
            .raw("force", &list(self.force.iter().map(NodeName::as_str)))
            .raw("resumed", &since_list(&self.resumed))
            .text("by", Some(&self.by))
            .epoch("time", self.time);
        if let Some(previous) = previous {
            out = out.raw("previous", &previous);
        }
        if let Some(only) = &self.only {
            out = out.text("only", Some(only.as_str()));
        }
        if self.confirmed != Confirmed::default() {
            out = out.raw("confirmed", &confirmed_text(&self.confirmed));
        }
        let mut bytes = out.end().into_bytes();
        bytes.push(b'\n');
        bytes
    }

    /// Whether somebody looked at what this node says now, and took it for over.
    fn is_settled(&self, node: &NodeName, peer: &Peer) -> bool {
        let since = peer.said.as_ref().map(|said| said.since);
        since.is_some() && self.resumed.get(node).copied() == since
    }

    /// Reads the document; `None` where there is none.
    ///
    /// # Errors
    /// In words. A rollout that cannot be understood moves nobody.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, String> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let (mut generation, mut course) = (None, None);
        let (mut config, mut overrides, mut canary, mut by) = (None, None, None, None);
        let (mut force, mut resumed) = (BTreeSet::new(), BTreeMap::new());
        let (mut time, mut previous) = (None, (None, None));
        let (mut only, mut confirmed) = (None, Confirmed::default());
        let read = read_object(bytes, |key, scan| {
            match key {
                "generation" => generation = unsigned(scan)?,
                "config" => config = text(scan)?,
                "overrides" => overrides = text(scan)?,
                "state" => course = text(scan)?,
                "canary" => canary = text(scan)?,
                "force" => force = names(scan, NODES_MAX, NodeName::new)?,
                "resumed" => members(scan, |node, scan| {
                    let since = epoch(scan)?;
                    if let Some(node) = NodeName::new(node).filter(|_| resumed.len() < NODES_MAX) {
                        resumed.insert(node, since);
                    }
                    Ok(())
                })?,
                "by" => by = text(scan)?,
                "time" => time = epoch(scan)?,
                // A name that is none is no node of ours: then it is for nobody, rather than for all.
                "only" => only = text(scan)?,
                "confirmed" => confirmed = read_confirmed(scan)?,
                "previous" => members(scan, |key, scan| {
                    match key {
                        "config" => previous.0 = text(scan)?,
                        "overrides" => previous.1 = text(scan)?,
                        _ => scan.skip()?,
                    }
                    Ok(())
                })?,
                _ => scan.skip()?,
            }
            Ok(())
        });
        read.map_err(|e| e.to_string())?;
        let generation = generation.filter(|n| *n > 0).ok_or("it bears no generation")?;
        let course = course.ok_or("it does not say whether it runs")?;
        let known = Course::ALL.into_iter().find(|of| of.as_str() == course);
        let course = known.ok_or_else(|| format!("{course:?} is nothing that a rollout does"))?;
        let (config, overrides) = config.zip(overrides).ok_or("it does not say what is rolled out")?;
        let only = only.map(|name| NodeName::new(&name).ok_or(format!("{name:?} is no node"))).transpose()?;
        Ok(Some(Rollout {
            generation,
            config,
            overrides,
            course,
            canary: canary.as_deref().and_then(NodeName::new),
            force,
            resumed,
            by: by.unwrap_or_default(),
            time,
            previous: previous.0.zip(previous.1),
            only,
            confirmed,
        }))
    }
}

impl Applied {
    /// The same as others read it: what is too long is cut.
    #[must_use]
    pub fn clipped(self) -> Self {
        let clipped = |text: Option<String>| text.map(|text| clip(&text, APPLY_ERROR_BYTES_MAX).into_owned());
        Self { why: clipped(self.why), drift: clipped(self.drift), ..self }
    }

    /// Writes the value, which bears what all values do; what is too long is cut.
    pub fn encode(&self, head: &Head) -> Vec<u8> {
        let clipped = |text: &Option<String>| {
            text.as_deref().map(|text| clip(text, APPLY_ERROR_BYTES_MAX).into_owned())
        };
        let (why, drift) = (clipped(&self.why), clipped(&self.drift));
        Writer::new()
            .raw("v", "1")
            .text("node", Some(head.node.as_str()))
            .text("instance", Some(&head.stamp.instance.to_string()))
            .raw("seq", &head.stamp.seq.to_string())
            .epoch("time", Some(head.time))
            .raw("generation", &self.generation.to_string())
            .text("state", Some(self.progress.as_str()))
            .text("digest", self.digest.as_deref())
            .epoch("since", self.since)
            .text("why", why.as_deref())
            .text("drift", drift.as_deref())
            .end()
            .into_bytes()
    }

    /// Reads a value.
    ///
    /// # Errors
    /// If it is no JSON object. A word that nobody knows is [`Progress::Applying`]: whoever does something unknown may be
    /// at work.
    pub fn decode(value: &[u8]) -> Result<Self, PartError> {
        let mut applied = Applied {
            generation: 0,
            progress: Progress::Applying,
            digest: None,
            since: None,
            why: None,
            drift: None,
        };
        read_object(value, |key, scan| {
            match key {
                "generation" => applied.generation = unsigned(scan)?.unwrap_or(0),
                "state" => {
                    let word = text(scan)?;
                    let known = Progress::ALL.into_iter().find(|of| Some(of.as_str()) == word.as_deref());
                    applied.progress = known.unwrap_or(Progress::Applying);
                }
                "digest" => applied.digest = text(scan)?,
                "since" => applied.since = epoch(scan)?,
                "why" => applied.why = words(scan)?,
                "drift" => applied.drift = words(scan)?,
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        Ok(applied)
    }
}

fn words(scan: &mut Scanner<'_>) -> Read<Option<String>> {
    Ok(match scan.value()? {
        Scalar::Text(text) => Some(clip(&text, APPLY_ERROR_BYTES_MAX).into_owned()),
        _ => None,
    })
}

fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = vec![b'['];
    for (at, word) in words.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        crate::json::push_string(&mut out, word);
    }
    out.push(b']');
    // Every piece is text.
    String::from_utf8(out).unwrap_or_default()
}

fn since_list(nodes: &BTreeMap<NodeName, Option<EpochS>>) -> String {
    let write = |out: Writer, (node, since): (&NodeName, &Option<EpochS>)| match since {
        Some(_) => out.epoch(node.as_str(), *since),
        None => out.raw(node.as_str(), "null"),
    };
    nodes.iter().fold(Writer::new(), write).end()
}

/// A list of names, those that are none left out.
fn names<T: Ord>(scan: &mut Scanner<'_>, max: usize, name: impl Fn(&str) -> Option<T>) -> Read<BTreeSet<T>> {
    let mut out = BTreeSet::new();
    if !scan.open_array() {
        scan.skip()?;
        return Ok(out);
    }
    let mut first = true;
    while scan.next_item(&mut first)? {
        out.extend(text(scan)?.as_deref().and_then(&name).filter(|_| out.len() < max));
    }
    Ok(out)
}

fn confirmed_text(confirmed: &Confirmed) -> String {
    let wwids = |of: &BTreeSet<Wwid>| list(of.iter().map(Wwid::as_str));
    let in_use = if confirmed.rename_in_use { "true" } else { "false" };
    Writer::new()
        .raw("adopt", &wwids(&confirmed.adopt))
        .raw("remove", &wwids(&confirmed.remove))
        .raw("rename", &wwids(&confirmed.rename))
        .raw("rename-in-use", in_use)
        .end()
}

fn read_confirmed(scan: &mut Scanner<'_>) -> Read<Confirmed> {
    let mut out = Confirmed::default();
    members(scan, |key, scan| {
        match key {
            "adopt" => out.adopt = names(scan, LUNS_MAX, Wwid::new)?,
            "remove" => out.remove = names(scan, LUNS_MAX, Wwid::new)?,
            "rename" => out.rename = names(scan, LUNS_MAX, Wwid::new)?,
            "rename-in-use" => out.rename_in_use = scan.value()? == Scalar::Bool(true),
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    Ok(out)
}

/// One node, for those who ask whose turn it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// It is online.
    pub online: bool,
    /// It carries a LUN that this generation touches.
    pub touched: bool,
    /// What it said last.
    pub said: Option<Applied>,
}

impl Peer {
    /// How far it is with this generation; `None` = it has not spoken of it.
    pub fn progress(&self, generation: u64) -> Option<Progress> {
        self.said.as_ref().filter(|said| said.generation == generation).map(|said| said.progress)
    }

    /// It is there, has something to do and has neither done it nor given up: the order waits for it.
    fn is_to_come(&self, generation: u64) -> bool {
        let over = |of: Progress| {
            of.is_done() || of.is_wrong() || matches!(of, Progress::Held | Progress::NotApplicable)
        };
        self.online && !self.progress(generation).is_some_and(over)
    }

    /// It is at work on another generation: a newer one waits for that.
    fn works_on_another(&self, generation: u64) -> bool {
        self.said.as_ref().is_some_and(|of| of.generation != generation && of.progress == Progress::Applying)
    }
}

/// Whether a node may begin, and if not, why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Its turn has come: it says `applying`, reads that back, asks again, and begins.
    Begin,
    /// It waits, for this reason.
    Wait(Waits),
}

/// Why a node waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Waits {
    /// It does not see the whole cluster.
    Partial,
    /// Somebody paused the rollout, or ended it.
    Stopped(Course),
    /// It went wrong on this node: nobody follows until a person has looked.
    Wrong(NodeName, Progress),
    /// This node began and was not heard of again.
    Lost(NodeName),
    /// This node goes first, and has not verified.
    Canary(NodeName),
    /// No node that goes first is there.
    NobodyFirst,
    /// Nodes before it are still at work or to come.
    Order(Vec<NodeName>),
    /// A node works on another generation.
    Busy(NodeName),
    /// It is for that node alone.
    NotMeant(NodeName),
}

/// Whether it is this node's turn. `own` is applicable and not done; `peers` are all known nodes, it among them. `whole`: its
/// view is whole.
pub fn turn(own: &NodeName, rollout: &Rollout, peers: &BTreeMap<NodeName, Peer>, whole: bool) -> Turn {
    let generation = rollout.generation;
    if !whole {
        return Turn::Wait(Waits::Partial);
    }
    if rollout.course != Course::Running {
        return Turn::Wait(Waits::Stopped(rollout.course));
    }
    let unsettled = || peers.iter().filter(|(name, peer)| !rollout.is_settled(name, peer));
    for (name, peer) in unsettled() {
        match peer.progress(generation) {
            // This node's own failure too: nothing is tried a second time unless a person has looked.
            Some(wrong) if wrong.is_wrong() => return Turn::Wait(Waits::Wrong(name.clone(), wrong)),
            // Whether it is still at work, nobody can tell: its files may be half of the one and half of the other.
            Some(Progress::Applying) if !peer.online && name != own => {
                return Turn::Wait(Waits::Lost(name.clone()));
            }
            _ => {}
        }
    }
    let mut others = unsettled().filter(|(name, _)| *name != own);
    if let Some((name, _)) = others.clone().find(|(_, peer)| peer.works_on_another(generation)) {
        return Turn::Wait(Waits::Busy(name.clone()));
    }
    if let Some(only) = &rollout.only {
        return if only == own { Turn::Begin } else { Turn::Wait(Waits::NotMeant(only.clone())) };
    }
    let through = |peer: &Peer| peer.progress(generation) == Some(Progress::Verified);
    if !peers.values().any(through) {
        // Nobody went through yet: one goes alone.
        if let Some((name, _)) =
            others.find(|(_, peer)| peer.progress(generation) == Some(Progress::Applying))
        {
            return Turn::Wait(Waits::Canary(name.clone()));
        }
        return match first(own, rollout, peers) {
            Some(first) if first == own => Turn::Begin,
            Some(first) => Turn::Wait(Waits::Canary(first.clone())),
            None => Turn::Wait(Waits::NobodyFirst),
        };
    }
    let before: Vec<NodeName> = peers
        .iter()
        .take_while(|(name, _)| *name != own)
        .filter(|(_, peer)| peer.is_to_come(generation))
        .map(|(name, _)| name.clone())
        .collect();
    if before.len() < AT_ONCE_MAX { Turn::Begin } else { Turn::Wait(Waits::Order(before)) }
}

/// Who goes first while nobody has: whom somebody chose, else the first by name that carries what is touched, else the first.
fn first<'a>(
    own: &'a NodeName,
    rollout: &Rollout,
    peers: &'a BTreeMap<NodeName, Peer>,
) -> Option<&'a NodeName> {
    let generation = rollout.generation;
    if let Some(named) = &rollout.canary {
        // One that has nothing to do never verifies, and one whose failure was looked at does not go again: then it is as if
        // nobody had been chosen. For one that is held or offline the others wait, as somebody wanted.
        let of = peers.get_key_value(named).map(|(name, peer)| (name, peer.progress(generation)));
        match of {
            None => return None,
            Some((_, Some(of))) if of.is_done() || of.is_wrong() || of == Progress::NotApplicable => {}
            Some((name, _)) => return Some(name),
        }
    }
    let free = || peers.iter().filter(|(name, peer)| *name == own || peer.is_to_come(generation));
    free().find(|(_, peer)| peer.touched).or_else(|| free().next()).map(|(name, _)| name)
}

impl std::fmt::Display for Waits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Waits::Partial => f.write_str("this node does not see the whole cluster"),
            Waits::Stopped(course) => write!(f, "the rollout is {}", course.as_str()),
            Waits::Wrong(node, how) => write!(
                f,
                "it is {} on {node}: look there, then: pathkeeper config rollout resume, or abort",
                how.as_str()
            ),
            Waits::Lost(node) => write!(
                f,
                "{node} began and was not heard of again: look there, then: pathkeeper config rollout resume, or abort"
            ),
            Waits::Canary(node) => write!(f, "{node} goes first"),
            Waits::NobodyFirst => f.write_str("the node that is to go first is not there"),
            Waits::Order(nodes) => {
                let names: Vec<&str> = nodes.iter().take(AT_ONCE_MAX).map(NodeName::as_str).collect();
                write!(f, "{} go before", names.join(", "))
            }
            Waits::Busy(node) => write!(f, "{node} is still at work on another generation"),
            Waits::NotMeant(node) => {
                write!(f, "this generation is for {node} alone: pathkeeper config apply")
            }
        }
    }
}
