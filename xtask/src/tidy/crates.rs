//! Rules about crates: who may depend on whom and on what.

use std::collections::{BTreeMap, BTreeSet};

use super::{Complaint, Repo};

/// Which of our crates each of our crates may depend on, tests included.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("pathkeeper-model", &[]),
    ("pathkeeper-engine", &["pathkeeper-model"]),
    ("pathkeeper-io", &["pathkeeper-model"]),
    ("pathkeeper-api", &[]),
    ("pathkeeper", &["pathkeeper-model", "pathkeeper-engine", "pathkeeper-io", "pathkeeper-api"]),
    ("xtask", &[]),
];

/// Crates that are pure, so that all they do can be tested by calling them.
const PURE: &[&str] = &["pathkeeper-model", "pathkeeper-engine"];

/// What pure crates may ship with, transitively: data structures, typed JSON, derive macros. Nothing that reads a
/// clock, opens a file or a socket, starts a thread or draws a random number.
const PURE_MAY_USE: &[&str] = &[
    "pathkeeper-model",
    // Compression and base64 are computation: bytes in, bytes out.
    "adler2",
    "base64",
    "cfg-if",
    "crc32fast",
    "flate2",
    "miniz_oxide",
    "simd-adler32",
    "zlib-rs",
    "fixedbitset",
    "hashbrown",
    "itoa",
    "memchr",
    "proc-macro2",
    "quote",
    // Matching is computation: text in, yes or no out.
    "aho-corasick",
    "regex",
    "regex-automata",
    "regex-syntax",
    "rustc-hash",
    "ryu",
    // Texts: short ones in place, long ones shared; and how alike two are.
    "smol_str",
    "strsim",
    "serde",
    "serde_core",
    "serde_derive",
    "serde_json",
    "syn",
    "thiserror",
    "thiserror-impl",
    "unicode-ident",
    "zmij",
];

pub fn directions(repo: &Repo) -> Vec<Complaint> {
    let ours = our_packages(repo);
    let mut complaints = Vec::new();
    for (id, name) in &ours {
        let Some((_, allowed)) = DIRECTIONS.iter().find(|(known, _)| known == name) else {
            complaints.push(Complaint::new(
                "Cargo.toml",
                0,
                format!("crate {name} has no line in xtask's DIRECTIONS"),
            ));
            continue;
        };
        for node in repo.metadata.resolve.nodes.iter().filter(|node| node.id == **id) {
            for other in node.deps.iter().filter_map(|dep| ours.get(dep.pkg.as_str())) {
                if !allowed.contains(other) && other != name {
                    complaints.push(Complaint::new(
                        "Cargo.toml",
                        0,
                        format!("{name} may not depend on {other}"),
                    ));
                }
            }
        }
    }
    complaints
}

pub fn pure_dependencies(repo: &Repo) -> Vec<Complaint> {
    let names: BTreeMap<&str, &str> =
        repo.metadata.packages.iter().map(|p| (p.id.as_str(), p.name.as_str())).collect();
    let mut complaints = Vec::new();
    for (id, name) in our_packages(repo).into_iter().filter(|(_, name)| PURE.contains(name)) {
        let mut seen = BTreeSet::new();
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            for node in repo.metadata.resolve.nodes.iter().filter(|node| node.id == id) {
                todo.extend(
                    node.deps
                        .iter()
                        .filter(|d| d.ships())
                        .map(|d| d.pkg.as_str())
                        .filter(|id| seen.insert(*id)),
                );
            }
        }
        for used in seen.into_iter().filter_map(|id| names.get(id)) {
            if !PURE_MAY_USE.contains(used) {
                let what = format!("{name} is pure and may not ship with {used} (xtask's PURE_MAY_USE)");
                complaints.push(Complaint::new("Cargo.toml", 0, what));
            }
        }
    }
    complaints
}

pub fn versions(repo: &Repo) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in repo
        .ending("Cargo.toml")
        .filter(|(path, _)| path.starts_with("crates/") || path.starts_with("xtask/"))
    {
        for (line, name, value) in dependencies(text, |section| section.ends_with("dependencies")) {
            if !(name.ends_with(".workspace") || value.contains("workspace = true")) {
                let what = format!(
                    "{name}: write the version into the workspace table and `{name}.workspace = true` here"
                );
                complaints.push(Complaint::new(path, line, what));
            }
        }
    }
    complaints
}

pub fn explained(repo: &Repo) -> Vec<Complaint> {
    const DOC: &str = "docs/dependencies.md";
    let text = |path: &str| repo.texts.get(path).map_or("", String::as_str);
    let used: BTreeSet<String> = repo
        .ending("Cargo.toml")
        .filter(|(path, _)| *path != "Cargo.toml")
        .flat_map(|(_, manifest)| dependencies(manifest, |section| section.ends_with("dependencies")))
        .map(|(_, name, _)| name.trim_end_matches(".workspace").to_owned())
        .collect();
    let mut complaints = Vec::new();
    for (line, name, value) in dependencies(text("Cargo.toml"), |section| section == "workspace.dependencies")
    {
        if value.contains("path = ") {
            continue;
        }
        if !text(DOC).lines().any(|doc| doc.starts_with(&format!("| `{name}` |"))) {
            complaints.push(Complaint::new(
                DOC,
                0,
                format!("no line `| `{name}` | …`: what for, why this one, licence"),
            ));
        }
        if !used.contains(name) {
            complaints.push(Complaint::new("Cargo.toml", line, format!("no crate uses {name}")));
        }
    }
    complaints
}

/// The `name = value` lines of a manifest's sections that `wanted` picks, with their line numbers.
fn dependencies(manifest: &str, wanted: impl Fn(&str) -> bool) -> Vec<(usize, &str, &str)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (line, text) in (1..).zip(manifest.lines()) {
        if let Some(section) = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = wanted(section);
        } else if let Some((name, value)) =
            text.split_once('=').filter(|_| inside && !text.starts_with(['#', ' ']))
        {
            found.push((line, name.trim(), value.trim()));
        }
    }
    found
}

/// Our own packages: id → name.
fn our_packages(repo: &Repo) -> BTreeMap<&str, &str> {
    let ours: BTreeSet<&str> = repo.metadata.workspace_members.iter().map(String::as_str).collect();
    repo.metadata
        .packages
        .iter()
        .filter(|package| ours.contains(package.id.as_str()))
        .map(|package| (package.id.as_str(), package.name.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `edges` are `from>to`, or `from~to` for a dev-dependency; `ours` are workspace members.
    fn graph(ours: &[&str], edges: &[&str]) -> Repo {
        let split =
            |edge: &str| edge.split_once(['>', '~']).map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let mut names: BTreeSet<String> = ours.iter().map(|name| (*name).to_owned()).collect();
        names.extend(edges.iter().map(|edge| split(edge).1));
        let nodes: Vec<_> = names
            .iter()
            .map(|name| {
                let deps: Vec<_> = edges
                    .iter()
                    .filter(|edge| split(edge).0 == *name)
                    .map(|edge| {
                        let kind = edge.contains('~').then_some("dev");
                        serde_json::json!({"pkg": split(edge).1, "dep_kinds": [{"kind": kind}]})
                    })
                    .collect();
                serde_json::json!({"id": name, "deps": deps})
            })
            .collect();
        let packages: Vec<_> =
            names.iter().map(|name| serde_json::json!({"name": name, "id": name})).collect();
        let metadata = serde_json::json!({
            "packages": packages, "workspace_members": ours, "resolve": {"nodes": nodes}
        });
        Repo { metadata: serde_json::from_value(metadata).unwrap(), ..Repo::default() }
    }

    #[test]
    fn a_wrong_direction_is_caught() {
        let ours = ["pathkeeper-model", "pathkeeper-engine", "pathkeeper-io"];
        assert!(directions(&graph(&ours, &["pathkeeper-engine>pathkeeper-model"])).is_empty());
        assert_eq!(directions(&graph(&ours, &["pathkeeper-engine>pathkeeper-io"])).len(), 1);
        assert_eq!(directions(&graph(&ours, &["pathkeeper-model~pathkeeper-engine"])).len(), 1);
        assert_eq!(directions(&graph(&["newcomer"], &[])).len(), 1);
    }

    #[test]
    fn an_impure_dependency_is_caught_at_any_depth_and_allowed_in_tests() {
        let ours = ["pathkeeper-model"];
        assert_eq!(pure_dependencies(&graph(&ours, &["pathkeeper-model>serde", "serde>tokio"])).len(), 1);
        assert!(pure_dependencies(&graph(&ours, &["pathkeeper-model~proptest", "proptest>rand"])).is_empty());
    }

    #[test]
    fn a_version_outside_the_table_is_caught() {
        let check = |manifest: &str| versions(&Repo::of(&[("crates/io/Cargo.toml", manifest)])).len();
        assert_eq!(
            check("[dependencies]\nserde.workspace = true\nx = { workspace = true, features = [] }\n"),
            0
        );
        assert_eq!(check("[dependencies]\nserde = \"1\"\n"), 1);
        assert_eq!(check("[dev-dependencies]\nserde = { version = \"1\" }\n"), 1);
        assert_eq!(check("[package]\nname = \"x\"\n"), 0);
    }

    #[test]
    fn an_unexplained_and_an_unused_dependency_are_caught() {
        let check = |member: &str, doc: &str| {
            explained(&Repo::of(&[
                (
                    "Cargo.toml",
                    "[workspace.dependencies]\nserde = \"1\"\npathkeeper-io = { path = \"crates/io\" }\n",
                ),
                ("crates/io/Cargo.toml", member),
                ("docs/dependencies.md", doc),
            ]))
            .len()
        };
        assert_eq!(check("[dependencies]\nserde.workspace = true\n", "| `serde` | JSON |\n"), 0);
        assert_eq!(check("[dependencies]\nserde.workspace = true\n", "| `serde_json` | JSON |\n"), 1);
        assert_eq!(check("[dependencies]\n", "| `serde` | JSON |\n"), 1);
    }
}
