//! Certificates that change, hang, break and end while the agent runs.

use std::path::Path;
use std::time::Duration;

use pathkeeper::app::clock::{Clock, ClockOffset};
use pathkeeper::tls::{Keeper, Names, Own, Source};
use pathkeeper_api::client::{Address, Client, Trust};
use pathkeeper_model::NodeName;
use rustls::version::{TLS12, TLS13};
use tokio::io::AsyncWriteExt;

use super::lab::{Authority, Lab, PATIENCE, limits, tcp, until_closed};

/// Whom the server's certificate names, as a client sees it.
async fn named(lab: &Lab, name: &str) -> bool {
    let stream = tcp("127.0.0.1", lab.address).await.unwrap();
    let name = name.to_owned().try_into().unwrap();
    lab.authority.as_ref().unwrap().connector(&[]).connect(name, stream).await.is_ok()
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_restart_and_a_bad_one_is_not() {
    let lab = Lab::tls(limits()).await;
    let (certificate, key) = (lab.dir.path().join("node.pem"), lab.dir.path().join("node.key"));
    let authority = lab.authority.as_ref().unwrap();
    let keeper = lab.app.certificate.clone().unwrap();
    let before = lab.connect().await;
    let reload = || async {
        let keeper = keeper.clone();
        tokio::task::spawn_blocking(move || keeper.reload()).await.unwrap()
    };
    assert_eq!(reload().await, Ok(()), "the same again");
    authority.sign(&["second", "localhost"], 2020, 2100).write(&certificate, &key);
    assert!(!named(&lab, "second").await, "not before it is read");
    assert_eq!(reload().await, Ok(()));
    assert!(named(&lab, "second").await);
    let third = authority.sign(&["third"], 2020, 2100);
    let write = |to: &Path, text: &str| std::fs::write(to, text).unwrap();
    type Spoil<'a> = (&'a str, Box<dyn Fn() + 'a>, &'a str);
    let over = authority.sign(&["third"], 2020, 2021);
    let early = authority.sign(&["third"], 2090, 2100);
    let cases: Vec<Spoil<'_>> = vec![
        (
            "the key of the one before",
            Box::new(|| write(&certificate, &third.certificate)),
            "is not the key of",
        ),
        ("half a file", Box::new(|| write(&certificate, &third.certificate[..300])), "is no PEM file"),
        ("an empty file", Box::new(|| write(&certificate, "")), "holds no certificate"),
        ("no file", Box::new(|| std::fs::remove_file(&certificate).unwrap()), "is not there"),
        ("one that is over", Box::new(|| over.write(&certificate, &key)), "ended on 2021-01-01"),
        (
            "one that does not count yet",
            Box::new(|| early.write(&certificate, &key)),
            "counts only from 2090",
        ),
    ];
    for (what, spoil, words) in cases {
        spoil();
        let told = reload().await;
        assert!(told.as_ref().is_err_and(|why| why.contains(words)), "{what}: {told:?}");
        assert!(named(&lab, "second").await, "{what}: the one before is shown on");
    }
    third.write(&certificate, &key);
    assert_eq!(reload().await, Ok(()));
    assert!(named(&lab, "third").await && !named(&lab, "second").await);
    // Who was connected stays so.
    let mut before = before;
    before.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(until_closed(&mut before).await.starts_with("HTTP/1.1 200"));
    lab.app.stop().await;
}

#[tokio::test]
async fn a_bad_certificate_at_the_start_is_refused_and_one_that_is_over_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = (dir.path().join("c"), dir.path().join("k"));
    let start = || {
        let source = Source::Files { certificate: certificate.clone(), key: key.clone() };
        Keeper::start(source, Clock::start(ClockOffset::default()), PATIENCE)
    };
    assert!(start().unwrap_err().contains("is not there"));
    let authority = Authority::new();
    authority.sign(&["localhost"], 2020, 2021).write(&certificate, &key);
    // Whoever has nothing better may still look, and is told by each client.
    let keeper = start().unwrap();
    assert!(keeper.pair().is_some());
}

#[tokio::test]
async fn files_that_hang_hold_nothing_up_and_are_shown_when_they_come() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let signed = authority.sign(&["localhost"], 2020, 2100);
    let (pem, key) = (dir.path().join("pve-ssl.pem"), dir.path().join("pve-ssl.key"));
    std::fs::write(&key, &signed.key).unwrap();
    // A pipe that nobody writes hangs whoever opens it, as /etc/pve does without a quorum.
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    std::fs::hard_link(&pipe, &pem).unwrap();
    let source = Source::Proxmox { dir: dir.path().to_owned() };
    let keeper =
        Keeper::start(source, Clock::start(ClockOffset::default()), Duration::from_millis(50)).unwrap();
    assert!(keeper.pair().is_none());
    assert!(keeper.reload().unwrap_err().contains("its files hang"));
    // The next look finds a file again; then the one that hangs comes to its end.
    std::fs::write(dir.path().join("new"), &signed.certificate).unwrap();
    std::fs::rename(dir.path().join("new"), &pem).unwrap();
    tokio::task::spawn_blocking(move || std::fs::write(pipe, signed.certificate).unwrap()).await.unwrap();
    while keeper.pair().is_none() {
        tokio::task::yield_now().await;
    }
    // Proxmox VE's other certificate goes first where it is.
    let custom = authority.sign(&["custom"], 2020, 2100);
    custom.write(&dir.path().join("pveproxy-ssl.pem"), &dir.path().join("pveproxy-ssl.key"));
    while !keeper.pair().unwrap().is_for(&"custom".try_into().unwrap()) {
        let keeper = keeper.clone();
        let _ = tokio::task::spawn_blocking(move || keeper.reload()).await.unwrap();
    }
}

#[tokio::test]
async fn a_node_makes_its_own_and_a_client_with_its_authority_gets_in() {
    let dir = tempfile::tempdir().unwrap();
    let names = Names {
        node: NodeName::new("pve1").unwrap(),
        host: "pve1.example.org".into(),
        listen: [127, 0, 0, 1].into(),
        more: vec![],
        proc: "/proc".into(),
    };
    let own = Own { dir: dir.path().join("tls"), names };
    let file = own.authority();
    let lab = Lab::start(dir, limits(), Some(Source::Own(own)), None).await;
    let trust = || Trust::pem(&std::fs::read(&file).unwrap()).unwrap();
    for host in ["127.0.0.1", "localhost"] {
        let address = Address::Tls(format!("{host}:{}", lab.address.port()));
        let client = Client::new(address, PATIENCE).trusting(trust());
        client.version().await.unwrap();
    }
    lab.app.stop().await;
}

#[tokio::test]
async fn tls_is_1_2_or_1_3_and_nothing_older() {
    let lab = Lab::tls(limits()).await;
    for version in [&TLS12, &TLS13] {
        let stream = tcp("127.0.0.1", lab.address).await.unwrap();
        let connector = lab.authority.as_ref().unwrap().connector(&[version]);
        let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
    }
    // A whole ClientHello of TLS 1.1 and of 1.0 (RFC 4346, section 7.4.1.2), with a cipher of theirs.
    for minor in [2, 1] {
        let mut hello = vec![3, minor];
        hello.extend([7; 32]);
        hello.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
        let mut record = vec![0x16, 3, 1, 0, hello.len() as u8 + 4, 1, 0, 0, hello.len() as u8];
        record.extend(hello);
        let mut stream = tcp("127.0.0.1", lab.address).await.unwrap();
        stream.write_all(&record).await.unwrap();
        let mut answer = Vec::new();
        use tokio::io::AsyncReadExt;
        let read = stream.read_to_end(&mut answer);
        tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
        // A fatal alert: protocol_version, or handshake_failure where it looks at the extensions first.
        assert_eq!((answer[0], answer[5]), (0x15, 2), "{answer:?}");
        assert!([70, 40].contains(&answer[6]), "{answer:?}");
    }
    lab.app.stop().await;
}
