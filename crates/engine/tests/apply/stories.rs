//! What happens to a node, and what it says of it: effects in their order, and the last word.

use expect_test::{Expect, expect};
use pathkeeper_engine::apply::*;
use pathkeeper_model::MonoMs;

use super::world::*;

/// Runs one plan to its end in a world that was prepared, and compares all that happened.
fn check(plan: Plan, prepare: impl FnOnce(&mut World), expect: Expect) {
    let mut world = World::new();
    prepare(&mut world);
    let mut apply = Apply::default();
    let first = vec![Event::Loaded(None), Event::Plan(Box::new(plan))];
    run(&mut apply, &mut world, first, usize::MAX, &mut |_| {});
    expect.assert_eq(&tell(&apply, &world));
}

/// Effects of this kind fail.
fn breaks(kind: &'static str) -> impl FnOnce(&mut World) {
    move |world| {
        world.broken.insert(kind);
    }
}

fn tell(apply: &Apply, world: &World) -> String {
    let mut out = world.log.join("\n");
    if let Some(told) = apply.told() {
        out.push_str(&format!(
            "\n= {}{}",
            told.progress.as_str(),
            if told.overdue { " (overdue)" } else { "" }
        ));
        told.why.iter().for_each(|why| out.push_str(&format!("\n  {why}")));
    }
    out.push_str(&format!("\n{}\n", world.names()));
    out
}

#[test]
fn a_knob_is_set() {
    check(
        knob(),
        |_| {},
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun
        write Main
        remember asked
        reconfigure
        look
        remember done verified
        publish verified
        = verified
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn nothing_to_do_touches_nothing() {
    check(
        Plan { generation: 5, digest: "d5".into(), ..Plan::default() },
        |_| {},
        expect![[r#"
        publish current
        = current
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn a_lun_is_added_without_a_reconfigure_even_while_a_path_is_down() {
    check(
        add(),
        |world| world.set("sda", false),
        expect![[r#"
        look
        publish applying
        look
        remember asked
        wwids +["3600n"] -[]
        add paths sde sdf
        look
        remember done verified
        publish verified
        = verified
        3600a=oracle/dm-0 3600b=backup/dm-1 3600n=3600n/dm-2
    "#]],
    );
}

#[test]
fn a_reconfigure_is_held_while_a_path_is_down() {
    check(
        knob(),
        |world| world.set("sda", false),
        expect![[r#"
        look
        publish held
        look
        = held
          map oracle (3600a) has failed paths: sda
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn a_person_may_force_it() {
    check(
        Plan { forced: true, ..knob() },
        |world| world.set("sda", false),
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun
        write Main
        remember asked
        reconfigure
        look
        remember done verified
        publish verified
        = verified
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn what_multipath_refuses_is_never_written() {
    let mut plan = knob();
    plan.files.push(File { which: ManagedFile::Overrides, content: Some("nonsense".into()) });
    check(
        plan,
        |_| {},
        expect![[r#"
        look
        judge
        remember done rolled-back
        publish rolled-back
        = rolled-back
          multipath -t refuses it; nothing was touched
          invalid keyword
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn a_path_that_leaves_its_map_is_the_configurations_fault() {
    check(
        broken(),
        |_| {},
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun
        write Main
        write Overrides
        remember asked
        reconfigure
        look
        remember restoring (taken: Perhaps)
        restore
        look
        remember asked-back
        reconfigure
        look
        remember done rolled-back
        publish rolled-back
        = rolled-back
          path sdb (8:1) of map oracle is in it no more, and the kernel says that it works
          files are as before, and multipathd runs them
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn a_path_that_the_kernel_loses_is_not() {
    check(
        knob(),
        |world| world.fails_then = Some("sda"),
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun
        write Main
        remember asked
        reconfigure
        look
        remember done verified
        publish verified
        = verified
          path sda (8:0) of map oracle failed meanwhile, by the kernel's word
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn no_second_reconfigure_while_a_path_is_lost() {
    check(
        broken(),
        |world| world.fails_then = Some("sdc"),
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun
        write Main
        write Overrides
        remember asked
        reconfigure
        look
        remember restoring (taken: Perhaps)
        restore
        look
        remember done failed
        publish failed
        = failed
          path sdb (8:1) of map oracle is in it no more, and the kernel says that it works
          files restored, multipathd still runs the new configuration: not usable now are path sdc (8:2) of map backup; when all paths are back: multipathd reconfigure
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn a_multipathd_that_hangs_is_sent_nothing_more() {
    check(
        knob(),
        |world| world.hangs = true,
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun
        write Main
        remember asked
        reconfigure
        look
        remember restoring (taken: Hung)
        restore
        look
        remember done failed
        publish failed
        = failed
          multipathd is not idle: it says `configure`
          files restored; multipathd hung, was sent nothing more, and may run the new configuration; when all paths are back: multipathd reconfigure
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn a_full_disk_costs_nothing() {
    check(
        much(),
        breaks("write Overrides"),
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun
        write Main
        write Overrides: fails
        remember restoring (taken: No)
        restore
        look
        remember done rolled-back
        publish rolled-back
        = rolled-back
          write fails; multipathd was asked for nothing
          files are as before, and multipathd runs what it ran
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
    check(
        knob(),
        breaks("keep"),
        expect![[r#"
        look
        judge
        publish applying
        look
        keep: fails
        remember done rolled-back
        publish rolled-back
        = rolled-back
          keep fails; nothing was touched
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
    check(
        knob(),
        breaks("remember begun"),
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun: fails
        remember done rolled-back
        publish rolled-back
        = rolled-back
          remember fails; nothing was touched
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
    check(
        knob(),
        breaks("remember asked"),
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun
        write Main
        remember asked: fails
        remember restoring (taken: No)
        restore
        look
        remember done rolled-back
        publish rolled-back
        = rolled-back
          remember fails; multipathd was asked for nothing
          files are as before, and multipathd runs what it ran
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
    check(
        much(),
        breaks("wwids"),
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun
        write Main
        write Overrides
        wwids +["3600n"] -[]: fails
        remember restoring (taken: No)
        restore
        look
        remember done rolled-back
        publish rolled-back
        = rolled-back
          wwids fails; multipathd was asked for nothing
          files are as before, and multipathd runs what it ran
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn what_cannot_be_put_back_is_said() {
    check(
        broken(),
        breaks("restore"),
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun
        write Main
        write Overrides
        remember asked
        reconfigure
        look
        remember restoring (taken: Perhaps)
        restore: fails
        look
        remember done failed
        publish failed
        = failed
          path sdb (8:1) of map oracle is in it no more, and the kernel says that it works
          files could not be put back: restore fails; kept files are in the state directory, config/before-5
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
    check(
        broken(),
        breaks("remember asked-back"),
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun
        write Main
        write Overrides
        remember asked
        reconfigure
        look
        remember restoring (taken: Perhaps)
        restore
        look
        remember asked-back: fails
        remember done failed
        publish failed
        = failed
          path sdb (8:1) of map oracle is in it no more, and the kernel says that it works
          files restored, multipathd still runs the new configuration: remember fails; when all paths are back: multipathd reconfigure
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn a_plan_that_does_not_fit_the_node_is_not_applied() {
    let mut unplanned = knob();
    unplanned.maps.remove(1);
    check(
        unplanned,
        |_| {},
        expect![[r#"
        look
        publish waiting
        look
        = waiting
          the plan does not fit the node any more, and is made anew
          map backup (3600b) is not in the plan
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
    let mut renamed = knob();
    renamed.maps[1].name_before = Some("vault".into());
    check(
        renamed,
        |_| {},
        expect![[r#"
        look
        publish waiting
        look
        = waiting
          the plan does not fit the node any more, and is made anew
          map backup (3600b) was vault when the plan was made
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn a_stronger_section_is_drift_and_no_fault() {
    let later = File {
        which: ManagedFile::Overrides,
        content: Some(format!("value {A} no_path_retry 12\nvalue {A} rr_weight uniform\n")),
    };
    let mut plan = knob();
    plan.files.push(later);
    check(
        plan,
        |_| {},
        expect![[r#"
        look
        judge
        publish applying
        look
        keep
        remember begun
        write Main
        write Overrides
        remember asked
        reconfigure
        look
        remember done verified
        publish verified
        = verified
          no_path_retry of LUN 3600a is "12", not "queue": a stronger section or a later file wins
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn nothing_is_touched_before_the_store_knows() {
    check(
        knob(),
        breaks("publish applying"),
        expect![[r#"
        look
        judge
        publish applying: fails
        = applying
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn a_lun_of_which_no_map_comes() {
    check(
        add(),
        breaks("add-paths"),
        expect![[r#"
        look
        publish applying
        look
        remember asked
        wwids +["3600n"] -[]
        add paths sde sdf: fails
        look
        remember restoring (taken: No)
        look
        remember done failed
        publish failed
        = failed
          no map 3600n came of LUN 3600n, which this node sees
          files are as before, and multipathd runs what it ran
          entries that were added to the wwids file stay there: 3600n
        3600a=oracle/dm-0 3600b=backup/dm-1
    "#]],
    );
}

#[test]
fn held_ends_when_the_path_is_back_and_is_an_error_after_an_hour() {
    let mut world = World::new();
    world.set("sda", false);
    let mut apply = Apply::default();
    let first = vec![Event::Loaded(None), Event::Plan(Box::new(knob()))];
    run(&mut apply, &mut world, first, 4, &mut |_| {});
    let told = apply.told().unwrap().clone();
    assert_eq!((told.progress, told.overdue), (Progress::Held, false));
    world.ms += HELD_OVERDUE_MS;
    run(&mut apply, &mut world, vec![Event::Tick], 3, &mut |_| {});
    let late = apply.told().unwrap().clone();
    assert_eq!((late.progress, late.overdue, late.since), (Progress::Held, true, told.since));
    world.set("sda", true);
    world.log.clear();
    run(&mut apply, &mut world, vec![Event::Tick], usize::MAX, &mut |_| {});
    assert_eq!(apply.told().unwrap().progress, Progress::Verified, "{:#?}", world.log);
    assert_eq!(world.reconfigures, 1);
}

#[test]
fn a_path_that_fails_after_the_announcement_holds_it_too() {
    let mut world = World::new();
    let mut apply = Apply::default();
    let first = vec![Event::Loaded(None), Event::Plan(Box::new(knob()))];
    let mut fail_then = |world: &mut World| {
        if world.log.last().is_some_and(|line| line == "publish applying") && world.published.len() == 1 {
            world.set("sdd", false);
        }
    };
    run(&mut apply, &mut world, first, usize::MAX, &mut fail_then);
    assert_eq!(apply.told().unwrap().progress, Progress::Held);
    let words: Vec<&str> = world.published.iter().map(|told| told.progress.as_str()).collect();
    assert_eq!(words, ["applying", "held"]);
    assert_eq!((world.reconfigures, world.files[&ManagedFile::Main].clone()), (0, old_text()));
}

#[test]
fn withdrawn_before_it_is_begun_and_finished_after() {
    let run_to = |effects: usize| {
        let mut world = World::new();
        let mut apply = Apply::default();
        let first = vec![Event::Loaded(None), Event::Plan(Box::new(knob()))];
        run(&mut apply, &mut world, first, effects, &mut |_| {});
        run(&mut apply, &mut world, vec![Event::Withdraw], usize::MAX, &mut |_| {});
        (world.reconfigures, apply.told().unwrap().progress)
    };
    // look, judge, publish, look: nothing is touched; what the driver threw away in the middle is given up in time.
    for effects in 0..3 {
        assert_eq!(run_to(effects), (0, Progress::Waiting), "after {effects} effects");
    }
}

#[test]
fn what_was_begun_once_is_not_begun_again_but_by_a_person() {
    let mut world = World::new();
    let mut apply = Apply::default();
    let go = |apply: &mut Apply, world: &mut World, plan: Plan| {
        run(apply, world, vec![Event::Plan(Box::new(plan))], usize::MAX, &mut |_| {});
        (apply.told().unwrap().progress, world.reconfigures)
    };
    apply.apply(Event::Loaded(None), world.now());
    assert_eq!(go(&mut apply, &mut world, broken()), (Progress::RolledBack, 2));
    assert_eq!(go(&mut apply, &mut world, broken()), (Progress::RolledBack, 2));
    assert_eq!(go(&mut apply, &mut world, Plan { again: true, ..broken() }), (Progress::RolledBack, 4));
    assert_eq!(go(&mut apply, &mut world, Plan { generation: 4, ..knob() }), (Progress::RolledBack, 4));
    assert_eq!(go(&mut apply, &mut world, Plan { generation: 6, ..knob() }), (Progress::Verified, 5));
    // That there is nothing more to do does not take the verdict away: others follow it.
    let nothing = Plan { generation: 6, ..Plan::default() };
    assert_eq!(go(&mut apply, &mut world, nothing), (Progress::Verified, 5));
}

#[test]
fn a_newer_plan_waits_for_the_running_step() {
    let mut world = World::new();
    let mut apply = Apply::default();
    let first = vec![Event::Loaded(None), Event::Plan(Box::new(broken()))];
    // Just before it is asked: look, judge, publish, look, keep, mark, two files, mark.
    run(&mut apply, &mut world, first, 9, &mut |_| {});
    assert_eq!((world.log.last().unwrap().as_str(), apply.is_working()), ("remember asked", true));
    let next = Event::Plan(Box::new(Plan { generation: 7, ..knob() }));
    run(&mut apply, &mut world, vec![next], usize::MAX, &mut |_| {});
    let done: Vec<&String> = world.log.iter().filter(|line| line.starts_with("remember done")).collect();
    assert_eq!(done, ["remember done rolled-back", "remember done verified"]);
    assert_eq!(apply.told().unwrap().generation, 7);
}

#[test]
fn a_write_that_never_comes_back_ends_all_doing() {
    let mut world = World::new();
    let mut apply = Apply::default();
    apply.apply(Event::Loaded(None), world.now());
    let mut effects = apply.apply(Event::Plan(Box::new(knob())), world.now());
    let mut hung = None;
    while let Some(effect) = effects.pop() {
        if matches!(effect.what, What::Write(_)) {
            hung = Some(effect);
            continue;
        }
        let answer = world.carry_out(&effect.what);
        effects.extend(apply.apply(Event::Done { id: effect.id, answer }, world.now()));
    }
    let hung = hung.unwrap();
    world.ms = apply.next_deadline().0;
    let effects = apply.apply(Event::Tick, world.now());
    assert!(matches!(effects.as_slice(), [Effect { what: What::Publish(_), .. }]), "{effects:#?}");
    assert_eq!(apply.told().unwrap().progress, Progress::Failed);
    // Nor does its late answer, or another plan, move anything.
    let late = apply.apply(Event::Done { id: hung.id, answer: Answer::Did }, world.now());
    let more = apply.apply(Event::Plan(Box::new(Plan { generation: 9, ..knob() })), world.now());
    assert!(late.is_empty() && more.is_empty());
    let id = effects[0].id;
    assert!(apply.apply(Event::Done { id, answer: Answer::Did }, world.now()).is_empty());
    assert_eq!(apply.next_deadline(), MonoMs(u64::MAX));
}

#[test]
fn before_the_disk_was_read_nothing_is_done() {
    let world = World::new();
    let mut apply = Apply::default();
    assert!(apply.apply(Event::Tick, world.now()).is_empty());
    assert!(apply.apply(Event::Plan(Box::new(knob())), world.now()).is_empty());
    assert!(apply.told().is_none());
    assert_eq!(
        apply.apply(Event::Loaded(None), world.now()).len(),
        1,
        "then the plan that waited is looked at"
    );
}
