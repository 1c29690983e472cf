//! Runs the agent: waits, applies, carries out.

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use pathkeeper_engine::agent::{Agent, AgentEffect, AgentEvent};
use pathkeeper_engine::publish::{DetailDone, DetailDraft, Publication, Put};
use pathkeeper_io::history::History;
use pathkeeper_io::store::{Hint, Key, Store, Value};
use pathkeeper_model::detail::{DetailPart, Packed, part_of_detail_key};
use pathkeeper_model::ledger::Ledger;
use pathkeeper_model::local::{Daemon, NodeRead};
use pathkeeper_model::report::{Joined, Pieces};
use pathkeeper_model::{EpochS, MonoMs};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::board::{Board, LocalView};
use super::clock::Clock;
use super::documents::Told;
use super::follower::Followed;
use super::last_put::{COMPARE_AFTER, Compared, LastPut};
use super::ledger_file::LedgerFile;
use super::port_turns;
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
    /// What this node has told people outside, for the others.
    pub alerted: watch::Receiver<Option<Vec<u8>>>,
    /// What the cluster's documents say to this node.
    pub told: watch::Receiver<Told>,
    /// This node's own picture hears at once what it says.
    pub own: mpsc::Sender<Vec<Followed>>,
    /// Where the ledger is kept on disk, and what was found there; `None` = only in the store.
    pub ledger: Option<(LedgerFile, Option<Ledger>)>,
    /// Where turns of ports are told, so that they are known after a restart.
    pub history: Option<History>,
    /// Moves on each turn of the loop: the watchdog's pulse.
    pub pulse: watch::Sender<u64>,
}

impl AgentLoop {
    /// Runs until the task is dropped.
    pub async fn run(self) {
        let Self { mut agent, clock, store, make_look, mut triggers, board, .. } = self;
        let Self { mut alerted, mut told, own, ledger, history, pulse, .. } = self;
        let (saver, ledger) = match ledger {
            Some((file, ledger)) => (Some(file.saver()), ledger),
            None => (None, None),
        };
        let (mut readers, mut results) = Readers::new(make_look);
        let (published, mut publications) = mpsc::unbounded_channel();
        let mut hints = store.hints();
        let mut unknown_words = 0;
        let mut remembered: Arc<Ledger> = Arc::default();
        let mut looked_at: Option<(Arc<NodeRead>, MonoMs)> = None;
        let mut daemon = None;
        let mut triggers_open = true;
        let mut alerted_open = true;
        let (mut told_open, mut obeyed) = (true, Told::default());
        let too_large = Arc::new(AtomicBool::new(false));
        let [mut reporting, mut detailing, mut telling]: [Option<AbortHandle>; 3] = [None, None, None];
        let mut listing: Option<Pin<Box<dyn Future<Output = AgentEvent> + Send>>> = None;
        let last_put = LastPut::default();
        // Own keys that a hint named, and their comparison with what was put there: one at a time.
        let mut hinted: BTreeSet<Key> = BTreeSet::new();
        let mut comparing: Option<Pin<Box<dyn Future<Output = Compared> + Send>>> = None;
        if let Some(history) = history.clone() {
            let (node, began, found) = (store.own_node().clone(), clock.now().wall, published.clone());
            tokio::spawn(async move {
                let turns = port_turns::remembered(&history, &node, began).await;
                let _ = found.send(AgentEvent::TurnsRemembered(turns));
            });
        }
        let mut next: VecDeque<AgentEvent> = ledger.map(AgentEvent::LedgerLoaded).into_iter().collect();
        loop {
            if comparing.is_none() && !hinted.is_empty() {
                let keys = std::mem::take(&mut hinted);
                let (last_put, store) = (last_put.clone(), store.clone());
                comparing = Some(Box::pin(async move {
                    tokio::time::sleep(COMPARE_AFTER).await;
                    last_put.compare(store, keys).await
                }));
            }
            let event = match next.pop_front() {
                Some(event) => event,
                None => tokio::select! {
                    Some(event) = results.recv() => event,
                    Some(event) = publications.recv() => event,
                    trigger = triggers.recv(), if triggers_open => {
                        triggers_open = trigger.is_some();
                        AgentEvent::Trigger
                    }
                    changed = told.changed(), if told_open => {
                        told_open = changed.is_ok();
                        let now = told.borrow_and_update().clone();
                        next.extend(news(&obeyed, &now));
                        obeyed = now;
                        continue;
                    }
                    changed = alerted.changed(), if alerted_open => {
                        alerted_open = changed.is_ok();
                        let value = alerted.borrow_and_update().clone();
                        let Some(value) = value else { continue };
                        AgentEvent::Told(value)
                    }
                    hint = hints.next() => match hint {
                        Some(Hint::Resync) => {
                            // A store that hangs must not keep this loop: it is asked beside it.
                            let asking = own_values(store.clone());
                            listing = Some(Box::pin(asking));
                            continue;
                        }
                        Some(hint) => {
                            if let Hint::Value { writer, key } = hint
                                && writer == *store.own_node()
                                && last_put.concerns(&key)
                            {
                                hinted.insert(key);
                            }
                            pulse.send_modify(|turns| *turns += 1);
                            continue;
                        }
                        None => return,
                    },
                    Some(event) = async { Some(listing.as_mut()?.await) } => {
                        listing = None;
                        event
                    }
                    Some(compared) = async { Some(comparing.as_mut()?.await) } => {
                        comparing = None;
                        hinted.extend(compared.again);
                        next.extend(compared.lost.into_iter().map(lost));
                        continue;
                    }
                    () = clock.sleep_until(agent.next_deadline()) => AgentEvent::Tick,
                    // The pulse goes on while nothing happens.
                    () = tokio::time::sleep(std::time::Duration::from_secs(5)) => AgentEvent::Tick,
                },
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
                        // A full queue is no loss: what is said comes by way of the store too.
                        let _ = own.try_send(vec![Followed::Own(values_of(&publication))]);
                        let putting = tokio::spawn(publish(
                            store.clone(),
                            last_put.clone(),
                            publication,
                            published.clone(),
                        ));
                        replace(&mut reporting, putting.abort_handle());
                    }
                    AgentEffect::PublishTold(publication) => {
                        let putting = tokio::spawn(publish_told(
                            store.clone(),
                            last_put.clone(),
                            publication,
                            published.clone(),
                        ));
                        replace(&mut telling, putting.abort_handle());
                    }
                    AgentEffect::SaveLedger(ledger) => {
                        if let Some(saver) = &saver {
                            saver.send_replace(Some(ledger));
                        }
                    }
                    AgentEffect::PublishDetail(draft) => {
                        let putting = tokio::spawn(publish_detail(
                            store.clone(),
                            last_put.clone(),
                            draft,
                            published.clone(),
                            too_large.clone(),
                        ));
                        replace(&mut detailing, putting.abort_handle());
                    }
                    AgentEffect::Looked => {
                        // Where there is no room the recorder tells of the gap.
                        let turned = port_turns::rows(agent.turned(), store.own_node(), now.wall);
                        if let Some(history) = history.as_ref().filter(|_| !turned.is_empty()) {
                            let _ = history.record(turned, now.wall);
                        }
                        if let Some(read) = agent.last_read() {
                            // Expectations and orders change what a read means, and not when it was.
                            let same = looked_at.take().filter(|(before, _)| Arc::ptr_eq(before, read));
                            if same.is_none() {
                                unknown_words += read.unknown_words;
                                daemon = follow_daemon(daemon, &read.daemon, now.wall);
                            }
                            let at = same.map_or(now.mono, |(_, at)| at);
                            looked_at = Some((read.clone(), at));
                            if *remembered != *agent.ledger() {
                                remembered = Arc::new(agent.ledger().clone());
                            }
                            board.set_local(LocalView {
                                node: store.own_node().clone(),
                                read: read.clone(),
                                entries: agent.entries().into(),
                                daemon,
                                at,
                                unknown_words,
                                ledger: remembered.clone(),
                                port_turns: agent.port_turns().clone(),
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

/// What documents say to this node that they did not say before.
fn news(before: &Told, now: &Told) -> Vec<AgentEvent> {
    fn new<'a, T>(before: &Option<Arc<T>>, now: &'a Option<Arc<T>>) -> Option<&'a T> {
        let same = |now: &&Arc<T>| before.as_ref().is_some_and(|before| Arc::ptr_eq(before, now));
        now.as_ref().filter(|now| !same(now)).map(Arc::as_ref)
    }
    let config = new(&before.config, &now.config).cloned().map(AgentEvent::Config);
    let orders = new(&before.orders, &now.orders).cloned().map(AgentEvent::Orders);
    config.into_iter().chain(orders).collect()
}

/// One publication of a kind at a time: the agent starts another when the last was given up, and a put of that one must
/// not come after.
fn replace(running: &mut Option<AbortHandle>, next: AbortHandle) {
    if let Some(given_up) = running.replace(next) {
        given_up.abort();
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

/// What the store holds of this node; asked until the store answers.
async fn own_values(store: Arc<dyn Store>) -> AgentEvent {
    loop {
        match store.own().await {
            Ok(own) => {
                let own_keys = own.iter().map(|v| v.key.as_str().to_owned()).collect();
                let unpacked = tokio::task::spawn_blocking(move || published_ledger(&own)).await;
                return AgentEvent::Store { own_keys, own_ledger: unpacked.ok().flatten() };
            }
            Err(e) => tracing::warn!("cannot list the store: {e}"),
        }
        tokio::time::sleep(RELIST).await;
    }
}

/// The ledger in the detail that this node published last.
fn published_ledger(own: &[Value]) -> Option<Ledger> {
    let mut pieces = Pieces::default();
    for value in own {
        let Some(part) = part_of_detail_key(value.key.as_str()) else { continue };
        let joined = DetailPart::decode(&value.bytes).map(|decoded| pieces.set(part, decoded));
        match joined {
            Ok(Joined::Whole(parts)) => match Packed::new(parts).unpack() {
                Ok(detail) => return detail.ledger,
                Err(e) => tracing::warn!("what this node published of its maps earlier cannot be read: {e}"),
            },
            Ok(_) => {}
            Err(e) => tracing::warn!("this node's own value {} cannot be read: {e}", value.key),
        }
    }
    None
}

/// The values of a publication, for the own picture.
fn values_of(publication: &Publication) -> Vec<(Key, Option<Bytes>)> {
    let values = publication.values.iter();
    values.filter_map(|(key, bytes)| Some((Key::new(key).ok()?, bytes.clone().map(Bytes::from)))).collect()
}

/// Puts the values one after the other; the first that is not taken ends it, and all is put again later.
async fn publish(
    store: Arc<dyn Store>,
    last_put: LastPut,
    publication: Publication,
    done: mpsc::UnboundedSender<AgentEvent>,
) {
    let (taken, _) = put_all(&*store, &last_put, publication.values).await;
    let _ = done.send(AgentEvent::Published { id: publication.id, taken });
}

/// Puts what people outside were told.
async fn publish_told(
    store: Arc<dyn Store>,
    last_put: LastPut,
    publication: Publication,
    done: mpsc::UnboundedSender<AgentEvent>,
) {
    let (taken, _) = put_all(&*store, &last_put, publication.values).await;
    let _ = done.send(AgentEvent::ToldPublished { id: publication.id, taken });
}

/// Packs a detail on a thread that nobody waits for and puts it as [`publish`] does.
/// What is too large is not put, and what was put before is cleared, so that nobody who comes later takes that for how it
/// is; `too_large` remembers that this was told.
async fn publish_detail(
    store: Arc<dyn Store>,
    last_put: LastPut,
    draft: DetailDraft,
    done: mpsc::UnboundedSender<AgentEvent>,
    too_large: Arc<AtomicBool>,
) {
    let id = draft.id;
    let packed = tokio::task::spawn_blocking(move || draft.values()).await;
    let (values, parts) = match packed {
        Ok((values, parts)) => {
            if !too_large.swap(parts == 0, Ordering::Relaxed) && parts == 0 {
                tracing::warn!(
                    "this node has more maps and paths than a published detail can hold: other nodes show their states, \
                     and not the maps and paths themselves"
                );
            }
            (values, parts)
        }
        Err(e) => {
            tracing::error!("packing the detail of this node broke off ({e}); this is a fault of Pathkeeper");
            (Vec::new(), 0)
        }
    };
    let bytes = values.iter().map(size_bytes).sum();
    let (taken, put_bytes) = put_all(&*store, &last_put, values).await;
    let done_so = DetailDone { id, taken, bytes, put_bytes, parts };
    let _ = done.send(AgentEvent::DetailPublished(done_so));
}

fn size_bytes((key, value): &Put) -> u64 {
    (key.len() + value.as_ref().map_or(0, Vec::len)) as u64
}

/// Whether all were taken, and bytes of those that were.
async fn put_all(store: &dyn Store, last_put: &LastPut, values: Vec<Put>) -> (bool, u64) {
    let mut put_bytes = 0;
    for value in values {
        let size = size_bytes(&value);
        let (key, bytes) = value;
        let result = match Key::new(&key) {
            Ok(key) => last_put.put(store, key, bytes.map(Bytes::from)).await,
            Err(e) => Err(e),
        };
        if let Err(e) = result {
            tracing::warn!("the value {key} was not taken: {e}");
            return (false, put_bytes);
        }
        put_bytes += size;
    }
    (true, put_bytes)
}

/// Another changed what this node had put.
fn lost(key: Key) -> AgentEvent {
    tracing::warn!(
        "somebody else changed this node's value {key} in the store: it is put again within a minute; if this goes on, \
         another agent runs under this node's name"
    );
    AgentEvent::OwnValueLost { key: key.as_str().to_owned() }
}
