//! `[alerts]`: where this node sends alerts, and when.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use hyper::header::{HeaderName, HeaderValue};
use pathkeeper_engine::alerts::Holds;
use pathkeeper_io::notify::{SinkConfig, SinkKind, SinkUrl};
use pathkeeper_io::state_file;
use pathkeeper_model::finding::Severity;
use serde::Deserialize;
use toml::Spanned;

use super::{Check, place};

/// Where a code's chapter is, for people who get an alert.
pub const RUNBOOKS: &str = "docs/findings.md";
/// No node has more sinks.
const SINKS_MAX: usize = 16;
/// No sink has more headers.
const HEADERS_MAX: usize = 16;
/// A file with an address is no larger.
const URL_BYTES_MAX: u64 = 4_096;

/// Where alerts go, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertsChoice {
    /// Every webhook, and every Alertmanager by itself.
    pub sinks: Vec<SinkConfig>,
    /// How long something stands before it is told.
    pub holds: Holds,
    /// Seconds for which something has to be seen as over before that is told.
    pub resolve_after_s: u64,
    /// Seconds after which what still stands is told again; `None` = never.
    pub remind_s: Option<u64>,
    /// Nothing that is less severe is told.
    pub least: Severity,
    /// Where docs/findings.md is for people.
    pub runbooks: String,
    /// Where the status page is for people.
    pub page: Option<String>,
}

impl Default for AlertsChoice {
    fn default() -> Self {
        Self {
            sinks: Vec::new(),
            holds: Holds::default(),
            resolve_after_s: 60,
            remind_s: None,
            least: Severity::Warning,
            runbooks: RUNBOOKS.into(),
            page: None,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct Raw {
    hold_urgent_s: Option<Spanned<i64>>,
    hold_cause_s: Option<Spanned<i64>>,
    hold_error_s: Option<Spanned<i64>>,
    hold_warning_s: Option<Spanned<i64>>,
    hold_view_s: Option<Spanned<i64>>,
    resolve_after_s: Option<Spanned<i64>>,
    remind_s: Option<Spanned<i64>>,
    least: Option<Spanned<String>>,
    runbooks: Option<Spanned<String>>,
    page: Option<Spanned<String>>,
    webhook: Vec<Spanned<RawWebhook>>,
    alertmanager: Vec<Spanned<RawAlertmanager>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct RawWebhook {
    name: Option<Spanned<String>>,
    url: Option<Spanned<String>>,
    url_file: Option<Spanned<String>>,
    token_file: Option<Spanned<String>>,
    headers: Option<Spanned<BTreeMap<String, String>>>,
    ca: Option<Spanned<String>>,
    timeout_s: Option<Spanned<i64>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct RawAlertmanager {
    name: Option<Spanned<String>>,
    urls: Option<Spanned<Vec<String>>>,
    token_file: Option<Spanned<String>>,
    headers: Option<Spanned<BTreeMap<String, String>>>,
    ca: Option<Spanned<String>>,
    timeout_s: Option<Spanned<i64>>,
    resend_s: Option<Spanned<i64>>,
    expires_s: Option<Spanned<i64>>,
}

/// What both kinds of sinks have.
struct Common {
    token_file: Option<PathBuf>,
    headers: Vec<(String, String)>,
    ca_file: Option<PathBuf>,
    timeout_ms: u64,
}

/// A number of seconds as it stands in the file.
type Seconds = Option<Spanned<i64>>;

impl Check<'_> {
    pub(super) fn alerts(&mut self, raw: Raw) -> AlertsChoice {
        let default = AlertsChoice::default();
        let mut hold = |given: Option<Spanned<i64>>, ms: u64| {
            self.seconds(given, "a hold", 0..=86_400).map_or(ms, |seconds| seconds * 1_000)
        };
        let holds = Holds {
            urgent_ms: hold(raw.hold_urgent_s, default.holds.urgent_ms),
            cause_ms: hold(raw.hold_cause_s, default.holds.cause_ms),
            error_ms: hold(raw.hold_error_s, default.holds.error_ms),
            warning_ms: hold(raw.hold_warning_s, default.holds.warning_ms),
            view_ms: hold(raw.hold_view_s, default.holds.view_ms),
        };
        let resolve_after_s = self.seconds(raw.resolve_after_s, "resolve-after-s", 0..=86_400);
        let remind_s = self.seconds(raw.remind_s, "remind-s", 300..=2_592_000);
        let least = match raw.least {
            None => default.least,
            Some(word) => match Severity::parse(word.get_ref()) {
                Some(severity @ (Severity::Warning | Severity::Error)) => severity,
                _ => {
                    let what = format!("{:?} is no severity to alert from: warning or error", word.get_ref());
                    self.problem(&self.at(word.span()), what);
                    default.least
                }
            },
        };
        let runbooks = self.address(raw.runbooks).unwrap_or(default.runbooks);
        let page = self.address(raw.page);
        let mut sinks: Vec<SinkConfig> = Vec::new();
        for (at, webhook) in (1..).zip(raw.webhook) {
            let span = webhook.span();
            let sink = self.webhook(webhook.into_inner(), span.clone(), at);
            self.add(&mut sinks, sink, span);
        }
        for (at, alertmanager) in (1..).zip(raw.alertmanager) {
            let span = alertmanager.span();
            for sink in self.alertmanager(alertmanager.into_inner(), span.clone(), at) {
                self.add(&mut sinks, Some(sink), span.clone());
            }
        }
        AlertsChoice {
            sinks,
            holds,
            resolve_after_s: resolve_after_s.unwrap_or(default.resolve_after_s),
            remind_s,
            least,
            runbooks,
            page,
        }
    }

    fn at(&self, span: Range<usize>) -> String {
        place(self.file, self.text, &span)
    }

    fn add(&mut self, sinks: &mut Vec<SinkConfig>, sink: Option<SinkConfig>, span: Range<usize>) {
        let Some(sink) = sink else { return };
        if sinks.iter().any(|of| of.name == sink.name) {
            self.problem(&self.at(span.clone()), format!("two sinks are called {:?}", sink.name));
        }
        if sinks.len() == SINKS_MAX {
            self.problem(&self.at(span), format!("a node has at most {SINKS_MAX} sinks"));
        }
        sinks.push(sink);
    }

    fn webhook(&mut self, raw: RawWebhook, span: Range<usize>, at: usize) -> Option<SinkConfig> {
        let name =
            self.sink_name(raw.name, || if at == 1 { "webhook".into() } else { format!("webhook-{at}") });
        let common = self.common(raw.token_file, raw.headers, raw.ca, raw.timeout_s);
        let url = match (raw.url, raw.url_file) {
            (Some(url), None) => self.sink_url(url.get_ref(), url.span()),
            (None, Some(file)) => {
                let path = self.absolute(&file)?;
                match state_file::read(&path, URL_BYTES_MAX) {
                    Ok(Some(bytes)) => {
                        let text = String::from_utf8_lossy(&bytes).into_owned();
                        self.sink_url(text.lines().next().unwrap_or_default().trim(), file.span())
                    }
                    Ok(None) => {
                        self.problem(&self.at(file.span()), format!("{}: no such file", path.display()));
                        None
                    }
                    Err(e) => {
                        self.problem(&self.at(file.span()), format!("{}: {e}", path.display()));
                        None
                    }
                }
            }
            _ => {
                self.problem(&self.at(span), "a webhook has either url or url-file");
                None
            }
        };
        Some(sink(name, SinkKind::Webhook, url?, common))
    }

    fn alertmanager(&mut self, raw: RawAlertmanager, span: Range<usize>, at: usize) -> Vec<SinkConfig> {
        let name = self.sink_name(raw.name, || {
            if at == 1 { "alertmanager".into() } else { format!("alertmanager-{at}") }
        });
        let resend_s = self.seconds(raw.resend_s, "resend-s", 5..=3_600).unwrap_or(60);
        let expires_s = self.seconds(raw.expires_s, "expires-s", 60..=2_592_000).unwrap_or(86_400);
        if expires_s < resend_s * 4 {
            let what = "expires-s is less than four times resend-s: an alert would end while it stands";
            self.problem(&self.at(span.clone()), what);
        }
        let common = self.common(raw.token_file, raw.headers, raw.ca, raw.timeout_s);
        let urls = raw.urls.filter(|urls| !urls.get_ref().is_empty());
        let Some(urls) = urls else {
            self.problem(&self.at(span), "an alertmanager has urls, at least one");
            return Vec::new();
        };
        let kind = SinkKind::Alertmanager {
            resend_ms: resend_s * 1_000,
            expires_s: i64::try_from(expires_s).unwrap_or(i64::MAX),
        };
        let mut sinks = Vec::new();
        for (at, url) in (1..).zip(urls.get_ref()) {
            let Some(mut url) = self.sink_url(url, urls.span()) else { continue };
            // People give the address that they open in a browser.
            let base = url.path.trim_end_matches('/').to_owned();
            if !base.ends_with("/api/v2/alerts") {
                url.path = format!("{base}/api/v2/alerts");
            }
            let name = if at == 1 { name.clone() } else { format!("{name}.{at}") };
            sinks.push(sink(name, kind, url, common.clone()));
        }
        sinks
    }

    fn sink_name(&mut self, given: Option<Spanned<String>>, default: impl FnOnce() -> String) -> String {
        let Some(name) = given else { return default() };
        let good = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        if !(1..=32).contains(&name.get_ref().len()) || !name.get_ref().bytes().all(good) {
            let what =
                format!("{:?} is no name for a sink: 1 to 32 letters, digits, '-' and '_'", name.get_ref());
            self.problem(&self.at(name.span()), what);
        }
        name.into_inner()
    }

    fn common(
        &mut self,
        token_file: Option<Spanned<String>>,
        headers: Option<Spanned<BTreeMap<String, String>>>,
        ca: Option<Spanned<String>>,
        timeout_s: Option<Spanned<i64>>,
    ) -> Common {
        let timeout_s = self.seconds(timeout_s, "timeout-s", 1..=60).unwrap_or(10);
        let mut kept = Vec::new();
        if let Some(headers) = headers {
            let place = self.at(headers.span());
            if headers.get_ref().len() > HEADERS_MAX {
                self.problem(&place, format!("a sink has at most {HEADERS_MAX} headers"));
            }
            for (name, value) in headers.into_inner() {
                let bad = HeaderName::try_from(&name).is_err() || HeaderValue::try_from(&value).is_err();
                let ours = ["host", "content-type", "content-length", "connection", "transfer-encoding"];
                if bad {
                    // Its value may be a secret.
                    self.problem(&place, format!("the header {name:?} cannot be sent"));
                } else if ours.contains(&name.to_ascii_lowercase().as_str()) {
                    self.problem(&place, format!("the header {name:?} is not free to choose"));
                } else {
                    kept.push((name, value));
                }
            }
        }
        Common {
            token_file: token_file.and_then(|file| self.absolute(&file)),
            headers: kept,
            ca_file: ca.and_then(|file| self.absolute(&file)),
            timeout_ms: timeout_s * 1_000,
        }
    }

    fn sink_url(&mut self, url: &str, span: Range<usize>) -> Option<SinkUrl> {
        match SinkUrl::parse(url) {
            Ok(url) => Some(url),
            Err(why) => {
                // Not the address itself: it may be a secret.
                self.problem(&self.at(span), format!("this address cannot be used: {why}"));
                None
            }
        }
    }

    /// An address for people, which is shown.
    fn address(&mut self, given: Option<Spanned<String>>) -> Option<String> {
        let given = given?;
        let text = given.get_ref();
        if text.is_empty() || text.len() > 255 || text.contains(|c: char| c.is_control() || c.is_whitespace())
        {
            self.problem(&self.at(given.span()), "an address for people has 1 to 255 bytes and no spaces");
        }
        Some(given.into_inner())
    }

    fn absolute(&mut self, file: &Spanned<String>) -> Option<PathBuf> {
        if !Path::new(file.get_ref()).is_absolute() {
            self.problem(&self.at(file.span()), format!("{:?} is no absolute path", file.get_ref()));
            return None;
        }
        Some(file.get_ref().into())
    }

    fn seconds(&mut self, given: Seconds, what: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let given = given?;
        let seconds = u64::try_from(*given.get_ref()).ok().filter(|seconds| range.contains(seconds));
        if seconds.is_none() {
            let (from, to) = (range.start(), range.end());
            self.problem(&self.at(given.span()), format!("{what} is {from} to {to} seconds"));
        }
        seconds
    }
}

impl Clone for Common {
    fn clone(&self) -> Self {
        Self {
            token_file: self.token_file.clone(),
            headers: self.headers.clone(),
            ca_file: self.ca_file.clone(),
            timeout_ms: self.timeout_ms,
        }
    }
}

fn sink(name: String, kind: SinkKind, url: SinkUrl, common: Common) -> SinkConfig {
    let Common { token_file, headers, ca_file, timeout_ms } = common;
    SinkConfig { name, kind, url, token_file, headers, ca_file, timeout_ms }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn parse(text: &str) -> Result<AlertsChoice, Vec<String>> {
        Config::parse("f", text, []).map(|config| config.alerts).map_err(|e| e.problems)
    }

    #[test]
    fn sinks_and_times_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("url");
        std::fs::write(&file, "https://hooks.example/secret\nmore").unwrap();
        let alerts = parse(&format!(
            r#"
            node = "a"
            [alerts]
            hold-urgent-s = 0
            hold-warning-s = 60
            remind-s = 3600
            least = "error"
            page = "https://pve1:8480/"
            [[alerts.webhook]]
            name = "ops"
            url-file = "{}"
            token-file = "/etc/pathkeeper/token"
            headers = {{ X-Key = "k" }}
            timeout-s = 5
            [[alerts.webhook]]
            url = "http://127.0.0.1:9/x"
            [[alerts.alertmanager]]
            urls = ["http://am1:9093", "https://am2:9093/am/"]
            ca = "/etc/ssl/am.pem"
            resend-s = 30
            "#,
            file.display()
        ))
        .unwrap();
        assert_eq!(
            (alerts.holds.urgent_ms, alerts.holds.warning_ms, alerts.holds.cause_ms),
            (0, 60_000, 60_000)
        );
        assert_eq!((alerts.remind_s, alerts.least), (Some(3600), Severity::Error));
        let sinks: Vec<String> = alerts.sinks.iter().map(|sink| format!("{sink:?}")).collect();
        assert_eq!(
            sinks,
            [
                "ops (https://hooks.example:443/…)",
                "webhook-2 (http://127.0.0.1:9/…)",
                "alertmanager (http://am1:9093/…)",
                "alertmanager.2 (https://am2:9093/…)",
            ]
        );
        let paths: Vec<&str> = alerts.sinks.iter().map(|sink| sink.url.path.as_str()).collect();
        assert_eq!(paths, ["/secret", "/x", "/api/v2/alerts", "/am/api/v2/alerts"]);
        assert_eq!(parse("node = \"a\"").unwrap(), AlertsChoice::default());
    }

    #[test]
    fn every_mistake_has_its_line_and_no_secret_is_repeated() {
        for (text, expect) in [
            (
                "[[alerts.webhook]]\nurl = \"secret-place\"",
                "f:2:7: this address cannot be used: it must begin with http:// or https://",
            ),
            ("[[alerts.webhook]]", "f:1:1: a webhook has either url or url-file"),
            (
                "[[alerts.webhook]]\nurl = \"http://a\"\ntoken-file = \"t\"",
                "f:3:14: \"t\" is no absolute path",
            ),
            (
                "[[alerts.webhook]]\nurl = \"http://a\"\nheaders = { Host = \"x\" }",
                "f:3:11: the header \"Host\" is not free to choose",
            ),
            (
                "[[alerts.webhook]]\nurl = \"http://a\"\nheaders = { A = \"x\\ny\" }",
                "f:3:11: the header \"A\" cannot be sent",
            ),
            (
                "[[alerts.webhook]]\nurl = \"http://a\"\nname = \"a b\"",
                "f:3:8: \"a b\" is no name for a sink: 1 to 32 letters, digits, '-' and '_'",
            ),
            ("[[alerts.webhook]]\nurl-file = \"/nowhere/url\"", "f:2:12: /nowhere/url: no such file"),
            ("[[alerts.alertmanager]]\nurls = []", "f:1:1: an alertmanager has urls, at least one"),
            (
                "[[alerts.alertmanager]]\nurls = [\"http://a\"]\nexpires-s = 100",
                "f:1:1: expires-s is less than four times resend-s: an alert would end while it stands",
            ),
            ("[alerts]\nleast = \"info\"", "f:2:9: \"info\" is no severity to alert from: warning or error"),
            ("[alerts]\nremind-s = 5", "f:2:12: remind-s is 300 to 2592000 seconds"),
            ("[alerts]\nhold-cause-s = -1", "f:2:16: a hold is 0 to 86400 seconds"),
        ] {
            // The first line's place is the table's or its header's, as the parser has it.
            let found = parse(text).unwrap_err();
            let words = |problem: &str| problem.splitn(4, ':').last().unwrap_or_default().to_owned();
            let found: Vec<String> = found.iter().map(|problem| words(problem)).collect();
            assert_eq!(found, [words(expect)], "{text}");
        }
        let twice = "[[alerts.webhook]]\nname = \"a\"\nurl = \"http://a\"\n";
        let found = parse(&format!("{twice}{twice}")).unwrap_err();
        assert!(found.iter().any(|problem| problem.ends_with("two sinks are called \"a\"")), "{found:?}");
    }
}
