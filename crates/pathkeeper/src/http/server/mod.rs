//! Listening: TCP, plain on the loopback or with TLS, and a Unix socket for the command line.
//!
//! The accept loop is ours so that connections are bounded, in all and for each peer, slow clients end, and the socket
//! looks at who calls.

mod limits;
mod tcp;
mod tls;
mod unix;
mod watch;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch::Receiver;
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::errors::ApiError;
pub use limits::Limits;
use limits::Rooms;
pub use tcp::{may_listen, tcp};
pub use unix::unix;
use watch::Watch;

/// Who is at the other end of a connection. Every request carries it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// By the Unix socket: what the kernel says of the process.
    Unix {
        /// Its effective user.
        uid: u32,
        /// Its effective group.
        gid: u32,
        /// Itself; `None` where the kernel does not say.
        pid: Option<i32>,
    },
    /// By TCP.
    Tcp {
        /// From where.
        address: SocketAddr,
        /// Whether what is said can be read on the way.
        encrypted: bool,
    },
}

/// One way in: how connections come, and what stands between a connection and HTTP.
trait Door: Send + Sync + 'static {
    /// As it is accepted.
    type Raw: Send + 'static;
    /// What HTTP is spoken over.
    type Open: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Raw, Peer)>> + Send;
    /// Makes it ready for HTTP, within its own bounds; `None` where it ended here.
    fn open(&self, raw: Self::Raw) -> impl Future<Output = Option<Self::Open>> + Send;
    /// Whether this peer may ask here at all, and why not, in words.
    fn welcome(&self, peer: &Peer) -> Result<(), String>;
}

/// Serves one door until it is told to stop; then open requests may end.
async fn serve<D: Door>(door: D, limits: Limits, router: Router, mut stopping: Receiver<bool>) {
    let door = Arc::new(door);
    let mut builder = http1::Builder::new();
    // No `pipeline_flush`: with it an answer waits as long as half a request lies behind the one that it answers.
    // The time for headers, and between requests, is watched by `watch`, which can tell the two apart.
    builder
        .header_read_timeout(None)
        .max_header_size(limits.header_bytes_max)
        .max_buf_size(limits.header_bytes_max.max(BUFFER_BYTES_MIN));
    let graceful = GracefulShutdown::new();
    let rooms = Arc::new(Rooms::new(&limits));
    // They end with this server: whoever drops it, as the demo does with a node that dies, drops them too.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let place = tokio::select! {
            place = rooms.place() => place,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let accepted = tokio::select! {
            accepted = door.accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let (raw, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                // Out of descriptors, or a peer that left at once: neither may end the server or spin it.
                tracing::warn!("a connection could not be accepted: {e}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(place) = rooms.of_peer(place, &peer) else { continue };
        let (door, builder, limits) = (door.clone(), builder.clone(), limits.clone());
        let (router, watcher) = (router.clone(), graceful.watcher());
        connections.spawn(async move {
            let _place = place;
            let Some(open) = door.open(raw).await else { return };
            let welcome = door.welcome(&peer);
            let watch = Watch::new(limits.clone());
            let service = hyper::service::service_fn({
                let watch = watch.clone();
                move |request: hyper::Request<Incoming>| {
                    let (router, welcome, limits) = (router.clone(), welcome.clone(), limits.clone());
                    let watch = watch.clone();
                    watch.asked();
                    async move {
                        let response = answer(router, welcome, peer, &limits, request).await;
                        Ok::<_, Infallible>(watch.sending(response))
                    }
                }
            });
            let connection = builder.serve_connection(TokioIo::new(watch.io(open)), service);
            match watch.hold(watcher.watch(connection)).await {
                Ok(Ok(())) => {}
                Ok(Err(e)) => tracing::debug!("the connection of {peer:?} ended: {e}"),
                Err(slow) => tracing::debug!("the connection of {peer:?} was ended: {slow}"),
            }
        });
    }
    graceful.shutdown().await;
}

/// hyper takes no smaller buffer.
const BUFFER_BYTES_MIN: usize = 8192;

async fn answer(
    router: Router,
    welcome: Result<(), String>,
    peer: Peer,
    limits: &Limits,
    request: hyper::Request<Incoming>,
) -> Response {
    if let Err(why) = welcome {
        return ApiError::forbidden(&why).into_response();
    }
    if let Err(e) = body_is_bounded(&request, limits.body_bytes_max) {
        return closing(e);
    }
    let mut request: Request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(peer);
    match tokio::time::timeout(limits.request, router.oneshot(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => closing(ApiError::too_slow(limits.request.as_secs())),
    }
}

/// The length of a body must be said before it comes. So a body that is too long is refused unread, and no two programs
/// on the way can disagree about where a request ends: that is what smuggled requests live on.
fn body_is_bounded(request: &hyper::Request<Incoming>, bytes_max: u64) -> Result<(), ApiError> {
    if request.headers().contains_key(header::TRANSFER_ENCODING) {
        return Err(ApiError::no_length());
    }
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.trim().parse::<u64>().ok());
    match length {
        Some(bytes) if bytes > bytes_max => Err(ApiError::too_long(bytes, bytes_max)),
        _ => Ok(()),
    }
}

/// An answer after which nothing more is read: what follows on the connection cannot be told from the rest of a body.
fn closing(e: ApiError) -> Response {
    let mut response = e.into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
