//! Rows into the file, and the oldest out of it.

use std::collections::HashMap;

use pathkeeper_model::history::{Gap, Kind, Limits, Subject, What};
use pathkeeper_model::{EpochS, NodeName};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Life, Row};

/// Subjects whose numbers are remembered; a picture of a large cluster has some ten thousand.
const SUBJECTS_MAX: usize = 65_536;
/// Old transitions that are taken out at once, so that what is new waits for milliseconds alone.
const DELETED_MAX: u64 = 20_000;

/// What is to be written.
#[derive(Debug)]
pub(super) enum Write {
    Row(Row),
    Gap(Gap),
    Ready(EpochS),
    Seen(EpochS),
    Ended(EpochS),
}

/// One open file's writer.
#[derive(Debug)]
pub(super) struct Writer {
    run: i64,
    node: NodeName,
    subjects: HashMap<(Subject, Option<std::sync::Arc<str>>), i64>,
}

/// The word for a missing one in the table: SQLite takes no two NULLs for the same.
fn text<T: AsRef<str> + ?Sized>(text: Option<&T>) -> &str {
    text.map_or("", AsRef::as_ref)
}

impl Writer {
    /// Begins a life of the agent; of one before it that did not end in good order, it is told when it was last there.
    pub fn begin(db: &mut Connection, life: &Life) -> rusqlite::Result<Self> {
        let tx = db.transaction()?;
        let last: Option<(i64, Option<i64>)> = tx
            .query_row("SELECT seen, ended FROM run ORDER BY id DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        tx.execute(
            "INSERT INTO run(instance, version, began, seen) VALUES (?, ?, ?, ?)",
            params![life.instance, life.version, life.began.0, life.began.0],
        )?;
        let run = tx.last_insert_rowid();
        tx.execute("INSERT OR IGNORE INTO meta(name, value) VALUES ('kept', ?)", [life.began.0])?;
        let mut writer = Self { run, node: life.node.clone(), subjects: HashMap::new() };
        if let Some((seen, None)) = last {
            writer.agent(
                &tx,
                EpochS(seen),
                What::Cleared,
                "the agent was there for the last time; it did not stop in good order",
            )?;
        }
        let started = format!("the agent started, version {}", life.version);
        writer.agent(&tx, life.began, What::Appeared, &started)?;
        tx.commit()?;
        writer.subjects.clear();
        Ok(writer)
    }

    /// What the agent itself did.
    fn agent(&mut self, tx: &Transaction<'_>, at: EpochS, what: What, text: &str) -> rusqlite::Result<()> {
        let subject = Subject::node(Kind::Agent, &self.node);
        self.row(tx, &Row { at, subject, code: None, what, text: text.to_owned(), body: None, shared: None })
    }

    /// Writes all of it, or nothing. Gives the number of transitions.
    pub fn write(&mut self, db: &mut Connection, writes: &[Write]) -> rusqlite::Result<u64> {
        let tx = db.transaction()?;
        let mut rows = 0;
        let result = (|| {
            for write in writes {
                rows += u64::from(matches!(write, Write::Row(_)));
                self.one(&tx, write)?;
            }
            Ok(())
        })();
        if let Err(e) = result.and_then(|()| tx.commit()) {
            // Numbers that were given within it are not there.
            self.subjects.clear();
            return Err(e);
        }
        Ok(rows)
    }

    fn one(&mut self, tx: &Transaction<'_>, write: &Write) -> rusqlite::Result<()> {
        match write {
            Write::Row(row) => self.row(tx, row),
            Write::Gap(gap) => {
                let lost = i64::try_from(gap.lost).unwrap_or(i64::MAX);
                tx.execute(
                    "INSERT INTO gap(since, until, lost, why) VALUES (?, ?, ?, ?)",
                    params![gap.since.0, gap.until.0, lost, gap.why],
                )?;
                let (length, why) = (gap.until.0.saturating_sub(gap.since.0), &gap.why);
                let text = match gap.lost {
                    0 => format!("nobody looked for the {length} s before: {why}"),
                    lost => format!("{lost} changes in the {length} s before are lost: {why}"),
                };
                self.agent(tx, gap.until, What::Changed, &text)
            }
            Write::Ready(at) => tx
                .execute(
                    "UPDATE run SET ready = ifnull(ready, ?1), seen = max(seen, ?1) WHERE id = ?2",
                    params![at.0, self.run],
                )
                .map(|_| ()),
            Write::Seen(at) => self.seen(tx, *at),
            Write::Ended(at) => {
                self.seen(tx, *at)?;
                self.agent(tx, *at, What::Cleared, "the agent stopped")?;
                tx.execute("UPDATE run SET ended = ? WHERE id = ?", params![at.0, self.run]).map(|_| ())
            }
        }
    }

    fn seen(&self, tx: &Transaction<'_>, at: EpochS) -> rusqlite::Result<()> {
        tx.prepare_cached("UPDATE run SET seen = max(seen, ?) WHERE id = ?")?
            .execute(params![at.0, self.run])
            .map(|_| ())
    }

    fn row(&mut self, tx: &Transaction<'_>, row: &Row) -> rusqlite::Result<()> {
        let subject = self.subject(tx, row)?;
        let shared = match &row.shared {
            Some(text) => Some(shared(tx, text)?),
            None => None,
        };
        let what = What::ALL.iter().position(|what| *what == row.what).unwrap_or(0);
        tx.prepare_cached(
            "INSERT INTO event(at, subject, what, text, body, shared) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            row.at.0,
            subject,
            i64::try_from(what).unwrap_or(0),
            row.text,
            row.body,
            shared
        ])?;
        Ok(())
    }

    fn subject(&mut self, tx: &Transaction<'_>, row: &Row) -> rusqlite::Result<i64> {
        let key = (row.subject.clone(), row.code.clone());
        if let Some(id) = self.subjects.get(&key) {
            return Ok(*id);
        }
        let Subject { kind, wwid, node, object } = &row.subject;
        let words = params![
            kind.as_str(),
            wwid.as_ref().map_or("", |wwid| wwid.as_str()),
            node.as_ref().map_or("", |node| node.as_str()),
            text(object.as_ref()),
            text(row.code.as_ref()),
        ];
        let known =
            "SELECT id FROM subject WHERE kind = ? AND wwid = ? AND node = ? AND object = ? AND code = ?";
        let id = match tx.prepare_cached(known)?.query_row(words, |row| row.get(0)).optional()? {
            Some(id) => id,
            None => {
                tx.prepare_cached(
                    "INSERT INTO subject(kind, wwid, node, object, code) VALUES (?, ?, ?, ?, ?)",
                )?
                .execute(words)?;
                tx.last_insert_rowid()
            }
        };
        if self.subjects.len() >= SUBJECTS_MAX {
            self.subjects.clear();
        }
        self.subjects.insert(key, id);
        Ok(id)
    }
}

fn shared(tx: &Transaction<'_>, text: &str) -> rusqlite::Result<i64> {
    let known =
        tx.prepare_cached("SELECT id FROM shared WHERE text = ?")?.query_row([text], |row| row.get(0));
    if let Some(id) = known.optional()? {
        return Ok(id);
    }
    tx.prepare_cached("INSERT INTO shared(text) VALUES (?)")?.execute([text])?;
    Ok(tx.last_insert_rowid())
}

/// Bytes of the file that are in use.
pub(super) fn used_bytes(db: &Connection) -> rusqlite::Result<u64> {
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    let pages = number("PRAGMA page_count")? - number("PRAGMA freelist_count")?;
    Ok(u64::try_from(pages * number("PRAGMA page_size")?).unwrap_or(0))
}

/// Takes out what is too old or too much, a part at a time; true if there is more to take out. The last word about what
/// stands is kept, however old: without it nothing after it could be told.
pub(super) fn compact(db: &mut Connection, limits: Limits, now: EpochS) -> rusqlite::Result<bool> {
    let by_age = limits.cutoff(now).0;
    let transitions: i64 = db.query_row("SELECT count(*) FROM event", [], |row| row.get(0))?;
    let surplus = limits.surplus(used_bytes(db)?, u64::try_from(transitions).unwrap_or(0)).min(DELETED_MAX);
    let tx = db.transaction()?;
    // The time up to which nothing is kept but what stood then.
    let mut cutoff = by_age;
    if surplus > 0 {
        let nth: Option<i64> = tx
            .query_row(
                "SELECT at FROM event ORDER BY id LIMIT 1 OFFSET ?",
                [i64::try_from(surplus).unwrap_or(i64::MAX)],
                |row| row.get(0),
            )
            .optional()?;
        cutoff = cutoff.max(nth.unwrap_or(by_age).saturating_add(1));
    }
    let kept: i64 = tx.query_row("SELECT value FROM meta WHERE name = 'kept'", [], |row| row.get(0))?;
    let last: Option<i64> =
        tx.query_row("SELECT max(id) FROM event WHERE at < ?", [cutoff], |row| row.get(0))?;
    let Some(last) = last else { return Ok(false) };
    let standing: Vec<String> =
        Kind::ALL.iter().filter(|kind| kind.stands()).map(|kind| format!("'{}'", kind.as_str())).collect();
    let gone = tx.execute(
        &format!(
            "DELETE FROM event WHERE id IN (SELECT e.id FROM event e JOIN subject s ON s.id = e.subject
                WHERE e.id <= ?1 AND (e.what = 2 OR s.kind NOT IN ({})
                    OR EXISTS (SELECT 1 FROM event n WHERE n.subject = e.subject AND n.id > e.id AND n.id <= ?1))
                ORDER BY e.id LIMIT ?2)",
            standing.join(", ")
        ),
        params![last, i64::try_from(DELETED_MAX).unwrap_or(i64::MAX)],
    )?;
    if gone > 0 {
        tx.execute("UPDATE meta SET value = max(value, ?) WHERE name = 'kept'", [cutoff])?;
    }
    let whole = u64::try_from(gone).unwrap_or(0) < DELETED_MAX;
    if whole {
        let kept = kept.max(cutoff);
        tx.execute("DELETE FROM run WHERE seen < ? AND id < (SELECT max(id) FROM run)", [kept])?;
        tx.execute("DELETE FROM gap WHERE until < ?", [kept])?;
        tx.execute(
            "DELETE FROM subject WHERE NOT EXISTS (SELECT 1 FROM event WHERE subject = subject.id)",
            [],
        )?;
        tx.execute(
            "DELETE FROM shared WHERE id NOT IN (SELECT shared FROM event WHERE shared IS NOT NULL)",
            [],
        )?;
    }
    tx.commit()?;
    db.execute_batch("PRAGMA incremental_vacuum")?;
    Ok(!whole || (surplus > 0 && gone > 0))
}
