//! One exchange with multipathd over its Unix socket, within one deadline, in blocking code.
//!
//! Nothing here can wait longer than the deadline: connecting is bounded by the send time-out of the socket (a full
//! backlog would otherwise hold us), writing and reading by `poll`. Run it on a thread all the same.

use super::frame;
use super::query::Query;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use thiserror::Error;

/// Where multipathd listens in every version, in the abstract namespace (libmpathcmd/mpath_cmd.h).
pub const ABSTRACT_NAME: &str = "/org/kernel/linux/storage/multipathd";
/// Where multipathd listens besides since 0.12.0, below the run directory.
pub const FILE_NAME: &str = "multipathd.socket";

/// How to reach multipathd.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum SocketAddress {
    /// The file in the run directory if it is there, then the abstract name.
    #[default]
    Auto,
    /// This socket file and nothing else: demos and tests.
    Path(PathBuf),
    /// This abstract name (without the leading NUL) and nothing else.
    Abstract(String),
}

/// Why an exchange gave no reply.
#[derive(Error, Debug)]
pub enum AskError {
    /// Nobody listens there.
    #[error("nobody listens on its socket")]
    NobodyListens,
    /// The connection was refused for another reason, e.g. permission.
    #[error("connecting failed: {0}")]
    Connect(Errno),
    /// Not done by the deadline.
    #[error("no answer within {waited_ms} ms (while {stage})")]
    Deadline {
        /// `connecting`, `asking`, `waiting for the answer`, `reading the answer`.
        stage: &'static str,
        /// How long it took, milliseconds.
        waited_ms: u32,
    },
    /// It hung up before the reply was whole.
    #[error("it closed the connection after {got} of {want} bytes")]
    Closed {
        /// Bytes that had come.
        got: usize,
        /// Bytes that were due; the length's own bytes while that was not whole.
        want: usize,
    },
    /// The length before the reply cannot be one.
    #[error("{0}")]
    BadLength(String),
    /// Another error of the socket.
    #[error("the socket failed: {0}")]
    Socket(Errno),
}

/// A moment by which the whole exchange must be over.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    began: Instant,
    end: Instant,
}

impl Deadline {
    /// Over in `ms` milliseconds.
    pub fn in_ms(ms: u32) -> Self {
        let began = Instant::now();
        Self { began, end: began + Duration::from_millis(ms.into()) }
    }
    /// What is left; zero when over.
    pub fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }
    /// What is left, milliseconds.
    pub fn left_ms(self) -> u32 {
        u32::try_from(self.left().as_millis()).unwrap_or(u32::MAX)
    }
    /// Milliseconds since it began.
    pub fn waited_ms(self) -> u32 {
        u32::try_from(self.began.elapsed().as_millis()).unwrap_or(u32::MAX)
    }
    /// The same, but at most `ms` from now.
    pub fn at_most_ms(self, ms: u32) -> Self {
        let now = Instant::now();
        Self { began: now, end: self.end.min(now + Duration::from_millis(ms.into())) }
    }
    fn over(self, stage: &'static str) -> AskError {
        AskError::Deadline { stage, waited_ms: self.waited_ms() }
    }
}

/// A connection, good for any number of questions in turn.
#[derive(Debug)]
pub struct Connection {
    socket: OwnedFd,
}

impl Connection {
    /// Connects. On a machine with socket activation this *starts* a stopped multipathd: look at the process first.
    pub fn open(
        address: &SocketAddress,
        run_dir: &std::path::Path,
        deadline: Deadline,
    ) -> Result<Self, AskError> {
        let path = |path: &std::path::Path| SocketAddrUnix::new(path).map_err(AskError::Connect);
        let name = |name: &str| SocketAddrUnix::new_abstract_name(name.as_bytes()).map_err(AskError::Connect);
        match address {
            SocketAddress::Path(file) => Self::connect(&path(file)?, deadline),
            SocketAddress::Abstract(text) => Self::connect(&name(text)?, deadline),
            SocketAddress::Auto => {
                let file = run_dir.join(FILE_NAME);
                match Self::connect(&path(&file)?, deadline) {
                    Err(AskError::NobodyListens) => Self::connect(&name(ABSTRACT_NAME)?, deadline),
                    done => done,
                }
            }
        }
    }

    fn connect(address: &SocketAddrUnix, deadline: Deadline) -> Result<Self, AskError> {
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .map_err(AskError::Socket)?;
        loop {
            let left = deadline.left();
            if left.is_zero() {
                return Err(deadline.over("connecting"));
            }
            // A Unix socket's connect waits for room in the backlog no longer than the send time-out says, and says
            // EAGAIN then (unix_stream_connect in the kernel's net/unix/af_unix.c). Below a millisecond it would be 0 = for ever.
            let wait = left.max(Duration::from_millis(1));
            sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(wait))
                .map_err(AskError::Socket)?;
            match net::connect(&socket, address) {
                Ok(()) => break,
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(Errno::NOENT | Errno::CONNREFUSED) => return Err(AskError::NobodyListens),
                Err(error) => return Err(AskError::Connect(error)),
            }
        }
        rustix::io::ioctl_fionbio(&socket, true).map_err(AskError::Socket)?;
        Ok(Self { socket })
    }

    /// Asks one question; the answer, without its closing NUL, is in `buffer`, whose capacity is used again.
    ///
    /// After an error the connection is of no use: the rest of an answer may still come.
    pub fn ask<'b>(
        &mut self,
        query: Query,
        buffer: &'b mut Vec<u8>,
        deadline: Deadline,
    ) -> Result<&'b [u8], AskError> {
        self.exchange(query.text(), buffer, deadline)
    }

    /// Sends a text and takes the answer. Only the closed lists beside this file, [`Query`] and [`super::manage`], call it.
    pub(super) fn exchange<'b>(
        &mut self,
        text: &str,
        buffer: &'b mut Vec<u8>,
        deadline: Deadline,
    ) -> Result<&'b [u8], AskError> {
        buffer.clear();
        // The daemon wants the length in one receive, so all goes in one write as far as the socket takes it.
        let wire = frame::encode(text);
        let mut rest = wire.as_slice();
        while !rest.is_empty() {
            self.wait(PollFlags::OUT, deadline, "asking")?;
            match net::send(&self.socket, rest, SendFlags::NOSIGNAL) {
                Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(Errno::PIPE | Errno::CONNRESET) => {
                    return Err(AskError::Closed { got: 0, want: frame::LENGTH_BYTES });
                }
                Err(error) => return Err(AskError::Socket(error)),
            }
        }
        self.fill(buffer, frame::LENGTH_BYTES, deadline, "waiting for the answer")?;
        let head = buffer.first_chunk().copied().unwrap_or_default();
        let length = frame::decode_length(head).map_err(AskError::BadLength)?;
        buffer.clear();
        self.fill(buffer, length, deadline, "reading the answer")?;
        Ok(frame::text_of(buffer))
    }

    /// Reads until `buffer` holds `want` bytes. Room is made as bytes come, so an announced length costs nothing by itself.
    fn fill(
        &mut self,
        buffer: &mut Vec<u8>,
        want: usize,
        deadline: Deadline,
        stage: &'static str,
    ) -> Result<(), AskError> {
        const STEP_BYTES: usize = 256 << 10;
        let mut chunk = [0u8; 32 << 10];
        buffer.reserve(want.min(STEP_BYTES));
        while buffer.len() < want {
            let room = (want - buffer.len()).min(chunk.len());
            let into = chunk.get_mut(..room).unwrap_or_default();
            match net::recv(&self.socket, into, net::RecvFlags::empty()) {
                Ok((_, 0)) | Err(Errno::CONNRESET) => {
                    return Err(AskError::Closed { got: buffer.len(), want });
                }
                Ok((_, n)) => buffer.extend_from_slice(chunk.get(..n).unwrap_or_default()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(PollFlags::IN, deadline, stage)?,
                Err(error) => return Err(AskError::Socket(error)),
            }
        }
        Ok(())
    }

    /// Waits until the socket is ready, has failed (the next call says how), or the deadline is over.
    fn wait(&self, flags: PollFlags, deadline: Deadline, stage: &'static str) -> Result<(), AskError> {
        loop {
            let left = deadline.left();
            if left.is_zero() {
                return Err(deadline.over(stage));
            }
            let time = Timespec::try_from(left).ok();
            let mut fds = [PollFd::from_borrowed_fd(self.socket.as_fd(), flags)];
            match poll(&mut fds, time.as_ref()) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(AskError::Socket(error)),
            }
        }
    }
}
