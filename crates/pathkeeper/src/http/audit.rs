//! The record of every write: who, from where, what, which documents were changed from what to what, and how it ended.
//!
//! Each write gives one line of JSON in `audit.log` in the state directory, and one event of the target `audit` in the
//! log. A handler that writes a document says so by [`Change`]s in its response's extensions; the rest is seen from
//! outside of it, so that no handler can forget it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use pathkeeper_io::append_log::AppendLog;
use pathkeeper_model::EpochS;
use serde::Serialize;
use tokio::sync::Mutex;

use super::errors::{self, ApiError};

/// The file's name in the state directory.
pub const AUDIT_FILE: &str = "audit.log";
/// Some ten thousand writes; as many older ones are kept.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// No request that writes has a larger body; the listeners' own limit is smaller.
const BODY_BYTES_MAX: usize = 4 << 20;
/// How long an answer waits for its line to be on the disk, which may hang.
const DISK_S: u64 = 2;
/// Parameters in a line, and bytes of each.
const PARAMETERS_MAX: usize = 32;
const VALUE_BYTES_MAX: usize = 200;
/// Bytes of a path in a line.
const PATH_BYTES_MAX: usize = 400;

/// A document that a handler wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its name in the store.
    pub document: String,
    /// SHA-1 of its bytes before, hexadecimal.
    pub before: String,
    /// And after.
    pub after: String,
}

/// What a handler tells of its write: put it into the response's extensions.
#[derive(Clone, Debug, Default)]
pub struct Changes(pub Vec<Change>);

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When it was answered, UTC, RFC 3339.
    pub time: String,
    /// Who: a token, or a user of this machine.
    pub by: String,
    /// From where: an address, `unix:PID`, or `command line`.
    pub peer: String,
    /// The method, or the command.
    pub method: String,
    /// The path.
    pub path: String,
    /// Parameters of query and body; secrets are left out.
    pub parameters: BTreeMap<String, String>,
    /// The answer's HTTP status; 0 for a command.
    pub status: u16,
    /// What was written.
    pub changes: Vec<Change>,
}

/// Where lines go.
#[derive(Clone, Debug)]
pub struct AuditLog(Option<Arc<Mutex<AppendLog>>>);

impl AuditLog {
    /// In this state directory; `None` = in the log alone.
    pub fn new(state_dir: Option<&Path>) -> Self {
        Self(state_dir.map(|dir| Arc::new(Mutex::new(file(dir)))))
    }

    /// Tells the log, and waits until the line is on the disk, but not for ever.
    pub async fn record(&self, line: Line) {
        event(&line);
        let Some(file) = &self.0 else { return };
        let limit = Duration::from_secs(DISK_S);
        let written = tokio::time::timeout(limit, async {
            // One at a time: a disk that hangs holds one thread.
            let file = file.clone().lock_owned().await;
            let write = tokio::task::spawn_blocking(move || append(&file, &line));
            write.await.unwrap_or_else(|e| Err(std::io::Error::other(e)))
        });
        let failed = match written.await {
            Ok(Ok(())) => return,
            Ok(Err(e)) => e.to_string(),
            Err(_) => format!("the disk has not answered for {DISK_S} s"),
        };
        tracing::error!("{AUDIT_FILE} does not have the write above: {failed}");
    }
}

/// The log of a state directory.
fn file(state_dir: &Path) -> AppendLog {
    AppendLog::new(state_dir.join(AUDIT_FILE), FILE_BYTES_MAX)
}

fn append(file: &AppendLog, line: &Line) -> std::io::Result<()> {
    file.append(&serde_json::to_vec(line).map_err(std::io::Error::other)?)
}

/// Records what a command of this program did by itself, past any agent.
///
/// # Errors
/// From the disk.
pub fn record_command(state_dir: &Path, line: &Line) -> std::io::Result<()> {
    append(&file(state_dir), line)
}

fn event(line: &Line) {
    let parameters = serde_json::to_string(&line.parameters).unwrap_or_default();
    let changes = serde_json::to_string(&line.changes).unwrap_or_default();
    let Line { by, peer, method, path, status, .. } = line;
    tracing::info!(target: "audit", %by, %peer, %method, %path, %parameters, status, %changes, "write");
}

/// Epoch seconds as RFC 3339 in UTC.
pub fn time(now: EpochS) -> String {
    jiff::Timestamp::from_second(now.0).map_or_else(|_| now.0.to_string(), |at| at.to_string())
}

/// A write as its request tells it; its body is read whole, within bounds, and given on.
///
/// # Errors
/// The answer to a body that is too large or broken off.
pub async fn begin(request: Request, by: String, peer: String) -> Result<(Line, Request), ApiError> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
    let body = body.map_err(|e| ApiError::bad_body(&e.to_string()))?;
    let line = Line {
        time: String::new(),
        by,
        peer,
        method: parts.method.to_string(),
        path: clip(parts.uri.path(), PATH_BYTES_MAX),
        parameters: parameters(&parts.uri, &parts.headers, &body),
        status: 0,
        changes: Vec::new(),
    };
    Ok((line, Request::from_parts(parts, Body::from(body))))
}

/// Runs a write to its end, whether the client waits for it or not, and records it.
pub async fn run(
    log: AuditLog,
    mut line: Line,
    now: impl FnOnce() -> EpochS + Send + 'static,
    write: impl Future<Output = Response> + Send + 'static,
) -> Response {
    let whole = tokio::spawn(async move {
        // On a task of its own: one that panics is recorded too.
        let response = match tokio::spawn(write).await {
            Ok(response) => response,
            Err(e) => {
                tracing::error!("a write ended badly: {e}; this is a fault of Pathkeeper");
                ApiError::fault().into_response()
            }
        };
        line.status = response.status().as_u16();
        line.time = time(now());
        let extensions = response.extensions();
        line.changes = extensions.get::<Changes>().map(|changes| changes.0.clone()).unwrap_or_default();
        line.changes.extend(extensions.get::<Change>().cloned());
        log.record(line).await;
        response
    });
    whole.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// What reads only.
pub fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn parameters(uri: &Uri, headers: &HeaderMap, body: &Bytes) -> BTreeMap<String, String> {
    let mut all = errors::query_pairs(uri);
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        all.extend(errors::pairs(&String::from_utf8_lossy(body)));
    } else if let Ok(object) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body) {
        all.extend(object.into_iter().map(|(name, value)| match value {
            serde_json::Value::String(text) => (name, text),
            other => (name, other.to_string()),
        }));
    } else if !body.is_empty() {
        all.push(("body".into(), format!("{} bytes of {kind:?}", body.len())));
    }
    let kept = all.into_iter().take(PARAMETERS_MAX);
    kept.map(|(name, value)| {
        let value = if is_secret(&name) { "***".into() } else { clip(&value, VALUE_BYTES_MAX) };
        (clip(&name, VALUE_BYTES_MAX), value)
    })
    .collect()
}

/// Whether a parameter of this name may hold what opens something.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["secret", "password", "passwd", "passphrase", "token", "ticket", "key", "credential"]
        .iter()
        .any(|word| name.contains(word))
}

/// At most so many bytes, at a character's end.
fn clip(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, kind: &str, body: impl Into<Body>) -> Request {
        Request::post(path).header(header::CONTENT_TYPE, kind).body(body.into()).unwrap()
    }

    async fn line(path: &str, kind: &str, body: &str) -> Line {
        let (line, given_on) =
            begin(request(path, kind, body.to_owned()), "root@pam".into(), "127.0.0.1".into()).await.unwrap();
        let bytes = axum::body::to_bytes(given_on.into_body(), 10_000).await.unwrap();
        assert_eq!(bytes, body.as_bytes(), "the handler gets it whole");
        line
    }

    #[tokio::test]
    async fn parameters_are_kept_and_secrets_are_not() {
        let check = async |path: &str, kind: &str, body: &str, expect: &[(&str, &str)]| {
            let got = line(path, kind, body).await.parameters;
            let expect = expect.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            assert_eq!(got, expect, "{path} {body}");
        };
        let json = "application/json";
        check("/x?node=pve%201&force", json, "", &[("node", "pve 1"), ("force", "")]).await;
        check("/x", json, r#"{"node":"a","n":4}"#, &[("node", "a"), ("n", "4")]).await;
        check(
            "/x",
            "application/x-www-form-urlencoded; charset=utf-8",
            "a=b+c&d=%41",
            &[("a", "b c"), ("d", "A")],
        )
        .await;
        check(
            "/x?API-Token=1",
            json,
            r#"{"password":"x","user-secret":"y"}"#,
            &[("API-Token", "***"), ("password", "***"), ("user-secret", "***")],
        )
        .await;
        check("/x", "text/plain", "devices {}", &[("body", "10 bytes of \"text/plain\"")]).await;
        let long = "é".repeat(150);
        check(&format!("/x?a={long}"), json, "", &[("a", &format!("{}…", "é".repeat(100)))]).await;
        let many: String = (0..100).map(|n| format!("p{n}=1&")).collect();
        assert_eq!(line(&format!("/x?{many}"), json, "").await.parameters.len(), PARAMETERS_MAX);
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_refused() {
        let too_large = request("/x", "text/plain", vec![b'x'; BODY_BYTES_MAX + 1]);
        let refused = begin(too_large, "a".into(), "b".into()).await.unwrap_err().into_response();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    }

    #[tokio::test]
    async fn a_write_is_recorded_with_its_changes_also_when_it_fails() {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::new(Some(dir.path()));
        let change = |n: u8| Change {
            document: "pathkeeper/ledger".into(),
            before: format!("{n}"),
            after: format!("{}", n + 1),
        };
        let write = |response: Response| {
            let line = line("/api2/json/x?node=pve1", "application/json", "");
            let log = log.clone();
            async move { run(log, line.await, || EpochS(1_783_082_400), async { response }).await.status() }
        };
        let mut good = StatusCode::OK.into_response();
        good.extensions_mut().insert(change(1));
        assert_eq!(write(good).await, StatusCode::OK);
        let mut both = StatusCode::CONFLICT.into_response();
        both.extensions_mut().insert(Changes(vec![change(2), change(3)]));
        assert_eq!(write(both).await, StatusCode::CONFLICT);
        let died = run(log.clone(), line("/y", "", "").await, || EpochS(0), async { panic!("died") }).await;
        assert_eq!(died.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let text = std::fs::read_to_string(dir.path().join(AUDIT_FILE)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            r#"{"time":"2026-07-03T12:40:00Z","by":"root@pam","peer":"127.0.0.1","method":"POST","path":"/api2/json/x","parameters":{"node":"pve1"},"status":200,"changes":[{"document":"pathkeeper/ledger","before":"1","after":"2"}]}"#
        );
        assert!(lines[1].contains(r#""status":409"#) && lines[1].contains(r#""before":"3""#), "{}", lines[1]);
        assert!(lines[2].contains(r#""status":500"#), "{}", lines[2]);
    }

    /// A client that goes away does not take the write's line with it.
    #[tokio::test]
    async fn a_write_that_nobody_waits_for_is_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::new(Some(dir.path()));
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let (ended, end) = tokio::sync::oneshot::channel::<()>();
        let line = line("/x", "", "").await;
        let write = async move {
            wait.await.ok();
            StatusCode::OK.into_response()
        };
        let now = move || {
            ended.send(()).ok();
            EpochS(0)
        };
        let waiting = tokio::spawn(run(log.clone(), line, now, write));
        tokio::task::yield_now().await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        go.send(()).unwrap();
        end.await.unwrap();
        // The next line comes after it.
        let next = Line { method: "NEXT".into(), ..line_of("x") };
        log.record(next).await;
        let text = std::fs::read_to_string(dir.path().join(AUDIT_FILE)).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    fn line_of(path: &str) -> Line {
        Line {
            time: String::new(),
            by: String::new(),
            peer: String::new(),
            method: String::new(),
            path: path.into(),
            parameters: BTreeMap::new(),
            status: 0,
            changes: vec![],
        }
    }
}
