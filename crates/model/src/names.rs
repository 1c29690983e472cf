//! Words that people gave to ports, and which fabric and controller they belong to: the document `pathkeeper/names`.
//!
//! `{"v":1,"ports":{"50:0a:09:81:86:77:a5:00":{"name":"netapp1 ctl1-0e","fabric":"A","controller":"netapp1 ctl1"}}}`.

use std::collections::{BTreeMap, BTreeSet};

use crate::json::Scanner;
use crate::node_value::{Read, members, text};
use crate::shell::{Problems, Shell, Writer};
use crate::topology::port_text;

/// The document's name in the store.
pub const NAMES_DOCUMENT: &str = "pathkeeper/names";
/// A longer document is not read. It is what a store's document may hold.
pub const BYTES_MAX: usize = 1 << 20;
/// No more ports than this are named.
pub const PORTS_MAX: usize = 8_192;
/// A port, or a word for it, is never longer.
pub const TEXT_BYTES_MAX: usize = crate::report::TEXT_BYTES_MAX;

/// What people said of ports.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    /// By the port's name as [`crate::topology::port_text`] writes it: WWPN, IQN, `address:port`.
    pub ports: BTreeMap<String, Named>,
}

/// What is said of one port, of an adapter or of a target. What is not said is found out as well as can be.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Named {
    /// `netapp1 ctl1-0e`.
    pub name: Option<String>,
    /// Its fabric: `A`.
    pub fabric: Option<String>,
    /// For target ports, its controller: `netapp1 ctl1`.
    pub controller: Option<String>,
}

impl Named {
    /// Nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Names {
    /// Reads the document: what was understood, and what was not, one sentence each.
    pub fn decode(bytes: &[u8]) -> (Self, Vec<String>) {
        match Shell::parse(bytes, "ports", true, BYTES_MAX) {
            Ok(shell) => read_all(&shell),
            Err(why) => (Self::default(), vec![why]),
        }
    }
}

/// A port as people write it, as it is written everywhere: sixteen hex digits, with or without `0x`, `naa.` or colons, are a
/// WWN. `None` if it can be no port's name.
pub fn port_of(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
        return None;
    }
    let bare: String = text.strip_prefix("0x").or_else(|| text.strip_prefix("naa.")).unwrap_or(text).into();
    let pairs = bare.len() == 23 && bare.bytes().skip(2).step_by(3).all(|b| b == b':');
    let digits = if pairs { bare.replace(':', "") } else { bare };
    let is_wwn = digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    Some(if is_wwn { port_text(&format!("0x{digits}")).to_string() } else { text.to_owned() })
}

/// Whether this may be said of a port.
pub fn is_word(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control)
}

fn read_all(shell: &Shell) -> (Names, Vec<String>) {
    let (mut ports, mut problems) = (BTreeMap::new(), Problems::default());
    for (port, item) in shell.items() {
        let Some(name) = port_of(port) else {
            problems.add(|| format!("{port:?} does not count: it is no port's name"));
            continue;
        };
        if ports.len() >= PORTS_MAX {
            problems.add(|| format!("it names more than {PORTS_MAX} ports: the last ones do not count"));
            break;
        }
        match read_named(item) {
            Ok((named, wrong)) => {
                for wrong in wrong {
                    problems.add(|| format!("{wrong} of {port:?} does not count: it is no text for people"));
                }
                ports.insert(name, named);
            }
            Err(e) => problems.add(|| format!("{port:?} does not count: {e}")),
        }
    }
    (Names { ports }, problems.0)
}

/// What is said, and what of it cannot be used.
fn read_named(item: &str) -> Result<(Named, Vec<&'static str>), String> {
    let (mut named, mut wrong) = (Named::default(), Vec::new());
    let mut scan = Scanner::new(item);
    if scan.peek() != Some(b'{') {
        return Err("an object was expected".into());
    }
    let mut member = |key: &str, scan: &mut Scanner<'_>| -> Read<()> {
        let (what, to) = match key {
            "name" => ("name", &mut named.name),
            "fabric" => ("fabric", &mut named.fabric),
            "controller" => ("controller", &mut named.controller),
            _ => return scan.skip(),
        };
        *to = text(scan)?.filter(|text| is_word(text));
        if to.is_none() {
            wrong.push(what);
        }
        Ok(())
    };
    members(&mut scan, &mut member).map_err(|e| e.to_string())?;
    Ok((named, wrong))
}

/// What is to be said of one port from now on: `None` = as before, `Some(None)` = nothing more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Change {
    /// Its name.
    pub name: Option<Option<String>>,
    /// Its fabric.
    pub fabric: Option<Option<String>>,
    /// Its controller.
    pub controller: Option<Option<String>>,
}

impl Change {
    fn apply(&self, named: &mut Named) {
        for (to, change) in [
            (&mut named.name, &self.name),
            (&mut named.fabric, &self.fabric),
            (&mut named.controller, &self.controller),
        ] {
            if let Some(change) = change {
                to.clone_from(change);
            }
        }
    }
}

/// The document, open for a change: what is not understood of it stays as it is.
#[derive(Clone, Debug)]
pub struct NamesDocument(Shell);

impl NamesDocument {
    /// Opens it; an empty one names nothing.
    ///
    /// # Errors
    /// In words, if it must not be written.
    pub fn open(bytes: &[u8]) -> Result<Self, String> {
        Shell::parse(bytes, "ports", true, BYTES_MAX).map(Self)
    }

    /// What is understood of it.
    pub fn names(&self) -> Names {
        read_all(&self.0).0
    }

    /// Says something of ports, named as [`port_of`] gives them, or with `None` nothing more; gives those of which something
    /// else is said now.
    ///
    /// # Errors
    /// In words, if there is no room. Then nothing is changed.
    pub fn apply(&mut self, changes: &BTreeMap<String, Option<Change>>) -> Result<BTreeSet<String>, String> {
        let before = self.names();
        let mut shell = self.0.clone();
        let mut there = BTreeSet::new();
        shell.change(|key, item| {
            let Some((port, change)) = port_of(key).and_then(|port| changes.get_key_value(&port)) else {
                return Some(item);
            };
            if !there.insert(port.clone()) {
                // The same port in another spelling: what counted before is said once from now on.
                return None;
            }
            let mut named = before.ports.get(port).cloned().unwrap_or_default();
            change.as_ref()?.apply(&mut named);
            let others = others(&item);
            (!named.is_empty() || !others.is_empty()).then(|| encode(&named, &others))
        });
        for (port, change) in changes.iter().filter(|(port, _)| !there.contains(*port)) {
            let mut named = Named::default();
            if let Some(change) = change {
                change.apply(&mut named);
            }
            if !named.is_empty() {
                shell.put_new(port, encode(&named, &[]));
            }
        }
        if shell.len() > PORTS_MAX {
            return Err(format!("more than {PORTS_MAX} ports would be named"));
        }
        self.0 = shell;
        let after = self.names();
        let different = |port: &&String| before.ports.get(*port) != after.ports.get(*port);
        Ok(changes.keys().filter(different).cloned().collect())
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }
}

/// What is said of a port beside what this version knows.
fn others(item: &str) -> Vec<(String, String)> {
    let mut others = Vec::new();
    let mut scan = Scanner::new(item);
    let read = members(&mut scan, |key, scan| {
        scan.peek();
        let from = scan.offset();
        scan.skip()?;
        if !matches!(key, "name" | "fabric" | "controller") {
            others.push((key.to_owned(), scan.since(from).to_owned()));
        }
        Ok(())
    });
    debug_assert!(read.is_ok(), "it was read as a whole before");
    others
}

fn encode(named: &Named, others: &[(String, String)]) -> String {
    let mut writer = Writer::new()
        .text("name", named.name.as_deref())
        .text("fabric", named.fabric.as_deref())
        .text("controller", named.controller.as_deref());
    for (key, raw) in others {
        writer = writer.raw(key, raw);
    }
    writer.end()
}
