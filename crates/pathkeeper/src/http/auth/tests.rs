//! Attempts to get in, through all routes, from every place.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use pathkeeper_engine::agent::NodeFacts;
use pathkeeper_model::token::{Token, TokenId};
use pathkeeper_model::{EpochS, Instance, NodeName};
use tower::ServiceExt;

use super::ticket::Ticket;
use super::*;
use crate::app::board::Board;
use crate::app::clock::{Clock, ClockOffset};
use crate::app::tokens;

const LOOPBACK: &str = "tcp 127.0.0.1:5";
const FAR: &str = "tcp 192.0.2.7:5";
const ROOT: &str = "unix 0";
const GROUP: &str = "unix 4000000000";

/// All routes, with tokens `look`, `change`, `over` (expired) and `gone` (revoked).
struct House {
    _dir: tempfile::TempDir,
    router: axum::Router,
    context: Context,
    secrets: std::collections::BTreeMap<&'static str, String>,
}

impl House {
    fn new(loopback_needs_token: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut secrets = std::collections::BTreeMap::new();
        for (name, privilege, until) in [
            ("look", Privilege::Audit, None),
            ("change", Privilege::Modify, None),
            ("over", Privilege::Modify, Some(EpochS(1))),
            ("gone", Privilege::Modify, None),
        ] {
            let (secret, hash) = tokens::new_secret().unwrap();
            secrets.insert(name, secret);
            let token = Token { privilege, made: EpochS(0), until, comment: None, hash };
            tokens::edit(dir.path(), |all| {
                all.add(TokenId::of(name).unwrap(), token).map_err(anyhow::Error::msg)
            })
            .unwrap();
        }
        tokens::edit(dir.path(), |all| Ok(all.revoke(&TokenId::of("gone").unwrap()))).unwrap();
        let mut access = Access::new(TokenStore::open(dir.path()), loopback_needs_token, Some(dir.path()));
        // How long refusals are held back is the limiter's to test; here it would cost real time.
        access.delay_ms_max = 0;
        let context = Context::new(
            Arc::new(Board::new(Instance(1))),
            NodeName::new("pve1").unwrap(),
            Clock::start(ClockOffset::default()),
            &crate::http::store_below(dir.path()),
            NodeFacts::default(),
            access,
            tokio::sync::mpsc::channel(1).0,
        );
        Self { _dir: dir, router: crate::http::router(context.clone()), context, secrets }
    }

    /// `PVEAPIToken=root@pam!NAME=SECRET`.
    fn header(&self, name: &str, secret_of: &str) -> String {
        format!("PVEAPIToken=root@pam!{name}={}", self.secrets[secret_of])
    }

    async fn send(&self, from: &str, line: &str, headers: &[(&str, &str)]) -> Response {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "localhost:8480");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        match from.split_once(' ') {
            Some(("tcp", address)) => {
                let address = address.parse().unwrap();
                request.extensions_mut().insert(Peer::Tcp { address, encrypted: true });
            }
            Some(("unix", uid)) => {
                let uid = uid.parse().unwrap();
                request.extensions_mut().insert(Peer::Unix { uid, gid: uid, pid: Some(7) });
            }
            _ => {}
        }
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Asks, and compares the answer's status.
    async fn check(&self, from: &str, line: &str, headers: &[(&str, &str)], expect: u16) {
        let status = self.send(from, line, headers).await.status();
        assert_eq!(status.as_u16(), expect, "{from}: {line} {headers:?}");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self._dir.path().join(audit::AUDIT_FILE)).unwrap_or_default()
    }
}

const READ: &str = "GET /api2/json/version";
/// No route takes it: 501 is the answer to somebody who was let through.
const WRITE: &str = "POST /api2/json/version";

#[tokio::test]
async fn without_a_token_the_place_decides() {
    let house = House::new(false);
    for (from, read, write) in
        [(LOOPBACK, 200, 401), ("tcp [::1]:5", 200, 401), ("tcp [::ffff:127.0.0.1]:5", 200, 401)]
    {
        house.check(from, READ, &[], read).await;
        house.check(from, WRITE, &[], write).await;
    }
    for far in [FAR, "tcp [2001:db8::1]:5", "tcp [::ffff:192.0.2.7]:5", "tcp 0.0.0.0:5", "nowhere"] {
        for line in [READ, WRITE, "GET /metrics", "GET /events", "GET /readyz", "GET /no/such"] {
            house.check(far, line, &[], 401).await;
        }
        house.check(far, "GET /healthz", &[], 200).await;
        // The pages themselves tell nothing of a cluster, and show the way in.
        house.check(far, "GET /", &[], 200).await;
        house.check(far, "HEAD /healthz", &[], 200).await;
    }
    house.check(ROOT, READ, &[], 200).await;
    house.check(ROOT, WRITE, &[], 501).await;
    house.check(GROUP, READ, &[], 200).await;
    house.check(GROUP, WRITE, &[], 403).await;
    // What a proxy on this machine hands on does not come from this machine.
    for proxied in ["x-forwarded-for", "forwarded", "x-real-ip", "via"] {
        house.check(LOOPBACK, READ, &[(proxied, "192.0.2.1")], 401).await;
    }
    let strict = House::new(true);
    strict.check(LOOPBACK, READ, &[], 401).await;
    strict.check(LOOPBACK, "GET /healthz", &[], 200).await;
    strict.check(LOOPBACK, READ, &[("authorization", &strict.header("look", "look"))], 200).await;
    strict.check(ROOT, READ, &[], 200).await;
}

#[tokio::test]
async fn a_scraper_may_say_its_token_as_scrapers_do() {
    let house = House::new(true);
    let bearer = format!("Bearer root@pam!look={}", house.secrets["look"]);
    let basic = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("root@pam!look:{}", house.secrets["look"]),
    );
    for header in [bearer, format!("Basic {basic}"), house.header("look", "look")] {
        house.check(FAR, "GET /metrics", &[("authorization", &header)], 200).await;
        // It is let in, and there is no picture of the cluster yet.
        house.check(FAR, "GET /metrics/cluster", &[("authorization", &header)], 503).await;
    }
    house.check(FAR, "GET /metrics/cluster", &[("authorization", "Bearer root@pam!look=x")], 401).await;
    house.check(LOOPBACK, "GET /metrics/cluster", &[], 401).await;
}

#[tokio::test]
async fn a_token_opens_what_it_is_for_and_nothing_else() {
    let house = House::new(false);
    for from in [FAR, LOOPBACK, ROOT] {
        let look = house.header("look", "look");
        house.check(from, READ, &[("authorization", &look)], 200).await;
        house.check(from, WRITE, &[("authorization", &look)], 403).await;
        let change = house.header("change", "change");
        house.check(from, READ, &[("authorization", &change)], 200).await;
        house.check(from, WRITE, &[("authorization", &change)], 501).await;
        for (name, secret_of) in
            [("over", "over"), ("gone", "gone"), ("change", "look"), ("look", "change"), ("nobody", "look")]
        {
            let wrong = house.header(name, secret_of);
            // Also where nothing need be shown: who shows something wrong is told so.
            house.check(from, READ, &[("authorization", &wrong)], 401).await;
            house
                .check(&from.replace("192.0.2", "203.0.113"), WRITE, &[("authorization", &wrong)], 401)
                .await;
        }
    }
}

#[tokio::test]
async fn refusals_read_as_proxmoxs() {
    let house = House::new(false);
    let check = async |headers: &[(&str, &str)], line: &str, status: u16, message: &str, challenged: bool| {
        let response = house.send(FAR, line, headers).await;
        assert_eq!(response.status().as_u16(), status);
        assert_eq!(response.headers().contains_key("www-authenticate"), challenged, "{message}");
        let reason = response.extensions().get::<hyper::ext::ReasonPhrase>().cloned().unwrap();
        assert_eq!(reason.as_bytes(), message.as_bytes(), "its clients read the status line");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["message"], body["data"].is_null()), (&message.into(), true));
    };
    check(&[], READ, 401, "No ticket", true).await;
    check(&[("authorization", "Bearer abc")], READ, 401, "Authentication failed!", true).await;
    let look = house.header("look", "look");
    check(&[("authorization", &look)], WRITE, 403, "Permission check failed (/, Sys.Modify)", false).await;
}

#[tokio::test]
async fn no_spelling_of_a_path_or_a_method_asks_for_less() {
    let house = House::new(false);
    for path in [
        "/healthz/",
        "//healthz",
        "/healthz/../metrics",
        "/HEALTHZ",
        "/%68ealthz",
        "/healthz%2f..%2fmetrics",
        "/healthz;/metrics",
        "/./healthz",
        "http://localhost:8480/metrics",
        "/api2/json/version/%2e%2e/%2e%2e/healthz",
        "/healthz%00",
    ] {
        house.check(FAR, &format!("GET {path}"), &[], 401).await;
    }
    // Its query is none of its path.
    house.check(FAR, "GET /healthz?/metrics", &[], 200).await;
    let plain = Peer::Tcp { address: "127.0.0.1:5".parse().unwrap(), encrypted: false };
    let mut rebound = Request::get("http://evil.example/metrics").header("host", "localhost");
    rebound.extensions_mut().unwrap().insert(plain);
    let answer = house.router.clone().oneshot(rebound.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
    let look = house.header("look", "look");
    for (name, value) in [
        ("x-http-method-override", "POST"),
        ("x-http-method", "PUT"),
        ("x-method-override", "DELETE"),
        ("x-original-url", "/api2/json/nodes"),
        ("x-rewrite-url", "/api2/json/nodes"),
    ] {
        let changed = [(name, value), ("authorization", look.as_str())];
        house.check(FAR, READ, &changed, 200).await;
        house.check(FAR, WRITE, &changed, 403).await;
        house.check(FAR, "POST /healthz", &[(name, "GET")], 401).await;
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"] {
        house.check(FAR, &format!("{method} /healthz"), &[], 401).await;
        house.check(LOOPBACK, &format!("{method} /api2/json/version"), &[], 401).await;
        house.check(FAR, &format!("{method} /metrics"), &[("authorization", &look)], 403).await;
    }
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing() {
    let house = House::new(false);
    let change = house.header("change", "change");
    let check = async |headers: &[(&str, &str)], expect: u16| {
        let mut headers = headers.to_vec();
        headers.push(("authorization", &change));
        house.check(LOOPBACK, WRITE, &headers, expect).await;
    };
    check(&[], 501).await;
    check(&[("origin", "http://localhost:8480"), ("sec-fetch-site", "same-origin")], 501).await;
    check(&[("sec-fetch-site", "none")], 501).await;
    for origin in [
        "http://evil.example",
        "null",
        "http://localhost:8480.evil.example",
        "http://localhost",
        "http://localhost:81",
        "file://",
        "",
    ] {
        check(&[("origin", origin)], 403).await;
    }
    for site in ["cross-site", "same-site", "", "SAME-ORIGIN"] {
        check(&[("sec-fetch-site", site)], 403).await;
    }
    check(&[("origin", "http://localhost:8480"), ("sec-fetch-site", "cross-site")], 403).await;
    check(&[("origin", "http://localhost:8480"), ("origin", "http://evil.example")], 403).await;
    // Without a token it was nobody in the first place, and a read by a page stays within the browser.
    house.check(LOOPBACK, WRITE, &[("origin", "http://evil.example")], 401).await;
    house.check(LOOPBACK, READ, &[("origin", "http://evil.example")], 200).await;
    assert!(!house.log().contains("\"status\":403"), "refusals do not push writes out of the record");
}

#[tokio::test]
async fn who_tries_often_is_limited_and_nobody_else() {
    let house = House::new(false);
    let wrong = house.header("look", "change");
    let guess = async |from: &str| house.send(from, READ, &[("authorization", &wrong)]).await;
    for n in 0..10 {
        assert_eq!(guess(FAR).await.status(), StatusCode::UNAUTHORIZED, "guess {n}");
    }
    let limited = guess(FAR).await;
    assert_eq!(limited.status(), StatusCode::TOO_MANY_REQUESTS);
    let after: u64 = limited.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&after), "{after}");
    // Neither others, nor who asks without a token, nor whoever has the right one, wherever they are.
    assert_eq!(guess("tcp 192.0.2.8:5").await.status(), StatusCode::UNAUTHORIZED);
    house.check(FAR, READ, &[], 401).await;
    for from in ["tcp 192.0.2.8:5", LOOPBACK, FAR] {
        house.check(from, READ, &[("authorization", &house.header("look", "look"))], 200).await;
    }
}

/// As a flood from everywhere fills it.
#[tokio::test]
async fn when_too_many_refusals_are_held_back_the_next_comes_back_later() {
    let house = House::new(false);
    let _held = house.context.access.waiting.acquire_many(u32::try_from(WAITING_MAX).unwrap()).await.unwrap();
    let wrong = house.header("look", "change");
    let answer = house.send(FAR, READ, &[("authorization", &wrong)]).await;
    assert_eq!(
        (answer.status(), &answer.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"1".parse().unwrap())
    );
    house.check(FAR, READ, &[("authorization", &house.header("look", "look"))], 200).await;
}

#[tokio::test]
async fn a_write_is_in_the_record_and_no_secret_is() {
    let house = House::new(false);
    let change = house.header("change", "change");
    let line = "PUT /api2/json/version?node=pve1&token=s3cret";
    house.check(FAR, line, &[("authorization", &change)], 501).await;
    house.check(ROOT, "DELETE /api2/json/version", &[], 501).await;
    let log = house.log();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    for word in [
        r#""by":"root@pam!change""#,
        r#""peer":"192.0.2.7""#,
        r#""method":"PUT""#,
        r#""node":"pve1""#,
        r#""status":501"#,
    ] {
        assert!(lines[0].contains(word), "{word}: {log}");
    }
    assert!(lines[1].contains(r#""by":"root@pam","peer":"unix:7""#), "{log}");
    assert!(!log.contains("s3cret") && !log.contains(&house.secrets["change"]), "{log}");
    house.check(FAR, WRITE, &[("authorization", &house.header("look", "look"))], 403).await;
    assert_eq!(house.log().lines().count(), 2);
}

#[test]
fn two_headers_are_not_one() {
    let mut headers = HeaderMap::new();
    headers.append("authorization", HeaderValue::from_static("Bearer a"));
    headers.append("authorization", HeaderValue::from_static("Bearer a"));
    assert!(credentials::read(&headers).is_err());
}

#[test]
fn local_users_have_names() {
    assert_eq!((user(0).as_str(), user(4_000_000_000).as_str()), ("root@pam", "uid 4000000000@pam"));
}

/// The session cookie of an answer, as a browser sends it, and the answer's data.
async fn opened(house: &House, from: &str, token: &str) -> (String, serde_json::Value) {
    let line = "POST /api2/json/session";
    let response = house.send(from, line, &[("authorization", token)]).await;
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    (cookie.split(';').next().unwrap().to_owned(), json["data"].clone())
}

#[tokio::test]
async fn a_browser_shows_its_token_once_and_says_what_only_our_pages_know() {
    let house = House::new(true);
    let (cookie, who) = opened(&house, FAR, &house.header("change", "change")).await;
    let csrf = who["csrf"].as_str().unwrap();
    assert_eq!(
        (who["name"].as_str(), who["privilege"].as_str()),
        (Some("root@pam!change"), Some("Sys.Modify"))
    );
    house.check(FAR, READ, &[("cookie", &cookie)], 200).await;
    // With the cookie alone nothing is changed, nor with another word.
    house.check(FAR, WRITE, &[("cookie", &cookie)], 401).await;
    house.check(FAR, WRITE, &[("cookie", &cookie), ("csrfpreventiontoken", "x")], 401).await;
    let said = [("cookie", cookie.as_str()), ("csrfpreventiontoken", csrf)];
    house.check(FAR, WRITE, &said, 501).await;
    // A page of another origin has no business here, even with both.
    house.check(FAR, WRITE, &[said[0], said[1], ("sec-fetch-site", "cross-site")], 403).await;
    house
        .check(
            FAR,
            "POST /api2/json/session",
            &[("authorization", &house.header("look", "look")), ("origin", "http://evil.example")],
            403,
        )
        .await;
    // A browser would ask for a password by itself if a page's request were challenged.
    let by_script = house.send(FAR, READ, &[("sec-fetch-dest", "empty")]).await;
    assert_eq!(
        (by_script.status().as_u16(), by_script.headers().contains_key("www-authenticate")),
        (401, false)
    );
    assert!(house.send(FAR, READ, &[]).await.headers().contains_key("www-authenticate"));
    // Ended is ended, and the cookie is taken back.
    house.check(FAR, "DELETE /api2/json/session", &[said[0]], 401).await;
    house.check(FAR, "DELETE /api2/json/session", &said, 200).await;
    let over = house.send(FAR, READ, &[said[0]]).await;
    assert_eq!(over.status(), StatusCode::UNAUTHORIZED);
    assert!(over.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn a_session_is_worth_what_its_token_is_worth_now() {
    let house = House::new(true);
    let (cookie, who) = opened(&house, FAR, &house.header("look", "look")).await;
    let said = [("cookie", cookie.as_str()), ("csrfpreventiontoken", who["csrf"].as_str().unwrap())];
    house.check(FAR, WRITE, &said, 403).await;
    house.check(FAR, READ, &said, 200).await;
    tokens::edit(house._dir.path(), |all| Ok(all.revoke(&TokenId::of("look").unwrap()))).unwrap();
    let headers = |name: &str, value: &str| {
        let name = axum::http::HeaderName::try_from(name).unwrap();
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    };
    // An answer that goes on asks again by what it was let in.
    let by_session = Ticket::of(&headers("cookie", &cookie), &house.context);
    let by_token = Ticket::of(&headers("authorization", &house.header("look", "look")), &house.context);
    let tickets = [by_session, by_token, Ticket::of(&HeaderMap::new(), &house.context)];
    let good = || tickets.each_ref().map(|ticket| ticket.is_good(&house.context));
    assert_eq!(good(), [true, true, true]);
    house.context.access.tokens.look();
    assert_eq!(good(), [false, false, true]);
    house.check(FAR, READ, &said, 401).await;
    // Nobody opens one without a token, nor with one that is worth nothing.
    house.check(FAR, "POST /api2/json/session", &[], 401).await;
    house
        .check(FAR, "POST /api2/json/session", &[("authorization", &house.header("over", "over"))], 401)
        .await;
}
