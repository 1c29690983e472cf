//! Drop-ins: read with all that stands beside them, written whole, put back.

use std::os::unix::fs::PermissionsExt;

use pathkeeper_io::dropins::{Done, DropIn};

use super::Lab;

const MAIN: &str = "etc/multipath/conf.d/60-pathkeeper.conf";
const OVERRIDES: &str = "etc/multipath/conf.d/90-pathkeeper-overrides.conf";

#[test]
fn an_empty_node_is_read_as_empty() {
    let lab = Lab::new();
    assert_eq!(lab.files.read().unwrap(), Default::default());
    assert!(!lab.path("state").exists(), "reading makes nothing");
}

#[test]
fn all_that_multipath_reads_is_read_in_its_order() {
    let lab = Lab::new();
    lab.put("etc/multipath.conf", "main");
    for (name, text) in [
        ("95-late.conf", "late"),
        ("10-early.conf", "early"),
        ("60-pathkeeper.conf", "ours"),
        ("90-pathkeeper-overrides.conf", "overrides"),
        ("README", "no"),
        (".hidden.conf", "no"),
        (".pathkeeper-x1.conf.tmp", "no"),
    ] {
        lab.put(&format!("etc/multipath/conf.d/{name}"), text);
    }
    lab.put("etc/multipath/bindings", "mpatha 3600a\n");
    lab.put(super::WWIDS, "/3600a/\n");
    let present = lab.files.read().unwrap();
    let names: Vec<(&str, &[u8])> = present
        .others
        .iter()
        .map(|file| (file.name.rsplit('/').next().unwrap(), file.bytes.as_slice()))
        .collect();
    assert_eq!(
        names,
        [("multipath.conf", &b"main"[..]), ("10-early.conf", b"early"), ("95-late.conf", b"late")]
    );
    assert_eq!(present.main.as_deref(), Some(&b"ours"[..]));
    assert_eq!(present.overrides.as_deref(), Some(&b"overrides"[..]));
    assert_eq!(present.bindings.as_deref(), Some(&b"mpatha 3600a\n"[..]));
    assert_eq!(present.wwids.as_deref(), Some(&b"/3600a/\n"[..]));
}

#[test]
fn what_cannot_be_read_whole_is_an_error() {
    let lab = Lab::new();
    std::fs::create_dir_all(lab.path(MAIN)).unwrap();
    let error = lab.files.read().unwrap_err();
    assert!(error.to_string().contains("60-pathkeeper.conf"), "{error}");
    std::fs::remove_dir(lab.path(MAIN)).unwrap();
    lab.put("etc/multipath/conf.d/10-huge.conf", &"x".repeat((1 << 20) + 1));
    let error = lab.files.read().unwrap_err().to_string();
    assert!(error.contains("10-huge.conf") && error.contains("longer than"), "{error}");
    std::fs::remove_file(lab.path("etc/multipath/conf.d/10-huge.conf")).unwrap();
    for n in 0..257 {
        lab.put(&format!("etc/multipath/conf.d/{n}.conf"), "");
    }
    assert!(lab.files.read().unwrap_err().to_string().contains("more than 256"));
    lab.put("state/config/wwids-added", "garbage");
    std::fs::remove_dir_all(lab.path("etc/multipath/conf.d")).unwrap();
    assert!(lab.files.read().unwrap_err().to_string().contains("not as Pathkeeper wrote it"));
}

#[test]
fn a_drop_in_is_written_taken_away_and_left_alone() {
    let lab = Lab::new();
    let put =
        |content: Option<&str>| lab.files.put(&lab.right, DropIn::Main, content.map(str::as_bytes)).unwrap();
    assert_eq!(put(None), Done::AlreadySo);
    assert_eq!(put(Some("one\n")), Done::Applied);
    assert_eq!(put(Some("one\n")), Done::AlreadySo);
    assert_eq!(lab.text(MAIN).as_deref(), Some("one\n"));
    let mode = std::fs::metadata(lab.path(MAIN)).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644, "as administrators' own files: others may read it");
    assert_eq!(put(Some("two\n")), Done::Applied);
    assert_eq!(put(None), Done::Applied);
    assert_eq!(std::fs::read_dir(lab.path("etc/multipath/conf.d")).unwrap().count(), 0, "nothing is left");
    let long = vec![b'#'; (1 << 20) + 1];
    assert!(lab.files.put(&lab.right, DropIn::Main, Some(&long)).is_err());
}

#[test]
fn files_go_back_to_what_they_were_whatever_that_was() {
    for before in [[None, None], [Some("m\n"), None], [None, Some("o\n")], [Some("m\n"), Some("o\n")]] {
        for after in [[None, None], [Some("M\n"), None], [None, Some("O\n")], [Some("m\n"), Some("O\n")]] {
            let lab = Lab::new();
            let put = |texts: [Option<&str>; 2]| {
                for (which, text) in DropIn::ALL.into_iter().zip(texts) {
                    lab.files.put(&lab.right, which, text.map(str::as_bytes)).unwrap();
                }
            };
            put(before);
            lab.put("etc/multipath/conf.d/10-site.conf", "hand-made");
            lab.files.keep(&lab.right, 7).unwrap();
            put(after);
            let done = lab.files.restore(&lab.right, 7).unwrap();
            assert_eq!(done == Done::AlreadySo, before == after);
            assert_eq!(lab.files.restore(&lab.right, 7).unwrap(), Done::AlreadySo);
            let now = [lab.text(MAIN), lab.text(OVERRIDES)];
            assert_eq!(now, before.map(|text| text.map(str::to_owned)), "{before:?} {after:?}");
            assert_eq!(lab.text("etc/multipath/conf.d/10-site.conf").as_deref(), Some("hand-made"));
        }
    }
}

#[test]
fn what_was_not_kept_takes_nothing_away() {
    let lab = Lab::new();
    lab.put(MAIN, "mine");
    let error = lab.files.restore(&lab.right, 3).unwrap_err();
    assert!(error.to_string().contains("before-3: they were not kept"), "{error}");
    assert_eq!(lab.text(MAIN).as_deref(), Some("mine"));
}

#[test]
fn kept_files_are_of_their_generation_and_the_oldest_go() {
    let lab = Lab::new();
    for generation in 1..=9_u64 {
        lab.put(MAIN, &format!("before {generation}"));
        lab.files.keep(&lab.right, generation).unwrap();
    }
    let mut kept: Vec<String> = std::fs::read_dir(lab.path("state/config"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    assert_eq!(kept, ["before-5", "before-6", "before-7", "before-8", "before-9"]);
    lab.files.restore(&lab.right, 7).unwrap();
    assert_eq!(lab.text(MAIN).as_deref(), Some("before 7"));
    // The same generation once more, ordered by a person: what is there now is what it goes back to.
    lab.put(MAIN, "now");
    lab.files.keep(&lab.right, 7).unwrap();
    lab.put(MAIN, "later");
    lab.files.restore(&lab.right, 7).unwrap();
    assert_eq!(lab.text(MAIN).as_deref(), Some("now"));
}

#[test]
fn what_a_kill_left_is_cleared_and_nothing_else() {
    let lab = Lab::new();
    for torn in [
        "etc/multipath/conf.d/.pathkeeper-Ab12Cd",
        "state/config/.pathkeeper-x/60-pathkeeper.conf",
        "state/config/.pathkeeper-y",
    ] {
        lab.put(torn, "half of a fi");
    }
    for other in
        ["etc/multipath/conf.d/.swp", "etc/multipath/conf.d/10.conf", "state/config/before-1/x", MAIN]
    {
        lab.put(other, "stays");
    }
    assert_eq!(lab.files.clear_torn(&lab.right).unwrap(), 3);
    assert_eq!(lab.files.clear_torn(&lab.right).unwrap(), 0);
    for other in
        ["etc/multipath/conf.d/.swp", "etc/multipath/conf.d/10.conf", "state/config/before-1/x", MAIN]
    {
        assert_eq!(lab.text(other).as_deref(), Some("stays"), "{other}");
    }
    assert_eq!(Lab::new().files.clear_torn(&lab.right).unwrap(), 0, "no folders, nothing torn");
}
