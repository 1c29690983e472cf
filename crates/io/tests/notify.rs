//! Sinks against a receiver that behaves as receivers do: well, slowly, wrongly, not at all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "a test may panic"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pathkeeper_io::notify::{
    Bearing, Done, SINK_QUEUE_MAX, Sink, SinkConfig, SinkKind, SinkState, SinkUrl, alertmanager_body,
};
use pathkeeper_model::alert::{AlertAct, AlertKey, AlertMessage, Ending};
use pathkeeper_model::finding::Severity;
use pathkeeper_model::{EpochS, NodeName};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const LIMIT: Duration = Duration::from_secs(30);

/// What it does with a connection.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Manner {
    Answer(u16),
    /// It takes everything and says nothing.
    Hang,
    /// It closes at once.
    Reset,
    /// It answers byte by byte, for ever.
    Drip,
    Garbage,
}

/// One request: its head and its body.
type Heard = (String, Value);

struct Receiver {
    address: String,
    manner: Arc<Mutex<Manner>>,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl Receiver {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let manner = Arc::new(Mutex::new(manner));
        let (out, heard) = mpsc::unbounded_channel();
        let now = manner.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (manner, out) = (*now.lock().unwrap(), out.clone());
                tokio::spawn(async move { serve(stream, manner, &out).await });
            }
        });
        Self { address, manner, heard }
    }

    fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    async fn next(&mut self) -> Heard {
        tokio::time::timeout(LIMIT, self.heard.recv()).await.expect("nothing came").unwrap()
    }
}

async fn serve(
    mut stream: tokio::net::TcpStream,
    manner: Manner,
    out: &mpsc::UnboundedSender<Heard>,
) -> Option<()> {
    if manner == Manner::Reset {
        return None;
    }
    let mut bytes = Vec::new();
    let (head, length, at) = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some(at) = text.find("\r\n\r\n") else { continue };
        let head = text[..at].to_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
        });
        break (head, length.unwrap(), at + 4);
    };
    while bytes.len() < at + length {
        stream.read_buf(&mut bytes).await.ok()?;
    }
    match manner {
        Manner::Answer(status) => {
            // What is said is heard only once it was answered.
            let body = serde_json::from_slice(&bytes[at..]).unwrap();
            out.send((head, body)).ok()?;
            let said = "token s3cret was not liked";
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{said}", said.len());
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
        Manner::Hang => std::future::pending().await,
        Manner::Drip => {
            for byte in b"HTTP/1.1 200 OK\r\nx: ".iter().chain(std::iter::repeat(&b'x')) {
                stream.write_all(&[*byte]).await.ok()?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Manner::Garbage => stream.write_all(b"220 smtp.example ESMTP\r\n").await.ok()?,
        Manner::Reset => {}
    }
    Some(())
}

fn message(turn: u64, act: AlertAct) -> AlertMessage {
    AlertMessage {
        key: AlertKey {
            code: "HBA_DOWN".into(),
            node: Some("pve2".into()),
            object: Some("host7".into()),
            ..AlertKey::default()
        },
        turn,
        act,
        severity: Severity::Error,
        severity_before: (act == AlertAct::Update).then_some(Severity::Warning),
        summary: "pve2/host7 is down".into(),
        evidence: vec!["link down".into()],
        advice: vec!["Look at the cable".into()],
        since: EpochS(1_783_082_400),
        at: EpochS(1_783_082_460),
        ending: (act == AlertAct::Resolved).then(|| (Ending::Cleared, String::new())),
        partial: false,
        luns: 12,
        nodes: vec!["pve2".into()],
        sender: NodeName::new("pve1").unwrap(),
    }
}

fn config(address: &str, kind: SinkKind) -> SinkConfig {
    SinkConfig {
        name: "ops".into(),
        kind,
        url: SinkUrl::parse(&format!("http://{address}/hook/s3cret-path")).unwrap(),
        token_file: None,
        headers: vec![("X-Team".into(), "storage".into())],
        ca_file: None,
        timeout_ms: 300,
    }
}

fn bearing() -> Bearing {
    Bearing { cluster: "san-a".into(), runbooks: "https://docs.example/findings".into(), page: None }
}

async fn until(sink: &Sink, what: impl Fn(&SinkState) -> bool) -> SinkState {
    let waited = tokio::time::timeout(LIMIT, async {
        while !what(&sink.state()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(waited.await.is_ok(), "{:?}", sink.state());
    sink.state()
}

#[tokio::test]
async fn a_webhook_gets_each_message_once_with_its_token_and_headers() {
    let mut receiver = Receiver::start(Manner::Answer(204)).await;
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    std::fs::write(&token, "s3cret\n").unwrap();
    let (done, mut taken) = mpsc::channel(8);
    let config = SinkConfig { token_file: Some(token), ..config(&receiver.address, SinkKind::Webhook) };
    let sink = Sink::start(config, bearing(), done);
    sink.send(message(1, AlertAct::Firing));
    sink.send(message(2, AlertAct::Resolved));
    let (head, body) = receiver.next().await;
    assert!(head.starts_with("POST /hook/s3cret-path HTTP/1.1\r\n"), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(head.contains("authorization: bearer s3cret") && head.contains("x-team: storage"), "{head}");
    let key = message(1, AlertAct::Firing).key;
    assert_eq!(taken.recv().await.unwrap(), Done { key: key.clone(), turn: 1 });
    for (name, expect) in [
        ("version", Value::from(1)),
        ("event", "firing".into()),
        ("fingerprint", "HBA_DOWN pve2/host7".into()),
        ("severity", "error".into()),
        ("cluster", "san-a".into()),
        ("runbook-url", "https://docs.example/findings#hba_down".into()),
        ("text", "[san-a] HBA_DOWN pve2/host7: error: pve2/host7 is down".into()),
        ("luns", 12.into()),
    ] {
        assert_eq!(body[name], expect, "{name} in {body}");
    }
    let (_, body) = receiver.next().await;
    assert_eq!((&body["event"], &body["ending"]), (&"resolved".into(), &"cleared".into()));
    assert_eq!(taken.recv().await.unwrap(), Done { key, turn: 2 });
    let state = sink.state();
    assert_eq!((state.sent, state.failed, state.waiting, state.why), (2, 0, 0, None));
}

#[tokio::test]
async fn whatever_a_receiver_does_the_message_comes_once_it_behaves() {
    for (manner, why) in [
        (Manner::Hang, "no answer within 300 ms"),
        (Manner::Drip, "no answer within 300 ms"),
        (Manner::Reset, "the connection broke"),
        (Manner::Garbage, "the connection broke"),
        (Manner::Answer(500), "it answered 500"),
        (Manner::Answer(429), "it answered 429"),
        (Manner::Answer(401), "it answered 401: token … was not liked"),
    ] {
        let mut receiver = Receiver::start(manner).await;
        let dir = tempfile::tempdir().unwrap();
        let token = dir.path().join("token");
        std::fs::write(&token, "s3cret\n").unwrap();
        let (done, mut taken) = mpsc::channel(8);
        let config = SinkConfig { token_file: Some(token), ..config(&receiver.address, SinkKind::Webhook) };
        let sink = Sink::start(config, bearing(), done);
        sink.send(message(1, AlertAct::Firing));
        let state = until(&sink, |state| state.failing_since.is_some()).await;
        let said = state.why.unwrap();
        assert!(said.starts_with(why) && !said.contains("s3cret"), "{manner:?}: {said}");
        assert_eq!((state.sent, state.waiting), (0, 1), "{manner:?}");
        receiver.behave(Manner::Answer(200));
        let done = tokio::time::timeout(LIMIT, taken.recv()).await.expect("it was not tried again").unwrap();
        assert_eq!(done.turn, 1);
        let state = sink.state();
        assert_eq!((state.sent, state.waiting, state.failing_since), (1, 0, None), "{manner:?}");
        while receiver.next().await.1["turn"] != 1 {}
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_given_up_and_the_next_one_is_sent() {
    let mut receiver = Receiver::start(Manner::Answer(400)).await;
    let (done, mut taken) = mpsc::channel(8);
    let sink = Sink::start(config(&receiver.address, SinkKind::Webhook), bearing(), done);
    sink.send(message(1, AlertAct::Firing));
    until(&sink, |state| state.dropped == 1).await;
    receiver.behave(Manner::Answer(200));
    sink.send(message(2, AlertAct::Resolved));
    assert_eq!(tokio::time::timeout(LIMIT, taken.recv()).await.unwrap().unwrap().turn, 2);
    assert_eq!(receiver.next().await.1["turn"], 1);
    assert_eq!(receiver.next().await.1["turn"], 2);
}

#[tokio::test]
async fn the_queue_is_bounded_and_others_work_is_taken_out() {
    let receiver = Receiver::start(Manner::Hang).await;
    let (done, _taken) = mpsc::channel(8);
    let sink = Sink::start(config(&receiver.address, SinkKind::Webhook), bearing(), done);
    for turn in 1..=SINK_QUEUE_MAX as u64 + 10 {
        sink.send(message(turn, AlertAct::Firing));
    }
    assert_eq!((sink.state().waiting, sink.state().dropped), (SINK_QUEUE_MAX, 10));
    sink.drop_message(&message(0, AlertAct::Firing).key, 100);
    assert_eq!(sink.state().waiting, SINK_QUEUE_MAX - 1);
}

#[tokio::test]
async fn files_that_are_not_there_and_places_where_nobody_is() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let (done, _taken) = mpsc::channel(8);
    // A busy machine must not answer for a place where nobody is.
    let good = SinkConfig { timeout_ms: 30_000, ..config(&closed, SinkKind::Webhook) };
    let tls = |url: String| SinkUrl::parse(&url).unwrap();
    let receiver = Receiver::start(Manner::Garbage).await;
    let plain = SinkConfig { url: tls(format!("https://{}/x", receiver.address)), ..good.clone() };
    let no_ca = SinkConfig { ca_file: Some("/nowhere/ca.pem".into()), ..plain.clone() };
    let no_token = SinkConfig { token_file: Some("/nowhere/token".into()), ..good.clone() };
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    let authority = rcgen::generate_simple_self_signed(vec!["other.example".into()]).unwrap();
    std::fs::write(&ca, authority.cert.pem()).unwrap();
    let plain = SinkConfig { ca_file: Some(ca), ..plain };
    for (config, expect) in [
        (good, "cannot connect: "),
        (no_token, "/nowhere/token: no such file"),
        (no_ca, "/nowhere/ca.pem: no such file"),
        // It waits for the end of a request that is none to it.
        (SinkConfig { timeout_ms: 300, ..plain }, "no answer within 300 ms"),
    ] {
        let sink = Sink::start(config, bearing(), done.clone());
        let why = sink.test(&message(0, AlertAct::Firing)).await.unwrap_err().to_string();
        assert!(why.starts_with(expect) && !why.contains("s3cret"), "{why}");
    }
}

#[tokio::test]
async fn tls_is_spoken_with_whom_the_authority_names_and_nobody_else() {
    use tokio_rustls::TlsAcceptor;
    let key = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![key.cert.der().clone()],
            rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await.ok()?;
                let mut bytes = Vec::new();
                while !String::from_utf8_lossy(&bytes).contains("\r\n\r\n{") {
                    if stream.read_buf(&mut bytes).await.ok()? == 0 {
                        return None;
                    }
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.ok()?;
                stream.flush().await.ok()
            });
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, pem: String| {
        let file = dir.path().join(name);
        std::fs::write(&file, pem).unwrap();
        file
    };
    let ours = write("ours.pem", key.cert.pem());
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    let theirs = write("theirs.pem", other.cert.pem());
    let (done, _taken) = mpsc::channel(8);
    let url = SinkUrl::parse(&format!("https://{address}/x")).unwrap();
    let with = |file| SinkConfig {
        url: url.clone(),
        ca_file: Some(file),
        timeout_ms: 5_000,
        ..config("127.0.0.1:1", SinkKind::Webhook)
    };
    let good = Sink::start(with(ours), bearing(), done.clone());
    assert_eq!(good.test(&message(0, AlertAct::Firing)).await, Ok(()));
    let bad = Sink::start(with(theirs), bearing(), done);
    let why = bad.test(&message(0, AlertAct::Firing)).await.unwrap_err().to_string();
    assert!(why.starts_with("TLS: "), "{why}");
}

#[tokio::test]
async fn an_alertmanager_is_told_again_what_stands_until_it_is_over() {
    let mut receiver = Receiver::start(Manner::Answer(200)).await;
    let (done, mut taken) = mpsc::channel(8);
    let kind = SinkKind::Alertmanager { resend_ms: 50, expires_s: 600 };
    let sink = Sink::start(config(&receiver.address, kind), bearing(), done);
    let firing = message(1, AlertAct::Firing);
    sink.send(firing.clone());
    sink.standing(std::slice::from_ref(&firing));
    assert_eq!(taken.recv().await.unwrap().turn, 1);
    let mut ends = Vec::new();
    for _ in 0..3 {
        let (_, body) = receiver.next().await;
        let alerts = body.as_array().unwrap();
        assert_eq!(alerts.len(), 1, "{body}");
        assert_eq!(alerts[0]["labels"]["alertname"], "HBA_DOWN");
        assert_eq!(alerts[0]["labels"]["severity"], "critical");
        assert_eq!(alerts[0]["startsAt"], "2026-07-03T12:40:00Z");
        ends.push(alerts[0]["endsAt"].as_str().unwrap().to_owned());
    }
    sink.send(message(2, AlertAct::Resolved));
    sink.standing(&[]);
    assert_eq!(taken.recv().await.unwrap().turn, 2);
    let last = loop {
        let (_, body) = receiver.next().await;
        if body[0]["annotations"]["resolution"].is_string() {
            break body;
        }
    };
    assert!(last[0]["endsAt"].as_str().unwrap() < ends[0].as_str(), "{last} {ends:?}");
    assert_eq!(sink.state().sent, 2, "telling again is no message");
    // Over by another's word: the end of what was told again is told from here too.
    sink.end(&message(3, AlertAct::Resolved));
    let (_, body) = receiver.next().await;
    assert!(body[0]["annotations"]["resolution"].is_string(), "{body}");
}

#[tokio::test]
async fn a_webhook_is_not_told_the_end_by_two() {
    let mut receiver = Receiver::start(Manner::Answer(200)).await;
    let (done, mut taken) = mpsc::channel(8);
    let sink = Sink::start(config(&receiver.address, SinkKind::Webhook), bearing(), done);
    sink.end(&message(1, AlertAct::Resolved));
    sink.send(message(2, AlertAct::Resolved));
    assert_eq!(taken.recv().await.unwrap().turn, 2);
    receiver.next().await;
    assert_eq!((sink.state().sent, sink.state().waiting), (1, 0));
}

#[test]
fn a_severity_that_changed_ends_the_alert_of_the_old_one() {
    let update = message(2, AlertAct::Update);
    let body = alertmanager_body(&[update], &bearing(), 600, EpochS(1_783_082_500));
    let body: Value = serde_json::from_slice(&body).unwrap();
    let said: Vec<String> = body
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| format!("{} {}", alert["labels"]["severity"], alert["endsAt"]))
        .collect();
    assert_eq!(said, [r#""warning" "2026-07-03T12:41:40Z""#, r#""critical" "2026-07-03T12:51:40Z""#,]);
}
