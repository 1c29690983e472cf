//! The command line from outside: exit status, standard error, and what to do next. No agent is needed.

use std::io::Read;
use std::process::{Command, Stdio};

use assert_cmd::assert::OutputAssertExt;
use assert_cmd::cargo::cargo_bin_cmd;

fn pathkeeper() -> assert_cmd::Command {
    let mut command = cargo_bin_cmd!("pathkeeper");
    for name in ["PATHKEEPER_SERVER", "PATHKEEPER_SOCKET", "PATHKEEPER_CONFIG", "NO_COLOR"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C");
    command
}

fn check(args: &[&str], exit: i32, stdout: &str, stderr: &str) {
    let output = pathkeeper().args(args).assert().get_output().clone();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let told = format!("{args:?}\n-- stdout\n{out}\n-- stderr\n{err}");
    assert_eq!(output.status.code(), Some(exit), "{told}");
    assert!(out.contains(stdout), "no {stdout:?} in {told}");
    assert!(err.contains(stderr), "no {stderr:?} in {told}");
    assert!(!err.contains("panicked"), "{told}");
}

#[test]
fn without_an_agent_every_question_is_unknown_and_says_what_to_do() {
    let none = ["--socket", "/nonexistent/pathkeeper.sock"];
    for command in ["status", "maps", "paths", "nodes", "watch"] {
        let args = [&none[..], &[command]].concat();
        check(
            &args,
            3,
            "",
            "pathkeeper: no agent answers at /nonexistent/pathkeeper.sock: No such file or directory\n",
        );
        check(&args, 3, "", "systemctl status pathkeeper");
    }
    check(&[&none[..], &["status", "--watch"]].concat(), 3, "", "no agent answers");
    check(&[&none[..], &["check"]].concat(), 3, "UNKNOWN: no agent answers at /nonexistent", "");
    check(&[&none[..], &["check", "--lun", "x"]].concat(), 3, "UNKNOWN: ", "");
    check(&["status", "--server", "http://127.0.0.1:1"], 3, "", "no agent answers at http://127.0.0.1:1");
    check(&["status", "--server", "http://127.0.0.1:1"], 3, "", "ssh -L 8480:127.0.0.1:8480");
}

#[test]
fn an_agent_that_never_answers_is_unknown_within_the_timeout() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let hang = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Until the client goes away.
        stream.read_to_end(&mut Vec::new()).ok();
    });
    check(&["check", "--server", &url, "--timeout", "1"], 3, "UNKNOWN: the agent at", "");
    hang.join().unwrap();
}

#[test]
fn a_mistake_in_the_arguments_never_looks_like_a_verdict() {
    check(&["nope"], 3, "", "unrecognized subcommand");
    check(&["status", "--nope"], 3, "", "unexpected argument");
    check(&["status", "--state", "bad"], 3, "", "possible values: optimal");
    check(&["status", "--timeout", "0"], 3, "", "1..=600");
    check(&["status", "--server", "ftp://pve1"], 3, "", "ftp:// is not spoken");
    check(&["status", "--server", "http://"], 3, "", "give it as https://HOST:PORT");
    check(&["check", "--nope"], 3, "UNKNOWN: mistake in the arguments", "unexpected argument");
    check(&["check", "--lun", "a", "--node", "b"], 3, "UNKNOWN", "cannot be used with");
    check(&["--help"], 0, "pathkeeper doctor", "");
    check(&["--version"], 0, "pathkeeper 0.", "");
}

#[test]
fn a_configuration_with_a_mistake_stops_the_agent_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("p.toml");
    let with = |text: &str, expect: &str| {
        std::fs::write(&file, text).unwrap();
        let place = format!("{}{expect}", file.display());
        check(&["agent", "--config", file.to_str().unwrap()], 3, "", &place);
    };
    with("\nnodes = 1\n", ":2:1: unknown field `nodes`");
    with(
        "listen = \"0.0.0.0:8480\"\ntls.use = \"off\"",
        ":1:10: listening on 0.0.0.0:8480 without TLS is refused",
    );
    with("poll-interval-s = 1", ":1:19: 1 is no poll interval");
    check(&["agent", "--config", "/nonexistent/p.toml"], 3, "", "/nonexistent/p.toml: No such file");
}

#[test]
fn a_door_to_the_network_without_a_token_stays_shut_and_says_how_it_opens() {
    let dir = tempfile::tempdir().unwrap();
    let (file, state) = (dir.path().join("p.toml"), dir.path().join("state"));
    let text =
        format!("listen = \"0.0.0.0:0\"\nstate-dir = {state:?}\nrun-dir = {:?}\n", dir.path().join("run"));
    std::fs::write(&file, text).unwrap();
    check(&["agent", "--config", file.to_str().unwrap()], 3, "", "pathkeeper token add");
    assert!(!state.join("tls").exists(), "no certificate is made for a door that stays shut");
}

#[test]
fn completions_manual_and_document_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        check(&["completions", shell], 0, "pathkeeper", "");
    }
    check(&["man"], 0, ".TH pathkeeper 1", "");
    check(&["openapi"], 0, "\"openapi\": \"3.1", "");
    let dir = tempfile::tempdir().unwrap();
    check(&["man", "--out", dir.path().to_str().unwrap()], 0, "", "");
    let page = std::fs::read_to_string(dir.path().join("pathkeeper-status.1")).unwrap();
    assert!(page.contains("pathkeeper status \\-\\-watch"), "{page}");
    assert!(!dir.path().join("pathkeeper-openapi.1").exists());
    check(&["man", "--out", "/nonexistent"], 3, "", "writing /nonexistent/pathkeeper.1: No such file");
}

#[test]
fn a_reader_that_goes_away_is_success() {
    // Nobody reads: the first write meets a closed pipe.
    let mut child = Command::new(assert_cmd::cargo::cargo_bin!("pathkeeper"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.wait_with_output().unwrap().assert().success().stderr("");
}

#[test]
fn the_doctor_works_without_an_agent_and_without_multipath() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().to_str().unwrap();
    let doctor = |form: &str| {
        let mut command = pathkeeper();
        command
            .args(["doctor", "--socket", "/nonexistent/p.sock", "-o", form])
            .env("PATHKEEPER_NODE", "pve2");
        for key in ["PATHKEEPER_ROOTS_SYSFS", "PATHKEEPER_ROOTS_PROC", "PATHKEEPER_ROOTS_ETC"] {
            command.env(key, dir);
        }
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let table = doctor("table");
    assert!(table.contains(" on pve2: OBSERVE, nothing was or will be written to /etc\n"), "{table}");
    assert!(table.contains("note  agent      no agent answers at /nonexistent/p.sock"), "{table}");
    assert!(table.contains("note  config     no file"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&doctor("json")).unwrap();
    assert_eq!(
        (&json["schema"], &json["node"], &json["mode"]),
        (&1.into(), &"pve2".into(), &"observe".into())
    );
    assert!(std::fs::read_dir(root.path()).unwrap().next().is_none(), "the doctor wrote something");
}

#[test]
fn a_machine_that_is_alone_leaves_nothing_and_forgets_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("p.toml");
    let state = dir.path().join("state");
    let settings = |store: &str| {
        std::fs::write(&file, format!("node = \"a\"\nstate-dir = {state:?}\n{store}")).unwrap();
    };
    let config = file.to_str().unwrap();
    settings("[store]\nkind = \"embedded\"");
    check(&["agent", "--leave", "--config", config], 3, "", "there is no cluster to leave");
    check(&["nodes", "forget", "b", "--config", config], 3, "", "there is no node to forget");
    check(&["nodes", "forget", "a b", "--config", config], 3, "", "is no node name");
    check(&["nodes", "forget", "a", "--config", config], 3, "", "pathkeeper agent --leave first");
    settings("[store]\nkind = \"pmxcfs\"");
    check(&["agent", "--config", config], 3, "", "store.kind is pmxcfs");
    settings("[store.etcd]\nendpoints = [\"http://127.0.0.1:1\"]");
    let alone = if cfg!(feature = "etcd") { "cannot be forgotten" } else { "built without etcd" };
    check(&["nodes", "forget", "b", "--config", config], 3, "", alone);
}
