//! A plan for people.

use std::fmt;

use super::{Plan, Refusal, Value};
use crate::config::effective::SetBy;
use crate::config::node::Use;
use crate::config::{Keyword, Place};
use crate::ids::Wwid;

/// Lines of one kind that are written; the rest is counted.
const LINES_MAX: usize = 20;

impl fmt::Display for Plan {
    /// What would be done, what stands against it, what beats the document; each line can be read by itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { node, .. } = self;
        let mut lines: Vec<String> = Vec::new();
        section(&mut lines, self.refusals.iter().map(|refusal| format!("  refused: {refusal}")));
        let files = self.files.iter().map(|file| {
            let how = match (&file.before, &file.after) {
                (None, _) => "is written for the first time",
                (_, None) => "is removed",
                _ => "is written anew",
            };
            format!("  {} {how}", file.path)
        });
        section(&mut lines, files);
        section(&mut lines, self.add.iter().map(|wwid| format!("  wwids: {wwid} comes")));
        section(&mut lines, self.take_out.iter().map(|wwid| format!("  wwids: {wwid} goes")));
        section(
            &mut lines,
            self.adopted.iter().map(|wwid| format!("  {wwid} was set up by hand and is managed from now on")),
        );
        section(
            &mut lines,
            self.created.iter().map(|map| format!("  map {} appears ({})", map.name, map.wwid)),
        );
        let removed = self.removed.iter().map(|map| {
            let how = if map.open { "loses its queueing and goes when it is closed" } else { "goes" };
            format!("  map {} {how} ({}): it would not be in wwids", map.name, map.wwid)
        });
        section(&mut lines, removed);
        let renamed = self.renamed.iter().map(|map| {
            let places: Vec<String> = map.mentions.iter().take(LINES_MAX).map(ToString::to_string).collect();
            let places = if places.is_empty() {
                String::new()
            } else {
                format!("; the old name stands in {}", places.join(", "))
            };
            format!("  map {} becomes {} ({}){places}", map.from, map.to, map.wwid)
        });
        section(&mut lines, renamed);
        let reloaded = self.reloaded.iter().map(|map| {
            let values: Vec<String> =
                map.values.iter().map(|(key, old, new)| format!("{key} {old} → {new}")).collect();
            format!("  map {} gets other values: {}", map.name, values.join(", "))
        });
        section(&mut lines, reloaded);
        section(
            &mut lines,
            self.holds.iter().map(|hold| {
                let failed = if hold.failed.is_empty() {
                    String::new()
                } else {
                    format!("{} cannot be used", hold.failed.join(", "))
                };
                let few = hold
                    .too_few
                    .map(|(there, wanted)| format!("{there} of {wanted} paths"))
                    .unwrap_or_default();
                let both = if failed.is_empty() || few.is_empty() { "" } else { ", " };
                format!("  held: map {}: {few}{both}{failed}", hold.name)
            }),
        );
        section(&mut lines, self.beaten().map(|value| format!("  {}", value.why_beaten())));
        section(&mut lines, self.notes.iter().map(|note| format!("  note: {note}")));
        if self.initramfs {
            lines.push("  the initramfs holds what was before: update-initramfs -u is due afterwards".into());
        }
        if self.is_nothing() && lines.is_empty() {
            return writeln!(f, "{node}: nothing to do");
        }
        let changes = match self.map_changes() {
            1 => "1 change to maps".to_owned(),
            n => format!("{n} changes to maps"),
        };
        let how = if self.reconfigure { ", multipathd reads its configuration anew" } else { "" };
        writeln!(f, "{node}: {changes}{how}")?;
        lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

fn section(lines: &mut Vec<String>, mut of: impl Iterator<Item = String>) {
    lines.extend(of.by_ref().take(LINES_MAX));
    let more = of.count();
    if more > 0 {
        lines.push(format!("  … and {more} more like these"));
    }
}

impl Value {
    /// What beats the document's value, and what to do.
    fn why_beaten(&self) -> String {
        let Value { keyword, wanted, in_force, set_by, .. } = self;
        let whose = self.wwid.as_ref().map(|wwid| format!(" of {wwid}")).unwrap_or_default();
        let in_lun = Keyword::of(&keyword.replace('_', "-")).is_some_and(|of| of.place == Place::Both);
        let advice = match set_by {
            SetBy::HardwareTable(_) | SetBy::Device(_) if in_lun && self.wwid.is_some() => {
                "the LUN's own section beats it: pathkeeper lun set; or overrides, for all LUNs"
            }
            SetBy::HardwareTable(_) | SetBy::Device(_) => "overrides beat it: pathkeeper overrides edit",
            SetBy::Lun(_) | SetBy::Override(_) | SetBy::Defaults(_) => "take that line out, or the setting",
            SetBy::BuiltIn => "the drop-in is not read",
        };
        format!("{keyword}{whose} stays {in_force} and not {wanted}: {set_by} is stronger; {advice}")
    }
}

fn by(uses: &[Use]) -> String {
    let words: Vec<String> = uses.iter().take(LINES_MAX).map(Use::to_string).collect();
    words.join("; ")
}

/// How a map keeps its name.
fn keep(wwid: &Wwid, name: &str) -> String {
    if name == wwid.as_str() {
        return "keep its name by taking its alias out".to_owned();
    }
    format!("keep its name (pathkeeper lun alias {wwid} {name})")
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let map =
            |name: &Option<String>| name.as_ref().map(|name| format!(", map {name}")).unwrap_or_default();
        match self {
            Refusal::Unknown { what, version } => {
                write!(f, "{what}, and {version}: update it there, or take the setting out")
            }
            Refusal::InUse { wwid, name, uses } => write!(
                f,
                "the LUN {wwid}{} is in use and is not taken out: {}; free it first (pathkeeper can remove lun {wwid})",
                map(name),
                by(uses)
            ),
            Refusal::Goes { wwid, name, uses } if uses.is_empty() => write!(
                f,
                "map {name} ({wwid}) would go, for its WWID would not be in wwids, and nobody confirmed that: allow it (pathkeeper \
                 lun add {wwid} --adopt), or confirm that it goes"
            ),
            Refusal::Goes { wwid, name, uses } => write!(
                f,
                "map {name} ({wwid}) would go, for its WWID would not be in wwids, and it is in use: {}; allow it (pathkeeper lun add \
                 {wwid} --adopt)",
                by(uses)
            ),
            Refusal::Renames { wwid, from, to } => write!(
                f,
                "map {from} ({wwid}) would become {to}, and nobody confirmed that: {}, or confirm it",
                keep(wwid, from)
            ),
            Refusal::RenamesUsed { wwid, from, to, uses } => write!(
                f,
                "map {from} ({wwid}) would become {to} and is in use: {}; {}, or confirm it with --rename-in-use",
                by(uses),
                keep(wwid, from)
            ),
            Refusal::NameTaken { wwid, name, by } => {
                write!(
                    f,
                    "the LUN {wwid} would be named {name}, which is the name of {by}: choose another alias"
                )
            }
            Refusal::HandMade { wwid, name } => write!(
                f,
                "the LUN {wwid}{} was set up by hand on this node: look at it, then pathkeeper config apply --adopt {wwid}",
                map(name)
            ),
            Refusal::Excluded { wwid, name, rule } => {
                write!(
                    f,
                    "the LUN {wwid}{} would be excluded by {rule}: take the rule out, or except the LUN",
                    map(name)
                )
            }
            Refusal::NotListable { wwid } => {
                write!(f, "{wwid} holds a / and cannot stand in the file wwids, so it would get no map")
            }
        }
    }
}
