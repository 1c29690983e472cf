//! The reader against a fake multipathd on a real Unix socket: each way in which a daemon can go wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use pathkeeper_io::multipathd::{AskError, Connection, Deadline, Query, frame};
use pathkeeper_io::{Depth, LocalReader, ProbeResult, ReaderConfig, Roots, SocketAddress, StaleFlag};
use pathkeeper_model::judge;
use pathkeeper_model::local::{Daemon, Pv};
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

/// What the fake does with one command.
enum Act {
    /// A well-framed reply.
    Say(&'static [u8]),
    /// The same, from a file of tests/data.
    File(&'static str),
    /// These bytes without any framing, then hang up.
    Raw(Vec<u8>),
    /// These bytes, then silence with the connection open.
    RawThenHang(Vec<u8>),
    /// A well-framed reply, one byte at a time.
    Drip(&'static [u8]),
    /// Silence with the connection open.
    Hang,
    /// Hang up at once.
    Close,
}
use Act::*;

struct Fake {
    dir: tempfile::TempDir,
    asked: Arc<AtomicUsize>,
    /// Dropped at the end: hanging connections wait for it, and not for time.
    _stop: mpsc::Sender<()>,
}

fn data(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/multipathd").join(name))
        .unwrap()
}

fn framed(text: &[u8]) -> Vec<u8> {
    let mut out = (text.len() + 1).to_ne_bytes().to_vec();
    out.extend(text);
    out.push(0);
    out
}

impl Fake {
    /// `act` is asked with each command and how often that command came before.
    fn new(act: impl Fn(&str, usize) -> Act + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("socket")).unwrap();
        let (stop, stopped) = mpsc::channel::<()>();
        let stopped = Arc::new(std::sync::Mutex::new(stopped));
        let asked = Arc::new(AtomicUsize::new(0));
        let (act, count) = (Arc::new(act), Arc::clone(&asked));
        let seen = Arc::new(std::sync::Mutex::new(std::collections::HashMap::<String, usize>::new()));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (act, count, seen, stopped) =
                    (Arc::clone(&act), Arc::clone(&count), Arc::clone(&seen), Arc::clone(&stopped));
                std::thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    while let Some(command) = next_command(&mut stream) {
                        count.fetch_add(1, Ordering::Relaxed);
                        let before = {
                            let mut seen = seen.lock().unwrap();
                            let n = seen.entry(command.clone()).or_insert(0);
                            *n += 1;
                            *n - 1
                        };
                        let hang = || drop(stopped.lock().map(|stopped| stopped.recv()));
                        match act(&command, before) {
                            Say(text) => drop(stream.write_all(&framed(text))),
                            File(name) => drop(stream.write_all(&framed(&data(name)))),
                            Raw(bytes) => {
                                drop(stream.write_all(&bytes));
                                return;
                            }
                            RawThenHang(bytes) => {
                                drop(stream.write_all(&bytes));
                                hang();
                            }
                            Drip(text) => {
                                framed(text).iter().for_each(|b| drop(stream.write_all(&[*b])));
                            }
                            Hang => hang(),
                            Close => return,
                        }
                    }
                });
            }
        });
        Self { dir, asked, _stop: stop }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// For daemons that answer: far longer than they need on a busy machine.
    fn reader(&self) -> LocalReader {
        reader(&self.socket(), 20_000)
    }

    /// For daemons that do not: as short as a test may wait.
    fn hasty_reader(&self) -> LocalReader {
        reader(&self.socket(), 1_000)
    }
}

fn next_command(stream: &mut UnixStream) -> Option<String> {
    let mut length = [0; 8];
    stream.read_exact(&mut length).ok()?;
    let mut text = vec![0; usize::from_ne_bytes(length)];
    stream.read_exact(&mut text).ok()?;
    assert_eq!(text.pop(), Some(0));
    Some(String::from_utf8(text).unwrap())
}

fn reader(socket: &Path, deadline_ms: u32) -> LocalReader {
    LocalReader::new(config(socket, deadline_ms))
}

fn config(socket: &Path, deadline_ms: u32) -> ReaderConfig {
    ReaderConfig {
        roots: Roots::below(Path::new("/nonexistent")),
        socket: SocketAddress::Path(socket.to_owned()),
        deadline_ms,
        stuck_deadline_ms: 100,
        ..ReaderConfig::default()
    }
}

const NO_MAPS: &[u8] = b"{\n   \"major_version\": 0,\n   \"minor_version\": 1,\n   \"maps\": []\n}\n";

fn is_hung(daemon: &Daemon) -> bool {
    matches!(daemon, Daemon::Hung { .. })
}

/// What the daemon is judged to do when `show maps json` is answered so and `show daemon` says `phase`.
fn daemon_when(act: fn() -> Act) -> Daemon {
    let fake =
        Fake::new(move |command, _| if command == "show maps json" { act() } else { Say(b"pid 7 idle\n") });
    fake.reader().read(Depth::Full).daemon
}

/// The same for a daemon that is not expected to answer.
fn daemon_when_waiting(act: fn() -> Act) -> Daemon {
    let fake =
        Fake::new(move |command, _| if command == "show maps json" { act() } else { Say(b"pid 7 idle\n") });
    fake.hasty_reader().read(Depth::Full).daemon
}

#[test]
fn a_healthy_daemon() {
    let fake = Fake::new(|command, _| {
        match command {
        "show maps json" => File("0.9.4/11-one-path-offline.show-maps.json"),
        "show" => File("0.9.4/reply-show-alone.txt"),
        "show daemon" => Say(b"pid 7 idle\n"),
        "show config" => Say(b"defaults {\n}\n"),
        _ => Say(
            b"sda|8:0|35000c500a0000001|1:0:0:1|failed|faulty|offline|scsi:iscsi|4|ok|data01|LUN0001|LABSAN,VDISK,1.0\n\
              sdb|8:16|35000c500a0000001|0:0:0:1|active|ready|running|scsi:iscsi|0|ok|data01|LUN0001|LABSAN,VDISK,1.0\n\
              sdc|8:32|35000c500a0000002|0:0:0:2|undef|undef|unknown|scsi:iscsi|0|ok|[orphan]|LUN0002|LABSAN,VDISK,1.0\n",
        ),
    }
    });
    let stale = StaleFlag::default();
    let mut reader =
        LocalReader::new(ReaderConfig { stale: stale.clone(), ..config(&fake.socket(), 20_000) });
    let read = reader.read(Depth::Full);
    assert_eq!(read.daemon, Daemon::Answering { pid: None });
    assert_eq!(read.tools_version.as_deref(), Some("0.9.4"));
    // SHA-1 of the text, as sha1sum(1) prints it.
    assert_eq!(read.config_digest.as_deref(), Some("68bc80e9a41b56d2f7636ac6eb9f42c51305d367"));
    assert!(read.problems.is_empty(), "{:?}", read.problems);
    let paths: Vec<_> = read.maps[0].groups.iter().flat_map(|group| &group.paths).collect();
    assert!(paths.iter().all(|path| path.transport.as_deref() == Some("iscsi")));
    assert!(paths.iter().any(|path| path.failures == Some(4) && path.hctl.as_deref() == Some("1:0:0:1")));
    assert_eq!(read.maps[0].serial.as_deref(), Some("LUN0001"));
    assert_eq!(read.loose.len(), 1);
    assert_eq!((read.loose[0].dev.as_str(), read.loose[0].loose_because.as_str()), ("sdc", "orphan"));
    assert!(read.kernel.is_err(), "there is no device-mapper below /nonexistent");
    let judged = judge::judge(&read, &|_| None);
    assert_eq!(judged[0].1.state.as_str(), "degraded");
    assert_eq!(judged[0].1.transport.as_ref().unwrap().as_str(), "iscsi");

    // An event costs one question as long as the set of paths stays, and nothing that was known is lost.
    let before = fake.asked.load(Ordering::Relaxed);
    let quick = reader.read(Depth::Quick);
    assert_eq!(fake.asked.load(Ordering::Relaxed), before + 1);
    assert_eq!((quick.maps, quick.loose), (read.maps, read.loose));
    assert_eq!(quick.config_digest, read.config_digest);
    // Until somebody says that devices changed.
    stale.raise();
    reader.read(Depth::Quick);
    assert!(fake.asked.load(Ordering::Relaxed) > before + 2);
}

#[test]
fn physical_volumes_are_told_and_kept_until_devices_change() {
    let fake = Fake::new(|command, _| match command {
        "show maps json" => File("0.9.4/11-one-path-offline.show-maps.json"),
        _ => Say(b"ok\n"),
    });
    let dir = tempfile::tempdir().unwrap();
    let file = |path: &str, text: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let uuid = "HgbGaU-QmLB-pWdm-GeGB-N2mD-tJ3u-B1v4Xy";
    file("sys/block/dm-0/dev", "253:0\n");
    file("run/udev/data/b253:0", &format!("E:ID_FS_TYPE=LVM2_member\nE:ID_FS_UUID={uuid}\n"));
    let (stale, roots) = (StaleFlag::default(), Roots::below(dir.path()));
    let config = ReaderConfig { stale: stale.clone(), roots, ..config(&fake.socket(), 20_000) };
    let mut reader = LocalReader::new(config);
    let first = reader.read(Depth::Full).maps.remove(0).pvs;
    assert_eq!(first, [Pv { uuid: Some(uuid.into()), ..Pv::default() }]);
    let half = uuid.replace('-', "");
    file("sys/block/dm-0/holders/dm-7/dm/uuid", &format!("LVM-{half}{half}\n"));
    file("sys/block/dm-0/holders/dm-7/dm/name", "vg--san-vm--100--disk--0\n");
    assert_eq!(reader.read(Depth::Quick).maps[0].pvs, first);
    stale.raise();
    let map = reader.read(Depth::Quick).maps.remove(0);
    assert_eq!(map.holders, ["dm-7"]);
    assert_eq!((map.pvs.len(), map.pvs[0].vg_name.as_deref()), (1, Some("vg-san")));
    assert_eq!((map.pvs[0].uuid.as_deref(), map.pvs[0].vg_uuid.as_deref()), (Some(uuid), Some(uuid)));
}

#[test]
fn answering_with_no_maps_is_an_answer() {
    assert_eq!(daemon_when(|| Say(NO_MAPS)), Daemon::Answering { pid: None });
    assert_eq!(daemon_when(|| Say(b"ok\n")), Daemon::Answering { pid: None });
}

#[test]
fn slow_bytes_in_time_are_an_answer() {
    assert_eq!(daemon_when(|| Drip(NO_MAPS)), Daemon::Answering { pid: None });
}

#[test]
fn hanging_daemons() {
    for act in [
        || Hang,
        || RawThenHang(vec![5, 0]),
        || RawThenHang(framed(NO_MAPS)[..30].to_vec()),
        || Say(b"timeout\n"),
        || Say(b"fail\ntimeout\n"),
    ] {
        let daemon = daemon_when_waiting(act);
        assert!(is_hung(&daemon), "{daemon:?}");
    }
}

#[test]
fn a_daemon_that_says_it_is_configuring() {
    for act in [|| Hang, || Say(b"fail\ntimeout\n")] {
        let fake = Fake::new(move |command, _| match command {
            "show maps json" => act(),
            _ => Say(b"pid 162 configure (pending reconfigure)\n"),
        });
        let mut reader = fake.hasty_reader();
        let daemon = reader.read(Depth::Full).daemon;
        assert_eq!(daemon, Daemon::Reconfiguring { phase: "configure (pending reconfigure)".into() });
        let phase = "configure (pending reconfigure)".to_owned();
        assert_eq!(reader.probe(20_000), ProbeResult::Busy { pid: 162, phase });
    }
}

#[test]
fn a_daemon_that_never_accepts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let listener =
        rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::STREAM, None).unwrap();
    rustix::net::bind(&listener, &rustix::net::SocketAddrUnix::new(&path).unwrap()).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    // The backlog takes one; after it connecting itself would wait for ever.
    let _first = UnixStream::connect(&path).unwrap();
    let mut reader = reader(&path, 200);
    let daemon = reader.read(Depth::Full).daemon;
    assert!(is_hung(&daemon), "{daemon:?}");
    assert!(matches!(reader.probe(50), ProbeResult::NoAnswer(_)));
    let stage =
        Connection::open(&SocketAddress::Path(path), Path::new("/"), Deadline::in_ms(50)).unwrap_err();
    assert!(matches!(stage, AskError::Deadline { stage: "connecting", .. }), "{stage}");
}

#[test]
fn unreadable_answers() {
    for (act, words) in [
        ((|| Say(b"{\"maps\": [")) as fn() -> Act, "at byte 9"),
        (|| Say(b"{\"maps\": 7}"), "no list of maps"),
        (|| Say(b"hello\n"), "`hello`"),
        (|| Say(b"\xff\xfe\xfd"), "no text"),
        (|| Raw(0usize.to_ne_bytes().to_vec()), "no bytes"),
        (|| Raw(usize::MAX.to_ne_bytes().to_vec()), "more than the bound"),
        (|| Raw((frame::REPLY_BYTES_MAX + 1).to_ne_bytes().to_vec()), "more than the bound"),
        (|| Raw(framed(NO_MAPS)[..40].to_vec()), "closed the connection after 32 of"),
    ] {
        match daemon_when(act) {
            Daemon::Unreadable { why } => assert!(why.contains(words), "{why} | {words}"),
            other => panic!("{other:?} | {words}"),
        }
    }
}

#[test]
fn refusing_daemons() {
    for (act, words) in [
        ((|| Close) as fn() -> Act, "closed the connection after 0 of"),
        (|| Say(b"permission deny: need to be root\n"), "need to be root"),
        (|| Say(b"fail\npermission deny: need to be root\n"), "need to be root"),
        (|| Say(b"fail\n"), "`fail` twice"),
        (|| Say(b"fail\nno such thing\n"), "no such thing"),
    ] {
        match daemon_when(act) {
            Daemon::Refused { why } => assert!(why.contains(words), "{why} | {words}"),
            other => panic!("{other:?} | {words}"),
        }
    }
}

#[test]
fn one_fail_is_asked_again() {
    let fake = Fake::new(|command, before| match (command, before) {
        ("show maps json", 0) => Say(b"fail\n"),
        ("show maps json", _) => Say(NO_MAPS),
        _ => Say(b"ok\n"),
    });
    assert_eq!(fake.reader().read(Depth::Quick).daemon, Daemon::Answering { pid: None });
}

#[test]
fn a_reply_of_many_megabytes() {
    let mut text = b"{\"maps\": [{\"uuid\": \"w\", \"path_groups\": [], \"name\": \"".to_vec();
    text.resize(20 << 20, b'x');
    text.extend(b"\"}]}");
    let text: &'static [u8] = Vec::leak(text);
    let fake =
        Fake::new(move |command, _| if command == "show maps json" { Say(text) } else { Say(b"ok\n") });
    let read = reader(&fake.socket(), 60_000).read(Depth::Full);
    assert_eq!(read.daemon, Daemon::Answering { pid: None });
    assert_eq!(read.maps[0].wwid.as_str(), "w");
}

#[test]
fn nobody_listens() {
    let dir = tempfile::tempdir().unwrap();
    let mut absent = reader(&dir.path().join("socket"), 300);
    assert_eq!(absent.read(Depth::Full).daemon, Daemon::Stopped);
    assert_eq!(absent.probe(100), ProbeResult::NoProcess);
    // A socket file that a dead daemon left behind.
    drop(UnixListener::bind(dir.path().join("left")).unwrap());
    assert_eq!(reader(&dir.path().join("left"), 300).read(Depth::Full).daemon, Daemon::Stopped);
}

#[test]
fn another_configuration_is_asked_for_as_soon_as_somebody_brought_it() {
    let fake = Fake::new(|command, times| match command {
        "show maps json" => File("0.9.4/01-all-paths-up.show-maps.json"),
        "show config" if times == 0 => Say(b"defaults {\n}\n"),
        "show config" => Say(b"defaults {\n\tfailback 5\n}\n"),
        _ => Close,
    });
    let reconfigured = StaleFlag::default();
    let config = ReaderConfig { reconfigured: reconfigured.clone(), ..config(&fake.socket(), 20_000) };
    let mut reader = LocalReader::new(config);
    let first = reader.read(Depth::Full).config_digest;
    assert_eq!(reader.read(Depth::Quick).config_digest, first, "it was asked a moment ago");
    reconfigured.raise();
    let second = reader.read(Depth::Quick).config_digest;
    assert!(first.is_some() && second.is_some() && first != second, "{first:?} {second:?}");
}

#[test]
fn devices_that_cannot_be_listed_are_a_problem_and_no_more() {
    let fake = Fake::new(|command, _| match command {
        "show maps json" => File("0.9.4/01-all-paths-up.show-maps.json"),
        command if command.starts_with("show paths") => Say(b"fail\ntimeout\n"),
        _ => Close,
    });
    let read = fake.reader().read(Depth::Full);
    assert_eq!(read.daemon, Daemon::Answering { pid: None });
    assert_eq!(read.problems.len(), 1, "{:?}", read.problems);
    assert_eq!(read.config_digest, None);
    assert_eq!(judge::judge(&read, &|_| None)[0].1.state.as_str(), "optimal");
}

#[test]
fn a_stopped_daemon_is_never_asked() {
    // As on Debian 12: the socket is there and whoever connects starts the daemon.
    let root = tempfile::tempdir().unwrap();
    let run = root.path().join("run");
    std::fs::create_dir_all(&run).unwrap();
    let listener = UnixListener::bind(run.join("multipathd.socket")).unwrap();
    listener.set_nonblocking(true).unwrap();
    let mut reader = LocalReader::new(ReaderConfig {
        roots: Roots::below(root.path()),
        deadline_ms: 200,
        ..ReaderConfig::default()
    });
    assert_eq!(reader.read(Depth::Full).daemon, Daemon::Absent);
    std::fs::create_dir_all(root.path().join("sbin")).unwrap();
    std::fs::write(root.path().join("sbin/multipathd"), "").unwrap();
    assert_eq!(reader.read(Depth::Full).daemon, Daemon::Stopped);
    assert_eq!(reader.probe(100), ProbeResult::NoProcess);
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    // With its process it is asked: the same socket, and nobody answers.
    let proc = root.path().join("proc/77");
    std::fs::create_dir_all(&proc).unwrap();
    std::fs::write(proc.join("stat"), "77 (multipathd) S 1").unwrap();
    std::fs::write(proc.join("comm"), "multipathd\n").unwrap();
    let daemon = reader.read(Depth::Full).daemon;
    assert!(is_hung(&daemon), "{daemon:?}");
    assert!(listener.accept().is_ok());
    assert_eq!(reader.pid(), Some(77));
    // The process is there and its socket is not.
    drop(listener);
    let config =
        ReaderConfig { roots: Roots::below(root.path()), deadline_ms: 200, ..ReaderConfig::default() };
    match LocalReader::new(config).read(Depth::Full).daemon {
        Daemon::Refused { why } => assert!(why.contains("nobody listens"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stuck_daemon_that_recovers() {
    let fake = Fake::new(|command, before| match command {
        "show maps json" if before < 3 => Hang,
        "show maps json" => Say(NO_MAPS),
        _ => Say(b"pid 7 idle\n"),
    });
    let mut reader = fake.hasty_reader();
    for _ in 0..3 {
        let daemon = reader.read(Depth::Quick).daemon;
        assert!(is_hung(&daemon), "{daemon:?}");
    }
    assert_eq!(reader.read(Depth::Quick).daemon, Daemon::Answering { pid: None });
}

#[test]
fn several_questions_on_one_connection() {
    let fake = Fake::new(|command, _| match command {
        "show daemon" => Say(b"pid 7 idle\n"),
        _ => Say(b"ok\n"),
    });
    let deadline = Deadline::in_ms(20_000);
    let mut buffer = Vec::new();
    let address = SocketAddress::Path(fake.socket());
    let mut connection = Connection::open(&address, Path::new("/"), deadline).unwrap();
    for _ in 0..100 {
        assert_eq!(connection.ask(Query::Daemon, &mut buffer, deadline).unwrap(), b"pid 7 idle\n");
        assert_eq!(connection.ask(Query::PathsRaw, &mut buffer, deadline).unwrap(), b"ok\n");
    }
    assert_eq!(fake.asked.load(Ordering::Relaxed), 200);
}

#[test]
fn an_abstract_address() {
    use std::os::linux::net::SocketAddrExt as _;
    let name = format!("pathkeeper-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
    let listener = UnixListener::bind_addr(&address).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert_eq!(next_command(&mut stream).as_deref(), Some("show maps json"));
        stream.write_all(&framed(NO_MAPS)).unwrap();
        let _ = next_command(&mut stream);
    });
    let deadline = Deadline::in_ms(20_000);
    let mut connection = Connection::open(&SocketAddress::Abstract(name), Path::new("/"), deadline).unwrap();
    assert_eq!(connection.ask(Query::MapsJson, &mut Vec::new(), deadline).unwrap(), NO_MAPS);
}
