//! What the doctor says about what it saw. Pure.

use std::collections::BTreeSet;

use pathkeeper_model::local::{Daemon, Lint, Map, NodeRead};
use pathkeeper_model::reboot::{Doubt, RebootDoubts};

use super::{AgentSeen, CertificateSeen, Level, Line, Seen};
use crate::cli::text::count;

/// Names in a list at most; the rest is counted.
const NAMES_MAX: usize = 5;
/// Clocks that differ by more are a finding of the cluster's too (status.md, section 4).
const CLOCK_SKEW_S_MAX: i64 = 30;

fn line(level: Level, topic: &'static str, text: impl Into<String>) -> Line {
    Line { level, topic, text: text.into() }
}

/// A line for each thing that was looked at, in the order in which a person would ask.
pub fn lines(seen: &Seen) -> Vec<Line> {
    let mut out = vec![settings(seen)];
    out.extend(mode(seen));
    out.extend(agent(seen));
    match &seen.read {
        Err(why) => out.push(line(Level::Warn, "multipathd", why)),
        Ok(read) => {
            out.push(daemon(read));
            out.push(kernel(read));
            out.push(config_files(seen));
            out.extend(settings_that_hurt(read));
            out.extend(names(read));
            out.extend(reboot(read, seen));
            out.extend(other_doubts(read));
            out.extend(loose(read));
            if let Some(first) = read.problems.first() {
                let more = read.problems.len() - 1;
                let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
                out.push(line(Level::Warn, "reading", format!("{first}{more}")));
            }
        }
    }
    if let Some(filter) = seen.files.lvm_filters.first() {
        let text = format!("LVM: {filter}: a map that is renamed may hide its volume group");
        out.push(line(Level::Note, "filters", text));
    }
    out.extend(clock(seen));
    out.extend(ports(seen));
    out.extend(certificate(seen));
    out.extend(alerts(seen));
    out
}

fn settings(seen: &Seen) -> Line {
    match &seen.config {
        Err(e) => {
            let problems = e.problems.join("\n");
            line(Level::Warn, "settings", format!("the agent will not start:\n{problems}"))
        }
        Ok(config) if !config.warnings.is_empty() => {
            line(Level::Note, "settings", config.warnings.join("\n"))
        }
        Ok(config) => {
            let cluster = config.cluster.as_ref().map_or_else(String::new, |c| format!(", cluster {c}"));
            line(Level::Ok, "settings", format!("node name {}{cluster}", config.node))
        }
    }
}

/// Where alerts go by the settings, and whether they arrive by the agent.
fn alerts(seen: &Seen) -> Vec<Line> {
    let Ok(config) = &seen.config else { return Vec::new() };
    let one = |sink: &pathkeeper_io::notify::SinkConfig| {
        let place = format!("{} to {}", sink.name, sink.url.shown());
        match seen.sinks.iter().find(|of| of.name == sink.name) {
            None => line(
                Level::Note,
                "alerts",
                format!("{place}; the agent that runs does not have it yet: systemctl restart pathkeeper"),
            ),
            Some(of) => match (&of.failing_since, &of.why) {
                (Some(_), why) => {
                    let why = why.as_deref().unwrap_or("no reason is known");
                    line(
                        Level::Warn,
                        "alerts",
                        format!("{place}: nothing arrives: {why}\npathkeeper alerts test {}", sink.name),
                    )
                }
                (None, _) if of.sent == 0 => line(
                    Level::Ok,
                    "alerts",
                    format!("{place}, nothing was sent yet: pathkeeper alerts test {}", sink.name),
                ),
                (None, _) => {
                    line(Level::Ok, "alerts", format!("{place}, {} taken", count(of.sent, "message")))
                }
            },
        }
    };
    let silent = !matches!(seen.agent, AgentSeen::Answers { .. });
    if silent {
        return Vec::new();
    }
    config.alerts.sinks.iter().map(one).collect()
}

/// A mark that does not count, and an agent that does not know it yet.
fn mode(seen: &Seen) -> Vec<Line> {
    let doubt = seen.mode.doubt.as_ref().map(|why| line(Level::Warn, "mode", why));
    let running = match &seen.agent {
        AgentSeen::Answers { status: Ok(status), .. } if status.view.mode != seen.mode.as_str() => {
            let text = format!(
                "the agent that runs says {}, and the node {}: systemctl daemon-reload; systemctl restart pathkeeper",
                status.view.mode,
                seen.mode.as_str()
            );
            Some(line(Level::Warn, "mode", text))
        }
        _ => None,
    };
    doubt.into_iter().chain(running).collect()
}

fn agent(seen: &Seen) -> Vec<Line> {
    match &seen.agent {
        AgentSeen::Silent(why) => {
            let level = if why.contains("ermission denied") { Level::Warn } else { Level::Note };
            vec![line(level, "agent", why)]
        }
        AgentSeen::Answers { version, took_ms, status, .. } => {
            let ours = env!("CARGO_PKG_VERSION");
            let mut lines = vec![if version == ours {
                line(Level::Ok, "agent", format!("{version} answers in {took_ms} ms"))
            } else {
                let text = format!("{version} runs, {ours} is installed: systemctl restart pathkeeper");
                line(Level::Warn, "agent", text)
            }];
            match status {
                Err(why) => lines.push(line(Level::Warn, "store", why)),
                Ok(status) => {
                    let view = &status.view;
                    let fresh = format!("{} of {} nodes fresh", view.nodes_fresh, view.nodes_known);
                    let whole = !view.partial && view.nodes_fresh == view.nodes_known;
                    let why = view.why.as_deref().map_or_else(String::new, |why| format!(", {why}"));
                    let level = if whole { Level::Ok } else { Level::Warn };
                    lines.push(line(level, "store", format!("{}, {fresh}{why}", view.store)));
                    let s = &status.summary;
                    let level = if s.health == "HEALTH_OK" { Level::Ok } else { Level::Warn };
                    let text = format!(
                        "{}, {} of {} clean: pathkeeper status",
                        s.health,
                        s.clean,
                        count(s.luns.into(), "LUN")
                    );
                    lines.push(line(level, "cluster", text));
                }
            }
            lines
        }
    }
}

fn daemon(read: &NodeRead) -> Line {
    let version = read.tools_version.as_deref().map_or_else(String::new, |v| format!("{v} "));
    let kernel_maps = read.kernel.as_ref().map_or(0, Vec::len);
    let unchecked = match kernel_maps {
        0 => String::new(),
        n => format!("; the kernel has {} that nobody checks", count(n as u64, "map")),
    };
    let (level, text) = match &read.daemon {
        Daemon::Answering { .. } => {
            let paths: usize =
                read.maps.iter().flat_map(|map| &map.groups).map(|group| group.paths.len()).sum();
            let maps = count(read.maps.len() as u64, "map");
            let paths = count(paths as u64, "path");
            (Level::Ok, format!("{version}running, {maps}, {paths} (read in {} ms)", read.took_ms))
        }
        Daemon::Absent if kernel_maps == 0 => {
            (Level::Note, "multipath-tools is not installed: nothing to watch here".into())
        }
        Daemon::Absent => (Level::Warn, format!("multipath-tools is not installed{unchecked}")),
        Daemon::Stopped => (
            Level::Warn,
            format!(
                "{version}installed, not running (it was not asked: asking may start it){unchecked}: systemctl start multipathd"
            ),
        ),
        Daemon::Refused { why } => (Level::Warn, format!("{version}runs and refuses: {why}{unchecked}")),
        Daemon::Hung { waited_ms } => {
            (Level::Warn, format!("{version}hangs: no maps within {waited_ms} ms{unchecked}"))
        }
        Daemon::Reconfiguring { phase } => {
            (Level::Warn, format!("{version}is busy: {phase}{unchecked}; ask again"))
        }
        Daemon::Unreadable { why } => {
            (Level::Warn, format!("{version}answers what cannot be read: {why}{unchecked}"))
        }
    };
    line(level, "multipathd", text)
}

/// The second witness: the same maps as multipathd's?
fn kernel(read: &NodeRead) -> Line {
    let maps = match &read.kernel {
        Err(why) => return line(Level::Note, "kernel", format!("device-mapper was not read: {why}")),
        Ok(maps) => maps,
    };
    let found = format!("device-mapper has {}", count(maps.len() as u64, "multipath map"));
    if !matches!(read.daemon, Daemon::Answering { .. }) {
        return line(Level::Ok, "kernel", found);
    }
    let ours: BTreeSet<&str> = read.maps.iter().map(|map| map.wwid.as_str()).collect();
    let theirs: BTreeSet<&str> = maps.iter().map(|map| map.wwid.as_str()).collect();
    let differ: Vec<&str> = ours.symmetric_difference(&theirs).copied().collect();
    if differ.is_empty() {
        line(Level::Ok, "kernel", format!("{found}, the same as multipathd"))
    } else {
        line(Level::Warn, "kernel", format!("{found}; only one of it and multipathd knows {}", some(&differ)))
    }
}

fn config_files(seen: &Seen) -> Line {
    let list: Vec<String> = seen
        .files
        .multipath
        .iter()
        .map(|file| match &file.lines {
            Ok(lines) => format!("{} ({})", file.path.display(), count(*lines as u64, "line")),
            Err(why) => format!("{} (not read: {why})", file.path.display()),
        })
        .collect();
    let list =
        if list.is_empty() { "no file: built-in defaults alone".to_owned() } else { list.join(", then ") };
    match &seen.files.config_dir {
        Some(dir) => line(
            Level::Warn,
            "config",
            format!("{list}; config_dir {dir}: drop-ins may be read from there instead"),
        ),
        None if seen.files.multipath.iter().any(|file| file.lines.is_err()) => {
            line(Level::Warn, "config", list)
        }
        None => line(Level::Note, "config", list),
    }
}

/// `mpatha`, `mpathab`: given by `user_friendly_names`, from this node's own bindings file.
fn is_friendly(name: &str) -> bool {
    name.strip_prefix("mpath").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_lowercase()))
}

fn names(read: &NodeRead) -> Option<Line> {
    if read.maps.is_empty() {
        return None;
    }
    let plain = read.maps.iter().filter(|map| map.name == map.wwid.as_str()).count();
    let friendly = read.maps.iter().filter(|map| is_friendly(&map.name)).count();
    let aliases = read.maps.len() - plain - friendly;
    let of = |n: usize, what: &str| (n > 0).then(|| format!("{n} {what}"));
    let parts: Vec<String> = [of(aliases, "by alias"), of(friendly, "mpathN"), of(plain, "by WWID")]
        .into_iter()
        .flatten()
        .collect();
    let text = parts.join(", ");
    Some(match friendly {
        0 => line(Level::Ok, "names", text),
        _ => line(
            Level::Note,
            "names",
            format!("{text}: mpathN comes from this node's own bindings and may mean another LUN elsewhere"),
        ),
    })
}

/// Live maps that the `wwids` file does not name: strict assembling leaves them out after a reboot.
fn reboot(read: &NodeRead, seen: &Seen) -> Option<Line> {
    if read.maps.is_empty() {
        return None;
    }
    let wwids = match &seen.files.wwids {
        Err(why) => {
            return Some(line(Level::Note, "reboot", format!("/etc/multipath/wwids was not read: {why}")));
        }
        Ok(wwids) => wwids,
    };
    let absent: Vec<&str> = read
        .maps
        .iter()
        .filter(|map: &&Map| !wwids.contains(map.wwid.as_str()))
        .map(|map| map.name.as_str())
        .collect();
    Some(match absent.len() {
        0 => line(Level::Ok, "reboot", "all live maps are in /etc/multipath/wwids"),
        n => {
            let are = if n == 1 { "is" } else { "are" };
            let text = format!(
                "{} {are} not in /etc/multipath/wwids and with find_multipaths strict will not return: {}; multipath -a DEVICE adds one",
                count(n as u64, "live map"),
                some(&absent)
            );
            line(Level::Warn, "reboot", text)
        }
    })
}

/// What else a reboot would not bring back, each with its cure.
fn other_doubts(read: &NodeRead) -> Vec<Line> {
    let doubts = RebootDoubts { not_in_wwids: Vec::new(), ..RebootDoubts::of(read) };
    let text = |doubt: &Doubt| format!("{}; mend it: {}", doubt.what, doubt.command);
    doubts.reasons().iter().map(|doubt| line(Level::Warn, "reboot", text(doubt))).collect()
}

/// Lines of multipath's files that are known to hurt. Old drop-in folders and names by number have lines of their own.
fn settings_that_hurt(read: &NodeRead) -> Vec<Line> {
    let told = |lint: &&Lint| !matches!(lint.name.as_str(), "config_dir" | "user_friendly_names");
    let lints: Vec<&Lint> = read.host.lints.iter().filter(told).collect();
    let mut out: Vec<Line> = lints
        .iter()
        .take(NAMES_MAX)
        .map(|lint| line(Level::Warn, "config", format!("{}: {}; {}", lint.at, lint.why, lint.advice)))
        .collect();
    if lints.len() > NAMES_MAX {
        let more =
            format!("{} more lines like these: pathkeeper explain CONFIG_LINT", lints.len() - NAMES_MAX);
        out.push(line(Level::Warn, "config", more));
    }
    out
}

fn loose(read: &NodeRead) -> Option<Line> {
    let n = read.loose.len();
    (n > 0).then(|| {
        line(
            Level::Note,
            "devices",
            format!("{} in no map: pathkeeper paths", count(n as u64, "path device")),
        )
    })
}

/// Only where something is known of it.
fn clock(seen: &Seen) -> Option<Line> {
    if let AgentSeen::Answers { nodes, .. } = &seen.agent {
        let worst =
            nodes.iter().filter_map(|n| Some((n.clock_skew_s?, &n.node))).max_by_key(|(s, _)| s.abs());
        if let Some((skew, node)) = worst.filter(|_| nodes.len() > 1) {
            let level = if skew.abs() > CLOCK_SKEW_S_MAX { Level::Warn } else { Level::Ok };
            return Some(line(level, "clock", format!("the farthest of the nodes is {node}, {skew:+} s")));
        }
    }
    seen.files.clock_synchronised.then(|| line(Level::Ok, "clock", "synchronised, says systemd-timesyncd"))
}

fn ports(seen: &Seen) -> Option<Line> {
    let config = seen.config.as_ref().ok()?;
    let scheme = if config.tls.certificate.is_some() { "https" } else { "http" };
    Some(line(
        Level::Ok,
        "ports",
        match config.listen {
            None => "none (listen = \"none\")".to_owned(),
            Some(at) if at.ip().is_loopback() => format!(
                "{at}, this machine only; elsewhere: ssh -L {port}:{at} root@{}",
                config.node,
                port = at.port()
            ),
            Some(at) => format!("{scheme}://{at}, for whoever has a token: pathkeeper token list"),
        },
    ))
}

fn certificate(seen: &Seen) -> Option<Line> {
    Some(match seen.certificate.as_ref()? {
        Err(why) => line(Level::Warn, "tls", format!("{why}: whoever asks by https finds no certificate")),
        Ok(CertificateSeen { concern: Some(concern), .. }) => line(Level::Warn, "tls", concern),
        Ok(CertificateSeen { words, authority, .. }) => {
            let clients = authority.as_ref();
            let clients =
                clients.map_or_else(String::new, |file| format!("; clients need {}", file.display()));
            line(Level::Ok, "tls", format!("{words}{clients}"))
        }
    })
}

/// The first few names.
fn some(names: &[&str]) -> String {
    let first: Vec<&str> = names.iter().take(NAMES_MAX).copied().collect();
    let more = names.len().saturating_sub(NAMES_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    first.join(" ") + &more
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use pathkeeper_model::local::{KernelMap, Queueing};
    use pathkeeper_model::{EpochS, Wwid};

    use super::*;
    use crate::app::mode::Mode;
    use crate::cli::doctor::files::{ConfFile, Files};
    use crate::cli::doctor::render;
    use crate::cli::fixtures::{cluster, node, view};
    use crate::config::Config;

    fn map(name: &str, wwid: &str) -> Map {
        Map { queueing: Queueing::Off, ..Map::unknown(name, Wwid::new(wwid).unwrap()) }
    }

    fn kernel_map(wwid: &str) -> KernelMap {
        KernelMap {
            name: wwid.into(),
            wwid: Wwid::new(wwid).unwrap(),
            dev_t: "254:0".into(),
            size_bytes: 0,
            open_count: 0,
            suspended: false,
            queue_if_no_path: false,
            queued: 0,
            unreadable: false,
            paths: Vec::new(),
        }
    }

    fn seen(daemon: Daemon, maps: Vec<Map>, kernel: &[&str]) -> Seen {
        Seen {
            sinks: Vec::new(),
            config: Config::parse("p.toml", "node = \"pve2\"\ncluster = \"san-a\"", []),
            agent: AgentSeen::Silent("no agent answers at /run/pathkeeper/pathkeeper.sock: No such file or directory\n  is the agent running?  systemctl status pathkeeper".into()),
            read: Ok(NodeRead {
                took_ms: 3,
                maps,
                kernel: Ok(kernel.iter().map(|wwid| kernel_map(wwid)).collect()),
                tools_version: Some("0.9.4".into()),
                ..NodeRead::empty(EpochS(0), daemon)
            }),
            certificate: None,
            files: Files {
                multipath: vec![
                    ConfFile { path: "/etc/multipath.conf".into(), lines: Ok(41) },
                    ConfFile { path: "/etc/multipath/conf.d/99-netapp.conf".into(), lines: Ok(1) },
                ],
                config_dir: None,
                wwids: Ok(["3600a", "3600b"].map(String::from).into()),
                lvm_filters: vec!["global_filter = [ \"a|/dev/mapper/mpath.*|\" ]".into()],
                clock_synchronised: true,
            },
            mode: Mode { manages: false, doubt: None },
            host: "pve2".into(),
        }
    }

    fn check(seen: &Seen, expect: Expect) {
        expect.assert_eq(&render("pve2", &seen.mode, &lines(seen), &view()));
    }

    #[test]
    fn a_node_before_its_first_agent() {
        let maps = vec![map("vm-prod", "3600a"), map("mpatha", "3600b"), map("3600c", "3600c")];
        check(
            &seen(Daemon::Answering { pid: Some(7) }, maps, &["3600a", "3600b", "3600c"]),
            expect![[r#"
                pathkeeper 0.1.0 on pve2: OBSERVE, nothing was or will be written to /etc
                ok    settings   node name pve2, cluster san-a
                note  agent      no agent answers at /run/pathkeeper/pathkeeper.sock: No such
                                 file or directory
                                 is the agent running? systemctl status pathkeeper
                ok    multipathd 0.9.4 running, 3 maps, 0 paths (read in 3 ms)
                ok    kernel     device-mapper has 3 multipath maps, the same as multipathd
                note  config     /etc/multipath.conf (41 lines), then
                                 /etc/multipath/conf.d/99-netapp.conf (1 line)
                note  names      1 by alias, 1 mpathN, 1 by WWID: mpathN comes from this node's
                                 own bindings and may mean another LUN elsewhere
                WARN  reboot     1 live map is not in /etc/multipath/wwids and with
                                 find_multipaths strict will not return: 3600c; multipath -a
                                 DEVICE adds one
                note  filters    LVM: global_filter = [ "a|/dev/mapper/mpath.*|" ]: a map that
                                 is renamed may hide its volume group
                ok    clock      synchronised, says systemd-timesyncd
                ok    ports      127.0.0.1:8480, this machine only; elsewhere: ssh -L
                                 8480:127.0.0.1:8480 root@pve2
            "#]],
        );
    }

    #[test]
    fn a_node_with_its_agent() {
        let mut seen = seen(Daemon::Answering { pid: Some(7) }, vec![map("vm-prod", "3600a")], &["3600a"]);
        seen.files.lvm_filters.clear();
        let mut skewed = node("pve3", "fresh");
        skewed.clock_skew_s = Some(-41);
        let status = cluster("vm-prod degraded pve2=degraded:1/2");
        seen.agent = AgentSeen::Answers {
            version: env!("CARGO_PKG_VERSION").into(),
            took_ms: 3,
            status: Ok(Box::new(status)),
            nodes: vec![node("pve2", "fresh"), skewed],
        };
        check(
            &seen,
            expect![[r#"
            pathkeeper 0.1.0 on pve2: OBSERVE, nothing was or will be written to /etc
            ok    settings   node name pve2, cluster san-a
            ok    agent      0.1.0 answers in 3 ms
            ok    store      embedded, 4 of 4 nodes fresh
            WARN  cluster    HEALTH_WARN, 0 of 1 LUN clean: pathkeeper status
            ok    multipathd 0.9.4 running, 1 map, 0 paths (read in 3 ms)
            ok    kernel     device-mapper has 1 multipath map, the same as multipathd
            note  config     /etc/multipath.conf (41 lines), then
                             /etc/multipath/conf.d/99-netapp.conf (1 line)
            ok    names      1 by alias
            ok    reboot     all live maps are in /etc/multipath/wwids
            WARN  clock      the farthest of the nodes is pve3, -41 s
            ok    ports      127.0.0.1:8480, this machine only; elsewhere: ssh -L
                             8480:127.0.0.1:8480 root@pve2
        "#]],
        );
    }

    #[test]
    fn what_would_not_come_back_and_what_hurts_is_said_with_its_cure() {
        use pathkeeper_model::local::{HostFacts, UnitState};
        let mut seen = seen(Daemon::Answering { pid: Some(7) }, vec![map("vm-prod", "3600a")], &["3600a"]);
        let lint = |name: &str| Lint {
            name: name.into(),
            at: "/etc/multipath.conf:3".into(),
            why: "why".into(),
            advice: "mend".into(),
        };
        let mut lints: Vec<Lint> = (0..7).map(|n| lint(&format!("x{n}"))).collect();
        lints.push(lint("user_friendly_names"));
        let host = HostFacts { daemon_unit: Some(UnitState::Masked), lints, ..HostFacts::default() };
        seen.read.as_mut().unwrap().host = host.into();
        let of = |topic: &str| {
            let lines =
                lines(&seen).into_iter().filter(|line| line.topic == topic && line.level == Level::Warn);
            lines.map(|line| line.text).collect::<Vec<_>>()
        };
        assert_eq!(
            of("reboot"),
            [
                "multipathd.service is masked: nothing starts it; mend it: systemctl unmask multipathd && systemctl enable multipathd"
            ]
        );
        let config = of("config");
        assert_eq!((config.len(), config[0].as_str()), (6, "/etc/multipath.conf:3: why; mend"));
        assert!(config[5].starts_with("2 more lines"), "{config:?}");
    }

    #[test]
    fn a_certificate_is_shown_with_its_end_and_with_what_hurts() {
        let said = |certificate: Result<CertificateSeen, String>| {
            let mut seen = seen(Daemon::Absent, Vec::new(), &[]);
            seen.config = Config::parse("p.toml", "node = \"pve2\"\nlisten = \"0.0.0.0:8480\"", []);
            seen.certificate = Some(certificate);
            let lines = lines(&seen);
            let last = lines.iter().rev().take(2).rev();
            last.map(|l| format!("{:?} {}: {}\n", l.level, l.topic, l.text)).collect::<String>()
        };
        let certificate = |concern: Option<&str>| CertificateSeen {
            words: "node.pem counts until 2027-01-01 00:00 UTC".into(),
            concern: concern.map(str::to_owned),
            authority: Some("/s/tls/ca.pem".into()),
        };
        expect![[r#"
            Ok ports: https://0.0.0.0:8480, for whoever has a token: pathkeeper token list
            Ok tls: node.pem counts until 2027-01-01 00:00 UTC; clients need /s/tls/ca.pem
        "#]]
        .assert_eq(&said(Ok(certificate(None))));
        expect![[r#"
            Ok ports: https://0.0.0.0:8480, for whoever has a token: pathkeeper token list
            Warn tls: node.pem ends on 2027-01-01 00:00 UTC, in 29 days
        "#]]
        .assert_eq(&said(Ok(certificate(Some("node.pem ends on 2027-01-01 00:00 UTC, in 29 days")))));
        expect![[r#"
            Ok ports: https://0.0.0.0:8480, for whoever has a token: pathkeeper token list
            Warn tls: /k is not there: whoever asks by https finds no certificate
        "#]]
        .assert_eq(&said(Err("/k is not there".into())));
    }

    #[test]
    fn a_managed_node_says_so_and_what_does_not_count_is_a_warning() {
        let mut seen = seen(Daemon::Absent, Vec::new(), &[]);
        let said = |seen: &Seen| {
            let text = render("pve2", &seen.mode, &lines(seen), &view());
            let shown = |line: &&str| line.contains(" on pve2: ") || line.contains(" mode ");
            text.lines().filter(shown).collect::<Vec<_>>().join("\n")
        };
        seen.mode.manages = true;
        let managed =
            "pathkeeper 0.1.0 on pve2: MANAGE, multipath's configuration is written here as rollouts say";
        assert_eq!(said(&seen), managed);
        seen.agent = AgentSeen::Answers {
            version: env!("CARGO_PKG_VERSION").into(),
            took_ms: 3,
            status: Ok(Box::new(cluster("vm-prod optimal pve2=optimal:2/2"))),
            nodes: Vec::new(),
        };
        let warned = said(&seen);
        assert!(
            warned.contains("WARN  mode       the agent that runs says observe, and the node"),
            "{warned}"
        );
        seen.mode = Mode { manages: false, doubt: Some("it is a symbolic link".into()) };
        let doubtful = said(&seen);
        assert!(
            doubtful.contains("OBSERVE") && doubtful.contains("WARN  mode       it is a symbolic"),
            "{doubtful}"
        );
    }

    #[test]
    fn a_machine_with_nothing_on_it() {
        let mut seen = seen(Daemon::Absent, Vec::new(), &[]);
        let nowhere = std::path::Path::new("/nonexistent");
        seen.files = Files::read(nowhere, nowhere);
        check(
            &seen,
            expect![[r#"
            pathkeeper 0.1.0 on pve2: OBSERVE, nothing was or will be written to /etc
            ok    settings   node name pve2, cluster san-a
            note  agent      no agent answers at /run/pathkeeper/pathkeeper.sock: No such
                             file or directory
                             is the agent running? systemctl status pathkeeper
            note  multipathd multipath-tools is not installed: nothing to watch here
            ok    kernel     device-mapper has 0 multipath maps
            note  config     no file: built-in defaults alone
            ok    ports      127.0.0.1:8480, this machine only; elsewhere: ssh -L
                             8480:127.0.0.1:8480 root@pve2
        "#]],
        );
    }

    #[test]
    fn what_hurts_is_said_with_what_to_do() {
        let mut bad = seen(Daemon::Stopped, Vec::new(), &["3600a"]);
        bad.config = Config::parse("p.toml", "nodes = 1", []);
        bad.files.config_dir = Some("/etc/old".into());
        bad.agent = AgentSeen::Silent(
            "no agent answers at /run/x: Permission denied\n  the socket is for root".into(),
        );
        check(
            &bad,
            expect![[r#"
                pathkeeper 0.1.0 on pve2: OBSERVE, nothing was or will be written to /etc
                WARN  settings   the agent will not start:
                                 p.toml:1:1: unknown field `nodes`, expected one of `node`,
                                 `cluster`, `state-dir`, `run-dir`, `listen`,
                                 `loopback-needs-token`, `socket-group`, `log`,
                                 `multipathd-socket`, `poll-interval-s`, `history-days`,
                                 `history-mb`, `store`, `tls`, `alerts`, `roots`
                WARN  agent      no agent answers at /run/x: Permission denied
                                 the socket is for root
                WARN  multipathd 0.9.4 installed, not running (it was not asked: asking may
                                 start it); the kernel has 1 map that nobody checks: systemctl
                                 start multipathd
                ok    kernel     device-mapper has 1 multipath map
                WARN  config     /etc/multipath.conf (41 lines), then
                                 /etc/multipath/conf.d/99-netapp.conf (1 line); config_dir
                                 /etc/old: drop-ins may be read from there instead
                note  filters    LVM: global_filter = [ "a|/dev/mapper/mpath.*|" ]: a map that
                                 is renamed may hide its volume group
                ok    clock      synchronised, says systemd-timesyncd
            "#]],
        );
        let said = |daemon: Daemon| lines(&seen(daemon, Vec::new(), &["a", "b"])).swap_remove(2).text;
        expect![[r#"
            0.9.4 hangs: no maps within 4500 ms; the kernel has 2 maps that nobody checks
            0.9.4 runs and refuses: it answered `fail` twice; the kernel has 2 maps that nobody checks
            0.9.4 is busy: configure; the kernel has 2 maps that nobody checks; ask again
            0.9.4 answers what cannot be read: no JSON; the kernel has 2 maps that nobody checks
            multipath-tools is not installed; the kernel has 2 maps that nobody checks"#]]
        .assert_eq(
            &[
                said(Daemon::Hung { waited_ms: 4500 }),
                said(Daemon::Refused { why: "it answered `fail` twice".into() }),
                said(Daemon::Reconfiguring { phase: "configure".into() }),
                said(Daemon::Unreadable { why: "no JSON".into() }),
                said(Daemon::Absent),
            ]
            .join("\n"),
        );
        let mut differs = seen(Daemon::Answering { pid: None }, vec![map("a", "3600a")], &["3600x"]);
        differs.read.as_mut().unwrap().problems = vec!["a reply was cut off".into(), "more".into()];
        let found = lines(&differs);
        assert!(
            found.iter().any(|l| l.topic == "kernel" && l.text.ends_with("knows 3600a 3600x")),
            "{found:?}"
        );
        assert!(found.iter().any(|l| l.topic == "reading" && l.text == "a reply was cut off (and 1 more)"));
    }
}
