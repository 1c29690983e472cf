//! Every recorded reply of multipathd, decoded and judged, against the table tests/data/multipathd/judged.txt.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use pathkeeper_io::multipathd::json;
use pathkeeper_model::judge;
use pathkeeper_model::local::{CheckState, Queueing};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/multipathd")
}

/// All recorded files with this ending, by folder and name.
fn recorded(ending: &str) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    for folder in std::fs::read_dir(data()).unwrap().map(|entry| entry.unwrap().path()) {
        if !folder.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.file_name().unwrap().to_str().unwrap();
            if let Some(stem) = name.strip_suffix(ending) {
                let folder = folder.file_name().unwrap().to_str().unwrap();
                out.push((format!("{folder}/{stem}"), std::fs::read(&file).unwrap()));
            }
        }
    }
    out.sort();
    assert!(!out.is_empty(), "no {ending} below {}", data().display());
    out
}

#[test]
fn every_recorded_reply_is_judged_as_the_table_says() {
    let mut got = String::new();
    for (name, bytes) in recorded(".show-maps.json") {
        let reply = json::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        writeln!(got, "{name}: unknown {}", reply.unknown_words).unwrap();
        for problem in &reply.problems {
            writeln!(got, "    problem: {problem}").unwrap();
        }
        let many = reply.maps.len() > 10;
        let mut tally = std::collections::BTreeMap::new();
        for map in &reply.maps {
            let entry = judge::judge_map(map, None);
            *tally.entry(entry.state.as_str()).or_insert(0) += 1;
            if !many {
                writeln!(
                    got,
                    "    {} {} {} {}/{} queueing {:?}{}{}",
                    map.wwid,
                    map.name,
                    entry.state,
                    entry.paths_active.unwrap(),
                    entry.paths_total.unwrap(),
                    map.queueing,
                    if map.suspended { " suspended" } else { "" },
                    if map.groups.iter().any(|g| g.marginal || g.paths.iter().any(|p| p.marginal)) {
                        " marginal"
                    } else {
                        ""
                    },
                )
                .unwrap();
            }
        }
        if many {
            writeln!(got, "    {tally:?}").unwrap();
        }
    }
    let table = data().join("judged.txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&table, &got).unwrap();
    }
    let want = std::fs::read_to_string(&table).unwrap_or_default();
    for (got, want) in got.lines().zip(want.lines()) {
        assert_eq!(got, want);
    }
    assert_eq!(got.lines().count(), want.lines().count());
}

#[test]
fn fields_of_one_map() {
    let bytes = std::fs::read(data().join("iscsi-lio-0.9.4/00-all-up.show-maps.json")).unwrap();
    let reply = json::decode(&bytes).unwrap();
    let map = &reply.maps[0];
    assert_eq!((map.name.as_str(), map.dm.as_deref()), ("mpatha", Some("dm-0")));
    assert_eq!(map.queueing, Queueing::Checks(12));
    assert_eq!((map.features.as_str(), map.hwhandler.as_str()), ("1 queue_if_no_path", "1 alua"));
    assert_eq!(
        (map.vendor.as_str(), map.product.as_str(), map.revision.as_str()),
        ("LIO-ORG", "FILEIO", "4.0")
    );
    assert_eq!((map.failback.as_str(), map.write_prot.as_str()), ("immediate", "rw"));
    assert_eq!(map.groups.len(), 2);
    assert_eq!((map.groups[0].priority, map.groups[1].priority), (50, 10));
    assert_eq!(map.groups[1].status, "enabled");
    let path = &map.groups[0].paths[0];
    assert_eq!((path.dev.as_str(), path.dev_t.as_str(), path.priority), ("sdb", "8:16", 50));
    assert_eq!(path.check, CheckState::Ready);
    assert_eq!(path.words, ["active", "ready", "running"]);
    assert_eq!(path.adapter_port.as_deref(), Some("10.9.0.2"));
    assert_eq!(path.target_node.as_deref(), Some("iqn.2026-01.lab:san"));
    assert_eq!(path.target_port, None);
}

#[test]
fn odd_replies() {
    let check = |text: &str, want: Result<(usize, u64, usize), usize>| {
        let got = json::decode(text.as_bytes());
        let short = got
            .as_ref()
            .map(|reply| (reply.maps.len(), reply.unknown_words, reply.problems.len()))
            .map_err(|error| error.offset);
        assert_eq!(short, want, "{text}: {got:?}");
    };
    check(r#"{"maps": []}"#, Ok((0, 0, 0)));
    check(r#"{"maps": [], "more": 1}"#, Ok((0, 1, 0)));
    check(r#"{"maps": {}}"#, Err(0));
    check(r#"{}"#, Err(0));
    check(r#"[]"#, Err(0));
    check(r#"{"maps": [}"#, Err(10));
    check("{\"maps\":\n[", Err(9));
    // A map without WWID, one that is no object, one without groups, and a good one.
    check(r#"{"maps": [{"name": "a"}, {"uuid": ""}, 7, {"uuid": "w", "path_groups": []}]}"#, Ok((1, 0, 3)));
    check(r#"{"maps": [{"uuid": "w"}, {"uuid": "x", "path_groups": [{"paths": [1]}]}]}"#, Ok((2, 0, 2)));
    // Numbers as texts and texts as numbers.
    check(
        r#"{"maps": [{"uuid": 36, "path_faults": "5", "queueing": 0, "path_groups": [{"pri": "50", "paths": []}]}]}"#,
        Ok((1, 1, 0)),
    );
    // Escapes are understood where some version writes them.
    check(r#"{"maps": [{"uuid": "a\"\u00e4", "path_groups": []}]}"#, Ok((1, 0, 0)));
}

#[test]
fn a_truncated_reply_is_an_error_with_its_place() {
    let bytes = std::fs::read(data().join("0.9.4/73-101-maps.show-maps.json")).unwrap();
    for cut in [1, 100, bytes.len() / 2, bytes.trim_ascii_end().len() - 1] {
        let error = json::decode(&bytes[..cut]).unwrap_err();
        assert!(error.offset <= cut && error.offset + 2 >= cut, "{cut}: {error}");
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = json::decode(&bytes);
        }

        /// A real reply with some bytes exchanged: an answer or an error, and never a map out of nothing.
        #[test]
        fn no_damage_panics(which in 0..1000usize, hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8)) {
            let all = recorded(".show-maps.json");
            let (_, mut bytes) = all[which % all.len()].clone();
            bytes.truncate(20_000);
            for (at, byte) in hits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Ok(reply) = json::decode(&bytes) {
                for map in &reply.maps { judge::judge_map(map, None); }
            }
        }
    }
}
