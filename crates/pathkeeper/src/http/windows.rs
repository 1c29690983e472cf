//! `GET` and `POST windows`, `POST windows/{id}/end`, `DELETE windows/{id}`: what is expected to be away for a while.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{delete, get, post};
use pathkeeper_api::paths;
use pathkeeper_api::windows::{Window as WireWindow, WindowChanged, Windows as WireWindows};
use pathkeeper_model::EpochS;
use pathkeeper_model::report::TEXT_BYTES_MAX;
use pathkeeper_model::windows::{
    LONGEST_S, REASON_BYTES_MAX, WINDOWS_DOCUMENT, Window, WindowOn, Windows, WindowsDocument,
};

use super::edit::{self, Body, Done, Step};
use super::errors::{self, ApiError};
use super::mutes::muting;
use super::{Context, enveloped};
use crate::app::board::Snapshot;
use crate::app::random_instance;

/// A body that opens a window is no longer.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The routes about windows.
pub fn routes() -> Router<Context> {
    Router::new()
        .route(paths::WINDOWS, get(list).post(add))
        .route(paths::WINDOW, delete(remove))
        .route(paths::WINDOW_END, post(end))
}

async fn list(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let standing = edit::read(&context, WINDOWS_DOCUMENT).await;
    let standing = standing.map_err(|e| ApiError::unread(WINDOWS_DOCUMENT, &e.to_string()))?;
    let (windows, problems) = match standing.bytes.is_empty() {
        true => (Windows::default(), Vec::new()),
        false => Windows::decode(&standing.bytes),
    };
    let (snapshot, now) = (context.board.snapshot(), context.clock.now().wall);
    let windows = windows.entries.iter().map(|window| wire(window, now, snapshot.as_deref())).collect();
    Ok(enveloped(WireWindows { windows, digest: standing.digest, problems }))
}

fn wire(window: &Window, now: EpochS, snapshot: Option<&Snapshot>) -> WireWindow {
    let state = match window.is_open(now) {
        true => "open",
        false if now < window.from => "coming",
        false => "over",
    };
    WireWindow {
        id: window.id.clone(),
        on: window.on.kind().into(),
        name: window.on.name().into(),
        from: window.from.0,
        until: window.until.0,
        by: window.by.clone(),
        reason: window.reason.clone(),
        time: window.time.0,
        state: state.into(),
        muting: muting(snapshot, &window.id),
    }
}

async fn add(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let by = edit::by(&request);
    let known = ["on", "name", "from", "until", "reason"];
    let mut body = Body::read(request, &known, BODY_BYTES_MAX).await?;
    let now = context.clock.now().wall;
    let id = random_instance().map_err(|e| ApiError::busy(&e.to_string()))?.to_string();
    let window = asked(&mut body, &context, id, by, now);
    body.check()?;
    let Some(window) = window else { return Err(ApiError::bad_body("a window needs an object and an end")) };
    let done = edit::edit(&context, WINDOWS_DOCUMENT, |standing| {
        let mut document = open(&standing.bytes)?;
        if document.windows().entries.iter().any(|known| known.id == window.id) {
            return Ok(Step::Same(window.clone()));
        }
        document.add(&window, now).map_err(ApiError::conflict)?;
        Ok(Step::Write(document.encode(), window.clone()))
    });
    Ok(answer(done.await?, now, "opened"))
}

async fn end(
    State(context): State<Context>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    Body::read(request, &[], BODY_BYTES_MAX).await?.check()?;
    let now = context.clock.now().wall;
    let done = edit::edit(&context, WINDOWS_DOCUMENT, |standing| {
        let mut document = open(&standing.bytes)?;
        let before = document.windows();
        let window = document.end(&id, now).ok_or_else(|| ApiError::no_such("window", &id))?;
        let same = document.windows() == before;
        Ok(if same { Step::Same(window) } else { Step::Write(document.encode(), window) })
    });
    Ok(answer(done.await?, now, "ended"))
}

async fn remove(
    State(context): State<Context>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    errors::no_parameters(&request)?;
    let now = context.clock.now().wall;
    // What an earlier try took away, if its answer was lost.
    let mut taken: Option<Window> = None;
    let done = edit::edit(&context, WINDOWS_DOCUMENT, |standing| {
        let mut document = open(&standing.bytes)?;
        match (document.remove(&id, now), &taken) {
            (Some(window), _) => {
                taken = Some(window.clone());
                Ok(Step::Write(document.encode(), window))
            }
            (None, Some(window)) if standing.doubt => Ok(Step::Same(window.clone())),
            (None, _) => Err(ApiError::no_such("window", &id)),
        }
    });
    Ok(answer(done.await?, now, "taken away"))
}

fn open(bytes: &[u8]) -> Result<WindowsDocument, ApiError> {
    WindowsDocument::open(bytes).map_err(|why| edit::not_understood(WINDOWS_DOCUMENT, &why))
}

fn answer(done: Done<Window>, now: EpochS, what: &str) -> Response {
    let Done { told: window, before, after } = done;
    tracing::info!("window of {} on {} {what}: {}", window.by, window.on, window.reason);
    let changed = WindowChanged { window: wire(&window, now, None), before, after };
    edit::changed(WINDOWS_DOCUMENT, &changed.before, &changed.after, &changed)
}

/// The window that is asked for; what is wrong with it is noted.
fn asked(body: &mut Body, context: &Context, id: String, by: String, now: EpochS) -> Option<Window> {
    let (on, name) = (body.needed::<String>("on"), body.needed::<String>("name"));
    let on = on.zip(name).and_then(|(kind, name)| {
        let good = name.len() <= TEXT_BYTES_MAX && !name.chars().any(char::is_control);
        let on = WindowOn::of(&kind, &name).filter(|_| good);
        match &on {
            None if ["node", "array", "controller", "port", "fabric", "lun"].contains(&kind.as_str()) => {
                body.wrong("name", format!("value must be 1 to {TEXT_BYTES_MAX} visible characters"));
            }
            None => body.wrong("on", "value must be node, array, controller, port, fabric or lun"),
            Some(WindowOn::Node(node)) => {
                if !context.board.nodes().nodes.iter().any(|(view, _)| view.name == *node) {
                    body.wrong("name", format!("no such node: {node}"));
                }
            }
            Some(_) => {}
        }
        on
    });
    let from = body.number("from").map_or(now, EpochS);
    let until = body.number("until").map(EpochS);
    match until {
        None => body.wrong("until", edit::MISSING),
        Some(until) if until <= now || until <= from => {
            body.wrong("until", "value must lie in the future, and after from");
        }
        Some(until) if until.0.saturating_sub(from.0) > LONGEST_S => {
            body.wrong("until", format!("a window is open for {} days at most", LONGEST_S / 86_400));
        }
        Some(_) => {}
    }
    let reason = edit::reason(body, REASON_BYTES_MAX);
    Some(Window { id, on: on?, from, until: until?, by, reason, time: now })
}
