//! Listening: TCP on the loopback, and a Unix socket for the command line.
//!
//! The accept loops are ours so that connections are bounded, slow clients end, and the socket looks at who calls.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, unix::UCred};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::Context;
use super::errors::ApiError;

/// Connections that are open at the same time, for each listener.
const CONNECTIONS_MAX: usize = 512;
/// A client has this long to send a request's headers.
const HEADERS_S: u64 = 10;
/// What was sent must be acknowledged within this.
const UNREAD_MS: u32 = 30_000;
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Listens on TCP. Gives the address (the port that was free, for port 0) and the server.
///
/// # Errors
/// In words: an address that is not the loopback's, or one that cannot be had.
pub async fn tcp(
    listen: SocketAddr,
    context: Context,
    stopping: watch::Receiver<bool>,
) -> anyhow::Result<(SocketAddr, impl Future<Output = ()> + Send + 'static)> {
    anyhow::ensure!(
        listen.ip().is_loopback(),
        "listening on {listen} is refused until TLS and tokens exist; listen on 127.0.0.1 and use an SSH tunnel: \
         ssh -L {port}:127.0.0.1:{port} root@NODE",
        port = listen.port()
    );
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen} (is another agent running? set listen in pathkeeper.toml to another port, or to \"none\")")
    })?;
    let address = listener.local_addr()?;
    let router = super::router(context);
    let accept = move || {
        let listener = Arc::new(listener);
        move || {
            let listener = listener.clone();
            async move {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true).ok();
                // A client that reads nothing for so long is gone, and its place is free.
                sockopt::set_tcp_user_timeout(&stream, UNREAD_MS).ok();
                Ok((stream, Ok(())))
            }
        }
    };
    Ok((address, serve(accept(), router, stopping)))
}

/// Listens on a Unix socket: mode 0660 and the group where there is one, else 0600. Whoever connects must be root,
/// this user, or in the group.
///
/// # Errors
/// In words, if the socket cannot be made.
pub fn unix(
    path: PathBuf,
    group: Option<String>,
    context: Context,
    stopping: watch::Receiver<bool>,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    if std::os::unix::net::UnixStream::connect(&path).is_ok() {
        anyhow::bail!("{} is in use by another agent (set run-dir to another)", path.display());
    }
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(e).with_context(|| format!("cannot replace {}", path.display()));
        }
        _ => {}
    }
    let listener =
        UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
    let gid = group.as_deref().and_then(gid_of);
    let mode = if gid.is_some() { 0o660 } else { 0o600 };
    if let Some(gid) = gid {
        std::os::unix::fs::chown(&path, None, Some(gid))
            .with_context(|| format!("cannot give {} to its group", path.display()))?;
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot set the mode of {}", path.display()))?;
    let own_uid = rustix::process::geteuid().as_raw();
    let listener = Arc::new(listener);
    let accept = move || {
        let listener = listener.clone();
        async move {
            let (stream, _) = listener.accept().await?;
            let peer = stream.peer_cred()?;
            let welcome = if may_ask(&peer, own_uid, gid) {
                Ok(())
            } else {
                Err(format!(
                    "user {} may not ask here: be root, or join the group of this socket",
                    peer.uid()
                ))
            };
            Ok((stream, welcome))
        }
    };
    Ok(serve(accept, super::router(context), stopping))
}

fn may_ask(peer: &UCred, own_uid: u32, group: Option<u32>) -> bool {
    let Some(group) = group else { return [0, own_uid].contains(&peer.uid()) };
    [0, own_uid].contains(&peer.uid())
        || peer.gid() == group
        || peer.pid().is_some_and(|pid| supplementary_groups(Path::new("/proc"), pid).contains(&group))
}

fn supplementary_groups(proc: &Path, pid: i32) -> Vec<u32> {
    let status = std::fs::read_to_string(proc.join(pid.to_string()).join("status")).unwrap_or_default();
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    groups.split_whitespace().filter_map(|gid| gid.parse().ok()).collect()
}

/// The number of a group in /etc/group.
fn gid_of(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    })
}

async fn serve<A, F, S>(accept: A, router: axum::Router, mut stopping: watch::Receiver<bool>)
where
    A: Fn() -> F + Send + 'static,
    F: Future<Output = std::io::Result<(S, Result<(), String>)>> + Send,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEADERS_S))
        .max_buf_size(HEADER_BYTES_MAX)
        .pipeline_flush(true);
    let builder = builder.http1_only();
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // They end with this server: whoever drops it, as the demo does with a node that dies, drops them too.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let permit = tokio::select! {
            permit = room.clone().acquire_owned() => permit,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            accepted = accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let (stream, welcome) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                // Out of descriptors, or a peer that left at once: neither may end the server or spin it.
                tracing::warn!("a connection could not be accepted: {e}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let router = router.clone();
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let (router, welcome) = (router.clone(), welcome.clone());
            async move { Ok::<_, Infallible>(answer(router, welcome, request).await) }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            if let Err(e) = connection.await {
                tracing::debug!("a connection ended: {e}");
            }
            drop(permit);
        });
    }
    graceful.shutdown().await;
}

async fn answer(
    router: axum::Router,
    welcome: Result<(), String>,
    request: hyper::Request<Incoming>,
) -> Response {
    if let Err(why) = welcome {
        return ApiError::forbidden(&why).into_response();
    }
    match router.oneshot(request.map(axum::body::Body::new) as Request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn groups_are_read_from_the_kernel() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("7")).unwrap();
        std::fs::write(dir.path().join("7/status"), "Name:\tx\nGroups:\t4 27 1000 \n").unwrap();
        assert_eq!(super::supplementary_groups(dir.path(), 7), [4, 27, 1000]);
        assert_eq!(super::supplementary_groups(dir.path(), 8), [0u32; 0]);
        assert_eq!(super::gid_of("root"), Some(0));
        assert_eq!(super::gid_of("no-such-group-here"), None);
    }
}
