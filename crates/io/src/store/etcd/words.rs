//! What can be wrong with etcd, in words: what failed, why, and what to do next.

use std::error::Error as _;

use crate::store::StoreError;

/// Why something did not work at one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) kind: Kind,
    /// One clause without the endpoint's name.
    pub(super) text: String,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nobody there, or nobody who can be spoken to: another endpoint may do.
    Away,
    /// There, and without a leader or without an answer: may pass by itself.
    NoQuorum,
    /// There, and refuses: a person must change something.
    Refused,
    /// It takes no writes: its database is full.
    Full,
    /// The lease is not there any more.
    LeaseGone,
}

/// Who asked what, for the words.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// `write /pathkeeper/values/a/x`, `read …`.
    pub(super) what: &'a str,
    /// The user of the settings.
    pub(super) user: Option<&'a str>,
    /// Whether the endpoints are `https://`.
    pub(super) tls: bool,
    /// Whether the settings have a certificate of our own.
    pub(super) identity: bool,
    /// Whether the settings have a `ca`.
    pub(super) ca: bool,
}

impl Fault {
    pub(super) fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    /// As the store's callers get it.
    pub(super) fn store_error(&self, endpoint: &str) -> StoreError {
        let text = format!("etcd at {endpoint}: {}", self.text);
        match self.kind {
            Kind::Away | Kind::NoQuorum | Kind::LeaseGone => StoreError::Unreachable(text),
            Kind::Refused | Kind::Full => StoreError::Refused(text),
        }
    }
}

/// Puts an error of etcd or of the way to it into words.
pub(super) fn fault(error: &etcd_client::Error, asked: Asked<'_>) -> Fault {
    let text = chain(error);
    known(&text, asked).unwrap_or_else(|| Fault::new(Kind::Away, format!("cannot {}: {text}", asked.what)))
}

/// The error and everything beneath it, each said once.
fn chain(error: &etcd_client::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut add = |part: String| {
        // tonic's own frame says nothing.
        let empty = part.is_empty() || part == "transport error";
        if !empty && !parts.iter().any(|have| have.contains(&part)) {
            parts.push(part);
        }
    };
    let mut source = match error {
        etcd_client::Error::GRpcStatus(status) => {
            add(status.message().to_owned());
            status.source()
        }
        etcd_client::Error::TransportError(error) => {
            add(error.to_string());
            error.source()
        }
        other => {
            add(other.to_string());
            None
        }
    };
    // A bound: chains are five long, and nothing from outside makes us loop.
    for _ in 0..16 {
        let Some(next) = source else { break };
        add(next.to_string());
        source = next.source();
    }
    parts.join(": ")
}

/// The faults that are known by their text: etcd's `api/v3rpc/rpctypes/error.go`, rustls' and the system's words.
fn known(text: &str, asked: Asked<'_>) -> Option<Fault> {
    let Asked { what, user, tls, identity, ca } = asked;
    let has = |needle: &str| text.contains(needle);
    let who = user.map_or_else(|| "nobody (no user is set)".to_owned(), |user| format!("user {user}"));
    let fault = if has("etcdserver: permission denied") {
        // The script grants what a node writes for itself.
        let advice = if what.starts_with("write") || what.starts_with("read") {
            ": grant that to its role (etcd-grants.sh prints the commands)"
        } else {
            ""
        };
        let text = format!("it does not allow {who} to {what}{advice}");
        Fault::new(Kind::Refused, text)
    } else if has("authentication failed, invalid user ID or password") {
        let text = format!("it does not accept the password of {who}: see user and password-file");
        Fault::new(Kind::Refused, text)
    } else if has("etcdserver: user name is empty") {
        let text = "it wants a user and a password: set user and password-file in [store.etcd]";
        Fault::new(Kind::Refused, text)
    } else if has("authentication is not enabled") {
        let text = format!(
            "its users are not switched on (etcdctl auth enable), and the settings name {who}: do that, or take \
             user and password-file out"
        );
        Fault::new(Kind::Refused, text)
    } else if has("invalid auth token") || has("revision of auth store is old") {
        Fault::new(Kind::Away, "it has forgotten that we are logged in")
    } else if has("database space exceeded") {
        let text = "its database is full and it takes no writes: compact and defragment it, or raise \
                    --quota-backend-bytes, then etcdctl alarm disarm";
        Fault::new(Kind::Full, text)
    } else if has("requested lease not found") || has("lease not found") {
        Fault::new(Kind::LeaseGone, "the lease has run out")
    } else if has("etcdserver: request is too large") {
        let text = format!("cannot {what}: larger than its --max-request-bytes");
        Fault::new(Kind::Refused, text)
    } else if has("etcdserver: no leader")
        || has("etcdserver: leader changed")
        || has("etcdserver: request timed out")
        || has("etcdserver: not healthy for reconfigure")
        || has("etcdserver: not capable")
        || has("context deadline exceeded")
    {
        Fault::new(Kind::NoQuorum, no_quorum())
    } else if has("etcdserver: server stopped") || has("etcdserver: too many requests") {
        Fault::new(Kind::Away, format!("cannot {what}: {text}"))
    } else if has("UnknownIssuer") {
        let list = if ca { "ca of [store.etcd]" } else { "the system's list of authorities (set ca)" };
        Fault::new(Kind::Refused, format!("its certificate is signed by an authority that is not in {list}"))
    } else if has("not valid for name") || has("NotValidForName") {
        let detail = text.find("certificate not valid").and_then(|at| text.get(at..)).unwrap_or(text);
        let text = format!(
            "its certificate is for other names: write one of those into endpoints, or make it one with this name \
             as subject alternative name ({detail})"
        );
        Fault::new(Kind::Refused, text)
    } else if has("fatal alert: CertificateExpired") {
        // It is the server that says so, and of ours.
        let text =
            "our certificate (cert in [store.etcd]) has run out: renew it, or set the clocks of the machines";
        Fault::new(Kind::Refused, text)
    } else if has("certificate expired") || has("Expired") || has("NotValidYet") || has("not valid yet") {
        let text = "its certificate has run out, or is not valid yet: renew it, or set this machine's clock";
        Fault::new(Kind::Refused, text)
    } else if has("CertificateRequired") || has("BadCertificate") || has("UnknownCA") {
        let text = if identity {
            "it does not accept our certificate: it must be signed by an authority in its --trusted-ca-file, and not \
             have run out"
        } else {
            "it wants a certificate from us: set cert and key in [store.etcd]"
        };
        Fault::new(Kind::Refused, text)
    } else if has("InvalidContentType") {
        Fault::new(Kind::Refused, "it speaks no TLS: write http:// into endpoints, or give etcd certificates")
    } else if has("broken pipe")
        || has("onnection reset")
        || has("onnection closed")
        || has("http2 error")
        || has("handshake eof")
    {
        // A server that dies says the same; one that goes on saying so means it.
        let advice = match (tls, identity) {
            (false, _) => "it wants TLS: write https:// into endpoints",
            (true, _) if has("handshake eof") => "it speaks no TLS: write http:// into endpoints",
            (true, false) => "it wants a certificate from us: set cert and key in [store.etcd]",
            (true, true) => "it does not accept our certificate: see its --trusted-ca-file",
        };
        Fault::new(Kind::Away, format!("it ends the connection; if that stays so, {advice}"))
    } else if has("Connection refused") {
        Fault::new(Kind::Away, "nobody listens there (connection refused): does etcd run?")
    } else if has("No route to host") || has("Network is unreachable") {
        Fault::new(Kind::Away, "no way there (no route): see the network")
    } else if has("failed to lookup address") {
        Fault::new(Kind::Away, "its name is unknown (DNS): see endpoints, /etc/hosts")
    } else {
        return None;
    };
    Some(fault)
}

/// What no quorum is, and what to do.
pub(super) fn no_quorum() -> &'static str {
    "it answers, and its cluster does not agree (no leader, or less than half of its members are up): see \
     etcdctl endpoint status --cluster"
}

/// No answer within the bound.
pub(super) fn silent(what: &str, after_ms: u64) -> Fault {
    Fault::new(
        Kind::Away,
        format!("no answer within {after_ms} ms to: {what}; it hangs, or the network is cut"),
    )
}

/// The oldest etcd that has what is used: progress requests and fragments of watches, alarms in the status.
pub(super) const OLDEST: (u32, u32) = (3, 4);

/// Whether this version will do.
pub(super) fn version(version: &str) -> Result<(), Fault> {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST => Ok(()),
        _ => {
            let (major, minor) = OLDEST;
            let text = format!("its version is {version}: {major}.{minor} or newer is needed");
            Err(Fault::new(Kind::Refused, text))
        }
    }
}

/// Why no endpoint will do: those with the same fault are named together.
pub(super) fn joined(faults: &[(String, Fault)]) -> StoreError {
    let mut groups: Vec<(Vec<&str>, &Fault)> = Vec::new();
    for (endpoint, fault) in faults {
        match groups.iter_mut().find(|(_, have)| *have == fault) {
            Some((endpoints, _)) => endpoints.push(endpoint),
            None => groups.push((vec![endpoint], fault)),
        }
    }
    let texts: Vec<String> = groups
        .iter()
        .map(|(endpoints, fault)| format!("etcd at {}: {}", endpoints.join(", "), fault.text))
        .collect();
    let text = texts.join("; ");
    if faults.iter().any(|(_, fault)| matches!(fault.kind, Kind::Refused | Kind::Full)) {
        StoreError::Refused(text)
    } else {
        StoreError::Unreachable(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Asked<'_> =
        Asked { what: "write /p/x", user: Some("u"), tls: true, identity: false, ca: true };

    #[test]
    fn an_old_server_and_a_strange_one_are_refused() {
        for good in ["3.4.0", "3.5.21", "3.6.0-rc.1", "4.0.0"] {
            assert_eq!(version(good), Ok(()), "{good}");
        }
        for bad in ["3.3.25", "2.3.8", "", "x.y"] {
            let fault = version(bad).unwrap_err();
            assert!(fault.text.contains("3.4 or newer"), "{fault:?}");
        }
    }

    #[test]
    fn faults_with_one_reason_are_named_together() {
        let away = Fault::new(Kind::Away, "x");
        let refused = Fault::new(Kind::Refused, "y");
        let e = joined(&[("a".into(), away.clone()), ("b".into(), away.clone())]);
        assert_eq!(e, StoreError::Unreachable("etcd at a, b: x".into()));
        let e = joined(&[("a".into(), away), ("b".into(), refused)]);
        assert_eq!(e, StoreError::Refused("etcd at a: x; etcd at b: y".into()));
    }

    #[test]
    fn it_is_said_whose_certificate_has_run_out() {
        let text = |error: &str| known(error, ASKED).unwrap().text;
        let ours = text("received fatal alert: CertificateExpired");
        assert!(ours.starts_with("our certificate (cert in [store.etcd]) has run out"), "{ours}");
        for theirs in [
            "invalid peer certificate: Expired",
            "invalid peer certificate: certificate expired: verification time 2 (UNIX), but certificate is not \
             valid after 1 (1 seconds ago)",
        ] {
            let theirs = text(theirs);
            assert!(theirs.starts_with("its certificate has run out"), "{theirs}");
        }
    }

    #[test]
    fn what_nobody_knows_is_told_as_it_is() {
        assert_eq!(known("something new", ASKED), None);
        let error = etcd_client::Error::WatchError("something new".into());
        assert_eq!(fault(&error, ASKED).text, "cannot write /p/x: watch error: something new");
    }
}
