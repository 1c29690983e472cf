//! `show maps json` and `show map X json`. The daemon writes its JSON by hand and escapes nothing; so do we.

use super::format::{dm_word, marginal_word};
use super::view::{Group, Map, Path, Version, View, failback};
use std::fmt::Write as _;

/// `show maps json`.
pub fn json_maps(view: &View, version: Version) -> String {
    let mut out = head();
    out.push_str("   \"maps\": [");
    for (i, map) in view.maps.iter().enumerate() {
        out.push_str(if i == 0 { "{\n" } else { ",{\n" });
        body(&mut out, view, map, version);
        out.push_str("   }");
    }
    out.push_str("]\n}\n");
    out
}

/// `show map X json`.
pub fn json_map(view: &View, map: &Map, version: Version) -> String {
    let mut out = head();
    out.push_str("   \"map\":{\n");
    body(&mut out, view, map, version);
    out.push_str("   }\n}\n");
    out
}

fn head() -> String {
    "{\n   \"major_version\": 0,\n   \"minor_version\": 1,\n".to_owned()
}

/// One field on its line; text gets quotes, numbers none.
fn text(out: &mut String, depth: usize, key: &str, value: &str) {
    let _ = writeln!(out, "{:width$}\"{key}\" : \"{value}\",", "", width = depth * 3);
}
fn number(out: &mut String, depth: usize, key: &str, value: impl std::fmt::Display) {
    let _ = writeln!(out, "{:width$}\"{key}\" : {value},", "", width = depth * 3);
}

fn body(out: &mut String, view: &View, map: &Map, version: Version) {
    text(out, 2, "name", &map.name);
    text(out, 2, "uuid", &map.wwid);
    text(out, 2, "sysfs", &map.dm);
    text(out, 2, "failback", failback(map, version));
    text(out, 2, "queueing", &view.queueing(map));
    number(out, 2, "paths", view.paths_up(map));
    text(out, 2, "write_prot", &map.write_prot);
    text(out, 2, "dm_st", if map.suspended { "suspend" } else { "active" });
    text(out, 2, "features", &map.features);
    text(out, 2, "hwhandler", &map.hwhandler);
    text(out, 2, "action", &map.action);
    number(out, 2, "path_faults", map.path_faults);
    text(out, 2, "vend", &map.vendor);
    text(out, 2, "prod", &map.product);
    text(out, 2, "rev", &map.revision);
    number(out, 2, "switch_grp", map.switch_grp);
    number(out, 2, "map_loads", map.map_loads);
    number(out, 2, "total_q_time", map.total_q_time_s);
    number(out, 2, "q_timeouts", map.q_timeouts);
    out.push_str("      \"path_groups\": [");
    for (i, group) in map.groups.iter().enumerate() {
        out.push_str(if i == 0 { "{\n" } else { ",{\n" });
        group_body(out, view, group, i + 1);
        out.push_str("      }");
    }
    out.push_str("]\n");
}

fn group_body(out: &mut String, view: &View, group: &Group, position: usize) {
    text(out, 3, "selector", &group.selector);
    number(out, 3, "pri", group.pri);
    text(out, 3, "dm_st", group.status);
    text(out, 3, "marginal_st", marginal_word(group.marginal));
    number(out, 3, "group", position);
    out.push_str("         \"paths\": [");
    for (i, path) in group.paths.iter().filter_map(|&p| view.paths.get(p)).enumerate() {
        out.push_str(if i == 0 { "{\n" } else { ",{\n" });
        path_body(out, path);
        out.push_str("         }");
    }
    out.push_str("]\n");
}

fn path_body(out: &mut String, path: &Path) {
    text(out, 4, "dev", &path.dev);
    text(out, 4, "dev_t", &path.dev_t);
    text(out, 4, "dm_st", dm_word(path.dm));
    text(out, 4, "dev_st", path.dev_st);
    text(out, 4, "chk_st", path.chk.word());
    text(out, 4, "checker", path.checker.unwrap_or("(null)"));
    number(out, 4, "pri", path.pri);
    text(out, 4, "host_wwnn", &path.host_wwnn);
    text(out, 4, "target_wwnn", &path.target_wwnn);
    text(out, 4, "host_wwpn", &path.host_wwpn);
    text(out, 4, "target_wwpn", &path.target_wwpn);
    text(out, 4, "host_adapter", &path.host_adapter);
    text(out, 4, "lun_hex", &path.lun_hex);
    let _ = writeln!(out, "            \"marginal_st\" : \"{}\"", marginal_word(path.marginal));
}
