//! Changing the document: what is not understood of it stays as it is.

use super::{BYTES_MAX, KEPT_S, Shell, WINDOWS_MAX, Window, Windows, read_all, read_window};
use crate::ids::EpochS;

/// The document, open for a change.
#[derive(Clone, Debug)]
pub struct WindowsDocument(Shell);

impl WindowsDocument {
    /// Opens it; an empty one has no windows.
    ///
    /// # Errors
    /// In words, if it must not be written.
    pub fn open(bytes: &[u8]) -> Result<Self, String> {
        Shell::parse(bytes, "entries", false, BYTES_MAX).map(Self)
    }

    /// What is understood of it.
    pub fn windows(&self) -> Windows {
        read_all(&self.0).0
    }

    /// Adds one, unless one of its id is there, and leaves out what ended long ago.
    ///
    /// # Errors
    /// In words, if there is no room.
    pub fn add(&mut self, window: &Window, now: EpochS) -> Result<(), String> {
        if self.windows().entries.iter().any(|known| known.id == window.id) {
            return Ok(());
        }
        self.prune(now);
        if self.0.len() >= WINDOWS_MAX {
            return Err(format!("there are {WINDOWS_MAX} windows already: remove some"));
        }
        self.0.push(window.encode());
        Ok(())
    }

    /// Takes one away; gives it, if it was there.
    pub fn remove(&mut self, id: &str, now: EpochS) -> Option<Window> {
        let mut gone = None;
        self.0.change(|_, item| match read_window(&item) {
            Ok(window) if window.id == id => {
                gone.get_or_insert(window);
                None
            }
            _ => Some(item),
        });
        self.prune(now);
        gone
    }

    /// Ends one now, if it is there and did not end before; gives it as it is then.
    pub fn end(&mut self, id: &str, now: EpochS) -> Option<Window> {
        let mut ended = None;
        self.0.change(|_, item| match read_window(&item) {
            Ok(mut window) if window.id == id => {
                let was = window.until;
                window.until = was.min(now);
                // One that had not begun yet never does.
                window.from = window.from.min(window.until);
                let item = if window.until == was { item } else { with_times(&item, &window) };
                ended = Some(window);
                Some(item)
            }
            _ => Some(item),
        });
        ended
    }

    fn prune(&mut self, now: EpochS) {
        self.0.change(|_, item| match read_window(&item) {
            Ok(window) if now.0.saturating_sub(window.until.0) > KEPT_S => None,
            _ => Some(item),
        });
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        self.0.encode()
    }
}

/// The entry with other times; members that this version does not know stay.
fn with_times(item: &str, window: &Window) -> String {
    let mut writer = crate::shell::Writer::new();
    let mut scan = crate::json::Scanner::new(item);
    let mut pieces = Vec::new();
    let read = crate::node_value::members(&mut scan, |key, scan| {
        scan.peek();
        let from = scan.offset();
        scan.skip()?;
        if !matches!(key, "from" | "until") {
            pieces.push((key.to_owned(), scan.since(from).to_owned()));
        }
        Ok(())
    });
    debug_assert!(read.is_ok(), "it was read as a whole before");
    for (key, raw) in pieces {
        writer = writer.raw(&key, &raw);
    }
    writer.epoch("from", Some(window.from)).epoch("until", Some(window.until)).end()
}
