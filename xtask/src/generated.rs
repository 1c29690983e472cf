//! Files that the program itself writes and that are committed: the OpenAPI document and the types made of it, man pages,
//! completions.
//! `cargo xtask gen` writes them anew; `cargo xtask tidy` compares.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{api_types, cmd, features};

/// Where generated text comes from.
enum Source {
    /// What the program prints with these arguments.
    Printed(&'static [&'static str]),
    /// The files that the program writes into the folder that follows these arguments.
    Folder(&'static [&'static str]),
    /// Types of the API, made of what the program prints with these arguments.
    Types(&'static [&'static str]),
}

/// Generated files and folders by their path from the top. A generated folder holds nothing else.
const GENERATED: &[(&str, Source)] = &[
    ("docs/openapi.json", Source::Printed(&["openapi"])),
    ("crates/pathkeeper/ui/api-types.js", Source::Types(&["openapi"])),
    ("packaging/completions/pathkeeper.bash", Source::Printed(&["completions", "bash"])),
    ("packaging/completions/pathkeeper.fish", Source::Printed(&["completions", "fish"])),
    ("packaging/completions/_pathkeeper", Source::Printed(&["completions", "zsh"])),
    ("packaging/man", Source::Folder(&["man", "--out"])),
];

/// `cargo xtask gen`.
pub fn write(root: &Path) -> Result<ExitCode> {
    let fresh = make(&build(root, Build::Alone)?)?;
    for (path, text) in &fresh {
        let file = root.join(path);
        if std::fs::read(&file).is_ok_and(|old| old == *text) {
            continue;
        }
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        println!("wrote {path}");
    }
    for path in strays(root, &fresh) {
        std::fs::remove_file(root.join(&path)).with_context(|| format!("cannot remove {path}"))?;
        println!("removed {path}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the committed files are what the program writes now; says which are not.
pub fn check(root: &Path, by: Build) -> Result<bool> {
    let fresh = make(&build(root, by)?)?;
    let stale =
        fresh.iter().filter(|(path, text)| std::fs::read(root.join(path)).ok().as_ref() != Some(text));
    let mut wrong: Vec<String> = stale.map(|(path, _)| path.clone()).collect();
    wrong.extend(strays(root, &fresh));
    for path in &wrong {
        eprintln!("tidy: {path} is not what the program writes now: run `cargo xtask gen` and commit");
    }
    println!("tidy: {} generated files, {} out of date", fresh.len(), wrong.len());
    Ok(wrong.is_empty())
}

/// Makes every generated file: path from the top → bytes.
fn make(program: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for (path, source) in GENERATED {
        match source {
            Source::Printed(args) => {
                let text = cmd::output(plain(program).args(*args))?;
                files.insert((*path).to_owned(), text.into_bytes());
            }
            Source::Types(args) => {
                let text = api_types::text(&cmd::output(plain(program).args(*args))?)?;
                files.insert((*path).to_owned(), text.into_bytes());
            }
            Source::Folder(args) => {
                let folder = program.with_file_name("generated").join(path.replace('/', "-"));
                // What an older program wrote there must not count.
                if folder.exists() {
                    std::fs::remove_dir_all(&folder)?;
                }
                std::fs::create_dir_all(&folder)?;
                cmd::output(plain(program).args(*args).arg(&folder))?;
                for entry in std::fs::read_dir(&folder)? {
                    let entry = entry?;
                    let name = entry.file_name().to_string_lossy().into_owned();
                    files.insert(format!("{path}/{name}"), std::fs::read(entry.path())?);
                }
            }
        }
    }
    Ok(files)
}

/// The program, with nothing of this person's settings in what it writes.
fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    let ours = std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_string_lossy().starts_with("PATHKEEPER_"));
    for name in ours {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8").env_remove("COLUMNS").env_remove("NO_COLOR");
    command
}

/// Committed files in generated folders that the program no longer writes.
fn strays(root: &Path, fresh: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let folders = GENERATED.iter().filter(|(_, source)| matches!(source, Source::Folder(_)));
    folders
        .filter_map(|(path, _)| Some((path, std::fs::read_dir(root.join(path)).ok()?)))
        .flat_map(|(path, entries)| {
            entries.flatten().map(move |entry| format!("{path}/{}", entry.file_name().to_string_lossy()))
        })
        .filter(|path| !fresh.contains_key(path))
        .collect()
}

/// How the program is built that writes them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Build {
    /// By itself.
    Alone,
    /// With all tests: where those are built already nothing is built anew. By itself it would be, with its dependencies, for
    /// tests give some of those more features.
    WithTests,
}

/// Builds the program and gives its path.
fn build(root: &Path, by: Build) -> Result<PathBuf> {
    let mut cargo = cmd::cargo(root);
    cargo.args(match by {
        Build::Alone => ["build", "--package", "pathkeeper"].as_slice(),
        Build::WithTests => &["test", "--workspace", "--no-run"],
    });
    cargo.args(["--message-format", "json-render-diagnostics", "--quiet"]);
    // What it writes does not depend on features; with those of the tests it is not built twice.
    cargo.args(features::find().args());
    let messages = cmd::output(&mut cargo)?;
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    match messages.filter_map(Message::program).next_back() {
        Some(program) => Ok(program),
        None => bail!("cargo built pathkeeper and named no executable"),
    }
}

impl Message {
    /// The program's place, if it tells that.
    fn program(self) -> Option<PathBuf> {
        let is_program = |of: &Target| of.name == "pathkeeper" && of.kind.iter().any(|kind| kind == "bin");
        let is_test = self.profile.is_some_and(|profile| profile.test);
        self.executable.filter(|_| !is_test && self.target.as_ref().is_some_and(is_program))
    }
}

/// The part of cargo's messages that says where an executable is.
#[derive(serde::Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
}

#[derive(serde::Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(serde::Deserialize)]
struct Profile {
    test: bool,
}
