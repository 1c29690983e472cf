//! Running programs: every call says what failed and how to run it by hand.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Cargo as it called us, so that one toolchain builds everything.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).stdin(Stdio::null());
    command
}

/// The command as a person would type it.
pub fn shown(command: &Command) -> String {
    let mut text = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}

/// Runs the command, its output going where ours goes; `false` where it ended with a status other than 0.
pub fn passes(command: &mut Command) -> Result<bool> {
    let status = command.status().with_context(|| format!("cannot start `{}`", shown(command)))?;
    Ok(status.success())
}

/// Runs the command and gives its standard output; standard error goes where ours goes.
pub fn output(command: &mut Command) -> Result<String> {
    let what = shown(command);
    let out = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{what}`"))?;
    if !out.status.success() {
        bail!("`{what}` ended with {}", out.status);
    }
    String::from_utf8(out.stdout).with_context(|| format!("`{what}` printed something that is no UTF-8"))
}

/// Whether a program of this name is on PATH.
pub fn on_path(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else { return false };
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Whether a shared library of this file name is where Debian puts libraries, on whatever architecture.
pub fn library_is_there(file: &str) -> bool {
    ["/usr/lib", "/lib", "/usr/local/lib"].iter().any(|folder| {
        let below = std::fs::read_dir(folder).into_iter().flatten().flatten();
        below.map(|entry| entry.path()).chain([folder.into()]).any(|dir| dir.join(file).is_file())
    })
}
