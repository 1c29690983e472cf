//! Which target ports belong to one array, as far as LUNs tell: ports through which one LUN was seen are one array's.
//!
//! An array may bear one node name for all of its ports, one for each controller, or one for each LUN (iSCSI). The LUNs join
//! what belongs together; nobody asks the array.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::local::PathDevice;
use crate::node_value::clip;
use crate::report::TEXT_BYTES_MAX;

/// More target nodes than this are not told apart: what is over is as if its target were not known.
const TARGETS_MAX: usize = 16_384;

/// A target node, or the array that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Target(u32);

/// Target nodes, joined to arrays.
#[derive(Clone, Debug, Default)]
pub struct Arrays {
    by_name: FxHashMap<Arc<str>, Target>,
    names: Vec<Arc<str>>,
    parents: Vec<u32>,
}

impl Arrays {
    /// The target node of a path, else its target port; `None` where neither is known.
    pub fn target_of(&mut self, path: &PathDevice) -> Option<Target> {
        self.target(path.target_node.as_deref().or(path.target_port.as_deref())?)
    }

    /// A target by its name; `None` for the empty one.
    pub fn target(&mut self, name: &str) -> Option<Target> {
        if let Some(target) = self.by_name.get(name) {
            return Some(*target);
        }
        let number = u32::try_from(self.names.len()).ok().filter(|_| self.names.len() < TARGETS_MAX)?;
        if name.is_empty() || name.len() > TEXT_BYTES_MAX {
            return None;
        }
        let name: Arc<str> = Arc::from(&*clip(name, TEXT_BYTES_MAX));
        self.by_name.insert(name.clone(), Target(number));
        self.names.push(name);
        self.parents.push(number);
        Some(Target(number))
    }

    /// One LUN was seen through both.
    pub fn join(&mut self, a: Target, b: Target) {
        let (Target(a), Target(b)) = (self.array_of(a), self.array_of(b));
        // The lower number stands for all, so that the order of joining does not matter.
        if let Some(parent) = self.parents.get_mut(a.max(b) as usize) {
            *parent = a.min(b);
        }
    }

    /// What stands for the array that a target belongs to.
    pub fn array_of(&mut self, target: Target) -> Target {
        let Target(mut at) = target;
        while let Some(&parent) = self.parents.get(at as usize)
            && parent != at
        {
            let above = self.parents.get(parent as usize).copied().unwrap_or(parent);
            if let Some(place) = self.parents.get_mut(at as usize) {
                *place = above;
            }
            at = above;
        }
        Target(at)
    }

    /// The names of all target nodes of each array, sorted; by what stands for the array.
    pub fn names(&mut self) -> BTreeMap<Target, Vec<Arc<str>>> {
        let mut out: BTreeMap<Target, Vec<Arc<str>>> = BTreeMap::new();
        for (name, number) in self.names.clone().into_iter().zip(0..) {
            out.entry(self.array_of(Target(number))).or_default().push(name);
        }
        out.values_mut().for_each(|names| names.sort_unstable());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `seen`: the targets of each LUN. `expect`: the arrays, sorted.
    fn check(seen: &[&[&str]], expect: &[&[&str]]) {
        let orders: [Vec<&[&str]>; 2] = [seen.to_vec(), seen.iter().rev().copied().collect()];
        for order in orders {
            let mut arrays = Arrays::default();
            for targets in order {
                let targets: Vec<Target> = targets.iter().filter_map(|name| arrays.target(name)).collect();
                targets.windows(2).for_each(|pair| arrays.join(pair[0], pair[1]));
            }
            let mut got: Vec<Vec<Arc<str>>> = arrays.names().into_values().collect();
            got.sort();
            let expect: Vec<Vec<Arc<str>>> =
                expect.iter().map(|names| names.iter().map(|name| Arc::from(*name)).collect()).collect();
            assert_eq!(got, expect, "{seen:?}");
        }
    }

    #[test]
    fn ports_of_one_lun_are_one_arrays() {
        check(&[], &[]);
        check(&[&["a"], &["b"]], &[&["a"], &["b"]]);
        check(&[&["a1", "a2"], &["b"]], &[&["a1", "a2"], &["b"]]);
        check(&[&["a1", "a2"], &["a3", "a2"], &["b"]], &[&["a1", "a2", "a3"], &["b"]]);
        check(&[&["d", "c"], &["b", "a"], &["c", "b"]], &[&["a", "b", "c", "d"]]);
        check(&[&["", "a"]], &[&["a"]]);
    }

    #[test]
    fn there_are_no_more_targets_than_the_bound() {
        let mut arrays = Arrays::default();
        let known = (0..TARGETS_MAX + 10).filter_map(|n| arrays.target(&format!("t{n}"))).count();
        assert_eq!(known, TARGETS_MAX);
        assert!(arrays.target("t0").is_some(), "what is known stays known");
        assert_eq!(arrays.target(&"x".repeat(TEXT_BYTES_MAX + 1)), None);
    }
}
