//! Rules that tie documents to code.

use super::links::prose;
use super::{Complaint, Repo};

const CODES: &str = "crates/model/src/finding.rs";
const FINDINGS: &str = "docs/findings.md";
/// What each code's chapter says, in this order.
const PARTS: &[&str] = &["**Meaning.**", "**Evidence.**", "**Do.**", "**Do not.**"];

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
    fn codes_and_chapters_must_agree() {
        let whole = "## NODE_STALE\n**Meaning.** a\n**Evidence.** b\n**Do.** c\n**Do not.** d\n";
        let check = |code: &str, doc: &str| {
            finding_codes(&Repo::of(&[(CODES, &format!("    Variant = \"{code}\",\n")), (FINDINGS, doc)]))
                .len()
        };
        assert_eq!(check("NODE_STALE", whole), 0);
        assert_eq!(check("NODE_SILENT", whole), 2);
        assert_eq!(check("NODE_STALE", "## NODE_STALE\n**Meaning.** a\n"), 3);
        assert_eq!(check("NODE_STALE", &format!("{whole}## How to read this page\n")), 0);
        assert_eq!(finding_codes(&Repo::of(&[(CODES, ""), (FINDINGS, "")])).len(), 1);
    }
}
