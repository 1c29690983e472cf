//! A cluster's words as text, for tests of expectations.

use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_model::detail::{Carried, Facts, OnMap};
use pathkeeper_model::expect::{By, Expectations, Outcome};
use pathkeeper_model::ledger::VgMark;
use pathkeeper_model::local::Pv;
use pathkeeper_model::multipath_cfg::{MultipathCfg, Reading};
use pathkeeper_model::orders::{Order, OrderKind, Orders};
use pathkeeper_model::storage_cfg::StorageCfg;
use pathkeeper_model::{EpochS, NodeName, Wwid};

pub fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

pub fn wwid(text: &str) -> Wwid {
    Wwid::new(text).unwrap()
}

pub fn names(text: &str) -> BTreeSet<NodeName> {
    text.split_whitespace().map(name).collect()
}

pub fn storages(text: &str) -> StorageCfg {
    StorageCfg::parse(text.as_bytes())
}

pub fn config(text: &str) -> MultipathCfg {
    match Reading::parse(Some(text.as_bytes())) {
        Reading::Good(cfg) => cfg,
        other => panic!("{other:?}"),
    }
}

/// `vg0/U1`, `vg0` (UUID not known), `?` (nothing known), empty (no physical volume).
fn pv(text: &str) -> Option<Pv> {
    if text.is_empty() {
        return None;
    }
    let (vg, uuid) = text.split_once('/').map_or((text, None), |(vg, uuid)| (vg, Some(uuid)));
    Some(Pv {
        uuid: Some("pv".into()),
        vg_name: Some(vg).filter(|vg| *vg != "?").map(str::to_owned),
        vg_uuid: uuid.map(str::to_owned),
    })
}

/// Words: `led:w1`, `led:w1@50` (since), `led:w1=vg0/U1` (its mark); `map:w1`, `map:w1=vg0`, `map:w1>iqn.target`; `w1` or
/// `w1=vg0/U1` is both.
pub fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    for word in text.split_whitespace() {
        let (led, map, rest) = match word.split_once(':') {
            Some(("led", rest)) => (true, false, rest),
            Some(("map", rest)) => (false, true, rest),
            _ => (true, true, word),
        };
        let (rest, target) = rest.split_once('>').map_or((rest, None), |(rest, t)| (rest, Some(t)));
        let (rest, since) = rest.split_once('@').map_or((rest, 100), |(rest, t)| (rest, t.parse().unwrap()));
        let (lun, vg) = rest.split_once('=').unwrap_or((rest, ""));
        let pv = pv(vg);
        if led {
            let mark = pv.clone().and_then(|pv| Some(VgMark { name: pv.vg_name?, uuid: pv.vg_uuid }));
            facts.ledger.insert(wwid(lun), Carried { since: EpochS(since), vg: mark });
        }
        if map {
            let on = OnMap {
                pvs: pv.into_iter().collect(),
                targets: target.into_iter().map(str::to_owned).collect(),
            };
            facts.maps.insert(wwid(lun), on);
        }
    }
    facts
}

/// `retire w1`, `retire w1 a`, `forget w1`; one order a line.
pub fn orders(text: &str) -> Orders {
    let order = |(n, line): (usize, &str)| {
        let mut words = line.split_whitespace();
        let kind = match words.next().unwrap() {
            "retire" => OrderKind::Retire,
            "forget" => OrderKind::Forget,
            _ => OrderKind::AckPaths { paths: BTreeMap::new() },
        };
        let wwid = wwid(words.next().unwrap());
        let node = words.next().map(name);
        Order { id: n.to_string(), kind, wwid, node, by: "root@pam".into(), time: EpochS(n as i64) }
    };
    Orders { entries: text.lines().map(str::trim).filter(|l| !l.is_empty()).enumerate().map(order).collect() }
}

/// All that can be told.
#[derive(Clone, Default)]
pub struct World {
    pub members: String,
    pub storages: Option<String>,
    pub config: Option<String>,
    pub orders: String,
    pub nodes: Vec<(&'static str, String)>,
    pub silent: Vec<&'static str>,
}

impl World {
    pub fn new(members: &str) -> Self {
        Self { members: members.into(), ..Self::default() }
    }
    pub fn storages(mut self, text: &str) -> Self {
        self.storages = Some(text.into());
        self
    }
    pub fn config(mut self, text: &str) -> Self {
        self.config = Some(text.into());
        self
    }
    pub fn orders(mut self, text: &str) -> Self {
        self.orders = text.into();
        self
    }
    pub fn node(mut self, node: &'static str, text: &str) -> Self {
        self.nodes.push((node, text.into()));
        self
    }
    pub fn silent(mut self, node: &'static str) -> Self {
        self.silent.push(node);
        self
    }

    pub fn tell(&self, to: &mut Expectations) {
        to.set_members(&names(&self.members));
        to.set_storages(self.storages.as_deref().map(storages).as_ref());
        if let Some(text) = &self.config {
            to.set_config(&config(text));
        }
        to.set_orders(&orders(&self.orders));
        for (node, text) in &self.nodes {
            to.set_node(&name(node), Some(&facts(text)));
            to.set_heard(&name(node), !self.silent.contains(node));
        }
    }

    pub fn made(&self) -> Expectations {
        let mut made = Expectations::new();
        self.tell(&mut made);
        made.take_changes();
        made
    }

    /// `w1 a,b storage:s1` a line; LUNs that nobody should carry are left out.
    pub fn lines(&self) -> Vec<String> {
        lines(&self.made())
    }

    pub fn codes(&self) -> Vec<String> {
        let found = self.made().findings(&Default::default());
        found
            .iter()
            .map(|f| format!("{} {}", f.code.as_str(), f.scope.object.clone().unwrap_or_default()))
            .collect()
    }
}

pub fn by(outcome: &Outcome) -> String {
    let word = |by: &By| match by {
        By::Nodes => "nodes".to_owned(),
        By::Storages(ids) => format!("storage:{}", ids.join("+")),
        By::Ledger(EpochS(since)) => format!("ledger@{since}"),
        By::Active => "active".to_owned(),
    };
    outcome.by.iter().map(word).collect::<Vec<_>>().join(" ")
}

pub fn all(of: &Expectations) -> BTreeMap<Wwid, Outcome> {
    let luns = ["w1", "w2", "w3", "w4"].map(wwid);
    luns.into_iter().filter_map(|lun| Some((lun.clone(), of.of(&lun)?.clone()))).collect()
}

pub fn lines(of: &Expectations) -> Vec<String> {
    let line = |(lun, outcome): (Wwid, Outcome)| {
        let nodes: Vec<&str> = outcome.nodes.iter().map(NodeName::as_str).collect();
        outcome.watched.then(|| format!("{lun} {} {}", nodes.join(","), by(&outcome)))
    };
    all(of).into_iter().filter_map(line).collect()
}
