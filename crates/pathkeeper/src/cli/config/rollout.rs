//! `pathkeeper config rollout`: how far each node is, and what people want of it.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use pathkeeper_api::client::Client;
use pathkeeper_api::paths;
use pathkeeper_api::rollout::{NodeProgress, Rollout, Rollouts, SteerBody};

use super::super::text::{Field, Tone, View, clean, field, table};
use super::super::{EXIT_UNKNOWN, Failure, Globals, Output, confirmed, out, versioned};
use super::render::short;

/// Between two looks at a rollout that is waited for.
const LOOK: Duration = Duration::from_secs(1);
/// The SHA-1 of no bytes.
const NOTHING: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

/// How far each node is with the newest rollout, and what is wanted of it
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper config rollout
  pathkeeper config rollout resume                  after you looked at a node where it went wrong
  pathkeeper config rollout abort                   what was before comes back
  pathkeeper config rollout force pve2              it goes on although paths are failed there

Exit status: 0 all nodes are done, 1 some are still to come or hold, 2 it went wrong somewhere or was aborted, 3 it is not known of some.")]
pub struct RolloutArgs {
    #[command(subcommand)]
    command: Option<RolloutCommand>,
}

#[derive(Subcommand, Debug)]
enum RolloutCommand {
    /// Show each node's state and why
    Show,
    /// Nobody begins any more; who is at work ends it
    Pause,
    /// It goes on; nodes where it went wrong, or that were not heard of again, are taken for looked at
    Resume,
    /// What was before comes back as a generation of its own; where nothing was, it only ends
    Abort {
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// These nodes go on although paths are failed there
    Force {
        /// The nodes
        #[arg(required = true, value_name = "NODE")]
        nodes: Vec<String>,
    },
}

/// Runs the command.
pub(super) async fn run(args: RolloutArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let standing = client.rollout().await?;
    let (path, nodes) = match args.command.unwrap_or(RolloutCommand::Show) {
        RolloutCommand::Show => {
            let view = globals.view();
            let json = globals.output == Output::Json;
            out::print(&if json { versioned(&standing, true)? } else { render(&standing, &view) })?;
            return Ok(exit(standing.rollout.as_ref()));
        }
        RolloutCommand::Pause => (paths::ROLLOUT_PAUSE, Vec::new()),
        RolloutCommand::Resume => (paths::ROLLOUT_RESUME, Vec::new()),
        RolloutCommand::Abort { yes } => {
            eprint!("{}", render(&standing, &globals.view()));
            if !yes {
                confirmed(
                    "abort it, and bring back what was before?",
                    "nothing was aborted",
                    "--yes does it without asking",
                )?;
            }
            (paths::ROLLOUT_ABORT, Vec::new())
        }
        RolloutCommand::Force { nodes } => (paths::ROLLOUT_FORCE, nodes),
    };
    // What was shown, and no later one.
    let body = SteerBody { digest: Some(standing.digest), nodes: nodes.into_iter().collect() };
    let done = client.steer_rollout(path, &body).await?;
    if globals.output == Output::Json {
        out::print(&versioned(&done, true)?)?;
    } else {
        let so = if done.changed { "" } else { "already " };
        let mut text =
            format!("generation {} is {so}{}\n", done.rollout.generation, clean(&done.rollout.state));
        done.notes.iter().for_each(|note| text.push_str(&format!("note: {}\n", clean(note))));
        out::print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Stays until a generation is over, stuck, or followed by another one; says what changed.
pub(super) async fn wait(client: &Client, generation: u64, globals: &Globals) -> Result<ExitCode, Failure> {
    let view = globals.view();
    let mut shown = String::new();
    loop {
        let standing = client.rollout().await?;
        let Some(rollout) = &standing.rollout else {
            return Err(Failure::new(format!(
                "generation {generation} is not there any more: pathkeeper config rollout"
            )));
        };
        let text = render(&standing, &view);
        if text != shown {
            // On standard output stands the end alone, where a program reads it.
            eprintln!("{text}");
            shown = text;
        }
        if rollout.generation != generation {
            return Err(Failure::new(format!(
                "generation {generation} was followed by {}: pathkeeper config rollout",
                rollout.generation
            )));
        }
        if is_over(rollout) {
            if globals.output == Output::Json {
                out::print(&versioned(&standing, true)?)?;
            }
            return Ok(exit(Some(rollout)));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How one node stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stand {
    Done,
    ToCome,
    Wrong,
    Unknown,
}

fn stand(rollout: &Rollout, node: &NodeProgress) -> Stand {
    let online = node.online == Some(true);
    let state = node.state.as_deref().filter(|_| node.generation == Some(rollout.generation));
    match state {
        Some("current" | "verified" | "not-applicable") => Stand::Done,
        Some("failed" | "rolled-back") => Stand::Wrong,
        _ if online => Stand::ToCome,
        // Whether it is at work, or will be, nobody can tell.
        _ => Stand::Unknown,
    }
}

/// Nodes that are meant.
fn meant(rollout: &Rollout) -> impl Iterator<Item = (&String, &NodeProgress)> {
    rollout.nodes.iter().filter(|(node, _)| rollout.only.as_ref().is_none_or(|only| only == *node))
}

/// Nothing moves any more without a person.
fn is_over(rollout: &Rollout) -> bool {
    let is = |of: Stand| meant(rollout).any(|(_, node)| stand(rollout, node) == of);
    let wrong = meant(rollout).any(|(_, node)| stand(rollout, node) == Stand::Wrong && !node.settled);
    let lost = meant(rollout).any(|(_, node)| {
        stand(rollout, node) == Stand::Unknown && node.state.as_deref() == Some("applying") && !node.settled
    });
    rollout.state != "running" || wrong || lost || !is(Stand::ToCome)
}

fn exit(rollout: Option<&Rollout>) -> ExitCode {
    ExitCode::from(status(rollout))
}

fn status(rollout: Option<&Rollout>) -> u8 {
    let Some(rollout) = rollout else { return EXIT_UNKNOWN };
    let is = |of: Stand| meant(rollout).any(|(_, node)| stand(rollout, node) == of);
    if is(Stand::Wrong) || rollout.state == "aborted" {
        2
    } else if is(Stand::Unknown) || rollout.nodes.is_empty() {
        EXIT_UNKNOWN
    } else if is(Stand::ToCome) {
        1
    } else {
        0
    }
}

/// What is rolled out, without the nodes.
pub(super) fn head(rollouts: &Rollouts, view: &View) -> String {
    if let Some(why) = &rollouts.problem {
        let text = format!("the rollout is not understood, and moves nobody: {}", clean(why));
        return view.paint(Tone::Bad, &text) + "\n";
    }
    let Some(of) = &rollouts.rollout else {
        return "there was no rollout yet: pathkeeper config apply starts one\n".into();
    };
    let when = of.time.map(|time| format!(", {}", view.dated(time))).unwrap_or_default();
    let tone = if of.state == "running" { Tone::Plain } else { Tone::Warn };
    let mut out = format!(
        "generation {}  {}  by {}{when}\n  {}\n",
        of.generation,
        view.paint(tone, &clean(&of.state)),
        clean(&of.by),
        documents(&of.config, &of.overrides)
    );
    match &of.previous {
        Some(before) => {
            out.push_str(&format!("  before it: {}\n", documents(&before.config, &before.overrides)))
        }
        None => out.push_str("  before it: nothing\n"),
    }
    let of_nodes = [
        ("for this node alone", of.only.iter().collect()),
        ("goes first", of.canary.iter().collect()),
        ("does not hold for failed paths", of.force.iter().collect::<Vec<_>>()),
    ];
    for (what, nodes) in of_nodes.into_iter().filter(|(_, nodes)| !nodes.is_empty()) {
        let names: Vec<String> = nodes.iter().map(|node| clean(node)).collect();
        out.push_str(&format!("  {what}: {}\n", names.join(", ")));
    }
    out
}

fn documents(config: &str, overrides: &str) -> String {
    let overrides = if overrides == NOTHING { "none".to_owned() } else { short(overrides) };
    format!("multipath.cfg {}, overrides {overrides}", short(config))
}

fn render(rollouts: &Rollouts, view: &View) -> String {
    let mut out = head(rollouts, view);
    let Some(rollout) = &rollouts.rollout else { return out };
    let titles = ["NODE", "STATE", "SINCE", "WHY"].map(|title| field(Tone::Strong, title));
    let mut rows: Vec<Vec<Field>> = vec![titles.into()];
    rows.extend(rollout.nodes.iter().map(|(name, node)| row(rollout, name, node, view)));
    if rows.len() > 1 {
        out.push_str(&format!("\n{}", table(view, &rows)));
    }
    out
}

fn row(rollout: &Rollout, name: &str, node: &NodeProgress, view: &View) -> Vec<Field> {
    let offline = if node.online == Some(true) { "" } else { ", offline" };
    let state = match (&node.state, node.generation) {
        (Some(state), Some(of)) if of == rollout.generation => {
            let looked = if node.settled { ", looked at" } else { "" };
            format!("{}{looked}{offline}", clean(state))
        }
        (Some(state), Some(of)) if of > 0 => {
            format!("to come ({} of generation {of}){offline}", clean(state))
        }
        _ => format!("to come{offline}"),
    };
    let is_meant = rollout.only.as_ref().is_none_or(|only| only == name);
    let (tone, state) = match stand(rollout, node) {
        _ if !is_meant => (Tone::Faint, format!("not meant{offline}")),
        Stand::Done => (Tone::Good, state),
        Stand::ToCome => (Tone::Plain, state),
        Stand::Wrong => (Tone::Bad, state),
        Stand::Unknown => (Tone::Doubt, state),
    };
    let since = node.since.map_or_else(|| "-".to_owned(), |at| view.dated(at));
    vec![
        field(Tone::Plain, name),
        field(tone, state),
        field(Tone::Plain, since),
        field(Tone::Plain, node.why.as_deref().or(node.drift.as_deref()).unwrap_or("-")),
    ]
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::cli::fixtures::view;

    /// `pve1:verified pve2-:applying`: `-` is offline, `~` was looked at; of generation 3 unless a number stands before `/`.
    fn rollout(state: &str, nodes: &str) -> Rollout {
        let node = |word: &str| {
            let (name, said) = word.split_once(':').map_or((word, None), |(name, said)| (name, Some(said)));
            let (generation, said) = match said.and_then(|said| said.split_once('/')) {
                Some((of, said)) => (of.parse().ok(), Some(said)),
                None => (said.map(|_| 3), said),
            };
            let node = NodeProgress {
                online: Some(!name.contains('-')),
                generation,
                state: said.map(str::to_owned),
                since: said.map(|_| view().now - 60),
                settled: name.contains('~'),
                why: said.filter(|said| *said == "held").map(|_| "map data01: sdk \u{1b}[2J".into()),
                ..NodeProgress::default()
            };
            (name.trim_end_matches(['-', '~']).to_owned(), node)
        };
        Rollout {
            generation: 3,
            state: state.into(),
            by: "kb@pam".into(),
            time: Some(view().now - 120),
            config: "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33".into(),
            overrides: NOTHING.into(),
            nodes: nodes.split_whitespace().map(node).collect(),
            ..Rollout::default()
        }
    }

    #[test]
    fn the_exit_status_says_how_far_it_is() {
        for (state, nodes, expect, over) in [
            ("running", "a:verified b:current c:not-applicable", 0, true),
            ("running", "a:verified b-:verified", 0, true),
            ("running", "a:verified b", 1, false),
            ("running", "a:verified b:held", 1, false),
            ("running", "a:verified b:2/verified", 1, false),
            ("running", "a:applying b", 1, false),
            ("paused", "a:verified b", 1, true),
            ("running", "a:failed b", 2, true),
            ("running", "a:rolled-back b-", 2, true),
            ("running", "a~:failed b", 2, false),
            ("aborted", "a:verified", 2, true),
            // Absence is no success.
            ("running", "a:verified b-", 3, true),
            ("running", "a:verified b-:applying c", 3, true),
            ("running", "a:verified b-:2/failed", 3, true),
            ("running", "a:verified b- c", 3, false),
            ("running", "", 3, true),
        ] {
            let rollout = rollout(state, nodes);
            assert_eq!((status(Some(&rollout)), is_over(&rollout)), (expect, over), "{state} {nodes}");
        }
        let alone = Rollout { only: Some("b".into()), ..rollout("running", "a b:verified c-") };
        assert_eq!((status(Some(&alone)), is_over(&alone)), (0, true));
        assert_eq!(status(None), 3);
    }

    #[test]
    fn nodes_as_a_table() {
        let check = |rollouts: &Rollouts, expect: Expect| {
            let text = render(rollouts, &view());
            assert!(!text.contains('\u{1b}'), "{text:?}");
            expect.assert_eq(&text);
        };
        let of =
            rollout("running", "pve1:verified pve2:held pve3- pve4:2/verified pve5-:applying pve6~:failed");
        let digests = pathkeeper_api::rollout::Digests { config: "c".repeat(40), overrides: "0".repeat(40) };
        let of = Rollout {
            canary: Some("pve1".into()),
            force: ["pve2".into()].into(),
            previous: Some(digests),
            ..of
        };
        check(
            &Rollouts { rollout: Some(of.clone()), ..Rollouts::default() },
            expect![[r#"
                generation 3  running  by kb@pam, 03:10:07
                  multipath.cfg 0beec7b5ea3f, overrides none
                  before it: multipath.cfg cccccccccccc, overrides 000000000000
                  goes first: pve1
                  does not hold for failed paths: pve2

                NODE  STATE                               SINCE     WHY
                pve1  verified                            03:11:07  -
                pve2  held                                03:11:07  map data01: sdk ?[2J
                pve3  to come, offline                    -         -
                pve4  to come (verified of generation 2)  03:11:07  -
                pve5  applying, offline                   03:11:07  -
                pve6  failed, looked at                   03:11:07  -
            "#]],
        );
        let alone =
            Rollout { only: Some("pve1".into()), state: "aborted".into(), ..rollout("x", "pve1 pve2") };
        check(
            &Rollouts { rollout: Some(alone), ..Rollouts::default() },
            expect![[r#"
                generation 3  aborted  by kb@pam, 03:10:07
                  multipath.cfg 0beec7b5ea3f, overrides none
                  before it: nothing
                  for this node alone: pve1

                NODE  STATE      SINCE  WHY
                pve1  to come    -      -
                pve2  not meant  -      -
            "#]],
        );
        check(
            &Rollouts::default(),
            expect![["there was no rollout yet: pathkeeper config apply starts one\n"]],
        );
        check(
            &Rollouts { problem: Some("it bears no generation".into()), ..Rollouts::default() },
            expect![["the rollout is not understood, and moves nobody: it bears no generation\n"]],
        );
    }
}
