//! The text of device-mapper's target `multipath`, as `dmsetup status` and `dmsetup table` print it.
//!
//! Written by `multipath_status` in the kernel's drivers/md/dm-mpath.c. Every list is preceded by its length:
//!
//! ```text
//! status: 2 QUEUE_IO PG_INIT_COUNT  0  GROUPS ACTIVE_GROUP  { A|E|D  n ARGS..  PATHS n  { DEV A|F FAILS ARGS.. } }
//! table:  n FEATURES..  n HW_HANDLER..  GROUPS NEXT_GROUP  { SELECTOR n ARGS..  PATHS n  { DEV ARGS.. } }
//! ```

use pathkeeper_model::local::KernelPath;
use std::str::SplitAsciiWhitespace;

/// What a status line says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Status {
    /// I/O is held back while a group is brought up.
    pub queue_io: u32,
    /// Each group's letter: `A` active, `E` enabled, `D` disabled.
    pub groups: Vec<char>,
    /// All paths, group by group.
    pub paths: Vec<KernelPath>,
}

/// What a table line says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Table {
    /// The features' words, e.g. `queue_if_no_path`.
    pub features: Vec<String>,
    /// The hardware handler's words, e.g. `alua`.
    pub hwhandler: Vec<String>,
    /// All paths' `major:minor`, group by group.
    pub paths: Vec<String>,
}

impl Table {
    /// Whether I/O waits for ever while there is no path.
    pub fn queue_if_no_path(&self) -> bool {
        self.features.iter().any(|word| word == "queue_if_no_path")
    }
}

/// The longest list that is believed; the kernel's own limits are far below.
const COUNT_MAX: usize = 65_536;

struct Words<'a>(SplitAsciiWhitespace<'a>);

impl<'a> Words<'a> {
    fn word(&mut self) -> Option<&'a str> {
        self.0.next()
    }
    fn number<T: std::str::FromStr>(&mut self) -> Option<T> {
        self.word()?.parse().ok()
    }
    fn count(&mut self) -> Option<usize> {
        self.number().filter(|n| *n <= COUNT_MAX)
    }
    /// A length and so many words.
    fn list(&mut self) -> Option<Vec<&'a str>> {
        let n = self.count()?;
        (0..n).map(|_| self.word()).collect()
    }
    fn skip(&mut self, n: usize) -> Option<()> {
        (0..n).try_for_each(|_| self.word().map(drop))
    }
    /// Nothing is left: a line that goes on has another form than this.
    fn end(mut self) -> Option<()> {
        self.word().is_none().then_some(())
    }
}

/// Reads the status of a `multipath` target, without start, length and target name. `None` if it has another form.
pub fn parse_status(text: &str) -> Option<Status> {
    let mut words = Words(text.split_ascii_whitespace());
    let features = words.list()?;
    let queue_io = features.first().and_then(|word| word.parse().ok()).unwrap_or(0);
    words.list()?;
    let groups = words.count()?;
    let _active_group: usize = words.number()?;
    let mut out = Status { queue_io, ..Status::default() };
    for _ in 0..groups {
        let mut letter = words.word()?.chars();
        out.groups.push(letter.next().filter(|_| letter.next().is_none())?);
        words.list()?;
        let (paths, args) = (words.count()?, words.count()?);
        for _ in 0..paths {
            let dev_t = words.word()?.into();
            let active = words.word()? == "A";
            let fail_count = words.number()?;
            words.skip(args)?;
            out.paths.push(KernelPath { dev_t, active, fail_count });
        }
    }
    words.end()?;
    Some(out)
}

/// Reads the table of a `multipath` target, without start, length and target name. `None` if it has another form.
pub fn parse_table(text: &str) -> Option<Table> {
    let mut words = Words(text.split_ascii_whitespace());
    let own = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
    let mut out = Table { features: own(words.list()?), hwhandler: own(words.list()?), paths: Vec::new() };
    let groups = words.count()?;
    let _next_group: usize = words.number()?;
    for _ in 0..groups {
        let _selector = words.word()?;
        words.list()?;
        let (paths, args) = (words.count()?, words.count()?);
        for _ in 0..paths {
            out.paths.push(words.word()?.to_owned());
            words.skip(args)?;
        }
    }
    words.end()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn short(status: &Status) -> String {
        let groups: String = status.groups.iter().collect();
        let paths: Vec<String> = status
            .paths
            .iter()
            .map(|p| format!("{}{}{}", p.dev_t, if p.active { "A" } else { "F" }, p.fail_count))
            .collect();
        format!("q{} {groups} {}", status.queue_io, paths.join(" "))
    }

    #[test]
    fn status_lines() {
        for (text, want) in [
            ("2 0 0 0 2 1 A 0 1 2 8:16 A 0 0 1 E 0 1 2 8:0 A 0 0 1 ", Some("q0 AE 8:16A0 8:0A0")),
            ("2 0 0 0 1 1 E 0 2 2 8:0 F 2 0 1 8:16 F 2 0 1", Some("q0 E 8:0F2 8:16F2")),
            ("2 1 0 0 1 1 E 0 1 2 8:16 A 0 0 1", Some("q1 E 8:16A0")),
            ("2 0 0 0 0 0", Some("q0  ")),
            // round-robin and queue-length have other numbers of arguments; historical-service-time has group arguments.
            ("2 0 0 0 1 1 A 0 1 0 8:0 A 0", Some("q0 A 8:0A0")),
            ("2 0 0 0 1 1 A 2 128 0 1 1 8:0 F 7 5", Some("q0 A 8:0F7")),
            ("2 0 0 0 1 1 A 0 1 2 8:0 A 0 0", None),
            ("2 0 0 0 1 1 A 0 99999999 2 8:0 A 0 0 1", None),
            ("2 0 0 0 1 1 A 0 1 2 8:0 A 0 0 1 more", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse_status(text).as_ref().map(short).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn table_lines() {
        let table = parse_table(
            "1 queue_if_no_path 1 alua 2 1 service-time 0 1 2 8:16 1 1 service-time 0 1 2 8:0 1 1",
        )
        .unwrap();
        assert!(table.queue_if_no_path());
        assert_eq!(
            (table.hwhandler, table.paths),
            (vec!["alua".to_owned()], vec!["8:16".to_owned(), "8:0".into()])
        );
        let table =
            parse_table("4 queue_if_no_path pg_init_retries 50 retain_attached_hw_handler 0 0 0").unwrap();
        assert!(table.queue_if_no_path());
        let table = parse_table("0 0 1 1 round-robin 0 1 1 8:0 1000").unwrap();
        assert!(!table.queue_if_no_path());
        assert_eq!(parse_table("0 0 1 1 round-robin 0 2 1 8:0 1000"), None);
    }

    /// Every line of `dmsetup table` and `dmsetup status` in the recordings is understood, and both name the same paths.
    #[test]
    fn recorded_lines() {
        let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/multipathd");
        let (mut files, mut maps) = (0, 0);
        for folder in std::fs::read_dir(data).unwrap() {
            let folder = folder.unwrap().path();
            if !folder.is_dir() {
                continue;
            }
            for file in std::fs::read_dir(folder).unwrap() {
                let file = file.unwrap().path();
                if !file.to_str().unwrap().ends_with(".dmsetup.txt") {
                    continue;
                }
                files += 1;
                let text = std::fs::read_to_string(&file).unwrap();
                let lines: Vec<&str> = text
                    .lines()
                    .filter_map(|line| line.split_once(" multipath ").map(|(_, rest)| rest))
                    .collect();
                let tables: Vec<_> = lines.iter().filter_map(|line| parse_table(line)).collect();
                let statuses: Vec<_> = lines.iter().filter_map(|line| parse_status(line)).collect();
                assert_eq!(tables.len() + statuses.len(), lines.len(), "{}", file.display());
                assert_eq!(tables.len(), statuses.len(), "{}", file.display());
                for (table, status) in tables.iter().zip(&statuses) {
                    let paths: Vec<_> = status.paths.iter().map(|p| p.dev_t.clone()).collect();
                    assert_eq!(table.paths, paths, "{}", file.display());
                    maps += 1;
                }
                if file.to_str().unwrap().contains("all-paths-lost-queueing") {
                    assert!(tables[0].queue_if_no_path());
                    assert!(statuses[0].paths.iter().all(|p| !p.active && p.fail_count > 0));
                }
            }
        }
        assert!(files > 100 && maps > 80, "{files} files, {maps} maps");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = (parse_status(&text), parse_table(&text));
        }

        #[test]
        fn no_words_panic(words in proptest::collection::vec("[0-9]{1,3}|A|F|E|8:0|service-time", 0..40)) {
            let text = words.join(" ");
            if let Some(status) = parse_status(&text) {
                prop_assert!(status.paths.len() <= words.len());
            }
            let _ = parse_table(&text);
        }
    }
}
