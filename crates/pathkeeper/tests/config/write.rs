//! Writes of both documents: what is named changes, everything else stays, and what is refused changes nothing.

use std::sync::Arc;

use pathkeeper_api::client::Error;
use pathkeeper_api::config::KeysBody;
use pathkeeper_api::paths;
use serde_json::{Value, json};

use super::lab::{Lab, NEW, SHOWN, WWID, read};

const CONFIG: &str = "multipath.cfg";
const OVERRIDES: &str = "multipath-overrides.conf";
/// Comments, odd white space and a key of others stay as they are.
const DOCUMENT: &str = "# ours\ndefaults: global\n\tno-path-retry 12\n  # why\n\nwwid: 3600a01\n    alias one\n    colour blue\n\n# the end\n";

fn lun(wwid: &str) -> String {
    paths::LUN.replace("{wwid}", wwid)
}

/// What is wrong, by parameter.
fn wrong(answer: &Value, parameter: &str) -> String {
    answer["errors"][parameter].as_str().unwrap_or_else(|| panic!("no {parameter} in {answer}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_luns_are_written_and_nothing_else_moves() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    // The first write makes the document.
    let (status, answer) = lab.json("PUT", paths::CONFIG_DEFAULTS, json!({ "polling-interval": 5 })).await;
    assert_eq!(
        (status, &answer["data"]["changed"], &answer["data"]["pending"]),
        (200, &true.into(), &true.into())
    );
    assert_eq!(lab.text(CONFIG).await, "defaults: global\n    polling-interval 5\n");

    lab.document(CONFIG, DOCUMENT.as_bytes()).await;
    let digest = lab.digest(CONFIG).await;
    let body =
        json!({ "no-path-retry": "queue", "skip-kpartx": true, "delete": "comment", "digest": digest });
    let (status, answer) = lab.json("PUT", paths::CONFIG_DEFAULTS, body).await;
    assert_eq!((status, answer["data"]["before"].as_str()), (200, Some(digest.as_str())), "{answer}");
    assert_eq!(answer["data"]["after"].as_str(), Some(lab.digest(CONFIG).await.as_str()));
    let expect = DOCUMENT.replace("no-path-retry 12\n", "no-path-retry queue\n\tskip-kpartx 1\n");
    assert_eq!(lab.text(CONFIG).await, expect);

    // The same once more changes nothing, and says so.
    let (status, answer) = lab.json("PUT", paths::CONFIG_DEFAULTS, json!({ "no-path-retry": "queue" })).await;
    assert_eq!((status, &answer["data"]["changed"]), (200, &false.into()));

    let body = json!({
        "wwid": NEW, "alias": "two", "nodes": "pve1,pve2", "used-by": "backup", "expected-paths": 4,
        "comment": "ticket 4711 – \"{100%}\" #1", "failback": "manual", "digest": lab.digest(CONFIG).await,
    });
    let (status, answer) = lab.json("POST", paths::LUNS, body).await;
    assert_eq!(status, 200, "{answer}");
    let text = lab.text(CONFIG).await;
    for line in [
        format!("wwid: {NEW}\n"),
        "    alias two\n".into(),
        "    comment ticket 4711 – \"{100%}\" #1\n".into(),
        "    nodes pve1,pve2\n".into(),
        "# the end\n".into(),
    ] {
        assert!(text.contains(&line), "no {line:?} in {text}");
    }
    let luns = lab.client.luns().await.unwrap();
    assert_eq!(luns.digest.as_deref(), Some(lab.digest(CONFIG).await.as_str()));

    // As Proxmox's clients send it.
    let form = "alias=zwei&delete=nodes%2Cused-by&expected-paths=8";
    let (status, answer) = lab.raw("PUT", &lun(NEW), "application/x-www-form-urlencoded", form).await;
    assert_eq!(status, 200, "{answer}");
    let text = lab.text(CONFIG).await;
    assert!(text.contains("    alias zwei\n") && text.contains("    expected-paths 8\n"), "{text}");
    assert!(!text.contains("nodes pve1") && !text.contains("used-by"), "{text}");

    let (status, answer) =
        lab.json("DELETE", &format!("{}?digest={}", lun(NEW), lab.digest(CONFIG).await), Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    assert!(!lab.text(CONFIG).await.contains(NEW));
    assert!(lab.text(CONFIG).await.contains("    colour blue\n\n# the end\n"), "what is not ours stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_by_parameter_and_changes_nothing() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    lab.document(CONFIG, DOCUMENT.as_bytes()).await;
    let check = async |method: &str, path: &str, body: Value, status: u16, words: &[(&str, &str)]| {
        let (found, answer) = lab.json(method, path, body.clone()).await;
        assert_eq!(found, status, "{method} {path} {body}: {answer}");
        for (parameter, word) in words {
            let text = match *parameter {
                "" => answer["message"].as_str().unwrap().to_owned(),
                parameter => wrong(&answer, parameter),
            };
            assert!(text.contains(word), "no {word:?} in {parameter} of {answer}");
        }
        assert_eq!(lab.text(CONFIG).await, DOCUMENT, "{method} {path} {body}");
    };
    let defaults = paths::CONFIG_DEFAULTS;
    let (put, post) = ("PUT", "POST");
    // All of it at once.
    check(
        put,
        defaults,
        json!({ "polling-interval": "abc", "no-path-retri": 1, "find-multipaths": "yes", "alias": "x", "delete": ["prio", "nonsense"] }),
        400,
        &[
            ("polling-interval", "\"abc\" is not allowed: a number from 1 to 3600"),
            ("no-path-retri", "did you mean no-path-retry?"),
            ("find-multipaths", "cannot be set"),
            ("alias", "one LUN's"),
            ("nonsense", "is no setting"),
        ],
    )
    .await;
    check(put, defaults, json!({}), 400, &[("delete", "nothing is to be changed")]).await;
    check(put, defaults, json!({ "prio": "alua", "delete": "prio" }), 400, &[("prio", "at once")]).await;
    check(put, defaults, json!({ "prio": ["alua"] }), 400, &[("prio", "type check failed")]).await;
    check(put, defaults, json!({ "prio": "alua", "digest": "" }), 400, &[("digest", "must not be empty")])
        .await;
    check(
        put,
        defaults,
        json!({ "prio": "alua", "digest": "00" }),
        409,
        &[("", "detected modified configuration")],
    )
    .await;
    check(put, defaults, json!([1]), 400, &[("body", "no JSON object")]).await;
    check(
        put,
        &lun("3600a01"),
        json!({ "polling-interval": 5 }),
        400,
        &[("polling-interval", "all LUNs alike")],
    )
    .await;
    check(put, &lun("3600a02"), json!({ "alias": "x" }), 404, &[("", "not in multipath.cfg")]).await;
    check(post, paths::LUNS, json!({ "alias": "x" }), 400, &[("wwid", "missing")]).await;
    check(post, paths::LUNS, json!({ "wwid": "3600a01" }), 409, &[("", "allowed already, in line 6")]).await;
    check(post, paths::LUNS, json!({ "wwid": "a b" }), 400, &[("wwid", "no WWID")]).await;
    check(post, paths::LUNS, json!({ "wwid": "x\nwwid: y" }), 400, &[("wwid", "no WWID")]).await;
    check(post, paths::LUNS, json!({ "wwid": "#x" }), 400, &[("wwid", "no WWID")]).await;
    check(
        post,
        paths::LUNS,
        json!({ "wwid": "3600a02", "delete": ["prio"] }),
        400,
        &[("delete", "not defined")],
    )
    .await;
    // A name that another LUN bears.
    check(
        post,
        paths::LUNS,
        json!({ "wwid": "3600a02", "alias": "one" }),
        400,
        &[("alias", "another LUN already, in line 7")],
    )
    .await;
    check(put, &lun("3600a01"), json!({ "alias": "3600a01" }), 400, &[("alias", "is the WWID of a LUN")])
        .await;
    check("DELETE", &lun("3600a02"), Value::Null, 404, &[("", "not in multipath.cfg")]).await;
    check(
        "DELETE",
        &format!("{}?digest=", lun("3600a01")),
        Value::Null,
        400,
        &[("digest", "must not be empty")],
    )
    .await;
    check("DELETE", &format!("{}?force=1", lun("3600a01")), Value::Null, 400, &[("force", "not defined")])
        .await;
    check("DELETE", &format!("{}?digest=00", lun("3600a01")), Value::Null, 409, &[("", "detected modified")])
        .await;
    check(put, paths::CONFIG, json!({ "text": "wwid: 1\n" }), 400, &[("digest", "missing")]).await;
    check(put, paths::CONFIG, json!({ "digest": "00" }), 400, &[("text", "missing")]).await;
    check(
        put,
        paths::CONFIG,
        json!({ "digest": "00", "text": "wwid: 1\n" }),
        409,
        &[("", "detected modified")],
    )
    .await;
    check(put, paths::CONFIG, json!({ "digest": "00", "text": "" }), 400, &[("text", "empty")]).await;
    check(
        put,
        paths::CONFIG,
        json!({ "digest": "00", "text": "wwid: 1\n\tprio x\n" }),
        400,
        &[("text", "line 2: prio")],
    )
    .await;
    let torn = "# pathkeeper: torn down by a at b\n";
    check(put, paths::CONFIG, json!({ "digest": "00", "text": torn }), 400, &[("text", "config teardown")])
        .await;
    check("DELETE", &format!("{}?digest=00", paths::CONFIG), Value::Null, 409, &[("", "detected modified")])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_values_arrive_as_typed_or_not_at_all() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    let long = "x".repeat(4_096);
    let hostile = [
        "a\"b",
        "a}b",
        "{",
        "a\nb",
        "a\r\nwwid: 3600b",
        "50%",
        "%s%n",
        "Größe",
        "\u{1b}[2J",
        "a\u{0}b",
        " a",
        "a ",
        "#a",
        "",
        "\t",
        "1\u{2028}2",
        &long,
        "{}\"'`$(id);|&<>\\",
        "; rm -rf /",
    ];
    for key in [
        "comment",
        "used-by",
        "alias",
        "nodes",
        "expected-paths",
        "prio-args",
        "no-path-retry",
        "path-selector",
        "mode",
    ] {
        for value in hostile {
            lab.document(CONFIG, DOCUMENT.as_bytes()).await;
            let (status, answer) = lab.json("PUT", &lun("3600a01"), json!({ key: value })).await;
            let text = lab.text(CONFIG).await;
            if status != 200 {
                assert_eq!((status, text.as_str()), (400, DOCUMENT), "{key} {value:?}: {answer}");
                wrong(&answer, key);
                continue;
            }
            let config = lab.client.config(None).await.unwrap();
            assert_eq!(config.config.state, "good", "{key} {value:?}: {text}");
            assert_eq!(config.luns.keys().collect::<Vec<_>>(), [WWID, "3600a01"], "{key} {value:?}");
            let section = &config.luns["3600a01"];
            let arrived = match key {
                "comment" => section.comment.clone(),
                "used-by" => section.used_by.clone(),
                "alias" => section.alias.clone(),
                key => section.settings.get(key).and_then(|setting| setting.said.clone()),
            };
            assert_eq!(arrived.as_deref(), Some(value), "{key}: {text}");
            assert!(text.ends_with("colour blue\n\n# the end\n") || text.contains("colour blue"), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_instruction_is_never_edited_away() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    for broken in ["wwid\n", "defaults: global\n\tprio x\n", "\u{feff}x", "wwid: 3600a01\n\nwwid: 3600a01\n"]
    {
        lab.document(CONFIG, broken.as_bytes()).await;
        for (method, path, body) in [
            ("PUT", paths::CONFIG_DEFAULTS.to_owned(), json!({ "prio": "alua" })),
            ("POST", paths::LUNS.to_owned(), json!({ "wwid": NEW })),
            ("PUT", lun("3600a01"), json!({ "delete": "alias" })),
            ("DELETE", lun("3600a01"), Value::Null),
            ("DELETE", paths::CONFIG.to_owned(), Value::Null),
        ] {
            let (status, answer) = lab.json(method, &path, body).await;
            assert_eq!(status, 409, "{method} {path}: {answer}");
            assert!(answer["message"].as_str().unwrap().contains("line "), "{answer}");
            assert_eq!(lab.text(CONFIG).await, broken, "{method} {path}");
        }
        // Who looked at it mends it as a whole.
        let body = json!({ "text": DOCUMENT, "digest": lab.digest(CONFIG).await });
        let (status, answer) = lab.json("PUT", paths::CONFIG, body).await;
        assert_eq!((status, lab.text(CONFIG).await.as_str()), (200, DOCUMENT), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_is_not_taken_out() {
    // Nobody can tell how often its map is open: then it is in use.
    let lab = Lab::new(read(Some(SHOWN))).await;
    let text = format!("wwid: {WWID}\n    alias data01\n\nwwid: {NEW}\n");
    lab.document(CONFIG, text.as_bytes()).await;
    let digest = lab.digest(CONFIG).await;
    for (method, path, body) in [
        ("DELETE", lun(WWID), Value::Null),
        ("PUT", paths::CONFIG.to_owned(), json!({ "digest": digest, "text": format!("wwid: {NEW}\n") })),
        ("DELETE", paths::CONFIG.to_owned(), Value::Null),
    ] {
        let (status, answer) = lab.json(method, &path, body).await;
        let message = answer["message"].as_str().unwrap();
        assert!(
            status == 409 && message.contains(WWID) && message.contains("perhaps open on pve1"),
            "{status} {message}"
        );
        assert_eq!(lab.text(CONFIG).await, text);
    }
    let (status, _) = lab.json("DELETE", &lun(NEW), Value::Null).await;
    assert_eq!(status, 200, "nobody has that one");

    // A storage's word counts too, on whichever node.
    let mut free = read(Some(SHOWN));
    free.maps[0].open_count = Some(0);
    let lab = Lab::new(free).await;
    lab.document(CONFIG, format!("wwid: {WWID}\n\tused-by backup\n").as_bytes()).await;
    lab.until("its use", async || {
        let luns = lab.client.luns().await.ok()?;
        luns.luns.iter().any(|lun| lun.status.as_ref().is_some_and(|row| row.used_by.is_some())).then_some(())
    })
    .await;
    let (status, answer) = lab.json("DELETE", &lun(WWID), Value::Null).await;
    assert!(status == 409 && answer.to_string().contains("consumed by"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tear_down_is_a_document_and_starts_nothing() {
    let mut free = read(Some(SHOWN));
    free.maps[0].open_count = Some(0);
    let lab = Lab::new(free).await;
    let (status, answer) = lab.json("DELETE", paths::CONFIG, Value::Null).await;
    assert!(status == 409 && answer.to_string().contains("there is none"), "{answer}");
    lab.document(CONFIG, format!("wwid: {WWID}\n").as_bytes()).await;
    let files = lab.all().await;
    let (status, answer) = lab
        .json("DELETE", &format!("{}?digest={}", paths::CONFIG, lab.digest(CONFIG).await), Value::Null)
        .await;
    assert_eq!(
        (status, &answer["data"]["changed"], &answer["data"]["pending"]),
        (200, &true.into(), &true.into())
    );
    let text = lab.text(CONFIG).await;
    assert!(
        text.starts_with("# pathkeeper: torn down by ")
            && text.contains("@pam at 20")
            && text.ends_with("Z\n"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1);
    let config = lab.client.config(None).await.unwrap();
    assert_eq!(
        (config.config.state.as_str(), config.config.pending, config.rollout),
        ("torn-down", true, None)
    );
    let (status, answer) = lab.json("DELETE", paths::CONFIG, Value::Null).await;
    assert_eq!((status, &answer["data"]["changed"]), (200, &false.into()), "once is enough");
    assert_eq!(lab.text(CONFIG).await, text);
    let differ =
        |of: &[(String, Vec<u8>)]| of.iter().filter(|(name, _)| name != CONFIG).cloned().collect::<Vec<_>>();
    assert_eq!(differ(&lab.all().await), differ(&files), "a tear-down touched a file");
    // It begins anew with the next LUN.
    let (status, _) = lab.json("POST", paths::LUNS, json!({ "wwid": NEW })).await;
    assert_eq!((status, lab.text(CONFIG).await), (200, format!("wwid: {NEW}\n")));
}

#[tokio::test(flavor = "multi_thread")]
async fn overrides_have_a_text_and_a_digest_of_their_own() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    let (status, answer) = lab.json("GET", paths::OVERRIDES, Value::Null).await;
    assert_eq!(
        (status, &answer["data"]["state"], &answer["data"]["pending"]),
        (200, &"absent".into(), &false.into())
    );
    let good =
        "devices {\n\tdevice {\n\t\tvendor \"NETAPP\"\n\t\tproduct \"LUN.*\"\n\t\tno_path_retry 12\n\t}\n}\n";
    let body = json!({ "text": good, "digest": answer["data"]["digest"] });
    let (status, answer) = lab.json("PUT", paths::OVERRIDES, body).await;
    assert_eq!((status, lab.text(OVERRIDES).await.as_str()), (200, good), "{answer}");
    let (_, answer) = lab.json("GET", paths::OVERRIDES, Value::Null).await;
    assert_eq!((&answer["data"]["text"], &answer["data"]["pending"]), (&good.into(), &true.into()));
    lab.document(CONFIG, format!("wwid: {NEW}\n").as_bytes()).await;
    for (body, status, word) in [
        (json!({ "text": "# x\n", "digest": "00" }), 409, "detected modified"),
        (json!({ "text": "# x\n", "digest": " " }), 400, "must not be empty"),
        (json!({ "text": "" }), 400, "it is empty"),
        (json!({}), 400, "missing"),
        (json!({ "text": "defaults {\n}\n" }), 400, "line 1"),
        (json!({ "text": "overrides {\n\tno_path_retry abc\n}\n" }), 400, "line 2"),
        (json!({ "text": "# \u{0}\n" }), 400, "line 1"),
        // An allowed LUN that no node has, and a map of this node.
        (json!({ "text": format!("blacklist {{\n\twwid \"{NEW}\"\n}}\n") }), 400, NEW),
        (json!({ "text": format!("blacklist {{\n\twwid {WWID}\n}}\n") }), 400, "map data01"),
        (json!({ "text": "blacklist {\n\tdevnode \"^sd\"\n}\n" }), 400, "would be excluded by"),
    ] {
        let (found, answer) = lab.json("PUT", paths::OVERRIDES, body.clone()).await;
        assert!(found == status && answer.to_string().contains(word), "{body}: {found} {answer}");
        assert_eq!(lab.text(OVERRIDES).await, good, "{body}");
    }
    // What is not understood is replaced by those alone who looked at it.
    lab.document(OVERRIDES, b"devices {\n").await;
    let (status, answer) = lab.json("PUT", paths::OVERRIDES, json!({ "text": good })).await;
    assert!(status == 409 && answer.to_string().contains("line 1"), "{answer}");
    let body = json!({ "text": good, "digest": lab.digest(OVERRIDES).await });
    assert_eq!(lab.json("PUT", paths::OVERRIDES, body).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_writers_at_once_lose_nothing() {
    let lab = Arc::new(Lab::new(read(Some(SHOWN))).await);
    lab.document(CONFIG, b"# a hundred by two\n").await;
    let writer = |first: u32| {
        let lab = lab.clone();
        tokio::spawn(async move {
            for n in (first..200).step_by(2) {
                // As a person's program does it: looks, writes what it looked at, and does it again if others were faster.
                loop {
                    let digest = lab.digest(CONFIG).await;
                    let body = json!({ "wwid": format!("3600a{n:04}"), "digest": digest });
                    match lab.json("POST", paths::LUNS, body).await {
                        (200, _) => break,
                        (409, answer) => {
                            assert!(answer.to_string().contains("detected modified"), "{answer}")
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        })
    };
    let (one, two) = (writer(0), writer(1));
    one.await.unwrap();
    two.await.unwrap();
    let text = lab.text(CONFIG).await;
    assert_eq!(text.matches("wwid: ").count(), 200, "{text}");

    // Who names no digest is told of nothing and loses nothing either.
    let set = |key: &'static str| {
        let lab = lab.clone();
        tokio::spawn(async move {
            for n in 1..=20 {
                let (status, answer) = lab.json("PUT", paths::CONFIG_DEFAULTS, json!({ key: n })).await;
                assert!(status == 200 || status == 409, "{answer}");
            }
            let (status, answer) = lab.json("PUT", paths::CONFIG_DEFAULTS, json!({ key: 21 })).await;
            assert_eq!(status, 200, "{answer}");
        })
    };
    let (one, two) = (set("polling-interval"), set("max-polling-interval"));
    one.await.unwrap();
    two.await.unwrap();
    let text = lab.text(CONFIG).await;
    assert!(
        text.contains("    polling-interval 21\n") && text.contains("    max-polling-interval 21\n"),
        "{text}"
    );
    assert_eq!(text.matches("wwid: ").count(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_look_may_not_write() {
    let lab = Lab::new(read(Some(SHOWN))).await;
    lab.document(CONFIG, DOCUMENT.as_bytes()).await;
    assert!(lab.looker.overrides().await.is_ok() && lab.looker.rollout().await.is_ok());
    let keys = KeysBody { set: [("prio".to_owned(), "alua".to_owned())].into(), ..KeysBody::default() };
    let refused = [
        lab.looker.set_defaults(&keys).await.err(),
        lab.looker.set_lun("3600a01", &keys).await.err(),
        lab.looker.remove_lun("3600a01", "00").await.err(),
        lab.looker.tear_down("00").await.err(),
        lab.looker.allow_lun(&Default::default()).await.err(),
        lab.looker.write_config(&Default::default()).await.err(),
        lab.looker.write_overrides(&Default::default()).await.err(),
        lab.looker.start_rollout(&Default::default()).await.err(),
        lab.looker.steer_rollout(paths::ROLLOUT_PAUSE, &Default::default()).await.err(),
        lab.looker.steer_rollout(paths::ROLLOUT_RESUME, &Default::default()).await.err(),
        lab.looker.steer_rollout(paths::ROLLOUT_ABORT, &Default::default()).await.err(),
        lab.looker.steer_rollout(paths::ROLLOUT_FORCE, &Default::default()).await.err(),
    ];
    for refused in refused {
        assert!(matches!(refused, Some(Error::Refused { status: 401, .. })), "{refused:?}");
    }
    assert_eq!(lab.text(CONFIG).await, DOCUMENT);
}
