//! `pathkeeper can`: whether something can be done without that anybody loses a disk.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use pathkeeper_api::can::Can;

use super::text::{Tone, View, clean, count, fit, width};
use super::{Failure, Globals, Output, out, versioned};

/// The column at which words begin.
const INDENT: usize = 9;

/// May I reboot this node, take this adapter, port, controller or fabric down, take this LUN away?
///
/// Asks who would lose the last path, what is down already, which guests it hits and where they find their LUNs, whether
/// shutdown would hang, the quorum stays and the node comes back. What is not known is never a yes. Nothing is done.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 yes, 1 yes with cautions, 2 no, 3 cannot tell.

Examples:
  pathkeeper can reboot pve1
  pathkeeper can offline hba pve2/host7
  pathkeeper can offline fabric A
  pathkeeper can remove lun backup-01")]
pub struct CanArgs {
    #[command(subcommand)]
    deed: Deed,
}

#[derive(Subcommand, Debug)]
enum Deed {
    /// Reboot a node
    Reboot {
        /// The node
        node: String,
    },
    /// Take down what paths run over
    Offline {
        #[command(subcommand)]
        what: What,
    },
    /// Take away for good
    Remove {
        #[command(subcommand)]
        what: Whole,
    },
}

#[derive(Subcommand, Debug)]
enum What {
    /// An adapter of a node
    Hba {
        /// NODE/HBA, as status and explain print it
        hba: String,
    },
    /// A target port
    Port {
        /// WWN, address:port, or its name
        port: String,
    },
    /// A controller of an array
    Controller {
        /// Its name
        controller: String,
    },
    /// A fabric
    Fabric {
        /// Its name
        fabric: String,
    },
}

#[derive(Subcommand, Debug)]
enum Whole {
    /// A LUN
    Lun {
        /// Alias, map name, WWID or its end
        lun: String,
    },
}

/// Asks.
pub async fn run(args: CanArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let (deed, name) = match args.deed {
        Deed::Reboot { node } => ("reboot", node),
        Deed::Offline { what: What::Hba { hba } } => ("offline-hba", hba),
        Deed::Offline { what: What::Port { port } } => ("offline-port", port),
        Deed::Offline { what: What::Controller { controller } } => ("offline-controller", controller),
        Deed::Offline { what: What::Fabric { fabric } } => ("offline-fabric", fabric),
        Deed::Remove { what: Whole::Lun { lun } } => ("remove-lun", lun),
    };
    let can = globals.client()?.can(deed, &name).await?;
    let text =
        if globals.output == Output::Json { versioned(&can, true)? } else { render(&can, &globals.view()) };
    out::print(&text)?;
    // A word that this version does not know is no yes.
    Ok(ExitCode::from(if can.exit <= 3 { can.exit } else { super::EXIT_UNKNOWN }))
}

fn render(can: &Can, view: &View) -> String {
    let of = |kind: &str| can.lines.iter().filter(|line| line.kind == kind).count();
    let (tone, word) = match can.verdict.as_str() {
        "yes" => (Tone::Good, "YES".to_owned()),
        "yes-but" => (Tone::Warn, format!("YES, BUT   {}", count(of("caution") as u64, "caution"))),
        "no" => (Tone::Bad, "NO".to_owned()),
        _ => (Tone::Doubt, "CANNOT TELL".to_owned()),
    };
    let age =
        can.age_ms.map_or_else(String::new, |ms| format!("facts at most {} s old, ", ms.div_ceil(1_000)));
    let facts = format!("{age}{} of {}", can.nodes_telling, count(can.nodes_known.into(), "node"));
    let room = view.width.saturating_sub(width(&word) + width(&facts)).max(3);
    let mut out = format!("{}{}{facts}\n", view.paint(tone, &word), " ".repeat(room));
    for line in &can.lines {
        let tone = match line.kind.as_str() {
            "stop" => Tone::Bad,
            "unknown" => Tone::Doubt,
            "caution" => Tone::Warn,
            "ok" => Tone::Good,
            _ => Tone::Strong,
        };
        let room = view.width.saturating_sub(INDENT).max(24);
        for (at, text) in fit(&clean(&line.text), room).iter().enumerate() {
            let head = if at == 0 { format!(" {:8}", clean(&line.kind)) } else { " ".repeat(INDENT) };
            out.push_str(&format!("{}{text}\n", view.paint(tone, &head)));
        }
    }
    out.push_str(&format!("exit {}   (0 yes, 1 yes with cautions, 2 no, 3 cannot tell)\n", can.exit));
    out
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use pathkeeper_api::can::CanLine;

    use super::*;
    use crate::cli::fixtures::view;

    #[test]
    fn an_answer_reads_from_its_verdict_down() {
        let line = |kind: &str, text: &str| CanLine { kind: kind.into(), text: text.into() };
        let can = Can {
            deed: "reboot".into(),
            name: "pve1".into(),
            verdict: "yes-but".into(),
            exit: 1,
            lines: vec![
                line("ok", "shuts down: no LUN queues or hangs on pve1"),
                line(
                    "caution",
                    "comes back: initrd.img (made 3 Oct) is older than /etc/multipath.conf (changed 9 Nov)",
                ),
                line("first", "\u{1b}[31mred"),
            ],
            age_ms: Some(3_001),
            nodes_telling: 3,
            nodes_known: 4,
        };
        let view = View { width: 78, ..view() };
        expect![[r#"
            YES, BUT   1 caution                       facts at most 4 s old, 3 of 4 nodes
             ok      shuts down: no LUN queues or hangs on pve1
             caution comes back: initrd.img (made 3 Oct) is older than /etc/multipath.conf
                     (changed 9 Nov)
             first   ?[31mred
            exit 1   (0 yes, 1 yes with cautions, 2 no, 3 cannot tell)
        "#]]
        .assert_eq(&render(&can, &view));
        let no = Can { verdict: "no".into(), exit: 2, lines: vec![], age_ms: None, ..can.clone() };
        expect![[r#"
            NO                                                                3 of 4 nodes
            exit 2   (0 yes, 1 yes with cautions, 2 no, 3 cannot tell)
        "#]]
        .assert_eq(&render(&no, &view));
        let other = Can { verdict: "perhaps".into(), ..no };
        expect![[r#"
            CANNOT TELL                                                       3 of 4 nodes
            exit 2   (0 yes, 1 yes with cautions, 2 no, 3 cannot tell)
        "#]]
        .assert_eq(&render(&other, &view));
    }
}
