//! A node is told to be managed, and not any more: by root, on the node, and everything says so.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Output};

use pathkeeper_io::managing::{MARK_FILE, MARK_LINE};

use crate::node::{Node, program};
use crate::service::{start, terminate, told};

const STATUS: &str = "/api2/json/cluster/multipath/status";
/// systemd's program as far as it is asked here: it writes down what it was told, and fails if it shall.
const SYSTEMCTL: &str = r#"#!/bin/sh
echo "$@" >>ROOT/told
[ "$1" != "$(cat ROOT/fails 2>/dev/null)" ] || { echo "Job for pathkeeper.service failed." >&2; exit 1; }
"#;

fn run(node: &Node, words: &[&str]) -> Output {
    let mut command = Command::new(program());
    node.agent(&mut command);
    command.args(words).arg("--socket").arg(node.path("run/pathkeeper.sock"));
    command.stdin(std::process::Stdio::null()).env("PATHKEEPER_ROOTS_USR", node.path("usr"));
    command.output().unwrap()
}

/// Runs it and holds its exit status and each text against what it printed.
fn check(node: &Node, words: &[&str], status: i32, texts: &[&str]) -> String {
    let output = run(node, words);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(status), "{words:?}: {said}");
    for text in texts {
        assert!(said.contains(text), "{words:?} without {text:?}: {said}");
    }
    said
}

fn put(node: &Node, name: &str, text: &str, mode: u32) {
    let path = node.path(name);
    let folder = path.parent().unwrap();
    fs::create_dir_all(folder).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(&path, text.replace("ROOT", node.path("").to_str().unwrap().trim_end_matches('/'))).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn an_agent_of_a_managed_node_says_so_everywhere() {
    let node = Node::new();
    let socket = node.path("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    let mark = format!("etc/{MARK_FILE}");
    put(&node, &mark, &format!("[Service]\n{MARK_LINE}\n"), 0o644);
    let notify = |command: &mut Command| {
        // As the unit's drop-in has it.
        command.env("NOTIFY_SOCKET", &socket).env("PATHKEEPER_MODE", "manage");
    };
    let mut agent = start(&node, notify);
    told(&systemd, "STATUS=managing");
    node.until(STATUS, r#""mode":"manage""#);
    node.until("/api2/json/nodes", r#""mode":"manage""#);
    node.until("/metrics", r#"mode="manage""#);
    check(&node, &["status", "--all"], 0, &["mode: manage"]);
    check(&node, &["health"], 0, &["configuration managed"]);
    check(&node, &["manage", "status"], 0, &["alpha is managed: ", "the agent says so too: manage"]);
    let doctor = run(&node, &["doctor"]);
    let doctor = String::from_utf8(doctor.stdout).unwrap();
    assert!(doctor.contains(" on alpha: MANAGE") && !doctor.contains("MODE"), "{doctor}");
    // The mark is gone, and the agent has not heard.
    fs::remove_file(node.path(&mark)).unwrap();
    let told_both =
        ["alpha observes: there is no ", "the agent that runs says manage", "systemctl daemon-reload"];
    check(&node, &["manage", "status"], 0, &told_both);
    assert_eq!(terminate(&mut agent), Some(0));
    let mut agent = start(&node, |command| {
        command.env("NOTIFY_SOCKET", &socket);
    });
    told(&systemd, "STATUS=observing");
    node.until(STATUS, r#""mode":"observe""#);
    assert_eq!(terminate(&mut agent), Some(0));
}

#[test]
fn root_tells_a_node_to_be_managed_and_to_observe_again() {
    let node = Node::new();
    let mark = node.path(&format!("etc/{MARK_FILE}"));
    let sent = || fs::read_to_string(node.path("told")).unwrap_or_default().lines().count();
    if !rustix::process::geteuid().is_root() {
        check(&node, &["manage", "enable", "--yes"], 3, &["only root may"]);
        check(&node, &["manage", "disable"], 3, &["only root may"]);
        assert!(!mark.exists());
        eprintln!("SKIPPED: the rest of it needs root");
        return;
    }
    check(
        &node,
        &["manage", "enable", "--yes"],
        3,
        &["multipathd and multipath is not on this", "multipath-tools"],
    );
    put(&node, "sbin/multipathd", "", 0o755);
    put(&node, "sbin/multipath", "", 0o755);
    check(&node, &["--server", "https://pve2:8480", "manage", "enable", "--yes"], 3, &["on that node"]);
    let own = [
        "On alpha, Pathkeeper will own",
        "60-pathkeeper.conf",
        "90-pathkeeper-overrides.conf",
        "It never touches",
    ];
    let said = check(&node, &["manage", "enable"], 3, &own);
    assert!(said.contains("nothing was changed: there is no terminal to ask at; --yes"), "{said}");
    assert!(!mark.exists());

    // Where systemd does not run, and where it is left alone, a person restarts the agent.
    let typed = ["alpha is managed", "systemctl daemon-reload", "systemctl restart pathkeeper.service"];
    check(&node, &["manage", "enable", "--yes"], 0, &[&typed[..], &["systemd does not run here"]].concat());
    assert_eq!(fs::metadata(&mark).unwrap().permissions().mode() & 0o7777, 0o644);
    check(&node, &["manage", "enable"], 0, &["alpha is managed already"]);
    check(&node, &["manage", "status"], 0, &["alpha is managed: ", "does not answer", "no file or entry"]);
    check(&node, &["manage", "disable"], 0, &["had no file or entry of its own here"]);
    assert!(!mark.exists() && !mark.parent().unwrap().exists());
    check(&node, &["manage", "disable"], 0, &["alpha observes already"]);
    put(&node, "usr/bin/systemctl", SYSTEMCTL, 0o755);
    fs::create_dir_all(node.path("run/systemd/system")).unwrap();
    check(&node, &["manage", "enable", "--yes", "--no-restart"], 0, &typed);
    assert_eq!(sent(), 0);
    check(&node, &["manage", "disable", "--no-restart"], 0, &typed[1..]);
    assert_eq!(sent(), 0);

    // Where it runs, it is told. What is here of ours stays when the node observes again.
    check(&node, &["manage", "enable", "--yes"], 0, &["the agent was restarted", "alpha is managed"]);
    let told = fs::read_to_string(node.path("told")).unwrap();
    assert_eq!(told, "daemon-reload\nrestart pathkeeper.service\n");
    let main = "etc/multipath/conf.d/60-pathkeeper.conf";
    put(&node, main, "# ours", 0o644);
    put(&node, "state/config/wwids-added", "# ours\n3600a\n3600b\n", 0o600);
    let stays = ["60-pathkeeper.conf", "2 WWIDs in ", "pathkeeper config release", "no map was touched"];
    check(&node, &["manage", "disable"], 0, &stays);
    assert_eq!((sent(), mark.exists()), (4, false));
    assert_eq!(fs::read_to_string(node.path(main)).unwrap(), "# ours");
    let json = run(&node, &["manage", "status", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["mode"], json["present"].as_array().unwrap().len()), (&"observe".into(), 2));

    // An agent that does not start would watch nothing: then the mark is taken away again, and it is started as it was.
    put(&node, "fails", "restart", 0o644);
    let failed = ["Job for pathkeeper.service failed", "this node observes", "the agent does not run"];
    check(&node, &["manage", "enable", "--yes"], 3, &failed);
    assert_eq!((sent(), mark.exists()), (8, false));

    put(&node, "usr/share/perl5/PVE/Multipath.pm", "1;", 0o644);
    put(&node, "p.toml", "[store]\nkind = \"pmxcfs\"\n", 0o644);
    let config = node.path("p.toml");
    let in_pmxcfs = ["manage", "enable", "--yes", "--config", config.to_str().unwrap()];
    check(&node, &in_pmxcfs, 3, &["Proxmox VE's own multipath series", "nothing was changed"]);
    assert!(!mark.exists());
    let audit = fs::read_to_string(node.path("state/audit.log")).unwrap();
    let count = |what: &str| audit.matches(&format!(r#""method":"manage {what}""#)).count();
    assert_eq!((count("enable"), count("disable")), (4, 4), "{audit}");
}

#[test]
fn a_node_is_released_with_what_it_has() {
    let node = Node::new();
    if !rustix::process::geteuid().is_root() {
        check(&node, &["config", "release", "--yes"], 3, &["only root may"]);
        eprintln!("SKIPPED: the rest of it needs root");
        return;
    }
    let mark = node.path(&format!("etc/{MARK_FILE}"));
    let main = "etc/multipath/conf.d/60-pathkeeper.conf";
    let left = node.path("etc/multipath/conf.d/60-pathkeeper-released.conf");
    check(&node, &["config", "release", "--yes"], 3, &["this node observes", "nothing was changed"]);
    put(&node, "sbin/multipathd", "", 0o755);
    put(&node, "sbin/multipath", "", 0o755);
    check(&node, &["manage", "enable", "--yes"], 0, &["alpha is managed"]);
    put(&node, main, "defaults {\n}\n", 0o644);
    put(&node, "etc/multipath/wwids", "/3600a/\n", 0o644);
    put(&node, "state/config/wwids-added", "# ours\n3600a\n", 0o600);
    let asked = ["60-pathkeeper.conf", "1 WWID in ", "there is no terminal to ask at", "nothing was changed"];
    check(&node, &["config", "release"], 3, &asked);
    check(&node, &["--server", "https://pve2:8480", "config", "release", "--yes"], 3, &["on that node"]);

    // Something is being applied, or nobody can tell: nothing is given up, and the node is managed as before.
    let begun = r#"{"schema":1,"plan":{"generation":7,"digest":"d","files":[],"add":[],"remove":[],"maps":[],
        "needs-reconfigure":true,"forced":false},"before":{"boot-id":"b","pid":1,"maps":[],"config-digest":null,"held":[]},
        "mark":{"at":"asked"}}"#;
    put(&node, "state/apply.json", begun, 0o600);
    check(&node, &["config", "release", "--yes"], 3, &["generation 7 is being applied here"]);
    put(&node, "state/apply.json", "{", 0o600);
    check(&node, &["config", "release", "--yes"], 3, &["config release: "]);
    assert!(mark.exists() && node.path(main).exists() && !left.exists());
    let over = begun.replace(
        r#""mark":{"at":"asked"}"#,
        r#""mark":{"at":"done","progress":"verified","why":[],"since":7}"#,
    );
    put(&node, "state/apply.json", &over, 0o600);
    // What cannot be given up leaves the mark where it was.
    put(&node, "etc/multipath/conf.d/60-pathkeeper-x.conf", "", 0o644);
    let between = ["is read between it and", "this node is managed as before"];
    check(&node, &["config", "release", "--yes"], 3, &between);
    assert!(mark.exists() && node.path(main).exists() && !left.exists());
    fs::remove_file(node.path("etc/multipath/conf.d/60-pathkeeper-x.conf")).unwrap();

    let done = ["60-pathkeeper-released.conf", "1 WWID in wwids", "alpha is released, and observes"];
    check(&node, &["config", "release", "--yes"], 0, &done);
    assert!(!mark.exists() && !node.path(main).exists());
    assert!(fs::read_to_string(left).unwrap().ends_with("defaults {\n}\n"));
    assert_eq!(fs::read_to_string(node.path("etc/multipath/wwids")).unwrap(), "/3600a/\n");
    check(&node, &["manage", "status"], 0, &["alpha observes", "no file or entry of Pathkeeper's is here"]);
    let audit = fs::read_to_string(node.path("state/audit.log")).unwrap();
    assert_eq!(audit.matches(r#""method":"config release""#).count(), 1, "{audit}");
}

/// What systemd itself makes of the unit, as installed and with the drop-in of a managed node.
#[test]
fn systemd_analyze_finds_the_drop_in_opening_two_things_alone() {
    let root = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let mode = if name.starts_with("usr/bin/") { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    put("etc/systemd/system/pathkeeper.service", include_str!("../../packaging/pathkeeper.service"));
    // What the unit starts, and what every unit needs to be there.
    for name in ["usr/bin/pathkeeper", "usr/bin/kill"] {
        put(name, "#!/bin/sh\n");
    }
    for name in ["sysinit.target", "basic.target", "shutdown.target", "system.slice"] {
        put(&format!("usr/lib/systemd/system/{name}"), "[Unit]\nDescription=x\n");
    }
    let analyze = |words: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        command.args(words).arg("--root").arg(root.path()).arg("pathkeeper.service");
        let output = command.output().expect("systemd-analyze runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{words:?}: {said}");
        output.stdout
    };
    let settings = || -> Vec<(String, bool)> {
        analyze(&["verify", "--man=no"]);
        let report = analyze(&["security", "--offline=true", "--json=short", "--no-pager"]);
        let report: Vec<serde_json::Value> = serde_json::from_slice(&report).unwrap();
        let row = |row: &serde_json::Value| (row["name"].as_str().unwrap().to_owned(), row["set"] == true);
        let mut rows: Vec<_> = report.iter().map(row).collect();
        rows.sort();
        rows
    };
    let observing = settings();
    put(
        "etc/systemd/system/pathkeeper.service.d/50-manage.conf",
        include_str!("../../packaging/50-manage.conf"),
    );
    let managing = settings();
    let opened: Vec<&str> = observing
        .iter()
        .filter(|(name, set)| *set && managing.contains(&(name.clone(), false)))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(opened, ["RestrictNamespaces=~mnt", "SystemCallFilter=~@mount"]);
    assert_eq!(observing.len(), managing.len());
    let changed = observing.iter().filter(|row| !managing.contains(row)).count();
    assert_eq!(changed, 2, "{managing:?}");
}
