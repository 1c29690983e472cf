//! The client's side: whom it believes, what it says where it does not, and to whom it shows a token.

use pathkeeper::tls::Source;
use pathkeeper_api::client::{Address, Client, Distrust, Error, Token, Trust};

use super::lab::{Authority, Lab, PATIENCE, limits};

/// A server with a certificate for these names and years, and what a client says of it that asks `https://127.0.0.1`.
async fn asked(names: &[&str], from: i32, to: i32, known: bool) -> Result<(), Distrust> {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (certificate, key) = (dir.path().join("c"), dir.path().join("k"));
    authority.sign(names, from, to).write(&certificate, &key);
    let lab = Lab::start(dir, limits(), Some(Source::Files { certificate, key }), None).await;
    let trusted = if known { &authority } else { &Authority::new() };
    let trust = Trust::pem(trusted.pem.as_bytes()).unwrap();
    let client = Client::new(Address::Tls(lab.address.to_string()), PATIENCE).trusting(trust);
    let answer = client.version().await;
    lab.app.stop().await;
    match answer {
        Ok(_) => Ok(()),
        Err(Error::Distrust { why, .. }) => Err(why),
        Err(e) => panic!("{e}"),
    }
}

#[tokio::test]
async fn a_client_believes_nobody_without_reason_and_says_which() {
    assert_eq!(asked(&["127.0.0.1"], 2020, 2100, true).await, Ok(()));
    assert_eq!(asked(&["127.0.0.1"], 2020, 2100, false).await, Err(Distrust::Authority));
    assert_eq!(asked(&["127.0.0.1"], 2020, 2021, true).await, Err(Distrust::Expired));
    assert_eq!(asked(&["127.0.0.1"], 2090, 2100, true).await, Err(Distrust::Early));
    let wrong = Distrust::Name { asked: "127.0.0.1".into(), named: vec!["pve1".into(), "10.0.0.1".into()] };
    assert_eq!(asked(&["pve1", "10.0.0.1"], 2020, 2100, true).await, Err(wrong));
}

#[tokio::test]
async fn plain_and_tls_mixed_up_are_told_apart() {
    let (plain, tls) = (Lab::plain(limits()).await, Lab::tls(limits()).await);
    let trust = Trust::pem(tls.authority.as_ref().unwrap().pem.as_bytes()).unwrap();
    let client = Client::new(Address::Tls(plain.address.to_string()), PATIENCE).trusting(trust);
    let e = client.version().await.unwrap_err();
    assert!(matches!(e, Error::Distrust { why: Distrust::Plain, .. }), "{e}");
    let e = Client::new(Address::Tcp(tls.address.to_string()), PATIENCE).version().await.unwrap_err();
    assert!(e.to_string().contains("400: this port speaks TLS: use https://"), "{e}");
    plain.app.stop().await;
    tls.app.stop().await;
}

#[tokio::test]
async fn a_token_is_not_sent_in_clear_to_another_machine() {
    let token = Token::parse("root@pam!x=5ec4e7").unwrap();
    // No packet leaves: it ends before a connection is tried (192.0.2.1 is nobody's, RFC 5737).
    let client = Client::new(Address::Tcp("192.0.2.1:8480".into()), PATIENCE).with_token(token);
    let e = client.version().await.unwrap_err();
    assert!(matches!(e, Error::ClearToken { .. }), "{e}");
}

#[tokio::test]
async fn the_command_line_says_what_to_do_and_gets_in_with_the_authority() {
    let lab = Lab::tls(limits()).await;
    while !lab.serves("127.0.0.1").await || lab.client().status("").await.is_err() {
        tokio::task::yield_now().await;
    }
    let file = lab.dir.path().join("ca.pem");
    std::fs::write(&file, &lab.authority.as_ref().unwrap().pem).unwrap();
    let port = lab.address.port();
    let run = async |server: String, more: &[&str]| {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_pathkeeper"))
            .args(["nodes", "--server", &server])
            .args(more)
            .env_remove("PATHKEEPER_TOKEN")
            .output()
            .await
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let ca = ["--ca", file.to_str().unwrap()];
    let told = run(format!("https://127.0.0.1:{port}"), &ca).await;
    assert!(told.contains("pve1") && !told.contains("pathkeeper:"), "{told}");
    let other = lab.dir.path().join("other.pem");
    std::fs::write(&other, Authority::new().pem).unwrap();
    let told = run(format!("https://127.0.0.1:{port}"), &["--ca", other.to_str().unwrap()]).await;
    assert!(
        told.contains("not trusted here") && told.contains("scp root@NODE:/var/lib/pathkeeper/tls/ca.pem"),
        "{told}"
    );
    let told = run(format!("https://127.0.0.2:{port}"), &ca).await;
    assert!(told.contains("no agent answers") || told.contains("not for 127.0.0.2"), "{told}");
    let told = run(format!("http://127.0.0.1:{port}"), &ca).await;
    assert!(told.contains("use https://"), "{told}");
    let told = run(format!("https://127.0.0.1:{port}"), &["--ca", "/nonexistent"]).await;
    assert!(told.contains("--ca /nonexistent: No such file"), "{told}");
    std::fs::write(&other, "not a token\n").unwrap();
    let told = run(
        format!("https://127.0.0.1:{port}"),
        &[&ca[..], &["--token-file", other.to_str().unwrap()]].concat(),
    )
    .await;
    assert!(told.contains("USER@REALM!NAME=SECRET"), "{told}");
    lab.app.stop().await;
}
