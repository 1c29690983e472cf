//! The cluster's multipath configuration: looked at (`GET config`, `config/schema`, `config/adopt`, `overrides`), thought through (`POST plan`), written
//! (`config/defaults`, `luns`, `overrides`, `config`), and brought to the nodes (`rollout`). A write makes a document pending; what is
//! in force changes by a rollout alone, and each node carries that out by itself. No file of a node is written here.

mod adopt;
mod nodes;
mod overrides;
mod plan;
mod rollout;
mod schema;
mod show;
mod start;
mod write;

use axum::Router;
use axum::routing::{get, post, put};
use bytes::Bytes;
use pathkeeper_api::{config as wire, paths};
use pathkeeper_model::config::overrides::{self as model_overrides, FILE as OVERRIDES_DOCUMENT};
use pathkeeper_model::multipath_cfg::{CONFIG_DOCUMENT, Reading};
use pathkeeper_model::section::Problem;

use super::errors::ApiError;
use super::{Context, edit, off_thread};
use crate::app::node_state::OwnNode;

/// Problems of a document that one sentence names.
const PROBLEMS_TOLD_MAX: usize = 8;

/// The routes.
pub fn routes() -> Router<Context> {
    Router::new()
        .route(paths::CONFIG, get(show::config).put(write::replace).delete(write::tear_down))
        .route(paths::CONFIG_DEFAULTS, put(write::set_defaults))
        .route(paths::CONFIG_SCHEMA, get(schema::show))
        .route(paths::CONFIG_ADOPT, get(adopt::adopt))
        .route(paths::LUNS, post(write::allow))
        .route(paths::LUN, put(write::set_lun).delete(write::remove_lun))
        .route(paths::OVERRIDES, get(overrides::show).put(overrides::set))
        .route(paths::PLAN, post(plan::plan))
        .route(paths::ROLLOUT, get(rollout::show).post(rollout::start))
        .route(paths::ROLLOUT_PAUSE, post(rollout::pause))
        .route(paths::ROLLOUT_RESUME, post(rollout::resume))
        .route(paths::ROLLOUT_ABORT, post(rollout::abort))
        .route(paths::ROLLOUT_FORCE, post(rollout::force))
}

/// The answering node, from its last read and its files as they are now.
async fn own(context: &Context) -> Result<OwnNode, ApiError> {
    let local = context.board.local();
    let local = local.ok_or_else(|| ApiError::not_ready("the local node has not been read yet"))?;
    let machine = context.machine.clone();
    off_thread(move || OwnNode::look(&local, machine.as_ref())).await
}

/// A document of the store.
struct Read {
    bytes: Bytes,
    digest: String,
}

async fn read(context: &Context, document: &'static str) -> Result<Read, ApiError> {
    let standing = edit::read(context, document).await;
    let standing = standing.map_err(|e| ApiError::unread(document, &e.to_string()))?;
    Ok(Read { bytes: standing.bytes, digest: standing.digest })
}

impl Read {
    /// What a proposed text would be.
    fn proposed(text: String) -> Self {
        let digest = pathkeeper_io::store::digest(text.as_bytes());
        Self { bytes: text.into(), digest }
    }

    fn config(&self) -> Reading {
        Reading::parse(Some(&self.bytes))
    }

    fn overrides(&self) -> model_overrides::Reading {
        model_overrides::Reading::parse(Some(&self.bytes))
    }

    /// `multipath-overrides.conf` as it is told; `pending`: no rollout has brought these bytes.
    fn overrides_wire(&self, pending: bool) -> wire::Document {
        let mut told = match self.overrides() {
            model_overrides::Reading::Absent => self.wire("absent", &[], &[]),
            model_overrides::Reading::Invalid(problems) => self.wire("invalid", &problems, &[]),
            model_overrides::Reading::Good(_) => self.wire("good", &[], &[]),
        };
        // What is no instruction waits for nothing.
        told.pending = pending && told.state == "good";
        told
    }

    fn wire(&self, state: &str, problems: &[Problem], remarks: &[Problem]) -> wire::Document {
        let text = std::str::from_utf8(&self.bytes).ok().filter(|text| !text.is_empty());
        wire::Document {
            state: state.into(),
            digest: self.digest.clone(),
            pending: false,
            text: text.map(str::to_owned),
            problems: problems.iter().map(problem).collect(),
            remarks: remarks.iter().map(problem).collect(),
        }
    }
}

fn problem(problem: &Problem) -> wire::Problem {
    wire::Problem { line: problem.line, what: problem.what.clone() }
}

/// Problems in one sentence, with their lines.
fn sentence(problems: &[Problem]) -> String {
    let told: Vec<String> = problems.iter().take(PROBLEMS_TOLD_MAX).map(Problem::to_string).collect();
    let more = problems.len().saturating_sub(PROBLEMS_TOLD_MAX);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    told.join("; ") + &more
}
