//! Which entries of the wwids file Pathkeeper added: the only ones that it may ever take out again.
//!
//! One WWID on a line. It is written before an entry is added and after one was taken out, so that after a death at any
//! moment it names every entry of ours, and perhaps one that is not there.

use std::path::{Path, PathBuf};

use pathkeeper_model::Wwid;

use super::{FileError, WWIDS_BYTES_MAX};
use crate::state_file;

/// Its name in the state directory's folder.
const FILE: &str = "wwids-added";
const HEADER: &str = "# Entries of /etc/multipath/wwids that Pathkeeper added, and may take out again.\n";

pub(super) fn path(state: &Path) -> PathBuf {
    state.join(FILE)
}

/// The record, sorted; an absent one is empty.
pub(super) fn read(state: &Path) -> Result<Vec<Wwid>, FileError> {
    let path = path(state);
    let fail = |why: &str| FileError::new("read", &path, why);
    let Some(bytes) = super::read(&path, WWIDS_BYTES_MAX)? else { return Ok(Vec::new()) };
    let text = String::from_utf8(bytes).map_err(|_| fail("it is no text"))?;
    // It is written whole or not at all, so one that does not end as it should was changed by other hands.
    if !text.starts_with('#') || !text.ends_with('\n') {
        return Err(fail(
            "it is not as Pathkeeper wrote it; nothing is added or taken out until a person has looked",
        ));
    }
    let mut wwids: Vec<Wwid> =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(Wwid::new).collect();
    wwids.sort();
    wwids.dedup();
    Ok(wwids)
}

/// Writes it and waits for the disk.
pub(super) fn write(state: &Path, wwids: &[Wwid]) -> Result<(), FileError> {
    let mut text = HEADER.to_owned();
    for wwid in wwids {
        text.push_str(wwid.as_str());
        text.push('\n');
    }
    let path = path(state);
    state_file::write_as(&path, text.as_bytes(), super::TEMPORARY, 0o600)
        .map_err(|e| FileError::new("write", &path, e))
}
