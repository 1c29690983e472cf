//! `pathkeeper mute`: findings that people know of, and do not want to be told again for now.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use pathkeeper_api::mutes::{Mute, MuteBody, Mutes};

use super::lun::find::find;
use super::text::{Field, Tone, View, clean, count, field, table};
use super::{Failure, Globals, Output, out, versioned, when};

/// Mute what is known: it stays shown, and does not count in health, alerts and exit status
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper mute add LUN_BELOW_EXPECTED --lun vm-test-02 --until-cleared --reason 'known, ticket 4712'
  pathkeeper mute add HBA_DOWN --node pve2 --object host7 --for 4h --reason 'SFP ordered, ticket 4711'
  pathkeeper mute list
  pathkeeper mute remove 3f2a

A mute ends at its time; with --until-cleared when what stands now has cleared. What is worse than it was is not muted:
a higher severity, or fewer usable paths of the LUN on that node.")]
pub struct MuteArgs {
    #[command(subcommand)]
    command: MuteCommand,
}

#[derive(Subcommand, Debug)]
enum MuteCommand {
    /// Mute findings of a code, as far as they are of this node, LUN and object
    Add(AddArgs),
    /// Show all mutes, those too that have ended within a week
    List,
    /// Take a mute away
    Remove {
        /// Its id, or the beginning of it
        id: String,
    },
}

#[derive(Args, Debug)]
struct AddArgs {
    /// The findings' code, as health shows it: HBA_DOWN
    #[arg(value_name = "CODE")]
    code: String,
    /// On this node alone
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Of this LUN alone: alias, map name or WWID, or its beginning
    #[arg(long, value_name = "NAME")]
    lun: Option<String>,
    /// Of this object alone: an adapter, a port, a fabric, a path's device
    #[arg(long, value_name = "NAME")]
    object: Option<String>,
    #[command(flatten)]
    end: End,
    /// Up to this severity; needed where nothing of the code stands there now
    #[arg(long, value_name = "SEVERITY", value_parser = ["info", "warning", "error"])]
    severity: Option<String>,
    /// Why; others will read it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct End {
    /// For so long: 90m, 4h, 2d
    #[arg(long = "for", value_name = "LENGTH")]
    length: Option<String>,
    /// Until then: 06:00 (the next one), 2026-11-23, "2026-11-23 06:00"
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Until what stands now has cleared
    #[arg(long)]
    until_cleared: bool,
}

/// Runs the command.
pub async fn run(args: MuteArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let (client, view) = (globals.client()?, globals.view());
    let json = globals.output == Output::Json;
    let text = match args.command {
        MuteCommand::List => {
            let mutes = client.mutes().await?;
            if json {
                versioned(&mutes, true)?
            } else {
                render(&mutes, globals.output == Output::Wide, &view)
            }
        }
        MuteCommand::Add(args) => {
            let wwid = match &args.lun {
                Some(name) => Some(find(&client.luns().await?, name)?.wwid.clone()),
                None => None,
            };
            let until = match (&args.end.length, &args.end.until) {
                (Some(length), _) => Some(view.now + when::length(length)?),
                (None, Some(until)) => Some(when::moment(until, &view)?),
                (None, None) => None,
            };
            let body = MuteBody {
                code: args.code.to_ascii_uppercase(),
                node: args.node,
                wwid,
                object: args.object,
                until,
                severity: args.severity,
                reason: args.reason,
            };
            let changed = client.mute(&body).await?;
            if json {
                versioned(&changed, true)?
            } else {
                format!("muted: {}\n", words(&changed.mute, &view))
            }
        }
        MuteCommand::Remove { id } => {
            let all = client.mutes().await?;
            let id = pick(all.mutes.iter().map(|mute| mute.id.as_str()), &id, "mute")?;
            let changed = client.unmute(id).await?;
            if json {
                versioned(&changed, true)?
            } else {
                format!("no longer muted: {}\n", subject(&changed.mute))
            }
        }
    };
    out::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The id that is this text, or the only one that begins so.
pub fn pick<'a>(ids: impl Iterator<Item = &'a str>, text: &str, what: &str) -> Result<&'a str, Failure> {
    let ids: Vec<&str> = ids.collect();
    if let Some(id) = ids.iter().find(|id| **id == text) {
        return Ok(id);
    }
    let found: Vec<&str> = ids.into_iter().filter(|id| !text.is_empty() && id.starts_with(text)).collect();
    match found[..] {
        [id] => Ok(id),
        [] => Err(Failure::new(format!("no {what} has the id {}: pathkeeper {what} list", clean(text)))),
        _ => Err(Failure::new(format!(
            "{} may be {}: give more of the id",
            clean(text),
            count(found.len() as u64, what)
        ))),
    }
}

/// `HBA_DOWN on pve2, host7`
fn subject(mute: &Mute) -> String {
    let mut parts = vec![clean(&mute.code)];
    parts.extend(mute.wwid.as_ref().map(|wwid| format!("of {}", clean(wwid))));
    parts.extend(mute.node.as_ref().map(|node| format!("on {}", clean(node))));
    parts.extend(mute.object.as_ref().map(|object| format!("of {}", clean(object))));
    parts.join(" ")
}

fn end(mute: &Mute, view: &View) -> String {
    mute.until.map_or_else(|| "until it has cleared".into(), |until| when::until(until, view))
}

fn words(mute: &Mute, view: &View) -> String {
    format!(
        "{} {}, up to severity {} (id {})\n  what is worse, or has fewer usable paths, is told all the same",
        subject(mute),
        end(mute, view),
        clean(&mute.severity),
        clean(&mute.id)
    )
}

fn render(mutes: &Mutes, wide: bool, view: &View) -> String {
    let mut out = String::new();
    if mutes.mutes.is_empty() {
        out.push_str("nothing is muted\n");
    } else {
        let titles = ["ID", "MUTED", "END", "NOW", "BY", "REASON"];
        let mut rows: Vec<Vec<Field>> = vec![titles.map(|title| field(Tone::Strong, title)).into()];
        rows.extend(mutes.mutes.iter().map(|mute| row(mute, wide, view)));
        out.push_str(&table(view, &rows));
    }
    for problem in &mutes.problems {
        out.push_str(&(view.paint(Tone::Doubt, &format!("in pathkeeper/mutes: {}", clean(problem))) + "\n"));
    }
    out
}

fn row(mute: &Mute, wide: bool, view: &View) -> Vec<Field> {
    let id = if wide { mute.id.clone() } else { mute.id.chars().take(8).collect() };
    let (tone, now) = match (mute.over, mute.muting) {
        (true, _) => (Tone::Faint, "over".into()),
        (false, 0) => (Tone::Plain, "mutes nothing".into()),
        (false, n) => (Tone::Plain, count(n.into(), "finding")),
    };
    vec![
        field(Tone::Plain, id),
        field(tone, subject(mute)),
        field(tone, end(mute, view)),
        field(tone, now),
        field(Tone::Plain, &mute.by),
        field(Tone::Plain, &mute.reason),
    ]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::cli::fixtures::view;

    fn mute(id: &str, code: &str) -> Mute {
        Mute {
            id: id.into(),
            code: code.into(),
            by: "kb@pam".into(),
            reason: "SFP ordered, ticket 4711".into(),
            severity: "warning".into(),
            time: view().now - 60,
            ..Mute::default()
        }
    }

    #[test]
    fn mutes_as_a_table() {
        let now = view().now;
        let mutes = Mutes {
            mutes: vec![
                Mute {
                    wwid: Some("3600a01".into()),
                    node: Some("pve1".into()),
                    muting: 1,
                    ..mute("00c0ffee00c0ffee", "LUN_BELOW_EXPECTED")
                },
                Mute {
                    node: Some("pve2".into()),
                    object: Some("host7".into()),
                    until: Some(now + 7_200),
                    ..mute("10c0ffee00c0ffee", "HBA_DOWN")
                },
                Mute {
                    until: Some(now - 60),
                    over: true,
                    reason: "\u{1b}[2J".into(),
                    ..mute("20c0ffee00c0ffee", "NODE_OFFLINE")
                },
            ],
            digest: "d".into(),
            problems: vec!["entry 4 does not count: its code \"NEW\" is not known".into()],
        };
        expect![[r#"
            ID        MUTED                                  END                   NOW            BY      REASON
            00c0ffee  LUN_BELOW_EXPECTED of 3600a01 on pve1  until it has cleared  1 finding      kb@pam  SFP ordered, ticket 4711
            10c0ffee  HBA_DOWN on pve2 of host7              until 05:12 (2h)      mutes nothing  kb@pam  SFP ordered, ticket 4711
            20c0ffee  NODE_OFFLINE                           over since 03:11      over           kb@pam  ?[2J
            in pathkeeper/mutes: entry 4 does not count: its code "NEW" is not known
        "#]].assert_eq(&render(&mutes, false, &view()));
        expect![["nothing is muted\n"]].assert_eq(&render(&Mutes::default(), false, &view()));
    }

    #[test]
    fn an_id_is_given_by_its_beginning() {
        let check = |text: &str, expect: &str| {
            let picked = pick(["abc", "abd", "b"].into_iter(), text, "mute");
            let said = picked.map(str::to_owned).unwrap_or_else(|e| e.message().to_owned());
            assert!(said.contains(expect), "{text}: {said}");
        };
        check("abc", "abc");
        check("b", "b");
        check("ab", "may be 2 mutes");
        check("x", "no mute has the id x");
        check("", "no mute has the id");
    }
}
