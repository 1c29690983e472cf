//! Drop-ins: written whole or not at all, and kept as they were before so that they can be put back.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{CONF_BYTES_MAX, Done, DropIn, FileError, NodeFiles, TEMPORARY, read};
use crate::managing::Managing;
use crate::state_file;

/// Begins the name of a folder of kept files; the generation follows.
const KEPT: &str = "before-";
/// Folders of kept files that stay; the oldest go.
const KEPT_MAX: usize = 5;
/// Entries that are looked at in one folder when what a kill left is cleared away.
const ENTRIES_MAX: usize = 10_000;

impl NodeFiles {
    /// Writes a drop-in, or takes it away: a temporary file beside it, synced, renamed over it, the folder synced.
    /// Whatever happens meanwhile, the old file or the new one is there whole.
    ///
    /// # Errors
    /// From the disk; then the old one is there, but where only the last sync failed.
    pub fn put(&self, _right: &Managing, which: DropIn, content: Option<&[u8]>) -> Result<Done, FileError> {
        let path = self.path(which);
        if content.is_some_and(|bytes| bytes.len() as u64 > CONF_BYTES_MAX) {
            return Err(FileError::new("write", &path, format!("it is longer than {CONF_BYTES_MAX} bytes")));
        }
        if read(&path, CONF_BYTES_MAX).is_ok_and(|present| present.as_deref() == content) {
            return Ok(Done::AlreadySo);
        }
        let folder = self.conf_d();
        match content {
            Some(bytes) => {
                fs::create_dir_all(&folder).map_err(|e| FileError::new("create", &folder, e))?;
                state_file::write_as(&path, bytes, TEMPORARY, 0o644)
                    .map_err(|e| FileError::new("write", &path, e))?;
            }
            None => {
                fs::remove_file(&path).map_err(|e| FileError::new("remove", &path, e))?;
                sync(&folder)?;
            }
        }
        Ok(Done::Applied)
    }

    fn kept(&self, generation: u64) -> PathBuf {
        self.state.join(format!("{KEPT}{generation}"))
    }

    /// Keeps both drop-ins as they are now, as plain files in a folder of the state directory that appears whole. One of the
    /// same generation is replaced: call it before anything is touched.
    ///
    /// # Errors
    /// From the disk; then nothing may be touched.
    pub fn keep(&self, _right: &Managing, generation: u64) -> Result<(), FileError> {
        let state = self.state()?;
        let kept = self.kept(generation);
        let fresh = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempdir_in(state)
            .map_err(|e| FileError::new("create a folder in", state, e))?;
        for which in DropIn::ALL {
            if let Some(bytes) = read(&self.path(which), CONF_BYTES_MAX)? {
                let copy = fresh.path().join(which.name());
                state_file::write(&copy, &bytes).map_err(|e| FileError::new("write", &copy, e))?;
            }
        }
        sync(fresh.path())?;
        match fs::remove_dir_all(&kept) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(FileError::new("remove", &kept, e)),
            _ => {}
        }
        let fresh = fresh.keep();
        fs::rename(&fresh, &kept).map_err(|e| FileError::new("rename a folder to", &kept, e))?;
        sync(state)?;
        self.forget_older(generation);
        Ok(())
    }

    /// Puts both drop-ins back as they were when they were kept. May be done again.
    ///
    /// # Errors
    /// Where they were not kept, and from the disk; both are tried.
    pub fn restore(&self, right: &Managing, generation: u64) -> Result<Done, FileError> {
        let kept = self.kept(generation);
        // A folder that is not there would read as "there were no files", and take them away.
        if !kept.is_dir() {
            return Err(FileError::new("restore files from", &kept, "they were not kept"));
        }
        let mut done = Done::AlreadySo;
        let mut failed = None;
        for which in DropIn::ALL {
            let put = read(&kept.join(which.name()), CONF_BYTES_MAX)
                .and_then(|bytes| self.put(right, which, bytes.as_deref()));
            match put {
                Ok(Done::Applied) => done = Done::Applied,
                Ok(Done::AlreadySo) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(done), Err)
    }

    /// Removes temporary files of ours that a kill left, beside the drop-ins and in the state directory. Call it before
    /// anything else is begun: it cannot tell a file that is being written from one that was left.
    ///
    /// # Errors
    /// From the disk. Such files do no harm by themselves.
    pub fn clear_torn(&self, _right: &Managing) -> Result<u32, FileError> {
        let mut cleared = 0;
        for folder in [self.conf_d(), self.state.clone()] {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(FileError::new("read", &folder, e)),
            };
            for entry in entries.take(ENTRIES_MAX).flatten() {
                if !entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                    continue;
                }
                let path = entry.path();
                let removed = match entry.file_type() {
                    Ok(kind) if kind.is_dir() => fs::remove_dir_all(&path),
                    _ => fs::remove_file(&path),
                };
                removed.map_err(|e| FileError::new("remove", &path, e))?;
                cleared += 1;
            }
        }
        Ok(cleared)
    }

    /// Removes the folders of the oldest generations. What cannot be removed stays: it is in nobody's way.
    fn forget_older(&self, newest: u64) {
        let Ok(entries) = fs::read_dir(&self.state) else { return };
        let generation = |name: &str| name.strip_prefix(KEPT)?.parse::<u64>().ok();
        let names = entries.take(ENTRIES_MAX).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut older: Vec<u64> =
            names.filter_map(|name| generation(&name)).filter(|of| *of != newest).collect();
        older.sort_unstable_by(|a, b| b.cmp(a));
        for of in older.into_iter().skip(KEPT_MAX - 1) {
            let _ = fs::remove_dir_all(self.kept(of));
        }
    }
}

fn sync(folder: &Path) -> Result<(), FileError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| FileError::new("sync", folder, e))
}
