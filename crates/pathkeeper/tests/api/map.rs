//! The matrix as bytes, its names, and streams of which somebody wants a part.

use base64::Engine as _;
use pathkeeper_api::Envelope;
use pathkeeper_api::map::{Map, MapNames, UNEXPLAINED};
use pathkeeper_api::status::{ClusterStatus, Delta};

use super::*;

type Body = hyper::body::Incoming;

impl Lab {
    /// A stream of events, from its first byte on.
    async fn stream(&self, query: &str) -> Stream {
        let io = tokio::net::TcpStream::connect(self.app.address.unwrap()).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.unwrap();
        tokio::spawn(connection);
        let request = hyper::Request::get(format!("{}?{query}", paths::EVENTS)).header("host", "localhost");
        let response =
            sender.send_request(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        Stream { body: response.into_body(), text: String::new() }
    }

    async fn map(&self, query: &str) -> Vec<u8> {
        let (status, headers, body) = self.raw("GET", &format!("{}?{query}", paths::MAP), &[]).await;
        assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, "application/octet-stream"));
        body
    }

    async fn degrade(&self) {
        *self.told.lock().unwrap() = read("11-one-path-offline");
        self.triggers.send(()).await.unwrap();
    }
}

struct Stream {
    body: Body,
    text: String,
}

impl Stream {
    /// Kind, id and data of the next event.
    async fn next(&mut self) -> (String, String, String) {
        let read = async {
            loop {
                if let Some((event, rest)) = self.text.clone().split_once("\n\n") {
                    self.text = rest.to_owned();
                    let field = |name: &str| {
                        let line = event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                        line.unwrap_or_default().to_owned()
                    };
                    return (field("event"), field("id"), field("data"));
                }
                let frame = self.body.frame().await.unwrap().unwrap();
                self.text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
            }
        };
        tokio::time::timeout(Duration::from_secs(20), read).await.unwrap()
    }

    async fn snapshot(&mut self) -> (String, ClusterStatus) {
        let (kind, id, data) = self.next().await;
        assert_eq!(kind, "snapshot");
        (id, serde_json::from_str(&data).unwrap())
    }

    /// The next delta with what is looked for, with its id.
    async fn delta<T>(&mut self, found: impl Fn(Delta) -> Option<T>) -> (String, T) {
        loop {
            let (kind, id, data) = self.next().await;
            if kind != "delta" {
                continue;
            }
            if let Some(found) = found(serde_json::from_str(&data).unwrap()) {
                return (id, found);
            }
        }
    }
}

#[tokio::test]
async fn a_stream_without_rows_and_the_map_are_the_status_at_one_revision() {
    let lab = Lab::new().await;
    let mut stream = lab.stream("rows=map").await;
    let (id, status) = stream.snapshot().await;
    assert!(status.luns.is_empty());
    assert_eq!(status.summary.luns, 1, "the counts are of all rows");
    let body = lab.map("").await;
    let map = Map::read(&body).unwrap();
    assert_eq!(format!("{:016x}-{}", map.header.epoch, map.header.revision), id);
    assert_eq!((map.rows, map.cells), (&[1][..], &[1][..]));
    let (_, headers, body) = lab.raw("GET", paths::MAP_NAMES, &[]).await;
    let named: Envelope<MapNames> = serde_json::from_slice(&body).unwrap();
    assert_eq!(named.data.names, format!("{:016x}", map.header.names));
    assert_eq!((named.data.columns[0].as_str(), named.data.rows[0].wwid.as_str()), ("pve1", WWID));
    assert_eq!(named.data.rows[0].name.as_deref(), Some("data01"));
    let tag = headers["etag"].to_str().unwrap().to_owned();
    lab.degrade().await;
    let (id, changed) = stream.delta(|delta| delta.map?.rows.filter(|rows| !rows.is_empty())).await;
    let row = base64::engine::general_purpose::STANDARD.decode(&changed[WWID]).unwrap();
    assert_eq!(row, [2, 2 | UNEXPLAINED]);
    let body = lab.map("").await;
    let map = Map::read(&body).unwrap();
    let revision: u64 = id.split_once('-').unwrap().1.parse().unwrap();
    assert!(map.header.revision >= revision);
    assert_eq!((map.rows, map.cells), (&row[..1], &row[1..]));
    let (status, _, body) = lab.raw("GET", paths::MAP_NAMES, &[("if-none-match", &tag)]).await;
    assert_eq!((status, body.len()), (304, 0), "the names are what they were");
}

#[tokio::test]
async fn a_filtered_stream_says_what_is_no_longer_in_it() {
    let lab = Lab::new().await;
    let mut clean = lab.stream("rows=all&state=optimal").await;
    let mut none = lab.stream("rows=none").await;
    let mut other = lab.stream("wwid=another").await;
    assert_eq!(clean.snapshot().await.1.luns.len(), 1);
    assert_eq!(none.snapshot().await.1.luns.len(), 0);
    assert_eq!(other.snapshot().await.1.luns.len(), 0);
    lab.degrade().await;
    let (id, gone) = clean.delta(|delta| Some(delta.removed).filter(|gone| !gone.is_empty())).await;
    assert_eq!(gone, [WWID]);
    // The same change, to those who want less of it.
    let summary = |delta: Delta| {
        assert!(delta.luns.is_empty());
        delta.summary.map(|summary| summary.degraded)
    };
    assert_eq!(none.delta(summary).await, (id.clone(), 1));
    assert_eq!(other.delta(summary).await, (id, 1));
}

#[tokio::test]
async fn the_map_is_asked_for_as_other_paths_are() {
    let lab = Lab::new().await;
    let plain = lab.map("").await;
    // Whatever kind of answer somebody likes best, there is one.
    let accept = [("accept", "text/csv"), ("accept-encoding", "gzip")];
    for path in [paths::MAP, paths::MAP_NAMES] {
        let (_, _, plain) = lab.raw("GET", path, &[]).await;
        let (status, headers, zipped) = lab.raw("GET", path, &accept).await;
        assert_eq!(
            (status, &headers["content-encoding"], &headers["vary"]),
            (200, &"gzip".parse().unwrap(), &"accept-encoding".parse().unwrap())
        );
        let mut unzipped = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&zipped[..]), &mut unzipped).unwrap();
        assert_eq!(unzipped, plain, "{path}");
        let (status, headers, body) = lab.raw("HEAD", path, &[]).await;
        assert_eq!((status, body.len()), (200, 0), "{path}");
        assert_eq!(headers["content-length"], plain.len().to_string());
        let tag = headers["etag"].to_str().unwrap();
        let (status, _, body) = lab.raw("GET", path, &[("if-none-match", tag)]).await;
        assert_eq!((status, body.len()), (304, 0), "{path}");
        // What was zipped is another body, so it has another tag.
        let (status, ..) = lab.raw("GET", path, &[("if-none-match", tag), ("accept-encoding", "gzip")]).await;
        assert_eq!(status, 200, "{path}");
        // Who changes something says first who they are, even where there is nothing to change.
        let (status, body) = lab.refused("POST", path).await;
        assert_eq!(status, 401, "{body:?}");
        let (status, body) = lab.refused("GET", &format!("{path}?at=1")).await;
        assert_eq!((status, body.errors.len()), (400, 1));
        let (status, _) = lab.refused("GET", &format!("{path}/more")).await;
        assert_eq!(status, 501);
        // As everywhere: who shows something that is worth nothing is not served as nobody.
        let (status, ..) = lab.raw("GET", path, &[("authorization", "Bearer root@pam!x=no")]).await;
        assert_eq!(status, 401, "{path}");
    }
    let (status, body) = lab.refused("GET", &format!("{}?cause=", paths::MAP)).await;
    assert_eq!((status, body.errors["cause"].as_str()), (400, "must not be empty"));
    let none = lab.map("cause=NOTHING%20of%20that%20name").await;
    assert_eq!(Map::read(&none).unwrap().cells, Map::read(&plain).unwrap().cells);
    let (status, body) = lab.refused("GET", &format!("{}?rows=some", paths::EVENTS)).await;
    assert_eq!((status, body.errors.len()), (400, 1));
}
