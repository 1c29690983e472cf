//! Turns of this node's ports, from losing usable paths to getting them back or the other way, in the history: so that what
//! flaps is known after a restart too.

use std::sync::Arc;

use pathkeeper_engine::agent::Turn;
use pathkeeper_io::history::{Filter, History, PAGE_MAX, Row};
use pathkeeper_model::history::{Kind, Subject, What};
use pathkeeper_model::{EpochS, NodeName};

/// What happened longer ago is no matter of flapping.
const LOOK_BACK_S: i64 = 1_860;
const BACK: &str = "usable paths over it came back";
const LOST: &str = "it lost usable paths";
const BETWEEN: &str = " -> ";

/// Turns as rows of the history.
pub fn rows(turned: Vec<Turn>, node: &NodeName, at: EpochS) -> Vec<Row> {
    let row = |turn: Turn| {
        let (hba, target) = &turn.port;
        let object = if target.is_empty() { hba.to_string() } else { format!("{hba}{BETWEEN}{target}") };
        Row {
            at,
            subject: Subject { object: Some(object.into()), ..Subject::node(Kind::Port, node) },
            code: None,
            what: What::Changed,
            text: if turn.back { BACK } else { LOST }.into(),
            body: None,
            shared: None,
        }
    };
    turned.into_iter().map(row).collect()
}

/// What this node's history knows of the half hour before this run. Where it cannot be asked nothing is known.
pub async fn remembered(history: &History, node: &NodeName, began: EpochS) -> Vec<(EpochS, Turn)> {
    let filter = Filter {
        node: Some(node.clone()),
        kinds: vec![Kind::Port],
        since: Some(EpochS(began.0.saturating_sub(LOOK_BACK_S))),
        until: Some(began),
        limit: PAGE_MAX,
        ..Filter::default()
    };
    match history.timeline(filter).await {
        Ok(page) => page.rows.iter().filter_map(|(_, row)| turn(row)).collect(),
        Err(e) => {
            tracing::warn!("it is not known which ports flapped before this start: {e}");
            Vec::new()
        }
    }
}

/// The turn that a row tells of; `None` for any other row.
fn turn(row: &Row) -> Option<(EpochS, Turn)> {
    let object = row.subject.object.as_deref().filter(|_| row.subject.kind == Kind::Port)?;
    let (hba, target) = object.split_once(BETWEEN).unwrap_or((object, ""));
    let back = match row.text.as_str() {
        BACK => true,
        LOST => false,
        _ => return None,
    };
    Some((row.at, Turn { port: (Arc::from(hba), Arc::from(target)), back }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_comes_back_as_it_was_written() {
        let node = NodeName::new("pve1").unwrap();
        for (hba, target, back) in
            [("host7", "21:00:00:00:00:00:00:01", true), ("host7", "", false), ("", "10.9.0.1:3260", false)]
        {
            let told = Turn { port: (hba.into(), target.into()), back };
            let rows = rows(vec![told.clone()], &node, EpochS(70));
            assert_eq!(rows.iter().filter_map(turn).collect::<Vec<_>>(), [(EpochS(70), told)]);
            let other = Row { text: "something else".into(), ..rows[0].clone() };
            assert_eq!(turn(&other), None);
            let other =
                Row { subject: Subject { kind: Kind::Node, ..rows[0].subject.clone() }, ..rows[0].clone() };
            assert_eq!(turn(&other), None);
        }
    }

    #[tokio::test]
    async fn the_half_hour_before_a_start_is_known() {
        use pathkeeper_model::history::Limits;
        let (dir, node) = (tempfile::tempdir().unwrap(), NodeName::new("pve1").unwrap());
        let turn = |back: bool| Turn { port: ("host7".into(), "t".into()), back };
        let open = |instance: u64, now: i64| {
            let instance = pathkeeper_model::Instance(instance);
            super::super::history::open(dir.path(), &node, instance, Limits::default(), EpochS(now)).unwrap()
        };
        let history = open(1, 10_000);
        for (back, at) in [(false, 10_000), (true, 12_000), (false, 12_500)] {
            history.record(rows(vec![turn(back)], &node, EpochS(at)), EpochS(at)).unwrap();
        }
        assert!(history.end(EpochS(12_600), std::time::Duration::from_secs(20)).await);
        let found = remembered(&open(2, 12_700), &node, EpochS(12_700)).await;
        assert_eq!(found, [(EpochS(12_000), turn(true)), (EpochS(12_500), turn(false))]);
    }
}
