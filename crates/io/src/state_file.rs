//! Small files in the state directory: whole or not at all, and never overwritten when they cannot be read.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

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

/// Writes a file: a temporary one beside it, synced, renamed over it, and the folder synced. Whatever happens
/// meanwhile, the old content or the new one is there.
///
/// # Errors
/// From the disk; then the old content is there.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
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
