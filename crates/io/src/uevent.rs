//! Kernel uevents: what makes the agent look at once instead of at the next poll.
//!
//! An event is a trigger and never the truth: when two paths fail together their events arrive in the wrong order nearly
//! always, and a changed table bears only a cookie. Nothing is coalesced here.

mod packet;

pub use packet::{Uevent, parse, trigger};

use crate::ready;
use pathkeeper_model::Wwid;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{self, AddressFamily, RecvFlags, SocketFlags, SocketType, sockopt};
use std::io;
use tokio::io::unix::AsyncFd;

/// The kernel's own multicast group; group 2 is udev's.
const KERNEL_GROUP: u32 = 1;
/// Room for events while nobody reads: a fabric that fails makes thousands at once.
const RECEIVE_BYTES: usize = 8 << 20;
/// Longer than any event: the kernel's own buffer is 2,048 bytes and the device's path.
const PACKET_BYTES: usize = 16 << 10;

/// A reason to look at the node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trigger {
    /// A device-mapper device changed: a path failed or came back, a table was loaded, a map came or went.
    Maps {
        /// The LUN, where the event names one.
        wwid: Option<Wwid>,
        /// Which device and what, for logs: `dm-0 PATH_FAILED 8:0`.
        what: String,
    },
    /// A path device, adapter or session came, went or changed its size or access state: facts that were kept may be old.
    Devices {
        /// Which device and what, for logs: `sda remove`.
        what: String,
    },
    /// Events were lost: look at everything.
    Resync,
    /// No further event will come, why in words. It is given once; polling goes on without events.
    Broken(String),
}

/// Where kernel uevents come from.
#[derive(Debug)]
pub struct UeventSource {
    socket: Option<AsyncFd<OwnedFd>>,
    packet: Vec<u8>,
}

impl UeventSource {
    /// Listens; must be called within a tokio runtime. Needs no privilege, but the host's network namespace.
    pub fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let kind = Some(netlink::KOBJECT_UEVENT);
        let socket = net::socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, kind)?;
        // Only root may go over the system's limit.
        if sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BYTES).is_err() {
            sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BYTES)?;
        }
        net::bind(&socket, &SocketAddrNetlink::new(0, KERNEL_GROUP))?;
        Ok(Self { socket: Some(ready::readable(socket)?), packet: vec![0; PACKET_BYTES] })
    }

    /// The next event that concerns us. May be dropped at any time without losing one.
    pub async fn next(&mut self) -> Trigger {
        loop {
            match self.receive().await {
                Received::Packet(length) => {
                    let bytes = self.packet.get(..length).unwrap_or_default();
                    if let Some(found) = parse(bytes).and_then(|event| trigger(&event)) {
                        return found;
                    }
                }
                Received::Lost => return Trigger::Resync,
                Received::Stranger => {}
                Received::Failed(error) => {
                    self.socket = None;
                    return Trigger::Broken(format!("kernel events cannot be received: {error}"));
                }
            }
        }
    }

    async fn receive(&mut self) -> Received {
        let Some(socket) = &self.socket else { return std::future::pending().await };
        loop {
            let mut guard = match socket.readable().await {
                Ok(guard) => guard,
                Err(error) => return Received::Failed(error),
            };
            match guard.try_io(|socket| take(socket.get_ref(), &mut self.packet)) {
                Ok(Ok(Received::Stranger)) | Err(_) => {}
                Ok(Ok(received)) => return received,
                Ok(Err(error)) => return Received::Failed(error),
            }
        }
    }
}

#[derive(Debug)]
enum Received {
    /// A packet from the kernel of so many bytes.
    Packet(usize),
    /// Somebody else sent one.
    Stranger,
    /// The kernel dropped some.
    Lost,
    Failed(io::Error),
}

/// Takes one packet that is there; `WouldBlock` if there is none.
fn take(socket: &OwnedFd, packet: &mut [u8]) -> io::Result<Received> {
    match net::recvfrom(socket, &mut *packet, RecvFlags::TRUNC) {
        // The whole length is told even where the packet was longer than our room.
        Ok((_, length, _)) if length > packet.len() => Ok(Received::Lost),
        Ok((_, length, from)) => {
            // Anybody may send to this socket; the kernel's own port is 0 and cannot be forged.
            let from = from.and_then(|from| SocketAddrNetlink::try_from(from).ok());
            Ok(if from.is_some_and(|from| from.pid() == 0) {
                Received::Packet(length)
            } else {
                Received::Stranger
            })
        }
        Err(Errno::NOBUFS) => Ok(Received::Lost),
        // Nothing was taken; the caller comes again.
        Err(Errno::INTR) => Ok(Received::Stranger),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `echo change > …/uevent` makes the kernel send a synthetic event: a true round through the kernel.
    #[tokio::test]
    async fn receives_an_event_of_the_kernel() {
        let mut source = UeventSource::open().unwrap();
        if let Err(error) = std::fs::write("/sys/class/net/lo/uevent", "change") {
            eprintln!("SKIPPED: no synthetic uevent can be made here ({error}); root is needed");
            return;
        }
        let found = async {
            loop {
                match source.receive().await {
                    Received::Packet(length) => {
                        let event = parse(&source.packet[..length]).unwrap();
                        if event.devpath.ends_with("/lo") {
                            return (event.action.to_owned(), event.get("SUBSYSTEM").map(str::to_owned));
                        }
                    }
                    Received::Lost | Received::Stranger => {}
                    Received::Failed(error) => panic!("{error}"),
                }
            }
        };
        let bound = std::time::Duration::from_secs(20);
        let Ok((action, subsystem)) = tokio::time::timeout(bound, found).await else {
            // In another user or network namespace the kernel tells only its owner.
            eprintln!("SKIPPED: the kernel's event did not reach this network namespace");
            return;
        };
        assert_eq!((action.as_str(), subsystem.as_deref()), ("change", Some("net")));
    }

    /// More events than there is room for: the socket says once that some are lost, and that is to look at everything.
    #[tokio::test]
    async fn lost_events_are_told() {
        let source = UeventSource::open().unwrap();
        let socket = source.socket.as_ref().unwrap().get_ref();
        sockopt::set_socket_recv_buffer_size(socket, 1).unwrap();
        for _ in 0..200 {
            if let Err(error) = std::fs::write("/sys/class/net/lo/uevent", "change") {
                eprintln!("SKIPPED: no synthetic uevent can be made here ({error}); root is needed");
                return;
            }
        }
        let mut packet = vec![0; PACKET_BYTES];
        loop {
            match take(socket, &mut packet) {
                Ok(Received::Lost) => break,
                Ok(_) => {}
                Err(error) => {
                    // Only in a network namespace that the kernel's events do not reach.
                    eprintln!("SKIPPED: the kernel's events did not reach this network namespace ({error})");
                    break;
                }
            }
        }
    }

    /// Another process may send to our port: it must not count.
    #[tokio::test]
    async fn events_of_others_are_dropped() {
        let mut source = UeventSource::open().unwrap();
        let own = net::getsockname(source.socket.as_ref().unwrap().get_ref()).unwrap();
        let own = SocketAddrNetlink::try_from(own).unwrap();
        let other = net::socket_with(
            AddressFamily::NETLINK,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            Some(netlink::KOBJECT_UEVENT),
        )
        .unwrap();
        let forged = b"change@/devices/virtual/block/dm-0\0ACTION=change\0DEVPATH=/devices/virtual/block/dm-0\0SUBSYSTEM=block\0DEVNAME=dm-0\0";
        match net::sendto(&other, forged, net::SendFlags::empty(), &SocketAddrNetlink::new(own.pid(), 0)) {
            Ok(_) => {
                // It is in the queue now, perhaps behind true events.
                let socket = source.socket.as_ref().unwrap().get_ref();
                loop {
                    match take(socket, &mut source.packet).unwrap() {
                        Received::Stranger => break,
                        Received::Packet(length) => {
                            assert!(!source.packet.starts_with(&forged[..length.min(40)]))
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
            // The kernel does not even pass it on.
            Err(error) => eprintln!("the kernel refused the forged event: {error}"),
        }
    }
}
