//! What is made from the arguments' own definitions: shell completions, manual pages, and the API's document.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use super::{Failure, out};

/// Print a completion script for a shell
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper completions bash > /usr/share/bash-completion/completions/pathkeeper
  pathkeeper completions zsh > /usr/share/zsh/vendor-completions/_pathkeeper")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print the manual page, or write it and one for each command
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper man | man -l -
  pathkeeper man --out /usr/local/share/man/man1")]
pub struct ManArgs {
    /// Write pathkeeper.1 and pathkeeper-COMMAND.1 into this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Print the OpenAPI document of this version.
#[derive(Args, Debug)]
pub struct OpenapiArgs {}

/// Prints the script.
pub fn completions(args: &CompletionsArgs, command: &mut clap::Command) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "pathkeeper", &mut script);
    out::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the page or writes the pages.
pub fn man(args: &ManArgs, command: clap::Command) -> Result<ExitCode, Failure> {
    let pages = pages(command).map_err(|e| Failure::new(format!("making the manual pages: {e}")))?;
    match &args.out {
        None => {
            let top = pages.into_iter().next().map(|(_, text)| text).unwrap_or_default();
            out::print(&top)?;
        }
        Some(dir) => {
            for (name, text) in pages {
                write(dir, &name, &text)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write(dir: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path = dir.join(name);
    std::fs::write(&path, text).map_err(|e| Failure::new(format!("writing {}: {e}", path.display())))
}

/// File names and texts: first the program's page, then one for each command that is not hidden.
fn pages(mut command: clap::Command) -> std::io::Result<Vec<(String, String)>> {
    command.build();
    let mut pages = Vec::new();
    let mut page = |name: String, command: clap::Command| -> std::io::Result<()> {
        let mut text = Vec::new();
        clap_mangen::Man::new(command).render(&mut text)?;
        pages.push((name, String::from_utf8_lossy(&text).into_owned()));
        Ok(())
    };
    page("pathkeeper.1".into(), command.clone())?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        let name = format!("pathkeeper-{}", sub.get_name());
        page(format!("{name}.1"), sub.clone())?;
    }
    Ok(pages)
}
