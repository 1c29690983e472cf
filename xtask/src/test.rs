//! `cargo xtask test`: installs what is absent, checks, builds, and ends with one test run whose summary is the last
//! thing printed.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::Result;

use crate::generated::Build;
use crate::{cmd, features, generated, packages, skips, tidy, ui};

/// Runs everything. All checks run even if one fails, so that one run tells all; the tests run only if none failed,
/// so that a summary of tests at the end never hides a failed check above it.
pub fn run(root: &Path, install: bool) -> Result<ExitCode> {
    let mut steps = Steps::default();
    if install {
        steps.run("packages", || packages::install().map(|()| true))?;
    }
    steps.run("format", || cmd::passes(cmd::cargo(root).args(["fmt", "--all", "--check"])))?;
    steps.run("tidy", || Ok(tidy::check(root)?.is_empty()))?;
    let features = features::find();
    let on = features.args();
    steps.run("clippy", || {
        let mut cargo = cmd::cargo(root);
        cargo.args(["clippy", "--workspace", "--all-targets"]).args(on).args(["--", "-D", "warnings"]);
        cmd::passes(&mut cargo)
    })?;
    steps.run("docs", || {
        let args = ["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"];
        cmd::passes(cmd::cargo(root).args(args).args(on).env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    // The same profile and features as the test run below, so that nothing is built twice.
    steps.run("build", || {
        cmd::passes(cmd::cargo(root).args(["test", "--workspace", "--no-run", "--quiet"]).args(on))
    })?;
    steps.run("generated files", || generated::check(root, Build::WithTests))?;
    steps.run("doc examples", || {
        cmd::passes(cmd::cargo(root).args(["test", "--workspace", "--doc", "--quiet"]).args(on))
    })?;

    let mut skipped: Vec<(String, String)> = Vec::new();
    skipped.extend(
        features.left_out.iter().map(|why| ("everything of the feature etcd".to_owned(), why.clone())),
    );
    if cmd::on_path("cargo-deny") {
        let args = ["deny", "--offline", "check", "licenses", "bans", "sources"];
        steps.run("licences and bans", || cmd::passes(cmd::cargo(root).args(args)))?;
    } else {
        let reason = "cargo-deny is not installed; with it: cargo install --locked cargo-deny";
        skipped.push(("licences and bans (deny.toml)".to_owned(), reason.to_owned()));
    }
    match ui::obstacle(root) {
        None => steps.run("pages", || ui::run(root))?,
        Some(why) => skipped.push(("the pages' own tests (tests/ui)".to_owned(), why)),
    }
    if !steps.failed.is_empty() {
        eprintln!("\nerror: failed: {}. The tests did not run.", steps.failed.join(", "));
        return Ok(ExitCode::FAILURE);
    }

    println!("\n== what this machine can run");
    let parts = skips::find(root);
    skipped.extend(parts.iter().map(|skip| (format!("tests named *{}*", skip.tests), skip.reason.clone())));
    println!("\n== skipped on this machine: {}", skipped.len());
    for (what, reason) in &skipped {
        println!("SKIPPED {what}: {reason}");
    }
    println!("\n== tests");
    let names: Vec<&str> = parts.iter().map(|skip| skip.tests).collect();
    let passed = cmd::passes(&mut test_run(root, cmd::on_path("cargo-nextest"), on, &names))?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The one test run, tests marked `#[ignore]` (slow, or in need of packages) included, the skipped ones left out.
fn test_run(root: &Path, nextest: bool, features: &[&str], skipped: &[&str]) -> Command {
    let mut cargo = cmd::cargo(root);
    if nextest {
        cargo.args(["nextest", "run", "--workspace"]).args(features);
        cargo.args(["--run-ignored", "all", "--no-fail-fast"]);
        if !skipped.is_empty() {
            let names: Vec<String> = skipped.iter().map(|name| format!("test({name})")).collect();
            cargo.args(["-E", &format!("not ({})", names.join(" or "))]);
        }
    } else {
        // --tests leaves the documents' examples out: they ran above, and their summary would be the last.
        cargo.args(["test", "--workspace"]).args(features);
        cargo.args(["--tests", "--no-fail-fast", "--", "--include-ignored"]);
        cargo.args(skipped.iter().flat_map(|name| ["--skip", name]));
    }
    cargo
}

/// Runs steps one after the other and remembers which failed.
#[derive(Default)]
struct Steps {
    failed: Vec<&'static str>,
}

impl Steps {
    fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<bool>) -> Result<()> {
        println!("\n== {name}");
        let began = Instant::now();
        let passed = step()?;
        println!(
            "== {name}: {} in {:.1} s",
            if passed { "ok" } else { "FAILED" },
            began.elapsed().as_secs_f64()
        );
        if !passed {
            self.failed.push(name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_run_leaves_out_what_is_skipped_with_either_runner() {
        let line =
            |nextest, skipped: &[&str]| cmd::shown(&test_run(Path::new("."), nextest, &["--x"], skipped));
        assert!(line(true, &["a", "b"]).ends_with("-E not (test(a) or test(b))"));
        assert!(!line(true, &[]).contains("-E"));
        assert!(line(false, &["a", "b"]).ends_with("--include-ignored --skip a --skip b"));
        for nextest in [true, false] {
            assert!(line(nextest, &[]).contains(" --workspace --x "), "with the features of the build");
        }
    }

    #[test]
    fn a_failed_step_is_remembered_and_the_next_one_runs() {
        let mut steps = Steps::default();
        let mut ran = false;
        steps.run("one", || Ok(false)).unwrap();
        steps
            .run("two", || {
                ran = true;
                Ok(true)
            })
            .unwrap();
        assert!(ran);
        assert_eq!(steps.failed, ["one"]);
    }
}
