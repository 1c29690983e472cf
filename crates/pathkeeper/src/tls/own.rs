//! An authority and a certificate of our own, in the state directory.
//!
//! The authority never ends (RFC 5280, section 4.1.2.5), so that a clock that was wrong when it was made does not matter
//! later, and clients that trust it need no second visit. What ends is the node's certificate, made anew in time.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;
use std::time::Duration;

use pathkeeper_io::state_file;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, ServerName};

use super::{DAY_S, Names, Pair};

/// The folder in the state directory.
pub const FOLDER: &str = "tls";
/// The authority's certificate: what clients need.
const CA: &str = "ca.pem";
/// Its key, which never leaves the node.
const CA_KEY: &str = "ca.key";
/// The node's certificate and its key, in one file so that they are never half new.
const NODE: &str = "node.pem";
const FILE_BYTES_MAX: u64 = 64 << 10;
/// Browsers of Apple's take none that lasts longer than 825 days, and no public authority gives more than 398.
const LASTS_DAYS: i64 = 396;
/// Clocks of clients may be so much behind.
const BEFORE_DAYS: i64 = 2;
/// It is made anew when less is left: before [`super::TELL_DAYS`], so that only a failure is ever told.
const RENEW_DAYS: i64 = 60;
/// Clocks that say more are wrong, and rcgen takes no year over 9999.
const CLOCK_S_MAX: i64 = 250_000_000_000;

/// An authority and a certificate of our own.
#[derive(Debug, Clone)]
pub struct Own {
    /// The folder with its files, below the state directory.
    pub dir: PathBuf,
    /// Under which names the node is reached.
    pub names: Names,
}

impl Own {
    /// Where the authority's certificate is.
    pub fn authority(&self) -> PathBuf {
        self.dir.join(CA)
    }

    /// What is there.
    pub fn look(&self) -> Result<Pair, String> {
        let node = self.dir.join(NODE);
        Pair::read(&node, &node)
    }

    /// What is there if it is good, else a new one. An authority that cannot be used is set aside.
    pub fn load(&self, now_s: i64) -> Result<Pair, String> {
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o750).create(&self.dir);
        made.map_err(|e| format!("cannot create {}: {e}", self.dir.display()))?;
        let authority = match self.read_authority()? {
            Some(Ok(authority)) => authority,
            None => self.make_authority()?,
            Some(Err(why)) => {
                self.set_aside(now_s)?;
                tracing::warn!(
                    "the authority in {} cannot be used ({why}): it is set aside and a new one made; clients need the \
                     new {CA}",
                    self.dir.display()
                );
                self.make_authority()?
            }
        };
        let wanted = self.names.now();
        match self.look() {
            Ok(pair) if good_for(&pair, &authority, &wanted, now_s).is_ok() => Ok(pair),
            found => {
                let why = match found {
                    Ok(pair) => good_for(&pair, &authority, &wanted, now_s).err().unwrap_or_default(),
                    Err(why) => why,
                };
                let pair = self.make_node(&authority, &wanted, now_s)?;
                tracing::info!("made a new certificate, {}: {why}", pair.from);
                Ok(pair)
            }
        }
    }

    /// `None` where there is none at all; `Some(Err)` where it is no good. A disk that gives an error proves nothing
    /// against what is on it, so that is an error of ours.
    fn read_authority(&self) -> Result<Option<Result<Authority, String>>, String> {
        let read = |name: &str| {
            let path = self.dir.join(name);
            state_file::read(&path, FILE_BYTES_MAX)
                .map_err(|e| format!("cannot read {}: {e}", path.display()))
        };
        Ok(match (read(CA)?, read(CA_KEY)?) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                self.close(CA_KEY)?;
                Some(Authority::of(&certificate, &key))
            }
            (None, Some(_)) => Some(Err(format!("{CA} is not there"))),
            (Some(_), None) => Some(Err(format!("{CA_KEY} is not there"))),
        })
    }

    fn make_authority(&self) -> Result<Authority, String> {
        let key = KeyPair::generate().map_err(|e| format!("cannot make a key: {e}"))?;
        let params = authority_params(&key);
        let certificate = params.self_signed(&key).map_err(|e| format!("cannot make an authority: {e}"))?;
        self.write(CA_KEY, &key.serialize_pem(), 0o600)?;
        self.write(CA, &certificate.pem(), 0o644)?;
        tracing::info!("made an authority of this node's own: clients need {}", self.authority().display());
        Ok(Authority { certificate: certificate.der().clone(), issuer: Issuer::new(params, key) })
    }

    fn make_node(
        &self,
        authority: &Authority,
        names: &[ServerName<'static>],
        now_s: i64,
    ) -> Result<Pair, String> {
        let cannot = |e: rcgen::Error| format!("cannot make a certificate: {e}");
        let mut params = CertificateParams::default();
        for name in names {
            params.subject_alt_names.push(match name {
                ServerName::IpAddress(address) => SanType::IpAddress(std::net::IpAddr::from(*address)),
                name => SanType::DnsName(name.to_str().as_ref().try_into().map_err(cannot)?),
            });
        }
        params.distinguished_name.push(DnType::OrganizationName, "Pathkeeper");
        params.distinguished_name.push(DnType::CommonName, self.names.node.as_str());
        let epoch = date_time_ymd(1970, 1, 1);
        let seconds = |s: i64| Duration::from_secs(s.clamp(0, CLOCK_S_MAX).unsigned_abs());
        params.not_before = epoch + seconds(now_s - BEFORE_DAYS * DAY_S);
        params.not_after = epoch + seconds(now_s + LASTS_DAYS * DAY_S);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(cannot)?;
        let certificate = params.signed_by(&key, &authority.issuer).map_err(cannot)?;
        let text = format!("{}{}", certificate.pem(), key.serialize_pem());
        let from = self.dir.join(NODE).display().to_string();
        let pair = Pair::of(&from, text.as_bytes(), &from, text.as_bytes())?;
        if !pair.is_signed_by(&authority.certificate, now_s) {
            return Err(format!(
                "{} is no authority that Pathkeeper made: move it and {CA_KEY} away, or give a certificate of yours by \
                 use = \"files\"",
                self.authority().display()
            ));
        }
        self.write(NODE, &text, 0o600)?;
        Ok(pair)
    }

    fn write(&self, name: &str, text: &str, mode: u32) -> Result<(), String> {
        let path = self.dir.join(name);
        state_file::write(&path, text.as_bytes())
            .and_then(|()| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)))
            .map_err(|e| format!("cannot write {}: {e}", path.display()))
    }

    /// A key that others could read is closed to them, and it is said: who has read it can be this node to its clients.
    fn close(&self, name: &str) -> Result<(), String> {
        let path = self.dir.join(name);
        let cannot = |e: std::io::Error| format!("cannot look after {}: {e}", path.display());
        let mode = std::fs::metadata(&path).map_err(cannot)?.permissions().mode();
        if mode & 0o077 != 0 {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(cannot)?;
            tracing::warn!(
                "others could read {}: its mode is 0600 now. If somebody may have read it, move {CA_KEY} and {CA} away \
                 and restart",
                path.display()
            );
        }
        Ok(())
    }

    fn set_aside(&self, now_s: i64) -> Result<(), String> {
        for name in [CA, CA_KEY] {
            let path = self.dir.join(name);
            match state_file::set_aside(&path, now_s) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(format!("cannot set {} aside: {e}", path.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn of(certificate: &[u8], key: &[u8]) -> Result<Self, String> {
        // That they belong together, and that both can be read.
        let pair = Pair::of(CA, certificate, CA_KEY, key)?;
        let certificate = pair.certificate().cloned().ok_or_else(|| format!("{CA} is empty"))?;
        let key = std::str::from_utf8(key).ok().and_then(|pem| KeyPair::from_pem(pem).ok());
        let key = key.ok_or_else(|| format!("{CA_KEY} holds no key that can sign"))?;
        Ok(Self { certificate, issuer: Issuer::new(authority_params(&key), key) })
    }
}

/// Its name comes from its key: an authority needs another name than every other one, and to sign again after a
/// restart its name must be known without reading its certificate.
fn authority_params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let id = params.key_identifier(key);
    let id: String = id.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name.push(DnType::OrganizationName, "Pathkeeper");
    params.distinguished_name.push(DnType::CommonName, format!("Pathkeeper authority {id}"));
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(9999, 12, 31);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Why it is not good, in words.
fn good_for(pair: &Pair, authority: &Authority, names: &[ServerName<'_>], now_s: i64) -> Result<(), String> {
    if !pair.counts(now_s) {
        return Err("the one before does not count at this time".into());
    }
    // A clock that was ahead when it was made left it with an end too far away.
    if pair.not_after_s - now_s > (LASTS_DAYS + 1) * DAY_S {
        return Err("the one before was made by a clock that was ahead".into());
    }
    if pair.not_after_s - now_s < RENEW_DAYS * DAY_S {
        return Err("the one before ends soon".into());
    }
    if !pair.is_signed_by(&authority.certificate, now_s) {
        return Err("the one before is from another authority".into());
    }
    match names.iter().find(|name| !pair.is_for(name)) {
        Some(name) => Err(format!("the one before is not for {}", name.to_str())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use pathkeeper_model::NodeName;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn own(dir: &std::path::Path, listen: &str) -> Own {
        let names = Names {
            node: NodeName::new("pve1").unwrap(),
            host: "pve1.example.org".into(),
            listen: listen.parse().unwrap(),
            more: Vec::new(),
            proc: "/nonexistent".into(),
        };
        Own { dir: dir.join(FOLDER), names }
    }

    /// The authority's bytes, and the node certificate's.
    fn files(own: &Own) -> (Vec<u8>, Vec<u8>) {
        let read = |name: &str| std::fs::read(own.dir.join(name)).unwrap();
        (read(CA), read(NODE))
    }

    #[test]
    fn it_is_made_once_and_made_anew_only_for_a_reason() {
        let dir = tempfile::tempdir().unwrap();
        let first = own(dir.path(), "10.0.0.1");
        let pair = first.load(NOW).unwrap();
        assert!(pair.counts(NOW) && pair.concern(NOW).is_none());
        for name in ["pve1", "pve1.example.org", "localhost", "127.0.0.1", "::1", "10.0.0.1"] {
            assert!(pair.is_for(&name.try_into().unwrap()), "{name}");
        }
        assert!(!pair.is_for(&"pve2".try_into().unwrap()) && !pair.is_for(&"10.0.0.2".try_into().unwrap()));
        let before = files(&first);
        let check = |own: &Own, now_s: i64, new: bool, what: &str| {
            let before = files(own);
            let pair = own.load(now_s).unwrap();
            let after = files(own);
            assert_eq!(before.0, after.0, "{what}: the authority stays");
            assert_eq!(before.1 != after.1, new, "{what}");
            assert!(pair.counts(now_s) && pair.concern(now_s).is_none(), "{what}");
        };
        check(&first, NOW, false, "a restart");
        check(&first, NOW + 335 * DAY_S, false, "61 days are left");
        check(&first, NOW + 337 * DAY_S, true, "59 days are left");
        check(&first, NOW + 10_000 * DAY_S, true, "it was off for years");
        check(&first, NOW, true, "the clock was ahead and was set right");
        check(&first, 0, true, "the clock has no battery");
        check(&first, NOW, true, "and is set");
        check(&own(dir.path(), "10.0.0.2"), NOW, true, "it listens elsewhere");
        assert_eq!(files(&first).0, before.0);
    }

    #[test]
    fn keys_are_for_root_alone_and_closed_again() {
        let dir = tempfile::tempdir().unwrap();
        let own = own(dir.path(), "10.0.0.1");
        own.load(NOW).unwrap();
        let mode = |name: &str| std::fs::metadata(own.dir.join(name)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(CA), mode(CA_KEY), mode(NODE)), (0o644, 0o600, 0o600));
        std::fs::set_permissions(own.dir.join(CA_KEY), std::fs::Permissions::from_mode(0o644)).unwrap();
        own.load(NOW).unwrap();
        assert_eq!(mode(CA_KEY), 0o600);
    }

    #[test]
    fn an_authority_that_is_no_good_is_set_aside_and_one_that_is_strange_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let own = own(dir.path(), "10.0.0.1");
        let other = super::tests::own(&dir.path().join("other"), "10.0.0.1");
        other.load(NOW).unwrap();
        let spoil = |what: &str, spoil: &dyn Fn()| {
            own.load(NOW).unwrap();
            let before = files(&own);
            spoil();
            let pair = own.load(NOW).unwrap();
            let after = files(&own);
            assert!(before.0 != after.0 && before.1 != after.1, "{what}");
            let ca = Pair::read(&own.authority(), &own.dir.join(CA_KEY)).unwrap();
            assert!(pair.is_signed_by(ca.certificate().unwrap(), NOW), "{what}");
        };
        spoil("no key", &|| std::fs::remove_file(own.dir.join(CA_KEY)).unwrap());
        spoil("no certificate", &|| std::fs::remove_file(own.dir.join(CA)).unwrap());
        spoil("rubbish", &|| std::fs::write(own.dir.join(CA_KEY), "x").unwrap());
        spoil("another's key", &|| {
            std::fs::copy(other.dir.join(CA_KEY), own.dir.join(CA_KEY)).unwrap();
        });
        let aside =
            std::fs::read_dir(&own.dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        assert_eq!(aside.filter(|name| name.contains(".bad-")).count(), 6, "nothing was thrown away");
        // What cannot be read proves nothing against what is there.
        std::fs::remove_file(own.dir.join(CA)).unwrap();
        std::fs::create_dir(own.dir.join(CA)).unwrap();
        let why = own.load(NOW).unwrap_err();
        assert!(why.contains("cannot read") && own.dir.join(CA_KEY).exists(), "{why}");
        std::fs::remove_dir(own.dir.join(CA)).unwrap();
        // An authority of somebody else's that is whole.
        let key = KeyPair::generate().unwrap();
        let mut params = authority_params(&key);
        params.distinguished_name.push(DnType::CommonName, "Company CA");
        std::fs::write(own.dir.join(CA), params.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(own.dir.join(CA_KEY), key.serialize_pem()).unwrap();
        let why = own.load(NOW).unwrap_err();
        assert!(why.contains("is no authority that Pathkeeper made"), "{why}");
    }
}
