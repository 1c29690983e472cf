//! A page of metrics as text: the classic Prometheus format, or OpenMetrics for a scraper that asks for it.
//!
//! Nothing is kept between two pages: a registry would let a series outlive what it speaks of.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write;

/// A page has no more series than this: what somebody names without end must not fill a scraper's memory.
pub const SERIES_MAX: usize = 500_000;
/// A label's value has no more bytes than this, as names elsewhere.
const LABEL_BYTES_MAX: usize = 255;

/// Name and value of each label of one series.
pub type Labels<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// How a page is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// `text/plain; version=0.0.4`: every Prometheus, the node_exporter's textfile collector, promtool.
    Classic,
    /// `application/openmetrics-text; version=1.0.0`.
    OpenMetrics,
}

impl Format {
    /// What a scraper that sends this `Accept` wants; who asks for nothing gets the classic one.
    pub fn accepted(accept: &str) -> Self {
        let weight = |wanted: &str| {
            let offers = accept.split(',').filter_map(|offer| {
                let mut parts = offer.split(';').map(str::trim);
                let kind = parts.next()?;
                let q = parts.find_map(|p| p.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
                kind.eq_ignore_ascii_case(wanted).then_some(q.unwrap_or(0.0))
            });
            offers.fold(0.0_f64, f64::max)
        };
        let open = weight("application/openmetrics-text");
        if open > 0.0 && open >= weight("text/plain") { Format::OpenMetrics } else { Format::Classic }
    }

    /// The answer's `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Classic => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A page that is being written.
#[derive(Debug)]
pub struct Page {
    format: Format,
    text: String,
    series: usize,
    left_out: u64,
}

impl Page {
    /// Nothing is written yet.
    pub fn new(format: Format) -> Self {
        Self { format, text: String::new(), series: 0, left_out: 0 }
    }

    /// Values that go up and down. A family without a series is left out whole.
    pub fn gauge<'a>(&mut self, name: &str, help: &str, series: impl IntoIterator<Item = (Labels<'a>, i64)>) {
        let series = series.into_iter().map(|(labels, value)| (labels, i128::from(value)));
        self.family(name, "gauge", name, help, series);
    }

    /// Values that only grow; `name` without `_total`.
    pub fn counter<'a>(
        &mut self,
        name: &str,
        help: &str,
        series: impl IntoIterator<Item = (Labels<'a>, u64)>,
    ) {
        let total = format!("{name}_total");
        let family = if self.format == Format::OpenMetrics { name } else { &total };
        let series = series.into_iter().map(|(labels, value)| (labels, i128::from(value)));
        self.family(family, "counter", &total, help, series);
    }

    fn family<'a>(
        &mut self,
        family: &str,
        kind: &str,
        name: &str,
        help: &str,
        series: impl Iterator<Item = (Labels<'a>, i128)>,
    ) {
        // One series twice makes a whole page worthless to some readers.
        let mut written: HashSet<String> = HashSet::new();
        for (labels, value) in series {
            if self.series >= SERIES_MAX {
                self.left_out += 1;
                continue;
            }
            let labels = written_labels(&labels);
            if written.contains(&labels) {
                continue;
            }
            if written.is_empty() {
                // Writing into a String does not fail.
                let _ = writeln!(self.text, "# HELP {family} {help}\n# TYPE {family} {kind}");
            }
            let _ = writeln!(self.text, "{name}{labels} {value}");
            written.insert(labels);
            self.series += 1;
        }
    }

    /// The whole page. What was too much is counted, where there was too much.
    pub fn finish(mut self) -> String {
        if self.left_out > 0 {
            let left_out = i64::try_from(self.left_out).unwrap_or(i64::MAX);
            self.series = 0;
            self.gauge(
                "pathkeeper_series_left_out",
                "Series that this page has no room for",
                [(Vec::new(), left_out)],
            );
        }
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// `{node="pve1",wwid="…"}`; a name that somebody chose cannot end its quotes or its line.
fn written_labels(labels: &Labels<'_>) -> String {
    let mut out = String::new();
    for (at, (name, value)) in labels.iter().enumerate() {
        out.push(if at == 0 { '{' } else { ',' });
        out.push_str(name);
        out.push_str("=\"");
        let mut bytes = 0;
        for c in value.chars() {
            bytes += c.len_utf8();
            if bytes > LABEL_BYTES_MAX {
                break;
            }
            match c {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                // Other control characters are legal, and help nobody who reads a page on a terminal.
                c if c.is_control() => out.push('\u{fffd}'),
                c => out.push(c),
            }
        }
        out.push('"');
    }
    if !labels.is_empty() {
        out.push('}');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn page(format: Format) -> String {
        let mut page = Page::new(format);
        let hostile = "a\\b\"} 1\nup 0\r\u{1b}[2J";
        let node = |value: &str| vec![("node", Cow::Owned(value.to_owned())), ("x", Cow::Borrowed(""))];
        page.gauge(
            "pathkeeper_a",
            "Help",
            [(node(hostile), -1), (node("pve1"), 2), (node("pve1"), 3), (node(&"é".repeat(200)), 4)],
        );
        page.gauge("pathkeeper_none", "Help", []);
        page.counter("pathkeeper_b", "Help", [(Vec::new(), u64::MAX)]);
        page.finish()
    }

    #[test]
    fn names_cannot_break_out_and_a_series_is_there_once() {
        expect![[r##"
            # HELP pathkeeper_a Help
            # TYPE pathkeeper_a gauge
            pathkeeper_a{node="a\\b\"} 1\nup 0��[2J",x=""} -1
            pathkeeper_a{node="pve1",x=""} 2
            pathkeeper_a{node="ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé",x=""} 4
            # HELP pathkeeper_b_total Help
            # TYPE pathkeeper_b_total counter
            pathkeeper_b_total 18446744073709551615
        "##]]
        .assert_eq(&page(Format::Classic));
        let open = page(Format::OpenMetrics);
        assert!(open.contains("# TYPE pathkeeper_b counter\npathkeeper_b_total 1844"), "{open}");
        assert!(open.ends_with("\n# EOF\n"), "{open}");
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let mut page = Page { series: SERIES_MAX - 1, ..Page::new(Format::Classic) };
        let labels = |n: u32| vec![("n", Cow::Owned(n.to_string()))];
        page.gauge("pathkeeper_a", "Help", (0..3).map(|n| (labels(n), 1)));
        let text = page.finish();
        assert!(text.contains("pathkeeper_a{n=\"0\"} 1\n") && !text.contains("n=\"1\""), "{text}");
        assert!(text.ends_with("pathkeeper_series_left_out 2\n"), "{text}");
    }

    #[test]
    fn who_asks_for_open_metrics_gets_it() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, expect) in [
            ("", Format::Classic),
            ("*/*", Format::Classic),
            ("text/html, */*;q=0.1", Format::Classic),
            (prometheus, Format::OpenMetrics),
            ("Application/OpenMetrics-Text", Format::OpenMetrics),
            ("application/openmetrics-text;q=0", Format::Classic),
            ("application/openmetrics-text;q=0.4, text/plain;q=0.5", Format::Classic),
            ("application/openmetrics-text;q=much", Format::Classic),
        ] {
            assert_eq!(Format::accepted(accept), expect, "{accept}");
        }
    }
}
