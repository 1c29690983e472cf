//! `GET config/adopt`: a document under which every map keeps its name.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Request, State};
use axum::response::Response;
use pathkeeper_api::config as wire;
use pathkeeper_model::config::adopt::{Question, adopt as propose};
use pathkeeper_model::config::node::NodeState;

use super::nodes::{self, Cluster, Other};
use crate::http::errors::{self, ApiError};
use crate::http::{Context, enveloped, off_thread};

pub(super) async fn adopt(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let Cluster { own, others, .. } = nodes::look(&context).await?;
    let not_known = own.not_known();
    if !not_known.is_empty() {
        return Err(ApiError::unread("what this node has", &not_known.join("; ")));
    }
    let (known, unknown): (Vec<Other>, Vec<Other>) = others.into_iter().partition(|other| other.known);
    let name = |other: &Other| other.state.node.to_string();
    let without: BTreeSet<String> = unknown.iter().map(name).collect();
    let nodes: BTreeSet<String> = known.iter().map(name).chain([context.node.to_string()]).collect();
    let proposed = off_thread(move || {
        let others: Vec<&NodeState> = known.iter().map(|other| &other.state).collect();
        propose(std::slice::from_ref(&own.state), &others, &BTreeMap::new())
    });
    let proposed = proposed.await?.map_err(|why| ApiError::conflict(why.to_string()))?;
    let question = |of: &Question| wire::Question { about_a_map: of.is_about_a_map(), text: of.to_string() };
    Ok(enveloped(wire::Adopted {
        nodes,
        settings_of: [context.node.to_string()].into(),
        without,
        digest: pathkeeper_io::store::digest(&proposed.config),
        config: String::from_utf8_lossy(&proposed.config).into_owned(),
        questions: proposed.questions.iter().map(question).collect(),
        luns: proposed.confirmed.adopt.iter().map(ToString::to_string).collect(),
    }))
}
