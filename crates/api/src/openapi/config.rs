//! The cluster's multipath configuration: looked at, thought through, written, and brought to the nodes.

use crate::ErrorBody;
use crate::config::{
    Adopted, Config, Document, KeysBody, LunBody, PlanBody, Planned, Schema, TextBody, Written,
};
use crate::rollout::{Rollouts, StartBody, SteerBody, Steered};

answer!(ConfigAnswer, Config, "The configuration in Proxmox's envelope.");
answer!(SchemaAnswer, Schema, "What may stand in multipath.cfg, in Proxmox's envelope.");
answer!(AdoptedAnswer, Adopted, "A proposal in Proxmox's envelope.");
answer!(PlannedAnswer, Planned, "Plans in Proxmox's envelope.");
answer!(WrittenAnswer, Written, "What a write made of a document, in Proxmox's envelope.");
answer!(DocumentAnswer, Document, "A document in Proxmox's envelope.");
answer!(RolloutsAnswer, Rollouts, "The newest rollout in Proxmox's envelope.");
answer!(SteeredAnswer, Steered, "The rollout as it stands now, in Proxmox's envelope.");

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

/// What may stand in `multipath.cfg`: every setting with what it does, what it may be, and what holds where nobody sets it.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/config/schema", tag = "cluster",
    responses((status = 200, description = "The settings", body = SchemaAnswer)))]
pub(super) async fn schema() {}

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

/// Writes the whole `multipath.cfg` in the place of the one that `digest` names; a text with a problem is refused. It becomes pending,
/// and nothing is applied. The one way to mend a document that is no instruction.
#[utoipa::path(put, path = "/api2/json/cluster/multipath/config", tag = "cluster", request_body = TextBody,
    responses(
        (status = 200, description = "The document is that", body = WrittenAnswer),
        (status = 400, description = "A parameter is missing, or the text has problems; errors names it with the lines", body = ErrorBody),
        (status = 409, description = "The digest is another, or a LUN in use would be taken out; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now, or this node was not read yet", body = ErrorBody),
    ))]
pub(super) async fn replace() {}

/// Tears the configuration down: the document becomes one line that says who and when. It is pending as any other until `POST rollout`.
#[utoipa::path(delete, path = "/api2/json/cluster/multipath/config", tag = "cluster",
    params(("digest" = Option<String>, Query, description = "Of the document that somebody looked at")),
    responses(
        (status = 200, description = "The document says so", body = WrittenAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 409, description = "The digest is another, a LUN is in use, or the document is no instruction and no digest was given; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now, or this node was not read yet", body = ErrorBody),
    ))]
pub(super) async fn tear_down() {}

/// Sets and deletes settings for all LUNs, each by its key as a parameter. What is not named stays byte for byte.
#[utoipa::path(put, path = "/api2/json/cluster/multipath/config/defaults", tag = "cluster", request_body = KeysBody,
    responses(
        (status = 200, description = "The document has them", body = WrittenAnswer),
        (status = 400, description = "A setting is not known, cannot be set, or cannot have that value; errors names each", body = ErrorBody),
        (status = 409, description = "The digest is another, or the document is no instruction (with the line); nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn set_defaults() {}

/// Allows a LUN, with its alias and settings.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/luns", tag = "cluster", request_body = LunBody,
    responses(
        (status = 200, description = "The document allows it", body = WrittenAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 409, description = "It is allowed already, the digest is another, or the document is no instruction; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn lun_allow() {}

/// Sets and deletes settings of one allowed LUN.
#[utoipa::path(put, path = "/api2/json/cluster/multipath/luns/{wwid}", tag = "cluster", request_body = KeysBody,
    params(("wwid" = String, Path, description = "The whole WWID")),
    responses(
        (status = 200, description = "The document has them", body = WrittenAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 404, description = "The document does not allow it", body = ErrorBody),
        (status = 409, description = "The digest is another, or the document is no instruction; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn lun_set() {}

/// Takes a LUN off the list, unless it is in use: open, with devices on it, with a physical volume, or consumed, on any node.
#[utoipa::path(delete, path = "/api2/json/cluster/multipath/luns/{wwid}", tag = "cluster",
    params(
        ("wwid" = String, Path, description = "The whole WWID"),
        ("digest" = Option<String>, Query, description = "Of the document that somebody looked at"),
    ),
    responses(
        (status = 200, description = "The document does not allow it any more", body = WrittenAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 404, description = "The document does not allow it", body = ErrorBody),
        (status = 409, description = "It is in use, the digest is another, or the document is no instruction; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now, or this node was not read yet", body = ErrorBody),
    ))]
pub(super) async fn lun_remove() {}

/// `multipath-overrides.conf`, with its own digest.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/overrides", tag = "cluster",
    responses(
        (status = 200, description = "The document", body = DocumentAnswer),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    ))]
pub(super) async fn overrides() {}

/// Writes the whole `multipath-overrides.conf`. A text with a problem, and one whose blacklist excludes an allowed LUN or a map of any node, is
/// refused.
#[utoipa::path(put, path = "/api2/json/cluster/multipath/overrides", tag = "cluster", request_body = TextBody,
    responses(
        (status = 200, description = "The document is that", body = WrittenAnswer),
        (status = 400, description = "A parameter is missing, or the text has problems; errors names it with the lines", body = ErrorBody),
        (status = 409, description = "The digest is another, or the document is no instruction and no digest was given; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now, or this node was not read yet", body = ErrorBody),
    ))]
pub(super) async fn overrides_set() {}

/// The newest rollout: what is in force, and how far each node is.
#[utoipa::path(get, path = "/api2/json/cluster/multipath/rollout", tag = "cluster",
    responses(
        (status = 200, description = "The rollout, if there was one", body = RolloutsAnswer),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    ))]
pub(super) async fn rollout() {}

/// Starts a generation of the documents that `digest` and `overrides-digest` name: the nodes apply them by turns, one first and alone.
/// What was not agreed to is refused here, and by each node again.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/rollout", tag = "cluster", request_body = StartBody,
    responses(
        (status = 200, description = "The rollout stands in the store", body = SteeredAnswer),
        (status = 400, description = "A parameter is wrong; errors names it", body = ErrorBody),
        (status = 409, description = "A digest is another, a document is no instruction, LUNs go that nobody agreed to, a LUN in use would be taken out, or a plan has a refusal; message says what to add or to do. Nothing was started", body = ErrorBody),
        (status = 503, description = "The store takes no writes now, or this node was not read yet", body = ErrorBody),
    ))]
pub(super) async fn rollout_start() {}

/// No node begins any more; who is at work ends it.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/rollout/pause", tag = "cluster", request_body = SteerBody,
    responses(
        (status = 200, description = "It is paused", body = SteeredAnswer),
        (status = 404, description = "There was no rollout yet", body = ErrorBody),
        (status = 409, description = "The digest is another, or it is over; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn rollout_pause() {}

/// It goes on. Nodes where it went wrong so far, or that began and were not heard of again, were looked at, and hold up nobody any more.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/rollout/resume", tag = "cluster", request_body = SteerBody,
    responses(
        (status = 200, description = "It runs", body = SteeredAnswer),
        (status = 404, description = "There was no rollout yet", body = ErrorBody),
        (status = 409, description = "The digest is another, or it is over; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn rollout_resume() {}

/// What was before comes back, as a generation of its own; where nothing was, it only ends.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/rollout/abort", tag = "cluster", request_body = SteerBody,
    responses(
        (status = 200, description = "The rollout that goes back, or the one that has ended", body = SteeredAnswer),
        (status = 404, description = "There was no rollout yet", body = ErrorBody),
        (status = 409, description = "The digest is another, what was before is not known any more, or a LUN that it brought is in use; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn rollout_abort() {}

/// These nodes go on although paths are failed there.
#[utoipa::path(post, path = "/api2/json/cluster/multipath/rollout/force", tag = "cluster", request_body = SteerBody,
    responses(
        (status = 200, description = "They do not hold any more", body = SteeredAnswer),
        (status = 400, description = "No such node; errors says which", body = ErrorBody),
        (status = 404, description = "There was no rollout yet", body = ErrorBody),
        (status = 409, description = "The digest is another, or it is over; nothing was changed", body = ErrorBody),
        (status = 503, description = "The store takes no writes now", body = ErrorBody),
    ))]
pub(super) async fn rollout_force() {}
