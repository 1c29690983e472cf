//! `…/history` and `…/status?at=`: what was before, from this node's own history.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use pathkeeper_api::history::{Before, Event, Timeline};
use pathkeeper_api::paths;
use pathkeeper_api::status::{self, LunRow};
use pathkeeper_io::history::{Filter, History, HistoryError, PAGE_MAX, Page, Row};
use pathkeeper_model::explain::Object;
use pathkeeper_model::finding::Code;
use pathkeeper_model::history::Kind;
use pathkeeper_model::{EpochS, NodeName, Wwid};

use super::errors::{ApiError, NOT_DEFINED, query_pairs};
use super::{Context, enveloped, off_thread};
use crate::app::board::Snapshot;
use crate::app::history::{status as status_then, steps};

/// Transitions of one answer, where nobody says how many.
const LIMIT: usize = 200;
/// Transitions of a LUN that are looked through for what it went through.
const LOOK_BACK: usize = 400;
/// Nodes whose way is told.
const NODES_MAX: usize = 4;

/// The routes.
pub fn routes() -> Router<Context> {
    Router::new()
        .route(paths::HISTORY, get(of_all))
        .route(paths::LUN_HISTORY, get(of_lun))
        .route(paths::NODE_HISTORY, get(of_node))
}

impl From<HistoryError> for ApiError {
    fn from(e: HistoryError) -> Self {
        match e {
            HistoryError::Busy => ApiError::busy("this node's history"),
            HistoryError::Unusable(_) => ApiError::no_history(&e.to_string()),
        }
    }
}

fn history(context: &Context) -> Result<&History, ApiError> {
    let none = || ApiError::no_history("this node keeps no history (history-days, or no state directory)");
    context.history.as_ref().ok_or_else(none)
}

/// Whether a parameter may be given on this path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    All,
    Lun,
    Node,
}

fn read(pairs: Vec<(String, String)>, of: Of) -> Result<Filter, ApiError> {
    let mut filter = Filter { limit: LIMIT, ..Filter::default() };
    let mut errors = BTreeMap::new();
    for (name, value) in pairs {
        let number =
            || value.parse::<i64>().map_err(|_| format!("type check ('integer') failed - got '{value}'"));
        let result: Result<(), String> = match name.as_str() {
            "wwid" | "node" | "code" if of == Of::All && value.is_empty() => {
                Err("must not be empty".to_owned())
            }
            "wwid" if of == Of::All => {
                filter.wwid = Wwid::new(&value);
                Ok(())
            }
            "node" if of == Of::All => {
                filter.node = NodeName::new(&value);
                Ok(())
            }
            "code" if of == Of::All => match Code::parse(&value.to_ascii_uppercase()) {
                Some(code) => {
                    filter.code = Some(code.as_str().to_owned());
                    Ok(())
                }
                None => Err(format!("no finding has the code '{value}'")),
            },
            "kind" if of == Of::All => {
                value.split([',', ';', ' ']).filter(|w| !w.is_empty()).try_for_each(|word| {
                    let kind = Kind::parse(word).ok_or_else(|| {
                        let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
                        format!(
                            "value '{word}' does not have a value in the enumeration '{}'",
                            all.join(", ")
                        )
                    })?;
                    filter.kinds.push(kind);
                    Ok(())
                })
            }
            "since" => number().map(|n| filter.since = Some(EpochS(n))),
            "until" => number().map(|n| filter.until = Some(EpochS(n))),
            "before" => number().map(|n| filter.before = Some(n)),
            "limit" => number().and_then(|n| match usize::try_from(n) {
                Ok(n) if (1..=PAGE_MAX).contains(&n) => {
                    filter.limit = n;
                    Ok(())
                }
                _ => Err(format!("value must be 1 to {PAGE_MAX}")),
            }),
            _ => Err(NOT_DEFINED.to_owned()),
        };
        if let Err(why) = result {
            errors.insert(name, why);
        }
    }
    if errors.is_empty() { Ok(filter) } else { Err(ApiError::parameters(errors)) }
}

async fn of_all(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    answer(&context, read(query_pairs(request.uri()), Of::All)?).await
}

async fn of_lun(
    State(context): State<Context>,
    Path(wwid): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let filter = read(query_pairs(request.uri()), Of::Lun)?;
    let wwid = Wwid::new(&wwid).ok_or_else(|| ApiError::no_lun(&wwid))?;
    answer(&context, Filter { wwid: Some(wwid), ..filter }).await
}

async fn of_node(
    State(context): State<Context>,
    Path(node): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let filter = read(query_pairs(request.uri()), Of::Node)?;
    let node = NodeName::new(&node).ok_or_else(|| ApiError::no_node(&node))?;
    answer(&context, Filter { node: Some(node), ..filter }).await
}

async fn answer(context: &Context, filter: Filter) -> Result<Response, ApiError> {
    let history = history(context)?;
    let page = history.timeline(filter).await?;
    let lives = history.lives().await?;
    let snapshot = context.board.snapshot();
    let node = context.node.to_string();
    let timeline = off_thread(move || {
        let names = snapshot.as_deref().map(names).unwrap_or_default();
        Timeline {
            node,
            kept_since: lives.kept.map(|at| at.0),
            events: page.rows.iter().map(|(id, row)| event(*id, row, &names)).collect(),
            older: page.older,
        }
    });
    Ok(enveloped(timeline.await?))
}

/// How people call each LUN now.
fn names(snapshot: &Snapshot) -> BTreeMap<String, String> {
    let name = |row: &std::sync::Arc<crate::app::board::RowBody>| {
        let row: LunRow = serde_json::from_slice(&row.json).ok()?;
        (row.label() != row.wwid).then(|| (row.wwid.clone(), row.label().to_owned()))
    };
    snapshot.rows.iter().filter_map(name).collect()
}

fn event(id: i64, row: &Row, names: &BTreeMap<String, String>) -> Event {
    let finding: Option<status::Finding> = match row.subject.kind {
        Kind::Finding | Kind::Cause => row.body.as_deref().and_then(|body| serde_json::from_str(body).ok()),
        _ => None,
    };
    let wwid = row.subject.wwid.as_ref().map(ToString::to_string);
    let object = row.subject.object.as_ref().map(ToString::to_string);
    let scope = match &finding {
        Some(finding) => finding.scope.clone(),
        None => status::Scope {
            wwid: wwid.clone(),
            node: row.subject.node.as_ref().map(ToString::to_string),
            path: None,
            object,
        },
    };
    Event {
        id,
        at: row.at.0,
        kind: row.subject.kind.as_str().into(),
        what: row.what.as_str().into(),
        name: wwid.and_then(|wwid| names.get(&wwid).cloned()),
        scope,
        code: row.code.as_ref().map(ToString::to_string),
        text: row.text.clone(),
        severity: finding.as_ref().map(|finding| finding.severity.clone()),
        evidence: finding.map(|finding| finding.evidence).unwrap_or_default(),
        advice: row.shared.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
    }
}

/// The status as it was then.
pub async fn status_at(context: &Context, pairs: &[(String, String)]) -> Result<Response, ApiError> {
    let wrong = |name: &str, why: String| ApiError::parameters([(name.to_owned(), why)].into());
    let mut at = None;
    for (name, value) in pairs {
        if name != "at" {
            return Err(wrong(name, format!("{NOT_DEFINED} together with at")));
        }
        at = value.parse::<i64>().ok();
    }
    let now = context.clock.now().wall.0;
    let at = at.ok_or_else(|| wrong("at", "type check ('integer') failed: epoch seconds".into()))?;
    if at > now {
        return Err(wrong("at", format!("{at} is still to come: it is {now}")));
    }
    let snapshot = context
        .board
        .snapshot()
        .ok_or_else(|| ApiError::not_ready("the store has not given its first whole list yet"))?;
    let then = history(context)?.at(EpochS(at)).await?;
    let node = context.node.to_string();
    let status = off_thread(move || status_then(&then, at, &node, &snapshot.beside)).await?;
    Ok(enveloped(status))
}

/// How a LUN that is not well, or a node, came to this; nothing where no history can be asked.
pub async fn before(context: &Context, object: &Object) -> Vec<Before> {
    let filter = match object {
        Object::Lun(wwid) => {
            Filter { wwid: Some(wwid.clone()), kinds: vec![Kind::Cell], ..Filter::default() }
        }
        Object::Node(node) => {
            Filter { node: Some(node.clone()), kinds: vec![Kind::Node], ..Filter::default() }
        }
        _ => return Vec::new(),
    };
    let Some(history) = &context.history else { return Vec::new() };
    let page: Page = history.timeline(Filter { limit: LOOK_BACK, ..filter }).await.unwrap_or_default();
    let snapshot = context.board.snapshot();
    let unwell = |node: &str| match object {
        Object::Lun(wwid) => {
            let cell = snapshot.as_ref().and_then(|snapshot| snapshot.cell(wwid.as_str(), node));
            cell.is_some_and(|cell| cell.state != "optimal")
        }
        _ => true,
    };
    let mut steps = steps(&page, unwell);
    steps.truncate(NODES_MAX);
    steps
}
