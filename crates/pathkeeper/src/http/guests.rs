//! `GET /api2/json/cluster/multipath/guests`

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::get;
use pathkeeper_api::{guests as wire, paths};
use pathkeeper_engine::cluster::{Answer, Question};
use pathkeeper_model::guests::GuestKind;
use pathkeeper_model::guests::users::{User, Users};

use super::errors::{ApiError, no_parameters};
use super::{Context, enveloped};

/// The route.
pub fn routes() -> Router<Context> {
    Router::new().route(paths::GUESTS, get(guests))
}

async fn guests(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    no_parameters(&request)?;
    if context.board.snapshot().is_none() {
        return Err(ApiError::not_ready("the store has not given its first whole list yet"));
    }
    match context.ask(Question::Guests).await? {
        Answer::Guests(users) => Ok(enveloped(of(*users))),
        _ => Err(ApiError::fault()),
    }
}

fn of(users: Users) -> wire::Guests {
    let guest = |User { guest, storages, luns }: User| wire::Guest {
        id: guest.id,
        kind: match guest.kind {
            GuestKind::Vm => "vm".into(),
            GuestKind::Ct => "ct".into(),
        },
        name: guest.name,
        node: guest.node.to_string(),
        ha: guest.ha,
        storages,
        luns: luns.iter().map(ToString::to_string).collect(),
    };
    let luns = users.luns.into_iter().map(|(wwid, ids)| (wwid.to_string(), ids.into_iter().collect()));
    wire::Guests {
        known: users.told,
        guests: users.guests.into_iter().map(guest).collect(),
        luns: luns.collect(),
    }
}
