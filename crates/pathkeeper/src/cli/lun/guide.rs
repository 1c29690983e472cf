//! `pathkeeper lun new|resize|retire --guide`: commands for each node in the safe order, and how far each is.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use pathkeeper_api::guide::{Guide, Step};

use super::find::find;
use crate::cli::text::{Tone, View, clean, fit};
use crate::cli::{EXIT_UNKNOWN, Failure, Globals, Output, out, versioned};

/// With `--watch`, between two looks at how far it is.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Guide a new LUN into service: which commands on which node, in which order, and how far each is
///
/// Every node sees the LUN over all ports, then every node has a map of it, then one node writes on it. Pathkeeper runs
/// none of the commands; it looks whether they were.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 every step was seen done, 1 there are steps to do, 3 a node is not heard, or no answer.

Example:
  pathkeeper lun discover
  pathkeeper lun new 3600a098038304479363f4c4870455b01 --watch")]
pub struct NewArgs {
    /// The LUN's whole WWID, as lun discover prints it
    #[arg(value_name = "WWID")]
    lun: String,
    #[command(flatten)]
    how: How,
}

/// Guide the use of a LUN that the array made larger, path by path, map by map, then what lies on it
///
/// Pathkeeper runs none of the commands; it looks whether they were.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 every step was seen done, 1 there are steps to do, 3 a node is not heard, or no answer.

Example:
  pathkeeper lun resize oracle-redo")]
pub struct ResizeArgs {
    /// Alias, map name here, or WWID
    #[arg(value_name = "LUN")]
    lun: String,
    #[command(flatten)]
    how: How,
}

#[derive(Args, Debug)]
struct How {
    /// Stay, and print the steps again whenever one is further; Ctrl-C ends it
    #[arg(long)]
    watch: bool,
}

/// `lun new`.
pub async fn new(args: NewArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let known = globals.client()?.luns().await?;
    let wwid = find(&known, &args.lun).map_or_else(|_| args.lun.clone(), |lun| lun.wwid.clone());
    run("new", &wwid, args.how.watch, globals).await
}

/// `lun resize`.
pub async fn resize(args: ResizeArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let known = globals.client()?.luns().await?;
    let wwid = find(&known, &args.lun)?.wwid.clone();
    run("resize", &wwid, args.how.watch, globals).await
}

/// Prints the guide, once or as long as it changes.
pub async fn run(aim: &str, wwid: &str, watch: bool, globals: &Globals) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let mut shown = None;
    loop {
        let guide = client.guide(aim, wwid).await?;
        if shown.as_ref() != Some(&guide) {
            if globals.output == Output::Json {
                out::print(&versioned(&guide, !watch)?)?;
            } else {
                let between = if shown.is_some() { "\n" } else { "" };
                out::print(&format!("{between}{}", render(&guide, &globals.view())))?;
            }
        }
        if !watch || guide.done {
            return Ok(ExitCode::from(exit(&guide)));
        }
        shown = Some(guide);
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn exit(guide: &Guide) -> u8 {
    let any = |word: &str| guide.stages.iter().flat_map(|s| &s.steps).any(|step| step.standing == word);
    match (guide.done, any("next")) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => EXIT_UNKNOWN,
    }
}

/// Stages with their steps; commands stand alone on their lines, whole, ready to be copied.
pub fn render(guide: &Guide, view: &View) -> String {
    let mut page = Page { text: String::new(), view };
    let aim = match guide.aim.as_str() {
        "new" => "into service",
        "resize" => "larger",
        _ => "out of service",
    };
    let name = clean(&guide.name);
    let of = if name == guide.wwid { String::new() } else { format!(" ({})", clean(&guide.wwid)) };
    page.line(Tone::Strong, 0, &format!("{name}{of}: {aim}   Pathkeeper runs none of these commands"));
    for caution in &guide.cautions {
        page.line(Tone::Warn, 0, &format!("! {}", clean(caution)));
    }
    for (stage, number) in guide.stages.iter().zip(1..) {
        let is_done = stage.steps.iter().all(|step| step.standing == "done");
        let word = if is_done { "   done" } else { "" };
        page.line(Tone::Strong, 0, &format!("{number}. {}{word}", clean(&stage.title)));
        stage.steps.iter().for_each(|step| page.step(step));
    }
    page.text
}

struct Page<'a> {
    text: String,
    view: &'a View,
}

impl Page<'_> {
    fn line(&mut self, tone: Tone, indent: usize, text: &str) {
        for line in fit(text, self.view.width.saturating_sub(indent).max(24)) {
            self.text.push_str(&format!("{:indent$}{}\n", "", self.view.paint(tone, &line)));
        }
    }

    fn step(&mut self, step: &Step) {
        let (tone, mark) = match step.standing.as_str() {
            "done" => (Tone::Good, "done   "),
            "next" => (Tone::Warn, "NEXT   "),
            "later" => (Tone::Faint, "later  "),
            _ => (Tone::Doubt, "?      "),
        };
        let node = step.node.as_deref().map_or_else(String::new, |node| format!("{}: ", clean(node)));
        self.line(tone, 3, &format!("{mark}{node}{}", clean(&step.seen)));
        if step.standing != "done" {
            self.line(Tone::Plain, 10, &clean(&step.what));
            // Never wrapped: half a command is another one.
            step.commands
                .iter()
                .for_each(|command| self.text.push_str(&format!("{:12}{}\n", "", clean(command))));
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use pathkeeper_api::guide::Stage;

    fn step(node: Option<&str>, standing: &str, seen: &str, commands: &[&str]) -> Step {
        Step {
            node: node.map(str::to_owned),
            what: "do it".into(),
            commands: commands.iter().map(|c| (*c).to_owned()).collect(),
            seen: seen.into(),
            standing: standing.into(),
        }
    }

    #[test]
    fn what_is_next_comes_with_its_commands() {
        let long = "for d in sda sdb sdc sdd sde sdf sdg sdh; do echo 1 > /sys/block/$d/device/delete; done";
        let guide = Guide {
            aim: "retire".into(),
            wwid: "3600a1".into(),
            name: "backup-01".into(),
            done: false,
            cautions: vec!["pve3 is not heard".into()],
            stages: vec![
                Stage {
                    title: "nobody uses it".into(),
                    steps: vec![step(None, "done", "no storage names it", &["x"])],
                },
                Stage {
                    title: "no node has it".into(),
                    steps: vec![
                        step(
                            Some("pve1"),
                            "next",
                            "map backup-01 with 4 devices is there",
                            &["multipath -f backup-01", long],
                        ),
                        step(Some("pve3"), "unknown", "what it published is not of now", &[]),
                    ],
                },
                Stage {
                    title: "the array takes it away".into(),
                    steps: vec![step(None, "later", "a node sees it", &[])],
                },
            ],
        };
        expect![[r#"
            backup-01 (3600a1): out of service   Pathkeeper runs none of these commands
            ! pve3 is not heard
            1. nobody uses it   done
               done   no storage names it
            2. no node has it
               NEXT   pve1: map backup-01 with 4 devices is there
                      do it
                        multipath -f backup-01
                        for d in sda sdb sdc sdd sde sdf sdg sdh; do echo 1 > /sys/block/$d/device/delete; done
               ?      pve3: what it published is not of now
                      do it
            3. the array takes it away
               later  a node sees it
                      do it
        "#]].assert_eq(&render(&guide, &crate::cli::fixtures::view()));
        assert_eq!(exit(&guide), 1);
    }
}
