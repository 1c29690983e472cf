//! The files that a plan for this node is made of: multipath's configuration, its `wwids` and `bindings`, and what may name a map.
//!
//! They are read when somebody asks, and nothing is written. A file that is there and cannot be read whole is a problem, never an
//! empty file: a plan over half a file would say that maps go which stay.

use std::path::Path;

use super::settings::{FILE_BYTES_MAX, FILES_MAX, config_files};
use crate::roots::Roots;
use crate::sysfs::file::read_at_most;

/// All files together; a configuration by hand has some hundred kilobytes at most.
const ALL_BYTES_MAX: usize = 8 << 20;

/// What may name a map by its name: where it is mounted, unlocked, or let through to LVM.
const MENTIONS: [&str; 4] = ["fstab", "crypttab", "lvm/lvm.conf", "lvm/devices/system.devices"];

/// A file's text with the name by which it is shown.
pub type Named = (String, String);

/// What was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConfigFiles {
    /// `multipath.conf` and the drop-ins, in multipathd's order.
    pub config: Vec<Named>,
    /// `/etc/multipath/wwids`; empty where there is none.
    pub wwids: String,
    /// `/etc/multipath/bindings`; empty where there is none.
    pub bindings: String,
    /// Files that may name a map.
    pub mentions: Vec<Named>,
    /// What is there and could not be read, a sentence each; then nothing may be concluded.
    pub problems: Vec<String>,
}

impl ConfigFiles {
    /// Reads them below roots. Blocks as long as the disk does.
    pub fn read(roots: &Roots) -> Self {
        let mut out = Self::default();
        let mut left = ALL_BYTES_MAX;
        let mut read = |shown: &str, file: &Path, problems: &mut Vec<String>| -> Option<String> {
            match text(file, left) {
                Ok(text) => {
                    left -= text.as_ref().map_or(0, String::len).min(left);
                    text
                }
                Err(why) => {
                    problems.push(format!("{shown}: {why}"));
                    None
                }
            }
        };
        let files = config_files(roots);
        let entries = std::fs::read_dir(roots.etc.join("multipath/conf.d"));
        match entries.map(|entries| entries.take(FILES_MAX + 1).count()) {
            Ok(count) if count <= FILES_MAX => {}
            Ok(_) => {
                let what =
                    format!("/etc/multipath/conf.d: more than {FILES_MAX} files, and not all are read");
                out.problems.push(what);
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => out.problems.push(format!("/etc/multipath/conf.d: {e}")),
        }
        for (shown, file) in files {
            if let Some(text) = read(&shown, &file, &mut out.problems) {
                out.config.push((shown, text));
            }
        }
        let [wwids, bindings] = ["wwids", "bindings"].map(|name| {
            let shown = format!("/etc/multipath/{name}");
            let file = roots.etc.join("multipath").join(name);
            read(&shown, &file, &mut out.problems).unwrap_or_default()
        });
        (out.wwids, out.bindings) = (wwids, bindings);
        for name in MENTIONS {
            let shown = format!("/etc/{name}");
            // What only adds a hint is no reason to make no plan.
            if let Some(text) = read(&shown, &roots.etc.join(name), &mut Vec::new()) {
                out.mentions.push((shown, text));
            }
        }
        out
    }
}

/// A file's text, what is no UTF-8 replaced; `None` where there is none. The error is words.
fn text(file: &Path, left: usize) -> Result<Option<String>, String> {
    let max = FILE_BYTES_MAX.min(left);
    let size = match std::fs::metadata(file) {
        Ok(about) if about.is_file() => about.len(),
        Ok(_) => return Err("it is no regular file".into()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.to_string()),
    };
    let too_long = || format!("it is longer than the {max} bytes that are read of it");
    if size > max as u64 {
        return Err(too_long());
    }
    // One byte more shows a file that grew meanwhile.
    match read_at_most(file, max + 1) {
        Some(bytes) if bytes.len() > max => Err(too_long()),
        Some(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        None => Err("it cannot be read".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;

    #[test]
    fn what_is_there_is_read_in_order_and_what_cannot_be_read_is_told() {
        let tree = Tree::new();
        let read = |tree: &Tree| ConfigFiles::read(&Roots::below(tree.root()));
        assert_eq!(read(&tree), ConfigFiles::default(), "absent files are empty ones");

        tree.file("etc/multipath/conf.d/20-b.conf", "b")
            .file("etc/multipath/conf.d/10-a.conf", "a")
            .file("etc/multipath/conf.d/old.conf.bak", "x")
            .file("etc/multipath.conf", "m\u{fffd}")
            .file("etc/multipath/wwids", "/3600a1/\n")
            .file("etc/multipath/bindings", "mpatha 3600a1\n")
            .file("etc/fstab", "/dev/mapper/mpatha / ext4\n");
        let found = read(&tree);
        let names: Vec<&str> = found.config.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["/etc/multipath.conf", "/etc/multipath/conf.d/10-a.conf", "/etc/multipath/conf.d/20-b.conf"]
        );
        assert_eq!((found.wwids.as_str(), found.bindings.as_str()), ("/3600a1/\n", "mpatha 3600a1\n"));
        assert_eq!(found.mentions.len(), 1);
        assert_eq!(found.problems, Vec::<String>::new());

        std::fs::write(tree.root().join("etc/multipath/wwids"), vec![b'x'; FILE_BYTES_MAX + 1]).unwrap();
        std::fs::create_dir_all(tree.root().join("etc/multipath/conf.d/30-folder.conf")).unwrap();
        let found = read(&tree);
        assert_eq!(found.wwids, "");
        assert_eq!(
            found.problems,
            [
                "/etc/multipath/conf.d/30-folder.conf: it is no regular file",
                "/etc/multipath/wwids: it is longer than the 1048576 bytes that are read of it"
            ]
        );
    }
}
