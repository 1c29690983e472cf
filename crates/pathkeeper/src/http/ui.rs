//! The static files of the web page, embedded.

use axum::Router;
use axum::http::header;
use axum::routing::get;

use super::Context;

/// Where each file is, its content type, its bytes.
pub const FILES: &[(&str, &str, &[u8])] = &[];

/// A route for each file.
pub fn routes() -> Router<Context> {
    FILES.iter().fold(Router::new(), |router, &(path, content_type, bytes)| {
        router.route(path, get(move || async move { ([(header::CONTENT_TYPE, content_type)], bytes) }))
    })
}
