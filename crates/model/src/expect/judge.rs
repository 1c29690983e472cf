//! One LUN after the other: the strongest source that leaves a node decides.

use std::collections::BTreeMap;
use std::iter::Peekable;

use fixedbitset::FixedBitSet;

use super::consumers::{ByLun, Consumer, Weight};
use super::nodes::Nodes;
use super::{By, Expectations, Lun, Outcome, Retirement, Section};
use crate::ids::{EpochS, NodeName, Wwid};

/// What is known of one LUN.
struct Case<'a> {
    lun: &'a Lun,
    section: Option<&'a Section>,
    consumers: Vec<&'a Consumer>,
    retired: Option<&'a Retirement>,
    pinned: bool,
    cluster: &'a FixedBitSet,
}

/// The value of this key in a map of which every key is walked over.
fn at<'a, V>(walk: &mut Peekable<impl Iterator<Item = (&'a Wwid, V)>>, wwid: &Wwid) -> Option<V> {
    while walk.next_if(|(other, _)| *other < wwid).is_some() {}
    walk.next_if(|(other, _)| *other == wwid).map(|(_, value)| value)
}

impl Expectations {
    /// Takes what follows from the storages, and which LUNs they name if that may be different, and judges each LUN of which
    /// something is: what came out differently.
    pub(super) fn judge(&mut self, new: Vec<Consumer>, named: Option<ByLun>) -> Vec<(Wwid, Outcome)> {
        let old = std::mem::replace(&mut self.consumers, new);
        let all = std::mem::take(&mut self.all_anew);
        let other = |(n, consumer): (usize, &Consumer)| (old.get(n) != Some(consumer)).then_some(n);
        let other: FixedBitSet = self.consumers.iter().enumerate().filter_map(other).collect();
        let before = named.map(|named| std::mem::replace(&mut self.by_lun, named));
        if all || before.is_some() {
            for wwid in self.by_lun.keys().chain(self.sections.keys()).chain(&self.pinned) {
                if !self.luns.contains_key(wwid) {
                    self.luns.insert(wwid.clone(), Lun { touched: true, ..Lun::default() });
                }
            }
        }
        let mut named_before = before.iter().flatten().peekable();
        let mut consumers = self.by_lun.iter().peekable();
        let mut sections = self.sections.iter().peekable();
        let mut retired = self.retired.iter().peekable();
        let mut pinned = self.pinned.iter().map(|wwid| (wwid, ())).peekable();
        let (mut changed, mut unused) = (Vec::new(), Vec::new());
        for (wwid, lun) in &mut self.luns {
            let of = at(&mut consumers, wwid);
            let was = if before.is_some() { at(&mut named_before, wwid) } else { of };
            let others = || of.into_iter().flatten().any(|number| other.contains(*number as usize));
            if !(all || lun.touched || was != of || others()) {
                continue;
            }
            lun.touched = false;
            let of = of.into_iter().flatten();
            let case = Case {
                lun,
                section: at(&mut sections, wwid),
                consumers: of.filter_map(|number| self.consumers.get(*number as usize)).collect(),
                retired: at(&mut retired, wwid),
                pinned: at(&mut pinned, wwid).is_some(),
                cluster: &self.cluster,
            };
            let outcome = case.judge(&mut self.nodes);
            if lun.told.is_empty() && outcome == Outcome::default() {
                unused.push(wwid.clone());
            }
            if outcome != lun.outcome {
                lun.outcome = outcome.clone();
                changed.push((wwid.clone(), outcome));
            }
        }
        unused.iter().for_each(|wwid| drop(self.luns.remove(wwid)));
        changed
    }
}

impl Case<'_> {
    fn judge(&self, nodes: &mut Nodes) -> Outcome {
        let mut outcome = Outcome {
            alias: self.section.and_then(|section| section.alias.clone()),
            used_by: self.used_by(),
            ..Outcome::default()
        };
        if self.retired.is_some_and(Retirement::is_whole) {
            return outcome;
        }
        let named = self.section.and_then(|section| section.nodes.as_ref());
        if let Some(names) = named {
            let left = |node: &&NodeName| !self.retired.is_some_and(|of| of.is_of(node));
            outcome.nodes = match self.retired {
                None => names.clone(),
                Some(_) => names.iter().filter(left).cloned().collect(),
            };
            outcome.by.extend((!outcome.nodes.is_empty()).then_some(By::Nodes));
        } else if let Some((set, by)) = self.by_storages(nodes) {
            outcome.nodes = nodes.names_of(&set);
            outcome.by = by;
        }
        if outcome.by.is_empty()
            && let (carriers, Some(since)) = self.carriers(nodes, |_| true)
        {
            outcome.nodes = nodes.names_of(&carriers);
            outcome.by = vec![By::Ledger(since)];
        }
        if outcome.by.is_empty() && named.is_none() && (self.pinned || self.section.is_some()) {
            // Where it is retired on one node, "every active node" would expect it there.
            if self.retired.is_some() {
                let mut rest = self.cluster.clone();
                self.take_retired(nodes, &mut rest);
                outcome.nodes = nodes.names_of(&rest);
            }
            if self.retired.is_none() || !outcome.nodes.is_empty() {
                outcome.by = vec![By::Active];
            }
        }
        outcome.watched = !outcome.by.is_empty();
        outcome
    }

    /// The storages that decide: lvm, else what is below.
    fn deciding(&self) -> impl Iterator<Item = &Consumer> {
        let is = |weight| move |consumer: &&&Consumer| consumer.weight == weight;
        let weight =
            if self.consumers.iter().any(|c| is(Weight::Lvm)(&c)) { Weight::Lvm } else { Weight::Below };
        self.consumers.iter().filter(is(weight)).copied()
    }

    /// Who is expected by storages, if anybody is.
    fn by_storages(&self, nodes: &Nodes) -> Option<(FixedBitSet, Vec<By>)> {
        let (mut set, mut off) = (FixedBitSet::new(), FixedBitSet::new());
        let mut ids = Vec::new();
        for consumer in self.deciding() {
            if consumer.nodes.is_clear() {
                off.union_with(&consumer.nominal);
            } else {
                set.union_with(&consumer.nodes);
                ids.push(consumer.id.clone());
            }
        }
        self.take_retired(nodes, &mut set);
        if set.is_clear() {
            return None;
        }
        let mut by = vec![By::Storages(ids)];
        let beside = |node: usize| off.contains(node) && !set.contains(node);
        if !off.is_clear()
            && let (extra, Some(since)) = self.carriers(nodes, beside)
        {
            set.union_with(&extra);
            by.push(By::Ledger(since));
        }
        Some((set, by))
    }

    /// Nodes whose ledger has it, and since when the earliest of them.
    fn carriers(&self, nodes: &Nodes, which: impl Fn(usize) -> bool) -> (FixedBitSet, Option<EpochS>) {
        let mut set = FixedBitSet::new();
        for told in self.lun.told.iter().filter(|told| told.since.is_some() && which(told.node as usize)) {
            set.grow_and_insert(told.node as usize);
        }
        self.take_retired(nodes, &mut set);
        let of = self.lun.told.iter().filter(|told| set.contains(told.node as usize));
        let since = of.filter_map(|told| told.since).min();
        (set, since)
    }

    fn take_retired(&self, nodes: &Nodes, from: &mut FixedBitSet) {
        let Some(retired) = self.retired else { return };
        if retired.everywhere {
            let old = std::mem::take(from);
            let spared = retired.but.iter().filter(|(_, retired)| !**retired);
            for number in spared.filter_map(|(node, _)| nodes.known(node)) {
                if old.contains(number as usize) {
                    from.grow_and_insert(number as usize);
                }
            }
            return;
        }
        for number in retired.but.iter().filter(|(_, retired)| **retired).filter_map(|(n, _)| nodes.known(n))
        {
            if from.contains(number as usize) {
                from.set(number as usize, false);
            }
        }
    }

    fn used_by(&self) -> Option<String> {
        let of = |weight| {
            let all = || self.consumers.iter().filter(move |consumer| consumer.weight == weight);
            all().find(|consumer| !consumer.disabled).or_else(|| all().next())
        };
        let storage = of(Weight::Lvm).or_else(|| of(Weight::Local)).or_else(|| of(Weight::Below));
        match storage {
            Some(consumer) => Some(consumer.id.clone()),
            None => self.section.and_then(|section| section.used_by.clone()),
        }
    }
}

/// Of each storage that names LUNs for which no storage leaves a node: which.
pub(super) fn left_to_nobody(expectations: &Expectations) -> BTreeMap<&str, Vec<&Wwid>> {
    let mut out: BTreeMap<&str, Vec<&Wwid>> = BTreeMap::new();
    for (wwid, numbers) in &expectations.by_lun {
        if expectations.retired.get(wwid).is_some_and(Retirement::is_whole) {
            continue;
        }
        let of = || numbers.iter().filter_map(|number| expectations.consumers.get(*number as usize));
        let weight = if of().any(|c| c.weight == Weight::Lvm) { Weight::Lvm } else { Weight::Below };
        let deciding = || of().filter(|consumer| consumer.weight == weight);
        if deciding().all(|consumer| consumer.nodes.is_clear()) {
            deciding().for_each(|consumer| out.entry(&consumer.id).or_default().push(wwid));
        }
    }
    out
}
