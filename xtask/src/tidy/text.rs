//! Rules about any text: length, places of a workplace, things left to do.

use super::repo::is_test_path;
use super::{Complaint, Repo};

/// Lines that a Rust file may have. A file of tests, or a table that says so in its first line, may have more.
const LINES_MAX: usize = 800;
/// How a table says that it is one.
const TABLE_MARK: &str = "//! Table:";

pub fn file_length(repo: &Repo) -> Vec<Complaint> {
    repo.ending(".rs")
        .filter(|(path, text)| !is_test_path(path) && !text.starts_with(TABLE_MARK))
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| {
            let what = format!("{lines} lines, at most {LINES_MAX}: give a part of it a room of its own");
            Complaint::new(path, 0, what)
        })
        .collect()
}

/// How many Rust files ship, and their mean length in lines.
pub fn mean_lines(repo: &Repo) -> (usize, usize) {
    let lines: Vec<usize> = repo
        .ending(".rs")
        .filter(|(path, _)| !is_test_path(path))
        .map(|(_, text)| text.lines().count())
        .collect();
    (lines.len(), lines.iter().sum::<usize>() / lines.len().max(1))
}

/// Folders of one person's or one machine's, and hosts of package registries. Each is written in two pieces, so that
/// this file does not hold what it looks for. A folder counts where a path begins, not inside a longer one.
const PLACES: &[(&str, &str)] = &[
    ("/ro", "ot/"),
    ("/wo", "rk/"),
    ("/fa", "rm/"),
    ("/tmp/bash", "_jobs"),
    ("index.crates", ".io"),
    ("static.crates", ".io"),
    ("registry.npmjs", ".org"),
    ("pypi", ".org"),
    ("pythonhosted", ".org"),
    ("deb.debian", ".org"),
    ("snapshot.debian", ".org"),
    ("proxy.golang", ".org"),
];

pub fn places(repo: &Repo) -> Vec<Complaint> {
    let places: Vec<String> = PLACES.iter().map(|(a, b)| format!("{a}{b}")).collect();
    let mut complaints = Vec::new();
    for (path, text) in repo.texts.iter().filter(|(path, _)| !path.ends_with(".lock")) {
        for (line, text) in (1..).zip(text.lines()) {
            for place in places.iter().filter(|place| names_place(text, place)) {
                complaints.push(Complaint::new(
                    path,
                    line,
                    format!("{place} is a place of one machine or one registry"),
                ));
            }
        }
    }
    complaints
}

fn names_place(text: &str, place: &str) -> bool {
    text.match_indices(place).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        !place.starts_with('/') || before.is_none_or(|c| !(c.is_alphanumeric() || c == '_'))
    })
}

/// Marks of unfinished work, in two pieces as above.
const LEFTOVERS: &[(&str, &str)] =
    &[("TO", "DO"), ("FIX", "ME"), ("XX", "X:"), ("to", "do!("), ("unimpl", "emented!(")];
/// Kinds of file in which they are looked for.
const SOURCE_ENDS: &[&str] = &[".rs", ".js", ".css", ".html", ".toml", ".sh", ".service", ".md"];

pub fn leftovers(repo: &Repo) -> Vec<Complaint> {
    let marks: Vec<String> = LEFTOVERS.iter().map(|(a, b)| format!("{a}{b}")).collect();
    let mut complaints = Vec::new();
    let sources = repo.texts.iter().filter(|(path, _)| {
        !path.starts_with("tests/data/") && SOURCE_ENDS.iter().any(|end| path.ends_with(end))
    });
    for (path, text) in sources {
        for (line, text) in (1..).zip(text.lines()) {
            for mark in marks.iter().filter(|mark| text.contains(mark.as_str())) {
                complaints.push(Complaint::new(path, line, format!("{mark}: do it, or file it as an issue")));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_caught_and_a_long_test_or_table_is_not() {
        let long = "x\n".repeat(LINES_MAX + 1);
        let check = |path: &str, text: &str| file_length(&Repo::of(&[(path, text)])).len();
        assert_eq!(check("crates/io/src/a.rs", &long), 1);
        assert_eq!(check("crates/io/src/a.rs", &"x\n".repeat(LINES_MAX)), 0);
        assert_eq!(check("crates/io/src/a/tests.rs", &long), 0);
        assert_eq!(check("crates/io/src/a.rs", &format!("{TABLE_MARK} codes.\n{long}")), 0);
    }

    #[test]
    fn each_place_is_caught_in_any_text() {
        for (a, b) in PLACES {
            assert_eq!(places(&Repo::of(&[("README.md", &format!("see {a}{b}x"))])).len(), 1, "{a}{b}");
        }
        assert_eq!(places(&Repo::of(&[("a.md", &format!("net{}{}", "/wo", "rk/"))])).len(), 0);
        assert_eq!(places(&Repo::of(&[("Cargo.lock", &format!("{}{}", "/ro", "ot/"))])).len(), 0);
    }

    #[test]
    fn each_leftover_is_caught_in_sources_alone() {
        for (a, b) in LEFTOVERS {
            assert_eq!(
                leftovers(&Repo::of(&[("crates/io/src/a.rs", &format!("{a}{b} x"))])).len(),
                1,
                "{a}{b}"
            );
        }
        assert_eq!(leftovers(&Repo::of(&[("tests/data/a.sh", &format!("{}{}", "TO", "DO"))])).len(), 0);
    }
}
