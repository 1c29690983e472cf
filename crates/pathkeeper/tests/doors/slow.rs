//! Clients that take their time: each ends by the limit that is meant for it, and by no other.

use pathkeeper::http::server::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::lab::{Lab, PATIENCE, SHORT, limits, tcp, until_closed};

const GOOD: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Says these bytes and nothing more, and waits for the end.
async fn ends(lab: Lab, bytes: &[u8], answers: usize, what: &str) {
    let answer = lab.say(bytes).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), answers, "{what}: {answer}");
    lab.app.stop().await;
}

async fn both(limits: Limits, bytes: &[u8], answers: usize, what: &str) {
    ends(Lab::plain(limits.clone()).await, bytes, answers, what).await;
    ends(Lab::tls(limits).await, bytes, answers, what).await;
}

#[tokio::test]
async fn headers_that_never_end_are_not_waited_for() {
    let headers = Limits { headers: SHORT, ..limits() };
    both(headers.clone(), b"", 0, "nothing at all").await;
    both(headers.clone(), b"GET / HT", 0, "half a line").await;
    both(headers.clone(), b"GET / HTTP/1.1\r\nhost: localhost\r\nx: ", 0, "half a header").await;
    let second = [GOOD, b"GET / HT"].concat();
    // Whether it came with the first one or later: it is the bound for headers or that for idle connections.
    both(Limits { idle: SHORT, ..headers }, &second, 1, "half a second request").await;
}

#[tokio::test]
async fn headers_of_a_second_request_have_the_bound_of_headers() {
    let lab = Lab::tls(Limits { headers: SHORT, ..limits() }).await;
    let mut stream = lab.connect().await;
    for _ in 0..3 {
        stream.write_all(GOOD).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        let mut rest = Vec::new();
        while !rest.ends_with(b"\r\n\r\nok\n") {
            rest.push(stream.read_u8().await.unwrap());
        }
    }
    // The connection is idle, for which there is all time; its first byte changes that.
    stream.write_all(b"G").await.unwrap();
    assert_eq!(until_closed(&mut stream).await, "");
    lab.app.stop().await;
}

#[tokio::test]
async fn idle_connections_end() {
    both(Limits { idle: SHORT, ..limits() }, GOOD, 1, "asked once").await;
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    // A path that takes a body would wait for it; the others answer without, and the connection is idle then.
    let request = b"POST /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 500\r\n\r\nhalf";
    both(Limits { request: SHORT, idle: SHORT, ..limits() }, request, 1, "half a body").await;
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_not_waited_for() {
    let lab = Lab::tls(Limits { handshake: SHORT, ..limits() }).await;
    let hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    for bytes in [&hello[..0], &hello[..1], &hello[..5], &hello] {
        let mut stream = tcp("127.0.0.1", lab.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        until_closed(&mut stream).await;
    }
    assert!(lab.serves("127.0.0.1").await);
    lab.app.stop().await;
}

/// Asks on and on and reads nothing. Gives when the server has closed.
async fn asks_and_never_reads(lab: &Lab) {
    let mut stream = lab.connect().await;
    let request = b"GET /api2/openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(50);
    let asking = async { while stream.write_all(&request).await.is_ok() && stream.flush().await.is_ok() {} };
    tokio::time::timeout(PATIENCE, asking).await.expect("the server did not close the connection");
}

#[tokio::test]
async fn who_reads_nothing_is_not_waited_for() {
    for lab in [
        Lab::plain(Limits { unread: SHORT, ..limits() }).await,
        Lab::tls(Limits { unread: SHORT, ..limits() }).await,
        Lab::plain(Limits { answer: SHORT, ..limits() }).await,
    ] {
        asks_and_never_reads(&lab).await;
        assert!(lab.serves("127.0.0.1").await);
        lab.app.stop().await;
    }
}

#[tokio::test]
async fn who_was_refused_and_stays_is_closed() {
    let lab = Lab::plain(Limits { closing: SHORT, ..limits() }).await;
    let mut stream = tcp("127.0.0.1", lab.address).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5000\r\n\r\n").await.unwrap();
    assert!(until_closed(&mut stream).await.starts_with("HTTP/1.1 413"));
    // It has been told; what it sends now is thrown away for a while, and then meets a closed connection.
    let sending = async { while stream.write_all(b"x").await.is_ok() {} };
    tokio::time::timeout(PATIENCE, sending).await.expect("the server did not close the connection");
    lab.app.stop().await;
}

#[tokio::test]
async fn an_event_stream_outlives_every_limit_but_that_of_reading() {
    let small = Limits { idle: SHORT, headers: SHORT, request: SHORT, answer: SHORT, ..limits() };
    let lab = Lab::tls(small).await;
    let mut events = loop {
        if let Ok(events) = lab.client().events().await {
            break events;
        }
        tokio::task::yield_now().await;
    };
    assert!(events.next().await.unwrap().is_some(), "the first picture");
    // Another connection comes to its end by the same limits meanwhile, several times over.
    for _ in 0..4 {
        assert_eq!(lab.say(GOOD).await.matches("HTTP/1.1 200").count(), 1);
    }
    let next = tokio::time::timeout(std::time::Duration::ZERO, events.next()).await;
    assert!(next.is_err() || next.unwrap().unwrap().is_some(), "it is open");
    lab.app.stop().await;
}
