//! `GET config`, `GET config/adopt`, `POST plan`: the cluster's multipath configuration, looked at and thought through. Nothing here
//! writes a document or a file.

mod adopt;
mod plan;
mod show;

use axum::Router;
use axum::routing::{get, post};
use bytes::Bytes;
use pathkeeper_api::{config as wire, paths};
use pathkeeper_model::config::overrides;
use pathkeeper_model::multipath_cfg::Reading;
use pathkeeper_model::section::Problem;

use super::errors::ApiError;
use super::{Context, edit, off_thread};
use crate::app::node_state::OwnNode;

/// Problems of a document that one sentence names.
const PROBLEMS_TOLD_MAX: usize = 8;

/// The routes.
pub fn routes() -> Router<Context> {
    Router::new()
        .route(paths::CONFIG, get(show::config))
        .route(paths::CONFIG_ADOPT, get(adopt::adopt))
        .route(paths::PLAN, post(plan::plan))
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

    fn overrides(&self) -> overrides::Reading {
        overrides::Reading::parse(Some(&self.bytes))
    }

    fn wire(&self, state: &str, problems: &[Problem], remarks: &[Problem]) -> wire::Document {
        let text = std::str::from_utf8(&self.bytes).ok().filter(|text| !text.is_empty());
        wire::Document {
            state: state.into(),
            digest: self.digest.clone(),
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
