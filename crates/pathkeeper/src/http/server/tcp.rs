//! TCP: plain on the loopback, with TLS anywhere.

use std::io;
use std::net::SocketAddr;

use anyhow::Context as _;
use rustix::net::sockopt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch::Receiver;

use super::super::Context;
use super::tls::Encrypted;
use super::{Door, Limits, Peer, serve};
use crate::tls::Keeper;

/// A server that runs until it is told to stop.
pub type Server = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Listens on TCP, by TLS if there is a certificate. Gives the address (the port that was free, for port 0) and the
/// server.
///
/// # Errors
/// In words: an address at which it may not listen as things are, or one that cannot be had.
pub async fn tcp(
    listen: SocketAddr,
    tls: Option<Keeper>,
    has_tokens: bool,
    limits: Limits,
    context: Context,
    stopping: Receiver<bool>,
) -> anyhow::Result<(SocketAddr, Server)> {
    may_listen(listen, tls.is_some(), has_tokens).map_err(anyhow::Error::msg)?;
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("cannot listen on {listen} (is another agent running? set listen in pathkeeper.toml to another port, or to \"none\")")
    })?;
    let address = listener.local_addr()?;
    let router = super::super::router(context);
    let server: Server = match tls {
        Some(keeper) => {
            let door = Encrypted::new(listener, keeper, limits.clone());
            Box::pin(serve(door, limits, router, stopping))
        }
        None => Box::pin(serve(Plain { listener, limits: limits.clone() }, limits, router, stopping)),
    };
    Ok((address, server))
}

/// Beyond the loopback nothing is said in clear and nobody is let in without a token.
///
/// # Errors
/// Why not, and the commands after which it may.
pub fn may_listen(listen: SocketAddr, encrypted: bool, has_tokens: bool) -> Result<(), String> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    let port = listen.port();
    let otherwise = format!(
        "or listen on 127.0.0.1:{port} and use an SSH tunnel: ssh -L {port}:127.0.0.1:{port} root@NODE"
    );
    if !encrypted {
        return Err(format!(
            "listening on {listen} without TLS is refused: whoever is on the way could read the tokens.\n  \
             In pathkeeper.toml write  use = \"own\"  (or \"files\", \"proxmox\") below [tls], or leave [tls] out; then\n  \
             systemctl restart pathkeeper\n  {otherwise}"
        ));
    }
    if !has_tokens {
        return Err(format!(
            "listening on {listen} is refused as long as there is no token: nobody could be told from anybody. As root\n  \
             pathkeeper token add NAME\n  systemctl restart pathkeeper\n  {otherwise}"
        ));
    }
    Ok(())
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

/// The next connection, set up as all of ours are.
pub(super) async fn accept(listener: &TcpListener, limits: &Limits) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true).ok();
    // A client that is gone without a word is noticed by the kernel.
    let unread_ms = u32::try_from(limits.unread.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(&stream, unread_ms).ok();
    Ok((stream, address))
}

#[cfg(test)]
mod tests {
    #[test]
    fn beyond_the_loopback_it_takes_tls_and_tokens() {
        let check = |listen: &str, encrypted: bool, has_tokens: bool, expect: Result<(), &str>| {
            let got = super::may_listen(listen.parse().unwrap(), encrypted, has_tokens);
            match expect {
                Ok(()) => assert_eq!(got, Ok(()), "{listen}"),
                Err(words) => assert!(got.as_ref().is_err_and(|e| e.contains(words)), "{listen}: {got:?}"),
            }
        };
        check("127.0.0.1:1", false, false, Ok(()));
        check("[::1]:1", true, false, Ok(()));
        check("10.0.0.1:81", true, true, Ok(()));
        check("10.0.0.1:81", false, true, Err("use = \"own\""));
        check("10.0.0.1:81", false, false, Err("ssh -L 81:127.0.0.1:81 root@NODE"));
        check("0.0.0.0:81", true, false, Err("pathkeeper token add NAME"));
        check("[::]:81", true, false, Err("systemctl restart pathkeeper"));
    }
}
