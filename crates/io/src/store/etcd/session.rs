//! The task that follows etcd: one endpoint at a time, list, watch, and what `follow.rs` does while it stands.
//!
//! *Where the picture is whole.* A linearizable read is answered only with the majority's agreement, by a member that
//! has caught up; so each answer says that the copy, with what the watch brings next, is not older than the question.
//! That catches what a lease alone does not: a member whose disk hangs forwards keep-alives and shows nothing new.
//!
//! *Where it is not.* Without a majority nothing can be written, so there is nothing to watch: the copy is filled by a
//! serializable list where that shows something newer, and the endpoints are tried in turn.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use etcd_client::{Client, Error, GetOptions, KeyValue, WatchOptions, WatchResponse, WatchStream};
use tokio::time::{MissedTickBehavior, interval};

use super::connect::{asked, connect};
use super::follow::Following;
use super::mirror::{Entry, Mirror};
use super::shared::{Link, Shared};
use super::words::{self, Fault, Kind};
use crate::store::{Hint, StoreError};

/// The first question of a connection, handshakes and all.
const FIRST_MS: u64 = 2_000;
/// The first page of a list also waits for an election.
const LIST_MS: u64 = 4_000;
/// Each further page, the watch's first answer, a new lease.
pub(super) const STEP_MS: u64 = 5_000;
/// Keys in one answer; with our own bound on values that is 4 MiB.
const PAGE_KEYS: i64 = 128;
/// What one answer may hold whoever wrote it: a page of keys as large as etcd takes them.
const PAGE_BYTES_MAX: usize = 256 << 20;
/// What one piece of a watch may hold: etcd splits them at 1.5 MiB and half a MiB.
const WATCH_BYTES_MAX: usize = 16 << 20;
/// Between two rounds through all endpoints.
const REST_MIN_MS: u64 = 300;
const REST_MAX_MS: u64 = 5_000;
/// The same where a person must do something: a refused password costs etcd a tenth of a second of a core each time.
const REST_REFUSED_MAX_MS: u64 = 20_000;
/// A connection that ended sooner was none: there is a rest before the next, as after a round that failed.
const LIVED: Duration = Duration::from_secs(5);

/// How a connection ended.
struct End {
    fault: Fault,
    /// It was up before.
    lived: bool,
    /// Only the watch is lost: the same endpoint will do.
    stay: bool,
}

impl End {
    fn before(fault: Fault) -> Self {
        Self { fault, lived: false, stay: false }
    }
}

/// How long to rest: longer each time, until a connection has stood for a while.
struct Rest {
    ms: u64,
}

impl Rest {
    fn new() -> Self {
        Self { ms: REST_MIN_MS }
    }

    /// The next one.
    fn next(&mut self, max_ms: u64) -> Duration {
        let rest = Duration::from_millis(self.ms.min(max_ms));
        self.ms = (self.ms * 2).min(max_ms);
        rest
    }

    /// After a connection that stood for so long; `None` if the next may come at once.
    fn after(&mut self, lived: Duration) -> Option<Duration> {
        if lived < LIVED {
            return Some(self.next(REST_MAX_MS));
        }
        self.ms = REST_MIN_MS;
        None
    }
}

/// Says it when the task ends: it does so when the store is dropped, and otherwise by a defect alone.
pub(super) struct Ended(pub(super) Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("etcd: the task that follows it has panicked: the view is partial from now on");
        }
        self.0.ended();
    }
}

/// Follows etcd until the store is dropped.
pub(super) async fn run(shared: Arc<Shared>) {
    let _ended = Ended(Arc::clone(&shared));
    let count = shared.config.endpoints.len().max(1);
    // Nodes begin at different members, so that one member does not carry all.
    let sum: usize = shared.node.as_str().bytes().map(usize::from).sum();
    let mut next = sum % count;
    let mut faults: Vec<(String, Fault)> = Vec::new();
    let mut rest = Rest::new();
    loop {
        let Some(endpoint) = shared.config.endpoints.get(next % count).cloned() else { return };
        let began = Instant::now();
        let end = judged(&shared, session(&shared, &endpoint)).await;
        let mut pause = None;
        if end.lived {
            faults.clear();
            pause = rest.after(began.elapsed());
            shared.link.send_replace(Link::Connecting);
        }
        if !end.stay {
            next += 1;
        }
        let why = end.fault.store_error(&endpoint).to_string();
        // Once, and not at every round of a night.
        if !faults.iter().any(|(at, fault)| *at == endpoint && *fault == end.fault) {
            tracing::warn!(endpoint, "etcd: {}", end.fault.text);
        }
        faults.retain(|(at, _)| *at != endpoint);
        faults.push((endpoint, end.fault));
        if faults.len() < count || end.stay {
            shared.fault(why);
            if let Some(pause) = pause {
                judged(&shared, tokio::time::sleep(pause)).await;
            }
            continue;
        }
        // Every endpoint has failed since the last that did not.
        let error = words::joined(&faults);
        let rest_max_ms =
            if matches!(error, StoreError::Refused(_)) { REST_REFUSED_MAX_MS } else { REST_MAX_MS };
        shared.fault(error.to_string());
        shared.link.send_replace(Link::Down(error));
        let pause = pause.unwrap_or_else(|| rest.next(rest_max_ms));
        judged(&shared, tokio::time::sleep(pause)).await;
    }
}

/// Waits for something and looks meanwhile whether the picture has become old.
async fn judged<T>(shared: &Shared, waiting: impl Future<Output = T>) -> T {
    let mut waiting = std::pin::pin!(waiting);
    let mut ticks = interval(Duration::from_millis(500));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            done = &mut waiting => return done,
            _ = ticks.tick() => shared.judge(),
        }
    }
}

/// One connection, from its beginning to its end.
async fn session(shared: &Arc<Shared>, endpoint: &str) -> End {
    let client = match connect(&shared.config, endpoint).await {
        Ok(client) => client,
        Err(fault) => return End::before(fault),
    };
    let status = match bounded(shared, "say how it is", FIRST_MS, client.maintenance_client().status()).await
    {
        Ok(status) => status,
        Err(fault) => return End::before(fault),
    };
    if let Err(fault) = words::version(status.version()) {
        return End::before(fault);
    }
    shared.status(&status);
    let began = Instant::now();
    let (entries, revision) = match list(shared, &client, false).await {
        Ok(listed) => listed,
        Err(fault) => return End::before(without_majority(shared, &client, fault).await),
    };
    let watch = match watch(shared, &client, revision + 1).await {
        Ok(watch) => watch,
        Err(fault) => return End::before(fault),
    };
    shared.change(|mirror| {
        *mirror = Mirror::of(&shared.layout, entries, revision);
        vec![Hint::Resync]
    });
    shared.link.send_replace(Link::Up { client: Box::new(client.clone()), endpoint: endpoint.to_owned() });
    shared.heard(Instant::now());
    shared.agreed(began);
    tracing::info!(endpoint, version = status.version(), "etcd: connected");
    let (fault, stay) = Following::new(shared, client).follow(watch).await;
    End { fault, lived: true, stay }
}

/// The list failed; where the member is there and only the majority is not, shows what it has.
async fn without_majority(shared: &Shared, client: &Client, fault: Fault) -> Fault {
    if matches!(fault.kind, Kind::Refused | Kind::Full) {
        return fault;
    }
    let Ok(newest) = newest(shared, client).await else { return fault };
    let have = shared.look(Mirror::revision).unwrap_or(0);
    if newest > have {
        let Ok((entries, revision)) = list(shared, client, true).await else { return fault };
        shared.change(|mirror| {
            *mirror = Mirror::of(&shared.layout, entries, revision);
            vec![Hint::Resync]
        });
    }
    Fault::new(Kind::NoQuorum, words::no_quorum())
}

/// The revision that this member has, whatever the others have: one small answer, where a list is large and a night
/// without a majority has thousands of rounds.
async fn newest(shared: &Shared, client: &Client) -> Result<i64, Fault> {
    let key = shared.layout.alive(&shared.node);
    let what = format!("read {key}");
    let options = GetOptions::new().with_count_only().with_serializable();
    let answer = bounded(shared, &what, STEP_MS, client.kv_client().get(key, Some(options))).await?;
    Ok(answer.header().map_or(0, |header| header.revision()))
}

/// Everything below the prefix but documents, at one revision, page by page.
async fn list(shared: &Shared, client: &Client, serializable: bool) -> Result<(Vec<Entry>, i64), Fault> {
    let mut kv = client.kv_client().max_decoding_message_size(PAGE_BYTES_MAX);
    let (mut entries, mut revision) = (Vec::new(), 0);
    for (from, to) in shared.layout.mirrored() {
        let mut from = from.into_bytes();
        loop {
            let mut options = GetOptions::new().with_range(to.as_str()).with_limit(PAGE_KEYS);
            if serializable {
                options = options.with_serializable();
            }
            if revision > 0 {
                options = options.with_revision(revision);
            }
            let bound_ms = if revision == 0 { LIST_MS } else { STEP_MS };
            let what = format!("read {}", shared.layout.all());
            let page = bounded(shared, &what, bound_ms, kv.get(from.clone(), Some(options))).await?;
            if revision == 0 {
                revision = page.header().map_or(0, |header| header.revision());
            }
            entries.extend(page.kvs().iter().map(entry));
            match page.kvs().last() {
                Some(last) if page.more() => {
                    from = last.key().to_vec();
                    from.push(0);
                }
                _ => break,
            }
        }
    }
    Ok((entries, revision))
}

/// A key as a list or an event gives it. A deletion has the version 0 (etcd's mvccpb says so), and the event's own type
/// is not asked: the library panics at one that it does not know.
pub(super) fn entry(kv: &KeyValue) -> Entry {
    Entry {
        key: kv.key().to_vec(),
        value: (kv.version() != 0).then(|| Bytes::copy_from_slice(kv.value())),
        mod_revision: kv.mod_revision(),
        lease: kv.lease(),
    }
}

/// A watch on everything of ours, once etcd has said that it stands.
async fn watch(shared: &Shared, client: &Client, from: i64) -> Result<WatchStream, Fault> {
    let what = format!("watch {}", shared.layout.all());
    let options = WatchOptions::new().with_prefix().with_start_revision(from).with_fragment();
    let mut watching = client.watch_client().max_decoding_message_size(WATCH_BYTES_MAX);
    let mut stream =
        bounded(shared, &what, STEP_MS, watching.watch(shared.layout.all(), Some(options))).await?;
    match bounded(shared, &what, STEP_MS, stream.message()).await? {
        Some(answer) if answer.created() && !answer.canceled() => Ok(stream),
        Some(answer) => Err(canceled(shared, &answer)),
        None => Err(Fault::new(Kind::Away, format!("cannot {what}: it ended the answer"))),
    }
}

pub(super) fn canceled(shared: &Shared, answer: &WatchResponse) -> Fault {
    if answer.compact_revision() > 0 {
        return Fault::new(
            Kind::Away,
            "the history behind the watch was compacted: everything is read again",
        );
    }
    let what = format!("watch {}", shared.layout.all());
    words::fault(&Error::WatchError(answer.cancel_reason().to_owned()), asked(&shared.config, &what))
}

/// Waits within a bound, and puts what is wrong into words.
pub(super) async fn bounded<T>(
    shared: &Shared,
    what: &str,
    bound_ms: u64,
    asking: impl Future<Output = Result<T, Error>>,
) -> Result<T, Fault> {
    match tokio::time::timeout(Duration::from_millis(bound_ms), asking).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(words::fault(&error, asked(&shared.config, what))),
        Err(_) => Err(words::silent(what, bound_ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_that_end_at_once_are_made_ever_more_rarely() {
        let mut rest = Rest::new();
        let short = LIVED / 2;
        let ms = |rest: Option<Duration>| rest.map(|rest| rest.as_millis());
        assert_eq!(ms(rest.after(short)), Some(300));
        assert_eq!(ms(rest.after(short)), Some(600));
        assert_eq!(rest.next(REST_MAX_MS).as_millis(), 1_200, "a round that failed counts alike");
        for _ in 0..10 {
            rest.next(REST_REFUSED_MAX_MS);
        }
        assert_eq!(ms(rest.after(short)), Some(u128::from(REST_MAX_MS)));
        assert_eq!(ms(rest.after(LIVED)), None);
        assert_eq!(ms(rest.after(short)), Some(300));
    }
}
