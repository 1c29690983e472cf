//! The static files of the pages: no build step, nothing of third parties, no address but our own API. A debug build reads
//! them from the source folder at each request, any other has them in itself.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

use super::status::if_none_match;
use super::{Context, errors};

/// The address of the first page; what it is made of lies below [`FILES`].
pub const PAGE: &str = "/";
/// Where the other files are.
pub const FILES: &str = "/ui/";

const INDEX: &str = "index.html";

#[derive(RustEmbed)]
#[folder = "ui/"]
#[include = "*.html"]
#[include = "*.js"]
#[include = "*.css"]
#[include = "*.svg"]
struct Files;

/// By extension, for what [`Files`] takes in.
const TYPES: &[(&str, &str)] = &[
    ("html", "text/html; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("svg", "image/svg+xml"),
];

/// A route for the page and one for what it is made of.
pub fn routes() -> Router<Context> {
    Router::new()
        .route(PAGE, get(async |uri: Uri, headers: HeaderMap| served(INDEX, uri, &headers).await))
        .route(
            &format!("{FILES}{{*path}}"),
            get(async |Path(path): Path<String>, uri: Uri, headers: HeaderMap| {
                served(&path, uri, &headers).await
            }),
        )
}

/// Whether a path is one of these: they are the same for everybody and tell nothing of a cluster.
pub fn is_static(path: &str) -> bool {
    path == PAGE || path.starts_with(FILES)
}

async fn served(path: &str, uri: Uri, headers: &HeaderMap) -> Response {
    match file(path, headers) {
        Some(response) => response,
        None => errors::not_found(Method::GET, uri).await.into_response(),
    }
}

fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let (_, extension) = path.rsplit_once('.')?;
    let (_, content_type) = *TYPES.iter().find(|(of, _)| *of == extension)?;
    let file = Files::get(path)?;
    let digest: String =
        file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{digest}\"");
    let mut response = if if_none_match(headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, content_type)], file.data.into_owned()).into_response()
    };
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_a_file_asks_for_is_served() {
        let mut asked = 0;
        for path in Files::iter() {
            let bytes = Files::get(&path).unwrap().data;
            let text = std::str::from_utf8(&bytes).unwrap();
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let words = text.split(['"', '\'']).filter(|word| !word.contains(char::is_whitespace));
            for word in words.filter(|word| TYPES.iter().any(|(of, _)| word.ends_with(&format!(".{of}")))) {
                let from_here = word.strip_prefix("./").map(|name| format!("{folder}/{name}"));
                let from_above = word.strip_prefix("../").map(str::to_owned);
                let whole = word.strip_prefix(FILES).map(str::to_owned);
                let name = from_here.or(from_above).or(whole).unwrap_or_default();
                let name = name.trim_start_matches('/');
                assert!(
                    file(name, &HeaderMap::new()).is_some(),
                    "{path} asks for {word}, and {name} is not served"
                );
                asked += 1;
            }
        }
        assert!(asked > 0);
    }

    #[test]
    fn what_was_seen_is_not_sent_again_and_nothing_else_is_served() {
        let response = file(INDEX, &HeaderMap::new()).unwrap();
        let etag = response.headers()[header::ETAG].clone();
        let seen = HeaderMap::from_iter([(header::IF_NONE_MATCH, etag)]);
        assert_eq!(file(INDEX, &seen).unwrap().status(), StatusCode::NOT_MODIFIED);
        for path in
            ["", "nothing.js", "../Cargo.toml", "../src/main.rs", "/etc/passwd", "tsconfig.json", "app"]
        {
            assert!(file(path, &HeaderMap::new()).is_none(), "{path}");
        }
    }
}
