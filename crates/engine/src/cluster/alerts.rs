//! What alerts are judged by, out of all that is known.

use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_model::alert::AlertKey;
use pathkeeper_model::finding::{Code, Finding, Scope, Severity};
use pathkeeper_model::problems::utc;
use pathkeeper_model::{NodeName, Now, State, Wwid};

use super::node::NodeRecord;
use super::{Cluster, findings};
use crate::alerts::{NodeSeen, Scene, holds};

impl Cluster {
    /// What alerts are judged by. `firing` is what was told and stands, with the nodes that it touched.
    pub fn alert_scene(&self, firing: &BTreeMap<AlertKey, Vec<String>>, now: Now) -> Scene<'_> {
        let (mut explained, mut unknown) = (BTreeMap::new(), BTreeSet::new());
        for (key, nodes) in firing {
            if let Some(cause) = self.wider_cause(key, nodes) {
                explained.insert(key.clone(), AlertKey::from(&cause.fingerprint()));
            }
            let wwid = key.wwid.as_deref().and_then(Wwid::new);
            let node = key.node.as_deref().and_then(NodeName::new);
            let (Some(wwid), Some(node)) = (wwid, node) else { continue };
            let row = self.matrix.row_of(&wwid);
            match row.and_then(|row| row.cells().find(|(of, _)| **of == node).map(|(_, cell)| cell.state)) {
                Some(State::Unknown) => drop(unknown.insert(key.clone())),
                Some(State::Optimal) | None => {}
                Some(_) => {
                    let causes = self
                        .judged
                        .causes
                        .cell(&node, &wwid)
                        .into_iter()
                        .flat_map(|cell| cell.into_owned().causes);
                    let cause = causes.filter_map(|at| self.judged.causes.list().get(at as usize)).next();
                    if let Some(cause) = cause {
                        explained.insert(key.clone(), AlertKey::from(&cause.fingerprint()));
                    }
                }
            }
        }
        let values =
            self.nodes.iter().filter_map(|(name, record)| Some((name.clone(), record.alerts.as_ref()?)));
        Scene {
            findings: self.findings(),
            explained,
            unknown,
            nodes: self.nodes_seen(now),
            listed: self.listed,
            doubted: self.doubt.is_some(),
            values: values.collect(),
        }
    }

    /// The listed cause that is of the same thing and wider: of an adapter's nodes by now the whole fabric.
    fn wider_cause(&self, key: &AlertKey, nodes: &[String]) -> Option<&Finding> {
        let wider = holds::wider(&key.code);
        self.findings().iter().filter(|finding| wider.contains(&finding.code)).find(|finding| {
            let of_same = |node: &NodeName| {
                key.node.as_deref() == Some(node.as_str()) || nodes.iter().any(|of| of == node.as_str())
            };
            finding.explains.as_ref().is_some_and(|explains| explains.nodes.iter().any(of_same))
        })
    }

    fn nodes_seen(&self, now: Now) -> BTreeMap<NodeName, NodeSeen> {
        let terms = self.terms(now);
        let seen = |(name, record): (&NodeName, &NodeRecord)| {
            let heard = findings::speaks(record, record.belief(terms, now));
            let settled = record.about.as_ref().is_none_or(|about| about.settling == 0);
            let unknown = self.matrix.node_tally(name).get(State::Unknown);
            let seen = NodeSeen {
                member: record.member.is_some(),
                online: record.member == Some(true),
                heard,
                sees_luns: heard && settled && unknown == 0 && !self.judged.swallowed.contains_key(name),
            };
            (name.clone(), seen)
        };
        self.nodes.iter().map(seen).collect()
    }
}

/// Sinks that do not take what the node sends.
pub(super) fn failing_sinks(name: &NodeName, record: &NodeRecord, found: &mut Vec<Finding>) {
    for failing in record.alerts.iter().flat_map(|alerts| &alerts.failing) {
        found.push(Finding {
            evidence: vec![failing.why.clone()],
            advice: vec![
                format!("On {name}: pathkeeper alerts; pathkeeper alerts test {}", failing.sink),
                "Until it takes them, look at pathkeeper status: what is wrong may not reach you.".into(),
            ],
            since: Some(failing.since),
            ..Finding::new(
                Code::AlertsFailing,
                Severity::Warning,
                Scope::of_node(name, &failing.sink),
                format!("{name} cannot send alerts to {} since {}", failing.sink, utc(failing.since)),
            )
        });
    }
}
