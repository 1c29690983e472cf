//! One node's multipath files: drop-ins, the wwids file under multipath's own lock, multipath as a judge, orders to multipathd.
//!
//! What needs root (small file systems, mount namespaces) says loudly that it was skipped where this is not root.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod faults;
mod files;
mod judge;
mod orders;
mod release;
mod wwids;

use std::path::{Path, PathBuf};

use pathkeeper_io::dropins::NodeFiles;
use pathkeeper_io::managing::{MARK_FILE, MARK_LINE};
use pathkeeper_io::{Managing, Roots};
use pathkeeper_model::Wwid;

/// A node's files below a folder of their own, and the right to change them.
struct Lab {
    dir: tempfile::TempDir,
    roots: Roots,
    files: NodeFiles,
    right: Managing,
}

impl Lab {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let roots = Roots::below(dir.path());
        write(&roots.etc.join(MARK_FILE), &format!("[Service]\n{MARK_LINE}\n"));
        let right = Managing::of_node(&roots).unwrap();
        let files = NodeFiles::new(&roots, &dir.path().join("state"));
        Self { roots, files, right, dir }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn put(&self, below: &str, text: &str) {
        write(&self.path(below), text);
    }

    fn text(&self, below: &str) -> Option<String> {
        std::fs::read_to_string(self.path(below)).ok()
    }

    /// WWIDs in our record.
    fn record(&self) -> Vec<String> {
        self.files.read().unwrap().added.iter().map(Wwid::to_string).collect()
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn wwids(texts: &[&str]) -> Vec<Wwid> {
    texts.iter().map(|text| Wwid::new(text).unwrap()).collect()
}

/// Whether this is root; if not, says loudly what is not tested.
fn is_root(what: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIPPED, for this is not root: {what}");
    }
    root
}

const WWIDS: &str = "etc/multipath/wwids";
