//! The OpenAPI document. Each function here only carries a description; the handlers are in the binary, and a test
//! there asks every path of this document.
#![allow(dead_code, clippy::unused_async)]

use utoipa::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{self, ContentBuilder, Ref, RefOr, ResponseBuilder};

use crate::alerts::{Alerts, TestBody, Tested};
use crate::can::Can;
use crate::discover::Discovered;
use crate::explain::Explained;
use crate::guests::Guests;
use crate::guide::Guide;
use crate::history::{Support, Timeline};
use crate::luns::{Luns, OrderBody, Ordered};
use crate::map::MapNames;
use crate::session::Session;
use crate::{
    ErrorBody, Version,
    disks::NodeDisks,
    nodes::NodeRow,
    status::{ClusterStatus, Finding},
    volumes::Volume,
};

macro_rules! answer {
    ($name:ident, $data:ty, $doc:literal) => {
        #[doc = $doc]
        #[derive(utoipa::ToSchema)]
        struct $name {
            data: $data,
        }
    };
}
mod config;
mod people;

answer!(StatusAnswer, ClusterStatus, "Status in Proxmox's envelope.");
answer!(MapNamesAnswer, MapNames, "Names of rows and columns in Proxmox's envelope.");
answer!(NodesAnswer, Vec<NodeRow>, "Nodes in Proxmox's envelope.");
answer!(DisksAnswer, NodeDisks, "Maps of a node in Proxmox's envelope.");
answer!(ContentAnswer, Vec<Volume>, "Volumes in Proxmox's envelope.");
answer!(DiscoverAnswer, Discovered, "What is seen and not watched, in Proxmox's envelope.");
answer!(LunsAnswer, Luns, "LUNs in Proxmox's envelope.");
answer!(CanAnswer, Can, "Whether it can be done, in Proxmox's envelope.");
answer!(ExplainAnswer, Explained, "An explanation in Proxmox's envelope.");
answer!(GuideAnswer, Guide, "A guide in Proxmox's envelope.");
answer!(GuestsAnswer, Guests, "Guests in Proxmox's envelope.");
answer!(FindingsAnswer, Vec<Finding>, "Findings in Proxmox's envelope.");
answer!(OrderedAnswer, Ordered, "An order that was taken, in Proxmox's envelope.");
answer!(TimelineAnswer, Timeline, "A part of the history in Proxmox's envelope.");
answer!(SupportAnswer, Support, "Parts of a support bundle in Proxmox's envelope.");
answer!(AlertsAnswer, Alerts, "Alerts in Proxmox's envelope.");
answer!(TestedAnswer, Tested, "What sinks said to a test message, in Proxmox's envelope.");
answer!(SessionAnswer, Session, "Who asks, in Proxmox's envelope.");
answer!(VersionAnswer, Version, "Version in Proxmox's envelope.");

/// The cluster's status: WWID × node matrix with one cluster-state for each LUN.
///
/// Answers carry an ETag; `If-None-Match` gives 304. Filters leave `summary`, `view` and `findings` whole.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/status", tag = "cluster",
    params(
        ("state" = Option<String>, Query, description = "Only rows of these cluster-states, separated by commas"),
        ("node" = Option<String>, Query, description = "Only rows that have a cell of this node"),
        ("wwid" = Option<String>, Query, description = "Only the row of this WWID"),
        ("unclean" = Option<u8>, Query, description = "1: only rows that are not optimal on every node"),
        ("at" = Option<i64>, Query, description = "As it was then, epoch seconds, from the history of the answering node; takes no other filter"),
    ),
    responses(
        (status = 200, description = "The status", body = StatusAnswer),
        (status = 304, description = "Unchanged since the ETag in If-None-Match"),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 503, description = "The store has not given its first whole list yet; Retry-After", body = ErrorBody),
    ))]
async fn status() {}

/// The matrix as bytes, for a picture of the whole. Little-endian: `PKMP`, version 1 and length of the header (two bytes each), epoch,
/// revision and tag of the names (eight bytes each), rows and columns (four bytes each). Then a byte for each row, its state, and
/// row after row a byte for each cell. The low three bits are the state: 0 not expected, 1 optimal, 2 degraded, 3 missing, 4 failed,
/// 5 unknown. 0x08 I/O queues, 0x10 a path flaps, 0x20 a listed cause explains something here, 0x40 something is wrong that none
/// explains, 0x80 the cause that was asked for explains something here.
///
/// Rows are in byte order of their WWIDs. Epoch and revision are those of the events' ids. Answers carry an ETag.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/map", tag = "cluster",
    params(("cause" = Option<String>, Query, description = "Fingerprint of a cause: its cells bear 0x80")),
    responses(
        (status = 200, description = "The map", content_type = "application/octet-stream"),
        (status = 304, description = "Unchanged since the ETag in If-None-Match"),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 503, description = "The store has not given its first whole list yet; Retry-After", body = ErrorBody),
    ))]
async fn map() {}

/// Which guests (virtual machines and containers) need which LUNs, where somebody tells of guests.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/guests", tag = "cluster",
    responses(
        (status = 200, description = "Guests, and storages by LUN", body = GuestsAnswer),
        (status = 503, description = "The store has not given its first whole list yet; Retry-After", body = ErrorBody),
    ))]
async fn guests() {}

/// What rows and columns of the map are called. The ETag is the tag that the map bears: while that stays, so do the names.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/map/names", tag = "cluster",
    responses(
        (status = 200, description = "The names", body = MapNamesAnswer),
        (status = 304, description = "Unchanged since the ETag in If-None-Match"),
        (status = 503, description = "The store has not given its first whole list yet; Retry-After", body = ErrorBody),
    ))]
async fn map_names() {}

/// LUNs that nodes see and nobody watches, from what the nodes published of devices that no map took. No device is read for
/// it; a node that has published nothing, or whose word is old, is named with why.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/discover", tag = "cluster",
    responses(
        (status = 200, description = "What was found", body = DiscoverAnswer),
        (status = 503, description = "Not ready yet, or others are being answered; Retry-After", body = ErrorBody),
    ))]
async fn discover() {}

/// All LUNs that the status, a node's ledger or an order names, with what each node remembers of it.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/luns", tag = "cluster",
    responses(
        (status = 200, description = "The LUNs", body = LunsAnswer),
        (status = 503, description = "Not ready yet, or others are being answered; Retry-After", body = ErrorBody),
    ))]
async fn luns() {}

/// One LUN, with what each node remembers of it by adapter and target port.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/luns/{wwid}", tag = "cluster",
    params(("wwid" = String, Path, description = "The whole WWID")),
    responses(
        (status = 200, description = "The LUN alone in the list", body = LunsAnswer),
        (status = 404, description = "Nobody speaks of such a LUN", body = ErrorBody),
        (status = 503, description = "Not ready yet, or others are being answered; Retry-After", body = ErrorBody),
    ))]
async fn lun() {}

/// All that is wrong with one LUN, worst first: what a listed cause explains too, each with its cause. The status has only
/// what stands by itself.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/luns/{wwid}/findings", tag = "cluster",
    params(("wwid" = String, Path, description = "World Wide Identifier")),
    responses(
        (status = 200, description = "The findings", body = FindingsAnswer),
        (status = 404, description = "No such LUN", body = ErrorBody),
        (status = 503, description = "Not ready yet, or others are being answered; Retry-After", body = ErrorBody),
    ))]
async fn lun_findings() {}

/// The commands for a LUN that is new, was resized or is taken out of service: for each node in the safe order, each with how
/// far it is, as far as the nodes tell. Nothing is run by asking.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/luns/{wwid}/guide", tag = "cluster",
    params(
        ("wwid" = String, Path, description = "World Wide Identifier; for a new LUN one that no map has yet, too"),
        ("for" = String, Query, description = "new, resize or retire"),
    ),
    responses(
        (status = 200, description = "The guide", body = GuideAnswer),
        (status = 400, description = "for is missing or another word", body = ErrorBody),
        (status = 503, description = "Not ready yet, or others are being answered; Retry-After", body = ErrorBody),
    ))]
async fn lun_guide() {}

/// What is known of one name that is printed anywhere: a LUN (WWID, its unique end, alias, map), a storage, a node,
/// `node/adapter`, a port, a fabric, a controller, or a finding's code.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/explain", tag = "cluster",
    params(("name" = String, Query, description = "The name")),
    responses(
        (status = 200, description = "The explanation", body = ExplainAnswer),
        (status = 400, description = "No name, or one that means several things; errors says which", body = ErrorBody),
        (status = 404, description = "Nothing is called so", body = ErrorBody),
        (status = 503, description = "Not ready yet, or others are being answered; Retry-After", body = ErrorBody),
    ))]
async fn explain() {}

/// Whether a node can be rebooted, an adapter (`node/adapter`), target port, controller or fabric taken down, or a LUN taken
/// away, without that anybody loses a disk. Doubt is never yes. Nothing is done by asking.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/can", tag = "cluster",
    params(
        ("deed" = String, Query,
            description = "reboot, offline-hba, offline-port, offline-controller, offline-fabric or remove-lun"),
        ("name" = String, Query, description = "Of what"),
    ),
    responses(
        (status = 200, description = "The answer, whatever it is", body = CanAnswer),
        (status = 400, description = "No deed or name, or another word; errors says which", body = ErrorBody),
        (status = 404, description = "Nothing is called so; message says what is perhaps meant", body = ErrorBody),
        (status = 503, description = "Not ready yet, or others are being answered; Retry-After", body = ErrorBody),
    ))]
async fn can() {}

/// Orders that paths which are gone are gone for good: what each node remembers goes down to what is usable there, and no
/// lower than what `paths` says was shown. Each node obeys by itself; `GET` of the LUN says which have.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/luns/{wwid}/ack-paths", tag = "cluster",
    params(("wwid" = String, Path, description = "The whole WWID")), request_body = OrderBody,
    responses(
        (status = 200, description = "The order stands in the store", body = OrderedAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 404, description = "Nobody speaks of such a LUN", body = ErrorBody),
        (status = 409, description = "Others write all the time; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
async fn ack_paths() {}

/// Orders that a LUN was taken out of service: it is expected nowhere, or not on `node`, and not learned again. Refused
/// while it is in use, unless `force`.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/luns/{wwid}/retire", tag = "cluster",
    params(("wwid" = String, Path, description = "The whole WWID")), request_body = OrderBody,
    responses(
        (status = 200, description = "The order stands in the store", body = OrderedAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 404, description = "Nobody speaks of such a LUN", body = ErrorBody),
        (status = 409, description = "It is in use, or others write all the time; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
async fn retire() {}

/// Orders that what is remembered of a LUN is erased on all nodes, a retirement too, and learned afresh where it is seen.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/luns/{wwid}/forget", tag = "cluster",
    params(("wwid" = String, Path, description = "The whole WWID")), request_body = OrderBody,
    responses(
        (status = 200, description = "The order stands in the store", body = OrderedAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 404, description = "Nobody speaks of such a LUN", body = ErrorBody),
        (status = 409, description = "Others write all the time; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
async fn forget() {}

/// What changed, when, as the answering node saw it: transitions, never samples. Starts and stops of its agent are always among
/// them, unless `code` or `kind` is given: where nobody looked must not look calm.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/history", tag = "cluster",
    params(
        ("wwid" = Option<String>, Query, description = "Only of this LUN"),
        ("node" = Option<String>, Query, description = "Only of this node"),
        ("code" = Option<String>, Query, description = "Only findings of this code"),
        ("kind" = Option<String>, Query, description = "Only of these kinds, separated by commas"),
        ("since" = Option<i64>, Query, description = "Not before this, epoch seconds"),
        ("until" = Option<i64>, Query, description = "Not after this, epoch seconds"),
        ("before" = Option<i64>, Query, description = "Only such as were written before the one of this number: `older` of an answer"),
        ("limit" = Option<u32>, Query, description = "The newest of them, 1 to 5000; 200 without it"),
    ),
    responses(
        (status = 200, description = "The newest last", body = TimelineAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 503, description = "No history is kept, or it cannot be used now", body = ErrorBody),
    ))]
async fn history() {}

/// As `history`, of one LUN: on every node, with its findings.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/luns/{wwid}/history", tag = "cluster",
    params(
        ("wwid" = String, Path, description = "The whole WWID"),
        ("since" = Option<i64>, Query, description = "Not before this, epoch seconds"),
        ("until" = Option<i64>, Query, description = "Not after this, epoch seconds"),
        ("before" = Option<i64>, Query, description = "`older` of an answer"),
        ("limit" = Option<u32>, Query, description = "1 to 5000; 200 without it"),
    ),
    responses(
        (status = 200, description = "The newest last", body = TimelineAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 503, description = "No history is kept, or it cannot be used now", body = ErrorBody),
    ))]
async fn lun_history() {}

/// As `history`, of one node: all that changed on it.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/nodes/{node}/history", tag = "cluster",
    params(
        ("node" = String, Path, description = "Node name"),
        ("since" = Option<i64>, Query, description = "Not before this, epoch seconds"),
        ("until" = Option<i64>, Query, description = "Not after this, epoch seconds"),
        ("before" = Option<i64>, Query, description = "`older` of an answer"),
        ("limit" = Option<u32>, Query, description = "1 to 5000; 200 without it"),
    ),
    responses(
        (status = 200, description = "The newest last", body = TimelineAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 503, description = "No history is kept, or it cannot be used now", body = ErrorBody),
    ))]
async fn node_history() {}

/// A fold document of now, and the cluster's documents without secrets: for `pathkeeper support-bundle`.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/support", tag = "other",
    responses(
        (status = 200, description = "The parts", body = SupportAnswer),
        (status = 503, description = "Not ready yet, or others are being answered; Retry-After", body = ErrorBody),
    ))]
async fn support() {}
/// What agents have told people outside, by whom and when, what waits to be told, and how the answering node's sinks stand.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/alerts", tag = "cluster",
    responses((status = 200, description = "Alerts and sinks", body = AlertsAnswer)))]
async fn alerts() {}

/// Sends a test message to each sink of the answering node, or to one, at once and once; says what each answered.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/alerts/test", tag = "cluster", request_body = TestBody,
    responses(
        (status = 200, description = "What the sinks said; a sink that did not take it is no error here", body = TestedAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 404, description = "The answering node has no such sink, or none at all", body = ErrorBody),
    ))]
async fn alerts_test() {}

/// The nodes, and how far each can be believed.
#[utoipa::path(get, path = "/api2/json/nodes", tag = "nodes",
    responses(
        (status = 200, description = "The nodes", body = NodesAnswer),
        (status = 503, description = "Not ready yet; Retry-After", body = ErrorBody),
    ))]
async fn nodes() {}

/// Any node's maps with their groups and paths, and the devices that no map took: the answering node's own live, those
/// of others as they published them, also while they are offline.
#[utoipa::path(get, path = "/api2/json/nodes/{node}/disks/multipath", tag = "nodes",
    params(("node" = String, Path, description = "Node name; `localhost` is the answering node")),
    responses(
        (status = 200, description = "The maps", body = DisksAnswer),
        (status = 404, description = "No such node", body = ErrorBody),
        (status = 503, description = "Not read yet (Retry-After), or the node has published none that can be read", body = ErrorBody),
    ))]
async fn disks() {}

/// The LUNs of a storage of type `multipath` in `storage.cfg` as its volumes: those that it names, else every allowed one,
/// each as it is on that node, with the reason where that node cannot hand it out.
#[utoipa::path(get, path = "/api2/json/nodes/{node}/storage/{storage}/content", tag = "nodes",
    params(
        ("node" = String, Path, description = "Node name; `localhost` is the answering node"),
        ("storage" = String, Path, description = "The storage's id"),
        ("content" = Option<String>, Query, description = "Only this content; anything but images gives none"),
        ("vmid" = Option<u32>, Query, description = "Only volumes that this guest alone has as a disk"),
    ),
    responses(
        (status = 200, description = "The volumes, by WWID", body = ContentAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 404, description = "No such node or storage, or the storage is of another type, disabled or not for that node; message says which", body = ErrorBody),
        (status = 503, description = "Not read yet (Retry-After), or the node has published no maps that can be read", body = ErrorBody),
    ))]
async fn content() {}

/// Who asks, and what they may do.
#[utoipa::path(get, path = "/api2/json/session", tag = "other",
    responses((status = 200, description = "Who", body = SessionAnswer)))]
async fn session() {}

/// Opens a session for a browser: the token of this request's Authorization header is asked for no more for 12 hours, or until
/// it is revoked. The cookie is HttpOnly and SameSite=Strict; what changes something bears `csrf` as CSRFPreventionToken.
#[utoipa::path(post, path = "/api2/json/session", tag = "other",
    responses((status = 200, description = "Who, with a cookie", body = SessionAnswer)))]
async fn session_open() {}

/// Ends the session of this request's cookie.
#[utoipa::path(delete, path = "/api2/json/session", tag = "other",
    responses((status = 200, description = "It is over", content_type = "application/json")))]
async fn session_close() {}

/// This program's version.
#[utoipa::path(get, path = "/api2/json/version", tag = "other",
    responses((status = 200, description = "The version", body = VersionAnswer)))]
async fn version() {}

/// This document.
#[utoipa::path(get, path = "/api2/openapi.json", tag = "other",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
async fn openapi() {}

/// Server-sent events: `snapshot` (the status), then `delta` events with ids; `resync` before a new snapshot
/// where deltas were lost. `Last-Event-ID` resumes. With the filters of the status a row that no longer matches comes as removed.
/// With `first` the snapshot comes in parts: `snapshot` has what stands beside the rows, the first rows and how many are still to come
/// (`Part`), `rows` events bring those, and deltas begin behind the last one. The parts before the last one have an empty id, so whoever
/// loses the connection between them begins anew.
#[utoipa::path(get, path = "/events", tag = "cluster",
    params(
        ("rows" = Option<String>, Query, description = "all (without it, too), none, or map: none in the snapshot, and in deltas the member map in their place"),
        ("first" = Option<String>, Query, description = "In parts: rows that are not clean come first (unclean), or all in one order (all). Of all rows, without a filter"),
        ("group" = Option<String>, Query, description = "With first: rows of one storage together, the one with the worst row first (storage; without it, too), or none"),
        ("state" = Option<String>, Query, description = "As in the status"),
        ("node" = Option<String>, Query, description = "As in the status"),
        ("wwid" = Option<String>, Query, description = "As in the status"),
        ("unclean" = Option<u8>, Query, description = "As in the status"),
    ),
    responses(
        (status = 200, description = "A stream", content_type = "text/event-stream"),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
    ))]
async fn events() {}

/// Prometheus metrics of the answering node. OpenMetrics, if the scraper accepts it.
#[utoipa::path(get, path = "/metrics", tag = "other",
    responses((status = 200, description = "Text exposition format", content_type = "text/plain")))]
async fn metrics() {}

/// Prometheus metrics of the cluster as the answering node sees it; any node answers for all.
#[utoipa::path(get, path = "/metrics/cluster", tag = "other",
    responses(
        (status = 200, description = "Text exposition format", content_type = "text/plain"),
        (status = 503, description = "The store has not given its first whole list yet (Retry-After)", body = ErrorBody),
    ))]
async fn metrics_cluster() {}

/// 200 while the process works.
#[utoipa::path(get, path = "/healthz", tag = "other", responses((status = 200, description = "ok")))]
async fn healthz() {}

/// 200 once the first local read and the store's first whole list are there.
#[utoipa::path(get, path = "/readyz", tag = "other",
    responses((status = 200, description = "ok"), (status = 503, description = "What is awaited", body = ErrorBody)))]
async fn readyz() {}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Pathkeeper",
        description = "Cluster-wide health of dm-multipath LUNs.",
        license(name = "AGPL-3.0-or-later", identifier = "AGPL-3.0-or-later")
    ),
    paths(
        status,
        map,
        map_names,
        guests,
        discover,
        luns,
        lun,
        lun_findings,
        lun_guide,
        explain,
        can,
        history,
        lun_history,
        node_history,
        support,
        ack_paths,
        retire,
        forget,
        alerts,
        alerts_test,
        people::mutes,
        people::mute_add,
        people::mute_remove,
        people::windows,
        people::window_add,
        people::window_end,
        people::window_remove,
        people::names,
        people::names_set,
        config::config,
        config::schema,
        config::adopt,
        config::plan,
        config::replace,
        config::tear_down,
        config::set_defaults,
        config::lun_allow,
        config::lun_set,
        config::lun_remove,
        config::overrides,
        config::overrides_set,
        config::rollout,
        config::rollout_start,
        config::rollout_pause,
        config::rollout_resume,
        config::rollout_abort,
        config::rollout_force,
        nodes,
        disks,
        content,
        session,
        session_open,
        session_close,
        version,
        openapi,
        events,
        metrics,
        metrics_cluster,
        healthz,
        readyz
    ),
    components(schemas(
        crate::status::Delta,
        crate::status::Part,
        crate::status::PackedRow,
        crate::status::Alike
    ))
)]
struct Doc;

/// What every path but `/healthz` asks for, and how it refuses: said once, since one middleware does it for all.
fn guard(doc: &mut openapi::OpenApi) {
    let header = ApiKeyValue::with_description(
        "Authorization",
        "PVEAPIToken=USER@REALM!NAME=SECRET, as for Proxmox VE. On the loopback reading needs none unless \
         loopback-needs-token is set; through the Unix socket the caller's user decides",
    );
    let schemes = [
        ("PVEAPIToken", SecurityScheme::ApiKey(ApiKey::Header(header))),
        ("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer))),
        ("basic", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic))),
    ];
    let names = schemes.each_ref().map(|(name, _)| *name);
    let components = doc.components.get_or_insert_default();
    components.security_schemes.extend(schemes.map(|(name, scheme)| (name.to_owned(), RefOr::T(scheme))));
    let refusal = |words: &str| {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
        RefOr::T(ResponseBuilder::new().description(words).content("application/json", body).build())
    };
    for (path, item) in &mut doc.paths.paths {
        if path == crate::paths::HEALTHZ {
            continue;
        }
        let reads = [&mut item.get, &mut item.head].into_iter().flatten().map(|operation| (operation, false));
        let writes = [&mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        let writes = writes.into_iter().flatten().map(|operation| (operation, true));
        // A plan is asked for with a body, and writes nothing.
        let asks = path == crate::paths::PLAN;
        for (operation, writes) in reads.chain(writes.map(|(of, writes)| (of, writes && !asks))) {
            let none = Vec::<String>::new;
            operation.security =
                Some(names.iter().map(|name| SecurityRequirement::new(*name, none())).collect());
            let responses = &mut operation.responses.responses;
            let mut say = |status: &str, words: &str| {
                responses.entry(status.to_owned()).or_insert_with(|| refusal(words));
            };
            say(
                "401",
                "No token where one is needed (No ticket), or one that is worth nothing (Authentication failed!)",
            );
            say("429", "Too many authentication failures from this address; Retry-After");
            if writes {
                say("403", "The token may look alone (Sys.Audit), or a page of another origin sent this");
            }
        }
    }
}

/// The document as pretty JSON with a final newline: what is served and what is committed as openapi.json.
pub fn document() -> String {
    let mut doc = Doc::openapi();
    // The package's version would make the committed file change with each release for no reason of its own.
    doc.info.version = "1".into();
    guard(&mut doc);
    let mut text = doc.to_pretty_json().unwrap_or_else(|e| format!("{{\"error\":\"{e}\"}}"));
    text.push('\n');
    text
}

/// The paths of the document, in order.
pub fn documented_paths() -> Vec<String> {
    Doc::openapi().paths.paths.keys().cloned().collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_path_but_the_open_one_says_who_may_ask() {
        let mut doc = <super::Doc as utoipa::OpenApi>::openapi();
        super::guard(&mut doc);
        for (path, item) in &doc.paths.paths {
            for operation in [&item.get, &item.post, &item.put, &item.delete].into_iter().flatten() {
                let open = path == crate::paths::HEALTHZ;
                assert_eq!(operation.security.as_ref().is_none_or(Vec::is_empty), open, "{path}");
                assert_eq!(operation.responses.responses.contains_key("401"), !open, "{path}");
            }
            let asks = path == crate::paths::PLAN;
            for write in [&item.post, &item.put, &item.delete].into_iter().flatten() {
                assert_eq!(write.responses.responses.contains_key("403"), !asks, "{path}");
            }
        }
        assert_eq!(doc.components.unwrap().security_schemes.len(), 3);
    }

    #[test]
    fn the_document_names_every_path_of_the_house() {
        use crate::paths::*;
        let mut ours = [
            STATUS,
            MAP,
            MAP_NAMES,
            GUESTS,
            DISCOVER,
            LUNS,
            LUN,
            LUN_FINDINGS,
            LUN_GUIDE,
            EXPLAIN,
            CAN,
            HISTORY,
            LUN_HISTORY,
            NODE_HISTORY,
            SUPPORT,
            ALERTS,
            ALERTS_TEST,
            LUN_ACK_PATHS,
            LUN_RETIRE,
            LUN_FORGET,
            MUTES,
            MUTE,
            WINDOWS,
            WINDOW,
            WINDOW_END,
            NAMES,
            CONFIG,
            CONFIG_ADOPT,
            CONFIG_SCHEMA,
            CONFIG_DEFAULTS,
            OVERRIDES,
            ROLLOUT,
            ROLLOUT_PAUSE,
            ROLLOUT_RESUME,
            ROLLOUT_ABORT,
            ROLLOUT_FORCE,
            PLAN,
            NODES,
            NODE_DISKS,
            NODE_CONTENT,
            SESSION,
            VERSION,
            OPENAPI,
            EVENTS,
            METRICS,
            METRICS_CLUSTER,
            HEALTHZ,
            READYZ,
        ]
        .map(String::from);
        ours.sort();
        let mut doc = super::documented_paths();
        doc.sort();
        assert_eq!(doc, ours);
    }
}
