//! Whether the initramfs that would be booted carries an older configuration of multipath's than the node has.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use pathkeeper_model::EpochS;
use pathkeeper_model::local::OldInitramfs;

use crate::roots::Roots;
use crate::sysfs::file::{names, read_at_most, read_text};

/// Entries of `/boot` and of configuration folders that are looked at.
const ENTRIES_MAX: usize = 1_024;
/// dracut's own settings.
const CONF_BYTES_MAX: usize = 64 << 10;

/// `None` where no image carries multipath, or it is new enough.
pub(super) fn older_than_config(roots: &Roots) -> Option<OldInitramfs> {
    let (image, made) = image(roots)?;
    let (newer, changed) = newest_of_config(roots)?;
    (made < changed).then_some(OldInitramfs { image, made, newer, changed })
}

/// The image of the newest kernel, else of the running one, if multipath is part of it.
fn image(roots: &Roots) -> Option<(String, EpochS)> {
    let all = names(&roots.boot, ENTRIES_MAX);
    let debian = has_debian_hook(roots).then_some(("initrd.img-", ""));
    let dracut = has_dracut_module(roots).then_some(("initramfs-", ".img"));
    let release_of = |name: &str| {
        [debian, dracut].into_iter().flatten().find_map(|(before, after)| {
            let release = name.strip_prefix(before)?.strip_suffix(after)?;
            let plain = !release.is_empty()
                && ![".bak", ".new", ".old", "kdump"].iter().any(|end| release.ends_with(end))
                && !release.starts_with("0-rescue");
            plain.then(|| release.to_owned())
        })
    };
    let running = read_text(&roots.proc.join("sys/kernel/osrelease"));
    let mut images: Vec<(String, &String)> =
        all.iter().filter_map(|name| Some((release_of(name)?, name))).collect();
    images.sort_by(|(a, _), (b, _)| by_version(a, b));
    // What has no kernel beside it boots nothing.
    let has_kernel = |(release, _): &&(String, &String)| all.contains(&format!("vmlinuz-{release}"));
    let newest = images.iter().rev().find(has_kernel);
    let (_, name) =
        newest.or_else(|| images.iter().find(|(release, _)| Some(release) == running.as_ref()))?;
    Some((format!("/boot/{name}"), changed_at(&roots.boot.join(name))?))
}

/// Debian's hook, of the package multipath-tools-boot.
fn has_debian_hook(roots: &Roots) -> bool {
    [&roots.usr.join("share"), &roots.etc]
        .iter()
        .any(|at| at.join("initramfs-tools/hooks/multipath").exists())
}

/// dracut's module is installed with dracut itself; it is taken in where a setting names it. (In its `hostonly` mode it is
/// also taken in where the root lies on a map: that is not found here.)
fn has_dracut_module(roots: &Roots) -> bool {
    let says = |file: &Path| {
        let text = read_at_most(file, CONF_BYTES_MAX).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().any(|line| {
            let line = line.trim_start();
            let adds = ["add_dracutmodules", "dracutmodules", "force_add_dracutmodules"]
                .iter()
                .any(|key| line.starts_with(key));
            adds && line.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "multipath")
        })
    };
    let folders = [roots.etc.join("dracut.conf.d"), roots.usr.join("lib/dracut/dracut.conf.d")];
    let drop_ins = folders.iter().flat_map(|folder| {
        let names = names(folder, ENTRIES_MAX).into_iter().filter(|name| name.ends_with(".conf"));
        names.map(|name| folder.join(name)).collect::<Vec<_>>()
    });
    std::iter::once(roots.etc.join("dracut.conf")).chain(drop_ins).any(|file| says(&file))
}

/// The file of multipath's that was changed last.
fn newest_of_config(roots: &Roots) -> Option<(String, EpochS)> {
    let below = roots.etc.join("multipath");
    let mut files: Vec<(String, PathBuf)> =
        vec![("/etc/multipath.conf".into(), roots.etc.join("multipath.conf"))];
    for (folder, shown) in
        [(below.clone(), "/etc/multipath"), (below.join("conf.d"), "/etc/multipath/conf.d")]
    {
        for name in names(&folder, ENTRIES_MAX) {
            files.push((format!("{shown}/{name}"), folder.join(&name)));
        }
    }
    let dated = files.into_iter().filter(|(_, file)| file.is_file());
    let dated = dated.filter_map(|(shown, file)| Some((shown, changed_at(&file)?)));
    dated.max_by_key(|(_, at)| *at)
}

fn changed_at(file: &Path) -> Option<EpochS> {
    let at = std::fs::metadata(file).ok()?.modified().ok()?;
    Some(EpochS(i64::try_from(at.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?))
}

/// `6.1.0-9` before `6.1.0-56`: runs of digits as numbers, the rest as text.
fn by_version(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        match (a.is_empty(), b.is_empty()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        let (first, rest_a) = run(a);
        let (second, rest_b) = run(b);
        let order = match (first.parse::<u64>(), second.parse::<u64>()) {
            (Ok(first), Ok(second)) => first.cmp(&second),
            _ => first.cmp(second),
        };
        if order != Ordering::Equal {
            return order;
        }
        (a, b) = (rest_a, rest_b);
    }
}

/// The digits, or what is none, that a text begins with.
fn run(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Tree;
    use std::time::{Duration, SystemTime};

    fn at(tree: &Tree, path: &str, second: u64) {
        tree.file(path, "x");
        let file = std::fs::File::options().write(true).open(tree.root().join(path)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second)).unwrap();
    }

    fn debian() -> Tree {
        let tree = Tree::new();
        tree.file("usr/share/initramfs-tools/hooks/multipath", "");
        for release in ["6.1.0-9-amd64", "6.1.0-56-amd64"] {
            tree.file(&format!("boot/vmlinuz-{release}"), "");
        }
        tree
    }

    fn old(tree: &Tree) -> Option<(String, i64, String, i64)> {
        let old = older_than_config(&Roots::below(tree.root()))?;
        Some((old.image, old.made.0, old.newer, old.changed.0))
    }

    #[test]
    fn the_newest_kernels_image_against_the_newest_file() {
        let tree = debian();
        at(&tree, "boot/initrd.img-6.1.0-9-amd64", 50);
        at(&tree, "boot/initrd.img-6.1.0-56-amd64", 100);
        at(&tree, "boot/initrd.img-6.1.0-99-amd64", 1);
        assert_eq!(old(&tree), None);
        at(&tree, "etc/multipath.conf", 100);
        assert_eq!(old(&tree), None);
        at(&tree, "etc/multipath/conf.d/99-x.conf", 120);
        let image = "/boot/initrd.img-6.1.0-56-amd64".to_owned();
        assert_eq!(old(&tree), Some((image.clone(), 100, "/etc/multipath/conf.d/99-x.conf".into(), 120)));
        at(&tree, "etc/multipath/wwids", 130);
        assert_eq!(old(&tree), Some((image, 100, "/etc/multipath/wwids".into(), 130)));
        at(&tree, "boot/initrd.img-6.1.0-56-amd64", 130);
        assert_eq!(old(&tree), None);
    }

    #[test]
    fn an_image_without_multipath_has_nothing_old_in_it() {
        let tree = debian();
        at(&tree, "boot/initrd.img-6.1.0-56-amd64", 1);
        at(&tree, "etc/multipath.conf", 100);
        assert!(old(&tree).is_some());
        std::fs::remove_file(tree.root().join("usr/share/initramfs-tools/hooks/multipath")).unwrap();
        assert_eq!(old(&tree), None);
        // dracut carries it where it is told to.
        tree.file("boot/vmlinuz-5.14.0-1", "");
        at(&tree, "boot/initramfs-5.14.0-1.img", 1);
        at(&tree, "boot/initramfs-0-rescue-5.14.img", 1);
        assert_eq!(old(&tree), None);
        tree.file("etc/dracut.conf.d/mp.conf", "# multipath\nadd_dracutmodules+=\" multipath \"\n");
        assert_eq!(old(&tree).unwrap().0, "/boot/initramfs-5.14.0-1.img");
    }

    #[test]
    fn versions() {
        for (a, b) in
            [("6.1.0-9", "6.1.0-56"), ("6.1", "6.1.1"), ("6.8.12-4-pve", "6.14.0-1-pve"), ("a", "b")]
        {
            assert_eq!((by_version(a, b), by_version(b, a)), (Ordering::Less, Ordering::Greater), "{a} {b}");
        }
        assert_eq!(by_version("99999999999999999999999", "1"), Ordering::Greater);
        assert_eq!(run("é1"), ("é", "1"));
    }
}
