//! What is wrong with LUNs, nodes and settings, beside the causes: each code of docs/findings.md that a picture shows.

use crate::cause::Causes;
use crate::finding::Finding;
use crate::ids::Wwid;
use crate::picture::Picture;

/// Everything that stands by itself: what a listed cause explains is not here, it is only counted, in the cause's
/// [`crate::finding::Explains::codes`].
pub fn find(_picture: &Picture<'_>, _causes: &mut Causes) -> Vec<Finding> {
    Vec::new()
}

/// All findings about one LUN, those too that a listed cause explains (they bear it).
pub fn of_lun(_picture: &Picture<'_>, _causes: &Causes, _wwid: &Wwid) -> Vec<Finding> {
    Vec::new()
}
