//! `pathkeeper config edit`, `overrides edit`: a person's editor on a copy, then the judge, the plan, a question, and the write. A text
//! that somebody typed is never thrown away.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use pathkeeper_api::config::{Document, PlanBody, TextBody, Written};
use pathkeeper_model::config::overrides;

use super::super::text::clean;
use super::super::{Failure, Globals, confirmed, read_small};
use super::write::{CONFIG, told};
use super::{problems, render};

/// What stands in the editor where there is no document yet.
const BEGIN: &str = "\
# The cluster's multipath configuration: docs/configuration.md. For example:
#
# defaults: global
#     no-path-retry 12
#
# wwid: 3600a098038304479363f4c4870455a71
#     alias oracle-data
";
const BEGIN_OVERRIDES: &str = "\
# multipath.conf's own grammar, for hardware: devices, overrides, blacklist, blacklist_exceptions.
";

/// Edits one of both documents.
pub(in crate::cli) async fn edit(
    is_overrides: bool,
    yes: bool,
    globals: &Globals,
) -> Result<ExitCode, Failure> {
    let name = if is_overrides { overrides::FILE } else { CONFIG };
    if !yes && !std::io::stdin().is_terminal() {
        return Err(Failure::new(
            "nothing was changed: there is no terminal to ask at; --yes writes what the editor leaves without asking".into(),
        ));
    }
    let client = globals.client()?;
    let document = if is_overrides { client.overrides().await? } else { client.config(None).await?.config };
    let old = text_of(name, &document, is_overrides)?;
    let mut draft = Draft::new(name, &old)?;
    let new = loop {
        draft.edit()?;
        let new = draft.read()?;
        if new == old {
            draft.keep = false;
            eprintln!("nothing was changed");
            return Ok(ExitCode::SUCCESS);
        }
        let wrong = if new.is_empty() {
            vec!["it is empty, and that is no instruction".to_owned()]
        } else {
            problems(&new, is_overrides).iter().map(ToString::to_string).collect()
        };
        if wrong.is_empty() {
            break new;
        }
        wrong.iter().for_each(|problem| eprintln!("{name}: {}", clean(problem)));
        if yes || !again() {
            return Err(draft.kept("nothing was changed: it could not be followed"));
        }
    };
    match judge_and_write(is_overrides, name, (&old, &new), &document.digest, yes, globals).await {
        Ok(done) => {
            draft.keep = false;
            told(name, &done, globals)
        }
        Err(failure) => Err(draft.kept(failure.message())),
    }
}

/// Shows what comes of it, asks, and writes.
async fn judge_and_write(
    is_overrides: bool,
    name: &str,
    (old, new): (&str, &str),
    digest: &str,
    yes: bool,
    globals: &Globals,
) -> Result<Written, Failure> {
    let client = globals.client()?;
    eprint!("{}", render::diff(name, old, name, new));
    let text = Some(new.to_owned());
    let body = match is_overrides {
        true => PlanBody { overrides: text, ..PlanBody::default() },
        false => PlanBody { config: text, ..PlanBody::default() },
    };
    match client.plan(&body).await {
        Ok(planned) => eprint!("\n{}", render::plan(&planned)),
        // Overrides may be written before there is anything to plan for.
        Err(e) => eprintln!("\nno plan can be shown: {}", clean(Failure::from(e).message())),
    }
    if !yes {
        let question = format!("write {name}? (it is applied by config apply alone)");
        confirmed(&question, "nothing was changed", "--yes does it without asking")?;
    }
    let body = TextBody { text: new.to_owned(), digest: Some(digest.to_owned()) };
    let done =
        if is_overrides { client.write_overrides(&body).await } else { client.write_config(&body).await };
    Ok(done?)
}

fn text_of(name: &str, document: &Document, is_overrides: bool) -> Result<String, Failure> {
    match &document.text {
        Some(text) => Ok(text.clone()),
        None if document.state == "absent" => {
            Ok(if is_overrides { BEGIN_OVERRIDES } else { BEGIN }.to_owned())
        }
        None => Err(Failure::new(format!("{name} in the store is no UTF-8: no editor can mend it"))),
    }
}

/// Whether somebody wants to go on with what cannot be followed.
fn again() -> bool {
    eprint!("edit it again? [Y/n] ");
    std::io::stderr().flush().ok();
    let mut line = String::new();
    let read = std::io::Read::take(std::io::stdin().lock(), 64).read_line(&mut line);
    read.is_ok_and(|n| n > 0) && !line.trim().to_ascii_lowercase().starts_with('n')
}

/// A copy in a folder that nobody else can open. It stays where it is unless it is not wanted any more.
struct Draft {
    folder: Option<tempfile::TempDir>,
    file: PathBuf,
    keep: bool,
}

impl Draft {
    fn new(name: &str, text: &str) -> Result<Self, Failure> {
        let cannot = |e: std::io::Error| Failure::new(format!("a copy of {name} for the editor: {e}"));
        let folder = tempfile::Builder::new().prefix("pathkeeper-").tempdir().map_err(cannot)?;
        let file = folder.path().join(name);
        std::fs::write(&file, text).map_err(cannot)?;
        Ok(Self { folder: Some(folder), file, keep: true })
    }

    /// Runs `$VISUAL`, else `$EDITOR`, else vi, which may come with arguments, as a shell reads them.
    fn edit(&self) -> Result<(), Failure> {
        let named = ["VISUAL", "EDITOR"].iter().filter_map(|name| std::env::var(name).ok());
        let mut named = named.filter(|of| !of.trim().is_empty());
        let editor = named.next().unwrap_or_else(|| "vi".to_owned());
        let run = Command::new("/bin/sh")
            .arg("-c")
            .arg(format!("{editor} \"$1\""))
            .arg("sh")
            .arg(&self.file)
            .status();
        match run {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.failed(&editor, &status.to_string())),
            Err(e) => Err(self.failed(&editor, &e.to_string())),
        }
    }

    fn failed(&self, editor: &str, why: &str) -> Failure {
        self.kept(&format!(
            "the editor {} ended badly ({why}), and nothing was changed; set VISUAL or EDITOR",
            clean(editor)
        ))
    }

    fn read(&self) -> Result<String, Failure> {
        let bytes = read_small(&self.file, "what the editor left:")?;
        String::from_utf8(bytes).map_err(|e| {
            let file = self.file.display();
            Failure::new(format!("{file}: it is not UTF-8, and nothing was changed: {}", e.utf8_error()))
        })
    }

    /// A failure that says where the text is.
    fn kept(&self, why: &str) -> Failure {
        Failure::new(format!("{why}\n  your text is in {}", self.file.display()))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(folder) = self.folder.take().filter(|_| self.keep) {
            let _ = folder.keep();
        }
    }
}
