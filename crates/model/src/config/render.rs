//! The drop-in that every managed node makes of `multipath.cfg`. Pure: the same document gives the same bytes on every node.
//!
//! multipathd reads it after `/etc/multipath.conf` and after drop-ins whose names sort before it, and the later value wins. Of the
//! keys that Pathkeeper keeps for itself (`nodes`, `expected-paths`, `used-by`, `comment`) nothing is rendered.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::keywords::{Keyword, Place, refusal};
use super::value::quoted;
use crate::ids::Wwid;
use crate::multipath_cfg::{LunSection, MultipathCfg, Setting};
use crate::section::{Problem, quote};

/// Where it stands, below multipath's own folder `/etc/multipath/conf.d`.
pub const DROP_IN: &str = "60-pathkeeper.conf";
/// Where the administrator's overrides stand: behind all others that are numbered lower.
pub const OVERRIDES_DROP_IN: &str = "90-pathkeeper-overrides.conf";

/// The settings of a document, each of its type and within its bounds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rendered {
    /// What all LUNs get, by keyword of multipath, not yet quoted.
    pub defaults: BTreeMap<String, String>,
    /// What one LUN gets, likewise; its alias among them.
    pub luns: BTreeMap<Wwid, BTreeMap<String, String>>,
}

impl Rendered {
    /// Types and bounds all settings of a document.
    ///
    /// # Errors
    /// Every value that the schema refuses, with its line. Keys that nobody knows are kept in the document, told by
    /// [`unknown_keys`], and are not rendered.
    pub fn of(cfg: &MultipathCfg) -> Result<Self, Vec<Problem>> {
        let (mut rendered, mut problems) = (Self::default(), Vec::new());
        rendered.defaults = accept(&cfg.settings, Place::Defaults, &mut problems);
        for (wwid, lun) in &cfg.luns {
            let mut of = accept(&lun.settings, Place::Both, &mut problems);
            if let Some(alias) = &lun.alias {
                of.insert("alias".into(), alias.clone());
            }
            rendered.luns.insert(wwid.clone(), of);
        }
        if problems.is_empty() { Ok(rendered) } else { Err(problems) }
    }

    /// The drop-in's text, headed by the digest of the document that it was made from.
    pub fn text(&self, digest: &str) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "# Made by Pathkeeper from the cluster's multipath.cfg, digest {digest}.");
        let _ = writeln!(out, "# It is written anew with each change there: pathkeeper config show");
        let _ = writeln!(out, "defaults {{");
        for (name, value) in BASELINE {
            let _ = writeln!(out, "\t{name} {}", quoted(value));
        }
        settings(&mut out, "\t", &self.defaults);
        let _ = writeln!(out, "}}");
        if self.luns.is_empty() {
            return out;
        }
        let _ = writeln!(out, "multipaths {{");
        for (wwid, of) in &self.luns {
            let _ = writeln!(out, "\tmultipath {{\n\t\twwid {}", quoted(wwid.as_str()));
            settings(&mut out, "\t\t", of);
            let _ = writeln!(out, "\t}}");
        }
        let _ = writeln!(out, "}}");
        out
    }
}

/// What Pathkeeper's management rests on, and nobody can set.
const BASELINE: [(&str, &str); 2] = [("find_multipaths", "strict"), ("user_friendly_names", "no")];

fn settings(out: &mut String, indent: &str, of: &BTreeMap<String, String>) {
    for (name, value) in of {
        let _ = writeln!(out, "{indent}{name} {}", quoted(value));
    }
}

fn accept(settings: &[Setting], place: Place, problems: &mut Vec<Problem>) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for Setting { line, key, value } in settings {
        let mut problem =
            |what: String| problems.push(Problem { line: *line, what: format!("{key}: {what}") });
        if let Some(why) = refusal(key) {
            problem(format!("it cannot be set: {why}"));
            continue;
        }
        let Some(keyword) = Keyword::of(key) else { continue };
        if place == Place::Both && keyword.place == Place::Defaults {
            problem("it is for all LUNs alike: it stands in the section defaults".into());
            continue;
        }
        match keyword.kind.accept(value.as_deref()) {
            Ok(value) => {
                out.insert(keyword.name(), value);
            }
            Err(what) => problem(what),
        }
    }
    out
}

/// Keys of a document that are no settings: they are kept, and do nothing.
pub fn unknown_keys(cfg: &MultipathCfg) -> Vec<Problem> {
    let of = |lun: &LunSection| lun.settings.clone();
    let all = cfg.settings.iter().cloned().chain(cfg.luns.values().flat_map(of));
    let odd = all.filter(|setting| Keyword::of(&setting.key).is_none() && refusal(&setting.key).is_none());
    let say = |setting: Setting| Problem {
        line: setting.line,
        what: format!("{} is no setting that Pathkeeper knows: it is kept and not used", quote(&setting.key)),
    };
    odd.map(say).collect()
}
