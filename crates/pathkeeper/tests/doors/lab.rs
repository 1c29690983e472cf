//! An agent with small limits, behind any door, and raw clients.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, Doors, random_instance};
use pathkeeper::http::server::Limits;
use pathkeeper::tls::Source;
use pathkeeper_api::client::{Address, Client, Trust};
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::Hub;
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::{EpochS, NodeName};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

/// What should happen at once never takes so long, on any machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// A limit that a test waits for.
pub const SHORT: Duration = Duration::from_millis(300);
/// A limit that no test waits for.
pub const LONG: Duration = Duration::from_secs(3600);

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

struct NoMaps;

impl Look for NoMaps {
    fn read(&mut self, _: Depth) -> NodeRead {
        NodeRead {
            began: EpochS(0),
            took_ms: 0,
            daemon: Daemon::Answering { pid: None },
            maps: vec![],
            loose: vec![],
            kernel: Ok(vec![]),
            adapters: vec![],
            tools_version: None,
            config_digest: None,
            own_wwids: None,
            host: Default::default(),
            port_changes: Arc::default(),
            unknown_words: 0,
            problems: vec![],
        }
    }
    fn probe(&mut self) -> bool {
        true
    }
}

/// Limits that nobody reaches by accident.
pub fn limits() -> Limits {
    Limits {
        connections_max: 64,
        connections_per_peer_max: 16,
        handshake: LONG,
        headers: LONG,
        idle: LONG,
        request: LONG,
        answer: LONG,
        unread: LONG,
        closing: LONG,
        header_bytes_max: 8192,
        body_bytes_max: 1000,
    }
}

pub struct Lab {
    pub dir: tempfile::TempDir,
    pub app: App,
    pub address: SocketAddr,
    pub socket: PathBuf,
    pub authority: Option<Authority>,
}

impl Lab {
    pub async fn plain(limits: Limits) -> Self {
        Self::start(tempfile::tempdir().unwrap(), limits, None, None).await
    }

    /// With a certificate of an authority that the lab's clients trust.
    pub async fn tls(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let (certificate, key) = (dir.path().join("node.pem"), dir.path().join("node.key"));
        authority.sign(&["localhost", "127.0.0.1"], 2020, 2100).write(&certificate, &key);
        Self::start(dir, limits, Some(Source::Files { certificate, key }), Some(authority)).await
    }

    pub async fn start(
        dir: tempfile::TempDir,
        limits: Limits,
        tls: Option<Source>,
        authority: Option<Authority>,
    ) -> Self {
        let hub = Hub::open(&dir.path().join("state")).unwrap();
        let store = Arc::new(hub.node(&NodeName::new("pve1").unwrap()));
        let socket = dir.path().join("run/pathkeeper.sock");
        let config = AppConfig {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            socket: Some((socket.clone(), None)),
            doors: Doors { limits, tls, ..Doors::default() },
            ..AppConfig::new(random_instance().unwrap(), NodeFacts::default())
        };
        let look = Arc::new(|| Box::new(NoMaps) as Box<dyn Look>);
        let app = App::start(config, store, look, mpsc::channel(1).1).await.unwrap();
        let address = app.address.unwrap();
        Self { dir, app, address, socket, authority }
    }

    /// A connection from this address of the loopback, by TLS if the lab speaks it.
    pub async fn connect_from(&self, from: &str) -> std::io::Result<Box<dyn Stream>> {
        let stream = tcp(from, self.address).await?;
        match &self.authority {
            None => Ok(Box::new(stream)),
            Some(authority) => {
                let name = ServerName::try_from("localhost").unwrap();
                Ok(Box::new(authority.connector(&[]).connect(name, stream).await?))
            }
        }
    }

    pub async fn connect(&self) -> Box<dyn Stream> {
        self.connect_from("127.0.0.1").await.unwrap()
    }

    /// All that the server answers to these bytes until it closes.
    pub async fn say(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // A server that refuses may close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let _ = stream.flush().await;
        until_closed(&mut stream).await
    }

    pub fn client(&self) -> Client {
        let host = format!("127.0.0.1:{}", self.address.port());
        match &self.authority {
            None => Client::new(Address::Tcp(host), PATIENCE),
            Some(authority) => {
                let trust = Trust::pem(authority.pem.as_bytes()).unwrap();
                Client::new(Address::Tls(host), PATIENCE).trusting(trust)
            }
        }
    }

    /// Whether somebody who comes from this address is served.
    pub async fn serves(&self, from: &str) -> bool {
        let Ok(mut stream) = self.connect_from(from).await else { return false };
        let _ =
            stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        until_closed(&mut stream).await.starts_with("HTTP/1.1 200")
    }

    pub async fn socket_serves(&self) -> bool {
        Client::new(Address::Unix(self.socket.clone()), PATIENCE).version().await.is_ok()
    }
}

pub async fn tcp(from: &str, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from.parse::<IpAddr>().unwrap(), 0).into())?;
    socket.connect(to).await
}

/// What comes until the other side closes, which is an event: a server that never does fails the test. A reset ends it
/// too.
pub async fn until_closed(stream: &mut (impl AsyncRead + Unpin + ?Sized)) -> String {
    let mut all = Vec::new();
    let read = async {
        let mut piece = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut piece).await {
            all.extend_from_slice(&piece[..n]);
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("the server did not close the connection");
    String::from_utf8_lossy(&all).into_owned()
}

/// An authority of somebody's.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

/// A certificate and its key, PEM.
pub struct Signed {
    pub certificate: String,
    pub key: String,
}

impl Signed {
    pub fn write(&self, certificate: &std::path::Path, key: &std::path::Path) {
        std::fs::write(certificate, &self.certificate).unwrap();
        std::fs::write(key, &self.key).unwrap();
    }
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "an authority");
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// For these names, from the first of January of one year to that of another.
    pub fn sign(&self, names: &[&str], from: i32, to: i32) -> Signed {
        let mut params =
            CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Signed { certificate, key: key.serialize_pem() }
    }

    /// Clients that trust it; `versions` empty = all.
    pub fn connector(&self, versions: &[&'static rustls::SupportedProtocolVersion]) -> TlsConnector {
        use rustls::pki_types::pem::PemObject;
        let mut roots = RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let versions = if versions.is_empty() { rustls::DEFAULT_VERSIONS } else { versions };
        let config = ClientConfig::builder_with_provider(pathkeeper::tls::provider())
            .with_protocol_versions(versions)
            .unwrap();
        TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}
