//! The command line's Unix socket.

use std::fs::{DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pathkeeper_io::state_file::only_ours;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch::Receiver;

use super::super::Context;
use super::{Door, Limits, Peer, serve};

/// Listens on a Unix socket: mode 0660 and the group where there is one, else 0600. Whoever connects must be root,
/// this user, or in the group.
///
/// # Errors
/// In words, if the socket cannot be made.
pub fn unix(
    path: PathBuf,
    group: Option<String>,
    limits: Limits,
    context: Context,
    stopping: Receiver<bool>,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    if let Some(folder) = path.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
        made.with_context(|| format!("cannot create {}", folder.display()))?;
        only_ours(&std::fs::metadata(folder)?).map_err(|why| {
            anyhow::anyhow!(
                "{}, where the command line's socket is to be: {why}. Whoever can write there could answer in this agent's \
                 stead: chown root and chmod 755, or set run-dir to another",
                folder.display()
            )
        })?;
    }
    // Only a socket that an agent left behind is replaced.
    match std::fs::symlink_metadata(&path) {
        Ok(found) if !found.file_type().is_socket() || !is_agents(&found) => {
            anyhow::bail!(
                "{} is there already and is no socket of this agent's (user {}, mode {:04o}): look who made it, and remove it",
                path.display(),
                found.uid(),
                found.mode() & 0o7777
            );
        }
        _ => {}
    }
    if std::os::unix::net::UnixStream::connect(&path).is_ok() {
        anyhow::bail!("{} is in use by another agent (set run-dir to another)", path.display());
    }
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(e).with_context(|| format!("cannot replace {}", path.display()));
        }
        _ => {}
    }
    let listener =
        UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
    let group = group.as_deref().and_then(gid_of);
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    if let Some(gid) = group {
        std::os::unix::fs::chown(&path, None, Some(gid))
            .with_context(|| format!("cannot give {} to its group", path.display()))?;
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot set the mode of {}", path.display()))?;
    let own_uid = rustix::process::geteuid().as_raw();
    let door = Socket { listener, own_uid, group };
    Ok(serve(door, limits.for_socket(), super::super::router(context), stopping))
}

/// A socket's group may write it: that is how one asks.
fn is_agents(socket: &Metadata) -> bool {
    let uid = rustix::process::geteuid().as_raw();
    [0, uid].contains(&socket.uid()) && socket.mode() & 0o007 == 0
}

struct Socket {
    listener: UnixListener,
    own_uid: u32,
    group: Option<u32>,
}

impl Door for Socket {
    type Raw = UnixStream;
    type Open = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _) = self.listener.accept().await?;
        let peer = stream.peer_cred()?;
        let peer = Peer::Unix { uid: peer.uid(), gid: peer.gid(), pid: peer.pid() };
        Ok((stream, peer))
    }

    async fn open(&self, raw: UnixStream) -> Option<UnixStream> {
        Some(raw)
    }

    fn welcome(&self, peer: &Peer) -> Result<(), String> {
        let &Peer::Unix { uid, gid, pid } = peer else { return Err("no peer of this socket".into()) };
        if may_ask(uid, gid, pid, self.own_uid, self.group) {
            Ok(())
        } else {
            Err(format!("user {uid} may not ask here: be root, or join the group of this socket"))
        }
    }
}

fn may_ask(uid: u32, gid: u32, pid: Option<i32>, own_uid: u32, group: Option<u32>) -> bool {
    let Some(group) = group else { return [0, own_uid].contains(&uid) };
    [0, own_uid].contains(&uid)
        || gid == group
        || pid.is_some_and(|pid| supplementary_groups(Path::new("/proc"), pid).contains(&group))
}

fn supplementary_groups(proc: &Path, pid: i32) -> Vec<u32> {
    let status = std::fs::read_to_string(proc.join(pid.to_string()).join("status")).unwrap_or_default();
    let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap_or_default();
    groups.split_whitespace().filter_map(|gid| gid.parse().ok()).collect()
}

/// The number of a group in /etc/group.
fn gid_of(name: &str) -> Option<u32> {
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == name).then(|| fields.nth(1)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    use super::*;
    use crate::app::board::Board;
    use crate::app::clock::Clock;
    use crate::app::tokens::TokenStore;
    use crate::http::auth::Access;

    #[tokio::test]
    async fn a_place_that_others_may_write_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/pathkeeper.sock");
        let listen = || {
            let context = Context::new(
                Arc::new(Board::new(pathkeeper_model::Instance(1))),
                pathkeeper_model::NodeName::new("pve1").unwrap(),
                Clock::start(Default::default()),
                &crate::http::store_below(dir.path()),
                Default::default(),
                Access::new(TokenStore::none(), false, None),
                tokio::sync::mpsc::channel(1).0,
            );
            let stopping = tokio::sync::watch::channel(false).1;
            unix(path.clone(), None, Limits::default(), context, stopping).map(drop)
        };
        let refused = |word: &str| {
            let why = listen().unwrap_err().to_string();
            assert!(why.contains(word), "{why}");
        };
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        listen().unwrap();
        listen().unwrap();
        let folder = path.parent().unwrap();
        for bad in [0o777, 0o1777, 0o775] {
            mode(folder, bad);
            refused("others may write it");
        }
        mode(folder, 0o755);
        mode(&path, 0o666);
        refused("is no socket of this agent's");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "somebody's").unwrap();
        refused("is no socket of this agent's");
        assert_eq!(std::fs::read(&path).unwrap(), b"somebody's", "it is left as it is");
        std::fs::remove_file(&path).unwrap();
        listen().unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(12345), None).unwrap();
            refused("(user 12345,");
            std::fs::remove_file(&path).unwrap();
            std::os::unix::fs::chown(folder, Some(12345), None).unwrap();
            refused("it belongs to user 12345");
        }
    }

    #[test]
    fn groups_are_read_from_the_kernel() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("7")).unwrap();
        std::fs::write(dir.path().join("7/status"), "Name:\tx\nGroups:\t4 27 1000 \n").unwrap();
        assert_eq!(super::supplementary_groups(dir.path(), 7), [4, 27, 1000]);
        assert_eq!(super::supplementary_groups(dir.path(), 8), [0u32; 0]);
        assert_eq!(super::gid_of("root"), Some(0));
        assert_eq!(super::gid_of("no-such-group-here"), None);
    }
}
