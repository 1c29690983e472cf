//! The small values beside the report: `multipath-node` (what a node is and does) and `multipath-apply` (its last
//! failed apply).
//!
//! Both are for people and for findings; no state of a LUN hangs on them.

use std::borrow::Cow;

use serde::Serialize;
use smol_str::SmolStr;

use crate::ids::{EpochS, Instance};
use crate::json::{JsonError, Scalar, Scanner};
use crate::local::{Adapter, Daemon};
use crate::report::{PartError, TEXT_BYTES_MAX};

/// The store's key of [`NodeValue`].
pub const NODE_KEY: &str = "multipath-node";
/// The store's key of [`ApplyError`].
pub const APPLY_KEY: &str = "multipath-apply";
/// A node value is never longer; adapters are dropped from the end until it is so.
pub const NODE_VALUE_BYTES_MAX: usize = 4_096;
/// An apply's error text is clipped to this.
pub const APPLY_ERROR_BYTES_MAX: usize = 2_048;

/// What multipathd did, as one word on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DaemonWord {
    /// It gave its maps, perhaps none.
    Running,
    /// multipath-tools is not installed.
    Absent,
    /// Installed, and no process runs.
    Stopped,
    /// It refuses the connection or the request.
    Refused,
    /// It took the connection and gave no maps.
    Hung,
    /// It is busy configuring.
    Reconfiguring,
    /// It answered with something that is no maps reply.
    Unreadable,
    /// A word that this program does not know, or none.
    Unknown,
}

impl DaemonWord {
    const ALL: [DaemonWord; 8] = [
        DaemonWord::Running,
        DaemonWord::Absent,
        DaemonWord::Stopped,
        DaemonWord::Refused,
        DaemonWord::Hung,
        DaemonWord::Reconfiguring,
        DaemonWord::Unreadable,
        DaemonWord::Unknown,
    ];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            DaemonWord::Running => "running",
            DaemonWord::Absent => "absent",
            DaemonWord::Stopped => "stopped",
            DaemonWord::Refused => "refused",
            DaemonWord::Hung => "hung",
            DaemonWord::Reconfiguring => "reconfiguring",
            DaemonWord::Unreadable => "unreadable",
            DaemonWord::Unknown => "unknown",
        }
    }

    /// Reads the word; any other is `Unknown`.
    pub fn parse(word: &str) -> Self {
        Self::ALL.into_iter().find(|w| w.as_str() == word).unwrap_or(DaemonWord::Unknown)
    }
}

impl From<&Daemon> for DaemonWord {
    fn from(daemon: &Daemon) -> Self {
        match daemon {
            Daemon::Answering { .. } => DaemonWord::Running,
            Daemon::Absent => DaemonWord::Absent,
            Daemon::Stopped => DaemonWord::Stopped,
            Daemon::Refused { .. } => DaemonWord::Refused,
            Daemon::Hung { .. } => DaemonWord::Hung,
            Daemon::Reconfiguring { .. } => DaemonWord::Reconfiguring,
            Daemon::Unreadable { .. } => DaemonWord::Unreadable,
        }
    }
}

/// The value `multipath-node`. Every field but `daemon` is optional for a reader: bad ones are as if absent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeValue {
    /// The node's name as it calls itself.
    pub node: Option<String>,
    /// The run of the agent.
    pub instance: Option<Instance>,
    /// The how-manieth node value of that run.
    pub seq: Option<u64>,
    /// The writer's wall clock.
    pub time: Option<EpochS>,
    /// Version of this program.
    pub version_pathkeeper: Option<String>,
    /// Version of multipath-tools.
    pub version_multipath_tools: Option<String>,
    /// SHA-1 hex of multipathd's effective configuration.
    pub config_digest: Option<String>,
    /// Release of the kernel.
    pub version_kernel: Option<String>,
    /// `observe` or `manage`.
    pub mode: Option<String>,
    /// What multipathd did at the last read.
    pub daemon: DaemonWord,
    /// Why, in words.
    pub daemon_why: Option<String>,
    /// Its process id.
    pub daemon_pid: Option<u32>,
    /// The kernel's boot id.
    pub boot_id: Option<String>,
    /// Number of maps at the last read.
    pub maps: Option<u32>,
    /// Host adapters.
    pub adapters: Vec<Adapter>,
    /// Adapters that found no room in the value.
    pub adapters_left_out: u32,
    /// Another program on the node writes its report, so this one does not: `pve` for Proxmox VE's own series.
    pub report_by: Option<String>,
    /// The node has used up what it may put into the store in a minute: it speaks less often for now.
    pub over_budget: bool,
    /// The node has just booted: so many LUNs that it carried before have no map yet and are reported `unknown`. Until its
    /// multipathd is first idle, two minutes at most.
    pub settling: u32,
}

/// The value `multipath-apply`: it is there while the node's last apply failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApplyError {
    /// What failed and why, in words.
    pub error: String,
    /// When, by the node's wall clock.
    pub time: Option<EpochS>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct WireNode<'a> {
    v: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<i64>,
    versions: WireVersions<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<Cow<'a, str>>,
    multipathd: WireDaemon<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_digest: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    boot_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maps: Option<u32>,
    adapters: Vec<WireAdapter<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    adapters_left_out: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_by: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    over_budget: bool,
    #[serde(skip_serializing_if = "is_zero")]
    settling: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct WireVersions<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pathkeeper: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multipath_tools: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct WireDaemon<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct WireAdapter<'a> {
    name: Cow<'a, str>,
    transport: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fabric: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<Cow<'a, str>>,
    #[serde(serialize_with = "as_object", skip_serializing_if = "<[_]>::is_empty")]
    counters: &'a [(String, u64)],
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if hands out a reference")]
pub(crate) fn is_zero(n: &u32) -> bool {
    *n == 0
}

fn as_object<S: serde::Serializer>(counters: &[(String, u64)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(counters.iter().map(|(name, n)| (name, n)))
}

/// At most `max` bytes of a text, cut between characters, control characters as spaces: so its JSON is at most twice as long.
pub(crate) fn clip(text: &str, max: usize) -> Cow<'_, str> {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    if text.contains(|c: char| u32::from(c) < 0x20) {
        Cow::Owned(text.chars().map(|c| if u32::from(c) < 0x20 { ' ' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

fn clipped(text: Option<&String>, max: usize) -> Option<Cow<'_, str>> {
    text.map(|t| clip(t, max))
}

impl NodeValue {
    /// A value that says nothing but multipathd's word.
    pub fn of(daemon: DaemonWord) -> Self {
        Self {
            node: None,
            instance: None,
            seq: None,
            time: None,
            version_pathkeeper: None,
            version_multipath_tools: None,
            config_digest: None,
            version_kernel: None,
            mode: None,
            daemon,
            daemon_why: None,
            daemon_pid: None,
            boot_id: None,
            maps: None,
            adapters: Vec::new(),
            adapters_left_out: 0,
            report_by: None,
            over_budget: false,
            settling: 0,
        }
    }

    /// Writes the value in at most [`NODE_VALUE_BYTES_MAX`] bytes: texts are clipped, and adapters that find no room are
    /// dropped from the end and counted.
    pub fn encode(&self) -> Vec<u8> {
        const SHORT: usize = 64;
        let mut wire = WireNode {
            v: 1,
            node: clipped(self.node.as_ref(), TEXT_BYTES_MAX),
            instance: self.instance.map(|i| i.to_string()),
            seq: self.seq,
            time: self.time.map(|t| t.0.max(0)),
            versions: WireVersions {
                pathkeeper: clipped(self.version_pathkeeper.as_ref(), SHORT),
                multipath_tools: clipped(self.version_multipath_tools.as_ref(), SHORT),
                kernel: clipped(self.version_kernel.as_ref(), SHORT),
            },
            mode: clipped(self.mode.as_ref(), SHORT),
            multipathd: WireDaemon {
                state: self.daemon.as_str(),
                why: clipped(self.daemon_why.as_ref(), TEXT_BYTES_MAX),
                pid: self.daemon_pid,
            },
            config_digest: clipped(self.config_digest.as_ref(), SHORT),
            boot_id: clipped(self.boot_id.as_ref(), SHORT),
            maps: self.maps,
            adapters: Vec::new(),
            adapters_left_out: u32::MAX,
            report_by: clipped(self.report_by.as_ref(), SHORT),
            over_budget: self.over_budget,
            settling: self.settling,
        };
        // With no adapter and the longest count this is the least that the value takes; each adapter adds itself and a comma.
        let mut used = to_json(&wire).len();
        for adapter in &self.adapters {
            let one = WireAdapter {
                name: clip(&adapter.name, TEXT_BYTES_MAX),
                transport: clip(&adapter.transport, TEXT_BYTES_MAX),
                port_name: clipped(adapter.port_name.as_ref(), TEXT_BYTES_MAX),
                fabric: clipped(adapter.fabric.as_ref(), TEXT_BYTES_MAX),
                link: clipped(adapter.link.as_ref(), TEXT_BYTES_MAX),
                speed: clipped(adapter.speed.as_ref(), TEXT_BYTES_MAX),
                counters: &adapter.counters,
            };
            let len = to_json(&one).len() + 1;
            if used + len > NODE_VALUE_BYTES_MAX {
                break;
            }
            used += len;
            wire.adapters.push(one);
        }
        let dropped = self.adapters.len() - wire.adapters.len();
        wire.adapters_left_out =
            u32::try_from(dropped).unwrap_or(u32::MAX).saturating_add(self.adapters_left_out);
        to_json(&wire)
    }

    /// Reads a value. A NUL and what follows it is cut; unknown keys and bad fields are as if absent, of duplicate keys
    /// the last counts; an adapter that is no object or has no name is left out and counted.
    ///
    /// # Errors
    /// If the value is no JSON object.
    pub fn decode(value: &[u8]) -> Result<Self, PartError> {
        let mut node = NodeValue::of(DaemonWord::Unknown);
        read_object(value, |key, scan| {
            match key {
                "node" => node.node = text(scan)?,
                "instance" => node.instance = text(scan)?.as_deref().and_then(Instance::parse),
                "seq" => node.seq = unsigned(scan)?,
                "time" => node.time = epoch(scan)?,
                "mode" => node.mode = text(scan)?,
                "config-digest" => node.config_digest = text(scan)?,
                "boot-id" => node.boot_id = text(scan)?,
                "maps" => node.maps = small(scan)?,
                "adapters-left-out" => {
                    node.adapters_left_out = node.adapters_left_out.saturating_add(small(scan)?.unwrap_or(0));
                }
                "report-by" => node.report_by = text(scan)?.filter(|by| !by.is_empty()),
                "settling" => node.settling = small(scan)?.unwrap_or(0),
                "over-budget" => node.over_budget = matches!(scan.value()?, Scalar::Bool(true)),
                "versions" => members(scan, |key, scan| {
                    match key {
                        "pathkeeper" => node.version_pathkeeper = text(scan)?,
                        "multipath-tools" => node.version_multipath_tools = text(scan)?,
                        "kernel" => node.version_kernel = text(scan)?,
                        _ => scan.skip()?,
                    }
                    Ok(())
                })?,
                "multipathd" => members(scan, |key, scan| {
                    match key {
                        "state" => {
                            node.daemon =
                                text(scan)?.map_or(DaemonWord::Unknown, |word| DaemonWord::parse(&word));
                        }
                        "why" => node.daemon_why = text(scan)?,
                        "pid" => node.daemon_pid = small(scan)?,
                        _ => scan.skip()?,
                    }
                    Ok(())
                })?,
                "adapters" => read_adapters(scan, &mut node)?,
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        Ok(node)
    }
}

impl ApplyError {
    /// Writes the value; the text is clipped to [`APPLY_ERROR_BYTES_MAX`].
    pub fn encode(&self) -> Vec<u8> {
        #[derive(Serialize)]
        struct Wire<'a> {
            error: Cow<'a, str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            time: Option<i64>,
        }
        to_json(&Wire {
            error: clip(&self.error, APPLY_ERROR_BYTES_MAX),
            time: self.time.map(|t| t.0.max(0)),
        })
    }

    /// Reads a value; a NUL and what follows it is cut. A value without a text still says that an apply failed.
    ///
    /// # Errors
    /// If the value is no JSON object.
    pub fn decode(value: &[u8]) -> Result<Self, PartError> {
        let mut apply = ApplyError { error: String::new(), time: None };
        read_object(value, |key, scan| {
            match key {
                "error" => {
                    apply.error = match scan.value()? {
                        Scalar::Text(text) => clip(&text, APPLY_ERROR_BYTES_MAX).into_owned(),
                        _ => String::new(),
                    };
                }
                "time" => apply.time = epoch(scan)?,
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        if apply.error.is_empty() {
            "the node's last apply failed and it gave no reason".clone_into(&mut apply.error);
        }
        Ok(apply)
    }
}

pub(crate) fn to_json(wire: &impl Serialize) -> Vec<u8> {
    // Plain fields into memory: there is no way to fail. Were there one, an empty value is read as unusable.
    serde_json::to_vec(wire).unwrap_or_default()
}

pub(crate) type Read<T> = Result<T, JsonError>;

pub(crate) fn read_object<'a>(
    value: &'a [u8],
    mut member: impl FnMut(&str, &mut Scanner<'a>) -> Read<()>,
) -> Result<(), PartError> {
    let value = value.split(|&b| b == 0).next().unwrap_or_default();
    let text = std::str::from_utf8(value).map_err(|e| PartError::NotText { at: e.valid_up_to() })?;
    let mut scan = Scanner::new(text);
    if scan.peek() != Some(b'{') {
        let kind = scan.value()?.kind();
        scan.end()?;
        return Err(PartError::NotObject { kind });
    }
    members(&mut scan, &mut member)?;
    scan.end()?;
    Ok(())
}

/// Goes through the members of an object; anything else is skipped.
pub(crate) fn members<'a>(
    scan: &mut Scanner<'a>,
    mut member: impl FnMut(&str, &mut Scanner<'a>) -> Read<()>,
) -> Read<()> {
    if !scan.open_object() {
        return scan.skip();
    }
    let mut first = true;
    while let Some(key) = scan.next_key(&mut first)? {
        member(&key, scan)?;
    }
    Ok(())
}

pub(crate) fn text(scan: &mut Scanner<'_>) -> Read<Option<String>> {
    Ok(bounded_text(scan)?.map(Cow::into_owned))
}

/// The same, for texts that are mostly short.
pub(crate) fn short_text(scan: &mut Scanner<'_>) -> Read<Option<SmolStr>> {
    Ok(bounded_text(scan)?.map(SmolStr::from))
}

fn bounded_text<'a>(scan: &mut Scanner<'a>) -> Read<Option<Cow<'a, str>>> {
    Ok(match scan.value()? {
        Scalar::Text(text) if text.len() <= TEXT_BYTES_MAX => Some(text),
        _ => None,
    })
}

pub(crate) fn unsigned(scan: &mut Scanner<'_>) -> Read<Option<u64>> {
    Ok(match scan.value()? {
        Scalar::Unsigned(n) => Some(n),
        _ => None,
    })
}

pub(crate) fn small(scan: &mut Scanner<'_>) -> Read<Option<u32>> {
    Ok(unsigned(scan)?.and_then(|n| u32::try_from(n).ok()))
}

pub(crate) fn epoch(scan: &mut Scanner<'_>) -> Read<Option<EpochS>> {
    Ok(unsigned(scan)?.and_then(|n| i64::try_from(n).ok()).map(EpochS))
}

fn read_adapters(scan: &mut Scanner<'_>, node: &mut NodeValue) -> Read<()> {
    node.adapters.clear();
    if !scan.open_array() {
        return scan.skip();
    }
    let mut first = true;
    while scan.next_item(&mut first)? {
        let mut adapter = Adapter {
            name: String::new(),
            transport: String::new(),
            port_name: None,
            fabric: None,
            link: None,
            speed: None,
            counters: Vec::new(),
        };
        members(scan, |key, scan| {
            match key {
                "name" => adapter.name = text(scan)?.unwrap_or_default(),
                "transport" => adapter.transport = text(scan)?.unwrap_or_default(),
                "port-name" => adapter.port_name = text(scan)?,
                "fabric" => adapter.fabric = text(scan)?,
                "link" => adapter.link = text(scan)?,
                "speed" => adapter.speed = text(scan)?,
                "counters" => {
                    adapter.counters.clear();
                    members(scan, |name, scan| {
                        if let Some(n) = unsigned(scan)? {
                            adapter.counters.push((name.to_owned(), n));
                        }
                        Ok(())
                    })?;
                }
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        if adapter.name.is_empty() {
            node.adapters_left_out = node.adapters_left_out.saturating_add(1);
        } else {
            node.adapters.push(adapter);
        }
    }
    Ok(())
}
