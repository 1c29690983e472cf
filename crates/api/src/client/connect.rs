//! From an address to a stream: Unix socket, TCP, TLS over TCP; whom a client trusts, and who it is.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, InvalidMessage, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Address, Error};

/// Where systems keep the list of authorities: Debian, Red Hat, SUSE.
const SYSTEM_AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// Something to speak HTTP over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Whose word a client takes for a server's identity.
#[derive(Clone, Debug)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    /// The authorities in a PEM file's bytes, and no others.
    ///
    /// # Errors
    /// In words, if it holds none.
    pub fn pem(bytes: &[u8]) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(bytes) {
            let certificate = certificate.map_err(|e| format!("it is no PEM file: {e}"))?;
            roots.add(certificate).map_err(|e| format!("it holds no authority: {e}"))?;
        }
        if roots.is_empty() {
            return Err("it holds no certificate in PEM".into());
        }
        Self::of(roots)
    }

    /// The authorities that this machine trusts. A list of hundreds may hold some that we cannot read.
    ///
    /// # Errors
    /// In words, if the machine has no list.
    pub fn system() -> Result<Self, String> {
        let file = SYSTEM_AUTHORITIES.iter().map(Path::new).find(|path| path.is_file());
        let file = file.ok_or("this machine has no list of authorities (package ca-certificates)")?;
        let bytes = std::fs::read(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok));
        Self::of(roots)
    }

    fn of(roots: RootCertStore) -> Result<Self, String> {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|e| format!("TLS cannot be set up: {e}"))?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

/// An API token, `USER@REALM!NAME=SECRET`. It is never printed.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The first line of a file or variable, with or without `PVEAPIToken=` before it.
    ///
    /// # Errors
    /// In words, if that is no token.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let line = text.lines().next().unwrap_or_default().trim();
        let token = line.strip_prefix("PVEAPIToken=").unwrap_or(line);
        let Some((name, secret)) = token.split_once('=') else {
            return Err("a token has the form USER@REALM!NAME=SECRET, on the first line");
        };
        let good = name.contains('@') && name.contains('!') && !secret.is_empty();
        if !good || !token.bytes().all(|b| b.is_ascii_graphic()) || token.len() > 1024 {
            return Err("a token has the form USER@REALM!NAME=SECRET, on the first line");
        }
        Ok(Self(token.to_owned()))
    }

    /// As Proxmox VE takes it.
    pub(super) fn header(&self) -> String {
        format!("PVEAPIToken={}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// Why a server is not believed to be the one that was meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Its certificate is from an authority that is not known here.
    #[error("its certificate is signed by an authority that is not trusted here")]
    Authority,
    /// Its certificate is for others.
    #[error("its certificate is not for {asked}, but for {}", .named.join(", "))]
    Name {
        /// What was asked.
        asked: String,
        /// Whom it names.
        named: Vec<String>,
    },
    /// Its certificate is over.
    #[error("its certificate has ended, or the clock here is ahead")]
    Expired,
    /// Its certificate does not count yet.
    #[error("its certificate does not count yet: the clock here is behind, or the server's was ahead")]
    Early,
    /// It answers, and not by TLS.
    #[error("it does not speak TLS")]
    Plain,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// Opens a stream to an address. `trust` is used for TLS alone.
pub(super) async fn connect(address: &Address, trust: Option<&Trust>) -> Result<Box<dyn Stream>, Error> {
    let unreachable = |e: io::Error| Error::Unreachable { address: address.to_string(), why: e.to_string() };
    let tcp = async |host: &str| {
        let stream = TcpStream::connect(host).await.map_err(unreachable)?;
        stream.set_nodelay(true).ok();
        Ok::<_, Error>(stream)
    };
    Ok(match address {
        Address::Unix(socket) => Box::new(crate::socket::connect(socket).await.map_err(unreachable)?),
        Address::Tcp(host) => Box::new(tcp(host).await?),
        Address::Tls(host) => {
            let distrust = |why: Distrust| Error::Distrust { address: address.to_string(), why };
            let system;
            let trust = match trust {
                Some(trust) => trust,
                None => {
                    system = Trust::system().map_err(|why| distrust(Distrust::Other(why)))?;
                    &system
                }
            };
            let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
            let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
            let name = ServerName::try_from(name).map_err(|e| distrust(Distrust::Other(e.to_string())))?;
            let connector = TlsConnector::from(trust.0.clone());
            let stream = tcp(host).await?;
            Box::new(connector.connect(name, stream).await.map_err(|e| match distrust_of(&e) {
                Some(why) => distrust(why),
                None if e.kind() == io::ErrorKind::UnexpectedEof => unreachable(io::Error::other(
                    "it closed the connection in the TLS handshake (does it speak TLS? try http://)",
                )),
                None => unreachable(e),
            })?)
        }
    })
}

/// `None` where it is the network's fault.
fn distrust_of(e: &io::Error) -> Option<Distrust> {
    let e = e.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match e {
        rustls::Error::InvalidCertificate(why) => match why {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Distrust::Authority,
            CertificateError::NotValidForNameContext { expected, presented } => Distrust::Name {
                asked: expected.to_str().into_owned(),
                named: presented.iter().map(|name| plain_name(name)).collect(),
            },
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Distrust::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Distrust::Early,
            why => Distrust::Other(why.to_string()),
        },
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Distrust::Plain,
        e => Distrust::Other(e.to_string()),
    })
}

/// A name as the library's parser prints it, without what surrounds it: `DnsName("pve1")`, `IpAddress(10.0.0.1)`.
fn plain_name(printed: &str) -> String {
    let inside = printed.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(printed);
    inside.trim_matches('"').to_owned()
}
