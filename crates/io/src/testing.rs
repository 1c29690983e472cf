//! Help for this crate's own tests.

use std::path::{Path, PathBuf};

/// A folder tree for tests, gone when dropped.
pub(crate) struct Tree(tempfile::TempDir);

impl Tree {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }
    fn at(&self, path: &str) -> PathBuf {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
    /// Writes a file, making its folders.
    pub(crate) fn file(&self, path: &str, text: &str) -> &Self {
        std::fs::write(self.at(path), text).unwrap();
        self
    }
    /// Makes a symbolic link, and the folder that it leads to (sysfs' links always lead somewhere).
    pub(crate) fn link(&self, path: &str, to: &str) -> &Self {
        let at = self.at(path);
        let _ = std::fs::create_dir_all(at.parent().unwrap().join(to));
        let _ = std::fs::remove_file(&at);
        std::os::unix::fs::symlink(to, at).unwrap();
        self
    }
}
