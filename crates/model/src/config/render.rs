//! The drop-ins that every managed node makes of the cluster's documents. Pure: the same documents give the same bytes on every
//! node, in whatever order somebody typed things.
//!
//! multipathd reads them after `/etc/multipath.conf` and after drop-ins whose names sort before, and the later value wins. Of the
//! keys that Pathkeeper keeps for itself (`nodes`, `expected-paths`, `used-by`, `comment`) nothing is rendered.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::overrides::Overrides;
use super::value::quoted;
use crate::ids::Wwid;
use crate::multipath_cfg::{CONFIG_DOCUMENT, MultipathCfg, Setting};

/// How the lines begin that stand above what was rendered.
const HEADER: [&str; 2] = [
    "# Made by Pathkeeper from the cluster's",
    "# It is written anew with each change there: pathkeeper config show",
];

/// Where drop-ins of multipath stand.
pub const DROP_IN_FOLDER: &str = "/etc/multipath/conf.d";
/// What is made of `multipath.cfg`, in [`DROP_IN_FOLDER`].
pub const DROP_IN: &str = "60-pathkeeper.conf";
/// What is made of `multipath-overrides.conf`: read behind all others that are numbered lower.
pub const OVERRIDES_DROP_IN: &str = "90-pathkeeper-overrides.conf";

/// What Pathkeeper's management rests on, and nobody can set.
pub const BASELINE: [(&str, &str); 2] = [("find_multipaths", "strict"), ("user_friendly_names", "no")];

/// Both drop-ins as they should stand; `None`: there should be none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DropIns {
    /// The text of [`DROP_IN`].
    pub config: Option<String>,
    /// The text of [`OVERRIDES_DROP_IN`].
    pub overrides: Option<String>,
}

/// What a document says to multipath, each value of its type and within its bounds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rendered {
    /// What all LUNs get, by keyword of multipath, not yet quoted.
    pub defaults: BTreeMap<String, String>,
    /// What one LUN gets, likewise; its alias among them.
    pub luns: BTreeMap<Wwid, BTreeMap<String, String>>,
}

impl Rendered {
    /// What a document says. A [`MultipathCfg`] holds no value that the schema refuses.
    pub fn of(cfg: &MultipathCfg) -> Self {
        let mut luns = BTreeMap::new();
        for (wwid, lun) in &cfg.luns {
            let mut of = by_name(&lun.settings);
            if let Some(alias) = &lun.alias {
                of.insert("alias".into(), alias.clone());
            }
            luns.insert(wwid.clone(), of);
        }
        Self { defaults: by_name(&cfg.settings), luns }
    }

    /// The drop-in's text, headed by the digest of the document that it was made from.
    pub fn text(&self, digest: &str) -> String {
        let mut out = header(CONFIG_DOCUMENT, digest);
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

/// The drop-in that holds the administrator's overrides, word for word below the header.
pub fn overrides_text(overrides: &Overrides, digest: &str) -> String {
    let mut out = header("multipath-overrides.conf", digest);
    out.push_str(overrides.text());
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

/// The text of a drop-in of ours without what [`Rendered`] and [`overrides_text`] put above it; other texts as they are.
pub fn without_header(text: &str) -> &str {
    let mut rest = text;
    for begin in HEADER {
        match rest.strip_prefix(begin).and_then(|rest| rest.split_once('\n')) {
            Some((_, after)) => rest = after,
            None => return text,
        }
    }
    rest
}

fn header(document: &str, digest: &str) -> String {
    // A digest is hex; whatever else were given, it ends no line.
    let digest: String = digest.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    let [made, anew] = HEADER;
    format!("{made} {document}, digest {digest}.\n{anew}\n")
}

fn settings(out: &mut String, indent: &str, of: &BTreeMap<String, String>) {
    for (name, value) in of {
        let _ = writeln!(out, "{indent}{name} {}", quoted(value));
    }
}

fn by_name(settings: &[Setting]) -> BTreeMap<String, String> {
    let of = |setting: &Setting| Some((setting.key.replace('-', "_"), setting.rendered.clone()?));
    settings.iter().filter_map(of).collect()
}
