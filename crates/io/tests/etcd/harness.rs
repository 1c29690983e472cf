//! The harness itself: a real cluster comes up, loses its leader, hangs, and comes back with what it held.

use crate::etcd_servers::Servers;

#[test]
#[ignore = "needs etcd"]
fn etcd_cluster_survives_what_the_harness_does_to_it() {
    let mut servers = Servers::start(3);
    servers.etcdctl(&["put", "a", "1"]);
    let leader = servers.leader();
    servers.kill(leader);
    let next = servers.leader();
    assert_ne!(next, leader);
    servers.pause(next);
    assert!(!servers.leads(next), "a paused member gives no answer");
    servers.resume(next);
    servers.start_member(leader);
    servers.wait_healthy();
    for index in 0..3 {
        servers.stop(index);
    }
    for index in 0..3 {
        servers.start_member(index);
    }
    servers.wait_healthy();
    assert_eq!(servers.etcdctl(&["get", "a", "--print-value-only"]), "1\n");
}
