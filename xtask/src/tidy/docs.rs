//! Rules that tie documents to code.

use super::links::prose;
use super::{Complaint, Repo};

const CODES: &str = "crates/model/src/finding.rs";
const FINDINGS: &str = "docs/findings.md";
/// What each code's chapter says, in this order.
const PARTS: &[&str] = &["**Meaning.**", "**Evidence.**", "**Do.**", "**Do not.**", "**Commands.**"];

/// Each code of the program has its chapter with all parts, and each chapter its code.
pub fn finding_codes(repo: &Repo) -> Vec<Complaint> {
    let text = |path: &str| repo.texts.get(path).map_or("", String::as_str);
    let codes = codes(text(CODES));
    let chapters = chapters(text(FINDINGS));
    let mut complaints = Vec::new();
    if codes.is_empty() {
        complaints.push(Complaint::new(
            CODES,
            0,
            "found no `Variant = \"CODE\",` lines: has the table moved?",
        ));
    }
    for (line, code) in &codes {
        if !chapters.iter().any(|(_, heading, _)| heading == code) {
            complaints.push(Complaint::new(CODES, *line, format!("{FINDINGS} has no heading `## {code}`")));
        }
    }
    for (line, heading, body) in &chapters {
        if !codes.iter().any(|(_, code)| code == heading) {
            complaints.push(Complaint::new(FINDINGS, *line, format!("no finding has the code {heading}")));
        }
        for part in PARTS.iter().filter(|part| !body.contains(**part)) {
            complaints.push(Complaint::new(FINDINGS, *line, format!("{heading} has no part {part}")));
        }
    }
    complaints
}

const CONFIG: &str = "crates/pathkeeper/src/config.rs";
/// Files beside it that hold parts of the settings.
const CONFIG_PARTS: &str = "crates/pathkeeper/src/config/";
const GUIDE: &str = "docs/user-guide.md";

/// Each key of the configuration file is explained.
pub fn settings(repo: &Repo) -> Vec<Complaint> {
    let guide = repo.texts.get(GUIDE).map_or("", String::as_str);
    let files = repo.texts.iter().filter(|(path, _)| *path == CONFIG || path.starts_with(CONFIG_PARTS));
    let lines =
        files.flat_map(|(path, text)| (1..).zip(text.lines()).map(move |(line, text)| (path, line, text)));
    let keys: Vec<(&String, usize, String)> = lines
        .filter_map(|(path, line, text)| Some((path, line, text.trim().split_once(": Option<Spanned<")?.0)))
        .filter(|(_, _, field)| field.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .map(|(path, line, field)| (path, line, field.replace('_', "-")))
        .collect();
    let mut complaints = Vec::new();
    if keys.is_empty() {
        complaints.push(Complaint::new(
            CONFIG,
            0,
            "found no `key: Option<Spanned<…>>` lines: has the file's form moved?",
        ));
    }
    for (path, line, key) in keys {
        if !guide.contains(&format!("`{key}`")) {
            complaints.push(Complaint::new(path, line, format!("{GUIDE} does not explain `{key}`")));
        }
    }
    complaints
}

const INDEX: &str = "docs/README.md";

/// Each document is in the index.
pub fn index(repo: &Repo) -> Vec<Complaint> {
    let index = repo.texts.get(INDEX).map_or("", String::as_str);
    repo.ending(".md")
        .filter_map(|(path, _)| path.strip_prefix("docs/").filter(|name| *name != "README.md"))
        .filter(|name| !index.contains(&format!("]({name})")))
        .map(|name| Complaint::new(INDEX, 0, format!("does not name {name}")))
        .collect()
}

/// `Variant = "CODE",` lines.
fn codes(source: &str) -> Vec<(usize, &str)> {
    (1..)
        .zip(source.lines())
        .filter_map(|(line, text)| {
            let code = text.trim().split_once(" = \"")?.1.strip_suffix("\",")?;
            is_code(code).then_some((line, code))
        })
        .collect()
}

/// Chapters whose heading is written like a code: line, heading, body.
fn chapters(text: &str) -> Vec<(usize, &str, String)> {
    let mut found: Vec<(usize, &str, String)> = Vec::new();
    let mut inside = false;
    for (line, text) in prose(text) {
        if let Some(heading) = text.strip_prefix("## ") {
            inside = is_code(heading.trim());
            if inside {
                found.push((line, heading.trim(), String::new()));
            }
        } else if let Some((_, _, body)) = found.last_mut().filter(|_| inside) {
            body.push_str(text);
            body.push('\n');
        }
    }
    found
}

fn is_code(text: &str) -> bool {
    text.contains('_') && text.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unexplained_setting_is_caught() {
        let check = |guide: &str| {
            settings(&Repo::of(&[(CONFIG, "    run_dir: Option<Spanned<String>>,\n"), (GUIDE, guide)])).len()
        };
        assert_eq!(check("| `run-dir` | x |"), 0);
        assert_eq!(check("| `state-dir` | x |"), 1);
        assert_eq!(settings(&Repo::of(&[(CONFIG, ""), (GUIDE, "")])).len(), 1);
    }

    #[test]
    fn a_document_that_is_not_in_the_index_is_caught() {
        let check = |text: &str| index(&Repo::of(&[(INDEX, text), ("docs/a.md", "")])).len();
        assert_eq!(check("[a](a.md)"), 0);
        assert_eq!(check("a.md"), 1);
    }

    #[test]
    fn codes_and_chapters_must_agree() {
        let whole =
            "## NODE_STALE\n**Meaning.** a\n**Evidence.** b\n**Do.** c\n**Do not.** d\n**Commands.** e\n";
        let check = |code: &str, doc: &str| {
            finding_codes(&Repo::of(&[(CODES, &format!("    Variant = \"{code}\",\n")), (FINDINGS, doc)]))
                .len()
        };
        assert_eq!(check("NODE_STALE", whole), 0);
        assert_eq!(check("NODE_SILENT", whole), 2);
        assert_eq!(check("NODE_STALE", "## NODE_STALE\n**Meaning.** a\n"), 4);
        assert_eq!(check("NODE_STALE", &format!("{whole}## How to read this page\n")), 0);
        assert_eq!(finding_codes(&Repo::of(&[(CODES, ""), (FINDINGS, "")])).len(), 1);
    }
}
