//! `POST luns/{wwid}/ack-paths`, `…/retire`, `…/forget`: an order is appended to the store's document `pathkeeper/ledger`.
//! Each node that it is meant for obeys by itself; nothing is done to any node here.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::Response;
use axum::routing::post;
use pathkeeper_api::luns::{Lun, OrderBody, Ordered};
use pathkeeper_api::paths;
use pathkeeper_io::store::{DocumentName, StoreError};
use pathkeeper_model::multipath_cfg::EXPECTED_PATHS_MAX;
use pathkeeper_model::orders::{BYTES_MAX, ORDERS_DOCUMENT, Order, OrderKind, Orders};
use pathkeeper_model::{NodeName, Wwid};

use super::audit::Change;
use super::auth::Identity;
use super::errors::{self, ApiError, NOT_DEFINED};
use super::luns::{gather, wwid_of};
use super::{Context, enveloped};
use crate::app::luns::wire_order;
use crate::app::random_instance;

/// A body that orders something is no longer: 1,024 nodes with long names.
const BODY_BYTES_MAX: usize = 512 << 10;
/// So often the document is read and written anew when others were faster.
const TRIES_MAX: u32 = 8;
/// Between two tries, times the number of the try, and again as much at random.
const PAUSE_MS: u64 = 10;

/// The routes that order.
pub fn routes() -> Router<Context> {
    Router::new()
        .route(paths::LUN_ACK_PATHS, post(ack_paths))
        .route(paths::LUN_RETIRE, post(retire))
        .route(paths::LUN_FORGET, post(forget))
}

async fn ack_paths(
    State(context): State<Context>,
    Path(wwid): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let asked = Asked::read(&context, &wwid, request, &["node", "paths"]).await?;
    let mut wrong = BTreeMap::new();
    let mut shown = BTreeMap::new();
    for (node, n) in &asked.body.paths {
        match asked.known(node) {
            Some(name) if (1..=EXPECTED_PATHS_MAX).contains(n) => drop(shown.insert(name, *n)),
            Some(_) => {
                let why = format!(
                    "{node}: value must be 1 to {EXPECTED_PATHS_MAX}; a LUN without paths is retired"
                );
                wrong.insert("paths".to_owned(), why);
            }
            None => drop(wrong.insert("paths".to_owned(), format!("no such node: {node}"))),
        }
    }
    if shown.is_empty() && wrong.is_empty() {
        wrong.insert("paths".to_owned(), "property is missing and it is not optional".to_owned());
    }
    if let Some(node) = &asked.node
        && shown.keys().any(|name| name != node)
    {
        wrong.insert("paths".to_owned(), format!("only {node} is meant"));
    }
    if !wrong.is_empty() {
        return Err(ApiError::parameters(wrong));
    }
    asked.order(&context, OrderKind::AckPaths { paths: shown }).await
}

async fn retire(
    State(context): State<Context>,
    Path(wwid): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let asked = Asked::read(&context, &wwid, request, &["node", "force"]).await?;
    let in_use = in_use(&asked.lun, asked.node.as_ref().map(NodeName::as_str));
    if !in_use.is_empty() && !asked.body.force {
        let words = format!(
            "{} is in use, and a retired LUN is missed by nobody; nothing was changed: {}",
            asked.lun.label(),
            in_use.join("; ")
        );
        return Err(ApiError::conflict(words));
    }
    asked.order(&context, OrderKind::Retire).await
}

async fn forget(
    State(context): State<Context>,
    Path(wwid): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let asked = Asked::read(&context, &wwid, request, &[]).await?;
    asked.order(&context, OrderKind::Forget).await
}

/// Why a LUN is in use: on one node, or anywhere. Who consumes it in the cluster's configuration counts on the nodes that
/// should carry it.
pub fn in_use<'a>(lun: &'a Lun, node: Option<&str>) -> Vec<&'a str> {
    let on_node = |why: &str, name: &str| why.strip_prefix(name).is_some_and(|rest| rest.starts_with(": "));
    let counts = |why: &&str| {
        let Some(node) = node else { return true };
        match lun.nodes.keys().find(|name| on_node(why, name)) {
            Some(name) => name == node,
            None => lun.status.as_ref().is_some_and(|row| row.nodes.contains_key(node)),
        }
    };
    lun.in_use.iter().map(String::as_str).filter(counts).collect()
}

/// What was asked for, checked as far as all orders are alike.
struct Asked {
    wwid: Wwid,
    node: Option<NodeName>,
    body: OrderBody,
    by: String,
    lun: Lun,
    nodes: Vec<String>,
}

impl Asked {
    async fn read(context: &Context, wwid: &str, request: Request, takes: &[&str]) -> Result<Self, ApiError> {
        errors::no_parameters(&request)?;
        let wwid = wwid_of(wwid)?;
        let by = by(&request);
        let body = read_body(request, takes).await?;
        let mut found = gather(context, Some(&wwid)).await?;
        let lun = found.luns.pop().ok_or_else(|| ApiError::no_lun(wwid.as_str()))?;
        let nodes = found.nodes.into_iter().map(|node| node.node).collect();
        let mut asked = Self { wwid, node: None, body, by, lun, nodes };
        if let Some(node) = &asked.body.node {
            let known = asked.known(node);
            let why = || ApiError::parameters([("node".to_owned(), format!("no such node: {node}"))].into());
            asked.node = Some(known.ok_or_else(why)?);
        }
        Ok(asked)
    }

    /// A node that the store or a report names.
    fn known(&self, node: &str) -> Option<NodeName> {
        NodeName::new(node).filter(|_| self.nodes.iter().any(|known| known == node))
    }

    async fn order(self, context: &Context, kind: OrderKind) -> Result<Response, ApiError> {
        let id = random_instance().map_err(|e| ApiError::busy(&e.to_string()))?.to_string();
        let time = context.clock.now().wall;
        let order = Order { id, kind, wwid: self.wwid, node: self.node, by: self.by, time };
        let (before, after) = append(context, &order).await?;
        let waiting = self.nodes.into_iter();
        let waiting = waiting.filter(|node| NodeName::new(node).is_some_and(|node| order.is_for(&node)));
        let order = wire_order(&order, Vec::new(), waiting.collect());
        let change =
            Change { document: ORDERS_DOCUMENT.into(), before: before.clone(), after: after.clone() };
        let mut response = enveloped(Ordered { order, before, after });
        response.extensions_mut().insert(change);
        Ok(response)
    }
}

/// Who orders, for people.
fn by(request: &Request) -> String {
    request
        .extensions()
        .get::<Identity>()
        .map_or_else(|| "unknown".into(), |identity| identity.name.to_string())
}

/// An object of JSON, or a form as Proxmox's clients send it; only the parameters that this order `takes`.
async fn read_body(request: Request, takes: &[&str]) -> Result<OrderBody, ApiError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_form = kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let bad = |why: String| ApiError::parameters([("body".to_owned(), why)].into());
    let bytes = to_bytes(request.into_body(), BODY_BYTES_MAX).await;
    let bytes =
        bytes.map_err(|e| bad(format!("it cannot be read, or is over {BODY_BYTES_MAX} bytes: {e}")))?;
    let mut members: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    if is_form {
        let text = String::from_utf8_lossy(&bytes);
        for (name, value) in errors::pairs(&text) {
            let value = match name.as_str() {
                "paths" => pairs(&value),
                "force" => {
                    serde_json::Value::Bool(matches!(value.as_str(), "1" | "" | "yes" | "true" | "on"))
                }
                _ => value.into(),
            };
            members.insert(name, value);
        }
    } else if !bytes.is_empty() {
        members = serde_json::from_slice(&bytes).map_err(|e| bad(format!("it is no JSON object: {e}")))?;
    }
    let foreign = members.keys().filter(|name| !takes.contains(&name.as_str()));
    let mut wrong: BTreeMap<String, String> =
        foreign.map(|name| (name.clone(), NOT_DEFINED.to_owned())).collect();
    let mut body = OrderBody::default();
    for (name, value) in members {
        let why = |e: serde_json::Error| format!("type check failed: {e}");
        let read = match name.as_str() {
            "node" => serde_json::from_value(value).map(|node| body.node = Some(node)),
            "paths" => serde_json::from_value(value).map(|paths| body.paths = paths),
            "force" => serde_json::from_value(value).map(|force| body.force = force),
            _ => Ok(()),
        };
        if let Err(e) = read {
            wrong.insert(name, why(e));
        }
    }
    if wrong.is_empty() { Ok(body) } else { Err(ApiError::parameters(wrong)) }
}

/// `pve1=3,pve2=4` as an object; what is no number stays text and fails its check.
fn pairs(text: &str) -> serde_json::Value {
    let pair = |pair: &str| {
        let (name, n) = pair.split_once('=').unwrap_or((pair, ""));
        let n = n.parse::<u32>().map_or_else(|_| serde_json::Value::from(n), serde_json::Value::from);
        (name.to_owned(), n)
    };
    serde_json::Value::Object(text.split(',').filter(|pair| !pair.is_empty()).map(pair).collect())
}

/// The orders that stand, what was not understood of them, and the document's digest.
///
/// # Errors
/// From the store.
pub async fn read(context: &Context) -> Result<(Orders, Vec<String>, String), StoreError> {
    let document = context.documents.0.read(DocumentName::new(ORDERS_DOCUMENT)?).await?;
    let (orders, wrong) = match &document.bytes {
        Some(bytes) if !bytes.is_empty() => Orders::decode(bytes),
        _ => (Orders::default(), Vec::new()),
    };
    Ok((orders, wrong, document.digest))
}

/// What to do where this node may not write documents, which is how a node is set up that only observes.
fn hint(e: &StoreError, store: &str) -> &'static str {
    match (e, store) {
        (StoreError::Io { .. }, "pmxcfs") => {
            "; if it is read-only for the agent alone: ReadWritePaths=-/etc/pve in a drop-in of its unit (docs/stores.md)"
        }
        (StoreError::Refused(_), "etcd") => {
            "; if its etcd user may not write documents: order from a node of --managing (docs/stores.md)"
        }
        _ => "",
    }
}

/// Appends an order to what stands there: read, write if it is still so, and again if others were faster. Gives the
/// digests before and after.
async fn append(context: &Context, order: &Order) -> Result<(String, String), ApiError> {
    // A write without an answer may have been taken.
    let mut doubt: Option<StoreError> = None;
    for attempt in 1..=TRIES_MAX {
        let (mut orders, wrong, before) = match read(context).await {
            Ok(read) => read,
            Err(e) => return Err(ApiError::no_store(&e.to_string(), doubt.is_some())),
        };
        if let Some(wrong) = wrong.first() {
            // What is not understood, perhaps of a newer version, would be lost.
            return Err(ApiError::conflict(format!(
                "{ORDERS_DOCUMENT} in the store is not understood as a whole, so it was not changed: {wrong}"
            )));
        }
        if orders.entries.iter().any(|known| known.id == order.id) {
            return Ok((before.clone(), before));
        }
        orders.entries.push(order.clone());
        orders.prune(order.time);
        let bytes = orders.encode();
        if bytes.len() > BYTES_MAX {
            return Err(ApiError::conflict(format!(
                "{ORDERS_DOCUMENT} would be over {BYTES_MAX} bytes: too many orders in 90 days"
            )));
        }
        let name = DocumentName::new(ORDERS_DOCUMENT);
        let write = async { context.documents.0.write(name?, Some(bytes.into()), before.clone()).await };
        match write.await {
            Ok(after) => {
                tracing::info!("{} of {} ordered by {}", order.kind.as_str(), order.wwid, order.by);
                return Ok((before, after));
            }
            Err(StoreError::Conflict { .. }) => {}
            Err(e @ (StoreError::Timeout { .. } | StoreError::Unreachable(_))) => doubt = Some(e),
            Err(e) => {
                let words = format!("{e}{}", hint(&e, context.documents.0.kind()));
                return Err(ApiError::no_store(&words, doubt.is_some()));
            }
        }
        let random = random_instance().map_or(0, |random| random.0 % PAUSE_MS);
        let pause_ms = u64::from(attempt) * (PAUSE_MS + random);
        tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
    }
    if let Some(e) = doubt {
        return Err(ApiError::no_store(&e.to_string(), true));
    }
    Err(ApiError::conflict(format!(
        "others changed {ORDERS_DOCUMENT} {TRIES_MAX} times meanwhile; nothing was changed: try again"
    )))
}
