//! Nothing that is taken off a list, and nothing that stops speaking, makes anything look better.

use expect_test::expect;
use pathkeeper_engine::cluster::Cluster;
use pathkeeper_model::State;

use super::world::{MINUTE, World, exit_of};

const STORAGE_CFG: &str = "lvm: vm-prod\n\tvgname vg0\n\tshared 1\n";
const CONFIG: &str = "\
defaults: global
\texpected-paths 4

wwid: LUN1
\talias one

wwid: LUN2
\talias two
\tnodes pve1,pve2,pve3
";

/// Three nodes and three LUNs: the first has a storage, the second a section with its nodes, the third
/// nothing at all.
fn managed() -> World {
    let mut world = World::new(3, 3, 4);
    world.vgs.insert(1, ("vg0", "uuid-of-vg0"));
    world.storages(Some(STORAGE_CFG));
    world.config(Some(CONFIG));
    world.install_all();
    world.run(15 * MINUTE);
    assert_eq!(world.exit(), 0, "{}", world.status());
    world
}

/// In words, and what is done.
type Way = (&'static str, fn(&mut World));

/// What can be taken away.
const WAYS: &[Way] = &[
    ("the configuration is removed", |w| w.config(None)),
    ("the configuration is emptied", |w| w.config(Some("# nothing\n"))),
    ("the configuration cannot be read", |w| w.config(Some("wwid LUN1\n"))),
    ("the sections are removed", |w| w.config(Some("defaults: global\n\texpected-paths 4\n"))),
    ("the section's list of nodes is removed", |w| {
        w.config(Some(&CONFIG.replace("\tnodes pve1,pve2,pve3\n", "")));
    }),
    ("the word on paths is removed", |w| w.config(Some(&CONFIG.replace("\texpected-paths 4\n", "")))),
    ("storage.cfg is removed", |w| w.storages(None)),
    ("storage.cfg is emptied", |w| w.storages(Some(""))),
    ("the storage is disabled", |w| w.storages(Some("lvm: vm-prod\n\tvgname vg0\n\tshared 1\n\tdisable\n"))),
    ("the storage is left to nobody", |w| {
        w.storages(Some("lvm: vm-prod\n\tvgname vg0\n\tshared 1\n\tnodes ,\n"))
    }),
    ("the storage is shared no more", |w| w.storages(Some("lvm: vm-prod\n\tvgname vg0\n"))),
    ("the node's agent stops", |w| w.stop_agent(2)),
    ("all agents stop", |w| (1..=3).for_each(|node| w.stop_agent(node))),
    ("the node goes down", |w| w.goes_down(2)),
    ("the node's agent starts anew", |w| w.install(2)),
    ("the node's memory is lost", |w| {
        w.stop_agent(2);
        w.lose_state_directory(2);
        w.install(2);
    }),
];

/// What can be wrong with each LUN of the second node.
const FAULTS: [(&str, State); 4] = [
    ("forget", State::Missing),
    ("unmap", State::Failed),
    ("path", State::Degraded),
    ("device", State::Degraded),
];

fn break_it(world: &mut World, fault: &str) {
    for lun in 1..=3 {
        world.play(&match fault {
            "path" => format!("+0s pve2 path {lun} 1 fail"),
            "device" => format!("+0s pve2 path {lun} 1 delete"),
            word => format!("+0s pve2 lun {lun} {word}"),
        });
    }
    world.run(MINUTE);
}

/// How bad a row is: one that is gone is as good as it gets, and doubt is worse than health.
fn badness(state: Option<State>) -> u8 {
    match state {
        None => 0,
        Some(State::Optimal) => 1,
        Some(State::Unknown) => 2,
        Some(State::Degraded) => 3,
        Some(State::Missing) => 4,
        Some(State::Failed) => 5,
    }
}

/// Nothing looks better than `state`. What nobody can tell any more may be in doubt instead, and then says so.
fn check(world: &World, observer: &Cluster, state: State, what: &str) {
    for lun in 1..=3 {
        let now = world.state_in(observer, lun);
        let row = observer.matrix().row_of(&world.wwid(lun));
        let doubtful = row.is_some_and(|row| row.tally().get(State::Unknown) > 0);
        assert!(
            badness(now) >= badness(Some(state)) || doubtful,
            "{what}: LUN{lun} was {state} and is {now:?}\n{}",
            world.words(observer)
        );
    }
    assert_ne!(exit_of(observer), 0, "{what}\n{}", world.words(observer));
}

#[test]
fn un_managing_never_improves_a_state() {
    for (fault, state) in FAULTS {
        for (way, take_away) in WAYS {
            let mut world = managed();
            break_it(&mut world, fault);
            for lun in 1..=3 {
                assert_eq!(world.state(lun), Some(state), "{fault}: {}", world.status());
            }
            take_away(&mut world);
            for later in [0, 5] {
                world.run(later * MINUTE);
                let what = format!("{fault}, then {way}, {later} minutes later");
                check(&world, world.observer(), state, &what);
                check(&world, &world.fresh_observer(), state, &format!("{what}, to one who looks now"));
            }
        }
    }
}

/// A list that names others is no list that is gone: it says who should carry what, and how, and that rules.
#[test]
fn another_word_on_who_should_carry_a_lun_rules() {
    let mut world = managed();
    break_it(&mut world, "forget");
    world.check(&expect![[r#"
        LUN1 one for vm-prod missing: pve1 4/4, pve2 missing, pve3 4/4; storage:vm-prod
        LUN2 two missing: pve1 4/4, pve2 missing, pve3 4/4; nodes
        LUN3 missing: pve1 4/4, pve2 missing, pve3 4/4; ledger
        LUN_MISSING LUN3 pve2
        LUN_MISSING LUN2 pve2
        LUN_MISSING LUN1 pve2
        exit 2"#]]);
    world.config(Some(&CONFIG.replace("pve1,pve2,pve3", "pve1,pve3")));
    world.check(&expect![[r#"
        LUN1 one for vm-prod missing: pve1 4/4, pve2 missing, pve3 4/4; storage:vm-prod
        LUN2 two optimal: pve1 4/4, pve3 4/4; nodes
        LUN3 missing: pve1 4/4, pve2 missing, pve3 4/4; ledger
        LUN_MISSING LUN3 pve2
        LUN_MISSING LUN1 pve2
        exit 2"#]]);
    world.storages(Some("lvm: vm-prod\n\tvgname vg0\n\tshared 1\n\tnodes pve3\n"));
    world.check(&expect![[r#"
        LUN1 one for vm-prod optimal: pve1 4/4, pve3 4/4; storage:vm-prod
        LUN2 two optimal: pve1 4/4, pve3 4/4; nodes
        LUN3 missing: pve1 4/4, pve2 missing, pve3 4/4; ledger
        LUN_MISSING LUN3 pve2
        exit 2"#]]);
    // All nodes of the cluster carry the LUN of a storage that names none: one that is not of the cluster does not.
    world.storages(Some(STORAGE_CFG));
    world.set_member(2, None);
    world.check(&expect![[r#"
        LUN1 one for vm-prod optimal: pve1 4/4, pve3 4/4; storage:vm-prod
        LUN2 two optimal: pve1 4/4, pve3 4/4; nodes
        LUN3 optimal: pve1 4/4, pve2 unknown, pve3 4/4; ledger
        NODE_OFFLINE pve2
        exit 3"#]]);
}
