//! `GET /api2/json/cluster/multipath/explain?name=…`

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use pathkeeper_api::{explain as wire, paths};
use pathkeeper_engine::cluster::{Answer, Question};
use pathkeeper_model::explain::{Explained, Unresolved};
use pathkeeper_model::report::TEXT_BYTES_MAX;

use super::errors::{self, ApiError};
use super::{Context, enveloped};

/// The route.
pub fn routes() -> Router<Context> {
    Router::new().route(paths::EXPLAIN, get(explain))
}

async fn explain(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    let wrong = |why: String| ApiError::parameters([("name".to_owned(), why)].into());
    let mut name = None;
    for (key, value) in errors::query_pairs(request.uri()) {
        if key != "name" {
            return Err(ApiError::parameters([(key, errors::NOT_DEFINED.to_owned())].into()));
        }
        name = Some(value);
    }
    let name = name.ok_or_else(|| wrong("property is missing and it is not optional".into()))?;
    if name.is_empty() || name.len() > TEXT_BYTES_MAX {
        return Err(wrong(format!("value must be 1 to {TEXT_BYTES_MAX} bytes")));
    }
    if context.board.snapshot().is_none() {
        return Err(ApiError::not_ready("the store has not given its first whole list yet"));
    }
    match context.ask(Question::Explain(name)).await? {
        Answer::Explained(Ok(explained)) => {
            let mut wire = of(&explained);
            wire.before = super::history::before(&context, &explained.object).await;
            Ok(enveloped(wire))
        }
        Answer::Explained(Err(why @ Unresolved::Unknown { .. })) => {
            Err(ApiError::nothing_of_that_name(&why.to_string()))
        }
        Answer::Explained(Err(why)) => Err(wrong(why.to_string())),
        _ => Err(ApiError::fault()),
    }
}

fn of(explained: &Explained) -> wire::Explained {
    wire::Explained {
        kind: explained.object.kind().into(),
        id: explained.object.to_string(),
        name: explained.name.clone(),
        about: explained.about.clone(),
        headline: explained.headline.clone(),
        severity: explained.severity.map(|severity| severity.as_str().into()),
        since: explained.since.map(|since| since.0),
        sections: explained
            .sections
            .iter()
            .map(|(section, lines)| wire::Section { title: section.as_str().into(), lines: lines.clone() })
            .collect(),
        codes: explained.codes.iter().map(|code| code.as_str().into()).collect(),
        before: Vec::new(),
    }
}
