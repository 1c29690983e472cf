//! The rules of the house that a machine can keep. Each rule is a function from the repository to complaints, and
//! each has a test with a bad example that it must catch.

mod crates;
mod docs;
mod links;
mod repo;
mod sources;
mod text;
mod ui;
mod unit;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

pub use repo::Repo;

/// One broken rule at one place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Complaint {
    /// Path from the repository's top.
    path: String,
    /// Line from 1; 0 where the whole file is meant.
    line: usize,
    /// What is wrong and what to do.
    what: String,
}

impl Complaint {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

type Rule = fn(&Repo) -> Vec<Complaint>;

const RULES: &[(&str, Rule)] = &[
    ("crates depend on each other in one direction", crates::directions),
    ("pure crates have pure dependencies", crates::pure_dependencies),
    ("versions stand in the workspace table alone", crates::versions),
    ("every dependency is used and explained", crates::explained),
    ("model and engine hold no clock, socket, file, thread or loose JSON", sources::pure),
    ("engine names no store, io judges no health", sources::rooms),
    ("unsafe code is forbidden but in its places", sources::unsafe_code),
    ("nothing runs LVM or reads a block device", sources::no_block_reads),
    ("orders to multipathd are in one place", sources::orders),
    ("files are short", text::file_length),
    ("no machine paths, no package hosts", text::places),
    ("nothing is left to do", text::leftovers),
    ("links in documents resolve", links::links),
    ("documents that comments cite are there", links::cited),
    ("paths that ARCHITECTURE.md names exist", links::named_paths),
    ("every finding code is explained", docs::finding_codes),
    ("every setting is explained", docs::settings),
    ("every document is in the index", docs::index),
    ("the status page is ours alone", ui::ui),
    ("the systemd unit enforces observe", unit::observe),
    ("the drop-in of a managed node opens no more than it needs", unit::manage),
];

/// Checks every rule, prints each complaint and a last line with the figures. The generated files are apart
/// (`generated::check`): they need the program built.
pub fn check(root: &Path) -> Result<Vec<Complaint>> {
    let repo = Repo::read(root)?;
    let mut all = Vec::new();
    for (name, rule) in RULES {
        let mut complaints = rule(&repo);
        complaints.sort();
        complaints.dedup();
        if !complaints.is_empty() {
            eprintln!("tidy: {name}:");
            for complaint in &complaints {
                eprintln!("  {complaint}");
            }
        }
        all.extend(complaints);
    }
    let (files, mean) = text::mean_lines(&repo);
    println!(
        "tidy: {} rules, {} complaints; {files} Rust files, {mean} lines on average",
        RULES.len(),
        all.len()
    );
    Ok(all)
}

/// `cargo xtask tidy`.
pub fn run(root: &Path) -> Result<ExitCode> {
    let mut broken = !check(root)?.is_empty();
    broken |= !crate::generated::check(root, crate::generated::Build::Alone)?;
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
