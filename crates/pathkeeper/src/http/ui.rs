//! The static files of the web page, embedded: no build step, nothing of third parties, no address but our own API.

use axum::Router;
use axum::http::header;
use axum::routing::get;

use super::Context;

/// Where each file is, its content type, its bytes.
pub const FILES: &[(&str, &str, &[u8])] = &[
    ("/", "text/html; charset=utf-8", include_bytes!("../../ui/index.html")),
    ("/app.js", "text/javascript; charset=utf-8", include_bytes!("../../ui/app.js")),
    ("/style.css", "text/css; charset=utf-8", include_bytes!("../../ui/style.css")),
];

/// A route for each file.
pub fn routes() -> Router<Context> {
    FILES.iter().fold(Router::new(), |router, &(path, content_type, bytes)| {
        router.route(path, get(move || async move { ([(header::CONTENT_TYPE, content_type)], bytes) }))
    })
}

#[cfg(test)]
mod tests {
    use super::FILES;

    /// What a page under `default-src 'self'` may not do, and what ours does not want to.
    #[test]
    fn the_page_needs_nobody_else_and_never_makes_markup_from_text() {
        for (path, _, bytes) in FILES {
            let text = std::str::from_utf8(bytes).unwrap();
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacent",
                "document.write",
                "eval(",
                "http://",
                "https://",
                "style=",
            ] {
                assert!(!text.contains(word), "{path} has {word}");
            }
            for line in text.lines().filter(|line| line.contains("src=") || line.contains("href=")) {
                let own = FILES.iter().any(|(file, _, _)| line.contains(&format!("=\"{file}\"")));
                assert!(own, "{path} asks for something that is not served: {line}");
            }
        }
    }
}
