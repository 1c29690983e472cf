//! A node with its disk, its multipathd and its store, as far as applying a configuration meets them.
//!
//! Its drop-in is a text of lines: `alias WWID NAME`, `value WWID KEY VALUE`, and in the overrides `exclude DEV`, which is what a
//! wrong blacklist does. multipathd reads files when it is told to and when it starts, and not before.

use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_engine::apply::*;
use pathkeeper_model::{EpochS, MonoMs, Now, Wwid};

pub const A: &str = "3600a";
pub const B: &str = "3600b";
pub const NEW: &str = "3600n";

pub fn wwid(text: &str) -> Wwid {
    Wwid::new(text).unwrap()
}

type Files = BTreeMap<ManagedFile, String>;

/// A path device: the LUN that it leads to, and whether it works.
#[derive(Clone, Debug)]
pub struct Disk {
    pub dev: &'static str,
    pub wwid: &'static str,
    pub works: bool,
}

#[derive(Clone, Debug)]
pub struct World {
    pub ms: u64,
    // The disk.
    pub files: Files,
    kept: BTreeMap<u64, Files>,
    pub wwids: BTreeSet<String>,
    pub record: BTreeSet<String>,
    pub memory: Option<Attempt>,
    // multipathd and the kernel.
    pub boot_id: &'static str,
    pub pid: u32,
    pub busy: Option<&'static str>,
    pub devices: Vec<Disk>,
    running: Files,
    runs_wwids: BTreeSet<String>,
    /// Names of maps; a map keeps its device while it lives.
    maps: BTreeMap<String, (String, u32)>,
    next_dm: u32,
    // What is counted and what goes wrong.
    pub reconfigures: u32,
    pub published: Vec<Told>,
    /// What happened, one line each.
    pub log: Vec<String>,
    /// Effects of this kind fail from now on.
    pub broken: BTreeSet<&'static str>,
    /// A `reconfigure` leaves multipathd in this state.
    pub hangs: bool,
    /// This path fails when multipathd is told to reconfigure.
    pub fails_then: Option<&'static str>,
}

impl World {
    /// Two LUNs with two paths each and a map each, and a third LUN that is seen and not allowed.
    pub fn new() -> Self {
        let device = |dev, wwid| Disk { dev, wwid, works: true };
        let mut world = Self {
            ms: 1_000,
            files: Files::from([(ManagedFile::Main, old_text())]),
            kept: BTreeMap::new(),
            wwids: [A, B].map(str::to_owned).into(),
            record: [A].map(str::to_owned).into(),
            memory: None,
            boot_id: "boot-1",
            pid: 100,
            busy: None,
            devices: vec![
                device("sda", A),
                device("sdb", A),
                device("sdc", B),
                device("sdd", B),
                device("sde", NEW),
                device("sdf", NEW),
            ],
            running: Files::new(),
            runs_wwids: BTreeSet::new(),
            maps: BTreeMap::new(),
            next_dm: 0,
            reconfigures: 0,
            published: Vec::new(),
            log: Vec::new(),
            broken: BTreeSet::new(),
            hangs: false,
            fails_then: None,
        };
        world.read_files();
        world
    }

    pub fn now(&self) -> Now {
        Now { mono: MonoMs(self.ms), wall: EpochS((self.ms / 1_000) as i64) }
    }

    /// multipathd reads its files and makes its maps accord with them, as `strict` has it.
    fn read_files(&mut self) {
        self.running = self.files.clone();
        self.runs_wwids = self.wwids.clone();
        let allowed: Vec<String> = self
            .runs_wwids
            .iter()
            .filter(|wwid| self.devices.iter().any(|device| device.wwid == **wwid))
            .cloned()
            .collect();
        self.maps.retain(|wwid, _| allowed.contains(wwid));
        for wwid in allowed {
            self.make_map(&wwid);
        }
    }

    fn make_map(&mut self, wwid: &str) {
        let name = self.lines("alias", wwid).last().cloned().unwrap_or_else(|| wwid.to_owned());
        let next_dm = self.next_dm;
        let map = self.maps.entry(wwid.to_owned()).or_insert_with(|| (String::new(), next_dm));
        if map.1 == next_dm && map.0.is_empty() {
            self.next_dm += 1;
        }
        map.0 = name;
    }

    /// What follows `word WWID ` in the files that multipathd runs.
    fn lines(&self, word: &str, wwid: &str) -> Vec<String> {
        let start = format!("{word} {wwid} ");
        let lines = self.running.values().flat_map(|text| text.lines());
        lines.filter_map(|line| Some(line.strip_prefix(&start)?.to_owned())).collect()
    }

    /// multipathd ends and is started again.
    pub fn restart_multipathd(&mut self) {
        self.pid += 1;
        self.busy = None;
        self.read_files();
    }

    pub fn boot(&mut self) {
        self.boot_id = "boot-2";
        self.maps.clear();
        self.next_dm = 7;
        self.devices.reverse();
        self.restart_multipathd();
    }

    pub fn set(&mut self, dev: &str, works: bool) {
        self.devices.iter_mut().filter(|device| device.dev == dev).for_each(|device| device.works = works);
    }

    pub fn names(&self) -> String {
        self.maps
            .iter()
            .map(|(wwid, (name, dm))| format!("{wwid}={name}/dm-{dm}"))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Numbers of devices are theirs for one boot.
    fn dev_t(&self, dev: &str) -> String {
        let at = self.devices.iter().position(|device| device.dev == dev).unwrap();
        format!("8:{at}")
    }

    pub fn sight(&self, asked: &[Device]) -> Sight {
        let excluded = |dev: &str| {
            let line = format!("exclude {dev}");
            self.running.values().any(|text| text.lines().any(|l| l == line))
        };
        let listed = || self.devices.iter().filter(|device| !excluded(device.dev));
        let maps = self.maps.iter().map(|(of, (name, dm))| SeenMap {
            wwid: wwid(of),
            name: name.clone(),
            dm: Some(format!("dm-{dm}")),
            paths: listed()
                .filter(|device| device.wwid == *of)
                .map(|device| SeenPath {
                    dev: device.dev.into(),
                    dev_t: self.dev_t(device.dev),
                    usable: device.works,
                })
                .collect(),
        });
        let loose = listed().filter(|device| !self.maps.contains_key(device.wwid)).map(|device| LoosePath {
            wwid: Some(wwid(device.wwid)),
            dev: device.dev.into(),
            running: device.works,
        });
        let working = asked.iter().map(|device| &device.dev_t).filter(|dev_t| {
            self.devices.iter().any(|device| device.works && self.dev_t(device.dev) == **dev_t)
        });
        let sections = self.maps.keys().map(|of| {
            let values = self.lines("value", of).into_iter().map(|line| {
                let (key, value) = line.split_once(' ').unwrap();
                format!("\t\t{key} \"{value}\"\n")
            });
            format!("\tmultipath {{\n\t\twwid \"{of}\"\n{}\t}}\n", values.collect::<String>())
        });
        Sight {
            boot_id: self.boot_id.into(),
            phase: match self.busy {
                Some(word) => Phase::Busy { pid: self.pid, word: word.into() },
                None => Phase::Idle { pid: self.pid },
            },
            maps: maps.collect(),
            loose: loose.collect(),
            working: working.cloned().collect(),
            config_digest: Some(format!("{:?}", self.running)),
            local_config: Some(format!("multipaths {{\n{}}}\n", sections.collect::<String>())),
        }
    }

    /// Does what is to be done and says what comes back.
    pub fn carry_out(&mut self, what: &What) -> Answer {
        let (kind, line) = match what {
            What::Look { .. } => ("look", "look".to_owned()),
            What::Judge { .. } => ("judge", "judge".to_owned()),
            What::Keep { .. } => ("keep", "keep".to_owned()),
            What::Remember(attempt) => ("remember", format!("remember {}", mark(&attempt.mark))),
            What::Write(file) => ("write", format!("write {:?}", file.which)),
            What::Wwids { add, remove } => ("wwids", format!("wwids +{add:?} -{remove:?}")),
            What::AddPaths { devices } => ("add-paths", format!("add paths {}", devices.join(" "))),
            What::Reconfigure => ("reconfigure", "reconfigure".to_owned()),
            What::Restore { .. } => ("restore", "restore".to_owned()),
            What::Publish(told) => ("publish", format!("publish {}", told.progress.as_str())),
        };
        let fails = self.broken.contains(kind) || self.broken.contains(line.as_str());
        // What is done again and again is told once.
        let line = if fails { format!("{line}: fails") } else { line };
        if self.log.last() != Some(&line) {
            self.log.push(line);
        }
        if fails {
            return Answer::Failed(format!("{kind} fails"));
        }
        match what {
            What::Look { devices } => return Answer::Saw(Box::new(self.sight(devices))),
            What::Judge { files } => {
                let bad = |file: &&File| file.content.as_ref().is_some_and(|text| text.contains("nonsense"));
                return Answer::Judged(
                    files.iter().filter(bad).map(|_| "invalid keyword".to_owned()).collect(),
                );
            }
            What::Keep { generation } => drop(self.kept.insert(*generation, self.files.clone())),
            What::Remember(attempt) => self.memory = Some((**attempt).clone()),
            What::Write(file) => match &file.content {
                Some(text) => drop(self.files.insert(file.which, text.clone())),
                None => drop(self.files.remove(&file.which)),
            },
            What::Wwids { add, remove } => {
                for wwid in add {
                    // As io does it: what stands there already is not ours.
                    if self.wwids.insert(wwid.to_string()) {
                        self.record.insert(wwid.to_string());
                    }
                }
                for wwid in remove {
                    if self.record.remove(wwid.as_str()) {
                        self.wwids.remove(wwid.as_str());
                    }
                }
            }
            What::AddPaths { devices } => {
                for dev in devices {
                    let of = self.devices.iter().find(|device| device.dev == dev).unwrap().wwid;
                    if self.wwids.contains(of) {
                        self.make_map(of);
                    }
                }
            }
            What::Reconfigure => {
                self.reconfigures += 1;
                if self.hangs {
                    self.busy = Some("configure");
                } else {
                    self.read_files();
                }
                if let Some(dev) = self.fails_then.take() {
                    self.set(dev, false);
                }
            }
            What::Restore { generation } => match self.kept.get(generation) {
                Some(kept) => self.files = kept.clone(),
                None => return Answer::Failed("they were not kept".into()),
            },
            What::Publish(told) => self.published.push(told.clone()),
        }
        Answer::Did
    }
}

pub fn mark(mark: &Mark) -> String {
    match mark {
        Mark::Begun => "begun".into(),
        Mark::Asked => "asked".into(),
        Mark::Restoring { taken, .. } => format!("restoring (taken: {taken:?})"),
        Mark::AskedBack { .. } => "asked-back".into(),
        Mark::Done(outcome) => format!("done {}", outcome.progress.as_str()),
    }
}

pub fn old_text() -> String {
    format!("alias {A} oracle\nalias {B} backup\nvalue {A} no_path_retry fail\n")
}

pub fn new_text() -> String {
    format!("alias {A} oracle\nalias {B} backup\nvalue {A} no_path_retry queue\n")
}

fn planned(of: &str, before: Option<&str>, after: Option<&str>) -> PlannedMap {
    PlannedMap {
        wwid: wwid(of),
        name_before: before.map(str::to_owned),
        name_after: after.map(str::to_owned),
        paths_expected: Some(2),
        values: Vec::new(),
    }
}

/// One knob of one LUN changes.
pub fn knob() -> Plan {
    let mut maps =
        vec![planned(A, Some("oracle"), Some("oracle")), planned(B, Some("backup"), Some("backup"))];
    maps[0].values.push(("no_path_retry".into(), "queue".into()));
    Plan {
        generation: 5,
        digest: "d5".into(),
        files: vec![File { which: ManagedFile::Main, content: Some(new_text()) }],
        maps,
        needs_reconfigure: true,
        ..Plan::default()
    }
}

/// The same, with overrides beside it, a LUN added, and one taken out.
pub fn much() -> Plan {
    let mut plan = knob();
    plan.files.push(File { which: ManagedFile::Overrides, content: Some("fine\n".into()) });
    plan.maps.push(planned(NEW, None, Some(NEW)));
    plan.add = vec![wwid(NEW)];
    plan
}

/// A LUN is allowed, and nothing else.
pub fn add() -> Plan {
    Plan {
        generation: 6,
        digest: "d6".into(),
        add: vec![wwid(NEW)],
        maps: vec![
            planned(A, Some("oracle"), Some("oracle")),
            planned(B, Some("backup"), Some("backup")),
            planned(NEW, None, Some(NEW)),
        ],
        ..Plan::default()
    }
}

/// Overrides that multipath takes, and that put a path out of its map.
pub fn broken() -> Plan {
    let mut plan = knob();
    plan.files.push(File { which: ManagedFile::Overrides, content: Some("exclude sdb\n".into()) });
    plan
}

/// Runs until nothing is to be done, time is up, or so many effects were carried out; looks in a row count as one. `watch`
/// sees the world after each. True if it came to rest.
pub fn run(
    apply: &mut Apply,
    world: &mut World,
    first: Vec<Event>,
    mut effects_max: usize,
    watch: &mut dyn FnMut(&mut World),
) -> bool {
    let until = world.ms + 10 * VERIFY_MS;
    let mut queue: Vec<Effect> = Vec::new();
    for event in first {
        queue.extend(apply.apply(event, world.now()));
    }
    loop {
        while !queue.is_empty() {
            let effect = queue.remove(0);
            if effects_max == 0 {
                return false;
            }
            let lines = world.log.len();
            let answer = world.carry_out(&effect.what);
            effects_max -= usize::from(world.log.len() > lines);
            world.ms += 100;
            watch(world);
            queue.extend(apply.apply(Event::Done { id: effect.id, answer }, world.now()));
        }
        let next = apply.next_deadline();
        if next.0 == u64::MAX || world.ms >= until {
            return next.0 == u64::MAX;
        }
        world.ms = world.ms.max(next.0);
        queue.extend(apply.apply(Event::Tick, world.now()));
    }
}
