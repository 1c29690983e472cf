//! `/etc/pathkeeper/pathkeeper.toml` and the environment: what a node's agent is told before it starts.
//!
//! The agent runs with neither. A file with a mistake stops it, with the place of every mistake: half a
//! configuration is worse than none. `PATHKEEPER_<KEY>` in the environment beats the file.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};

use pathkeeper_model::history::Limits;
use pathkeeper_model::ids::NodeName;
use serde::Deserialize;
use toml::Spanned;

mod alerts;
mod store;
mod tls;

pub use alerts::AlertsChoice;
pub use store::{EtcdChoice, StoreChoice};
pub use tls::{Certificate, TlsChoice};

/// Where the file is unless the command line says otherwise.
pub const DEFAULT_PATH: &str = "/etc/pathkeeper/pathkeeper.toml";
/// Where the agent's socket is unless `run-dir` says otherwise.
pub const DEFAULT_SOCKET: &str = "/run/pathkeeper/pathkeeper.sock";
/// A configuration file is never larger than this.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Environment variables of ours that are not the agent's settings.
const ENV_OF_OTHERS: [&str; 7] = ["SERVER", "SOCKET", "CONFIG", "CA", "TOKEN", "TOKEN_FILE", "MODE"];

/// An agent's settings, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// This node's name to its peers.
    pub node: NodeName,
    /// The cluster's name, shown in the first line of every status.
    pub cluster: Option<String>,
    /// What survives a restart: the ledger, records of what was added. Absolute.
    pub state_dir: PathBuf,
    /// Socket and other things that need not survive a restart. Absolute.
    pub run_dir: PathBuf,
    /// Where HTTP is served by TCP; `None` = nowhere. Without TLS always a loopback address.
    pub listen: Option<SocketAddr>,
    /// With which certificate.
    pub tls: TlsChoice,
    /// Reading over the loopback needs a token too, as from everywhere else.
    pub loopback_needs_token: bool,
    /// The group that may use the socket beside root; `None` = root alone.
    pub socket_group: Option<String>,
    /// What is logged, e.g. `info` or `info,pathkeeper_io=debug`.
    pub log: String,
    /// multipathd's socket instead of the usual ones: a path, or `@name` for an abstract one.
    pub multipathd_socket: Option<String>,
    /// Seconds between two looks at multipathd when nothing happens, 2..=60.
    pub poll_interval_s: u64,
    /// How much history is kept.
    pub history: Limits,
    /// Through what this node hears of the others.
    pub store: StoreChoice,
    /// Where alerts go, and when.
    pub alerts: AlertsChoice,
    /// Where the machine's own files are; other than `/` only in tests and in the demo.
    pub roots: Roots,
    /// What is odd and stops nothing (an environment variable that names no setting), one sentence each.
    pub warnings: Vec<String>,
}

/// Where the machine's own files are.
#[derive(Debug, Clone, PartialEq)]
pub struct Roots {
    /// `/sys`.
    pub sysfs: PathBuf,
    /// `/proc`.
    pub proc: PathBuf,
    /// `/etc`.
    pub etc: PathBuf,
    /// `/usr`.
    pub usr: PathBuf,
    /// A file with seconds that are added to the wall clock; `None` = the machine's own clock.
    pub clock_offset: Option<PathBuf>,
    /// The socket of systemd's journal.
    pub journal: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            sysfs: "/sys".into(),
            proc: "/proc".into(),
            etc: "/etc".into(),
            usr: "/usr".into(),
            clock_offset: None,
            journal: pathkeeper_io::journal::SOCKET.into(),
        }
    }
}

impl Config {
    /// Reads `path`, or [`DEFAULT_PATH`] which may be absent, then the environment, and checks everything.
    ///
    /// # Errors
    /// Every mistake that was found, each with its place.
    pub fn load(
        path: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let asked = path.unwrap_or(Path::new(DEFAULT_PATH));
        let text = match read_bounded(asked) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && path.is_none() => String::new(),
            Err(e) => {
                return Err(ConfigError { problems: vec![format!("{}: {e}", asked.display())] });
            }
        };
        Self::parse(&asked.display().to_string(), &text, env)
    }

    /// As [`Config::load`], from text; `file` is what errors call it.
    ///
    /// # Errors
    /// Every mistake that was found, each with its place.
    pub fn parse(
        file: &str,
        text: &str,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let raw: Raw = toml::from_str(text).map_err(|e| {
            let place = e.span().map_or_else(|| file.to_owned(), |span| place(file, text, &span));
            ConfigError { problems: vec![format!("{place}: {}", e.message().trim().replace('\n', " "))] }
        })?;
        Check { file, text, problems: Vec::new() }.check(raw, env)
    }

    /// The agent's Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.run_dir.join("pathkeeper.sock")
    }
}

/// What is wrong with a configuration: every mistake that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// `FILE:LINE:COLUMN: what is wrong`, or `PATHKEEPER_KEY: what is wrong`.
    pub problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used\n  ")?;
        f.write_str(&self.problems.join("\n  "))
    }
}

impl std::error::Error for ConfigError {}

/// Whether `name` may be a node's: 1 to 63 of letters, digits, `.`, `_`, `-`.
pub fn node_name_is_good(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        && !matches!(name, "." | "..")
}

/// The file as it is written. A span behind each value lets a check name line and column.
#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Raw {
    node: Option<Spanned<String>>,
    cluster: Option<Spanned<String>>,
    state_dir: Option<Spanned<String>>,
    run_dir: Option<Spanned<String>>,
    listen: Option<Spanned<String>>,
    loopback_needs_token: Option<Spanned<bool>>,
    socket_group: Option<Spanned<String>>,
    log: Option<Spanned<String>>,
    multipathd_socket: Option<Spanned<String>>,
    poll_interval_s: Option<Spanned<i64>>,
    history_days: Option<Spanned<i64>>,
    history_mb: Option<Spanned<i64>>,
    store: store::Raw,
    tls: tls::Raw,
    alerts: alerts::Raw,
    roots: RawRoots,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct RawRoots {
    sysfs: Option<Spanned<String>>,
    proc: Option<Spanned<String>>,
    etc: Option<Spanned<String>>,
    usr: Option<Spanned<String>>,
    clock_offset: Option<Spanned<String>>,
    journal: Option<Spanned<String>>,
}

/// A value and where it came from.
type Given = Option<(String, String)>;

struct Check<'a> {
    file: &'a str,
    text: &'a str,
    problems: Vec<String>,
}

impl Check<'_> {
    fn check(
        mut self,
        raw: Raw,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        let mut env: std::collections::BTreeMap<String, String> = env
            .into_iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("PATHKEEPER_")?.to_owned(), value)))
            .filter(|(name, _)| !ENV_OF_OTHERS.contains(&name.as_str()))
            .collect();
        let mut given = |key: &str, value: Option<(String, Range<usize>)>| -> Given {
            match env.remove(key) {
                Some(text) => Some((text, format!("PATHKEEPER_{key}"))),
                None => value.map(|(text, span)| (text, place(self.file, self.text, &span))),
            }
        };
        let node = given("NODE", text(raw.node));
        let cluster = given("CLUSTER", text(raw.cluster));
        let state_dir = given("STATE_DIR", text(raw.state_dir));
        let run_dir = given("RUN_DIR", text(raw.run_dir));
        let listen = given("LISTEN", text(raw.listen));
        let loopback = raw.loopback_needs_token.map(|b| (b.get_ref().to_string(), b.span()));
        let loopback = given("LOOPBACK_NEEDS_TOKEN", loopback);
        let socket_group = given("SOCKET_GROUP", text(raw.socket_group));
        let log = given("LOG", text(raw.log));
        let multipathd_socket = given("MULTIPATHD_SOCKET", text(raw.multipathd_socket));
        let poll = raw.poll_interval_s.map(|s| (s.get_ref().to_string(), s.span()));
        let poll = given("POLL_INTERVAL_S", poll);
        let number = |raw: Option<Spanned<i64>>| raw.map(|n| (n.get_ref().to_string(), n.span()));
        let history_days = given("HISTORY_DAYS", number(raw.history_days));
        let history_mb = given("HISTORY_MB", number(raw.history_mb));
        let store = store::given(raw.store, &mut given, |span| place(self.file, self.text, &span));
        let tls = tls::given(raw.tls, &mut given);
        let sysfs = given("ROOTS_SYSFS", text(raw.roots.sysfs));
        let proc = given("ROOTS_PROC", text(raw.roots.proc));
        let etc = given("ROOTS_ETC", text(raw.roots.etc));
        let usr = given("ROOTS_USR", text(raw.roots.usr));
        let clock_offset = given("ROOTS_CLOCK_OFFSET", text(raw.roots.clock_offset));
        let journal = given("ROOTS_JOURNAL", text(raw.roots.journal));
        let warnings = env.keys().map(|key| format!("PATHKEEPER_{key} in the environment names no setting"));
        let warnings = warnings.collect();

        let node = self.node(node);
        let cluster = self.cluster(cluster);
        let (state_dir, run_dir) =
            (self.dir(state_dir, "/var/lib/pathkeeper"), self.dir(run_dir, "/run/pathkeeper"));
        let listen_place = listen.as_ref().map_or_else(|| "listen".to_owned(), |(_, place)| place.clone());
        let listen = self.listen(listen);
        let tls = self.tls(tls, listen, &listen_place);
        let loopback_needs_token = self.yes_or_no(loopback);
        let (socket_group, log) = (self.group(socket_group), self.log(log));
        let (multipathd_socket, poll_interval_s) = (self.socket(multipathd_socket), self.poll(poll));
        let history = self.history(history_days, history_mb);
        let store = self.store(store);
        let alerts = self.alerts(raw.alerts);
        let roots = Roots {
            sysfs: self.dir(sysfs, "/sys"),
            proc: self.dir(proc, "/proc"),
            etc: self.dir(etc, "/etc"),
            usr: self.dir(usr, "/usr"),
            clock_offset: clock_offset.map(|file| self.dir(Some(file), "")),
            journal: self.dir(journal, pathkeeper_io::journal::SOCKET),
        };
        match node {
            Some(node) if self.problems.is_empty() => Ok(Config {
                node,
                cluster,
                state_dir,
                run_dir,
                listen,
                tls,
                loopback_needs_token,
                socket_group,
                log,
                multipathd_socket,
                poll_interval_s,
                history,
                store,
                alerts,
                roots,
                warnings,
            }),
            _ => Err(ConfigError { problems: self.problems }),
        }
    }

    fn problem(&mut self, place: &str, what: impl fmt::Display) {
        self.problems.push(format!("{place}: {what}"));
    }

    fn node(&mut self, given: Given) -> Option<NodeName> {
        let (name, place) = given.unwrap_or_else(|| {
            let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
            (host.split('.').next().unwrap_or_default().to_owned(), "node (from the host name)".to_owned())
        });
        if !node_name_is_good(&name) {
            self.problem(
                &place,
                format_args!("{name:?} is no node name: 1 to 63 letters, digits, '.', '_' and '-'"),
            );
        }
        NodeName::new(&name)
    }

    fn cluster(&mut self, given: Given) -> Option<String> {
        let (name, place) = given?;
        if name.is_empty() || name.len() > 63 || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
            self.problem(&place, "a cluster's name has 1 to 63 bytes and no spaces");
        }
        Some(name)
    }

    /// By age and by size.
    fn history(&mut self, days: Given, mb: Given) -> Limits {
        let default = Limits::default();
        let mut number = |given: Given, what: &str, range: std::ops::RangeInclusive<i64>| {
            let (text, place) = given?;
            let n = text.parse::<i64>().ok().filter(|n| range.contains(n));
            if n.is_none() {
                let (least, most) = (range.start(), range.end());
                self.problem(&place, format_args!("{text:?}: {what} is a number from {least} to {most}"));
            }
            n
        };
        let days = number(days, "history-days", 0..=3_650);
        let mb = number(mb, "history-mb", 8..=100_000);
        Limits {
            age_s: days.map_or(default.age_s, |days| days * 86_400),
            bytes: mb.and_then(|mb| u64::try_from(mb).ok()).map_or(default.bytes, |mb| mb << 20),
        }
    }

    fn dir(&mut self, given: Given, default: &str) -> PathBuf {
        let Some((path, place)) = given else { return default.into() };
        if !Path::new(&path).is_absolute() {
            self.problem(&place, format_args!("{path:?} is no absolute path"));
        }
        path.into()
    }

    fn listen(&mut self, given: Given) -> Option<SocketAddr> {
        let Some((address, place)) = given else { return Some((Ipv4Addr::LOCALHOST, 8480).into()) };
        if address == "none" {
            return None;
        }
        let numeric = match address.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => address.clone(),
        };
        match numeric.parse::<SocketAddr>() {
            Err(_) => {
                self.problem(
                    &place,
                    format_args!("{address:?} is no address to listen on: ADDRESS:PORT or \"none\""),
                );
                None
            }
            Ok(at) => Some(at),
        }
    }

    fn group(&mut self, given: Given) -> Option<String> {
        let Some((group, place)) = given else { return Some("pathkeeper".into()) };
        if group == "none" {
            return None;
        }
        if !node_name_is_good(&group) {
            self.problem(&place, format_args!("{group:?} is no group name; \"none\" = root alone"));
        }
        Some(group)
    }

    fn log(&mut self, given: Given) -> String {
        let Some((filter, place)) = given else { return "info".into() };
        if let Err(e) = tracing_subscriber::EnvFilter::try_new(&filter) {
            self.problem(&place, format_args!("{filter:?} is no log filter: {e}"));
        }
        filter
    }

    fn socket(&mut self, given: Given) -> Option<String> {
        let (socket, place) = given?;
        // A socket address holds 108 bytes, the path's final NUL or the abstract one's first among them.
        let good = socket.len() <= 107
            && (socket.strip_prefix('@').is_some_and(|name| !name.is_empty())
                || Path::new(&socket).is_absolute());
        if !good {
            self.problem(&place, format_args!("{socket:?} is no socket: an absolute path or @NAME"));
        }
        Some(socket)
    }

    fn yes_or_no(&mut self, given: Given) -> bool {
        let Some((word, place)) = given else { return false };
        word.parse().unwrap_or_else(|_| {
            self.problem(&place, format_args!("{word:?} is neither true nor false"));
            false
        })
    }

    fn poll(&mut self, given: Given) -> u64 {
        let Some((number, place)) = given else { return 10 };
        match number.parse() {
            Ok(seconds @ 2..=60) => seconds,
            _ => {
                self.problem(&place, format_args!("{number} is no poll interval: 2 to 60 seconds"));
                10
            }
        }
    }
}

fn text(value: Option<Spanned<String>>) -> Option<(String, Range<usize>)> {
    value.map(|spanned| {
        let span = spanned.span();
        (spanned.into_inner(), span)
    })
}

/// `FILE:LINE:COLUMN`, both counted from 1, columns in characters.
fn place(file: &str, text: &str, span: &Range<usize>) -> String {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{file}:{line}:{column}")
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::Error::other(format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Vec<(String, String)> {
        vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn nothing_given_is_enough() {
        let config = Config::parse("f", "", env(&[])).unwrap();
        assert!(node_name_is_good(config.node.as_str()));
        assert_eq!(config.listen, Some("127.0.0.1:8480".parse().unwrap()));
        assert_eq!(config.socket().display().to_string(), DEFAULT_SOCKET);
        assert_eq!(config.socket_group.as_deref(), Some("pathkeeper"));
        assert_eq!((config.poll_interval_s, config.log.as_str()), (10, "info"));
        assert_eq!((&config.store, &config.roots), (&StoreChoice::Auto, &Roots::default()));
        assert_eq!(Config::load(None, env(&[])).unwrap(), config);
    }

    #[test]
    fn every_key_is_read_and_the_environment_wins() {
        let file = r#"
            node = "pve2"
            cluster = "san-a"
            state-dir = "/s"
            run-dir = "/r"
            listen = "none"
            loopback-needs-token = true
            socket-group = "none"
            log = "debug"
            multipathd-socket = "@/test"
            poll-interval-s = 5
            history-days = 7
            history-mb = 50
            [tls]
            certificate = "/chain"
            key = "/chain-key"
            names = ["san.example.org", "10.0.0.9"]
            [store]
            kind = "etcd"
            [store.etcd]
            endpoints = ["https://a:2379", "https://[::1]:2379"]
            ca = "/ca"
            cert = "/cert"
            key = "/key"
            user = "pve2"
            password-file = "/password"
            prefix = "/san/a"
            lease-ttl-s = 20
            [roots]
            sysfs = "/t/sys"
            proc = "/t/proc"
            etc = "/t/etc"
            usr = "/t/usr"
            clock-offset = "/t/offset"
            journal = "/t/journal"
        "#;
        let vars = env(&[
            ("PATHKEEPER_NODE", "pve3"),
            ("PATHKEEPER_LISTEN", "[::1]:0"),
            ("PATHKEEPER_ROOTS_PROC", "/p"),
            ("PATHKEEPER_STORE_ETCD_ENDPOINTS", "https://a:2379, https://b:2379"),
            ("PATHKEEPER_SOCKET", "of the command line"),
            ("PATHKEEPER_LISTN", "x"),
            ("HOME", "/root"),
        ]);
        let config = Config::parse("f", file, vars).unwrap();
        let expect = Config {
            node: NodeName::new("pve3").unwrap(),
            cluster: Some("san-a".into()),
            state_dir: "/s".into(),
            run_dir: "/r".into(),
            listen: Some("[::1]:0".parse().unwrap()),
            tls: TlsChoice {
                certificate: Some(Certificate::Files {
                    certificate: "/chain".into(),
                    key: "/chain-key".into(),
                }),
                names: vec!["san.example.org".into(), "10.0.0.9".into()],
            },
            loopback_needs_token: true,
            socket_group: None,
            log: "debug".into(),
            multipathd_socket: Some("@/test".into()),
            poll_interval_s: 5,
            history: Limits { age_s: 7 * 86_400, bytes: 50 << 20 },
            store: StoreChoice::Etcd(EtcdChoice {
                endpoints: vec!["https://a:2379".into(), "https://b:2379".into()],
                ca: Some("/ca".into()),
                identity: Some(("/cert".into(), "/key".into())),
                user: Some(("pve2".into(), "/password".into())),
                prefix: "/san/a".into(),
                lease_ttl_s: 20,
            }),
            alerts: AlertsChoice::default(),
            roots: Roots {
                sysfs: "/t/sys".into(),
                proc: "/p".into(),
                etc: "/t/etc".into(),
                usr: "/t/usr".into(),
                clock_offset: Some("/t/offset".into()),
                journal: "/t/journal".into(),
            },
            warnings: vec!["PATHKEEPER_LISTN in the environment names no setting".into()],
        };
        assert_eq!(config, expect);
    }

    #[test]
    fn mistakes_have_a_place_and_say_what_to_do() {
        let check = |file: &str, expect: &str| {
            let error = Config::parse("p.toml", file, env(&[])).unwrap_err().to_string();
            assert!(error.contains(expect), "{file}: {error}");
        };
        check("\nnodes = \"a\"", "p.toml:2:1: unknown field `nodes`, expected one of `node`, `cluster`");
        check("node = 7", "p.toml:1:8: invalid type: integer `7`, expected a string");
        check("node = \"a\"\nnode = \"b\"", "p.toml:2:1: duplicate key");
        check("node = \"a", "p.toml:1:10: invalid basic string");
        check("node = \"a b\"", "p.toml:1:8: \"a b\" is no node name");
        check("node = \"\"", "is no node name");
        check(&format!("node = \"{}\"", "a".repeat(64)), "is no node name");
        check("cluster = \"\"", "p.toml:1:11: a cluster's name");
        check("state-dir = \"var\"", "p.toml:1:13: \"var\" is no absolute path");
        check("listen = \"8480\"", "\"8480\" is no address to listen on");
        check(
            "log = \"info\"\nlisten = \"0.0.0.0:8480\"\n[tls]\nuse = \"off\"",
            "p.toml:2:10: listening on 0.0.0.0:8480 without TLS is refused",
        );
        check("listen = \"[::]:81\"\ntls.use = \"off\"", "ssh -L 81:127.0.0.1:81 root@NODE");
        check(
            "[tls]\nuse = \"on\"",
            "p.toml:2:7: \"on\" is no certificate to use: own, files, proxmox or off",
        );
        check("[tls]\nuse = \"files\"", "p.toml:2:7: certificate and key are needed for \"files\"");
        check("[tls]\ncertificate = \"/a\"", "p.toml:2:15: certificate and key belong together");
        check("[tls]\ncertificate = \"/a\"\nkey = \"b\"", "p.toml:3:7: \"b\" is no absolute path");
        check(
            "[tls]\nuse = \"own\"\ncertificate = \"/a\"\nkey = \"/b\"",
            "p.toml:3:15: certificate and key are for",
        );
        check("[tls]\nnames = [\"a b\"]", "p.toml:2:9: \"a b\" is no name or address");
        check("socket-group = \"a b\"", "is no group name");
        check("log = \"a=b=c\"", "is no log filter");
        check("multipathd-socket = \"run/x\"", "is no socket");
        check("multipathd-socket = \"@\"", "is no socket");
        check("history-days = -1", "history-days is a number from 0 to 3650");
        check("history-mb = 1", "history-mb is a number from 8");
        check("poll-interval-s = 1", "p.toml:1:19: 1 is no poll interval: 2 to 60 seconds");
        check("poll-interval-s = -1", "is no poll interval");
        check("poll-interval-s = \"5\"", "invalid type: string");
        check("loopback-needs-token = \"yes\"", "p.toml:1:24: invalid type: string");
        check(
            "[store]\nkind = \"redis\"",
            "p.toml:2:8: \"redis\" is no kind of store: auto, embedded, etcd or",
        );
        let etcd = |lines: &str, expect: &str| {
            check(&format!("[store.etcd]\nendpoints = [\"https://a:2379\"]\n{lines}"), expect);
        };
        check("[store.etcd]", "p.toml:1:1: endpoints are needed");
        check("[store]\nkind = \"etcd\"", "[store.etcd]: endpoints are needed");
        check(
            "[store.etcd]\nendpoints = [\"a:2379\"]",
            "p.toml:2:13: \"a:2379\" is no endpoint: it begins with",
        );
        check("[store.etcd]\nendpoints = [\"http://a\"]", "it names no port");
        check("[store.etcd]\nendpoints = [\"http://a:1/x\"]", "is no endpoint");
        check(
            "[store.etcd]\nendpoints = [\"http://a:1\", \"https://a:1\"]",
            "with and without TLS: choose one",
        );
        check("[store.etcd]\nendpoints = [\"http://a:1\"]\nca = \"/ca\"", "p.toml:3:6: certificates are for");
        etcd("cert = \"/c\"", "p.toml:3:8: cert and key belong together");
        etcd("user = \"a\"", "p.toml:3:8: user and password-file belong together");
        etcd("ca = \"ca\"", "p.toml:3:6: \"ca\" is no absolute path");
        etcd("prefix = \"pathkeeper\"", "p.toml:3:10: \"pathkeeper\" is no prefix");
        etcd("lease-ttl-s = 2", "p.toml:3:15: 2 is no lease: 5 to 60 seconds");
        check("[roots]\nsys = \"/\"", "p.toml:2:1: unknown field `sys`");
        check("[roots]\nsysfs = \"x\"", "p.toml:2:9: \"x\" is no absolute path");
    }

    #[test]
    fn all_mistakes_are_told_at_once_and_the_environments_too() {
        let error = Config::parse(
            "f",
            "node = \"a b\"\nlisten = \"x\"",
            env(&[("PATHKEEPER_POLL_INTERVAL_S", "soon")]),
        )
        .unwrap_err();
        assert_eq!(error.problems.len(), 3, "{error}");
        assert!(error.problems.iter().any(|p| p.starts_with("PATHKEEPER_POLL_INTERVAL_S: soon is no")));
    }

    #[test]
    fn a_file_that_was_asked_for_must_be_there() {
        let error = Config::load(Some(Path::new("/nonexistent/p.toml")), env(&[])).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/p.toml: No such file"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,200}", line in "[a-z-]{0,12} ?= ?[\"0-9a-z@/:.\\[\\]]{0,20}") {
            let _ = Config::parse("f", &text, []);
            let _ = Config::parse("f", &line, []);
        }
    }
}
