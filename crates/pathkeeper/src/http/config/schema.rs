//! `GET config/schema`: what may stand in `multipath.cfg`, for whoever has to choose a value.

use axum::extract::Request;
use axum::response::Response;
use pathkeeper_api::config as wire;
use pathkeeper_model::config::keywords::{ALL, Keyword, Place, refusal};
use pathkeeper_model::config::render::BASELINE;

use crate::http::enveloped;
use crate::http::errors::{self, ApiError};

pub(super) async fn show(request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    Ok(enveloped(wire::Schema { settings: ALL.iter().map(setting).chain(BASELINE.map(fixed)).collect() }))
}

fn setting(keyword: &Keyword) -> (String, wire::Keyword) {
    let told = wire::Keyword {
        meaning: keyword.meaning.into(),
        default: Some(keyword.default.into()),
        takes: Some(keyword.kind.to_string()),
        for_luns: keyword.place == Place::Both,
        since: keyword.since.map(|since| since.to_string()),
        fixed: None,
    };
    (keyword.key.into(), told)
}

/// What Pathkeeper sets for itself: why stands in the place of a meaning.
fn fixed((name, value): (&str, &str)) -> (String, wire::Keyword) {
    let key = name.replace('_', "-");
    let meaning = refusal(&key).unwrap_or_default().to_owned();
    (key, wire::Keyword { meaning, fixed: Some(value.into()), ..wire::Keyword::default() })
}
