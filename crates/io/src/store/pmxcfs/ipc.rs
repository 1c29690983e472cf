//! Asking pmxcfs: one thread owns the connection, callers wait with a bound.
//!
//! A stopped pmxcfs answers nothing, takes connections, and answers what was asked long ago when it goes on. So every
//! request has a deadline; after a request that was not answered in time, or whose answer has another request's id,
//! the connection is closed; and a thread that is stuck in libqb is left behind and another one takes its place.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::io::Errno;

use super::qb::{Connection, Library};
use super::wire::{BadReply, Request, words};
use crate::store::StoreError;

/// A request is answered within this, the wait for earlier ones and for the connection included.
pub const ASK_MS: u64 = 2_000;
/// How much longer a caller waits for the thread to say so itself.
const GRACE_MS: u64 = 500;
/// With less time left a request is not sent: it would end in a closed connection.
const WORTHWHILE_MS: u64 = 100;
/// Requests that wait for the thread.
const QUEUE_MAX: usize = 256;
/// Threads at once: the working one, and those left behind that are stuck in libqb.
const THREADS_MAX: usize = 4;
/// After a failure pmxcfs is left alone: this long at first, twice as long each further time, up to the second number.
const PAUSE_MS: (u64, u64) = (250, 2_000);
/// Room for a message. A reply larger than this ends the connection, and a file may have 1 MiB; with rings of just
/// 1 MiB one of that size does not come through.
const MESSAGE_BYTES_MAX: usize = 2 << 20;
const STACK_BYTES: usize = 256 * 1024;

/// What pmxcfs answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The data, or the error that pmxcfs gave.
    pub data: Result<Bytes, Errno>,
    /// On the how-manieth connection of this process: another number means that pmxcfs may have been restarted.
    pub connection: u64,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IpcError {
    /// pmxcfs is not there, in words.
    Unreachable(String),
    /// It does not answer.
    Timeout {
        /// What was asked.
        what: String,
    },
    /// It answered something that is none, in words.
    Garbage(String),
}

impl IpcError {
    /// It, for people.
    pub fn words(&self) -> String {
        match self {
            IpcError::Unreachable(why) | IpcError::Garbage(why) => why.clone(),
            IpcError::Timeout { what } => format!("pmxcfs does not answer (asked for {what})"),
        }
    }
}

impl From<IpcError> for StoreError {
    fn from(e: IpcError) -> Self {
        match e {
            IpcError::Unreachable(why) | IpcError::Garbage(why) => StoreError::Unreachable(why),
            IpcError::Timeout { what } => {
                StoreError::Timeout { what: format!("pmxcfs: {what}"), after_ms: ASK_MS }
            }
        }
    }
}

/// Access to one pmxcfs. Dropping the last clone ends the thread.
#[derive(Clone, Debug)]
pub struct Ipc(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    library: &'static Library,
    service: String,
    /// Where the working thread takes requests, and its number.
    worker: Mutex<Option<(u64, SyncSender<Job>)>>,
    workers: AtomicU64,
    connections: Arc<AtomicU64>,
    threads: Arc<AtomicUsize>,
}

struct Job {
    request: Request,
    deadline: Instant,
    done: Box<dyn FnOnce(Result<Reply, IpcError>) + Send>,
}

impl Ipc {
    /// Nothing is connected until the first request.
    pub fn new(library: &'static Library, service: &str) -> Self {
        Self(Arc::new(Inner {
            library,
            service: service.into(),
            worker: Mutex::new(None),
            workers: AtomicU64::new(0),
            connections: Arc::default(),
            threads: Arc::default(),
        }))
    }

    /// Asks, and waits no longer than [`ASK_MS`] and a little.
    pub async fn ask(&self, request: Request) -> Result<Reply, IpcError> {
        let what = request.what();
        let (done, answer) = tokio::sync::oneshot::channel();
        let worker = self.submit(request, Box::new(move |answer| drop(done.send(answer))))?;
        match tokio::time::timeout(Duration::from_millis(ASK_MS + GRACE_MS), answer).await {
            Ok(Ok(answer)) => answer,
            // The thread ended without a word.
            Ok(Err(_)) => Err(IpcError::Unreachable("the thread that asks pmxcfs has ended".into())),
            Err(_) => Err(self.abandon(worker, what)),
        }
    }

    /// The same on a thread that may wait.
    pub fn ask_blocking(&self, request: Request) -> Result<Reply, IpcError> {
        let what = request.what();
        let (done, answer) = sync_channel(1);
        let worker = self.submit(request, Box::new(move |answer| drop(done.send(answer))))?;
        match answer.recv_timeout(Duration::from_millis(ASK_MS + GRACE_MS)) {
            Ok(answer) => answer,
            Err(_) => Err(self.abandon(worker, what)),
        }
    }

    fn submit(
        &self,
        request: Request,
        done: Box<dyn FnOnce(Result<Reply, IpcError>) + Send>,
    ) -> Result<u64, IpcError> {
        let what = request.what();
        let job = Job { request, deadline: Instant::now() + Duration::from_millis(ASK_MS), done };
        let mut worker = self.0.worker.lock().unwrap_or_else(PoisonError::into_inner);
        let job = match &*worker {
            None => job,
            Some((number, jobs)) => match jobs.try_send(job) {
                Ok(()) => return Ok(*number),
                Err(TrySendError::Full(_)) => return Err(IpcError::Timeout { what }),
                Err(TrySendError::Disconnected(job)) => job,
            },
        };
        let (number, jobs) = self.start()?;
        let sent = jobs.try_send(job);
        *worker = Some((number, jobs));
        // A new queue has room, and its thread waits for it.
        sent.map(|()| number).map_err(|_| IpcError::Timeout { what })
    }

    fn start(&self) -> Result<(u64, SyncSender<Job>), IpcError> {
        if self.0.threads.fetch_add(1, Ordering::Relaxed) >= THREADS_MAX {
            self.0.threads.fetch_sub(1, Ordering::Relaxed);
            return Err(IpcError::Unreachable(format!(
                "{} threads are stuck in libqb; one must come back first",
                THREADS_MAX - 1
            )));
        }
        let counted = Counted(self.0.threads.clone());
        let (sender, jobs) = sync_channel(QUEUE_MAX);
        let mut link = Link::new(self.0.library, &self.0.service, self.0.connections.clone());
        let thread = std::thread::Builder::new().name("pmxcfs".into()).stack_size(STACK_BYTES);
        let started = thread.spawn(move || {
            let _counted = counted;
            serve(&jobs, &mut link);
        });
        match started {
            Ok(_) => Ok((self.0.workers.fetch_add(1, Ordering::Relaxed), sender)),
            Err(e) => Err(IpcError::Unreachable(format!("cannot start a thread to ask pmxcfs: {e}"))),
        }
    }

    /// Leaves a stuck thread behind; it ends when it comes back, since nobody sends it anything any more.
    fn abandon(&self, number: u64, what: String) -> IpcError {
        let mut worker = self.0.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if worker.as_ref().is_some_and(|(current, _)| *current == number) {
            tracing::error!("a thread is stuck in libqb, asking pmxcfs for {what}; it is left behind");
            *worker = None;
        }
        IpcError::Timeout { what }
    }
}

/// One thread, counted until it ends, however it ends.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn serve(jobs: &Receiver<Job>, link: &mut Link) {
    while let Ok(job) = jobs.recv() {
        (job.done)(link.answer(&job.request, job.deadline));
    }
}

/// The connection and how it fares.
struct Link {
    library: &'static Library,
    service: String,
    connection: Option<Connection>,
    connections: Arc<AtomicU64>,
    number: u64,
    reply: Vec<u8>,
    /// After a failure: until when nothing is tried, why, and how long the next pause is.
    down: Option<(Instant, IpcError)>,
    pause_ms: u64,
}

impl Link {
    fn new(library: &'static Library, service: &str, connections: Arc<AtomicU64>) -> Self {
        Self {
            library,
            service: service.into(),
            connection: None,
            connections,
            number: 0,
            reply: vec![0; MESSAGE_BYTES_MAX],
            down: None,
            pause_ms: PAUSE_MS.0,
        }
    }

    fn answer(&mut self, request: &Request, deadline: Instant) -> Result<Reply, IpcError> {
        let bytes = match request.encode() {
            Ok(bytes) => bytes,
            Err(e) => return Ok(Reply { data: Err(e), connection: self.number }),
        };
        let result = self.exchange(request, &bytes, deadline);
        match &result {
            Ok(_) => (self.down, self.pause_ms) = (None, PAUSE_MS.0),
            // Still in the pause, or too late to try: nothing new was learnt.
            Err(_) if self.connection.is_some() => {}
            Err(e) => self.pause(e.clone()),
        }
        result
    }

    fn exchange(&mut self, request: &Request, bytes: &[u8], deadline: Instant) -> Result<Reply, IpcError> {
        let late = || IpcError::Timeout { what: request.what() };
        loop {
            let used_before = self.connection.is_some();
            let connection = match &mut self.connection {
                Some(connection) => connection,
                None => {
                    let new = Self::connect(self.library, &self.service, self.down.as_ref(), deadline, late)?;
                    self.number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
                    self.connection.insert(new)
                }
            };
            let within = left(deadline).ok_or_else(late)?;
            let error = match connection.ask(bytes, &mut self.reply, within) {
                Ok(reply) => match request.decode(reply) {
                    Ok(data) => return Ok(Reply { data, connection: self.number }),
                    Err(bad) => {
                        self.connection = None;
                        return Err(IpcError::Garbage(garbage(&bad, request)));
                    }
                },
                Err(e) => e,
            };
            self.connection = None;
            match error {
                Errno::TIMEDOUT => return Err(late()),
                // It was restarted since the last request: the new one may be there already. All requests may be
                // asked twice.
                Errno::NOTCONN | Errno::PIPE | Errno::CONNRESET if used_before => {}
                e => {
                    return Err(IpcError::Unreachable(format!("{}, asked for {}", words(e), request.what())));
                }
            }
        }
    }

    fn connect(
        library: &'static Library,
        service: &str,
        down: Option<&(Instant, IpcError)>,
        deadline: Instant,
        late: impl Fn() -> IpcError,
    ) -> Result<Connection, IpcError> {
        if let Some((until, why)) = down
            && Instant::now() < *until
        {
            return Err(why.clone());
        }
        let within = left(deadline).ok_or_else(&late)?;
        Connection::open(library, service, MESSAGE_BYTES_MAX, within).map_err(|e| match e {
            // Its queue of connections is full of those that it has not answered.
            Errno::TIMEDOUT | Errno::AGAIN => late(),
            Errno::PERM | Errno::ACCESS => IpcError::Unreachable(
                "pmxcfs refuses this process: it talks to root (user 0, group 0) alone".into(),
            ),
            e => IpcError::Unreachable(format!("cannot connect to pmxcfs (service {service}): {}", words(e))),
        })
    }

    fn pause(&mut self, why: IpcError) {
        let now = Instant::now();
        if self.down.as_ref().is_some_and(|(until, _)| now < *until) {
            return;
        }
        self.down = Some((now + Duration::from_millis(self.pause_ms), why));
        self.pause_ms = (self.pause_ms * 2).min(PAUSE_MS.1);
    }
}

/// The time left, if it is worth while.
fn left(deadline: Instant) -> Option<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    (left >= Duration::from_millis(WORTHWHILE_MS)).then_some(left)
}

fn garbage(bad: &BadReply, request: &Request) -> String {
    match bad {
        BadReply::Short => format!("pmxcfs sent a reply that is cut short, asked for {}", request.what()),
        BadReply::OtherId(id) => {
            format!("pmxcfs answered request {id} when asked for {} ({})", request.what(), request.id())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener};

    /// A server that takes connections and says nothing, as a stopped one does. libqb's addresses are padded with NULs.
    fn silent(service: &str) -> UnixListener {
        let mut name = service.as_bytes().to_vec();
        name.resize(107, 0);
        UnixListener::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap()
    }

    fn ask(ipc: &Ipc) -> (Result<Reply, IpcError>, Duration) {
        let start = Instant::now();
        (ipc.ask_blocking(Request::FsVersion), start.elapsed())
    }

    fn timed_out(answer: &Result<Reply, IpcError>) -> bool {
        matches!(answer, Err(IpcError::Timeout { .. }))
    }

    #[test]
    #[ignore = "needs libqb"]
    fn pmxcfs_that_takes_connections_and_says_nothing_leaves_no_thread_stuck() {
        let service = format!("pk-silent-{}", std::process::id());
        let listener = silent(&service);
        // One connection waits for the server, a second finds no room.
        rustix::net::listen(&listener, 0).unwrap();
        let ipc = Ipc::new(Library::get().unwrap(), &service);
        let (answer, took) = ask(&ipc);
        assert!(timed_out(&answer) && took < Duration::from_millis(ASK_MS + GRACE_MS), "{answer:?} {took:?}");
        // Left alone for a while and told so at once; then tried again, and told the same.
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(3 * PAUSE_MS.0) {
            let (answer, took) = ask(&ipc);
            assert!(timed_out(&answer) && took < Duration::from_millis(ASK_MS / 2), "{answer:?} {took:?}");
        }
        assert_eq!(ipc.0.workers.load(Ordering::Relaxed), 1, "the same thread");
    }

    #[test]
    #[ignore = "needs libqb"]
    fn pmxcfs_threads_that_are_stuck_in_an_old_libqb_are_left_behind_and_bounded() {
        let service = format!("pk-stuck-{}", std::process::id());
        let listener = silent(&service);
        let ipc = Ipc::new(Library::old(), &service);
        for _ in 0..THREADS_MAX {
            let (answer, took) = ask(&ipc);
            assert!(timed_out(&answer) && took < Duration::from_secs(10), "{answer:?} {took:?}");
        }
        let (answer, took) = ask(&ipc);
        assert!(matches!(&answer, Err(IpcError::Unreachable(why)) if why.contains("stuck")), "{answer:?}");
        assert!(took < Duration::from_secs(1), "{took:?}");
        // The server dies: the threads come back, and asking goes on.
        drop(listener);
        let start = Instant::now();
        while ipc.0.threads.load(Ordering::Relaxed) > 0 {
            assert!(start.elapsed() < Duration::from_secs(10), "the threads do not come back");
            std::thread::yield_now();
        }
        let (answer, _) = ask(&ipc);
        assert!(
            matches!(&answer, Err(IpcError::Unreachable(why)) if why.contains("pve-cluster")),
            "{answer:?}"
        );
    }
}
