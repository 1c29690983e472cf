//! One sink's task: its bounded queue, its tries, and how it stands.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pathkeeper_model::EpochS;
use pathkeeper_model::alert::{AlertAct, AlertKey, AlertMessage};
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;

use super::post::{PostError, post};
use super::{Bearing, SinkConfig, SinkKind, alertmanager, webhook};

/// Messages that wait for one sink; of more the oldest goes, and is counted.
pub const SINK_QUEUE_MAX: usize = 128;
/// After a try that failed the next one comes after this, which doubles up to the second.
const RETRY_FIRST_MS: u64 = 1_000;
const RETRY_MAX_MS: u64 = 60_000;

/// A sink has taken a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// About what it was.
    pub key: AlertKey,
    /// Its turn.
    pub turn: u64,
}

/// How a sink stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SinkState {
    /// Messages that it has taken.
    pub sent: u64,
    /// Tries that failed.
    pub failed: u64,
    /// Messages that it will never get: refused for good, or too many waited.
    pub dropped: u64,
    /// Messages that wait.
    pub waiting: usize,
    /// When it took one last.
    pub last_sent: Option<EpochS>,
    /// Since when every try failed; `None` = the last one did not.
    pub failing_since: Option<EpochS>,
    /// Why the last one failed.
    pub why: Option<String>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<AlertMessage>,
    /// What stands, for those who must be told again and again.
    standing: Vec<AlertMessage>,
    state: SinkState,
}

#[derive(Debug, Default)]
struct Shared {
    inner: Mutex<Inner>,
    news: Notify,
}

impl Shared {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can be left half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running sink. Its task ends when it is dropped.
#[derive(Debug)]
pub struct Sink {
    config: SinkConfig,
    bearing: Bearing,
    shared: Arc<Shared>,
    task: AbortHandle,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Sink {
    /// Starts its task. `done` is told of each message that it has taken; a full channel waits here and nowhere else.
    pub fn start(config: SinkConfig, bearing: Bearing, done: mpsc::Sender<Done>) -> Self {
        let shared = Arc::new(Shared::default());
        let run = run(config.clone(), bearing.clone(), shared.clone(), done);
        Self { config, bearing, shared, task: tokio::spawn(run).abort_handle() }
    }

    /// As it was set up.
    pub fn config(&self) -> &SinkConfig {
        &self.config
    }

    /// How it stands.
    pub fn state(&self) -> SinkState {
        let inner = self.shared.inner();
        SinkState { waiting: inner.queue.len(), ..inner.state.clone() }
    }

    /// Queues a message. Never waits.
    pub fn send(&self, message: AlertMessage) {
        let mut inner = self.shared.inner();
        if inner.queue.len() >= SINK_QUEUE_MAX {
            inner.queue.pop_front();
            inner.state.dropped += 1;
        }
        inner.queue.push_back(message);
        drop(inner);
        self.shared.news.notify_one();
    }

    /// Somebody else has sent this: it is taken out, if it still waits.
    pub fn drop_message(&self, key: &AlertKey, turn: u64) {
        self.shared.inner().queue.retain(|message| message.key != *key || message.turn != turn);
    }

    /// What stands now.
    pub fn standing(&self, standing: &[AlertMessage]) {
        self.shared.inner().standing = standing.to_vec();
        self.shared.news.notify_one();
    }

    /// What was told again and again here is over by another's word. Who was told once is not told.
    pub fn end(&self, message: &AlertMessage) {
        if let SinkKind::Alertmanager { .. } = self.config.kind {
            self.send(message.clone());
        }
    }

    /// Sends one message at once, past the queue, once.
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn test(&self, message: &AlertMessage) -> Result<(), PostError> {
        let body = body_of(&self.config, &self.bearing, std::slice::from_ref(message));
        post(&self.config, body).await
    }
}

fn body_of(config: &SinkConfig, bearing: &Bearing, messages: &[AlertMessage]) -> Vec<u8> {
    match (config.kind, messages) {
        (SinkKind::Webhook, [message, ..]) => webhook::body(message, bearing),
        (SinkKind::Webhook, []) => Vec::new(),
        (SinkKind::Alertmanager { expires_s, .. }, messages) => {
            alertmanager::alerts(messages, bearing, expires_s, wall())
        }
    }
}

async fn run(config: SinkConfig, bearing: Bearing, shared: Arc<Shared>, done: mpsc::Sender<Done>) {
    let mut retry_ms = RETRY_FIRST_MS;
    let mut told_at: Option<Instant> = None;
    loop {
        let Some(batch) = next(&config, &shared, told_at) else {
            let wait = until_resend(&config, &shared, told_at);
            tokio::select! {
                () = shared.news.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
            continue;
        };
        let result = post(&config, body_of(&config, &bearing, &batch.messages)).await;
        match result {
            Ok(()) => {
                retry_ms = RETRY_FIRST_MS;
                told_at = Some(Instant::now());
                for (key, turn) in finish(&shared, &batch, None) {
                    // Nobody listens any more: the agent is ending.
                    let _ = done.send(Done { key, turn }).await;
                }
            }
            Err(e) => {
                tracing::warn!(
                    target: "alerts",
                    "{} ({}) does not take alerts: {e}", config.name, config.url.shown()
                );
                // Alertmanager refuses a whole body for one alert; what stands is told again anyway.
                let given_up = e.is_final();
                failed(&shared, &e);
                if given_up {
                    finish(&shared, &batch, Some(()));
                }
                tokio::time::sleep(Duration::from_millis(jitter(retry_ms))).await;
                retry_ms = (retry_ms * 2).min(RETRY_MAX_MS);
            }
        }
    }
}

struct Batch {
    messages: Vec<AlertMessage>,
    /// Those of the queue.
    queued: Vec<(AlertKey, u64, AlertAct)>,
}

/// What is to be sent now.
fn next(config: &SinkConfig, shared: &Shared, told_at: Option<Instant>) -> Option<Batch> {
    let inner = shared.inner();
    let id = |message: &AlertMessage| (message.key.clone(), message.turn, message.act);
    match config.kind {
        SinkKind::Webhook => {
            let first = inner.queue.front()?;
            Some(Batch { messages: vec![first.clone()], queued: vec![id(first)] })
        }
        SinkKind::Alertmanager { resend_ms, .. } => {
            let due = told_at.is_none_or(|at| at.elapsed() >= Duration::from_millis(resend_ms));
            if inner.queue.is_empty() && (inner.standing.is_empty() || !due) {
                return None;
            }
            let queued: Vec<_> = inner.queue.iter().map(id).collect();
            // The newest word of each last: of two in one body the later one counts.
            let said = |message: &&AlertMessage| !inner.queue.iter().any(|of| of.key == message.key);
            let standing = inner.standing.iter().filter(said).cloned();
            Some(Batch { messages: standing.chain(inner.queue.iter().cloned()).collect(), queued })
        }
    }
}

fn until_resend(config: &SinkConfig, shared: &Shared, told_at: Option<Instant>) -> Duration {
    let never = Duration::from_secs(3_600);
    match (config.kind, told_at) {
        (SinkKind::Alertmanager { resend_ms, .. }, Some(at)) if !shared.inner().standing.is_empty() => {
            Duration::from_millis(resend_ms).saturating_sub(at.elapsed())
        }
        _ => never,
    }
}

/// Takes what was sent, or given up, out of the queue.
fn finish(shared: &Shared, batch: &Batch, given_up: Option<()>) -> Vec<(AlertKey, u64)> {
    let mut inner = shared.inner();
    let before = inner.queue.len();
    inner.queue.retain(|message| {
        !batch
            .queued
            .iter()
            .any(|(key, turn, act)| message.key == *key && message.turn == *turn && message.act == *act)
    });
    let gone = (before - inner.queue.len()) as u64;
    if given_up.is_some() {
        inner.state.dropped += gone;
        return Vec::new();
    }
    inner.state.sent += gone;
    inner.state.last_sent = Some(wall());
    (inner.state.failing_since, inner.state.why) = (None, None);
    batch.queued.iter().map(|(key, turn, _)| (key.clone(), *turn)).collect()
}

fn failed(shared: &Shared, e: &PostError) {
    let mut inner = shared.inner();
    inner.state.failed += 1;
    inner.state.failing_since.get_or_insert_with(wall);
    inner.state.why = Some(e.to_string());
}

/// Between three quarters and five quarters of it, so that nodes do not try together.
fn jitter(ms: u64) -> u64 {
    let odd = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::from(since.subsec_nanos()));
    ms * 3 / 4 + (odd / 1_000) % (ms / 2).max(1)
}

fn wall() -> EpochS {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    EpochS(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
