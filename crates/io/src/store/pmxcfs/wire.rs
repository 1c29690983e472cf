//! The requests of pmxcfs's IPC and its replies, as bytes. Pure; any bytes may come back.
//!
//! A request is a header of 16 bytes (id, size; each an `i32` in 8 bytes) and its payload, a reply one of 24 bytes (id,
//! size, error) and its data; numbers are in the machine's own order. Texts are NUL-terminated, names fields of 256
//! bytes. pmxcfs checks sizes to the byte.

use bytes::Bytes;
use rustix::io::Errno;

const REQUEST_HEADER_BYTES: usize = 16;
const REPLY_HEADER_BYTES: usize = 24;
/// A name and its NUL; pmxcfs cuts longer ones silently.
const NAME_BYTES: usize = 256;

/// What pmxcfs can be asked by us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// 1: counters of all that changes, as JSON.
    FsVersion,
    /// 2: the cluster's members, as JSON.
    ClusterInfo,
    /// 3: all guests, as JSON.
    GuestList,
    /// 4: sets one of this node's status values; no bytes remove it.
    SetStatus {
        /// The value's whole name, with `kv/`.
        name: String,
        /// At most 32 KiB.
        data: Bytes,
    },
    /// 5: one node's status value.
    GetStatus {
        /// The value's whole name.
        name: String,
        /// Whose.
        node: String,
    },
    /// 6: a file's content.
    GetConfig {
        /// Its path below the mount.
        path: String,
    },
}

/// A reply that is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadReply {
    /// It is shorter than a header, or than its header says.
    Short,
    /// It answers another request.
    OtherId(i32),
}

impl Request {
    /// Its number.
    pub fn id(&self) -> i32 {
        match self {
            Request::FsVersion => 1,
            Request::ClusterInfo => 2,
            Request::GuestList => 3,
            Request::SetStatus { .. } => 4,
            Request::GetStatus { .. } => 5,
            Request::GetConfig { .. } => 6,
        }
    }

    /// What it asks, for people.
    pub fn what(&self) -> String {
        match self {
            Request::FsVersion => "what has changed".into(),
            Request::ClusterInfo => "the members".into(),
            Request::GuestList => "the guests".into(),
            Request::SetStatus { name, data } if data.is_empty() => format!("clear {name}"),
            Request::SetStatus { name, data } => format!("set {name} ({} bytes)", data.len()),
            Request::GetStatus { name, node } => format!("{name} of {node}"),
            Request::GetConfig { path } => format!("the file {path}"),
        }
    }

    /// Its bytes. A name that does not fit its field is [`Errno::NAMETOOLONG`], and one with a NUL [`Errno::INVAL`].
    pub fn encode(&self) -> Result<Vec<u8>, Errno> {
        let mut out = vec![0; REQUEST_HEADER_BYTES];
        match self {
            Request::FsVersion | Request::ClusterInfo | Request::GuestList => {}
            Request::SetStatus { name, data } => {
                push_name(&mut out, name)?;
                out.extend_from_slice(data);
            }
            Request::GetStatus { name, node } => {
                push_name(&mut out, name)?;
                push_name(&mut out, node)?;
            }
            Request::GetConfig { path } => {
                check_text(path)?;
                out.extend_from_slice(path.as_bytes());
                out.push(0);
            }
        }
        let size = i32::try_from(out.len()).map_err(|_| Errno::TOOBIG)?;
        for (at, number) in [(0, self.id()), (8, size)] {
            if let Some(field) = out.get_mut(at..at + 4) {
                field.copy_from_slice(&number.to_ne_bytes());
            }
        }
        Ok(out)
    }

    /// Reads the reply to this request: its data, or the error that pmxcfs gave.
    pub fn decode(&self, reply: &[u8]) -> Result<Result<Bytes, Errno>, BadReply> {
        let number =
            |at: usize| -> Option<i32> { Some(i32::from_ne_bytes(*reply.get(at..)?.first_chunk()?)) };
        let (Some(id), Some(size), Some(error)) = (number(0), number(8), number(16)) else {
            return Err(BadReply::Short);
        };
        if id != self.id() {
            return Err(BadReply::OtherId(id));
        }
        if error != 0 {
            let code = error.unsigned_abs();
            let known = i32::try_from(code).ok().filter(|code| (1..4096).contains(code));
            return Ok(Err(known.map_or(Errno::IO, Errno::from_raw_os_error)));
        }
        let data = usize::try_from(size).ok().and_then(|size| reply.get(REPLY_HEADER_BYTES..size));
        data.map(|data| Ok(Bytes::copy_from_slice(data))).ok_or(BadReply::Short)
    }
}

fn push_name(out: &mut Vec<u8>, name: &str) -> Result<(), Errno> {
    check_text(name)?;
    let end = out.len() + NAME_BYTES;
    if name.len() >= NAME_BYTES {
        return Err(Errno::NAMETOOLONG);
    }
    out.extend_from_slice(name.as_bytes());
    out.resize(end, 0);
    Ok(())
}

fn check_text(text: &str) -> Result<(), Errno> {
    if text.contains('\0') { Err(Errno::INVAL) } else { Ok(()) }
}

/// An error of pmxcfs in words, with what to do where that is known.
pub fn words(error: Errno) -> String {
    let known = match error {
        Errno::PERM => "not permitted: pmxcfs lets only root (user 0, group 0) write",
        Errno::FBIG => "too large: pmxcfs takes 32 KiB a value and 1 MiB a file",
        Errno::ACCESS => "read-only: this node has no quorum",
        Errno::NOENT => "there is none",
        Errno::CHRNG => "pmxcfs does not know this request",
        Errno::CONNREFUSED => "nobody listens: is pve-cluster running? (systemctl status pve-cluster)",
        Errno::NOTCONN | Errno::PIPE | Errno::CONNRESET => "pmxcfs closed the connection",
        Errno::AGAIN => "pmxcfs has more requests than it takes",
        Errno::TIMEDOUT => "pmxcfs does not answer",
        _ => "",
    };
    if known.is_empty() { std::io::Error::from(error).to_string() } else { known.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(id: i32, size: i32, error: i32, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [id, size, error] {
            out.extend(number.to_ne_bytes());
            out.extend([0; 4]);
        }
        out.extend(data);
        out
    }

    #[test]
    fn pmxcfs_requests_have_the_sizes_that_are_checked_to_the_byte() {
        let field = |at: usize, bytes: &[u8]| i32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap());
        let set = |data: &'static [u8]| Request::SetStatus { name: "kv/multipath".into(), data: data.into() };
        let get = Request::GetStatus { name: "kv/multipath".into(), node: "pve1".into() };
        let cases = [
            (Request::FsVersion, 1, 16),
            (Request::ClusterInfo, 2, 16),
            (set(b"{}\0"), 4, 16 + 256 + 3),
            (set(b""), 4, 16 + 256),
            (get.clone(), 5, 16 + 512),
            (Request::GetConfig { path: "corosync.conf".into() }, 6, 16 + 14),
        ];
        for (request, id, size) in cases {
            let bytes = request.encode().unwrap();
            assert_eq!(
                (field(0, &bytes), field(8, &bytes), bytes.len()),
                (id, size as i32, size),
                "{request:?}"
            );
        }
        let bytes = get.encode().unwrap();
        assert_eq!(&bytes[16..16 + 13], b"kv/multipath\0");
        assert_eq!(&bytes[16 + 256..16 + 256 + 5], b"pve1\0");
    }

    #[test]
    fn pmxcfs_names_that_would_be_cut_are_refused() {
        let get = |node: &str| Request::GetStatus { name: "kv/x".into(), node: node.into() }.encode();
        assert!(get(&"n".repeat(255)).is_ok());
        assert_eq!(get(&"n".repeat(256)), Err(Errno::NAMETOOLONG));
        assert_eq!(get("a\0b"), Err(Errno::INVAL));
    }

    #[test]
    fn pmxcfs_replies_are_read_or_refused_whatever_comes() {
        let ask = Request::FsVersion;
        assert_eq!(ask.decode(&reply(1, 27, 0, b"abc")), Ok(Ok("abc".into())));
        assert_eq!(
            ask.decode(&reply(1, 26, 0, b"abc")),
            Ok(Ok("ab".into())),
            "what lies behind the size is no data"
        );
        assert_eq!(ask.decode(&reply(1, 24, -2, b"")), Ok(Err(Errno::NOENT)));
        assert_eq!(ask.decode(&reply(2, 24, 0, b"")), Err(BadReply::OtherId(2)));
        for size in [i32::MIN, -1, 0, 23, 28, i32::MAX] {
            assert_eq!(ask.decode(&reply(1, size, 0, b"abc")), Err(BadReply::Short), "{size}");
        }
        for error in [i32::MIN, i32::MAX] {
            assert_eq!(ask.decode(&reply(1, 24, error, b"")), Ok(Err(Errno::IO)));
        }
        for length in 0..24 {
            assert_eq!(ask.decode(&reply(1, 24, 0, b"")[..length]), Err(BadReply::Short));
        }
    }
}
