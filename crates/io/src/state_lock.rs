//! One agent at a time owns a state directory.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::store::StoreError;

/// The name of the lock file in the directory.
const FILE: &str = "hub.lock";

/// Held as long as it lives; the kernel drops it with the process, however that ends.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

impl StateLock {
    /// Takes the lock of `dir`, making the directory where it is absent.
    ///
    /// # Errors
    /// [`StoreError::Refused`] while another process holds it, naming that; [`StoreError::Io`] from the disk.
    pub fn take(dir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir).map_err(|e| StoreError::io("create", dir, &e))?;
        let path = dir.join(FILE);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|e| StoreError::io("open", &path, &e))?;
        if let Err(e) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if e != rustix::io::Errno::WOULDBLOCK {
                return Err(StoreError::io("lock", &path, &e.into()));
            }
            let mut holder = String::new();
            (&mut file).take(200).read_to_string(&mut holder).ok();
            let holder = if holder.trim().is_empty() { "another process" } else { holder.trim() };
            return Err(StoreError::Refused(format!(
                "{} is in use by {holder}: one agent at a time owns a state directory (set state-dir to another)",
                dir.display()
            )));
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "pathkeeper, process {}", std::process::id()))
            .map_err(|e| StoreError::io("write", &path, &e))?;
        Ok(Self { _file: file })
    }
}
