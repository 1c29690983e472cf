//! `show maps topology`, the tree that `multipath -ll` prints.

use super::format::{map_field, path_field};
use super::view::{Map, Version, View};
use std::fmt::Write as _;

/// The tree of all maps, or of one.
pub fn topology(view: &View, only: Option<&Map>, version: Version) -> String {
    const COLUMNS: [char; 6] = ['i', 'd', 'D', 't', 'T', 'o'];
    // Column widths are taken over every path that the daemon knows, shown here or not.
    let width = |letter: char| {
        let fields = view.paths.iter().filter_map(|p| path_field(p, letter, version));
        fields.map(|f| f.len()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = COLUMNS.iter().map(|&c| width(c)).collect();

    let mut out = String::new();
    let maps: Vec<&Map> = only.map_or_else(|| view.maps.iter().collect(), |map| vec![map]);
    for map in maps {
        let field = |letter| map_field(view, map, letter, version).unwrap_or_default();
        if !map.action.is_empty() {
            let _ = write!(out, "{}: ", map.action);
        }
        out.push_str(&map.name);
        if map.name != map.wwid {
            let _ = write!(out, " ({})", map.wwid);
        }
        let _ = writeln!(out, " {} {}", map.dm, field('s'));
        let _ = writeln!(
            out,
            "size={} features='{}' hwhandler='{}' wp={}",
            field('S'),
            field('f'),
            field('h'),
            field('r')
        );
        for (g, group) in map.groups.iter().enumerate() {
            let last_group = g + 1 == map.groups.len();
            let _ = writeln!(
                out,
                "{}-+- policy='{}' prio={} status={}",
                if last_group { '`' } else { '|' },
                group.selector,
                group.pri,
                group.status
            );
            for (p, path) in group.paths.iter().enumerate() {
                let last_path = p + 1 == group.paths.len();
                let stem = if last_group { ' ' } else { '|' };
                let _ = write!(out, "{stem} {}-", if last_path { '`' } else { '|' });
                let Some(path) = view.paths.get(*path) else { continue };
                for (letter, width) in COLUMNS.iter().zip(&widths) {
                    let cell = path_field(path, *letter, version).unwrap_or_default();
                    let _ = write!(out, " {cell:<width$}");
                }
                out.push('\n');
            }
        }
    }
    out
}
