//! Opening the file: whose it is, of which version, and what is done with one that cannot be used.

use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pathkeeper_model::EpochS;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::state_file;

/// `PkHi`: what tells our file from others of SQLite's.
const APPLICATION_ID: i64 = 0x506b_4869;
/// Grows with every change of the tables.
const VERSION: i64 = 1;
/// How long another program's lock (a person with `sqlite3`) is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(2);

const TABLES: &str = "
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE run(id INTEGER PRIMARY KEY, instance TEXT NOT NULL, version TEXT NOT NULL,
    began INTEGER NOT NULL, ready INTEGER, seen INTEGER NOT NULL, ended INTEGER);
CREATE TABLE gap(id INTEGER PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL, lost INTEGER NOT NULL,
    why TEXT NOT NULL);
CREATE TABLE subject(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, wwid TEXT NOT NULL, node TEXT NOT NULL,
    code TEXT NOT NULL, object TEXT NOT NULL, UNIQUE(kind, wwid, node, object, code));
CREATE INDEX subject_wwid ON subject(wwid);
CREATE INDEX subject_node ON subject(node);
CREATE INDEX subject_code ON subject(code);
CREATE TABLE shared(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE event(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, subject INTEGER NOT NULL, what INTEGER NOT NULL,
    text TEXT NOT NULL, body TEXT, shared INTEGER);
CREATE INDEX event_at ON event(at);
CREATE INDEX event_subject ON event(subject, id);
";

/// Why a file is not open.
#[derive(Debug)]
pub(super) enum NotOpen {
    /// It is damaged, or another program's: it can be set aside.
    Bad(String),
    /// A newer Pathkeeper wrote it: it is left alone.
    Newer(String),
    /// The disk says no; later perhaps.
    Disk(String),
}

/// Whether an error says that the file itself is broken.
pub(super) fn is_damage(e: &rusqlite::Error) -> bool {
    matches!(e.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn not_open(e: &rusqlite::Error) -> NotOpen {
    if is_damage(e) { NotOpen::Bad(e.to_string()) } else { NotOpen::Disk(e.to_string()) }
}

/// Opens the file, or makes it.
pub(super) fn open(path: &Path) -> Result<Connection, NotOpen> {
    // SQLite would make it readable for all; what it makes beside it gets the same rights.
    let made = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    match made {
        Ok(file) if file.metadata().is_ok_and(|data| !data.is_file()) => {
            return Err(NotOpen::Bad("it is no plain file".into()));
        }
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::IsADirectory => {
            return Err(NotOpen::Bad("it is a directory".into()));
        }
        Err(e) => return Err(NotOpen::Disk(e.to_string())),
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let db = Connection::open_with_flags(path, flags).map_err(|e| not_open(&e))?;
    prepare(&db).map_err(|e| match e {
        Prepared::Not(why) => why,
        Prepared::Sql(e) => not_open(&e),
    })?;
    Ok(db)
}

enum Prepared {
    Not(NotOpen),
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Prepared {
    fn from(e: rusqlite::Error) -> Self {
        Prepared::Sql(e)
    }
}

fn prepare(db: &Connection) -> Result<(), Prepared> {
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    db.busy_timeout(LOCK_WAIT)?;
    // Nothing is ever written outside the state directory, not even what is sorted.
    db.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -2048; PRAGMA foreign_keys = OFF;")?;
    let (id, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (id, version) {
        (0, 0) if tables == 0 => {
            db.execute_batch("PRAGMA auto_vacuum = INCREMENTAL;")?;
            durable(db)?;
            db.execute_batch(&format!(
                "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
            ))?;
            return Ok(());
        }
        (APPLICATION_ID, VERSION) => {}
        (APPLICATION_ID, newer) if newer > VERSION => {
            return Err(Prepared::Not(NotOpen::Newer(format!(
                "it is of version {newer}, and this Pathkeeper knows {VERSION}: it is left as it is, and nothing is written"
            ))));
        }
        _ => return Err(Prepared::Not(NotOpen::Bad("it is no history of Pathkeeper's".into()))),
    }
    durable(db)?;
    // What is looked at first shows damage at once, without reading the whole file.
    let first = [
        "SELECT count(*) FROM run",
        "SELECT ifnull(max(id), 0) FROM event",
        "SELECT ifnull(min(at), 0) FROM event",
    ];
    for sql in first {
        number(sql).map_err(|e| match e.sqlite_error_code() {
            // A table that is not there: somebody's hands were in the file.
            Some(ErrorCode::Unknown) => Prepared::Not(NotOpen::Bad(e.to_string())),
            _ => Prepared::Sql(e),
        })?;
    }
    Ok(())
}

/// Written ahead, synced at checkpoints: a killed process loses nothing that was committed, a machine without power the last
/// batches and never the file.
fn durable(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 4194304;",
    )
}

/// Renames the file and what SQLite keeps beside it; gives the file's new name.
pub(super) fn set_aside(path: &Path, now: EpochS) -> io::Result<PathBuf> {
    let aside = state_file::set_aside(path, now.0)?;
    for end in ["-wal", "-shm"] {
        let with = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        match std::fs::rename(with(path), with(&aside)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(aside)
}
