//! Many connections at once: who makes them is served no more, and the others are.

use pathkeeper::http::server::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt;

use super::lab::{Lab, SHORT, limits, tcp, until_closed};

/// Both ends of all connections are in this process.
fn room_for_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}

async fn a_thousand(lab: &Lab) {
    let mut open = Vec::new();
    for _ in 0..1_000 {
        let mut stream = tcp("127.0.0.1", lab.address).await.unwrap();
        // Some say nothing, some begin to.
        if open.len() % 2 == 0 {
            let _ = stream.write_all(&[0x16]).await;
        }
        open.push(stream);
    }
    // What is beyond the peer's share is closed: the last thousand less 16 come to their end.
    for stream in &mut open[16..] {
        until_closed(stream).await;
    }
    assert!(lab.serves("127.0.0.2").await, "a second peer");
    assert!(lab.socket_serves().await, "the command line");
    drop(open);
    // Its places are free again once the server has seen that it left.
    while !lab.serves("127.0.0.1").await {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_thousand_connections_of_one_peer_keep_nobody_else_out() {
    room_for_descriptors();
    for lab in [Lab::plain(limits()).await, Lab::tls(limits()).await] {
        a_thousand(&lab).await;
        lab.app.stop().await;
    }
}

#[tokio::test]
async fn many_peers_take_all_places_only_until_their_time_is_over() {
    let lab = Lab::tls(Limits { handshake: SHORT, ..limits() }).await;
    let mut open = Vec::new();
    // Ten peers with as many connections as one may have: more than there are places.
    for peer in 1..=10 {
        for _ in 0..16 {
            open.push(tcp(&format!("127.0.1.{peer}"), lab.address).await.unwrap());
        }
    }
    assert!(lab.socket_serves().await, "the command line has places of its own");
    // It waits in the kernel's queue until a handshake's time is over, and is served then.
    assert!(lab.serves("127.0.0.1").await);
    for stream in &mut open {
        until_closed(stream).await;
    }
    lab.app.stop().await;
}
