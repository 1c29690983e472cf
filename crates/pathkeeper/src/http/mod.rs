//! The API over HTTP: routes, Proxmox's envelope and errors, filters, ETag, events.

pub mod alerts;
pub mod audit;
pub mod auth;
pub mod can;
pub mod config;
pub mod edit;
pub mod errors;
pub mod events;
pub mod explain;
pub mod guests;
pub mod guide;
pub mod history;
pub mod luns;
pub mod map;
pub mod metrics;
pub mod mutes;
pub mod names;
pub mod orders;
pub mod server;
pub mod session;
pub mod status;
pub mod support;
pub mod ui;
pub mod volumes;
pub mod windows;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use pathkeeper_api::disks::NodeDisks;
use pathkeeper_api::{Envelope, Version, paths};
use pathkeeper_engine::agent::NodeFacts;
use pathkeeper_engine::cluster::{Answer, NodeView, Question};
use pathkeeper_io::history::History;
use pathkeeper_io::store::Store;
use pathkeeper_model::NodeName;
use pathkeeper_model::detail::Detail;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::app::board::Board;
use crate::app::clock::Clock;
use crate::app::cluster_loop::Asked;
use crate::app::convert;
use crate::app::node_state::OwnMachine;
use errors::ApiError;

/// Event streams that are open at the same time.
const STREAMS_MAX: usize = 256;
/// Other nodes' details that are unpacked at the same time: what they hold is theirs to choose, and the memory is locked.
const UNPACKING_MAX: usize = 1;
/// How long a request waits for its turn to unpack one; the largest takes a second.
const UNPACKING_WAIT_MS: u64 = 5_000;

/// How long a question waits for its answer; the largest takes a tenth of a second.
const ASKING_MS: u64 = 5_000;
/// Questions that wait at the same time.
pub const QUESTIONS_MAX: usize = 16;

/// What handlers know.
#[derive(Clone, Debug)]
pub struct Context(Arc<Inner>);

/// The inside of [`Context`].
#[derive(Debug)]
pub struct Inner {
    /// The pictures.
    pub board: Arc<Board>,
    /// The answering node.
    pub node: NodeName,
    /// All clocks.
    pub clock: Clock,
    /// Store by name.
    pub store: &'static str,
    /// What the node says of itself.
    pub facts: NodeFacts,
    /// Where documents are.
    pub documents: Documents,
    /// Where questions about the cluster go.
    pub questions: mpsc::Sender<Asked>,
    /// Room for event streams.
    pub streams: Arc<Semaphore>,
    /// Room to unpack what other nodes published.
    pub unpacking: Arc<Semaphore>,
    /// Who may do what.
    pub access: auth::Access,
    /// What this node saw, where that is kept.
    pub history: Option<History>,
    /// Where this node's own files are, where they are seen.
    pub machine: Option<OwnMachine>,
}

/// The store, for those who read or write documents.
#[derive(Clone)]
pub struct Documents(pub Arc<dyn Store>);

impl std::fmt::Debug for Documents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.kind())
    }
}

impl std::ops::Deref for Context {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Context {
    /// Everything handlers need.
    pub fn new(
        board: Arc<Board>,
        node: NodeName,
        clock: Clock,
        store: &Arc<dyn Store>,
        facts: NodeFacts,
        access: auth::Access,
        questions: mpsc::Sender<Asked>,
    ) -> Self {
        let streams = Arc::new(Semaphore::new(STREAMS_MAX));
        Self(Arc::new(Inner {
            board,
            node,
            clock,
            store: store.kind(),
            facts,
            documents: Documents(store.clone()),
            questions,
            streams,
            unpacking: Arc::new(Semaphore::new(UNPACKING_MAX)),
            access,
            history: None,
            machine: None,
        }))
    }

    /// With the history of what this node saw; before anybody else has this.
    #[must_use]
    pub fn with_history(mut self, history: Option<History>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.history = history;
        }
        self
    }

    /// With the place of this node's own files; before anybody else has this.
    #[must_use]
    pub fn with_machine(mut self, machine: Option<OwnMachine>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.machine = machine;
        }
        self
    }

    /// Asks the cluster's picture.
    ///
    /// # Errors
    /// 503 where no answer comes in time: the loop is busy, or stopping.
    pub async fn ask(&self, question: Question) -> Result<Answer, ApiError> {
        let (send, receive) = oneshot::channel();
        let asked = async {
            self.questions.send((question, send)).await.ok()?;
            receive.await.ok()
        };
        let answer = tokio::time::timeout(Duration::from_millis(ASKING_MS), asked).await;
        answer.ok().flatten().ok_or_else(|| ApiError::busy("the picture of the cluster"))
    }
}

/// All routes.
pub fn router(context: Context) -> Router {
    let small = tower_http::compression::CompressionLayer::new();
    // These bodies are small or change with each request; status and events look after themselves.
    let compressed = Router::new()
        .route(paths::NODES, get(nodes))
        .route(paths::NODE_DISKS, get(disks))
        .route(paths::VERSION, get(version))
        .route(paths::OPENAPI, get(openapi))
        .route(paths::METRICS, get(metrics::metrics))
        .route(paths::METRICS_CLUSTER, get(metrics::of_cluster))
        .merge(can::routes())
        .merge(explain::routes())
        .merge(guests::routes())
        .merge(guide::routes())
        .merge(history::routes())
        .merge(support::routes())
        .merge(luns::routes())
        .merge(alerts::routes())
        .merge(mutes::routes())
        .merge(windows::routes())
        .merge(names::routes())
        .merge(volumes::routes())
        .merge(config::routes())
        .merge(session::routes())
        .merge(ui::routes())
        .layer(small);
    Router::new()
        .merge(compressed)
        .merge(map::routes())
        .route(paths::STATUS, get(status::status))
        .route(paths::EVENTS, get(events::events))
        .route(paths::HEALTHZ, get(|| async { "ok\n" }))
        .route(paths::READYZ, get(readyz))
        .fallback(errors::not_found)
        .method_not_allowed_fallback(errors::not_implemented)
        .layer(axum::middleware::from_fn_with_state(context.clone(), auth::admit))
        .layer(axum::middleware::from_fn_with_state(context.clone(), guard))
        .with_state(context)
}

/// What holds for every request: a name that a browser was tricked into (DNS rebinding) is not served, and every
/// answer bears the headers that keep a page to itself.
async fn guard(State(context): State<Context>, request: Request, next: axum::middleware::Next) -> Response {
    // By TLS a name that is none of ours ends in the client: the certificate is not for it.
    let encrypted = matches!(request.extensions().get(), Some(server::Peer::Tcp { encrypted: true, .. }));
    // A URI in absolute form names the host once more.
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let hosts = request.headers().get_all(header::HOST).iter().map(|host| host.to_str().unwrap_or(""));
    for name in hosts.chain(authority).filter(|_| !encrypted) {
        if !host_is_ours(name, context.node.as_str()) {
            return ApiError::misdirected(name).into_response();
        }
    }
    // A browser that is challenged asks for a name and a password by itself; what a page's own script asks is the page's to mend.
    let by_script = request.headers().get("sec-fetch-dest").is_some_and(|to| to == "empty");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if by_script {
        headers.remove(header::WWW_AUTHENTICATE);
    }
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; require-trusted-types-for 'script'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    );
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

/// Addresses, `localhost`, and this node by its bare name: whoever guesses that can still not give it a domain.
fn host_is_ours(host: &str, node: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() => name,
        _ => host,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    // An IPv6 address without brackets has colons of its own.
    let is_address = |text: &str| text.parse::<std::net::IpAddr>().is_ok();
    is_address(host)
        || is_address(bare)
        || bare.eq_ignore_ascii_case("localhost")
        || bare.eq_ignore_ascii_case(node)
}

/// What takes milliseconds on a large node is not done on a thread that serves others.
async fn off_thread<T: Send + 'static>(make: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(make).await.map_err(|e| ApiError::busy(&e.to_string()))
}

fn enveloped<T: serde::Serialize>(data: T) -> Response {
    axum::Json(Envelope { data }).into_response()
}

async fn nodes(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    if context.board.snapshot().is_none() {
        return Err(ApiError::not_ready("the store has not given its first whole list yet"));
    }
    let view = context.board.nodes();
    let since_ms = context.clock.now().mono.since(view.at);
    let rows: Vec<_> = view
        .nodes
        .iter()
        .map(|(node, tally)| {
            let mut node = node.clone();
            node.age_ms = node.age_ms.map(|age| age + since_ms);
            convert::node(&node, *tally)
        })
        .collect();
    Ok(enveloped(rows))
}

async fn disks(
    State(context): State<Context>,
    Path(node): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    if node != context.node.as_str() && node != "localhost" {
        return other_disks(&context, &node).await;
    }
    let now = context.clock.now().mono;
    match context.board.local() {
        Some(local) => Ok(enveloped(off_thread(move || local.disks(now)).await?)),
        None => Err(ApiError::not_ready("the local node has not been read yet")),
    }
}

/// What another node published, unpacked for whoever asks.
async fn other_disks(context: &Context, node: &str) -> Result<Response, ApiError> {
    let body =
        |disks: NodeDisks, _: &Detail| serde_json::to_vec(&Envelope { data: disks }).unwrap_or_default();
    let body = with_published(context, node, body).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Makes something of what another node published. A large node takes milliseconds, so no thread that serves others does it.
async fn with_published<T: Send + 'static>(
    context: &Context,
    node: &str,
    make: impl FnOnce(NodeDisks, &Detail) -> T + Send + 'static,
) -> Result<T, ApiError> {
    if context.board.snapshot().is_none() {
        return Err(ApiError::not_ready("the store has not given its first whole list yet"));
    }
    let nodes = context.board.nodes();
    let Some((view, _)) = nodes.nodes.iter().find(|(n, _)| n.name.as_str() == node) else {
        return Err(ApiError::no_node(node));
    };
    let mut view = view.clone();
    let since_ms = context.clock.now().mono.since(nodes.at);
    for age in [&mut view.age_ms, &mut view.detail_age_ms].into_iter().flatten() {
        *age += since_ms;
    }
    let Some(packed) = view.detail.take() else {
        return Err(ApiError::no_detail(node, &why_no_detail(&view)));
    };
    let room = room_to_unpack(&context.unpacking, UNPACKING_WAIT_MS).await?;
    // After the nodes: what it says of a node's report is then never older than whether that is believed.
    let snapshot = context.board.snapshot();
    let name = view.name.to_string();
    let made = off_thread(move || {
        let cell = |wwid: &str| snapshot.as_ref()?.cell(wwid, &name);
        let made = packed.unpack().map(|detail| make(convert::published(&view, &detail, cell), &detail));
        // Not before: a client that went away does not stop this thread.
        drop(room);
        made
    });
    made.await?.map_err(|e| ApiError::no_detail(node, &e.to_string()))
}

/// Waits for room to unpack a detail, but not for ever.
async fn room_to_unpack(room: &Arc<Semaphore>, wait_ms: u64) -> Result<OwnedSemaphorePermit, ApiError> {
    let wait = std::time::Duration::from_millis(wait_ms);
    match tokio::time::timeout(wait, room.clone().acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        _ => Err(ApiError::busy("other requests for the maps of other nodes are being answered")),
    }
}

/// In words, why a node has no details here.
fn why_no_detail(view: &NodeView) -> String {
    let runs = |version: &str| format!("it runs Pathkeeper {version}, which has published none");
    match (&view.detail_why, &view.about) {
        (Some(why), _) => why.clone(),
        (None, Some(about)) => match about.version_pathkeeper.as_deref() {
            Some(version) if version != env!("CARGO_PKG_VERSION") => runs(version),
            _ => "it has published none yet".into(),
        },
        (None, None) if view.report_time.is_some() && view.instance.is_none() => {
            "it runs Proxmox VE's own multipath series, which publishes states alone".into()
        }
        (None, None) => "no agent of it has been heard".into(),
    }
}

async fn version(request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let version = env!("CARGO_PKG_VERSION");
    let release = version.rsplit_once('.').map_or(version, |(release, _)| release);
    Ok(enveloped(Version { version: version.into(), release: release.into(), repoid: String::new() }))
}

/// Made when somebody asks for it first: most agents are never asked, and what they hold is locked in memory.
async fn openapi() -> Response {
    static DOCUMENT: LazyLock<String> = LazyLock::new(pathkeeper_api::openapi::document);
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

async fn readyz(State(context): State<Context>) -> Result<&'static str, ApiError> {
    if context.board.local().is_none() {
        return Err(ApiError::not_ready("the local node has not been read yet"));
    }
    if context.board.snapshot().is_none() {
        return Err(ApiError::not_ready("the store has not given its first whole list yet"));
    }
    Ok("ok\n")
}

/// A store of this node alone, for tests.
#[cfg(test)]
fn store_below(dir: &std::path::Path) -> Arc<dyn Store> {
    let hub = pathkeeper_io::store::embedded::Hub::open(&dir.join("store")).unwrap();
    Arc::new(hub.node(&NodeName::new("pve1").unwrap()))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn who_waits_too_long_for_room_is_told_to_come_back() {
        let room = std::sync::Arc::new(super::Semaphore::new(super::UNPACKING_MAX));
        let first = super::room_to_unpack(&room, 60_000).await.unwrap();
        let late = super::room_to_unpack(&room, 1).await.unwrap_err();
        let answer = axum::response::IntoResponse::into_response(late);
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
        let next = tokio::spawn({
            let room = room.clone();
            async move { super::room_to_unpack(&room, 60_000).await.is_ok() }
        });
        drop(first);
        assert!(next.await.unwrap(), "who waits gets it");
    }

    #[test]
    fn only_our_own_names_are_served() {
        for good in ["localhost", "LOCALHOST:8480", "127.0.0.1:8480", "[::1]:8480", "::1", "pve1", "PVE1:1"] {
            assert!(super::host_is_ours(good, "pve1"), "{good}");
        }
        for bad in
            ["pve1.evil.example", "evil.example", "evil.example:8480", "pve2", "", "pve1evil", "pve1:x"]
        {
            assert!(!super::host_is_ours(bad, "pve1"), "{bad}");
        }
    }
}
