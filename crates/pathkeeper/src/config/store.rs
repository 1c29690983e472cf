//! `[store]`: through what a node hears of the others.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::{Check, Given, text};

/// Through what a node hears of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChoice {
    /// Proxmox VE's pmxcfs where it is, else this machine alone.
    Auto,
    /// This machine alone.
    Embedded,
    /// pmxcfs; the agent does not start without.
    Pmxcfs,
    /// etcd.
    Etcd(EtcdChoice),
}

/// `[store.etcd]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdChoice {
    /// `http://HOST:PORT` or `https://HOST:PORT`, at least one.
    pub endpoints: Vec<String>,
    /// The authority that signed the servers' certificates.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// User and the file with the password.
    pub user: Option<(String, PathBuf)>,
    /// All keys begin with it.
    pub prefix: String,
    /// Seconds, 5..=60.
    pub lease_ttl_s: u32,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Raw {
    kind: Option<Spanned<String>>,
    etcd: Option<Spanned<RawEtcd>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct RawEtcd {
    endpoints: Option<Spanned<Vec<String>>>,
    ca: Option<Spanned<String>>,
    cert: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
    user: Option<Spanned<String>>,
    password_file: Option<Spanned<String>>,
    prefix: Option<Spanned<String>>,
    lease_ttl_s: Option<Spanned<i64>>,
}

/// What was given for the store, and where each came from.
pub(super) struct GivenStore {
    kind: Given,
    etcd: GivenEtcd,
}

/// `[store.etcd]` and its variables.
struct GivenEtcd {
    /// Where the table is, if there is one.
    place: Option<String>,
    endpoints: Given,
    ca: Given,
    cert: Given,
    key: Given,
    user: Given,
    password_file: Given,
    prefix: Given,
    lease_ttl_s: Given,
}

/// Takes file and environment together; `given` prefers the environment's.
pub(super) fn given(
    raw: Raw,
    mut given: impl FnMut(&str, Option<(String, Range<usize>)>) -> Given,
    place: impl Fn(Range<usize>) -> String,
) -> GivenStore {
    let table = raw.etcd.as_ref().map(|table| place(table.span()));
    let etcd = raw.etcd.map(Spanned::into_inner).unwrap_or_default();
    let endpoints = etcd.endpoints.map(|list| (list.get_ref().join(","), list.span()));
    let lease = etcd.lease_ttl_s.map(|s| (s.get_ref().to_string(), s.span()));
    GivenStore {
        kind: given("STORE_KIND", text(raw.kind)),
        etcd: GivenEtcd {
            place: table,
            endpoints: given("STORE_ETCD_ENDPOINTS", endpoints),
            ca: given("STORE_ETCD_CA", text(etcd.ca)),
            cert: given("STORE_ETCD_CERT", text(etcd.cert)),
            key: given("STORE_ETCD_KEY", text(etcd.key)),
            user: given("STORE_ETCD_USER", text(etcd.user)),
            password_file: given("STORE_ETCD_PASSWORD_FILE", text(etcd.password_file)),
            prefix: given("STORE_ETCD_PREFIX", text(etcd.prefix)),
            lease_ttl_s: given("STORE_ETCD_LEASE_TTL_S", lease),
        },
    }
}

impl Check<'_> {
    pub(super) fn store(&mut self, given: GivenStore) -> StoreChoice {
        let GivenStore { kind, etcd } = given;
        let wanted = etcd.place.is_some() || etcd.endpoints.is_some();
        let Some((kind, kind_place)) = kind else {
            return if wanted { StoreChoice::Etcd(self.etcd(etcd)) } else { StoreChoice::Auto };
        };
        match kind.as_str() {
            "auto" if wanted => StoreChoice::Etcd(self.etcd(etcd)),
            "auto" => StoreChoice::Auto,
            "embedded" => StoreChoice::Embedded,
            "pmxcfs" => StoreChoice::Pmxcfs,
            "etcd" => StoreChoice::Etcd(self.etcd(etcd)),
            _ => {
                self.problem(
                    &kind_place,
                    format_args!("{kind:?} is no kind of store: auto, embedded, etcd or pmxcfs"),
                );
                StoreChoice::Auto
            }
        }
    }

    fn etcd(&mut self, given: GivenEtcd) -> EtcdChoice {
        let table = given.place.unwrap_or_else(|| "[store.etcd]".to_owned());
        let (list, endpoints_place) = given.endpoints.unwrap_or_else(|| (String::new(), table.clone()));
        let endpoints: Vec<String> =
            list.split([',', ' ']).filter(|e| !e.is_empty()).map(str::to_owned).collect();
        if endpoints.is_empty() {
            self.problem(&endpoints_place, r#"endpoints are needed: ["https://HOST:2379", …]"#);
        }
        for endpoint in &endpoints {
            if let Err(why) = endpoint_is_good(endpoint) {
                self.problem(&endpoints_place, format_args!("{endpoint:?} is no endpoint: {why}"));
            }
        }
        let schemes = |scheme: &str| endpoints.iter().any(|e| e.starts_with(scheme));
        if schemes("http:") && schemes("https:") {
            self.problem(&endpoints_place, "endpoints with and without TLS: choose one");
        }
        let mut file = |given: Given| {
            given.map(|(path, place)| {
                if !Path::new(&path).is_absolute() {
                    self.problem(&place, format_args!("{path:?} is no absolute path"));
                }
                (PathBuf::from(path), place)
            })
        };
        let (ca, cert, key) = (file(given.ca), file(given.cert), file(given.key));
        let password_file = file(given.password_file);
        if let (true, Some((_, place))) = (schemes("http:"), ca.as_ref().or(cert.as_ref())) {
            self.problem(place, "certificates are for endpoints with https");
        }
        let identity = match (cert, key) {
            (Some((cert, _)), Some((key, _))) => Some((cert, key)),
            (None, None) => None,
            (Some((_, place)), None) | (None, Some((_, place))) => {
                self.problem(&place, "cert and key belong together: one of them is absent");
                None
            }
        };
        let user = match (given.user, password_file) {
            (Some((user, _)), Some((file, _))) => Some((user, file)),
            (None, None) => None,
            (Some((_, place)), None) | (None, Some((_, place))) => {
                self.problem(&place, "user and password-file belong together: one of them is absent");
                None
            }
        };
        let prefix = given.prefix.map_or_else(
            || "/pathkeeper".to_owned(),
            |(prefix, place)| {
                let part_is_good = |part: &str| {
                    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
                };
                let good = prefix.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part_is_good));
                if !good || prefix.len() > 200 {
                    self.problem(
                        &place,
                        format_args!(
                            "{prefix:?} is no prefix: /NAME or /NAME/NAME…, letters, digits, '.', '_', '-'"
                        ),
                    );
                }
                prefix
            },
        );
        let lease_ttl_s = match given.lease_ttl_s {
            None => 10,
            Some((number, place)) => match number.parse() {
                Ok(seconds @ 5..=60) => seconds,
                _ => {
                    self.problem(&place, format_args!("{number} is no lease: 5 to 60 seconds"));
                    10
                }
            },
        };
        EtcdChoice { endpoints, ca: ca.map(|(path, _)| path), identity, user, prefix, lease_ttl_s }
    }
}

/// `http(s)://HOST:PORT` and nothing behind it.
fn endpoint_is_good(endpoint: &str) -> Result<(), &'static str> {
    let rest = endpoint
        .strip_prefix("https://")
        .or_else(|| endpoint.strip_prefix("http://"))
        .ok_or("it begins with neither https:// nor http://")?;
    let (host, port) = rest.rsplit_once(':').ok_or("it names no port (etcd's is 2379)")?;
    if host.is_empty() || host.contains(['/', '@', '?', '#']) {
        return Err("HOST:PORT is expected, and nothing else");
    }
    port.parse::<u16>().map_err(|_| "its port is no number up to 65535")?;
    Ok(())
}
