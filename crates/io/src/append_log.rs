//! A file of lines that is only appended to, and stays small: when it is full it becomes the older one, and the one that
//! was that before is gone.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

/// Who writes renames the full file while another process may have it open; so it is looked at again after the lock.
const TRIES: usize = 4;

/// Where lines go.
#[derive(Clone, Debug)]
pub struct AppendLog {
    path: PathBuf,
    bytes_max: u64,
}

impl AppendLog {
    /// The file at `path`, of at most so many bytes, and as many in the older one at `path` with `.1` behind it.
    pub fn new(path: PathBuf, bytes_max: u64) -> Self {
        Self { path, bytes_max }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one line, whole, and waits for the disk. Several processes may do so at the same time.
    ///
    /// # Errors
    /// From the disk; then the line is not there, or not surely.
    pub fn append(&self, line: &[u8]) -> io::Result<()> {
        for _ in 0..TRIES {
            let mut file = self.open()?;
            flock(&file, FlockOperation::LockExclusive)?;
            let metadata = file.metadata()?;
            if !std::fs::metadata(&self.path).is_ok_and(|now| now.ino() == metadata.ino()) {
                continue;
            }
            let length = metadata.len();
            if length > 0 && length + line.len() as u64 + 1 > self.bytes_max {
                let mut older = self.path.clone().into_os_string();
                older.push(".1");
                std::fs::rename(&self.path, older)?;
                continue;
            }
            let mut whole = Vec::with_capacity(line.len() + 2);
            // A line that was cut off when the machine lost power must not take the next one with it.
            if length > 0 && !ends_with_newline(&self.path, length)? {
                whole.push(b'\n');
            }
            whole.extend(line.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
            whole.push(b'\n');
            file.write_all(&whole)?;
            return file.sync_data();
        }
        Err(io::Error::other("others renamed it each time"))
    }

    fn open(&self) -> io::Result<File> {
        let flags = (OFlags::NOFOLLOW | OFlags::CLOEXEC).bits().cast_signed();
        File::options().append(true).create(true).mode(0o600).custom_flags(flags).open(&self.path)
    }
}

fn ends_with_newline(path: &Path, length: u64) -> io::Result<bool> {
    use std::os::unix::fs::FileExt;
    let mut last = [0];
    File::open(path)?.read_exact_at(&mut last, length - 1)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_and_the_oldest_ones_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        let log = AppendLog::new(path.clone(), 20);
        let text = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap_or_default();
        log.append(b"one").unwrap();
        log.append(b"two\nlines").unwrap();
        assert_eq!(text("audit.log"), "one\ntwo lines\n");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        log.append(b"seven").unwrap();
        assert_eq!(text("audit.log"), "one\ntwo lines\nseven\n", "exactly full");
        log.append(b"four").unwrap();
        assert_eq!(
            (text("audit.log"), text("audit.log.1")),
            ("four\n".into(), "one\ntwo lines\nseven\n".into())
        );
        log.append(&[b'x'; 50]).unwrap();
        assert_eq!(
            (text("audit.log").len(), text("audit.log.1")),
            (51, "four\n".into()),
            "a long line stands alone"
        );
        assert!(AppendLog::new(dir.path().join("no/such"), 9).append(b"x").is_err());
    }

    #[test]
    fn a_line_that_was_cut_off_stays_alone() {
        let dir = tempfile::tempdir().unwrap();
        let log = AppendLog::new(dir.path().join("audit.log"), 1_000);
        std::fs::write(log.path(), "whole\nhal").unwrap();
        log.append(b"next").unwrap();
        assert_eq!(std::fs::read_to_string(log.path()).unwrap(), "whole\nhal\nnext\n");
    }

    #[test]
    fn several_writers_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audit.log");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let log = AppendLog::new(path.clone(), 400);
                scope.spawn(move || {
                    (0..10).for_each(|n| log.append(format!("{writer} {n}").as_bytes()).unwrap())
                });
            }
        });
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 40);
    }
}
