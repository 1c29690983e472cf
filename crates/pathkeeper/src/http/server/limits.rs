//! What a door gives to its peers at most.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Peer;

/// One door's limits. Headers are at most 100 besides: hyper's own bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are open at the same time.
    pub connections_max: usize,
    /// Of these, by one address; of IPv6, by one network of 64 bits, since whoever has one address has them all.
    pub connections_per_peer_max: usize,
    /// The TLS handshake ends within this.
    pub handshake: Duration,
    /// A request's headers are there within this, counted from their first byte, or from the connection's beginning.
    pub headers: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// From a request's headers to the beginning of its answer, its body included.
    pub request: Duration,
    /// An answer is read to its end within this; an event stream has no end.
    pub answer: Duration,
    /// What was sent is taken by the other side within this.
    pub unread: Duration,
    /// After a refusal the other side closes within this.
    pub closing: Duration,
    /// Request line and headers, bytes; at least 8192.
    pub header_bytes_max: usize,
    /// A request's body, bytes.
    pub body_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 512,
            connections_per_peer_max: 64,
            handshake: Duration::from_secs(10),
            headers: Duration::from_secs(10),
            // Longer than scrapers wait between two scrapes: with TLS each new connection costs a handshake.
            idle: Duration::from_secs(75),
            request: Duration::from_secs(30),
            answer: Duration::from_secs(300),
            unread: Duration::from_secs(30),
            closing: Duration::from_secs(1),
            header_bytes_max: 16 * 1024,
            body_bytes_max: 1 << 20,
        }
    }
}

impl Limits {
    /// The same for the command line's socket: no peer there has an address, and all of them are on this machine.
    pub(super) fn for_socket(self) -> Self {
        Self { connections_max: self.connections_max.min(256), ..self }
    }
}

/// A peer that has too many connections is told of in the log once in this time.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Places for connections.
#[derive(Debug)]
pub(super) struct Rooms {
    all: Arc<Semaphore>,
    per_peer_max: usize,
    peers: Arc<Mutex<Peers>>,
}

#[derive(Debug, Default)]
struct Peers {
    /// The standard hasher: whoever connects chooses the keys.
    open: HashMap<IpAddr, usize>,
    told: Option<Instant>,
}

/// One connection's place; free when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _one_of_all: OwnedSemaphorePermit,
    peer: Option<(IpAddr, Arc<Mutex<Peers>>)>,
}

impl Rooms {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.connections_max)),
            per_peer_max: limits.connections_per_peer_max,
            peers: Arc::default(),
        }
    }

    /// Waits for a place. What comes meanwhile waits in the kernel.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.all.clone().acquire_owned().await.ok()
    }

    /// The place, if this peer has not as many as one may have.
    pub(super) fn of_peer(&self, place: Option<OwnedSemaphorePermit>, peer: &Peer) -> Option<Place> {
        let place = place?;
        let Peer::Tcp { address, .. } = peer else {
            return Some(Place { _one_of_all: place, peer: None });
        };
        let network = network_of(address.ip());
        let mut peers = lock(&self.peers);
        let open = peers.open.entry(network).or_default();
        if *open >= self.per_peer_max {
            let now = Instant::now();
            if peers.told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY) {
                peers.told = Some(now);
                tracing::warn!(
                    "{network} has {} connections, as many as one peer may have: further ones are closed",
                    self.per_peer_max
                );
            }
            return None;
        }
        *open += 1;
        Some(Place { _one_of_all: place, peer: Some((network, self.peers.clone())) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((network, peers)) = &self.peer else { return };
        let mut peers = lock(peers);
        if let Some(open) = peers.open.get_mut(network) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                peers.open.remove(network);
            }
        }
    }
}

/// Nothing panics while it is held, so what it holds is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whom an address stands for.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_has_so_many_places_and_another_has_its_own() {
        let limits = Limits { connections_max: 5, connections_per_peer_max: 2, ..Limits::default() };
        let rooms = Rooms::new(&limits);
        let peer = |address: &str| Peer::Tcp { address: address.parse().unwrap(), encrypted: true };
        let first = rooms.of_peer(rooms.place().await, &peer("10.0.0.1:1"));
        let mapped = rooms.of_peer(rooms.place().await, &peer("[::ffff:10.0.0.1]:2"));
        assert!(first.is_some() && mapped.is_some());
        assert!(rooms.of_peer(rooms.place().await, &peer("10.0.0.1:3")).is_none());
        let other = rooms.of_peer(rooms.place().await, &peer("10.0.0.2:1"));
        assert!(other.is_some());
        drop(mapped);
        assert!(
            rooms.of_peer(rooms.place().await, &peer("10.0.0.1:4")).is_some(),
            "a place that is free again"
        );
        drop((first, other));
        assert!(lock(&rooms.peers).open.is_empty(), "nothing is kept of who is gone");
        assert_eq!(rooms.all.available_permits(), 5);
    }

    #[test]
    fn one_network_of_ipv6_is_one_peer() {
        let check = |address: &str, expect: &str| {
            assert_eq!(network_of(address.parse().unwrap()).to_string(), expect, "{address}");
        };
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
        check("2001:db8:1:2::9", "2001:db8:1:2::");
        check("10.1.2.3", "10.1.2.3");
        check("::ffff:10.1.2.3", "10.1.2.3");
    }
}
