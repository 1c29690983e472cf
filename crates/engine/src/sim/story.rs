//! The story that the demo plays.

use super::ops::Op;
use super::san::{DaemonMode, PathSet, San};
use super::script::{Script, describe};

/// The built-in story as a script's text: every fault that Pathkeeper tells apart, each for some seconds, and in the end
/// all is well again. What a small SAN has no room for is left out.
pub fn story(san: &San) -> String {
    let mut text = "# What the demo plays again and again.\n".to_owned();
    let mut say = |comment: &str, steps: &[(u64, Op)]| {
        text.push_str(&format!("\n# {comment}\n"));
        for (after_s, op) in steps {
            text.push_str(&format!("+{after_s}s {}\n", describe(op, san)));
        }
    };
    let nodes = san.nodes.len();
    let luns = san.luns.len();
    // Different places where there is room for it, else the same one again.
    let node = |n: usize| n.min(nodes.saturating_sub(1));
    let lun = |l: usize| l.min(luns.saturating_sub(1));
    let last_adapter = san.nodes.first().map_or(0, |n| n.adapters.len().saturating_sub(1));

    say(
        "One path is lost, and comes back.",
        &[
            (3, Op::Path { node: node(0), lun: lun(2), path: 0, set: PathSet::Fail }),
            (6, Op::Path { node: node(0), lun: lun(2), path: 0, set: PathSet::Up }),
        ],
    );
    say(
        "A whole adapter loses its link: every LUN of the node runs on one fabric alone.",
        &[
            (3, Op::Adapter { node: node(1), adapter: last_adapter, up: false }),
            (8, Op::Adapter { node: node(1), adapter: last_adapter, up: true }),
        ],
    );
    say(
        "The array takes a LUN away from one node: no path there, and its I/O waits.",
        &[
            (3, Op::Mapping { node: node(2), lun: lun(5), mapped: false }),
            (7, Op::Mapping { node: node(2), lun: lun(5), mapped: true }),
        ],
    );
    say(
        "One node has never assembled a LUN that it should carry.",
        &[
            (3, Op::Assembly { node: node(3), lun: lun(7), assembled: false }),
            (7, Op::Assembly { node: node(3), lun: lun(7), assembled: true }),
        ],
    );
    say(
        "A multipathd hangs: it takes connections and never answers, and nobody checks paths there.",
        &[
            (3, Op::Multipathd { node: node(2), mode: DaemonMode::Hung }),
            (14, Op::Multipathd { node: node(2), mode: DaemonMode::Running }),
        ],
    );
    if nodes > 1 {
        say(
            "A node dies, and returns.",
            &[
                (3, Op::Node { node: nodes - 1, alive: false }),
                (8, Op::Node { node: nodes - 1, alive: true }),
            ],
        );
    }
    say("All is well for a while.", &[(3, Op::Heal), (5, Op::Heal)]);
    text
}

/// The faults of the story that can stand side by side: what `--once` shows.
pub fn faults_in_place(san: &San) -> Script {
    let nodes = san.nodes.len();
    let luns = san.luns.len();
    let last_adapter = san.nodes.first().map_or(0, |n| n.adapters.len().saturating_sub(1));
    let mut ops = vec![Op::Path { node: 0, lun: 0, path: 0, set: PathSet::Fail }];
    if nodes > 1 {
        ops.push(Op::Adapter { node: 1, adapter: last_adapter, up: false });
    }
    if nodes > 2 && luns > 1 {
        ops.push(Op::Mapping { node: 2, lun: 1, mapped: false });
    }
    if nodes > 3 && luns > 2 {
        ops.push(Op::Assembly { node: 3, lun: 2, assembled: false });
    }
    if nodes > 4 {
        ops.push(Op::Multipathd { node: 4, mode: DaemonMode::Hung });
    }
    if nodes > 5 {
        ops.push(Op::Node { node: 5, alive: false });
    }
    Script { steps: ops.into_iter().map(|op| super::script::Step { after_ms: 0, op }).collect() }
}
