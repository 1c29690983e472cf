//! Scripts: what happens, one operation a line, with the time since the line before.
//!
//! ```text
//! # A cable is pulled, and put back after five seconds.
//! +2s    pve2 adapter host7 down
//! +5s    pve2 adapter host7 up
//! +500ms pve3 path vm-prod-01 2 fail        # up fail offline ghost shaky delete
//! +1s    pve3 lun 4 unmap                   # map unmap forget assemble suspend resume resize-map
//! +1s    pve4 multipathd hang               # start stop hang refuse reconfigure, slow 300ms
//! +1s    pve4 dies                          # dies returns
//! +1s    array port ctl1-0e down            # up down
//! +1s    array lun vm-prod-01 resize 750G
//! +1s    array lun vm-prod-01 queue 12      # on off, or a number of checks
//! +10s   array heal
//! ```
//!
//! A LUN is named by its alias, its WWID, or its number counted from 1; a path by its number from 1 or its disk (`sdk`).

use super::multipathd::Retry;
use super::ops::Op;
use super::san::{DaemonMode, PathSet, San};
use std::fmt;

/// One operation, and how long after the one before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Since the step before, milliseconds.
    pub after_ms: u64,
    /// What happens.
    pub op: Op,
}

/// A list of steps.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Script {
    /// In order.
    pub steps: Vec<Step>,
}

/// What is wrong with one line. The other lines are read all the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    /// What, for a person.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl Script {
    /// Most lines that are read.
    pub const LINES_MAX: usize = 10_000;
    /// Longest line, bytes.
    pub const LINE_BYTES_MAX: usize = 512;
    /// Longest wait before one step, milliseconds: an hour.
    pub const AFTER_MS_MAX: u64 = 3_600_000;

    /// Reads a script for one SAN. Never fails as a whole: every line that is no step becomes a problem.
    pub fn parse(text: &str, san: &San) -> (Script, Vec<Problem>) {
        let mut script = Script::default();
        let mut problems = Vec::new();
        for (i, line) in text.lines().enumerate() {
            let line_number = i + 1;
            let mut problem = |what: String| problems.push(Problem { line: line_number, what });
            if i == Self::LINES_MAX {
                problem(format!("a script has at most {} lines; the rest is not read", Self::LINES_MAX));
                break;
            }
            if line.len() > Self::LINE_BYTES_MAX {
                problem(format!("longer than {} bytes", Self::LINE_BYTES_MAX));
                continue;
            }
            let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            if words.is_empty() {
                continue;
            }
            match step(&words, san) {
                Ok(step) => script.steps.push(step),
                Err(what) => problem(what),
            }
        }
        (script, problems)
    }

    /// How long it takes from the first line to the last, milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.steps.iter().fold(0, |sum, s| sum.saturating_add(s.after_ms))
    }
}

fn step(words: &[&str], san: &San) -> Result<Step, String> {
    let (after, words) = match words.split_first() {
        Some((first, rest)) if first.starts_with('+') => (*first, rest),
        _ => return Err("begins with no time such as +5s".to_owned()),
    };
    let after_ms = duration(after.trim_start_matches('+'))
        .filter(|ms| *ms <= Script::AFTER_MS_MAX)
        .ok_or_else(|| format!("{after:?} is no time: write +500ms, +5s or +2m, an hour at most"))?;
    Ok(Step { after_ms, op: op(words, san)? })
}

fn duration(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_ms)
}

fn op(words: &[&str], san: &San) -> Result<Op, String> {
    match words {
        ["array", rest @ ..] => array_op(rest, san),
        [node, rest @ ..] => {
            let n = san.nodes.iter().position(|n| n.name.as_str() == *node).ok_or_else(|| {
                let last = san.nodes.last().map_or("", |n| n.name.as_str());
                format!("there is no node {node:?}; there are pve1 to {last}, and \"array\"")
            })?;
            node_op(n, rest, san)
        }
        [] => Err("nothing behind the time".to_owned()),
    }
}

fn array_op(words: &[&str], san: &San) -> Result<Op, String> {
    match words {
        ["heal"] => Ok(Op::Heal),
        ["port", port, to] => {
            let found = san.ports.iter().position(|p| p.name == *port);
            let port = found.ok_or_else(|| {
                let names: Vec<&str> = san.ports.iter().map(|p| p.name.as_str()).collect();
                format!("the array has no port {port:?}; it has {}", names.join(", "))
            })?;
            Ok(Op::Port { port, up: up(to)? })
        }
        ["lun", name, "resize", size] => {
            let size_bytes =
                bytes(size).ok_or_else(|| format!("{size:?} is no size: write 750G or 2T"))?;
            Ok(Op::ResizeLun { lun: lun(name, san)?, size_bytes })
        }
        ["lun", name, "queue", how] => {
            let retry = match *how {
                "on" => Retry::Queue,
                "off" => Retry::Fail,
                n => {
                    Retry::Checks(n.parse().ok().filter(|n| (1..=1000).contains(n)).ok_or_else(|| {
                        format!("{n:?} is neither on, off, nor a number of checks from 1 to 1000")
                    })?)
                }
            };
            Ok(Op::Retry { lun: lun(name, san)?, retry })
        }
        _ => Err("behind array comes: heal, port NAME up|down, lun LUN resize SIZE, or lun LUN queue on|off|CHECKS"
            .to_owned()),
    }
}

fn node_op(node: usize, words: &[&str], san: &San) -> Result<Op, String> {
    match words {
        ["dies"] => Ok(Op::Node { node, alive: false }),
        ["returns"] => Ok(Op::Node { node, alive: true }),
        ["adapter", name, to] => {
            let adapters = san.nodes.get(node).map(|n| n.adapters.as_slice()).unwrap_or_default();
            let adapter = adapters.iter().position(|a| a.name == *name).ok_or_else(|| {
                let names: Vec<&str> = adapters.iter().map(|a| a.name.as_str()).collect();
                format!("the node has no adapter {name:?}; it has {}", names.join(" and "))
            })?;
            Ok(Op::Adapter { node, adapter, up: up(to)? })
        }
        ["path", of, name, to] => {
            let lun = lun(of, san)?;
            let set = PathSet::parse(to).ok_or_else(|| {
                format!("{to:?} is nothing that a path can be: up, fail, offline, ghost, shaky or delete")
            })?;
            Ok(Op::Path { node, lun, path: path(node, lun, name, san)?, set })
        }
        ["lun", name, what] => {
            let lun = lun(name, san)?;
            Ok(match *what {
                "map" => Op::Mapping { node, lun, mapped: true },
                "unmap" => Op::Mapping { node, lun, mapped: false },
                "assemble" => Op::Assembly { node, lun, assembled: true },
                "forget" => Op::Assembly { node, lun, assembled: false },
                "suspend" => Op::Suspend { node, lun, suspended: true },
                "resume" => Op::Suspend { node, lun, suspended: false },
                "resize-map" => Op::ResizeMap { node, lun },
                _ => {
                    return Err(format!(
                        "{what:?} is nothing that a node's LUN can be told: map, unmap, assemble, forget, suspend, resume or resize-map"
                    ));
                }
            })
        }
        ["multipathd", rest @ ..] => {
            let mode = match rest {
                ["start"] => Some(DaemonMode::Running),
                ["stop"] => Some(DaemonMode::Stopped),
                ["hang"] => Some(DaemonMode::Hung),
                ["refuse"] => Some(DaemonMode::Refusing),
                ["reconfigure"] => Some(DaemonMode::Reconfiguring),
                ["slow", by] => duration(by)
                    .and_then(|ms| u32::try_from(ms).ok())
                    .filter(|ms| *ms <= 60_000)
                    .map(|delay_ms| DaemonMode::Slow { delay_ms }),
                _ => None,
            };
            let mode = mode.ok_or(
                "behind multipathd comes: start, stop, hang, refuse, reconfigure, or slow 300ms (60s at most)",
            )?;
            Ok(Op::Multipathd { node, mode })
        }
        _ => Err("behind a node comes: adapter HOST up|down, path LUN PATH HOW, lun LUN WHAT, multipathd HOW, dies, or returns"
            .to_owned()),
    }
}

fn up(word: &str) -> Result<bool, String> {
    match word {
        "up" => Ok(true),
        "down" => Ok(false),
        _ => Err(format!("{word:?} is neither up nor down")),
    }
}

fn lun(name: &str, san: &San) -> Result<usize, String> {
    let by_number = || name.parse::<usize>().ok()?.checked_sub(1).filter(|n| *n < san.luns.len());
    let by_name = san.luns.iter().position(|l| l.alias == name || l.wwid.as_str() == name);
    by_name.or_else(by_number).ok_or_else(|| {
        format!("there is no LUN {name:?}: give an alias, a WWID, or a number from 1 to {}", san.luns.len())
    })
}

fn path(node: usize, lun: usize, name: &str, san: &San) -> Result<usize, String> {
    let place = san.nodes.get(node).and_then(|n| n.luns.get(lun));
    let paths = place.map(|l| l.paths.as_slice()).unwrap_or_default();
    let by_number = || name.parse::<usize>().ok()?.checked_sub(1).filter(|n| *n < paths.len());
    paths.iter().position(|p| p.dev == name).or_else(by_number).ok_or_else(|| {
        let names: Vec<&str> = paths.iter().map(|p| p.dev.as_str()).collect();
        format!(
            "that LUN has no path {name:?} there: give a number from 1 to {} or one of {}",
            paths.len(),
            names.join(", ")
        )
    })
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let shift = match unit {
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    // 8 EiB is where a size no longer fits the report.
    number.parse::<u64>().ok().filter(|n| *n > 0 && *n < (1 << (63 - shift))).map(|n| n << shift)
}

impl PathSet {
    fn parse(word: &str) -> Option<Self> {
        let all =
            [PathSet::Up, PathSet::Fail, PathSet::Offline, PathSet::Ghost, PathSet::Shaky, PathSet::Deleted];
        all.into_iter().find(|s| s.word() == word)
    }
    fn word(self) -> &'static str {
        match self {
            PathSet::Up => "up",
            PathSet::Fail => "fail",
            PathSet::Offline => "offline",
            PathSet::Ghost => "ghost",
            PathSet::Shaky => "shaky",
            PathSet::Deleted => "delete",
        }
    }
}

/// An operation in a script's words (without the time). Names that the SAN has not come out as `?`.
pub fn describe(op: &Op, san: &San) -> String {
    let node = |n: usize| san.nodes.get(n).map_or("?", |n| n.name.as_str());
    let lun = |l: usize| san.luns.get(l).map_or("?", |l| l.alias.as_str());
    let to = |up: bool| if up { "up" } else { "down" };
    match *op {
        Op::Path { node: n, lun: l, path, set } => {
            format!("{} path {} {} {}", node(n), lun(l), path + 1, set.word())
        }
        Op::Adapter { node: n, adapter, up } => {
            let name = san.nodes.get(n).and_then(|n| n.adapters.get(adapter));
            format!("{} adapter {} {}", node(n), name.map_or("?", |a| a.name.as_str()), to(up))
        }
        Op::Port { port, up } => {
            format!("array port {} {}", san.ports.get(port).map_or("?", |p| p.name.as_str()), to(up))
        }
        Op::Mapping { node: n, lun: l, mapped } => {
            format!("{} lun {} {}", node(n), lun(l), if mapped { "map" } else { "unmap" })
        }
        Op::Assembly { node: n, lun: l, assembled } => {
            format!("{} lun {} {}", node(n), lun(l), if assembled { "assemble" } else { "forget" })
        }
        Op::Suspend { node: n, lun: l, suspended } => {
            format!("{} lun {} {}", node(n), lun(l), if suspended { "suspend" } else { "resume" })
        }
        Op::ResizeMap { node: n, lun: l } => format!("{} lun {} resize-map", node(n), lun(l)),
        Op::Multipathd { node: n, mode } => format!("{} multipathd {mode}", node(n)),
        Op::Node { node: n, alive } => format!("{} {}", node(n), if alive { "returns" } else { "dies" }),
        Op::ResizeLun { lun: l, size_bytes } => {
            let unit = [(40, 'T'), (30, 'G')].into_iter().find(|(shift, _)| size_bytes % (1 << shift) == 0);
            let (shift, letter) = unit.unwrap_or((20, 'M'));
            format!("array lun {} resize {}{letter}", lun(l), size_bytes >> shift)
        }
        Op::Retry { lun: l, retry } => {
            let how = match retry {
                Retry::Queue => "on".to_owned(),
                Retry::Undef | Retry::Fail => "off".to_owned(),
                Retry::Checks(n) => n.to_string(),
            };
            format!("array lun {} queue {how}", lun(l))
        }
        Op::Heal => "array heal".to_owned(),
    }
}
