//! `pathkeeper names`: words that people gave to ports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use pathkeeper_api::names::{Named, Names, NamesBody};
use serde::Deserialize;

use super::text::{Field, Tone, View, clean, count, field, table};
use super::{Failure, Globals, Output, out, read_small, versioned};

/// Words for ports, and the fabrics and controllers that they belong to, where those are not found out or are wrong
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper names set 50:0a:09:81:86:77:a5:00 --name 'netapp1 ctl1-0e' --fabric A --controller 'netapp1 ctl1'
  pathkeeper names import ports.csv                 lines of PORT,NAME,FABRIC,CONTROLLER; # begins a comment
  pathkeeper names list -o json > names.json        import takes this file, too
  pathkeeper names unset 50:0a:09:81:86:77:a5:00

A port is a WWN (21:00:00:24:ff:4a:11:07, 0x21000024ff4a1107), an IQN, or an iSCSI portal (10.9.0.1:3260).")]
pub struct NamesArgs {
    #[command(subcommand)]
    command: NamesCommand,
}

#[derive(Subcommand, Debug)]
enum NamesCommand {
    /// Show all words for ports
    List,
    /// Say something of a port; what is not given stays as it is
    Set {
        /// The port, of an adapter or of a target
        port: String,
        /// What people call it; '' = nothing
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// Its fabric; '' = found out by itself
        #[arg(long, value_name = "NAME")]
        fabric: Option<String>,
        /// Of a target port, its controller; '' = found out by itself
        #[arg(long, value_name = "NAME")]
        controller: Option<String>,
    },
    /// Say nothing of ports any more
    Unset {
        /// The ports
        #[arg(required = true)]
        ports: Vec<String>,
    },
    /// Take words from a file: CSV of PORT,NAME,FABRIC,CONTROLLER, or what names list -o json prints
    Import {
        /// The file
        file: PathBuf,
    },
}

/// Runs the command.
pub async fn run(args: NamesArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let json = globals.output == Output::Json;
    let body = match args.command {
        NamesCommand::List => {
            let names = client.names().await?;
            out::print(&if json { versioned(&names, true)? } else { render(&names, &globals.view()) })?;
            return Ok(ExitCode::SUCCESS);
        }
        NamesCommand::Set { port, name, fabric, controller } => {
            let named = Named { name, fabric, controller };
            if named == Named::default() {
                return Err(Failure::new("say something of it: --name, --fabric or --controller".into()));
            }
            NamesBody { ports: [(port, named)].into(), ..NamesBody::default() }
        }
        NamesCommand::Unset { ports } => {
            NamesBody { delete: ports.into_iter().collect(), ..NamesBody::default() }
        }
        NamesCommand::Import { file } => {
            let bytes = read_small(&file, "names import")?;
            let text = String::from_utf8_lossy(&bytes);
            let ports = read(&text).map_err(|e| Failure::new(format!("{}: {e}", file.display())))?;
            NamesBody { ports, ..NamesBody::default() }
        }
    };
    let given: BTreeSet<&String> = body.ports.keys().chain(&body.delete).collect();
    let given = given.len() as u64;
    let changed = client.set_names(&body).await?;
    let text = if json {
        versioned(&changed, true)?
    } else {
        let different = changed.changed.len() as u64;
        let rest = if different < given { ", the others were so already" } else { "" };
        format!("{} of {} changed{rest}\n", different, count(given, "port"))
    };
    out::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The file of `names list -o json`, or CSV.
fn read(text: &str) -> Result<BTreeMap<String, Named>, String> {
    #[derive(Deserialize)]
    struct File {
        ports: BTreeMap<String, Named>,
    }
    if text.trim_start().starts_with('{') {
        return serde_json::from_str::<File>(text).map(|file| file.ports).map_err(|e| e.to_string());
    }
    let mut ports = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bad = |why: &str| format!("line {}: {why}", at + 1);
        let mut fields = fields(line).ok_or_else(|| bad("a quote is not closed"))?.into_iter();
        let port = fields.next().unwrap_or_default();
        if port.is_empty() {
            return Err(bad("no port stands at its beginning"));
        }
        let mut next = || fields.next().filter(|field| !field.is_empty());
        let named = Named { name: next(), fabric: next(), controller: next() };
        if named == Named::default() {
            return Err(bad("nothing is said of the port: PORT,NAME,FABRIC,CONTROLLER"));
        }
        if next().is_some() {
            return Err(bad("more than four fields: PORT,NAME,FABRIC,CONTROLLER"));
        }
        if ports.insert(port.clone(), named).is_some() {
            return Err(bad(&format!("{port} was there before")));
        }
    }
    if ports.is_empty() { Err("it names no port".into()) } else { Ok(ports) }
}

/// A line's fields between commas; one in double quotes may hold commas. `None` if a quote is not closed.
fn fields(line: &str) -> Option<Vec<String>> {
    let (mut all, mut field, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => all.push(std::mem::take(&mut field).trim().to_owned()),
            c => field.push(c),
        }
    }
    all.push(field.trim().to_owned());
    (!quoted).then_some(all)
}

fn render(names: &Names, view: &View) -> String {
    let mut out = String::new();
    if names.ports.is_empty() {
        out.push_str("no port has a name: pathkeeper names set PORT --name TEXT\n");
    } else {
        let titles = ["PORT", "NAME", "FABRIC", "CONTROLLER"];
        let mut rows: Vec<Vec<Field>> = vec![titles.map(|title| field(Tone::Strong, title)).into()];
        for (port, named) in &names.ports {
            let word = |word: &Option<String>| field(Tone::Plain, word.as_deref().unwrap_or("-"));
            rows.push(vec![
                field(Tone::Plain, port),
                word(&named.name),
                word(&named.fabric),
                word(&named.controller),
            ]);
        }
        out.push_str(&table(view, &rows));
    }
    for problem in &names.problems {
        out.push_str(&(view.paint(Tone::Doubt, &format!("in pathkeeper/names: {}", clean(problem))) + "\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::cli::fixtures::view;

    #[test]
    fn files_of_names() {
        let check = |text: &str, expect: Result<&[(&str, [&str; 3])], &str>| {
            let found = read(text);
            let flat = found.as_ref().map(|ports| {
                let word = |word: &Option<String>| word.clone().unwrap_or_default();
                let words = |named: &Named| [word(&named.name), word(&named.fabric), word(&named.controller)];
                ports.iter().map(|(port, named)| (port.clone(), words(named))).collect::<Vec<_>>()
            });
            match (flat, expect) {
                (Ok(flat), Ok(expect)) => {
                    let expect: Vec<_> = expect
                        .iter()
                        .map(|(port, words)| ((*port).to_owned(), words.map(str::to_owned)))
                        .collect();
                    assert_eq!(flat, expect, "{text}");
                }
                (Err(why), Err(expect)) => assert!(why.contains(expect), "{text}: {why}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        };
        check(
            "# ports\n\n50:0a, netapp1 ctl1-0e ,A,netapp1 ctl1\niqn.x,\"one, two\"\r\n",
            Ok(&[("50:0a", ["netapp1 ctl1-0e", "A", "netapp1 ctl1"]), ("iqn.x", ["one, two", "", ""])]),
        );
        check("p,,A", Ok(&[("p", ["", "A", ""])]));
        check(r#"{"schema":1,"digest":"d","ports":{"p":{"name":"n"}}}"#, Ok(&[("p", ["n", "", ""])]));
        check("", Err("names no port"));
        check("p", Err("line 1: nothing is said"));
        check("p,a\n,b", Err("line 2: no port"));
        check("p,\"a", Err("line 1: a quote"));
        check("p,a\np,b", Err("line 2: p was there before"));
        check("p,a,b,c,d", Err("more than four"));
        check("{", Err("EOF"));
    }

    #[test]
    fn names_as_a_table() {
        let named =
            Named { name: Some("netapp1 ctl1-0e".into()), fabric: Some("A".into()), controller: None };
        let names = Names {
            ports: [("50:0a:09:81:86:77:a5:00".into(), named)].into(),
            digest: "d".into(),
            problems: vec![],
        };
        expect![[r#"
            PORT                     NAME             FABRIC  CONTROLLER
            50:0a:09:81:86:77:a5:00  netapp1 ctl1-0e  A       -
        "#]]
        .assert_eq(&render(&names, &view()));
    }
}
