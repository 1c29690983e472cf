//! Where log lines go: to the journal with named fields where standard error is the journal, else to standard error.
//!
//! Either way they go through a queue that drops rather than waits: on a host that boots from SAN the journal's disk may be
//! the one that hangs. Fields in capitals (`CODE`, `WWID`, `NODE`…) are a contract: `journalctl CODE=HBA_DOWN`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::Context as _;
use pathkeeper_io::journal::{self, Entry, Journal};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Lines that wait.
const LINES_MAX: usize = 4_096;
/// How long the end of the program waits for lines that wait.
const FLUSH: Duration = Duration::from_millis(500);

/// Keeps the log going; dropping it lets lines that wait out, but not for long.
#[derive(Debug)]
pub enum Flush {
    /// To standard error.
    Lines(WorkerGuard),
    /// To the journal: where entries wait (`None` ends it), and where it is told that it ended.
    Journal(SyncSender<Option<Entry>>, Receiver<()>),
}

impl Drop for Flush {
    fn drop(&mut self) {
        if let Flush::Journal(queue, ended) = self
            && queue.try_send(None).is_ok()
        {
            let _ = ended.recv_timeout(FLUSH);
        }
    }
}

/// Starts it. `journal` is where systemd's journal listens.
///
/// # Errors
/// In words: a filter that cannot be read.
pub fn start(filter: &str, journal: &Path) -> anyhow::Result<Flush> {
    let filter =
        tracing_subscriber::EnvFilter::try_new(filter).with_context(|| format!("log = {filter:?}"))?;
    let stream = std::env::var("JOURNAL_STREAM").ok();
    let failed = |e: &dyn std::fmt::Display| anyhow::anyhow!("cannot start logging: {e}");
    if stream.as_deref().is_some_and(journal::is_stderr)
        && let Ok(connected) = Journal::connect(journal)
    {
        let (layer, flush) = ToJournal::start(connected, journal.to_owned()).map_err(|e| failed(&e))?;
        let started = tracing_subscriber::registry().with(filter).with(layer).try_init();
        return started.map(|()| flush).map_err(|e| failed(&e));
    }
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LINES_MAX).finish(std::io::stderr());
    let format = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false);
    let started = if stream.is_some() { format.without_time().try_init() } else { format.try_init() };
    started.map(|()| Flush::Lines(guard)).map_err(|e| failed(&e))
}

/// Makes entries of events and queues them.
struct ToJournal {
    queue: SyncSender<Option<Entry>>,
    dropped: Arc<AtomicU64>,
}

impl ToJournal {
    fn start(connected: Journal, socket: PathBuf) -> std::io::Result<(Self, Flush)> {
        let (queue, entries) = sync_channel(LINES_MAX);
        let (end, ended) = sync_channel(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let lost = dropped.clone();
        std::thread::Builder::new().name("journal".into()).spawn(move || {
            send_all(connected, &socket, &entries, &lost);
            let _ = end.try_send(());
        })?;
        Ok((Self { queue: queue.clone(), dropped }, Flush::Journal(queue, ended)))
    }
}

/// Sends what comes until it is told to end.
fn send_all(mut journal: Journal, socket: &Path, entries: &Receiver<Option<Entry>>, lost: &AtomicU64) {
    while let Ok(Some(entry)) = entries.recv() {
        let n = lost.swap(0, Ordering::Relaxed);
        let told = (n > 0).then(|| {
            let mut entry = Entry::default();
            start_entry(&mut entry, Level::WARN, "pathkeeper");
            entry.add(
                "MESSAGE",
                &format!("{n} log lines were dropped: the journal did not take them in time"),
            );
            entry
        });
        for entry in told.into_iter().chain([entry]) {
            if journal.send(&entry).is_err() {
                // It was started anew, or takes nothing now; one more attempt is all that a line is worth.
                match Journal::connect(socket) {
                    Ok(again) => journal = again,
                    Err(_) => continue,
                }
                if journal.send(&entry).is_err() {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

fn start_entry(entry: &mut Entry, level: Level, target: &str) {
    let priority = match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    };
    entry.add("PRIORITY", priority);
    entry.add("SYSLOG_IDENTIFIER", "pathkeeper");
    entry.add("TARGET", target);
}

impl<S: Subscriber> Layer<S> for ToJournal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        start_entry(&mut fields.entry, *event.metadata().level(), event.metadata().target());
        event.record(&mut fields);
        let Fields { mut entry, message, more } = fields;
        entry.add("MESSAGE", format!("{message}{more}").trim_start());
        if self.queue.try_send(Some(entry)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Takes an event's fields apart: those in capitals are the entry's, the others stand behind the message.
#[derive(Default)]
struct Fields {
    entry: Entry,
    message: String,
    more: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            name if name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') => self.entry.add(name, value),
            // Writing into a String does not fail.
            name => drop(write!(self.more, " {name}={value}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    fn receive(journald: &UnixDatagram) -> String {
        let mut bytes = [0; 4096];
        let length = journald.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[test]
    fn events_are_entries_with_named_fields() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let journald = UnixDatagram::bind(&socket).unwrap();
        let (layer, flush) = ToJournal::start(Journal::connect(&socket).unwrap(), socket.clone()).unwrap();
        let log = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(log, || {
            let none: Option<&str> = None;
            tracing::warn!(
                target: "finding", CODE = "HBA_DOWN", NODE = "pve2", WWID = none, luns = 12, "link {}", "down"
            );
            assert_eq!(
                receive(&journald),
                "PRIORITY=4\nSYSLOG_IDENTIFIER=pathkeeper\nTARGET=finding\nCODE=HBA_DOWN\nNODE=pve2\nMESSAGE=link down luns=12\n"
            );
            // A journal that is started anew is found again.
            drop(journald);
            std::fs::remove_file(&socket).unwrap();
            let journald = UnixDatagram::bind(&socket).unwrap();
            tracing::error!("again");
            assert!(receive(&journald).ends_with("MESSAGE=again\n"));
        });
        drop(flush);
    }

    #[test]
    fn a_journal_that_takes_nothing_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let journald = UnixDatagram::bind(&socket).unwrap();
        let (layer, flush) = ToJournal::start(Journal::connect(&socket).unwrap(), socket.clone()).unwrap();
        let dropped = layer.dropped.clone();
        let log = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(log, || {
            // Nobody reads: the socket's queue fills, then ours, and this loop comes to its end nevertheless.
            for n in 0..3 * LINES_MAX {
                tracing::info!("line {n}");
            }
            assert!(dropped.load(Ordering::Relaxed) > 0);
            let told =
                std::iter::repeat_with(|| receive(&journald)).find(|line| line.contains("were dropped"));
            assert!(told.unwrap().contains("log lines were dropped"));
        });
        // A queue that is full is not waited for.
        drop(flush);
    }
}
