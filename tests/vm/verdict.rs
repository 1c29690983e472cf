//! What our agent finds wrong, held against what was done: these codes, about these objects, as bad as this, and nothing else.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::agent::STATUS;
use crate::lab::Lab;
use crate::probe::get;

/// For what takes a fault, a check of multipathd's, a read and a report to be told, in the guest's seconds. On an idle host
/// it takes a tenth of that; how long it took is printed.
pub const LIMIT_S: u32 = 240;
/// So long a verdict must stand before it is believed: what comes and goes on the way is no verdict.
const STANDS: Duration = Duration::from_millis(2_500);

/// What the agent said once it said what was wanted.
#[derive(Debug)]
pub struct Verdict {
    findings: Vec<Value>,
    summary: Value,
}

impl Lab {
    /// Waits till the findings are these, each written `error LUN_FAILED node1/3500…`, and no others, and stay so, and till
    /// each of these texts is somewhere in their summaries, evidence or advice. (Paths are published later than reports.)
    pub fn finds(&mut self, want: &[String], texts: &[&str]) -> Result<Verdict> {
        let mut want = want.to_vec();
        want.sort_unstable();
        let texts =
            texts.iter().map(|text| format!(" '{}'", text.replace('\'', "'\\''"))).collect::<String>();
        let words = format!("probe guest-probe findings '{}' {LIMIT_S}{texts}", want.join(";"));
        let output = self.machine.run(&words, Duration::from_secs(3 * u64::from(LIMIT_S)))?;
        ensure!(output.status == 0, "{}", output.text);
        let said: Value = serde_json::from_str(&output.text)
            .with_context(|| format!("the probe printed {:?}", output.text))?;
        let way = said["way"].as_array().into_iter().flatten().filter_map(Value::as_str);
        way.for_each(|line| println!("         {}: {line}", self.node));
        let findings = said["findings"].as_array().cloned().unwrap_or_default();
        Ok(Verdict { findings, summary: said["summary"].clone() })
    }

    /// The same, and the command line says so too: `health` by its text and exit status, and `explain` of `name`.
    pub fn finds_and_tells(&mut self, want: &[String], name: &str, texts: &[&str]) -> Result<Verdict> {
        let verdict = self.finds(want, texts)?;
        let worst = match verdict.summary["health"].as_str() {
            Some("HEALTH_ERR") => 2,
            Some("HEALTH_WARN") => 1,
            Some("HEALTH_OK") => 0,
            other => anyhow::bail!("no verdict on health: {other:?}"),
        };
        let by_severity = match () {
            () if want.iter().any(|line| line.starts_with("error ")) => 2,
            () if want.iter().any(|line| line.starts_with("warning ")) => 1,
            () => 0,
        };
        ensure!(worst == by_severity, "health is {}, of {want:?}", verdict.summary["health"]);
        let health = self.ends_with("pathkeeper health", worst)?;
        for line in want {
            let code = line.split(' ').nth(1).unwrap_or_default();
            ensure!(health.contains(code), "health is silent about {code}: {health}");
        }
        self.ends_with(&format!("pathkeeper explain {name}"), worst)?;
        Ok(verdict)
    }

    /// Runs a command of ours till it ends with this status; its text. On a busy host it may once get no answer in its time.
    fn ends_with(&mut self, command: &str, status: i32) -> Result<String> {
        let began = Instant::now();
        loop {
            let output = self.machine.run(command, Duration::from_secs(120))?;
            if output.status == status {
                return Ok(output.text);
            }
            let (ended, text) = (output.status, output.text);
            ensure!(began.elapsed().as_secs() < u64::from(LIMIT_S), "{command} ended with {ended}: {text}");
            println!("         {command} ended with {ended}, not {status}: asked again");
        }
    }

    /// Nothing is wrong.
    pub fn finds_nothing(&mut self) -> Result<()> {
        self.finds(&[], &[])?;
        Ok(())
    }
}

impl Verdict {
    /// The finding of this code.
    pub fn of(&self, code: &str) -> Result<&Value> {
        let found = self.findings.iter().find(|finding| finding["code"] == code);
        found.with_context(|| format!("no {code} in {:?}", self.findings))
    }

    /// The commands of an advice, as they stand in it: what follows `before` in a line of it.
    pub fn advice(&self, code: &str, before: &str) -> Result<String> {
        let advice = self.of(code)?["advice"].as_array().cloned().unwrap_or_default();
        let line = advice.iter().filter_map(Value::as_str).find_map(|line| line.split_once(before));
        let (_, command) = line.with_context(|| format!("no advice with {before:?} in {advice:#?}"))?;
        Ok(command.to_owned())
    }

    /// So many findings of these codes hang under the cause, and no others.
    pub fn folds(&self, code: &str, folded: &[(&str, u32)]) -> Result<()> {
        let said = self.of(code)?["explains"]["codes"].clone();
        let want: serde_json::Map<String, Value> =
            folded.iter().map(|(code, n)| ((*code).to_owned(), json!(n))).collect();
        ensure!(said == Value::Object(want.clone()), "under {code} hang {said}, not {want:?}");
        Ok(())
    }
}

/// `findings WANT SECONDS TEXT…` in the guest: prints the findings once they are what is wanted and have stood for a while,
/// with what was said on the way.
pub fn wait(want: &str, seconds: &str, texts: &[&str]) -> Result<()> {
    let (began, limit) = (Instant::now(), Duration::from_secs(seconds.parse()?));
    let (mut way, mut last, mut since): (Vec<String>, Option<String>, Instant) = (Vec::new(), None, began);
    loop {
        let body: Value = serde_json::from_str(&get(STATUS)?)?;
        let findings = body["data"]["findings"].as_array().context("no data.findings in the status")?;
        let said = lines(findings);
        if last.as_ref() != Some(&said) {
            since = Instant::now();
            way.push(format!("after {:5} ms: {}", began.elapsed().as_millis(), shown(&said)));
            last = Some(said.clone());
        }
        let missing = texts.iter().find(|text| !findings.iter().any(|finding| says(finding, text)));
        if said == want && missing.is_none() && since.elapsed() >= STANDS {
            let told = json!({"way": way, "findings": findings, "summary": body["data"]["summary"]});
            println!("{told}");
            return Ok(());
        }
        ensure!(
            began.elapsed() < limit,
            "after {seconds} s the findings are not {}, with {missing:?}:\n{}\n{}",
            shown(want),
            way.join("\n"),
            serde_json::to_string_pretty(findings)?
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A text of the finding has this in it.
fn says(finding: &Value, text: &str) -> bool {
    let lines = ["evidence", "advice"].into_iter().filter_map(|key| finding[key].as_array()).flatten();
    let mut lines = lines.chain([&finding["summary"]]).filter_map(Value::as_str);
    lines.any(|line| line.contains(text))
}

fn shown(lines: &str) -> &str {
    if lines.is_empty() { "nothing" } else { lines }
}

fn lines(findings: &[Value]) -> String {
    let line = |finding: &Value| {
        let text = |key: &str| finding[key].as_str().unwrap_or("?").to_owned();
        format!("{} {}", text("severity"), text("fingerprint"))
    };
    let mut lines: Vec<String> = findings.iter().map(line).collect();
    lines.sort_unstable();
    lines.join(";")
}
