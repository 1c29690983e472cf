//! TCP.

use std::io;
use std::net::SocketAddr;

use anyhow::Context as _;
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch::Receiver;

use super::super::Context;
use super::{Door, Limits, Peer, serve};

/// Listens on TCP. Gives the address (the port that was free, for port 0) and the server.
///
/// # Errors
/// In words: an address that is not the loopback's, or one that cannot be had.
pub async fn tcp(
    listen: SocketAddr,
    limits: Limits,
    context: Context,
    stopping: Receiver<bool>,
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
    let door = Plain { listener, limits: limits.clone() };
    Ok((address, serve(door, limits, super::super::router(context), stopping)))
}

struct Plain {
    listener: TcpListener,
    limits: Limits,
}

impl Door for Plain {
    type Raw = TcpStream;
    type Open = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, address) = accept(&self.listener, &self.limits).await?;
        Ok((stream, Peer::Tcp { address, encrypted: false }))
    }

    async fn open(&self, raw: TcpStream) -> Option<TcpStream> {
        Some(raw)
    }

    fn welcome(&self, _: &Peer) -> Result<(), String> {
        Ok(())
    }
}

async fn accept(listener: &TcpListener, limits: &Limits) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true).ok();
    // A client that is gone without a word is noticed by the kernel.
    let unread_ms = u32::try_from(limits.unread.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(&stream, unread_ms).ok();
    Ok((stream, address))
}
