//! A certificate chain with its key.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pathkeeper_io::state_file;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, RootCertStore};

use super::{DAY_S, TELL_DAYS, date, provider};

/// Chains and keys are some KB.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// A certificate chain with its key, fit to be shown to clients.
#[derive(Debug, Clone)]
pub struct Pair {
    /// As rustls takes it.
    pub key: Arc<CertifiedKey>,
    /// Seconds since 1970 at which it begins to count.
    pub not_before_s: i64,
    /// Seconds since 1970 after which it does not count any more.
    pub not_after_s: i64,
    /// Where it was read.
    pub from: String,
}

impl Pair {
    /// Reads two PEM files, which may be the same.
    ///
    /// # Errors
    /// In words: which file, and what is wrong with it.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, String> {
        let chain = read(certificate)?;
        let secret = if key == certificate { chain.clone() } else { read(key)? };
        Self::of(&certificate.display().to_string(), &chain, &key.display().to_string(), &secret)
    }

    /// As [`Pair::read`], from bytes.
    pub fn of(certificate: &str, chain: &[u8], key: &str, secret: &[u8]) -> Result<Self, String> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|e| format!("{certificate} is no PEM file: {e}"))?;
        let Some(first) = chain.first() else {
            return Err(format!("{certificate} holds no certificate in PEM"));
        };
        let (not_before_s, not_after_s) =
            validity(first).map_err(|e| format!("the certificate in {certificate} cannot be read: {e}"))?;
        let secret = PrivateKeyDer::from_pem_slice(secret)
            .map_err(|e| format!("{key} holds no key in PEM that is not encrypted: {e}"))?;
        let pair = CertifiedKey::from_der(chain, secret, &provider()).map_err(|e| match e {
            Error::InconsistentKeys(_) => format!("{key} is not the key of the certificate in {certificate}"),
            e => format!("{certificate} with {key} cannot be used: {e}"),
        })?;
        Ok(Self { key: Arc::new(pair), not_before_s, not_after_s, from: certificate.to_owned() })
    }

    /// The node's own certificate, without what stands behind it.
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.key.cert.first()
    }

    /// Whether the certificate counts at this time.
    pub fn counts(&self, now_s: i64) -> bool {
        (self.not_before_s..=self.not_after_s).contains(&now_s)
    }

    /// What is to be told about its time, if anything is.
    pub fn concern(&self, now_s: i64) -> Option<String> {
        let left_s = self.not_after_s.saturating_sub(now_s);
        let until = date(self.not_after_s);
        if now_s < self.not_before_s {
            let from = date(self.not_before_s);
            Some(format!("{} counts only from {from}: is this node's clock right?", self.from))
        } else if left_s < 0 {
            Some(format!("{} ended on {until}: clients refuse it", self.from))
        } else if left_s < TELL_DAYS * DAY_S {
            Some(format!("{} ends on {until}, in {} days", self.from, left_s / DAY_S))
        } else {
            None
        }
    }

    /// Whether the certificate is for this name or address.
    pub fn is_for(&self, name: &ServerName<'_>) -> bool {
        let parsed = self.certificate().and_then(|first| ParsedCertificate::try_from(first).ok());
        parsed.is_some_and(|parsed| verify_server_name(&parsed, name).is_ok())
    }

    /// Whether a client that trusts this authority alone takes it at this time.
    pub fn is_signed_by(&self, authority: &CertificateDer<'_>, now_s: i64) -> bool {
        let mut roots = RootCertStore::empty();
        let parsed = self.certificate().and_then(|first| ParsedCertificate::try_from(first).ok());
        roots.add(authority.clone().into_owned()).is_ok()
            && parsed.is_some_and(|parsed| verify(&parsed, &roots, u64::try_from(now_s).unwrap_or(0)).is_ok())
    }
}

fn verify(parsed: &ParsedCertificate<'_>, roots: &RootCertStore, now_s: u64) -> Result<(), Error> {
    let algorithms = provider().signature_verification_algorithms.all;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(now_s));
    verify_server_cert_signed_by_trust_anchor(parsed, roots, &[], now, algorithms)
}

/// From when and until when a certificate counts, seconds since 1970.
///
/// Asked of the library that judges it in every handshake instead of a second parser: it looks at the time first, and
/// at the beginning of time no certificate counts yet, at its end none any more, and both answers tell the bound.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> Result<(i64, i64), String> {
    let parsed = ParsedCertificate::try_from(certificate).map_err(|e| e.to_string())?;
    let nobody = RootCertStore::empty();
    let seconds = |time: UnixTime| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let not_before_s = match verify(&parsed, &nobody, 0) {
        Err(Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. })) => {
            seconds(not_before)
        }
        // It counts since 1970.
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => 0,
        other => return Err(other.err().map_or_else(|| "it is from nobody".into(), |e| e.to_string())),
    };
    match verify(&parsed, &nobody, u64::MAX) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Ok((not_before_s, seconds(not_after)))
        }
        other => Err(other.err().map_or_else(|| "it has no end".into(), |e| e.to_string())),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    match state_file::read(path, FILE_BYTES_MAX) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(format!("{} is not there", path.display())),
        Err(e) => Err(format!("cannot read {}: {e}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, date_time_ymd};

    use super::*;

    fn made(from: (i32, u8, u8), to: (i32, u8, u8), key: &KeyPair) -> String {
        let mut params = CertificateParams::new(["pve1".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
        params.self_signed(key).unwrap().pem()
    }

    #[test]
    fn a_certificates_time_is_read_whatever_its_form() {
        let key = KeyPair::generate().unwrap();
        let check = |from, to, expect: (i64, i64)| {
            let pem = made(from, to, &key);
            let pair = Pair::of("c", pem.as_bytes(), "k", key.serialize_pem().as_bytes()).unwrap();
            assert_eq!((pair.not_before_s, pair.not_after_s), expect);
        };
        check((2026, 1, 1), (2027, 1, 1), (1_767_225_600, 1_798_761_600));
        // The two forms of time change in 2050.
        check((1970, 1, 1), (2049, 12, 31), (0, 2_524_521_600));
        check((2050, 1, 1), (9999, 12, 31), (2_524_608_000, 253_402_214_400));
    }

    #[test]
    fn its_time_is_told_before_it_is_over() {
        let key = KeyPair::generate().unwrap();
        let pem = made((2026, 1, 1), (2027, 1, 1), &key);
        let pair = Pair::of("c.pem", pem.as_bytes(), "k", key.serialize_pem().as_bytes()).unwrap();
        let check =
            |now_s: i64, expect: Option<&str>| assert_eq!(pair.concern(now_s).as_deref(), expect, "{now_s}");
        let end = pair.not_after_s;
        check(end - 31 * DAY_S, None);
        check(end - 30 * DAY_S + 1, Some("c.pem ends on 2027-01-01 00:00 UTC, in 29 days"));
        check(end, Some("c.pem ends on 2027-01-01 00:00 UTC, in 0 days"));
        check(end + 1, Some("c.pem ended on 2027-01-01 00:00 UTC: clients refuse it"));
        let early = "c.pem counts only from 2026-01-01 00:00 UTC: is this node's clock right?";
        check(pair.not_before_s - 1, Some(early));
    }

    #[test]
    fn files_that_cannot_be_used_are_refused_with_words() {
        let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let pem = made((2026, 1, 1), (2027, 1, 1), &key);
        let secret = key.serialize_pem();
        let check = |chain: &str, key: &str, expect: &str| {
            let got = Pair::of("c.pem", chain.as_bytes(), "c.key", key.as_bytes()).unwrap_err();
            assert!(got.contains(expect), "{got}");
        };
        check("", &secret, "c.pem holds no certificate in PEM");
        check(&secret, &secret, "c.pem holds no certificate in PEM");
        check(&pem.replace("MII", "AAA"), &secret, "the certificate in c.pem cannot be read");
        check(&pem.replace("-----END", "-----EMD"), &secret, "c.pem is no PEM file");
        check(&pem, "", "c.key holds no key in PEM that is not encrypted");
        check(&pem, &secret.replace("PRIVATE", "ENCRYPTED PRIVATE"), "c.key holds no key in PEM that is not");
        check(&pem, &other.serialize_pem(), "c.key is not the key of the certificate in c.pem");
        let missing = Pair::read(Path::new("/nonexistent/a"), Path::new("/nonexistent/b")).unwrap_err();
        assert_eq!(missing, "/nonexistent/a is not there");
        // Other kinds of key are fine, and so is a chain.
        for algorithm in [&PKCS_ED25519, &PKCS_ECDSA_P384_SHA384] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let chain = made((2026, 1, 1), (2027, 1, 1), &key) + &pem;
            let pair = Pair::of("c", chain.as_bytes(), "k", key.serialize_pem().as_bytes()).unwrap();
            assert_eq!(pair.key.cert.len(), 2);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(at in 0usize..500, byte: u8) {
            let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
            let mut params = CertificateParams::new(["pve1".to_owned()]).unwrap();
            params.not_after = date_time_ymd(2030, 1, 1);
            let mut der = params.self_signed(&key).unwrap().der().to_vec();
            let len = der.len();
            der[at % len] = byte;
            let _ = validity(&CertificateDer::from(der));
        }
    }
}
