//! `GET /api2/json/cluster/multipath/can?deed=…&name=…`

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use pathkeeper_api::{can as wire, paths};
use pathkeeper_engine::cluster::{Answer, Question};
use pathkeeper_model::can::{Can, Deed};
use pathkeeper_model::report::TEXT_BYTES_MAX;

use super::errors::{self, ApiError};
use super::{Context, enveloped};

/// The route.
pub fn routes() -> Router<Context> {
    Router::new().route(paths::CAN, get(can))
}

async fn can(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    let wrong = |key: &str, why: String| ApiError::parameters([(key.to_owned(), why)].into());
    let (mut deed, mut name) = (None, None);
    for (key, value) in errors::query_pairs(request.uri()) {
        match key.as_str() {
            "deed" => deed = Some(value),
            "name" => name = Some(value),
            _ => return Err(wrong(&key, errors::NOT_DEFINED.to_owned())),
        }
    }
    let missing = |key: &str| wrong(key, "property is missing and it is not optional".into());
    let deed = deed.ok_or_else(|| missing("deed"))?;
    let name = name.ok_or_else(|| missing("name"))?;
    let words = Deed::ALL.map(Deed::as_str).join(", ");
    let deed = Deed::parse(&deed).ok_or_else(|| wrong("deed", format!("value must be one of {words}")))?;
    if name.is_empty() || name.len() > TEXT_BYTES_MAX {
        return Err(wrong("name", format!("value must be 1 to {TEXT_BYTES_MAX} bytes")));
    }
    if context.board.snapshot().is_none() {
        return Err(ApiError::not_ready("the store has not given its first whole list yet"));
    }
    match context.ask(Question::Can(deed, name)).await? {
        Answer::Can(Ok(can)) => Ok(enveloped(of(&can))),
        Answer::Can(Err(why)) => Err(ApiError::nothing_of_that_name(&why.to_string())),
        _ => Err(ApiError::fault()),
    }
}

fn of(can: &Can) -> wire::Can {
    let line = |(kind, text): &(pathkeeper_model::can::Kind, String)| wire::CanLine {
        kind: kind.as_str().into(),
        text: text.clone(),
    };
    wire::Can {
        deed: can.deed.as_str().into(),
        name: can.name.clone(),
        verdict: can.verdict.as_str().into(),
        exit: can.verdict.exit_status(),
        lines: can.lines.iter().map(line).collect(),
        age_ms: can.age_ms,
        nodes_telling: can.nodes.0,
        nodes_known: can.nodes.1,
    }
}
