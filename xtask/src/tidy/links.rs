//! Rules about documents: links lead somewhere, and named files exist.

use std::collections::BTreeSet;

use super::{Complaint, Repo};

pub fn links(repo: &Repo) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in repo.ending(".md") {
        for (line, target) in targets(text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) =
                target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            let Some(file) = resolve(path, file) else {
                complaints.push(Complaint::new(path, line, format!("{target} leads out of the repository")));
                continue;
            };
            if !repo.has(&file) {
                complaints.push(Complaint::new(path, line, format!("{target}: there is no {file}")));
            } else if let (Some(anchor), Some(text)) = (anchor, repo.texts.get(&file))
                && file.ends_with(".md")
                && !anchors(text).contains(anchor)
            {
                complaints.push(Complaint::new(path, line, format!("{file} has no heading #{anchor}")));
            }
        }
    }
    complaints
}

/// Paths in backticks in ARCHITECTURE.md: a map that names a room which is gone sends people astray.
pub fn named_paths(repo: &Repo) -> Vec<Complaint> {
    const MAP: &str = "ARCHITECTURE.md";
    const TOPS: &[&str] =
        &["crates/", "xtask/", "tests/", "docs/", "packaging/", "fuzz/", ".ci/", ".cargo/", ".config/"];
    let mut complaints = Vec::new();
    let text = repo.texts.get(MAP).map_or("", String::as_str);
    for (line, text) in (1..).zip(text.lines()) {
        for name in text.split('`').skip(1).step_by(2) {
            if TOPS.iter().any(|top| name.starts_with(top))
                && !name.contains(['*', ' ', '{', '<'])
                && !repo.has(name)
            {
                complaints.push(Complaint::new(MAP, line, format!("there is no {name}")));
            }
        }
    }
    complaints
}

/// Documents that comments cite, with the section where one is named (`status.md, section 6`).
pub fn cited(repo: &Repo) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    // Examples of wrong links stand in the rules' own tests.
    for (path, text) in repo.ending(".rs").filter(|(path, _)| !path.starts_with("xtask/src/tidy/")) {
        for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| text.trim_start().starts_with("//")) {
            for (at, _) in text.match_indices(".md") {
                let (before, after) = (text.get(..at).unwrap_or(""), text.get(at + 3..).unwrap_or(""));
                let start = before
                    .rfind(|c: char| !(c.is_alphanumeric() || "-_/.".contains(c)))
                    .map_or(0, |at| at + 1);
                let name = format!("{}.md", before.get(start..).unwrap_or(""));
                let Some(document) =
                    [name.clone(), format!("docs/{name}")].into_iter().find(|p| repo.texts.contains_key(p))
                else {
                    complaints.push(Complaint::new(path, line, format!("cites {name}, which is not there")));
                    continue;
                };
                let section: String = after
                    .strip_prefix(", section ")
                    .unwrap_or("")
                    .chars()
                    .take_while(char::is_ascii_digit)
                    .collect();
                let heading = format!("## {section}. ");
                let text = repo.texts.get(&document).map_or("", String::as_str);
                if !section.is_empty() && !text.lines().any(|line| line.starts_with(&heading)) {
                    complaints.push(Complaint::new(
                        path,
                        line,
                        format!("{document} has no section {section}"),
                    ));
                }
            }
        }
    }
    complaints
}

/// The lines of a document outside fenced code, with their numbers.
pub fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Targets of `[text](target)` and `[name]: target`, with their lines.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (line, text) in prose(text) {
        // Every second piece between backticks is code and holds no link.
        for piece in text.split('`').step_by(2) {
            let mut rest = piece;
            while let Some((_, after)) = rest.split_once("](") {
                let (target, next) = after.split_once(')').unwrap_or((after, ""));
                found.push((line, target.split_whitespace().next().unwrap_or("")));
                rest = next;
            }
        }
        // A definition of a link that is named elsewhere.
        if let Some((name, target)) = text.strip_prefix('[').and_then(|rest| rest.split_once("]: "))
            && !name.contains(']')
        {
            found.push((line, target.split_whitespace().next().unwrap_or("")));
        }
    }
    found
}

/// The path that a link means, seen from the document at `from`; `None` where it leaves the repository.
fn resolve(from: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(from.to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Anchors of a document's headings, as forges make them: lower case, punctuation dropped, spaces to hyphens.
pub fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .filter_map(|(_, line)| {
            line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))
        })
        .map(|heading| {
            heading
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(text: &str) -> usize {
        links(&Repo::of(&[("docs/a.md", text), ("docs/b.md", "# One *two*, three\n"), ("README.md", "")]))
            .len()
    }

    #[test]
    fn dead_links_are_caught() {
        assert_eq!(complaints("[x](c.md)"), 1);
        assert_eq!(complaints("see [`x`](c.md) and [y](b.md)"), 1);
        assert_eq!(complaints("[x](b.md#four)"), 1);
        assert_eq!(complaints("[x](#nowhere)"), 1);
        assert_eq!(complaints("[x](../../out.md)"), 1);
        assert_eq!(complaints("[x]: c.md"), 1);
    }

    #[test]
    fn live_links_and_code_are_not() {
        assert_eq!(
            complaints(
                "# Here\n[x](b.md) [y](b.md#one-two-three) [z](../README.md) [h](#here) [f](../docs/)"
            ),
            0
        );
        assert_eq!(complaints("```\n[x](c.md)\n```\n`[x](c.md)` [x](https://example.org/c.md)"), 0);
    }

    #[test]
    fn a_cited_document_or_section_that_is_not_there_is_caught() {
        let check = |comment: &str| {
            cited(&Repo::of(&[
                ("crates/io/src/a.rs", comment),
                ("docs/b.md", "## 2. Two\n"),
                ("README.md", ""),
            ]))
            .len()
        };
        assert_eq!(check("//! See b.md, section 2 and docs/b.md (README.md).\nlet x = \"none.md\";"), 0);
        assert_eq!(check("/// See b.md, section 3."), 1);
        assert_eq!(check("    // none.md says why"), 1);
    }

    #[test]
    fn a_room_that_is_gone_is_caught() {
        let check = |text: &str| {
            named_paths(&Repo::of(&[("ARCHITECTURE.md", text), ("crates/io/src/lib.rs", "")])).len()
        };
        assert_eq!(check("`crates/io/src/lib.rs`, `crates/io/`, `some::path`"), 0);
        assert_eq!(check("`crates/io/src/gone.rs`"), 1);
    }
}
