//! A small typed client: HTTP/1.1 over the agent's Unix socket or over TCP to the loopback or a server.

use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::alerts::{Alerts, TestBody, Tested};
use crate::can::Can;
use crate::config::{
    Adopted, Config, Document, KeysBody, LunBody, PlanBody, Planned, Schema, TextBody, Written,
};
use crate::discover::Discovered;
use crate::explain::Explained;
use crate::guide::Guide;
use crate::history::{Support, Timeline};
use crate::luns::{Luns, OrderBody, Ordered};
use crate::mutes::{MuteBody, MuteChanged, Mutes};
use crate::names::{Names, NamesBody, NamesChanged};
use crate::rollout::{Rollouts, StartBody, SteerBody, Steered};
use crate::volumes::Volume;
use crate::windows::{WindowBody, WindowChanged, Windows};
use crate::{Envelope, ErrorBody, Version, disks::NodeDisks, nodes::NodeRow, paths, status};

mod connect;

pub use connect::{Distrust, Token, Trust};

/// An answer is never larger than this: 256 MiB holds 1,000 nodes × 2,000 LUNs.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// One event of a stream is never larger than this.
const EVENT_BYTES_MAX: usize = ANSWER_BYTES_MAX;

/// Where the agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Its Unix socket.
    Unix(PathBuf),
    /// `host:port`, plain HTTP.
    Tcp(String),
    /// `host:port`, TLS.
    Tls(String),
}

impl Address {
    /// Reads `http[s]://HOST[:PORT][/]` (port 8480 by default; without a scheme plain HTTP).
    pub fn parse_url(url: &str) -> Result<Self, Error> {
        let bad = |why: &str| Error::BadUrl { url: url.into(), why: why.into() };
        let (make, rest): (fn(String) -> Self, _) = match url.split_once("://") {
            Some(("http", rest)) => (Address::Tcp, rest),
            Some(("https", rest)) => (Address::Tls, rest),
            Some((scheme, _)) => return Err(bad(&format!("{scheme}:// is not spoken, only http(s)://"))),
            None => (Address::Tcp, url),
        };
        let host = rest.strip_suffix('/').unwrap_or(rest);
        if host.is_empty() || host.contains(['/', '?', '#', '@', ' ']) {
            return Err(bad("give it as https://HOST:PORT or http://HOST:PORT"));
        }
        let has_port = match host.rsplit_once(':') {
            Some((before, port)) => {
                let v6_without_port = before.contains(':') && !before.ends_with(']');
                if !v6_without_port && port.parse::<u16>().is_err() {
                    return Err(bad("the port is no number from 0 to 65535"));
                }
                !v6_without_port
            }
            None => false,
        };
        Ok(make(if has_port { host.into() } else { format!("{host}:8480") }))
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "{}", path.display()),
            Address::Tcp(host) => write!(f, "http://{host}"),
            Address::Tls(host) => write!(f, "https://{host}"),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL cannot be used.
    #[error("{url} cannot be used as a server: {why}")]
    BadUrl {
        /// As given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody there.
    #[error("no agent answers at {address}: {why}")]
    Unreachable {
        /// Where.
        address: String,
        /// The system's word.
        why: String,
    },
    /// It is not believed to be the server that was meant.
    #[error("the server at {address} is not trusted: {why}")]
    Distrust {
        /// Where.
        address: String,
        /// Why not.
        why: Distrust,
    },
    /// A token would be read by whoever is on the way.
    #[error("the token is not sent to {address}: without TLS whoever is on the way could read it")]
    ClearToken {
        /// Where.
        address: String,
    },
    /// It took too long.
    #[error("the agent at {address} gave no answer to {path} within {seconds} s")]
    Timeout {
        /// Where.
        address: String,
        /// What was asked.
        path: String,
        /// The bound.
        seconds: u64,
    },
    /// It said no.
    #[error("{address} answered {path} with {status}: {}", .body.message)]
    Refused {
        /// Where.
        address: String,
        /// What was asked.
        path: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        body: ErrorBody,
    },
    /// It answered with something else than we know.
    #[error("{address} answered {path} with something unreadable: {why}")]
    Unreadable {
        /// Where.
        address: String,
        /// What was asked.
        path: String,
        /// What was wrong.
        why: String,
    },
}

/// A client of one agent. Each request opens its own connection.
#[derive(Clone, Debug)]
pub struct Client {
    address: Address,
    deadline: Duration,
    trust: Option<Trust>,
    token: Option<Token>,
}

/// One event of the stream.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)]
pub enum Event {
    /// The whole status; the first event, and again after `Resync`.
    Snapshot(status::ClusterStatus),
    /// What changed.
    Delta(status::Delta),
    /// Deltas were lost; a snapshot follows.
    Resync,
}

impl Client {
    /// A client whose requests end within `deadline`.
    pub fn new(address: Address, deadline: Duration) -> Self {
        Self { address, deadline, trust: None, token: None }
    }

    /// The same, which takes these authorities' word for who a TLS server is, instead of the system's.
    pub fn trusting(self, trust: Trust) -> Self {
        Self { trust: Some(trust), ..self }
    }

    /// The same, which shows this token with each request.
    pub fn with_token(self, token: Token) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Where it asks.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The cluster's status; `query` is empty or a query string without `?`.
    pub async fn status(&self, query: &str) -> Result<status::ClusterStatus, Error> {
        let path = if query.is_empty() { paths::STATUS.into() } else { format!("{}?{query}", paths::STATUS) };
        self.get(&path).await
    }

    /// LUNs that nodes see and nobody watches.
    pub async fn discover(&self) -> Result<Discovered, Error> {
        self.get(paths::DISCOVER).await
    }

    /// All LUNs.
    pub async fn luns(&self) -> Result<Luns, Error> {
        self.get(paths::LUNS).await
    }

    /// Whether something can be done; `deed` as [`Can::deed`] has it.
    ///
    /// # Errors
    /// As all of these; refused (404) where nothing is called so.
    pub async fn can(&self, deed: &str, name: &str) -> Result<Can, Error> {
        self.get(&format!("{}?deed={}&name={}", paths::CAN, encoded(deed), encoded(name))).await
    }

    /// What is known of a name, whatever it is the name of.
    pub async fn explain(&self, name: &str) -> Result<Explained, Error> {
        self.get(&format!("{}?name={}", paths::EXPLAIN, encoded(name))).await
    }

    /// A part of the history; `query` is empty or a query string without `?`.
    pub async fn history(&self, query: &str) -> Result<Timeline, Error> {
        self.get(&format!("{}?{query}", paths::HISTORY)).await
    }

    /// What a support bundle needs beside the other answers.
    pub async fn support(&self) -> Result<Support, Error> {
        self.get(paths::SUPPORT).await
    }

    /// What is to be done with a LUN, step by step; `aim` is `new`, `resize` or `retire`.
    pub async fn guide(&self, aim: &str, wwid: &str) -> Result<Guide, Error> {
        self.get(&format!("{}?for={aim}", paths::LUN_GUIDE.replace("{wwid}", &encoded(wwid)))).await
    }

    /// One LUN by its whole WWID, alone in the list.
    pub async fn lun(&self, wwid: &str) -> Result<Luns, Error> {
        self.get(&paths::LUN.replace("{wwid}", &encoded(wwid))).await
    }

    /// Gives an order; `path` is one of [`paths::LUN_ACK_PATHS`], [`paths::LUN_RETIRE`] and [`paths::LUN_FORGET`].
    pub async fn order(&self, path: &str, wwid: &str, body: &OrderBody) -> Result<Ordered, Error> {
        self.post(&path.replace("{wwid}", &encoded(wwid)), body).await
    }

    /// What people outside were told, and how the answering node's sinks stand.
    pub async fn alerts(&self) -> Result<Alerts, Error> {
        self.get(paths::ALERTS).await
    }

    /// Sends a test message to the answering node's sinks, or to one of them.
    pub async fn test_alerts(&self, body: &TestBody) -> Result<Tested, Error> {
        self.post(paths::ALERTS_TEST, body).await
    }

    /// All mutes.
    pub async fn mutes(&self) -> Result<Mutes, Error> {
        self.get(paths::MUTES).await
    }

    /// Gives a mute.
    pub async fn mute(&self, body: &MuteBody) -> Result<MuteChanged, Error> {
        self.post(paths::MUTES, body).await
    }

    /// Takes a mute away.
    pub async fn unmute(&self, id: &str) -> Result<MuteChanged, Error> {
        self.delete(&paths::MUTE.replace("{id}", &encoded(id))).await
    }

    /// All maintenance windows.
    pub async fn windows(&self) -> Result<Windows, Error> {
        self.get(paths::WINDOWS).await
    }

    /// Opens a window.
    pub async fn open_window(&self, body: &WindowBody) -> Result<WindowChanged, Error> {
        self.post(paths::WINDOWS, body).await
    }

    /// Ends a window now.
    pub async fn end_window(&self, id: &str) -> Result<WindowChanged, Error> {
        self.post(
            &paths::WINDOW_END.replace("{id}", &encoded(id)),
            &std::collections::BTreeMap::<String, String>::new(),
        )
        .await
    }

    /// Takes a window away.
    pub async fn remove_window(&self, id: &str) -> Result<WindowChanged, Error> {
        self.delete(&paths::WINDOW.replace("{id}", &encoded(id))).await
    }

    /// Words that people gave to ports.
    pub async fn names(&self) -> Result<Names, Error> {
        self.get(paths::NAMES).await
    }

    /// Says something of ports.
    pub async fn set_names(&self, body: &NamesBody) -> Result<NamesChanged, Error> {
        self.put(paths::NAMES, body).await
    }

    /// The cluster's multipath configuration, with what is in force on the answering node; `key`: one setting, of all LUNs.
    pub async fn config(&self, key: Option<&str>) -> Result<Config, Error> {
        let query = key.map(|key| format!("?key={}", encoded(key))).unwrap_or_default();
        self.get(&format!("{}{query}", paths::CONFIG)).await
    }

    /// What may stand in `multipath.cfg`.
    pub async fn config_schema(&self) -> Result<Schema, Error> {
        self.get(paths::CONFIG_SCHEMA).await
    }

    /// A document under which the answering node's maps keep their names.
    pub async fn config_adopt(&self) -> Result<Adopted, Error> {
        self.get(paths::CONFIG_ADOPT).await
    }

    /// What a configuration would do; nothing is written.
    pub async fn plan(&self, body: &PlanBody) -> Result<Planned, Error> {
        self.post(paths::PLAN, body).await
    }

    /// Writes the whole `multipath.cfg`.
    pub async fn write_config(&self, body: &TextBody) -> Result<Written, Error> {
        self.put(paths::CONFIG, body).await
    }

    /// Tears the configuration down.
    pub async fn tear_down(&self, digest: &str) -> Result<Written, Error> {
        self.delete(&format!("{}?digest={}", paths::CONFIG, encoded(digest))).await
    }

    /// Changes settings for all LUNs.
    pub async fn set_defaults(&self, body: &KeysBody) -> Result<Written, Error> {
        self.put(paths::CONFIG_DEFAULTS, body).await
    }

    /// Allows a LUN.
    pub async fn allow_lun(&self, body: &LunBody) -> Result<Written, Error> {
        self.post(paths::LUNS, body).await
    }

    /// Changes what is said of an allowed LUN.
    pub async fn set_lun(&self, wwid: &str, body: &KeysBody) -> Result<Written, Error> {
        self.put(&paths::LUN.replace("{wwid}", &encoded(wwid)), body).await
    }

    /// Takes a LUN off the list.
    pub async fn remove_lun(&self, wwid: &str, digest: &str) -> Result<Written, Error> {
        let path = paths::LUN.replace("{wwid}", &encoded(wwid));
        self.delete(&format!("{path}?digest={}", encoded(digest))).await
    }

    /// `multipath-overrides.conf`.
    pub async fn overrides(&self) -> Result<Document, Error> {
        self.get(paths::OVERRIDES).await
    }

    /// Writes the whole `multipath-overrides.conf`.
    pub async fn write_overrides(&self, body: &TextBody) -> Result<Written, Error> {
        self.put(paths::OVERRIDES, body).await
    }

    /// The newest rollout.
    pub async fn rollout(&self) -> Result<Rollouts, Error> {
        self.get(paths::ROLLOUT).await
    }

    /// Starts a rollout.
    pub async fn start_rollout(&self, body: &StartBody) -> Result<Steered, Error> {
        self.post(paths::ROLLOUT, body).await
    }

    /// Pauses, resumes, aborts or forces; `path` is one of [`paths::ROLLOUT_PAUSE`] and the like.
    pub async fn steer_rollout(&self, path: &str, body: &SteerBody) -> Result<Steered, Error> {
        self.post(path, body).await
    }

    /// The nodes.
    pub async fn nodes(&self) -> Result<Vec<NodeRow>, Error> {
        self.get(paths::NODES).await
    }

    /// The maps of a node; `localhost` is the answering one. `node` must be a plain name, not percent-encoded.
    pub async fn disks(&self, node: &str) -> Result<NodeDisks, Error> {
        self.get(&paths::NODE_DISKS.replace("{node}", &encoded(node))).await
    }

    /// The volumes of a storage of type `multipath` on a node; `localhost` is the answering one.
    pub async fn content(&self, node: &str, storage: &str) -> Result<Vec<Volume>, Error> {
        let path = paths::NODE_CONTENT.replace("{node}", &encoded(node));
        self.get(&path.replace("{storage}", &encoded(storage))).await
    }

    /// The agent's version.
    pub async fn version(&self) -> Result<Version, Error> {
        self.get(paths::VERSION).await
    }

    /// Any path under the envelope.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.data(path, Method::GET, None).await
    }

    /// Sends a JSON object to any path under the envelope.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(|e| self.unreadable(path, e))?;
        self.data(path, Method::POST, Some(body.into())).await
    }

    /// Puts a JSON object to any path under the envelope.
    async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(|e| self.unreadable(path, e))?;
        self.data(path, Method::PUT, Some(body.into())).await
    }

    /// Takes away what is at any path under the envelope.
    async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.data(path, Method::DELETE, None).await
    }

    async fn data<T: DeserializeOwned>(
        &self,
        path: &str,
        method: Method,
        body: Option<Bytes>,
    ) -> Result<T, Error> {
        let answer = self.exchange(path, method, body).await?;
        serde_json::from_slice::<Envelope<T>>(&answer)
            .map(|envelope| envelope.data)
            .map_err(|e| self.unreadable(path, e))
    }

    /// The body of any path, as it came.
    pub async fn get_bytes(&self, path: &str) -> Result<Bytes, Error> {
        self.exchange(path, Method::GET, None).await
    }

    /// Asks, or orders, and gives the body of a good answer.
    async fn exchange(&self, path: &str, method: Method, body: Option<Bytes>) -> Result<Bytes, Error> {
        let exchange = async {
            let response = self.send(path, method, "application/json", body).await?;
            let status = response.status();
            let body = self.read_body(path, response.into_body()).await?;
            if status == StatusCode::OK { Ok(body) } else { Err(self.refused(path, status, &body)) }
        };
        match timeout(self.deadline, exchange).await {
            Ok(result) => result,
            Err(_) => Err(Error::Timeout {
                address: self.address.to_string(),
                path: path.into(),
                seconds: self.deadline.as_secs(),
            }),
        }
    }

    /// The event stream. The deadline holds for its opening; afterwards the server sends a comment at least every
    /// 15 s, and [`EventStream::next`] gives up after 40 s of silence.
    pub async fn events(&self) -> Result<EventStream, Error> {
        let open = async {
            let response = self.send(paths::EVENTS, Method::GET, "text/event-stream", None).await?;
            let status = response.status();
            if status != StatusCode::OK {
                let body = self.read_body(paths::EVENTS, response.into_body()).await?;
                return Err(self.refused(paths::EVENTS, status, &body));
            }
            Ok(EventStream {
                client: self.clone(),
                body: response.into_body(),
                buffer: BytesMut::new(),
                searched: 0,
            })
        };
        match timeout(self.deadline, open).await {
            Ok(result) => result,
            Err(_) => Err(Error::Timeout {
                address: self.address.to_string(),
                path: paths::EVENTS.into(),
                seconds: self.deadline.as_secs(),
            }),
        }
    }

    async fn send(
        &self,
        path: &str,
        method: Method,
        accept: &str,
        body: Option<Bytes>,
    ) -> Result<Response<Incoming>, Error> {
        let unreachable = |e: &dyn std::fmt::Display| Error::Unreachable {
            address: self.address.to_string(),
            why: e.to_string(),
        };
        let host = match &self.address {
            Address::Unix(_) => "localhost",
            Address::Tcp(host) if self.token.is_some() && !is_loopback(host) => {
                return Err(Error::ClearToken { address: self.address.to_string() });
            }
            Address::Tcp(host) | Address::Tls(host) => host,
        };
        let sender = handshake(connect::connect(&self.address, self.trust.as_ref()).await?).await;
        let mut sender = sender.map_err(|e| unreachable(&e))?;
        let request = Request::builder().method(method).uri(path);
        let request = match &body {
            Some(_) => request.header("content-type", "application/json"),
            None => request,
        };
        let request = request.header("host", host).header("accept", accept);
        let request = match &self.token {
            Some(token) => request.header("authorization", token.header()),
            None => request,
        };
        let body = Full::new(body.unwrap_or_default());
        let request = request.body(body).map_err(|e| self.unreadable(path, e))?;
        sender.send_request(request).await.map_err(|e| match &self.address {
            // What a TLS server says to plain HTTP reads like this.
            Address::Tcp(_) if e.is_parse() => unreachable(&format!("{e} (does it speak TLS? try https://)")),
            _ => unreachable(&e),
        })
    }

    async fn read_body(&self, path: &str, mut body: Incoming) -> Result<Bytes, Error> {
        let mut all = BytesMut::new();
        while let Some(frame) = body.frame().await {
            if let Some(data) = frame.map_err(|e| self.unreadable(path, e))?.data_ref() {
                if all.len() + data.len() > ANSWER_BYTES_MAX {
                    return Err(self.unreadable(path, format!("over {ANSWER_BYTES_MAX} bytes")));
                }
                all.extend_from_slice(data);
            }
        }
        Ok(all.freeze())
    }

    fn refused(&self, path: &str, status: StatusCode, body: &[u8]) -> Error {
        let body = serde_json::from_slice(body).unwrap_or_else(|_| ErrorBody {
            message: String::from_utf8_lossy(body).chars().take(300).collect(),
            ..Default::default()
        });
        Error::Refused { address: self.address.to_string(), path: path.into(), status: status.as_u16(), body }
    }

    fn unreadable(&self, path: &str, why: impl std::fmt::Display) -> Error {
        Error::Unreadable { address: self.address.to_string(), path: path.into(), why: why.to_string() }
    }
}

/// `HOST:PORT` of this machine: what is sent there nobody else reads.
fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A name as one part of a path.
pub fn encoded(name: &str) -> String {
    let byte = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(b).to_string(),
        _ => format!("%{b:02X}"),
    };
    name.bytes().map(byte).collect()
}

async fn handshake<S>(io: S) -> hyper::Result<hyper::client::conn::http1::SendRequest<Full<Bytes>>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await?;
    // The connection ends when the sender and the body are dropped; its error shows in the body then.
    tokio::spawn(connection);
    Ok(sender)
}

/// An open event stream.
#[derive(Debug)]
pub struct EventStream {
    client: Client,
    body: Incoming,
    buffer: BytesMut,
    /// So much of the buffer holds no end of an event.
    searched: usize,
}

impl EventStream {
    /// The next event that this version knows; `None` when the server ended the stream.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            while let Some(end) = self.end_of_event() {
                let block = self.buffer.split_to(end);
                self.searched = 0;
                if let Some(event) = self.parse(&block)? {
                    return Ok(Some(event));
                }
            }
            if self.buffer.len() > EVENT_BYTES_MAX {
                return Err(self.client.unreadable(paths::EVENTS, "an event without end"));
            }
            let frame =
                timeout(Duration::from_secs(40), self.body.frame()).await.map_err(|_| Error::Timeout {
                    address: self.client.address.to_string(),
                    path: paths::EVENTS.into(),
                    seconds: 40,
                })?;
            match frame {
                None => return Ok(None),
                Some(Err(e)) => return Err(self.client.unreadable(paths::EVENTS, e)),
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        self.buffer.extend_from_slice(data);
                    }
                }
            }
        }
    }

    /// Where the first event in the buffer ends. What was searched is not searched again: a snapshot may be large and
    /// comes in thousands of pieces.
    fn end_of_event(&mut self) -> Option<usize> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        match unsearched.windows(2).position(|pair| pair == b"\n\n") {
            Some(at) => Some(self.searched + at + 2),
            None => {
                // The last byte may be the first of an end.
                self.searched = self.buffer.len().saturating_sub(1);
                None
            }
        }
    }

    fn parse(&self, block: &[u8]) -> Result<Option<Event>, Error> {
        let text = std::str::from_utf8(block).map_err(|e| self.client.unreadable(paths::EVENTS, e))?;
        let (mut name, mut data) = ("", String::new());
        for line in text.lines() {
            match line.split_once(": ").or_else(|| line.split_once(':')) {
                Some(("event", value)) => name = value,
                Some(("data", value)) => {
                    if !data.is_empty() {
                        data.push('\n');
                    }
                    data.push_str(value);
                }
                _ => {}
            }
        }
        let bad = |e: serde_json::Error| self.client.unreadable(paths::EVENTS, e);
        Ok(match name {
            "snapshot" => Some(Event::Snapshot(serde_json::from_str(&data).map_err(bad)?)),
            "delta" => Some(Event::Delta(serde_json::from_str(&data).map_err(bad)?)),
            "resync" => Some(Event::Resync),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_url_is_read_or_refused_with_words() {
        let check = |url: &str, expect: &str| {
            let got = match Address::parse_url(url) {
                Ok(address) => address.to_string(),
                Err(e) => e.to_string(),
            };
            assert!(got.contains(expect), "{url}: {got}");
        };
        check("http://127.0.0.1:9000", "http://127.0.0.1:9000");
        check("http://pve1/", "http://pve1:8480");
        check("pve1:81", "http://pve1:81");
        check("[::1]:81", "http://[::1]:81");
        check("https://pve1", "https://pve1:8480");
        check("https://[::1]:81/", "https://[::1]:81");
        check("ftp://pve1", "ftp:// is not spoken");
        check("http://", "give it as");
        check("http://a/b", "give it as");
        check("http://a:port", "the port is no number");
    }

    #[test]
    fn a_token_is_read_and_never_printed_or_sent_in_clear() {
        let check = |text: &str, good: bool| {
            assert_eq!(Token::parse(text).map(|token| token.header()).is_ok(), good, "{text:?}");
        };
        let token = Token::parse(" PVEAPIToken=root@pam!x=5ec4e7\nmore\n").unwrap();
        assert_eq!(
            (token.header().as_str(), format!("{token:?}")),
            ("PVEAPIToken=root@pam!x=5ec4e7", "Token".into())
        );
        check("root@pam!x=5ec4e7", true);
        check("root@pam!x", false);
        check("x=5ec4e7", false);
        check("root@pam!x=", false);
        check("root@pam!x=a b", false);
        check("root@pam!x=a\u{e9}", false);
        check("", false);
        for (host, here) in
            [("127.0.0.1:1", true), ("[::1]:1", true), ("localhost:1", true), ("pve1:1", false)]
        {
            assert_eq!(is_loopback(host), here, "{host}");
        }
    }

    #[test]
    fn authorities_are_read_or_refused_with_words() {
        let check = |bytes: &str, expect: &str| {
            let got = Trust::pem(bytes.as_bytes()).err().unwrap();
            assert!(got.contains(expect), "{got}");
        };
        check("", "it holds no certificate in PEM");
        check("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "it holds no authority");
        check("-----BEGIN CERTIFICATE-----\n", "it is no PEM file");
    }
}
