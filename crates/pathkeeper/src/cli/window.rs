//! `pathkeeper window`: what is expected to be away for a while.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use pathkeeper_api::windows::{Window, WindowBody, Windows};

use super::lun::find::find;
use super::mute::pick;
use super::text::{Field, Tone, View, clean, count, field, span, table};
use super::{Failure, Globals, Output, out, versioned, when};

/// Maintenance windows: what the object of an open one explains stays shown, and does not count
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper window add --node pve2 --for 2h --reason 'kernel update'
  pathkeeper window add --port 50:0a:09:81:86:77:a5:00 --from 22:00 --for 1h --reason 'new SFP in ctl1-0e'
  pathkeeper window list
  pathkeeper window end 3f2a

One more lost path than the window explains, on a LUN that it touches, is an error: WINDOW_EXCEEDED.")]
pub struct WindowArgs {
    #[command(subcommand)]
    command: WindowCommand,
}

#[derive(Subcommand, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one, and it is soon taken apart")]
enum WindowCommand {
    /// Open a window, now or later; a week at most
    Add(AddArgs),
    /// Show all windows, those too that ended within 30 days
    List,
    /// End a window now: what is still away counts again
    End {
        /// Its id, or the beginning of it
        id: String,
    },
    /// Take a window away, as if it had never been
    Remove {
        /// Its id, or the beginning of it
        id: String,
    },
}

#[derive(Args, Debug)]
struct AddArgs {
    #[command(flatten)]
    on: On,
    #[command(flatten)]
    end: End,
    /// From then on, not from now: 22:00 (the next one), "2026-11-23 22:00"
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Why; others will read it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct On {
    /// Work on a node: it may be offline, reboot, and lose its paths
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Work on an array, by the name that status gives it
    #[arg(long, value_name = "NAME")]
    array: Option<String>,
    /// Work on a controller of an array
    #[arg(long, value_name = "NAME")]
    controller: Option<String>,
    /// Work on a target port: WWN, IQN or address:port
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// Work on a whole fabric
    #[arg(long, value_name = "NAME")]
    fabric: Option<String>,
    /// Work on a LUN: alias, map name or WWID, or its beginning
    #[arg(long, value_name = "NAME")]
    lun: Option<String>,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct End {
    /// For so long: 90m, 4h, 2d
    #[arg(long = "for", value_name = "LENGTH")]
    length: Option<String>,
    /// Until then: 06:00 (the next one), "2026-11-23 06:00"
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// Runs the command.
pub async fn run(args: WindowArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let (client, view) = (globals.client()?, globals.view());
    let json = globals.output == Output::Json;
    let wide = globals.output == Output::Wide;
    let changed = match args.command {
        WindowCommand::List => {
            let windows = client.windows().await?;
            let text = if json { versioned(&windows, true)? } else { render(&windows, wide, &view) };
            out::print(&text)?;
            return Ok(ExitCode::SUCCESS);
        }
        WindowCommand::Add(args) => {
            let (on, name) = match args.on {
                On { node: Some(name), .. } => ("node", name),
                On { array: Some(name), .. } => ("array", name),
                On { controller: Some(name), .. } => ("controller", name),
                On { port: Some(name), .. } => ("port", name),
                On { fabric: Some(name), .. } => ("fabric", name),
                On { lun, .. } => {
                    let name = lun.unwrap_or_default();
                    ("lun", find(&client.luns().await?, &name)?.wwid.clone())
                }
            };
            let from = args.from.as_deref().map(|from| when::moment(from, &view)).transpose()?;
            let until = match (&args.end.length, &args.end.until) {
                (Some(length), _) => from.unwrap_or(view.now) + when::length(length)?,
                (None, until) => when::moment(until.as_deref().unwrap_or_default(), &view)?,
            };
            let body = WindowBody { on: on.into(), name, from, until, reason: args.reason };
            client.open_window(&body).await?
        }
        WindowCommand::End { id } => {
            let all = client.windows().await?;
            client
                .end_window(pick(all.windows.iter().map(|window| window.id.as_str()), &id, "window")?)
                .await?
        }
        WindowCommand::Remove { id } => {
            let all = client.windows().await?;
            let id = pick(all.windows.iter().map(|window| window.id.as_str()), &id, "window")?;
            let gone = client.remove_window(id).await?;
            if !json {
                out::print(&format!("taken away: window on {}\n", subject(&gone.window)))?;
                return Ok(ExitCode::SUCCESS);
            }
            gone
        }
    };
    let text = if json {
        versioned(&changed, true)?
    } else {
        let window = &changed.window;
        format!("window on {}: {} (id {})\n", subject(window), state(window, &view), clean(&window.id))
    };
    out::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn subject(window: &Window) -> String {
    format!("{} {}", clean(&window.on), clean(&window.name))
}

/// `open until 14:00 (2h)`, `opens at 22:00 for 1h`, `over since 12:00`.
fn state(window: &Window, view: &View) -> String {
    match window.state.as_str() {
        "coming" => {
            format!("opens at {} for {}", when::shown(window.from, view), span(window.until - window.from))
        }
        "open" => format!("open {}", when::until(window.until, view)),
        _ => when::until(window.until, view),
    }
}

fn render(windows: &Windows, wide: bool, view: &View) -> String {
    let mut out = String::new();
    if windows.windows.is_empty() {
        out.push_str("there is no maintenance window\n");
    } else {
        let titles = ["ID", "ON", "STATE", "EXPLAINS", "BY", "REASON"];
        let mut rows: Vec<Vec<Field>> = vec![titles.map(|title| field(Tone::Strong, title)).into()];
        rows.extend(windows.windows.iter().map(|window| row(window, wide, view)));
        out.push_str(&table(view, &rows));
    }
    for problem in &windows.problems {
        out.push_str(
            &(view.paint(Tone::Doubt, &format!("in pathkeeper/windows: {}", clean(problem))) + "\n"),
        );
    }
    out
}

fn row(window: &Window, wide: bool, view: &View) -> Vec<Field> {
    let id = if wide { window.id.clone() } else { window.id.chars().take(8).collect() };
    let tone = match window.state.as_str() {
        "open" => Tone::Strong,
        "coming" => Tone::Plain,
        _ => Tone::Faint,
    };
    let explains = match (window.state.as_str(), window.muting) {
        ("open", 0) => "nothing".into(),
        ("open", n) => count(n.into(), "finding"),
        _ => "-".into(),
    };
    vec![
        field(Tone::Plain, id),
        field(tone, subject(window)),
        field(tone, state(window, view)),
        field(Tone::Plain, explains),
        field(Tone::Plain, &window.by),
        field(Tone::Plain, &window.reason),
    ]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::cli::fixtures::view;

    #[test]
    fn windows_as_a_table() {
        let now = view().now;
        let window = |id: &str, on: &str, name: &str, from: i64, until: i64, state: &str| Window {
            id: id.into(),
            on: on.into(),
            name: name.into(),
            from: now + from,
            until: now + until,
            by: "kb@pam".into(),
            reason: "kernel update".into(),
            time: now,
            state: state.into(),
            muting: 2,
        };
        let windows = Windows {
            windows: vec![
                window("00c0ffee00c0ffee", "node", "pve2", -60, 7_200, "open"),
                Window { muting: 0, ..window("10c0ffee00c0ffee", "fabric", "A", -60, 300, "open") },
                window("20c0ffee00c0ffee", "port", "50:0a:09:81:86:77:a5:00", 3_600, 7_200, "coming"),
                window("30c0ffee00c0ffee", "lun", "3600a01", -7_200, -3_600, "over"),
            ],
            digest: "d".into(),
            problems: vec![],
        };
        expect![[r#"
            ID        ON                            STATE                  EXPLAINS    BY      REASON
            00c0ffee  node pve2                     open until 05:12 (2h)  2 findings  kb@pam  kernel update
            10c0ffee  fabric A                      open until 03:17 (5m)  nothing     kb@pam  kernel update
            20c0ffee  port 50:0a:09:81:86:77:a5:00  opens at 04:12 for 1h  -           kb@pam  kernel update
            30c0ffee  lun 3600a01                   over since 02:12       -           kb@pam  kernel update
        "#]]
        .assert_eq(&render(&windows, false, &view()));
        expect![["there is no maintenance window\n"]].assert_eq(&render(&Windows::default(), false, &view()));
    }
}
