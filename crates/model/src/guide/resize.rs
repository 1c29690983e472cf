//! The array made the LUN larger: every path of every node sees it first, then every map, then what lies on it.

use super::{Guide, Side, Stage, Standing, Step, bytes, count, for_devices, quoted};
use crate::picture::Picture;

pub(super) fn fill(guide: &mut Guide, nodes: &[Side], picture: &Picture<'_>) {
    let sides: Vec<&Side> = nodes.iter().filter(|side| side.has_it()).collect();
    let path_sizes = sides.iter().flat_map(|side| side.devices()).filter_map(|path| path.size_bytes);
    let map_sizes = sides.iter().filter_map(|side| side.map.as_ref()?.size_bytes);
    let Some(largest) = path_sizes.chain(map_sizes.clone()).max() else {
        guide.cautions.push("no node that is heard tells a size of it".into());
        return;
    };
    let smallest = map_sizes.min().unwrap_or(largest);
    if smallest == largest {
        guide.cautions.push(format!(
            "every path and map has {}: if that is not the new size, no node has seen it yet",
            bytes(largest)
        ));
    }
    let rescan = sides.iter().map(|side| {
        let old = side.devices().iter().filter(|path| path.size_bytes != Some(largest)).count();
        let seen = match old {
            0 => format!("all of its paths have {}", bytes(largest)),
            n => format!("{n} of {} have not {}", count(side.devices().len(), "path"), bytes(largest)),
        };
        let commands = vec![for_devices(&side.names(), "rescan")];
        let mut step = side.step("let each path look at its size again".into(), commands, seen, old == 0);
        if smallest == largest && step.standing == Standing::Done {
            step.standing = Standing::Unknown;
        }
        step
    });
    guide.stages.push(Stage { title: "every path sees the new size".into(), steps: rescan.collect() });
    let maps = sides.iter().filter_map(|side| {
        let map = side.map.as_ref()?;
        let seen = map
            .size_bytes
            .map_or_else(|| "its map tells no size".into(), |n| format!("its map has {}", bytes(n)));
        let command = format!("multipathd resize map {}", quoted(&map.name));
        let done = map.size_bytes == Some(largest);
        Some(side.step("let the map take over its paths' size".into(), vec![command], seen, done))
    });
    guide.stages.push(Stage { title: "every map has the new size".into(), steps: maps.collect() });
    let row = picture.matrix.row_of(&guide.wwid);
    let pv = sides.iter().any(|side| side.map.as_ref().is_some_and(|map| !map.pvs.is_empty()));
    let (what, command) = if pv {
        let name = quoted(&guide.name);
        ("let LVM use it, on ONE node".to_owned(), vec![format!("pvresize /dev/mapper/{name}")])
    } else {
        let by = row.as_ref().and_then(|row| row.used_by()).unwrap_or("whatever uses it");
        (format!("let {by} use it: no physical volume of LVM is known on it"), Vec::new())
    };
    guide.stages.push(Stage {
        title: "only then what lies on it".into(),
        steps: vec![Step {
            node: None,
            what,
            commands: command,
            seen: "not seen from here: pvs shows it".into(),
            standing: if smallest == largest { Standing::Unknown } else { Standing::Later },
        }],
    });
}
