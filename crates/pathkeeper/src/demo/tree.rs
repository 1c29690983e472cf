//! A directory that shows what a simulated kernel shows, kept up to date change by change.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use pathkeeper_engine::sim::{SysfsEntry, SysfsKind};

/// A tree below one root.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    shown: BTreeMap<String, SysfsKind>,
}

impl Tree {
    /// An empty tree; the root is made when something is shown.
    pub fn new(root: PathBuf) -> Self {
        Self { root, shown: BTreeMap::new() }
    }

    /// The root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Shows exactly these entries. Blocks on the file system.
    ///
    /// A file changes whole, as in the real one: a reader sees the old text or the new.
    ///
    /// # Errors
    /// What the file system says, with the path.
    pub fn show(&mut self, entries: Vec<SysfsEntry>) -> io::Result<()> {
        std::fs::create_dir_all(&self.root)?;
        let next: BTreeMap<String, SysfsKind> = entries.into_iter().map(|e| (e.path, e.kind)).collect();
        let gone: Vec<String> = self.shown.keys().filter(|path| !next.contains_key(*path)).cloned().collect();
        for path in gone.iter().rev() {
            self.remove(path, &next)?;
        }
        for (path, kind) in &next {
            if self.shown.get(path) != Some(kind) {
                let replaces = self.shown.contains_key(path);
                self.put(path, kind, replaces)
                    .map_err(|e| io::Error::new(e.kind(), format!("{}/{path}: {e}", self.root.display())))?;
            }
        }
        self.shown = next;
        Ok(())
    }

    fn put(&self, path: &str, kind: &SysfsKind, replaces: bool) -> io::Result<()> {
        let at = self.root.join(path);
        if let (Some(parent), false) = (at.parent(), replaces) {
            std::fs::create_dir_all(parent)?;
        }
        match kind {
            SysfsKind::Directory => std::fs::create_dir_all(&at),
            SysfsKind::Link(to) => {
                if replaces {
                    std::fs::remove_file(&at)?;
                }
                std::os::unix::fs::symlink(to, &at)
            }
            SysfsKind::File(text) if replaces => {
                // Beside the root, where no reader lists it.
                let new = self.root.with_extension("new");
                std::fs::write(&new, text)?;
                std::fs::rename(&new, &at)
            }
            SysfsKind::File(text) => std::fs::write(&at, text),
        }
    }

    /// Removes an entry, and the directories that are empty without it.
    fn remove(&self, path: &str, next: &BTreeMap<String, SysfsKind>) -> io::Result<()> {
        let at = self.root.join(path);
        match self.shown.get(path) {
            Some(SysfsKind::Directory) => drop(std::fs::remove_dir(&at)),
            _ => std::fs::remove_file(&at)?,
        }
        let mut parent = Path::new(path).parent();
        while let Some(dir) = parent.filter(|dir| !dir.as_os_str().is_empty()) {
            let stays = dir.to_str().is_some_and(|dir| next.contains_key(dir));
            if stays || std::fs::remove_dir(self.root.join(dir)).is_err() {
                break;
            }
            parent = dir.parent();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pathkeeper_engine::sim::{Op, PathSet, San, SanConfig};

    /// Every file, link and directory below a root, one line each.
    fn list(root: &Path) -> Vec<String> {
        let mut out = Vec::new();
        let mut open = vec![root.to_owned()];
        while let Some(dir) = open.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(root).unwrap().display().to_string();
                if path.is_symlink() {
                    out.push(format!("{name} -> {}", std::fs::read_link(&path).unwrap().display()));
                } else if path.is_dir() {
                    out.push(format!("{name}/"));
                    open.push(path);
                } else {
                    out.push(format!("{name} = {}", std::fs::read_to_string(&path).unwrap().trim_end()));
                }
            }
        }
        out.sort();
        out
    }

    #[test]
    fn a_tree_that_was_changed_is_as_one_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let mut san = San::new(SanConfig { nodes: 1, luns: 3, paths: 4, seed: 1 }).unwrap();
        let mut tree = Tree::new(dir.path().join("kept"));
        tree.show(san.sysfs(0)).unwrap();
        let ops = [
            Op::Path { node: 0, lun: 0, path: 1, set: PathSet::Deleted },
            Op::Assembly { node: 0, lun: 1, assembled: false },
            Op::Adapter { node: 0, adapter: 1, up: false },
            Op::ResizeLun { lun: 2, size_bytes: 5 << 30 },
            Op::Node { node: 0, alive: false },
            Op::Node { node: 0, alive: true },
            Op::Heal,
        ];
        for (i, op) in ops.iter().enumerate() {
            san.apply(op).unwrap();
            tree.show(san.sysfs(0)).unwrap();
            let mut anew = Tree::new(dir.path().join(format!("anew{i}")));
            anew.show(san.sysfs(0)).unwrap();
            assert_eq!(list(tree.root()), list(anew.root()), "after {op:?}");
        }
        let size = std::fs::read_to_string(tree.root().join("block/dm-2/size")).unwrap();
        assert_eq!(size, format!("{}\n", (5u64 << 30) / 512));
    }
}
