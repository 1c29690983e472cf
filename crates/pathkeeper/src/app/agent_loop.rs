//! Runs the agent: waits, applies, carries out.

use std::sync::Arc;

use bytes::Bytes;
use pathkeeper_engine::agent::{Agent, AgentEffect, AgentEvent};
use pathkeeper_engine::publish::Publication;
use pathkeeper_io::store::{Hint, Key, Store};
use pathkeeper_model::EpochS;
use pathkeeper_model::local::Daemon;
use tokio::sync::{mpsc, watch};

use super::board::{Board, LocalView};
use super::clock::Clock;
use super::reader::{MakeLook, Readers};

/// After the store could not be listed.
const RELIST: std::time::Duration = std::time::Duration::from_secs(1);

/// What the loop needs.
pub struct AgentLoop {
    /// The state machine.
    pub agent: Agent,
    /// All clocks.
    pub clock: Clock,
    /// Where values go.
    pub store: Arc<dyn Store>,
    /// How readers are made.
    pub make_look: MakeLook,
    /// Signs from the kernel and from multipathd's process.
    pub triggers: mpsc::Receiver<()>,
    /// For the readers of the API.
    pub board: Arc<Board>,
    /// Moves on each turn of the loop: the watchdog's pulse.
    pub pulse: watch::Sender<u64>,
}

impl AgentLoop {
    /// Runs until the task is dropped.
    pub async fn run(self) {
        let Self { mut agent, clock, store, make_look, mut triggers, board, pulse } = self;
        let (mut readers, mut results) = Readers::new(make_look);
        let (published, mut publications) = mpsc::unbounded_channel();
        let mut hints = store.hints();
        let mut unknown_words = 0;
        let mut daemon = None;
        let mut triggers_open = true;
        let mut relist = false;
        loop {
            let event = tokio::select! {
                Some(event) = results.recv() => event,
                Some(event) = publications.recv() => event,
                trigger = triggers.recv(), if triggers_open => {
                    triggers_open = trigger.is_some();
                    AgentEvent::Trigger
                }
                hint = hints.next() => match hint {
                    Some(Hint::Resync) => match own_keys(&*store).await {
                        Some(own_keys) => AgentEvent::Store { own_keys },
                        None => {
                            relist = true;
                            continue;
                        }
                    },
                    Some(_) => {
                        pulse.send_modify(|turns| *turns += 1);
                        continue;
                    }
                    None => return,
                },
                () = tokio::time::sleep(RELIST), if relist => match own_keys(&*store).await {
                    Some(own_keys) => {
                        relist = false;
                        AgentEvent::Store { own_keys }
                    }
                    None => AgentEvent::Tick,
                },
                () = clock.sleep_until(agent.next_deadline()) => AgentEvent::Tick,
                // The pulse goes on while nothing happens.
                () = tokio::time::sleep(std::time::Duration::from_secs(5)) => AgentEvent::Tick,
            };
            let now = clock.now();
            for effect in agent.apply(event, now) {
                match effect {
                    AgentEffect::Read { id, depth } => readers.read(id, depth),
                    AgentEffect::Probe { id } => readers.probe(id),
                    AgentEffect::Abandon { id } => {
                        tracing::error!("the local read {id} hangs in the kernel; its thread is left behind");
                        readers.abandon();
                    }
                    AgentEffect::Publish(publication) => {
                        tokio::spawn(publish(store.clone(), publication, published.clone()));
                    }
                    AgentEffect::Looked => {
                        if let Some(read) = agent.last_read() {
                            unknown_words += read.unknown_words;
                            daemon = follow_daemon(daemon, &read.daemon, now.wall);
                            board.set_local(LocalView {
                                node: store.own_node().clone(),
                                read: read.clone(),
                                entries: agent.entries().into(),
                                daemon,
                                at: now.mono,
                                unknown_words,
                                events: agent.counts().iter().collect(),
                            });
                        }
                    }
                }
            }
            pulse.send_modify(|turns| *turns += 1);
        }
    }
}

/// multipathd's process, and since when it is that one; a restart is told in the log.
fn follow_daemon(known: Option<(u32, EpochS)>, found: &Daemon, now: EpochS) -> Option<(u32, EpochS)> {
    match (found, known) {
        (Daemon::Answering { pid: Some(pid) }, Some((old, since))) if *pid == old => Some((old, since)),
        (Daemon::Answering { pid: Some(pid) }, Some((old, _))) => {
            tracing::warn!("multipathd was restarted: process {old} is now {pid}");
            Some((*pid, now))
        }
        (Daemon::Answering { pid: Some(pid) }, None) => Some((*pid, now)),
        // While it does not answer, the one that did is still the last that is known.
        _ => known,
    }
}

/// The keys of this node that the store holds; `None` if it could not be asked.
async fn own_keys(store: &dyn Store) -> Option<Vec<String>> {
    match store.list().await {
        Ok(values) => {
            let own = values.iter().filter(|v| v.writer == *store.own_node());
            Some(own.map(|v| v.key.as_str().to_owned()).collect())
        }
        Err(e) => {
            tracing::warn!("cannot list the store: {e}");
            None
        }
    }
}

/// Puts the values one after the other; the first that is not taken ends it, and all is put again later.
async fn publish(store: Arc<dyn Store>, publication: Publication, done: mpsc::UnboundedSender<AgentEvent>) {
    let mut taken = true;
    for (key, bytes) in publication.values {
        let result = match (Key::new(&key), bytes) {
            (Ok(key), Some(bytes)) => store.put(key, Bytes::from(bytes)).await,
            (Ok(key), None) => store.clear(key).await,
            (Err(e), _) => Err(e),
        };
        if let Err(e) = result {
            tracing::warn!("the value {key} was not taken: {e}");
            taken = false;
            break;
        }
    }
    let _ = done.send(AgentEvent::Published { id: publication.id, taken });
}
