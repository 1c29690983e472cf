//! `status --watch`: the page, repainted when something changes, and at least each second for the clock.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use pathkeeper_api::client::{Client, Event};
use pathkeeper_api::nodes::NodeRow;
use pathkeeper_api::status::ClusterStatus;
use tokio::time::interval;

use super::{Lost, Options, render};
use crate::cli::feed::{self, Heard};
use crate::cli::out::{self, Screen};
use crate::cli::{Failure, Globals, Output, versioned};

struct Live {
    status: Option<ClusterStatus>,
    nodes: Vec<NodeRow>,
    options: Options,
}

/// Runs until Ctrl-C, SIGTERM, or a reader that went away. The first connection must succeed.
pub async fn watch(globals: &Globals, options: Options) -> Result<ExitCode, Failure> {
    let client = globals.client()?;
    let mut live = Live { status: None, nodes: Vec::new(), options };
    let mut feed = feed::open(&client).await?;
    let mut stop = out::Stop::new()?;
    let terminal = std::io::stdout().is_terminal() && globals.output != Output::Json;
    let mut screen = terminal.then(Screen::enter).transpose()?;
    let mut tick = interval(Duration::from_secs(1));
    loop {
        let changed = tokio::select! {
            () = stop.wait() => return Ok(ExitCode::SUCCESS),
            heard = feed.recv() => match heard {
                Some(Heard::Event(event)) => live.take(*event, &client).await,
                Some(Heard::Lost(why)) => live.lose(why, globals),
                None => return Err(Failure::new("the event stream ended".into())),
            },
            _ = tick.tick(), if terminal => false,
        };
        let Some(status) = &live.status else { continue };
        let page = || render(status, &live.nodes, &globals.view(), &live.options);
        match &mut screen {
            Some(screen) => screen.paint(&page())?,
            None if !changed => {}
            None if globals.output == Output::Json => print_json(status, &live.options)?,
            None => out::print(&(page() + "\n"))?,
        }
    }
}

/// One object a line. While the connection is lost, what was heard before is no status.
fn print_json(status: &ClusterStatus, options: &Options) -> Result<(), Failure> {
    let line = match &options.lost {
        Some(lost) => {
            format!("{}\n", serde_json::json!({ "schema": 1, "connected": false, "why": lost.why }))
        }
        None => {
            let mut status = status.clone();
            status.luns.retain(|row| options.wants(row));
            versioned(&status, false)?
        }
    };
    out::print(&line)
}

impl Live {
    /// Takes an event in; whether there is something new to show.
    async fn take(&mut self, event: Event, client: &Client) -> bool {
        match (event, &mut self.status) {
            (Event::Snapshot(status), _) => {
                self.status = Some(status);
                self.options.lost = None;
            }
            (Event::Delta(delta), Some(status)) => status.apply(delta),
            // A snapshot follows; until then what is shown stands.
            (Event::Resync, _) | (Event::Delta(_), None) => return false,
        }
        if let Ok(nodes) = client.nodes().await {
            self.nodes = nodes;
        }
        true
    }

    fn lose(&mut self, why: String, globals: &Globals) -> bool {
        let first = self.options.lost.is_none();
        let since = self.options.lost.as_ref().map_or_else(|| globals.view().now, |lost| lost.since);
        self.options.lost = Some(Lost { since, why });
        first
    }
}

impl Screen {
    /// Repaints the whole page, cut to the terminal's height.
    pub(crate) fn paint(&mut self, page: &str) -> Result<(), Failure> {
        let height = out::terminal_size().map_or(24, |(_, rows)| rows);
        let lines: Vec<&str> = page.lines().collect();
        let fits = lines.len() < height;
        let shown = if fits { lines.len() } else { height.saturating_sub(1) };
        let mut frame = String::from("\x1b[H");
        for line in lines.iter().take(shown) {
            frame.push_str(line);
            frame.push_str("\x1b[K\n");
        }
        if !fits {
            let hidden = lines.len() - shown;
            frame.push_str(&format!("-- {hidden} more lines: a taller window, or a filter --\x1b[K"));
        }
        frame.push_str("\x1b[J");
        out::print(&frame)
    }
}
