//! multipath as a judge: a program that plays it, and the real one where the machine has it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pathkeeper_io::dropins::judge::{Candidate, JudgeError, Judgement, RUN_MS, judge};

use super::{Lab, is_root};

/// Reads the drop-ins where multipath would, and does what is written in them.
const PLAYED: &str = r#"#!/bin/sh
[ "$1" = -t ] || exit 9
for f in ROOT/etc/multipath.conf ROOT/etc/multipath/conf.d/*.conf; do
    [ -f "$f" ] || continue
    n=0
    while read -r word rest || [ -n "$word" ]; do
        n=$((n + 1))
        case $word in
            nonsense) echo "$(date +%s).123456 | $f line $n, invalid keyword: $rest" >&2 ;;
            spin) while :; do :; done ;;
            shout) while :; do echo "$f line $n, it never ends" >&2; done ;;
            crash) kill -SEGV $$ ;;
            linger) sleep 1000 & ;;
            fail) exit 3 ;;
            touch) echo written > ROOT/etc/multipath/wwids ;;
        esac
    done < "$f"
done
exit 0
"#;

fn lab(program: &str) -> Lab {
    let lab = Lab::new();
    lab.put("usr/sbin/multipath", &program.replace("ROOT", &lab.path("").to_string_lossy()));
    std::fs::set_permissions(lab.path("usr/sbin/multipath"), PermissionsExt::from_mode(0o755)).unwrap();
    lab
}

fn ask(lab: &Lab, main: Option<&str>, overrides: Option<&str>, run_ms: u64) -> Result<Judgement, JudgeError> {
    let candidate = Candidate { main: main.map(str::as_bytes), overrides: overrides.map(str::as_bytes) };
    judge(&lab.files, &lab.roots, candidate, run_ms)
}

/// All that is below the lab's `etc`, with its text.
fn snapshot(at: &Path) -> Vec<(PathBuf, Option<String>)> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(at).into_iter().flatten() {
        let path = entry.unwrap().path();
        out.push((path.clone(), std::fs::read_to_string(&path).ok()));
        if path.is_dir() {
            out.extend(snapshot(&path));
        }
    }
    out.sort();
    out
}

#[test]
fn what_multipath_says_beyond_what_it_said_before_is_a_refusal() {
    if !is_root("multipath -t in a mount namespace") {
        return;
    }
    let check =
        |present: &[(&str, &str)], main: Option<&str>, overrides: Option<&str>, expect: Option<&str>| {
            let lab = lab(PLAYED);
            present.iter().for_each(|(name, text)| lab.put(&format!("etc/{name}"), text));
            let before = snapshot(&lab.path("etc"));
            let judged = ask(&lab, main, overrides, 2_000).unwrap();
            match (&judged, expect) {
                (Judgement::Accepted, None) => {}
                (Judgement::Refused(why), Some(word)) => {
                    assert!(why.iter().any(|why| why.contains(word)), "{why:?} has no {word}");
                    assert!(why.len() <= 33 && why.iter().all(|why| why.len() <= 250), "{}", why.len());
                }
                _ => panic!("{main:?} {overrides:?}: {judged:?}, and not {expect:?}"),
            }
            assert_eq!(snapshot(&lab.path("etc")), before, "the node's own files are as they were");
            assert_eq!(std::fs::read_dir(lab.path("state/config")).unwrap().count(), 0, "the copy is gone");
            let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
            assert!(!mounts.contains(&*lab.path("").to_string_lossy()), "a mount got out of its namespace");
        };
    let site = "multipath/conf.d/10-site.conf";
    let ours = "multipath/conf.d/60-pathkeeper.conf";
    check(&[], None, None, None);
    check(&[], Some("fine"), Some("fine"), None);
    check(&[], Some("fine\nnonsense foo"), None, Some("60-pathkeeper.conf line 2, invalid keyword: foo"));
    check(&[], None, Some("nonsense foo"), Some("90-pathkeeper-overrides.conf line 1"));
    // An old warning of somebody else's is none of ours, nor one of ours that only moved; a second one is.
    check(&[("multipath.conf", "nonsense old"), (site, "nonsense old")], Some("fine"), None, None);
    check(&[(ours, "nonsense old")], Some("fine\nfine\nnonsense old"), None, None);
    check(&[(ours, "nonsense old")], Some("nonsense old\nnonsense old"), None, Some("invalid keyword: old"));
    check(&[(ours, "nonsense old")], None, None, None);
    check(&[], Some("crash"), None, Some("signal 11"));
    check(&[], Some("fail"), None, Some("status 3"));
    check(&[], Some("spin"), None, Some("did not end within 2 s"));
    check(&[], Some("shout"), None, Some("did not end within 2 s"));
    check(&[], Some("touch"), None, None);
    check(&[], Some(&"nonsense x\n".repeat(500)), None, Some("invalid keyword: x"));
}

#[test]
fn who_cannot_judge_says_so() {
    if !is_root("multipath -t in a mount namespace") {
        return;
    }
    let spins = lab(PLAYED);
    spins.put("etc/multipath.conf", "spin");
    let error = ask(&spins, None, None, 500).unwrap_err();
    assert!(matches!(error, JudgeError::Present(_)), "{error}");
    let none = Lab::new();
    let error = ask(&none, None, None, 500).unwrap_err();
    assert!(error.to_string().contains("multipath's program is not on this machine"), "{error}");
    let broken = lab("no program at all");
    assert!(matches!(ask(&broken, None, None, 500), Err(JudgeError::Run { .. })));
}

#[test]
fn what_it_leaves_running_is_ended_and_not_waited_for() {
    if !is_root("multipath -t in a mount namespace") {
        return;
    }
    let lab = lab(PLAYED);
    let began = Instant::now();
    assert_eq!(ask(&lab, Some("linger"), None, 60_000).unwrap(), Judgement::Accepted);
    assert!(began.elapsed() < Duration::from_secs(60), "it waited for a child that holds its pipe");
    let ours = std::process::id().to_string();
    let left = std::fs::read_dir("/proc").unwrap().flatten().any(|process| {
        let text = |name: &str| std::fs::read_to_string(process.path().join(name)).unwrap_or_default();
        text("cmdline") == "sleep\x001000\0" && text("stat").split(' ').nth(3) == Some(&ours)
    });
    assert!(!left);
}

/// A program that runs the real multipath over the lab's `etc`, and what it is; `None` where there is none. Either the
/// machine's own, or the one that the virtual machine's image was made of (`cargo xtask vm-image`).
fn real() -> Option<(Lab, String)> {
    if !is_root("the real multipath -t") {
        return None;
    }
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/vm/sysroot");
    let image = image.canonicalize().unwrap_or(image);
    let found =
        [PathBuf::from("/sbin/multipath"), "/usr/sbin/multipath".into(), image.join("sbin/multipath")];
    let Some(program) = found.into_iter().find(|path| path.is_file()) else {
        eprintln!(
            "SKIPPED: no multipath on this machine, and no image of the virtual machine (cargo xtask vm-image)"
        );
        return None;
    };
    let script = format!(
        "#!/bin/sh\nmount --rbind ROOT/etc /etc || exit 99\n\
         LD_LIBRARY_PATH=IMAGE/lib:IMAGE/lib/x86_64-linux-gnu:IMAGE/usr/lib/x86_64-linux-gnu exec {} \"$@\"\n",
        program.display()
    );
    let lab = lab(&script.replace("IMAGE", &image.to_string_lossy()));
    Some((lab, program.display().to_string()))
}

#[test]
fn the_real_multipath_judges() {
    let Some((lab, program)) = real() else { return };
    lab.put("etc/multipath.conf", "defaults {\n\tfind_multipaths strict\n\tno_such_old_keyword 1\n}\n");
    lab.put("etc/multipath/conf.d/10-site.conf", "devices {\n");
    let good = "defaults {\n\tno_path_retry 12\n}\nmultipaths {\n\tmultipath {\n\t\twwid 3600a\n\t\talias \
                oracle\n\t\tno_path_retry queue\n\t}\n}\n";
    let check = |main: &str, overrides: &str, refused: bool| {
        let judged = ask(&lab, Some(main), Some(overrides), RUN_MS).unwrap();
        println!("{program}: {overrides:?}: {judged:?}");
        assert_eq!(matches!(judged, Judgement::Refused(_)), refused, "{main:?} {overrides:?}: {judged:?}");
    };
    check(good, "", false);
    check(good, "overrides {\n\tno_path_retry 6\n}\n", false);
    check(good, "overrides {\n\tno_path_retri 6\n}\n", true);
    check(good, "overrides {\n\tno_path_retry 6\n", true);
    check(good, "overrides\n{\n\tno_path_retry 6\n}\n", true);
    check(good, "overrides {\n\tpath_selector \"service-time 0\n}\n", true);
    check(&good.replace("alias", "allias"), "", true);
}
