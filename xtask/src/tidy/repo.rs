//! What the rules look at: the files that git knows or would add, and what cargo says of the crates.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::cmd;
use crate::rust_text::{self, RustText};

/// The repository as the rules see it.
#[derive(Default)]
pub struct Repo {
    /// Text files by their path from the top, `/` between parts. Files that are no UTF-8 have no entry.
    pub texts: BTreeMap<String, String>,
    /// Every file, texts and others.
    pub paths: Vec<String>,
    /// What `cargo metadata` says.
    pub metadata: Metadata,
}

/// The part of `cargo metadata` that the rules need.
#[derive(Deserialize, Default)]
pub struct Metadata {
    /// All packages of the dependency graph.
    pub packages: Vec<Package>,
    /// Ids of our own packages.
    pub workspace_members: Vec<String>,
    /// Who depends on whom, features resolved.
    pub resolve: Resolve,
}

/// A package as its manifest has it.
#[derive(Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its unique id.
    pub id: String,
}

/// The dependency graph.
#[derive(Deserialize, Default)]
pub struct Resolve {
    /// One node for each package.
    pub nodes: Vec<Node>,
}

/// One package in the graph.
#[derive(Deserialize)]
pub struct Node {
    /// Package id.
    pub id: String,
    /// What it depends on.
    pub deps: Vec<Dep>,
}

/// One edge of the graph.
#[derive(Deserialize)]
pub struct Dep {
    /// Package id of the other end.
    pub pkg: String,
    /// In which roles.
    pub dep_kinds: Vec<DepKind>,
}

/// A role of a dependency.
#[derive(Deserialize)]
pub struct DepKind {
    /// Absent for a normal dependency, else `dev` or `build`.
    pub kind: Option<String>,
}

impl Dep {
    /// Whether it is there outside tests.
    pub fn ships(&self) -> bool {
        self.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"))
    }
}

impl Repo {
    /// Reads the repository at `root`.
    pub fn read(root: &Path) -> Result<Self> {
        let mut git = Command::new("git");
        git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = cmd::output(&mut git).context("tidy asks git which files belong to the project")?;
        let mut repo = Self { metadata: metadata(root)?, ..Self::default() };
        for path in listed.split('\0').filter(|path| !path.is_empty()) {
            // A file that is deleted and not yet committed is still listed; a folder is a submodule, which we have none of.
            let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
            repo.paths.push(path.to_owned());
            if let Ok(text) = String::from_utf8(bytes) {
                repo.texts.insert(path.to_owned(), text);
            }
        }
        Ok(repo)
    }

    /// Text files whose path ends so.
    pub fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.texts
            .iter()
            .filter(move |(path, _)| path.ends_with(end))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Rust files under a folder that ship: no tests, benches or examples.
    pub fn shipped_rust<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, RustText)> {
        self.ending(".rs")
            .filter(move |(path, _)| path.starts_with(folder) && !is_test_path(path))
            .map(|(path, text)| (path, rust_text::read(text)))
    }

    /// The file or folder exists.
    pub fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.paths
            .iter()
            .any(|known| known == path || known.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
    }

    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self {
            texts: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect(),
            paths: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
            metadata: Metadata::default(),
        }
    }
}

/// Whether a Rust file is there for tests or measurements alone.
pub fn is_test_path(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "benches" | "examples" | "tests.rs"))
        || path.ends_with("_tests.rs")
        || path.ends_with("_test.rs")
}

/// Asks cargo for the graph of this machine's platform; other platforms' packages need not be downloaded for it.
fn metadata(root: &Path) -> Result<Metadata> {
    let version = cmd::output(Command::new("rustc").arg("-vV"))?;
    let host =
        version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc -vV names no host")?;
    let mut cargo = cmd::cargo(root);
    cargo.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host]);
    serde_json::from_str(&cmd::output(&mut cargo)?).context("cargo metadata gave JSON of another form")
}
