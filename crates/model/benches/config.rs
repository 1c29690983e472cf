//! Times of the configuration. docs/performance.md has the targets and what was measured.
#![allow(clippy::expect_used, clippy::panic, reason = "a bench may panic")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pathkeeper_model::config::Version;
use pathkeeper_model::config::node::{File, LiveMap, LivePath, NodeState, Uses};
use pathkeeper_model::config::plan::{Confirmed, Desired, Done, plan};
use pathkeeper_model::config::render::Rendered;
use pathkeeper_model::multipath_cfg::{MultipathCfg, Reading};
use pathkeeper_model::{EpochS, NodeName, Wwid};

const LUNS: usize = 500;
const PATHS: usize = 8;
/// Entries of multipath's own table of arrays: 0.9.4 has about as many.
const ARRAYS: usize = 120;
/// Kinds of array that the node has.
const ARRAYS_HERE: usize = 4;

fn wwid(lun: usize) -> Wwid {
    let text = format!("3600a0980383044{lun:06}3634c4870{:08x}", lun as u32 ^ 0x5bd1_e995);
    Wwid::new(&text).expect("not empty")
}

fn document(retries: u32) -> MultipathCfg {
    let mut text =
        format!("defaults: global\n\tno-path-retry {retries}\n\tprio alua\n\tfailback immediate\n\n");
    for lun in 0..LUNS {
        let _ =
            writeln!(text, "wwid: {}\n\talias lun-{lun:04}\n\tskip-kpartx\n\texpected-paths 8\n", wwid(lun));
    }
    match Reading::parse(Some(text.as_bytes())) {
        Reading::Good(cfg) => cfg,
        other => panic!("{other:?}"),
    }
}

fn shown() -> String {
    let mut text = "defaults {\n\tno_path_retry \"fail\"\n\tprio \"const\"\n}\ndevices {\n".to_owned();
    for array in 0..ARRAYS {
        let _ = writeln!(
            text,
            "\tdevice {{\n\t\tvendor \"VENDOR{array:03}\"\n\t\tproduct \"(LUN|DISK).*\"\n\t\tpath_grouping_policy \"group_by_prio\"\n\
             \t\tno_path_retry {array}\n\t\tfailback \"immediate\"\n\t}}"
        );
    }
    text + "}\n"
}

/// A node on which a document is in force already.
fn node(cfg: &MultipathCfg) -> NodeState {
    let map = |lun: usize| {
        let path = |path: usize| LivePath {
            name: format!("sd{}", lun * PATHS + path),
            usable: true,
            protocol: "scsi:fcp".into(),
            properties: vec!["ID_SERIAL".into(), "ID_WWN".into(), "SCSI_IDENT_SERIAL".into()],
        };
        LiveMap {
            name: format!("lun-{lun:04}"),
            wwid: wwid(lun),
            open: Some(1),
            holders: vec!["dm-9".into()],
            pv: true,
            vendor: Some(format!("VENDOR{:03}", lun % ARRAYS_HERE)),
            product: Some("LUN C-Mode".into()),
            paths: (0..PATHS).map(path).collect(),
            expected_paths: None,
        }
    };
    let mut node = NodeState::new(NodeName::new("node0001").expect("not empty"));
    node.read_at = Some(EpochS(1_783_000_000));
    node.version = Some(Version::new(0, 9, 4));
    node.maps = (0..LUNS).map(map).collect();
    node.wwids = (0..LUNS).map(|lun| format!("/{}/\n", wwid(lun))).collect();
    node.recorded = (0..LUNS).map(wwid).collect();
    let conf = "blacklist {\n\tdevnode \"^(ram|raw|loop)[0-9]*\"\n}\n";
    node.files = vec![File { path: "/etc/multipath.conf".into(), text: conf.into() }];
    node.effective = Some(shown());
    node.drop_ins = desired(cfg, "d1").drop_ins(&node.drop_ins);
    node
}

fn desired<'a>(config: &'a MultipathCfg, config_digest: &'a str) -> Desired<'a> {
    Desired { config, config_digest, overrides: None }
}

fn config(c: &mut Criterion) {
    let (cfg, other) = (document(12), document(5));
    let node = node(&cfg);
    let uses = Uses::of([&node], []);
    let none = Confirmed::default();
    let mut group = c.benchmark_group("configuration 500x8");
    let planned = plan(&node, &desired(&cfg, "d1"), &uses, &none);
    let done = Done::of(&planned, &desired(&cfg, "d1"), &node).unwrap_or_else(|| panic!("{planned}"));
    group.bench_function("nothing to do, seen by comparison", |b| {
        b.iter(|| assert!(done.is_still(black_box("d1"), None, &node.drop_ins, &node.wwids)));
    });
    group.bench_function("a plan that comes to nothing", |b| {
        b.iter(|| plan(black_box(&node), &desired(&cfg, "d1"), &uses, &none));
    });
    group.bench_function("a plan of one setting for all LUNs", |b| {
        b.iter(|| {
            let made = plan(black_box(&node), &desired(&other, "d2"), &uses, &none);
            assert!(made.reconfigure && made.values.len() > LUNS);
            made
        });
    });
    group.bench_function("the drop-in's text", |b| b.iter(|| Rendered::of(black_box(&cfg)).text("d1")));
    group.finish();
}

criterion_group!(benches, config);
criterion_main!(benches);
