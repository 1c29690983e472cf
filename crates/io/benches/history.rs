//! What history costs: 500 transitions a second with evidence, the file of 30 days of 10,000 a day, questions to it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, missing_docs)]

use std::time::{Duration, Instant};

use pathkeeper_io::history::{Filter, HISTORY_FILE, History, Life, Row};
use pathkeeper_model::history::{Kind, Limits, Subject, What};
use pathkeeper_model::{EpochS, NodeName, Wwid};

const DAYS: i64 = 30;
const A_DAY: i64 = 10_000;
const LUNS: u64 = 500;
const NODES: u64 = 32;
const RATE_S: u64 = 500;
const SECONDS: u64 = 20;

fn start(dir: &std::path::Path) -> History {
    let node = NodeName::new("pve1").unwrap();
    let life = Life { node, instance: "aa".into(), version: "0.1.0".into(), began: EpochS(0) };
    History::start(dir, life, Limits { age_s: 400 * 86_400, bytes: 1 << 30 }).unwrap()
}

/// Every second one is a cell, the others are findings with the evidence and advice of a lost path; no two evidences are alike.
fn row(n: u64, at: i64) -> Row {
    let random = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let (lun, node) = (random % LUNS, (random >> 20) % NODES);
    let wwid = Wwid::new(&format!("3600a098038304479363f4c48{lun:08x}")).unwrap();
    let node = NodeName::new(&format!("pve{node}")).unwrap();
    let usable = n / 2 % 5;
    if n.is_multiple_of(2) {
        return Row {
            at: EpochS(at),
            subject: Subject::cell(&wwid, &node),
            code: None,
            what: What::Changed,
            text: format!("degraded {usable}/4"),
            body: Some(format!(
                r#"{{"state":"degraded","paths-active":{usable},"paths-total":4,"paths-expected":4,"transport":"fc"}}"#
            )),
            shared: None,
        };
    }
    let object = format!("LUN_DEGRADED {node}/{wwid}");
    let evidence = [
        format!("host7 -> 21:00:00:24:ff:4a:11:07   sdk{n}   failed faulty running"),
        format!("host7 -> 21:00:00:24:ff:4a:11:08   sdw{n}   failed faulty running"),
        "report 3 s old; multipathd and kernel agree".to_owned(),
    ];
    let body = format!(
        r#"{{"code":"LUN_DEGRADED","severity":"warning","scope":{{"wwid":"{wwid}","node":"{node}"}},"summary":"{wwid} on {node}: {usable} of 4 paths usable","evidence":{evidence:?},"since":{at},"since-first-seen":true,"fingerprint":"{object}"}}"#
    );
    Row {
        at: EpochS(at),
        subject: Subject {
            kind: Kind::Finding,
            wwid: Some(wwid),
            node: Some(node),
            object: Some(object.into()),
        },
        code: Some("LUN_DEGRADED".into()),
        what: if n % 4 == 1 { What::Appeared } else { What::Cleared },
        text: format!("{usable} of 4 paths usable"),
        body: (n % 4 == 1).then_some(body),
        shared: (n % 4 == 1)
            .then(|| r#"["pathkeeper explain tells which paths","DO NOT reboot"]"#.to_owned()),
    }
}

/// Processor time of this process so far.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after = stat.rsplit(')').next().unwrap();
    let ticks: u64 = after.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

async fn timed<T>(what: &str, times: u32, mut ask: impl AsyncFnMut(u32) -> T) {
    let mut took = Vec::new();
    for n in 0..times {
        let begun = Instant::now();
        ask(n).await;
        took.push(begun.elapsed());
    }
    took.sort();
    println!("{what}: median {:.1?}, most {:.1?}", took[took.len() / 2], took[took.len() - 1]);
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let dir = tempfile::tempdir().unwrap();
    let history = start(dir.path());
    let total = u64::try_from(DAYS * A_DAY).unwrap();
    let begun = Instant::now();
    for batch in 0..total / 100 {
        let at = |n: u64| i64::try_from(n).unwrap() * 86_400 / A_DAY;
        let rows: Vec<Row> = (batch * 100..batch * 100 + 100).map(|n| row(n, at(n))).collect();
        while history.record(rows.clone(), EpochS(at(batch * 100))).is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    history.ready(EpochS(0)).unwrap();
    history.lives().await.unwrap();
    println!("{total} transitions told at once: {:.1?}", begun.elapsed());
    let now = DAYS * 86_400;
    let wwid = |n: u32| Wwid::new(&format!("3600a098038304479363f4c48{n:08x}"));
    timed("timeline of a LUN, the last 200", 50, async |n| {
        let filter = Filter { wwid: wwid(n), limit: 200, ..Filter::default() };
        assert!(history.timeline(filter).await.unwrap().rows.len() > 100);
    })
    .await;
    timed("timeline of everything, the last 200", 50, async |_| {
        let filter = Filter { limit: 200, ..Filter::default() };
        assert_eq!(history.timeline(filter).await.unwrap().rows.len(), 200);
    })
    .await;
    timed("how all cells stood at a time", 20, async |n| {
        let then = history.at(EpochS(now / 2 + i64::from(n) * 3_600)).await.unwrap();
        assert!(then.rows.len() > 10_000);
    })
    .await;
    // In steps of 100 ms, as pictures are made.
    let (begun, used) = (Instant::now(), processor());
    let mut lag = Vec::new();
    let mut refused = 0;
    for step in 0..SECONDS * 10 {
        let n = total + step * RATE_S / 10;
        let rows: Vec<Row> = (n..n + RATE_S / 10).map(|n| row(n, now)).collect();
        let told = Instant::now();
        refused += u32::from(history.record(rows, EpochS(now)).is_err());
        lag.push(told.elapsed());
        let next = begun + Duration::from_millis((step + 1) * 100);
        tokio::time::sleep_until(next.into()).await;
    }
    lag.sort();
    let share = (processor() - used).as_secs_f64() / begun.elapsed().as_secs_f64();
    println!(
        "{RATE_S} transitions a second for {SECONDS} s: {:.1} % of a core, told in {:.1?} (most {:.1?}), {refused} refused",
        share * 100.0,
        lag[lag.len() / 2],
        lag[lag.len() - 1]
    );
    timed("written and answered, behind what waits", 20, async |_| history.lives().await.unwrap()).await;
    assert!(history.end(EpochS(now), Duration::from_secs(60)).await);
    let bytes = std::fs::metadata(dir.path().join(HISTORY_FILE)).unwrap().len();
    let kept = total + SECONDS * RATE_S;
    println!("file of {kept} transitions: {} MiB, {} bytes each", bytes >> 20, bytes / kept);
}
