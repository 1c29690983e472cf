//! Where everything is. Server, client and OpenAPI document take their paths from here.

/// Cluster status: the matrix.
pub const STATUS: &str = "/api2/json/cluster/multipath/status";
/// The matrix as bytes.
pub const MAP: &str = "/api2/json/cluster/multipath/map";
/// What its rows and columns are called.
pub const MAP_NAMES: &str = "/api2/json/cluster/multipath/map/names";
/// LUNs that nodes see and nobody watches.
pub const DISCOVER: &str = "/api2/json/cluster/multipath/discover";
/// All LUNs, what is remembered of each and ordered.
pub const LUNS: &str = "/api2/json/cluster/multipath/luns";
/// One of them; `{wwid}` is its WWID.
pub const LUN: &str = "/api2/json/cluster/multipath/luns/{wwid}";
/// All that is wrong with one LUN, what a listed cause explains too.
pub const LUN_FINDINGS: &str = "/api2/json/cluster/multipath/luns/{wwid}/findings";
/// What is to be done with one LUN, step by step; `for` in the query is `new`, `resize` or `retire`.
pub const LUN_GUIDE: &str = "/api2/json/cluster/multipath/luns/{wwid}/guide";
/// Paths that are gone are gone for good.
pub const LUN_ACK_PATHS: &str = "/api2/json/cluster/multipath/luns/{wwid}/ack-paths";
/// A LUN was taken out of service.
pub const LUN_RETIRE: &str = "/api2/json/cluster/multipath/luns/{wwid}/retire";
/// What is remembered of a LUN is erased.
pub const LUN_FORGET: &str = "/api2/json/cluster/multipath/luns/{wwid}/forget";
/// What is known of a LUN, node, adapter, port, fabric, controller, storage or code; `name` in the query.
pub const EXPLAIN: &str = "/api2/json/cluster/multipath/explain";
/// Whether something can be done without that anybody loses a disk; `deed` and `name` in the query.
pub const CAN: &str = "/api2/json/cluster/multipath/can";
/// Which guests need which LUNs.
pub const GUESTS: &str = "/api2/json/cluster/multipath/guests";
/// What people outside were told.
pub const ALERTS: &str = "/api2/json/cluster/multipath/alerts";
/// A test message to the answering node's sinks.
pub const ALERTS_TEST: &str = "/api2/json/cluster/multipath/alerts/test";
/// Findings that people muted.
pub const MUTES: &str = "/api2/json/cluster/multipath/mutes";
/// One of them; `{id}` is its id.
pub const MUTE: &str = "/api2/json/cluster/multipath/mutes/{id}";
/// Maintenance windows.
pub const WINDOWS: &str = "/api2/json/cluster/multipath/windows";
/// One of them; `{id}` is its id.
pub const WINDOW: &str = "/api2/json/cluster/multipath/windows/{id}";
/// It ends now.
pub const WINDOW_END: &str = "/api2/json/cluster/multipath/windows/{id}/end";
/// What changed, when, as the answering node saw it.
pub const HISTORY: &str = "/api2/json/cluster/multipath/history";
/// Of one LUN; `{wwid}` is its WWID.
pub const LUN_HISTORY: &str = "/api2/json/cluster/multipath/luns/{wwid}/history";
/// Of one node.
pub const NODE_HISTORY: &str = "/api2/json/cluster/multipath/nodes/{node}/history";
/// What somebody who is to help needs beside the other paths.
pub const SUPPORT: &str = "/api2/json/cluster/multipath/support";
/// Words that people gave to ports.
pub const NAMES: &str = "/api2/json/cluster/multipath/names";
/// The cluster's multipath configuration, and what of it is in force on the answering node.
pub const CONFIG: &str = "/api2/json/cluster/multipath/config";
/// Documents that would keep what the answering node has.
pub const CONFIG_ADOPT: &str = "/api2/json/cluster/multipath/config/adopt";
/// What may stand in `multipath.cfg`, and what each setting means.
pub const CONFIG_SCHEMA: &str = "/api2/json/cluster/multipath/config/schema";
/// Settings for all LUNs.
pub const CONFIG_DEFAULTS: &str = "/api2/json/cluster/multipath/config/defaults";
/// `multipath-overrides.conf`.
pub const OVERRIDES: &str = "/api2/json/cluster/multipath/overrides";
/// Who has applied what.
pub const ROLLOUT: &str = "/api2/json/cluster/multipath/rollout";
/// Nobody begins any more.
pub const ROLLOUT_PAUSE: &str = "/api2/json/cluster/multipath/rollout/pause";
/// It goes on.
pub const ROLLOUT_RESUME: &str = "/api2/json/cluster/multipath/rollout/resume";
/// What was before comes back.
pub const ROLLOUT_ABORT: &str = "/api2/json/cluster/multipath/rollout/abort";
/// Nodes go on that hold.
pub const ROLLOUT_FORCE: &str = "/api2/json/cluster/multipath/rollout/force";
/// What a configuration would do to each node; asked by POST, and nothing is written.
pub const PLAN: &str = "/api2/json/cluster/multipath/plan";
/// The nodes and what is known of each.
pub const NODES: &str = "/api2/json/nodes";
/// One node's maps, path groups and paths; `{node}` is a node name.
pub const NODE_DISKS: &str = "/api2/json/nodes/{node}/disks/multipath";
/// The volumes of one storage of type `multipath` as they are on one node; `content` and `vmid` in the query.
pub const NODE_CONTENT: &str = "/api2/json/nodes/{node}/storage/{storage}/content";
/// Who asks, and a browser's session.
pub const SESSION: &str = "/api2/json/session";
/// This program's version.
pub const VERSION: &str = "/api2/json/version";
/// The OpenAPI document.
pub const OPENAPI: &str = "/api2/openapi.json";
/// Server-sent events: a snapshot, then deltas.
pub const EVENTS: &str = "/events";
/// Prometheus metrics of the own node.
pub const METRICS: &str = "/metrics";
/// Prometheus metrics of the cluster, as the answering node sees it.
pub const METRICS_CLUSTER: &str = "/metrics/cluster";
/// 200 while the process works.
pub const HEALTHZ: &str = "/healthz";
/// 200 once the first local read and the store's first whole list are there, else 503.
pub const READYZ: &str = "/readyz";
