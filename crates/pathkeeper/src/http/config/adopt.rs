//! `GET config/adopt`: a document under which this node's maps keep their names.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Request, State};
use axum::response::Response;
use pathkeeper_api::config as wire;
use pathkeeper_model::config::adopt::{Question, adopt as propose};

use super::own;
use crate::http::errors::{self, ApiError};
use crate::http::{Context, enveloped, off_thread};

pub(super) async fn adopt(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let own = own(&context).await?;
    let not_known = own.not_known();
    if !not_known.is_empty() {
        return Err(ApiError::unread("what this node has", &not_known.join("; ")));
    }
    let nodes = context.board.nodes();
    let without: BTreeSet<String> = nodes
        .nodes
        .iter()
        .map(|(view, _)| view.name.to_string())
        .filter(|n| n != context.node.as_str())
        .collect();
    let proposed = off_thread(move || propose(std::slice::from_ref(&own.state), &BTreeMap::new())).await?;
    let proposed = proposed.map_err(|why| ApiError::conflict(why.to_string()))?;
    let question = |of: &Question| wire::Question { about_a_map: of.is_about_a_map(), text: of.to_string() };
    Ok(enveloped(wire::Adopted {
        nodes: [context.node.to_string()].into(),
        without,
        digest: pathkeeper_io::store::digest(&proposed.config),
        config: String::from_utf8_lossy(&proposed.config).into_owned(),
        questions: proposed.questions.iter().map(question).collect(),
        luns: proposed.confirmed.adopt.iter().map(ToString::to_string).collect(),
    }))
}
