//! The event stream as commands that stay use it: one task connects, reads, and connects again.

use std::time::Duration;

use pathkeeper_api::client::{Client, Event, EventStream};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::{Failure, words};

/// The wait before each attempt to connect again, seconds; the last one repeats.
const RETRY_AFTER_S: [u64; 4] = [1, 2, 5, 10];
/// Events that may wait for the screen before the agent has to.
const EVENTS_MAX: usize = 16;

/// What the feed gives.
#[derive(Debug)]
pub enum Heard {
    /// An event of the agent's.
    Event(Box<Event>),
    /// The connection is gone, in words; what was heard before is past. It goes on trying.
    Lost(String),
}

/// Connects, which must succeed, and hands over what the agent says until the receiver is dropped.
pub async fn open(client: &Client) -> Result<mpsc::Receiver<Heard>, Failure> {
    let first = client.events().await?;
    let (sender, receiver) = mpsc::channel(EVENTS_MAX);
    tokio::spawn(run(client.clone(), first, sender));
    Ok(receiver)
}

async fn run(client: Client, first: EventStream, sender: mpsc::Sender<Heard>) {
    let mut stream = Some(first);
    let mut attempt = 0;
    loop {
        let why = match &mut stream {
            // An agent with nothing to tell must not keep a connection that nobody reads.
            Some(open) => match tokio::select! {
                event = open.next() => event,
                () = sender.closed() => return,
            } {
                Ok(Some(event)) => {
                    attempt = 0;
                    if sender.send(Heard::Event(Box::new(event))).await.is_err() {
                        return;
                    }
                    continue;
                }
                Ok(None) => format!("the agent at {} ended the stream", client.address()),
                Err(e) => words(&e),
            },
            None => match client.events().await {
                Ok(open) => {
                    stream = Some(open);
                    continue;
                }
                Err(e) => words(&e),
            },
        };
        stream = None;
        if sender.send(Heard::Lost(why)).await.is_err() {
            return;
        }
        let wait = RETRY_AFTER_S.get(attempt).or(RETRY_AFTER_S.last()).copied().unwrap_or(10);
        attempt += 1;
        tokio::select! {
            () = sleep(Duration::from_secs(wait)) => {}
            () = sender.closed() => return,
        }
    }
}
