//! Writes a cpio archive of the "newc" form, the one that the kernel unpacks as its initial ramdisk
//! (Documentation/driver-api/early-userspace/buffer-format.rst).

use std::collections::BTreeMap;

/// What a name in the archive stands for.
#[derive(Debug)]
pub enum Node {
    /// A directory, mode 0755.
    Directory,
    /// A file's bytes and permission bits.
    File(Vec<u8>, u32),
    /// A symbolic link to this text.
    Link(String),
}

/// Collects names without a leading `/`; a parent directory comes by itself.
#[derive(Debug, Default)]
pub struct Archive {
    nodes: BTreeMap<String, Node>,
}

impl Archive {
    /// Adds one name; the first one wins.
    pub fn add(&mut self, name: &str, node: Node) {
        let name = name.trim_matches('/');
        for (at, _) in name.match_indices('/') {
            if let Some(parent) = name.get(..at) {
                self.nodes.entry(parent.to_owned()).or_insert(Node::Directory);
            }
        }
        self.nodes.entry(name.to_owned()).or_insert(node);
    }

    /// Whether the name is there.
    pub fn has(&self, name: &str) -> bool {
        self.nodes.contains_key(name.trim_matches('/'))
    }

    /// The archive's bytes. Names are sorted, so a directory comes before what is in it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (number, (name, node)) in (1u32..).zip(&self.nodes) {
            let (mode, body): (u32, &[u8]) = match node {
                Node::Directory => (0o040_755, &[]),
                Node::File(bytes, bits) => (0o100_000 | bits, bytes),
                Node::Link(target) => (0o120_777, target.as_bytes()),
            };
            entry(&mut out, number, name, mode, body);
        }
        entry(&mut out, 0, "TRAILER!!!", 0, &[]);
        out
    }
}

fn entry(out: &mut Vec<u8>, number: u32, name: &str, mode: u32, body: &[u8]) {
    // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    let fields = [number, mode, 0, 0, 1, 0, body.len() as u32, 0, 0, 0, 0, name.len() as u32 + 1, 0];
    out.extend_from_slice(b"070701");
    for field in fields {
        out.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    out.extend_from_slice(name.as_bytes());
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend_from_slice(body);
    out.resize(out.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_newc() {
        let mut archive = Archive::default();
        archive.add("/a/b", Node::File(b"xyz".to_vec(), 0o644));
        archive.add("a/c", Node::Link("b".to_owned()));
        let bytes = archive.bytes();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8(bytes).unwrap();
        // Directory first, each header 110 bytes, names end in NUL, both padded to four.
        let want_dir = format!("070701{:08x}{:08x}", 1, 0o040_755);
        assert!(text.starts_with(&want_dir));
        assert!(text.contains("a/b\0\0\0xyz\0"), "a body of three is padded by one: {text:?}");
        assert!(text.contains("a/c\0\0\0b\0\0\x00070701"));
        assert!(text.contains("TRAILER!!!\0"));
        assert!(archive.has("a") && archive.has("/a/b") && !archive.has("b"));
    }
}
