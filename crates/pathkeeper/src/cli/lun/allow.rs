//! `pathkeeper lun add`, `remove`, `set`, `alias`: the allow-list of `multipath.cfg`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::client::{Client, encoded};
use pathkeeper_api::config::{KeysBody, LunBody};
use pathkeeper_api::luns::{Lun, Luns};

use super::super::config::write::{CONFIG, as_written, digest, told};
use super::super::text::clean;
use super::super::{Failure, Globals, confirmed};
use super::named::wwid_of;

/// Allow a LUN: it gets a map on the nodes that see it, once the configuration is applied
///
/// Writes its section in multipath.cfg; nothing is applied by it. --adopt is for a LUN that has a map already, which somebody set up by
/// hand: it takes the map's name as alias, so that the map keeps it, and says how to agree to that when it is applied.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper lun add 3600a098038304479363f4c4870455a71 --alias oracle-data
  pathkeeper lun add 3600a098038304479363f4c4870455a71 --alias oracle-data --set no-path-retry=queue --expected-paths 8
  pathkeeper lun add mpathb --adopt")]
pub struct AddArgs {
    /// The WWID; of a LUN that has a map, its alias or map name, too
    #[arg(value_name = "WWID")]
    name: String,
    /// The name that its maps get; without it they bear the WWID
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
    /// It has a map that was set up by hand, which keeps its name
    #[arg(long)]
    adopt: bool,
    /// Exactly these nodes should carry it
    #[arg(long, value_name = "NODE,…")]
    nodes: Option<String>,
    /// Who uses it, where no storage says so
    #[arg(long, value_name = "TEXT")]
    used_by: Option<String>,
    /// So many paths each node should have to it
    #[arg(long, value_name = "N")]
    expected_paths: Option<u32>,
    /// For people
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// A setting of multipath's for this LUN; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

/// Take a LUN off the allow-list; refused while it is in use
///
/// Writes multipath.cfg; nothing is applied by it. Once it is, each node takes the WWID out of wwids if Pathkeeper put it there; no map is
/// flushed by Pathkeeper.
#[derive(Args, Debug)]
pub struct RemoveArgs {
    /// Alias, map name or WWID, or its beginning
    #[arg(value_name = "NAME")]
    name: String,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// Change what multipath.cfg says of one LUN
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper lun set oracle-data no-path-retry=queue expected-paths=8
  pathkeeper lun set oracle-data --unset no-path-retry --unset comment")]
pub struct SetArgs {
    /// Alias, map name or WWID, or its beginning
    #[arg(value_name = "NAME")]
    name: String,
    /// Settings of multipath's, alias, nodes, used-by, expected-paths, comment
    #[arg(value_name = "KEY=VALUE", required_unless_present = "unset")]
    settings: Vec<String>,
    /// Take this away; may be given several times
    #[arg(long, value_name = "KEY")]
    unset: Vec<String>,
}

/// Give a LUN's maps another name, or none: then they bear the WWID
#[derive(Args, Debug)]
pub struct AliasArgs {
    /// Alias, map name or WWID, or its beginning
    #[arg(value_name = "NAME")]
    name: String,
    /// The name
    #[arg(value_name = "ALIAS", required_unless_present = "none")]
    alias: Option<String>,
    /// Take the alias away
    #[arg(long, conflicts_with = "alias")]
    none: bool,
}

/// Allows a LUN.
pub async fn add(args: AddArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let luns = client.luns().await?;
    let known = exactly(&luns, &args.name);
    let wwid = known.map_or_else(|| args.name.clone(), |lun| lun.wwid.clone());
    let mut set = pairs(&args.settings)?;
    let paths = args.expected_paths.map(|n| n.to_string());
    for (key, value) in [
        ("alias", args.alias),
        ("nodes", args.nodes),
        ("used-by", args.used_by),
        ("comment", args.comment),
        ("expected-paths", paths),
    ] {
        set.extend(value.map(|value| (key.to_owned(), value)));
    }
    let map = map_here(&client, &wwid).await?;
    match &map {
        Some(map) if args.adopt && *map != wwid && !set.contains_key("alias") => {
            drop(set.insert("alias".to_owned(), map.clone()));
        }
        None if args.adopt => {
            return Err(Failure::new(format!(
                "{} has no map on the answering node, so there is no name to keep: ask a node that has one (--server), or give --alias \
                 without --adopt",
                clean(&args.name)
            )));
        }
        _ => {}
    }
    let done = client.allow_lun(&LunBody { wwid: wwid.clone(), digest: luns.digest.clone(), set }).await?;
    let exit = told(CONFIG, &done, globals)?;
    if let Some(map) = map {
        let wwid = clean(&wwid);
        eprintln!(
            "It has a map already ({}), which somebody set up by hand: agree to that with pathkeeper config apply --adopt {wwid}",
            clean(&map)
        );
    }
    Ok(exit)
}

/// The name of its map on the answering node, if it has one there. A row does not say it where it is the WWID.
async fn map_here(client: &Client, wwid: &str) -> Result<Option<String>, Failure> {
    let status = client.status(&format!("wwid={}", encoded(wwid))).await?;
    let here = status.view.observer;
    let row = status.luns.into_iter().find(|row| row.wwid == wwid);
    Ok(row
        .filter(|row| row.nodes.get(&here).is_some_and(|cell| cell.paths_total.is_some()))
        .map(|row| row.name.unwrap_or(row.wwid)))
}

/// A LUN of exactly this name: what is the beginning of one may be the whole WWID of another.
fn exactly<'a>(luns: &'a Luns, name: &str) -> Option<&'a Lun> {
    let by = |is: &dyn Fn(&Lun) -> bool| luns.luns.iter().find(|lun| is(lun));
    by(&|lun| lun.wwid == name).or_else(|| {
        by(&|lun| {
            let row = lun.status.as_ref();
            row.is_some_and(|row| row.alias.as_deref() == Some(name) || row.name.as_deref() == Some(name))
        })
    })
}

/// Takes a LUN off the list.
pub async fn remove(args: RemoveArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let wwid = wwid_of(&client, &args.name).await?;
    let digest = digest(&client).await?;
    if !args.yes {
        let question = format!("take {} ({}) off the list?", clean(&args.name), clean(&wwid));
        confirmed(&question, "nothing was changed", "--yes does it without asking")?;
    }
    told(CONFIG, &client.remove_lun(&wwid, &digest).await?, globals)
}

/// Changes a LUN's section.
pub async fn set(args: SetArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let delete = args.unset.iter().map(|key| as_written(key)).collect();
    change(&args.name, pairs(&args.settings)?, delete, globals).await
}

/// Names a LUN.
pub async fn alias(args: AliasArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let key = || "alias".to_owned();
    match args.alias {
        Some(alias) => change(&args.name, [(key(), alias)].into(), BTreeSet::new(), globals).await,
        None => change(&args.name, BTreeMap::new(), [key()].into(), globals).await,
    }
}

async fn change(
    name: &str,
    set: BTreeMap<String, String>,
    delete: BTreeSet<String>,
    globals: &Globals,
) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let wwid = wwid_of(&client, name).await?;
    let body = KeysBody { set, delete, digest: Some(digest(&client).await?) };
    told(CONFIG, &client.set_lun(&wwid, &body).await?, globals)
}

/// `KEY=VALUE`, each key once.
fn pairs(of: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut out = BTreeMap::new();
    for pair in of {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::new(format!("{} is no setting: KEY=VALUE", clean(pair))))?;
        let key = as_written(key);
        if out.insert(key.clone(), value.to_owned()).is_some() {
            return Err(Failure::new(format!("{} is given twice", clean(&key))));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::lun::fixtures::{lun, luns};

    #[test]
    fn settings_are_pairs() {
        let given = |of: &[&str]| pairs(&of.iter().map(|of| (*of).to_owned()).collect::<Vec<_>>());
        let good = given(&["no_path_retry=queue", "prio-args=a=b", "comment="]).unwrap();
        let expect = [("comment", ""), ("no-path-retry", "queue"), ("prio-args", "a=b")];
        assert!(good.iter().map(|(key, value)| (key.as_str(), value.as_str())).eq(expect));
        assert!(given(&["queue"]).unwrap_err().message().contains("KEY=VALUE"));
        assert!(given(&["a-b=1", "a_b=2"]).unwrap_err().message().contains("given twice"));
    }

    #[test]
    fn a_beginning_is_no_name_of_a_lun_that_is_to_be_allowed() {
        let all = luns(vec![lun("3600a010", Some("data"))]);
        assert!(exactly(&all, "3600a01").is_none() && exactly(&all, "dat").is_none());
        assert_eq!(exactly(&all, "data").map(|lun| lun.wwid.as_str()), Some("3600a010"));
    }
}
