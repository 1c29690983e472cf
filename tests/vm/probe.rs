//! What runs inside of the guest: listens to the kernel's events and to our API at once, and takes the time between.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use serde_json::Value;

use crate::agent::{DISKS, STATUS};
use crate::verdict;

/// The first argument that makes this program the probe.
pub const WORD: &str = "guest-probe";

const API: &str = "127.0.0.1:8480";

/// `get PATH…` · `ready SECONDS` · `io MAP` · `wait WWID,WWID STATE SECONDS` · `cells WWID NODE=STATE:USABLE/PATHS,… SECONDS` · `findings LINE;LINE SECONDS TEXT…` · `next-read` · `answers SECONDS` · `latency WWID DEVICE COUNT` · `activation SECONDS`
pub fn main(words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["wait", wwids, state, seconds] => wait(wwids, state, seconds),
        ["cells", wwid, cells, seconds] => cells_are(wwid, cells, seconds),
        ["get", ref paths @ ..] => get_all(paths).map(|bodies| print!("{bodies}")),
        ["ready", seconds] => ready(seconds),
        ["io", map] => read_for_ever(map),
        ["findings", want, seconds, ref texts @ ..] => verdict::wait(want, seconds, texts),
        ["next-read"] => next_read(),
        ["answers", seconds] => answers(seconds),
        ["latency", wwid, device, count] => latency(wwid, device, count),
        ["activation", seconds] => activation(seconds),
        _ => Err(anyhow::anyhow!("no such probe: {words:?}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("probe: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Waits till each of the rows (WWIDs with commas between) has this cluster-state (`absent`: till there is no such
/// row) and prints the milliseconds.
fn wait(wwids: &str, state: &str, seconds: &str) -> Result<()> {
    println!("{}", wait_for(wwids, state, seconds.parse()?)?.as_millis());
    Ok(())
}

fn wait_for(wwids: &str, state: &str, seconds: u64) -> Result<Duration> {
    let began = Instant::now();
    loop {
        let said = states(wwids);
        if said.as_ref().is_ok_and(|said| said.iter().all(|said| said == state)) {
            return Ok(began.elapsed());
        }
        ensure!(
            began.elapsed().as_secs() < seconds,
            "after {seconds} s the API says {said:?}, not {state:?}, of {wwids}"
        );
        thread::sleep(Duration::from_millis(50));
    }
}

/// Waits till the row has just these cells, written `node1=optimal:2/2,node2=unknown:-/-`, and prints the milliseconds.
fn cells_are(wwid: &str, want: &str, seconds: &str) -> Result<()> {
    let (began, limit) = (Instant::now(), Duration::from_secs(seconds.parse()?));
    loop {
        let said = cells(wwid);
        if said.as_ref().is_ok_and(|said| said == want) {
            println!("{}", began.elapsed().as_millis());
            return Ok(());
        }
        ensure!(began.elapsed() < limit, "after {seconds} s the API says {said:?}, not {want}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// The row's cells now, in the order of the nodes' names.
fn cells(wwid: &str) -> Result<String> {
    let body: Value = serde_json::from_str(&get(STATUS)?)?;
    let rows = body["data"]["luns"].as_array().context("no data.luns in the status")?;
    let row = rows.iter().find(|row| row["wwid"] == wwid).context("there is no such row")?;
    let nodes = row["nodes"].as_object().context("a row without nodes")?;
    let count = |count: &Value| count.as_u64().map_or("-".to_owned(), |n| n.to_string());
    let cell = |(node, cell): (&String, &Value)| {
        let state = cell["state"].as_str().unwrap_or("no word");
        format!("{node}={state}:{}/{}", count(&cell["paths-active"]), count(&cell["paths-total"]))
    };
    Ok(nodes.iter().map(cell).collect::<Vec<_>>().join(","))
}

/// The rows' cluster-states now, `absent` without a row.
fn states(wwids: &str) -> Result<Vec<String>> {
    let body: Value = serde_json::from_str(&get(STATUS)?)?;
    let rows = body["data"]["luns"].as_array().context("no data.luns in the status")?;
    let state = |wwid: &str| {
        let row = rows.iter().find(|row| row["wwid"] == wwid);
        row.map_or("absent", |row| row["cluster-state"].as_str().unwrap_or("no word")).to_owned()
    };
    Ok(wwids.split(',').map(state).collect())
}

/// Waits till the agent has read the node anew, so that what happens now is as far from its next poll as can be.
fn next_read() -> Result<()> {
    let time = || -> Result<i64> {
        let disks: Value = serde_json::from_str(&get(DISKS)?)?;
        disks["data"]["time"].as_i64().context("no data.time in the disks")
    };
    let (began, old) = (Instant::now(), time()?);
    while time()? == old {
        ensure!(began.elapsed().as_secs() < 30, "the agent has not read anything for 30 s");
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Asks the status ten times a second and prints the milliseconds of the slowest answer.
fn answers(seconds: &str) -> Result<()> {
    let (began, limit) = (Instant::now(), Duration::from_secs(seconds.parse()?));
    let mut slowest = Duration::ZERO;
    while began.elapsed() < limit {
        let asked = Instant::now();
        get(STATUS)?;
        slowest = slowest.max(asked.elapsed());
        thread::sleep(Duration::from_millis(100));
    }
    println!("{}", slowest.as_millis());
    Ok(())
}

/// HTTP/1.0, so that the body ends with the connection and comes in one piece.
fn request(path: &str) -> Result<BufReader<TcpStream>> {
    let mut stream = TcpStream::connect(API)?;
    stream.set_nodelay(true)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {API}\r\nAccept: */*\r\n\r\n")?;
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    stream.read_line(&mut first)?;
    ensure!(first.contains(" 200 "), "GET {path}: {}", first.trim());
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        ensure!(stream.read_line(&mut line)? > 0, "GET {path}: the head was cut off");
    }
    Ok(stream)
}

/// The body of the agent's answer.
pub fn get(path: &str) -> Result<String> {
    let mut stream = request(path)?;
    stream.get_ref().set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut body = String::new();
    stream.read_to_string(&mut body)?;
    Ok(body)
}

/// Several bodies, with a line `@@` between them: each start of this program costs the guest a quarter of a second.
fn get_all(paths: &[&str]) -> Result<String> {
    Ok(paths.iter().map(|path| get(path)).collect::<Result<Vec<_>>>()?.join("\n@@\n"))
}

/// Waits till the agent calls itself ready.
fn ready(seconds: &str) -> Result<()> {
    let (began, limit) = (Instant::now(), Duration::from_secs(seconds.parse()?));
    while let Err(error) = get("/readyz") {
        ensure!(began.elapsed() < limit, "the agent is not ready after {seconds} s: {error:#}");
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Small direct reads of the map, 50 a second, each with a device that is opened for it: nothing holds the map between
/// them. Whether they fail is not looked at.
fn read_for_ever(map: &str) -> Result<()> {
    let path = format!("/dev/mapper/{map}");
    let mut page = Page([0; 4096]);
    loop {
        if let Ok(map) = open_direct(&path) {
            let _ = map.read_at(&mut page.0, 0);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Something that was seen, and when.
enum Seen {
    /// The kernel's event that a path failed.
    PathFailed,
    /// A line of /events.
    Line(String),
}

/// Fails the device under I/O `count` times; prints one line of JSON for each.
fn latency(wwid: &str, device: &str, count: &str) -> Result<()> {
    let (seen, sights) = mpsc::channel();
    let socket = uevent_socket()?;
    let tell = seen.clone();
    thread::spawn(move || kernel_events(&socket, &tell));
    let events = request("/events")?;
    thread::spawn(move || stream_events(events, &seen));
    let over = Arc::new(AtomicBool::new(false));
    let reader = {
        let over = Arc::clone(&over);
        let map = open_direct(&format!("/dev/mapper/{wwid}"))?;
        thread::spawn(move || read_until(&map, &over))
    };
    let state_file = format!("/sys/block/{device}/device/state");
    for _ in 0..count.parse::<u32>()? {
        wait_for(wwid, "optimal", 30)?;
        while sights.try_recv().is_ok() {}
        let fault = Instant::now();
        fs::write(&state_file, "offline\n")?;
        let measured = one_fault(&sights, wwid, fault);
        fs::write(&state_file, "running\n")?;
        println!("{}", measured?);
    }
    over.store(true, Ordering::Relaxed);
    let _ = reader.join();
    wait_for(wwid, "optimal", 30)?;
    Ok(())
}

fn one_fault(sights: &Receiver<(Instant, Seen)>, wwid: &str, fault: Instant) -> Result<Value> {
    let end = fault + Duration::from_secs(20);
    let (mut event, mut told) = (None, None);
    while event.is_none() || told.is_none() {
        let left = end.saturating_duration_since(Instant::now());
        let (at, sight) =
            sights.recv_timeout(left).with_context(|| format!("event {event:?}, API {told:?}"))?;
        match sight {
            Seen::PathFailed => event = event.or(Some(at)),
            Seen::Line(line) if line.contains(wwid) && line.contains("\"cluster-state\":\"degraded\"") => {
                told = told.or(Some(at))
            }
            Seen::Line(_) => {}
        }
    }
    let (Some(event), Some(told)) = (event, told) else { bail!("cannot be: both are known") };
    // Whoever asks now, and does not listen, must be told the same.
    let said = states(wwid)?;
    let asked = Instant::now();
    ensure!(said == ["degraded"], "the stream said degraded and the status says {said:?}");
    let ms = |to: Instant, from: Instant| to.saturating_duration_since(from).as_secs_f64() * 1000.0;
    Ok(serde_json::json!({
        "fault_to_event_ms": ms(event, fault),
        "event_to_stream_ms": ms(told, event),
        "event_to_status_ms": ms(asked, event),
    }))
}

fn uevent_socket() -> Result<OwnedFd> {
    let socket = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::KOBJECT_UEVENT),
    )?;
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, 1))?;
    Ok(socket)
}

fn kernel_events(socket: &OwnedFd, seen: &Sender<(Instant, Seen)>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok((length, _)) = rustix::net::recv(socket, buffer.as_mut_slice(), RecvFlags::empty()) {
        let at = Instant::now();
        let failed = buffer[..length].split(|byte| *byte == 0).any(|field| field == b"DM_ACTION=PATH_FAILED");
        if failed && seen.send((at, Seen::PathFailed)).is_err() {
            return;
        }
    }
}

fn stream_events(events: BufReader<TcpStream>, seen: &Sender<(Instant, Seen)>) {
    for line in events.lines().map_while(Result::ok) {
        if seen.send((Instant::now(), Seen::Line(line))).is_err() {
            return;
        }
    }
}

fn open_direct(path: &str) -> Result<File> {
    let flags = rustix::fs::OFlags::DIRECT.bits() as i32;
    OpenOptions::new().read(true).custom_flags(flags).open(path).with_context(|| format!("open {path}"))
}

/// Direct reads want aligned memory.
#[repr(align(4096))]
struct Page([u8; 4096]);

fn read_until(map: &File, over: &AtomicBool) {
    let mut page = Page([0; 4096]);
    while !over.load(Ordering::Relaxed) {
        // Failing is what the path is here for; the next read goes by the other one.
        let _ = map.read_at(&mut page.0, 0);
        thread::sleep(Duration::from_millis(10));
    }
}

/// Plays systemd's part on Debian 12: listens at multipathd's address while it is stopped, where connecting would
/// start it. Prints `started by PEER` for whoever connects, `nobody` at the end.
fn activation(seconds: &str) -> Result<()> {
    let address = SocketAddr::from_abstract_name(b"/org/kernel/linux/storage/multipathd")?;
    let listener = UnixListener::bind_addr(&address)?;
    listener.set_nonblocking(true)?;
    let end = Instant::now() + Duration::from_secs(seconds.parse()?);
    while Instant::now() < end {
        if let Ok((stream, _)) = listener.accept() {
            let peer = rustix::net::sockopt::socket_peercred(&stream)?;
            let pid = peer.pid.as_raw_nonzero();
            let who = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            println!("started by {}", who.trim());
            return Ok(());
        }
        thread::sleep(Duration::from_millis(20));
    }
    println!("nobody");
    Ok(())
}
