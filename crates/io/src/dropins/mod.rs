//! The files of multipath's that Pathkeeper owns on a managed node, and those beside them that it reads.
//!
//! It owns two drop-ins whole, and of `wwids` the entries that it added itself; a record of these is in the state
//! directory. All else in `/etc/multipath` is the administrator's or multipath's, and survives byte for byte. Reading is for
//! everybody; whatever writes wants a [`Managing`]. All calls block, within bounds: run them on a thread.

mod files;
pub mod judge;
mod record;
mod release;
mod wwids;

use std::path::{Path, PathBuf};

use pathkeeper_model::Wwid;
use thiserror::Error;

use crate::managing::Managing;
use crate::roots::Roots;
use crate::state_file;

pub use release::Released;
pub use wwids::{LOCK_WAIT_MS, WwidsAdded, WwidsRemoved};

/// A configuration file is never larger, bytes; one that is cannot be read whole, and is refused.
const CONF_BYTES_MAX: u64 = 1 << 20;
/// A wwids or bindings file of some sixty thousand LUNs, bytes.
const WWIDS_BYTES_MAX: u64 = 4 << 20;
/// Drop-ins in one folder.
const DROPINS_MAX: usize = 256;
/// Begins the name of every temporary file of ours. multipath reads `*.conf` alone, so it passes over them.
const TEMPORARY: &str = ".pathkeeper-";

/// A drop-in that is Pathkeeper's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DropIn {
    /// Baseline, knobs, and a section for each LUN.
    Main,
    /// The administrator's own text from the cluster's second document.
    Overrides,
}

impl DropIn {
    /// Both, in the order in which multipath reads them.
    pub const ALL: [DropIn; 2] = [DropIn::Main, DropIn::Overrides];

    /// Its name in `/etc/multipath/conf.d`.
    pub fn name(self) -> &'static str {
        match self {
            DropIn::Main => "60-pathkeeper.conf",
            DropIn::Overrides => "90-pathkeeper-overrides.conf",
        }
    }
}

/// What failed, on what, and why.
#[derive(Error, Clone, PartialEq, Eq, Debug)]
#[error("cannot {doing} {}: {why}", path.display())]
pub struct FileError {
    /// `read`, `write`, `lock`…
    pub doing: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// The system's words, or ours.
    pub why: String,
}

impl FileError {
    fn new(doing: &'static str, path: &Path, why: impl std::fmt::Display) -> Self {
        Self { doing, path: path.to_owned(), why: why.to_string() }
    }
}

/// A file with the name by which people know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedFile {
    /// `/etc/multipath.conf`, `/etc/multipath/conf.d/10-site.conf`.
    pub name: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// What stands on the node now. `None` is a file that is not there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Present {
    /// [`DropIn::Main`].
    pub main: Option<Vec<u8>>,
    /// [`DropIn::Overrides`].
    pub overrides: Option<Vec<u8>>,
    /// `multipath.conf`, then the drop-ins of others in the order in which multipath reads them.
    pub others: Vec<NamedFile>,
    /// The wwids file.
    pub wwids: Option<Vec<u8>>,
    /// The bindings file: names that multipath gave by itself.
    pub bindings: Option<Vec<u8>>,
    /// WWIDs whose entries Pathkeeper added, sorted.
    pub added: Vec<Wwid>,
}

/// Whether something had to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    /// It was done.
    Applied,
    /// It was so already.
    AlreadySo,
}

/// One node's files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeFiles {
    etc: PathBuf,
    state: PathBuf,
}

impl NodeFiles {
    /// The files below these roots, and what is remembered about them below the state directory.
    pub fn new(roots: &Roots, state_dir: &Path) -> Self {
        Self { etc: roots.etc.clone(), state: state_dir.join("config") }
    }

    /// `/etc/multipath`.
    fn folder(&self) -> PathBuf {
        self.etc.join("multipath")
    }

    fn conf_d(&self) -> PathBuf {
        self.folder().join("conf.d")
    }

    /// Where this drop-in stands.
    pub fn path(&self, which: DropIn) -> PathBuf {
        self.conf_d().join(which.name())
    }

    /// Where the wwids file stands.
    pub fn wwids_path(&self) -> PathBuf {
        self.folder().join("wwids")
    }

    /// Where it is written which entries of the wwids file Pathkeeper added.
    pub fn record_path(&self) -> PathBuf {
        record::path(&self.state)
    }

    /// Makes the folder in which things are remembered.
    fn state(&self) -> Result<&Path, FileError> {
        std::fs::create_dir_all(&self.state).map_err(|e| FileError::new("create", &self.state, e))?;
        Ok(&self.state)
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// Where one of them is there and cannot be read whole: half of a configuration is none.
    pub fn read(&self) -> Result<Present, FileError> {
        let mut present = Present {
            wwids: read(&self.wwids_path(), WWIDS_BYTES_MAX)?,
            bindings: read(&self.folder().join("bindings"), WWIDS_BYTES_MAX)?,
            added: self.added()?,
            ..Present::default()
        };
        let main = self.etc.join("multipath.conf");
        if let Some(bytes) = read(&main, CONF_BYTES_MAX)? {
            present.others.push(NamedFile { name: shown(&main), bytes });
        }
        for name in self.conf_names()? {
            let path = self.conf_d().join(&name);
            let Some(bytes) = read(&path, CONF_BYTES_MAX)? else { continue };
            match DropIn::ALL.into_iter().find(|which| which.name() == name) {
                Some(DropIn::Main) => present.main = Some(bytes),
                Some(DropIn::Overrides) => present.overrides = Some(bytes),
                None => present.others.push(NamedFile { name: shown(&path), bytes }),
            }
        }
        Ok(present)
    }

    /// WWIDs whose entries in the wwids file Pathkeeper added, sorted.
    ///
    /// # Errors
    /// Where the record is there and cannot be read whole.
    pub fn added(&self) -> Result<Vec<Wwid>, FileError> {
        record::read(&self.state)
    }

    /// Names of the drop-ins that multipath reads, sorted as it sorts them on a machine whose locale is C.
    fn conf_names(&self) -> Result<Vec<String>, FileError> {
        let folder = self.conf_d();
        let fail = |e: std::io::Error| FileError::new("read", &folder, e);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(fail(e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let Ok(name) = entry.map_err(fail)?.file_name().into_string() else { continue };
            if name.ends_with(".conf") && !name.starts_with('.') {
                names.push(name);
            }
            if names.len() > DROPINS_MAX {
                return Err(FileError::new(
                    "read",
                    &folder,
                    format!("it holds more than {DROPINS_MAX} drop-ins"),
                ));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Adds entries to the wwids file under multipath's own lock; `wwids.rs` has the rules.
    ///
    /// # Errors
    /// The lock was not to be had within [`LOCK_WAIT_MS`], or the disk; then the file is as it was, or what was added
    /// stands in the record.
    pub fn add_wwids(&self, right: &Managing, wwids: &[Wwid]) -> Result<WwidsAdded, FileError> {
        wwids::add(right, &self.wwids_path(), self.state()?, wwids)
    }

    /// Takes entries out that Pathkeeper added; an entry that somebody else made stays, and is named in the answer.
    ///
    /// # Errors
    /// As with [`NodeFiles::add_wwids`].
    pub fn remove_wwids(&self, right: &Managing, wwids: &[Wwid]) -> Result<WwidsRemoved, FileError> {
        wwids::remove(right, &self.wwids_path(), self.state()?, wwids)
    }

    /// Strikes out of the record what does not stand in the wwids file: the addition was cut off before it, or somebody took the
    /// entry out by hand. Were it left, an entry that a person makes later would pass for ours.
    ///
    /// # Errors
    /// As with [`NodeFiles::add_wwids`].
    pub fn settle_record(&self, right: &Managing) -> Result<Done, FileError> {
        wwids::settle(right, &self.wwids_path(), &self.state)
    }
}

fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, FileError> {
    state_file::read(path, bytes_max).map_err(|e| FileError::new("read", path, e))
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
