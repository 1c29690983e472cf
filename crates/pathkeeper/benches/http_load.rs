//! GET status under load, in clear and by TLS: 32 nodes × 500 LUNs, 500 requests a second in open loop, 95 % with If-None-Match, a row
//! changing 10 times a second. Prints the median and the 99th percentile, measured from the moment at which each
//! request was due where the server kept its connection waiting, so that a stall cannot hide. The processor's time is that
//! of both sides: they are in this process. Connections are kept; what a new one costs is measured besides.
//!
//!     cargo bench --package pathkeeper --bench http_load
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, Doors, random_instance};
use pathkeeper::tls::{Names, Own, Source};
use pathkeeper_api::paths::{STATUS, VERSION};
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::Hub;
use pathkeeper_io::store::{Key, Store};
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::report::{Stamp, encode, part_key};
use pathkeeper_model::{Entry, EpochS, Instance, NodeName, State, Transport, Wwid};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

const NODES: usize = 32;
const LUNS: usize = 500;
const PER_SECOND: u64 = 500;
const CONNECTIONS: u64 = 16;
const SECONDS: u64 = 20;
const NEW_CONNECTIONS: u32 = 500;

struct NoMaps;

impl Look for NoMaps {
    fn read(&mut self, _: Depth) -> NodeRead {
        NodeRead::empty(EpochS(0), Daemon::Answering { pid: None })
    }
    fn probe(&mut self) -> bool {
        true
    }
}

async fn put(store: &dyn Store, seq: u64, worse: usize) {
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let entries: Vec<(Wwid, Entry)> = (0..LUNS)
        .map(|lun| {
            let down = lun == worse;
            let entry = Entry {
                state: if down { State::Degraded } else { State::Optimal },
                paths_active: Some(if down { 3 } else { 4 }),
                paths_total: Some(4),
                paths_expected: None,
                transport: Some(Transport::Fc),
                size_bytes: Some(1 << 40),
            };
            (Wwid::new(&format!("3600a0980{lun:024}")).unwrap(), entry)
        })
        .collect();
    let parts =
        encode(Stamp { instance: Instance(1), seq }, EpochS(wall), entries.iter().map(|(w, e)| (w, e))).parts;
    for (i, part) in parts.into_iter().enumerate().rev() {
        store.put(Key::new(&part_key(i as u32 + 1)).unwrap(), Bytes::from(part)).await.unwrap();
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    measure(false).await;
    measure(true).await;
}

/// What a client speaks HTTP over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// How clients connect: plain, or trusting the agent's own authority.
#[derive(Clone)]
struct Connect(SocketAddr, Option<TlsConnector>);

impl Connect {
    fn new(address: SocketAddr, authority: Option<&std::path::Path>) -> Self {
        let connector = authority.map(|file| {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(file).unwrap()).unwrap();
            let config = rustls::ClientConfig::builder_with_provider(pathkeeper::tls::provider())
                .with_safe_default_protocol_versions()
                .unwrap();
            let mut config = config.with_root_certificates(roots).with_no_client_auth();
            // Each handshake is a whole one.
            config.resumption = rustls::client::Resumption::disabled();
            TlsConnector::from(Arc::new(config))
        });
        Self(address, connector)
    }

    async fn connect(&self) -> SendRequest<Empty<Bytes>> {
        let io = tokio::net::TcpStream::connect(self.0).await.unwrap();
        io.set_nodelay(true).unwrap();
        let io: Box<dyn Stream> = match &self.1 {
            None => Box::new(io),
            Some(tls) => Box::new(tls.connect("localhost".try_into().unwrap(), io).await.unwrap()),
        };
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

/// Processor time that this process has used.
fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

async fn measure(encrypted: bool) {
    let dir = tempfile::tempdir().unwrap();
    let hub = Hub::open(dir.path()).unwrap();
    let stores: Vec<_> =
        (0..NODES).map(|n| hub.node(&NodeName::new(&format!("node{n:02}")).unwrap())).collect();
    for store in &stores {
        put(store, 1, LUNS).await;
    }
    let names = Names {
        node: NodeName::new("observer").unwrap(),
        host: "localhost".into(),
        listen: [127, 0, 0, 1].into(),
        more: vec![],
        proc: "/proc".into(),
    };
    let own = Own { dir: dir.path().join("tls"), names };
    let authority = encrypted.then(|| own.authority());
    let config = AppConfig {
        listen: Some("127.0.0.1:0".parse().unwrap()),
        doors: Doors { tls: encrypted.then_some(Source::Own(own)), ..Doors::default() },
        ..AppConfig::new(random_instance().unwrap(), NodeFacts::default())
    };
    let observer = hub.node(&NodeName::new("observer").unwrap());
    let app = App::start(
        config,
        Arc::new(observer),
        Arc::new(|| Box::new(NoMaps) as Box<dyn Look>),
        mpsc::channel(1).1,
    )
    .await
    .unwrap();
    while app.board.snapshot().is_none_or(|s| s.rows.len() < LUNS) {
        tokio::task::yield_now().await;
    }
    let connect = Connect::new(app.address.unwrap(), authority.as_deref());
    let body = app.board.snapshot().unwrap().body().len();
    let how = if encrypted { "by TLS" } else { "in clear" };
    println!("{how}: {NODES} nodes x {LUNS} LUNs: a body of {} KB", body / 1024);

    let changer = tokio::spawn(async move {
        for seq in 2.. {
            put(&stores[seq as usize % NODES], seq, seq as usize % LUNS).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let etag = Arc::new(arc_swap::ArcSwap::from_pointee(String::new()));
    let unchanged = Arc::new(AtomicU64::new(0));
    let start = Instant::now() + Duration::from_millis(500);
    let before = processor();
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|client| {
            let (etag, unchanged, connect) = (etag.clone(), unchanged.clone(), connect.clone());
            tokio::spawn(async move {
                let mut sender = connect.connect().await;
                let mut took = Vec::new();
                for n in 0..SECONDS * PER_SECOND / CONNECTIONS {
                    let number = n * CONNECTIONS + client;
                    let due = start + Duration::from_nanos(1_000_000_000 / PER_SECOND * number);
                    // A request that its connection kept waiting counts from when it was due; the timer's own
                    // millisecond does not count.
                    let mut begun = due;
                    if Instant::now() < due {
                        tokio::time::sleep_until(due.into()).await;
                        begun = Instant::now();
                    }
                    let mut request = hyper::Request::get(STATUS).header("host", "localhost");
                    if !number.is_multiple_of(20) {
                        request = request.header("if-none-match", etag.load().as_str());
                    }
                    let response =
                        sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
                    if response.status() == 304 {
                        unchanged.fetch_add(1, Ordering::Relaxed);
                    } else {
                        assert_eq!(response.status(), 200);
                        let tag = response.headers()["etag"].to_str().unwrap().to_owned();
                        etag.store(Arc::new(tag));
                    }
                    response.into_body().collect().await.unwrap();
                    took.push(begun.elapsed());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for client in clients {
        took.extend(client.await.unwrap());
    }
    let used = processor() - before;
    changer.abort();
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!(
        "{} requests, {} unchanged (304): median {:.2?}, p90 {:.2?}, p99 {:.2?}, worst {:.2?}",
        took.len(),
        unchanged.load(Ordering::Relaxed),
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
    println!(
        "processor, both sides and the changes: {:.1} % of a core",
        used.as_secs_f64() / SECONDS as f64 * 100.0
    );
    let (mut fresh, before) = (Vec::new(), processor());
    for _ in 0..NEW_CONNECTIONS {
        let begun = Instant::now();
        let mut sender = connect.connect().await;
        let request = hyper::Request::get(VERSION).header("host", "localhost");
        let response = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        response.into_body().collect().await.unwrap();
        fresh.push(begun.elapsed());
    }
    fresh.sort();
    println!(
        "a new connection and one small answer: median {:.2?}, processor of both sides {:.2?}",
        fresh[fresh.len() / 2],
        (processor() - before) / NEW_CONNECTIONS
    );
    app.stop().await;
}
