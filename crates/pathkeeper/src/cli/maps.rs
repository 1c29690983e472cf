//! `pathkeeper maps`: one node's maps in the words and the order of `multipath -ll`.

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::disks::{Map, NodeDisks, Path};

use super::text::{Tone, View, clean, count, span, tone_of, width};
use super::{Failure, Globals, Output, out, versioned};

/// Show a node's maps as multipath -ll does, with the state of each
///
/// This node's are live; another's are as it published them, with their age, also while it is offline.
///
/// The first line of a map ends with its state and usable/all paths; a path that cannot be used is marked. While
/// multipathd does not answer, only what the kernel itself says is shown.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper maps
  pathkeeper maps backup-01
  pathkeeper maps --node pve2
  pathkeeper maps 3600a098038304479363f4c4870455a7c
  pathkeeper maps dm-4 --plain")]
pub struct MapsArgs {
    /// Only these maps: name, WWID or dm-N
    #[arg(value_name = "NAME|WWID|dm-N")]
    names: Vec<String>,
    /// Another node's maps
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Only what multipath -ll would print, for programs that read that
    #[arg(long)]
    plain: bool,
}

/// Asks the agent for its own node's maps, or another's.
pub async fn run(args: MapsArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let mut disks = globals.client()?.disks(args.node.as_deref().unwrap_or("localhost")).await?;
    // The columns are as wide as all of the node's paths need, as multipath -ll has them.
    let layout = Layout::of(&disks);
    retain(&mut disks, &args.names)?;
    let exit = exit_status(&disks);
    if globals.output == Output::Json {
        out::print(&versioned(&disks, true)?)?;
    } else if args.plain {
        let trees: Vec<String> = disks.maps.iter().map(|map| layout.plain(map)).collect();
        out::print(&trees.concat())?;
    } else {
        out::print(&render(&disks, &layout, &globals.view()))?;
    }
    Ok(exit)
}

/// Keeps the maps that `names` name; an unknown name is a failure that says what there is.
fn retain(disks: &mut NodeDisks, names: &[String]) -> Result<(), Failure> {
    let is = |map: &Map, name: &String| {
        map.name == *name || map.wwid == *name || map.dm.as_ref().is_some_and(|dm| dm == name)
    };
    if let Some(absent) = names.iter().find(|name| !disks.maps.iter().any(|map| is(map, name))) {
        let has = match disks.maps.len() {
            0 => "it has none".to_owned(),
            n => format!("it has {}: pathkeeper maps{}", count(n as u64, "map"), node_option(disks)),
        };
        return Err(Failure::new(format!("{} has no map {absent}; {has}", disks.node)));
    }
    if !names.is_empty() {
        disks.maps.retain(|map| names.iter().any(|name| is(map, name)));
    }
    Ok(())
}

/// 2 failed, 1 degraded, 3 unknown or no answer of multipathd's, 0 all optimal.
fn exit_status(disks: &NodeDisks) -> ExitCode {
    let has = |state: &str| disks.maps.iter().any(|map| map.state == state);
    let none_answers =
        !disks.is_believed() || (disks.multipathd != "running" && disks.multipathd != "absent");
    ExitCode::from(match () {
        () if has("failed") || has("missing") => 2,
        () if has("degraded") => 1,
        () if none_answers || disks.maps.iter().any(|map| map.state != "optimal") => 3,
        () => 0,
    })
}

/// The widths of a path line's columns: host address, device, number, three words. They are taken over all paths of
/// the node, those in no map too, as multipath-tools does (libmultipath/print.c, `get_path_layout`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout([usize; 6]);

fn fields(path: &Path) -> [String; 6] {
    let hctl = path.hctl.as_deref().unwrap_or("#:#:#:#");
    [hctl, &path.dev, &path.dev_t, &path.dm_state, &path.check_state, &path.dev_state].map(clean)
}

impl Layout {
    /// Over all paths of a node.
    pub fn of(disks: &NodeDisks) -> Self {
        let mut widths = [0; 6];
        let in_maps = disks.maps.iter().flat_map(|map| &map.groups).flat_map(|group| &group.paths);
        for path in in_maps.chain(&disks.devices) {
            for (width_so_far, text) in widths.iter_mut().zip(fields(path)) {
                *width_so_far = width(&text).max(*width_so_far);
            }
        }
        Self(widths)
    }

    fn path(&self, path: &Path) -> String {
        let mut line = String::new();
        for (text, columns) in fields(path).iter().zip(self.0) {
            line.push_str(&format!("{text:columns$} "));
        }
        line.trim_end().to_owned()
    }

    /// The tree as `multipath -ll` prints it (libmultipath/print.c), without its last action.
    pub fn plain(&self, map: &Map) -> String {
        self.tree(map, |line, _| line)
    }

    /// The tree; `end` may put something to the end of a line. It is told what the line is about.
    fn tree(&self, map: &Map, end: impl Fn(String, About<'_>) -> String) -> String {
        let named = if map.name == map.wwid { String::new() } else { format!(" ({})", clean(&map.wwid)) };
        let dm = map.dm.as_deref().unwrap_or("undef");
        let title =
            format!("{}{named} {dm} {},{}", clean(&map.name), clean(&map.vendor), clean(&map.product));
        let facts = format!(
            "size={} features='{}' hwhandler='{}' wp={}",
            map.size.map_or_else(|| "?".into(), rounded),
            clean(&map.features),
            clean(&map.hwhandler),
            clean(&map.write_prot)
        );
        let mut out = end(title, About::Map) + "\n" + &end(facts, About::Facts) + "\n";
        let groups = map.groups.len();
        for (at, group) in map.groups.iter().enumerate() {
            let last_group = at + 1 == groups;
            let line = format!(
                "{}-+- policy='{}' prio={} status={}",
                if last_group { '`' } else { '|' },
                clean(&group.policy),
                group.prio,
                clean(&group.status)
            );
            out.push_str(&end(line, About::Group));
            out.push('\n');
            for (n, path) in group.paths.iter().enumerate() {
                let line = format!(
                    "{} {}- {}",
                    if last_group { ' ' } else { '|' },
                    if n + 1 == group.paths.len() { '`' } else { '|' },
                    self.path(path)
                );
                out.push_str(&end(line, About::Path(path)));
                out.push('\n');
            }
        }
        out
    }
}

/// What a line of the tree is about.
enum About<'a> {
    Map,
    Facts,
    Group,
    Path(&'a Path),
}

/// Bytes as multipath-tools rounds them: `256M`, `1.0T` (libmultipath/print.c, `snprint_size`: single precision,
/// beginning with kilobytes, one decimal below ten).
pub fn rounded(size_bytes: u64) -> String {
    let mut value = (size_bytes / 1024) as f32;
    let mut units = ['K', 'M', 'G', 'T', 'P'].into_iter();
    let mut unit = units.next().unwrap_or('K');
    while value >= 1024.0 {
        let Some(next) = units.next() else { break };
        value /= 1024.0;
        unit = next;
    }
    let digits = usize::from(value < 10.0);
    format!("{value:.digits$}{unit}")
}

/// What a map does with I/O that finds no path, where that matters now.
fn queueing(map: &Map) -> String {
    let no_path = map.paths_active == Some(0);
    match map.queueing.as_str() {
        "on" if no_path => ", I/O queues for ever".into(),
        "off" if no_path => ", I/O fails".into(),
        word if no_path && word.ends_with("sec") => format!(", I/O queues for {} more", clean(word)),
        _ => String::new(),
    }
}

/// The trees with the node's word at the end of lines, below a line about multipathd if it does not answer.
pub fn render(disks: &NodeDisks, layout: &Layout, view: &View) -> String {
    let mut out = age_line(disks, view) + &daemon_line(disks, view);
    if disks.maps.is_empty() {
        out.push_str(&format!("{}: no multipath maps\n", clean(&disks.node)));
    }
    for map in &disks.maps {
        let number = |n: Option<u32>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let suspended = if map.suspended { ", suspended: I/O is blocked" } else { "" };
        let differs =
            map.report_differs.as_deref().map_or_else(String::new, |why| format!("; {}", clean(why)));
        // Of paths that are all there is no more to say.
        let lacks = map.paths_expected.filter(|expected| Some(*expected) > map.paths_total);
        let lacks = lacks.map_or_else(String::new, |expected| format!(" of {expected} expected"));
        let state = format!(
            "{} {} {}/{}{lacks}{}{suspended}{differs}",
            view.mark(&map.state),
            map.state,
            number(map.paths_active),
            number(map.paths_total),
            queueing(map)
        );
        out.push_str(&layout.tree(map, |line, about| match about {
            About::Map => format!("{line}  {}", view.paint(tone_of(&map.state), state.trim_start())),
            // As of then: it is not known to be down either.
            About::Path(path) if !path.usable && is_as_of_then(disks, map) => {
                format!("{line}  {}", view.paint(Tone::Doubt, view.mark("unknown")))
            }
            About::Path(path) if !path.usable => {
                format!("{line}  {}", view.paint(Tone::Bad, view.mark("failed")))
            }
            _ => line,
        }));
    }
    if !disks.devices.is_empty() {
        let devices = count(disks.devices.len() as u64, "path device");
        out.push_str(&format!("{devices} in no map: pathkeeper paths{}\n", node_option(disks)));
    }
    for problem in &disks.problems {
        out.push_str(&view.paint(Tone::Doubt, &format!("not read: {}", clean(problem))));
        out.push('\n');
    }
    out
}

/// Whether what is listed of a map is not what its node says of it now.
pub fn is_as_of_then(disks: &NodeDisks, map: &Map) -> bool {
    !disks.is_believed() || map.report_differs.is_some()
}

/// Nothing for this node's own; else how old another's are, and whether it speaks now.
pub fn age_line(disks: &NodeDisks, view: &View) -> String {
    if disks.detail != "published" {
        return String::new();
    }
    let span = |age_s: u64| span(i64::try_from(age_s).unwrap_or(i64::MAX));
    let published = disks.age_s.map_or_else(|| "at an unknown time".into(), |s| format!("{} ago", span(s)));
    let heard = disks.heard_s.map_or_else(String::new, |s| format!(", last heard of {} ago", span(s)));
    let (tone, now) = if disks.is_believed() {
        (Tone::Faint, String::new())
    } else {
        let why = disks.report_why.as_deref().or(disks.report.as_deref()).map_or_else(String::new, clean);
        (Tone::Doubt, format!("; {why}: what follows is as of then and may be so no more"))
    };
    view.paint(tone, &format!("{} as it published it {published}{heard}{now}", clean(&disks.node))) + "\n"
}

/// What has to be added to a command for the same node.
fn node_option(disks: &NodeDisks) -> String {
    if disks.detail == "published" { format!(" --node {}", clean(&disks.node)) } else { String::new() }
}

/// Nothing while multipathd answers; else what it does and where the rest comes from.
pub fn daemon_line(disks: &NodeDisks, view: &View) -> String {
    if disks.multipathd == "running" {
        return String::new();
    }
    let why = disks.multipathd_why.as_deref().map_or_else(String::new, |why| format!(": {}", clean(why)));
    let rest = if disks.source == "kernel" && !disks.maps.is_empty() {
        "; what follows is the kernel's word alone, nobody checks paths"
    } else {
        ""
    };
    let line = format!("multipathd on {} is {}{why}{rest}", clean(&disks.node), clean(&disks.multipathd));
    view.paint(Tone::Doubt, &line) + "\n"
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::cli::fixtures::{disks, sample_names, view};
    use crate::cli::paths;

    #[test]
    fn sizes_round_as_multipath_tools_rounds_them() {
        let check = |bytes: u64, expect: &str| assert_eq!(rounded(bytes), expect);
        check(0, "0.0K");
        check(512 << 10, "512K");
        check(64 << 20, "64M");
        check(256 << 20, "256M");
        check(1 << 40, "1.0T");
        check(10 << 40, "10T");
        check(1000 << 30, "1000G");
        check((1 << 40) + (1 << 39), "1.5T");
        check(5 << 60, "5120P");
    }

    /// Every recorded topology of three versions of multipath-tools is printed again from the JSON of the same
    /// moment.
    #[test]
    fn the_tree_is_multipath_ll_s() {
        let mut compared = 0;
        for name in sample_names() {
            let Some((disks, topology)) = disks(&name) else { continue };
            let layout = Layout::of(&disks);
            let ours: String = disks.maps.iter().map(|map| layout.plain(map)).collect();
            // multipathd begins with the map's last action, multipath -ll does not.
            let theirs: String = topology
                .lines()
                .map(|line| match line.split_once(": ") {
                    Some((action, rest)) if action.chars().all(|c| c.is_ascii_lowercase()) => rest,
                    _ => line,
                })
                .filter(|line| *line != "ok")
                .map(|line| format!("{}\n", line.trim_end()))
                .collect();
            assert_eq!(ours, theirs, "{name}");
            compared += usize::from(!disks.maps.is_empty());
        }
        assert!(compared >= 60, "only {compared} samples were compared");
    }

    fn check(sample: &str, expect: Expect) {
        let (disks, _) = disks(sample).unwrap();
        let layout = Layout::of(&disks);
        expect.assert_eq(&render(&disks, &layout, &view()));
    }

    #[test]
    fn paths_that_are_not_there_are_counted() {
        let (mut disks, _) = disks("0.9.4/11-one-path-offline").unwrap();
        let mut first_line = |paths: [Option<u32>; 3]| {
            let [active, total, expected] = paths;
            let map = &mut disks.maps[0];
            (map.paths_active, map.paths_total, map.paths_expected) = (active, total, expected);
            let layout = Layout::of(&disks);
            let out = render(&disks, &layout, &view());
            out.lines().next().unwrap().split_once("! ").unwrap().1.to_owned()
        };
        assert_eq!(first_line([Some(1), Some(1), Some(2)]), "degraded 1/1 of 2 expected");
        assert_eq!(first_line([Some(1), Some(2), Some(2)]), "degraded 1/2");
        assert_eq!(first_line([Some(1), Some(2), Some(1)]), "degraded 1/2");
        assert_eq!(first_line([None, None, Some(2)]), "degraded ?/? of 2 expected");
    }

    #[test]
    fn states_stand_at_the_ends_of_lines() {
        check(
            "0.9.4/11-one-path-offline",
            expect![[r#"
            data01 (35000c500a0000001) dm-0 LABSAN,VDISK  ! degraded 1/2
            size=256M features='0' hwhandler='0' wp=rw
            `-+- policy='service-time 0' prio=1 status=active
              |- 0:0:0:1 sdb 8:16 active ready  running
              `- 1:0:0:1 sda 8:0  failed faulty offline  X
        "#]],
        );
        check(
            "0.9.4/21-all-paths-lost-queueing",
            expect![[r#"
            data01 (35000c500a0000001) dm-0 LABSAN,VDISK  X failed 0/2, I/O queues for ever
            size=256M features='1 queue_if_no_path' hwhandler='0' wp=rw
            `-+- policy='service-time 0' prio=0 status=enabled
              |- 0:0:0:1 sdb 8:16 failed faulty running  X
              `- 1:0:0:1 sda 8:0  failed faulty running  X
        "#]],
        );
        check(
            "0.14.3/22-all-paths-lost-retrying",
            expect![[r#"
            data01 (35000c500a0000001) dm-0 LABSAN,VDISK  X failed 0/2, I/O queues for 13 sec more
            size=256M features='1 queue_if_no_path' hwhandler='0' wp=rw
            `-+- policy='service-time 0' prio=0 status=enabled
              |- 0:0:0:1 sda 8:0  failed faulty offline  X
              `- 1:0:0:1 sdb 8:16 failed faulty offline  X
        "#]],
        );
        check(
            "0.9.4/00-no-maps-wwid-not-in-file",
            expect![[r#"
            pve1: no multipath maps
            2 path devices in no map: pathkeeper paths
        "#]],
        );
    }

    #[test]
    fn one_line_per_path_and_the_loose_ones_last() {
        let check = |sample: &str, down: bool, wide: bool, expect: Expect| {
            let (disks, _) = disks(sample).unwrap();
            let rows = paths::rows(&disks, down);
            expect.assert_eq(&paths::render(&disks, &rows, down, wide, &view()));
        };
        check(
            "0.9.4/11-one-path-offline",
            false,
            false,
            expect![[r#"
            HCTL     DEV  DEV_T  DM      CHECK   DEVICE   ADAPTER -> TARGET PORT  MAP
            1:0:0:1  sda  8:0    failed  faulty  offline  host1 -> ?              data01 X
            0:0:0:1  sdb  8:16   active  ready   running  host0 -> ?              data01
        "#]],
        );
        check(
            "iscsi-lio-0.9.4/01-target-portal-disabled",
            false,
            true,
            expect![[r#"
            HCTL     DEV  DEV_T  DM      CHECK   DEVICE   ADAPTER -> TARGET PORT        MAP       PRIO  FAILURES  BY  ADAPTER PORT  SERIAL   WWID
            0:0:0:0  sdb  8:16   failed  faulty  running  host0 -> iqn.2026-01.lab:san  mpatha X  50    1                           lab0001  36001405ab00010000000000000000000
            1:0:0:0  sda  8:0    active  ready   running  host1 -> iqn.2026-01.lab:san  mpatha    10    0             10.9.0.2      lab0001  36001405ab00010000000000000000000
        "#]],
        );
        check(
            "0.9.4/02-multibus-all-up",
            true,
            false,
            expect![[r#"
            pve1: every path in a map can be used
        "#]],
        );
        check(
            "0.9.4/00-no-maps-wwid-not-in-file",
            false,
            false,
            expect![[r#"
            pve1: no path is in a map

            in no map:
            0:0:0:1  sdb  8:16  undef  undef  unknown  host0 -> ?  orphan  35000c500a0000001    LABSAN,VDISK
            1:0:0:1  sda  8:0   undef  undef  unknown  host1 -> ?  orphan  35000c500a0000001    LABSAN,VDISK
        "#]],
        );
    }

    #[test]
    fn without_multipathd_the_kernels_word_is_called_so() {
        let (mut disks, _) = disks("0.9.4/11-one-path-offline").unwrap();
        disks.multipathd = "hung".into();
        disks.multipathd_why = Some("it took the connection and said nothing for 5 s".into());
        disks.source = "kernel".into();
        disks.problems = vec!["/sys/block/sdx/size: gone".into()];
        let layout = Layout::of(&disks);
        expect![[r#"
            multipathd on pve1 is hung: it took the connection and said nothing for 5 s; what follows is the kernel's word alone, nobody checks paths
            data01 (35000c500a0000001) dm-0 LABSAN,VDISK  ! degraded 1/2
            size=256M features='0' hwhandler='0' wp=rw
            `-+- policy='service-time 0' prio=1 status=active
              |- 0:0:0:1 sdb 8:16 active ready  running
              `- 1:0:0:1 sda 8:0  failed faulty offline  X
            not read: /sys/block/sdx/size: gone
        "#]].assert_eq(&render(&disks, &layout, &view()));
        assert_eq!(format!("{:?}", exit_status(&disks)), format!("{:?}", ExitCode::from(1)));
    }

    #[test]
    fn another_nodes_maps_say_how_old_they_are() {
        let (live, _) = disks("0.9.4/02-multibus-all-up").unwrap();
        let published = NodeDisks {
            detail: "published".into(),
            age_s: Some(10_800),
            heard_s: Some(42),
            report: Some("fresh".into()),
            ..live
        };
        let layout = Layout::of(&published);
        let page = |disks: &NodeDisks| render(disks, &layout, &view());
        let code = |disks: &NodeDisks| format!("{:?}", exit_status(disks));
        assert!(
            page(&published).starts_with("pve1 as it published it 3h ago, last heard of 42s ago\ndata01 ")
        );
        assert_eq!(code(&published), code(&disks("0.9.4/02-multibus-all-up").unwrap().0));
        let dead = NodeDisks {
            report: Some("offline".into()),
            report_why: Some("the cluster says that it is offline".into()),
            age_s: None,
            ..published
        };
        let head = "pve1 as it published it at an unknown time, last heard of 42s ago; the cluster says that it is offline: what follows is as of then";
        assert!(page(&dead).starts_with(head), "{}", page(&dead));
        assert_eq!(
            code(&dead),
            format!("{:?}", ExitCode::from(3)),
            "it was well once, and that is no health"
        );
    }

    /// As the API answers for a node that is not believed, or whose report says worse than its detail.
    fn doubted(state: &str, active: Option<u32>) -> NodeDisks {
        let mut disks = disks("0.9.4/02-multibus-all-up").unwrap().0;
        disks.detail = "published".into();
        let map = &mut disks.maps[0];
        (map.state, map.paths_active) = (state.into(), active);
        map.groups.iter_mut().flat_map(|group| &mut group.paths).for_each(|path| path.usable = false);
        disks
    }

    #[test]
    fn what_is_as_of_then_is_called_so_and_is_no_health() {
        let dead = NodeDisks {
            report: Some("offline".into()),
            report_why: Some("the cluster says that it is offline".into()),
            believed: Some(false),
            age_s: Some(60),
            ..doubted("unknown", None)
        };
        let tree = |disks: &NodeDisks| render(disks, &Layout::of(disks), &view());
        expect![[r#"
            pve1 as it published it 1m ago; the cluster says that it is offline: what follows is as of then and may be so no more
            data01 (35000c500a0000001) dm-0 LABSAN,VDISK  ? unknown ?/2
            size=256M features='0' hwhandler='0' wp=rw
            `-+- policy='service-time 0' prio=1 status=active
              |- 0:0:0:1 sdb 8:16 active ready running  ?
              `- 1:0:0:1 sda 8:0  active ready running  ?
        "#]].assert_eq(&tree(&dead));
        let list =
            |disks: &NodeDisks, down| paths::render(disks, &paths::rows(disks, down), down, false, &view());
        expect![[r#"
            pve1 as it published it 1m ago; the cluster says that it is offline: what follows is as of then and may be so no more
            HCTL     DEV  DEV_T  DM      CHECK  DEVICE   ADAPTER -> TARGET PORT  MAP
            0:0:0:1  sdb  8:16   active  ready  running  host0 -> ?              data01 ?
            1:0:0:1  sda  8:0    active  ready  running  host1 -> ?              data01 ?
        "#]].assert_eq(&list(&dead, true));
        let bare = NodeDisks { maps: vec![], ..dead.clone() };
        assert!(list(&bare, true).ends_with("\npve1: no path was in a map then\n"), "{}", list(&bare, true));
        assert!(list(&bare, false).ends_with("\npve1: no path was in a map then\n"));

        let mut late = NodeDisks {
            report: Some("fresh".into()),
            believed: Some(true),
            age_s: Some(20),
            ..doubted("failed", Some(0))
        };
        late.maps[0].report_differs =
            Some("the node's last report says failed 0/2, and what is listed here is older".into());
        let page = tree(&late);
        let title = "  X failed 0/2, I/O fails; the node's last report says failed 0/2, and what is listed here is older\n";
        assert!(page.contains(title) && page.ends_with("running  ?\n"), "{page}");
        let page = list(&late, true);
        assert!(
            page.contains("data01 ?") && page.contains("data01: the node's last report says failed"),
            "{page}"
        );

        // A map without paths in the detail is no map whose paths can all be used.
        late.maps[0].groups.clear();
        let page = list(&late, true);
        assert!(page.contains("pve1: no path of these is known to be down\ndata01: the node's"), "{page}");
        let unnamed =
            NodeDisks { maps: vec![Map { state: "unknown".into(), ..late.maps[0].clone() }], ..late.clone() };
        let down = |disks: &NodeDisks| paths::exit_status(disks, &paths::rows(disks, true));
        let silent =
            NodeDisks { report: Some("silent".into()), believed: Some(true), maps: vec![], ..late.clone() };
        assert_eq!([&dead, &bare, &late, &unnamed, &silent].map(down), [3, 3, 1, 3, 0]);
        assert_eq!(down(&NodeDisks { believed: None, ..silent.clone() }), 3, "an older agent does not say");
        let codes = [&dead, &bare, &late, &unnamed, &silent].map(|disks| format!("{:?}", exit_status(disks)));
        assert_eq!(codes, [3, 3, 2, 3, 0].map(|code| format!("{:?}", ExitCode::from(code))));
    }

    #[test]
    fn maps_are_found_by_every_name_they_have() {
        let (all, _) = disks("0.9.4/11-one-path-offline").unwrap();
        for name in ["data01", "35000c500a0000001", "dm-0"] {
            let mut some = all.clone();
            retain(&mut some, &[name.into()]).unwrap();
            assert_eq!(some.maps.len(), 1);
        }
        let error = retain(&mut all.clone(), &["dm-1".into()]).unwrap_err();
        assert_eq!(error.message(), "pve1 has no map dm-1; it has 1 map: pathkeeper maps");
    }
}
