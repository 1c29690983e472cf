//! Requests that are malformed, too large, or meant to be read in two ways.

use super::lab::{Lab, limits, tcp, until_closed};

/// Each with the status that it must get. All end their connection: what comes after such a request may be anything.
fn attacks() -> Vec<(&'static str, Vec<u8>, u16)> {
    let get =
        |headers: &str| format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n").into_bytes();
    let post = |headers: &str, body: &str| {
        // What is hidden in the body, or behind it, must never be answered as a request.
        let smuggled = "GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n";
        let text = format!("POST /healthz HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n{body}{smuggled}");
        text.into_bytes()
    };
    let many: String = (0..101).map(|n| format!("x-{n}: 1\r\n")).collect();
    vec![
        ("headers of 20 KB", get(&format!("x: {}\r\n", "a".repeat(20_000))), 431),
        ("headers of 20 KB without end", get(&format!("x: {}", "a".repeat(20_000))), 431),
        ("101 headers", get(&many), 431),
        ("a path of 20 KB", format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(20_000)).into_bytes(), 431),
        ("a body that is too long", post("content-length: 1001\r\n", ""), 413),
        ("a body of all memory", post("content-length: 9223372036854775807\r\n", ""), 413),
        ("a body of all numbers", post("content-length: 18446744073709551615\r\n", ""), 431),
        ("a body longer than a number", post("content-length: 99999999999999999999999\r\n", ""), 400),
        ("length and coding", post("content-length: 5\r\ntransfer-encoding: chunked\r\n", "0\r\n\r\n"), 411),
        ("coding and length", post("transfer-encoding: chunked\r\ncontent-length: 5\r\n", "0\r\n\r\n"), 411),
        ("a bad chunk", post("transfer-encoding: chunked\r\n", "zz\r\n"), 411),
        ("an endless chunk", post("transfer-encoding: chunked\r\n", "ffffffffffffffff\r\n"), 411),
        ("a coding by another name", post("transfer-encoding: xchunked\r\n", "0\r\n\r\n"), 400),
        (
            "two codings",
            post("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", "0\r\n\r\n"),
            400,
        ),
        (
            "a coding in HTTP/1.0",
            b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
            400,
        ),
        ("two lengths", post("content-length: 5\r\ncontent-length: 6\r\n", "hello"), 400),
        ("a list of lengths", post("content-length: 5, 6\r\n", "hello"), 400),
        ("a signed length", post("content-length: +5\r\n", "hello"), 400),
        ("a negative length", post("content-length: -1\r\n", ""), 400),
        ("a folded header", get("x: a\r\n b\r\n"), 400),
        ("a folded length", post("content-length:\r\n 5\r\n", "hello"), 400),
        ("a blank before the colon", post("content-length : 5\r\n", "hello"), 400),
        ("a header without a name", get(": x\r\n"), 400),
        ("a NUL in a header", get("x: a\0b\r\n"), 400),
        ("a lone CR in a header", get("x: a\rb\r\n"), 400),
        ("no version", b"GET /healthz\r\n\r\n".to_vec(), 400),
        ("version 3", b"GET /healthz HTTP/3.0\r\n\r\n".to_vec(), 400),
        ("bytes of TLS inside", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), 400),
    ]
}

fn statuses(answer: &str) -> Vec<u16> {
    let parts = answer.split("HTTP/1.1 ").skip(1);
    parts.map(|part| part.split(' ').next().unwrap().parse().unwrap()).collect()
}

async fn each_is_refused_once_and_the_connection_ends(lab: Lab, first_byte_matters: bool) {
    for (what, bytes, status) in attacks() {
        if first_byte_matters && bytes[0] == 0x16 {
            continue;
        }
        let answer = lab.say(&bytes).await;
        assert_eq!(statuses(&answer), [status], "{what}: {answer}");
        // And behind a request that is good.
        let mut after = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
        after.extend(bytes);
        let answer = lab.say(&after).await;
        assert_eq!(statuses(&answer), [200, status], "{what}, as a second request: {answer}");
    }
    assert!(lab.serves("127.0.0.1").await && lab.socket_serves().await);
    lab.app.stop().await;
}

#[tokio::test]
async fn bad_requests_are_refused_once_in_clear() {
    each_is_refused_once_and_the_connection_ends(Lab::plain(limits()).await, false).await;
}

#[tokio::test]
async fn bad_requests_are_refused_once_by_tls() {
    each_is_refused_once_and_the_connection_ends(Lab::tls(limits()).await, false).await;
}

#[tokio::test]
async fn good_requests_of_odd_forms_are_served() {
    let lab = Lab::tls(limits()).await;
    for request in [
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
        "GET /healthz HTTP/1.0\r\n\r\n",
        "\r\nGET /healthz HTTP/1.1\r\nHOST: localhost\r\nConnection:close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
        "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
    ] {
        let answer = lab.say(request.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.") && statuses(&answer.replace("/1.0 ", "/1.1 ")) == [200],
            "{request}: {answer}"
        );
    }
    lab.app.stop().await;
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_to_use_https() {
    let lab = Lab::tls(limits()).await;
    let ask = |bytes: Vec<u8>| {
        let address = lab.address;
        async move {
            use tokio::io::AsyncWriteExt;
            let mut stream = tcp("127.0.0.1", address).await.unwrap();
            let _ = stream.write_all(&bytes).await;
            until_closed(&mut stream).await
        }
    };
    for bytes in [
        b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec(),
        b"G".to_vec(),
        b"POST / HTTP/1.1\r\ncontent-length: 50000\r\n\r\n".iter().copied().chain([b'x'; 50_000]).collect(),
        vec![0; 100],
    ] {
        let answer = ask(bytes).await;
        assert_eq!(statuses(&answer), [400], "{answer}");
        assert!(
            answer.ends_with("use https:// instead of http://\n") && answer.contains("connection: close"),
            "{answer}"
        );
    }
    assert!(lab.serves("127.0.0.1").await);
    lab.app.stop().await;
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_served_by_tls_alone() {
    let request = b"GET /healthz HTTP/1.1\r\nhost: san.example.org\r\nconnection: close\r\n\r\n";
    let (plain, tls) = (Lab::plain(limits()).await, Lab::tls(limits()).await);
    assert_eq!(statuses(&plain.say(request).await), [421]);
    assert_eq!(statuses(&tls.say(request).await), [200], "the certificate is what names us there");
    plain.app.stop().await;
    tls.app.stop().await;
}
