//! What a person means by the name behind "can I".

use std::collections::BTreeSet;

use super::{Deed, Ground};
use crate::cause::Way;
use crate::explain::{self, Object};
use crate::ids::{NodeName, Wwid};
use crate::topology::port_text;
use crate::windows::WindowOn;

/// More guesses than this help nobody.
const NEAR_MAX: usize = 6;
/// How like a name must be (Jaro-Winkler, 0 to 1).
const NEAR_LEAST: f64 = 0.8;

/// A name that means nothing here, or more than one thing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what}{}", if near.is_empty() { String::new() } else { format!("; is it {}?", near.join(", ")) })]
pub struct Unknown {
    /// What is wrong with it.
    pub what: String,
    /// What was perhaps meant.
    pub near: Vec<String>,
}

/// What would be away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Thing {
    /// Node, the name that findings call the adapter, its port.
    Hba(NodeName, String, String),
    Port(String),
    Controller(String),
    Fabric(String),
}

impl Thing {
    pub fn takes(&self, way: &Way<'_>) -> bool {
        match self {
            Thing::Hba(node, object, port) => {
                way.node == node && (way.adapter == Some(object) || way.adapter_port == Some(port))
            }
            Thing::Port(name) => way.port == Some(name) || way.adapter_port == Some(name),
            Thing::Controller(name) => way.controller == Some(name),
            Thing::Fabric(name) => way.fabric == Some(name),
        }
    }

    /// What windows on it are called.
    pub fn windows(&self) -> Vec<WindowOn> {
        match self {
            Thing::Hba(_, _, port) => vec![WindowOn::Port(port.clone())],
            Thing::Port(name) => vec![WindowOn::Port(name.clone())],
            Thing::Controller(name) => vec![WindowOn::Controller(name.clone())],
            Thing::Fabric(name) => vec![WindowOn::Fabric(name.clone())],
        }
    }

    /// It is known of each way whether it is in there.
    pub fn is_known_of(&self, way: &Way<'_>) -> bool {
        match self {
            Thing::Hba(node, ..) => way.node != node || way.adapter_port.is_some(),
            Thing::Port(_) => way.port.is_some(),
            Thing::Controller(_) => way.controller.is_some(),
            Thing::Fabric(_) => way.fabric.is_some(),
        }
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Thing::Hba(node, object, _) => write!(f, "{node}/{object}"),
            Thing::Port(name) => write!(f, "port {name}"),
            Thing::Controller(name) => write!(f, "controller {name}"),
            Thing::Fabric(name) => write!(f, "fabric {name}"),
        }
    }
}

fn unknown<'n>(what: String, asked: &str, names: impl Iterator<Item = &'n str>) -> Unknown {
    let asked = asked.to_lowercase();
    let mut near: Vec<(f64, &str)> = names
        .collect::<BTreeSet<&str>>()
        .into_iter()
        .map(|name| {
            let lower = name.to_lowercase();
            let inside =
                asked.len().min(lower.len()) > 2 && (lower.contains(&asked) || asked.contains(&lower));
            (strsim::jaro_winkler(&asked, &lower).max(if inside { 1.0 } else { 0.0 }), name)
        })
        .filter(|(like, _)| *like >= NEAR_LEAST)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    Unknown { what, near: near.into_iter().take(NEAR_MAX).map(|(_, name)| name.to_owned()).collect() }
}

pub(super) fn node(name: &str, ground: Ground<'_>) -> Result<NodeName, Unknown> {
    let nodes = &ground.picture.nodes;
    nodes
        .get_key_value(name)
        .map(|(node, _)| node.clone())
        .ok_or_else(|| unknown(format!("no node is called {name}"), name, nodes.keys().map(NodeName::as_str)))
}

pub(super) fn lun(name: &str, ground: Ground<'_>) -> Result<Wwid, Unknown> {
    let rows = ground.picture.matrix.rows();
    let named: BTreeSet<Wwid> = rows
        .filter(|row| row.wwid().as_str() == name || row.alias() == Some(name))
        .map(|r| r.wwid().clone())
        .collect();
    if named.len() == 1
        && let Some(wwid) = named.into_iter().next()
    {
        return Ok(wwid);
    }
    match explain::resolve(name, ground.picture, ground.causes, ground.findings) {
        Ok(Object::Lun(wwid)) => Ok(wwid),
        Err(why @ explain::Unresolved::Ambiguous { .. }) => {
            Err(Unknown { what: why.to_string(), near: Vec::new() })
        }
        _ => {
            let labels: Vec<String> = ground
                .picture
                .matrix
                .rows()
                .flat_map(|row| [row.wwid().to_string(), explain::label(row.wwid(), ground.picture)])
                .collect();
            Err(unknown(format!("no LUN is called {name}"), name, labels.iter().map(String::as_str)))
        }
    }
}

pub(super) fn thing(deed: Deed, name: &str, ground: Ground<'_>) -> Result<Thing, Unknown> {
    let domains = ground.causes.domains();
    match deed {
        Deed::OfflineHba => hba(name, ground),
        Deed::OfflineController => match domains.controllers().find(|known| *known == name) {
            Some(known) => Ok(Thing::Controller(known.to_owned())),
            None => Err(unknown(format!("no controller is called {name}"), name, domains.controllers())),
        },
        Deed::OfflineFabric => match domains.fabrics().find(|known| *known == name) {
            Some(known) => Ok(Thing::Fabric(known.to_owned())),
            None => Err(unknown(format!("no fabric is called {name}"), name, domains.fabrics())),
        },
        _ => {
            let text = port_text(name);
            let known =
                domains.ports().find(|port| **port == *text || domains.word_of_port(port) == Some(name));
            if let Some(known) = known {
                return Ok(Thing::Port(known.to_owned()));
            }
            let words = domains.ports().filter_map(|port| domains.word_of_port(port));
            let what = match hba_of_port(&text, ground) {
                Some(hba) => {
                    format!("{name} is no target port but an adapter's: pathkeeper can offline hba {hba}")
                }
                None => format!("no target port is called {name}"),
            };
            Err(unknown(what, name, domains.ports().chain(words)))
        }
    }
}

fn hba_of_port(port: &str, ground: Ground<'_>) -> Option<String> {
    ground.picture.nodes.keys().find_map(|node| {
        let mut adapters = ground.causes.domains().adapters(node);
        adapters.find(|(_, of, _)| *of == port).map(|(object, ..)| format!("{node}/{object}"))
    })
}

fn hba(name: &str, ground: Ground<'_>) -> Result<Thing, Unknown> {
    let domains = ground.causes.domains();
    let all: Vec<String> = ground
        .picture
        .nodes
        .keys()
        .flat_map(|node| domains.adapters(node).map(move |(object, ..)| format!("{node}/{object}")))
        .collect();
    let Some((of, adapter)) = name.split_once('/') else {
        return Err(unknown(
            format!("{name}: an adapter is named NODE/HBA"),
            name,
            all.iter().map(String::as_str),
        ));
    };
    let of = node(of, ground)?;
    let text = port_text(adapter);
    let known = domains.adapters(&of).find(|(object, port, _)| *object == adapter || **port == *text);
    // A host of which a port has several.
    let known = known.map(|(object, port, _)| (object.to_owned(), port.to_owned())).or_else(|| {
        let routes = &ground.picture.nodes.get(&of)?.paths?.routes;
        let route = routes.iter().find(|route| route.adapter.as_deref() == Some(adapter))?;
        Some((adapter.to_owned(), route.adapter_port.to_string()))
    });
    match known {
        Some((object, port)) => Ok(Thing::Hba(of, object, port)),
        None => Err(unknown(
            format!("{of} has no adapter {adapter} with paths"),
            name,
            all.iter().map(String::as_str),
        )),
    }
}
