//! Documents: files below pmxcfs's mount, written as Proxmox writes its own, read by IPC alone.
//!
//! A write takes the cluster's locks (directories below `priv/lock`), compares what is there, and renames a temporary
//! file into place. All of that touches the mount, which hangs for as long as pmxcfs does: so it runs on a thread that
//! can be left behind, and a thread that was left behind changes nothing more when it comes back.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use rustix::io::Errno;

use super::ipc::Ipc;
use super::wire::{Request, words};
use crate::store::{DOCUMENT_BYTES_MAX, Document, DocumentName, StoreError, digest};

/// The cluster's lock for all that concerns multipath, then the one of the file: both are taken, in this order, by
/// everybody who writes these documents.
const LOCKS: [&str; 2] = ["domain-multipath", "file-multipath_cfg"];
/// Where the locks are, below the mount.
const LOCK_FOLDER: &str = "priv/lock";
/// How long a lock is waited for.
const LOCK_WAIT_MS: u64 = 10_000;
/// Between two tries, at first and, twice as long each time, at last; each also asks for the release of a lock whose
/// holder is gone (pmxcfs grants that after 120 s).
const LOCK_RETRY_MS: (u64, u64) = (50, 500);
/// After this long a lock of ours may have been given to somebody else: then nothing is written under it, and it is not
/// removed.
const LOCK_SURE_MS: u64 = 90_000;
/// A whole write, locks included.
pub const WRITE_MS: u64 = 20_000;
/// Writing threads at once, those that hang in the mount included.
const THREADS_MAX: usize = 4;
/// Without these a name is somebody else's file.
const OURS: [&str; 2] = ["multipath", "pathkeeper/"];

/// The documents of one pmxcfs.
#[derive(Clone, Debug)]
pub struct Documents {
    ipc: Ipc,
    mount: PathBuf,
    threads: Arc<AtomicUsize>,
}

impl Documents {
    /// Documents below `mount`.
    pub fn new(ipc: Ipc, mount: &Path) -> Self {
        Self { ipc, mount: mount.into(), threads: Arc::default() }
    }

    /// Reads a document.
    pub async fn read(&self, name: &DocumentName) -> Result<Document, StoreError> {
        document(name, self.ipc.ask(question(name)).await?.data)
    }

    /// Writes a document under the locks, if it still is as `expected` says; `None` removes it. Gives the new digest.
    pub async fn write(
        &self,
        name: DocumentName,
        bytes: Option<Bytes>,
        expected: String,
    ) -> Result<String, StoreError> {
        if !OURS.iter().any(|ours| name.as_str().starts_with(ours)) {
            return Err(StoreError::Refused(format!("{} is no document of ours", name.as_str())));
        }
        if bytes.as_ref().is_some_and(|b| b.len() > DOCUMENT_BYTES_MAX) {
            return Err(StoreError::Refused(format!("a document is at most {DOCUMENT_BYTES_MAX} bytes")));
        }
        let what = format!("write {} below {}", name.as_str(), self.mount.display());
        if self.threads.fetch_add(1, Ordering::Relaxed) >= THREADS_MAX {
            self.threads.fetch_sub(1, Ordering::Relaxed);
            return Err(StoreError::Unreachable(format!(
                "cannot {what}: {THREADS_MAX} writes hang in pmxcfs's mount already"
            )));
        }
        let left_behind = LeftBehind(Arc::default());
        let write = Write {
            documents: self.clone(),
            name,
            bytes,
            expected,
            left_behind: left_behind.0.clone(),
            started: Instant::now(),
        };
        let counted = Counted(self.threads.clone());
        let (done, result) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("pmxcfs-write".into())
            .spawn(move || {
                let result = write.run();
                drop(counted);
                drop(done.send(result));
            })
            .map_err(|e| StoreError::Io { what: format!("cannot {what}"), why: e.to_string() })?;
        match tokio::time::timeout(Duration::from_millis(WRITE_MS), result).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => {
                Err(StoreError::Io { what: format!("cannot {what}"), why: "the thread ended".into() })
            }
            Err(_) => Err(StoreError::Timeout {
                what: format!("{what} (it may be written or not: read it again)"),
                after_ms: WRITE_MS,
            }),
        }
    }
}

fn question(name: &DocumentName) -> Request {
    Request::GetConfig { path: name.as_str().into() }
}

fn document(name: &DocumentName, data: Result<Bytes, Errno>) -> Result<Document, StoreError> {
    match data {
        Ok(bytes) => Ok(Document { digest: digest(&bytes), bytes: Some(bytes) }),
        Err(Errno::NOENT) => Ok(Document { bytes: None, digest: digest(b"") }),
        Err(e) => Err(StoreError::Refused(format!("reading {}: {}", name.as_str(), words(e)))),
    }
}

/// One writing thread, counted until it ends.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells the thread, when the caller no longer waits.
struct LeftBehind(Arc<AtomicBool>);

impl Drop for LeftBehind {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One write, on its thread.
struct Write {
    documents: Documents,
    name: DocumentName,
    bytes: Option<Bytes>,
    expected: String,
    left_behind: Arc<AtomicBool>,
    started: Instant,
}

impl Write {
    fn run(&self) -> Result<String, StoreError> {
        let folder = self.documents.mount.join(LOCK_FOLDER);
        make_folder(&folder)?;
        // Dropped in reverse order.
        let first = self.lock(&folder, LOCKS[0])?;
        let _second = self.lock(&folder, LOCKS[1])?;
        let found = document(&self.name, self.documents.ipc.ask_blocking(question(&self.name))?.data)?.digest;
        if found != self.expected {
            return Err(StoreError::Conflict {
                name: self.name.as_str().into(),
                expected: self.expected.clone(),
                found,
            });
        }
        let path = self.documents.mount.join(self.name.as_str());
        match &self.bytes {
            Some(bytes) => self.replace(&path, bytes, &first)?,
            None => {
                self.still_wanted(&first)?;
                match std::fs::remove_file(&path) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                        return Err(failed("remove", &path, &e));
                    }
                    _ => {}
                }
            }
        }
        Ok(digest(self.bytes.as_deref().unwrap_or_default()))
    }

    fn replace(&self, path: &Path, bytes: &[u8], lock: &Lock) -> Result<(), StoreError> {
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".tmp.{}", std::process::id()));
        let temporary = PathBuf::from(temporary);
        let create = || std::fs::File::options().write(true).create_new(true).open(&temporary);
        let mut file = match create() {
            // Of a writer that was killed, on any node: who writes now holds the locks, so it is nobody's.
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                std::fs::remove_file(&temporary).and_then(|()| create())
            }
            other => other,
        }
        .map_err(|e| failed("create", &temporary, &e))?;
        let result = file
            .write_all(bytes)
            .map_err(|e| failed("write", &temporary, &e))
            // pmxcfs takes the content with each write; closing first keeps the order plain.
            .and_then(|()| {
                drop(file);
                self.still_wanted(lock)?;
                std::fs::rename(&temporary, path).map_err(|e| failed("rename to", path, &e))
            });
        if result.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        result
    }

    /// The caller waits still, and the lock is surely ours still.
    fn still_wanted(&self, lock: &Lock) -> Result<(), StoreError> {
        if self.left_behind.load(Ordering::Relaxed) || !lock.is_surely_ours() {
            let after_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            return Err(StoreError::Timeout { what: format!("write {}", self.name.as_str()), after_ms });
        }
        Ok(())
    }

    fn lock(&self, folder: &Path, id: &str) -> Result<Lock, StoreError> {
        let path = folder.join(id);
        let end = self.started + Duration::from_millis(LOCK_WAIT_MS);
        let mut pause_ms = LOCK_RETRY_MS.0;
        loop {
            // Before the call: a lock is never older than we believe.
            let since = Instant::now();
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Lock { path, since }),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(failed("take the lock", &path, &e)),
            }
            if self.left_behind.load(Ordering::Relaxed) || Instant::now() >= end {
                return Err(StoreError::Refused(format!(
                    "another writer holds the lock {} since more than {} s; a lock whose holder is gone is free after two \
                     minutes",
                    path.display(),
                    LOCK_WAIT_MS / 1_000
                )));
            }
            // "Whoever holds this is perhaps gone": times of 0 ask pmxcfs to release a lock that has expired. It refuses
            // while it has not.
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            let times = Timestamps { last_access: zero, last_modification: zero };
            let _ = utimensat(CWD, &path, &times, AtFlags::empty());
            std::thread::sleep(Duration::from_millis(pause_ms));
            pause_ms = (pause_ms * 2).min(LOCK_RETRY_MS.1);
        }
    }
}

/// A lock that is held; dropping it gives it back.
struct Lock {
    path: PathBuf,
    since: Instant,
}

impl Lock {
    fn is_surely_ours(&self) -> bool {
        self.since.elapsed() < Duration::from_millis(LOCK_SURE_MS)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if !self.is_surely_ours() {
            tracing::warn!("{} was held too long to be removed; pmxcfs lets it expire", self.path.display());
            return;
        }
        if let Err(e) = std::fs::remove_dir(&self.path) {
            tracing::warn!("cannot give back the lock {}: {e}; pmxcfs lets it expire", self.path.display());
        }
    }
}

fn make_folder(path: &Path) -> Result<(), StoreError> {
    match std::fs::create_dir_all(path) {
        Err(e) => Err(failed("create", path, &e)),
        Ok(()) => Ok(()),
    }
}

fn failed(what: &str, path: &Path, e: &std::io::Error) -> StoreError {
    let what = format!("cannot {what} {}", path.display());
    match e.kind() {
        std::io::ErrorKind::PermissionDenied => StoreError::Refused(format!(
            "{what}: read-only, for this node has no quorum (pvecm status), or this process is not root"
        )),
        std::io::ErrorKind::ReadOnlyFilesystem => StoreError::Refused(format!(
            "{what}: the service may not write there (ReadWritePaths= in a drop-in of its unit)"
        )),
        _ => StoreError::Io { what, why: e.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;

    #[test]
    fn pmxcfs_that_takes_no_writes_is_told_in_words() {
        let check = |kind: ErrorKind, expect: &str| {
            let e = failed("take the lock", Path::new("/etc/pve/priv/lock/domain-multipath"), &kind.into());
            assert!(e.to_string().contains("domain-multipath") && e.to_string().contains(expect), "{e}");
        };
        check(ErrorKind::PermissionDenied, "no quorum (pvecm status)");
        check(ErrorKind::ReadOnlyFilesystem, "ReadWritePaths=");
        check(ErrorKind::NotConnected, "not connected");
    }
}
