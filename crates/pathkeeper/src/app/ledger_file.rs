//! The ledger's file in the state directory: read at the start, written when the ledger changed.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pathkeeper_io::state_file;
use pathkeeper_model::NodeName;
use pathkeeper_model::ledger::Ledger;
use tokio::sync::watch;

/// Its name in the state directory.
pub const LEDGER_FILE: &str = "ledger.json";
/// 16,384 LUNs with 8 paths each are 3 MiB.
const BYTES_MAX: u64 = 64 << 20;

/// A file that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// Where a node's ledger is kept.
#[derive(Clone, Debug)]
pub struct LedgerFile {
    path: PathBuf,
    node: NodeName,
    /// What stands there could be neither read nor set aside, so it is not overwritten.
    locked: bool,
}

impl LedgerFile {
    /// The file of this node in its state directory, and what it holds. A file that cannot be used is set aside.
    pub fn load(state_dir: &std::path::Path, node: &NodeName, epoch_s: i64) -> (Self, Option<Ledger>) {
        let path = state_dir.join(LEDGER_FILE);
        let mut file = Self { path, node: node.clone(), locked: false };
        let shown = file.path.display().to_string();
        let why = match state_file::read(&file.path, BYTES_MAX) {
            Ok(None) => return (file, None),
            Ok(Some(bytes)) => match Ledger::decode(&bytes) {
                Ok((ledger, of)) if of.as_ref().is_none_or(|of| of == node) => return (file, Some(ledger)),
                Ok((_, of)) => {
                    let of = of.map_or_else(String::new, |of| of.to_string());
                    format!("it is the ledger of {of}, and this node is {node}")
                }
                Err(e) => e.to_string(),
            },
            Err(e) => e.to_string(),
        };
        match state_file::set_aside(&file.path, epoch_s) {
            Ok(aside) => tracing::warn!("{shown} cannot be used ({why}): it is {} now", aside.display()),
            Err(e) => {
                tracing::warn!(
                    "{shown} cannot be used ({why}) nor set aside ({e}): the ledger is not kept on disk"
                );
                file.locked = true;
            }
        }
        (file, None)
    }

    /// Where a changed ledger is to be put: the last one counts. Writing happens beside, for a disk may hang; that it
    /// fails is told once, until it works again.
    pub fn saver(self) -> watch::Sender<Option<Arc<Ledger>>> {
        let (sender, receiver) = watch::channel(None);
        let shown = self.path.display().to_string();
        let mut failed = false;
        tokio::spawn(self.save(receiver, RETRY, move |result| {
            match result {
                Err(e) if !failed => {
                    tracing::warn!(
                        "{shown} cannot be written ({e}): what this node carries is remembered in memory and in the store"
                    );
                }
                Ok(()) if failed => tracing::info!("{shown} is written again"),
                _ => {}
            }
            failed = result.is_err();
        }));
        sender
    }

    /// Writes what comes; what could not be written is tried again, since a disk that was full may have room, and the
    /// next change may be days away.
    async fn save(
        self,
        mut receiver: watch::Receiver<Option<Arc<Ledger>>>,
        retry: Duration,
        mut tell: impl FnMut(&io::Result<()>),
    ) {
        let mut failed = false;
        loop {
            match tokio::time::timeout(retry, receiver.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return,
                Err(_) if failed => {}
                Err(_) => continue,
            }
            let Some(ledger) = receiver.borrow_and_update().clone() else { continue };
            if self.locked {
                continue;
            }
            let Self { path, node, .. } = self.clone();
            let write =
                tokio::task::spawn_blocking(move || state_file::write(&path, &ledger.encode(Some(&node))));
            let result = write.await.unwrap_or_else(|e| Err(io::Error::other(e)));
            tell(&result);
            failed = result.is_err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_could_not_be_written_is_written_later_without_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let node = NodeName::new("pve1").unwrap();
        let state = dir.path().join("state");
        let file = LedgerFile { path: state.join(LEDGER_FILE), node: node.clone(), locked: false };
        let (saver, receiver) = watch::channel(None);
        let (told, mut attempts) = tokio::sync::mpsc::unbounded_channel();
        let folder = state.clone();
        tokio::spawn(file.save(receiver, Duration::from_millis(1), move |result| {
            told.send(result.is_ok()).unwrap();
            if result.is_err() {
                // Now there is room.
                std::fs::create_dir(&folder).unwrap();
            }
        }));
        saver.send_replace(Some(Arc::default()));
        assert_eq!((attempts.recv().await, attempts.recv().await), (Some(false), Some(true)));
        assert_eq!(LedgerFile::load(&state, &node, 7).1, Some(Ledger::default()));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_set_aside_and_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let node = NodeName::new("pve1").unwrap();
        let load = || LedgerFile::load(dir.path(), &node, 77).1;
        let path = dir.path().join(LEDGER_FILE);
        assert_eq!(load(), None);
        std::fs::write(&path, Ledger::default().encode(Some(&node))).unwrap();
        assert_eq!(load(), Some(Ledger::default()));
        let foreign = Ledger::default().encode(NodeName::new("pve2").as_ref());
        let bad: [&[u8]; 4] = [b"rubbish", b"", br#"{"v":2,"luns":{}}"#, &foreign];
        for (n, bytes) in bad.into_iter().enumerate() {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(load(), None);
            assert!(!path.exists());
            let name = if n == 0 { "ledger.json.bad-77".into() } else { format!("ledger.json.bad-77-{n}") };
            assert_eq!(std::fs::read(dir.path().join(name)).unwrap(), bytes);
        }
    }
}
