//! `pathkeeper doctor`: the first command of the manual. Looks at this machine and at its agent, and says what is as it
//! should be, what is worth knowing, and what will hurt. It writes nothing and starts nothing.

mod files;
mod judge;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use clap::Args;
use pathkeeper_api::alerts::Sink;
use pathkeeper_api::nodes::NodeRow;
use pathkeeper_api::status::ClusterStatus;
use pathkeeper_io::local::{Depth, LocalReader};
use pathkeeper_model::local::NodeRead;
use serde::Serialize;

use super::text::{Tone, View, clean, width, wrap};
use super::{Failure, Globals, Output, out, versioned};
use crate::app::mode::Mode;
use crate::app::{service, stores};
use crate::config::{Config, ConfigError};
use files::Files;

/// A read of the node has its own bounds; a file of the kernel's that hangs has none.
const READ_S: u64 = 10;
/// An agent that works answers within milliseconds.
const AGENT_S: u64 = 3;

/// Look at this machine: the first command to run
///
/// Works with and without a running agent. Each line is ok, note (worth knowing) or WARN (will hurt). Nothing is
/// written, and multipathd is asked only if it runs.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 nothing will hurt, 1 at least one WARN.

Examples:
  pathkeeper doctor
  pathkeeper doctor -o json")]
pub struct DoctorArgs {
    /// The agent's configuration file, if it is not /etc/pathkeeper/pathkeeper.toml
    #[arg(long, value_name = "FILE", env = "PATHKEEPER_CONFIG")]
    config: Option<PathBuf>,
}

/// How a line is meant.
#[derive(Serialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// Will hurt.
    Warn,
}

/// One line.
#[derive(Serialize, Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How it is meant.
    pub level: Level,
    /// About what, one word.
    pub topic: &'static str,
    /// What was found, and what to do.
    pub text: String,
}

/// What the agent said, if there is one.
#[derive(Debug)]
pub enum AgentSeen {
    /// It answers.
    Answers {
        /// Its version.
        version: String,
        /// The round trip, milliseconds.
        took_ms: u128,
        /// The cluster's status, or why there is none.
        status: Result<Box<ClusterStatus>, String>,
        /// The nodes; empty where they could not be had.
        nodes: Vec<NodeRow>,
    },
    /// It does not, and why.
    Silent(String),
}

/// A certificate, as far as its time goes.
#[derive(Debug)]
pub struct CertificateSeen {
    /// Where it is, and until when it counts.
    pub words: String,
    /// What is to be done about its time.
    pub concern: Option<String>,
    /// The file that clients need.
    pub authority: Option<PathBuf>,
}

/// All that was looked at.
#[derive(Debug)]
pub struct Seen {
    /// The agent's settings.
    pub config: Result<Config, ConfigError>,
    /// The agent.
    pub agent: AgentSeen,
    /// What the agent says of its sinks, if it answers.
    pub sinks: Vec<Sink>,
    /// The local node; the error is words.
    pub read: Result<NodeRead, String>,
    /// The certificate of the agent's API, or why it cannot be used; `None` where it speaks no TLS.
    pub certificate: Option<Result<CertificateSeen, String>>,
    /// Files of multipath's and LVM's.
    pub files: Files,
    /// Whether this node is managed, by its mark.
    pub mode: Mode,
    /// This machine's name, where no configuration gives one.
    pub host: String,
}

/// Looks, judges, prints.
pub async fn run(args: DoctorArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let config = Config::load(args.config.as_deref(), std::env::vars());
    let reader = config.as_ref().map_or_else(|_| Default::default(), service::reader_config);
    let files = Files::read(&reader.roots.etc, &reader.roots.run);
    let mode = Mode::of_node(&reader.roots, config.as_ref().is_ok_and(stores::is_pmxcfs));
    let (sender, receiver) = mpsc::channel();
    // A thread that can be left behind: a hanging kernel file must not keep us.
    std::thread::spawn(move || sender.send(LocalReader::new(reader).read(Depth::Full)).ok());
    let certificate = look_at_certificate(&config);
    let agent = ask_agent(globals).await;
    let sinks = ask_sinks(globals, &config, &agent).await;
    let read = receiver
        .recv_timeout(Duration::from_secs(READ_S))
        .map_err(|_| format!("reading the local node did not end within {READ_S} s"));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let seen = Seen { config, agent, sinks, read, certificate, files, mode, host };
    let lines = judge::lines(&seen);
    let worst = lines.iter().map(|line| line.level).max().unwrap_or(Level::Ok);
    let node = seen.config.as_ref().map_or(seen.host.as_str(), |config| config.node.as_str());
    if globals.output == Output::Json {
        #[derive(Serialize)]
        struct Answer<'a> {
            node: &'a str,
            version: &'a str,
            mode: &'a str,
            lines: Vec<Line>,
        }
        let answer = Answer { node, version: env!("CARGO_PKG_VERSION"), mode: seen.mode.as_str(), lines };
        out::print(&versioned(&answer, true)?)?;
    } else {
        out::print(&render(node, &seen.mode, &lines, &globals.view()))?;
    }
    Ok(ExitCode::from(u8::from(worst == Level::Warn)))
}

/// On a thread that can be left behind as well: `/etc/pve` can hang.
fn look_at_certificate(config: &Result<Config, ConfigError>) -> Option<Result<CertificateSeen, String>> {
    let source = config.as_ref().ok()?.certificate_source()?;
    let authority = source.authority();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(source.look()).ok());
    let wait = Duration::from_secs(AGENT_S);
    let pair =
        receiver.recv_timeout(wait).unwrap_or_else(|_| Err(format!("it was not read within {AGENT_S} s")));
    let now_s = jiff::Timestamp::now().as_second();
    Some(pair.map(|pair| CertificateSeen {
        words: format!("{} counts until {}", pair.from, crate::tls::date(pair.not_after_s)),
        concern: pair.concern(now_s),
        authority: authority.filter(|file| file.exists()),
    }))
}

/// How its sinks stand, where some are set up.
async fn ask_sinks(globals: &Globals, config: &Result<Config, ConfigError>, agent: &AgentSeen) -> Vec<Sink> {
    let set_up = config.as_ref().is_ok_and(|config| !config.alerts.sinks.is_empty());
    if !set_up || !matches!(agent, AgentSeen::Answers { .. }) {
        return Vec::new();
    }
    let quick = Globals { timeout: globals.timeout.min(AGENT_S), ..globals.clone() };
    match quick.client() {
        Ok(client) => client.alerts().await.map(|alerts| alerts.sinks).unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

async fn ask_agent(globals: &Globals) -> AgentSeen {
    let quick = Globals { timeout: globals.timeout.min(AGENT_S), ..globals.clone() };
    let client = match quick.client() {
        Ok(client) => client,
        Err(failure) => return AgentSeen::Silent(failure.message().to_owned()),
    };
    let asked = std::time::Instant::now();
    match client.version().await {
        Err(e) => AgentSeen::Silent(Failure::from(e).message().to_owned()),
        Ok(version) => AgentSeen::Answers {
            version: version.version,
            took_ms: asked.elapsed().as_millis(),
            status: client.status("").await.map(Box::new).map_err(|e| e.to_string()),
            nodes: client.nodes().await.unwrap_or_default(),
        },
    }
}

/// The first line says what this program does to the machine; then one line for each thing that was looked at.
pub fn render(node: &str, mode: &Mode, lines: &[Line], view: &View) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let does = if mode.manages {
        "MANAGE, multipath's configuration is written here as rollouts say"
    } else {
        "OBSERVE, nothing was or will be written to /etc"
    };
    let head = format!("pathkeeper {version} on {}: {does}", clean(node));
    let mut out = view.paint(Tone::Strong, &head) + "\n";
    let topics = lines.iter().map(|line| width(line.topic)).max().unwrap_or(0);
    for line in lines {
        let (word, tone) = match line.level {
            Level::Ok => ("ok", Tone::Good),
            Level::Note => ("note", Tone::Plain),
            Level::Warn => ("WARN", Tone::Warn),
        };
        let lead = 6 + topics + 1;
        let mut first = true;
        for part in line.text.lines().flat_map(|l| wrap(&clean(l), view.width.saturating_sub(lead).max(30))) {
            if std::mem::take(&mut first) {
                let pad = " ".repeat(6 - word.len());
                out.push_str(&format!("{}{pad}{:topics$} {part}\n", view.paint(tone, word), line.topic));
            } else {
                out.push_str(&format!("{}{part}\n", " ".repeat(lead)));
            }
        }
    }
    out
}
