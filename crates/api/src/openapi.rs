//! The OpenAPI document. Each function here only carries a description; the handlers are in the binary, and a test
//! there asks every path of this document.
#![allow(dead_code, clippy::unused_async)]

use utoipa::OpenApi;

use crate::discover::Discovered;
use crate::{ErrorBody, Version, disks::NodeDisks, nodes::NodeRow, status::ClusterStatus};

macro_rules! answer {
    ($name:ident, $data:ty, $doc:literal) => {
        #[doc = $doc]
        #[derive(utoipa::ToSchema)]
        struct $name {
            data: $data,
        }
    };
}
answer!(StatusAnswer, ClusterStatus, "Status in Proxmox's envelope.");
answer!(NodesAnswer, Vec<NodeRow>, "Nodes in Proxmox's envelope.");
answer!(DisksAnswer, NodeDisks, "Maps of a node in Proxmox's envelope.");
answer!(DiscoverAnswer, Discovered, "What is seen and not watched, in Proxmox's envelope.");
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
    ),
    responses(
        (status = 200, description = "The status", body = StatusAnswer),
        (status = 304, description = "Unchanged since the ETag in If-None-Match"),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 503, description = "The store has not given its first whole list yet; Retry-After", body = ErrorBody),
    ))]
async fn status() {}

/// LUNs that nodes see and nobody watches, from what the nodes published of devices that no map took. No device is read for
/// it; a node that has published nothing, or whose word is old, is named with why.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/discover", tag = "cluster",
    responses(
        (status = 200, description = "What was found", body = DiscoverAnswer),
        (status = 503, description = "Not ready yet, or others are being answered; Retry-After", body = ErrorBody),
    ))]
async fn discover() {}

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

/// This program's version.
#[utoipa::path(get, path = "/api2/json/version", tag = "other",
    responses((status = 200, description = "The version", body = VersionAnswer)))]
async fn version() {}

/// This document.
#[utoipa::path(get, path = "/api2/openapi.json", tag = "other",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
async fn openapi() {}

/// Server-sent events: `snapshot` (the status), then `delta` events with ids; `resync` before a new snapshot
/// where deltas were lost. `Last-Event-ID` resumes.
#[utoipa::path(get, path = "/events", tag = "cluster",
    responses((status = 200, description = "A stream", content_type = "text/event-stream")))]
async fn events() {}

/// Prometheus metrics of the answering node.
#[utoipa::path(get, path = "/metrics", tag = "other",
    responses((status = 200, description = "Text exposition format", content_type = "text/plain")))]
async fn metrics() {}

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
    paths(status, discover, nodes, disks, version, openapi, events, metrics, healthz, readyz),
    components(schemas(crate::status::Delta))
)]
struct Doc;

/// The document as pretty JSON with a final newline: what is served and what is committed as openapi.json.
pub fn document() -> String {
    let mut doc = Doc::openapi();
    // The package's version would make the committed file change with each release for no reason of its own.
    doc.info.version = "1".into();
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
    fn the_document_names_every_path_of_the_house() {
        use crate::paths::*;
        let mut ours =
            [STATUS, DISCOVER, NODES, NODE_DISKS, VERSION, OPENAPI, EVENTS, METRICS, HEALTHZ, READYZ]
                .map(String::from);
        ours.sort();
        let mut doc = super::documented_paths();
        doc.sort();
        assert_eq!(doc, ours);
    }
}
