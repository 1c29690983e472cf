//! `pathkeeper token`: who may come in by the API. Works on this node's own file, with the agent running or not.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::{Date, Time};
use jiff::{Timestamp, tz::TimeZone};
use pathkeeper_model::EpochS;
use pathkeeper_model::token::{DEFAULT_USER, Privilege, Token, TokenId, Tokens};
use serde::Serialize;

use super::text::{Field, Tone, View, clean, field, table};
use super::{Failure, Globals, Output, out, versioned};
use crate::app::tokens;
use crate::config::Config;
use crate::http::audit;

/// Who may come in by this node's API: add, list and revoke tokens
///
/// A token counts on the node where it was added, within a second, with the agent running or not. Only a hash of its
/// secret is kept. Needs the right to write the state directory (root).
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  pathkeeper token add grafana --comment 'dashboards'
  pathkeeper token add ci@pve!deploy --privilege modify --until 2027-12-31
  pathkeeper token list
  pathkeeper token revoke grafana")]
pub struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
    /// The agent's configuration file, if it is not /etc/pathkeeper/pathkeeper.toml
    #[arg(long, global = true, value_name = "FILE", env = "PATHKEEPER_CONFIG")]
    config: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
enum TokenCommand {
    /// Add a token and print its secret, this once
    Add {
        /// NAME, for root@pam!NAME, or a whole USER@REALM!NAME
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value_t = May::Audit, value_name = "WHAT")]
        privilege: May,
        /// The last day on which it counts (2027-12-31, local), or the moment it ends (2027-12-31T18:00:00Z)
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
    },
    /// Show all tokens; their secrets are not known
    List,
    /// Take a token away
    Revoke {
        /// NAME or USER@REALM!NAME
        name: String,
    },
}

/// What a token may do.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum May {
    /// Look (Proxmox VE's Sys.Audit)
    Audit,
    /// Look and change (Sys.Modify)
    Modify,
}

impl From<May> for Privilege {
    fn from(may: May) -> Self {
        match may {
            May::Audit => Privilege::Audit,
            May::Modify => Privilege::Modify,
        }
    }
}

/// A token as `-o json` prints it; never with its secret, but where it is made.
#[derive(Serialize, Debug)]
struct Shown<'a> {
    id: &'a str,
    privilege: Privilege,
    made: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    expired: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn of(id: &'a TokenId, token: &'a Token, now: i64) -> Self {
        Self {
            id: id.as_str(),
            privilege: token.privilege,
            made: token.made.0,
            until: token.until.map(|until| until.0),
            comment: token.comment.as_deref(),
            expired: token.is_over(EpochS(now)),
            secret: None,
        }
    }
}

/// Does it.
pub fn run(args: &TokenArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let config = Config::load(args.config.as_deref(), std::env::vars())
        .map_err(|e| Failure::new(format!("token: {e}")))?;
    let (dir, view) = (&config.state_dir, globals.view());
    let json = globals.output == Output::Json;
    let text = match &args.command {
        TokenCommand::List => {
            let tokens = tokens::read(dir).map_err(|e| Failure::new(format!("token list: {e:#}")))?;
            if json { list_as_json(&tokens, view.now)? } else { render(&tokens, &view) }
        }
        TokenCommand::Add { name, privilege, until, comment } => {
            let wanted = Wanted { name, privilege: (*privilege).into(), until: until.as_deref(), comment };
            wanted.add(dir, &view, json).map_err(|e| Failure::new(format!("token add: {e:#}")))?
        }
        TokenCommand::Revoke { name } => {
            revoke(dir, name, view.now).map_err(|e| Failure::new(format!("token revoke: {e:#}")))?
        }
    };
    out::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

struct Wanted<'a> {
    name: &'a str,
    privilege: Privilege,
    until: Option<&'a str>,
    comment: &'a Option<String>,
}

impl Wanted<'_> {
    fn add(&self, dir: &Path, view: &View, json: bool) -> anyhow::Result<String> {
        let id = id_of(self.name)?;
        let until = self.until.map(|until| end_of(until, view)).transpose()?;
        let (secret, hash) = tokens::new_secret()?;
        let (made, comment) = (EpochS(view.now), self.comment.clone());
        let token = Token { privilege: self.privilege, made, until, comment, hash };
        let kept = token.clone();
        tokens::edit(dir, |tokens| tokens.add(id.clone(), kept).map_err(anyhow::Error::msg))?;
        record(dir, "token add", &id, view.now);
        if json {
            let shown = Shown { secret: Some(&secret), ..Shown::of(&id, &token, view.now) };
            return versioned(&shown, true).map_err(|e| anyhow::anyhow!(e.message().to_owned()));
        }
        let end = token
            .until
            .map_or_else(|| "without an end".into(), |until| format!("until {}", local(until, view)));
        Ok(format!(
            "{id} may {} on this node, {end}. The token, shown this once:\n{id}={secret}\n\
             Use:  Authorization: PVEAPIToken={id}={secret}\n\
             or, where only Basic is known, {id} as user and what stands behind the = as password\n",
            match token.privilege {
                Privilege::Audit => "look",
                Privilege::Modify => "look and change",
            }
        ))
    }
}

fn revoke(dir: &Path, name: &str, now: i64) -> anyhow::Result<String> {
    let id = id_of(name)?;
    let left = tokens::edit(dir, |tokens| {
        let gone = tokens.revoke(&id);
        anyhow::ensure!(gone.is_some(), "there is no token {id} on this node; see: pathkeeper token list");
        Ok(tokens.iter().count())
    })?;
    record(dir, "token revoke", &id, now);
    let mut text = format!("{id} is revoked; a running agent refuses it within a second\n");
    if left == 0 {
        text.push_str(
            "that was the last one: an agent that listens beyond the loopback does not start without\n",
        );
    }
    Ok(text)
}

fn id_of(name: &str) -> anyhow::Result<TokenId> {
    TokenId::of(name).ok_or_else(|| {
        anyhow::anyhow!(
            "{name:?} is no token's name: NAME (for {DEFAULT_USER}!NAME) or USER@REALM!NAME, where REALM and NAME begin \
             with a letter and have two or more of letters, digits, '.', '-' and '_'"
        )
    })
}

/// The first moment at which a token counts no more: a day counts to its end where the command is given.
fn end_of(text: &str, view: &View) -> anyhow::Result<EpochS> {
    let bad = || anyhow::anyhow!("{text:?} is no date: 2027-12-31, or 2027-12-31T18:00:00Z for a moment");
    let moment = if text.contains('T') {
        text.parse::<Timestamp>().map_err(|_| bad())?
    } else {
        let next = text.parse::<Date>().map_err(|_| bad())?.tomorrow()?;
        next.to_datetime(Time::midnight()).to_zoned(view.zone.clone())?.timestamp()
    };
    anyhow::ensure!(moment.as_second() > view.now, "{text} is over already");
    Ok(EpochS(moment.as_second()))
}

fn local(at: EpochS, view: &View) -> String {
    let zoned = |zone: TimeZone| Timestamp::from_second(at.0).map(|at| at.to_zoned(zone));
    zoned(view.zone.clone()).map_or_else(|_| "?".into(), |at| at.strftime("%Y-%m-%d %H:%M").to_string())
}

/// The record of writes has these too. It is no reason to fail: what was asked for is done.
fn record(dir: &Path, what: &str, id: &TokenId, now: i64) {
    let line = audit::Line {
        time: audit::time(EpochS(now)),
        by: crate::http::auth::user(rustix::process::getuid().as_raw()),
        peer: "command line".into(),
        method: what.into(),
        path: id.to_string(),
        parameters: Default::default(),
        status: 0,
        changes: Vec::new(),
    };
    if let Err(e) = audit::record_command(dir, &line) {
        eprintln!("pathkeeper: {} was not written: {e}", dir.join(audit::AUDIT_FILE).display());
    }
}

fn list_as_json(tokens: &Tokens, now: i64) -> Result<String, Failure> {
    #[derive(Serialize)]
    struct Answer<'a> {
        tokens: Vec<Shown<'a>>,
    }
    versioned(&Answer { tokens: tokens.iter().map(|(id, token)| Shown::of(id, token, now)).collect() }, true)
}

fn render(tokens: &Tokens, view: &View) -> String {
    if tokens.is_empty() {
        return "there is no token on this node; add one: pathkeeper token add NAME\n".into();
    }
    let titles = ["TOKEN", "MAY", "MADE", "UNTIL", "COMMENT"];
    let mut lines: Vec<Vec<Field>> = vec![titles.map(|title| field(Tone::Strong, title)).into()];
    for (id, token) in tokens.iter() {
        let until = match token.until {
            None => field(Tone::Plain, "-"),
            Some(until) if token.is_over(EpochS(view.now)) => {
                field(Tone::Warn, format!("{}, over", local(until, view)))
            }
            Some(until) => field(Tone::Plain, local(until, view)),
        };
        lines.push(vec![
            field(Tone::Plain, clean(id.as_str())),
            field(Tone::Plain, token.privilege.as_str()),
            field(Tone::Plain, local(token.made, view)),
            until,
            field(Tone::Plain, clean(token.comment.as_deref().unwrap_or_default())),
        ]);
    }
    table(view, &lines)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::cli::fixtures::view;

    fn add(dir: &Path, name: &str, privilege: Privilege, until: Option<&str>) -> anyhow::Result<String> {
        Wanted { name, privilege, until, comment: &Some("for tests".into()) }.add(dir, &view(), false)
    }

    #[test]
    fn a_secret_is_printed_once_and_lets_in() {
        let dir = tempfile::tempdir().unwrap();
        let told = add(dir.path(), "grafana", Privilege::Audit, None).unwrap();
        let secret = told.lines().nth(1).unwrap().strip_prefix("root@pam!grafana=").unwrap();
        assert!(told.starts_with("root@pam!grafana may look on this node, without an end."), "{told}");
        assert!(told.contains(&format!("PVEAPIToken=root@pam!grafana={secret}\n")), "{told}");
        let shown = tokens::Credentials { id: TokenId::of("grafana"), secret: secret.into() };
        let store = tokens::TokenStore::open(dir.path());
        assert_eq!(store.check(&shown, EpochS(0)).map(|(_, may)| may), Ok(Privilege::Audit));
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            assert!(!text.contains(secret), "{text}");
        }
        assert!(!render(&tokens::read(dir.path()).unwrap(), &view()).contains(secret));
        let told = revoke(dir.path(), "root@pam!grafana", 0).unwrap();
        assert!(told.contains("refuses it within a second") && told.contains("the last one"), "{told}");
        let log = std::fs::read_to_string(dir.path().join(audit::AUDIT_FILE)).unwrap();
        assert!(log.contains("\"token add\"") && log.contains("\"token revoke\""), "{log}");
    }

    #[test]
    fn the_list_shows_what_is_over() {
        let dir = tempfile::tempdir().unwrap();
        add(dir.path(), "grafana", Privilege::Audit, None).unwrap();
        add(dir.path(), "ci@pve!deploy", Privilege::Modify, Some("2031-12-31")).unwrap();
        let tokens = tokens::read(dir.path()).unwrap();
        expect![[r#"
            TOKEN             MAY     MADE              UNTIL             COMMENT
            ci@pve!deploy     modify  2026-07-03 03:12  2032-01-01 00:00  for tests
            root@pam!grafana  audit   2026-07-03 03:12  -                 for tests
        "#]]
        .assert_eq(&render(&tokens, &view()));
        let later = View { now: 2_000_000_000, ..view() };
        assert!(render(&tokens, &later).contains("over"), "{}", render(&tokens, &later));
        expect![[r#"
            {
              "schema": 1,
              "tokens": [
                {
                  "id": "ci@pve!deploy",
                  "privilege": "modify",
                  "made": 1783048327,
                  "until": 1956528000,
                  "comment": "for tests",
                  "expired": true
                },
                {
                  "id": "root@pam!grafana",
                  "privilege": "audit",
                  "made": 1783048327,
                  "comment": "for tests",
                  "expired": false
                }
              ]
            }
        "#]]
        .assert_eq(&list_as_json(&tokens, 2_000_000_000).unwrap());
    }

    #[test]
    fn mistakes_are_told_and_change_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let check = |name: &str, until: Option<&str>, expect: &str| {
            let why = add(dir.path(), name, Privilege::Audit, until).unwrap_err().to_string();
            assert!(why.contains(expect), "{why}");
        };
        check("a b", None, "is no token's name");
        check("alice!x", None, "is no token's name");
        check("one", Some("soon"), "is no date");
        check("one", Some("2027-02-30"), "is no date");
        check("one", Some("1999-12-31"), "is over already");
        assert!(!dir.path().join(tokens::TOKENS_FILE).exists());
        add(dir.path(), "one", Privilege::Audit, Some("2031-12-31T18:00:00Z")).unwrap();
        check("one", None, "there is a token root@pam!one already");
        let why = revoke(dir.path(), "two", 0).unwrap_err().to_string();
        assert!(why.contains("there is no token root@pam!two on this node"), "{why}");
    }

    #[test]
    fn a_day_counts_to_its_end_where_the_command_is_given() {
        let view = view();
        let end = |text: &str| end_of(text, &view).unwrap().0;
        assert_eq!(end("2031-12-31"), end("2031-12-31T23:59:59Z") + 1 - i64::from(offset_s(&view)));
        assert_eq!(end("2031-12-31T23:00:00+02:00"), end("2031-12-31T21:00:00Z"));
    }

    fn offset_s(view: &View) -> i32 {
        Timestamp::from_second(1_956_500_000).unwrap().to_zoned(view.zone.clone()).offset().seconds()
    }
}
