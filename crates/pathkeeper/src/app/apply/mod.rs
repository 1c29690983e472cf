//! The hands of the apply machine: what it wants done on this node, done with files, multipath and multipathd.
//!
//! They act only while the node bears its mark, which is looked for anew before
//! each thing that is done. All calls block, within bounds, so they run on a thread that can be left behind; publishing is
//! the store's business and is done elsewhere.

mod memory;

use std::path::{Path, PathBuf};

use pathkeeper_engine::apply::{Answer, Attempt, Device, File, ManagedFile, Mark, Phase, Sight, What};
use pathkeeper_io::dropins::judge::{self, Candidate, Judgement};
use pathkeeper_io::dropins::{DropIn, NodeFiles};
use pathkeeper_io::multipathd::manage::{DeviceName, Order};
use pathkeeper_io::multipathd::reply::{self, Reply};
use pathkeeper_io::multipathd::{Connection, Deadline, Query};
use pathkeeper_io::{
    Depth, LocalReader, Managing, ProbeResult, ReaderConfig, StaleFlag, process, state_file, sysfs,
};
use pathkeeper_model::Wwid;
use pathkeeper_model::local::Daemon;

/// Its name in the state directory.
const MEMORY_FILE: &str = "apply.json";
/// A plan of some thousand LUNs with what was there before.
const MEMORY_BYTES_MAX: u64 = 64 << 20;
/// multipathd says what it is doing within this, milliseconds.
const PROBE_MS: u32 = 2_000;
/// An order is answered within this, milliseconds: above multipathd's own 4,000.
const ORDER_MS: u32 = 5_000;
/// All orders of one effect are, milliseconds.
const ORDERS_MS: u32 = 100_000;
/// Orders of one effect that went wrong and are told.
const WRONG_MAX: usize = 5;

/// What it takes to act on a node.
#[derive(Debug)]
pub struct Hands {
    reader: ReaderConfig,
    /// Has the agent's own reader ask for the configuration in force.
    reconfigured: StaleFlag,
    files: NodeFiles,
    memory: PathBuf,
    judge_ms: u64,
}

impl Hands {
    /// Hands for this node; `reader` says where its files and its multipathd are.
    pub fn new(reader: ReaderConfig, state_dir: &Path) -> Self {
        let reconfigured = reader.reconfigured.clone();
        // Flags of its own: one that these reads take must not be missed by the agent's reader.
        let reader =
            ReaderConfig { stale: StaleFlag::default(), reconfigured: StaleFlag::default(), ..reader };
        let files = NodeFiles::new(&reader.roots, state_dir);
        Self { reader, reconfigured, files, memory: state_dir.join(MEMORY_FILE), judge_ms: judge::RUN_MS }
    }

    /// multipath may take so long for each of two runs, milliseconds: for tests.
    #[must_use]
    pub fn judging_within(mut self, judge_ms: u64) -> Self {
        self.judge_ms = judge_ms;
        self
    }

    /// The node's files.
    pub fn files(&self) -> &NodeFiles {
        &self.files
    }

    /// What an earlier life was at, after what it left half done was cleared away. Call it before the machine is told
    /// anything else, and while no other process acts on this node.
    ///
    /// # Errors
    /// The node observes, or its files cannot be had just now: try again. Or what is remembered cannot be read: then nothing
    /// may be applied, for it could be the second time.
    pub fn load(&self) -> Result<Option<Attempt>, String> {
        let right = self.right()?;
        self.files.clear_torn(&right).map_err(|e| e.to_string())?;
        self.files.settle_record(&right).map_err(|e| e.to_string())?;
        self.remembered()
    }

    fn remembered(&self) -> Result<Option<Attempt>, String> {
        let shown = self.memory.display();
        let bytes = state_file::read(&self.memory, MEMORY_BYTES_MAX)
            .map_err(|e| format!("cannot read {shown}: {e}"))?;
        bytes.map(|bytes| memory::decode(&bytes)).transpose().map_err(|why| {
            format!(
                "{shown} does not say what was done last ({why}): nothing is applied here until it is moved away by hand"
            )
        })
    }

    /// The generation that was begun on this node and is not known to have ended; `None` where there is none.
    ///
    /// # Errors
    /// What is remembered cannot be read.
    pub fn under_way(&self) -> Result<Option<u64>, String> {
        let attempt = self.remembered()?;
        Ok(attempt.filter(|attempt| !matches!(attempt.mark, Mark::Done(_))).map(|of| of.plan.generation))
    }

    /// Does what is to be done, and says what came of it. [`What::Publish`] is not for these hands.
    pub fn carry_out(&self, what: &What) -> Answer {
        let done = match what {
            What::Look { devices } => return Answer::Saw(Box::new(self.look(devices))),
            What::Judge { files } => return self.judge(files),
            What::Publish(_) => Err("publishing is the store's business".to_owned()),
            What::Keep { generation } => {
                self.with_right(|right| self.files.keep(right, *generation).map_err(|e| e.to_string()))
            }
            What::Remember(attempt) => self.with_right(|_| self.remember(attempt)),
            What::Write(file) => self.with_right(|right| {
                let content = file.content.as_ref().map(String::as_bytes);
                self.files.put(right, drop_in(file.which), content).map(drop).map_err(|e| e.to_string())
            }),
            What::Wwids { add, remove } => self.with_right(|right| self.edit_wwids(right, add, remove)),
            What::Restore { generation } => self.with_right(|right| {
                self.files.restore(right, *generation).map(drop).map_err(|e| e.to_string())
            }),
            What::Reconfigure => self.order(&[Order::Reconfigure]),
            What::AddPaths { devices } => {
                // A name that is no word of a command is none of the kernel's either.
                let named = devices.iter().filter_map(|dev| DeviceName::new(dev));
                let orders: Vec<Order> = named.map(Order::AddPath).collect();
                self.order(&orders)
            }
        };
        match done {
            Ok(()) => Answer::Did,
            Err(why) => Answer::Failed(why),
        }
    }

    fn right(&self) -> Result<Managing, String> {
        Managing::of_node(&self.reader.roots).map_err(|e| e.to_string())
    }

    fn with_right(&self, act: impl FnOnce(&Managing) -> Result<(), String>) -> Result<(), String> {
        act(&self.right()?)
    }

    fn remember(&self, attempt: &Attempt) -> Result<(), String> {
        let write = || {
            let bytes = memory::encode(attempt).map_err(std::io::Error::other)?;
            state_file::write(&self.memory, &bytes)
        };
        write().map_err(|e| format!("cannot write {}: {e}", self.memory.display()))
    }

    fn edit_wwids(&self, right: &Managing, add: &[Wwid], remove: &[Wwid]) -> Result<(), String> {
        let edit = || {
            self.files.settle_record(right)?;
            self.files.add_wwids(right, add)?;
            self.files.remove_wwids(right, remove)
        };
        let removed = edit().map_err(|e| e.to_string())?;
        match removed.others.as_slice() {
            [] => Ok(()),
            // The plan was made of our record, and the record has changed since.
            [first, ..] => {
                let n = removed.others.len();
                Err(format!(
                    "{n} entries of the wwids file are not Pathkeeper's to take out, {first} among them"
                ))
            }
        }
    }

    fn judge(&self, files: &[File]) -> Answer {
        let present = match self.right().and_then(|_| self.files.read().map_err(|e| e.to_string())) {
            Ok(present) => present,
            Err(why) => return Answer::Failed(why),
        };
        let of = |which: ManagedFile, present: &'_ Option<Vec<u8>>| -> Option<Vec<u8>> {
            match files.iter().find(|file| file.which == which) {
                Some(file) => file.content.clone().map(String::into_bytes),
                None => present.clone(),
            }
        };
        let main = of(ManagedFile::Main, &present.main);
        let overrides = of(ManagedFile::Overrides, &present.overrides);
        let candidate = Candidate { main: main.as_deref(), overrides: overrides.as_deref() };
        match judge::judge(&self.files, &self.reader.roots, candidate, self.judge_ms) {
            Ok(Judgement::Accepted) => Answer::Judged(Vec::new()),
            Ok(Judgement::Refused(why)) => Answer::Judged(why),
            Err(error) => Answer::Failed(error.to_string()),
        }
    }

    /// Reads the node as if for the first time: what a reader keeps between two reads would be old here.
    fn look(&self, devices: &[Device]) -> Sight {
        let roots = &self.reader.roots;
        let boot_id = super::boot_id(roots);
        let mut reader = LocalReader::new(self.reader.clone());
        let phase = match reader.probe(PROBE_MS) {
            ProbeResult::Idle { pid, phase } if phase == "idle" => Phase::Idle { pid },
            ProbeResult::Idle { pid, phase: word } | ProbeResult::Busy { pid, phase: word } => {
                Phase::Busy { pid, word }
            }
            ProbeResult::NoAnswer(why) | ProbeResult::Refused(why) => Phase::Silent(why),
            ProbeResult::NoProcess => Phase::Silent("it does not run".to_owned()),
        };
        if !matches!(phase, Phase::Idle { .. }) {
            return Sight { boot_id, phase, ..Sight::silent(String::new()) };
        }
        let read = reader.read(Depth::Full);
        if !matches!(read.daemon, Daemon::Answering { .. }) {
            let phase =
                Phase::Silent(format!("it said that it is idle, and gave no maps: {:?}", read.daemon));
            return Sight { boot_id, phase, ..Sight::silent(String::new()) };
        }
        // This may be the look that finds everything as it should be: nobody shall be told meanwhile that nodes differ.
        self.reconfigured.raise();
        let works = |device: &&Device| sysfs::device::works(&roots.sys, &device.dev, &device.dev_t);
        let working = devices.iter().filter(works).map(|device| device.dev_t.clone()).collect();
        Sight::of(&read, boot_id, phase, working, self.local_config())
    }

    fn connect(&self, deadline: Deadline) -> Result<Connection, String> {
        // On a machine with socket activation connecting starts a multipathd that somebody stopped.
        let runs = self.reader.socket != pathkeeper_io::SocketAddress::Auto
            || process::find(&self.reader.roots, None).is_some();
        if !runs {
            return Err("multipathd does not run".to_owned());
        }
        Connection::open(&self.reader.socket, &self.reader.roots.run, deadline)
            .map_err(|e| format!("multipathd cannot be reached: {e}"))
    }

    fn local_config(&self) -> Option<String> {
        let deadline = Deadline::in_ms(ORDER_MS);
        let mut buffer = Vec::new();
        let mut connection = self.connect(deadline).ok()?;
        let bytes = connection.ask(Query::ConfigLocal, &mut buffer, deadline).ok()?;
        match reply::classify(bytes) {
            Reply::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }

    /// Gives orders one after the other. One that is refused does not keep the others from being given.
    fn order(&self, orders: &[Order]) -> Result<(), String> {
        let right = self.right()?;
        let all = Deadline::in_ms(ORDERS_MS);
        let mut connection = self.connect(all.at_most_ms(ORDER_MS))?;
        let mut wrong = Vec::new();
        for order in orders {
            if let Err(error) = connection.order(&right, order, all.at_most_ms(ORDER_MS)) {
                let lost = matches!(error, pathkeeper_io::multipathd::manage::OrderError::Unanswered { .. });
                wrong.push(error.to_string());
                if lost || wrong.len() > WRONG_MAX {
                    break;
                }
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }
}

fn drop_in(which: ManagedFile) -> DropIn {
    match which {
        ManagedFile::Main => DropIn::Main,
        ManagedFile::Overrides => DropIn::Overrides,
    }
}
