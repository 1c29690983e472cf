//! Questions to the file.

use std::sync::Arc;

use pathkeeper_model::history::{Gap, Kind, Run, Subject, What, observed};
use pathkeeper_model::{EpochS, NodeName, Wwid};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::{Filter, Lives, PAGE_MAX, Page, Row, Then};

const COLUMNS: &str = "e.id, e.at, e.what, e.text, e.body, s.kind, s.wwid, s.node, s.code, s.object, t.text";
const JOINED: &str = "event e JOIN subject s ON s.id = e.subject LEFT JOIN shared t ON t.id = e.shared";

fn row(from: &rusqlite::Row<'_>) -> rusqlite::Result<Option<(i64, Row)>> {
    let kind: String = from.get(5)?;
    // A kind of a later version that went back: nothing that this one could tell.
    let Some(kind) = Kind::parse(&kind) else { return Ok(None) };
    let (wwid, node): (String, String) = (from.get(6)?, from.get(7)?);
    let some = |text: String| (!text.is_empty()).then(|| Arc::<str>::from(text));
    let what = usize::try_from(from.get::<_, i64>(2)?).ok().and_then(|at| What::ALL.get(at)).copied();
    let subject =
        Subject { kind, wwid: Wwid::new(&wwid), node: NodeName::new(&node), object: some(from.get(9)?) };
    let row = Row {
        at: EpochS(from.get(1)?),
        subject,
        code: some(from.get(8)?),
        what: what.unwrap_or(What::Changed),
        text: from.get(3)?,
        body: from.get(4)?,
        shared: from.get(10)?,
    };
    Ok(Some((from.get(0)?, row)))
}

fn rows(db: &Connection, sql: &str, values: Vec<Value>) -> rusqlite::Result<Vec<(i64, Row)>> {
    let mut statement = db.prepare_cached(sql)?;
    let found = statement.query_map(params_from_iter(values), row)?;
    found.filter_map(Result::transpose).collect()
}

/// A part of the timeline.
pub(super) fn timeline(db: &Connection, filter: &Filter) -> rusqlite::Result<Page> {
    let mut wanted: Vec<&str> = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let words = [
        ("wwid = ?", filter.wwid.as_ref().map(|wwid| wwid.as_str().to_owned())),
        ("node = ?", filter.node.as_ref().map(|node| node.as_str().to_owned())),
        ("code = ?", filter.code.clone()),
    ];
    for (sql, value) in words {
        if let Some(value) = value {
            wanted.push(sql);
            values.push(value.into());
        }
    }
    let kinds = vec!["?"; filter.kinds.len()].join(", ");
    let kinds = format!("kind IN ({kinds})");
    if !filter.kinds.is_empty() {
        wanted.push(&kinds);
        values.extend(filter.kinds.iter().map(|kind| Value::from(kind.as_str().to_owned())));
    }
    // Where nobody looked must not look calm.
    let agent = if filter.code.is_none() && filter.kinds.is_empty() { "OR kind = 'agent'" } else { "" };
    let mut limits = String::new();
    let numbers = [
        ("AND e.at >= ?", filter.since.map(|at| at.0)),
        ("AND e.at <= ?", filter.until.map(|at| at.0)),
        ("AND e.id < ?", filter.before),
    ];
    for (sql, value) in numbers {
        if let Some(value) = value {
            limits.push_str(sql);
            limits.push(' ');
            values.push(value.into());
        }
    }
    let limit = filter.limit.clamp(1, PAGE_MAX);
    values.push(i64::try_from(limit + 1).unwrap_or(i64::MAX).into());
    // From the subjects to their events by their index; without a filter down the events themselves.
    let of = if wanted.is_empty() {
        String::new()
    } else {
        format!("AND e.subject IN (SELECT id FROM subject WHERE ({}) {agent})", wanted.join(" AND "))
    };
    let sql = format!("SELECT {COLUMNS} FROM {JOINED} WHERE 1 {of} {limits} ORDER BY e.id DESC LIMIT ?");
    let mut found = rows(db, &sql, values)?;
    let more = found.len() > limit;
    found.truncate(limit);
    found.reverse();
    let older = found.first().map(|(id, _)| *id).filter(|_| more);
    Ok(Page { rows: found, older })
}

/// How things stood.
pub(super) fn at(db: &Connection, at: EpochS) -> rusqlite::Result<Then> {
    let lives = lives(db)?;
    let kept = lives.kept.unwrap_or(EpochS(i64::MAX));
    let unobserved = observed(at, kept, &lives.runs, &lives.gaps).err();
    let standing: Vec<String> =
        Kind::ALL.iter().filter(|kind| kind.stands()).map(|kind| format!("'{}'", kind.as_str())).collect();
    let last: Option<i64> =
        db.query_row("SELECT max(id) FROM event WHERE at <= ?", [at.0], |row| row.get(0))?;
    let sql = format!(
        "SELECT {COLUMNS} FROM {JOINED} WHERE e.id IN (SELECT max(id) FROM event WHERE id <= ? GROUP BY subject)
            AND e.what != 2 AND s.kind IN ({}) ORDER BY e.id",
        standing.join(", ")
    );
    let found = rows(db, &sql, vec![last.unwrap_or(0).into()])?;
    Ok(Then { rows: found.into_iter().map(|(_, row)| row).collect(), unobserved })
}

/// When somebody looked.
pub(super) fn lives(db: &Connection) -> rusqlite::Result<Lives> {
    let kept = db.query_row("SELECT value FROM meta WHERE name = 'kept'", [], |row| row.get(0))?;
    let run = |row: &rusqlite::Row<'_>| {
        Ok(Run { since: row.get::<_, Option<i64>>(0)?.map(EpochS), until: EpochS(row.get(1)?) })
    };
    let gap = |row: &rusqlite::Row<'_>| {
        Ok(Gap {
            since: EpochS(row.get(0)?),
            until: EpochS(row.get(1)?),
            lost: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
            why: row.get(3)?,
        })
    };
    Ok(Lives {
        kept: Some(EpochS(kept)),
        runs: db
            .prepare_cached("SELECT ready, seen FROM run ORDER BY id")?
            .query_map([], run)?
            .collect::<Result<_, _>>()?,
        gaps: db
            .prepare_cached("SELECT since, until, lost, why FROM gap ORDER BY id")?
            .query_map([], gap)?
            .collect::<Result<_, _>>()?,
    })
}
