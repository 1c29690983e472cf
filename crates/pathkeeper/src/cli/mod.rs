//! The command line: arguments, dispatch, exit status. Everything is asked through the API, except what a command
//! is there to look at by itself (agent, fold, demo, doctor).

mod alerts;
mod can;
mod check;
mod config;
mod doctor;
mod explain;
pub(crate) mod feed;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod fold;
mod generate;
mod health;
mod history;
mod lun;
mod manage;
mod maps;
mod metrics;
mod mute;
mod names;
mod nodes;
pub(crate) mod out;
mod overrides;
mod paths;
pub(crate) mod status;
mod support;
pub(crate) mod text;
mod token;
mod volume;
mod watch;
mod when;
mod window;

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use pathkeeper_api::client::{Address, Client, Distrust, Error, Token, Trust};
use serde::Serialize;

/// Exit status when nothing is known: no answer, a mistake in the arguments. 0, 1 and 2 would be verdicts.
const EXIT_UNKNOWN: u8 = 3;
/// The version of the objects that `-o json` prints; it grows when a key changes its meaning or goes.
const SCHEMA: u32 = 1;

/// Tells, for a whole cluster, whether every LUN behind dm-multipath is healthy on every node that should carry it.
///
/// One agent runs on each node (pathkeeper agent). Every other command asks an agent, by default the one on this
/// machine through its Unix socket. Maps, paths and files of multipath's are changed on nodes that
/// were told to be managed alone, by a rollout of the cluster's configuration (pathkeeper manage, pathkeeper config).
#[derive(Parser, Debug)]
#[command(
    name = "pathkeeper",
    version,
    after_help = "\
First look:        pathkeeper doctor
Whole cluster:     pathkeeper status            (live: status --watch, as a log: watch)
This node's maps:  pathkeeper maps [NAME]       (one line per path: paths)
Without a SAN:     pathkeeper demo

Exit status of status, nodes and check: 0 all clean, 1 degraded, 2 missing or failed, 3 unknown."
)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(clap::Args, Debug, Clone)]
#[command(next_help_heading = "Common options")]
pub struct Globals {
    /// Ask the agent at this URL (https://pve1:8480) instead of the local socket; wins over --socket
    #[arg(long, global = true, value_name = "URL", env = "PATHKEEPER_SERVER")]
    server: Option<String>,
    /// With https://: the authority of the server's certificate, PEM (a node's own: /var/lib/pathkeeper/tls/ca.pem
    /// there); without it, those that this machine trusts
    #[arg(long, global = true, value_name = "FILE", env = "PATHKEEPER_CA")]
    ca: Option<PathBuf>,
    /// File whose first line is an API token, USER@REALM!NAME=SECRET; or set PATHKEEPER_TOKEN to the token. It is for
    /// --server alone: the socket asks who you are
    #[arg(long, global = true, value_name = "FILE", env = "PATHKEEPER_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// The local agent's socket
    #[arg(long, global = true, value_name = "PATH", env = "PATHKEEPER_SOCKET",
        default_value = crate::config::DEFAULT_SOCKET)]
    socket: PathBuf,
    /// How answers are printed; json has a schema version and times in UTC
    #[arg(long, short, global = true, value_enum, default_value_t = Output::Table, value_name = "FORM")]
    output: Output,
    /// Colour, which never says what words do not; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, default_value_t = When::Auto, value_name = "WHEN")]
    color: When,
    /// Seconds to wait for an answer
    #[arg(long, global = true, default_value_t = 10, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
}

/// How answers are printed.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For people with room: full WWIDs, sizes, transports.
    Wide,
}

/// Whether colour is used.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run this node's agent: observe multipathd, tell the cluster, answer the other commands
    ///
    /// systemd runs it (systemctl status pathkeeper). It needs no configuration. It writes nothing outside its state
    /// and run directories, asks multipathd only for what it shows, and starts nothing.
    Agent(crate::app::service::AgentArgs),
    Status(status::StatusArgs),
    Health(health::HealthArgs),
    Explain(explain::ExplainArgs),
    Can(can::CanArgs),
    History(history::HistoryArgs),
    Maps(maps::MapsArgs),
    Paths(paths::PathsArgs),
    Watch(watch::WatchArgs),
    Nodes(nodes::NodesArgs),
    Lun(lun::LunArgs),
    Volume(volume::VolumeArgs),
    Mute(mute::MuteArgs),
    Window(window::WindowArgs),
    Names(names::NamesArgs),
    Config(config::ConfigArgs),
    Manage(manage::ManageArgs),
    Overrides(overrides::OverridesArgs),
    Alerts(alerts::AlertsArgs),
    Check(check::CheckArgs),
    Metrics(metrics::MetricsArgs),
    Doctor(doctor::DoctorArgs),
    SupportBundle(support::SupportArgs),
    Token(token::TokenArgs),
    Demo(crate::demo::DemoArgs),
    #[command(hide = true)]
    SimMultipathd(crate::demo::alone::SimArgs),
    Fold(fold::FoldArgs),
    Completions(generate::CompletionsArgs),
    Man(generate::ManArgs),
    #[command(hide = true)]
    Openapi(generate::OpenapiArgs),
}

/// Why a command ends without having done its work.
#[derive(Debug)]
pub struct Failure {
    /// What failed, on what, why, what to do next; `None` when there is nobody left to tell.
    message: Option<String>,
    code: u8,
}

impl Failure {
    /// A failure in words.
    pub fn new(message: String) -> Self {
        Self { message: Some(message), code: EXIT_UNKNOWN }
    }

    /// The reader of our output went away: it has what it wanted.
    pub fn gone() -> Self {
        Self { message: None, code: 0 }
    }

    /// The words, if there are any.
    pub fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }
}

/// Why there is no answer. The system's words are for people, its number is not.
fn words(e: &Error) -> String {
    let said = e.to_string();
    said.split_once(" (os error ").map_or(said.as_str(), |(words, _)| words).to_owned()
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        let unix = matches!(&e, Error::Unreachable { address, .. } if address.starts_with('/'));
        let next = match &e {
            Error::Unreachable { why, .. } if unix && why.contains("ermission denied") => {
                "\n  the socket is for root and the group pathkeeper: sudo, or usermod -aG pathkeeper USER"
            }
            Error::Unreachable { why, .. } if unix && why.contains("not trusted") => {
                "\n  look who made it (ls -la); systemctl restart pathkeeper makes the agent's own anew"
            }
            Error::Unreachable { .. } if unix => {
                "\n  is the agent running?  systemctl status pathkeeper\n  another node's agent:  --server URL"
            }
            Error::Distrust { why: Distrust::Authority, .. } => {
                "\n  its authority is in a file on the node; copy it, and name it with --ca or PATHKEEPER_CA:\n  \
                 scp root@NODE:/var/lib/pathkeeper/tls/ca.pem NODE-ca.pem\n  \
                 (use = \"proxmox\": /etc/pve/pve-root-ca.pem; given files: ask whoever made them)"
            }
            Error::Distrust { why: Distrust::Name { .. }, .. } => {
                "\n  use one of these names, or add this one on the node: names = [\"…\"] below [tls]"
            }
            Error::Distrust { why: Distrust::Expired | Distrust::Early, .. } => {
                "\n  on the node: pathkeeper doctor; compare both clocks: date"
            }
            Error::Distrust { why: Distrust::Plain, .. } => "\n  write http:// instead of https://",
            Error::ClearToken { .. } => "\n  write https:// instead of http://",
            Error::Unreachable { .. } => {
                "\n  agents listen on their own loopback unless told otherwise; from elsewhere: \
                 ssh -L 8480:127.0.0.1:8480 root@NODE"
            }
            Error::Refused { status: 503, .. } => {
                "\n  the agent has just started; ask again in a few seconds"
            }
            _ => "",
        };
        // Which parameter of what somebody typed, and why.
        let parameters = match &e {
            Error::Refused { status: 400, body, .. } => body.errors.iter(),
            _ => Default::default(),
        };
        let parameters: String = parameters
            .map(|(name, why)| format!("\n  {}: {}", text::clean(name), text::clean(why)))
            .collect();
        Self::new(format!("{}{parameters}{next}", words(&e)))
    }
}

impl Globals {
    /// A client of the agent that is meant.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        let address = match &self.server {
            Some(url) => Address::parse_url(url)?,
            None => Address::Unix(self.socket.clone()),
        };
        let client = Client::new(address.clone(), Duration::from_secs(self.timeout));
        if matches!(address, Address::Unix(_)) {
            return Ok(client);
        }
        let client = match (&self.ca, address) {
            (Some(file), Address::Tls(_)) => {
                let trust = Trust::pem(&read_small(file, "--ca")?);
                client.trusting(trust.map_err(|why| Failure::new(format!("--ca {}: {why}", file.display())))?)
            }
            (None, Address::Tls(_)) => {
                let trust = Trust::system();
                client.trusting(
                    trust.map_err(|why| Failure::new(format!("{why}: name the server's with --ca")))?,
                )
            }
            _ => client,
        };
        Ok(match self.token()? {
            Some(token) => client.with_token(token),
            None => client,
        })
    }

    /// The token to show: from the file, else from the environment. Never from an argument, which everybody on this
    /// machine can read.
    fn token(&self) -> Result<Option<Token>, Failure> {
        let (text, from) = match &self.token_file {
            Some(file) => {
                let bytes = read_small(file, "--token-file")?;
                (String::from_utf8_lossy(&bytes).into_owned(), format!("--token-file {}", file.display()))
            }
            None => match std::env::var("PATHKEEPER_TOKEN") {
                Ok(text) if !text.is_empty() => (text, "PATHKEEPER_TOKEN".to_owned()),
                _ => return Ok(None),
            },
        };
        Token::parse(&text).map(Some).map_err(|why| Failure::new(format!("{from}: {why}")))
    }

    /// How to print, now.
    pub(crate) fn view(&self) -> text::View {
        use std::io::IsTerminal;
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        text::View {
            width: out::columns(),
            unicode: out::locale_is_utf8(),
            color: match self.color {
                When::Always => true,
                When::Never => false,
                When::Auto => std::io::stdout().is_terminal() && !no_color && !dumb,
            },
            now: jiff::Timestamp::now().as_second(),
            zone: jiff::tz::TimeZone::system(),
        }
    }
}

/// Asks on the terminal; without one nobody can say yes. `nothing` says that nothing was done, `yes` how not to be asked.
fn confirmed(question: &str, nothing: &str, yes: &str) -> Result<(), Failure> {
    use std::io::{BufRead as _, IsTerminal as _, Write as _};
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Failure::new(format!("{nothing}: there is no terminal to ask at; {yes}")));
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush().ok();
    let mut line = String::new();
    // A line that a person typed; more of it is not read.
    let read = std::io::Read::take(stdin.lock(), 64).read_line(&mut line);
    match (read, line.trim().to_ascii_lowercase().as_str()) {
        (Ok(_), "y" | "yes") => Ok(()),
        _ => Err(Failure::new(nothing.to_owned())),
    }
}

/// A file that a person names, of 1 MiB at most.
fn read_small(file: &std::path::Path, option: &str) -> Result<Vec<u8>, Failure> {
    let cannot = |why: &dyn std::fmt::Display| Failure::new(format!("{option} {}: {why}", file.display()));
    match pathkeeper_io::state_file::read(file, 1 << 20) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(cannot(&"No such file")),
        Err(e) => Err(cannot(&e)),
    }
}

/// An answer of the API as `-o json` prints it: its own keys beside `"schema"`.
fn versioned<T: Serialize>(answer: &T, pretty: bool) -> Result<String, Failure> {
    #[derive(Serialize)]
    struct Versioned<'a, T> {
        schema: u32,
        #[serde(flatten)]
        answer: &'a T,
    }
    let whole = Versioned { schema: SCHEMA, answer };
    let text = if pretty { serde_json::to_string_pretty(&whole) } else { serde_json::to_string(&whole) };
    text.map(|t| t + "\n").map_err(|e| Failure::new(format!("writing JSON: {e}")))
}

/// Parses the arguments, runs the command and gives the exit status.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // A mistake in the arguments must not look like a verdict: clap's own 2 would read as "failed".
            e.print().ok();
            if e.use_stderr() && std::env::args().nth(1).is_some_and(|command| command == "check") {
                // A plugin's caller reads standard output.
                out::print("UNKNOWN: mistake in the arguments of pathkeeper check\n").ok();
            }
            return if e.use_stderr() { ExitCode::from(EXIT_UNKNOWN) } else { ExitCode::SUCCESS };
        }
    };
    match dispatch(cli) {
        Ok(code) => code,
        Err(failure) => {
            if let Some(message) = &failure.message {
                eprintln!("pathkeeper: {message}");
            }
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let globals = &cli.globals;
    match cli.command {
        Command::Agent(args) => crate::app::service::run(&args)
            .map(|()| ExitCode::SUCCESS)
            .map_err(|e| Failure::new(format!("agent: {e:#}"))),
        Command::Status(args) => ask(status::run(args, globals)),
        Command::Health(args) => ask(health::run(args, globals)),
        Command::Explain(args) => ask(explain::run(args, globals)),
        Command::Can(args) => ask(can::run(args, globals)),
        Command::History(args) => ask(history::run(args, globals)),
        Command::Maps(args) => ask(maps::run(args, globals)),
        Command::Paths(args) => ask(paths::run(args, globals)),
        Command::Watch(args) => ask(watch::run(args, globals)),
        Command::Nodes(args) => ask(nodes::run(args, globals)),
        Command::Lun(args) => ask(lun::run(args, globals)),
        Command::Volume(args) => ask(volume::run(args, globals)),
        Command::Mute(args) => ask(mute::run(args, globals)),
        Command::Window(args) => ask(window::run(args, globals)),
        Command::Names(args) => ask(names::run(args, globals)),
        Command::Config(args) => ask(config::run(args, globals)),
        Command::Manage(args) => ask(manage::run(args, globals)),
        Command::Overrides(args) => ask(overrides::run(args, globals)),
        Command::Alerts(args) => ask(alerts::run(args, globals)),
        Command::Check(args) => ask(check::run(args, globals)),
        Command::Metrics(args) => ask(metrics::run(args, globals)),
        Command::Doctor(args) => ask(doctor::run(args, globals)),
        Command::SupportBundle(args) => ask(support::run(args, globals)),
        Command::Token(args) => token::run(&args, globals),
        Command::Demo(args) => crate::demo::main(args, globals),
        Command::SimMultipathd(args) => crate::demo::sim_main(args),
        Command::Fold(args) => Ok(fold::run(&args)),
        Command::Completions(args) => generate::completions(&args, &mut Cli::command()),
        Command::Man(args) => generate::man(&args, Cli::command()),
        Command::Openapi(_) => out::print(&pathkeeper_api::openapi::document()).map(|()| ExitCode::SUCCESS),
    }
}

/// Runs a command that asks an agent; one thread is enough for one question.
fn ask(command: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(format!("starting: {e}")))?
        .block_on(command)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        super::Cli::command().debug_assert();
    }
}
