//! `GET /events`: a snapshot, then deltas with ids; `resync` and a new snapshot where deltas were lost. A reader says which rows it
//! wants: a large cluster's are megabytes. It ends when whoever asked may no longer look.

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

/// How often it is asked whether whoever reads a stream may still.
const MAY_THEY: Duration = Duration::from_secs(1);

/// Which rows go with the rest.
#[derive(Debug, PartialEq)]
enum Rows {
    /// Those that a filter keeps.
    Kept(Filter),
    /// None.
    None,
    /// None in the snapshot, and in deltas as the map has them.
    Map,
}

impl Rows {
    fn read(mut pairs: Vec<(String, String)>) -> Result<Self, ApiError> {
        let asked = pairs.iter().position(|(name, _)| name == "rows").map(|at| pairs.swap_remove(at).1);
        let refused = |why: String| Err(ApiError::parameters(BTreeMap::from([("rows".to_owned(), why)])));
        let rows = match asked.as_deref() {
            None | Some("all") => return Filter::read(pairs).map(Self::Kept),
            Some("none") => Self::None,
            Some("map") => Self::Map,
            Some(word) => {
                return refused(format!(
                    "value '{word}' does not have a value in the enumeration 'all, none, map'"
                ));
            }
        };
        if pairs.is_empty() { Ok(rows) } else { refused("takes no filter with it but as 'all'".to_owned()) }
    }

    fn snapshot(&self, snapshot: &Snapshot) -> Vec<u8> {
        match self {
            Self::Kept(filter) if *filter == Filter::default() => snapshot.bare(),
            Self::Kept(filter) => snapshot.filtered_bare(|row| filter.keeps(row)),
            Self::None | Self::Map => snapshot.filtered_bare(|_| false),
        }
    }

    fn delta(&self, delta: &DeltaEvent) -> String {
        match self {
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
    let mut follower = Follower { context, rows, queue, deltas, seen, ticket, may_they, _room: room };
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
        let json = String::from_utf8(self.rows.snapshot(&snapshot)).unwrap_or_default();
        let event = Event::default().event("snapshot").id(self.id(snapshot.revision)).data(json);
        self.queue.push_back(event);
    }

    fn push_delta(&mut self, delta: &DeltaEvent) {
        self.seen = delta.revision;
        let event = Event::default().event("delta").id(self.id(delta.revision)).data(self.rows.delta(delta));
        self.queue.push_back(event);
    }

    fn id(&self, revision: u64) -> String {
        format!("{}-{revision}", self.context.board.instance)
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
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
    use super::*;

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
        ] {
            assert_eq!(read(query).unwrap(), expect, "{query}");
        }
        for (query, words) in [
            ("rows=some", "value 'some'"),
            ("rows=none&unclean=1", "takes no filter"),
            ("rows=map&rows=none", "takes no filter"),
            ("colour=red", "property is not defined"),
            ("rows=all&state=green", "value 'green'"),
        ] {
            let e = read(query).unwrap_err();
            assert!(e.contains(words), "{query}: {e}");
        }
    }
}
