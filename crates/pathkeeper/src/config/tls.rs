//! `[tls]`: with which certificate the API is served by TCP.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rustls::pki_types::ServerName;
use serde::Deserialize;
use toml::Spanned;

use super::{Check, Config, Given, text};
use crate::http::server::may_listen;
use crate::tls::{Names, Own, Source};

/// With which certificate the API is served by TCP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsChoice {
    /// `None` = no TLS; then `listen` is a loopback address.
    pub certificate: Option<Certificate>,
    /// Further names and addresses in a certificate of our own.
    pub names: Vec<String>,
}

/// From where the certificate comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// Made by ourselves, in the state directory.
    Own,
    /// Given.
    Files {
        /// The chain, PEM.
        certificate: PathBuf,
        /// Its key, PEM.
        key: PathBuf,
    },
    /// The one of Proxmox VE's own API.
    Proxmox,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Raw {
    r#use: Option<Spanned<String>>,
    certificate: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
    names: Option<Spanned<Vec<String>>>,
}

/// What was given, and where each came from.
pub(super) struct GivenTls {
    choice: Given,
    certificate: Given,
    key: Given,
    names: Given,
}

/// Takes file and environment together; `given` prefers the environment's.
pub(super) fn given(
    raw: Raw,
    mut given: impl FnMut(&str, Option<(String, Range<usize>)>) -> Given,
) -> GivenTls {
    let names = raw.names.map(|list| (list.get_ref().join(","), list.span()));
    GivenTls {
        choice: given("TLS_USE", text(raw.r#use)),
        certificate: given("TLS_CERTIFICATE", text(raw.certificate)),
        key: given("TLS_KEY", text(raw.key)),
        names: given("TLS_NAMES", names),
    }
}

impl Check<'_> {
    /// Without a choice: given files where there are some, else our own beyond the loopback, else none.
    pub(super) fn tls(
        &mut self,
        given: GivenTls,
        listen: Option<SocketAddr>,
        listen_place: &str,
    ) -> TlsChoice {
        let mistakes = self.problems.len();
        let names = self.names(given.names);
        let place_of_files =
            given.certificate.as_ref().or(given.key.as_ref()).map(|(_, place)| place.clone());
        let files = self.files(given.certificate, given.key);
        let beyond = listen.is_some_and(|at| !at.ip().is_loopback());
        let certificate = match (given.choice, place_of_files) {
            (None, Some(_)) => files,
            (None, None) => beyond.then_some(Certificate::Own),
            (Some((word, place)), place_of_files) => {
                let certificate = match word.as_str() {
                    "own" => Some(Certificate::Own),
                    "proxmox" => Some(Certificate::Proxmox),
                    "off" => None,
                    "files" => {
                        if place_of_files.is_none() {
                            self.problem(&place, "certificate and key are needed for \"files\"");
                        }
                        files
                    }
                    _ => {
                        let what = "is no certificate to use: own, files, proxmox or off";
                        self.problem(&place, format_args!("{word:?} {what}"));
                        return TlsChoice { certificate: None, names };
                    }
                };
                if let (Some(place), true) = (place_of_files, word != "files") {
                    self.problem(&place, "certificate and key are for use = \"files\"");
                }
                certificate
            }
        };
        // Tokens are another matter, and can be made at any time. A choice that is a mistake says enough.
        if let (true, Some(Err(why))) =
            (mistakes == self.problems.len(), listen.map(|at| may_listen(at, certificate.is_some(), true)))
        {
            self.problem(listen_place, why);
        }
        TlsChoice { certificate, names }
    }

    fn files(&mut self, certificate: Given, key: Given) -> Option<Certificate> {
        let mut path = |given: Given| {
            given.map(|(path, place)| {
                if !Path::new(&path).is_absolute() {
                    self.problem(&place, format_args!("{path:?} is no absolute path"));
                }
                (PathBuf::from(path), place)
            })
        };
        match (path(certificate), path(key)) {
            (Some((certificate, _)), Some((key, _))) => Some(Certificate::Files { certificate, key }),
            (None, None) => None,
            (Some((_, place)), None) | (None, Some((_, place))) => {
                self.problem(&place, "certificate and key belong together: one of them is absent");
                None
            }
        }
    }

    fn names(&mut self, given: Given) -> Vec<String> {
        let Some((list, place)) = given else { return Vec::new() };
        let names: Vec<String> =
            list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        for name in &names {
            if ServerName::try_from(name.as_str()).is_err() {
                self.problem(&place, format_args!("{name:?} is no name or address for a certificate"));
            }
        }
        names
    }
}

impl Config {
    /// From where the certificate of the API comes; `None` = no TLS.
    pub fn certificate_source(&self) -> Option<Source> {
        Some(match (self.listen?, self.tls.certificate.as_ref()?) {
            (listen, Certificate::Own) => Source::Own(Own {
                dir: self.state_dir.join(crate::tls::FOLDER),
                names: Names {
                    node: self.node.clone(),
                    host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
                    listen: listen.ip(),
                    more: self.tls.names.clone(),
                    proc: self.roots.proc.clone(),
                },
            }),
            (_, Certificate::Files { certificate, key }) => {
                Source::Files { certificate: certificate.clone(), key: key.clone() }
            }
            (_, Certificate::Proxmox) => Source::proxmox(&self.roots.etc),
        })
    }
}
