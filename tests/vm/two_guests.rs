//! Two machines on the same disks, each with its own kernel and multipathd, and one picture of both through an etcd.
//!
//! etcd runs on the host's loopback address. A machine reaches it through a door of its own, a port that this test
//! listens at: so no port is guessed.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::between;
use crate::etcd_servers::Servers;
use crate::lab::{self, EVERYBODY, Lab, is_wanted, want};
use crate::qemu::{self, Shape};

const SHAPES: [Shape; 2] = [shape("node1"), shape("node2")];

/// What a machine may take, in its own seconds, to tell what happened on another: two polls of the other, and the way. A host
/// that is busy with other things takes several times as long; how long it took is printed.
const TOLD_LIMIT_S: u32 = 120;
/// The lease's 10 s, and time for etcd to end it and for the machine to hear of it; on an idle host 13 s.
const GONE_LIMIT_S: u32 = 90;
/// For the command line to agree: the store may be out of reach for a moment.
const AGREE_LIMIT: Duration = Duration::from_secs(180);

const fn shape(node: &'static str) -> Shape {
    Shape { memory_mib: 448, node, network: true, ..Shape::ONE }
}

/// Two machines, and the LUN that both have.
pub struct Pair {
    /// The first machine, node1.
    pub one: Lab,
    /// The second one, node2.
    pub two: Lab,
    /// The LUN's name.
    pub lun: Vec<String>,
}

/// Boots both and plays the story. The machines' files stay where it failed.
pub fn run(image: &Path) -> Result<()> {
    lab::kept_where_it_fails(|dir| play(image, dir))
}

fn play(image: &Path, dir: &Path) -> Result<()> {
    let servers = Servers::start(1);
    let endpoint = servers.endpoint(0);
    let etcd = endpoint.strip_prefix("http://").context("etcd listens without TLS here")?;
    let dirs = SHAPES.map(|shape| dir.join(shape.node));
    for dir in &dirs {
        std::fs::create_dir_all(dir.join("share"))?;
        let store =
            format!("\n[store.etcd]\nendpoints = [\"http://{}:{}\"]\n", qemu::HOST, door(etcd.to_owned())?);
        std::fs::write(dir.join("share/store.toml"), store)?;
    }
    symlink(dirs[0].join(qemu::lun_file(1)), dirs[1].join(qemu::lun_file(1)))?;
    let mut labs = start(image, &[(&dirs[0], &SHAPES[0]), (&dirs[1], &SHAPES[1])])?;
    let (two, one) = (labs.pop().context("two were started")?, labs.pop().context("two were started")?);
    let lun = one.wwids.clone();
    ensure!(lun == two.wwids, "both have the same LUN");
    let mut pair = Pair { one, two, lun };
    type Step = (&'static str, fn(&mut Pair) -> Result<()>);
    let steps: [Step; 8] = [
        ("both nodes are whole on both", both_whole),
        ("a path fails on node1 and shows on node2", one_path),
        ("node1 has no path left, node2 works on", no_path),
        ("node1 is healed", healed),
        ("node1's multipathd is killed, and started again", daemon_killed),
        ("the LUN grows under node1 first", between::resized),
        ("another LUN under its name on node2", between::other_lun_under_its_name),
        ("node1 loses its power", power_lost),
    ];
    for (name, step) in steps.into_iter().filter(|(name, _)| is_wanted(name)) {
        told(name, || step(&mut pair)).with_context(|| {
            format!("{name}\n--- node1\n{}\n--- node2\n{}", pair.one.machine.logs(), pair.two.machine.logs())
        })?;
    }
    // Its power comes back: a new run of the agent under the same name.
    let mut labs = start(image, &[(&dirs[0], &SHAPES[0])])?;
    pair.one = labs.pop().context("one was started")?;
    let back = told("node1 comes back", || both_whole(&mut pair));
    back.with_context(|| format!("{}\n{}", pair.one.machine.logs(), pair.two.machine.logs()))?;
    Ok(())
}

/// Plays a step, and says how it went and how long it took.
pub fn told(name: &str, step: impl FnOnce() -> Result<()>) -> Result<()> {
    let began = Instant::now();
    let result = step();
    let seconds = began.elapsed().as_secs_f64();
    match &result {
        Ok(()) => println!("ok     {seconds:5.1} s  {name}"),
        Err(error) => println!("FAILED {seconds:5.1} s  {name}: {error:#}"),
    }
    result
}

/// Boots machines side by side, with multipathd and the agent in them.
fn start(image: &Path, machines: &[(&Path, &Shape)]) -> Result<Vec<Lab>> {
    let boot = |dir: &Path, shape: &Shape| -> Result<Lab> {
        let mut lab = Lab::start(image, dir, shape)?;
        let ready = lab.start_multipathd("fail").and_then(|()| lab.start_agent());
        ready.with_context(|| lab.machine.logs())?;
        Ok(lab)
    };
    thread::scope(|scope| {
        let booting: Vec<_> =
            machines.iter().map(|(dir, shape)| scope.spawn(move || boot(dir, shape))).collect();
        booting
            .into_iter()
            .map(|boot| boot.join().unwrap_or_else(|_| anyhow::bail!("a boot panicked")))
            .collect()
    })
}

/// A port of the loopback address behind which is `to`. It is open as long as this program runs.
pub fn door(to: String) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(io::Result::ok) {
            // A machine that cannot be carried to etcd finds its connection closed.
            if let Ok(other) = TcpStream::connect(&to) {
                let _ = carry(&stream, &other).and_then(|()| carry(&other, &stream));
            }
        }
    });
    Ok(port)
}

/// Carries what comes from the one to the other, on a thread of its own, till one end is closed.
fn carry(from: &TcpStream, to: &TcpStream) -> io::Result<()> {
    let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
    to.set_nodelay(true)?;
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
    Ok(())
}

impl Pair {
    /// Waits till both machines' APIs have just these cells; prints how long the second one took.
    fn both_say(&mut self, one: &str, two: &str) -> Result<()> {
        let cells = format!("node1={one},node2={two}");
        let ms = cells_are(&mut self.two, &self.lun, &cells, TOLD_LIMIT_S)?;
        cells_are(&mut self.one, &self.lun, &cells, TOLD_LIMIT_S)?;
        println!("         {cells} on node2 after {ms} ms");
        Ok(())
    }
}

/// Waits till the API of the machine has these cells; the milliseconds.
fn cells_are(lab: &mut Lab, lun: &[String], cells: &str, limit_s: u32) -> Result<u64> {
    let text = lab.machine.ok(&format!("probe guest-probe cells {} {cells} {limit_s}", lun[0]))?;
    text.trim().parse().with_context(|| format!("the probe printed {text:?}"))
}

/// Waits till the command line in the machine says the same, by its exit status, with this text.
fn exits_with(lab: &mut Lab, status: i32, text: &str) -> Result<()> {
    let began = Instant::now();
    loop {
        let output = lab.machine.run("pathkeeper status", Duration::from_secs(60))?;
        if output.status == status && output.text.contains(text) {
            return Ok(());
        }
        ensure!(
            began.elapsed() < AGREE_LIMIT,
            "pathkeeper status ended with {}, not {status} and {text:?}: {}",
            output.status,
            output.text
        );
    }
}

fn both_whole(pair: &mut Pair) -> Result<()> {
    pair.both_say("optimal:2/2", "optimal:2/2")?;
    for lab in [&mut pair.one, &mut pair.two] {
        lab.witnesses_say(&pair.lun, want(2, 2))?;
        // With all cells alike a machine's own row is judged as in a lab of one.
        lab.all_agree(&pair.lun, want(2, 2), "optimal")?;
        exits_with(lab, 0, "2 of 2 nodes fresh")?;
    }
    Ok(())
}

fn one_path(pair: &mut Pair) -> Result<()> {
    pair.one.machine.ok(&format!("io_start {}; set_path sda offline", pair.lun[0]))?;
    pair.one.witnesses_say(&pair.lun, want(1, 2))?;
    pair.both_say("degraded:1/2", "optimal:2/2")?;
    // The other machine's own paths are as they were.
    pair.two.witnesses_say(&pair.lun, want(2, 2))?;
    exits_with(&mut pair.two, 1, "degraded")
}

fn no_path(pair: &mut Pair) -> Result<()> {
    pair.one.machine.ok("set_path sdb offline")?;
    pair.one.witnesses_say(&pair.lun, want(0, 2))?;
    pair.both_say("failed:0/2", "optimal:2/2")?;
    pair.two.witnesses_say(&pair.lun, want(2, 2))?;
    let read = format!("dd if=/dev/mapper/{} of=/dev/null bs=4096 count=16 iflag=direct", pair.lun[0]);
    pair.two.machine.ok(&read)?;
    exits_with(&mut pair.two, 2, "")
}

fn healed(pair: &mut Pair) -> Result<()> {
    pair.one.machine.ok("set_path sda running; set_path sdb running; io_stop")?;
    both_whole(pair)
}

/// The kernel proves nothing good: without multipathd a map with all its paths is unknown, on the other machine too.
fn daemon_killed(pair: &mut Pair) -> Result<()> {
    pair.one.machine.ok("mpd_kill")?;
    pair.both_say("unknown:2/2", "optimal:2/2")?;
    let snapshot = pair.two.snapshot(EVERYBODY)?;
    ensure!(snapshot.text.contains("MULTIPATHD_DOWN"), "no finding about node1: {}", snapshot.text);
    pair.one.machine.ok("mpd_start; until_true 60 mpd_answers")?;
    both_whole(pair)
}

fn power_lost(pair: &mut Pair) -> Result<()> {
    let began = Instant::now();
    pair.one.machine.power_off();
    let ms = cells_are(&mut pair.two, &pair.lun, "node1=unknown:-/-,node2=optimal:2/2", GONE_LIMIT_S)?;
    println!(
        "         node1 unknown on node2 after {ms} ms of the guest's, {:.1?} of the host's",
        began.elapsed()
    );
    let snapshot = pair.two.snapshot(EVERYBODY)?;
    ensure!(snapshot.text.contains("NODE_OFFLINE"), "no finding about node1: {}", snapshot.text);
    let row = &snapshot.agent.context("not asked")?.rows[&pair.lun[0]];
    ensure!(row.cluster_state == "optimal", "what node2 has is as it was: {row:?}");
    // Doubt is no health.
    exits_with(&mut pair.two, 3, "")
}
