//! `cluster/multipath/discover` and `…/luns`: what all nodes published, put together for whoever asks.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use pathkeeper_api::discover::AskedNode;
use pathkeeper_api::luns::Luns;
use pathkeeper_api::paths;
use pathkeeper_engine::cluster::{Answer, Belief, NodeView, Question};
use pathkeeper_model::Wwid;
use pathkeeper_model::detail::Detail;
use pathkeeper_model::discover::{Discovery, Node};
use pathkeeper_model::local::NodeRead;
use pathkeeper_model::multipath_cfg::CONFIG_DOCUMENT;
use pathkeeper_model::node_value::DaemonWord;
use pathkeeper_model::orders::{ORDERS_DOCUMENT, Orders};
use pathkeeper_model::report::TEXT_BYTES_MAX;

use super::errors::{self, ApiError};
use super::{Context, UNPACKING_WAIT_MS, edit, enveloped, off_thread, orders, room_to_unpack, why_no_detail};
use crate::app::convert;
use crate::app::luns::Gather;

/// All routes about LUNs.
pub fn routes() -> Router<Context> {
    Router::new()
        .route(paths::DISCOVER, get(discover))
        .route(paths::LUNS, get(luns))
        .route(paths::LUN, get(lun))
        .route(paths::LUN_FINDINGS, get(findings))
        .merge(orders::routes())
}

async fn luns(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    Ok(enveloped(with_digest(&context, gather(&context, None).await?).await))
}

/// With the digest by which `multipath.cfg` is written.
async fn with_digest(context: &Context, mut luns: Luns) -> Luns {
    match edit::read(context, CONFIG_DOCUMENT).await {
        Ok(standing) => luns.digest = Some(standing.digest),
        Err(e) => luns.problems.push(format!("{CONFIG_DOCUMENT} could not be read: {e}")),
    }
    luns
}

async fn lun(
    State(context): State<Context>,
    Path(wwid): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let wwid = wwid_of(&wwid)?;
    let found = gather(&context, Some(&wwid)).await?;
    if found.luns.is_empty() {
        return Err(ApiError::no_lun(wwid.as_str()));
    }
    Ok(enveloped(with_digest(&context, found).await))
}

async fn findings(
    State(context): State<Context>,
    Path(wwid): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let wwid = wwid_of(&wwid)?;
    let snapshot = context.board.snapshot();
    let snapshot =
        snapshot.ok_or_else(|| ApiError::not_ready("the store has not given its first whole list yet"))?;
    if !snapshot.rows.iter().any(|row| row.wwid == wwid.as_str()) {
        return Err(ApiError::no_lun(wwid.as_str()));
    }
    let Answer::Findings(found) = context.ask(Question::Lun(wwid)).await? else {
        return Err(ApiError::fault());
    };
    Ok(enveloped(found.iter().map(convert::finding).collect::<Vec<_>>()))
}

/// A WWID as it may stand in a path.
pub(super) fn wwid_of(text: &str) -> Result<Wwid, ApiError> {
    let good = !text.chars().any(char::is_control) && text.len() <= TEXT_BYTES_MAX;
    Wwid::new(text).filter(|_| good).ok_or_else(|| {
        let why = format!("value does not look like a WWID: 1 to {TEXT_BYTES_MAX} visible characters");
        ApiError::parameters([("wwid".to_owned(), why)].into())
    })
}

/// All LUNs, or one.
pub(super) async fn gather(context: &Context, only: Option<&Wwid>) -> Result<Luns, ApiError> {
    let snapshot = context.board.snapshot();
    let snapshot =
        snapshot.ok_or_else(|| ApiError::not_ready("the store has not given its first whole list yet"))?;
    let mut problems = Vec::new();
    let given = match orders::read(context).await {
        Ok((given, wrong, _)) => {
            problems.extend(wrong.iter().map(|wrong| format!("in {ORDERS_DOCUMENT}: {wrong}")));
            given
        }
        Err(e) => {
            problems.push(format!("{ORDERS_DOCUMENT} could not be read, so no order is shown: {e}"));
            Orders::default()
        }
    };
    let room = room_to_unpack(&context.unpacking, UNPACKING_WAIT_MS).await?;
    let made = context.clock.now().wall.0;
    let (context, only) = (context.clone(), only.cloned());
    off_thread(move || {
        let mut gather = Gather::new(only.clone());
        let nodes = each_node(&context, |view, asked, details| {
            let (read, detail) = details.map_or((None, None), |d| (Some(d.read), d.detail));
            gather.add(&view.name, asked, read, detail);
        });
        drop(room);
        let wanted = |wwid: &str| only.as_ref().is_none_or(|only| only.as_str() == wwid);
        let rows = snapshot.rows.iter().filter(|row| wanted(&row.wwid));
        let rows = rows.filter_map(|row| row.read());
        Luns { made, luns: gather.finish(rows, &given), nodes, problems, digest: None }
    })
    .await
}

async fn discover(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let snapshot = context
        .board
        .snapshot()
        .ok_or_else(|| ApiError::not_ready("the store has not given its first whole list yet"))?;
    let room = room_to_unpack(&context.unpacking, UNPACKING_WAIT_MS).await?;
    let made = context.clock.now().wall.0;
    let found = off_thread(move || {
        let known = snapshot.rows.iter().filter_map(|row| Wwid::new(&row.wwid));
        let mut discovery = Discovery::new(known);
        let nodes = each_node(&context, |view, asked, details| match details {
            Some(Details { read, detail }) => {
                let is_new = detail.is_some_and(|d| d.ledger.as_ref().is_none_or(|l| l.is_empty()));
                let doubt = (!asked.current).then(|| asked.why.as_deref().unwrap_or_default());
                discovery.add(&Node { name: &view.name, doubt, is_new }, read);
            }
            None => discovery.add_unknown(&view.name),
        });
        // Not before: a client that went away does not stop this thread.
        drop(room);
        convert::discovered(discovery.finish(), nodes, made)
    });
    Ok(enveloped(found.await?))
}

/// What is known of one node.
pub(super) struct Details<'a> {
    /// The answering node's own last read, or what another published.
    pub(super) read: &'a NodeRead,
    /// What was published; of the answering node too.
    pub(super) detail: Option<&'a Detail>,
}

/// Goes through all nodes, one unpacked detail at a time.
pub(super) fn each_node(
    context: &Context,
    mut take: impl FnMut(&NodeView, &AskedNode, Option<Details<'_>>),
) -> Vec<AskedNode> {
    let nodes = context.board.nodes();
    let now = context.clock.now().mono;
    let since_ms = now.since(nodes.at);
    let mut out = Vec::with_capacity(nodes.nodes.len());
    for (view, _) in &nodes.nodes {
        let unpacked = view.detail.as_ref().map(|packed| packed.unpack());
        let local = context.board.local().filter(|_| view.name == context.node);
        let doubt = match view.belief {
            // An agent without maps has no report, and is believed as long as it speaks of itself.
            Belief::Fresh => None,
            Belief::Silent if view.about.is_some() => None,
            _ if view.why.is_empty() => Some(view.belief.as_str().to_owned()),
            _ => Some(view.why.clone()),
        };
        let (asked, details) = match (&local, &unpacked) {
            (Some(local), unpacked) => {
                let detail = unpacked.as_ref().and_then(|detail| detail.as_ref().ok());
                let asked = asked("live", view, Some(now.since(local.at) / 1000), unanswered(&local.read));
                (asked, Some(Details { read: &local.read, detail }))
            }
            (None, Some(Ok(detail))) => {
                let age_s = view.detail_age_ms.map(|age| (age + since_ms) / 1000);
                let why = doubt.or_else(|| unanswered(&detail.read));
                (
                    asked("published", view, age_s, why),
                    Some(Details { read: &detail.read, detail: Some(detail) }),
                )
            }
            (None, Some(Err(e))) => (asked("none", view, None, Some(e.to_string())), None),
            (None, None) => (asked("none", view, None, Some(why_no_detail(view))), None),
        };
        take(view, &asked, details);
        out.push(asked);
    }
    out
}

fn asked(detail: &str, view: &NodeView, age_s: Option<u64>, why: Option<String>) -> AskedNode {
    AskedNode { node: view.name.to_string(), detail: detail.into(), age_s, current: why.is_none(), why }
}

/// Why a read lists no devices although there may be some.
fn unanswered(read: &NodeRead) -> Option<String> {
    let word = DaemonWord::from(&read.daemon);
    (word != DaemonWord::Running).then(|| format!("multipathd there is {}", word.as_str()))
}
