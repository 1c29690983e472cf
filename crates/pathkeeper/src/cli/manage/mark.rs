//! Setting a node's mark and taking it away. Only the command line does; an agent's unit forbids it in either mode.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use pathkeeper_io::managing::MARK_FILE;
use pathkeeper_io::{Managing, Roots, state_file};

/// What the mark says: a drop-in of the agent's unit. `cargo xtask tidy` keeps its lines (xtask/src/tidy/unit.rs).
pub const TEXT: &str = include_str!("../../../../../packaging/50-manage.conf");
/// Begins the name of the temporary file; systemd reads `*.conf` alone.
const TEMPORARY: &str = ".pathkeeper-";
/// A mark of ours is some lines.
const BYTES_MAX: u64 = 16 << 10;

/// Where it is.
pub fn path(roots: &Roots) -> PathBuf {
    roots.etc.join(MARK_FILE)
}

/// It counts, and it is the one that this version sets.
pub fn is_set(roots: &Roots) -> bool {
    let text = state_file::read(&path(roots), BYTES_MAX);
    Managing::of_node(roots).is_ok() && text.is_ok_and(|text| text.as_deref() == Some(TEXT.as_bytes()))
}

/// Sets it, whole and on the disk or not at all, and makes sure that it counts.
pub fn set(roots: &Roots) -> Result<(), String> {
    let path = path(roots);
    let cannot = |e: io::Error| format!("cannot write {}: {e}", path.display());
    let folder = path.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(cannot)?;
        // Not when it is made: the process' mask would take from it.
        fs::set_permissions(folder, Permissions::from_mode(0o755)).map_err(cannot)?;
        sync(folder.parent().unwrap_or(Path::new("/"))).map_err(cannot)?;
    }
    state_file::write_as(&path, TEXT.as_bytes(), TEMPORARY, 0o644).map_err(cannot)?;
    // In a folder that others may write it would not be believed, and one that is not believed must not lie about.
    Managing::of_node(roots).map(drop).map_err(|why| {
        let left = remove(roots).err().map_or(String::new(), |why| format!("; {why}"));
        format!("the mark does not count, and was taken away again: {why}{left}")
    })
}

/// Takes it away, and its folder if nothing else is in it. False where there was none.
pub fn remove(roots: &Roots) -> Result<bool, String> {
    let path = path(roots);
    let cannot = |e: io::Error| format!("cannot remove {}: {e}", path.display());
    match fs::remove_file(&path) {
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(false);
        }
        removed => removed.map_err(cannot)?,
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    sync(folder).map_err(cannot)?;
    // Other drop-ins of the administrator's may be there.
    let _ = fs::remove_dir(folder);
    Ok(true)
}

/// Makes `/etc/multipath` where it is not there: the agent may write below it, and could not make it.
pub fn make_folder(roots: &Roots) -> Result<(), String> {
    let folder = roots.etc.join("multipath");
    if folder.is_dir() {
        return Ok(());
    }
    let made =
        fs::create_dir(&folder).and_then(|()| fs::set_permissions(&folder, Permissions::from_mode(0o755)));
    made.map_err(|e| format!("cannot create {}: {e}", folder.display()))
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathkeeper_io::managing::MARK_LINE;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn it_is_set_and_taken_away_whole() {
        let root = tempfile::tempdir().unwrap();
        let roots = Roots::below(root.path());
        let path = path(&roots);
        let folder = path.parent().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        assert!(TEXT.lines().any(|line| line == MARK_LINE));
        assert_eq!(remove(&roots), Ok(false));
        set(&roots).unwrap();
        assert!(is_set(&roots));
        assert_eq!((mode(&path), mode(folder)), (0o644, 0o755));
        assert_eq!(fs::read_to_string(&path).unwrap(), TEXT);
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "nothing temporary is left");
        // An older version's, or one that a person wrote: it counts, and is not the one that we set.
        fs::write(&path, MARK_LINE).unwrap();
        assert!(Managing::of_node(&roots).is_ok() && !is_set(&roots));
        set(&roots).unwrap();
        assert!(is_set(&roots));
        let site = folder.join("10-site.conf");
        fs::write(&site, "").unwrap();
        assert_eq!(remove(&roots), Ok(true));
        assert!(Managing::of_node(&roots).is_err() && site.exists(), "another drop-in stays");
        fs::remove_file(site).unwrap();
        set(&roots).unwrap();
        assert_eq!(remove(&roots), Ok(true));
        assert!(!folder.exists());
    }

    #[test]
    fn one_that_would_not_be_believed_is_not_left() {
        let root = tempfile::tempdir().unwrap();
        let roots = Roots::below(root.path());
        let path = path(&roots);
        let folder = path.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
        let why = set(&roots).unwrap_err();
        assert!(why.contains("its folder: others may write it"), "{why}");
        assert!(!path.exists());
        // What lies in its place and is no file is left to a person.
        fs::create_dir_all(folder).unwrap();
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(set(&roots).unwrap_err().starts_with("cannot write "));
        assert!(remove(&roots).unwrap_err().starts_with("cannot remove "));
        fs::remove_dir(&path).unwrap();
        // A link is replaced, and what it led to stays as it was.
        let elsewhere = root.path().join("elsewhere");
        fs::write(&elsewhere, "kept").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        set(&roots).unwrap();
        assert!(is_set(&roots));
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "kept");
    }
}
