//! Which object a person means by a name. Everything that is printed anywhere is understood.

use std::collections::BTreeSet;

use super::{NAMES_MAX, Object, label};
use crate::cause::Causes;
use crate::finding::{Code, Finding};
use crate::picture::Picture;
use crate::topology::port_text;

/// The shortest end of a WWID that counts as a name.
const ENDING_MIN: usize = 6;

/// A name that means nothing, or more than one thing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unresolved {
    /// Nothing here is called so.
    #[error("nothing here is called {name}: pathkeeper status --all, nodes and names list show what is")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// Several things are.
    #[error("{name} may be any of {}: say which", candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Some of them.
        candidates: Vec<String>,
    },
}

/// What a name means: a whole name first, then a unique end of a WWID.
///
/// # Errors
/// If it means nothing, or several things.
pub fn resolve(
    name: &str,
    picture: &Picture<'_>,
    causes: &Causes,
    findings: &[Finding],
) -> Result<Object, Unresolved> {
    let mut found = BTreeSet::new();
    for row in picture.matrix.rows() {
        if row.wwid().as_str() == name || row.alias() == Some(name) {
            found.insert(Object::Lun(row.wwid().clone()));
        }
        if row.used_by() == Some(name) {
            found.insert(Object::Storage(name.to_owned()));
        }
    }
    if found.is_empty() {
        found.extend(map_names(name, picture));
    }
    let (before, behind) = name.split_once('/').unwrap_or((name, ""));
    if let Some((node, known)) = picture.nodes.get_key_value(before) {
        if behind.is_empty() && !name.contains('/') {
            found.insert(Object::Node(node.clone()));
        } else {
            let adapters =
                known.about.iter().flat_map(|about| &about.adapters).map(|adapter| adapter.name.as_str());
            let routes = known.paths.iter().flat_map(|paths| &paths.routes);
            let mut names = adapters
                .chain(routes.flat_map(|r| r.adapter.as_deref().into_iter().chain([&*r.adapter_port])));
            if names.any(|known| known == behind) {
                found.insert(Object::Hba(node.clone(), behind.to_owned()));
            }
        }
    }
    if let Some(code) = Code::ALL.iter().find(|code| code.as_str().eq_ignore_ascii_case(name)) {
        found.insert(Object::Code(*code));
    }
    ports(name, picture, &mut found);
    for cause in causes.list().iter().chain(findings) {
        let object = cause.scope.object.as_deref().filter(|_| cause.scope.node.is_none());
        match (cause.code, object) {
            (Code::FabricDown, Some(object)) if object == name => {
                found.insert(Object::Fabric(name.to_owned()));
            }
            (Code::ControllerDown, Some(object)) if object == name => {
                found.insert(Object::Controller(name.to_owned()));
            }
            (Code::StorageBaseMissing | Code::StorageNobody | Code::StorageNodeUnknown, Some(object))
                if object == name =>
            {
                found.insert(Object::Storage(name.to_owned()));
            }
            _ => {}
        }
    }
    if found.is_empty() && name.len() >= ENDING_MIN {
        let rows = picture.matrix.rows().filter(|row| row.wwid().as_str().ends_with(name));
        found.extend(rows.map(|row| Object::Lun(row.wwid().clone())));
    }
    one(name, found, picture)
}

fn map_names(name: &str, picture: &Picture<'_>) -> BTreeSet<Object> {
    let paths = picture.nodes.values().filter_map(|node| node.paths);
    let luns = paths.flat_map(|paths| &paths.luns);
    let named = luns.filter(|lun| lun.map.as_deref().is_some_and(|map| &*map.name == name));
    named.map(|lun| Object::Lun(lun.wwid.clone())).collect()
}

fn ports(name: &str, picture: &Picture<'_>, found: &mut BTreeSet<Object>) {
    let text = port_text(name);
    for (port, named) in &picture.names.ports {
        if named.name.as_deref() == Some(name) {
            found.insert(Object::Port(port.clone()));
        }
        if named.fabric.as_deref() == Some(name) {
            found.insert(Object::Fabric(name.to_owned()));
        }
        if named.controller.as_deref() == Some(name) {
            found.insert(Object::Controller(name.to_owned()));
        }
    }
    let routes = picture.nodes.values().filter_map(|node| node.paths).flat_map(|paths| &paths.routes);
    if !text.is_empty() && routes.into_iter().any(|r| r.target_port == text || r.adapter_port == text) {
        found.insert(Object::Port(text.to_string()));
    }
}

fn one(name: &str, found: BTreeSet<Object>, picture: &Picture<'_>) -> Result<Object, Unresolved> {
    let mut all = found.into_iter();
    let Some(first) = all.next() else { return Err(Unresolved::Unknown { name: name.to_owned() }) };
    let rest: Vec<Object> = all.collect();
    if rest.is_empty() {
        return Ok(first);
    }
    let word = |object: &Object| match object {
        Object::Lun(wwid) => format!("LUN {wwid} ({})", label(wwid, picture)),
        other => format!("{} {other}", other.kind()),
    };
    let candidates = std::iter::once(&first).chain(&rest).take(NAMES_MAX).map(word).collect();
    Err(Unresolved::Ambiguous { name: name.to_owned(), candidates })
}
