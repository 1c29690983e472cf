//! GET status under load: 32 nodes × 500 LUNs, 500 requests a second in open loop, 95 % with If-None-Match, a row
//! changing 10 times a second. Prints the median and the 99th percentile, measured from the moment at which each
//! request was due where the server kept its connection waiting, so that a stall cannot hide.
//!
//!     cargo bench --package pathkeeper --bench http_load
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use pathkeeper::app::reader::Look;
use pathkeeper::app::{App, AppConfig, random_instance};
use pathkeeper_api::paths::STATUS;
use pathkeeper_engine::agent::{Depth, NodeFacts};
use pathkeeper_io::store::embedded::Hub;
use pathkeeper_io::store::{Key, Store};
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::report::{Stamp, encode, part_key};
use pathkeeper_model::{Entry, EpochS, Instance, NodeName, State, Transport, Wwid};
use tokio::sync::mpsc;

const NODES: usize = 32;
const LUNS: usize = 500;
const PER_SECOND: u64 = 500;
const CONNECTIONS: u64 = 16;
const SECONDS: u64 = 20;

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
    let dir = tempfile::tempdir().unwrap();
    let hub = Hub::open(dir.path()).unwrap();
    let stores: Vec<_> =
        (0..NODES).map(|n| hub.node(&NodeName::new(&format!("node{n:02}")).unwrap())).collect();
    for store in &stores {
        put(store, 1, LUNS).await;
    }
    let config = AppConfig {
        listen: Some("127.0.0.1:0".parse().unwrap()),
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
    let address = app.address.unwrap();
    let body = app.board.snapshot().unwrap().body().len();
    println!("{NODES} nodes x {LUNS} LUNs: a body of {} KB", body / 1024);

    let changer = tokio::spawn(async move {
        for seq in 2.. {
            put(&stores[seq as usize % NODES], seq, seq as usize % LUNS).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let etag = Arc::new(arc_swap::ArcSwap::from_pointee(String::new()));
    let unchanged = Arc::new(AtomicU64::new(0));
    let start = Instant::now() + Duration::from_millis(500);
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|client| {
            let (etag, unchanged) = (etag.clone(), unchanged.clone());
            tokio::spawn(async move {
                let io = tokio::net::TcpStream::connect(address).await.unwrap();
                io.set_nodelay(true).unwrap();
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(io)).await.unwrap();
                tokio::spawn(connection);
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
    app.stop().await;
}
