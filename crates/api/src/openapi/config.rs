//! The cluster's multipath configuration: looked at, and thought through; nothing here writes.

use crate::ErrorBody;
use crate::config::{Adopted, Config, PlanBody, Planned};

answer!(ConfigAnswer, Config, "The configuration in Proxmox's envelope.");
answer!(AdoptedAnswer, Adopted, "A proposal in Proxmox's envelope.");
answer!(PlannedAnswer, Planned, "Plans in Proxmox's envelope.");

/// What the cluster's documents say, and per LUN and setting what is in force on the answering node and what sets it. A document
/// that is absent or broken is no instruction: `state` says so, and its problems stand with their lines.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/config", tag = "cluster",
    params(("key" = Option<String>, Query, description = "Only this setting, as no-path-retry: of all LUNs, also where nobody says it")),
    responses(
        (status = 200, description = "The configuration", body = ConfigAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 503, description = "The store does not answer, or this node was not read yet", body = ErrorBody),
    ))]
pub(super) async fn config() {}

/// The document under which every map of the answering node would keep its name, and what has to be asked. Other nodes' files are
/// not seen from here.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/config/adopt", tag = "cluster",
    responses(
        (status = 200, description = "The proposal", body = AdoptedAnswer),
        (status = 409, description = "It would be longer than a store holds", body = ErrorBody),
        (status = 503, description = "This node's files or maps cannot be read now; message says which", body = ErrorBody),
    ))]
pub(super) async fn adopt() {}

/// What each node would change for the store's documents, or for those in the body. Of the answering node whole, from its own
/// files; of others what they published, with what is not known. Nothing is written, and looking is enough (Sys.Audit).
#[utoipa::path(post, path = "/api2/json/cluster/multipath/plan", tag = "cluster", request_body = PlanBody,
    responses(
        (status = 200, description = "The plans", body = PlannedAnswer),
        (status = 400, description = "A parameter is wrong, or a document has problems; errors names it with the lines", body = ErrorBody),
        (status = 409, description = "The store's document is no instruction: there is nothing to plan for", body = ErrorBody),
        (status = 503, description = "The store does not answer, or this node was not read yet", body = ErrorBody),
    ))]
pub(super) async fn plan() {}
