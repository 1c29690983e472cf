//! Whatever happens in whatever order: told at least once, once where the store works, over once, and never by doubt.

use pathkeeper_model::alert::{AlertAct, AlertKey};
use pathkeeper_model::finding::Fingerprint;
use proptest::prelude::*;

use super::fleet::{Fleet, hba};

/// What happens to the fleet; node numbers are taken modulo what there is.
#[derive(Clone, Debug)]
enum Step {
    Kill(usize),
    Start(usize),
    Stall(usize, bool),
    Part(usize),
    Heal,
    SinkDown(usize, bool),
    Stale(usize, bool),
    Clock(usize, i64),
    Run(u64),
}

fn steps(store_fails: bool) -> impl Strategy<Value = Vec<Step>> {
    let node = 0..20_usize;
    let mut kinds = vec![
        (2, node.clone().prop_map(Step::Kill).boxed()),
        (2, node.clone().prop_map(Step::Start).boxed()),
        (1, (node.clone(), -100_000..100_000_i64).prop_map(|(n, s)| Step::Clock(n, s)).boxed()),
        (6, (1..90_u64).prop_map(Step::Run).boxed()),
    ];
    if store_fails {
        kinds.push((2, (node.clone(), any::<bool>()).prop_map(|(n, on)| Step::Stall(n, on)).boxed()));
        kinds.push((2, (node.clone(), any::<bool>()).prop_map(|(n, on)| Step::SinkDown(n, on)).boxed()));
        kinds.push((2, (node.clone(), any::<bool>()).prop_map(|(n, on)| Step::Stale(n, on)).boxed()));
        kinds.push((1, node.prop_map(Step::Part).boxed()));
        kinds.push((1, Just(Step::Heal).boxed()));
    }
    prop::collection::vec(proptest::strategy::Union::new_weighted(kinds), 1..25)
}

/// The last node has the broken adapter and always lives, so that what is true of it can be known.
fn apply(fleet: &mut Fleet, step: &Step) {
    let others = fleet.machines.len() - 1;
    match *step {
        Step::Kill(n) => fleet.kill(n % others + 1),
        Step::Start(n) if !fleet.lives(n % others + 1) => fleet.start(n % others + 1),
        Step::Start(_) => {}
        Step::Stall(n, on) => fleet.machines[n % (others + 1)].stalled = on,
        Step::Part(n) => {
            fleet.heal();
            fleet.part(n % others + 2);
        }
        Step::Heal => fleet.heal(),
        Step::SinkDown(n, on) => fleet.machines[n % (others + 1)].sink_down = on,
        Step::Stale(n, on) => fleet.machines[n % (others + 1)].stale = on,
        Step::Clock(n, s) => fleet.machines[n % (others + 1)].clock_off_s = s,
        Step::Run(seconds) => fleet.run(seconds),
    }
}

/// A word that was handed over and not yet noted when its speaker dies is said once more: nobody dies in that second.
fn apply_calmly(fleet: &mut Fleet, step: &Step) {
    (0..3).for_each(|_| fleet.turn());
    apply(fleet, step);
    fleet.turn();
}

fn make_whole(fleet: &mut Fleet) {
    fleet.heal();
    for number in 1..=fleet.machines.len() {
        let machine = &mut fleet.machines[number - 1];
        (machine.stalled, machine.sink_down, machine.stale) = (false, false, false);
        if !fleet.lives(number) {
            fleet.start(number);
        }
    }
}

/// Who is told again and again believes that this stands.
fn kept(fleet: &Fleet, print: &Fingerprint) -> bool {
    fleet.kept.iter().any(|(key, _)| *key == AlertKey::from(print))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Nodes die and come back at any time; the store and the sinks work.
    #[test]
    fn once_and_over_once_while_the_store_works(
        nodes in 2..=20_usize, before in steps(false), after in steps(false),
    ) {
        let mut fleet = Fleet::new(nodes);
        let broken = hba(fleet.machines[nodes - 1].name.as_str());
        let print = broken.fingerprint();
        fleet.truth = vec![broken];
        for step in &before {
            apply_calmly(&mut fleet, step);
        }
        fleet.run(60 + 60 + 15 * nodes as u64 + 5);
        prop_assert_eq!(fleet.count(AlertAct::Firing, &print), 1, "firing");
        prop_assert_eq!(fleet.count(AlertAct::Resolved, &print), 0, "resolved while it stands");
        prop_assert!(kept(&fleet, &print), "kept as standing");
        fleet.truth.clear();
        for step in &after {
            apply_calmly(&mut fleet, step);
        }
        make_whole(&mut fleet);
        fleet.run(60 + 60 + 15 * nodes as u64 + 5);
        prop_assert_eq!(fleet.count(AlertAct::Firing, &print), 1, "firing");
        prop_assert_eq!(fleet.count(AlertAct::Resolved, &print), 1, "resolved");
        prop_assert!(!kept(&fleet, &print), "kept as standing");
    }

    /// Stores stall, sinks are down, the cluster is parted, reports are old: at least once, and nothing is over by doubt.
    #[test]
    fn at_least_once_and_never_over_by_doubt(
        nodes in 2..=8_usize, steps in steps(true),
    ) {
        let mut fleet = Fleet::new(nodes);
        let broken = hba(fleet.machines[nodes - 1].name.as_str());
        let print = broken.fingerprint();
        fleet.truth = vec![broken];
        for step in &steps {
            apply(&mut fleet, step);
            fleet.turn();
        }
        make_whole(&mut fleet);
        fleet.run(60 + 60 + 15 * nodes as u64 + 65);
        prop_assert!(fleet.count(AlertAct::Firing, &print) >= 1, "told");
        prop_assert!(kept(&fleet, &print), "kept as standing");
        prop_assert_eq!(fleet.count(AlertAct::Resolved, &print), 0, "resolved while it stands");
        let told = fleet.count(AlertAct::Firing, &print);
        fleet.truth.clear();
        fleet.run(60 + 60 + 15 * nodes as u64 + 5);
        prop_assert_eq!(fleet.count(AlertAct::Firing, &print), told, "told again after it was over");
        prop_assert_eq!(fleet.count(AlertAct::Resolved, &print), 1, "resolved");
        prop_assert!(!kept(&fleet, &print), "kept as standing");
    }
}
