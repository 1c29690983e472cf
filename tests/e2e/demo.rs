//! The demo: real agents over real sockets say what was simulated, and nothing else.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Command;

use assert_cmd::assert::OutputAssertExt;
use pathkeeper::demo::cluster::{ClusterOptions, DemoCluster};
use pathkeeper::demo::play;
use pathkeeper_api::status::{Cell, LunRow};
use pathkeeper_engine::sim::multipathd::Version;
use pathkeeper_engine::sim::{San, SanConfig, Script, describe};

fn demo(arguments: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pathkeeper"));
    command.arg("demo").args(["--port", "0"]).args(arguments).env("NO_COLOR", "1").env("LC_ALL", "C");
    command.assert()
}

fn stdout(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}

fn stderr(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

/// The words of the line that begins with `name`.
fn line<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let found = page.lines().find(|line| line.split_whitespace().next() == Some(name));
    found.unwrap_or_else(|| panic!("no line {name} in\n{page}")).split_whitespace().collect()
}

#[test]
fn once_prints_the_faults_in_their_places_and_ends_well() {
    let done = demo(&["--once", "--seed", "1"]).success();
    let page = stdout(&done);
    assert!(page.starts_with("demo  HEALTH_ERR "), "{page}");
    assert!(page.contains("24 LUNs: 1 failed, 1 missing, 22 degraded, 0 optimal"), "{page}");
    assert_eq!(line(&page, "LUN")[2..], ["pve1", "pve2", "pve3", "pve4"]);
    // pve2 has lost an adapter; pve3 has no path to the second LUN; pve4 never assembled the third.
    let san = San::new(SanConfig { nodes: 4, luns: 24, paths: 4, seed: 1 }).unwrap();
    assert_eq!(
        line(&page, &san.luns[1].alias),
        ["vm-prod-01", "X", "failed", "4/4", "2/4", "!", "0/4", "XQ", "4/4"]
    );
    assert_eq!(
        line(&page, &san.luns[2].alias),
        ["vm-prod-02", "-", "missing", "4/4", "2/4", "!", "4/4", "none", "-"]
    );
    assert_eq!(stderr(&done), "");
}

#[test]
fn a_hung_multipathd_and_a_dead_node_are_doubt_and_not_health() {
    let page =
        stdout(&demo(&["--once", "--nodes", "6", "--luns", "4", "--multipath-tools", "0.14.3"]).success());
    assert!(page.contains("multipathd 4/6 running"), "{page}");
    assert!(page.contains("5 of 6 nodes fresh"), "{page}");
    assert!(page.contains("pve6 is offline"), "{page}");
    let san = San::new(SanConfig { nodes: 6, luns: 4, paths: 4, seed: 1 }).unwrap();
    let row = line(&page, &san.luns[3].alias);
    // What pve5 last knew is not believed, and what pve6 carries is not known.
    assert!(row.ends_with(&["pve5", "4/4", "?,", "pve6", "?"]), "{page}");
}

#[test]
fn sizes_that_cannot_be_are_refused_in_words() {
    for (arguments, words) in [
        (["--nodes", "0"], "0 nodes cannot be simulated: choose 1 to 64"),
        (["--paths", "0"], "0 paths cannot be simulated: choose 1 to 32"),
        (["--luns", "9999"], "9999 LUNs cannot be simulated: choose 1 to 4000"),
        (["--speed", "0"], "--speed 0 cannot be played"),
        (["--multipath-tools", "0.8.0"], "there are 0.9.4, 0.11.1 and 0.14.3"),
        (["--script", "/no/such/file"], "/no/such/file cannot be read"),
    ] {
        let refused = demo(&arguments).failure();
        assert!(stderr(&refused).contains(words), "{arguments:?}: {}", stderr(&refused));
        assert_eq!(stdout(&refused), "");
    }
}

#[test]
fn a_script_with_a_mistake_is_refused_with_the_line() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"# fine\n+1s pve1 dies\n+1s pve9 dies\n+1s pve1 returns\nnonsense\n").unwrap();
    let words = stderr(&demo(&["--once", "--script", file.path().to_str().unwrap()]).failure());
    assert!(words.contains("line 3: there is no node \"pve9\""), "{words}");
    assert!(words.contains("line 5: begins with no time"), "{words}");
}

#[test]
fn the_printed_story_is_a_script_that_plays() {
    let story = stdout(&demo(&["--print-script", "--nodes", "3"]).success());
    let san = San::new(SanConfig { nodes: 3, luns: 24, paths: 4, seed: 1 }).unwrap();
    let (script, problems) = Script::parse(&story, &san);
    assert_eq!(problems, []);
    assert!(script.steps.len() > 10);
}

/// After each operation the status, asked over HTTP, comes to say what is true.
/// The cells without what causes and sizes say of them: a node knows its own paths before the others do.
fn cells(row: &LunRow) -> BTreeMap<&str, Cell> {
    let bare =
        |cell: &Cell| Cell { causes: Vec::new(), unexplained: None, other_size: false, ..cell.clone() };
    row.nodes.iter().map(|(node, cell)| (node.as_str(), bare(cell))).collect()
}

async fn play_and_compare(version: Version, script: &str) {
    let san = San::new(SanConfig { nodes: 3, luns: 6, paths: 4, seed: 11 }).unwrap();
    let (script, problems) = Script::parse(script, &san);
    assert_eq!(problems, []);
    let mut cluster = DemoCluster::start(san, ClusterOptions { port: 0, version }).await.unwrap();
    play::caught_up(&cluster).await.unwrap_or_else(|e| panic!("at the start: {}", e.message()));
    for step in &script.steps {
        let words = describe(&step.op, &cluster.san());
        cluster.apply(&step.op).await.unwrap();
        let status = play::caught_up(&cluster).await.unwrap_or_else(|e| panic!("{words}: {}", e.message()));
        // Every node that is alive comes to the same matrix.
        for n in (0..3).filter(|n| cluster.address(*n).is_some()) {
            let other =
                play::caught_up_at(&cluster, n).await.unwrap_or_else(|e| panic!("{words}: {}", e.message()));
            for (row, same) in status.luns.iter().zip(&other.luns) {
                assert_eq!((&row.wwid, cells(row)), (&same.wwid, cells(same)), "{words}: pve{}", n + 1);
            }
        }
    }
    assert_eq!(cluster.changes_asked(), 0, "an observing agent asked a multipathd to change something");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_status_follows_every_fault_0_9_4() {
    let script = "
        +0s pve1 path 1 1 fail
        +0s pve1 path 1 2 fail
        +0s pve2 adapter host7 down
        +0s pve3 lun 2 unmap
        +0s pve3 lun 3 forget
        +0s pve1 path 4 1 delete
        +0s array port ctl1-0e down
        +0s array port ctl1-0e up
        +0s pve2 multipathd stop
        +0s pve2 path 5 1 fail
        +0s pve2 multipathd start
        +0s pve3 dies
        +0s pve3 returns
        +0s pve1 dies
        +0s array heal";
    play_and_compare(Version::V0_9_4, script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_status_follows_every_fault_0_14_3() {
    let script = "
        +0s pve2 lun 1 unmap
        +0s pve2 multipathd hang
        +0s pve2 multipathd start
        +0s pve3 multipathd reconfigure
        +0s pve3 multipathd start
        +0s pve1 multipathd slow 200ms
        +0s pve1 adapter host6 down
        +0s array heal";
    play_and_compare(Version::V0_14_3, script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_status_follows_every_fault_0_11_1() {
    let script = "
        +0s pve2 path 3 1 ghost
        +0s pve2 path 3 2 shaky
        +0s array lun 6 queue 2
        +0s pve1 lun 6 unmap
        +0s array port ctl2-0f down
        +0s array heal";
    play_and_compare(Version::V0_11_1, script).await;
}

/// The maps of `of`, as node `at` gives them, as soon as they are as wanted.
async fn maps_of(
    cluster: &DemoCluster,
    at: usize,
    of: &str,
    wanted: impl Fn(&pathkeeper_api::disks::NodeDisks) -> bool,
) -> pathkeeper_api::disks::NodeDisks {
    let client = play::client(cluster.address(at).unwrap());
    let mut last = String::new();
    for _ in 0..300 {
        match client.disks(of).await {
            Ok(disks) if wanted(&disks) => return disks,
            Ok(disks) => last = format!("{:?} of {:?}", disks.report, disks.node),
            Err(e) => last = e.to_string(),
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{of} asked at {at}: {last}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn any_node_answers_for_any_node_also_for_a_dead_one() {
    let san = San::new(SanConfig { nodes: 3, luns: 6, paths: 4, seed: 11 }).unwrap();
    let (script, _) = Script::parse("+0s pve3 dies", &san);
    let mut cluster =
        DemoCluster::start(san, ClusterOptions { port: 0, version: Version::V0_9_4 }).await.unwrap();
    play::caught_up(&cluster).await.unwrap_or_else(|e| panic!("at the start: {}", e.message()));
    let live = maps_of(&cluster, 2, "pve3", |disks| disks.detail == "live").await;
    let told = maps_of(&cluster, 0, "pve3", |disks| disks.report.as_deref() == Some("fresh")).await;
    assert_eq!((told.detail.as_str(), told.maps.len()), ("published", 6));
    assert_eq!((&told.maps, &told.devices, &told.adapters), (&live.maps, &live.devices, &live.adapters));
    cluster.apply(&script.steps[0].op).await.unwrap();
    let dead = maps_of(&cluster, 1, "pve3", |disks| disks.report.as_deref() == Some("offline")).await;
    assert!(dead.age_s.is_some() && dead.maps.len() == 6);
    assert!(
        dead.maps.iter().all(|map| map.state == "unknown" && map.groups.len() == live.maps[0].groups.len())
    );
    assert!(dead.maps.iter().all(|map| map.paths_active.is_none() && map.paths_total == Some(4)));
    let out = Command::new(env!("CARGO_BIN_EXE_pathkeeper"))
        .args(["maps", "--node", "pve3", "--server", &format!("http://{}", cluster.address(1).unwrap())])
        .output()
        .unwrap();
    let page = String::from_utf8(out.stdout).unwrap();
    assert!(page.starts_with("pve3 as it published it ") && page.contains("offline"), "{page}");
    assert_eq!(out.status.code(), Some(3), "{page}");
    let out = Command::new(env!("CARGO_BIN_EXE_pathkeeper"))
        .args(["paths", "--node", "pve3", "--down"])
        .args(["--server", &format!("http://{}", cluster.address(1).unwrap())])
        .output()
        .unwrap();
    let page = String::from_utf8(out.stdout).unwrap();
    assert!(page.contains("is as of then") && !page.contains("can be used"), "{page}");
    assert_eq!(page.matches("active  ready").count(), 24, "none is known to be usable: {page}");
    assert_eq!(out.status.code(), Some(3), "{page}");
    cluster.stop().await;
}

#[test]
fn a_simulated_machine_in_its_own_process_is_a_machine_to_an_agent() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("machine");
    let mut machine = Command::new(env!("CARGO_BIN_EXE_pathkeeper"))
        .args(["sim-multipathd", "--maps", "3", "--paths", "2", "--multipath-tools", "0.11.1", "--root"])
        .arg(&root)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(machine.stdout.take().unwrap()).lines();
    let ready = said.next().unwrap().unwrap();
    assert!(ready.starts_with("ready: 3 maps of 2 paths"), "{ready}");

    use pathkeeper_io::local::{Depth, LocalReader, ReaderConfig};
    use pathkeeper_io::multipathd::SocketAddress;
    let mut reader = LocalReader::new(ReaderConfig {
        roots: pathkeeper_io::roots::Roots::below(&root),
        socket: SocketAddress::Path(root.join("run/multipathd.socket")),
        ..ReaderConfig::default()
    });
    let read = reader.read(Depth::Full);
    assert_eq!(read.problems, Vec::<String>::new());
    assert_eq!(read.unknown_words, 0);
    assert_eq!(read.tools_version.as_deref(), Some("0.11.1"));
    assert_eq!(read.maps.len(), 3);
    let path = &read.maps[0].groups[0].paths[0];
    assert_eq!(path.transport.as_deref(), Some("fc"));
    assert_eq!(path.adapter.as_deref(), Some("host6"));
    assert!(
        path.adapter_port.is_some() && path.target_port.is_some() && path.size_bytes.is_some(),
        "{path:?}"
    );
    assert!(read.maps[0].size_bytes == path.size_bytes);
    assert_eq!(
        read.adapters.iter().map(|a| a.link.as_deref()).collect::<Vec<_>>(),
        [Some("Online"), Some("Online")]
    );

    let pid = rustix::process::Pid::from_child(&machine);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let last = said.next().unwrap().unwrap();
    assert!(last.starts_with("asked ") && last.ends_with(" 0 to change something"), "{last}");
    assert!(machine.wait().unwrap().success());
}
