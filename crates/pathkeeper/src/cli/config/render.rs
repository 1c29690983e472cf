//! What `pathkeeper config` prints. Pure.

use std::collections::BTreeSet;

use pathkeeper_api::config::{Adopted, Config, ConfigLun, Document, Keyword, Planned, Schema, Setting};
use similar::TextDiff;

use crate::cli::text::{Field, Tone, View, clean, count, field, table};

/// Values in force that are not known.
const NOT_TOLD: &str = "?";

/// Both documents, all settings that somebody sets, all LUNs; `wide`: built-in values too.
pub(super) fn show(config: &Config, view: &View, wide: bool) -> String {
    let mut out = heads(config, view);
    let told = |setting: &&Setting| {
        wide || setting.said.is_some() || setting.set_by.as_deref().is_some_and(|by| by != "built-in")
    };
    let defaults: Vec<_> = config.defaults.iter().filter(|(_, setting)| told(setting)).collect();
    // Of what could not be looked at nothing is said.
    let all_known = config.not_known.is_empty();
    if defaults.is_empty() && all_known {
        out.push_str("\nno file of this node and no document sets anything for all LUNs\n");
    } else if !defaults.is_empty() {
        let mut rows = vec![titles(&["SETTING", "SAID", "IN FORCE", "SET BY"])];
        rows.extend(defaults.into_iter().map(|(key, setting)| row([field(Tone::Plain, key)], setting)));
        out.push_str(&format!("\n{}", table(view, &rows)));
    }
    if config.luns.is_empty() {
        let maps = if all_known { "this node has no map" } else { "no map of this node is known" };
        out.push_str(&format!("\nno LUN is allowed, and {maps}\n"));
        return out;
    }
    let mut rows = vec![titles(&["LUN", "ALIAS", &format!("MAP ON {}", config.node), "ALLOWED"])];
    for (wwid, lun) in &config.luns {
        rows.push(vec![
            field(Tone::Plain, wwid),
            field(Tone::Plain, lun.alias.as_deref().unwrap_or("-")),
            field(Tone::Plain, lun.map.as_deref().unwrap_or("-")),
            allowed(lun),
        ]);
    }
    out.push_str(&format!("\n{}", table(view, &rows)));
    // What is said of all LUNs is above: here what is of one LUN's own, and where both differ.
    let of_own = |setting: &Setting| {
        setting.as_said == Some(false)
            || setting.set_by.as_deref().is_some_and(|by| matches!(by, "lun" | "overrides" | "device"))
    };
    let mut rows = vec![titles(&["LUN", "SETTING", "SAID", "IN FORCE", "SET BY"])];
    for (wwid, lun) in &config.luns {
        let name = lun.map.as_deref().or(lun.alias.as_deref()).unwrap_or(wwid);
        for (key, setting) in lun.settings.iter().filter(|(_, setting)| of_own(setting)) {
            rows.push(row([field(Tone::Plain, name), field(Tone::Plain, key)], setting));
        }
    }
    if rows.len() > 1 {
        out.push_str(&format!("\n{}", table(view, &rows)));
    }
    out
}

/// One setting, of all LUNs, and what it means where that is known.
pub(super) fn get(config: &Config, key: &str, keyword: Option<&Keyword>, view: &View) -> String {
    let mut out = heads(config, view);
    if let Some(keyword) = keyword {
        out.push_str(&format!("\n{}", meaning(key, keyword, view)));
    }
    let mut rows = vec![titles(&["LUN", "MAP", "SAID", "IN FORCE", "SET BY"])];
    let none = Setting::default();
    let names = |lun: &str, map: &str| [field(Tone::Plain, lun), field(Tone::Plain, map)];
    rows.push(row(names("(all)", "-"), config.defaults.get(key).unwrap_or(&none)));
    for (wwid, lun) in &config.luns {
        if let Some(setting) = lun.settings.get(key) {
            rows.push(row(names(wwid, lun.map.as_deref().unwrap_or("-")), setting));
        }
    }
    out.push_str(&format!("\n{key} on {}\n{}", clean(&config.node), table(view, &rows)));
    out
}

/// What settings mean.
pub(super) fn keys(schema: &Schema, view: &View) -> String {
    let told = schema.settings.iter().map(|(key, keyword)| meaning(key, keyword, view));
    told.collect::<Vec<_>>().join("\n")
}

/// One setting: what it does, then what it may be and what holds by itself.
fn meaning(key: &str, keyword: &Keyword, view: &View) -> String {
    let mut facts = Vec::new();
    match &keyword.fixed {
        Some(value) => facts.push(format!("always {value}")),
        None => {
            facts.extend(keyword.takes.clone());
            facts.extend(keyword.default.as_ref().map(|default| format!("by default {default}")));
            facts.push(if keyword.for_luns { "for all LUNs or for one" } else { "for all LUNs" }.to_owned());
        }
    }
    facts.extend(keyword.since.as_ref().map(|since| format!("since multipath-tools {since}")));
    let name = view.paint(Tone::Strong, &clean(key));
    format!("{name}: {}\n  {}\n", clean(&keyword.meaning), clean(&facts.join("; ")))
}

/// What holds for the documents as a whole.
fn heads(config: &Config, view: &View) -> String {
    let mut out = String::new();
    for (name, document) in
        [("multipath.cfg", &config.config), ("multipath-overrides.conf", &config.overrides)]
    {
        let state = match document.state.as_str() {
            "good" => "good".to_owned(),
            "torn-down" => "torn down".to_owned(),
            state => format!("{}: no instruction, nodes keep what they have", clean(state)),
        };
        let state =
            if document.pending { format!("{state}, pending: pathkeeper config apply") } else { state };
        let tone = if document.state == "invalid" { Tone::Bad } else { Tone::Plain };
        out.push_str(&format!(
            "{name:<24}  {}  digest {}\n",
            view.paint(tone, &state),
            clean(&document.digest)
        ));
        out.push_str(&problems(name, document, view));
    }
    if let Some(rollout) = &config.rollout {
        out.push_str(&format!("rollout: generation {} is {}\n", rollout.generation, clean(&rollout.state)));
    }
    if let Some(why) = &config.rollout_problem {
        let text = format!("the rollout is not understood, and moves nobody: {}", clean(why));
        out.push_str(&(view.paint(Tone::Bad, &text) + "\n"));
    }
    if config.mode == "observe" {
        out.push_str("this node observes: nothing applies them here\n");
    }
    for what in &config.not_known {
        out.push_str(&(view.paint(Tone::Doubt, &format!("not known: {}", clean(what))) + "\n"));
    }
    out
}

fn problems(name: &str, document: &Document, view: &View) -> String {
    let mut out = String::new();
    for (tone, problems) in [(Tone::Bad, &document.problems), (Tone::Faint, &document.remarks)] {
        for problem in problems {
            let at = if problem.line > 0 { format!("{name}:{}", problem.line) } else { name.to_owned() };
            out.push_str(&(view.paint(tone, &format!("  {at}: {}", clean(&problem.what))) + "\n"));
        }
    }
    out
}

fn titles(titles: &[&str]) -> Vec<Field> {
    titles.iter().map(|title| field(Tone::Strong, title)).collect()
}

fn allowed(lun: &ConfigLun) -> Field {
    match lun.allowed {
        Some(true) => field(Tone::Plain, "yes"),
        Some(false) => field(Tone::Warn, "no"),
        None => field(Tone::Doubt, "-"),
    }
}

/// Names, then what is said, in force, and what sets it.
fn row<const N: usize>(names: [Field; N], setting: &Setting) -> Vec<Field> {
    let tone = if setting.as_said == Some(false) { Tone::Warn } else { Tone::Plain };
    let by = match (setting.set_by.as_deref(), setting.at.as_deref()) {
        (None, _) => NOT_TOLD.to_owned(),
        (Some("built-in"), _) => "multipath itself".to_owned(),
        (Some("hardware-table"), at) => format!("hardware table ({})", at.unwrap_or_default()),
        (Some(by), at) => format!("{by} {}", at.unwrap_or_default()),
    };
    let mut row: Vec<Field> = names.into();
    row.push(field(Tone::Plain, setting.said.as_deref().unwrap_or("-")));
    row.push(field(tone, setting.in_force.as_deref().unwrap_or(NOT_TOLD)));
    row.push(field(Tone::Plain, by));
    row
}

/// A unified diff; empty where nothing differs. Lines are cleaned: a file must not steer this terminal.
pub(super) fn diff(old_name: &str, old: &str, new_name: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let diff = TextDiff::from_lines(old, new);
    let text = diff.unified_diff().context_radius(3).header(old_name, new_name).to_string();
    text.lines().map(|line| line.split('\t').map(clean).collect::<Vec<_>>().join("\t") + "\n").collect()
}

/// Plans of all nodes.
pub(super) fn plan(planned: &Planned) -> String {
    let mut out = format!("for multipath.cfg of digest {}", clean(&planned.config_digest));
    if let Some(digest) = &planned.overrides_digest {
        out.push_str(&format!(", multipath-overrides.conf of digest {}", clean(digest)));
    }
    out.push('\n');
    for node in planned.nodes.values() {
        out.push('\n');
        node.text.lines().for_each(|line| out.push_str(&(clean(line) + "\n")));
        for file in &node.files {
            let [before, after] = [&file.before, &file.after].map(|of| of.as_deref().unwrap_or_default());
            out.push_str(&diff(&clean(&file.path), before, &clean(&file.path), after));
        }
    }
    out
}

/// A digest as people tell it from others.
pub(super) fn short(digest: &str) -> String {
    clean(digest.get(..12).unwrap_or(digest))
}

/// What belongs to a proposal and not into the document.
pub(super) fn asked(adopted: &Adopted) -> String {
    let names =
        |nodes: &BTreeSet<String>| nodes.iter().map(|node| clean(node)).collect::<Vec<_>>().join(", ");
    let mut out = format!(
        "made of maps and names of {}: {}; nothing was written\n",
        names(&adopted.nodes),
        count(adopted.luns.len() as u64, "LUN")
    );
    if adopted.nodes.len() > adopted.settings_of.len() {
        out.push_str(&format!(
            "settings are those of {}: what other nodes' files set beside them is told by each node (config plan --server URL)\n",
            names(&adopted.settings_of)
        ));
    }
    if !adopted.without.is_empty() {
        out.push_str(&format!(
            "nothing is known of {}: ask each for its own (--server URL) and compare\n",
            names(&adopted.without)
        ));
    }
    for question in &adopted.questions {
        let kind = if question.about_a_map { "must be answered" } else { "stays as it is" };
        out.push_str(&format!("{kind}: {}\n", clean(&question.text)));
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use pathkeeper_api::config::{FileChange, NodePlan, Problem, Question};
    use pathkeeper_api::rollout::Rollout;

    use super::*;
    use crate::cli::fixtures::view;

    fn setting(said: Option<&str>, in_force: &str, by: &str, at: &str) -> Setting {
        Setting {
            said: said.map(str::to_owned),
            line: said.map(|_| 2),
            in_force: Some(in_force.into()),
            set_by: Some(by.into()),
            at: (!at.is_empty()).then(|| at.to_owned()),
            as_said: said.map(|said| said == in_force),
        }
    }

    fn config() -> Config {
        let lun = ConfigLun {
            allowed: Some(true),
            alias: Some("oracle".into()),
            map: Some("mpatha".into()),
            settings: [(
                "no-path-retry".into(),
                setting(Some("queue"), "fail", "lun", "/etc/multipath.conf:9"),
            )]
            .into(),
            ..ConfigLun::default()
        };
        Config {
            node: "pve1".into(),
            mode: "observe".into(),
            config: Document { state: "good".into(), digest: "aa".into(), ..Document::default() },
            overrides: Document {
                state: "invalid".into(),
                digest: "bb".into(),
                problems: vec![Problem { line: 3, what: "section defaults cannot stand here".into() }],
                ..Document::default()
            },
            defaults: [
                ("no-path-retry".into(), setting(Some("12"), "12", "defaults", "/etc/multipath.conf:2")),
                ("polling-interval".into(), setting(None, "5", "built-in", "")),
                ("features".into(), Setting { said: Some("0".into()), ..Setting::default() }),
            ]
            .into(),
            luns: [("3600a1".into(), lun), ("3600a2".into(), ConfigLun::default())].into(),
            not_known: vec!["multipathd is stopped".into()],
            ..Config::default()
        }
    }

    fn schema() -> Schema {
        let retry = Keyword {
            meaning: "checks for which I/O waits".into(),
            default: Some("fail".into()),
            takes: Some("a number from 1, or fail, queue".into()),
            for_luns: true,
            ..Keyword::default()
        };
        let sizes = Keyword {
            meaning: "follow a LUN's\u{1b} size".into(),
            default: Some("never".into()),
            since: Some("0.9.7".into()),
            ..Keyword::default()
        };
        let find = Keyword {
            meaning: "it is always strict".into(),
            fixed: Some("strict".into()),
            ..Keyword::default()
        };
        let all = [("no-path-retry", retry), ("auto-resize", sizes), ("find-multipaths", find)];
        Schema { settings: all.map(|(key, keyword)| (key.to_owned(), keyword)).into() }
    }

    #[test]
    fn what_settings_mean() {
        check(
            &keys(&schema(), &view()),
            &expect![[r#"
            auto-resize: follow a LUN's? size
              by default never; for all LUNs; since multipath-tools 0.9.7

            find-multipaths: it is always strict
              always strict

            no-path-retry: checks for which I/O waits
              a number from 1, or fail, queue; by default fail; for all LUNs or for one
        "#]],
        );
    }

    fn check(text: &str, expect: &Expect) {
        assert!(!text.contains('\u{1b}'), "{text:?}");
        expect.assert_eq(text);
    }

    #[test]
    fn what_is_said_and_what_is_in_force() {
        check(
            &show(&config(), &view(), false),
            &expect![[r#"
            multipath.cfg             good  digest aa
            multipath-overrides.conf  invalid: no instruction, nodes keep what they have  digest bb
              multipath-overrides.conf:3: section defaults cannot stand here
            this node observes: nothing applies them here
            not known: multipathd is stopped

            SETTING        SAID  IN FORCE  SET BY
            features       0     ?         ?
            no-path-retry  12    12        defaults /etc/multipath.conf:2

            LUN     ALIAS   MAP ON pve1  ALLOWED
            3600a1  oracle  mpatha       yes
            3600a2  -       -            -

            LUN     SETTING        SAID   IN FORCE  SET BY
            mpatha  no-path-retry  queue  fail      lun /etc/multipath.conf:9
        "#]],
        );
        check(
            &get(&config(), "no-path-retry", schema().settings.get("no-path-retry"), &view()),
            &expect![[r#"
            multipath.cfg             good  digest aa
            multipath-overrides.conf  invalid: no instruction, nodes keep what they have  digest bb
              multipath-overrides.conf:3: section defaults cannot stand here
            this node observes: nothing applies them here
            not known: multipathd is stopped

            no-path-retry: checks for which I/O waits
              a number from 1, or fail, queue; by default fail; for all LUNs or for one

            no-path-retry on pve1
            LUN     MAP     SAID   IN FORCE  SET BY
            (all)   -       12     12        defaults /etc/multipath.conf:2
            3600a1  mpatha  queue  fail      lun /etc/multipath.conf:9
        "#]],
        );
        assert!(show(&config(), &view(), true).contains("polling-interval"), "wide tells built-in values");
        let absent = Document { state: "absent".into(), digest: "da39".into(), ..Document::default() };
        let empty = Config { config: absent.clone(), overrides: absent, ..Config::default() };
        check(
            &show(&empty, &view(), false),
            &expect![[r#"
            multipath.cfg             absent: no instruction, nodes keep what they have  digest da39
            multipath-overrides.conf  absent: no instruction, nodes keep what they have  digest da39

            no file of this node and no document sets anything for all LUNs

            no LUN is allowed, and this node has no map
        "#]],
        );
        let rollout = Rollout { generation: 3, state: "paused".into(), ..Rollout::default() };
        let pending = Config { rollout: Some(rollout), ..config() };
        let pending = Config { config: Document { pending: true, ..pending.config }, ..pending };
        let text = show(&pending, &view(), false);
        assert!(
            text.starts_with("multipath.cfg             good, pending: pathkeeper config apply  digest aa\n"),
            "{text}"
        );
        assert!(text.contains("\nrollout: generation 3 is paused\n"), "{text}");
        let unknown = Config { not_known: vec!["this agent sees no files".into()], ..empty };
        let text = show(&unknown, &view(), false);
        assert!(text.ends_with("\nno LUN is allowed, and no map of this node is known\n"), "{text}");
        assert!(!text.contains("no file of this node"), "{text}");
    }

    #[test]
    fn plans_diffs_and_questions() {
        let node = NodePlan {
            text: "pve1: 1 change to maps\n  refused: \u{1b}[2Jno\n".into(),
            files: vec![FileChange {
                path: "/etc/multipath/conf.d/60-pathkeeper.conf".into(),
                before: None,
                after: Some("defaults {\n\tno_path_retry \"12\"\n}\n".into()),
            }],
            ..NodePlan::default()
        };
        let planned = Planned {
            config_digest: "aa".into(),
            overrides_digest: Some("bb".into()),
            nodes: [("pve1".into(), node)].into(),
        };
        check(
            &plan(&planned),
            &expect![[r#"
            for multipath.cfg of digest aa, multipath-overrides.conf of digest bb

            pve1: 1 change to maps
              refused: ?[2Jno
            --- /etc/multipath/conf.d/60-pathkeeper.conf
            +++ /etc/multipath/conf.d/60-pathkeeper.conf
            @@ -0,0 +1,3 @@
            +defaults {
            +	no_path_retry "12"
            +}
        "#]],
        );
        assert_eq!(diff("a", "x\n", "b", "x\n"), "");
        check(
            &diff("a", "x\ny\n", "b", "x\nz\u{1b}[2J\n"),
            &expect![[r#"
            --- a
            +++ b
            @@ -1,2 +1,2 @@
             x
            -y
            +z?[2J
        "#]],
        );
        let question = |about_a_map, text: &str| Question { about_a_map, text: text.into() };
        let adopted = Adopted {
            nodes: ["pve1".into(), "pve3".into()].into(),
            settings_of: ["pve1".into()].into(),
            without: ["pve2".into()].into(),
            questions: vec![question(true, "which name?"), question(false, "verbosity 3 stays")],
            luns: ["3600a1".into()].into(),
            ..Adopted::default()
        };
        check(
            &asked(&adopted),
            &expect![[r#"
            made of maps and names of pve1, pve3: 1 LUN; nothing was written
            settings are those of pve1: what other nodes' files set beside them is told by each node (config plan --server URL)
            nothing is known of pve2: ask each for its own (--server URL) and compare
            must be answered: which name?
            stays as it is: verbosity 3 stays
        "#]],
        );
    }
}
