//! `pathkeeper lun list`: all LUNs, why each is expected, and what is remembered.

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::luns::{Lun, Luns};

use super::super::text::{Field, Tone, View, clean, count, field, table, tone_of};
use super::super::{Failure, Globals, Output, out, versioned};

/// Nodes are named up to so many; beyond that those that say the same are counted.
const NODES_MAX: usize = 4;

/// List all LUNs: state, who uses each, why it is expected, and the paths that nodes remember
///
/// All that the status, a node's ledger or an order names, so retired LUNs too. The ledger is what a node has carried: its
/// last column has, for each node, the most usable paths that it held together.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper lun list
  pathkeeper lun list -o wide
  pathkeeper lun list -o json")]
pub struct ListArgs {}

/// Asks the agent.
pub async fn run(_: ListArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let luns = globals.client()?.luns().await?;
    if globals.output == Output::Json {
        out::print(&versioned(&luns, true)?)?;
    } else {
        out::print(&render(&luns, globals.output == Output::Wide, &globals.view()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn render(luns: &Luns, wide: bool, view: &View) -> String {
    let mut out = String::new();
    if luns.luns.is_empty() {
        out.push_str(
            "no LUN is known: nobody reports one, remembers one, or was ordered anything about one\n",
        );
    } else {
        let titles = ["LUN", "STATE", "USED BY", "EXPECTED BY", "PATHS REMEMBERED", "WWID"];
        let mut rows: Vec<Vec<Field>> = vec![titles.map(|title| field(Tone::Strong, title)).into()];
        rows.extend(luns.luns.iter().map(|lun| row(lun, wide, view)));
        out.push_str(&table(view, &rows));
    }
    out + &doubts(luns, view)
}

/// Who could not be asked, and what could not be read.
pub fn doubts(luns: &Luns, view: &View) -> String {
    let mut out = String::new();
    for node in luns.nodes.iter().filter(|node| !node.current) {
        let why = node.why.as_deref().unwrap_or("no reason is known");
        let so =
            if node.detail == "none" { "nothing of it is known" } else { "as it was when it last spoke" };
        out.push_str(&view.paint(Tone::Doubt, &format!("{}: {so}: {}", clean(&node.node), clean(why))));
        out.push('\n');
    }
    for problem in &luns.problems {
        out.push_str(&(view.paint(Tone::Doubt, &clean(problem)) + "\n"));
    }
    out
}

fn row(lun: &Lun, wide: bool, view: &View) -> Vec<Field> {
    let label = lun.label();
    let name = if label == lun.wwid && !wide { view.short_wwid(label) } else { label.to_owned() };
    let status = lun.status.as_ref();
    let (tone, state) = state(lun, view);
    vec![
        field(Tone::Plain, name),
        field(tone, state),
        field(Tone::Plain, status.and_then(|row| row.used_by.as_deref()).unwrap_or("-")),
        field(Tone::Plain, expected_by(lun)),
        field(Tone::Plain, remembered(lun, wide)),
        field(Tone::Plain, &lun.wwid),
    ]
}

/// Its state in the cluster, or that it has none.
pub fn state(lun: &Lun, view: &View) -> (Tone, String) {
    match &lun.status {
        Some(row) => {
            let mark = view.mark(&row.cluster_state);
            (tone_of(&row.cluster_state), format!("{mark} {}", row.cluster_state).trim().to_owned())
        }
        None if lun.retired.is_empty() => (Tone::Faint, "not in the status".into()),
        None => (Tone::Faint, "retired".into()),
    }
}

/// Why nodes should carry it.
pub fn expected_by(lun: &Lun) -> String {
    lun.status.as_ref().and_then(|row| row.expected_by.clone()).unwrap_or_else(|| "-".into())
}

/// `pve1 4, pve2 2`, or `4 on 12 nodes, 2 on pve7`.
fn remembered(lun: &Lun, wide: bool) -> String {
    let known: Vec<(&str, u32)> =
        lun.nodes.iter().filter_map(|(node, on)| Some((node.as_str(), on.ledger.as_ref()?.paths))).collect();
    if known.is_empty() {
        return "-".into();
    }
    if wide || known.len() <= NODES_MAX {
        return known.iter().map(|(node, n)| format!("{node} {n}")).collect::<Vec<_>>().join(", ");
    }
    let mut by_number: Vec<(u32, Vec<&str>)> = Vec::new();
    for (node, n) in known {
        match by_number.iter_mut().find(|(number, _)| *number == n) {
            Some((_, nodes)) => nodes.push(node),
            None => by_number.push((n, vec![node])),
        }
    }
    by_number.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    let words = by_number.iter().map(|(number, nodes)| match nodes[..] {
        [node] => format!("{number} on {node}"),
        _ => format!("{number} on {}", count(nodes.len() as u64, "node")),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::cli::fixtures::view;
    use crate::cli::lun::fixtures::{lun, luns, with};

    fn check(luns: &Luns, wide: bool, expect: Expect) {
        expect.assert_eq(&render(luns, wide, &view()));
    }

    #[test]
    fn every_lun_says_who_wants_it_and_what_is_remembered() {
        let mut data = lun("3600a098038304479363f4c4870455a01", Some("data-01"));
        data = with(data, "pve1", "optimal", Some(4), Some(4));
        data = with(data, "pve2", "degraded", Some(2), Some(4));
        let row = data.status.as_mut().unwrap();
        (row.cluster_state, row.used_by) = ("degraded".into(), Some("prod".into()));
        row.expected_by = Some("storage:prod".into());
        let mut plain = lun("3600a098038304479363f4c4870455a02", None);
        for n in 1..=6 {
            plain = with(plain, &format!("pve{n}"), "optimal", Some(4), Some(if n == 3 { 2 } else { 4 }));
        }
        let mut retired = lun("3600a098038304479363f4c4870455a03", None);
        (retired.status, retired.retired) = (None, vec!["pve1".into()]);
        let mut all = luns(vec![data, plain, retired]);
        check(
            &all,
            false,
            expect![[r#"
            LUN             STATE       USED BY  EXPECTED BY   PATHS REMEMBERED         WWID
            data-01         ! degraded  prod     storage:prod  pve1 4, pve2 4           3600a098038304479363f4c4870455a01
            3600..70455a02  optimal     -        -             4 on 5 nodes, 2 on pve3  3600a098038304479363f4c4870455a02
            3600..70455a03  retired     -        -             -                        3600a098038304479363f4c4870455a03
        "#]],
        );
        check(
            &all,
            true,
            expect![[r#"
            LUN                                STATE       USED BY  EXPECTED BY   PATHS REMEMBERED                                WWID
            data-01                            ! degraded  prod     storage:prod  pve1 4, pve2 4                                  3600a098038304479363f4c4870455a01
            3600a098038304479363f4c4870455a02  optimal     -        -             pve1 4, pve2 4, pve3 2, pve4 4, pve5 4, pve6 4  3600a098038304479363f4c4870455a02
            3600a098038304479363f4c4870455a03  retired     -        -             -                                               3600a098038304479363f4c4870455a03
        "#]],
        );
        all.nodes[1].current = false;
        all.nodes[1].why = Some("nothing new for 190 s, the limit is 180 s".into());
        all.problems = vec!["pathkeeper/ledger could not be read".into()];
        all.luns.clear();
        check(
            &all,
            false,
            expect![[r#"
            no LUN is known: nobody reports one, remembers one, or was ordered anything about one
            pve2: as it was when it last spoke: nothing new for 190 s, the limit is 180 s
            pathkeeper/ledger could not be read
        "#]],
        );
    }
}
