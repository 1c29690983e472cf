//! The wwids file: edited in place under multipath's own lock, and never a byte of what somebody else wrote.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pathkeeper_io::dropins::{Done, LOCK_WAIT_MS};
use pathkeeper_model::Wwid;
use proptest::prelude::*;
use rustix::fs::{FlockOperation, fcntl_lock};

use super::{Lab, WWIDS, wwids};

const HEADER: &str = "# Multipath wwids, Version : 1.0\n";

impl Lab {
    fn add(&self, texts: &[&str]) -> (Vec<String>, Vec<String>) {
        let done = self.files.add_wwids(&self.right, &wwids(texts)).unwrap();
        (names(&done.added), names(&done.others))
    }
    fn remove(&self, texts: &[&str]) -> (Vec<String>, Vec<String>) {
        let done = self.files.remove_wwids(&self.right, &wwids(texts)).unwrap();
        (names(&done.removed), names(&done.others))
    }
}

fn names(list: &[Wwid]) -> Vec<String> {
    list.iter().map(Wwid::to_string).collect()
}

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn entries_are_appended_and_struck_out_as_multipath_does_it() {
    let check = |before: &str, add: &[&str], remove: &[&str], expect: &str| {
        let lab = Lab::new();
        lab.put(WWIDS, before);
        lab.add(add);
        lab.remove(remove);
        assert_eq!(lab.text(WWIDS).as_deref(), Some(expect), "{before:?} +{add:?} -{remove:?}");
    };
    let file = |lines: &str| format!("{HEADER}{lines}");
    check("", &["3600a"], &[], &file("/3600a/\n"));
    check(&file("/3600b/\n"), &["3600a"], &[], &file("/3600b/\n/3600a/\n"));
    check(&file("/3600b/\n"), &["3600a"], &["3600a"], &file("/3600b/\n#3600a/\n"));
    // Not ours, so it stays; and it is not adopted by being allowed.
    check(&file("/3600b/\n"), &["3600b"], &["3600b"], &file("/3600b/\n"));
    check(&file("/3600b/\n"), &[], &["3600b"], &file("/3600b/\n"));
    // An entry that was taken out is no entry; a line that was left open stays one by itself.
    check(&file("#3600a/\n"), &["3600a"], &[], &file("#3600a/\n/3600a/\n"));
    check(&file("/3600b/"), &["3600a"], &[], &file("/3600b/\n/3600a/\n"));
    check(&file("/360"), &["3600a"], &[], &file("/360\n/3600a/\n"));
    // Neither a prefix nor what multipath does not read as an entry.
    check(&file("/3600ab/\n /3600a/\n"), &["3600a"], &[], &file("/3600ab/\n /3600a/\n/3600a/\n"));
    check(&file("/3600a/ by hand\n"), &["3600a"], &[], &file("/3600a/ by hand\n"));
    check("hand-made, no header\r\n", &["3600a"], &[], "hand-made, no header\r\n/3600a/\n");
}

#[test]
fn the_record_knows_what_is_ours_and_forgets_what_is_not() {
    let lab = Lab::new();
    lab.put(WWIDS, "/3600h/\n");
    assert_eq!(
        lab.add(&["3600b", "3600a", "3600h", "3600a"]),
        (strings(&["3600a", "3600b"]), strings(&["3600h"]))
    );
    assert_eq!(lab.record(), ["3600a", "3600b"]);
    assert_eq!(lab.add(&["3600a"]), (vec![], vec![]), "ours already");
    assert_eq!(lab.remove(&["3600a", "3600h", "3600x"]), (strings(&["3600a"]), strings(&["3600h", "3600x"])));
    assert_eq!(lab.record(), ["3600b"]);
    assert_eq!(lab.text(WWIDS).unwrap(), "/3600h/\n#3600a/\n/3600b/\n");
    // A person takes ours out, and later makes an entry of their own.
    lab.put(WWIDS, "/3600h/\n#3600b/\n");
    assert_eq!(lab.files.settle_record(&lab.right).unwrap(), Done::Applied);
    assert_eq!(lab.files.settle_record(&lab.right).unwrap(), Done::AlreadySo);
    lab.put(WWIDS, "/3600h/\n#3600b/\n/3600b/\n");
    assert_eq!(lab.remove(&["3600b"]), (vec![], strings(&["3600b"])));
    assert_eq!(lab.text(WWIDS).unwrap(), "/3600h/\n#3600b/\n/3600b/\n");
}

#[test]
fn an_entry_that_a_person_wrote_below_ours_stays() {
    let lab = Lab::new();
    lab.add(&["3600a"]);
    lab.put(WWIDS, &format!("{}/3600a/\n", lab.text(WWIDS).unwrap()));
    lab.remove(&["3600a"]);
    assert_eq!(lab.text(WWIDS).unwrap(), format!("{HEADER}#3600a/\n/3600a/\n"));
}

#[test]
fn what_cannot_be_a_wwid_is_never_written() {
    let lab = Lab::new();
    let long = "3".repeat(128);
    for bad in ["36/00", "3600 a", "3600\n/evil/", "a\tb", "a\u{7f}", &long] {
        let error = lab.files.add_wwids(&lab.right, &wwids(&["3600a", bad])).unwrap_err();
        assert!(error.to_string().contains("cannot stand in it as a WWID"), "{error}");
    }
    assert_eq!((lab.text(WWIDS), lab.record()), (None, vec![]));
    lab.add(&["eui.0025385971b0a1c5", "uuid.x_y:z", &"3".repeat(127)]);
}

#[test]
fn a_link_and_a_folder_are_not_written_through() {
    let lab = Lab::new();
    lab.put("elsewhere", "");
    std::fs::create_dir_all(lab.path("etc/multipath")).unwrap();
    std::os::unix::fs::symlink(lab.path("elsewhere"), lab.path(WWIDS)).unwrap();
    assert!(lab.files.add_wwids(&lab.right, &wwids(&["3600a"])).is_err());
    assert_eq!(lab.text("elsewhere").as_deref(), Some(""));
    std::fs::remove_file(lab.path(WWIDS)).unwrap();
    std::fs::create_dir(lab.path(WWIDS)).unwrap();
    assert!(lab.files.add_wwids(&lab.right, &wwids(&["3600a"])).is_err());
}

const HELD_FILE: &str = "PATHKEEPER_TEST_LOCK";

/// The process that holds multipath's own lock, taken as multipath takes it (`F_SETLK` on the whole file), until it is told
/// what to append. By itself it does nothing.
#[test]
#[ignore = "started by the tests below"]
fn holder() {
    let Some(path) = std::env::var_os(HELD_FILE) else { return };
    let mut file = File::options().append(true).open(path).unwrap();
    fcntl_lock(&file, FlockOperation::LockExclusive).unwrap();
    eprintln!("held");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

/// Another process that holds the lock. It must be one: a process loses such locks when it closes the file anywhere.
struct Holder(Child);

impl Holder {
    fn start(lab: &Lab) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "dropins::wwids::holder", "--ignored", "--nocapture"])
            .env(HELD_FILE, lab.path(WWIDS))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        assert!(stderr.lines().any(|line| line.unwrap() == "held"));
        Self(child)
    }

    /// It appends this and lets go.
    fn end(mut self, line: &str) {
        self.0.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

#[test]
fn while_multipath_holds_its_lock_nothing_is_touched_and_the_wait_ends() {
    let lab = Lab::new();
    lab.put(WWIDS, "/3600h/\n");
    let holder = Holder::start(&lab);
    let began = Instant::now();
    let error = lab.files.add_wwids(&lab.right, &wwids(&["3600a"])).unwrap_err();
    assert!(error.to_string().contains("held its lock for 5 s"), "{error}");
    assert!(began.elapsed() >= Duration::from_millis(LOCK_WAIT_MS));
    assert_eq!((lab.text(WWIDS).unwrap(), lab.record()), ("/3600h/\n".to_owned(), vec![]));
    holder.end("");
    assert_eq!(lab.add(&["3600a"]).0, ["3600a"]);
}

#[test]
fn it_waits_for_the_lock_and_sees_what_was_written_under_it() {
    let lab = Lab::new();
    lab.put(WWIDS, "/3600h/\n");
    let holder = Holder::start(&lab);
    std::thread::scope(|scope| {
        let adding = scope.spawn(|| lab.add(&["3600a", "3600m"]));
        holder.end("/3600m/\n");
        let (added, others) = adding.join().unwrap();
        assert_eq!((added, others), (strings(&["3600a"]), strings(&["3600m"])));
    });
    assert_eq!(lab.text(WWIDS).unwrap(), "/3600h/\n/3600m/\n/3600a/\n");
}

#[test]
fn our_lock_holds_off_multipath_even_while_we_read_the_file_elsewhere() {
    // Several editors at once, each thread as a process of its own would do it, and readers that open and close the
    // file all the time: a lock of the process would be lost at the first close.
    let lab = Lab::new();
    lab.put(WWIDS, HEADER);
    let lists: Vec<Vec<String>> =
        (0..4).map(|editor| (0..10).map(|n| format!("36{editor}{n}")).collect()).collect();
    std::thread::scope(|scope| {
        for list in &lists {
            let lab = &lab;
            scope.spawn(move || {
                for wwid in list {
                    lab.add(&[wwid.as_str()]);
                }
            });
        }
        scope.spawn(|| (0..2_000).for_each(|_| drop(lab.files.read().unwrap())));
    });
    let text = lab.text(WWIDS).unwrap();
    assert_eq!(text.lines().count(), 41, "{text}");
    let mut all: Vec<String> = lists.concat();
    all.sort();
    assert_eq!(lab.record(), all, "nor is anything lost of the record, which the same lock guards");
}

/// A line as multipath's file may hold it, and as hands may have made it.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "/36[0-3]/",
        "#36[0-3]/",
        "/36[0-3]/ .{0,5}",
        " /36[0-3]/",
        "/36[0-3]",
        "# .{0,10}",
        "[^\n/]{0,8}",
        Just(String::new()),
    ]
    .prop_map(|text| text.replace('\n', ""))
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<u8>),
    Remove(Vec<u8>),
    Settle,
}

fn step() -> impl Strategy<Value = Step> {
    let some = || proptest::collection::vec(0_u8..5, 0..4);
    prop_oneof![some().prop_map(Step::Add), some().prop_map(Step::Remove), Just(Step::Settle)]
}

/// What multipath reads as entries.
fn entries(text: &str) -> BTreeSet<String> {
    text.split('\n').filter_map(|line| Some(line.strip_prefix('/')?.split_once('/')?.0.to_owned())).collect()
}

proptest! {
    #[test]
    fn hand_made_lines_survive_byte_for_byte(
        lines in proptest::collection::vec(line(), 0..8),
        ended in any::<bool>(),
        steps in proptest::collection::vec(step(), 0..12),
    ) {
        let lab = Lab::new();
        let mut before = lines.join("\n");
        if ended && !before.is_empty() {
            before.push('\n');
        }
        lab.put(WWIDS, &before);
        let theirs = entries(&before);
        let mut ours: BTreeSet<String> = BTreeSet::new();
        for step in &steps {
            let named = |list: &[u8]| list.iter().map(|n| format!("36{n}")).collect::<Vec<_>>();
            match step {
                Step::Add(list) => {
                    let list = named(list);
                    let refs: Vec<&str> = list.iter().map(String::as_str).collect();
                    lab.add(&refs);
                    ours.extend(list.into_iter().filter(|wwid| !theirs.contains(wwid)));
                }
                Step::Remove(list) => {
                    let list = named(list);
                    let refs: Vec<&str> = list.iter().map(String::as_str).collect();
                    lab.remove(&refs);
                    ours.retain(|wwid| !list.contains(wwid));
                }
                Step::Settle => drop(lab.files.settle_record(&lab.right).unwrap()),
            }
            let text = lab.text(WWIDS).unwrap();
            // Every byte that was there is there, at its place.
            prop_assert!(text.starts_with(&before), "{before:?} became {text:?}");
            // What we added are whole lines of their own.
            let more = text[before.len()..].trim_start_matches('\n');
            prop_assert!(more.is_empty() || more.ends_with("/\n"), "{text:?}");
            prop_assert_eq!(entries(&text), theirs.union(&ours).cloned().collect::<BTreeSet<_>>(), "{:?}", text);
            prop_assert_eq!(lab.record(), ours.iter().cloned().collect::<Vec<_>>());
        }
    }
}
