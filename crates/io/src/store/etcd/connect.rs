//! From settings to a connection: files are read each time, so that a renewed certificate or password needs no restart.

use std::path::Path;
use std::time::Duration;

use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions};

use super::EtcdConfig;
use super::words::{self, Asked, Fault, Kind};
use crate::store::StoreError;

/// To connect and log in; a hung server must not cost the lease.
const CONNECT_MS: u64 = 3_000;
/// Files larger than this are no certificates and no passwords.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// Where systems keep the list of authorities: Debian, Red Hat, SUSE.
const SYSTEM_AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// What the files hold. No `Debug`: there is a password in it.
pub(super) struct Credentials {
    tls: Option<TlsOptions>,
    user: Option<(String, String)>,
}

/// Reads the files that the settings name. Blocks.
pub(super) fn read(config: &EtcdConfig) -> Result<Credentials, StoreError> {
    let tls = if config.endpoints.iter().any(|endpoint| endpoint.starts_with("https://")) {
        let authorities = match &config.ca {
            Some(path) => pem(path, "CERTIFICATE")?,
            None => system_authorities()?,
        };
        let mut tls = TlsOptions::new().ca_certificate(Certificate::from_pem(authorities));
        if let Some((cert, key)) = &config.identity {
            tls = tls.identity(Identity::from_pem(pem(cert, "CERTIFICATE")?, pem(key, "PRIVATE KEY")?));
        }
        Some(tls)
    } else {
        None
    };
    let user = match &config.user {
        Some((name, file)) => {
            let text = String::from_utf8_lossy(&bytes(file)?).into_owned();
            let password = text.lines().next().unwrap_or_default().to_owned();
            if password.is_empty() {
                return Err(StoreError::Refused(format!(
                    "password-file {}: its first line is empty, and etcd wants a password",
                    file.display()
                )));
            }
            // etcdctl takes one word of a file or a pipe: such a password works for one of the two alone.
            if password.contains(char::is_whitespace) {
                return Err(StoreError::Refused(format!(
                    "password-file {}: there is a blank in its first line; etcdctl user add --interactive=false takes \
                     the first word alone, so choose a password without blanks (etcdctl user passwd)",
                    file.display()
                )));
            }
            Some((name.clone(), password))
        }
        None => None,
    };
    Ok(Credentials { tls, user })
}

fn bytes(path: &Path) -> Result<Vec<u8>, StoreError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(e) => Err(StoreError::Io { what: format!("cannot read {}", path.display()), why: e.to_string() }),
    }
}

/// A PEM file that holds something of this kind.
fn pem(path: &Path, kind: &str) -> Result<Vec<u8>, StoreError> {
    let bytes = bytes(path)?;
    let text = String::from_utf8_lossy(&bytes);
    if text.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains(kind)) {
        Ok(bytes)
    } else {
        Err(StoreError::Refused(format!("{} holds no {kind} in PEM", path.display())))
    }
}

fn system_authorities() -> Result<Vec<u8>, StoreError> {
    let found = SYSTEM_AUTHORITIES.iter().map(Path::new).find(|path| path.is_file());
    match found {
        Some(path) => pem(path, "CERTIFICATE"),
        None => Err(StoreError::Refused(
            "this system has no list of authorities (ca-certificates): set ca in [store.etcd]".into(),
        )),
    }
}

/// Connects to one endpoint and logs in.
pub(super) async fn connect(config: &EtcdConfig, endpoint: &str) -> Result<Client, Fault> {
    let bound = Duration::from_millis(CONNECT_MS);
    let reading = {
        let config = config.clone();
        tokio::task::spawn_blocking(move || read(&config))
    };
    let credentials = match tokio::time::timeout(bound, reading).await {
        Ok(Ok(Ok(credentials))) => credentials,
        Ok(Ok(Err(e))) => return Err(Fault::new(Kind::Refused, e.to_string())),
        Ok(Err(e)) => return Err(Fault::new(Kind::Away, format!("cannot read certificates: {e}"))),
        Err(_) => return Err(Fault::new(Kind::Away, "the disk with certificates and password hangs")),
    };
    let mut options =
        ConnectOptions::new().with_connect_timeout(bound).with_tcp_keepalive(Duration::from_secs(20));
    if let Some(tls) = credentials.tls {
        options = options.with_tls(tls);
    }
    if let Some((name, password)) = credentials.user {
        // A token ends after some minutes; then the library logs in again and repeats the call.
        options = options.with_user(name, password).with_auto_token_refresh(true);
    }
    match tokio::time::timeout(bound, Client::connect([endpoint], Some(options))).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(e)) => Err(words::fault(&e, asked(config, "log in"))),
        Err(_) => Err(words::silent("log in", CONNECT_MS)),
    }
}

/// The words' context.
pub(super) fn asked<'a>(config: &'a EtcdConfig, what: &'a str) -> Asked<'a> {
    Asked {
        what,
        user: config.user.as_ref().map(|(name, _)| name.as_str()),
        tls: config.endpoints.iter().any(|endpoint| endpoint.starts_with("https://")),
        identity: config.identity.is_some(),
        ca: config.ca.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_used_are_named_and_a_password_is_not_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let plain = EtcdConfig {
            ca: Some(file("ca", "-----BEGIN CERTIFICATE-----\n")),
            prefix: "/p".into(),
            ..EtcdConfig::new(vec!["https://a:2379".into()])
        };
        assert!(read(&plain).is_ok());
        let error = |config: &EtcdConfig| read(config).err().map(|e| e.to_string()).unwrap_or_default();
        let absent = EtcdConfig { ca: Some(dir.path().join("absent")), ..plain.clone() };
        assert!(error(&absent).contains("absent: No such file"), "{}", error(&absent));
        let no_key = EtcdConfig {
            identity: Some((file("cert", "-----BEGIN CERTIFICATE-----\n"), file("key", "secret"))),
            ..plain.clone()
        };
        assert!(error(&no_key).ends_with("key holds no PRIVATE KEY in PEM"), "{}", error(&no_key));
        let empty = EtcdConfig { user: Some(("u".into(), file("empty", "\nsecret\n"))), ..plain.clone() };
        assert!(error(&empty).contains("first line is empty"), "{}", error(&empty));
        for blank in ["two words\n", " secret\n", "secret \n", "tab\tsecret\n"] {
            let blank = EtcdConfig { user: Some(("u".into(), file("blank", blank))), ..plain.clone() };
            assert!(error(&blank).contains("there is a blank in its first line"), "{}", error(&blank));
            assert!(!error(&blank).contains("secret"), "{}", error(&blank));
        }
        let crlf = EtcdConfig { user: Some(("u".into(), file("crlf", "secret\r\n"))), ..plain.clone() };
        assert!(read(&crlf).is_ok(), "etcdctl ends a line there too");
        let good = EtcdConfig { user: Some(("u".into(), file("good", "secret\nrest\n"))), ..plain };
        assert_eq!(read(&good).unwrap_or_else(|e| panic!("{e}")).user, Some(("u".into(), "secret".into())));
        assert!(!format!("{good:?}").contains("secret"));
    }
}
