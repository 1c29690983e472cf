//! The thread that owns the file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use pathkeeper_model::EpochS;
use pathkeeper_model::history::Limits;
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::file::{self, NotOpen};
use super::write::{self, Write, Writer};
use super::{Condition, HistoryError, Inbox, Life, Message, Question, read};

/// So many rows are written at once.
const BATCH_ROWS: usize = 100;
/// And fewer after this.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// After the disk said no.
const RETRY: Duration = Duration::from_secs(10);
/// What is old is looked for so often.
const COMPACT_GAP: Duration = Duration::from_secs(3_600);

struct Open {
    db: Connection,
    writer: Writer,
}

pub(super) struct Actor {
    path: PathBuf,
    life: Life,
    limits: Limits,
    /// Rows that were handed over and are not written.
    queued: Arc<AtomicUsize>,
    tell: watch::Sender<Condition>,
    open: Option<Open>,
    waiting: Vec<Write>,
    /// When the first of them came.
    first: Option<Instant>,
    /// Nothing is tried before this.
    not_before: Option<Instant>,
    compact_at: Instant,
    /// The latest time that was told.
    now: EpochS,
    /// The first picture of this life was told.
    ready: Option<EpochS>,
}

impl Actor {
    pub fn new(
        path: PathBuf,
        life: Life,
        limits: Limits,
        queued: Arc<AtomicUsize>,
        tell: watch::Sender<Condition>,
    ) -> Self {
        let now = life.began;
        Self {
            path,
            life,
            limits,
            queued,
            tell,
            open: None,
            waiting: Vec::new(),
            first: None,
            not_before: None,
            compact_at: Instant::now(),
            now,
            ready: None,
        }
    }

    /// Until nobody can tell anything any more.
    pub fn run(mut self, inbox: &Inbox) {
        self.try_open();
        loop {
            let due = self.due();
            let wait = due.saturating_duration_since(Instant::now());
            match inbox.next(wait) {
                Ok(Message::End(at, done)) => return self.end(at, done),
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.flush();
                    return;
                }
            }
            if self.waiting.len() >= BATCH_ROWS || self.due() <= Instant::now() {
                self.flush();
                self.compact();
            }
        }
    }

    /// When something has to be done although nobody says anything.
    fn due(&self) -> Instant {
        let flush = self.first.map(|first| first + BATCH_WAIT);
        // Without a file there is nothing to take out; it is tried again when somebody speaks or asks.
        let compact = if self.open.is_some() { self.compact_at } else { Instant::now() + RETRY };
        let due = flush.unwrap_or(compact).min(compact);
        match self.not_before {
            Some(at) => due.max(at),
            None => due,
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Rows(rows, at) => {
                self.now = at;
                self.waiting.extend(rows.into_iter().map(Write::Row));
                // What is told completes what was seen up to now.
                self.push(Write::Seen(at));
            }
            Message::Gap(gap) => self.push(Write::Gap(gap)),
            Message::Ready(at) => {
                (self.now, self.ready) = (at, Some(at));
                self.push(Write::Ready(at));
            }
            Message::Seen(at) => {
                self.now = at;
                self.push(Write::Seen(at));
            }
            Message::Ask(question) => {
                self.flush();
                self.answer(question);
            }
            Message::End(at, done) => self.end(at, done),
        }
    }

    /// Writes what waits, and closes the file.
    fn end(&mut self, at: EpochS, done: oneshot::Sender<()>) {
        self.push(Write::Ended(at));
        self.not_before = None;
        self.flush();
        self.open = None;
        if self.waiting.is_empty() {
            // Who waits may have gone.
            let _ = done.send(());
        }
    }

    fn push(&mut self, write: Write) {
        // While the disk says no, the newest word that somebody looked says it all.
        if matches!((&write, self.waiting.last()), (Write::Seen(_), Some(Write::Seen(_)))) {
            self.waiting.pop();
        }
        self.waiting.push(write);
        self.first.get_or_insert_with(Instant::now);
    }

    fn problem(&mut self, why: Option<String>) {
        self.tell.send_if_modified(|condition| {
            let changed = condition.problem != why;
            condition.problem = why;
            changed
        });
    }

    fn try_open(&mut self) {
        if self.open.is_some() {
            return;
        }
        match file::open(&self.path).map(|db| self.begin(db)) {
            Ok(Ok(())) => self.problem(None),
            Ok(Err(e)) if file::is_damage(&e) => self.set_aside(&e.to_string()),
            Err(NotOpen::Bad(why)) => self.set_aside(&why),
            Ok(Err(e)) => self.later(format!("{}: {e}", self.path.display())),
            Err(NotOpen::Newer(why) | NotOpen::Disk(why)) => {
                self.later(format!("{}: {why}", self.path.display()));
            }
        }
    }

    fn begin(&mut self, mut db: Connection) -> rusqlite::Result<()> {
        let mut writer = Writer::begin(&mut db, &self.life)?;
        if let Some(at) = self.ready {
            writer.write(&mut db, &[Write::Ready(at)])?;
        }
        self.open = Some(Open { db, writer });
        Ok(())
    }

    fn later(&mut self, why: String) {
        if self.tell.borrow().problem.as_ref() != Some(&why) {
            tracing::warn!(
                "the history is not written ({why}): states and findings of now are not touched by it"
            );
        }
        self.open = None;
        self.not_before = Some(Instant::now() + RETRY);
        self.problem(Some(why));
    }

    /// The file is of no use: another name for it, and a new one.
    fn set_aside(&mut self, why: &str) {
        self.open = None;
        let shown = self.path.display().to_string();
        let aside = match file::set_aside(&self.path, self.now) {
            Ok(aside) => aside,
            Err(e) => return self.later(format!("{shown}: {why}; and it cannot be set aside: {e}")),
        };
        tracing::warn!(
            "{shown} cannot be used ({why}): it is {} now, and a new one is begun",
            aside.display()
        );
        // What waited belongs to the file that is gone: who tells begins anew when the generation grows.
        self.drop_waiting();
        // From here on the new file is told; what was before it is in the old one.
        self.life.began = self.now;
        self.ready = None;
        let opened = file::open(&self.path).map(|db| self.begin(db));
        self.tell.send_modify(|condition| {
            condition.generation += 1;
            condition.set_aside = Some((aside, why.to_owned()));
            condition.problem = None;
        });
        match opened {
            Ok(Ok(())) => {}
            Ok(Err(e)) => self.later(format!("{shown}: {e}")),
            Err(NotOpen::Bad(why) | NotOpen::Newer(why) | NotOpen::Disk(why)) => {
                self.later(format!("{shown}: {why}"));
            }
        }
    }

    fn drop_waiting(&mut self) {
        let rows = self.waiting.iter().filter(|write| matches!(write, Write::Row(_))).count();
        self.queued.fetch_sub(rows, Ordering::AcqRel);
        self.waiting.clear();
        self.first = None;
    }

    fn flush(&mut self) {
        if self.not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.not_before = None;
        self.try_open();
        if self.waiting.is_empty() {
            self.first = None;
            return;
        }
        let Some(open) = &mut self.open else { return };
        match open.writer.write(&mut open.db, &self.waiting) {
            Ok(rows) => {
                self.drop_waiting();
                self.problem(None);
                if rows > 0 {
                    self.tell.send_modify(|condition| condition.written += rows);
                }
            }
            Err(e) if file::is_damage(&e) => self.set_aside(&e.to_string()),
            Err(e) => self.later(format!("{}: {e}", self.path.display())),
        }
    }

    /// What is too old once in a while, what is too much at once.
    fn compact(&mut self) {
        let Some(open) = &mut self.open else { return };
        let over = write::used_bytes(&open.db).is_ok_and(|used| used > self.limits.bytes);
        if over || self.compact_at <= Instant::now() {
            self.compact_at = Instant::now() + COMPACT_GAP;
            match write::compact(&mut open.db, self.limits, self.now) {
                // The rest after what is new.
                Ok(true) => self.compact_at = Instant::now() + BATCH_WAIT,
                Ok(false) => {}
                Err(e) if file::is_damage(&e) => return self.set_aside(&e.to_string()),
                Err(e) => tracing::warn!("old parts of the history could not be taken out: {e}"),
            }
        }
        let Some(open) = &self.open else { return };
        let used = write::used_bytes(&open.db).unwrap_or(0);
        self.tell.send_if_modified(|condition| std::mem::replace(&mut condition.used_bytes, used) != used);
    }

    fn answer(&mut self, question: Question) {
        let unusable = || {
            let why = self.tell.borrow().problem.clone();
            HistoryError::Unusable(why.unwrap_or_else(|| "it is not open".into()))
        };
        let mut damage = None;
        let mut told = |e: rusqlite::Error| {
            if file::is_damage(&e) {
                damage = Some(e.to_string());
            }
            HistoryError::Unusable(e.to_string())
        };
        let db = self.open.as_ref().map(|open| &open.db);
        // Who asked may have gone.
        match question {
            Question::Timeline(filter, reply) => {
                let answer =
                    db.ok_or_else(unusable).and_then(|db| read::timeline(db, &filter).map_err(&mut told));
                let _ = reply.send(answer);
            }
            Question::At(at, reply) => {
                let _ =
                    reply.send(db.ok_or_else(unusable).and_then(|db| read::at(db, at).map_err(&mut told)));
            }
            Question::Lives(reply) => {
                let _ = reply.send(db.ok_or_else(unusable).and_then(|db| read::lives(db).map_err(&mut told)));
            }
        }
        if let Some(why) = damage {
            self.set_aside(&why);
        }
    }
}
