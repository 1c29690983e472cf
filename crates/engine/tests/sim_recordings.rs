//! Every recorded state of a real multipathd, rendered again by the simulator and compared byte for byte.
//!
//! A recording is several replies of one daemon, taken one after another. The state is read from two of them (the JSON
//! and the raw lists with all fields); the renderer must then give those two and all the others. Where the daemon's
//! state moved on between two replies of one recording, the words that moved are taken from the later reply itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of a test"
)]

use pathkeeper_engine::sim::multipathd::{
    Chk, Group, Map, NextCheck, Path, PathDm, Retry, Version, View, answer,
};
use serde::Deserialize;
use std::path::PathBuf;

const ALL_PATH_FIELDS: &str = "%w|%i|%d|%D|%p|%t|%T|%o|%s|%c|%C|%S|%z|%M|%m|%N|%n|%R|%r|%a|%G|%0|%P|%I|%L|%g";
const ALL_MAP_FIELDS: &str = "%n|%w|%d|%F|%Q|%N|%r|%t|%S|%f|%x|%h|%A|%0|%1|%2|%3|%4|%s|%v|%p|%e|%G|%g";

#[derive(Deserialize)]
struct Reply {
    maps: Vec<JsonMap>,
}
#[derive(Deserialize)]
struct JsonMap {
    name: String,
    path_groups: Vec<JsonGroup>,
}
#[derive(Deserialize)]
struct JsonGroup {
    selector: String,
    pri: i32,
    dm_st: String,
    marginal_st: String,
    paths: Vec<JsonPath>,
}
#[derive(Deserialize)]
struct JsonPath {
    dev: String,
}

fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/multipathd")
}

fn sectors(size: &str) -> u64 {
    let (number, unit) = size.split_at(size.len() - 1);
    let kib = match unit {
        "K" => 1.0,
        "M" => 1024.0,
        "G" => 1024.0 * 1024.0,
        _ => panic!("unit of {size}"),
    };
    (number.parse::<f64>().unwrap() * kib * 2.0) as u64
}

fn word(text: &str) -> &'static str {
    ["running", "offline", "unknown", "active", "enabled", "disabled", "undef", "tur", "directio"]
        .into_iter()
        .chain(["scsi:unspec", "scsi:iscsi"])
        .find(|w| *w == text)
        .unwrap_or_else(|| panic!("word {text}"))
}

fn chk(text: &str) -> Chk {
    [Chk::Unchecked, Chk::Down, Chk::Up, Chk::Shaky, Chk::Ghost, Chk::Pending, Chk::Timeout, Chk::Delayed]
        .into_iter()
        .find(|c| c.word() == text)
        .unwrap_or_else(|| panic!("checker state {text}"))
}

fn dm(text: &str) -> PathDm {
    match text {
        "active" => PathDm::Active,
        "failed" => PathDm::Failed,
        "undef" => PathDm::Undef,
        _ => panic!("dm state {text}"),
    }
}

fn next_check(text: &str) -> NextCheck {
    match text.split_once(' ') {
        None => NextCheck::Orphan,
        Some((_, fraction)) => {
            let (tick, of) = fraction.split_once('/').unwrap();
            NextCheck::In { tick: tick.parse().unwrap(), of: of.parse().unwrap() }
        }
    }
}

fn path(line: &str) -> Path {
    let f: Vec<&str> = line.split('|').collect();
    assert_eq!(f.len(), 26, "{line}");
    let mut vpr = f[8].split(',');
    Path {
        wwid: f[0].into(),
        hcil: f[1].into(),
        dev: f[2].into(),
        dev_t: f[3].into(),
        pri: f[4].parse().unwrap(),
        dm: dm(f[5]),
        chk: chk(f[6]),
        dev_st: word(f[7]),
        vendor: vpr.next().unwrap_or("").into(),
        product: vpr.next().unwrap_or("").into(),
        revision: vpr.next().unwrap_or("").into(),
        checker: (f[9] != "(null)").then(|| word(f[9])),
        next_check: next_check(f[10]),
        sectors: sectors(f[11]),
        serial: f[12].into(),
        marginal: f[13] == "marginal",
        map: f[14].into(),
        host_wwnn: f[15].into(),
        target_wwnn: f[16].into(),
        host_wwpn: f[17].into(),
        target_wwpn: f[18].into(),
        host_adapter: f[19].into(),
        failures: f[21].parse().unwrap(),
        protocol: word(f[22]),
        lun_hex: f[24].into(),
        tpg: -1,
    }
}

fn map(line: &str, json: &JsonMap, paths: &[Path]) -> Map {
    let f: Vec<&str> = line.split('|').collect();
    assert_eq!(f.len(), 24, "{line}");
    let (retry, retry_left_s) = match f[4].split_once(' ') {
        None if f[4] == "-" => (Retry::Undef, 0),
        None if f[4] == "on" => (Retry::Queue, 0),
        None => (Retry::Fail, 0),
        Some((n, "chk")) => (Retry::Checks(n.parse().unwrap()), 0),
        Some((n, _)) => (Retry::Checks(12), n.parse().unwrap()),
    };
    let group = |g: &JsonGroup| Group {
        selector: g.selector.clone(),
        pri: g.pri,
        status: word(&g.dm_st),
        marginal: g.marginal_st == "marginal",
        paths: g.paths.iter().map(|p| paths.iter().position(|q| q.dev == p.dev).unwrap()).collect(),
    };
    Map {
        name: f[0].into(),
        wwid: f[1].into(),
        dm: f[2].into(),
        failback: if f[3] == "-" { "manual".into() } else { f[3].into() },
        retry,
        retry_left_s,
        write_prot: f[6].into(),
        suspended: f[7] == "suspend",
        sectors: sectors(f[8]),
        features: f[9].into(),
        failures: f[10].parse().unwrap(),
        hwhandler: f[11].into(),
        action: f[12].into(),
        path_faults: f[13].parse().unwrap(),
        switch_grp: f[14].parse().unwrap(),
        map_loads: f[15].parse().unwrap(),
        total_q_time_s: f[16].parse().unwrap(),
        q_timeouts: f[17].parse().unwrap(),
        vendor: f[19].into(),
        product: f[20].into(),
        revision: f[21].into(),
        groups: json.path_groups.iter().map(group).collect(),
    }
}

struct Recording {
    name: String,
    stem: PathBuf,
    version: Version,
    view: View,
}

impl Recording {
    fn file(&self, reply: &str) -> Option<String> {
        std::fs::read_to_string(format!("{}.{reply}", self.stem.display())).ok()
    }
}

fn recordings() -> Vec<Recording> {
    let folders = [
        ("0.9.4", Version::V0_9_4),
        ("0.11.1", Version::V0_11_1),
        ("0.14.3", Version::V0_14_3),
        ("cluster-3-nodes", Version::V0_9_4),
        ("iscsi-lio-0.9.4", Version::V0_9_4),
        ("iscsi-lio-0.14.3", Version::V0_14_3),
    ];
    let mut out = Vec::new();
    for (folder, version) in folders {
        let mut stems: Vec<PathBuf> = std::fs::read_dir(data().join(folder))
            .unwrap()
            .filter_map(|e| {
                let path = e.unwrap().path();
                path.to_str().unwrap().strip_suffix(".show-maps.json").map(PathBuf::from)
            })
            .collect();
        stems.sort();
        for stem in stems {
            let name = format!("{folder}/{}", stem.file_name().unwrap().to_str().unwrap());
            let mut rec = Recording { name, stem, version, view: empty() };
            // Recordings of the JSON alone (the one with 101 maps) say too little to render the rest.
            let Some(raw_paths) = rec.file("paths-raw-allfields.txt") else { continue };
            let Some(raw_maps) = rec.file("maps-raw-allfields.txt") else { continue };
            let json: Reply = serde_json::from_str(&rec.file("show-maps.json").unwrap()).unwrap();
            rec.view.paths = raw_paths.lines().filter(|l| *l != "ok").map(path).collect();
            let maps = raw_maps.lines().filter(|l| *l != "ok").map(|line| {
                let name = line.split('|').next().unwrap();
                let json = json.maps.iter().find(|m| m.name == name).expect("the JSON has the map");
                map(line, json, &rec.view.paths)
            });
            rec.view.maps = maps.collect();
            let daemon = rec.file("daemon.txt").unwrap();
            let mut words = daemon.trim_end().splitn(3, ' ').skip(1);
            rec.view.pid = words.next().unwrap().parse().unwrap();
            rec.view.phase = words.next().unwrap().into();
            out.push(rec);
        }
    }
    out
}

fn empty() -> View {
    View { pid: 0, phase: "idle".into(), locked: false, maps: Vec::new(), paths: Vec::new() }
}

/// Takes over the words of `show paths` or of the tree: what the daemon knew when it gave that reply.
fn moved_on(view: &View, reply: &str) -> View {
    let mut view = view.clone();
    for line in reply.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        for p in &mut view.paths {
            let Some(at) = words.iter().position(|w| *w == p.dev) else { continue };
            let rest = &words[at + 2..];
            // `show paths` has the priority between the number and the words, the tree has not.
            let rest = if rest[0].parse::<i32>().is_ok() { &rest[1..] } else { rest };
            let (c, st, tail) = if rest[1] == "i/o" {
                (rest[1..3].join(" "), rest[3], &rest[4..])
            } else {
                (rest[1].into(), rest[2], &rest[3..])
            };
            (p.dm, p.chk, p.dev_st) = (dm(rest[0]), chk(&c), word(st));
            if !tail.is_empty() {
                p.next_check = next_check(&tail.join(" "));
            }
        }
    }
    view
}

/// Replies that no one state can give together with the others of their recording, and why. A test fails when one of
/// them begins to agree.
const MOVED_ON: &[(&str, &str, &str)] = &[
    (
        "0.9.4/00-no-maps-wwid-not-in-file",
        "status.txt",
        "0.9.4 counts the last check of a path that has no map any more",
    ),
    ("0.9.4/38-map-flushed", "status.txt", "0.9.4 counts the last check of a path that has no map any more"),
    ("0.11.1/22-all-paths-lost-retrying", "show-maps.json", "the retry countdown went on a second"),
    ("0.14.3/22-all-paths-lost-retrying", "show-maps.json", "the retry countdown went on a second"),
    (
        "0.14.3/21-all-paths-lost-queueing",
        "show-maps.json",
        "the check that sees the device offline came between",
    ),
];

#[test]
fn every_recorded_state_renders_to_the_recorded_replies() {
    let recordings = recordings();
    assert!(recordings.len() > 90, "only {} recordings found", recordings.len());
    let mut compared = 0;
    let mut wrong = Vec::new();
    for rec in &recordings {
        let commands = [
            ("show-maps.json", "show maps json".to_owned()),
            ("paths-raw-allfields.txt", format!("show paths raw format \"{ALL_PATH_FIELDS}\"")),
            ("maps-raw-allfields.txt", format!("show maps raw format \"{ALL_MAP_FIELDS}\"")),
            ("topology.txt", "show maps topology".to_owned()),
            ("paths.txt", "show paths".to_owned()),
            ("status.txt", "show status".to_owned()),
            ("maps-status.txt", "show maps status".to_owned()),
            ("maps-stats.txt", "show maps stats".to_owned()),
            ("daemon.txt", "show daemon".to_owned()),
        ];
        for (reply, command) in commands {
            let Some(recorded) = rec.file(reply) else { continue };
            let view = if matches!(reply, "topology.txt" | "paths.txt") {
                moved_on(&rec.view, &recorded)
            } else {
                rec.view.clone()
            };
            let rendered = answer(&view, &command, true, rec.version).text;
            compared += 1;
            let known = MOVED_ON.iter().any(|(n, r, _)| *n == rec.name && *r == reply);
            if (rendered != recorded) != known {
                wrong.push(format!(
                    "{} {reply}\n--- recorded\n{recorded}\n--- rendered\n{rendered}",
                    rec.name
                ));
            }
        }
    }
    assert!(compared > 800, "only {compared} replies compared");
    assert!(wrong.is_empty(), "{} of {compared} replies differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn check(view: &View, command: &str, root: bool, version: Version, expect: &str) {
    let reply = answer(view, command, root, version);
    assert_eq!(reply.text, expect, "{version}: {command} (root: {root})");
}

/// One small state of each version to ask for what is no list: the recording with all paths up.
fn all_up(version: Version) -> View {
    let name = format!("{version}/01-all-paths-up");
    recordings().into_iter().find(|r| r.name == name).expect("recorded").view
}

#[test]
fn errors_help_and_single_maps_are_as_recorded() {
    for version in Version::ALL {
        let view = all_up(version);
        let recorded =
            |name: &str| std::fs::read_to_string(data().join(version.as_str()).join(name)).unwrap();
        check(&view, "help", true, version, &recorded("help.txt"));
        check(&view, "bogus", true, version, &recorded("reply-bogus-command.txt"));
        check(&view, "show", true, version, &recorded("reply-show-alone.txt"));
        check(&view, "show map nosuch topology", true, version, &recorded("reply-show-map-nosuch.txt"));
        check(&view, "show map data01 topology", true, version, &recorded("show-map-topology.txt"));
        check(
            &view,
            "show map data01 json",
            true,
            version,
            &recorded("01-all-paths-up.show-map-data01.json"),
        );
        check(&view, "show wildcards", true, version, &recorded("show-wildcards.txt"));
        // `show daemon` and two verbs that change something, asked by nobody.
        let as_nobody = recorded("reply-as-nobody.txt");
        let (pid, refusals) = as_nobody.split_once('\n').unwrap();
        check(
            &view,
            "show daemon",
            false,
            version,
            &format!("{pid}\n").replace("167", &view.pid.to_string()),
        );
        let refusal = refusals.get(..refusals.len() / 2).unwrap();
        for verb in ["reconfigure", "fail path sda"] {
            check(&view, verb, false, version, refusal);
            assert!(answer(&view, verb, false, version).changes);
        }
    }
}

#[test]
fn keys_may_be_shortened_and_have_second_names() {
    let view = all_up(Version::V0_9_4);
    let json = answer(&view, "show maps json", false, Version::V0_9_4);
    for same in ["list multipaths json", "li multipaths js", "show json maps", " show  maps json"] {
        assert_eq!(answer(&view, same, false, Version::V0_9_4), json, "{same}");
    }
    check(&view, "show paths raw format %d:%Z%T%", false, Version::V0_9_4, "sdb:ready\nsda:ready\n");
    check(
        &view,
        "show paths raw format \"%d is %o\"",
        false,
        Version::V0_9_4,
        "sdb is running\nsda is running\n",
    );
    check(&view, "show path sda", false, Version::V0_9_4, "running\n");
    let sh = answer(&view, "sh maps", false, Version::V0_9_4).text;
    assert!(sh.starts_with("sh maps: not found\n"), "{sh}");
}

#[test]
fn a_stuck_daemon_says_who_it_is_and_times_out_on_the_rest() {
    for version in Version::ALL {
        let view = View { locked: true, phase: "configure".into(), ..all_up(version) };
        assert!(answer(&view, "show daemon", false, version).text.ends_with(" configure\n"));
        let reply = answer(&view, "show maps json", false, version);
        assert_eq!(reply.after_ms, 4000);
        assert!(reply.text.ends_with("timeout\n"), "{}", reply.text);
    }
}
