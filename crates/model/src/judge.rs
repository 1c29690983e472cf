//! What a read of the local node means: each map's state (status.md, section 2), and words for what multipathd did.
//!
//! The law is that doubt is never health: a map is `optimal` only where an answering multipathd shows every known and
//! every expected path usable. Without multipathd the kernel's word can prove the worse, never the better.

use crate::ids::Wwid;
use crate::local::{CheckState, Daemon, DevState, DmState, KernelMap, Map, NodeRead, PathDevice};
use crate::state::{Entry, State, Transport};
use rustc_hash::FxHashMap;

/// Whether I/O may go down this path: the kernel says `active`, the checker `ready` or `ghost`, the device runs.
///
/// All three must agree. A real failure prints `failed faulty running`, so no single word is enough, and a word that
/// this program does not know is no agreement.
pub fn is_usable(path: &PathDevice) -> bool {
    path.dm == DmState::Active
        && matches!(path.check, CheckState::Ready | CheckState::Ghost)
        && path.device == DevState::Running
}

/// How many paths of a map I/O may go down.
pub fn usable_paths(map: &Map) -> usize {
    map.groups.iter().flat_map(|group| &group.paths).filter(|path| is_usable(path)).count()
}

/// Whether somebody says in so many words that this path is down.
///
/// What is neither usable nor proven down (`undef`, a check under way, an unknown word) is doubt.
pub fn is_proven_down(path: &PathDevice) -> bool {
    path.dm == DmState::Failed
        || path.device == DevState::Offline
        || matches!(
            path.check,
            CheckState::Faulty
                | CheckState::Shaky
                | CheckState::Timeout
                | CheckState::Delayed
                | CheckState::Disconnected
        )
}

/// Every map's entry, one for each WWID.
///
/// With an answering multipathd these are its maps, and those of the kernel that it does not list; else the kernel's.
/// From the kernel alone nothing is ever `optimal`. `expected`
/// says how many paths a LUN should have, `None` where nobody knows. When [`is_blind`] holds, the answer is empty and
/// [`judge_blind`] speaks for the maps that were known before.
pub fn judge(read: &NodeRead, expected: &dyn Fn(&Wwid) -> Option<u32>) -> Vec<(Wwid, Entry)> {
    let mut out = Verdicts::default();
    match (&read.daemon, &read.kernel) {
        (Daemon::Answering { .. }, kernel) => {
            for map in &read.maps {
                out.add(&map.wwid, judge_map(map, expected(&map.wwid)));
            }
            // A map that the kernel holds and multipathd does not list is a map that nobody checks.
            for map in unlisted(read, kernel) {
                out.add(&map.wwid, judge_kernel_map(map, expected(&map.wwid)));
            }
        }
        (_, Ok(kernel)) => {
            for map in kernel {
                out.add(&map.wwid, judge_kernel_map(map, expected(&map.wwid)));
            }
        }
        (_, Err(_)) => {}
    }
    out.entries
}

/// Maps that the kernel holds and an answering multipathd does not list: not adopted, or dropped from its configuration
/// while they were in use.
pub fn unlisted<'a>(
    read: &'a NodeRead,
    kernel: &'a Result<Vec<KernelMap>, String>,
) -> impl Iterator<Item = &'a KernelMap> {
    let listed: std::collections::BTreeSet<&Wwid> = read.maps.iter().map(|map| &map.wwid).collect();
    kernel.iter().flatten().filter(move |map| !listed.contains(&map.wwid))
}

/// Neither multipathd nor the kernel told anything: what was known before must not vanish.
pub fn is_blind(read: &NodeRead) -> bool {
    !matches!(read.daemon, Daemon::Answering { .. }) && read.kernel.is_err()
}

/// The entries of a node that sees nothing: each map that it knew last, `unknown`, without counts.
pub fn judge_blind(last: &[Wwid]) -> Vec<(Wwid, Entry)> {
    let mut out = Verdicts::default();
    for wwid in last {
        out.add(wwid, Entry::of(State::Unknown));
    }
    out.entries
}

/// One map as an answering multipathd tells it.
pub fn judge_map(map: &Map, expected: Option<u32>) -> Entry {
    let paths = || map.groups.iter().flat_map(|group| &group.paths);
    let total = paths().count();
    let usable = paths().filter(|path| is_usable(path)).count();
    let doubt = map.incomplete || paths().any(|path| !is_usable(path) && !is_proven_down(path));
    let state = match usable {
        // The worst that is proven, as where the kernel alone speaks. Were it `unknown`, the last usable path that fails
        // would turn `degraded` into `unknown`, and the cluster's row would look better than before.
        0 if doubt && paths().any(is_proven_down) => State::Degraded,
        0 if doubt => State::Unknown,
        0 => State::Failed,
        _ if usable < total || map.incomplete => State::Degraded,
        _ if expected.is_some_and(|want| count(usable) < want) => State::Degraded,
        _ => State::Optimal,
    };
    Entry {
        state,
        paths_active: Some(count(usable)),
        paths_total: Some(count(total)),
        paths_expected: expected,
        transport: transport_of(paths()),
        size_bytes: map.size_bytes.filter(|bytes| *bytes <= i64::MAX as u64),
    }
}

/// One map of which only the kernel speaks: the worst that it proves. Nobody checks paths, so `optimal` is never proven.
pub fn judge_kernel_map(map: &KernelMap, expected: Option<u32>) -> Entry {
    let total = map.paths.len();
    let active = map.paths.iter().filter(|path| path.active).count();
    let state = match active {
        _ if map.unreadable => State::Unknown,
        0 => State::Failed,
        _ if active < total => State::Degraded,
        // Whatever nobody checks, more than these paths cannot be usable.
        _ if expected.is_some_and(|want| count(active) < want) => State::Degraded,
        _ => State::Unknown,
    };
    Entry {
        state,
        paths_active: (!map.unreadable).then(|| count(active)),
        paths_total: (!map.unreadable).then(|| count(total)),
        paths_expected: expected,
        transport: None,
        size_bytes: Some(map.size_bytes).filter(|bytes| *bytes <= i64::MAX as u64),
    }
}

/// The one transport of all paths whose transport is known, `mixed` where they differ.
fn transport_of<'a>(paths: impl Iterator<Item = &'a PathDevice>) -> Option<Transport> {
    let mut known = paths.filter_map(|path| path.transport.as_deref());
    let first = known.next()?;
    if known.all(|word| word == first) { Transport::parse(first) } else { Some(Transport::Mixed) }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Collects entries; of two for one WWID the worse one stands, and doubt is worse than health.
#[derive(Default)]
struct Verdicts {
    entries: Vec<(Wwid, Entry)>,
    at: FxHashMap<Wwid, usize>,
}

impl Verdicts {
    fn add(&mut self, wwid: &Wwid, entry: Entry) {
        let known = self.at.get(wwid).and_then(|at| self.entries.get_mut(*at));
        match known {
            Some((_, old)) if entry.state.concern() > old.state.concern() => *old = entry,
            Some(_) => {}
            None => {
                self.at.insert(wwid.clone(), self.entries.len());
                self.entries.push((wwid.clone(), entry));
            }
        }
    }
}

/// What multipathd did, for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DaemonWords {
    /// One word for tables and JSON: `answering`, `no-maps`, `absent`, `stopped`, `refused`, `hung`, `reconfiguring`,
    /// `unreadable`.
    pub word: &'static str,
    /// One sentence: what was seen.
    pub sentence: String,
    /// What to do next; empty where there is nothing to do.
    pub advice: &'static str,
}

/// Each state of multipathd in its own words. `maps` is how many maps an answering multipathd gave.
pub fn daemon_words(daemon: &Daemon, maps: usize) -> DaemonWords {
    let (word, sentence, advice) = match daemon {
        Daemon::Answering { .. } if maps == 0 => (
            "no-maps",
            "multipathd answers, and it has no maps.".to_owned(),
            "If this node should carry LUNs, see `multipathd show paths` for devices that no map took, and \
             /etc/multipath/wwids and the blacklist for the reason.",
        ),
        Daemon::Answering { .. } => {
            ("answering", format!("multipathd answers with {maps} maps."), "")
        }
        Daemon::Absent => (
            "absent",
            "multipath-tools is not installed on this node.".to_owned(),
            "Install multipath-tools if this node should carry LUNs.",
        ),
        Daemon::Stopped => (
            "stopped",
            "multipathd is installed and does not run: nobody checks paths, and a failed path does not come back."
                .to_owned(),
            "Look at `systemctl status multipathd` for why it stopped, then `systemctl start multipathd`.",
        ),
        Daemon::Refused { why } => (
            "refused",
            format!("multipathd runs and refuses to be asked: {why}."),
            "Check that the agent runs as root in the host's network namespace, and `systemctl status multipathd \
             multipathd.socket`.",
        ),
        Daemon::Hung { waited_ms } => (
            "hung",
            format!(
                "multipathd took the connection and gave no maps within {}.{} s: it is stuck, and checks no paths.",
                waited_ms / 1000,
                waited_ms % 1000 / 100
            ),
            "Look for a hung checker: `ps -eLo pid,stat,wchan:30,comm | grep multipathd` and `dmesg`. Restart it with \
             `systemctl restart multipathd` when you know that no map is queueing.",
        ),
        Daemon::Reconfiguring { phase } => (
            "reconfiguring",
            format!("multipathd says `{phase}` and gives no maps meanwhile."),
            "Wait a minute. If it stays so, its configuration may make it spin: see `journalctl -u multipathd` and the \
             last change of /etc/multipath.conf.",
        ),
        Daemon::Unreadable { why } => (
            "unreadable",
            format!("multipathd's answer cannot be read: {why}."),
            "Compare `multipathd show maps json` with what its version should print; an alias or a vendor text with a \
             quote in it breaks its JSON.",
        ),
    };
    DaemonWords { word, sentence, advice }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::EpochS;
    use crate::local::{KernelPath, PathGroup, Queueing};
    use proptest::prelude::*;

    fn wwid(text: &str) -> Wwid {
        Wwid::new(text).unwrap()
    }

    /// A path from a short text: `a` active, `f` failed, `u` undef, `?` unknown; then the checker's first letters; then
    /// `r` running, `o` offline, `u` undef, `?` unknown. An optional transport follows after `:`.
    fn path(text: &str) -> PathDevice {
        let (words, transport) = text.split_once(':').map_or((text, None), |(w, t)| (w, Some(t)));
        let mut words = words.split('/');
        let dm = match words.next().unwrap() {
            "a" => DmState::Active,
            "f" => DmState::Failed,
            "u" => DmState::Undef,
            _ => DmState::Unknown,
        };
        let check = match words.next().unwrap() {
            "ready" => CheckState::Ready,
            "ghost" => CheckState::Ghost,
            "faulty" => CheckState::Faulty,
            "shaky" => CheckState::Shaky,
            "pending" => CheckState::Pending,
            "timeout" => CheckState::Timeout,
            "delayed" => CheckState::Delayed,
            "gone" => CheckState::Disconnected,
            "undef" => CheckState::Undef,
            _ => CheckState::Unknown,
        };
        let device = match words.next().unwrap() {
            "r" => DevState::Running,
            "o" => DevState::Offline,
            "u" => DevState::Undef,
            _ => DevState::Unknown,
        };
        PathDevice {
            dm,
            check,
            device,
            transport: transport.map(Into::into),
            ..PathDevice::unknown("sda", "8:0")
        }
    }

    fn map(paths: &str) -> Map {
        Map {
            groups: vec![PathGroup {
                selector: "service-time 0".into(),
                priority: 1,
                status: "enabled".into(),
                marginal: false,
                paths: paths.split_whitespace().map(path).collect(),
            }],
            size_bytes: Some(1 << 30),
            queueing: Queueing::On,
            ..Map::unknown("data01", wwid("3600"))
        }
    }

    fn read(daemon: Daemon, maps: Vec<Map>, kernel: Result<Vec<KernelMap>, String>) -> NodeRead {
        NodeRead { maps, kernel, ..NodeRead::empty(EpochS(0), daemon) }
    }

    fn kernel_map(paths: &str) -> KernelMap {
        KernelMap {
            name: "data01".into(),
            wwid: wwid("3600"),
            dev_t: "254:0".into(),
            size_bytes: 1 << 30,
            open_count: 1,
            suspended: false,
            queue_if_no_path: false,
            queued: 0,
            paths: paths
                .chars()
                .map(|c| KernelPath { dev_t: "8:0".into(), active: c == 'A', fail_count: 0 })
                .collect(),
            unreadable: false,
        }
    }

    #[test]
    fn maps_of_an_answering_daemon() {
        for (paths, expected, want) in [
            ("a/ready/r a/ready/r", None, "optimal 2/2"),
            ("a/ready/r a/ghost/r", None, "optimal 2/2"),
            ("a/ready/r a/ready/r", Some(2), "optimal 2/2"),
            ("a/ready/r a/ready/r", Some(1), "optimal 2/2"),
            ("a/ready/r a/ready/r", Some(4), "degraded 2/2"),
            ("a/ready/r f/faulty/r", None, "degraded 1/2"),
            ("a/ready/r a/pending/r", None, "degraded 1/2"),
            ("a/ready/r a/ready/o", None, "degraded 1/2"),
            ("a/ready/r a/faulty/r", None, "degraded 1/2"),
            ("a/ready/r ?/ready/r", None, "degraded 1/2"),
            ("a/ready/r a/?/r", None, "degraded 1/2"),
            ("a/ready/r a/ready/?", None, "degraded 1/2"),
            ("f/faulty/r f/faulty/o", None, "failed 0/2"),
            ("f/ready/r", None, "failed 0/1"),
            ("a/shaky/r a/delayed/r a/timeout/r a/gone/r", None, "failed 0/4"),
            ("u/undef/u a/pending/r", None, "unknown 0/2"),
            ("?/?/?", None, "unknown 0/1"),
            ("f/faulty/r u/undef/u", None, "degraded 0/2"),
            ("f/faulty/r a/pending/r", None, "degraded 0/2"),
            ("f/faulty/r ?/?/?", None, "degraded 0/2"),
            ("", None, "failed 0/0"),
        ] {
            let entry = judge_map(&map(paths), expected);
            let got =
                format!("{} {}/{}", entry.state, entry.paths_active.unwrap(), entry.paths_total.unwrap());
            assert_eq!(got, want, "{paths} expected {expected:?}");
            assert_eq!(entry.paths_expected, expected);
            assert_eq!(entry.size_bytes, Some(1 << 30));
        }
    }

    #[test]
    fn what_was_left_out_of_a_map_is_doubt() {
        for (paths, want) in
            [("a/ready/r a/ready/r", State::Degraded), ("f/faulty/r", State::Degraded), ("", State::Unknown)]
        {
            let map = Map { incomplete: true, ..map(paths) };
            assert_eq!(judge_map(&map, None).state, want, "{paths}");
        }
    }

    #[test]
    fn transports() {
        for (paths, want) in [
            ("a/ready/r a/ready/r", None),
            ("a/ready/r:fc a/ready/r", Some("fc")),
            ("a/ready/r:fc a/ready/r:fc", Some("fc")),
            ("a/ready/r:fc f/faulty/r:iscsi", Some("mixed")),
            ("a/ready/r:ata", Some("ata")),
        ] {
            let entry = judge_map(&map(paths), None);
            assert_eq!(entry.transport.as_ref().map(Transport::as_str), want, "{paths}");
        }
    }

    #[test]
    fn maps_of_the_kernel_alone() {
        for (paths, want) in
            [("AA", State::Unknown), ("AF", State::Degraded), ("FF", State::Failed), ("", State::Failed)]
        {
            for daemon in [
                Daemon::Absent,
                Daemon::Stopped,
                Daemon::Refused { why: "x".into() },
                Daemon::Hung { waited_ms: 4500 },
                Daemon::Reconfiguring { phase: "configure".into() },
                Daemon::Unreadable { why: "x".into() },
            ] {
                let got = judge(&read(daemon, vec![], Ok(vec![kernel_map(paths)])), &|_| Some(2));
                assert_eq!(got.len(), 1);
                assert_eq!(got[0].1.state, want, "{paths}");
                assert_eq!(got[0].1.paths_total, Some(paths.len() as u32));
                assert_eq!(got[0].1.paths_expected, Some(2));
            }
        }
        let unreadable = KernelMap { unreadable: true, ..kernel_map("") };
        assert_eq!(judge_kernel_map(&unreadable, None).state, State::Unknown);
    }

    #[test]
    fn a_map_that_multipathd_does_not_list_is_not_forgotten() {
        for (paths, state) in [("AA", State::Unknown), ("AF", State::Degraded), ("FF", State::Failed)] {
            let got =
                judge(&read(Daemon::Answering { pid: None }, vec![], Ok(vec![kernel_map(paths)])), &|_| None);
            assert_eq!((got.len(), got[0].1.state), (1, state), "{paths}");
        }
    }

    #[test]
    fn blind_keeps_what_was_known_as_unknown() {
        let blind = read(Daemon::Stopped, vec![], Err("no device-mapper".into()));
        assert!(is_blind(&blind));
        assert!(judge(&blind, &|_| None).is_empty());
        let last = [wwid("a"), wwid("b")];
        let got = judge_blind(&last);
        assert_eq!(got.len(), 2);
        assert!(got.iter().all(|(_, entry)| *entry == Entry::of(State::Unknown)));
    }

    #[test]
    fn of_two_maps_with_one_wwid_the_worse_stands() {
        let (good, bad) = (map("a/ready/r"), map("f/faulty/r"));
        for maps in [vec![good.clone(), bad.clone()], vec![bad, good]] {
            let got = judge(&read(Daemon::Answering { pid: None }, maps, Ok(vec![])), &|_| None);
            assert_eq!(got.len(), 1);
            assert_eq!(got[0].1.state, State::Failed);
        }
    }

    #[test]
    fn each_state_of_the_daemon_has_its_own_words() {
        let all = [
            daemon_words(&Daemon::Answering { pid: None }, 0),
            daemon_words(&Daemon::Answering { pid: None }, 7),
            daemon_words(&Daemon::Absent, 0),
            daemon_words(&Daemon::Stopped, 0),
            daemon_words(&Daemon::Refused { why: "need to be root".into() }, 0),
            daemon_words(&Daemon::Hung { waited_ms: 4512 }, 0),
            daemon_words(&Daemon::Reconfiguring { phase: "configure".into() }, 0),
            daemon_words(&Daemon::Unreadable { why: "cut off".into() }, 0),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(a.sentence.ends_with('.'), "{}", a.sentence);
            assert!(a.word == "answering" || !a.advice.is_empty());
            for b in &all[i + 1..] {
                assert_ne!(a.word, b.word);
                assert_ne!(a.sentence, b.sentence);
            }
        }
        assert!(all[5].sentence.contains("4.5 s"));
    }

    proptest! {
        /// Taking a usable path away, or making any path worse, never makes the state better.
        #[test]
        fn a_worse_path_never_makes_a_better_state(
            words in proptest::collection::vec((0..4usize, 0..10usize, 0..4usize), 0..6),
            at in 0..6usize, expected in proptest::option::of(0..8u32),
        ) {
            let dm = ["a", "f", "u", "?"];
            let check = ["ready", "ghost", "faulty", "shaky", "pending", "timeout", "delayed", "gone", "undef", "?"];
            let dev = ["r", "o", "u", "?"];
            let text: Vec<String> =
                words.iter().map(|(a, b, c)| format!("{}/{}/{}", dm[*a], check[*b], dev[*c])).collect();
            let before = judge_map(&map(&text.join(" ")), expected);
            let mut worse = text.clone();
            if let Some(path) = worse.get_mut(at) { *path = "f/faulty/o".into(); }
            let after = judge_map(&map(&worse.join(" ")), expected);
            prop_assert!(after.paths_active <= before.paths_active);
            // Doubt may turn into proof of the worse; nothing turns into health.
            prop_assert!(after.state.concern() >= before.state.concern() || before.state == after.state);
            if before.state != State::Optimal { prop_assert_ne!(after.state, State::Optimal); }
        }
    }
}
