//! Errors as Proxmox VE words them: `{"data":null,"message":…,"errors":{…}}`.

use std::collections::BTreeMap;

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper::ext::ReasonPhrase;
use pathkeeper_api::ErrorBody;
use pathkeeper_model::token::Privilege;

/// An error on its way to a client.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    message: String,
    errors: BTreeMap<String, String>,
    retry_after_s: Option<u64>,
    /// Programs and browsers are told how to say who they are.
    challenge: bool,
}

/// What is shown to somebody who has to say who they are.
const HOW_TO_SHOW: &str = "send Authorization: PVEAPIToken=USER@REALM!NAME=SECRET, or Bearer, or Basic with the \
                           token's name as user; root makes one on this node: pathkeeper token add NAME";

impl ApiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            errors: BTreeMap::new(),
            retry_after_s: None,
            challenge: false,
        }
    }

    /// 400, by parameter.
    pub fn parameters(errors: BTreeMap<String, String>) -> Self {
        Self { errors, ..Self::new(StatusCode::BAD_REQUEST, "Parameter verification failed.") }
    }

    /// 503 with Retry-After: what is awaited.
    pub fn not_ready(what: &str) -> Self {
        Self {
            retry_after_s: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {what}"))
        }
    }

    /// 503: too many of something.
    pub fn busy(what: &str) -> Self {
        Self { retry_after_s: Some(1), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("busy: {what}")) }
    }

    /// 404 in words.
    pub fn nothing_of_that_name(why: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, why)
    }

    /// 503: nothing is known of what was.
    pub fn no_history(why: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    /// 404: nobody knows that node.
    pub fn no_node(node: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("no such node: {node}"))
    }

    /// 404: nobody speaks of that LUN.
    pub fn no_lun(wwid: &str) -> Self {
        let words = format!("no such LUN: neither the status nor a node's ledger nor an order names {wwid}");
        Self::new(StatusCode::NOT_FOUND, words)
    }

    /// 404: there is none of this id.
    pub fn no_such(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("no such {what}: {id}"))
    }

    /// 409: what was asked for would do harm, or others were faster; nothing was changed.
    pub fn conflict(why: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, why)
    }

    /// 503: the store did not take or give a document. `doubt`: it was asked to write, and gave no answer.
    pub fn no_store(why: &str, doubt: bool) -> Self {
        let so = if doubt {
            "whether it was changed is not known, look before you try again"
        } else {
            "nothing was changed"
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("{so}: {why}"))
    }

    /// 503: the store did not give a document.
    pub fn unread(document: &str, why: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, format!("{document} could not be read: {why}"))
    }

    /// 503: that node's maps and paths are not known here, and why.
    pub fn no_detail(node: &str, why: &str) -> Self {
        let words = format!("the maps and paths of {node} are not known here: {why}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, words)
    }

    /// 421: a host name that is not ours.
    pub fn misdirected(host: &str) -> Self {
        let words = format!("{host:?} is no name of this node: use its address, localhost or its node name");
        Self::new(StatusCode::MISDIRECTED_REQUEST, words)
    }

    /// 408: a request that was not there, or not answered, in time.
    pub fn too_slow(seconds: u64) -> Self {
        let words = format!(
            "no answer within {seconds} s: the request's body did not come, or this node is very busy"
        );
        Self::new(StatusCode::REQUEST_TIMEOUT, words)
    }

    /// 411: a body in pieces.
    pub fn no_length() -> Self {
        let words = "a body needs a Content-Length here; Transfer-Encoding is not taken";
        Self::new(StatusCode::LENGTH_REQUIRED, words)
    }

    /// 413: a body that is too long.
    pub fn too_long(bytes: u64, bytes_max: u64) -> Self {
        let words = format!("a body of {bytes} bytes is too long: at most {bytes_max}");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, words)
    }

    /// 400: a body that cannot be read.
    pub fn bad_body(why: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("the request's body cannot be read: {why}"))
    }

    /// 401: nobody said who they are. Proxmox VE's words (PVE::HTTPServer::auth_handler).
    pub fn no_ticket() -> Self {
        let errors = BTreeMap::from([("authorization".to_owned(), HOW_TO_SHOW.to_owned())]);
        Self { errors, challenge: true, ..Self::new(StatusCode::UNAUTHORIZED, "No ticket") }
    }

    /// 401: what was shown is worth nothing. Proxmox VE's words; why stands in the log alone.
    pub fn authentication_failed() -> Self {
        Self { challenge: true, ..Self::new(StatusCode::UNAUTHORIZED, "Authentication failed!") }
    }

    /// 429: failed too often.
    pub fn too_many_failures(retry_after_s: u64) -> Self {
        let words =
            format!("too many authentication failures from your address: come back in {retry_after_s} s");
        Self { retry_after_s: Some(retry_after_s), ..Self::new(StatusCode::TOO_MANY_REQUESTS, words) }
    }

    /// 403: known, and may not. Proxmox VE's words (PVE::RPCEnvironment::check).
    pub fn no_permission(needed: Privilege) -> Self {
        Self::new(StatusCode::FORBIDDEN, format!("Permission check failed (/, {})", needed.pve()))
    }

    /// 401: a session that is over, or that never was.
    pub fn session_over() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "the session is over: log in again")
    }

    /// 401: a session's cookie came without what only our page knows. Proxmox VE's words (PVE::HTTPServer::auth_handler).
    pub fn no_csrf_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Permission denied - invalid csrf token")
    }

    /// 403: a browser sent it for a page that is not ours.
    pub fn foreign_page() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Permission denied - a page of another origin sent this")
    }

    /// 500: something of ours broke.
    pub fn fault() -> Self {
        let words =
            "this is a fault of Pathkeeper; its log says more, and whether anything was written is not known";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, words)
    }

    /// 403: not on this socket.
    pub fn forbidden(why: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, why)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // Proxmox VE's programs read these from the status line.
        let reason = matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            .then(|| ReasonPhrase::try_from(self.message.as_bytes()).ok());
        let body = ErrorBody { data: (), message: self.message, errors: self.errors };
        let mut response = (self.status, axum::Json(body)).into_response();
        if let Some(reason) = reason.flatten() {
            response.extensions_mut().insert(reason);
        }
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.challenge {
            let challenge = HeaderValue::from_static(r#"Basic realm="Pathkeeper", charset="UTF-8""#);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// 400 for any query parameter, on paths that take none.
pub fn no_parameters(request: &Request) -> Result<(), ApiError> {
    let names = query_pairs(request.uri()).into_iter().map(|(name, _)| (name, NOT_DEFINED.to_owned()));
    let errors: BTreeMap<_, _> = names.collect();
    if errors.is_empty() { Ok(()) } else { Err(ApiError::parameters(errors)) }
}

/// Proxmox's words for a parameter that a method does not take.
pub const NOT_DEFINED: &str =
    "property is not defined in schema and the schema does not allow additional properties";

/// The query's parameters, decoded; what is no UTF-8 comes with replacement characters.
pub fn query_pairs(uri: &Uri) -> Vec<(String, String)> {
    pairs(uri.query().unwrap_or_default())
}

/// As [`query_pairs`], from the text itself.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Below the API an unknown path is an unknown method, as Proxmox says it: 501. Elsewhere 404.
pub async fn not_found(method: Method, uri: Uri) -> ApiError {
    match uri.path().strip_prefix("/api2/json") {
        Some(path) => unknown_method(&method, path),
        None => ApiError::new(StatusCode::NOT_FOUND, format!("nothing is at {}", uri.path())),
    }
}

/// A known path with another verb.
pub async fn not_implemented(method: Method, uri: Uri) -> ApiError {
    unknown_method(&method, uri.path().strip_prefix("/api2/json").unwrap_or(uri.path()))
}

fn unknown_method(method: &Method, path: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_IMPLEMENTED, format!("Method '{method} {path}' not implemented"))
}
