//! Everything that can be wrong, held against the real server's words: what a person reads says what, and what to do.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pathkeeper_io::store::etcd::EtcdConfig;
use pathkeeper_io::store::{DocumentName, Notice, StoreError, digest};
use pathkeeper_model::fresh::FRESH_KEY;
use tempfile::TempDir;

use crate::certificates::Authority;
use crate::etcd_servers::{MemberOptions, Options, Servers, Tls, free_port, loopback};
use crate::node::{config, key, member, node, online, open, put, until, value, why};

/// With these settings nothing goes, and both the put and the partial view say so in these words.
async fn fails(config: &EtcdConfig, words: &[&str]) {
    let store = open(config, "a");
    let mut last = None;
    until("the put says why", async || {
        // A server that has just begun to listen is silent at first.
        let e = store.put(key("multipath"), "x".into()).await.unwrap_err().to_string();
        let told = words.iter().all(|word| e.contains(word));
        if last.as_ref() != Some(&e) {
            println!("etcd error: {e}");
        }
        last = Some(e);
        told
    })
    .await;
    until("the view says why", async || {
        let why = why(&store).await.expect("a partial view");
        words.iter().all(|word| why.contains(word))
    })
    .await;
}

/// With these settings it goes.
async fn works(config: &EtcdConfig) {
    let store = member(config, "a").await;
    put(&store, "multipath", "x").await;
}

fn tls_servers(tls: Tls) -> Servers {
    Servers::start_with(Options {
        members: vec![MemberOptions::default()],
        tls: Some(tls),
        ..Options::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_that_is_not_there_is_named_with_the_reason() {
    let closed = format!("http://{}:{}", loopback(), free_port(loopback()));
    let plain = EtcdConfig::new(vec![closed.clone()]);
    fails(&plain, &[&closed, "nobody listens there (connection refused)", "does etcd run?"]).await;
    // A label of 64 characters is refused without asking a name server.
    let name = format!("http://{}.invalid:2379", "x".repeat(64));
    let unknown = EtcdConfig { endpoints: vec![name.clone()], ..plain.clone() };
    fails(&unknown, &[&name, "its name is unknown"]).await;
    // Somebody who takes connections and says nothing.
    let mute = std::net::TcpListener::bind((loopback(), 0)).unwrap();
    let silent = format!("http://{}", mute.local_addr().unwrap());
    fails(&EtcdConfig { endpoints: vec![silent.clone()], ..plain }, &[&silent, "no answer within"]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_certificates_that_do_not_fit_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new(dir.path(), "ours"), Authority::new(dir.path(), "theirs"));
    let host = loopback().to_string();
    {
        let servers =
            tls_servers(Tls { ca: ours.path(), server: ours.sign("server", &[&host]), client: None });
        let good = EtcdConfig { ca: Some(ours.path()), ..config(&servers) };
        works(&good).await;
        let other = EtcdConfig { ca: Some(theirs.path()), ..good.clone() };
        fails(&other, &["signed by an authority that is not in ca of [store.etcd]"]).await;
        let system = EtcdConfig { ca: None, ..good.clone() };
        fails(&system, &["not in the system's list of authorities (set ca)"]).await;
        let plain =
            EtcdConfig { endpoints: vec![servers.endpoint(0).replace("https:", "http:")], ca: None, ..good };
        fails(&plain, &["it wants TLS: write https:// into endpoints"]).await;
    }
    {
        let certificate = ours.sign("elsewhere", &["etcd.elsewhere.example"]);
        let servers = tls_servers_unchecked(Tls { ca: ours.path(), server: certificate, client: None }).await;
        let config = EtcdConfig { ca: Some(ours.path()), ..config(&servers) };
        fails(&config, &["its certificate is for other names", "etcd.elsewhere.example"]).await;
    }
    {
        let certificate = ours.sign_until("old", &[&host], 2001);
        let servers = tls_servers_unchecked(Tls { ca: ours.path(), server: certificate, client: None }).await;
        let config = EtcdConfig { ca: Some(ours.path()), ..config(&servers) };
        fails(&config, &["its certificate has run out, or is not valid yet"]).await;
    }
    {
        let client = Some(ours.sign("client", &[]));
        let server = ours.sign("demanding", &[&host]);
        let servers = tls_servers(Tls { ca: ours.path(), server, client: client.clone() });
        let none = EtcdConfig { ca: Some(ours.path()), ..config(&servers) };
        fails(&none, &["it wants a certificate from us: set cert and key"]).await;
        let other = EtcdConfig { identity: Some(theirs.sign("stranger", &[])), ..none.clone() };
        fails(&other, &["it does not accept our certificate", "--trusted-ca-file"]).await;
        let old = EtcdConfig { identity: Some(ours.sign_until("old-client", &[], 2001)), ..none.clone() };
        fails(&old, &["our certificate"]).await;
        works(&EtcdConfig { identity: client, ..none }).await;
    }
    {
        let servers = Servers::start(1);
        let endpoints = vec![servers.endpoint(0).replace("http:", "https:")];
        let config = EtcdConfig { endpoints, ca: Some(ours.path()), ..config(&servers) };
        fails(&config, &["it speaks no TLS: write http://"]).await;
    }
}

/// Servers whose certificate etcdctl takes as little as we do: they listen, and that is all that can be said.
async fn tls_servers_unchecked(tls: Tls) -> Servers {
    let servers = Servers::spawn(Options {
        members: vec![MemberOptions::default()],
        tls: Some(tls),
        ..Options::default()
    });
    let address = servers.endpoint(0).replace("https://", "");
    until("the server listens", async || std::net::TcpStream::connect(&address).is_ok()).await;
    servers
}

/// Runs what the script prints for these nodes, then switches users on.
fn grant(servers: &mut Servers, dir: &Path, args: &[&str], nodes: &[&str]) {
    for node in nodes {
        std::fs::write(dir.join(node), format!("password-of-{node}\n")).unwrap();
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/etcd-grants.sh");
    let printed = Command::new("sh")
        .arg(script)
        .args(["--endpoints", &servers.endpoints().join(","), "--passwords", &dir.to_string_lossy()])
        .args(args)
        .output()
        .unwrap();
    assert!(printed.status.success(), "{printed:?}");
    let printed = String::from_utf8(printed.stdout).unwrap();
    let ran = Command::new("sh").args(["-euc", &printed]).output().unwrap();
    assert!(ran.status.success(), "{printed}\n{ran:?}");
    servers.etcdctl(&["user", "add", "root:rootpassword"]);
    servers.etcdctl(&["user", "grant-role", "root", "root"]);
    servers.etcdctl(&["auth", "enable"]);
    servers.set_user("root:rootpassword");
}

fn user(config: &EtcdConfig, dir: &TempDir, name: &str) -> EtcdConfig {
    EtcdConfig { user: Some((format!("pathkeeper-{name}"), dir.path().join(name))), ..config.clone() }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_users_write_their_own_keys_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut servers = Servers::start(1);
    let plain = config(&servers);
    std::fs::write(dir.path().join("early"), "x").unwrap();
    fails(&user(&plain, &dir, "early"), &["its users are not switched on", "etcdctl auth enable"]).await;
    grant(&mut servers, dir.path(), &["--managing", "a", "a", "b"], &["a", "b"]);
    fails(&plain, &["it wants a user and a password"]).await;
    std::fs::write(dir.path().join("wrong"), "secret-and-wrong").unwrap();
    let wrong = EtcdConfig { user: Some(("pathkeeper-a".into(), dir.path().join("wrong"))), ..plain.clone() };
    fails(&wrong, &["it does not accept the password of user pathkeeper-a"]).await;

    let a = member(&user(&plain, &dir, "a"), "a").await;
    let b = member(&user(&plain, &dir, "b"), "b").await;
    put(&a, "multipath", "of a").await;
    put(&b, "multipath", "of b").await;
    until("a reads b's", async || value(&a, "b", "multipath").await.is_some()).await;
    a.clear(key("multipath")).await.unwrap();

    // One that may be online and may put nothing is not well, and a marker that is taken is no value.
    let values = ["pathkeeper-b", "/pathkeeper/values/b/"];
    servers.etcdctl(&["role", "revoke-permission", "--prefix", values[0], values[1]]);
    let e = b.put(key("multipath"), "more of b".into()).await.unwrap_err();
    assert!(matches!(e, StoreError::Refused(_)), "{e}");
    put(&b, FRESH_KEY, "marker").await;
    until("its view says why", async || {
        let why = why(&b).await.unwrap_or_default();
        why.contains("does not allow user pathkeeper-b to write /pathkeeper/values/b/multipath")
    })
    .await;
    assert!(online(&a.members().await.unwrap(), "b"));
    servers.etcdctl(&["role", "grant-permission", "--prefix", values[0], "readwrite", values[1]]);
    put(&b, "multipath", "of b").await;
    until("its view is whole", async || why(&b).await.is_none()).await;

    // A stolen password of b does not speak for a, wherever it is used.
    let thief = open(&user(&plain, &dir, "b"), "a");
    let e = thief.put(key("multipath-node"), "stolen".into()).await.unwrap_err();
    println!("etcd error: {e}");
    assert!(matches!(e, StoreError::Refused(_)), "{e}");
    for word in ["user pathkeeper-b", "write /pathkeeper/values/a/multipath", "etcd-grants.sh"] {
        assert!(e.to_string().contains(word), "{word:?} in: {e}");
    }
    assert_eq!(value(&b, "a", "multipath-node").await, None);
    until("its view says why", async || {
        let why = why(&thief).await.unwrap_or_default();
        why.contains("does not allow user pathkeeper-b to write /pathkeeper/alive/a")
    })
    .await;
    // It tries again every 2 s, and leaves no lease behind each time: those of a, of b, and one.
    for _ in 0..12 {
        let leases = servers.etcdctl(&["lease", "list"]);
        assert!(leases.lines().count() <= 4, "{leases}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let e = thief.forget(node("b")).await.unwrap_err();
    assert!(matches!(e, StoreError::Refused(_)), "b is online: {e}");

    // Documents are for the nodes that people manage from.
    let name = DocumentName::new("multipath.cfg").unwrap();
    let absent = digest(b"");
    let e = b.write(name.clone(), Some("x".into()), absent.clone()).await.unwrap_err();
    assert!(e.to_string().contains("write /pathkeeper/documents/multipath.cfg"), "{e}");
    a.write(name.clone(), Some("x".into()), absent).await.unwrap();
    assert_eq!(b.read(name).await.unwrap().bytes.as_deref(), Some(&b"x"[..]));

    // A node leaves with its own user.
    b.leave().await.unwrap();
    until("b is offline", async || !online(&a.members().await.unwrap(), "b")).await;
    let e = a.forget(node("b")).await.unwrap_err();
    println!("etcd error: {e}");
    for word in ["does not allow user pathkeeper-a", "etcdctl del --prefix /pathkeeper/values/b/;"] {
        assert!(e.to_string().contains(word), "{word:?} in: {e}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_logs_in_again_when_its_word_has_run_out_or_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let mut servers = Servers::start_with(Options {
        members: vec![MemberOptions::default(); 3],
        args: vec!["--auth-token-ttl=2".into()],
        tls: None,
    });
    grant(&mut servers, dir.path(), &["a", "b"], &["a", "b"]);
    let plain = config(&servers);
    let a = member(&user(&plain, &dir, "a"), "a").await;
    let b = member(&user(&plain, &dir, "b"), "b").await;
    let flows = async |text: &str| {
        let began = Instant::now();
        put(&a, "multipath", text).await;
        until("b sees it", async || value(&b, "a", "multipath").await.as_deref() == Some(text.as_bytes()))
            .await;
        began.elapsed()
    };
    flows("first").await;
    // Twice the life of a token: no call kept it.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let within = flows("after the token ran out").await;
    println!("etcd token run out: put and seen within {within:?}");
    assert_eq!(why(&a).await, None);
    for index in 0..3 {
        servers.stop(index);
    }
    for index in 0..3 {
        servers.start_member(index);
    }
    let within = flows("after all servers forgot it").await;
    println!("etcd tokens forgotten: put and seen {within:?} after the last server was started");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn etcd_that_is_full_says_so_before_and_after() {
    let servers = Servers::start_with(Options {
        members: vec![MemberOptions::default()],
        args: vec!["--quota-backend-bytes=8388608".into()],
        tls: None,
    });
    let config = config(&servers);
    let a = member(&config, "a").await;
    put(&a, "multipath", "before").await;
    assert_eq!(a.notices(), []);
    let large = "x".repeat(32_000);
    let mut error = None;
    for n in 0..2_000 {
        match a.put(key(&format!("filler-{}", n % 4)), large.clone().into()).await {
            Ok(()) => {}
            Err(e) => {
                error = Some(e);
                break;
            }
        }
    }
    let e = error.expect("a database of 8 MiB is full after 64 MiB");
    println!("etcd error: {e}");
    assert!(matches!(e, StoreError::Refused(_)), "{e}");
    for word in ["its database is full", "--quota-backend-bytes", "alarm disarm"] {
        assert!(e.to_string().contains(word), "{word:?} in: {e}");
    }
    assert!(matches!(a.notices()[..], [Notice::Space { full: true, .. }]), "{:?}", a.notices());
    // It still reads, keeps its lease, and knows that nothing is wrong with the picture.
    assert_eq!(why(&a).await, None);
    assert_eq!(value(&a, "a", "multipath").await.as_deref(), Some(&b"before"[..]));
    // A node that starts now cannot become a member, and its view says why.
    let b = open(&config, "b");
    b.put(key("multipath-node"), "{}".into()).await.unwrap_err();
    until("the newcomer says why", async || {
        why(&b).await.is_some_and(|why| why.contains("its database is full"))
    })
    .await;
    // What the docs tell people to do.
    let status = servers.etcdctl(&["get", "x", "-w", "json"]);
    let json: serde_json::Value = serde_json::from_str(&status).unwrap();
    servers.etcdctl(&["compact", &json["header"]["revision"].to_string()]);
    servers.etcdctl(&["defrag"]);
    servers.etcdctl(&["alarm", "disarm"]);
    put(&a, "multipath", "after").await;
    put(&b, "multipath-node", "{}").await;
    assert_eq!(a.notices(), [], "the next look at its size, or a write that goes through");
    until("the newcomer is a member", async || online(&a.members().await.unwrap(), "b")).await;
}
