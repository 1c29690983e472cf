//! Pathkeeper's tasks: `cargo xtask test`, `cargo xtask tidy`. What a newcomer needs is in README.md and docs/testing.md.

#![forbid(unsafe_code)]

mod api_types;
mod cmd;
mod features;
mod generated;
mod packages;
mod rust_text;
mod skips;
mod test;
mod tidy;
mod ui;
mod vm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// Tasks of the Pathkeeper repository.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what the tests need and is absent, then checks and tests everything.
    Test {
        /// Installs nothing; what is absent is skipped and named.
        #[arg(long)]
        no_install: bool,
    },
    /// Checks the rules of the house (ARCHITECTURE.md, "What must be absent") that a machine can check.
    Tidy,
    /// Writes the generated files anew: the OpenAPI document, man pages, shell completions.
    Gen,
    /// Writes pictures of the pages into docs/images, from a demo cluster with faults in place; wants a debug build of the program.
    Screenshots,
    /// Builds the image of the virtual machine that tests run in (`test` does it too).
    VmImage,
    /// Boots that machine with a shell on this terminal.
    VmShell {
        /// LUNs.
        #[arg(long, default_value_t = 2)]
        luns: u16,
        /// Paths to each.
        #[arg(long, default_value_t = 2)]
        paths: u16,
    },
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<ExitCode> {
    let root = root()?;
    match args.task {
        Task::Test { no_install } => test::run(&root, !no_install),
        Task::Tidy => tidy::run(&root),
        Task::Gen => generated::write(&root),
        Task::Screenshots => ui::screenshots(&root),
        Task::VmImage => {
            vm::build(&root).map(|image| println!("{}", image.dir.display())).map(|()| ExitCode::SUCCESS)
        }
        Task::VmShell { luns, paths } => vm::shell(&root, luns, paths).map(|()| ExitCode::SUCCESS),
    }
}

/// The repository's top folder: where this crate's parent folder is, wherever cargo was called.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.parent().context("xtask has no parent folder")?;
    Ok(root.to_path_buf())
}
