//! Waiting in tokio for a file descriptor of our own to become readable.

use rustix::fd::OwnedFd;
use std::io;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a descriptor with the runtime; must be called within one.
#[expect(
    deprecated,
    reason = "deprecated because a type could give another descriptor later; OwnedFd gives one for life, and the \
              replacement is an unsafe function, which may not stand here"
)]
pub(crate) fn readable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}
