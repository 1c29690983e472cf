//! What is wrong across LUNs: one LUN under two names, one volume on two LUNs, a volume group that is seen in part.

use std::collections::BTreeMap;

use super::cell::{At, Word};
use super::lun::{Sum, maps};
use super::lun_words::share_lines;
use super::sweep::Sweep;
use super::text::{few, word};
use crate::finding::{Code, Finding, Scope, Severity};
use crate::ids::{NodeName, Wwid};
use crate::local::Pv;
use crate::matrix::RowRef;
use crate::state::State;

/// A finding, and all LUNs that it is about.
pub type About = (Finding, Vec<Wwid>);

/// All of them.
pub fn findings(sweep: &Sweep<'_>, sums: &[Sum<'_>]) -> Vec<About> {
    let lying = Lying::of(sweep, sums);
    let mut found = Vec::new();
    let mut told: Vec<Vec<u32>> = Vec::new();
    for (pv, rows) in lying.pvs.iter().filter(|(_, rows)| rows.len() > 1) {
        if let Some(finding) = one_pv(sweep, sums, pv, rows) {
            told.push(rows.clone());
            found.push(finding);
        }
    }
    same_serial(sweep, sums, &told, &mut found);
    // With a copy of one of its volumes beside it nobody can say what is whole.
    let copied = |group: &Group<'_>| {
        told.iter().any(|rows| rows.iter().filter(|row| group.rows.contains(row)).nth(1).is_some())
    };
    for (uuid, group) in lying.groups.iter().filter(|(_, group)| group.rows.len() > 1 && !copied(group)) {
        found.extend(in_part(sweep, uuid, group));
    }
    found
}

/// A volume group.
#[derive(Default)]
struct Group<'a> {
    name: Option<&'a str>,
    /// Places of the rows that it lies on, ascending.
    rows: Vec<u32>,
}

/// What lies on which rows, by UUID.
#[derive(Default)]
struct Lying<'a> {
    pvs: BTreeMap<&'a str, Vec<u32>>,
    groups: BTreeMap<&'a str, Group<'a>>,
}

impl<'a> Lying<'a> {
    fn of(sweep: &Sweep<'a>, sums: &[Sum<'a>]) -> Self {
        let mut out = Self::default();
        for ((place, row), sum) in (0_u32..).zip(&sweep.rows).zip(sums) {
            let Some(first) = sum.pvs else { continue };
            if sum.pvs_differ {
                maps(&sweep.nodes, row).iter().for_each(|(_, _, map)| out.add(&map.pvs, place));
            } else {
                out.add(&first.pvs, place);
            }
        }
        out
    }

    fn add(&mut self, pvs: &'a [Pv], place: u32) {
        let push = |rows: &mut Vec<u32>| {
            if rows.last() != Some(&place) {
                rows.push(place);
            }
        };
        for pv in pvs {
            if let Some(uuid) = pv.uuid.as_deref() {
                push(self.pvs.entry(uuid).or_default());
            }
            if let Some(uuid) = pv.vg_uuid.as_deref() {
                let group = self.groups.entry(uuid).or_default();
                group.name = group.name.or(pv.vg_name.as_deref());
                push(&mut group.rows);
            }
        }
    }
}

fn rows_at<'s, 'a>(sweep: &'s Sweep<'a>, places: &[u32]) -> Vec<&'s RowRef<'a>> {
    places.iter().filter_map(|place| sweep.rows.get(*place as usize)).collect()
}

fn wwids(rows: &[&RowRef<'_>]) -> Vec<Wwid> {
    rows.iter().map(|row| row.wwid().clone()).collect()
}

/// Nodes that have a map of the row now.
fn carriers<'a>(sweep: &Sweep<'a>, row: &RowRef<'a>) -> Vec<&'a NodeName> {
    maps(&sweep.nodes, row).iter().map(|(at, _, _)| at.name).collect()
}

/// One physical volume on several LUNs: a clone, or one LUN under several WWIDs.
fn one_pv(sweep: &Sweep<'_>, sums: &[Sum<'_>], pv: &str, places: &[u32]) -> Option<About> {
    let rows = rows_at(sweep, places);
    let identities = places.iter().filter_map(|place| sums.get(*place as usize)).map(|sum| sum.identity);
    let bears = |row: &RowRef<'_>, at: &At<'_>| {
        let map = at.whole().and_then(|paths| paths.lun(row.wwid())?.map.as_deref());
        map.is_some_and(|map| map.pvs.iter().any(|other| other.uuid.as_deref() == Some(pv)))
    };
    let both: Vec<&NodeName> = sweep
        .nodes
        .iter()
        .filter(|at| rows.iter().filter(|row| bears(row, at)).nth(1).is_some())
        .map(|at| at.name)
        .collect();
    if both.is_empty() && !contradict(identities) {
        return disagrees(sweep, &rows, &format!("LVM's physical volume {pv} lies on each of them"));
    }
    let first = rows.first()?;
    let names: Vec<&str> = rows.iter().map(|row| sweep.name(row)).collect();
    let seen: Vec<_> = rows.iter().map(|row| (sweep.name(row).to_owned(), carriers(sweep, row))).collect();
    let vg = sums.get(*places.first()? as usize)?.pvs?.pvs.iter().find_map(|pv| pv.vg_name.as_deref());
    let of_vg = vg.map(|vg| format!(" of {vg}")).unwrap_or_default();
    let mut evidence = share_lines(&seen);
    if !both.is_empty() {
        evidence
            .push(format!("{} see both: LVM there takes one of them, and nobody knows which", few(&both)));
    }
    let finding = Finding {
        evidence,
        advice: vec![
            format!("DO NOT activate{} on any node, and do not run pvscan, vgck or vgreduce, before one of them is unmapped", vg.map(|vg| format!(" {vg}")).unwrap_or_default()),
            format!("Array: is one of {} a clone or a snapshot of another? Unmap the copy from these nodes", few(&names)),
            "To use the copy on purpose: map it to a node that has not the original, and there (this changes something): vgimportclone".to_owned(),
        ],
        ..Finding::new(
            Code::VgDuplicate,
            Severity::Error,
            Scope { object: Some(pv.to_owned()), ..Scope::lun(first.wwid()) },
            format!("one physical volume{of_vg} on {} LUNs: {}", rows.len(), few(&names)),
        )
    };
    Some((finding, wwids(&rows)))
}

/// Whether two of them are known to be different LUNs.
fn contradict<'a>(identities: impl Iterator<Item = [&'a str; 3]>) -> bool {
    let mut known = [""; 3];
    for identity in identities {
        for (known, new) in known.iter_mut().zip(identity) {
            if !known.is_empty() && !new.is_empty() && *known != new {
                return true;
            }
            if known.is_empty() {
                *known = new;
            }
        }
    }
    false
}

fn disagrees(sweep: &Sweep<'_>, rows: &[&RowRef<'_>], why: &str) -> Option<About> {
    let [first, second, ..] = rows else { return None };
    let names: Vec<&str> = rows.iter().map(|row| row.wwid().as_str()).collect();
    let mut evidence = vec![why.to_owned()];
    evidence.extend(
        rows.iter()
            .map(|row| format!("{}: {}", row.wwid(), few(carriers(sweep, row))))
            .take(super::text::NAMED_MAX),
    );
    let finding = Finding {
        evidence,
        advice: vec![
            "DO NOT use it from several nodes at once while they call it by different WWIDs: nobody sees that they share it".to_owned(),
            "On each node: multipathd show config | grep -E 'uid_attribute|uid_attrs|getuid'; udevadm info /dev/sdX | grep -E 'ID_SERIAL|DM_UID'".to_owned(),
            "Give all nodes the same udev rules and uid_attribute; a node's maps must be free when their WWID changes".to_owned(),
        ],
        ..Finding::new(
            Code::LunWwidDisagrees,
            Severity::Error,
            Scope { object: Some(second.wwid().to_string()), ..Scope::lun(first.wwid()) },
            format!("one LUN under {} WWIDs: {}", rows.len(), few(&names)),
        )
    };
    Some((finding, wwids(rows)))
}

/// LUNs of the same maker, product, serial and size that no node sees side by side.
fn same_serial(sweep: &Sweep<'_>, sums: &[Sum<'_>], told: &[Vec<u32>], found: &mut Vec<About>) {
    let mut by_identity: BTreeMap<[&str; 3], Vec<u32>> = BTreeMap::new();
    for (place, sum) in (0_u32..).zip(sums) {
        if sum.identity.iter().all(|text| !text.is_empty()) && !sum.identity_differs {
            by_identity.entry(sum.identity).or_default().push(place);
        }
    }
    for ([vendor, product, serial], places) in by_identity.iter().filter(|(_, places)| places.len() > 1) {
        if told.contains(places) {
            continue;
        }
        let rows = rows_at(sweep, places);
        let sizes = places.iter().filter_map(|place| sums.get(*place as usize)?.size_bytes);
        let mut sizes: Vec<(u64, u64)> = sizes.collect();
        sizes.dedup();
        // Some arrays give all of their LUNs one serial number: whoever sees two of them knows that.
        let side_by_side = sweep.nodes.iter().any(|at| {
            let has = |row: &&&RowRef<'_>| {
                at.whole().and_then(|paths| paths.lun(row.wwid())?.map.as_deref()).is_some()
            };
            rows.iter().filter(has).nth(1).is_some()
        });
        if side_by_side || sizes.len() > 1 || !names_a_lun(serial, &rows) {
            continue;
        }
        found.extend(disagrees(
            sweep,
            &rows,
            &format!("each of them is {vendor} {product}, serial {serial}"),
        ));
    }
}

/// Whether a serial number is one LUN's own: some WWID is made from it.
fn names_a_lun(serial: &str, rows: &[&RowRef<'_>]) -> bool {
    let hex: String = serial.bytes().map(|byte| format!("{byte:02x}")).collect();
    let plain = serial.to_ascii_lowercase();
    let is_in = |row: &&RowRef<'_>| {
        let wwid = row.wwid().as_str().to_ascii_lowercase();
        serial.len() >= 4 && (wwid.contains(&plain) || wwid.contains(&hex))
    };
    rows.iter().any(is_in)
}

/// A volume group of which a node sees some LUNs and is not shown the others.
fn in_part(sweep: &Sweep<'_>, uuid: &str, group: &Group<'_>) -> Option<About> {
    let rows = rows_at(sweep, &group.rows);
    let mut lines = Vec::new();
    let mut nodes = Vec::new();
    for at in sweep.nodes.iter().filter(|at| at.word == Word::Whole) {
        let Some(column) = at.column else { continue };
        let cells = rows.iter().map(|row| (*row, row.cell_in(column)));
        let (mut has, mut lacks, mut doubt) = (0_usize, Vec::new(), false);
        for (row, cell) in cells {
            match cell {
                Some(cell) if cell.counts.is_some() => has += 1,
                Some(cell) if cell.state == State::Unknown => doubt = true,
                // What should be there and is not is said by LUN_MISSING.
                Some(_) => {}
                None => lacks.push(sweep.name(row)),
            }
        }
        if has > 0 && !lacks.is_empty() && !doubt {
            nodes.push(at.name);
            lines.push(format!("{} has {has} of {} LUNs, not {}", at.name, rows.len(), few(lacks)));
        }
    }
    if nodes.is_empty() {
        return None;
    }
    let name = group.name.unwrap_or(uuid);
    lines.truncate(super::text::NAMED_MAX);
    lines.push(format!("volume group {name}, UUID {uuid}"));
    let finding = Finding {
        evidence: lines,
        advice: vec![
            format!(
                "DO NOT run vgreduce --removemissing or activate {name} partially on these nodes: it would cut LUNs out that others use"
            ),
            format!("Array: map all LUNs of {name} to {}, or none", few(&nodes)),
            format!(
                "Proxmox VE: storages on {} are for nodes that see all of it: pvesm set ID --nodes …",
                word(name)
            ),
        ],
        ..Finding::new(
            Code::VgIncomplete,
            Severity::Error,
            Scope::object(uuid),
            format!("volume group {name} is seen only in part on {}", few(&nodes)),
        )
    };
    Some((finding, wwids(&rows)))
}
