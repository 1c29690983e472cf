//! The command line, against a running agent.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use pathkeeper_model::local::NodeRead;
use serde_json::Value;

use super::lab::{Lab, NEW, SHOWN, WWID, read};

const CONFIG: &str = "multipath.cfg";

fn free() -> NodeRead {
    let mut read = read(Some(SHOWN));
    read.maps[0].open_count = Some(0);
    read
}

/// Runs it; the exit status has to be this one. Standard output, then standard error.
async fn run(lab: &Lab, args: &[&str], status: i32) -> (String, String) {
    let (exit, out, err) = lab.run(args).await;
    assert_eq!(exit, status, "{args:?}: {out}{err}");
    (out, err)
}

/// An editor that does this to its file.
fn editor(lab: &Lab, name: &str, script: &str) -> PathBuf {
    let path = lab.dir.path().join(name);
    std::fs::write(&path, format!("#!/bin/sh\nset -e\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_that_bears_its_wwid_is_adopted_too() {
    let mut read = free();
    read.maps[0].name = WWID.into();
    let lab = Lab::new(read).await;
    let (_, told) = run(&lab, &["lun", "add", WWID, "--adopt"], 0).await;
    assert!(told.contains(&format!("It has a map already ({WWID})")), "{told}");
    assert_eq!(lab.text(CONFIG).await, format!("wwid: {WWID}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_luns_by_command() {
    let lab = Lab::new(free()).await;
    let (out, _) = run(&lab, &["config", "set", "no_path_retry", "12"], 0).await;
    assert!(
        out.contains("multipath.cfg was changed: da39a3ee5e6b → ") && out.contains("It is pending"),
        "{out}"
    );
    let (out, _) = run(&lab, &["config", "set", "no-path-retry", "12"], 0).await;
    assert!(out.contains("is so already"), "{out}");
    let (_, why) = run(&lab, &["config", "set", "no-path-retry", "abc"], 3).await;
    assert!(why.contains("no-path-retry: \"abc\" is not allowed"), "{why}");
    let (_, why) = run(&lab, &["config", "unset", "no-such"], 3).await;
    assert!(why.contains("no-such: ") && why.contains("is no setting"), "{why}");

    // The map that is there keeps its name.
    let (_, told) = run(&lab, &["lun", "add", "data01", "--adopt"], 0).await;
    assert!(told.contains(&format!("pathkeeper config apply --adopt {WWID}")), "{told}");
    let add = [
        "lun",
        "add",
        NEW,
        "--alias",
        "new",
        "--set",
        "failback=manual",
        "--expected-paths",
        "4",
        "-o",
        "json",
    ];
    let (out, _) = run(&lab, &add, 0).await;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&json["schema"], &json["changed"], &json["pending"]),
        (&1.into(), &true.into(), &true.into())
    );
    assert_eq!(
        lab.text(CONFIG).await,
        format!(
            "defaults: global\n    no-path-retry 12\n\nwwid: {WWID}\n    alias data01\n\nwwid: {NEW}\n    alias new\n    expected-paths 4\n    \
             failback manual\n"
        )
    );
    let (_, why) = run(&lab, &["lun", "add", NEW], 3).await;
    assert!(why.contains("allowed already"), "{why}");
    let (_, why) = run(&lab, &["lun", "add", "3600a99", "--adopt"], 3).await;
    assert!(why.contains("has no map"), "{why}");

    run(&lab, &["lun", "alias", "data01", "oracle"], 0).await;
    run(&lab, &["lun", "set", "new", "failback=immediate", "comment=a b", "--unset", "expected-paths"], 0)
        .await;
    run(&lab, &["config", "set", "failback", "10", "--lun", "oracle"], 0).await;
    run(&lab, &["config", "unset", "no-path-retry"], 0).await;
    run(&lab, &["lun", "alias", "new", "--none"], 0).await;
    assert_eq!(
        lab.text(CONFIG).await,
        format!(
            "defaults: global\n\nwwid: {WWID}\n    alias oracle\n    failback 10\n\nwwid: {NEW}\n    failback immediate\n    comment a b\n"
        )
    );
    // Nobody can be asked here.
    let (_, why) = run(&lab, &["lun", "remove", NEW], 3).await;
    assert!(why.contains("there is no terminal") && why.contains("--yes"), "{why}");
    run(&lab, &["lun", "remove", NEW, "--yes"], 0).await;
    assert!(!lab.text(CONFIG).await.contains(NEW));
    let (_, why) = run(&lab, &["config", "teardown"], 3).await;
    assert!(why.contains("nothing was torn down") && why.contains("--yes"), "{why}");
    run(&lab, &["config", "teardown", "--yes"], 0).await;
    assert!(lab.text(CONFIG).await.starts_with("# pathkeeper: torn down by "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_by_command() {
    let lab = Lab::new(free()).await;
    lab.joined("pve2", &free()).await;
    lab.write("multipath/wwids", format!("/{WWID}/\n"));
    let (out, _) = run(&lab, &["config", "rollout"], 3).await;
    assert!(out.contains("there was no rollout yet"), "{out}");
    lab.document(CONFIG, format!("wwid: {WWID}\n    alias data01\n").as_bytes()).await;
    // The plan is shown, and then nobody can be asked.
    let (out, why) = run(&lab, &["config", "apply"], 3).await;
    assert!(
        out.contains("pve1: ") && out.contains("set up by hand") && why.contains("nothing was started"),
        "{out}{why}"
    );
    let (_, why) = run(&lab, &["config", "apply", "--yes"], 3).await;
    assert!(why.contains("409") && why.contains("set up by hand"), "{why}");
    let (_, why) = run(&lab, &["config", "apply", "--digest", "00", "--adopt", "all", "--yes"], 3).await;
    assert!(why.contains("changed since it was looked at"), "{why}");
    assert_eq!(lab.text("pathkeeper/rollout").await, "");
    let (out, _) = run(&lab, &["config", "apply", "--adopt", "all", "--yes"], 0).await;
    assert!(out.contains("generation 1 is started"), "{out}");

    let (out, _) = run(&lab, &["config", "rollout"], 1).await;
    assert!(out.contains("generation 1  running") && out.contains("pve2  to come"), "{out}");
    let (out, _) = run(&lab, &["config", "rollout", "pause"], 0).await;
    assert_eq!(out, "generation 1 is paused\n");
    let (out, _) = run(&lab, &["config", "rollout", "pause"], 0).await;
    assert_eq!(out, "generation 1 is already paused\n");
    lab.says("pve2", 1, "rolled-back", 7).await;
    let (out, _) = run(&lab, &["config", "rollout", "-o", "json"], 2).await;
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&json["schema"], &json["rollout"]["nodes"]["pve2"]["state"]),
        (&1.into(), &"rolled-back".into())
    );
    let (out, _) = run(&lab, &["config", "rollout", "resume"], 0).await;
    assert!(out.contains("looked at") && out.contains("pve2"), "{out}");
    run(&lab, &["config", "rollout", "force", "pve1"], 0).await;
    let (_, why) = run(&lab, &["config", "rollout", "force", "pve9"], 3).await;
    assert!(why.contains("no such node: pve9"), "{why}");
    lab.says("pve2", 1, "verified", 8).await;
    run(&lab, &["config", "rollout", "show"], 1).await;
    lab.says("pve1", 1, "not-applicable", 8).await;
    run(&lab, &["config", "rollout", "show"], 0).await;

    // Started and waited for: the node speaks of it meanwhile.
    let digest = lab.digest(CONFIG).await;
    let apply = ["config", "apply", "--digest", &digest, "--adopt", "all", "--yes", "--wait", "-o", "json"];
    let speaks = async {
        lab.until("generation 2", async || {
            let rollout = lab.client.rollout().await.ok()?.rollout?;
            (rollout.generation == 2).then_some(())
        })
        .await;
        lab.says("pve2", 2, "verified", 9).await;
        lab.says("pve1", 2, "not-applicable", 9).await;
    };
    let ((out, told), ()) = tokio::join!(run(&lab, &apply, 0), speaks);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["rollout"]["nodes"]["pve2"]["state"], "verified", "{told}");

    let (_, why) = run(&lab, &["config", "rollout", "abort"], 3).await;
    assert!(why.contains("nothing was aborted"), "{why}");
    let (out, _) = run(&lab, &["config", "rollout", "abort", "--yes"], 0).await;
    assert!(out.contains("generation 2 is aborted"), "{out}");
    run(&lab, &["config", "rollout"], 2).await;
    let (out, _) = run(&lab, &["config", "show"], 0).await;
    assert!(out.contains("rollout: generation 2 is aborted"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_writes_what_can_be_followed_and_loses_nothing() {
    let lab = Lab::new(free()).await;
    lab.write("multipath/wwids", format!("/{WWID}/\n"));
    let edited = async |name: &str, script: &str, args: &[&str]| {
        let path = editor(&lab, name, script);
        lab.run_with(&[("EDITOR", path.to_str().unwrap()), ("VISUAL", "")], args).await
    };
    let edit = ["config", "edit", "--yes"];
    // Where there is nothing yet an example stands; left as it is, nothing is written.
    let (exit, _, told) = edited("none", "grep -q '^# defaults: global' \"$1\"", &edit).await;
    assert!(exit == 0 && told.contains("nothing was changed"), "{told}");
    assert_eq!(lab.text(CONFIG).await, "");
    // Nobody could be asked: then no editor is opened.
    let (exit, _, told) = edited("never", "touch \"$0.ran\"", &edit[..2]).await;
    assert!(exit == 3 && told.contains("--yes"), "{told}");
    assert!(!lab.dir.path().join("never.ran").exists());

    let script = format!("printf 'wwid: {NEW}\\n\\tcomment ours\\n' > \"$1\"");
    let (exit, out, told) = edited("good", &script, &edit).await;
    assert!(exit == 0 && out.contains("multipath.cfg was changed"), "{out}{told}");
    assert!(
        told.contains(&format!("+wwid: {NEW}")) && told.contains("pve1: "),
        "the change and the plan: {told}"
    );
    let text = lab.text(CONFIG).await;
    assert_eq!(text, format!("wwid: {NEW}\n\tcomment ours\n"));

    let kept = |told: &str| {
        let path =
            told.split("your text is in ").nth(1).unwrap_or_else(|| panic!("{told}")).trim().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_dir_all(std::path::Path::new(&path).parent().unwrap()).unwrap();
        text
    };
    let (exit, _, told) = edited("bad", "echo '	prio x' >> \"$1\"", &edit).await;
    assert!(exit == 3 && told.contains("multipath.cfg: line 3: prio"), "{told}");
    assert_eq!((kept(&told), lab.text(CONFIG).await), (format!("{text}\tprio x\n"), text.clone()));
    // Somebody else was faster.
    let agent = lab.dir.path().join("run/pathkeeper.sock");
    let program = assert_cmd::cargo::cargo_bin!("pathkeeper");
    let script = format!(
        "{} config set prio alua --socket {} >/dev/null\necho '# mine' >> \"$1\"",
        program.display(),
        agent.display()
    );
    let (exit, _, told) = edited("late", &script, &edit).await;
    assert!(exit == 3 && told.contains("detected modified configuration"), "{told}");
    assert_eq!(kept(&told), format!("{text}# mine\n"));
    assert!(lab.text(CONFIG).await.contains("prio alua") && !lab.text(CONFIG).await.contains("mine"));
    let (exit, _, told) = edited("dies", "echo x >> \"$1\"; exit 7", &edit).await;
    assert!(exit == 3 && told.contains("ended badly"), "{told}");
    assert!(kept(&told).ends_with("x\n"), "what was typed before stays");

    let edit = ["overrides", "edit", "--yes"];
    let (exit, _, told) =
        edited("over", "printf 'overrides {\\n\\tno_path_retry 12\\n}\\n' > \"$1\"", &edit).await;
    assert_eq!(exit, 0, "{told}");
    assert_eq!(lab.text("multipath-overrides.conf").await, "overrides {\n\tno_path_retry 12\n}\n");
    let (out, told) = run(&lab, &["overrides", "show"], 0).await;
    assert!(
        out == "overrides {\n\tno_path_retry 12\n}\n" && told.contains("is good, pending"),
        "{out}{told}"
    );
    let (out, _) = run(&lab, &["overrides", "show", "-o", "json"], 0).await;
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["state"], "good");
}
