//! `pathkeeper explain NAME`: whom it hits, what was seen, why, what to do and what not.

use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::explain::Explained;

use super::text::{Tone, View, clean, fit, span, width, wrap};
use super::{Failure, Globals, Output, out, versioned};

/// The chapters of all codes, so that they can be read where nothing else works.
const FINDINGS: &str = include_str!("../../../../docs/findings.md");
/// The column at which lines begin.
const INDENT: usize = 8;

/// Explain anything that is printed: a LUN, a node, NODE/ADAPTER, a port, a fabric, a controller, a storage, a code
///
/// Whom it hits, what was seen, why that is so as far as it can be told, what to do in which order, and what not to
/// do. A finding's code shows its chapter of the manual, for which no agent is needed.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit status: 0 nothing is wrong with it, 1 warning, 2 error, 3 not known, or no answer.

Examples:
  pathkeeper explain backup-01
  pathkeeper explain pve2/host7
  pathkeeper explain LUN_QUEUEING")]
pub struct ExplainArgs {
    /// Alias, WWID or its end, node, NODE/ADAPTER, port, fabric, controller, storage, or code
    name: String,
}

/// Asks the agent; a code is explained without one too.
pub async fn run(args: ExplainArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let chapter = chapter(&args.name);
    let asked = match globals.client() {
        Ok(client) => client.explain(&args.name).await.map_err(Failure::from),
        Err(e) => Err(e),
    };
    let explained = match (asked, &chapter) {
        (Ok(explained), _) => Some(explained),
        (Err(_), Some(_)) if globals.output != Output::Json => None,
        (Err(e), _) => return Err(e),
    };
    let exit = match explained.as_ref().map(|e| e.severity.as_deref()) {
        Some(Some("error")) => 2,
        Some(Some("warning")) => 1,
        Some(_) => 0,
        None => super::EXIT_UNKNOWN,
    };
    if let (Output::Json, Some(explained)) = (globals.output, &explained) {
        out::print(&versioned(explained, true)?)?;
        return Ok(ExitCode::from(exit));
    }
    let view = globals.view();
    let mut text = String::new();
    if let Some(chapter) = chapter {
        text.push_str(&chapter_text(chapter, &view));
        let here = explained.as_ref().filter(|e| !e.codes.is_empty());
        let none = if explained.is_some() {
            "\nno finding of this code stands now\n"
        } else {
            "\nno agent answers: whether it stands now is not known\n"
        };
        text.push_str(&here.map_or_else(|| none.to_owned(), |e| format!("\n{}", render(e, &view))));
    } else if let Some(explained) = &explained {
        text.push_str(&render(explained, &view));
    }
    out::print(&text)?;
    Ok(ExitCode::from(exit))
}

/// The chapter of a code, without its heading.
fn chapter(code: &str) -> Option<(&'static str, &'static str)> {
    FINDINGS.split("\n## ").skip(1).find_map(|chapter| {
        let (heading, body) = chapter.split_once('\n')?;
        heading.trim().eq_ignore_ascii_case(code).then(|| (heading.trim(), body.trim()))
    })
}

fn chapter_text((heading, body): (&str, &str), view: &View) -> String {
    let mut out = format!("{}\n\n", view.paint(Tone::Strong, heading));
    for paragraph in body.split("\n\n") {
        let plain = paragraph.replace("**", "").replace('\n', " ");
        wrap(&plain, view.width).iter().for_each(|line| out.push_str(&format!("{line}\n")));
    }
    out
}

/// Title and sections.
pub fn render(explained: &Explained, view: &View) -> String {
    let tone = match explained.severity.as_deref() {
        Some("error") => Tone::Bad,
        Some("warning") => Tone::Warn,
        _ => Tone::Plain,
    };
    let since = explained.since.map_or_else(String::new, |at| {
        format!("   since {} ({})", view.moment(at), span(view.now.saturating_sub(at)))
    });
    let name = clean(&explained.name);
    // What is wrong mostly begins with the name.
    let said = clean(&explained.headline);
    let said = said.strip_prefix(&format!("{name}: ")).unwrap_or(&said).to_owned();
    let mut out = String::new();
    for line in fit(&format!("{name}   {said}{since}"), view.width) {
        out.push_str(&format!("{}\n", view.paint(tone, &line)));
    }
    let about: Vec<String> = explained.about.iter().map(|text| clean(text)).collect();
    if !about.is_empty() {
        fit(&about.join("   "), view.width).iter().for_each(|line| out.push_str(&format!("{line}\n")));
    }
    for section in &explained.sections {
        out.push('\n');
        let numbered = section.title == "DO" && section.lines.len() > 1;
        let mut lead = clean(&section.title);
        for (line, number) in section.lines.iter().zip(1..) {
            let inner = line.len() - line.trim_start().len();
            let mark = if numbered { format!("{number}. ") } else { " ".repeat(inner) };
            let hang = width(&mark);
            let room = view.width.saturating_sub(INDENT + hang).max(24);
            for (at, text) in fit(clean(line).trim_start(), room).iter().enumerate() {
                let mark = if at == 0 { mark.clone() } else { " ".repeat(hang) };
                let head = format!("{:INDENT$}", std::mem::take(&mut lead));
                out.push_str(&format!("{}{mark}{text}\n", view.paint(Tone::Strong, &head)));
            }
        }
    }
    out.push_str(&before(explained, view));
    if !explained.codes.is_empty() {
        let codes: Vec<String> = explained.codes.iter().map(|code| clean(code)).collect();
        out.push_str(&format!("\nmanual: pathkeeper explain {}\n", codes.join(" | ")));
    }
    out
}

/// `BEFORE  4/4 since 12 Oct; 02:58:40 2/4; 02:58:41 0/4`.
fn before(explained: &Explained, view: &View) -> String {
    let mut out = String::new();
    let mut lead = "BEFORE";
    for of in explained.before.iter().filter(|of| !of.steps.is_empty()) {
        let mut words = Vec::new();
        for (at, step) in of.steps.iter().enumerate() {
            let text = clean(&step.text);
            words.push(if at == 0 {
                format!("{}{text} since {}", if of.earlier { ".. " } else { "" }, view.moment(step.at))
            } else {
                format!("{} {text}", view.dated(step.at))
            });
        }
        let node = if explained.kind == "node" { String::new() } else { format!("{}: ", clean(&of.node)) };
        for line in fit(&format!("{node}{}", words.join("; ")), view.width.saturating_sub(INDENT).max(24)) {
            let head = format!("{:INDENT$}", std::mem::take(&mut lead));
            out.push_str(&format!("{}{line}\n", view.paint(Tone::Strong, &head)));
        }
    }
    if out.is_empty() { out } else { format!("\n{out}") }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use pathkeeper_api::explain::Section;
    use pathkeeper_api::history::{Before, Step};

    #[test]
    fn every_code_has_a_chapter_that_can_be_read_offline() {
        for code in pathkeeper_model::finding::Code::ALL {
            let (heading, body) = chapter(code.as_str()).unwrap_or_else(|| panic!("{}", code.as_str()));
            assert_eq!(heading, code.as_str());
            assert!(body.starts_with("**Meaning.**"), "{heading}");
        }
        assert!(chapter("lun_failed").is_some());
        assert!(chapter("LUN_FAILED_").is_none());
    }

    #[test]
    fn sections_hang_under_their_titles() {
        let view = View { width: 60, ..crate::cli::fixtures::view() };
        let explained = Explained {
            kind: "lun".into(),
            id: "3600a1".into(),
            name: "backup-01".into(),
            about: vec!["3600a1".into(), "4.0 TiB".into()],
            headline: "backup-01: no path on pve3".into(),
            severity: Some("error".into()),
            since: Some(view.now - 780),
            sections: vec![
                Section {
                    title: "SEEN".into(),
                    lines: vec!["pve3: failed 0/4".into(), "  host6 -> a   sdk".into()],
                },
                Section {
                    title: "DO".into(),
                    lines: vec![
                        "Array: is the LUN mapped to the host group of pve3, or was it removed?".into(),
                        "rescan".into(),
                    ],
                },
                Section { title: "DO NOT".into(), lines: vec!["reboot\u{1b}[31m pve3".into()] },
            ],
            codes: vec!["LUN_FAILED".into()],
            before: vec![Before {
                node: "pve3".into(),
                steps: [(-90_000, "4/4"), (-780, "2/4"), (-779, "0/4")]
                    .map(|(at, text)| Step { at: view.now + at, text: text.into() })
                    .into(),
                earlier: false,
            }],
        };
        let text = render(&explained, &view);
        expect![[r#"
            backup-01   no path on pve3   since 02:59 (13m)
            3600a1   4.0 TiB

            SEEN    pve3: failed 0/4
                      host6 -> a   sdk

            DO      1. Array: is the LUN mapped to the host group of
                       pve3, or was it removed?
                    2. rescan

            DO NOT  reboot?[31m pve3

            BEFORE  pve3: 4/4 since 2 Jul; 02:59:07 2/4; 02:59:08 0/4

            manual: pathkeeper explain LUN_FAILED
        "#]]
        .assert_eq(&text);
    }
}
