//! Rules about the pages that the program serves: our own code, no build step, no way to run text as code.

use super::{Complaint, Repo};

const FOLDER: &str = "crates/pathkeeper/ui/";

/// Text that must not be there, and why.
const BANNED: &[(&str, &str)] = &[
    ("innerHTML", "text goes in by textContent"),
    ("outerHTML", "text goes in by textContent"),
    ("insertAdjacentHTML", "text goes in by textContent"),
    ("document.write", "text goes in by textContent"),
    ("eval(", "text is never code"),
    ("new Function", "text is never code"),
    ("http://", "the page asks its own API and nobody else"),
    ("https://", "the page asks its own API and nobody else"),
    ("wss://", "the page asks its own API and nobody else"),
    ("javascript:", "text is never code"),
    ("<style", "the content security policy refuses inline style: use a .css file"),
    (" style=", "the content security policy refuses inline style: use a .css file"),
    ("\"//", "the page asks its own API and nobody else"),
    ("'//", "the page asks its own API and nobody else"),
];

/// A name of a language, not an address; browsers never fetch it.
const SVG_NAMESPACE: &str = "http://www.w3.org/2000/svg";

pub fn ui(repo: &Repo) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (path, text) in repo.texts.iter().filter(|(path, _)| path.starts_with(FOLDER)) {
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.replace(SVG_NAMESPACE, "");
            for (banned, why) in BANNED.iter().filter(|(banned, _)| text.contains(banned)) {
                complaints.push(Complaint::new(path, line, format!("{banned}: {why}")));
            }
            if text.contains("<script") && !text.contains(" src=") {
                complaints.push(Complaint::new(
                    path,
                    line,
                    "<script> without src: the content security policy refuses it",
                ));
            }
            if let Some(handler) = inline_handler(&text).filter(|_| path.ends_with(".html")) {
                complaints.push(Complaint::new(path, line, format!("{handler}=: use addEventListener")));
            }
            if let Some(from) =
                import(&text).filter(|from| !from.starts_with("./") && !from.starts_with("../"))
            {
                complaints.push(Complaint::new(
                    path,
                    line,
                    format!("import of {from}: only our own files, by ./name.js"),
                ));
            }
        }
    }
    complaints
}

/// `onclick` and its like as an attribute.
fn inline_handler(text: &str) -> Option<&str> {
    text.split(' ').filter_map(|word| word.split_once('=')).map(|(name, _)| name).find(|name| {
        name.len() > 4
            && name.strip_prefix("on").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_lowercase()))
    })
}

/// What an `import` or `export … from` line of JavaScript names.
fn import(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let rest = if text.starts_with("import ") || text.starts_with("export ") || text.starts_with("} from ") {
        text.rsplit_once("from ").map_or_else(|| text.strip_prefix("import "), |(_, rest)| Some(rest))
    } else {
        text.split_once("import(").map(|(_, rest)| rest)
    }?;
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest.get(1..)?.split(quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(name: &str, text: &str) -> usize {
        ui(&Repo::of(&[(&format!("{FOLDER}{name}"), text)])).len()
    }

    #[test]
    fn each_banned_text_is_caught() {
        for (banned, _) in BANNED {
            assert!(count("a.js", &format!("x {banned} y")) >= 1, "{banned}");
        }
        assert_eq!(count("a.html", "<script>x</script>"), 1);
        assert_eq!(count("a.html", "<p onclick=\"x\">"), 1);
        assert_eq!(count("a.js", "import { x } from \"lodash\";"), 1);
        assert_eq!(count("a.js", "import 'x.js';"), 1);
        assert_eq!(count("a.js", "const x = await import(\"x\");"), 1);
    }

    #[test]
    fn our_own_code_passes() {
        assert_eq!(count("a.js", "import { x } from \"./store.js\";\nexport const y = 1;\nexport { y };"), 0);
        assert_eq!(count("a.js", &format!("createElementNS(\"{SVG_NAMESPACE}\", \"g\"); // a comment")), 0);
        assert_eq!(count("a.html", "<script type=\"module\" src=\"app.js\"></script>"), 0);
        assert_eq!(ui(&Repo::of(&[("docs/a.md", "https://example.org/")])).len(), 0);
    }
}
