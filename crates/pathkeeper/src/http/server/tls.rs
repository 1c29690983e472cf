//! TCP with TLS.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::tcp::accept;
use super::{Door, Limits, Peer};
use crate::tls::Keeper;

/// The first byte of every TLS connection: a record with a handshake in it (RFC 8446, section 5.1). No HTTP request
/// begins with it.
const HANDSHAKE: u8 = 0x16;
/// What somebody who speaks plain HTTP has sent by then is read, so that the answer is not lost in a reset; not more.
const PLAIN_BYTES_MAX: u64 = 64 * 1024;

/// TLS on a TCP listener.
pub(super) struct Encrypted {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    limits: Limits,
    /// Lives as long as what it is shown by.
    _keeper: Keeper,
}

impl Encrypted {
    pub(super) fn new(listener: TcpListener, keeper: Keeper, limits: Limits) -> Self {
        Self { listener, acceptor: TlsAcceptor::from(keeper.config()), limits, _keeper: keeper }
    }
}

impl Door for Encrypted {
    type Raw = TcpStream;
    type Open = TlsStream<TcpStream>;

    async fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, address) = accept(&self.listener, &self.limits).await?;
        Ok((stream, Peer::Tcp { address, encrypted: true }))
    }

    async fn open(&self, raw: TcpStream) -> Option<TlsStream<TcpStream>> {
        let handshake = async {
            let mut first = [0];
            if raw.peek(&mut first).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if first != [HANDSHAKE] {
                return Ok(Err(raw));
            }
            self.acceptor.accept(raw).await.map(Ok)
        };
        match timeout(self.limits.handshake, handshake).await {
            Ok(Ok(Ok(stream))) => Some(stream),
            Ok(Ok(Err(raw))) => {
                let _ = timeout(self.limits.handshake, refuse_plain(raw)).await;
                None
            }
            Ok(Err(e)) => {
                tracing::debug!("a TLS handshake failed: {e}");
                None
            }
            Err(_) => {
                tracing::debug!("a TLS handshake did not end in time");
                None
            }
        }
    }

    fn welcome(&self, _: &Peer) -> Result<(), String> {
        Ok(())
    }
}

/// Tells whoever speaks plain HTTP here what to do instead, and closes.
async fn refuse_plain(mut stream: TcpStream) -> io::Result<()> {
    const WORDS: &str = "this port speaks TLS: use https:// instead of http://\n";
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{WORDS}",
        WORDS.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // A socket that is closed with bytes unread resets the connection, and the answer may never be seen.
    let (mut read, mut rest) = (stream.take(PLAIN_BYTES_MAX), [0; 4096]);
    while timeout(Duration::from_secs(2), read.read(&mut rest)).await.is_ok_and(|n| n.is_ok_and(|n| n > 0)) {}
    Ok(())
}
