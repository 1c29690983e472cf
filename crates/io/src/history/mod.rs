//! The history's file: SQLite in the state directory, behind one thread that alone touches it.
//!
//! Who has something to tell never waits: a queue that is full refuses, and whoever told counts it and says later that there
//! is a gap. Rows are written in batches, a hundred and more in one transaction or what came within a second, so that a
//! killed agent loses the last batch at most. A disk that is full or gone keeps rows waiting, and the queue fills.
//!
//! A file that is damaged or another program's is set aside under another name and a new one begun; one of a newer version
//! is left alone. What the rows mean is not known here: bodies are texts.

mod actor;
mod file;
mod read;
mod write;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use pathkeeper_model::history::{Gap, Kind, Limits, Run, Subject, Unobserved, What};
use pathkeeper_model::{EpochS, NodeName, Wwid};
use tokio::sync::{oneshot, watch};

/// The file's name in the state directory.
pub const HISTORY_FILE: &str = "history.db";
/// Rows that wait at the same time, unless one picture alone has more.
const QUEUED_MAX: usize = 20_000;
/// Messages that wait at the same time, whatever their size.
const MESSAGES_MAX: usize = 1_024;
/// Questions that wait at the same time.
const QUESTIONS_MAX: usize = 16;
/// Rows of one answer.
pub const PAGE_MAX: usize = 5_000;

/// One transition as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// When, by the observer's wall clock.
    pub at: EpochS,
    /// Of what.
    pub subject: Subject,
    /// The finding's code, where there is one.
    pub code: Option<Arc<str>>,
    /// What became of it.
    pub what: What,
    /// One line for people.
    pub text: String,
    /// How it is now, for programs; `None` where it has cleared.
    pub body: Option<String>,
    /// What is the same in many bodies, kept once.
    pub shared: Option<String>,
}

/// Which life of an agent writes.
#[derive(Clone, Debug)]
pub struct Life {
    /// The node on which it runs.
    pub node: NodeName,
    /// 16 hex digits.
    pub instance: String,
    /// The program's version.
    pub version: String,
    /// When it started.
    pub began: EpochS,
}

/// Which transitions are wanted. What the agent says of itself is always among them, unless `code` or `kinds` is given: where
/// nobody looked must not look calm.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// Of this LUN.
    pub wwid: Option<Wwid>,
    /// Of this node.
    pub node: Option<NodeName>,
    /// Of this finding's code.
    pub code: Option<String>,
    /// Of these kinds; empty = all.
    pub kinds: Vec<Kind>,
    /// Not before this.
    pub since: Option<EpochS>,
    /// Not after this.
    pub until: Option<EpochS>,
    /// Only such as were written before this one.
    pub before: Option<i64>,
    /// The newest of them, at most so many; never over [`PAGE_MAX`].
    pub limit: usize,
}

/// A part of the timeline.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// Transitions with their numbers, the newest last.
    pub rows: Vec<(i64, Row)>,
    /// There are older ones: they are before this number.
    pub older: Option<i64>,
}

/// How things stood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Then {
    /// The last word about each subject of a kind that stands. What had cleared is not among them.
    pub rows: Vec<Row>,
    /// Why that is not how it was: nobody looked. Then `rows` are from before.
    pub unobserved: Option<Unobserved>,
}

/// When somebody looked.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lives {
    /// Since when transitions are kept.
    pub kept: Option<EpochS>,
    /// The agent's lives, the newest last; the one that asks is the last.
    pub runs: Vec<Run>,
    /// Times within them of which not all was written down.
    pub gaps: Vec<Gap>,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file cannot be used.
    #[error("this node's history cannot be used: {0}")]
    Unusable(String),
    /// Others ask, or the disk hangs.
    #[error("this node's history is busy")]
    Busy,
}

/// The queue has no room, or nobody takes what is in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// How the history is doing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Condition {
    /// Which file this is: what was told to an earlier one has to be told again.
    pub generation: u64,
    /// Why nothing is written now.
    pub problem: Option<String>,
    /// A file that was set aside since the start, and why.
    pub set_aside: Option<(PathBuf, String)>,
    /// Transitions written since the start.
    pub written: u64,
    /// Bytes of the file that are in use.
    pub used_bytes: u64,
}

/// What the thread is told.
enum Message {
    Rows(Vec<Row>, EpochS),
    Gap(Gap),
    /// There is a first picture.
    Ready(EpochS),
    /// Somebody looked.
    Seen(EpochS),
    Ask(Question),
    /// The end, in good order.
    End(EpochS, oneshot::Sender<()>),
}

enum Question {
    Timeline(Box<Filter>, oneshot::Sender<Result<Page, HistoryError>>),
    At(EpochS, oneshot::Sender<Result<Then, HistoryError>>),
    Lives(oneshot::Sender<Result<Lives, HistoryError>>),
}

/// The history of this node. Cloning shares it.
#[derive(Clone, Debug)]
pub struct History {
    messages: SyncSender<Message>,
    queued: Arc<AtomicUsize>,
    asking: Arc<AtomicUsize>,
    condition: watch::Receiver<Condition>,
}

impl History {
    /// Opens or makes the file in this directory, on a thread of its own: nobody waits for the disk.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(state_dir: &std::path::Path, life: Life, limits: Limits) -> std::io::Result<Self> {
        let (messages, inbox) = sync_channel(MESSAGES_MAX);
        let (tell, condition) = watch::channel(Condition::default());
        let queued = Arc::new(AtomicUsize::new(0));
        let actor = actor::Actor::new(state_dir.join(HISTORY_FILE), life, limits, queued.clone(), tell);
        std::thread::Builder::new()
            .name("history".into())
            .stack_size(512 * 1024)
            .spawn(move || actor.run(&Inbox(inbox)))?;
        Ok(Self { messages, queued, asking: Arc::default(), condition })
    }

    /// How it is doing, and when that changes.
    pub fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.clone()
    }

    /// Hands over what happened together. Never waits.
    ///
    /// # Errors
    /// If there is no room: then nothing of it was taken.
    pub fn record(&self, rows: Vec<Row>, at: EpochS) -> Result<(), Full> {
        let n = rows.len();
        // A picture that is larger than the queue passes when nothing else waits, or it never would.
        let room = |queued: usize| {
            (queued == 0 || queued.saturating_add(n) <= QUEUED_MAX).then_some(queued.saturating_add(n))
        };
        if self.queued.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).is_err() {
            return Err(Full);
        }
        self.send(Message::Rows(rows, at)).inspect_err(|_| {
            self.queued.fetch_sub(n, Ordering::AcqRel);
        })
    }

    /// Not all that happened in this time was recorded.
    ///
    /// # Errors
    /// If there is no room.
    pub fn gap(&self, gap: Gap) -> Result<(), Full> {
        self.send(Message::Gap(gap))
    }

    /// From now on there is a picture of the cluster.
    ///
    /// # Errors
    /// If there is no room.
    pub fn ready(&self, at: EpochS) -> Result<(), Full> {
        self.send(Message::Ready(at))
    }

    /// Somebody looks, and all that was seen was told.
    ///
    /// # Errors
    /// If there is no room.
    pub fn seen(&self, at: EpochS) -> Result<(), Full> {
        self.send(Message::Seen(at))
    }

    /// A part of the timeline.
    ///
    /// # Errors
    /// If the file cannot be used, or is busy.
    pub async fn timeline(&self, filter: Filter) -> Result<Page, HistoryError> {
        self.ask(|reply| Question::Timeline(Box::new(filter), reply)).await
    }

    /// How things stood at a time.
    ///
    /// # Errors
    /// As [`History::timeline`].
    pub async fn at(&self, at: EpochS) -> Result<Then, HistoryError> {
        self.ask(|reply| Question::At(at, reply)).await
    }

    /// When somebody looked.
    ///
    /// # Errors
    /// As [`History::timeline`].
    pub async fn lives(&self) -> Result<Lives, HistoryError> {
        self.ask(Question::Lives).await
    }

    /// Writes what waits and says that this was the end; waits for it no longer than this.
    pub async fn end(&self, at: EpochS, wait: Duration) -> bool {
        let (done, ended) = oneshot::channel();
        if self.send(Message::End(at, done)).is_err() {
            return false;
        }
        matches!(tokio::time::timeout(wait, ended).await, Ok(Ok(())))
    }

    fn send(&self, message: Message) -> Result<(), Full> {
        self.messages.try_send(message).map_err(|e| match e {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => Full,
        })
    }

    async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, HistoryError>>) -> Question,
    ) -> Result<T, HistoryError> {
        let place = Place::take(&self.asking).ok_or(HistoryError::Busy)?;
        let (reply, answer) = oneshot::channel();
        self.send(Message::Ask(question(reply))).map_err(|Full| HistoryError::Busy)?;
        let answer = answer.await.map_err(|_| HistoryError::Busy)?;
        drop(place);
        answer
    }
}

/// One of the places for questions; given back when the question is over, answered or not.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(asking: &Arc<AtomicUsize>) -> Option<Self> {
        let free = |n: usize| (n < QUESTIONS_MAX).then_some(n + 1);
        asking.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).ok()?;
        Some(Self(asking.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The thread's end of the queue.
struct Inbox(Receiver<Message>);

impl Inbox {
    fn next(&self, wait: Duration) -> Result<Message, RecvTimeoutError> {
        self.0.recv_timeout(wait)
    }
}
