//! `pathkeeper lun ack-paths`, `retire`, `forget`: say what will be, ask, order it, say how to see that it was done.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::luns::{Lun, Luns, OrderBody, Ordered};
use pathkeeper_api::paths;
use serde::Serialize;

use super::super::text::{clean, count};
use super::super::{Failure, Globals, Output, confirmed, out, versioned};
use super::find::find;

/// Accept that paths are gone for good: fewer are expected from now on
///
/// After a controller, switch or adapter was removed on purpose, nodes still remember the paths that they had, and the LUN
/// stays degraded. This orders each node to remember only what is usable there now. A node without any usable path, or of
/// which nothing is known now, acknowledges nothing. Paths that come back are remembered again by themselves.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper lun ack-paths backup-01
  pathkeeper lun ack-paths backup-01 --node pve2
  pathkeeper lun ack-paths backup-01 --array        every LUN of the same array that is short of paths")]
pub struct AckPathsArgs {
    /// Alias, map name or WWID, or its beginning
    #[arg(value_name = "NAME")]
    name: String,
    /// On this node alone
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Also for every other LUN of the same array that has fewer paths than are remembered
    #[arg(long)]
    array: bool,
    #[command(flatten)]
    ask: Ask,
}

/// Take a LUN out of service: it is expected nowhere from now on, and missed by nobody
///
/// For a LUN that is to be unmapped on the array, or was. Refused while it is in use: open, with devices on it, an LVM
/// physical volume, or consumed by a storage. If a retired LUN is seen again, that is a finding; lun forget takes the
/// retirement back. Nothing is done to the node's map.
///
/// --guide only shows what is to be done before and after it, node by node in the safe order, and how far that is.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper lun retire backup-01 --guide --watch
  pathkeeper lun retire backup-01
  pathkeeper lun retire backup-01 --node pve4       it stays in service elsewhere")]
pub struct RetireArgs {
    /// Alias, map name or WWID, or its beginning
    #[arg(value_name = "NAME")]
    name: String,
    /// On this node alone
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Although it is in use: an outage of it will be shown nowhere
    #[arg(long)]
    force: bool,
    /// Order nothing: show every step of taking it out of service, with commands for each node, and how far each is
    #[arg(long, conflicts_with_all = ["node", "force"])]
    guide: bool,
    /// With --guide: stay, and print the steps again whenever one is further
    #[arg(long, requires = "guide")]
    watch: bool,
    #[command(flatten)]
    ask: Ask,
}

/// Erase what all nodes remember of a LUN, and learn it afresh where it is seen
///
/// For a LUN that was remembered by mistake, or retired and is wanted again. Where it has a map, it is remembered again
/// after ten minutes; where it has none, no ledger misses it any more.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper lun forget backup-01")]
pub struct ForgetArgs {
    /// Alias, map name or WWID, or its beginning
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Args, Debug)]
struct Ask {
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

/// One order, and what it will do, line by line.
#[derive(Debug, PartialEq)]
struct Plan {
    wwid: String,
    body: OrderBody,
}

/// Acknowledges paths.
pub async fn ack_paths(args: AckPathsArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let all = globals.client()?.luns().await?;
    let lun = find(&all, &args.name)?;
    known_node(&all, args.node.as_deref())?;
    let node = args.node.as_deref();
    let luns: Vec<&Lun> = if args.array { of_array(&all, lun)? } else { vec![lun] };
    let (mut plans, mut words) = (Vec::new(), String::new());
    for lun in luns {
        let (paths, told) = acknowledgeable(lun, &all, node);
        if args.array && paths.is_empty() && !std::ptr::eq(lun, find(&all, &args.name)?) {
            continue;
        }
        words.push_str(&format!("{}: accept that paths are gone\n{told}", name(lun)));
        if !paths.is_empty() {
            let body = OrderBody { node: args.node.clone(), paths, force: false };
            plans.push(Plan { wwid: lun.wwid.clone(), body });
        }
    }
    if plans.is_empty() {
        return Err(Failure::new(format!("there is nothing to acknowledge\n{}", words.trim_end())));
    }
    words.push_str(
        "Nobody will be warned of those paths again. Paths that come back are remembered by themselves.\n",
    );
    carry_out(paths::LUN_ACK_PATHS, &plans, &words, &args.ask, globals).await
}

/// Retires a LUN.
pub async fn retire(args: RetireArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let all = globals.client()?.luns().await?;
    let lun = find(&all, &args.name)?;
    if args.guide {
        return super::guide::run("retire", &lun.wwid, args.watch, globals).await;
    }
    known_node(&all, args.node.as_deref())?;
    let words = retire_words(lun, &all, args.node.as_deref(), args.force)?;
    let body = OrderBody { node: args.node.clone(), force: args.force, ..OrderBody::default() };
    let plans = [Plan { wwid: lun.wwid.clone(), body }];
    carry_out(paths::LUN_RETIRE, &plans, &words, &args.ask, globals).await
}

/// Forgets a LUN.
pub async fn forget(args: ForgetArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let all = globals.client()?.luns().await?;
    let lun = find(&all, &args.name)?;
    let words = forget_words(lun);
    let plans = [Plan { wwid: lun.wwid.clone(), body: OrderBody::default() }];
    carry_out(paths::LUN_FORGET, &plans, &words, &args.ask, globals).await
}

fn name(lun: &Lun) -> String {
    let label = lun.label();
    if label == lun.wwid { clean(label) } else { format!("{} ({})", clean(label), clean(&lun.wwid)) }
}

fn known_node(all: &Luns, node: Option<&str>) -> Result<(), Failure> {
    match node {
        Some(node) if !all.nodes.iter().any(|known| known.node == node) => {
            let known: Vec<&str> = all.nodes.iter().take(8).map(|known| known.node.as_str()).collect();
            Err(Failure::new(format!(
                "no node is named {}; there are {}",
                clean(node),
                clean(&known.join(" "))
            )))
        }
        _ => Ok(()),
    }
}

/// All LUNs of its array, itself first.
fn of_array<'a>(all: &'a Luns, lun: &'a Lun) -> Result<Vec<&'a Lun>, Failure> {
    if lun.array.is_empty() {
        return Err(Failure::new(format!(
            "of {} no target port is known, so its array is not: acknowledge LUN by LUN",
            name(lun)
        )));
    }
    let same = |other: &&Lun| other.wwid != lun.wwid && other.array.iter().any(|t| lun.array.contains(t));
    Ok(std::iter::once(lun).chain(all.luns.iter().filter(same)).collect())
}

/// What each node would acknowledge, and a line about each node that remembers the LUN.
fn acknowledgeable(lun: &Lun, all: &Luns, only: Option<&str>) -> (BTreeMap<String, u32>, String) {
    let (mut paths, mut words) = (BTreeMap::new(), String::new());
    for (node, on) in lun.nodes.iter().filter(|(node, _)| only.is_none_or(|only| only == node.as_str())) {
        let Some(ledger) = &on.ledger else { continue };
        let cell = lun.status.as_ref().and_then(|row| row.nodes.get(node));
        let current = all.nodes.iter().any(|known| known.node == *node && known.current);
        let usable = cell.and_then(|cell| cell.paths_active.flatten());
        let n = ledger.paths;
        let what = match (cell.map(|cell| cell.state.as_str()), usable) {
            _ if !current => "not known now, so nothing is acknowledged there".to_owned(),
            (Some("optimal" | "degraded"), Some(usable)) if usable > 0 && usable < n => {
                paths.insert(node.clone(), usable);
                format!("{usable} usable, {n} remembered: {usable} are expected from now on")
            }
            (Some("optimal" | "degraded"), Some(usable)) if usable > 0 => {
                format!("{usable} usable, {n} remembered: stays as it is")
            }
            (Some("failed"), _) | (_, Some(0)) => {
                "no usable path: nothing is acknowledged there; a LUN that is gone for good is retired"
                    .to_owned()
            }
            (Some("missing"), _) => {
                "no map: nothing is acknowledged there; a LUN that is gone for good is retired".to_owned()
            }
            _ => "not known now, so nothing is acknowledged there".to_owned(),
        };
        words.push_str(&format!("  {}: {what}\n", clean(node)));
    }
    if words.is_empty() {
        let of = only.map_or_else(|| "no node".to_owned(), |node| format!("{} does not", clean(node)));
        let verb = if only.is_some() { "remember" } else { "remembers" };
        words = format!("  {of} {verb} it\n");
    }
    (paths, words)
}

fn retire_words(lun: &Lun, all: &Luns, node: Option<&str>, force: bool) -> Result<String, Failure> {
    let of = node.map_or_else(String::new, |node| format!(" on {}", clean(node)));
    let in_use = crate::http::orders::in_use(lun, node);
    if !in_use.is_empty() && !force {
        let why: Vec<String> = in_use.iter().map(|why| format!("  {}", clean(why))).collect();
        return Err(Failure::new(format!(
            "{} is in use{of}, and was not retired. An outage of a retired LUN is shown nowhere.\n{}\n  \
             first take it out of use: guests, storage, volume group, then multipath -f on each node\n  \
             if all of that is known to be dead: --force",
            name(lun),
            why.join("\n")
        )));
    }
    let mut words = format!("{}: taken out of service{of}\n", name(lun));
    for why in in_use {
        words.push_str(&format!("  IN USE: {}\n", clean(why)));
    }
    let remember =
        lun.nodes.iter().filter(|(name, on)| on.ledger.is_some() && node.is_none_or(|n| n == name.as_str()));
    let remember: Vec<&str> = remember.map(|(name, _)| name.as_str()).collect();
    if !remember.is_empty() {
        words.push_str(&format!("  leaves the ledger of {}\n", clean(&remember.join(" "))));
    }
    let unknown = all.nodes.iter().filter(|known| !known.current && node.is_none_or(|n| n == known.node));
    for known in unknown {
        words.push_str(&format!("  {}: whether it uses the LUN now is not known\n", clean(&known.node)));
    }
    words.push_str(&format!(
        "No node is expected to carry it any more{of}, whatever storage names it. Its maps are left alone.\n\
         If it is seen again, that is a finding. To take this back: pathkeeper lun forget {}\n",
        clean(&lun.wwid)
    ));
    Ok(words)
}

fn forget_words(lun: &Lun) -> String {
    let mut words = format!("{}: all that is remembered of it is erased, on every node\n", name(lun));
    if !lun.retired.is_empty() {
        words.push_str(&format!("  it is no longer retired on {}\n", clean(&lun.retired.join(" "))));
    }
    let cells = lun.status.as_ref().map(|row| &row.nodes);
    for (node, _) in lun.nodes.iter().filter(|(_, on)| on.ledger.is_some()) {
        let state = cells.and_then(|cells| cells.get(node)).map(|cell| cell.state.as_str());
        let what = match state {
            Some("optimal" | "degraded" | "failed") => "has a map, and remembers it again after ten minutes",
            Some("missing") => "has no map, and no ledger misses it there any more",
            _ => "is not known now",
        };
        words.push_str(&format!("  {}: {what}\n", clean(node)));
    }
    words.push_str("What its section or a storage expects stays expected.\n");
    words
}

#[derive(Serialize)]
struct Answer {
    ordered: Vec<Ordered>,
}

/// Says what will be done, asks, and does it.
async fn carry_out(
    path: &str,
    plans: &[Plan],
    words: &str,
    ask: &Ask,
    globals: &Globals,
) -> Result<ExitCode, Failure> {
    let json = globals.output == Output::Json;
    if json {
        eprint!("{words}");
    } else {
        out::print(words)?;
    }
    if !ask.yes {
        confirm(plans.len())?;
    }
    let client = globals.client()?;
    let mut ordered = Vec::with_capacity(plans.len());
    for plan in plans {
        match client.order(path, &plan.wwid, &plan.body).await {
            Ok(taken) => ordered.push(taken),
            Err(e) => {
                let failure = Failure::from(e);
                let done = match ordered.len() {
                    0 => String::new(),
                    n => format!("\n  {} of {} were ordered before", n, count(plans.len() as u64, "LUN")),
                };
                return Err(Failure::new(format!("{}: {}{done}", clean(&plan.wwid), failure.message())));
            }
        }
    }
    if json {
        out::print(&versioned(&Answer { ordered }, true)?)?;
    } else {
        let which = plans.first().map_or("NAME", |plan| plan.wwid.as_str());
        out::print(&format!(
            "ordered. Each node obeys by itself, within seconds if it is up, else when it comes back.\n\
             who has: pathkeeper lun show {}\n",
            clean(which)
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks on the terminal.
fn confirm(orders: usize) -> Result<(), Failure> {
    let what =
        if orders == 1 { "this".to_owned() } else { format!("this for {}", count(orders as u64, "LUN")) };
    confirmed(&format!("order {what}?"), "nothing was ordered", "--yes orders without asking")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::cli::lun::fixtures::{lun, luns, with};

    fn data() -> Lun {
        let mut data = lun("3600a01", Some("data-01"));
        data = with(data, "pve1", "degraded", Some(2), Some(4));
        data = with(data, "pve2", "optimal", Some(4), Some(4));
        data = with(data, "pve3", "failed", Some(0), Some(4));
        data = with(data, "pve4", "missing", None, Some(4));
        with(data, "pve5", "unknown", None, Some(4))
    }

    fn all() -> Luns {
        let mut all = luns(vec![data()]);
        all.nodes = ["pve1", "pve2", "pve3", "pve4", "pve5"]
            .map(|name| pathkeeper_api::discover::AskedNode { node: name.into(), ..all.nodes[0].clone() })
            .into();
        all
    }

    #[test]
    fn only_what_was_seen_to_be_usable_is_acknowledged() {
        let all = all();
        let check = |only: Option<&str>, expect_paths: &[(&str, u32)], expect: Expect| {
            let (paths, words) = acknowledgeable(&all.luns[0], &all, only);
            let expect_paths: BTreeMap<String, u32> =
                expect_paths.iter().map(|(node, n)| ((*node).to_owned(), *n)).collect();
            assert_eq!(paths, expect_paths);
            expect.assert_eq(&format!("told\n{words}"));
        };
        check(
            None,
            &[("pve1", 2)],
            expect![[r#"
            told
              pve1: 2 usable, 4 remembered: 2 are expected from now on
              pve2: 4 usable, 4 remembered: stays as it is
              pve3: no usable path: nothing is acknowledged there; a LUN that is gone for good is retired
              pve4: no map: nothing is acknowledged there; a LUN that is gone for good is retired
              pve5: not known now, so nothing is acknowledged there
        "#]],
        );
        check(
            Some("pve2"),
            &[],
            expect![[r#"
            told
              pve2: 4 usable, 4 remembered: stays as it is
        "#]],
        );
        check(
            Some("pve9"),
            &[],
            expect![[r#"
            told
              pve9 does not remember it
        "#]],
        );
        let mut old = all.clone();
        old.nodes[0].current = false;
        assert_eq!(
            acknowledgeable(&old.luns[0], &old, None).0,
            BTreeMap::new(),
            "what is old proves nothing"
        );
    }

    #[test]
    fn luns_of_one_array_share_a_target_node() {
        let mut other = lun("3600a02", None);
        other.array = vec!["50:0b".into()];
        let mut both = lun("3600a03", None);
        both.array = vec!["50:0c".into(), "50:0a".into()];
        let all = luns(vec![data(), other, both, Lun { wwid: "w".into(), ..Lun::default() }]);
        let same: Vec<&str> = of_array(&all, &all.luns[0]).unwrap().iter().map(|l| l.wwid.as_str()).collect();
        assert_eq!(same, ["3600a01", "3600a03"]);
        assert!(of_array(&all, &all.luns[3]).unwrap_err().message().contains("no target port is known"));
    }

    #[test]
    fn what_is_in_use_is_not_retired_by_mistake() {
        let mut all = all();
        all.nodes[4].current = false;
        let lun = &mut all.luns[0];
        lun.in_use = vec!["pve1: open once".into(), "pve2: it is an LVM PV of VG prod".into()];
        let lun = &all.luns[0];
        let check = |node: Option<&str>, force: bool, expect: Expect| {
            let words = retire_words(lun, &all, node, force);
            expect.assert_eq(&words.unwrap_or_else(|e| e.message().to_owned()));
        };
        check(
            None,
            false,
            expect![[r#"
            data-01 (3600a01) is in use, and was not retired. An outage of a retired LUN is shown nowhere.
              pve1: open once
              pve2: it is an LVM PV of VG prod
              first take it out of use: guests, storage, volume group, then multipath -f on each node
              if all of that is known to be dead: --force"#]],
        );
        check(
            None,
            true,
            expect![[r#"
            data-01 (3600a01): taken out of service
              IN USE: pve1: open once
              IN USE: pve2: it is an LVM PV of VG prod
              leaves the ledger of pve1 pve2 pve3 pve4 pve5
              pve5: whether it uses the LUN now is not known
            No node is expected to carry it any more, whatever storage names it. Its maps are left alone.
            If it is seen again, that is a finding. To take this back: pathkeeper lun forget 3600a01
        "#]],
        );
        check(
            Some("pve3"),
            false,
            expect![[r#"
            data-01 (3600a01): taken out of service on pve3
              leaves the ledger of pve3
            No node is expected to carry it any more on pve3, whatever storage names it. Its maps are left alone.
            If it is seen again, that is a finding. To take this back: pathkeeper lun forget 3600a01
        "#]],
        );
        let used = Lun {
            in_use: vec!["the cluster's configuration says that it is used by prod".into()],
            ..lun.clone()
        };
        assert!(
            retire_words(&used, &all, Some("pve3"), false).is_err(),
            "it should carry it for the storage"
        );
        assert!(retire_words(&used, &all, Some("pve9"), false).is_ok(), "it should not");
    }

    #[test]
    fn forgetting_says_what_comes_back() {
        let mut lun = data();
        lun.retired = vec!["pve4".into()];
        expect![[r#"
            data-01 (3600a01): all that is remembered of it is erased, on every node
              it is no longer retired on pve4
              pve1: has a map, and remembers it again after ten minutes
              pve2: has a map, and remembers it again after ten minutes
              pve3: has a map, and remembers it again after ten minutes
              pve4: has no map, and no ledger misses it there any more
              pve5: is not known now
            What its section or a storage expects stays expected.
        "#]]
        .assert_eq(&forget_words(&lun));
    }

    #[test]
    fn a_node_that_nobody_knows_is_refused() {
        let all = all();
        assert!(known_node(&all, None).is_ok() && known_node(&all, Some("pve1")).is_ok());
        let words = known_node(&all, Some("pve9")).unwrap_err();
        assert!(
            words.message().contains("no node is named pve9; there are pve1 pve2"),
            "{}",
            words.message()
        );
    }
}
