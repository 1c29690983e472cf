//! One node by itself.

use std::path::PathBuf;

use pathkeeper::app::apply::Hands;
use pathkeeper_engine::apply::*;
use pathkeeper_engine::sim::{San, SanConfig};
use pathkeeper_io::managing::{MARK_FILE, MARK_LINE};
use pathkeeper_model::{EpochS, MonoMs, Now, Wwid};

use super::played::{Played, is_root};

/// The node that [`Played`] gives with the machine that applies on it, and time that is stepped by hand.
struct Lab {
    node: Played,
    hands: Hands,
    wwids: Vec<String>,
    apply: Apply,
    ms: u64,
    published: Vec<Told>,
}

const OLD: &str = "# hand-made\n/HAND/\n";

impl Lab {
    /// Three LUNs with four paths each, of which two are allowed; the first has an alias of ours.
    fn new() -> Self {
        let san = San::new(SanConfig { nodes: 1, luns: 3, paths: 4, seed: 3 }).unwrap();
        let node = Played::new(&san, 0);
        let wwids = node.wwids();
        node.put("etc/multipath/wwids", &format!("{OLD}/{}/\n/{}/\n", wwids[0], wwids[1]));
        node.put("etc/multipath/conf.d/60-pathkeeper.conf", &main_text(&wwids, "fail"));
        node.put(&format!("etc/{MARK_FILE}"), MARK_LINE);
        node.daemon.lock().unwrap().read_files();
        let hands = Hands::new(node.reader(), &node.root().join("state"));
        Self { node, hands, wwids, apply: Apply::default(), ms: 1_000, published: Vec::new() }
    }

    fn now(&self) -> Now {
        Now { mono: MonoMs(self.ms), wall: EpochS(1_783_082_400 + (self.ms / 1_000) as i64) }
    }

    fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.node.root().join("etc/multipath").join(name)).ok()
    }

    fn orders(&self) -> Vec<String> {
        self.node.daemon.lock().unwrap().orders()
    }

    /// One knob of the first LUN, from `fail` to `queue`.
    fn knob(&self) -> Plan {
        let wwid = |n: usize| Wwid::new(&self.wwids[n]).unwrap();
        let planned = |n: usize, name: &str| PlannedMap {
            wwid: wwid(n),
            name_before: Some(name.to_owned()),
            name_after: Some(name.to_owned()),
            paths_expected: Some(4),
            values: Vec::new(),
        };
        let mut maps = vec![planned(0, "oracle"), planned(1, &self.wwids[1])];
        maps[0].values.push(("no_path_retry".into(), "queue".into()));
        Plan {
            generation: 5,
            digest: "d5".into(),
            files: vec![File { which: ManagedFile::Main, content: Some(main_text(&self.wwids, "queue")) }],
            maps,
            needs_reconfigure: true,
            ..Plan::default()
        }
    }

    /// The same with this text for overrides.
    fn overrides(&self, text: &str) -> Plan {
        let mut plan = self.knob();
        plan.files.push(File { which: ManagedFile::Overrides, content: Some(text.to_owned()) });
        plan
    }

    /// The third LUN is allowed.
    fn add(&self) -> Plan {
        let wwid = Wwid::new(&self.wwids[2]).unwrap();
        let mut plan = Plan { generation: 6, files: vec![], needs_reconfigure: false, ..self.knob() };
        plan.maps[0].values.clear();
        plan.maps.push(PlannedMap {
            wwid: wwid.clone(),
            name_before: None,
            name_after: Some(self.wwids[2].clone()),
            paths_expected: None,
            values: Vec::new(),
        });
        plan.add.push(wwid);
        plan
    }

    /// pathkeeper starts: a new machine that is told what the disk remembers.
    fn start(&mut self, plan: &Plan) -> Vec<Effect> {
        self.apply = Apply::default();
        let memory = self.hands.load().unwrap().map(Box::new);
        let mut effects = self.apply.apply(Event::Loaded(memory), self.now());
        effects.extend(self.apply.apply(Event::Plan(Box::new(plan.clone())), self.now()));
        effects
    }

    /// One life that ends by itself, or after so many effects, looks in a row being one; true if by itself.
    fn live(&mut self, plan: &Plan, mut effects_max: usize) -> bool {
        let mut queue = self.start(plan);
        let mut looked = false;
        loop {
            while !queue.is_empty() {
                let effect = queue.remove(0);
                let looks = matches!(effect.what, What::Look { .. });
                if !(looks && looked) {
                    if effects_max == 0 {
                        return false;
                    }
                    effects_max -= 1;
                }
                looked = looks;
                let answer = match effect.what {
                    What::Publish(told) => {
                        self.published.push(told);
                        Answer::Did
                    }
                    what => self.hands.carry_out(&what),
                };
                self.ms += 50;
                let now = self.now();
                queue.extend(self.apply.apply(Event::Done { id: effect.id, answer }, now));
            }
            let next = self.apply.next_deadline();
            if next == MonoMs(u64::MAX) {
                return true;
            }
            assert!(self.ms < 900_000, "it does not end: {:#?}", self.apply);
            self.ms = self.ms.max(next.0);
            let now = self.now();
            queue.extend(self.apply.apply(Event::Tick, now));
        }
    }

    fn run(&mut self, plan: &Plan) -> (Progress, String) {
        assert!(self.live(plan, usize::MAX));
        let told = self.apply.told().unwrap().clone();
        assert_eq!(self.published.last(), Some(&told), "the store knows it");
        (told.progress, told.why.join("\n"))
    }
}

fn main_text(wwids: &[String], retry: &str) -> String {
    format!(
        "multipaths {{\n\tmultipath {{\n\t\twwid {}\n\t\talias oracle\n\t\tno_path_retry {retry}\n\t}}\n}}\n",
        wwids[0]
    )
}

#[test]
fn a_knob_is_set_judged_written_read_and_verified() {
    if !is_root() {
        return;
    }
    let mut lab = Lab::new();
    let plan = lab.knob();
    assert_eq!(lab.run(&plan), (Progress::Verified, String::new()));
    assert_eq!(lab.text("conf.d/60-pathkeeper.conf").unwrap(), main_text(&lab.wwids, "queue"));
    assert_eq!(lab.orders(), ["reconfigure"]);
    let words: Vec<Progress> = lab.published.iter().map(|told| told.progress).collect();
    assert_eq!(words, [Progress::Applying, Progress::Verified]);
    // A new start knows that it is done, and begins nothing.
    assert_eq!(lab.run(&plan).0, Progress::Verified);
    assert_eq!(lab.orders(), ["reconfigure"]);
}

#[test]
fn what_multipath_refuses_never_reaches_multipathd() {
    if !is_root() {
        return;
    }
    let mut lab = Lab::new();
    let plan = lab.overrides("overrides {\n\tno_such_keyword 1\n}\n");
    let (progress, why) = lab.run(&plan);
    assert_eq!(progress, Progress::RolledBack, "{why}");
    assert!(why.contains("90-pathkeeper-overrides.conf:2") && why.contains("nothing was touched"), "{why}");
    assert_eq!(lab.text("conf.d/60-pathkeeper.conf").unwrap(), main_text(&lab.wwids, "fail"));
    assert_eq!((lab.text("conf.d/90-pathkeeper-overrides.conf"), lab.orders()), (None, vec![]));
}

#[test]
fn overrides_that_put_a_path_out_of_its_map_are_rolled_back() {
    if !is_root() {
        return;
    }
    let mut lab = Lab::new();
    let dev = lab.node.daemon.lock().unwrap().all.paths[0].dev.clone();
    let plan = lab.overrides(&format!("blacklist {{\n\tdevnode \"^{dev}$\"\n}}\n"));
    let (progress, why) = lab.run(&plan);
    assert_eq!(progress, Progress::RolledBack, "{why}");
    assert!(why.contains(&format!("path {dev}")) && why.contains("the kernel says that it works"), "{why}");
    assert_eq!(lab.text("conf.d/60-pathkeeper.conf").unwrap(), main_text(&lab.wwids, "fail"));
    assert_eq!(lab.text("conf.d/90-pathkeeper-overrides.conf"), None);
    assert_eq!(lab.orders(), ["reconfigure", "reconfigure"]);
    let view = lab.node.daemon.lock().unwrap().view();
    let paths: usize = view.maps[0].groups.iter().map(|group| group.paths.len()).sum();
    assert_eq!((view.maps[0].name.as_str(), paths), ("oracle", 4), "multipathd runs what it ran");
}

#[test]
fn a_lun_is_allowed_and_its_map_comes_without_a_reconfigure() {
    let mut lab = Lab::new();
    let plan = lab.add();
    assert_eq!(lab.run(&plan), (Progress::Verified, String::new()));
    let orders = lab.orders();
    assert_eq!(orders.len(), 4, "{orders:?}");
    assert!(orders.iter().all(|order| order.starts_with("add path ")), "{orders:?}");
    let text = lab.text("wwids").unwrap();
    assert!(text.starts_with(OLD) && text.ends_with(&format!("/{}/\n", lab.wwids[2])), "{text}");
    let added = lab.hands.files().read().unwrap().added;
    assert_eq!(added, [Wwid::new(&lab.wwids[2]).unwrap()]);
}

#[test]
fn a_node_that_was_not_told_to_be_managed_is_not_touched() {
    let mut lab = Lab::new();
    let mark: PathBuf = lab.node.root().join("etc").join(MARK_FILE);
    let plan = lab.add();
    // The mark goes while it is at work: what is left to do is not done.
    lab.live(&plan, 2);
    std::fs::remove_file(&mark).unwrap();
    assert!(lab.hands.load().unwrap_err().contains("this node observes"));
    let files = vec![File { which: ManagedFile::Main, content: None }];
    let attempt = Attempt { plan, before: Before::default(), mark: Mark::Begun };
    for what in [
        What::Write(files[0].clone()),
        What::Judge { files },
        What::Keep { generation: 1 },
        What::Restore { generation: 1 },
        What::Remember(Box::new(attempt)),
        What::Wwids { add: vec![Wwid::new("3600x").unwrap()], remove: vec![] },
        What::AddPaths { devices: vec!["sda".into()] },
        What::Reconfigure,
    ] {
        match lab.hands.carry_out(&what) {
            Answer::Failed(why) => assert!(why.contains("this node observes"), "{why}"),
            other => panic!("{what:?}: {other:?}"),
        }
    }
    assert_eq!(lab.orders(), Vec::<String>::new());
    let conf_d = std::fs::read_dir(lab.node.root().join("etc/multipath/conf.d")).unwrap();
    assert_eq!(conf_d.count(), 1);
    assert!(
        !lab.node.root().join("state/config").exists() && !lab.node.root().join("state/apply.json").exists()
    );
}

#[test]
fn what_is_remembered_and_cannot_be_read_stops_everything() {
    let lab = Lab::new();
    std::fs::write(lab.node.root().join("state/apply.json"), "{\"schema\":1,").unwrap();
    let why = lab.hands.load().unwrap_err();
    assert!(why.contains("nothing is applied here until it is moved away"), "{why}");
}

#[test]
fn a_start_after_each_effect_ends_whole_and_asks_once() {
    if !is_root() {
        return;
    }
    let mut places = 0;
    for effects in 0.. {
        let mut lab = Lab::new();
        let plan = lab.knob();
        if lab.live(&plan, effects) {
            break;
        }
        places += 1;
        let (progress, why) = lab.run(&plan);
        let text = lab.text("conf.d/60-pathkeeper.conf").unwrap();
        let expect = match progress {
            Progress::Verified => main_text(&lab.wwids, "queue"),
            Progress::RolledBack => main_text(&lab.wwids, "fail"),
            other => panic!("after {effects} effects: {other:?} {why}"),
        };
        assert_eq!(text, expect, "after {effects} effects: {why}");
        assert!(lab.orders().len() <= 1, "after {effects} effects: {:?}", lab.orders());
    }
    assert!(places > 8, "it was ended at {places} places only");
}
