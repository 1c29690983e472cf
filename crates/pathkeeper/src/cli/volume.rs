//! `pathkeeper volume`: LUNs as volumes of a storage of type `multipath` in Proxmox VE's `storage.cfg`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use pathkeeper_api::volumes::Volume;
use serde::Serialize;

use super::text::{Field, Tone, View, bytes, clean, field, table, tone_of};
use super::{Failure, Globals, Output, out, versioned};

/// The agent answered, and the answer is no.
const EXIT_NO: u8 = 2;

/// LUNs as volumes of a storage of type multipath: which there are, and where one is on this node
///
/// Such a storage is a section `multipath: ID` of Proxmox VE's storage.cfg, with `nodes`, `disable` and `wwids`; without
/// `wwids` it has every LUN that multipath.cfg allows. Proxmox VE itself knows the type by a plug-in alone, which is a package
/// of its own.
#[derive(Args, Debug)]
pub struct VolumeArgs {
    #[command(subcommand)]
    command: VolumeCommand,
}

#[derive(Subcommand, Debug)]
enum VolumeCommand {
    List(ListArgs),
    Path(PathArgs),
}

/// List a storage's volumes as they are on a node, and why some cannot be handed out there
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 listed, whatever the state of the LUNs; 3 no answer, or no such storage on that node.

Examples:
  pathkeeper volume list san
  pathkeeper volume list san --node pve2 -o wide
  pathkeeper volume list san -o json")]
pub struct ListArgs {
    /// The storage's id
    storage: String,
    /// As they are on this node, by what it published; without it, on the node that answers
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
}

/// Print where a volume is on this node, if this node can hand it out
///
/// The path is /dev/disk/by-id/dm-uuid-mpath-WWID, not /dev/mapper/NAME: it is the same on every node, and a new alias does
/// not change it under a guest that runs. Refused, with the reason: a LUN that the storage does not list, that multipath.cfg
/// does not allow, that is retired, that holds an lvm storage's data, of which this node has no map, or of which it can use no
/// path.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 printed; 2 this node cannot hand it out; 3 no answer, or no such storage on this node.

Examples:
  pathkeeper volume path san:3600a098038304479363f4c4870455a71
  pathkeeper volume path san:3600a098038304479363f4c4870455a71 -o json")]
pub struct PathArgs {
    /// STORAGE:WWID
    volid: String,
}

/// Runs the command.
pub async fn run(args: VolumeArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    match args.command {
        VolumeCommand::List(args) => list(&args, globals).await,
        VolumeCommand::Path(args) => path(&args, globals).await,
    }
}

async fn list(args: &ListArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    #[derive(Serialize)]
    struct Listed<'a> {
        storage: &'a str,
        volumes: &'a [Volume],
    }
    let node = args.node.as_deref().unwrap_or("localhost");
    let volumes = globals.client()?.content(node, &args.storage).await?;
    out::print(&match globals.output {
        Output::Json => versioned(&Listed { storage: &args.storage, volumes: &volumes }, true)?,
        form => render(&args.storage, &volumes, form == Output::Wide, &globals.view()),
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn path(args: &PathArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let volid = &args.volid;
    let (storage, name) = volid
        .split_once(':')
        .filter(|(storage, name)| !storage.is_empty() && !name.is_empty())
        .ok_or_else(|| Failure::new(format!("{} is no volume: STORAGE:WWID", clean(volid))))?;
    let volumes = globals.client()?.content("localhost", storage).await?;
    let Some(volume) = volumes.iter().find(|volume| volume.volid == *volid) else {
        return Err(refusal(&not_listed(storage, name, &volumes)));
    };
    if globals.output == Output::Json {
        out::print(&versioned(volume, true)?)?;
    }
    match where_it_is(volume) {
        Ok(path) if globals.output != Output::Json => out::print(&format!("{}\n", clean(path)))?,
        Ok(_) => {}
        Err(why) => return Err(refusal(&format!("{volid}: {why}"))),
    }
    Ok(ExitCode::SUCCESS)
}

fn refusal(why: &str) -> Failure {
    Failure { message: Some(clean(why)), code: EXIT_NO }
}

/// Its path, or why not. An agent that gives neither is not taken at its word.
fn where_it_is(volume: &Volume) -> Result<&str, &str> {
    match (&volume.unusable, &volume.path) {
        (Some(why), _) => Err(why),
        (None, Some(path)) => Ok(path),
        (None, None) => Err("the agent says neither where it is nor why not"),
    }
}

fn not_listed(storage: &str, name: &str, volumes: &[Volume]) -> String {
    let called = |volume: &&Volume| [&volume.alias, &volume.map].into_iter().flatten().any(|n| n == name);
    match volumes.iter().find(called) {
        Some(volume) => format!(
            "a volume is named by its WWID, which does not change as names do: {name} is {}",
            volume.volid
        ),
        None => format!("the storage {storage} has no volume {name}: pathkeeper volume list {storage}"),
    }
}

fn render(storage: &str, volumes: &[Volume], wide: bool, view: &View) -> String {
    if volumes.is_empty() {
        return format!(
            "{} has no volumes: neither its wwids in storage.cfg nor multipath.cfg names a LUN\n",
            clean(storage)
        );
    }
    let mut titles = vec!["VOLUME", "NAME", "STATE", "PATHS", "SIZE", "USED BY"];
    titles.extend(wide.then_some("PATH"));
    let mut rows: Vec<Vec<Field>> = vec![titles.iter().map(|title| field(Tone::Strong, title)).collect()];
    rows.extend(volumes.iter().map(|volume| row(volume, wide, view)));
    let mut out = table(view, &rows);
    for volume in volumes {
        let Some(why) = &volume.unusable else { continue };
        let line = format!("{} cannot be used: {}", label(volume), clean(why));
        out.push_str(&(view.paint(Tone::Warn, &line) + "\n"));
    }
    out
}

/// How people call it.
fn label(volume: &Volume) -> String {
    let name = volume.alias.as_ref().or(volume.map.as_ref().filter(|map| **map != volume.wwid));
    clean(name.unwrap_or(&volume.volid))
}

fn row(volume: &Volume, wide: bool, view: &View) -> Vec<Field> {
    let number = |n: Option<u32>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let paths = match (volume.paths_active, volume.paths_total) {
        (None, None) => "-".to_owned(),
        (active, total) => format!("{}/{}", number(active), number(total)),
    };
    let name = volume.alias.as_ref().or(volume.map.as_ref().filter(|map| **map != volume.wwid));
    let mut row = vec![
        field(Tone::Plain, &volume.volid),
        field(Tone::Plain, name.map_or("-", String::as_str)),
        field(tone_of(&volume.state), format!("{} {}", view.mark(&volume.state), volume.state).trim()),
        field(Tone::Plain, paths),
        field(Tone::Plain, volume.size.map_or_else(|| "-".to_owned(), bytes)),
        field(Tone::Plain, volume.used_by.as_deref().unwrap_or("-")),
    ];
    row.extend(wide.then(|| field(Tone::Plain, volume.path.as_deref().unwrap_or("-"))));
    row
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::cli::fixtures::view;

    fn volume(wwid: &str, state: &str) -> Volume {
        Volume {
            volid: format!("san:{wwid}"),
            content: "images".into(),
            format: "raw".into(),
            size: Some(2 << 40),
            wwid: wwid.into(),
            state: state.into(),
            ..Volume::default()
        }
    }

    fn some() -> Vec<Volume> {
        let here = |volume: Volume, map: &str, active| Volume {
            path: Some(format!("/dev/disk/by-id/dm-uuid-mpath-{}", volume.wwid)),
            map: Some(map.into()),
            paths_active: active,
            paths_total: Some(4),
            ..volume
        };
        vec![
            Volume {
                alias: Some("oracle".into()),
                used_by: Some("VM 101 web".into()),
                ..here(volume("3600a098038304479363f4c4870455a71", "optimal"), "oracle", Some(4))
            },
            Volume {
                unusable: Some("pve1 can use none of its 4 paths".into()),
                ..here(volume("3600a098038304479363f4c4870455a72", "failed"), "mpathb", Some(0))
            },
            Volume {
                size: None,
                unusable: Some("pve1 has no map of it".into()),
                ..volume("3600a098038304479363f4c4870455a73", "missing")
            },
        ]
    }

    #[test]
    fn a_list_says_what_cannot_be_used_and_why() {
        let check = |volumes: &[Volume], wide, expect: Expect| {
            expect.assert_eq(&render("san", volumes, wide, &view()));
        };
        check(
            &some(),
            false,
            expect![[r#"
                VOLUME                                 NAME    STATE      PATHS  SIZE     USED BY
                san:3600a098038304479363f4c4870455a71  oracle  optimal    4/4    2.0 TiB  VM 101 web
                san:3600a098038304479363f4c4870455a72  mpathb  X failed   0/4    2.0 TiB  -
                san:3600a098038304479363f4c4870455a73  -       - missing  -      -        -
                mpathb cannot be used: pve1 can use none of its 4 paths
                san:3600a098038304479363f4c4870455a73 cannot be used: pve1 has no map of it
            "#]],
        );
        check(
            &some()[..1],
            true,
            expect![[r#"
                VOLUME                                 NAME    STATE    PATHS  SIZE     USED BY     PATH
                san:3600a098038304479363f4c4870455a71  oracle  optimal  4/4    2.0 TiB  VM 101 web  /dev/disk/by-id/dm-uuid-mpath-3600a098038304479363f4c4870455a71
            "#]],
        );
        check(
            &[],
            false,
            expect![[r#"
                san has no volumes: neither its wwids in storage.cfg nor multipath.cfg names a LUN
            "#]],
        );
    }

    #[test]
    fn only_what_is_usable_and_somewhere_has_a_path() {
        let all = some();
        let [good, failed, missing] = &all[..] else { panic!() };
        assert_eq!(where_it_is(good), Ok("/dev/disk/by-id/dm-uuid-mpath-3600a098038304479363f4c4870455a71"));
        assert_eq!(where_it_is(failed), Err("pve1 can use none of its 4 paths"));
        assert_eq!(where_it_is(missing), Err("pve1 has no map of it"));
        let silent = Volume { unusable: None, ..missing.clone() };
        assert!(where_it_is(&silent).is_err(), "no reason against it is no path");
    }

    #[test]
    fn a_name_leads_to_the_volume_and_is_none() {
        let said = |name: &str| not_listed("san", name, &some());
        for name in ["oracle", "mpathb"] {
            assert!(said(name).contains("is san:3600a0980383"), "{}", said(name));
        }
        assert_eq!(said("other"), "the storage san has no volume other: pathkeeper volume list san");
    }
}
