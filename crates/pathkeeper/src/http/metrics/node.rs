//! `/metrics`: the node that answers, from its own last read; from the cluster's picture only what it should have.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use pathkeeper_api::disks::{Map, NodeDisks};
use pathkeeper_api::status::Cell;
use pathkeeper_io::notify::{Sink, SinkState};
use pathkeeper_model::cause::CellCauses;
use pathkeeper_model::local::{PathDevice, Port, port_of};
use pathkeeper_model::topology::port_text;
use pathkeeper_model::{State, Wwid, judge};

use super::page::{Labels, Page};
use super::{Head, borrowed, number, with};
use crate::app::board::{LocalView, Snapshot};
use crate::http::Context;

/// Causes that are told of one map.
const CAUSES_OF_MAP_MAX: usize = 8;

/// Writes the page; `cells` is what the cluster's picture knows of the paths here.
pub fn write(page: &mut Page, context: &Context, cells: &[(Wwid, CellCauses)]) {
    let name = context.node.as_str();
    let local = context.board.local();
    let snapshot = context.board.snapshot();
    let version = borrowed(env!("CARGO_PKG_VERSION"));
    page.gauge("pathkeeper_build_info", "Version of Pathkeeper", [(vec![("version", version)], 1)]);
    let tools = local.as_ref().and_then(|l| l.read.tools_version.clone()).unwrap_or_default();
    let info = vec![
        ("node", borrowed(name)),
        ("store", borrowed(context.store)),
        ("mode", borrowed(&context.facts.mode)),
        ("multipath_tools", Cow::Owned(tools)),
    ];
    page.gauge("pathkeeper_node_info", "This node", [(info, 1)]);
    of_alerts(page, context, name);
    let nodes = context.board.nodes();
    let mut events: Vec<_> = nodes.events.iter().map(|(kind, n)| ("cluster", *kind, *n)).collect();
    if let Some(local) = &local {
        let disks = local.disks(local.at);
        let maps = Maps::of(name, local, &disks, snapshot.as_deref());
        of_daemon(page, local, &disks, &maps);
        maps.write(page);
        of_causes(page, &maps, snapshot.as_deref());
        of_domains(page, local, cells, name);
        of_ports(page, local, &disks, name);
        events.extend(local.events.iter().map(|(kind, n)| ("agent", *kind, *n)));
    }
    let events = events.into_iter().map(|(machine, kind, n)| {
        (vec![("machine", Cow::Borrowed(machine)), ("kind", Cow::Borrowed(kind))], n)
    });
    page.counter("pathkeeper_events", "Events that the state machines took", events);
}

fn of_alerts(page: &mut Page, context: &Context, node: &str) {
    let sinks = context.board.alerts.sinks();
    let labels = |sink: &Sink| -> Labels<'static> {
        vec![("node", Cow::Owned(node.to_owned())), ("sink", Cow::Owned(sink.config().name.clone()))]
    };
    let states: Vec<_> = sinks.iter().map(|sink| (labels(sink), sink.state())).collect();
    let mut count = |metric: &str, help: &str, of: fn(&SinkState) -> u64| {
        page.counter(metric, help, states.iter().map(|(labels, state)| (labels.clone(), of(state))));
    };
    count("pathkeeper_alerts_sent", "Messages that the sink has taken", |state| state.sent);
    count("pathkeeper_alerts_failed", "Tries to send that failed", |state| state.failed);
    count("pathkeeper_alerts_dropped", "Messages that the sink will never get", |state| state.dropped);
    page.gauge(
        "pathkeeper_alerts_queue",
        "Messages that wait for the sink",
        states
            .iter()
            .map(|(labels, state)| (labels.clone(), i64::try_from(state.waiting).unwrap_or(i64::MAX))),
    );
    page.gauge(
        "pathkeeper_alerts_failing",
        "1 if the sink did not take the last try",
        states.iter().map(|(labels, state)| (labels.clone(), i64::from(state.failing_since.is_some()))),
    );
}

fn of_daemon(page: &mut Page, local: &LocalView, disks: &NodeDisks, maps: &Maps<'_>) {
    let node: Labels<'_> = vec![("node", borrowed(maps.node))];
    // A machine without multipath-tools, of which nobody expects a LUN, lacks nothing.
    let not_meant = disks.multipathd == "absent" && maps.all.is_empty();
    let up = (!not_meant).then(|| (node.clone(), i64::from(disks.multipathd == "running")));
    page.gauge("pathkeeper_multipathd_up", "1 if multipathd gave its maps at the last read", up);
    page.gauge(
        "pathkeeper_multipathd_last_read_timestamp_seconds",
        "When the last read of the local node began",
        [(node.clone(), disks.time)],
    );
    page.counter(
        "pathkeeper_unknown_words",
        "Words in multipathd's replies that this version does not know",
        [(node, local.unknown_words)],
    );
}

/// One LUN on this node, from all who know of it.
#[derive(Default)]
struct Known<'a> {
    state: Option<State>,
    /// Paths that the kernel knows, those that can be used, and those that should be there.
    paths: Option<u32>,
    usable: Option<u32>,
    expected: u32,
    map: Option<&'a Map>,
    storage: Cow<'a, str>,
    causes: Vec<String>,
}

/// Every LUN that this node has or should have.
struct Maps<'a> {
    node: &'a str,
    all: BTreeMap<&'a str, Known<'a>>,
}

impl<'a> Maps<'a> {
    fn of(node: &'a str, local: &'a LocalView, disks: &'a NodeDisks, snapshot: Option<&'a Snapshot>) -> Self {
        let mut all: BTreeMap<&str, Known<'_>> = BTreeMap::new();
        // What is reported, not what was read: a map that could not be read now keeps its series, as unknown.
        for (wwid, entry) in local.entries.iter() {
            let known = all.entry(wwid.as_str()).or_default();
            known.state = Some(entry.state);
            (known.paths, known.usable) = (entry.paths_total, entry.paths_active);
            known.expected = entry.paths_expected.unwrap_or(0);
        }
        for row in snapshot.into_iter().flat_map(|snapshot| &snapshot.rows) {
            let cell = || -> Option<Cell> { snapshot?.cell(&row.wwid, node) };
            let here = row.nodes.iter().any(|name| **name == *node);
            if let Some(known) = all.get_mut(row.wwid.as_str()) {
                known.storage = Head::of(row).storage();
                known.causes = cell().map(|cell| cell.causes).unwrap_or_default();
            } else if let Some(cell) = here.then(cell).flatten() {
                // It should be here, and this node reports no map of it.
                let state = State::parse(&cell.state).unwrap_or(State::Unknown);
                let none = (state == State::Missing).then_some(0);
                let known = all.entry(row.wwid.as_str()).or_default();
                *known = Known {
                    state: Some(state),
                    paths: none,
                    usable: none,
                    expected: cell.paths_expected.unwrap_or(0),
                    map: None,
                    storage: Head::of(row).storage(),
                    causes: cell.causes,
                };
            }
        }
        for map in &disks.maps {
            all.entry(map.wwid.as_str()).or_default().map = Some(map);
        }
        for (wwid, known) in &mut all {
            let remembered = Wwid::new(wwid).and_then(|wwid| Some(local.ledger.luns.get(&wwid)?.paths()));
            // Known ones, and those that are remembered beside them. What is configured is in the entry, and stronger.
            let remembered = if known.expected > 0 { None } else { remembered };
            known.expected = known.expected.max(remembered.unwrap_or(0)).max(known.paths.unwrap_or(0));
        }
        Self { node, all }
    }

    fn series<T>(
        &self,
        pick: impl Fn(&Known<'a>) -> Option<T> + 'a,
    ) -> impl Iterator<Item = (Labels<'_>, T)> + '_
    where
        T: 'a,
    {
        self.all.iter().filter_map(move |(wwid, known)| {
            let labels: Labels<'_> = vec![("node", borrowed(self.node)), ("wwid", borrowed(wwid))];
            Some((labels, pick(known)?))
        })
    }

    fn write(&self, page: &mut Page) {
        let info = self.all.iter().filter_map(|(wwid, known)| {
            let map = known.map?;
            let labels = vec![
                ("node", borrowed(self.node)),
                ("wwid", borrowed(wwid)),
                ("alias", borrowed(&map.name)),
                ("dm", borrowed(map.dm.as_deref().unwrap_or_default())),
                ("vendor", borrowed(&map.vendor)),
                ("product", borrowed(&map.product)),
                ("transport", Cow::Owned(transport(map))),
                ("storage", known.storage.clone()),
            ];
            Some((labels, 1))
        });
        page.gauge("pathkeeper_map_info", "A map", info);
        let states = self.series(|known| known.state).flat_map(|(labels, is)| {
            State::ALL
                .map(|state| (with(&labels, [("state", borrowed(state.as_str()))]), i64::from(is == state)))
        });
        page.gauge(
            "pathkeeper_map_state",
            "1 for the map's state, 0 for the others; as long as the map is expected",
            states,
        );
        let count = |n: u32| Some(i64::from(n));
        page.gauge(
            "pathkeeper_map_paths",
            "Paths that the kernel knows",
            self.series(move |known| count(known.paths?)),
        );
        page.gauge(
            "pathkeeper_map_paths_usable",
            "Paths that can be used",
            self.series(move |known| count(known.usable?)),
        );
        page.gauge(
            "pathkeeper_map_paths_expected",
            "Paths that should be there: configured, else known and remembered ones",
            self.series(move |known| Some(known.expected).filter(|n| *n > 0).and_then(count)),
        );
        let of_map = |pick: fn(&Map) -> Option<i64>| self.series(move |known| pick(known.map?));
        page.gauge("pathkeeper_map_size_bytes", "Size of the map", of_map(|map| Some(number(map.size?))));
        page.gauge(
            "pathkeeper_map_queueing",
            "1 if I/O without a path is queued, not failed",
            of_map(|map| Some(i64::from(queues(map)))),
        );
        page.gauge(
            "pathkeeper_map_queue_deadline_timestamp_seconds",
            "When queued I/O will fail (absent = for ever)",
            of_map(|map| map.queueing_until.filter(|_| map.paths_active == Some(0))),
        );
    }
}

/// Whether I/O waits where there is no path: for ever, for some seconds, for some checks.
fn queues(map: &Map) -> bool {
    map.queueing == "on" || map.queueing.ends_with(" sec") || map.queueing.ends_with(" chk")
}

fn transport(map: &Map) -> String {
    let paths = map.groups.iter().flat_map(|group| &group.paths);
    let all: BTreeSet<&str> = paths.filter_map(|path| path.transport.as_deref()).collect();
    match all.len() {
        0 | 1 => all.first().copied().unwrap_or_default().to_owned(),
        _ => "mixed".to_owned(),
    }
}

fn of_causes(page: &mut Page, maps: &Maps<'_>, snapshot: Option<&Snapshot>) {
    let listed = maps.all.iter().flat_map(|(wwid, known)| {
        known.causes.iter().take(CAUSES_OF_MAP_MAX).map(move |cause| (*wwid, cause.as_str()))
    });
    // Who mutes what is said of one map here does not want to hear it by way of its paths.
    let findings = snapshot.into_iter().flat_map(|snapshot| &snapshot.beside.findings);
    let muted = findings.filter(|finding| finding.muted.is_some()).filter_map(|finding| {
        let here = finding.scope.node.as_deref().is_none_or(|node| node == maps.node);
        let wwid = finding.scope.wwid.as_deref().filter(|wwid| here && maps.all.contains_key(wwid))?;
        Some((wwid, finding.fingerprint.as_str()))
    });
    let series = listed.chain(muted).map(|(wwid, cause)| {
        let labels =
            vec![("node", borrowed(maps.node)), ("wwid", borrowed(wwid)), ("cause", borrowed(cause))];
        (labels, 1)
    });
    page.gauge(
        "pathkeeper_map_cause_info",
        "A listed cause, or a muted finding of the map, explains what is wrong with it here",
        series,
    );
}

/// How many adapters, fabrics and controllers the usable paths of each map run over, where all of them are known.
/// Which ports are one controller's is found out from the ports of all nodes, so of these the cluster's picture tells.
fn of_domains(page: &mut Page, local: &LocalView, cells: &[(Wwid, CellCauses)], name: &str) {
    let adapters = &local.read.adapters;
    let fabric = |path: &PathDevice| {
        let adapter = adapters.iter().find(|adapter| Some(&*adapter.name) == path.adapter.as_deref())?;
        adapter.fabric.clone()
    };
    type Domain<'a> = (&'static str, &'a dyn Fn(&PathDevice) -> Option<String>);
    let kinds: [Domain<'_>; 2] =
        [("hba", &|path| path.adapter.as_deref().map(str::to_owned)), ("fabric", &fabric)];
    let domains = |wwid: &Wwid, kind: &'static str, n: u64| {
        let labels =
            vec![("node", borrowed(name)), ("wwid", Cow::Owned(wwid.to_string())), ("kind", borrowed(kind))];
        (labels, number(n))
    };
    let series = local.read.maps.iter().flat_map(|map| {
        kinds.iter().filter_map(|(kind, of)| {
            let paths = || map.groups.iter().flat_map(|group| &group.paths);
            let usable = paths().filter(|path| judge::is_usable(path)).map(of);
            let all: Option<BTreeSet<String>> = usable.collect();
            // Where there is no usable path there is none of anything; but nobody may know of fabrics here at all.
            let all = all.filter(|_| paths().any(|path| of(path).is_some()))?;
            Some(domains(&map.wwid, kind, all.len() as u64))
        })
    });
    let controllers = cells.iter().filter(|(_, cell)| cell.controllers.1 > 0);
    let controllers =
        controllers.map(|(wwid, cell)| domains(wwid, "controller", u64::from(cell.controllers.0)));
    page.gauge(
        "pathkeeper_map_fault_domains_usable",
        "Adapters, fabrics and controllers that usable paths run over",
        series.chain(controllers),
    );
}

/// A port or a fabric as it is written everywhere; empty where it is not known.
fn port_words(raw: Option<&str>) -> Cow<'static, str> {
    Cow::Owned(raw.map_or_else(String::new, |raw| port_text(raw).to_string()))
}

#[derive(Default)]
struct PortSums {
    usable: u32,
    expected: u32,
}

fn of_ports(page: &mut Page, local: &LocalView, disks: &NodeDisks, name: &str) {
    let fabric_of = |hba: &str| {
        let adapter = disks.adapters.iter().find(|adapter| adapter.name == hba);
        port_words(adapter.and_then(|adapter| adapter.fabric.as_deref()))
    };
    let links = disks.adapters.iter().filter_map(|adapter| {
        // Where the kernel says nothing of a link there is no sample: doubt is not up.
        let up = matches!(adapter.link.as_deref()?, "Online" | "LOGGED_IN" | "live" | "running");
        let labels = vec![
            ("node", borrowed(name)),
            ("hba", borrowed(&adapter.name)),
            ("port", port_words(adapter.port_name.as_deref())),
            ("fabric", port_words(adapter.fabric.as_deref())),
        ];
        Some((labels, i64::from(up)))
    });
    page.gauge("pathkeeper_hba_up", "1 if the adapter's link is up, as far as the kernel says", links);
    let ports = ports(local);
    let answered = disks.multipathd == "running";
    let series = |pick: fn(&PortSums) -> u32| {
        let ports: &BTreeMap<Port, PortSums> = &ports;
        ports.iter().map(move |((hba, target), sums)| {
            let labels = vec![
                ("node", borrowed(name)),
                ("hba", borrowed(hba)),
                ("target", borrowed(target)),
                ("fabric", fabric_of(hba)),
            ];
            (labels, i64::from(pick(sums)))
        })
    };
    // Without multipathd nobody knows.
    page.gauge(
        "pathkeeper_port_paths_usable",
        "Usable paths over an adapter and a target port",
        series(|sums| sums.usable).filter(|_| answered),
    );
    page.gauge(
        "pathkeeper_port_paths_expected",
        "Paths over an adapter and a target port that should be there",
        series(|sums| sums.expected),
    );
    let turns = local.port_turns.iter().map(|((hba, target), n)| {
        (vec![("node", borrowed(name)), ("hba", borrowed(hba)), ("target", borrowed(target))], *n)
    });
    page.counter(
        "pathkeeper_port_transitions",
        "Turns of a port from losing usable paths to getting them back, or the other way",
        turns,
    );
}

/// Paths by adapter and target port: those that maps have now, and those that are remembered, the more of both for each
/// LUN.
fn ports(local: &LocalView) -> BTreeMap<Port, PortSums> {
    // The ledger names an adapter by its port where it knows that; here it goes by its name.
    let adapters = local.read.adapters.iter();
    let names: BTreeMap<&str, &str> =
        adapters.filter_map(|a| Some((a.port_name.as_deref()?, a.name.as_str()))).collect();
    let mut all: BTreeMap<(&Wwid, Port), PortSums> = BTreeMap::new();
    let mut ports_of: BTreeMap<&str, &str> = BTreeMap::new();
    for map in &local.read.maps {
        for path in map.groups.iter().flat_map(|group| &group.paths) {
            let Some(port) = port_of(path) else { continue };
            if let (Some(hba), Some(port)) = (&path.adapter, &path.adapter_port) {
                ports_of.entry(port).or_insert(hba);
            }
            let sums = all.entry((&map.wwid, port)).or_default();
            sums.expected += 1;
            sums.usable += u32::from(judge::is_usable(path));
        }
    }
    for (wwid, lun) in &local.ledger.luns {
        let mut remembered: BTreeMap<Port, u32> = BTreeMap::new();
        for port in &lun.ports {
            let raw = &*port.adapter;
            let hba = ports_of.get(raw).or_else(|| names.get(raw)).copied();
            let key: Port = (hba.unwrap_or(raw).into(), port_text(&port.target));
            *remembered.entry(key).or_default() += port.paths;
        }
        for (port, paths) in remembered {
            let sums = all.entry((wwid, port)).or_default();
            sums.expected = sums.expected.max(paths);
        }
    }
    let mut ports: BTreeMap<Port, PortSums> = BTreeMap::new();
    for ((_, port), sums) in all {
        let of_port = ports.entry(port).or_default();
        of_port.usable += sums.usable;
        of_port.expected += sums.expected;
    }
    ports
}
