//! What holds of every picture: silence betters nothing, the same is said again, nothing makes it fail.

use proptest::prelude::*;

use pathkeeper_model::EpochS;
use pathkeeper_model::finding::{Scope, Severity};
use pathkeeper_model::topology::{NodePaths, PathSeen, PathWord};

use super::lab::{Lab, lab, line, name};

fn letters() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[udcx.]{1,4}", 1 => Just("-".to_owned())]
}

fn words() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "",
        "q",
        "q30",
        "s",
        "z400",
        "pz700",
        "n=other",
        "id=V/P/1",
        "id=V/P/2",
        "pv=P1/vg/V",
        "pv=P2/vg/V",
        "ow",
        "open=2",
        "rep=0/4",
        "rep=1/4",
        "noled",
        "loose=sdx wwids=no",
        "loose=sdx why=blacklisted",
        "g=50:u,10:uuu*",
    ])
    .prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    let cell = (0..4_usize, 0..4_usize, letters(), words(), words());
    prop::collection::vec(cell, 1..12).prop_map(|cells| {
        let mut seen = std::collections::BTreeSet::new();
        let mut out = String::new();
        for (node, lun, letters, one, two) in cells {
            // A place of a group, or a stranger, wants paths.
            let few = letters.chars().filter(|c| !matches!(c, '-' | '.')).count();
            let fits = |word: &str| match word {
                "ow" => few > 0,
                word if word.starts_with("g=") => few >= 4,
                _ => true,
            };
            if seen.insert((node, lun)) {
                let words = [one, two].into_iter().filter(|word| fits(word)).collect::<Vec<_>>().join(" ");
                out.push_str(&format!("pve{node} lun{lun} {letters} {words}\n"));
            }
        }
        out
    })
}

/// The worst of what is not about a node that is said to be silent.
fn worst(lab: &Lab) -> Option<Severity> {
    lab.find().iter().map(|finding| finding.severity).max()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What a node published goes: what its report proves stays.
    #[test]
    fn unpublished_paths_better_nothing_that_the_report_proves(text in text(), node in 0..4_usize) {
        let whole = lab(&text);
        let mut less = lab(&text);
        if let Some(node) = less.nodes.get_mut(&name(&format!("pve{node}"))) {
            node.paths = None;
        }
        let cells = |lab: &Lab| {
            let found = lab.find();
            let of_cells = found.iter().filter(|f| f.scope.node.is_some() && f.scope.wwid.is_some() && f.scope.object.is_none());
            let kept = of_cells.filter(|f| !matches!(f.code.as_str(), "LUN_SUSPENDED" | "PATH_CONTRADICTION"));
            kept.filter(|f| !f.code.as_str().starts_with("LUN_SINGLE")).map(|f| (f.scope.clone(), f.severity)).collect::<Vec<_>>()
        };
        let after = cells(&less);
        // Without a node's devices the LUN may be gone, which is said once, of the LUN.
        let gone = |scope: &Scope| scope.wwid.as_ref().is_some_and(|wwid| !less.nodes.values().any(|node| {
            node.paths.as_ref().and_then(|paths| paths.lun(wwid)).is_some_and(|seen| seen.map.is_some() || !seen.loose.is_empty())
        }));
        for (scope, severity) in cells(&whole).into_iter().filter(|(scope, _)| !gone(scope)) {
            prop_assert!(after.iter().any(|(other, now)| *other == scope && *now >= severity), "{scope:?} {severity:?}: {after:?}\n{text}");
        }
    }

    /// A node falls silent: nothing is said of others that was not said, but for what needs it for a comparison; and while
    /// nobody says that it is silent in so many words, nothing new is an all-clear.
    #[test]
    fn a_silent_node_leaves_what_is_said_of_others(text in text(), node in 0..4_usize) {
        let silent = name(&format!("pve{node}"));
        let cells = |lab: &Lab| {
            let found = lab.find();
            let of_others = found.iter().filter(|f| f.scope.wwid.is_some() && f.scope.node.as_ref().is_some_and(|node| *node != silent));
            of_others.map(line).collect::<Vec<_>>()
        };
        let before = cells(&lab(&text));
        let after = cells(&lab(&format!("{text}{silent} !stale\n")));
        for line in &before {
            // Whether nobody sees it any more is for LUN_GONE to say.
            prop_assert!(after.contains(line) || line.contains("LUN_MISSING"), "{line} went\n{text}");
        }
    }

    #[test]
    fn the_same_is_said_again(text in text()) {
        let (one, two) = (lab(&text).find(), lab(&text).find());
        prop_assert_eq!(&one, &two);
        let mut prints: Vec<_> = one.iter().map(pathkeeper_model::finding::Finding::fingerprint).collect();
        prints.sort();
        let n = prints.len();
        prints.dedup();
        prop_assert_eq!(prints.len(), n, "two findings of one fingerprint\n{}", text);
    }

    /// Places that point nowhere, numbers at their ends.
    #[test]
    fn nothing_makes_it_fail(text in text(), routes in prop::collection::vec(any::<u16>(), 1..4), at in any::<i64>(), group in any::<u8>()) {
        let mut lab = lab(&text);
        for node in lab.nodes.values_mut() {
            let Some(paths) = &mut node.paths else { continue };
            paths.read_at = Some(EpochS(at));
            for lun in &mut paths.luns {
                lun.remembered = routes.iter().map(|route| (*route, u16::MAX)).collect();
                let mut all: Vec<PathSeen> = lun.paths.to_vec();
                for path in &mut all {
                    (path.route, path.group) = (routes[0], group);
                    path.word = PathWord::Undecided;
                }
                lun.paths = all.into();
                if let Some(map) = &mut lun.map {
                    map.queue_ends = Some(EpochS(at));
                    map.size_bytes = Some(at.unsigned_abs());
                    map.path_size_bytes = Some((0, u64::MAX));
                }
            }
        }
        let _ = worst(&lab);
        for lun in 0..4 {
            lab.of_lun(&format!("lun{lun}"));
        }
        for node in lab.nodes.values_mut() {
            node.paths = Some(NodePaths::default());
        }
        let _ = worst(&lab);
    }
}
