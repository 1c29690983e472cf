//! `GET cluster/multipath/status`: the picture as it was made, whole or filtered, with ETag.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use pathkeeper_model::State as LunState;

use super::Context;
use super::errors::{ApiError, NOT_DEFINED, query_pairs};
use crate::app::board::{RowBody, Snapshot};

/// Which rows are wanted.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Filter {
    states: Vec<LunState>,
    node: Option<String>,
    wwid: Option<String>,
    unclean: bool,
}

impl Filter {
    /// From the query's parameters.
    pub(super) fn read(pairs: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut filter = Self::default();
        let mut errors = BTreeMap::new();
        for (name, value) in pairs {
            let result = match name.as_str() {
                "state" => value.split([',', ';', ' ']).filter(|w| !w.is_empty()).try_for_each(|word| {
                    let state = LunState::parse(word).ok_or_else(|| {
                        format!("value '{word}' does not have a value in the enumeration 'optimal, degraded, missing, failed, unknown'")
                    })?;
                    filter.states.push(state);
                    Ok(())
                }),
                "node" | "wwid" if value.is_empty() => Err("must not be empty".to_owned()),
                "node" => {
                    filter.node = Some(value);
                    Ok(())
                }
                "wwid" => {
                    filter.wwid = Some(value);
                    Ok(())
                }
                "unclean" => match value.as_str() {
                    "1" | "" | "yes" | "true" | "on" => {
                        filter.unclean = true;
                        Ok(())
                    }
                    "0" | "no" | "false" | "off" => Ok(()),
                    _ => Err(format!("type check ('boolean') failed - got '{value}'")),
                },
                _ => Err(NOT_DEFINED.to_owned()),
            };
            if let Err(why) = result {
                errors.insert(name, why);
            }
        }
        if errors.is_empty() { Ok(filter) } else { Err(ApiError::parameters(errors)) }
    }

    pub(super) fn keeps(&self, row: &RowBody) -> bool {
        (self.states.is_empty() || self.states.contains(&row.state))
            && self.node.as_deref().is_none_or(|node| row.nodes.iter().any(|n| **n == *node))
            && self.wwid.as_deref().is_none_or(|wwid| row.wwid == wwid)
            && !(self.unclean && row.clean)
    }
}

/// The handler.
pub async fn status(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    let pairs = query_pairs(request.uri());
    if pairs.iter().any(|(name, _)| name == "at") {
        return super::history::status_at(&context, &pairs).await;
    }
    let filter = Filter::read(pairs)?;
    let snapshot = context
        .board
        .snapshot()
        .ok_or_else(|| ApiError::not_ready("the store has not given its first whole list yet"))?;
    let (zip, etag) = match seen(&context, &snapshot, &request) {
        Ok(new) => new,
        Err(unchanged) => return Ok(*unchanged),
    };
    let body = if filter == Filter::default() && !zip {
        snapshot.body()
    } else {
        make_body(snapshot, filter, zip).await
    };
    Ok(tagged(body, "application/json", &etag, zip))
}

/// Whether the answer is to be zipped, and the tag of a picture; or 304 where the reader has just that.
pub(super) fn seen(
    context: &Context,
    snapshot: &Snapshot,
    request: &Request,
) -> Result<(bool, String), Box<Response>> {
    let zip = accepts_gzip(request.headers());
    let variant = rustc_hash::FxBuildHasher.hash_one((request.uri().query().unwrap_or_default(), zip));
    let etag = format!("\"{}-{}-{variant:x}\"", context.board.instance, snapshot.revision);
    if if_none_match(request.headers(), &etag) {
        return Err(Box::new((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response()));
    }
    Ok((zip, etag))
}

/// An answer of a body that was made for one coding.
pub(super) fn tagged(body: Bytes, content_type: &'static str, etag: &str, zip: bool) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        headers.insert(header::ETAG, etag);
    }
    if zip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Zipping and filtering a large status takes milliseconds: not on a thread that serves others.
async fn make_body(snapshot: Arc<Snapshot>, filter: Filter, zip: bool) -> Bytes {
    let make = move || {
        if filter == Filter::default() {
            return if zip { snapshot.zipped_body() } else { snapshot.body() };
        }
        let body = snapshot.filtered_body(|row| filter.keeps(row));
        if zip { crate::app::board::gzip(&body) } else { body }
    };
    tokio::task::spawn_blocking(make).await.unwrap_or_default()
}

pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip")
            && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// Whether the reader has what bears this tag.
pub fn if_none_match(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok());
    values
        .flat_map(|v| v.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_or_refused_by_parameter() {
        let read = |query: &str| {
            let uri: axum::http::Uri = format!("/x?{query}").parse().unwrap();
            Filter::read(query_pairs(&uri)).map_err(|e| format!("{e:?}"))
        };
        assert_eq!(read("").unwrap(), Filter::default());
        assert_eq!(read("state=failed,missing").unwrap().states, [LunState::Failed, LunState::Missing]);
        assert_eq!(read("node=pve%201").unwrap().node.as_deref(), Some("pve 1"));
        assert!(read("unclean=1").unwrap().unclean && !read("unclean=0").unwrap().unclean);
        for (query, words) in [
            ("state=bad", "value 'bad'"),
            ("unclean=maybe", "got 'maybe'"),
            ("node=", "must not be empty"),
            ("colour=red", "property is not defined"),
        ] {
            let e = read(query).unwrap_err();
            assert!(e.contains(words), "{query}: {e}");
        }
    }

    #[test]
    fn codings_and_tags_are_read_as_the_standard_says() {
        let headers = |name: header::HeaderName, value: &str| {
            HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
        };
        let zip = |value| accepts_gzip(&headers(header::ACCEPT_ENCODING, value));
        assert!(zip("gzip") && zip("br, GZIP;q=0.5") && !zip("br") && !zip("gzip;q=0") && !zip("xgzip"));
        let matches = |value| if_none_match(&headers(header::IF_NONE_MATCH, value), "\"a-1\"");
        assert!(matches("\"a-1\"") && matches("W/\"a-1\"") && matches("\"x\", \"a-1\"") && matches("*"));
        assert!(!matches("\"a-2\"") && !matches("a-1"));
    }
}
