//! Whether a node is as the plan says, seen from what it was before. The words are for people.

use pathkeeper_model::Wwid;

use super::plan::{Before, Plan, PlannedMap};
use super::sight::{SeenMap, SeenPath, Sight};

/// Sentences of one kind that are told; then only their number.
const SENTENCES_MAX: usize = 16;

/// What a look says of a plan that was applied.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Findings {
    /// Why multipathd is not idle; then nothing else is known.
    pub(super) not_idle: Option<String>,
    /// Not as planned, and not because a path was lost.
    pub(super) wrong: Vec<String>,
    /// Paths that the kernel lost meanwhile: no fault of the configuration.
    pub(super) lost: Vec<String>,
    /// Values of ours that are not in force.
    pub(super) drift: Vec<String>,
    /// Something shows that multipathd has read the files anew.
    pub(super) evidence: bool,
}

impl Findings {
    /// Nothing is wrong, as far as maps and paths say.
    pub(super) fn is_sound(&self) -> bool {
        self.not_idle.is_none() && self.wrong.is_empty()
    }
}

/// Compares. `back` is for a node whose files were put back: names and devices as before, and no values.
pub(super) fn look(plan: &Plan, before: &Before, sight: &Sight, back: bool) -> Findings {
    let mut out = Findings { not_idle: sight.not_idle(), ..Findings::default() };
    if out.not_idle.is_some() {
        return out;
    }
    let rebooted = sight.boot_id != before.boot_id;
    if rebooted {
        out.evidence = true;
        out.lost.push("the node was booted meanwhile: devices cannot be compared".to_owned());
    } else if let Some(pid) = sight.idle_pid().filter(|pid| *pid != before.pid && !back) {
        out.wrong.push(format!(
            "multipathd was restarted meanwhile (process {} before, {pid} now): look at journalctl -u multipathd",
            before.pid
        ));
        out.evidence = true;
    }
    for was in &before.maps {
        let planned = plan.maps.iter().find(|map| map.wwid == was.wwid);
        let name = match planned {
            Some(PlannedMap { name_after: None, .. }) if !back => continue,
            Some(PlannedMap { name_after: Some(name), .. }) if !back => name,
            _ => &was.name,
        };
        known_map(was, name, rebooted, sight, &mut out);
    }
    if !back {
        for map in &plan.maps {
            new_map(map, before, sight, &mut out);
        }
        values(plan, before, sight, &mut out);
        let renamed = |map: &PlannedMap| {
            map.name_before.is_some() && map.name_after.is_some() && map.name_before != map.name_after
        };
        out.evidence |=
            plan.maps.iter().filter(|map| renamed(map)).any(|map| {
                sight.map(&map.wwid).is_some_and(|now| Some(&now.name) == map.name_after.as_ref())
            });
    }
    out.evidence |= before.config_digest.is_some()
        && sight.config_digest.is_some()
        && before.config_digest != sight.config_digest;
    for list in [&mut out.wrong, &mut out.lost, &mut out.drift] {
        shorten(list);
    }
    out
}

fn known_map(was: &SeenMap, name: &str, rebooted: bool, sight: &Sight, out: &mut Findings) {
    let Some(now) = sight.map(&was.wwid) else {
        // A map whose last path was taken from the machine goes with it.
        let gone = match rebooted {
            true => !sight.sees(&was.wwid),
            false => was.paths.iter().all(|path| !sight.working.contains(&path.dev_t)),
        };
        let what = format!("map {} ({}) is gone", was.name, was.wwid);
        if gone {
            out.lost.push(format!("{what}, as are all of its paths"));
        } else {
            out.wrong.push(what);
        }
        return;
    };
    if now.name != name {
        out.wrong
            .push(format!("map {} ({}) is called {}, and should be {name}", was.name, was.wwid, now.name));
    }
    if rebooted {
        return;
    }
    if now.dm != was.dm {
        let text = |dm: &Option<String>| dm.clone().unwrap_or_else(|| "unknown".to_owned());
        out.wrong.push(format!(
            "map {} ({}) is another device: {} before, {} now",
            now.name,
            was.wwid,
            text(&was.dm),
            text(&now.dm)
        ));
    }
    for path in was.paths.iter().filter(|path| path.usable) {
        let what = format!("path {} ({}) of map {}", path.dev, path.dev_t, now.name);
        match now.paths.iter().find(|now| now.dev_t == path.dev_t) {
            Some(now) if now.usable => {}
            Some(_) => out.lost.push(format!("{what} failed meanwhile, by the kernel's word")),
            None if sight.working.contains(&path.dev_t) => {
                out.wrong.push(format!("{what} is in it no more, and the kernel says that it works"));
            }
            None => out.lost.push(format!("{what} is gone, by the kernel's word")),
        }
    }
}

fn new_map(planned: &PlannedMap, before: &Before, sight: &Sight, out: &mut Findings) {
    let Some(name) = &planned.name_after else { return };
    if before.maps.iter().any(|map| map.wwid == planned.wwid) || !sight.sees(&planned.wwid) {
        return;
    }
    match sight.map(&planned.wwid) {
        Some(map) if map.name == *name => out.evidence = true,
        Some(map) => {
            out.wrong.push(format!(
                "the new map of {} is called {}, and should be {name}",
                planned.wwid, map.name
            ));
        }
        None => out.wrong.push(format!("no map {name} came of LUN {}, which this node sees", planned.wwid)),
    }
}

fn values(plan: &Plan, before: &Before, sight: &Sight, out: &mut Findings) {
    let in_force = sight.values();
    for (wwid, key, value) in wanted(plan).filter(|(wwid, ..)| sight.map(wwid).is_some()) {
        let now = in_force.get(&(wwid.to_string(), key.clone()));
        if now == Some(value) {
            out.evidence |= !before.held.iter().any(|(of, held)| of == wwid && held == key);
            continue;
        }
        let now = now.map_or("not set".to_owned(), |now| format!("{now:?}"));
        out.drift.push(format!(
            "{key} of LUN {wwid} is {now}, not {value:?}: a stronger section or a later file wins"
        ));
    }
}

fn wanted(plan: &Plan) -> impl Iterator<Item = (&Wwid, &String, &String)> {
    plan.maps.iter().flat_map(|map| map.values.iter().map(move |(key, value)| (&map.wwid, key, value)))
}

/// The node as it is now, for comparing later.
pub(super) fn snapshot(plan: &Plan, sight: &Sight, pid: u32) -> Before {
    let in_force = sight.values();
    let held = wanted(plan)
        .filter(|(wwid, key, value)| in_force.get(&(wwid.to_string(), (*key).clone())) == Some(*value))
        .map(|(wwid, key, _)| (wwid.clone(), key.clone()))
        .collect();
    Before {
        boot_id: sight.boot_id.clone(),
        pid,
        maps: sight.maps.clone(),
        config_digest: sight.config_digest.clone(),
        held,
    }
}

/// Why the plan is none for this node as it is: maps that it does not know, or knows otherwise.
pub(super) fn stale(plan: &Plan, sight: &Sight) -> Vec<String> {
    let mut out = Vec::new();
    for map in &sight.maps {
        match plan.maps.iter().find(|planned| planned.wwid == map.wwid) {
            Some(planned) if planned.name_before.as_ref() == Some(&map.name) => {}
            Some(planned) => {
                let was = planned.name_before.as_deref().unwrap_or("not there");
                out.push(format!("map {} ({}) was {was} when the plan was made", map.name, map.wwid));
            }
            None => out.push(format!("map {} ({}) is not in the plan", map.name, map.wwid)),
        }
    }
    for planned in &plan.maps {
        if let Some(name) = &planned.name_before
            && sight.map(&planned.wwid).is_none()
        {
            out.push(format!("map {name} ({}) is there no more", planned.wwid));
        }
    }
    shorten(&mut out);
    out
}

/// Maps for whose paths a `reconfigure` has to wait.
pub(super) fn holding(plan: &Plan, sight: &Sight) -> Vec<String> {
    let mut out = Vec::new();
    for map in &sight.maps {
        let planned = plan.maps.iter().find(|planned| planned.wwid == map.wwid);
        if planned.is_some_and(|planned| planned.name_after.is_none()) {
            continue;
        }
        let failed: Vec<&str> =
            map.paths.iter().filter(|path| !path.usable).map(|path| path.dev.as_str()).collect();
        let expected = planned.and_then(|planned| planned.paths_expected).unwrap_or(0) as usize;
        if !failed.is_empty() {
            out.push(format!("map {} ({}) has failed paths: {}", map.name, map.wwid, failed.join(", ")));
        } else if map.paths.len() < expected {
            let has = map.paths.len();
            out.push(format!("map {} ({}) has {has} paths of {expected} expected ones", map.name, map.wwid));
        }
    }
    shorten(&mut out);
    out
}

/// Paths that were usable before and are not now; empty where it is safe to reconfigure. After a boot, when paths cannot be
/// told by their numbers: all that are not usable.
pub(super) fn unusable(before: &Before, sight: &Sight) -> Vec<String> {
    let in_maps = || sight.maps.iter().flat_map(|map| map.paths.iter().map(move |path| (map, path)));
    let words =
        |map: &SeenMap, path: &SeenPath| format!("path {} ({}) of map {}", path.dev, path.dev_t, map.name);
    let mut out: Vec<String> = if sight.boot_id != before.boot_id {
        in_maps().filter(|(_, path)| !path.usable).map(|(map, path)| words(map, path)).collect()
    } else {
        let is_usable = |dev_t: &str| match in_maps().find(|(_, path)| path.dev_t == dev_t) {
            Some((_, path)) => path.usable,
            // One that the new configuration put out of its map is what going back shall mend.
            None => sight.working.iter().any(|working| working == dev_t),
        };
        before
            .maps
            .iter()
            .flat_map(|map| map.paths.iter().map(move |path| (map, path)))
            .filter(|(_, path)| path.usable && !is_usable(&path.dev_t))
            .map(|(map, path)| words(map, path))
            .collect()
    };
    shorten(&mut out);
    out
}

fn shorten(list: &mut Vec<String>) {
    let more = list.len().saturating_sub(SENTENCES_MAX);
    if more > 0 {
        list.truncate(SENTENCES_MAX);
        list.push(format!("and {more} more"));
    }
}
