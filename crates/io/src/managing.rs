//! The right to change this node. Whoever holds a [`Managing`] may write multipath's files and tell multipathd to act on
//! them; everything that does so asks for one, and there is one way to get it: the node's own mark.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use thiserror::Error;

use crate::roots::Roots;
use crate::state_file::only_ours;

/// Below `/etc`: the drop-in of the agent's unit that makes multipath's files writable for it and says that it manages.
/// `pathkeeper manage enable` writes it and `pathkeeper manage disable` takes it away.
pub const MARK_FILE: &str = "systemd/system/pathkeeper.service.d/50-manage.conf";
/// The line of it that counts.
pub const MARK_LINE: &str = "Environment=PATHKEEPER_MODE=manage";
/// A drop-in of a unit is some lines.
const MARK_BYTES_MAX: u64 = 16 << 10;

/// This node was told to be managed, at the moment when this was made. Ask anew for each thing that is done: the mark
/// may be taken away at any time.
#[derive(Debug)]
pub struct Managing {
    _only_by_the_mark: (),
}

/// Why this node may not be changed.
#[derive(Error, Clone, PartialEq, Eq, Debug)]
pub enum NotManaged {
    /// Nobody told it to be: it observes.
    #[error("this node observes: it was not told to be managed (pathkeeper manage enable)")]
    Observing,
    /// There is a mark that cannot be believed, so it observes.
    #[error("this node observes: {} is not to be believed: {why}", path.display())]
    Doubtful {
        /// The mark.
        path: PathBuf,
        /// Why not, in words.
        why: String,
    },
}

impl Managing {
    /// Looks for the mark.
    ///
    /// # Errors
    /// Where there is none, and where others than root could have put it there: this user counts as root does, for tests.
    pub fn of_node(roots: &Roots) -> Result<Self, NotManaged> {
        let path = roots.etc.join(MARK_FILE);
        match read_mark(&path) {
            Ok(Some(text)) if text.lines().any(|line| line.trim() == MARK_LINE) => {
                Ok(Self { _only_by_the_mark: () })
            }
            Ok(_) => Err(NotManaged::Observing),
            Err(error) => Err(NotManaged::Doubtful { path, why: error.to_string() }),
        }
    }
}

fn read_mark(path: &Path) -> io::Result<Option<String>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
        Err(rustix::io::Errno::LOOP) => return Err(io::Error::other("it is a symbolic link")),
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    only_ours(&metadata).map_err(io::Error::other)?;
    if let Some(folder) = path.parent() {
        only_ours(&std::fs::metadata(folder)?)
            .map_err(|why| io::Error::other(format!("its folder: {why}")))?;
    }
    let mut bytes = Vec::new();
    file.take(MARK_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    fn of(tree: &Tree) -> Result<Managing, NotManaged> {
        Managing::of_node(&Roots::below(tree.root()))
    }

    #[test]
    fn only_the_mark_gives_the_right() {
        let mark = format!("etc/{MARK_FILE}");
        let check = |text: &str, expect: bool| {
            let tree = Tree::new();
            tree.file(&mark, text);
            assert_eq!(of(&tree).is_ok(), expect, "{text:?}");
        };
        assert_eq!(of(&Tree::new()).unwrap_err(), NotManaged::Observing);
        check("[Service]\nEnvironment=PATHKEEPER_MODE=manage\n", true);
        check("[Service]\n  Environment=PATHKEEPER_MODE=manage  \n", true);
        check("", false);
        check("# Environment=PATHKEEPER_MODE=manage\n", false);
        check("Environment=PATHKEEPER_MODE=manageable\n", false);
        check("Environment=PATHKEEPER_MODE=observe\n", false);
    }

    #[test]
    fn a_mark_that_others_can_have_made_gives_none() {
        let mark = format!("etc/{MARK_FILE}");
        let tree = Tree::new();
        tree.file(&mark, MARK_LINE);
        assert!(of(&tree).is_ok());
        let path = tree.root().join(&mark);
        let mode = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let refused = |word: &str| {
            let why = of(&tree).unwrap_err().to_string();
            assert!(why.contains(word) && why.contains("observes"), "{why}");
        };
        mode(&path, 0o666);
        refused("others may write it");
        mode(&path, 0o644);
        mode(path.parent().unwrap(), 0o777);
        refused("its folder");
        mode(path.parent().unwrap(), 0o755);
        assert!(of(&tree).is_ok());
        let elsewhere = tree.root().join("elsewhere");
        std::fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        refused("symbolic link");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        refused("no plain file");
    }
}
