//! Rules about what Rust code may name, by room. Clippy keeps the same bans where it can resolve the name.

use super::{Complaint, Repo};
use crate::rust_text::{RustText, holds};

/// What the pure crates may not name, and what they do instead.
const IMPURE: &[(&str, &str)] = &[
    ("std::fs", "files belong to io"),
    ("std::net", "sockets belong to io"),
    ("std::os", "the operating system belongs to io"),
    ("std::env", "the environment belongs to the binary"),
    ("std::process", "processes belong to io"),
    ("std::thread", "threads belong to the binary"),
    ("std::io::stdin", "input is an argument"),
    ("std::io::stdout", "output is a return value"),
    ("std::io::stderr", "output is a return value"),
    ("Instant", "time is an argument: model::Now"),
    ("SystemTime", "time is an argument: model::Now"),
    ("RandomState", "randomness is an argument, with its seed"),
    ("tokio", "nothing waits here: events in, effects out"),
    ("rustix", "the kernel belongs to io"),
    ("hyper", "HTTP belongs to the binary"),
    ("axum", "HTTP belongs to the binary"),
    ("tracing", "what is worth saying is an effect or a finding"),
    ("serde_json::Value", "JSON is read into types"),
    ("serde_json::json", "JSON is written from types"),
    ("serde_json::Map", "JSON is read into types"),
];

const PURE_FOLDERS: &[&str] = &["crates/model/src/", "crates/engine/src/"];

/// Where `unsafe` may be: the device-mapper ioctl, and calls into libqb.
const UNSAFE_FOLDERS: &[&str] = &["crates/io/src/dm/", "crates/io/src/dm.rs", "crates/io/src/store/pmxcfs/"];

/// Programs that read every block device they find; on a LUN that queues they hang, and so would we.
const LVM: &[&str] =
    &["lvm", "lvs", "vgs", "pvs", "lvscan", "vgscan", "pvscan", "vgchange", "lvchange", "blkid"];

pub fn pure(repo: &Repo) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in PURE_FOLDERS.iter().flat_map(|folder| repo.shipped_rust(folder)) {
        for (line, name) in text.paths() {
            if let Some((banned, instead)) = IMPURE.iter().find(|(banned, _)| holds(&name, banned)) {
                complaints.push(Complaint::new(path, line, format!("{banned} in a pure crate: {instead}")));
            }
        }
    }
    complaints
}

pub fn rooms(repo: &Repo) -> Vec<Complaint> {
    const STORES: &[&str] = &["etcd", "pmxcfs", "corosync", "embedded"];
    const JUDGEMENT: &[&str] =
        &["pathkeeper_model::judge", "pathkeeper_model::State", "pathkeeper_model::state::State"];
    let mut complaints = Vec::new();
    for (path, text) in repo.shipped_rust("crates/engine/src/") {
        for (line, code) in (1..).zip(text.code.lines()) {
            let code = code.to_ascii_lowercase();
            for store in STORES.iter().filter(|store| code.contains(**store)) {
                complaints.push(Complaint::new(
                    path,
                    line,
                    format!("engine knows no store by name: {store}"),
                ));
            }
        }
    }
    for (path, text) in repo.shipped_rust("crates/io/src/") {
        for (line, name) in text.paths() {
            if JUDGEMENT.iter().any(|judge| holds(&name, judge)) {
                complaints.push(Complaint::new(
                    path,
                    line,
                    format!("io says what it saw and judges nothing: {name}"),
                ));
            }
        }
    }
    complaints
}

pub fn unsafe_code(repo: &Repo) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in repo.shipped_rust("") {
        if !UNSAFE_FOLDERS.iter().any(|folder| path.starts_with(folder)) {
            for (line, _) in text.paths().into_iter().filter(|(_, name)| name == "unsafe") {
                complaints.push(Complaint::new(
                    path,
                    line,
                    "unsafe code may be in io's dm and store/pmxcfs alone",
                ));
            }
        }
        let is_root = path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs");
        let level = if path == "crates/io/src/lib.rs" { "deny" } else { "forbid" };
        if is_root && !text.code.contains(&format!("#![{level}(unsafe_code)]")) {
            complaints.push(Complaint::new(path, 0, format!("add #![{level}(unsafe_code)]")));
        }
    }
    complaints
}

/// The one file of io that may start a program, and the program: multipath judges files there before multipathd reads them.
const STARTS_A_PROGRAM: &str = "crates/io/src/dropins/judge.rs";
/// The one file of io that may hold an order to multipathd, and what such orders begin with.
const ORDERS: &str = "crates/io/src/multipathd/manage.rs";
const ORDER_VERBS: &[&str] = &[
    "add",
    "del",
    "remove",
    "reconfigure",
    "suspend",
    "resume",
    "resize",
    "reload",
    "reset",
    "reinstate",
    "fail",
    "disablequeueing",
    "restorequeueing",
    "forcequeueing",
    "switch",
    "switchgroup",
    "setprstatus",
    "unsetprstatus",
    "setprkey",
    "unsetprkey",
    "setmarginal",
    "unsetmarginal",
];

/// multipathd is told what to do in one place, which asks for the right to; everywhere else it is only asked.
pub fn orders(repo: &Repo) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in repo.shipped_rust("crates/io/src/multipathd/") {
        for (line, literal) in text.literals.iter().filter(|_| path != ORDERS) {
            let mut words = literal.split(' ');
            let verb = words.next().unwrap_or_default();
            // `fail` by itself is an answer, and `shutdown` a phase.
            let is_order = ORDER_VERBS.contains(&verb)
                && (words
                    .next()
                    .is_some_and(|word| ["path", "map", "maps", "daemon", "all"].contains(&word))
                    || literal == "reconfigure"
                    || literal == "shutdown");
            if is_order {
                complaints.push(Complaint::new(path, *line, format!("{literal:?}: orders are in {ORDERS}")));
            }
        }
    }
    complaints
}

pub fn no_block_reads(repo: &Repo) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in repo.shipped_rust("crates/") {
        // The model starts no program (`pure`), and `lvm` is a word of storage.cfg there.
        let literals = text.literals.iter().filter(|_| !path.starts_with("crates/model/"));
        for (line, literal) in literals {
            let program = literal.rsplit('/').next().unwrap_or(literal);
            if LVM.contains(&program) {
                complaints.push(Complaint::new(
                    path,
                    *line,
                    format!("{literal:?}: hangs on a LUN that queues"),
                ));
            }
        }
        if path.starts_with("crates/io/src/") {
            for (line, literal) in &text.literals {
                let device = literal.starts_with("/dev/")
                    // What names of devices begin with, in texts that the kernel gives.
                    && literal != "/dev/"
                    && literal != "/dev/mapper/control"
                    && literal != "/dev/null";
                if device {
                    complaints.push(Complaint::new(
                        path,
                        *line,
                        format!("{literal:?}: io opens no device node"),
                    ));
                }
            }
            if path == STARTS_A_PROGRAM {
                complaints.extend(one_program(path, &text));
                continue;
            }
            for (line, name) in text.paths() {
                if holds(&name, "process::Command") {
                    complaints.push(Complaint::new(path, line, "io starts no program"));
                }
            }
        }
    }
    complaints
}

/// The judge starts one program at one place, and its name is written there.
fn one_program(path: &str, text: &RustText) -> Vec<Complaint> {
    let starts: Vec<usize> =
        text.paths().into_iter().filter(|(_, name)| name == "Command::new").map(|(line, _)| line).collect();
    let named = text.literals.iter().any(|(_, literal)| literal == "multipath");
    let more =
        starts.iter().skip(1).map(|line| Complaint::new(path, *line, "it starts one program at one place"));
    let unnamed = (!starts.is_empty() && !named)
        .then(|| Complaint::new(path, 0, "the program that it starts is \"multipath\" and no other"));
    more.chain(unnamed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(rule: fn(&Repo) -> Vec<Complaint>, path: &str, source: &str) -> usize {
        rule(&Repo::of(&[(path, source)])).len()
    }

    #[test]
    fn each_impure_name_is_caught() {
        for (name, _) in IMPURE {
            assert_eq!(count(pure, "crates/model/src/a.rs", &format!("use {name};")), 1, "{name}");
        }
        assert_eq!(count(pure, "crates/engine/src/a.rs", "use std::{fmt, time::{Duration, Instant}};"), 1);
        assert_eq!(count(pure, "crates/engine/src/a.rs", "fn f() { std::fs::read(x) }"), 1);
    }

    #[test]
    fn purity_is_asked_of_shipped_code_of_pure_crates_alone() {
        assert_eq!(count(pure, "crates/io/src/a.rs", "use std::fs;"), 0);
        assert_eq!(count(pure, "crates/model/src/a.rs", "// std::fs\nuse std::time::Duration;"), 0);
        assert_eq!(count(pure, "crates/model/src/a.rs", "#[cfg(test)] mod tests { use std::fs; }"), 0);
        assert_eq!(count(pure, "crates/model/tests/a.rs", "use std::fs;"), 0);
    }

    #[test]
    fn a_store_in_engine_and_a_judgement_in_io_are_caught() {
        assert_eq!(count(rooms, "crates/engine/src/a.rs", "struct EtcdStore;"), 1);
        assert_eq!(count(rooms, "crates/engine/src/a.rs", "struct Agent;"), 0);
        assert_eq!(count(rooms, "crates/io/src/a.rs", "use pathkeeper_model::{Wwid, State};"), 1);
        assert_eq!(count(rooms, "crates/io/src/a.rs", "use pathkeeper_model::local::DmState;"), 0);
    }

    #[test]
    fn unsafe_is_caught_outside_its_places() {
        assert_eq!(count(unsafe_code, "crates/io/src/uevent.rs", "fn f() { unsafe { g() } }"), 1);
        assert_eq!(count(unsafe_code, "crates/io/src/dm/ioctl.rs", "fn f() { unsafe { g() } }"), 0);
        assert_eq!(count(unsafe_code, "crates/io/src/a.rs", "#![allow(unsafe_code)] // unsafe"), 0);
        assert_eq!(count(unsafe_code, "crates/model/src/lib.rs", "//! Model."), 1);
        assert_eq!(count(unsafe_code, "crates/model/src/lib.rs", "#![forbid(unsafe_code)]"), 0);
        assert_eq!(count(unsafe_code, "crates/io/src/lib.rs", "#![deny(unsafe_code)]"), 0);
    }

    #[test]
    fn lvm_devices_and_programs_are_caught() {
        assert_eq!(count(no_block_reads, "crates/pathkeeper/src/a.rs", "f(\"/sbin/vgs\")"), 1);
        assert_eq!(count(no_block_reads, "crates/engine/src/a.rs", "f(\"lvm\")"), 1);
        assert_eq!(count(no_block_reads, "crates/model/src/a.rs", "f(\"lvm\")"), 0);
        assert_eq!(count(no_block_reads, "crates/io/src/a.rs", "open(\"/dev/sda\")"), 1);
        assert_eq!(count(no_block_reads, "crates/io/src/a.rs", "open(\"/dev/mapper/control\")"), 0);
        assert_eq!(count(no_block_reads, "crates/io/src/a.rs", "use std::process::Command;"), 1);
        assert_eq!(count(no_block_reads, "crates/io/src/a.rs", "#[cfg(test)] mod t { f(\"vgs\") }"), 0);
    }

    #[test]
    fn the_judge_starts_multipath_and_nothing_else() {
        const USE: &str = "use std::process::Command; const P: &str =";
        let judge = |rest: &str| count(no_block_reads, STARTS_A_PROGRAM, &format!("{USE} {rest}"));
        assert_eq!(judge("\"multipath\"; fn f() { Command::new(p) }"), 0);
        assert_eq!(judge("\"dmsetup\"; fn f() { Command::new(p) }"), 1);
        assert_eq!(judge("\"multipath\"; fn f() { Command::new(p); Command::new(q) }"), 1);
        assert_eq!(judge("\"multipath\"; fn f() { Command::new(p); open(\"/dev/sda\") }"), 1);
    }

    #[test]
    fn an_order_outside_its_place_is_caught() {
        let count = |path: &str, text: &str| count(orders, path, &format!("const C: &str = {text:?};"));
        assert_eq!(count("crates/io/src/multipathd/query.rs", "reconfigure"), 1);
        assert_eq!(count("crates/io/src/multipathd/query.rs", "remove map x"), 1);
        assert_eq!(count("crates/io/src/multipathd/query.rs", "show maps json"), 0);
        assert_eq!(count("crates/io/src/multipathd/reply.rs", "fail"), 0);
        assert_eq!(count(ORDERS, "reconfigure"), 0);
    }
}
