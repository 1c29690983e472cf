//! `GET /metrics`: the own node, computed when it is asked for, so that no series outlives what it speaks of.

use std::borrow::Cow;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Context;
use super::errors::ApiError;
use crate::app::board::LocalView;

type Labels = Vec<(&'static str, Cow<'static, str>)>;

/// Collects families by name and writes them once.
#[derive(Default)]
struct Page {
    registry: Registry,
}

impl Page {
    fn family<L>(&mut self, name: &'static str, help: &'static str, values: Vec<(L, i64)>)
    where
        L: EncodeLabelSet + Clone + std::hash::Hash + Eq + std::fmt::Debug + Send + Sync + 'static,
    {
        let family = Family::<L, Gauge>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).set(value);
        }
        self.registry.register(name, help, family);
    }

    fn counters(&mut self, name: &'static str, help: &'static str, values: Vec<(Labels, u64)>) {
        let family = Family::<Labels, prometheus_client::metrics::counter::Counter>::default();
        for (labels, value) in values {
            family.get_or_create(&labels).inc_by(value);
        }
        self.registry.register(name, help, family);
    }
}

fn own(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

/// The handler.
pub async fn metrics(State(context): State<Context>) -> Result<Response, ApiError> {
    let text = super::off_thread(move || page(&context)).await?;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}

fn page(context: &Context) -> String {
    let mut page = Page::default();
    let node = || ("node", own(context.node.as_str()));
    page.family(
        "pathkeeper_build_info",
        "Version of Pathkeeper",
        vec![(vec![("version", Cow::Borrowed(env!("CARGO_PKG_VERSION")))], 1)],
    );
    let local = context.board.local();
    let tools = local.as_ref().and_then(|l| l.read.tools_version.clone()).unwrap_or_default();
    page.family(
        "pathkeeper_node_info",
        "This node",
        vec![(
            vec![
                node(),
                ("store", Cow::Borrowed(context.store)),
                ("mode", own(&context.facts.mode)),
                ("multipath_tools", own(&tools)),
            ],
            1,
        )],
    );
    let mut events: Vec<_> =
        context.board.nodes().events.iter().map(|(kind, n)| ("cluster", *kind, *n)).collect();
    if let Some(local) = &local {
        of_node(&mut page, context.node.as_str(), local);
        events.extend(local.events.iter().map(|(kind, n)| ("agent", *kind, *n)));
    }
    let events = events.into_iter().map(|(machine, kind, n)| {
        (vec![("machine", Cow::Borrowed(machine)), ("kind", Cow::Borrowed(kind))], n)
    });
    page.counters("pathkeeper_events", "Events that the state machines took", events.collect());
    let mut text = String::new();
    // Writing into a String does not fail.
    let _ = encode(&mut text, &page.registry);
    text
}

fn of_node(page: &mut Page, name: &str, local: &LocalView) {
    let disks = &local.disks(local.at);
    let node = || ("node", own(name));
    let up = i64::from(disks.multipathd == "running");
    page.family(
        "pathkeeper_multipathd_up",
        "1 if multipathd gave its maps at the last read",
        vec![(vec![node()], up)],
    );
    page.family(
        "pathkeeper_multipathd_last_read_timestamp_seconds",
        "When the last read of the local node began",
        vec![(vec![node()], disks.time)],
    );
    page.counters(
        "pathkeeper_unknown_words",
        "Words in multipathd's replies that this version does not know",
        vec![(vec![node()], local.unknown_words)],
    );
    let maps = || disks.maps.iter().map(|map| (vec![node(), ("wwid", own(&map.wwid))], map));
    let transport = |map: &pathkeeper_api::disks::Map| {
        let mut all: Vec<&str> =
            map.groups.iter().flat_map(|g| &g.paths).filter_map(|p| p.transport.as_deref()).collect();
        all.dedup();
        match all.as_slice() {
            [] => String::new(),
            [one] => (*one).to_owned(),
            _ => "mixed".to_owned(),
        }
    };
    let info = maps().map(|(mut labels, map)| {
        labels.extend([
            ("alias", own(&map.name)),
            ("dm", own(map.dm.as_deref().unwrap_or_default())),
            ("vendor", own(&map.vendor)),
            ("product", own(&map.product)),
            ("transport", Cow::Owned(transport(map))),
        ]);
        (labels, 1)
    });
    page.family("pathkeeper_map_info", "A map", info.collect());
    // What is reported, not what was read: a map that could not be read now keeps its series, as unknown.
    let reported =
        || local.entries.iter().map(|(wwid, entry)| (vec![node(), ("wwid", own(wwid.as_str()))], entry));
    let states = reported().flat_map(|(labels, entry)| {
        pathkeeper_model::State::ALL.map(|state| {
            let mut labels = labels.clone();
            labels.push(("state", Cow::Borrowed(state.as_str())));
            (labels, i64::from(entry.state == state))
        })
    });
    page.family("pathkeeper_map_state", "1 for the map's state, 0 for the others", states.collect());
    let counted = |pick: &dyn Fn(&pathkeeper_api::disks::Map) -> Option<i64>| -> Vec<(Labels, i64)> {
        maps().filter_map(|(labels, map)| Some((labels, pick(map)?))).collect()
    };
    let number = |pick: &dyn Fn(&pathkeeper_model::Entry) -> Option<u32>| -> Vec<(Labels, i64)> {
        reported().filter_map(|(labels, entry)| Some((labels, i64::from(pick(entry)?)))).collect()
    };
    let known = number(&|entry| entry.paths_total);
    page.family("pathkeeper_map_paths", "Paths that the kernel knows", known);
    let usable = number(&|entry| entry.paths_active);
    page.family("pathkeeper_map_paths_usable", "Paths that can be used", usable);
    let size = counted(&|map| map.size.and_then(|size| i64::try_from(size).ok()));
    page.family("pathkeeper_map_size_bytes", "Size of the map", size);
    let no_path = |map: &pathkeeper_api::disks::Map| map.paths_active == Some(0);
    let queues = |map: &pathkeeper_api::disks::Map| map.queueing == "on" || map.queueing.ends_with(" sec");
    let queueing = counted(&|map| Some(i64::from(queues(map))));
    page.family("pathkeeper_map_queueing", "1 while I/O without a path is queued, not failed", queueing);
    let deadline = counted(&|map| {
        let seconds: i64 = map.queueing.strip_suffix(" sec")?.parse().ok()?;
        no_path(map).then_some(disks.time + seconds)
    });
    page.family(
        "pathkeeper_map_queue_deadline_timestamp_seconds",
        "When queued I/O will fail (absent = for ever)",
        deadline,
    );
    let adapters = disks.adapters.iter().filter_map(|adapter| {
        // Where the kernel says nothing of a link there is no sample: doubt is not up.
        let up = matches!(adapter.link.as_deref()?, "Online" | "LOGGED_IN" | "live" | "running");
        let labels = vec![
            node(),
            ("hba", own(&adapter.name)),
            ("port", own(adapter.port_name.as_deref().unwrap_or_default())),
            ("fabric", own(adapter.fabric.as_deref().unwrap_or_default())),
        ];
        Some((labels, i64::from(up)))
    });
    page.family(
        "pathkeeper_hba_up",
        "1 if the adapter's link is up, as far as the kernel says",
        adapters.collect(),
    );
}
