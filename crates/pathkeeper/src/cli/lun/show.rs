//! `pathkeeper lun show`: all that is known of one LUN.

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::luns::{Lun, Luns, Order};
use serde::Serialize;

use super::super::text::{Field, Tone, View, bytes, clean, field, span, table, tone_of};
use super::super::{Failure, Globals, Output, out, versioned};
use super::find::find;
use super::list::{doubts, expected_by, state};

/// Show one LUN: why it is expected, what each node has of it and remembers, what people ordered
///
/// NAME is the alias, the map's name here, or the WWID, or the beginning of one of these if no other LUN's begins so.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper lun show backup-01
  pathkeeper lun show 3600a098038304479363f4c4870455a7c
  pathkeeper lun show backup-01 -o json")]
pub struct ShowArgs {
    /// Alias, map name or WWID, or its beginning
    #[arg(value_name = "NAME")]
    name: String,
}

/// Asks the agent.
pub async fn run(args: ShowArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let all = client.luns().await?;
    let wwid = &find(&all, &args.name)?.wwid;
    let found = client.lun(wwid).await?;
    let lun = find(&found, wwid)?;
    if globals.output == Output::Json {
        #[derive(Serialize)]
        struct Answer<'a> {
            made: i64,
            lun: &'a Lun,
            problems: &'a [String],
        }
        let answer = Answer { made: found.made, lun, problems: &found.problems };
        out::print(&versioned(&answer, true)?)?;
    } else {
        out::print(&render(lun, &found, globals.output == Output::Wide, &globals.view()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn render(lun: &Lun, of: &Luns, wide: bool, view: &View) -> String {
    let mut out = String::new();
    let (tone, state) = state(lun, view);
    out.push_str(&format!(
        "{}   {}\n",
        view.paint(Tone::Strong, &clean(lun.label())),
        view.paint(tone, &state)
    ));
    let mut facts = vec![clean(&lun.wwid)];
    let row = lun.status.as_ref();
    facts.extend(row.and_then(|row| row.size).map(bytes));
    if !lun.array.is_empty() {
        facts.push(format!("array {}", clean(&lun.array.join(" "))));
    }
    out.push_str(&(facts.join("   ") + "\n"));
    let used_by = row.and_then(|row| row.used_by.as_deref()).unwrap_or("nothing that is known");
    out.push_str(&format!("used by      {}\n", clean(used_by)));
    out.push_str(&format!("expected by  {}\n", clean(&expected_by(lun))));
    if !lun.retired.is_empty() {
        let nodes = clean(&lun.retired.join(" "));
        out.push_str(
            &view.paint(Tone::Doubt, &format!("retired      on {nodes}: expected there by nobody\n")),
        );
    }
    for why in &lun.in_use {
        out.push_str(&format!("in use       {}\n", clean(why)));
    }
    out.push('\n');
    out.push_str(&nodes(lun, view));
    if wide {
        out.push_str(&ports(lun, view));
    }
    if !lun.orders.is_empty() {
        out.push_str("\nordered in the last 90 days:\n");
        for order in &lun.orders {
            out.push_str(&format!("  {}\n", clean(&order_words(order, view))));
        }
    }
    out + &doubts(of, view)
}

/// A line for each node that has it, should, or did.
fn nodes(lun: &Lun, view: &View) -> String {
    let titles = ["NODE", "STATE", "USABLE", "REMEMBERED", "SINCE", "SEEN", "SIZE", "VG"];
    let mut rows: Vec<Vec<Field>> = vec![titles.map(|title| field(Tone::Strong, title)).into()];
    let cells = lun.status.as_ref().map(|row| &row.nodes);
    let mut names: Vec<&String> = lun.nodes.keys().chain(cells.into_iter().flat_map(|c| c.keys())).collect();
    names.sort();
    names.dedup();
    for name in names {
        let cell = cells.and_then(|cells| cells.get(name));
        let on = lun.nodes.get(name);
        let ledger = on.and_then(|on| on.ledger.as_ref());
        let text = |text: Option<String>| field(Tone::Plain, text.unwrap_or_else(|| "-".into()));
        let word = cell.map_or("not expected", |cell| cell.state.as_str());
        let (tone, mark) =
            cell.map_or((Tone::Faint, ""), |cell| (tone_of(&cell.state), view.mark(&cell.state)));
        rows.push(vec![
            field(Tone::Plain, name),
            field(tone, format!("{mark} {word}").trim()),
            text(cell.and_then(|cell| cell.paths_active.flatten()).map(|n| n.to_string())),
            text(ledger.map(|ledger| ledger.paths.to_string())),
            text(ledger.map(|ledger| view.moment(ledger.since))),
            text(ledger.map(|ledger| format!("{} ago", span(view.now.saturating_sub(ledger.seen))))),
            text(on.and_then(|on| on.size).map(bytes)),
            text(ledger.and_then(|ledger| ledger.vg.clone())),
        ]);
    }
    if rows.len() == 1 { "no node has it, should, or remembers it\n".into() } else { table(view, &rows) }
}

/// The paths that are remembered, by adapter and target port.
fn ports(lun: &Lun, view: &View) -> String {
    let mut rows = Vec::new();
    for (node, on) in &lun.nodes {
        for port in on.ledger.iter().flat_map(|ledger| &ledger.ports) {
            let known = |text: &str| if text.is_empty() { "?".to_owned() } else { text.to_owned() };
            let route = format!("{} -> {}", known(&port.adapter), known(&port.target));
            let texts = [format!("  {node}"), route, port.paths.to_string()];
            rows.push(texts.map(|text| field(Tone::Plain, text)).into());
        }
    }
    if rows.is_empty() { String::new() } else { "\npaths remembered:\n".to_owned() + &table(view, &rows) }
}

/// `12:30 retire by root@pam, on every node: obeyed by pve1; not yet by pve2`.
pub fn order_words(order: &Order, view: &View) -> String {
    let on = order.node.as_ref().map_or_else(|| "every node".to_owned(), |node| format!("{node} alone"));
    let paths = order.paths.iter().map(|(node, n)| format!("{node} {n}")).collect::<Vec<_>>().join(", ");
    let paths = if paths.is_empty() { String::new() } else { format!(" ({paths})") };
    let list = |nodes: &[String], words: &str| {
        if nodes.is_empty() { String::new() } else { format!("{words} {}", nodes.join(" ")) }
    };
    let done = [list(&order.obeyed, "obeyed by"), list(&order.waiting, "not yet by")];
    let done: Vec<&str> = done.iter().map(String::as_str).filter(|words| !words.is_empty()).collect();
    let done = if done.is_empty() { "no node is known".to_owned() } else { done.join("; ") };
    format!("{} {}{paths} by {}, on {on}: {done}", view.moment(order.time), order.kind, order.by)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::cli::fixtures::view;
    use crate::cli::lun::fixtures::{lun, luns, order, with};

    fn check(lun: Lun, wide: bool, expect: Expect) {
        let all = luns(vec![lun]);
        expect.assert_eq(&render(&all.luns[0], &all, wide, &view()));
    }

    #[test]
    fn a_lun_is_shown_with_who_has_it_and_who_remembers_it() {
        let mut data = lun("3600a098038304479363f4c4870455a01", Some("data-01"));
        data = with(data, "pve1", "optimal", Some(2), Some(2));
        data = with(data, "pve2", "missing", None, Some(2));
        data.nodes.insert("pve3".into(), data.nodes["pve1"].clone());
        let row = data.status.as_mut().unwrap();
        (row.cluster_state, row.expected_by) =
            ("missing".into(), Some("ledger since 2026-10-12T03:00:00Z".into()));
        data.in_use = vec!["pve1: open once, 1 device stands on it: dm-7".into()];
        data.orders = vec![order("ack-paths", None), order("retire", Some("pve3"))];
        data.orders[0].paths = [("pve1".to_owned(), 2)].into();
        data.retired = vec!["pve3".into()];
        check(
            data.clone(),
            false,
            expect![[r#"
            data-01   - missing
            3600a098038304479363f4c4870455a01   1.0 TiB   array 50:0a
            used by      nothing that is known
            expected by  ledger since 2026-10-12T03:00:00Z
            retired      on pve3: expected there by nobody
            in use       pve1: open once, 1 device stands on it: dm-7

            NODE  STATE         USABLE  REMEMBERED  SINCE   SEEN    SIZE     VG
            pve1  optimal       2       2           24 May  1h ago  1.0 TiB  prod
            pve2  - missing     -       2           24 May  1h ago  -        prod
            pve3  not expected  -       2           24 May  1h ago  1.0 TiB  prod

            ordered in the last 90 days:
              03:02 ack-paths (pve1 2) by root@pam, on every node: obeyed by pve1; not yet by pve2
              03:02 retire by root@pam, on pve3 alone: obeyed by pve1; not yet by pve2
        "#]],
        );
        check(
            data,
            true,
            expect![[r#"
            data-01   - missing
            3600a098038304479363f4c4870455a01   1.0 TiB   array 50:0a
            used by      nothing that is known
            expected by  ledger since 2026-10-12T03:00:00Z
            retired      on pve3: expected there by nobody
            in use       pve1: open once, 1 device stands on it: dm-7

            NODE  STATE         USABLE  REMEMBERED  SINCE   SEEN    SIZE     VG
            pve1  optimal       2       2           24 May  1h ago  1.0 TiB  prod
            pve2  - missing     -       2           24 May  1h ago  -        prod
            pve3  not expected  -       2           24 May  1h ago  1.0 TiB  prod

            paths remembered:
              pve1  21:00:00:24:ff:4a:11:00 -> 50:0a:09:81:86:77:a5:00  1
              pve1  21:00:00:24:ff:4a:11:01 -> 50:0a:09:81:86:77:a5:00  1
              pve2  21:00:00:24:ff:4a:11:00 -> 50:0a:09:81:86:77:a5:00  1
              pve2  21:00:00:24:ff:4a:11:01 -> 50:0a:09:81:86:77:a5:00  1
              pve3  21:00:00:24:ff:4a:11:00 -> 50:0a:09:81:86:77:a5:00  1
              pve3  21:00:00:24:ff:4a:11:01 -> 50:0a:09:81:86:77:a5:00  1

            ordered in the last 90 days:
              03:02 ack-paths (pve1 2) by root@pam, on every node: obeyed by pve1; not yet by pve2
              03:02 retire by root@pam, on pve3 alone: obeyed by pve1; not yet by pve2
        "#]],
        );
        let gone = Lun { wwid: "w".into(), ..Lun::default() };
        check(
            gone,
            false,
            expect![[r#"
            w   not in the status
            w
            used by      nothing that is known
            expected by  -

            no node has it, should, or remembers it
        "#]],
        );
    }
}
