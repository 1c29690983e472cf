//! `GET /metrics` (the own node) and `GET /metrics/cluster` (what this node sees of all), computed when they are asked
//! for.
//!
//! A series lives as long as what it speaks of is expected, and not as long as it is seen: a map that is gone is a map
//! that is `missing`, for absence is not recovery.

mod cluster;
mod node;
pub mod page;

use std::borrow::Cow;

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use pathkeeper_engine::cluster::{Answer, Question};
use serde::Deserialize;

use super::Context;
use super::errors::{self, ApiError};
use crate::app::board::RowBody;
use page::{Format, Labels, Page};

/// The own node.
pub async fn metrics(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    // A picture that is busy must not keep a node from telling of itself.
    let controllers = match context.ask(Question::Cells(context.node.clone())).await {
        Ok(Answer::Cells(cells)) => cells,
        _ => Vec::new(),
    };
    serve(context, request, move |page, context| node::write(page, context, &controllers)).await
}

/// The cluster.
pub async fn of_cluster(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    if context.board.snapshot().is_none() {
        return Err(ApiError::not_ready("the store has not given its first whole list yet"));
    }
    serve(context, request, cluster::write).await
}

async fn serve(
    context: Context,
    request: Request,
    write: impl FnOnce(&mut Page, &Context) + Send + 'static,
) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let accepted = request.headers().get_all(header::ACCEPT).iter();
    let accepted: Vec<&str> = accepted.filter_map(|value| value.to_str().ok()).collect();
    let format = Format::accepted(&accepted.join(","));
    let text = super::off_thread(move || {
        let mut page = Page::new(format);
        write(&mut page, &context);
        page.finish()
    });
    let headers = [(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept")];
    Ok((headers, text.await?).into_response())
}

fn borrowed(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A series with these labels and more.
fn with<'a>(labels: &Labels<'a>, more: impl IntoIterator<Item = (&'static str, Cow<'a, str>)>) -> Labels<'a> {
    labels.iter().cloned().chain(more).collect()
}

/// What a row says beside its cells.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Head<'a> {
    #[serde(borrow, default)]
    alias: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    used_by: Option<Cow<'a, str>>,
}

impl<'a> Head<'a> {
    /// Rows are kept as JSON; reading one costs a scrape some microseconds, and everybody else no memory.
    fn of(row: &'a RowBody) -> Self {
        serde_json::from_slice(&row.json).unwrap_or(Head { alias: None, name: None, used_by: None })
    }

    /// How people call it; empty where only the WWID is known.
    fn alias(&self) -> Cow<'a, str> {
        self.alias.clone().or_else(|| self.name.clone()).unwrap_or_default()
    }

    fn storage(&self) -> Cow<'a, str> {
        self.used_by.clone().unwrap_or_default()
    }
}
