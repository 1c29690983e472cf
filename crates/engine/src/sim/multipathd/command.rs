//! From a command's text to a reply's text, errors included.

use super::format::{list_map, list_maps, list_paths, path_field, wildcards};
use super::json::{json_map, json_maps};
use super::topology::topology;
use super::view::{Chk, Map, Version, View};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What the daemon sends back, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// How long it thinks first, milliseconds.
    pub after_ms: u32,
    /// The text, without the NUL that ends it on the wire.
    pub text: String,
    /// The command would have changed something. Observers never send one; tests count them.
    pub changes: bool,
}

/// `uxsock_timeout`: how long a command waits for the daemon's lock.
const LOCK_WAIT_MS: u32 = 4000;

/// Answers one command. `root` is what SO_PEERCRED said of the client.
///
/// Simulated: every `show` verb but `show config`, `show blacklist` (they answer as a failed command does). Verbs that
/// change something are refused to all but root, and fail for root too: the SAN changes by its script alone.
pub fn answer(view: &View, command: &str, root: bool, version: Version) -> Reply {
    let at_once = |text: String| Reply { after_ms: 0, text, changes: false };
    let parsed = match parse(command) {
        Ok(parsed) => parsed,
        Err(Misread::NotFound) => return at_once(help(&format!("{command}: not found"), version)),
        Err(Misread::Incomplete) => return at_once(help(&format!("{command}: Missing argument"), version)),
    };
    if parsed.verb != "show" {
        let why = if root { "" } else { "permission deny: need to be root" };
        return Reply { changes: true, ..at_once(error(why, version)) };
    }
    if view.locked && !parsed.has(&["daemon"]) {
        let text = if version.says_fail_first() { "fail\ntimeout\n" } else { "timeout\n" };
        return Reply { after_ms: LOCK_WAIT_MS, ..at_once(text.to_owned()) };
    }
    at_once(show(view, &parsed, version).unwrap_or_else(|why| error(why, version)))
}

fn show(view: &View, cmd: &Parsed<'_>, version: Version) -> Result<String, &'static str> {
    // The formats that multipathd uses where the command gives none (libmultipath's print.h).
    const PATHS: &str = "%i %d %D %p %t %T %o %C";
    const MAPS: &str = "%n %d %w";
    const MAPS_STATUS: &str = "%n %F %Q %N %t %r";
    const MAPS_STATS: &str = "%n %0 %1 %2 %3 %4";
    let map = || find_map(view, cmd.map.unwrap_or_default(), version).ok_or("device not found");
    let format = cmd.format.unwrap_or_default();
    let raw = cmd.words.contains("raw");
    let text = match cmd.shape().as_str() {
        "paths" => list_paths(view, PATHS, false, version),
        "format paths" | "format paths raw" => list_paths(view, format, raw, version),
        "path" => {
            let name = cmd.path.unwrap_or_default();
            let found = view.paths.iter().find(|p| p.dev == name || p.dev_t == name);
            let path = found.ok_or("device not found")?;
            format!("{}\n", path_field(path, 'o', version).unwrap_or_default())
        }
        "maps" => list_maps(view, MAPS, false, version),
        "maps status" => list_maps(view, MAPS_STATUS, false, version),
        "maps stats" => list_maps(view, MAPS_STATS, false, version),
        "format maps" | "format maps raw" => list_maps(view, format, raw, version),
        "maps topology" | "topology" => topology(view, None, version),
        "json maps" => json_maps(view, version),
        "map topology" => topology(view, Some(map()?), version),
        "format map" | "format map raw" => list_map(view, map()?, format, raw, version),
        "json map" => json_map(view, map()?, version),
        "status" => status(view),
        "daemon" => format!("pid {} {}\n", view.pid, view.phase),
        "wildcards" => wildcards(version),
        "devices" => devices(view),
        // Known to the daemon, not to this simulation.
        _ => return Err(""),
    };
    // A command that worked and has nothing to say says so.
    Ok(if text.is_empty() { "ok\n".to_owned() } else { text })
}

/// By alias, by `dm-N`, and from 0.9.9 by WWID.
fn find_map<'v>(view: &'v View, name: &str, version: Version) -> Option<&'v Map> {
    view.maps.iter().find(|m| m.name == name || m.dm == name || (version.says_fail_first() && m.wwid == name))
}

fn status(view: &View) -> String {
    let mut out = "path checker states:\n".to_owned();
    for state in Chk::ALL {
        let n = view.paths.iter().filter(|p| p.chk == state).count();
        if n > 0 {
            let _ = writeln!(out, "{:<20}{n}", state.status_word());
        }
    }
    let monitored = view.paths.iter().filter(|p| p.checker.is_some()).count();
    let _ = write!(out, "\npaths: {monitored}\nbusy: False\n");
    out
}

fn devices(view: &View) -> String {
    let lines = view.paths.iter().map(|p| format!("    {}  devnode whitelisted, monitored\n", p.dev));
    format!("available block devices:\n{}", lines.collect::<String>())
}

/// An error reply: 0.9.4 says only `fail`, except for the permission; later ones say `fail` and then why.
fn error(why: &str, version: Version) -> String {
    let old_gives_reason = why.starts_with("permission");
    match (version.says_fail_first(), why) {
        (true, "") => "fail\n".to_owned(),
        (true, why) => format!("fail\n{why}\n"),
        (false, why) if old_gives_reason => format!("{why}\n"),
        (false, _) => "fail\n".to_owned(),
    }
}

fn help(first: &str, version: Version) -> String {
    let mut out = String::new();
    if version.says_fail_first() {
        out.push_str("fail\n");
    }
    let _ = write!(out, "{first}\n{}\nCLI commands reference:\n", version.banner());
    for (since, line) in COMMANDS {
        if version >= *since {
            let _ = writeln!(out, " {line}");
        }
    }
    out
}

/// A command in canonical words.
#[derive(Default)]
struct Parsed<'c> {
    verb: &'static str,
    words: BTreeSet<&'static str>,
    map: Option<&'c str>,
    path: Option<&'c str>,
    format: Option<&'c str>,
}

impl Parsed<'_> {
    /// The words behind the verb, sorted: the daemon does not mind their order either.
    fn shape(&self) -> String {
        self.words.iter().copied().collect::<Vec<_>>().join(" ")
    }
    fn has(&self, words: &[&str]) -> bool {
        words.iter().all(|w| self.words.contains(w))
    }
}

enum Misread {
    /// A word that is no key, or no unique beginning of one.
    NotFound,
    /// Words that are no command together, or a parameter that is missing.
    Incomplete,
}

fn parse(command: &str) -> Result<Parsed<'_>, Misread> {
    let mut out = Parsed::default();
    let mut tokens = tokens(command).into_iter();
    let mut first = true;
    while let Some(token) = tokens.next() {
        let (word, takes_parameter) = key(token).ok_or(Misread::NotFound)?;
        let parameter = if takes_parameter { Some(tokens.next().ok_or(Misread::Incomplete)?) } else { None };
        match word {
            "map" => out.map = parameter,
            "path" => out.path = parameter,
            "format" => out.format = parameter,
            _ => {}
        }
        if first {
            out.verb = word;
            first = false;
        } else {
            out.words.insert(word);
        }
    }
    let shape = out.shape();
    let known = COMMANDS.iter().any(|(_, line)| {
        // The reference is the grammar: `list|show maps|multipaths raw format $format`.
        let mut words = line.split(' ').filter(|w| !w.starts_with('$'));
        let canonical = |w: &str| w.split('|').next().and_then(key).map(|(w, _)| w);
        let verb = words.next().and_then(canonical);
        let rest: BTreeSet<&str> = words.filter_map(canonical).collect();
        verb == Some(out.verb) && rest.into_iter().collect::<Vec<_>>().join(" ") == shape
    });
    if known { Ok(out) } else { Err(Misread::Incomplete) }
}

/// Words, with quotes around what holds blanks.
fn tokens(command: &str) -> Vec<&str> {
    let mut out = Vec::new();
    for (i, piece) in command.split('"').enumerate() {
        if i % 2 == 1 {
            out.push(piece);
        } else {
            out.extend(piece.split_ascii_whitespace());
        }
    }
    out
}

/// Finds a key by its name or by the beginning of its name where only one key begins so.
fn key(text: &str) -> Option<(&'static str, bool)> {
    let canonical = |name: &'static str| match name {
        "list" => "show",
        "remove" => "del",
        "multipaths" => "maps",
        "multipath" => "map",
        "switchgroup" => "switch",
        "exit" => "quit",
        other => other,
    };
    let exact = KEYS.iter().find(|(name, _)| *name == text);
    let found = exact.or_else(|| {
        let mut starting = KEYS.iter().filter(|(name, _)| name.starts_with(text));
        let only = starting.next();
        if starting.next().is_none() { only } else { None }
    });
    found.map(|(name, parameter)| (canonical(name), *parameter))
}

/// The daemon's keys, and whether a parameter follows.
const KEYS: &[(&str, bool)] = &[
    ("list", false),
    ("show", false),
    ("add", false),
    ("remove", false),
    ("del", false),
    ("switch", false),
    ("switchgroup", false),
    ("suspend", false),
    ("resume", false),
    ("reinstate", false),
    ("fail", false),
    ("resize", false),
    ("reload", false),
    ("reset", false),
    ("disablequeueing", false),
    ("restorequeueing", false),
    ("forcequeueing", false),
    ("paths", false),
    ("maps", false),
    ("multipaths", false),
    ("path", true),
    ("map", true),
    ("multipath", true),
    ("group", true),
    ("reconfigure", false),
    ("daemon", false),
    ("status", false),
    ("stats", false),
    ("topology", false),
    ("config", false),
    ("local", false),
    ("blacklist", false),
    ("devices", false),
    ("raw", false),
    ("wildcards", false),
    ("quit", false),
    ("exit", false),
    ("shutdown", false),
    ("getprstatus", false),
    ("setprstatus", false),
    ("unsetprstatus", false),
    ("format", true),
    ("json", false),
    ("getprkey", false),
    ("setprkey", false),
    ("unsetprkey", false),
    ("key", true),
    ("setmarginal", false),
    ("unsetmarginal", false),
    ("all", false),
    ("pathlist", true),
    ("getprhold", false),
    ("setprhold", false),
    ("unsetprhold", false),
];

/// The reference that every misread command brings, with the version since which each line is in it.
const COMMANDS: &[(Version, &str)] = {
    const OLD: Version = Version::V0_9_4;
    const NEW: Version = Version::V0_14_3;
    &[
        (OLD, "list|show paths"),
        (OLD, "list|show paths format $format"),
        (OLD, "list|show paths raw format $format"),
        (OLD, "list|show path $path"),
        (OLD, "list|show maps|multipaths"),
        (OLD, "list|show status"),
        (OLD, "list|show daemon"),
        (OLD, "list|show maps|multipaths status"),
        (OLD, "list|show maps|multipaths stats"),
        (OLD, "list|show maps|multipaths format $format"),
        (OLD, "list|show maps|multipaths raw format $format"),
        (OLD, "list|show maps|multipaths topology"),
        (OLD, "list|show topology"),
        (OLD, "list|show maps|multipaths json"),
        (OLD, "list|show map|multipath $map topology"),
        (OLD, "list|show map|multipath $map format $format"),
        (OLD, "list|show map|multipath $map raw format $format"),
        (OLD, "list|show map|multipath $map json"),
        (OLD, "list|show config local"),
        (OLD, "list|show config"),
        (OLD, "list|show blacklist"),
        (OLD, "list|show devices"),
        (OLD, "list|show wildcards"),
        (OLD, "reset maps|multipaths stats"),
        (OLD, "reset map|multipath $map stats"),
        (OLD, "add path $path"),
        (OLD, "remove|del path $path"),
        (OLD, "add map|multipath $map"),
        (OLD, "remove|del map|multipath $map"),
        (OLD, "remove|del maps|multipaths"),
        (OLD, "switch|switchgroup map|multipath $map group $group"),
        (OLD, "reconfigure"),
        (OLD, "reconfigure all"),
        (OLD, "suspend map|multipath $map"),
        (OLD, "resume map|multipath $map"),
        (OLD, "resize map|multipath $map"),
        (OLD, "reload map|multipath $map"),
        (OLD, "reset map|multipath $map"),
        (OLD, "reinstate path $path"),
        (OLD, "fail path $path"),
        (OLD, "disablequeueing map|multipath $map"),
        (OLD, "restorequeueing map|multipath $map"),
        (OLD, "disablequeueing maps|multipaths"),
        (OLD, "restorequeueing maps|multipaths"),
        (OLD, "quit|exit"),
        (OLD, "shutdown"),
        (OLD, "getprstatus map|multipath $map"),
        (OLD, "setprstatus map|multipath $map"),
        (NEW, "setprstatus map|multipath $map pathlist $pathlist"),
        (OLD, "unsetprstatus map|multipath $map"),
        (OLD, "forcequeueing daemon"),
        (OLD, "restorequeueing daemon"),
        (OLD, "getprkey map|multipath $map"),
        (OLD, "setprkey map|multipath $map key $key"),
        (OLD, "unsetprkey map|multipath $map"),
        (OLD, "setmarginal path $path"),
        (OLD, "unsetmarginal path $path"),
        (OLD, "unsetmarginal map|multipath $map"),
        (NEW, "getprhold map|multipath $map"),
        (NEW, "setprhold map|multipath $map"),
        (NEW, "unsetprhold map|multipath $map"),
    ]
};
