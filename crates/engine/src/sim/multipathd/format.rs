//! Wildcards: one letter, one field. `show paths format "%d %w"` and its relatives.

use super::view::{Map, NextCheck, Path, PathDm, Version, View, failback};

/// What the kernel allows in one request on every simulated device, KiB.
const MAX_SECTORS_KB: &str = "1024";

/// The letters for maps and their column heads, in the order of `show wildcards`.
pub fn map_wildcards(version: Version) -> &'static [(char, &'static str)] {
    const OLD: &[(char, &str)] = &[
        ('n', "name"),
        ('w', "uuid"),
        ('d', "sysfs"),
        ('F', "failback"),
        ('Q', "queueing"),
        ('N', "paths"),
        ('r', "write_prot"),
        ('t', "dm-st"),
        ('S', "size"),
        ('f', "features"),
        ('x', "failures"),
        ('h', "hwhandler"),
        ('A', "action"),
        ('0', "path_faults"),
        ('1', "switch_grp"),
        ('2', "map_loads"),
        ('3', "total_q_time"),
        ('4', "q_timeouts"),
        ('s', "vend/prod/rev"),
        ('v', "vend"),
        ('p', "prod"),
        ('e', "rev"),
        ('G', "foreign"),
        ('g', "vpd page data"),
    ];
    const NEW: &[(char, &str)] = &[
        ('n', "name"),
        ('w', "uuid"),
        ('d', "sysfs"),
        ('F', "failback"),
        ('Q', "queueing"),
        ('N', "paths"),
        ('r', "write_prot"),
        ('t', "dm-st"),
        ('S', "size"),
        ('f', "features"),
        ('x', "failures"),
        ('h', "hwhandler"),
        ('A', "action"),
        ('0', "path_faults"),
        ('1', "switch_grp"),
        ('2', "map_loads"),
        ('3', "total_q_time"),
        ('4', "q_timeouts"),
        ('s', "vend/prod"),
        ('v', "vend"),
        ('p', "prod"),
        ('e', "rev"),
        ('G', "foreign"),
        ('g', "vpd page data"),
        ('k', "max_sectors_kb"),
    ];
    if version == Version::V0_9_4 { OLD } else { NEW }
}

/// The letters for paths and their column heads, in the order of `show wildcards`.
pub fn path_wildcards(version: Version) -> &'static [(char, &'static str)] {
    const ALL: &[(char, &str)] = &[
        ('w', "uuid"),
        ('i', "hcil"),
        ('d', "dev"),
        ('D', "dev_t"),
        ('t', "dm_st"),
        ('o', "dev_st"),
        ('T', "chk_st"),
        ('s', "vend/prod/rev"),
        ('c', "checker"),
        ('C', "next_check"),
        ('p', "pri"),
        ('S', "size"),
        ('z', "serial"),
        ('M', "marginal_st"),
        ('m', "multipath"),
        ('N', "host WWNN"),
        ('n', "target WWNN"),
        ('R', "host WWPN"),
        ('r', "target WWPN"),
        ('a', "host adapter"),
        ('G', "foreign"),
        ('g', "vpd page data"),
        ('0', "failures"),
        ('P', "protocol"),
        ('I', "init_st"),
        ('L', "LUN hex"),
        ('A', "TPG"),
        ('k', "max_sectors_kb"),
    ];
    let since_0_9_9 = 2;
    let known = if version == Version::V0_9_4 { ALL.len().saturating_sub(since_0_9_9) } else { ALL.len() };
    ALL.get(..known).unwrap_or(ALL)
}

/// One map's field; `None` for a letter that this version does not know.
pub(super) fn map_field(view: &View, map: &Map, letter: char, version: Version) -> Option<String> {
    map_wildcards(version).iter().find(|(l, _)| *l == letter)?;
    Some(match letter {
        'n' => map.name.clone(),
        'w' => map.wwid.clone(),
        'd' => map.dm.clone(),
        'F' => failback(map, version).to_owned(),
        'Q' => view.queueing(map),
        'N' => view.paths_up(map).to_string(),
        'r' => map.write_prot.clone(),
        't' => if map.suspended { "suspend" } else { "active" }.to_owned(),
        'S' => size(map.sectors),
        'f' => map.features.clone(),
        'x' => map.failures.to_string(),
        'h' => map.hwhandler.clone(),
        'A' => map.action.clone(),
        '0' => map.path_faults.to_string(),
        '1' => map.switch_grp.to_string(),
        '2' => map.map_loads.to_string(),
        '3' => map.total_q_time_s.to_string(),
        '4' => map.q_timeouts.to_string(),
        's' => format!("{},{}", map.vendor, map.product),
        'v' => map.vendor.clone(),
        'p' => map.product.clone(),
        'e' => map.revision.clone(),
        'G' => "--".to_owned(),
        // No VPD page is set up.
        'g' => "[undef]".to_owned(),
        'k' => MAX_SECTORS_KB.to_owned(),
        _ => return None,
    })
}

/// One path's field; `None` for a letter that this version does not know.
pub(super) fn path_field(path: &Path, letter: char, version: Version) -> Option<String> {
    path_wildcards(version).iter().find(|(l, _)| *l == letter)?;
    Some(match letter {
        'w' => path.wwid.clone(),
        'i' => path.hcil.clone(),
        'd' => path.dev.clone(),
        'D' => path.dev_t.clone(),
        't' => dm_word(path.dm).to_owned(),
        'o' => path.dev_st.to_owned(),
        'T' => path.chk.word().to_owned(),
        's' if version == Version::V0_9_4 => format!("{},{}", path.vendor, path.product),
        's' => format!("{},{},{}", path.vendor, path.product, path.revision),
        'c' => path.checker.unwrap_or("(null)").to_owned(),
        'C' => next_check(path.next_check),
        'p' => path.pri.to_string(),
        'S' => size(path.sectors),
        'z' => path.serial.clone(),
        'M' => marginal_word(path.marginal).to_owned(),
        'm' => path.map.clone(),
        'N' => path.host_wwnn.clone(),
        'n' => path.target_wwnn.clone(),
        'R' => path.host_wwpn.clone(),
        'r' => path.target_wwpn.clone(),
        'a' => path.host_adapter.clone(),
        'G' => "--".to_owned(),
        'g' => "[undef]".to_owned(),
        '0' => path.failures.to_string(),
        'P' => path.protocol.to_owned(),
        'I' => "ok".to_owned(),
        'L' => path.lun_hex.clone(),
        'A' if path.tpg < 0 => "[undef]".to_owned(),
        'A' => format!("0x{:04x}", path.tpg),
        'k' => MAX_SECTORS_KB.to_owned(),
        _ => return None,
    })
}

pub(super) fn dm_word(dm: PathDm) -> &'static str {
    match dm {
        PathDm::Undef => "undef",
        PathDm::Active => "active",
        PathDm::Failed => "failed",
    }
}

pub(super) fn marginal_word(marginal: bool) -> &'static str {
    if marginal { "marginal" } else { "normal" }
}

/// Kibibytes and up with one decimal below ten, as the daemon rounds it.
fn size(sectors: u64) -> String {
    let mut n = (sectors >> 1) as f32;
    let mut unit = 'K';
    for next in ['M', 'G', 'T', 'P'] {
        if n < 1024.0 {
            break;
        }
        n /= 1024.0;
        unit = next;
    }
    if n < 10.0 { format!("{n:.1}{unit}") } else { format!("{n:.0}{unit}") }
}

fn next_check(next: NextCheck) -> String {
    match next {
        NextCheck::Orphan => "orphan".to_owned(),
        NextCheck::In { tick, of } => {
            let full = (10 * tick).checked_div(of).unwrap_or(0).min(10) as usize;
            format!("{}{} {tick}/{of}", "X".repeat(full), ".".repeat(10 - full))
        }
    }
}

/// A piece of a format string.
enum Piece {
    Text(String),
    Field(char),
}

/// Cuts a format string. As in the daemon, a letter that it does not know prints nothing.
fn cut(format: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        if let Some(letter) = chars.next() {
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(Piece::Field(letter));
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

/// A list: with a head and padded columns, or raw.
fn list<T>(
    format: &str,
    raw: bool,
    heads: &[(char, &'static str)],
    rows: &[T],
    field: impl Fn(&T, char) -> Option<String>,
) -> String {
    if rows.is_empty() {
        // No row, no head: the daemon has nothing to say and says `ok`.
        return String::new();
    }
    let pieces = cut(format);
    let head_of = |letter: char| heads.iter().find(|(l, _)| *l == letter).map(|(_, h)| *h);
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            pieces
                .iter()
                .map(|p| match p {
                    Piece::Text(t) => t.clone(),
                    Piece::Field(l) => field(row, *l).unwrap_or_default(),
                })
                .collect()
        })
        .collect();
    let head: Vec<String> = pieces
        .iter()
        .map(|p| match p {
            Piece::Text(t) => t.clone(),
            Piece::Field(l) => head_of(*l).unwrap_or_default().to_owned(),
        })
        .collect();
    let widths: Vec<usize> = if raw {
        vec![0; pieces.len()]
    } else {
        (0..pieces.len())
            .map(|i| {
                let cells = lines.iter().chain([&head]);
                cells.filter_map(|line| line.get(i)).map(String::len).max().unwrap_or(0)
            })
            .collect()
    };
    let mut out = String::new();
    let all = (!raw).then_some(&head).into_iter().chain(&lines);
    for line in all {
        for (cell, width) in line.iter().zip(&widths) {
            out.push_str(cell);
            out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.len())));
        }
        out.push('\n');
    }
    out
}

/// `show maps [raw] format …`.
pub(super) fn list_maps(view: &View, format: &str, raw: bool, version: Version) -> String {
    let field = |map: &Map, letter| map_field(view, map, letter, version);
    list(format, raw, map_wildcards(version), &view.maps, field)
}

/// `show map X [raw] format …`.
pub(super) fn list_map(view: &View, map: &Map, format: &str, raw: bool, version: Version) -> String {
    let field = |map: &&Map, letter| map_field(view, map, letter, version);
    list(format, raw, map_wildcards(version), &[map], field)
}

/// `show paths [raw] format …`.
pub(super) fn list_paths(view: &View, format: &str, raw: bool, version: Version) -> String {
    let field = |path: &Path, letter| path_field(path, letter, version);
    list(format, raw, path_wildcards(version), &view.paths, field)
}

/// `show wildcards`.
pub(super) fn wildcards(version: Version) -> String {
    let section = |name: &str, letters: &[(char, &str)]| {
        let lines: String = letters.iter().map(|(l, head)| format!("%{l}  {head}\n")).collect();
        format!("{name} format wildcards:\n{lines}")
    };
    let mut out =
        section("multipath", map_wildcards(version)) + "\n" + &section("path", path_wildcards(version));
    if version == Version::V0_9_4 {
        // Later versions dropped the groups from this list.
        let groups = [('s', "selector"), ('p', "pri"), ('t', "dm_st"), ('M', "marginal_st")];
        out = out + "\n" + &section("pathgroup", &groups);
    }
    out
}
