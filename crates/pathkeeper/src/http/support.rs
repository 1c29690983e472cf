//! `…/support`: what a support bundle needs beside what other paths give.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use pathkeeper_api::history::Support;
use pathkeeper_api::paths;
use pathkeeper_engine::cluster::{Answer, Question};
use pathkeeper_io::store::{DocumentName, STORAGE_CFG};
use pathkeeper_model::mutes::MUTES_DOCUMENT;
use pathkeeper_model::names::NAMES_DOCUMENT;
use pathkeeper_model::orders::ORDERS_DOCUMENT;
use pathkeeper_model::windows::WINDOWS_DOCUMENT;

use super::errors::{self, ApiError};
use super::{Context, enveloped};
use crate::redact;

/// What is put in of the cluster's documents.
const DOCUMENTS: [&str; 6] =
    ["multipath.cfg", STORAGE_CFG, ORDERS_DOCUMENT, MUTES_DOCUMENT, WINDOWS_DOCUMENT, NAMES_DOCUMENT];

/// The route.
pub fn routes() -> Router<Context> {
    Router::new().route(paths::SUPPORT, get(support))
}

async fn support(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    if context.board.snapshot().is_none() {
        return Err(ApiError::not_ready("the store has not given its first whole list yet"));
    }
    let Answer::Fold(fold) = context.ask(Question::Fold).await? else { return Err(ApiError::fault()) };
    let mut documents = BTreeMap::new();
    for name in DOCUMENTS {
        let read = match DocumentName::new(name) {
            Ok(name) => context.documents.0.read(name).await,
            Err(e) => Err(e),
        };
        let text = read.ok().and_then(|document| document.bytes);
        let text = text.map(|bytes| redact::text(&String::from_utf8_lossy(&bytes)));
        documents.insert(name.to_owned(), text);
    }
    Ok(enveloped(Support { fold, documents }))
}
