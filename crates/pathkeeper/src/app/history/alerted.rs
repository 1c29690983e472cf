//! What people outside were told, in the history: each word about an alert, by whichever node.

use std::sync::Arc;

use pathkeeper_io::history::{History, Row};
use pathkeeper_model::alert::AlertState;
use pathkeeper_model::history::{Kind, Subject, What};
use pathkeeper_model::{NodeName, Wwid};
use tokio::sync::broadcast::error::RecvError;

use crate::app::alerts::AlertEvent;
use crate::app::board::Board;

/// Follows what is said until the board is gone.
pub async fn run(board: Arc<Board>, history: History) {
    let mut said = board.alerts.events();
    loop {
        match said.recv().await {
            Ok(event) => {
                // A full queue is a gap that the recorder tells of.
                let _ = history.record(vec![row(&event)], event.at);
            }
            Err(RecvError::Lagged(left_out)) => {
                tracing::warn!("{left_out} words about alerts are missing in the history");
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn row(event: &AlertEvent) -> Row {
    let AlertEvent { at, entry, by } = event;
    let key = &entry.key;
    let what = match entry.state {
        AlertState::Firing if entry.turn <= 1 => What::Appeared,
        AlertState::Firing => What::Changed,
        AlertState::Resolved => What::Cleared,
    };
    let delivered = if entry.delivered { "" } else { ", not taken by any sink yet" };
    let partial = if entry.partial { ", without seeing the whole cluster" } else { "" };
    let summary = if entry.summary.is_empty() { String::new() } else { format!(": {}", entry.summary) };
    Row {
        at: *at,
        subject: Subject {
            kind: Kind::Alert,
            wwid: key.wwid.as_deref().and_then(Wwid::new),
            node: key.node.as_deref().and_then(NodeName::new),
            object: Some(Arc::from(key.to_string())),
        },
        code: Some(Arc::from(key.code.as_str())),
        what,
        text: format!("{} said by {by}{delivered}{partial}: {key}{summary}", entry.state.as_str()),
        body: None,
        shared: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathkeeper_model::EpochS;
    use pathkeeper_model::alert::{AlertEntry, AlertKey};
    use pathkeeper_model::finding::Severity;

    #[test]
    fn each_word_is_one_row() {
        let entry = |state, turn, delivered, partial| AlertEntry {
            key: AlertKey {
                code: "HBA_DOWN".into(),
                node: Some("pve2".into()),
                object: Some("host7".into()),
                ..AlertKey::default()
            },
            turn,
            state,
            severity: Severity::Warning,
            since: EpochS(90),
            at: EpochS(100),
            delivered,
            partial,
            luns: 12,
            nodes: vec!["pve2".into()],
            summary: "pve2/host7: link down".into(),
        };
        for (entry, what, text) in [
            (
                entry(AlertState::Firing, 1, true, false),
                What::Appeared,
                "firing said by pve1: HBA_DOWN pve2/host7: pve2/host7: link down",
            ),
            (
                entry(AlertState::Firing, 2, false, true),
                What::Changed,
                "firing said by pve1, not taken by any sink yet, without seeing the whole cluster: HBA_DOWN pve2/host7: \
                 pve2/host7: link down",
            ),
            (
                entry(AlertState::Resolved, 3, true, false),
                What::Cleared,
                "resolved said by pve1: HBA_DOWN pve2/host7: pve2/host7: link down",
            ),
        ] {
            let event = AlertEvent { at: EpochS(101), entry, by: NodeName::new("pve1").unwrap() };
            let row = row(&event);
            assert_eq!((row.what, row.text.as_str()), (what, text));
            assert_eq!((row.code.as_deref(), row.at), (Some("HBA_DOWN"), EpochS(101)));
            assert_eq!(row.subject.node.as_ref().map(NodeName::as_str), Some("pve2"));
        }
    }
}
