//! Playing: operations at their times, and what the cluster says of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use pathkeeper_api::client::{Address, Client, Event};
use pathkeeper_api::nodes::NodeRow;
use pathkeeper_api::status::ClusterStatus;
use pathkeeper_engine::sim::{Script, describe};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until, timeout_at};

use super::cluster::{DemoCluster, DemoToken};
use super::expect::differences;
use crate::cli::feed::{self, Heard};
use crate::cli::out::{self, Screen, Stop};
use crate::cli::status::{Options, render};
use crate::cli::{Failure, Globals};

/// A simulated agent answers at once or not at all, seconds.
const ANSWER_S: u64 = 5;
/// Until a status has caught up with what happened: a hung multipathd is known after 10 s.
const CATCH_UP_S: u64 = 60;
/// Sentences about what differs.
const DIFFERENCES_SHOWN: usize = 5;
/// Lines of a page that are no rows of the matrix, findings included, as a rule.
const ROWS_BESIDE: usize = 18;
/// Operations that the screen keeps in sight.
const OPS_SHOWN: usize = 3;

/// A client of one agent of the cluster.
pub fn client(address: SocketAddr) -> Client {
    Client::new(Address::Tcp(address.to_string()), Duration::from_secs(ANSWER_S))
}

/// Waits, by the event stream of the first node that is alive, until its status says what is true of the SAN.
///
/// # Errors
/// What still differs after a minute, or why nothing is heard.
pub async fn caught_up(cluster: &DemoCluster) -> Result<ClusterStatus, Failure> {
    caught_up_at(cluster, cluster.observer().map_or(0, |(node, _)| node)).await
}

/// The same, seen from one node.
///
/// # Errors
/// As [`caught_up`].
pub async fn caught_up_at(cluster: &DemoCluster, node: usize) -> Result<ClusterStatus, Failure> {
    when(cluster, node, Vec::new).await
}

/// Waits as [`caught_up`], and until the paths that were lost are known one by one: causes are found from them. Nodes tell
/// them some seconds after the states.
///
/// # Errors
/// As [`caught_up`].
pub async fn explained(cluster: &DemoCluster) -> Result<ClusterStatus, Failure> {
    when(cluster, cluster.observer().map_or(0, |(node, _)| node), || cluster.paths_untold(DIFFERENCES_SHOWN))
        .await
}

/// Waits until a node's status has caught up, and nothing of `else_missing` is left.
async fn when(
    cluster: &DemoCluster,
    node: usize,
    else_missing: impl Fn() -> Vec<String>,
) -> Result<ClusterStatus, Failure> {
    let deadline = Instant::now() + Duration::from_secs(CATCH_UP_S);
    let Some(address) = cluster.address(node) else {
        return Err(Failure::new("that node is not alive, so it cannot be asked for the status".into()));
    };
    let mut status: Option<ClusterStatus> = None;
    let mut feed = open(address, deadline).await?;
    loop {
        let mut differ = match &status {
            Some(status) => differences(status, &cluster.san(), DIFFERENCES_SHOWN),
            None => vec!["no status yet".to_owned()],
        };
        if differ.is_empty() {
            differ = else_missing();
        }
        if let (Some(status), true) = (&status, differ.is_empty()) {
            return Ok(status.clone());
        }
        match timeout_at(deadline, feed.recv()).await {
            Ok(Some(Heard::Event(event))) => take(&mut status, *event),
            Ok(Some(Heard::Lost(why))) => tracing::debug!(why, "the event stream was lost"),
            Ok(None) => return Err(Failure::new("the event stream ended".into())),
            Err(_) => {
                return Err(Failure::new(format!(
                    "the status did not catch up within {CATCH_UP_S} s with what was simulated:\n  {}",
                    differ.join("\n  ")
                )));
            }
        }
    }
}

/// Opens the event stream. An agent that has just started has no status yet and says so: it is asked again.
async fn open(address: SocketAddr, deadline: Instant) -> Result<mpsc::Receiver<Heard>, Failure> {
    loop {
        match feed::open(&client(address)).await {
            Ok(feed) => return Ok(feed),
            Err(failure) if Instant::now() > deadline => return Err(failure),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn take(status: &mut Option<ClusterStatus>, event: Event) {
    match (event, status) {
        (Event::Snapshot(new), status) => *status = Some(new),
        (Event::Delta(delta), Some(status)) => status.apply(delta),
        // The snapshot follows.
        (Event::Delta(_), None) | (Event::Resync, _) => {}
    }
}

/// What a live run shows.
struct Show<'g> {
    globals: &'g Globals,
    screen: Option<Screen>,
    began: Instant,
    status: Option<ClusterStatus>,
    nodes: Vec<NodeRow>,
    /// What happened lately, newest last.
    happened: Vec<String>,
    next: String,
    address: String,
    /// What the pages take as a token.
    token: String,
    /// Cells as they were last told, when there is no screen.
    told: BTreeMap<(String, String), String>,
}

/// Plays the script again and again until Ctrl-C.
pub async fn live(
    cluster: &mut DemoCluster,
    script: &Script,
    speed: f64,
    token: &DemoToken,
    globals: &Globals,
) -> Result<(), Failure> {
    use std::io::IsTerminal;
    let mut stop = Stop::new()?;
    let screen = std::io::stdout().is_terminal().then(Screen::enter).transpose()?;
    let mut show = Show {
        globals,
        screen,
        began: Instant::now(),
        status: None,
        nodes: Vec::new(),
        happened: Vec::new(),
        next: String::new(),
        address: String::new(),
        token: token.whole.clone(),
        told: BTreeMap::new(),
    };
    let mut steps = script.steps.iter().cycle();
    let mut next = steps.next();
    let wait = |ms: u64| Duration::from_secs_f64(ms as f64 / 1000.0 / speed);
    let mut due = Instant::now() + wait(next.map_or(0, |s| s.after_ms));
    let mut second = interval(Duration::from_secs(1));
    let mut observed = None;
    let mut feed = None;
    loop {
        // Another node is asked when the one that was asked has died.
        if observed != cluster.observer() {
            observed = cluster.observer();
            feed = match observed {
                Some((_, address)) => {
                    show.address = format!("http://{address}/");
                    show.say(&format!("the live pages: {}", show.address))?;
                    show.say(&format!("to change something there, log in with: {}", token.whole))?;
                    Some(open(address, Instant::now() + Duration::from_secs(ANSWER_S)).await?)
                }
                None => None,
            };
        }
        show.next = next.map_or(String::new(), |step| describe(&step.op, &cluster.san()));
        let heard = async {
            match &mut feed {
                Some(feed) => feed.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.wait() => return Ok(()),
            () = sleep_until(due), if next.is_some() => {
                if let Some(step) = next {
                    let words = describe(&step.op, &cluster.san());
                    cluster.apply(&step.op).await.map_err(|e| Failure::new(format!("{e:#}")))?;
                    show.happens(words)?;
                }
                next = steps.next();
                due += wait(next.map_or(0, |s| s.after_ms));
            }
            heard = heard => match heard {
                Some(Heard::Event(event)) => {
                    take(&mut show.status, *event);
                    if let (Some((_, address)), true) = (observed, show.screen.is_some()) {
                        show.nodes = client(address).nodes().await.unwrap_or_default();
                    }
                    show.tell_changes()?;
                }
                // Its node died; the next turn finds another.
                Some(Heard::Lost(_)) => {}
                None => feed = None,
            },
            _ = second.tick() => cluster.advance(1000),
        }
        show.paint(due)?;
    }
}

impl Show<'_> {
    /// A line with the time since the start, where there is no screen.
    fn say(&self, text: &str) -> Result<(), Failure> {
        if self.screen.is_some() {
            return Ok(());
        }
        out::print(&format!("{:7.1}s  {text}\n", self.began.elapsed().as_secs_f64()))
    }

    fn happens(&mut self, words: String) -> Result<(), Failure> {
        self.say(&format!("> {words}"))?;
        if self.happened.len() == OPS_SHOWN {
            self.happened.remove(0);
        }
        self.happened.push(format!("{:7.1}s  {words}", self.began.elapsed().as_secs_f64()));
        Ok(())
    }

    /// Without a screen: what became of the cells, one line for all LUNs of a node that changed alike.
    fn tell_changes(&mut self) -> Result<(), Failure> {
        let Some(status) = self.status.as_ref().filter(|_| self.screen.is_none()) else { return Ok(()) };
        let mut changes: BTreeMap<(String, String, String), Vec<String>> = BTreeMap::new();
        let mut now = BTreeMap::new();
        for row in &status.luns {
            for (node, cell) in &row.nodes {
                let counts = match (cell.paths_active.flatten(), cell.paths_total.flatten()) {
                    (Some(active), Some(total)) => format!(" {active}/{total}"),
                    _ => String::new(),
                };
                let text = format!("{}{counts}", cell.state);
                let key = (row.wwid.clone(), node.clone());
                let was = self.told.get(&key).map_or("nothing", String::as_str);
                if was != text {
                    let change = (node.clone(), was.to_owned(), text.clone());
                    changes.entry(change).or_default().push(row.label().to_owned());
                }
                now.insert(key, text);
            }
        }
        for ((node, was, is), luns) in &changes {
            let which = match luns.as_slice() {
                [one] => one.clone(),
                many => format!("{} LUNs", many.len()),
            };
            self.say(&format!("  {node}: {which}: {was} -> {is}"))?;
        }
        self.told = now;
        Ok(())
    }

    fn paint(&mut self, due: Instant) -> Result<(), Failure> {
        let Some(screen) = &mut self.screen else { return Ok(()) };
        let mut page = match &self.status {
            Some(status) => {
                // The whole matrix where the window has room for it, else what a status shows.
                let rows = out::terminal_size().map_or(24, |(_, rows)| rows);
                let all = status.luns.len() + ROWS_BESIDE <= rows;
                render(status, &self.nodes, &self.globals.view(), &Options { all, ..Options::default() })
            }
            None => "the agents are starting\n".to_owned(),
        };
        page.push('\n');
        for line in &self.happened {
            page.push_str(line);
            page.push('\n');
        }
        let left = due.saturating_duration_since(Instant::now()).as_secs_f64();
        page.push_str(&format!("in {left:3.0} s  {}\n", self.next));
        page.push_str(&format!("\na simulated cluster; live pages: {}   Ctrl-C ends it\n", self.address));
        page.push_str(&format!("to change something there, log in with: {}\n", self.token));
        screen.paint(&page)
    }
}
