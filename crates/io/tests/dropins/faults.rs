//! A full disk, a disk that cannot be written, a process that is killed in the middle.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use pathkeeper_io::dropins::DropIn;
use pathkeeper_model::Wwid;

use super::{Lab, WWIDS, is_root, wwids};

/// Runs this on a thread whose mounts nobody else sees, with a file system of its own at these places.
fn with_mounts(what: &str, test: impl FnOnce() + Send) {
    if !is_root(what) {
        return;
    }
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNS).unwrap();
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).unwrap();
            test();
        });
        thread.join().unwrap();
    });
}

/// A file system of 64 KiB.
fn small_disk(at: &Path) {
    std::fs::create_dir_all(at).unwrap();
    mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some("size=64k")).unwrap();
}

fn read_only(at: &Path) {
    let none: Option<&str> = None;
    mount(none, at, none, MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, none).unwrap();
}

/// Fills the disk to its last byte.
fn fill(at: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(at.join("filler")).unwrap();
    while file.write(&[b'x'; 4096]).is_ok_and(|n| n > 0) {}
}

#[test]
fn on_a_full_disk_the_old_files_stay_whole() {
    with_mounts("a full disk below /etc/multipath", || {
        let lab = Lab::new();
        let folder = lab.path("etc/multipath");
        small_disk(&folder);
        lab.files.put(&lab.right, DropIn::Main, Some(b"old")).unwrap();
        // The entry would begin on a page that is there and end on one that cannot be had.
        let hand_made = format!("{}\n", "#".repeat(4_090));
        lab.put(WWIDS, &hand_made);
        fill(&folder);
        let error = lab.files.put(&lab.right, DropIn::Main, Some(&[b'#'; 9_000])).unwrap_err();
        assert!(error.to_string().contains("60-pathkeeper.conf: No space left"), "{error}");
        assert_eq!(lab.text("etc/multipath/conf.d/60-pathkeeper.conf").unwrap(), "old");
        let names = std::fs::read_dir(folder.join("conf.d")).unwrap().count();
        assert_eq!(names, 1, "the half of a file is gone");
        let error = lab.files.add_wwids(&lab.right, &wwids(&["3600a0980383034"])).unwrap_err();
        assert!(error.to_string().contains("wwids: No space left"), "{error}");
        assert_eq!(lab.text(WWIDS).unwrap(), hand_made, "what was written of it was cut off");
        assert_eq!(lab.record(), Vec::<String>::new(), "nothing of ours stands there");
        std::fs::remove_file(folder.join("filler")).unwrap();
        lab.files.add_wwids(&lab.right, &wwids(&["3600a0980383034"])).unwrap();
        assert_eq!(lab.text(WWIDS).unwrap(), format!("{hand_made}/3600a0980383034/\n"));
    });
}

#[test]
fn without_room_for_the_record_nothing_is_added() {
    with_mounts("a full state directory", || {
        let lab = Lab::new();
        small_disk(&lab.path("state"));
        lab.files.add_wwids(&lab.right, &wwids(&["3600a"])).unwrap();
        let before = lab.text(WWIDS);
        fill(&lab.path("state"));
        let error = lab.files.add_wwids(&lab.right, &wwids(&["3600b"])).unwrap_err();
        assert!(error.to_string().contains("wwids-added: No space left"), "{error}");
        assert_eq!((lab.text(WWIDS), lab.record()), (before, vec!["3600a".to_owned()]));
        // Taking out needs the record last: the entry is struck out, and the record names one too many until it is settled.
        assert!(lab.files.remove_wwids(&lab.right, &wwids(&["3600a"])).is_err());
        assert!(lab.text(WWIDS).unwrap().ends_with("#3600a/\n"));
        assert_eq!(lab.record(), ["3600a"]);
        lab.put("etc/multipath/conf.d/60-pathkeeper.conf", "old");
        assert!(
            lab.files.keep(&lab.right, 1).is_err(),
            "what cannot be kept is said before anything is touched"
        );
        std::fs::remove_file(lab.path("state/filler")).unwrap();
        lab.files.settle_record(&lab.right).unwrap();
        assert_eq!(lab.record(), Vec::<String>::new());
    });
}

#[test]
fn on_a_read_only_disk_nothing_is_done_and_all_is_said() {
    with_mounts("a read-only disk below /etc/multipath", || {
        let lab = Lab::new();
        let folder = lab.path("etc/multipath");
        small_disk(&folder);
        lab.files.put(&lab.right, DropIn::Main, Some(b"old")).unwrap();
        lab.put(WWIDS, "/3600h/\n");
        lab.files.keep(&lab.right, 1).unwrap();
        read_only(&folder);
        let said = |result: Result<(), String>| {
            let why = result.unwrap_err();
            assert!(why.contains("Read-only file system"), "{why}");
        };
        let words = |e: pathkeeper_io::dropins::FileError| e.to_string();
        said(lab.files.put(&lab.right, DropIn::Main, Some(b"new")).map(drop).map_err(words));
        said(lab.files.put(&lab.right, DropIn::Main, None).map(drop).map_err(words));
        said(lab.files.add_wwids(&lab.right, &wwids(&["3600a"])).map(drop).map_err(words));
        assert!(lab.files.restore(&lab.right, 1).is_ok(), "what is as it was needs no writing");
        let present = lab.files.read().unwrap();
        assert_eq!((present.main.unwrap(), present.wwids.unwrap()), (b"old".to_vec(), b"/3600h/\n".to_vec()));
        assert!(present.added.is_empty());
    });
}

const FOLDER: &str = "PATHKEEPER_TEST_FOLDER";

/// Each line is the same number, so that a mixture of two would show.
fn content(n: u32) -> String {
    format!("# {n}\n").repeat(5_000)
}

/// The process that is killed; by itself it does nothing.
#[test]
#[ignore = "started by the test below"]
fn endless_writer() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let roots = pathkeeper_io::Roots::below(Path::new(&folder));
    let right = pathkeeper_io::Managing::of_node(&roots).unwrap();
    let files = pathkeeper_io::dropins::NodeFiles::new(&roots, &Path::new(&folder).join("state"));
    for n in 0..u32::MAX {
        files.keep(&right, 1).unwrap();
        files.put(&right, DropIn::Main, Some(content(n).as_bytes())).unwrap();
        let wwid = Wwid::new(&format!("3600{}", n % 7)).unwrap();
        files.add_wwids(&right, std::slice::from_ref(&wwid)).unwrap();
        files.remove_wwids(&right, &[Wwid::new(&format!("3600{}", (n + 3) % 7)).unwrap()]).unwrap();
        files.restore(&right, 1).unwrap();
        std::fs::write(Path::new(&folder).join("round"), n.to_string()).unwrap();
    }
}

fn start_writer(lab: &Lab) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "dropins::faults::endless_writer", "--ignored"])
        .env(FOLDER, lab.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_kill_at_any_moment_leaves_whole_files_and_a_record_that_knows_all() {
    let lab = Lab::new();
    let hand_made = "# hand-made\n/3600h/\n";
    lab.put(WWIDS, hand_made);
    lab.put("etc/multipath/conf.d/10-site.conf", "hand-made");
    let mut torn = 0;
    for round in 0..25_u64 {
        let _ = std::fs::remove_file(lab.path("round"));
        let mut child = start_writer(&lab);
        while lab.text("round").is_none_or(|text| text.is_empty()) {
            assert!(child.try_wait().unwrap().is_none(), "the writer ended by itself");
            std::thread::yield_now();
        }
        // Some way into its work, another one each time.
        (0..round * 40_000).for_each(|_| std::hint::spin_loop());
        child.kill().unwrap();
        child.wait().unwrap();
        let main = lab.text("etc/multipath/conf.d/60-pathkeeper.conf").unwrap_or_default();
        let first = main.lines().next().unwrap_or_default();
        assert!(main.is_empty() || main == format!("{first}\n").repeat(5_000), "half a file");
        let text = lab.text(WWIDS).unwrap();
        assert!(text.starts_with(hand_made) && text.ends_with('\n'), "{text}");
        let record = lab.record();
        for line in text.lines().skip(2) {
            if let Some(entry) = line.strip_prefix('/').and_then(|line| line.strip_suffix('/')) {
                assert!(
                    record.contains(&entry.to_owned()),
                    "{entry} is ours, and the record does not know it"
                );
            }
        }
        assert_eq!(lab.text("etc/multipath/conf.d/10-site.conf").as_deref(), Some("hand-made"));
        torn += lab.files.clear_torn(&lab.right).unwrap();
        let names: Vec<_> = std::fs::read_dir(lab.path("etc/multipath/conf.d"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name != "10-site.conf" && name != "60-pathkeeper.conf")
            .collect();
        assert!(names.is_empty(), "{names:?}");
    }
    println!("{torn} torn files and folders were cleared after 25 kills");
}
