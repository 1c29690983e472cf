//! Laws over random faults: whatever fails, hangs or is lost, it ends, what it says is so, and nothing is asked for twice.

use pathkeeper_engine::apply::*;
use proptest::prelude::*;

use super::world::*;

const BREAKABLE: &[&str] = &[
    "look",
    "judge",
    "keep",
    "remember begun",
    "remember asked",
    "remember asked-back",
    "write Main",
    "write Overrides",
    "wwids",
    "add-paths",
    "restore",
    "publish verified",
];

fn any_plan() -> impl Strategy<Value = Plan> {
    prop_oneof![Just(knob()), Just(much()), Just(add()), Just(broken())]
}

proptest! {
    #[test]
    fn whatever_goes_wrong_it_ends_and_says_what_is_so(
        plan in any_plan(),
        broken in proptest::sample::subsequence(BREAKABLE.to_vec(), 0..4),
        hangs in any::<bool>(),
        fails_then in proptest::option::of(proptest::sample::select(vec!["sda", "sdb", "sdc"])),
        mends_after in 0_usize..40,
        kill_after in proptest::option::of(0_usize..20),
    ) {
        let mut world = World::new();
        world.broken = broken.iter().copied().collect();
        world.hangs = hangs;
        world.fails_then = fails_then;
        let old = world.clone();
        let mut seen = 0;
        let mut mend = |world: &mut World| {
            seen += 1;
            if seen > mends_after {
                world.broken.clear();
            }
        };
        let mut apply = Apply::default();
        let first = || vec![Event::Plan(Box::new(plan.clone()))];
        if let Some(effects) = kill_after {
            let mut start = first();
            start.insert(0, Event::Loaded(None));
            run(&mut apply, &mut world, start, effects, &mut mend);
            apply = Apply::default();
        }
        let mut start = first();
        start.insert(0, Event::Loaded(world.memory.clone().map(Box::new)));
        run(&mut apply, &mut world, start, 2_000, &mut mend);
        // What is broken for good may have kept it from beginning, or the store from hearing of its end.
        let told = apply.told().unwrap().clone();
        let is_new = plan.files.iter().all(|file| world.files.get(&file.which) == file.content.as_ref());
        match told.progress {
            Progress::Verified => prop_assert!(is_new, "{told:?} {:#?}", world.log),
            Progress::RolledBack => prop_assert!(world.files == old.files, "{told:?} {:#?}", world.log),
            Progress::Failed | Progress::Waiting | Progress::Held => {}
            other => prop_assert!(false, "it stays {other:?}: {:#?}", world.log),
        }
        let orders = world.log.iter().filter(|line| line.starts_with("reconfigure")).count();
        prop_assert!(orders <= 2, "{:#?}", world.log);
        // Nothing was touched before the store had taken `applying`.
        let touched = world.log.iter().position(|line| line.starts_with("write") || line.starts_with("wwids"));
        let announced = world.log.iter().position(|line| line == "publish applying");
        if let Some(touched) = touched {
            prop_assert!(announced.is_some_and(|announced| announced < touched), "{:#?}", world.log);
        }
        for wwid in world.wwids.difference(&old.wwids) {
            prop_assert!(world.record.contains(wwid));
        }
    }
}
