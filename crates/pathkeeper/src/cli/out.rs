//! The way out: standard output, terminals, signals. A reader that went away is success.

use std::io::{ErrorKind, IsTerminal, Write};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failure;

/// Writes `text` to standard output.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// Takes the result of a write to standard output; a broken pipe becomes [`Failure::gone`].
pub fn written(result: std::io::Result<()>) -> Result<(), Failure> {
    result.map_err(|e| match e.kind() {
        ErrorKind::BrokenPipe => Failure::gone(),
        _ => Failure::new(format!("writing to standard output: {e}")),
    })
}

/// Columns and rows of the terminal on standard output.
pub fn terminal_size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| (size.ws_col.into(), size.ws_row.into()))
}

/// Columns to write for: the terminal's, else `COLUMNS`, else 80 on a terminal and 100 in a pipe; at least 40.
pub fn columns() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let usual = if std::io::stdout().is_terminal() { 80 } else { 100 };
    terminal_size().map(|(columns, _)| columns).or(asked).unwrap_or(usual).max(40)
}

/// Whether the locale's characters are UTF-8: the first of `LC_ALL`, `LC_CTYPE`, `LANG` that says anything.
pub fn locale_is_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}

/// The terminal's other screen. Dropping it, in whatever way, gives back the first one and the cursor.
#[derive(Debug)]
pub struct Screen(());

impl Screen {
    /// Switches over and hides the cursor.
    pub fn enter() -> Result<Self, Failure> {
        print("\x1b[?1049h\x1b[?25l\x1b[2J")?;
        Ok(Self(()))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        print("\x1b[?25h\x1b[?1049l").ok();
    }
}

/// Ctrl-C, SIGTERM and SIGHUP: what ends a command that stays.
#[derive(Debug)]
pub struct Stop([Signal; 3]);

impl Stop {
    /// Listens from now on.
    pub fn new() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(|e| Failure::new(format!("listening for signals: {e}")));
        Ok(Self([on(SignalKind::interrupt())?, on(SignalKind::terminate())?, on(SignalKind::hangup())?]))
    }

    /// Waits for one of them.
    pub async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
