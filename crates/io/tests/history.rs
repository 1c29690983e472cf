//! The history's file against a real disk: kills, damage, disks that say no, old files, new files.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use pathkeeper_io::history::{Filter, Full, HISTORY_FILE, History, HistoryError, Life, Row};
use pathkeeper_model::history::{Gap, Kind, Limits, Subject, What};
use pathkeeper_model::{EpochS, NodeName, Wwid};

fn life(began: i64) -> Life {
    Life {
        node: NodeName::new("pve1").unwrap(),
        instance: "00000000000000aa".into(),
        version: "0.1.0".into(),
        began: EpochS(began),
    }
}

fn start(dir: &Path, began: i64) -> History {
    History::start(dir, life(began), Limits { age_s: 1_000, bytes: 64 << 20 }).unwrap()
}

fn cell(at: i64, wwid: &str, node: &str, text: &str) -> Row {
    Row {
        at: EpochS(at),
        subject: Subject::cell(&Wwid::new(wwid).unwrap(), &NodeName::new(node).unwrap()),
        code: None,
        what: if text.is_empty() { What::Cleared } else { What::Changed },
        text: text.into(),
        body: (!text.is_empty()).then(|| format!("{{\"state\":\"{text}\"}}")),
        shared: None,
    }
}

fn all() -> Filter {
    Filter { limit: 5_000, ..Filter::default() }
}

async fn texts(history: &History, filter: Filter) -> Vec<String> {
    let page = history.timeline(filter).await.unwrap();
    let text = |(_, row): &(i64, Row)| format!("{} {} {}", row.at.0, row.subject.kind.as_str(), row.text);
    page.rows.iter().map(text).collect()
}

async fn end(history: &History, at: i64) {
    assert!(history.end(EpochS(at), Duration::from_secs(30)).await);
}

#[tokio::test]
async fn what_was_told_is_told_back_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let history = start(dir.path(), 100);
    let finding = Row {
        subject: Subject { object: Some("HBA_DOWN pve2/host7".into()), ..Subject::of(Kind::Cause) },
        code: Some("HBA_DOWN".into()),
        shared: Some("[\"look at it\"]".into()),
        ..cell(111, "w", "n", "link down")
    };
    history
        .record(vec![cell(110, "w1", "pve2", "4/4"), cell(110, "w2", "pve2", "4/4")], EpochS(110))
        .unwrap();
    history.ready(EpochS(110)).unwrap();
    history.record(vec![cell(111, "w1", "pve2", "2/4"), finding.clone()], EpochS(111)).unwrap();
    history.record(vec![cell(120, "w2", "pve2", "")], EpochS(120)).unwrap();
    assert_eq!(
        texts(&history, all()).await,
        [
            "100 agent the agent started, version 0.1.0",
            "110 cell 4/4",
            "110 cell 4/4",
            "111 cell 2/4",
            "111 cause link down",
            "120 cell "
        ]
    );
    end(&history, 130).await;

    let history = start(dir.path(), 200);
    let wwid = |name: &str| Filter { wwid: Wwid::new(name), ..all() };
    assert_eq!(
        texts(&history, wwid("w1")).await,
        [
            "100 agent the agent started, version 0.1.0",
            "110 cell 4/4",
            "111 cell 2/4",
            "130 agent the agent stopped",
            "200 agent the agent started, version 0.1.0"
        ]
    );
    let code = Filter { code: Some("HBA_DOWN".into()), ..all() };
    let page = history.timeline(code).await.unwrap();
    assert_eq!(page.rows.iter().map(|(_, row)| row.clone()).collect::<Vec<_>>(), [finding]);
    let some = Filter { since: Some(EpochS(111)), until: Some(EpochS(120)), limit: 2, ..Filter::default() };
    let page = history.timeline(some.clone()).await.unwrap();
    assert_eq!(page.rows.iter().map(|(_, row)| row.at.0).collect::<Vec<_>>(), [111, 120]);
    let older = history.timeline(Filter { before: page.older, ..some }).await.unwrap();
    assert_eq!((older.rows.len(), older.older), (1, None));

    let at = async |at: i64| {
        let then = history.at(EpochS(at)).await.unwrap();
        let texts: Vec<String> = then.rows.iter().map(|row| row.text.clone()).collect();
        (texts.join(", "), then.unobserved.map(|gap| (gap.since.map(|s| s.0), gap.until.map(|u| u.0))))
    };
    assert_eq!(at(110).await, ("4/4, 4/4".into(), None));
    assert_eq!(at(119).await, ("4/4, 2/4, link down".into(), None));
    assert_eq!(at(120).await, ("2/4, link down".into(), None));
    // It had no picture yet, it did not run, it has none again.
    assert_eq!(at(105).await.1, Some((None, Some(110))));
    assert_eq!(at(150).await.1, Some((Some(130), None)));
    assert_eq!(at(50).await.1, Some((None, Some(100))));
    history.ready(EpochS(210)).unwrap();
    assert_eq!(at(150).await.1, Some((Some(130), Some(210))));
    assert_eq!(at(210).await, ("2/4, link down".into(), None));
}

#[tokio::test]
async fn what_is_lost_is_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let history = start(dir.path(), 100);
    history.record(vec![cell(100, "w", "n", "4/4")], EpochS(100)).unwrap();
    history.ready(EpochS(100)).unwrap();
    let gap = Gap { since: EpochS(150), until: EpochS(160), lost: 7, why: "too many".into() };
    history.gap(gap).unwrap();
    history.seen(EpochS(200)).unwrap();
    let unobserved = async |at: i64| history.at(EpochS(at)).await.unwrap().unobserved.map(|gap| gap.why);
    assert_eq!(unobserved(149).await, None);
    assert_eq!(unobserved(155).await.as_deref(), Some("too many"));
    assert_eq!(unobserved(160).await, None);
    let told = texts(&history, Filter { wwid: Wwid::new("w"), ..all() }).await;
    assert!(
        told.iter().any(|line| line == "160 agent 7 changes in the 10 s before are lost: too many"),
        "{told:?}"
    );
}

/// A hundred thousand rows at once are more than waits; the first picture passes all the same.
#[tokio::test]
async fn who_tells_too_much_is_refused_and_never_waits() {
    let dir = tempfile::tempdir().unwrap();
    let history = start(dir.path(), 100);
    let many = |n: usize| (0..n).map(|i| cell(100, &format!("w{i}"), "n", "4/4")).collect::<Vec<_>>();
    history.record(many(30_000), EpochS(100)).unwrap();
    let refused = (0..50).filter(|_| history.record(many(1_000), EpochS(100)) == Err(Full)).count();
    assert!(refused > 0);
    end(&history, 101).await;
    // What was taken is there, and no more.
    let history = start(dir.path(), 200);
    let then = history.at(EpochS(100)).await.unwrap();
    assert_eq!(then.rows.len(), 30_000, "each subject once");
    history.record(many(10), EpochS(201)).unwrap();
}

#[tokio::test]
async fn a_file_that_is_of_no_use_is_set_aside() {
    let whole = {
        let dir = tempfile::tempdir().unwrap();
        let history = start(dir.path(), 1);
        let rows = (0..5_000).map(|i| cell(1, &format!("w{i}"), "n", "4/4")).collect();
        history.record(rows, EpochS(1)).unwrap();
        end(&history, 2).await;
        std::fs::read(dir.path().join(HISTORY_FILE)).unwrap()
    };
    let mut cut = whole.clone();
    cut.truncate(whole.len() / 2);
    let mut torn = whole.clone();
    let middle = torn.len() / 3;
    torn[4_096..middle].fill(0xa5);
    let foreign = {
        let dir = tempfile::tempdir().unwrap();
        let db = rusqlite::Connection::open(dir.path().join("x")).unwrap();
        db.execute_batch("CREATE TABLE t(a); INSERT INTO t VALUES (1)").unwrap();
        drop(db);
        std::fs::read(dir.path().join("x")).unwrap()
    };
    for (what, bytes) in [
        ("rubbish", b"rubbish, and no database at all".repeat(50)),
        ("cut", cut),
        ("torn", torn),
        ("foreign", foreign),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(HISTORY_FILE);
        std::fs::write(&path, &bytes).unwrap();
        let history = start(dir.path(), 77);
        // Damage deep in the file shows when it is met.
        let _ = history.at(EpochS(i64::MAX)).await;
        let mut condition = history.condition();
        let set_aside = condition.wait_for(|condition| condition.set_aside.is_some());
        let condition =
            tokio::time::timeout(Duration::from_secs(30), set_aside).await.expect(what).unwrap().clone();
        let (aside, why) = condition.set_aside.unwrap();
        assert!(!why.is_empty() && condition.generation == 1, "{what}");
        assert_eq!(aside, dir.path().join("history.db.bad-77"), "{what}");
        assert_eq!(std::fs::read(aside).unwrap().len(), bytes.len(), "{what}: nobody touches it");
        history.record(vec![cell(80, "w", "n", "2/4")], EpochS(80)).unwrap();
        assert_eq!(history.at(EpochS(80)).await.unwrap().rows.len(), 1, "{what}");
        end(&history, 81).await;
    }
}

#[tokio::test]
async fn a_newer_file_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    end(&start(dir.path(), 1), 2).await;
    let path = dir.path().join(HISTORY_FILE);
    rusqlite::Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 2").unwrap();
    let before = std::fs::read(&path).unwrap();
    let history = start(dir.path(), 10);
    let _ = history.record(vec![cell(10, "w", "n", "4/4")], EpochS(10));
    match history.lives().await {
        Err(HistoryError::Unusable(why)) => assert!(why.contains("version 2"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(history.condition().borrow().set_aside, None);
}

#[tokio::test]
async fn a_disk_that_says_no_is_asked_again_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("state");
    // There is no such folder yet: as good as a disk that cannot be written.
    let history = start(&folder, 1);
    history.record(vec![cell(5, "w", "n", "4/4")], EpochS(5)).unwrap();
    let mut condition = history.condition();
    condition.wait_for(|condition| condition.problem.is_some()).await.unwrap();
    assert!(matches!(history.lives().await, Err(HistoryError::Unusable(_))));
    std::fs::create_dir(&folder).unwrap();
    // The end tries once more, whatever was before.
    end(&history, 6).await;
    let history = start(&folder, 10);
    assert_eq!(history.at(EpochS(5)).await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn what_is_old_or_too_much_goes_and_what_stands_stays() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { age_s: 100, bytes: 8 << 20 };
    let history = History::start(dir.path(), life(0), limits).unwrap();
    history.record(vec![cell(0, "still", "n", "4/4"), cell(1, "gone", "n", "4/4")], EpochS(1)).unwrap();
    history.ready(EpochS(0)).unwrap();
    history.record(vec![cell(2, "gone", "n", "")], EpochS(2)).unwrap();
    end(&history, 10).await;
    // By age: at the start of the next life what ended before is gone, and what stood then is known.
    let history = History::start(dir.path(), life(500), limits).unwrap();
    history.record(vec![cell(500, "new", "n", "1/4")], EpochS(500)).unwrap();
    history.ready(EpochS(500)).unwrap();
    let mut condition = history.condition();
    condition.wait_for(|condition| condition.used_bytes > 0).await.unwrap();
    let told = texts(&history, all()).await;
    assert_eq!(told, ["0 cell 4/4", "500 agent the agent started, version 0.1.0", "500 cell 1/4"]);
    assert_eq!(history.lives().await.unwrap().kept, Some(EpochS(400)));
    // By size: each has a page's worth of evidence, and the file does not grow beyond its bound by much.
    let evidence = "e".repeat(4_000);
    for n in 0..60 {
        let rows = (0..100)
            .map(|i| Row { body: Some(evidence.clone()), ..cell(501 + n, &format!("w{i}"), "n", "x") });
        history.record(rows.collect(), EpochS(501 + n)).unwrap();
        // One after the other, as time goes on.
        history.lives().await.unwrap();
    }
    let size = |end: &str| {
        std::fs::metadata(dir.path().join(format!("{HISTORY_FILE}{end}"))).map_or(0, |data| data.len())
    };
    condition
        .wait_for(|condition| condition.used_bytes > 0 && condition.used_bytes <= 9 << 20)
        .await
        .unwrap();
    let then = history.at(EpochS(560)).await.unwrap();
    assert_eq!((then.rows.len(), then.unobserved), (102, None), "{} bytes", size(""));
    assert!(history.at(EpochS(505)).await.unwrap().unobserved.is_some(), "it is not kept");
}

/// The process that is killed: it tells for ever, and says what it has told.
#[test]
#[ignore = "is started by the test below"]
fn tells_until_it_is_killed() {
    let Some(dir) = std::env::var_os("HISTORY_TEST_DIR") else { return };
    let history = start(Path::new(&dir), 1);
    let condition = history.condition();
    for n in 0.. {
        let rows = vec![cell(n, &format!("w{}", n % 50), "n", &n.to_string())];
        while history.record(rows.clone(), EpochS(n)).is_err() {
            std::thread::yield_now();
        }
        if n % 500 == 0 {
            println!("written {}", condition.borrow().written);
        }
    }
}

#[tokio::test]
async fn a_killed_process_loses_the_last_batch_at_most_and_never_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..6_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "history::tells_until_it_is_killed", "--ignored", "--nocapture"])
            .env("HISTORY_TEST_DIR", dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = 0_u64;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            if let Some(n) = line.unwrap().strip_prefix("written ") {
                said = n.parse().unwrap();
            }
            // Somewhere in the middle of its writing, each time elsewhere.
            if said > 1_000 + 700 * round {
                child.kill().unwrap();
                break;
            }
        }
        child.wait().unwrap();
        let db = rusqlite::Connection::open(dir.path().join(HISTORY_FILE)).unwrap();
        let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "round {round}");
        let cells =
            number("SELECT count(*) FROM event e JOIN subject s ON s.id = e.subject WHERE s.kind = 'cell'");
        assert!(
            cells - before >= i64::try_from(said).unwrap(),
            "round {round}: it had said that {said} are written"
        );
        before = cells;
        let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(!names.iter().any(|name| name.to_string_lossy().contains("bad")), "{names:?}");
    }
    let history = start(dir.path(), 1);
    let told = texts(&history, Filter { kinds: vec![Kind::Agent], ..all() }).await;
    let broken = told.iter().filter(|line| line.contains("did not stop in good order")).count();
    assert_eq!(broken, 6, "{told:?}");
}
