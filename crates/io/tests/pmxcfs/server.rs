//! A pmxcfs for tests: its requests over libqb's server side, in a process of its own that can be stopped and killed.
//!
//! It has what one pmxcfs has: its own values, its peers' as they were delivered to it, counters of its own, and the
//! members as it was told. What happens between several is up to [`super::cluster`], which talks to it over a Unix
//! socket, a line a message.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_void};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use libloading::os::unix::Library;

/// How the process is told where its cluster listens, and what it is.
pub const CONTROL: &str = "PMXCFS_TEST_CONTROL";
pub const SERVICE: &str = "PMXCFS_TEST_SERVICE";
pub const NODE: &str = "PMXCFS_TEST_NODE";
pub const STARTTIME: &str = "PMXCFS_TEST_STARTTIME";
pub const FILES: &str = "PMXCFS_TEST_FILES";

const QB_IPC_SHM: i32 = 1;
const QB_LOOP_MED: i32 = 1;
const POLLIN: i32 = 1;
const ENOENT: i32 = 2;
const EINVAL: i32 = 22;
const EFBIG: i32 = 27;
const ECHRNG: i32 = 44;

type Raw = *mut c_void;
type PollFn = unsafe extern "C" fn(i32, i32, Raw) -> i32;
type JobFn = unsafe extern "C" fn(Raw);

#[repr(C)]
struct PollHandlers {
    job_add: extern "C" fn(i32, Raw, JobFn) -> i32,
    dispatch_add: extern "C" fn(i32, i32, i32, Raw, PollFn) -> i32,
    dispatch_mod: extern "C" fn(i32, i32, i32, Raw, PollFn) -> i32,
    dispatch_del: extern "C" fn(i32) -> i32,
}

#[repr(C)]
struct ServiceHandlers {
    accept: extern "C" fn(Raw, u32, u32) -> i32,
    created: extern "C" fn(Raw),
    process: extern "C" fn(Raw, *const u8, usize) -> i32,
    closed: extern "C" fn(Raw) -> i32,
    destroyed: extern "C" fn(Raw),
}

/// libqb's server side (its include/qb/qbipcs.h and qbloop.h).
pub struct Qb {
    loop_create: unsafe extern "C" fn() -> Raw,
    loop_run: unsafe extern "C" fn(Raw),
    loop_job_add: unsafe extern "C" fn(Raw, i32, Raw, JobFn) -> i32,
    loop_poll_add: unsafe extern "C" fn(Raw, i32, i32, i32, Raw, PollFn) -> i32,
    loop_poll_mod: unsafe extern "C" fn(Raw, i32, i32, i32, Raw, PollFn) -> i32,
    loop_poll_del: unsafe extern "C" fn(Raw, i32) -> i32,
    create: unsafe extern "C" fn(*const c_char, i32, i32, *const ServiceHandlers) -> Raw,
    poll_handlers_set: unsafe extern "C" fn(Raw, *const PollHandlers),
    run: unsafe extern "C" fn(Raw) -> i32,
    response_send: unsafe extern "C" fn(Raw, *const u8, usize) -> isize,
    _library: Library,
}

static QB: OnceLock<Qb> = OnceLock::new();
static LOOP: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

thread_local! {
    static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
}

impl Qb {
    pub fn load() -> Qb {
        macro_rules! function {
            ($library:ident, $name:literal) => {
                // SAFETY: the field that takes it has the type that libqb's headers give it.
                unsafe { *$library.get(concat!($name, "\0").as_bytes()).unwrap() }
            };
        }
        // SAFETY: libqb's constructors only set up its own tables.
        let library = unsafe { Library::new("libqb.so.100") }.unwrap();
        Qb {
            loop_create: function!(library, "qb_loop_create"),
            loop_run: function!(library, "qb_loop_run"),
            loop_job_add: function!(library, "qb_loop_job_add"),
            loop_poll_add: function!(library, "qb_loop_poll_add"),
            loop_poll_mod: function!(library, "qb_loop_poll_mod"),
            loop_poll_del: function!(library, "qb_loop_poll_del"),
            create: function!(library, "qb_ipcs_create"),
            poll_handlers_set: function!(library, "qb_ipcs_poll_handlers_set"),
            run: function!(library, "qb_ipcs_run"),
            response_send: function!(library, "qb_ipcs_response_send"),
            _library: library,
        }
    }
}

fn qb() -> &'static Qb {
    QB.get_or_init(Qb::load)
}

fn main_loop() -> Raw {
    LOOP.load(Ordering::Relaxed)
}

extern "C" fn job_add(priority: i32, data: Raw, run: JobFn) -> i32 {
    // SAFETY: libqb's own arguments go back to libqb, with the loop that run() made.
    unsafe { (qb().loop_job_add)(main_loop(), priority, data, run) }
}

extern "C" fn dispatch_add(priority: i32, fd: i32, events: i32, data: Raw, run: PollFn) -> i32 {
    // SAFETY: as in job_add.
    unsafe { (qb().loop_poll_add)(main_loop(), priority, fd, events, data, run) }
}

extern "C" fn dispatch_mod(priority: i32, fd: i32, events: i32, data: Raw, run: PollFn) -> i32 {
    // SAFETY: as in job_add.
    unsafe { (qb().loop_poll_mod)(main_loop(), priority, fd, events, data, run) }
}

extern "C" fn dispatch_del(fd: i32) -> i32 {
    // SAFETY: as in job_add.
    unsafe { (qb().loop_poll_del)(main_loop(), fd) }
}

extern "C" fn accept(_: Raw, _: u32, _: u32) -> i32 {
    0
}

extern "C" fn created(_: Raw) {
    with_server(|server| *server.counts.entry("connections".into()).or_default() += 1);
}

extern "C" fn closed(_: Raw) -> i32 {
    0
}

extern "C" fn destroyed(_: Raw) {}

extern "C" fn process(connection: Raw, data: *const u8, size: usize) -> i32 {
    // SAFETY: libqb gives the message that it received, whole.
    let request = unsafe { std::slice::from_raw_parts(data, size) };
    let (reply, delay) = with_server(|server| server.answer(request));
    // As a pmxcfs that waits for corosync: everybody else waits too.
    std::thread::sleep(delay);
    // SAFETY: the connection is the one that asked, and the reply is readable.
    unsafe { (qb().response_send)(connection, reply.as_ptr(), reply.len()) };
    0
}

unsafe extern "C" fn command(_: i32, _: i32, _: Raw) -> i32 {
    with_server(Server::take_commands);
    0
}

fn with_server<T>(work: impl FnOnce(&mut Server) -> T) -> T {
    SERVER.with_borrow_mut(|server| work(server.as_mut().unwrap()))
}

/// Serves until the control socket is closed or the process is killed.
pub fn run() {
    let var = |name: &str| std::env::var(name).unwrap();
    let mut control = UnixStream::connect(var(CONTROL)).unwrap();
    let service = CString::new(var(SERVICE)).unwrap();
    let control_fd = control.as_raw_fd();
    writeln!(control, "hello {}", var(NODE)).unwrap();
    control.set_nonblocking(true).unwrap();
    let server = Server {
        node: var(NODE),
        starttime: var(STARTTIME).parse().unwrap(),
        files: var(FILES).into(),
        control,
        ..Server::new()
    };
    SERVER.set(Some(server));
    // SAFETY: as libqb's own examples do it; the tables live for ever, and all callbacks run on this thread.
    unsafe {
        LOOP.store((qb().loop_create)(), Ordering::Relaxed);
        let handlers = Box::leak(Box::new(ServiceHandlers { accept, created, process, closed, destroyed }));
        let polls = Box::leak(Box::new(PollHandlers { job_add, dispatch_add, dispatch_mod, dispatch_del }));
        let made = (qb().create)(service.as_ptr(), 1, QB_IPC_SHM, handlers);
        assert!(!made.is_null());
        (qb().poll_handlers_set)(made, polls);
        assert_eq!((qb().run)(made), 0, "qb_ipcs_run");
        (qb().loop_poll_add)(main_loop(), QB_LOOP_MED, control_fd, POLLIN, std::ptr::null_mut(), command);
        with_server(|server| server.say("ready"));
        (qb().loop_run)(main_loop());
    }
}

/// A name's value and how often it was set here.
type Table = BTreeMap<String, (u64, Vec<u8>)>;

struct Server {
    node: String,
    starttime: u64,
    clinfo: u64,
    members: String,
    /// Its counter, and `.vmlist`.
    vmlist: (u64, String),
    own: Table,
    peers: BTreeMap<String, Table>,
    files: PathBuf,
    delay: Duration,
    delayed: u64,
    wrong_ids: u64,
    /// By request number, and `connections`.
    counts: BTreeMap<String, u64>,
    control: UnixStream,
    input: Vec<u8>,
}

impl Server {
    fn new() -> Self {
        Self {
            node: String::new(),
            starttime: 0,
            clinfo: 1,
            members: String::new(),
            vmlist: (1, "{\"version\":1,\"ids\":{}}".into()),
            own: Table::new(),
            peers: BTreeMap::new(),
            files: PathBuf::new(),
            delay: Duration::ZERO,
            delayed: 0,
            wrong_ids: 0,
            counts: BTreeMap::new(),
            control: UnixStream::pair().unwrap().0,
            input: Vec::new(),
        }
    }

    fn answer(&mut self, request: &[u8]) -> (Vec<u8>, Duration) {
        let number = |at: usize| i32::from_ne_bytes(request[at..at + 4].try_into().unwrap());
        let (id, size) = (number(0), number(8));
        *self.counts.entry(id.to_string()).or_default() += 1;
        let payload = &request[16..usize::try_from(size).unwrap()];
        let (error, data) = match self.obey(id, payload) {
            Ok(data) => (0, data),
            Err(error) => (-error, Vec::new()),
        };
        let said = if self.wrong_ids > 0 { id + 1 } else { id };
        self.wrong_ids = self.wrong_ids.saturating_sub(1);
        let mut reply = Vec::new();
        for number in [said, i32::try_from(24 + data.len()).unwrap(), error] {
            reply.extend(number.to_ne_bytes());
            reply.extend([0; 4]);
        }
        reply.extend(data);
        let delay = if self.delayed > 0 { self.delay } else { Duration::ZERO };
        self.delayed = self.delayed.saturating_sub(1);
        (reply, delay)
    }

    fn obey(&mut self, id: i32, payload: &[u8]) -> Result<Vec<u8>, i32> {
        match (id, payload.len()) {
            (1, 0) => Ok(self.version().into_bytes()),
            (2, 0) => Ok(self.members.clone().into_bytes()),
            (3, 0) => Ok(self.vmlist.1.clone().into_bytes()),
            (4, 256..) if payload.len() - 256 > 32_768 => Err(EFBIG),
            (4, 256..) => {
                let (name, data) = (text(&payload[..256]), &payload[256..]);
                set(&mut self.own, &name, data);
                self.say(&format!("set {name} {}", hex(data)));
                Ok(Vec::new())
            }
            (5, 512) => {
                let (name, node) = (text(&payload[..256]), text(&payload[256..]));
                let table = if node.is_empty() || node == self.node {
                    Some(&self.own)
                } else {
                    self.peers.get(&node)
                };
                table.and_then(|table| table.get(&name)).map(|(_, value)| value.clone()).ok_or(ENOENT)
            }
            (6, 1..) => std::fs::read(self.files.join(text(payload))).map_err(|_| ENOENT),
            (1..=6, _) => Err(EINVAL),
            _ => Err(ECHRNG),
        }
    }

    /// As pmxcfs writes it: names are not escaped.
    fn version(&self) -> String {
        let mut out = format!(
            "{{\n\"starttime\": {},\n\"clinfo\": {},\n\"vmlist\": {},\n\"corosync.conf\": 1,\n\"kvstore\": {{\n",
            self.starttime, self.clinfo, self.vmlist.0
        );
        let tables = std::iter::once((&self.node, &self.own)).chain(&self.peers);
        for (i, (node, table)) in tables.enumerate() {
            let entries: Vec<String> =
                table.iter().map(|(name, (n, _))| format!("\"{name}\": {n}")).collect();
            let comma = if i > 0 { ",\n" } else { "" };
            write!(out, "{comma}\"{node}\": {{\n{}}}\n", entries.join(",\n")).unwrap();
        }
        out + "}\n}\n"
    }

    fn take_commands(&mut self) {
        let mut buffer = [0; 65_536];
        loop {
            match self.control.read(&mut buffer) {
                Ok(0) => std::process::abort(),
                Ok(n) => self.input.extend(&buffer[..n]),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(e) => panic!("{e}"),
            }
        }
        while let Some(end) = self.input.iter().position(|b| *b == b'\n') {
            let line = String::from_utf8(self.input.drain(..=end).collect()).unwrap();
            let words: Vec<&str> = line.trim_end().split(' ').collect();
            self.command(&words);
        }
    }

    fn command(&mut self, words: &[&str]) {
        match words {
            ["deliver", node, name, data] => {
                set(self.peers.entry((*node).into()).or_default(), name, &unhex(data));
            }
            ["deliver", node, name] => set(self.peers.entry((*node).into()).or_default(), name, &[]),
            ["own", name, data] => set(&mut self.own, name, &unhex(data)),
            ["members", clinfo, text] => {
                self.clinfo = clinfo.parse().unwrap();
                self.members = String::from_utf8(unhex(text)).unwrap();
            }
            ["vmlist", counter, text] => {
                self.vmlist = (counter.parse().unwrap(), String::from_utf8(unhex(text)).unwrap());
            }
            ["drop-peer", node] => drop(self.peers.remove(*node)),
            ["delay", ms, times] => {
                self.delay = Duration::from_millis(ms.parse().unwrap());
                self.delayed = times.parse().unwrap();
            }
            ["wrong-ids", times] => self.wrong_ids = times.parse().unwrap(),
            ["value", name] => {
                let value = self.own.get(*name).map_or_else(|| "none".into(), |(_, value)| hex(value));
                self.say(&format!("answer {value}"));
            }
            ["counts"] => {
                let counts: Vec<String> = self.counts.iter().map(|(id, n)| format!("{id}={n}")).collect();
                self.say(&format!("answer {}", counts.join(" ")));
            }
            // Everything before it was taken.
            ["sync"] => self.say("answer synced"),
            _ => panic!("{words:?}"),
        }
    }

    fn say(&mut self, line: &str) {
        let mut rest = format!("{line}\n").into_bytes();
        while !rest.is_empty() {
            match self.control.write(&rest) {
                Ok(n) => drop(rest.drain(..n)),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(_) => std::process::abort(),
            }
        }
    }
}

fn set(table: &mut Table, name: &str, data: &[u8]) {
    if data.is_empty() {
        table.remove(name);
    } else if let Some((counter, value)) = table.get_mut(name) {
        *counter += 1;
        *value = data.to_vec();
    } else {
        table.insert(name.into(), (0, data.to_vec()));
    }
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|b| *b == 0).unwrap_or(field.len());
    String::from_utf8(field[..end].to_vec()).unwrap()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}
