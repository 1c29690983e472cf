//! `pathkeeper lun discover`: LUNs that nodes see and nobody watches.

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::discover::{AskedNode, Discovered, LooseDevice, SeenLun};

use super::super::text::{Field, Tone, View, bytes, clean, count, field, padded, span, table};
use super::super::{EXIT_UNKNOWN, Failure, Globals, Output, out, versioned};

/// More nodes than this are not listed one by one in a row.
const COLUMNS_MAX: usize = 5;
/// More target nodes of an array than this are counted.
const TARGETS_MAX: usize = 2;

/// List LUNs that nodes see and nobody watches
///
/// From what the nodes published of devices that no map took: no disk is read for it, on no node. A LUN that one node
/// sees and others do not is told with what those do see of its array. What is said to be on a LUN comes from udev's
/// database; where nothing is said, that proves nothing.
///
/// PATHS has a number for each node, in the order of the heading: - is no device, ? is not known.
/// Exit status: 0, or 3 if not every node could be asked.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper lun discover
  pathkeeper lun discover --how
  pathkeeper lun discover -o json")]
pub struct DiscoverArgs {
    /// Only print how nodes come to see a new LUN: the commands to rescan, by transport, for a person to run
    #[arg(long)]
    how: bool,
}

/// Asks the agent what nodes see.
pub async fn run(args: DiscoverArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    if args.how {
        out::print(include_str!("how.txt"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let found = globals.client()?.discover().await?;
    if globals.output == Output::Json {
        out::print(&versioned(&found, true)?)?;
    } else {
        out::print(&render(&found, globals.output == Output::Wide, &globals.view()))?;
    }
    let whole = found.nodes.iter().all(|node| node.current) && found.left_out == 0;
    Ok(ExitCode::from(if whole { 0 } else { EXIT_UNKNOWN }))
}

/// The list.
fn render(found: &Discovered, wide: bool, view: &View) -> String {
    let answered = found.nodes.iter().filter(|node| node.current).count();
    let n = found.luns.len() as u64;
    let verdict = match n {
        0 => "no LUN is seen and not watched".to_owned(),
        1 => "1 LUN is seen and not watched".to_owned(),
        n => format!("{} are seen and not watched", count(n, "LUN")),
    };
    let mut out = format!(
        "{}   {answered} of {} nodes known now, {}\n",
        view.paint(Tone::Strong, &verdict),
        found.nodes.len(),
        view.clock(found.made)
    );
    for node in found.nodes.iter().filter(|node| !node.current) {
        out.push_str(&view.paint(Tone::Doubt, &not_current(node)));
        out.push('\n');
    }
    out.push_str(&luns(&found.luns, &found.nodes, wide, view));
    if !found.partly.is_empty() {
        let n = found.partly.len() as u64;
        let words =
            format!("\n{} known, and without a map on nodes that see devices of it:\n", count(n, "LUN"));
        out.push_str(&view.paint(Tone::Strong, &words));
        out.push_str(&luns(&found.partly, &found.nodes, wide, view));
    }
    out.push_str(&devices("without a WWID, so nobody can tell which LUN", &found.nameless, true, view));
    out.push_str(&devices("more, nodes' own disks as it looks", &found.local, wide, view));
    if found.left_out > 0 {
        let words = format!("{} more things found no room in this answer", found.left_out);
        out.push_str(&(view.paint(Tone::Doubt, &words) + "\n"));
    }
    out.push_str("LUN missing here? Nodes see a new one only after a rescan:  lun discover --how\n");
    out
}

fn not_current(node: &AskedNode) -> String {
    let age = match (node.detail.as_str(), node.age_s) {
        ("none", _) => "nothing of it is known".to_owned(),
        (_, Some(s)) => format!("as of {} ago", span(i64::try_from(s).unwrap_or(i64::MAX))),
        (_, None) => "as of an unknown time".to_owned(),
    };
    let why = node.why.as_deref().map_or_else(String::new, |why| format!(": {}", clean(why)));
    format!("{}: {age}{why}", clean(&node.node))
}

fn luns(luns: &[SeenLun], nodes: &[AskedNode], wide: bool, view: &View) -> String {
    if luns.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = nodes.iter().map(|node| node.node.as_str()).collect();
    let by_node = if names.len() > COLUMNS_MAX {
        "PATHS".to_owned()
    } else {
        "PATHS ON ".to_owned() + &names.join(" ")
    };
    let titles = ["WWID", "SIZE", "LUN", "NODES", by_node.as_str()];
    let mut rows: Vec<Vec<Field>> = vec![titles.map(|title| field(Tone::Strong, title)).into()];
    for lun in luns {
        let on = match lun.nodes.keys().next() {
            Some(only) if lun.nodes.len() == 1 && lun.carried.is_empty() && nodes.len() > 1 => {
                format!("{only} only")
            }
            _ => format!("{} of {}", lun.nodes.len(), nodes.len()),
        };
        rows.push(vec![
            field(Tone::Plain, &lun.wwid),
            field(Tone::Plain, lun.size.map_or_else(|| "?".into(), bytes)),
            field(Tone::Plain, lun.lun.map_or_else(|| "?".into(), |n| n.to_string())),
            field(Tone::Plain, on),
            field(Tone::Plain, paths(lun, nodes)),
        ]);
    }
    let mut lines = padded(view, &rows).into_iter();
    let mut out = lines.next().map_or_else(String::new, |line| line.trim_end().to_owned() + "\n");
    for (lun, line) in luns.iter().zip(lines) {
        out.push_str(line.trim_end());
        out.push('\n');
        let what = what(lun, wide);
        if !what.is_empty() {
            out.push_str(&format!("   {what}\n"));
        }
        if !lun.carried.is_empty() {
            out.push_str(&format!("   has a map on {}\n", clean(&lun.carried.join(" "))));
        }
        for note in &lun.notes {
            let (tone, mark) = if note.warning { (Tone::Bad, "! ") } else { (Tone::Plain, "") };
            out.push_str(&format!("   {}\n", view.paint(tone, &format!("{mark}{}", clean(&note.text)))));
        }
    }
    out
}

/// A number for each node; with many nodes only what they have in common.
fn paths(lun: &SeenLun, nodes: &[AskedNode]) -> String {
    if nodes.len() > COLUMNS_MAX {
        let counts = || lun.nodes.values().map(|on| on.paths);
        let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
        return if least == most { format!("{most} each") } else { format!("{least} to {most}") };
    }
    let one = |node: &AskedNode| match lun.nodes.get(&node.node) {
        Some(on) => on.paths.to_string(),
        None if lun.carried.contains(&node.node) => "map".into(),
        None if node.current => "-".into(),
        None => "?".into(),
    };
    nodes.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// `NETAPP LUN C-Mode, array 50:0a:09:80:86:77:a5:00`.
fn what(lun: &SeenLun, wide: bool) -> String {
    let mut parts: Vec<String> = lun.product.iter().map(|product| clean(product)).collect();
    if !lun.array.is_empty() {
        let shown = if wide { lun.array.len() } else { TARGETS_MAX.min(lun.array.len()) };
        let names = lun.array.iter().take(shown).map(|name| clean(name)).collect::<Vec<_>>().join(" ");
        let more = match lun.array.len() - shown {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        parts.push(format!("array {names}{more}"));
    }
    if wide {
        parts.extend(lun.transport.iter().map(|transport| clean(transport)));
        parts.extend(lun.serial.iter().map(|serial| format!("serial {}", clean(serial))));
    }
    parts.join(", ")
}

/// A list of devices that stand for no LUN, or how many there are.
fn devices(what: &str, devices: &[LooseDevice], listed: bool, view: &View) -> String {
    if devices.is_empty() {
        return String::new();
    }
    let n = count(devices.len() as u64, "device");
    if !listed {
        return format!("\n{n} {what}: -o wide\n");
    }
    let rows: Vec<Vec<Field>> = devices
        .iter()
        .map(|device| {
            let size = device.size.map_or_else(|| "?".into(), bytes);
            let texts =
                [&device.transport, &device.product, &device.wwid].map(|t| t.as_deref().unwrap_or(""));
            let [transport, product, wwid] = texts;
            let texts = ["  ".to_owned() + &device.node, device.dev.clone(), size];
            let mut row: Vec<Field> = texts.iter().map(|text| field(Tone::Plain, text)).collect();
            row.extend([transport, product, wwid, &device.because].map(|text| field(Tone::Plain, text)));
            row
        })
        .collect();
    format!("\n{n} {what}:\n{}", table(view, &rows))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::{Expect, expect};
    use pathkeeper_api::discover::{Note, SeenOn};

    use super::*;
    use crate::cli::fixtures::view;

    fn on(paths: u32) -> SeenOn {
        SeenOn {
            paths,
            size: None,
            lun: None,
            in_wwids: None,
            because: vec![],
            signatures: vec![],
            as_of_then: false,
        }
    }

    fn lun(wwid: &str, size: u64, number: u64, nodes: &[(&str, u32)], notes: &[(bool, &str)]) -> SeenLun {
        SeenLun {
            wwid: wwid.into(),
            size: Some(size),
            product: Some("NETAPP LUN C-Mode".into()),
            serial: Some("80D8x?Fdl".into()),
            transport: Some("fc".into()),
            array: ["50:0a:09:80:86:77:a5:00", "50:0a:09:80:86:77:a6:00", "50:0a:09:80:86:77:a7:00"]
                .map(String::from)
                .into(),
            lun: Some(number),
            nodes: nodes.iter().map(|(name, paths)| ((*name).to_owned(), on(*paths))).collect(),
            carried: vec![],
            notes: notes
                .iter()
                .map(|(warning, text)| Note { warning: *warning, text: (*text).into() })
                .collect(),
        }
    }

    fn asked(name: &str, why: Option<&str>) -> AskedNode {
        AskedNode {
            node: name.into(),
            detail: "published".into(),
            age_s: Some(190),
            current: why.is_none(),
            why: why.map(str::to_owned),
        }
    }

    fn device(node: &str, dev: &str, wwid: Option<&str>) -> LooseDevice {
        LooseDevice {
            node: node.into(),
            dev: dev.into(),
            wwid: wwid.map(str::to_owned),
            product: Some("ATA SAMSUNG".into()),
            size: Some(480 << 30),
            transport: Some("ata".into()),
            because: "orphan".into(),
        }
    }

    fn found() -> Discovered {
        Discovered {
            made: view().now,
            luns: vec![
                lun(
                    "3600a098038304479363f4c4870455b01",
                    2 << 40,
                    14,
                    &[("pve1", 4), ("pve2", 4), ("pve3", 4)],
                    &[(false, "not in the wwids file of any of pve1 pve2 pve3")],
                ),
                lun(
                    "36006016021d04f00aa5b1c63c1e4ee11",
                    1 << 40,
                    3,
                    &[("pve4", 2)],
                    &[
                        (true, "NOT EMPTY: LVM PV of VG prod-erp, says udev's database of pve4"),
                        (true, "only the new node pve4 sees this array: zoned to another cluster?"),
                    ],
                ),
            ],
            partly: vec![],
            local: vec![],
            nameless: vec![],
            nodes: ["pve1", "pve2", "pve3", "pve4"].map(|name| asked(name, None)).into(),
            left_out: 0,
        }
    }

    fn check(found: &Discovered, wide: bool, expect: Expect) {
        expect.assert_eq(&render(found, wide, &view()));
    }

    #[test]
    fn what_is_seen_stands_with_what_to_think_of_it() {
        check(
            &found(),
            false,
            expect![[r#"
                2 LUNs are seen and not watched   4 of 4 nodes known now, 03:12:07
                WWID                               SIZE     LUN  NODES      PATHS ON pve1 pve2 pve3 pve4
                3600a098038304479363f4c4870455b01  2.0 TiB  14   3 of 4     4 4 4 -
                   NETAPP LUN C-Mode, array 50:0a:09:80:86:77:a5:00 50:0a:09:80:86:77:a6:00 and 1 more
                   not in the wwids file of any of pve1 pve2 pve3
                36006016021d04f00aa5b1c63c1e4ee11  1.0 TiB  3    pve4 only  - - - 2
                   NETAPP LUN C-Mode, array 50:0a:09:80:86:77:a5:00 50:0a:09:80:86:77:a6:00 and 1 more
                   ! NOT EMPTY: LVM PV of VG prod-erp, says udev's database of pve4
                   ! only the new node pve4 sees this array: zoned to another cluster?
                LUN missing here? Nodes see a new one only after a rescan:  lun discover --how
            "#]],
        );
    }

    #[test]
    fn who_is_not_known_is_named_and_more_is_counted() {
        let mut found = found();
        found.nodes[3] = asked("pve4", Some("nothing new for 190 s, the limit is 180 s"));
        found.nodes[2] =
            AskedNode { detail: "none".into(), ..asked("pve3", Some("it has published none yet")) };
        found.luns.truncate(1);
        found.luns[0].nodes.remove("pve3");
        found.partly = vec![lun("w2", 1 << 40, 2, &[("pve2", 1)], &[])];
        found.partly[0].carried = vec!["pve1".into()];
        found.local = vec![device("pve1", "sda", Some("35002538"))];
        found.nameless = vec![device("pve2", "sdz", None)];
        found.left_out = 7;
        check(
            &found,
            false,
            expect![[r#"
                1 LUN is seen and not watched   2 of 4 nodes known now, 03:12:07
                pve3: nothing of it is known: it has published none yet
                pve4: as of 3m ago: nothing new for 190 s, the limit is 180 s
                WWID                               SIZE     LUN  NODES   PATHS ON pve1 pve2 pve3 pve4
                3600a098038304479363f4c4870455b01  2.0 TiB  14   2 of 4  4 4 ? ?
                   NETAPP LUN C-Mode, array 50:0a:09:80:86:77:a5:00 50:0a:09:80:86:77:a6:00 and 1 more
                   not in the wwids file of any of pve1 pve2 pve3

                1 LUN known, and without a map on nodes that see devices of it:
                WWID  SIZE     LUN  NODES   PATHS ON pve1 pve2 pve3 pve4
                w2    1.0 TiB  2    1 of 4  map 1 ? ?
                   NETAPP LUN C-Mode, array 50:0a:09:80:86:77:a5:00 50:0a:09:80:86:77:a6:00 and 1 more
                   has a map on pve1

                1 device without a WWID, so nobody can tell which LUN:
                  pve2  sdz  480 GiB  ata  ATA SAMSUNG    orphan

                1 device more, nodes' own disks as it looks: -o wide
                7 more things found no room in this answer
                LUN missing here? Nodes see a new one only after a rescan:  lun discover --how
            "#]],
        );
        check(
            &found,
            true,
            expect![[r#"
                1 LUN is seen and not watched   2 of 4 nodes known now, 03:12:07
                pve3: nothing of it is known: it has published none yet
                pve4: as of 3m ago: nothing new for 190 s, the limit is 180 s
                WWID                               SIZE     LUN  NODES   PATHS ON pve1 pve2 pve3 pve4
                3600a098038304479363f4c4870455b01  2.0 TiB  14   2 of 4  4 4 ? ?
                   NETAPP LUN C-Mode, array 50:0a:09:80:86:77:a5:00 50:0a:09:80:86:77:a6:00 50:0a:09:80:86:77:a7:00, fc, serial 80D8x?Fdl
                   not in the wwids file of any of pve1 pve2 pve3

                1 LUN known, and without a map on nodes that see devices of it:
                WWID  SIZE     LUN  NODES   PATHS ON pve1 pve2 pve3 pve4
                w2    1.0 TiB  2    1 of 4  map 1 ? ?
                   NETAPP LUN C-Mode, array 50:0a:09:80:86:77:a5:00 50:0a:09:80:86:77:a6:00 50:0a:09:80:86:77:a7:00, fc, serial 80D8x?Fdl
                   has a map on pve1

                1 device without a WWID, so nobody can tell which LUN:
                  pve2  sdz  480 GiB  ata  ATA SAMSUNG    orphan

                1 device more, nodes' own disks as it looks:
                  pve1  sda  480 GiB  ata  ATA SAMSUNG  35002538  orphan
                7 more things found no room in this answer
                LUN missing here? Nodes see a new one only after a rescan:  lun discover --how
            "#]],
        );
        found.nodes = (1..=6).map(|n| asked(&format!("pve{n}"), None)).collect();
        let nodes: BTreeMap<String, SeenOn> = [("pve1".into(), on(2)), ("pve5".into(), on(4))].into();
        found.luns[0].nodes = nodes;
        (found.partly, found.local, found.nameless, found.left_out) = (vec![], vec![], vec![], 0);
        check(
            &found,
            false,
            expect![[r#"
                1 LUN is seen and not watched   6 of 6 nodes known now, 03:12:07
                WWID                               SIZE     LUN  NODES   PATHS
                3600a098038304479363f4c4870455b01  2.0 TiB  14   2 of 6  2 to 4
                   NETAPP LUN C-Mode, array 50:0a:09:80:86:77:a5:00 50:0a:09:80:86:77:a6:00 and 1 more
                   not in the wwids file of any of pve1 pve2 pve3
                LUN missing here? Nodes see a new one only after a rescan:  lun discover --how
            "#]],
        );
    }

    #[test]
    fn nothing_is_a_sentence_too() {
        let found = Discovered { luns: vec![], ..found() };
        check(
            &found,
            false,
            expect![[r#"
                no LUN is seen and not watched   4 of 4 nodes known now, 03:12:07
                LUN missing here? Nodes see a new one only after a rescan:  lun discover --how
            "#]],
        );
    }
}
