//! A cluster as text, and what is found wrong with it.
//!
//! A line is one of these:
//!
//! | line | what |
//! | --- | --- |
//! | `pve1 a uudd WORD…` | LUN `a` on pve1, a letter for each path: `u` usable, `d` down, `c` contradicting, `x` undecided, `.` absent and remembered. `-` instead: no map |
//! | `pve1 !WORD…` | the node: `stale`, `unheard` (nobody says why), `offline`, `down`, `hung`, `untold` (nothing published), `wwids=a`, `initramfs`, `iscsi=portal`, `unit=enabled`, `nvme=nqn`, `lint=name@place@why`, `bypass=sdb:a:what`, `set=key:value`, `digest=x`, `tools=0.9.4`, `version=0.1.0`, `mode=manage` |
//! | `lun a alias=x used-by=y` | what a section says of it |
//! | `guest 311 pve3 y name` | a guest with a disk on storage `y`; `ha` at the end: HA looks after it |
//! | `retire a` or `retire a pve1` | an order |
//! | `port 50:..:0f "netapp1 ctl1-0f"` | a name |
//!
//! Words of a LUN on a node: `q` queues for ever, `q60` for 60 s, `s` suspended, `z500` GiB, `pz750` GiB of its paths, `n=name`,
//! `id=vendor/product/serial`, `pv=uuid/vg/vguuid`, `g=50:uu*,10:uu` groups (`*` the one that I/O goes to), `ow` and `os` a path says
//! another WWID or serial, `open=3`, `rep=1/4` the report says other counts, `noled` nothing remembered, `loose=sdk,sdl`, `why=blacklisted`,
//! `rule=text`, `by=text`, `wwids=no`, `on=0,2` places of its paths in the routes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pathkeeper_model::can::{Can, Deed, Ground, Unknown, can};
use pathkeeper_model::cause::Causes;
use pathkeeper_model::detail::{Carried, Facts, OnMap};
use pathkeeper_model::expect::Expectations;
use pathkeeper_model::finding::{Code, Finding, Fingerprint, Scope, Severity};
use pathkeeper_model::guests::{Guest, GuestKind, Guests};
use pathkeeper_model::local::{
    Bypassed, HostFacts, IscsiManual, Lint, NvmeNative, OldInitramfs, Pv, Queueing, Setting, UnitState,
};
use pathkeeper_model::matrix::Matrix;
use pathkeeper_model::multipath_cfg::Reading;
use pathkeeper_model::names::{Named, Names};
use pathkeeper_model::node_value::{DaemonWord, NodeValue};
use pathkeeper_model::orders::{Order, OrderKind, Orders};
use pathkeeper_model::picture::{NodePicture, Picture};
use pathkeeper_model::problems;
use pathkeeper_model::topology::{
    Access, HostSeen, Identity, LooseSeen, LooseWhy, LunSeen, MapSeen, NodePaths, PathSeen, PathWord, Route,
};
use pathkeeper_model::windows::{Window, WindowOn, Windows};
use pathkeeper_model::{Entry, EpochS, MonoMs, NodeName, Now, State, Wwid};

pub fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

pub fn wwid(text: &str) -> Wwid {
    Wwid::new(text).unwrap()
}

pub const NOW: Now = Now { mono: MonoMs(1_000_000), wall: EpochS(1_783_082_400) };

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub heard: bool,
    pub swallowed: Option<Fingerprint>,
    pub about: Option<NodeValue>,
    pub paths: Option<NodePaths>,
    pub entries: Option<Vec<(Wwid, Entry)>>,
    ledger: BTreeSet<Wwid>,
    maps: BTreeMap<Wwid, OnMap>,
}

#[derive(Debug)]
pub struct Lab {
    pub nodes: BTreeMap<NodeName, Node>,
    sections: BTreeMap<String, (Option<String>, Option<String>)>,
    orders: Orders,
    guests: Guests,
    names: Names,
    first_seen: BTreeMap<Fingerprint, EpochS>,
}

fn routes() -> Vec<Route> {
    let route = |adapter: &str, port: &str, target: &str, node: &str| Route {
        adapter: Some(adapter.into()),
        adapter_port: port.into(),
        target_port: target.into(),
        target_node: Some(node.into()),
        transport: Some("fc".into()),
        ..Route::default()
    };
    vec![
        route("host6", "21:06", "50:1e", "ctl1"),
        route("host6", "21:06", "50:2e", "ctl2"),
        route("host7", "21:07", "50:1f", "ctl1"),
        route("host7", "21:07", "50:2f", "ctl2"),
    ]
}

fn node(heard: bool) -> Node {
    let paths =
        NodePaths { read_at: Some(NOW.wall), answered: true, routes: routes(), ..NodePaths::default() };
    Node {
        heard,
        about: Some(NodeValue::of(DaemonWord::Running)),
        paths: Some(paths),
        entries: Some(Vec::new()),
        ..Node::default()
    }
}

const GIB: u64 = 1 << 30;

/// One LUN on one node: what it publishes, what it reports, whether it remembers it.
fn cell(lun: &str, letters: &str, words: &[&str]) -> (LunSeen, Option<Entry>, bool) {
    let mut map = MapSeen {
        name: lun.into(),
        dm: Some("dm-3".into()),
        size_bytes: Some(500 * GIB),
        path_size_bytes: None,
        queueing: Queueing::Off,
        queue_ends: None,
        suspended: false,
        open_count: None,
        holders: 0,
        identity: Arc::new(Identity::default()),
        pvs: Box::default(),
        groups: Box::new([(50, true)]),
        incomplete: false,
        kernel_paths: None,
    };
    let mut paths = Vec::new();
    let mut remembered = [0_u16; 4];
    let mut places: Vec<u16> = (0..64).map(|n| n % 4).collect();
    if let Some(on) = words.iter().find_map(|word| word.strip_prefix("on=")) {
        places = on.split(',').map(|n| n.parse().unwrap()).collect();
    }
    for (letter, place) in letters.chars().filter(|c| *c != '-').zip(places) {
        let word = match letter {
            'u' => PathWord::Usable,
            'd' => PathWord::Down,
            'c' => PathWord::Contradiction,
            'x' => PathWord::Undecided,
            '.' => {
                remembered[usize::from(place)] += 1;
                continue;
            }
            other => panic!("{other}"),
        };
        remembered[usize::from(place)] += 1;
        let path = PathSeen {
            route: place,
            group: 0,
            word,
            marginal: false,
            other_wwid: false,
            other_serial: false,
            other_product: false,
            access: Access::default(),
        };
        paths.push(path);
    }
    let (mut loose, mut in_wwids, mut report, mut led) = (Vec::new(), None, None, true);
    let (mut because, mut rule, mut by) = (LooseWhy::Orphan, None, None);
    for word in words {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "q" => map.queueing = Queueing::On,
            "chk" => map.queueing = Queueing::Checks(12),
            "s" => map.suspended = true,
            "n" => map.name = value.into(),
            "open" => map.open_count = value.parse().ok(),
            "rep" => {
                report =
                    value.split_once('/').map(|(u, k)| (u.parse::<u32>().unwrap(), k.parse::<u32>().unwrap()))
            }
            "noled" => led = false,
            "ow" => paths[0].other_wwid = true,
            "os" => paths[0].other_serial = true,
            "id" => {
                let mut parts = value.split('/').map(Box::<str>::from);
                let mut next = || parts.next().unwrap_or_default();
                map.identity = Arc::new(Identity { vendor: next(), product: next(), serial: next() });
            }
            "pv" => {
                let mut parts =
                    value.split('/').map(|part| Some(part.to_owned()).filter(|part| !part.is_empty()));
                let mut next = || parts.next().flatten();
                map.pvs = Box::new([Pv { uuid: next(), vg_name: next(), vg_uuid: next() }]);
            }
            "g" => {
                let mut at = 0;
                let mut groups = Vec::new();
                for (number, group) in value.split(',').enumerate() {
                    let (priority, of) = group.split_once(':').unwrap();
                    for _ in of.chars().filter(|c| *c != '*') {
                        paths[at].group = number as u8;
                        at += 1;
                    }
                    groups.push((priority.parse().unwrap(), of.ends_with('*')));
                }
                map.groups = groups.into();
            }
            "loose" => loose = value.split(',').map(str::to_owned).collect(),
            "why" => because = if value == "blacklisted" { LooseWhy::Blacklisted } else { LooseWhy::Unknown },
            "rule" => rule = Some(Arc::from(value.replace('_', " "))),
            "by" => by = Some(Arc::from(value.replace('_', " "))),
            "wwids" => in_wwids = Some(value == "yes"),
            "on" => {}
            _ if key.starts_with("pz") => {
                let (least, most) = key[2..].split_once('-').unwrap_or((&key[2..], &key[2..]));
                map.path_size_bytes =
                    Some((least.parse::<u64>().unwrap() * GIB, most.parse::<u64>().unwrap() * GIB));
            }
            _ if key.starts_with('z') => map.size_bytes = Some(key[1..].parse::<u64>().unwrap() * GIB),
            _ if key.starts_with('q') => {
                let seconds = key[1..].parse().unwrap();
                map.queueing = Queueing::Seconds(seconds);
                map.queue_ends = Some(EpochS(NOW.wall.0 + i64::from(seconds)));
            }
            other => panic!("{other}"),
        }
    }
    let has_map = !letters.contains('-');
    let (usable, known) = report.unwrap_or((
        paths.iter().filter(|path| path.word == PathWord::Usable).count() as u32,
        paths.len() as u32,
    ));
    let expected = u32::from(remembered.iter().sum::<u16>());
    let doubt = paths.iter().any(|p| matches!(p.word, PathWord::Contradiction | PathWord::Undecided));
    let state = match usable {
        0 if doubt && paths.iter().any(|path| path.word == PathWord::Down) => State::Degraded,
        0 if doubt => State::Unknown,
        0 => State::Failed,
        _ if usable < known || (led && usable < expected) => State::Degraded,
        _ => State::Optimal,
    };
    let entry = Entry {
        paths_active: Some(usable),
        paths_total: Some(known),
        paths_expected: led.then_some(expected),
        size_bytes: map.size_bytes,
        ..Entry::of(state)
    };
    let remembered = (0..).zip(remembered).filter(|(_, n)| led && *n > 0).collect();
    let loose = loose.into_iter().map(|dev| LooseSeen {
        dev: dev.into(),
        route: None,
        because,
        rule: rule.clone(),
        used_by: by.clone(),
    });
    let seen = LunSeen {
        wwid: wwid(lun),
        loose: loose.collect(),
        map: has_map.then(|| Box::new(map)),
        paths: paths.into(),
        remembered,
        in_wwids,
    };
    (seen, has_map.then_some(entry), led)
}

/// Reads the text.
pub fn lab(text: &str) -> Lab {
    let mut lab = Lab {
        nodes: BTreeMap::new(),
        sections: BTreeMap::new(),
        orders: Orders::default(),
        guests: Guests::default(),
        names: Names::default(),
        first_seen: BTreeMap::new(),
    };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        lab.line(line);
    }
    lab
}

impl Lab {
    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[0] {
            "lun" => {
                let of = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)).map(str::to_owned);
                self.sections.insert(words[1].to_owned(), (of("alias="), of("used-by=")));
            }
            "guest" => {
                let guest = Guest {
                    id: words[1].parse().unwrap(),
                    kind: GuestKind::Vm,
                    name: words.get(4).filter(|word| **word != "ha").map(|name| (*name).to_owned()),
                    node: name(words[2]),
                    storages: BTreeSet::from([words[3].to_owned()]),
                    volumes: BTreeSet::new(),
                    ha: words.contains(&"ha"),
                };
                self.guests.all.get_or_insert_default().insert(guest.id, guest);
            }
            "retire" => self.orders.entries.push(Order {
                id: self.orders.entries.len().to_string(),
                kind: OrderKind::Retire,
                wwid: wwid(words[1]),
                node: words.get(2).map(|node| name(node)),
                by: "root@pam".into(),
                time: EpochS(1),
            }),
            "port" => {
                let text = line.split('"').nth(1).unwrap().to_owned();
                self.names.ports.insert(words[1].to_owned(), Named { name: Some(text), ..Named::default() });
            }
            node_name => {
                let of = self.nodes.entry(name(node_name)).or_insert_with(|| node(true));
                if let Some(first) = words[1].strip_prefix('!') {
                    for word in std::iter::once(first).chain(words[2..].iter().copied()) {
                        say(node_name, of, word);
                    }
                    return;
                }
                let (seen, entry, led) = cell(words[1], words[2], &words[3..]);
                if led {
                    of.ledger.insert(seen.wwid.clone());
                }
                if let Some(map) = &seen.map {
                    let on = OnMap { pvs: map.pvs.to_vec(), targets: BTreeSet::new() };
                    of.maps.insert(seen.wwid.clone(), on);
                }
                of.entries.as_mut().unwrap().extend(entry.map(|entry| (seen.wwid.clone(), entry)));
                if let Some(paths) = &mut of.paths {
                    paths.luns.push(seen);
                    paths.luns.sort_by(|a, b| a.wwid.cmp(&b.wwid));
                }
            }
        }
    }

    /// The same, after all that is found now has stood for so long.
    pub fn after(mut self, seconds: i64) -> Self {
        let since = EpochS(NOW.wall.0 - seconds);
        self.first_seen = self.find().iter().map(|finding| (finding.fingerprint(), since)).collect();
        self
    }

    /// Calls with the picture.
    pub fn with<T>(&self, then: impl FnOnce(&Picture<'_>) -> T) -> T {
        let mut expectations = Expectations::new();
        let all: BTreeSet<NodeName> = self.nodes.keys().cloned().collect();
        expectations.set_members(&all);
        if !self.sections.is_empty() {
            let mut text = String::new();
            for (lun, (alias, used_by)) in &self.sections {
                text.push_str(&format!("wwid: {lun}\n"));
                text.extend(alias.iter().map(|alias| format!("\talias {alias}\n")));
                text.extend(used_by.iter().map(|id| format!("\tused-by {id}\n")));
                text.push('\n');
            }
            expectations.set_config(&match Reading::parse(Some(text.as_bytes())) {
                Reading::Good(cfg) => cfg,
                other => panic!("{other:?}"),
            });
        }
        expectations.set_orders(&self.orders);
        let mut matrix = Matrix::new();
        for (name, node) in &self.nodes {
            let carried = |wwid: &Wwid| (wwid.clone(), Carried { since: EpochS(1), vg: None });
            let facts = Facts { ledger: node.ledger.iter().map(carried).collect(), maps: node.maps.clone() };
            expectations.set_node(name, Some(&facts));
            expectations.set_heard(name, node.heard);
            matrix.set_report(name, node.entries.as_deref());
            matrix.set_online(name, node.heard);
        }
        let changes = expectations.take_changes();
        for (wwid, outcome) in changes.luns {
            matrix.set_expected(&wwid, if outcome.watched { &outcome.nodes } else { &[] });
            matrix.set_alias(&wwid, outcome.alias.as_deref());
            matrix.set_used_by(&wwid, outcome.used_by.as_deref());
        }
        matrix.set_watched(changes.watched.unwrap_or_default());
        matrix.set_allowed(changes.allowed);
        let nodes: BTreeMap<NodeName, NodePicture<'_>> = self
            .nodes
            .iter()
            .map(|(name, node)| {
                let picture = NodePicture {
                    online: Some(node.heard),
                    heard: node.heard,
                    swallowed: node.swallowed.as_ref(),
                    about: node.about.as_ref(),
                    paths: node.paths.as_ref(),
                    report_time: Some(NOW.wall),
                    paths_age_ms: Some(0),
                };
                (name.clone(), picture)
            })
            .collect();
        then(&Picture {
            matrix: &matrix,
            expectations: &expectations,
            nodes: &nodes,
            names: &self.names,
            guests: &self.guests,
            first_seen: &self.first_seen,
            members_trusted: true,
            now: NOW,
        })
    }

    /// All findings where no cause is listed; how much causes explain has tests of its own.
    pub fn all(&self) -> (Vec<Finding>, Causes) {
        self.with(|picture| {
            let mut causes = Causes::default();
            let found = problems::find(picture, &mut causes).findings;
            (found, causes)
        })
    }

    /// Rows of which something beside the matrix is to be shown.
    pub fn explained(&self) -> Vec<u64> {
        self.with(|picture| problems::find(picture, &mut Causes::default()).explained.into_values().collect())
    }

    pub fn find(&self) -> Vec<Finding> {
        self.all().0
    }

    pub fn of_lun(&self, lun: &str) -> Vec<Finding> {
        self.with(|picture| {
            let causes = Causes::default();
            problems::of_lun(picture, &causes, &wwid(lun))
        })
    }

    /// `E LUN_FAILED pve1/a` a finding, sorted.
    pub fn codes(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.find().iter().map(line).collect();
        lines.sort();
        lines
    }
}

/// `E LUN_FAILED pve1/a`.
pub fn line(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Error => 'E',
        Severity::Warning => 'W',
        Severity::Info => 'I',
    };
    format!("{severity} {}", finding.fingerprint())
}

/// What is said of a node after `!`.
fn say(node_name: &str, of: &mut Node, word: &str) {
    let (key, value) = word.split_once('=').unwrap_or((word, ""));
    let text = value.replace('_', " ");
    let swallow = |code| Some(Fingerprint { code, scope: Scope::node(&name(node_name)) });
    fn facts(of: &mut HostSeen) -> &mut HostFacts {
        Arc::make_mut(&mut of.facts)
    }
    let host = |of: &mut Node| of.paths.get_or_insert_default().host.clone();
    let about = of.about.get_or_insert_with(|| NodeValue::of(DaemonWord::Running));
    match key {
        "stale" => (of.heard, of.swallowed) = (false, swallow(Code::NodeStale)),
        "offline" => (of.heard, of.swallowed) = (false, swallow(Code::NodeOffline)),
        "unheard" => of.heard = false,
        "down" => of.swallowed = swallow(Code::MultipathdDown),
        "hung" => of.swallowed = swallow(Code::MultipathdHung),
        "untold" => of.paths = None,
        "blind" => of.paths.as_mut().unwrap().answered = false,
        "digest" => about.config_digest = Some(text),
        "tools" => about.version_multipath_tools = Some(text),
        "version" => about.version_pathkeeper = Some(text),
        "mode" => about.mode = Some(text),
        _ => {
            let mut new = host(of);
            match key {
                "wwids" => new.reboot.not_in_wwids.push((text.clone(), wwid(&text))),
                "initramfs" => {
                    new.reboot.initramfs_old = Some(OldInitramfs {
                        image: "/boot/initrd.img-6.1".into(),
                        made: EpochS(1_790_985_600),
                        newer: "/etc/multipath.conf".into(),
                        changed: EpochS(1_794_182_400),
                    });
                }
                "iscsi" => new.reboot.iscsi_manual.push(IscsiManual {
                    target: "iqn.t".into(),
                    portal: text,
                    startup: Some("manual".into()),
                }),
                "unit" => {
                    let unit = UnitState::parse(&text);
                    facts(&mut new).daemon_unit = unit;
                    new.reboot.daemon_unit =
                        unit.filter(|unit| matches!(unit, UnitState::Disabled | UnitState::Masked));
                }
                "nvme" => facts(&mut new)
                    .nvme_native
                    .push(NvmeNative { nqn: text, controllers: vec!["nvme0".into(), "nvme1".into()] }),
                "lint" => {
                    let mut parts = value.splitn(3, '@');
                    let mut next = || parts.next().unwrap_or_default().to_owned();
                    let lint = Lint { name: next(), at: next(), why: next(), advice: "mend it".into() };
                    facts(&mut new).lints.push(lint);
                }
                "set" => {
                    let (name, value) = value.split_once(':').unwrap();
                    let setting = Setting { name: name.into(), value: value.into() };
                    facts(&mut new).settings.push(setting);
                }
                "bypass" => {
                    let mut parts = text.split(':');
                    let mut next = || parts.next().unwrap().to_owned();
                    let of = Bypassed { dev: next(), wwid: wwid(&next()), what: next() };
                    facts(&mut new).bypassed.push(of);
                }
                other => panic!("{other}"),
            }
            of.paths.as_mut().unwrap().host = new;
        }
    }
}

impl Lab {
    /// Everything that stands, as an observer has it: causes too, and marked by these windows.
    pub fn judged(&self, windows: &Windows) -> (Vec<Finding>, Causes) {
        self.with(|picture| {
            let mut causes = Causes::find(picture, &Causes::default());
            let mut found = problems::find(picture, &mut causes).findings;
            found.extend(causes.list().iter().cloned());
            let silent = self.nodes.values().filter_map(|node| node.swallowed.clone());
            found.extend(silent.map(|of| Finding::new(of.code, Severity::Warning, of.scope, "away")));
            for finding in &mut found {
                let since = self.first_seen.get(&finding.fingerprint()).copied().unwrap_or(NOW.wall);
                finding.since.get_or_insert(since);
            }
            windows.mark(&mut found, picture, &causes);
            found.sort_by(|a, b| (a.code, &a.scope).cmp(&(b.code, &b.scope)));
            (found, causes)
        })
    }

    /// A window on each of these (`port 50:1e`), open since a minute for an hour.
    pub fn windows(on: &[&str]) -> Windows {
        let one = |(at, on): (usize, &&str)| {
            let (kind, of) = on.split_once(' ').unwrap();
            Window {
                id: format!("w{at}"),
                on: WindowOn::of(kind, of).unwrap(),
                from: EpochS(NOW.wall.0 - 60),
                until: EpochS(NOW.wall.0 + 3_600),
                by: "kb@pam".into(),
                reason: "firmware".into(),
                time: EpochS(NOW.wall.0 - 60),
            }
        };
        Windows { entries: on.iter().enumerate().map(one).collect() }
    }
}

impl Lab {
    /// Asks whether something can be done.
    pub fn can(&self, deed: Deed, of: &str, windows: &Windows) -> Result<Can, Unknown> {
        let (findings, causes) = self.judged(windows);
        self.with(|picture| can(deed, of, Ground { picture, causes: &causes, findings: &findings, windows }))
    }
}
