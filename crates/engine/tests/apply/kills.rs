//! pathkeeper dies between any two effects, and is started again: never half a configuration in the end, never a lost
//! record, never a configuration that is applied twice.

use pathkeeper_engine::apply::*;

use super::world::*;

/// What must hold at every moment, in every world.
fn never(world: &World, plan: &Plan, old: &World) {
    for wwid in world.wwids.difference(&old.wwids) {
        assert!(world.record.contains(wwid), "an entry of ours that the record does not know: {wwid}");
    }
    for which in [ManagedFile::Main, ManagedFile::Overrides] {
        let new = plan.files.iter().find(|file| file.which == which).map(|file| file.content.as_ref());
        let is = world.files.get(&which);
        assert!(is == old.files.get(&which) || new == Some(is), "{which:?} is neither old nor new: {is:?}");
    }
}

/// A life that ends after so many effects; the caller tells the plan again and again, as the rollout does.
fn live(world: &mut World, plan: &Plan, old: &World, effects_max: usize) -> (Apply, bool) {
    let mut apply = Apply::default();
    let memory = world.memory.clone().map(Box::new);
    let first = vec![Event::Loaded(memory), Event::Plan(Box::new(plan.clone()))];
    let rested = run(&mut apply, world, first, effects_max, &mut |world| never(world, plan, old));
    (apply, rested)
}

/// After the last life: what was published last, and whether files and multipathd accord with it.
fn settled(world: &World, apply: &Apply, plan: &Plan, old: &World, what: &str) {
    let told = apply.told().unwrap();
    assert_eq!(world.published.last().map(|told| told.progress), Some(told.progress), "{what}");
    let is_new = |file: &File| world.files.get(&file.which) == file.content.as_ref();
    let is_old = world.files == old.files;
    match told.progress {
        Progress::Verified => assert!(plan.files.iter().all(is_new), "{what}: {:?}", world.files),
        Progress::RolledBack | Progress::Failed => assert!(is_old, "{what}: {:?}", world.files),
        other => panic!("{what}: it ended as {other:?}"),
    }
}

/// Dies after each number of effects, then after each number in its second life, and lives to its end in the third.
fn kill_everywhere(plan: Plan, reconfigures_max: u32, prepare: impl Fn(&mut World)) {
    let mut old = World::new();
    prepare(&mut old);
    let (mut ends, mut first) = (std::collections::BTreeMap::new(), 0);
    loop {
        let mut world = old.clone();
        let (_, whole) = live(&mut world, &plan, &old, first);
        let mut second = 0;
        loop {
            let mut world = world.clone();
            let (apply, rested) = live(&mut world, &plan, &old, second);
            let apply = if rested { apply } else { live(&mut world, &plan, &old, usize::MAX).0 };
            let what = format!("killed after {first} and {second} effects: {}", world.log.join(", "));
            settled(&world, &apply, &plan, &old, &what);
            assert!(world.reconfigures <= reconfigures_max, "{what}");
            *ends.entry(apply.told().unwrap().progress.as_str()).or_insert(0) += 1;
            if rested {
                break;
            }
            second += 1;
        }
        if whole {
            break;
        }
        first += 1;
    }
    assert!(first > 8, "it was killed at {first} places only");
    println!("{first} places of the first life; ends: {ends:?}");
}

#[test]
fn a_good_configuration_is_read_once_at_most() {
    kill_everywhere(knob(), 1, |_| {});
    kill_everywhere(much(), 1, |_| {});
    kill_everywhere(add(), 0, |_| {});
}

#[test]
fn a_bad_one_is_read_once_and_the_old_one_once() {
    kill_everywhere(broken(), 2, |_| {});
    kill_everywhere(broken(), 1, |world| world.fails_then = Some("sdc"));
    kill_everywhere(knob(), 1, |world| world.hangs = true);
}

/// One life that ends when the log's last line is this; then something happens, and the next life ends it.
fn killed_after(line: &str, plan: Plan, then: impl FnOnce(&mut World)) -> (Apply, World) {
    let old = World::new();
    for effects in 0.. {
        let mut world = old.clone();
        let (_, whole) = live(&mut world, &plan, &old, effects);
        assert!(!whole, "there was no {line}");
        if world.log.last().is_some_and(|last| last == line) {
            then(&mut world);
            let (apply, _) = live(&mut world, &plan, &old, usize::MAX);
            return (apply, world);
        }
    }
    unreachable!()
}

#[test]
fn a_multipathd_that_was_started_anew_has_read_what_stood_there() {
    // Half of the files: they go back, and multipathd reads them.
    let (apply, world) = killed_after("write Main", much(), World::restart_multipathd);
    let told = apply.told().unwrap();
    assert_eq!((told.progress, world.reconfigures), (Progress::RolledBack, 1), "{told:#?}");
    // The machine was booted with all of the files in place: that is what was wanted.
    let (apply, world) = killed_after("reconfigure", knob(), World::boot);
    let told = apply.told().unwrap();
    assert_eq!((told.progress, world.reconfigures), (Progress::Verified, 1), "{told:#?}");
    assert!(told.why.iter().any(|why| why.contains("booted meanwhile")), "{told:#?}");
    // Booted before multipathd was asked: nobody knows of which half; so back.
    let (apply, world) = killed_after("write Main", knob(), World::boot);
    let told = apply.told().unwrap();
    assert_eq!((told.progress, world.reconfigures), (Progress::RolledBack, 1), "{told:#?}");
}

#[test]
fn asked_or_not_a_later_life_does_not_ask_again() {
    // It was remembered, and not sent: multipathd runs the old configuration, the files go back, nobody is asked.
    let (apply, world) = killed_after("remember asked", knob(), |_| {});
    assert_eq!((apply.told().unwrap().progress, world.reconfigures), (Progress::RolledBack, 0));
    let (apply, world) = killed_after("reconfigure", knob(), |_| {});
    assert_eq!((apply.told().unwrap().progress, world.reconfigures), (Progress::Verified, 1));
}
