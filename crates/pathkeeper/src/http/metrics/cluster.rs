//! `/metrics/cluster`: the whole cluster as this node sees it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use pathkeeper_engine::cluster::NodeView;
use pathkeeper_model::State;
use pathkeeper_model::matrix::ByState;

use super::page::{Labels, Page};
use super::{Head, borrowed, with};
use crate::app::board::{NodesView, Snapshot};
use crate::app::cause_memory::{CAUSES_MAX, CauseSeries};
use crate::http::Context;

/// Writes the page; nothing before the first picture.
pub fn write(page: &mut Page, context: &Context) {
    let Some(snapshot) = context.board.snapshot() else { return };
    of_view(page, &snapshot);
    of_luns(page, &snapshot);
    let now = context.clock.now().mono;
    context.board.causes.take(snapshot.revision, &snapshot.beside.findings, now);
    of_findings(page, &snapshot, &context.board.causes.cleared(now));
    of_nodes(page, &context.board.nodes(), &snapshot);
}

fn of_view(page: &mut Page, snapshot: &Snapshot) {
    let health = match snapshot.beside.summary.health.as_str() {
        "HEALTH_OK" => 0,
        "HEALTH_WARN" => 1,
        "HEALTH_ERR" => 2,
        _ => 3,
    };
    page.gauge(
        "pathkeeper_health_status",
        "Health of the cluster: 0 ok, 1 warning, 2 error, 3 only a part is seen",
        [(Vec::new(), health)],
    );
    let partial = i64::from(snapshot.beside.view.partial);
    page.gauge(
        "pathkeeper_view_partial",
        "1 while this observer sees only a part of the cluster",
        [(Vec::new(), partial)],
    );
}

fn of_luns(page: &mut Page, snapshot: &Snapshot) {
    let info = snapshot.rows.iter().map(|row| {
        let head = Head::of(row);
        let labels =
            vec![("wwid", borrowed(&row.wwid)), ("alias", head.alias()), ("storage", head.storage())];
        (labels, 1)
    });
    page.gauge("pathkeeper_cluster_lun_info", "A LUN, its name, and what consumes it", info);
    let states = snapshot.rows.iter().flat_map(|row| {
        let labels: Labels<'_> = vec![("wwid", borrowed(&row.wwid))];
        let one = move |state: State| {
            let labels = with(&labels, [("state", borrowed(state.as_str()))]);
            (labels, i64::from(row.state == state))
        };
        State::ALL.map(one)
    });
    page.gauge(
        "pathkeeper_cluster_lun_state",
        "1 for the LUN's worst state on any node, 0 for the others",
        states,
    );
}

fn of_findings(page: &mut Page, snapshot: &Snapshot, cleared: &[CauseSeries]) {
    let findings = &snapshot.beside.findings;
    let standing: Vec<(CauseSeries, u32)> =
        findings.iter().filter_map(CauseSeries::of).take(CAUSES_MAX).collect();
    let ended = cleared.iter().map(|series| (series, 0));
    let all = standing.iter().map(|(series, luns)| (series, *luns)).chain(ended);
    let causes = all.map(|(series, luns)| {
        let labels = vec![
            ("cause", borrowed(&series.cause)),
            ("kind", borrowed(&series.kind)),
            ("object", borrowed(&series.object)),
            ("node", borrowed(&series.node)),
            ("severity", borrowed(&series.severity)),
            ("muted", muted(series.muted)),
        ];
        (labels, i64::from(luns))
    });
    page.gauge("pathkeeper_cause_luns", "LUNs that a cause touches; 0 for an hour after it cleared", causes);
    let since = findings.iter().filter_map(|finding| {
        let (series, _) = CauseSeries::of(finding)?;
        Some((vec![("cause", Cow::Owned(series.cause))], finding.since?))
    });
    page.gauge(
        "pathkeeper_cause_since_timestamp_seconds",
        "Since when a cause stands",
        since.take(CAUSES_MAX),
    );
    let mut counted: BTreeMap<(&str, &str, bool), i64> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.cause.is_none()) {
        let key = (finding.code.as_str(), finding.severity.as_str(), finding.muted.is_some());
        *counted.entry(key).or_default() += 1;
    }
    let counts = counted.into_iter().map(|((code, severity, is_muted), n)| {
        let labels =
            vec![("code", borrowed(code)), ("severity", borrowed(severity)), ("muted", muted(is_muted))];
        (labels, n)
    });
    page.gauge("pathkeeper_findings", "Findings that no listed cause explains", counts);
}

fn muted(muted: bool) -> Cow<'static, str> {
    Cow::Borrowed(if muted { "1" } else { "0" })
}

fn of_nodes(page: &mut Page, view: &NodesView, snapshot: &Snapshot) {
    type Node = (NodeView, ByState);
    let each = |pick: fn(&Node) -> Option<i64>| {
        view.nodes.iter().filter_map(move |node| {
            let labels: Labels<'_> = vec![("node", borrowed(node.0.name.as_str()))];
            Some((labels, pick(node)?))
        })
    };
    page.gauge(
        "pathkeeper_node_online",
        "1 if the store says that the node is online",
        each(|(node, _)| Some(i64::from(node.online == Some(true)))),
    );
    page.gauge(
        "pathkeeper_node_expected",
        "1 if the node should report: LUNs are or were there",
        each(|(node, cells)| Some(i64::from(cells.total() > 0 || node.report_time.is_some()))),
    );
    page.gauge(
        "pathkeeper_node_report_timestamp_seconds",
        "When the read behind the node's last report began, its own clock",
        each(|(node, _)| Some(node.report_time?.0)),
    );
    page.gauge(
        "pathkeeper_node_clock_skew_seconds",
        "The node's wall clock minus this observer's, at its last report",
        each(|(node, _)| node.skew_s),
    );
    let digests = view.nodes.iter().filter_map(|(node, _)| {
        let digest = node.about.as_ref()?.config_digest.as_deref()?;
        Some((vec![("node", borrowed(node.name.as_str())), ("digest", borrowed(digest))], 1))
    });
    page.gauge(
        "pathkeeper_config_in_force",
        "1 for the digest of multipathd's effective configuration",
        digests,
    );
    let failed = &snapshot.beside.nodes;
    let applied = view.nodes.iter().map(|(node, _)| {
        let labels: Labels<'_> = vec![("node", borrowed(node.name.as_str()))];
        (labels, i64::from(failed.contains_key(node.name.as_str())))
    });
    page.gauge(
        "pathkeeper_config_apply_failed",
        "1 while the node's last apply of the configuration failed",
        applied,
    );
}
