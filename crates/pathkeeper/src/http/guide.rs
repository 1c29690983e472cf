//! `GET /api2/json/cluster/multipath/luns/{wwid}/guide?for=new|resize|retire`

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use pathkeeper_api::{guide as wire, paths};
use pathkeeper_engine::cluster::{Answer, Question};
use pathkeeper_model::guide::{Aim, Guide};

use super::errors::{self, ApiError};
use super::luns::wwid_of;
use super::{Context, enveloped};

/// The route.
pub fn routes() -> Router<Context> {
    Router::new().route(paths::LUN_GUIDE, get(guide))
}

async fn guide(
    State(context): State<Context>,
    Path(wwid): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    let mut aim = None;
    for (key, value) in errors::query_pairs(request.uri()) {
        if key != "for" {
            return Err(ApiError::parameters([(key, errors::NOT_DEFINED.to_owned())].into()));
        }
        aim = Aim::parse(&value);
    }
    let wrong = || {
        ApiError::parameters([("for".to_owned(), "value must be new, resize or retire".to_owned())].into())
    };
    let aim = aim.ok_or_else(wrong)?;
    let wwid = wwid_of(&wwid)?;
    if context.board.snapshot().is_none() {
        return Err(ApiError::not_ready("the store has not given its first whole list yet"));
    }
    match context.ask(Question::Guide(aim, wwid)).await? {
        Answer::Guide(guide) => Ok(enveloped(of(&guide))),
        _ => Err(ApiError::fault()),
    }
}

fn of(guide: &Guide) -> wire::Guide {
    let stages = guide.stages.iter().map(|stage| wire::Stage {
        title: stage.title.clone(),
        steps: stage
            .steps
            .iter()
            .map(|step| wire::Step {
                node: step.node.as_ref().map(ToString::to_string),
                what: step.what.clone(),
                commands: step.commands.clone(),
                seen: step.seen.clone(),
                standing: step.standing.as_str().into(),
            })
            .collect(),
    });
    wire::Guide {
        aim: guide.aim.as_str().into(),
        wwid: guide.wwid.to_string(),
        name: guide.name.clone(),
        done: guide.is_done(),
        cautions: guide.cautions.clone(),
        stages: stages.collect(),
    }
}
