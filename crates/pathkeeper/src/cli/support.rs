//! `pathkeeper support-bundle`: what somebody who is to help needs, in one file, without secrets.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use flate2::Compression;
use flate2::write::GzEncoder;
use pathkeeper_api::client::Client;
use pathkeeper_api::paths;
use serde::Serialize;
use serde_json::Value;

use super::text::{bytes, utc};
use super::{Failure, Globals, out};
use crate::{config, redact};

/// No more of the history is put in.
const EVENTS_MAX: usize = 100_000;
/// Events that are asked for at once.
const PAGE: usize = 2_000;

/// Write a file for whoever is to help: status, findings, history and documents, without secrets
///
/// A tar.gz with what this node's agent knows of the cluster, what changed in the last days, the cluster's documents and this
/// machine's configuration. Passwords, tokens, keys and the paths of URLs are taken out; names of LUNs, nodes and storages,
/// WWIDs and addresses stay. Look through it before you give it away. Nothing is sent anywhere.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper support-bundle
  pathkeeper support-bundle --days 30 --file san-a.tar.gz
  tar -xzOf FILE pathkeeper/fold.jsonl | pathkeeper fold -")]
pub struct SupportArgs {
    /// Where to write it; it must not be there yet. Without it pathkeeper-NODE-TIME.tar.gz in this folder
    #[arg(long = "file", short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,
    /// History of so many days
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(0..=3650))]
    days: u32,
}

/// Runs the command.
pub async fn run(args: SupportArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let (client, view) = (globals.client()?, globals.view());
    let status = client.status("").await?;
    let node = status.view.observer.clone();
    let mut bundle = Bundle::new(view.now);
    let support = client.support().await?;
    bundle.add(
        "fold.jsonl",
        "replays the judgement: pathkeeper fold fold.jsonl",
        format!("{}\n", support.fold),
    );
    bundle.json("status.json", "the status: rows, findings, view", Ok::<_, String>(&status));
    bundle.json("nodes.json", "the nodes, and how far each was believed", client.nodes().await);
    bundle.json("luns.json", "what each node remembers of each LUN, and orders", client.luns().await);
    bundle.json("discover.json", "LUNs that are seen and not watched", client.discover().await);
    bundle.json("maps.json", "maps and paths of the node that was asked, as its multipathd gave them last (its raw reply is not kept)", client.disks("localhost").await);
    bundle.json("mutes.json", "what people muted", client.mutes().await);
    bundle.json("windows.json", "maintenance windows", client.windows().await);
    bundle.json("names.json", "names of ports", client.names().await);
    bundle.json("version.json", "the agent's version", client.version().await);
    let metrics =
        client.get_bytes(paths::METRICS).await.map(|page| String::from_utf8_lossy(&page).into_owned());
    bundle.text("metrics.txt", "the agent's own counters, its events among them", metrics);
    for (name, text) in support.documents {
        let file = format!("documents/{}", name.replace('/', "_"));
        match text {
            Some(text) => bundle.add(&file, "a document of the cluster", redact::text(&text)),
            None => bundle.lacks(&file, "there is none, or it could not be read"),
        }
    }
    history(&client, &mut bundle, view.now - i64::from(args.days) * 86_400).await;
    if globals.server.is_none() {
        let path = Path::new(config::DEFAULT_PATH);
        match std::fs::read_to_string(path) {
            Ok(text) => bundle.add(
                "pathkeeper.toml",
                "this machine's configuration, without secrets",
                redact::text(&text),
            ),
            Err(e) => bundle.lacks("pathkeeper.toml", &format!("{}: {e}", path.display())),
        }
    }
    let file = args.file.unwrap_or_else(|| {
        let time = utc(view.now).replace(':', "");
        let node: String =
            node.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
        PathBuf::from(format!("pathkeeper-{node}-{time}.tar.gz"))
    });
    let size = bundle.write(&file, &node)?;
    out::print(&format!(
        "{}: {}, for you alone to read (mode 0600)\nsecrets are taken out; look through it before you give it away: tar -tzf {}\n",
        file.display(),
        bytes(size),
        file.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// History as JSON lines, the newest last.
async fn history(client: &Client, bundle: &mut Bundle, since: i64) {
    let mut pages = Vec::new();
    let (mut before, mut events) = (String::new(), 0);
    let end = loop {
        match client.history(&format!("since={since}&limit={PAGE}{before}")).await {
            Err(e) => break Some(e.to_string()),
            Ok(page) => {
                events += page.events.len();
                let older = page.older;
                pages.push(page.events);
                match older {
                    None => break None,
                    Some(_) if events >= EVENTS_MAX => {
                        break Some(format!("older ones than {events} are left out"));
                    }
                    Some(older) => before = format!("&before={older}"),
                }
            }
        }
    };
    let mut text = String::new();
    for event in pages.iter().rev().flatten() {
        if let Ok(line) = redacted(event) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    if let Some(why) = end {
        bundle.lacks("history.jsonl", &why);
    }
    bundle.add("history.jsonl", "what changed, one JSON object a line, the newest last", text);
}

/// JSON without secrets.
fn redacted(answer: &impl Serialize) -> serde_json::Result<String> {
    let mut json: Value = serde_json::to_value(answer)?;
    redact::value(&mut json);
    serde_json::to_string(&json)
}

/// Files that are to be written together.
struct Bundle {
    made: i64,
    files: Vec<(String, String)>,
    /// What each is, and what is not there.
    notes: Vec<String>,
}

impl Bundle {
    fn new(made: i64) -> Self {
        Self { made, files: Vec::new(), notes: Vec::new() }
    }

    fn add(&mut self, name: &str, what: &str, text: String) {
        self.notes.push(format!("{name:28} {what}"));
        self.files.push((name.to_owned(), text));
    }

    fn lacks(&mut self, name: &str, why: &str) {
        self.notes.push(format!("{name:28} NOT ALL OF IT IS HERE: {}", redact::line(why)));
    }

    fn json<T: Serialize, E: std::fmt::Display>(&mut self, name: &str, what: &str, answer: Result<T, E>) {
        let text =
            answer.map_err(|e| e.to_string()).and_then(|answer| redacted(&answer).map_err(|e| e.to_string()));
        match text {
            Ok(text) => self.add(name, what, text + "\n"),
            Err(why) => self.lacks(name, &why),
        }
    }

    fn text<E: std::fmt::Display>(&mut self, name: &str, what: &str, answer: Result<String, E>) {
        match answer {
            Ok(text) => self.add(name, what, redact::text(&text)),
            Err(why) => self.lacks(name, &why.to_string()),
        }
    }

    /// Writes the file; it is whole or not there.
    fn write(self, path: &Path, node: &str) -> Result<u64, Failure> {
        let cannot = |e: std::io::Error| Failure::new(format!("{} cannot be written: {e}", path.display()));
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(cannot)?;
        self.pack(file, node).map_err(|e| {
            // Half a bundle helps nobody.
            std::fs::remove_file(path).ok();
            cannot(e)
        })
    }

    fn pack(mut self, file: std::fs::File, node: &str) -> std::io::Result<u64> {
        let readme = format!(
            "Support bundle of Pathkeeper {}, made at {} from what {node} knew.\n\n{}\n\nSecrets (passwords, tokens, keys, credentials and paths \
             of URLs) are taken out: \"{}\" stands in their place.\n",
            env!("CARGO_PKG_VERSION"),
            utc(self.made),
            self.notes.join("\n"),
            redact::TAKEN_OUT
        );
        self.files.insert(0, ("README".into(), readme));
        let mut tar = tar::Builder::new(GzEncoder::new(file, Compression::default()));
        for (name, text) in &self.files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o600);
            header.set_mtime(u64::try_from(self.made).unwrap_or(0));
            tar.append_data(&mut header, format!("pathkeeper/{name}"), text.as_bytes())?;
        }
        let mut file = tar.into_inner()?.finish()?;
        file.flush()?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    }
}
