//! One POST, with a deadline.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::SinkConfig;
use crate::state_file;

/// Where systems keep the list of authorities: Debian, Red Hat, SUSE.
const SYSTEM_AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];
/// Files of tokens and authorities are no larger.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// So much of an answer is read; it is for words alone.
const ANSWER_BYTES_MAX: usize = 4 << 10;
/// So much of it is shown.
const SHOWN_BYTES_MAX: usize = 120;

/// Why a message was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PostError {
    /// Nobody answers there.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// It is not who was meant, or speaks no TLS.
    #[error("TLS: {0}")]
    Tls(String),
    /// A file that the sink needs cannot be used.
    #[error("{0}")]
    File(String),
    /// It took too long.
    #[error("no answer within {0} ms")]
    Timeout(u64),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// It answered with something else than 2xx.
    #[error("it answered {status}{}", if .said.is_empty() { String::new() } else { format!(": {}", .said) })]
    Refused {
        /// HTTP status.
        status: u16,
        /// How its answer begins.
        said: String,
    },
}

impl PostError {
    /// Sending the same thing again would be refused again.
    pub fn is_final(&self) -> bool {
        matches!(self, PostError::Refused { status: 300..=499, .. })
            && !matches!(self, PostError::Refused { status: 401 | 403 | 404 | 408 | 425 | 429, .. })
    }
}

/// What of a sink's files was read for one try.
#[derive(Default)]
struct Secrets {
    token: Option<String>,
    trust: Option<Arc<ClientConfig>>,
}

impl Secrets {
    /// Reads what the sink needs. Files may change while the agent runs.
    ///
    /// # Errors
    /// [`PostError::File`], which names the file and nothing in it.
    fn read(config: &SinkConfig) -> Result<Self, PostError> {
        let token = config.token_file.as_deref().map(token).transpose()?;
        let trust = config.url.tls.then(|| trust(config.ca_file.as_deref())).transpose()?;
        Ok(Self { token, trust })
    }
}

fn read(file: &Path) -> Result<Vec<u8>, PostError> {
    let cannot = |why: &str| PostError::File(format!("{}: {why}", file.display()));
    match state_file::read(file, FILE_BYTES_MAX) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(cannot("no such file")),
        Err(e) => Err(cannot(&e.to_string())),
    }
}

fn token(file: &Path) -> Result<String, PostError> {
    let bytes = read(file)?;
    let text = String::from_utf8_lossy(&bytes);
    let token = text.lines().next().unwrap_or_default().trim();
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(PostError::File(format!("{}: its first line is no token", file.display())));
    }
    Ok(token.to_owned())
}

fn trust(file: Option<&Path>) -> Result<Arc<ClientConfig>, PostError> {
    let system = || SYSTEM_AUTHORITIES.iter().map(Path::new).find(|path| path.is_file());
    let none = || PostError::File("this machine has no list of authorities (package ca-certificates)".into());
    let file = match file {
        Some(file) => file,
        None => system().ok_or_else(none)?,
    };
    let bytes = read(file)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok));
    if roots.is_empty() {
        return Err(PostError::File(format!("{}: it holds no certificate in PEM", file.display())));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| PostError::Tls(e.to_string()))?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Sends one body; the whole try ends within the sink's timeout. The words of an error bear nothing secret.
pub(super) async fn post(config: &SinkConfig, body: Vec<u8>) -> Result<(), PostError> {
    let limit = Duration::from_millis(config.timeout_ms);
    let files = config.clone();
    // Files may lie where reading hangs: on a thread that can be left behind.
    let exchange = async {
        let secrets = tokio::task::spawn_blocking(move || Secrets::read(&files)).await;
        let secrets = secrets.map_err(|e| PostError::File(e.to_string()))??;
        send(config, &secrets, body).await
    };
    tokio::time::timeout(limit, exchange).await.unwrap_or(Err(PostError::Timeout(config.timeout_ms)))
}

async fn send(config: &SinkConfig, secrets: &Secrets, body: Vec<u8>) -> Result<(), PostError> {
    let url = &config.url;
    let words = |e: &io::Error| {
        let said = e.to_string();
        said.split_once(" (os error ").map_or(said.as_str(), |(words, _)| words).to_owned()
    };
    let tcp = TcpStream::connect((url.host.as_str(), url.port)).await;
    let tcp = tcp.map_err(|e| PostError::Connect(words(&e)))?;
    tcp.set_nodelay(true).ok();
    let stream: Box<dyn Stream> = match &secrets.trust {
        None => Box::new(tcp),
        Some(trust) => {
            let name = ServerName::try_from(url.host.clone()).map_err(|e| PostError::Tls(e.to_string()))?;
            let connected = TlsConnector::from(trust.clone()).connect(name, tcp).await;
            Box::new(connected.map_err(|e| PostError::Tls(words(&e)))?)
        }
    };
    let broken = |e: hyper::Error| PostError::Broken(e.to_string());
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // The connection does the work, beside; it ends with this try.
    let mut working = tokio::task::JoinSet::new();
    working.spawn(connection);
    let mut request = Request::post(url.path.as_str())
        .header(header::HOST, url.authority())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("pathkeeper/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close");
    if let Some(token) = &secrets.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    for (name, value) in &config.headers {
        request = request.header(name.as_str(), value.as_str());
    }
    let request = request
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| PostError::Broken("a header or the path cannot be sent".into()))?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let said = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let said = said.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let said = match &secrets.token {
            // Some servers answer with what they were sent.
            Some(token) => shown(&said).replace(token.as_str(), "…"),
            None => shown(&said),
        };
        Err(PostError::Refused { status: status.as_u16(), said })
    };
    answer.await
}

/// How an answer begins, on one line.
fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut end = line.len().min(SHOWN_BYTES_MAX);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.get(..end).unwrap_or_default().trim().to_owned()
}
