//! What people do with a rollout: from the one that stands to the one that is to stand, byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use pathkeeper_model::config::Place;
use pathkeeper_model::config::edit::{Change, Keys};
use pathkeeper_model::config::plan::Confirmed;
use pathkeeper_model::config::rollout::{Applied, Course, Peer, Progress, Rollout};
use pathkeeper_model::config::steer::{self, Adopt, Start, Word};
use pathkeeper_model::multipath_cfg::MultipathCfg;
use pathkeeper_model::{EpochS, NodeName, Wwid};

use super::lab::{good, wwid};

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

const WORD: Word<'static> = Word { by: "kb@pam", time: EpochS(1_700_000_000) };

fn wwids(of: &[&str]) -> BTreeSet<Wwid> {
    of.iter().map(|text| wwid(text)).collect()
}

fn text(rollout: &Rollout) -> String {
    let bytes = rollout.encode();
    assert_eq!(Rollout::decode(&bytes).unwrap().as_ref(), Some(rollout), "it is read as it was written");
    String::from_utf8(bytes).unwrap()
}

fn started(old: Option<&Rollout>, config: &str, overrides: &str) -> Rollout {
    let wanted = Start { config: config.into(), overrides: overrides.into(), ..Start::default() };
    steer::start(old, wanted, WORD)
}

#[test]
fn a_rollout_starts() {
    let check = |old: Option<&Rollout>, wanted: Start, expect: Expect| {
        expect.assert_eq(&text(&steer::start(old, wanted, WORD)));
    };
    let wanted = |config: &str| Start { config: config.into(), overrides: "o".into(), ..Start::default() };
    check(
        None,
        wanted("c1"),
        expect![[r#"
            {"generation":1,"config":"c1","overrides":"o","state":"running","force":[],"resumed":{},"by":"kb@pam","time":1700000000}
        "#]],
    );
    let first = started(None, "c1", "o");
    let agreed = Start {
        canary: Some(name("pve2")),
        only: Some(name("pve2")),
        confirmed: Confirmed {
            adopt: wwids(&["3600b"]),
            remove: wwids(&["3600a"]),
            rename: BTreeSet::new(),
            rename_in_use: true,
        },
        ..wanted("c2")
    };
    check(
        Some(&first),
        agreed,
        expect![[r#"
            {"generation":2,"config":"c2","overrides":"o","state":"running","canary":"pve2","force":[],"resumed":{},"by":"kb@pam","time":1700000000,"previous":{"config":"c1","overrides":"o"},"only":"pve2","confirmed":{"adopt":["3600b"],"remove":["3600a"],"rename":[],"rename-in-use":true}}
        "#]],
    );
    // Tried once more: what was before stays what it was. Other overrides are another configuration.
    let second = started(Some(&first), "c2", "o");
    assert_eq!(started(Some(&second), "c2", "o").previous, Some(("c1".into(), "o".into())));
    assert_eq!(started(Some(&second), "c2", "p").previous, Some(("c2".into(), "o".into())));
    // What was aborted before anything was there never came to be in force.
    let over = Rollout { course: Course::Aborted, ..first };
    assert_eq!(
        (started(Some(&over), "c2", "o").previous, started(Some(&over), "c2", "o").generation),
        (None, 2)
    );
    let last = Rollout { generation: u64::MAX, ..over };
    assert_eq!(started(Some(&last), "c", "o").generation, u64::MAX);
}

fn peers(of: &[(&str, bool, u64, Progress, Option<i64>)]) -> BTreeMap<NodeName, Peer> {
    let peer = |(node, online, generation, progress, since): &(&str, bool, u64, Progress, Option<i64>)| {
        let said = Applied {
            generation: *generation,
            progress: *progress,
            digest: None,
            since: since.map(EpochS),
            why: None,
            drift: None,
        };
        (name(node), Peer { online: *online, touched: false, said: Some(said) })
    };
    of.iter().map(peer).collect()
}

#[test]
fn it_is_paused_resumed_and_forced() {
    let running = started(None, "c", "o");
    let paused = steer::pause(&running).unwrap().unwrap();
    assert_eq!(paused.course, Course::Paused);
    assert_eq!(steer::pause(&paused).unwrap(), None, "so already");
    assert_eq!(steer::resume(&paused, &BTreeMap::new()).unwrap(), Some(running.clone()));
    assert_eq!(steer::resume(&running, &BTreeMap::new()).unwrap(), None);

    // What went wrong in this generation, and what nobody heard of again, was looked at; nothing else.
    let nodes = peers(&[
        ("a", true, 1, Progress::Failed, Some(5)),
        ("b", true, 1, Progress::RolledBack, None),
        ("c", false, 1, Progress::Applying, Some(7)),
        ("d", true, 1, Progress::Applying, Some(8)),
        ("e", true, 0, Progress::Failed, Some(9)),
        ("f", false, 1, Progress::Held, Some(9)),
        ("g", true, 1, Progress::Verified, Some(9)),
    ]);
    let resumed = steer::resume(&paused, &nodes).unwrap().unwrap();
    expect![[r#"
        {"generation":1,"config":"c","overrides":"o","state":"running","force":[],"resumed":{"a":5,"b":null,"c":7},"by":"kb@pam","time":1700000000}
    "#]]
    .assert_eq(&text(&resumed));
    assert_eq!(steer::resume(&resumed, &nodes).unwrap(), None, "once is enough");
    assert_eq!(steer::stuck(&resumed, &nodes).count(), 0);
    // The same node fails again later: that has to be looked at again.
    let again = peers(&[("a", true, 1, Progress::Failed, Some(6))]);
    assert_eq!(steer::stuck(&resumed, &again).map(|(node, _)| node.as_str()).collect::<Vec<_>>(), ["a"]);
    let resumed = steer::resume(&resumed, &again).unwrap().unwrap();
    assert_eq!(resumed.resumed[&name("a")], Some(EpochS(6)));

    let forced = steer::force(&running, &[name("b"), name("a")].into()).unwrap().unwrap();
    expect![[r#"
        {"generation":1,"config":"c","overrides":"o","state":"running","force":["a","b"],"resumed":{},"by":"kb@pam","time":1700000000}
    "#]]
    .assert_eq(&text(&forced));
    assert_eq!(steer::force(&forced, &[name("b")].into()).unwrap(), None);
}

const BEFORE: &str = "wwid: 3600a\n\talias one\n\nwwid: 3600b\n\talias two\n";
const AFTER: &str = "wwid: 3600a\n\talias uno\n\nwwid: 3600c\n";

#[test]
fn an_abort_goes_back_to_what_was_before() {
    let (before, after) = (good(BEFORE), good(AFTER));
    let first = started(None, "c1", "o1");
    let wanted = Start {
        config: "c2".into(),
        overrides: "o2".into(),
        confirmed: steer::consent(&after, &Change::between(&before, &after), &Adopt::Nothing, true),
        ..Start::default()
    };
    let second = Rollout {
        force: [name("pve1")].into(),
        only: Some(name("pve1")),
        ..steer::start(Some(&first), wanted, WORD)
    };
    let word = Word { by: "eve@pam", time: EpochS(1_700_000_100) };
    let back = steer::abort(&second, Ok((&before, &after)), word).unwrap().unwrap();
    // What it had brought goes, what it had taken out comes back, what it had renamed gets its name again; who is looked at is asked anew.
    expect![[r#"
        {"generation":3,"config":"c1","overrides":"o1","state":"running","force":[],"resumed":{},"by":"eve@pam","time":1700000100,"previous":{"config":"c2","overrides":"o2"},"only":"pve1","confirmed":{"adopt":["3600b"],"remove":["3600c"],"rename":["3600a","3600b"],"rename-in-use":true}}
    "#]]
    .assert_eq(&text(&back));

    // Its text is lost: nothing is guessed.
    let lost = steer::abort(&second, Err("it is not kept".into()), word).unwrap_err();
    assert!(
        lost.to_string().contains("what was before generation 2 cannot be read any more (it is not kept)"),
        "{lost}"
    );
    // Nothing was before: it only ends, and then nobody goes on with it.
    let over = steer::abort(&first, Err("nothing".into()), word).unwrap().unwrap();
    assert_eq!(over, Rollout { course: Course::Aborted, ..first });
    assert_eq!(steer::abort(&over, Err("nothing".into()), word).unwrap(), None);
    for refused in [
        steer::pause(&over),
        steer::resume(&over, &BTreeMap::new()),
        steer::force(&over, &[name("a")].into()),
    ] {
        assert!(refused.unwrap_err().to_string().contains("generation 1 was aborted"));
    }
}

#[test]
fn what_was_said_is_what_is_agreed_to() {
    let (before, after) = (good(BEFORE), good(AFTER));
    let agreed = |adopt: &Adopt| {
        let Confirmed { adopt, remove, rename, rename_in_use } =
            steer::consent(&after, &Change::between(&before, &after), adopt, false);
        let words = |of: BTreeSet<Wwid>| of.iter().map(Wwid::to_string).collect::<Vec<_>>().join(" ");
        assert!(!rename_in_use);
        format!("adopt {} remove {} rename {}", words(adopt), words(remove), words(rename))
    };
    // An alias that the document changes is said by it; one of a LUN that was set up by hand only where that LUN is named.
    assert_eq!(agreed(&Adopt::Nothing), "adopt  remove 3600b rename 3600a");
    assert_eq!(agreed(&Adopt::All), "adopt 3600a 3600c remove 3600b rename 3600a");
    assert_eq!(agreed(&Adopt::Named(wwids(&["3600c"]))), "adopt 3600c remove 3600b rename 3600a 3600c");
    let nothing = Change::between(&MultipathCfg::default(), &after);
    assert_eq!(steer::consent(&after, &nothing, &Adopt::Nothing, false), Confirmed::default());
}

#[test]
fn single_keys_are_judged_by_name() {
    let check = |place: Place, set: &[(&str, Option<&str>)], delete: &[&str], expect: Expect| {
        let keys = Keys {
            set: set.iter().map(|(key, value)| (key.to_string(), value.map(str::to_owned))).collect(),
            delete: delete.iter().map(|key| key.to_string()).collect(),
        };
        let wrong = keys.wrong(place);
        let lines: Vec<String> = wrong.iter().map(|(key, why)| format!("{key}: {why}\n")).collect();
        expect.assert_eq(&lines.concat());
    };
    check(
        Place::Both,
        &[
            ("alias", Some("a b")),
            ("nodes", Some(",")),
            ("expected-paths", Some("0")),
            ("comment", None),
            ("polling-interval", Some("5")),
            ("prio", Some("alua\nx")),
            ("skip-kpartx", None),
            ("used-by", Some("backup")),
            ("no-path-retri", Some("1")),
        ],
        &["prio", "aliass", "comment"],
        expect![[r#"
            alias: ' ' cannot stand in a map's name: letters, digits and #+-.:=@_ can
            aliass: "aliass" is no setting; did you mean alias?
            comment: it is to be set and to be deleted at once
            expected-paths: "0" is no number from 1 to 1024
            no-path-retri: "no-path-retri" is no setting; did you mean no-path-retry?
            nodes: it names nobody; a LUN that was taken out of service is retired
            polling-interval: it cannot be set: it is for all LUNs alike: pathkeeper config set
            prio: it is to be set and to be deleted at once
        "#]],
    );
    check(
        Place::Defaults,
        &[("alias", Some("x")), ("polling-interval", Some("5"))],
        &["nodes"],
        expect![[r#"
        alias: it cannot be set: it is one LUN's: pathkeeper lun set
        nodes: it cannot be set: it is one LUN's: pathkeeper lun set
    "#]],
    );
    check(Place::Both, &[], &[], expect![""]);
}
