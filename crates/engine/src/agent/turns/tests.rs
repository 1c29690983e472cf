#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use pathkeeper_model::local::{CheckState, DevState, DmState, Map, PathGroup};

use super::*;

/// `a=++ b=+-`: LUNs with a path over host6 and one over host7; `.` = the path is not there, `?` = it was not checked yet.
/// `hung`, `stopped`, `busy`: what multipathd does instead of telling its maps; `#7` = its process id.
fn read(text: &str) -> NodeRead {
    let path = |(at, word): (usize, char)| PathDevice {
        dm: match word {
            '+' => DmState::Active,
            '?' => DmState::Undef,
            _ => DmState::Failed,
        },
        check: if word == '?' { CheckState::Unknown } else { CheckState::Ready },
        device: DevState::Running,
        adapter: Some(format!("host{}", 6 + at).into()),
        adapter_port: Some(format!("0x210000000000000{}", 6 + at).into()),
        target_port: Some("0x2100000000000001".into()),
        ..PathDevice::unknown("sda", "8:0")
    };
    let map = |word: &str| {
        let (wwid, paths) = word.split_once('=')?;
        let paths = paths.chars().enumerate().filter(|(_, c)| *c != '.').map(path).collect();
        let group = PathGroup { selector: "".into(), priority: 1, status: "".into(), marginal: false, paths };
        Some(Map { groups: vec![group], ..Map::unknown(wwid, Wwid::new(wwid).unwrap()) })
    };
    let pid = text.split_whitespace().find_map(|word| word.strip_prefix('#')?.parse().ok());
    let daemon = match text {
        "hung" => Daemon::Hung { waited_ms: 1 },
        "stopped" => Daemon::Stopped,
        "busy" => Daemon::Reconfiguring { phase: "configure".into() },
        _ => Daemon::Answering { pid: pid.or(Some(1)) },
    };
    NodeRead { maps: text.split_whitespace().filter_map(map).collect(), ..NodeRead::empty(EpochS(1), daemon) }
}

fn port(hba: &str) -> Port {
    (hba.into(), "21:00:00:00:00:00:00:01".into())
}

/// A node whose clocks are stepped by hand; it has been up for a day.
struct Node {
    turns: PortTurns,
    s: u64,
    told: Arc<PortChanges>,
}

impl Node {
    fn new() -> Self {
        Self { turns: PortTurns::default(), s: 86_400, told: Arc::default() }
    }

    fn now(&self) -> Now {
        Now { mono: MonoMs(self.s * 1_000), wall: EpochS(1_790_000_000 + self.s as i64) }
    }

    fn takes(&mut self, text: &str, booting: bool) {
        let mut read = NodeRead { began: self.now().wall, ..read(text) };
        let now = self.now();
        self.turns.take(&mut read, booting, now);
        self.told = read.port_changes;
    }

    /// `a=++ | a=+- *3 | 600s a=++`: reads ten seconds apart; some of them several times, or after a longer time; `boot` before
    /// one that comes while the node boots.
    fn plays(&mut self, script: &str) {
        for step in script.split('|') {
            let mut words: Vec<&str> = step.split_whitespace().collect();
            let mut wait_s = 10;
            let mut times = 1;
            let mut booting = false;
            words.retain(|word| {
                if let Some(s) = word.strip_suffix('s').and_then(|s| s.parse().ok()) {
                    wait_s = s;
                } else if let Some(n) = word.strip_prefix('*') {
                    times = n.parse().unwrap();
                } else if *word == "boot" {
                    booting = true;
                } else {
                    return true;
                }
                false
            });
            for _ in 0..times {
                self.s += wait_s;
                self.takes(&words.join(" "), booting);
            }
        }
    }

    /// Of host6 and host7: changes in half an hour, and how long ago the last was.
    fn says(&self) -> String {
        let one = |hba: &str| match self.told.get(&port(hba)) {
            None => "-".to_owned(),
            Some(of) => format!("{} {}s", of.count_30_min, self.now().wall.0 - of.last.0),
        };
        format!("{}, {}", one("host6"), one("host7"))
    }
}

#[test]
fn turns_are_counted_and_not_paths() {
    for (reads, host6, host7) in [
        (&["a=++ b=++"][..], 0, 0),
        (&["a=++ b=++", "a=+- b=++", "a=+- b=+-"], 0, 1),
        (&["a=++ b=++", "a=+- b=++", "a=+- b=+-", "a=++ b=+-", "a=++ b=++"], 0, 2),
        (&["a=++", "a=+-", "a=++", "a=+-", "a=-+"], 1, 4),
        // The kernel deletes a path, and finds it again.
        (&["a=++", "a=+.", "a=++"], 0, 2),
        (&["a=++", "a=+.", "a=+?", "a=++"], 0, 2),
        // LUNs come and go, and two that change places cancel out.
        (&["a=++", "a=++ b=--", "a=++"], 0, 0),
        (&["a=+- b=++", "a=++ b=+-"], 0, 0),
        // A LUN that is new says nothing, nor while its paths are being checked.
        (&["a=++", "a=++ b=??", "a=++ b=++"], 0, 0),
        // Nobody knows what happened meanwhile; what is different afterwards counts.
        (&["a=++", "hung", "a=+-", "hung"], 0, 1),
    ] {
        let mut node = Node::new();
        reads.iter().for_each(|text| node.plays(text));
        let of = |hba: &str| node.turns.totals()[&port(hba)];
        assert_eq!((of("host6"), of("host7")), (host6, host7), "{reads:?}");
    }
}

#[test]
fn the_last_half_hour_is_told() {
    let flap = |times: usize| "a=++ | ".to_owned() + &vec!["a=+- | a=++"; times].join(" | ");
    for (script, says) in [
        ("a=++ *10".to_owned(), "-, -"),
        (flap(3), "-, 6 0s"),
        (flap(10), "-, 20 0s"),
        // Each counts for half an hour and at most a minute more.
        (flap(10) + "| 600s a=++ *3", "-, 4 1800s"),
        (flap(10) + "| 600s a=++ *3 | 270s a=++", "-, 0 2070s"),
        (flap(3) + "| 900s a=+- | 900s a=+-", "-, 3 900s"),
        (flap(3) + "| 900s a=+- | 1100s a=+-", "-, 1 1100s"),
        // Two ports, one after the other.
        ("a=++ | a=-+ | a=++ | a=+- | a=-+ | a=++".to_owned(), "4 0s, 2 10s"),
        // More of the same is no turn, but something happened.
        ("a=++ b=++ | a=+- b=++ | 60s a=+- b=+-".to_owned(), "-, 1 0s"),
        // multipathd hangs, three times, and nothing is lost.
        ("a=++ | hung *3 | a=++ | hung | a=++ | hung *5 | a=++".to_owned(), "-, -"),
        // It hangs while a port flaps: that goes on from there.
        ("a=++ | a=+- | a=++ | hung *6 | a=++ | a=+-".to_owned(), "-, 3 0s"),
        // It is restarted, and checks one path after the other.
        ("#1 a=++ | #2 a=-- | #2 a=+- | #2 a=++ *4".to_owned(), "-, -"),
        ("a=++ | stopped | a=-- | a=?- | a=++ *4".to_owned(), "-, -"),
        ("a=++ | busy | a=.. | a=+. | a=++ *4".to_owned(), "-, -"),
        // What was lost meanwhile is one change, when that is over.
        ("a=++ | stopped | a=-- | a=+- *2 | a=+-".to_owned(), "-, 1 0s"),
        // A boot is none, and what happens after it is.
        ("boot a=.. | boot a=+. | boot a=++ | a=++".to_owned(), "-, -"),
        ("boot a=.. | boot a=++ | a=+-".to_owned(), "-, 1 0s"),
    ] {
        let mut node = Node::new();
        node.plays(&script);
        assert_eq!(node.says(), says, "{script}");
    }
}

#[test]
fn a_new_run_goes_on_from_what_was_written_down() {
    let mut node = Node::new();
    node.plays("a=++ | a=+- | a=++ | a=+- | a=++");
    let turned = node.turns.turned();
    let backs: Vec<bool> = turned.iter().map(|turn| turn.back).collect();
    assert_eq!(backs, [false, true, false, true]);
    assert_eq!(node.turns.turned(), []);
    let at = |ago_s: i64| EpochS(node.now().wall.0 - ago_s);
    let written: Vec<(EpochS, Turn)> = [40, 30, 20, 10].into_iter().map(at).zip(turned.clone()).collect();
    let long_ago = vec![(at(2_000), turned[0].clone()), (at(-50), turned[1].clone())];

    // The agent starts anew, hears of it after its first look, and the port goes on.
    let mut again = Node { turns: PortTurns::default(), ..node };
    again.takes("a=++", false);
    again.turns.remember(&long_ago, again.now());
    again.turns.remember(&written, again.now());
    again.plays("a=+- | a=++ | a=+-");
    assert_eq!(again.says(), "-, 7 0s");
    assert_eq!(again.turns.totals()[&port("host7")], 3, "turns of this run");
    let adapter_port = again.told[&port("host7")].adapter_port.clone();
    assert_eq!(adapter_port.as_deref(), Some("0x2100000000000007"));

    // The machine booted: its monotonic clock begins anew, and is younger than what is remembered.
    let mut booted = PortTurns::default();
    let now = Now { mono: MonoMs(15_000), wall: again.now().wall };
    booted.remember(&written, now);
    let mut first = NodeRead { began: now.wall, ..read("a=++") };
    booted.take(&mut first, true, now);
    let change = &first.port_changes[&port("host7")];
    assert_eq!((change.count_30_min, now.wall.0 - change.last.0), (4, 40));
}

#[test]
fn what_is_kept_is_bounded() {
    let mut turns = PortTurns::default();
    let now = Now { mono: MonoMs(10_000_000), wall: EpochS(1_790_000_000) };
    let of = |n: usize| (now.wall, Turn { port: (format!("host{n}").into(), "".into()), back: false });
    let many: Vec<(EpochS, Turn)> = (0..PORT_CHANGES_MAX + 10).map(of).collect();
    turns.remember(&many, now);
    let again: Vec<(EpochS, Turn)> = (0..70_000).map(|_| of(1)).collect();
    turns.remember(&again, now);
    let mut read = NodeRead { began: now.wall, ..read("a=++") };
    turns.take(&mut read, false, now);
    assert_eq!(read.port_changes.len(), PORT_CHANGES_MAX);
    let most = read.port_changes.values().map(|of| of.count_30_min).max();
    assert_eq!(most, Some(u16::MAX));
}
