//! Giving the drop-ins up: the same settings, as plain files of the administrator's, and entries of `wwids` that are nobody's.

use std::path::PathBuf;

use pathkeeper_model::config::render;

use super::{CONF_BYTES_MAX, DropIn, FileError, NodeFiles, read, record};
use crate::managing::Managing;
use crate::state_file;

/// Stands where the header was.
const HEADER: &str =
    "# Left by Pathkeeper when this node was released: the same settings, and yours from now on.\n";

/// What was given up.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Released {
    /// Each drop-in that was there, and the file that says the same now.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// Entries of `wwids` that Pathkeeper added, and that are the administrator's now.
    pub wwids: usize,
}

impl DropIn {
    /// The name of the file that is left in its place: multipath reads it next to where it read the drop-in.
    pub fn released_name(self) -> &'static str {
        match self {
            DropIn::Main => "60-pathkeeper-released.conf",
            DropIn::Overrides => "90-pathkeeper-overrides-released.conf",
        }
    }
}

impl NodeFiles {
    /// Leaves a plain file in place of each drop-in, then forgets which entries of `wwids` were ours. multipathd need not be told
    /// anything: what it reads says the same. May be done again after a death at any moment; until a drop-in is gone both files
    /// say the same.
    ///
    /// # Errors
    /// Where something else bears the name already, where a file of others is read between the two, and from the disk.
    pub fn release(&self, right: &Managing) -> Result<Released, FileError> {
        let mut out = Released::default();
        let names = self.conf_names()?;
        let mut texts = Vec::new();
        for which in DropIn::ALL {
            let Some(bytes) = read(&self.path(which), CONF_BYTES_MAX)? else { continue };
            let path = self.conf_d().join(which.released_name());
            if let Some(between) = names.iter().find(|name| {
                (which.released_name()..which.name()).contains(&name.as_str())
                    && *name != which.released_name()
            }) {
                let why = format!(
                    "{between} is read between it and {}, and could be beaten by another one then",
                    which.name()
                );
                return Err(FileError::new("write", &path, why));
            }
            let text = String::from_utf8(bytes)
                .map_err(|_| FileError::new("read", &self.path(which), "it is no text"))?;
            let text = format!("{HEADER}{}", render::without_header(&text));
            if read(&path, CONF_BYTES_MAX)?.is_some_and(|there| there != text.as_bytes()) {
                return Err(FileError::new(
                    "write",
                    &path,
                    "there is such a file, and it says something else: move it away",
                ));
            }
            texts.push((which, path, text));
        }
        for (which, path, text) in texts {
            state_file::write_as(&path, text.as_bytes(), super::TEMPORARY, 0o644)
                .map_err(|e| FileError::new("write", &path, e))?;
            self.put(right, which, None)?;
            out.files.push((self.path(which), path));
        }
        let added = self.added()?;
        if !added.is_empty() {
            record::write(self.state()?, &[])?;
        }
        out.wwids = added.len();
        Ok(out)
    }
}
