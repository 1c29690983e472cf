//! What one connection is doing, and how long it may: headers that never end, answers that nobody reads, connections
//! that say nothing.
//!
//! HTTP's own library has one clock for headers and for idle connections, and none for a slow reader. So three things
//! tell a [`Watch`] what happens: the stream (bytes came, a write waits), the service (a request is there), the answer's
//! body (it is gone). All of them run inside the connection's own task, so [`Hold`] need only look after each turn.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::Limits;

/// Who was refused and goes on sending more than this is cut off.
const THROWN_AWAY_BYTES_MAX: usize = 256 * 1024;

/// What one connection is doing.
#[derive(Debug, Clone)]
pub(super) struct Watch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    doing: Doing,
    since: Instant,
    /// Since when bytes wait to be taken by the other side.
    blocked: Option<Instant>,
    /// The last answer refuses a request that may not have been read whole.
    refused: bool,
    /// Bytes that came after the last answer and were thrown away.
    thrown_away: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// A request's headers come, or have not begun on a new connection.
    Headers,
    /// The last request is answered, the next has not begun.
    Idle,
    /// A request is being worked on, or its body comes. It has its own bound.
    Working,
    /// An answer is sent.
    Sending,
    /// All of an answer is with hyper, and some of it not sent yet.
    Ending,
    /// An answer is sent that has no end.
    Streaming,
    /// All is said; what the other side still sends is thrown away. A socket that is closed with bytes unread resets the
    /// connection, and the answer may never be seen.
    Closing,
}

/// Why a connection was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slow {
    /// No whole headers.
    Headers,
    /// No further request.
    Idle,
    /// An answer was not read to its end.
    Answer,
    /// Nothing of what was sent was read.
    Unread,
    /// It did not close after the last answer.
    Closing,
}

impl fmt::Display for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Slow::Headers => "its headers did not come",
            Slow::Idle => "it asked nothing more",
            Slow::Answer => "it did not read its answer to the end",
            Slow::Unread => "it reads nothing",
            Slow::Closing => "it was refused and did not close",
        })
    }
}

impl Watch {
    pub(super) fn new(limits: Limits) -> Self {
        let now = Now {
            doing: Doing::Headers,
            since: Instant::now(),
            blocked: None,
            refused: false,
            thrown_away: 0,
        };
        Self(Arc::new(Inner { limits, now: Mutex::new(now) }))
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        // Nothing panics while it is held, so what it holds is whole.
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, doing: Doing) {
        let mut now = self.now();
        (now.doing, now.since) = (doing, Instant::now());
    }

    /// A request's headers are there.
    pub(super) fn asked(&self) {
        self.is(Doing::Working);
    }

    /// The answer is known; the body that is given back tells when it is gone.
    pub(super) fn sending(&self, response: Response) -> hyper::Response<Told> {
        self.now().refused = response.headers().get(header::CONNECTION).is_some_and(|c| c == "close");
        self.is(if has_no_end(response.headers()) { Doing::Streaming } else { Doing::Sending });
        let watch = self.clone();
        response.map(|body| Told { body, watch })
    }

    /// A stream that tells of what comes and of what waits.
    pub(super) fn io<S>(&self, stream: S) -> Io<S> {
        Io { stream, watch: self.clone() }
    }

    /// When the connection has to be at an end unless something happens, and what it is then.
    fn deadline(&self) -> Option<(Instant, Slow)> {
        let limits = &self.0.limits;
        let now = self.now();
        let doing = match now.doing {
            Doing::Headers => Some((now.since + limits.headers, Slow::Headers)),
            Doing::Idle => Some((now.since + limits.idle, Slow::Idle)),
            Doing::Sending | Doing::Ending => Some((now.since + limits.answer, Slow::Answer)),
            Doing::Closing => Some((now.since + limits.closing, Slow::Closing)),
            Doing::Working | Doing::Streaming => None,
        };
        let unread = now.blocked.map(|since| (since + limits.unread, Slow::Unread));
        doing.into_iter().chain(unread).min_by_key(|(at, _)| *at)
    }

    /// The connection, until it ends or is too slow.
    pub(super) async fn hold<F: Future>(&self, connection: F) -> Result<F::Output, Slow> {
        let sleep = tokio::time::sleep(Duration::ZERO);
        Hold { connection: Box::pin(connection), sleep: Box::pin(sleep), armed: None, watch: self }.await
    }
}

fn has_no_end(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// A connection and its clock.
struct Hold<'a, F> {
    connection: Pin<Box<F>>,
    sleep: Pin<Box<Sleep>>,
    /// For when the clock is set. It may ring early: setting it anew for each request would cost more.
    armed: Option<Instant>,
    watch: &'a Watch,
}

impl<F: Future> Future for Hold<'_, F> {
    type Output = Result<F::Output, Slow>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Poll::Ready(end) = this.connection.as_mut().poll(cx) {
            return Poll::Ready(Ok(end));
        }
        loop {
            let Some((at, slow)) = this.watch.deadline() else { return Poll::Pending };
            if this.armed.is_none_or(|armed| at < armed) {
                this.sleep.as_mut().reset(at);
                this.armed = Some(at);
            }
            ready!(this.sleep.as_mut().poll(cx));
            this.armed = None;
            if Instant::now() >= at {
                return Poll::Ready(Err(slow));
            }
        }
    }
}

/// An answer's body. hyper drops it when it holds the last of it itself, or when there is nobody to send it to.
#[derive(Debug)]
pub(super) struct Told {
    body: Body,
    watch: Watch,
}

impl Drop for Told {
    fn drop(&mut self) {
        let mut now = self.watch.now();
        if now.doing == Doing::Streaming {
            now.since = Instant::now();
        }
        now.doing = Doing::Ending;
    }
}

impl hyper::body::Body for Told {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that tells of what comes and of what waits.
#[derive(Debug)]
pub(super) struct Io<S> {
    stream: S,
    watch: Watch,
}

impl<S> Io<S> {
    fn wrote<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let mut now = self.watch.now();
        if result.is_ready() {
            now.blocked = None;
        } else if now.blocked.is_none() {
            now.blocked = Some(Instant::now());
        }
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Io<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            let mut now = self.watch.now();
            if now.doing == Doing::Idle {
                (now.doing, now.since) = (Doing::Headers, Instant::now());
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Io<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        // hyper flushes when it has written all that it holds.
        if result.is_ready() && self.watch.now().doing == Doing::Ending {
            self.watch.is(Doing::Idle);
        }
        self.wrote(result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        {
            let mut now = this.watch.now();
            if now.doing == Doing::Headers || now.refused {
                (now.doing, now.since, now.refused) = (Doing::Closing, Instant::now(), false);
            }
        }
        let result = Pin::new(&mut this.stream).poll_shutdown(cx);
        ready!(this.wrote(result))?;
        let mut piece = [0; 4096];
        loop {
            let mut buf = ReadBuf::new(&mut piece);
            if this.watch.now().doing != Doing::Closing {
                return Poll::Ready(Ok(()));
            }
            let read = ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf));
            let mut now = this.watch.now();
            now.thrown_away += buf.filled().len();
            if read.is_err() || buf.filled().is_empty() || now.thrown_away > THROWN_AWAY_BYTES_MAX {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
