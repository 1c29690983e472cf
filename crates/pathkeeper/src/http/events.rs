//! `GET /events`: a snapshot, then deltas with ids; `resync` and a new snapshot where deltas were lost. A reader says which rows it
//! wants: a large cluster's are megabytes, so a page has them in parts. It ends when whoever asked may no longer look.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Context;
use super::auth::ticket::Ticket;
use super::errors::{ApiError, query_pairs};
use super::status::Filter;
use crate::app::board::{DeltaEvent, Snapshot, Start};
use crate::app::parts::{First, Parts};

/// How often it is asked whether whoever reads a stream may still.
const MAY_THEY: Duration = Duration::from_secs(1);

/// Which rows go with the rest.
#[derive(Debug, PartialEq)]
enum Rows {
    /// Those that a filter keeps.
    Kept(Filter),
    /// All, the snapshot in parts.
    Parts(First),
    /// None.
    None,
    /// None in the snapshot, and in deltas as the map has them.
    Map,
}

impl Rows {
    fn read(mut pairs: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut take =
            |asked| pairs.iter().position(|(name, _)| name == asked).map(|at| pairs.swap_remove(at).1);
        let (rows, first) = (take("rows"), take("first"));
        let group = if first.is_some() { take("group") } else { None };
        let refused =
            |name: &str, why: String| Err(ApiError::parameters(BTreeMap::from([(name.to_owned(), why)])));
        let unknown = |name: &str, word: &str, words: &str| {
            refused(name, format!("value '{word}' does not have a value in the enumeration '{words}'"))
        };
        let first = match first.as_deref() {
            None => None,
            Some("unclean") => Some(true),
            Some("all") => Some(false),
            Some(word) => return unknown("first", word, "unclean, all"),
        };
        let by_storage = match group.as_deref() {
            None | Some("storage") => true,
            Some("none") => false,
            Some(word) => return unknown("group", word, "storage, none"),
        };
        let (name, kept) = match (rows.as_deref(), first) {
            (None | Some("all"), None) => return Filter::read(pairs).map(Self::Kept),
            (None | Some("all"), Some(unclean)) => ("first", Self::Parts(First { unclean, by_storage })),
            (Some("none" | "map"), Some(_)) => return refused("first", "is of all rows".to_owned()),
            (Some("none"), None) => ("rows", Self::None),
            (Some("map"), None) => ("rows", Self::Map),
            (Some(word), _) => return unknown("rows", word, "all, none, map"),
        };
        match (name, pairs.is_empty()) {
            (_, true) => Ok(kept),
            ("first", false) => refused("first", "takes no filter with it".to_owned()),
            (_, false) => refused("rows", "takes no filter with it but as 'all'".to_owned()),
        }
    }

    fn snapshot(&self, snapshot: &Snapshot) -> Vec<u8> {
        match self {
            Self::Parts(_) => snapshot.bare(),
            Self::Kept(filter) if *filter == Filter::default() => snapshot.bare(),
            Self::Kept(filter) => snapshot.filtered_bare(|row| filter.keeps(row)),
            Self::None | Self::Map => snapshot.filtered_bare(|_| false),
        }
    }

    fn delta(&self, delta: &DeltaEvent) -> String {
        match self {
            Self::Parts(_) => delta.with_rows(|_| true),
            Self::Kept(filter) => delta.with_rows(|row| filter.keeps(row)),
            Self::None => delta.without_rows(),
            Self::Map => delta.with_map(),
        }
    }
}

/// The handler.
pub async fn events(State(context): State<Context>, request: Request) -> Result<Response, ApiError> {
    let rows = Rows::read(query_pairs(request.uri()))?;
    if context.board.snapshot().is_none() {
        return Err(ApiError::not_ready("the store has not given its first whole list yet"));
    }
    let room = context
        .streams
        .clone()
        .try_acquire_owned()
        .map_err(|_| ApiError::busy("as many event streams are open as this node serves"))?;
    let seen = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()).map(|id| {
        // An id of another run is from another numbering: no revision is ever that high.
        let (instance, revision) = id.split_once('-').unwrap_or_default();
        let ours = instance == context.board.instance.to_string();
        revision.parse().ok().filter(|_| ours).unwrap_or(u64::MAX)
    });
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(15)).text("alive");
    let ticket = Ticket::of(request.headers(), &context);
    Ok(Sse::new(follow(context, rows, seen, ticket, room)).keep_alive(keep_alive).into_response())
}

struct Follower<R> {
    context: Context,
    rows: Rows,
    queue: std::collections::VecDeque<Event>,
    /// Of a snapshot that is on its way, after the queue and before any delta.
    parts: Option<Parts>,
    deltas: Receiver<Weak<DeltaEvent>>,
    seen: u64,
    ticket: Ticket,
    may_they: Interval,
    /// Held until the stream ends.
    _room: R,
}

fn follow<R: Send + 'static>(
    context: Context,
    rows: Rows,
    seen: Option<u64>,
    ticket: Ticket,
    room: R,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let (start, deltas) = context.board.follow(seen);
    let mut may_they = interval(MAY_THEY);
    may_they.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (queue, seen) = (Default::default(), seen.unwrap_or(0));
    let mut follower =
        Follower { context, rows, queue, parts: None, deltas, seen, ticket, may_they, _room: room };
    follower.begin(start);
    stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    })
}

impl<R> Follower<R> {
    fn begin(&mut self, start: Start) {
        match start {
            Start::Snapshot(snapshot) => self.push_snapshot(snapshot),
            Start::Deltas(deltas) => {
                for delta in deltas {
                    self.push_delta(&delta);
                }
            }
            Start::Resync(snapshot) => {
                self.queue.push_back(Event::default().event("resync").data("{}"));
                self.push_snapshot(snapshot);
            }
        }
    }

    fn push_snapshot(&mut self, snapshot: Option<Arc<Snapshot>>) {
        let Some(snapshot) = snapshot else { return };
        self.seen = snapshot.revision;
        if let Rows::Parts(first) = &self.rows {
            self.parts = Some(Parts::new(snapshot, first));
            return;
        }
        let json = String::from_utf8(self.rows.snapshot(&snapshot)).unwrap_or_default();
        let event = Event::default().event("snapshot").id(self.id(snapshot.revision)).data(json);
        self.queue.push_back(event);
    }

    fn push_delta(&mut self, delta: &DeltaEvent) {
        self.seen = delta.revision;
        let event = Event::default().event("delta").id(self.id(delta.revision)).data(self.rows.delta(delta));
        self.queue.push_back(event);
    }

    /// The next part of a snapshot. Only the last one has an id: a browser that lost the others has an empty one then, sends none, and
    /// is given a whole snapshot again.
    fn part(&mut self) -> Option<Event> {
        let part = self.parts.as_mut()?.next()?;
        let name = if part.is_first { "snapshot" } else { "rows" };
        let id = if part.is_last { self.id(self.seen) } else { String::new() };
        if part.is_last {
            self.parts = None;
        }
        Some(Event::default().event(name).id(id).data(part.json))
    }

    fn id(&self, revision: u64) -> String {
        format!("{}-{revision}", self.context.board.instance)
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            if let Some(part) = self.part() {
                return Some(part);
            }
            let delta = tokio::select! {
                delta = self.deltas.recv() => delta,
                _ = self.may_they.tick() => match self.ticket.is_good(&self.context) {
                    true => continue,
                    false => return None,
                },
            };
            let delta = match delta {
                Ok(delta) => delta.upgrade(),
                Err(RecvError::Lagged(_)) => None,
                Err(RecvError::Closed) => return None,
            };
            match delta {
                Some(delta) if delta.revision <= self.seen => {}
                Some(delta) => self.push_delta(&delta),
                None => {
                    // The client reads more slowly than things change: the newest picture is what it needs.
                    let (start, deltas) = self.context.board.follow(Some(u64::MAX));
                    self.deltas = deltas;
                    self.begin(start);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http_body_util::BodyExt;
    use pathkeeper_engine::agent::NodeFacts;
    use pathkeeper_model::{Instance, NodeName};
    use tower::ServiceExt;

    use super::*;
    use crate::app::board::Board;
    use crate::app::board::tests::{beside, row};
    use crate::app::clock::{Clock, ClockOffset};
    use crate::app::map::{Axes, Columns};
    use crate::app::tokens::TokenStore;
    use crate::http::auth::Access;
    use crate::http::server::Peer;

    #[test]
    fn a_reader_says_which_rows_it_wants_or_is_told_what_is_wrong() {
        let read = |query: &str| {
            let uri: axum::http::Uri = format!("/events?{query}").parse().unwrap();
            Rows::read(query_pairs(&uri)).map_err(|e| format!("{e:?}"))
        };
        let filter = |query: &str| Rows::Kept(Filter::read(super::super::errors::pairs(query)).unwrap());
        for (query, expect) in [
            ("", filter("")),
            ("rows=all", filter("")),
            ("wwid=w1&rows=all", filter("wwid=w1")),
            ("unclean=1", filter("unclean=1")),
            ("rows=none", Rows::None),
            ("rows=map", Rows::Map),
            ("first=unclean", Rows::Parts(First { unclean: true, by_storage: true })),
            ("group=storage&first=all&rows=all", Rows::Parts(First { unclean: false, by_storage: true })),
            ("first=all&group=none", Rows::Parts(First { unclean: false, by_storage: false })),
        ] {
            assert_eq!(read(query).unwrap(), expect, "{query}");
        }
        for (query, words) in [
            ("rows=some", "value 'some'"),
            ("rows=none&unclean=1", "takes no filter"),
            ("rows=map&rows=none", "takes no filter"),
            ("colour=red", "property is not defined"),
            ("rows=all&state=green", "value 'green'"),
            ("first=worst", "value 'worst'"),
            ("first=all&group=node", "value 'node'"),
            ("group=storage", "property is not defined"),
            ("first=all&unclean=1", "takes no filter"),
            ("first=all&rows=none", "is of all rows"),
        ] {
            let e = read(query).unwrap_err();
            assert!(e.contains(words), "{query}: {e}");
        }
    }

    #[tokio::test]
    async fn parts_come_one_after_the_other_the_last_with_an_id_and_changes_behind_it() {
        let dir = tempfile::tempdir().unwrap();
        let context = Context::new(
            Arc::new(Board::new(Instance(1))),
            NodeName::new("pve1").unwrap(),
            Clock::start(ClockOffset::default()),
            &crate::http::store_below(dir.path()),
            NodeFacts::default(),
            Access::new(TokenStore::open(dir.path()), false, Some(dir.path())),
            tokio::sync::mpsc::channel(1).0,
        );
        let publish = |revision, count| {
            let mut columns = Columns::default();
            let rows: Vec<_> = (0..count).map(|n| row(&format!("w{n:03}"), &[], &mut columns)).collect();
            let axes = Arc::new(Axes::new(columns.names(), rows.iter()));
            let beside_ =
                serde_json::json!({ "summary": pathkeeper_api::status::Summary::default() }).to_string();
            let changed = rows.first().cloned().into_iter().collect();
            let delta = DeltaEvent {
                revision,
                rows: changed,
                removed: Vec::new(),
                beside: beside_,
                axes: axes.clone(),
            };
            context.board.publish(Snapshot::new(revision, rows, beside()).with_axes(axes), delta);
        };
        publish(1, 60);
        let open = async |last: &str| {
            let mut request = Request::builder().uri("/events?first=all").header("host", "localhost");
            if !last.is_empty() {
                request = request.header("last-event-id", last);
            }
            let mut request = request.body(Body::empty()).unwrap();
            let address = "127.0.0.1:5".parse().unwrap();
            request.extensions_mut().insert(Peer::Tcp { address, encrypted: false });
            crate::http::router(context.clone()).oneshot(request).await.unwrap().into_body()
        };
        // The name, the id, how many rows came and are to come.
        let next = async |body: &mut Body| {
            let text = body.frame().await.unwrap().unwrap().into_data().unwrap();
            let text = String::from_utf8(text.to_vec()).unwrap();
            let field =
                |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("-").trim();
            let data: serde_json::Value = serde_json::from_str(field("data:")).unwrap();
            let rows = data["luns"].as_array().map_or(0, Vec::len);
            format!("{} {} {rows} {}", field("event:"), field("id:"), data["rest"])
        };
        let id = |revision: u64| format!("{}-{revision}", Instance(1));
        let mut body = open("").await;
        assert_eq!(next(&mut body).await, "snapshot  48 12");
        // What changes meanwhile comes when all parts have.
        publish(2, 61);
        assert_eq!(next(&mut body).await, format!("rows {} 12 0", id(1)));
        assert_eq!(next(&mut body).await, format!("delta {} 1 null", id(2)));
        // Whoever has the last part has all of it; whoever was with another run begins anew.
        assert_eq!(next(&mut open(&id(1)).await).await, format!("delta {} 1 null", id(2)));
        let mut body = open("0000000000000002-2").await;
        assert_eq!(next(&mut body).await, "resync - 0 null");
        assert_eq!(next(&mut body).await, "snapshot  48 13");
        assert_eq!(next(&mut body).await, format!("rows {} 13 0", id(2)));
    }
}
