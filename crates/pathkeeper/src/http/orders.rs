//! `POST luns/{wwid}/ack-paths`, `…/retire`, `…/forget`: an order is appended to the store's document `pathkeeper/ledger`.
//! Each node that it is meant for obeys by itself; nothing is done to any node here.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::post;
use pathkeeper_api::luns::{Lun, OrderBody, Ordered};
use pathkeeper_api::paths;
use pathkeeper_io::store::StoreError;
use pathkeeper_model::multipath_cfg::EXPECTED_PATHS_MAX;
use pathkeeper_model::orders::{ORDERS_DOCUMENT, Order, OrderKind, Orders};
use pathkeeper_model::{NodeName, Wwid};

use super::Context;
use super::edit::{self, Body, Step};
use super::errors::{self, ApiError};
use super::luns::{gather, wwid_of};
use crate::app::luns::wire_order;
use crate::app::random_instance;

/// A body that orders something is no longer: 1,024 nodes with long names.
const BODY_BYTES_MAX: usize = 512 << 10;

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
        wrong.insert("paths".to_owned(), edit::MISSING.to_owned());
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
        let by = edit::by(&request);
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
        let ordered = Ordered { order, before, after };
        Ok(edit::changed(ORDERS_DOCUMENT, &ordered.before, &ordered.after, &ordered))
    }
}

/// The order's body; only the parameters that this order `takes`.
async fn read_body(request: Request, takes: &[&str]) -> Result<OrderBody, ApiError> {
    let mut body = Body::read(request, takes, BODY_BYTES_MAX).await?;
    body.from_text("paths", pairs);
    body.from_text("force", |text| matches!(text, "1" | "" | "yes" | "true" | "on").into());
    let order = OrderBody {
        node: body.take("node"),
        paths: body.take("paths").unwrap_or_default(),
        force: body.take("force").unwrap_or_default(),
    };
    body.check()?;
    Ok(order)
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
    let standing = edit::read(context, ORDERS_DOCUMENT).await?;
    let (orders, wrong) = decode(&standing.bytes);
    Ok((orders, wrong, standing.digest))
}

fn decode(bytes: &[u8]) -> (Orders, Vec<String>) {
    if bytes.is_empty() { (Orders::default(), Vec::new()) } else { Orders::decode(bytes) }
}

/// Appends an order to what stands there. Gives the digests before and after.
async fn append(context: &Context, order: &Order) -> Result<(String, String), ApiError> {
    let done = edit::edit(context, ORDERS_DOCUMENT, |standing| {
        let (mut orders, wrong) = decode(&standing.bytes);
        if let Some(wrong) = wrong.first() {
            return Err(edit::not_understood(ORDERS_DOCUMENT, wrong));
        }
        if orders.entries.iter().any(|known| known.id == order.id) {
            return Ok(Step::Same(()));
        }
        orders.entries.push(order.clone());
        orders.prune(order.time);
        Ok(Step::Write(orders.encode(), ()))
    });
    let done = done.await?;
    tracing::info!("{} of {} ordered by {}", order.kind.as_str(), order.wwid, order.by);
    Ok((done.before, done.after))
}
