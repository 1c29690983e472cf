//! Small files in the state directory: whole or not at all, and never overwritten when they cannot be read.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// Reads a file of at most `bytes_max` bytes; `None` where there is none.
///
/// # Errors
/// From the disk, and if it is longer.
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::other(format!("it is longer than {bytes_max} bytes")));
    }
    Ok(Some(bytes))
}

/// A file that decides who may do what, as it was read.
#[derive(Debug)]
pub struct Private {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Which file it was and when it was last changed.
    pub metadata: Metadata,
    /// Others could read it; now they cannot.
    pub mended: bool,
}

/// Reads a file that nobody but root and this user may have written; `None` where there is none. One that others can
/// only read is closed to them.
///
/// # Errors
/// From the disk; if it is longer than `bytes_max`, no plain file, of another owner, or others may write it or replace it.
pub fn read_private(path: &Path, bytes_max: u64) -> io::Result<Option<Private>> {
    let open = rustix::fs::open(
        path,
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK,
        0.into(),
    );
    let file = match open {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(rustix::io::Errno::LOOP) => return Err(io::Error::other("it is a symbolic link")),
        Err(e) => return Err(e.into()),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    only_ours(&metadata).map_err(io::Error::other)?;
    if let Some(folder) = path.parent() {
        only_ours(&std::fs::metadata(folder)?)
            .map_err(|why| io::Error::other(format!("its folder {}: {why}", folder.display())))?;
    }
    let mended = metadata.mode() & 0o077 != 0;
    if mended {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::other(format!("it is longer than {bytes_max} bytes")));
    }
    Ok(Some(Private { bytes, metadata, mended }))
}

/// Whether nobody but root and this user can have written this file or changed what is in this folder.
///
/// # Errors
/// Who else could, in words.
pub fn only_ours(metadata: &Metadata) -> Result<(), String> {
    let uid = rustix::process::geteuid().as_raw();
    if ![0, uid].contains(&metadata.uid()) {
        return Err(format!("it belongs to user {}, not to root", metadata.uid()));
    }
    // A folder like /tmp (mode 1777) is no exception: nobody there can replace a file, but anybody can make one first.
    if metadata.mode() & 0o022 != 0 {
        return Err(format!("others may write it (mode {:04o})", metadata.mode() & 0o7777));
    }
    Ok(())
}

/// Writes a file: a temporary one beside it, synced, renamed over it, and the folder synced. Whatever happens
/// meanwhile, the old content or the new one is there.
///
/// # Errors
/// From the disk; then the old content is there.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_as(path, bytes, ".tmp", 0o600)
}

/// The same with this mode, by a temporary file whose name begins with `prefix`: one that a kill left can be known by it.
///
/// # Errors
/// From the disk; then the old content is there.
pub fn write_as(path: &Path, bytes: &[u8], prefix: &str, mode: u32) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::Builder::new().prefix(prefix).tempfile_in(folder)?;
    file.write_all(bytes)?;
    if mode != 0o600 {
        // Not when it is made: the process' mask would take from it.
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    File::open(folder)?.sync_all()
}

/// Renames a file that cannot be used to its name with `.bad-SECONDS`, so that a person can look at it. A name that is
/// taken is not overwritten.
///
/// # Errors
/// From the disk; then the file is where it was.
pub fn set_aside(path: &Path, epoch_s: i64) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for n in 0..100 {
        let other = if n == 0 { String::new() } else { format!("-{n}") };
        let aside = path.with_file_name(format!("{name}.bad-{epoch_s}{other}"));
        if !aside.try_exists()? {
            std::fs::rename(path, &aside)?;
            return Ok(aside);
        }
    }
    Err(io::Error::other("a hundred files of that name were set aside already"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_can_have_written_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.json");
        let mode = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let refused = |word: &str| {
            let why = read_private(&path, 10).unwrap_err().to_string();
            assert!(why.contains(word), "{why}");
        };
        assert!(read_private(&path, 10).unwrap().is_none());
        write(&path, b"secret").unwrap();
        let read = read_private(&path, 10).unwrap().unwrap();
        assert_eq!((read.bytes.as_slice(), read.mended), (&b"secret"[..], false));
        mode(&path, 0o644);
        assert!(read_private(&path, 10).unwrap().unwrap().mended, "others could read it");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert!(!read_private(&path, 10).unwrap().unwrap().mended);
        for bad in [0o620, 0o602, 0o666] {
            mode(&path, bad);
            refused("others may write it");
        }
        mode(&path, 0o600);
        for bad in [0o777, 0o770, 0o1777] {
            mode(dir.path(), bad);
            refused("its folder");
        }
        mode(dir.path(), 0o755);
        assert!(read_private(&path, 5).unwrap_err().to_string().contains("longer than 5 bytes"));
        let elsewhere = dir.path().join("elsewhere");
        std::fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        refused("symbolic link");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        refused("no plain file");
    }

    #[test]
    fn what_is_written_is_read_and_what_is_bad_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.json");
        assert_eq!(read(&path, 10).unwrap(), None);
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path, 10).unwrap(), Some(b"two".to_vec()));
        assert!(read(&path, 2).unwrap_err().to_string().contains("longer than 2 bytes"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing temporary is left");
        let first = set_aside(&path, 5).unwrap();
        write(&path, b"three").unwrap();
        let second = set_aside(&path, 5).unwrap();
        assert_ne!(first, second);
        assert_eq!(
            (std::fs::read(first).unwrap(), std::fs::read(second).unwrap()),
            (b"two".into(), b"three".into())
        );
        assert_eq!(read(&path, 10).unwrap(), None);
        assert!(write(&dir.path().join("no/such/folder"), b"x").is_err());
        assert!(set_aside(&path, 6).is_err());
    }
}
