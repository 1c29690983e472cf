//! Files of multipath's and LVM's that the doctor lists: read, never written, bounded.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// No file of this kind is larger; a larger one is read so far.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// No directory of drop-ins has more.
const FILES_MAX: usize = 200;

/// A configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfFile {
    /// Where it is.
    pub path: PathBuf,
    /// How many lines it has, or why it could not be read.
    pub lines: Result<usize, String>,
}

/// What was found in the files.
#[derive(Debug)]
pub struct Files {
    /// multipath's configuration in reading order: `multipath.conf`, then `conf.d/*.conf` by name.
    pub multipath: Vec<ConfFile>,
    /// `config_dir` of an old `multipath.conf`: the drop-ins are then read from there, or not at all.
    pub config_dir: Option<String>,
    /// WWIDs in `/etc/multipath/wwids`; the error is words. An absent file is an empty one.
    pub wwids: Result<BTreeSet<String>, String>,
    /// LVM filters that name devices below `/dev/mapper`, as they are written.
    pub lvm_filters: Vec<String>,
    /// systemd-timesyncd says that the clock is synchronised. `false` says nothing: others may do it.
    pub clock_synchronised: bool,
}

impl Files {
    /// Looks below `etc` (`/etc`) and `run` (`/run`).
    pub fn read(etc: &Path, run: &Path) -> Self {
        let main = etc.join("multipath.conf");
        let mut multipath = Vec::new();
        let mut config_dir = None;
        match read(&main) {
            Ok(None) => {}
            Ok(Some(text)) => {
                config_dir = text.lines().find_map(|line| value_of(line, "config_dir"));
                multipath.push(ConfFile { path: main, lines: Ok(text.lines().count()) });
            }
            Err(why) => multipath.push(ConfFile { path: main, lines: Err(why) }),
        }
        for path in drop_ins(&etc.join("multipath/conf.d")) {
            let lines = read(&path).map(|text| text.unwrap_or_default().lines().count());
            multipath.push(ConfFile { path, lines });
        }
        let wwids = read(&etc.join("multipath/wwids")).map(|text| wwids(&text.unwrap_or_default()));
        let lvm = read(&etc.join("lvm/lvm.conf")).ok().flatten().unwrap_or_default();
        let lvm_filters = ["filter", "global_filter"]
            .into_iter()
            .flat_map(|key| lvm.lines().filter_map(move |line| Some((key, value_of(line, key)?))))
            .filter(|(_, value)| value.contains("mapper"))
            .map(|(key, value)| format!("{key} = {value}"))
            .collect();
        let clock_synchronised = run.join("systemd/timesync/synchronized").exists();
        Self { multipath, config_dir, wwids, lvm_filters, clock_synchronised }
    }
}

/// `/WWID/` on a line of its own; `#` begins a comment, and an entry that was taken out is `#WWID/`.
fn wwids(text: &str) -> BTreeSet<String> {
    let entry = |line: &str| Some(line.trim().strip_prefix('/')?.strip_suffix('/')?.to_owned());
    text.lines().filter_map(entry).filter(|wwid| !wwid.is_empty()).collect()
}

/// The rest of a line that begins with `key`, without `=`, quotes and comments.
fn value_of(line: &str, key: &str) -> Option<String> {
    let rest = line.trim_start().strip_prefix(key)?;
    if !rest.starts_with([' ', '\t', '=', '"']) {
        return None;
    }
    let value = rest.trim_start_matches([' ', '\t', '=']).trim();
    Some(value.trim_matches('"').to_owned())
}

/// `*.conf` by name, as multipath reads them.
fn drop_ins(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries
        .take(FILES_MAX)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "conf"))
        .collect();
    paths.sort();
    paths
}

/// The text of a file; `None` if there is none. What is no UTF-8 is replaced.
fn read(path: &Path) -> Result<Option<String>, String> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.kind().to_string()),
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(|e| e.kind().to_string())?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_listed_in_the_order_in_which_they_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("multipath.conf", "defaults {\n  config_dir \"/etc/old\"\n}\n");
        put("multipath/conf.d/99-netapp.conf", "a\n");
        put("multipath/conf.d/10-first.conf", "");
        put("multipath/conf.d/readme", "no");
        put(
            "multipath/wwids",
            "# Multipath wwids, Version : 1.0\n/3600a/\n#3600b/\n /eui.1/ \n//\nrubbish\n",
        );
        put(
            "lvm/lvm.conf",
            "# global_filter = [ \"a|/dev/mapper/x|\" ]\n  global_filter = [ \"a|/dev/mapper/mpath.*|\", \"r|.*|\" ]\n\tfilter=[\"a|.*|\"]\n",
        );
        put("systemd/timesync/synchronized", "");
        let files = Files::read(dir.path(), dir.path());
        let names: Vec<String> = files
            .multipath
            .iter()
            .map(|f| {
                format!("{} {}", f.path.file_name().unwrap().to_str().unwrap(), f.lines.clone().unwrap())
            })
            .collect();
        assert_eq!(names, ["multipath.conf 3", "10-first.conf 0", "99-netapp.conf 1"]);
        assert_eq!(files.config_dir.as_deref(), Some("/etc/old"));
        assert_eq!(files.wwids.unwrap().into_iter().collect::<Vec<_>>(), ["3600a", "eui.1"]);
        assert_eq!(files.lvm_filters, ["global_filter = [ \"a|/dev/mapper/mpath.*|\", \"r|.*|\" ]"]);
        assert!(files.clock_synchronised);
    }

    #[test]
    fn a_machine_without_any_of_them_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::read(dir.path(), dir.path());
        assert!(
            files.multipath.is_empty() && files.wwids.unwrap().is_empty() && files.lvm_filters.is_empty()
        );
        std::fs::create_dir(dir.path().join("multipath.conf")).unwrap();
        let files = Files::read(dir.path(), dir.path());
        assert!(files.multipath.first().unwrap().lines.is_err());
    }
}
