//! Words, widths and colours that every command prints with. Pure.

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How and when something is shown.
#[derive(Debug, Clone)]
pub struct View {
    /// Columns of the terminal.
    pub width: usize,
    /// Shapes beyond ASCII may be used.
    pub unicode: bool,
    /// Escape sequences may be used. Colour never says what words and marks do not.
    pub color: bool,
    /// The reader's wall clock, epoch seconds.
    pub now: i64,
    /// The reader's time zone.
    pub zone: TimeZone,
}

/// What a piece of text means, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Headings and other things to hold on to.
    Strong,
    /// What matters less, and what is no longer certain.
    Faint,
    /// All is well.
    Good,
    /// Redundancy is lost.
    Warn,
    /// Something does not work.
    Bad,
    /// Nobody can tell.
    Doubt,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Tone::Plain => Style::new(),
            Tone::Strong => Style::new().bold(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Doubt => AnsiColor::Magenta.on_default(),
        }
    }
}

/// The tone of a state's word.
pub fn tone_of(state: &str) -> Tone {
    match state {
        "optimal" => Tone::Good,
        "degraded" => Tone::Warn,
        "missing" | "failed" => Tone::Bad,
        _ => Tone::Doubt,
    }
}

impl View {
    /// `text` in the colour of `tone`, where colour is wanted.
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.color || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = tone.style();
        format!("{style}{text}{style:#}")
    }

    /// The mark of a state: a shape, or one ASCII character. Every word outside the five is unknown.
    pub fn mark(&self, state: &str) -> &'static str {
        match (state, self.unicode) {
            ("optimal", true) => "●",
            ("optimal", false) => " ",
            ("degraded", true) => "▲",
            ("degraded", false) => "!",
            ("missing", true) => "○",
            ("missing", false) => "-",
            ("failed", true) => "✖",
            ("failed", false) => "X",
            _ => "?",
        }
    }

    /// `03:12:07`, local.
    pub fn clock(&self, epoch_s: i64) -> String {
        self.strftime(epoch_s, "%H:%M:%S")
    }

    /// `03:12` today, `12 Oct` on another day, local.
    pub fn moment(&self, epoch_s: i64) -> String {
        let day = |at| self.strftime(at, "%Y-%m-%d");
        self.strftime(epoch_s, if day(epoch_s) == day(self.now) { "%H:%M" } else { "%e %b" })
            .trim_start()
            .to_owned()
    }

    /// `Fri 3 Jul 2026`, local.
    pub fn day(&self, epoch_s: i64) -> String {
        self.strftime(epoch_s, "%a %-d %b %Y")
    }

    /// `03:12:07` today, `12 Oct 03:12:07` on another day, local.
    pub fn dated(&self, epoch_s: i64) -> String {
        let same = self.day(epoch_s) == self.day(self.now);
        self.strftime(epoch_s, if same { "%H:%M:%S" } else { "%-d %b %H:%M:%S" })
    }

    fn strftime(&self, epoch_s: i64, format: &str) -> String {
        match Timestamp::from_second(epoch_s) {
            Ok(at) => at.to_zoned(self.zone.clone()).strftime(format).to_string(),
            Err(_) => "?".into(),
        }
    }

    /// Three dots, or one character that looks like them.
    pub fn ellipsis(&self) -> &'static str {
        if self.unicode { "…" } else { ".." }
    }

    /// `text` in at most `columns`, its middle left out where it is longer.
    pub fn squeeze(&self, text: &str, columns: usize) -> String {
        let length = width(text);
        if length <= columns {
            return text.to_owned();
        }
        let dots = self.ellipsis();
        let keep = columns.saturating_sub(width(dots));
        let tail = keep / 2;
        let head: String = text.chars().take(keep - tail).collect();
        let end: String = text.chars().skip(length - tail).collect();
        format!("{head}{dots}{end}")
    }

    /// A WWID as the matrix shows it where it has no name: first four and last eight characters.
    pub fn short_wwid(&self, wwid: &str) -> String {
        let length = width(wwid);
        if length <= 20 {
            return clean(wwid);
        }
        let head: String = wwid.chars().take(4).collect();
        let tail: String = wwid.chars().skip(length - 8).collect();
        clean(&format!("{head}{}{tail}", self.ellipsis()))
    }
}

/// UTC as JSON lines bear it: `2026-11-22T03:12:07Z`.
pub fn utc(epoch_s: i64) -> String {
    Timestamp::from_second(epoch_s).map_or_else(|_| "?".into(), |at| at.to_string())
}

/// `text` without control characters and without those that turn the direction of writing: what others named must not
/// steer this terminal.
pub fn clean(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '?' } else { c }).collect()
}

/// Columns that `text` takes. Names are ASCII nearly always; a wide character counts as one.
pub fn width(text: &str) -> usize {
    text.chars().count()
}

/// A duration in words: `7s`, `13m`, `1h32m`, `3d4h`, `41d`.
pub fn span(seconds: i64) -> String {
    let s = seconds.max(0);
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m", s / 60),
        3600..86_400 if s % 3600 / 60 == 0 => format!("{}h", s / 3600),
        3600..86_400 => format!("{}h{:02}m", s / 3600, s % 3600 / 60),
        86_400..864_000 if s % 86_400 / 3600 > 0 => format!("{}d{}h", s / 86_400, s % 86_400 / 3600),
        _ => format!("{}d", s / 86_400),
    }
}

/// Bytes in words: `500 GiB`, `4.0 TiB`.
pub fn bytes(n: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut value, mut unit) = (n as f64, 0);
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 10.0);
    format!("{value:.digits$} {}", units.get(unit).copied().unwrap_or_default())
}

/// `1 LUN`, `2 LUNs`.
pub fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// One field of a table: its text, and the tone that is put on when the padding is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What is printed.
    pub text: String,
    /// Its colour.
    pub tone: Tone,
}

/// A field in `tone`; control characters are taken out.
pub fn field(tone: Tone, text: impl AsRef<str>) -> Field {
    Field { text: clean(text.as_ref()), tone }
}

/// Sets rows in columns two spaces apart, without trailing spaces, one line each.
pub fn table(view: &View, rows: &[Vec<Field>]) -> String {
    let widths = table_widths(rows);
    let mut out = String::new();
    for row in rows {
        let last = row.iter().rposition(|f| !f.text.is_empty());
        for (at, field) in row.iter().enumerate().take(last.map_or(0, |l| l + 1)) {
            out.push_str(&view.paint(field.tone, &field.text));
            if Some(at) != last {
                let pad = widths.get(at).copied().unwrap_or(0).saturating_sub(width(&field.text)) + 2;
                out.extend(std::iter::repeat_n(' ', pad));
            }
        }
        out.push('\n');
    }
    out
}

/// The rows of [`table`] with every field padded, two spaces after the last, so that more can follow.
pub fn padded(view: &View, rows: &[Vec<Field>]) -> Vec<String> {
    let widths = table_widths(rows);
    let pad = |f: &Field, w: &usize| {
        view.paint(f.tone, &f.text) + &" ".repeat(w.saturating_sub(width(&f.text)) + 2)
    };
    rows.iter().map(|row| row.iter().zip(&widths).map(|(f, w)| pad(f, w)).collect()).collect()
}

/// The width of each column.
fn table_widths(rows: &[Vec<Field>]) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (at, field) in row.iter().enumerate() {
            let w = width(&field.text);
            match widths.get_mut(at) {
                Some(old) => *old = w.max(*old),
                None => widths.push(w),
            }
        }
    }
    widths
}

/// Columns that [`table`] takes for these rows.
pub fn table_width(rows: &[Vec<Field>]) -> usize {
    let widths = table_widths(rows);
    widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
}

/// A text as it stands where it fits, else wrapped: then runs of spaces are one.
pub fn fit(text: &str, columns: usize) -> Vec<String> {
    if width(text) <= columns { vec![text.to_owned()] } else { wrap(text, columns) }
}

/// Breaks `text` at spaces into lines of at most `columns`; a longer word stands alone and is longer.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(unicode: bool) -> View {
        View { width: 80, unicode, color: false, now: 1_783_082_400, zone: TimeZone::UTC }
    }

    #[test]
    fn numbers_become_words() {
        let check = |s: i64, expect: &str| assert_eq!(span(s), expect);
        check(-5, "0s");
        check(59, "59s");
        check(780, "13m");
        check(3600, "1h");
        check(5520, "1h32m");
        check(3660, "1h01m");
        check(86_400, "1d");
        check(273_600, "3d4h");
        check(3_542_400, "41d");
        let check = |n: u64, expect: &str| assert_eq!(bytes(n), expect);
        check(0, "0 B");
        check(1023, "1023 B");
        check(500 << 30, "500 GiB");
        check(4 << 40, "4.0 TiB");
        check(u64::MAX, "16 EiB");
        assert_eq!((count(1, "LUN"), count(0, "path")), ("1 LUN".into(), "0 paths".into()));
    }

    #[test]
    fn long_names_keep_their_ends() {
        assert_eq!(view(false).short_wwid("3600a098038304479363f4c4870455a7c"), "3600..70455a7c");
        assert_eq!(view(true).short_wwid("3600a098038304479363f4c4870455a7c"), "3600…70455a7c");
        assert_eq!(view(true).short_wwid("35000c500a0000001"), "35000c500a0000001");
        assert_eq!(view(false).squeeze("backup-lvm-production", 12), "backu..ction");
        assert_eq!(view(false).squeeze("short", 12), "short");
        assert_eq!(view(false).squeeze("anything", 1), "..");
    }

    #[test]
    fn names_from_outside_do_not_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc"), "a?[2Jb?c");
    }

    #[test]
    fn moments_are_short_and_local() {
        let mut v = view(false);
        assert_eq!(v.clock(1_783_082_400), "12:40:00");
        assert_eq!(v.moment(1_783_082_400 - 60), "12:39");
        assert_eq!(v.moment(1_783_082_400 - 86_400), "2 Jul");
        v.zone = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(v.clock(1_783_082_400), "14:40:00");
        assert_eq!(v.clock(i64::MAX), "?");
        assert_eq!(utc(1_783_082_400), "2026-07-03T12:40:00Z");
    }

    #[test]
    fn a_table_has_no_trailing_spaces_and_colour_no_width() {
        let rows = vec![
            vec![field(Tone::Plain, "a"), field(Tone::Bad, "long"), field(Tone::Plain, "")],
            vec![field(Tone::Plain, "bb"), field(Tone::Plain, "c"), field(Tone::Plain, "d")],
        ];
        assert_eq!(table(&view(false), &rows), "a   long\nbb  c     d\n");
        assert_eq!(table_width(&rows), 11);
        let colored = table(&View { color: true, ..view(false) }, &rows);
        assert_eq!(anstream::adapter::strip_str(&colored).to_string(), "a   long\nbb  c     d\n");
        assert_ne!(colored, "a   long\nbb  c     d\n");
    }

    #[test]
    fn wrapping_breaks_at_spaces_only() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("averylongword x", 4), ["averylongword", "x"]);
        assert!(wrap("", 4).is_empty());
    }
}
