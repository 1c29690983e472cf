//! What the guest's root file system is made of.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::cpio::{Archive, Node};

/// Programs of the guest with all libraries that they name. Both layouts of Debian (merged /usr or not) are searched.
const PROGRAMS: [&str; 20] = [
    "multipath",
    "multipathd",
    "multipathc",
    "mpathpersist",
    "kpartx",
    "dmsetup",
    "kmod",
    "udevadm",
    "sg_turs",
    "sg_inq",
    "sg_rtpg",
    "sg_map",
    "sg_persist",
    "scsi_id",
    "ata_id",
    "cdrom_id",
    "iscsid",
    "iscsiadm",
    "lvm",
    "busybox",
];

/// Libraries that no program of the list names: multipathd loads libgcc_s by itself for pthread_cancel and dies
/// without it, and our agent needs libm.
const LIBRARIES: [&str; 3] = ["libgcc_s.so.1", "libm.so.6", "libc.so.6"];

/// Rules for disks and device-mapper. 95-dm-notify completes dm cookies: without it `multipath` hangs. kpartx's rules
/// are left out: nothing here has partitions, and looking for them costs most of a second for each map.
const UDEV_RULES: [&str; 13] = [
    "50-udev-default",
    "55-dm",
    "55-scsi-sg3_id",
    "56-dm-mpath",
    "56-dm-parts",
    "58-scsi-sg3_symlink",
    "60-block",
    "60-multipath",
    "60-persistent-storage",
    "60-persistent-storage-dm",
    "68-del-part-nodes",
    "80-drivers",
    "95-dm-notify",
];

/// Kernel modules with all that they depend on.
const MODULES: [&str; 22] = [
    "dm-mod",
    "dm-multipath",
    "dm-service-time",
    "dm-round-robin",
    "dm-queue-length",
    "scsi_dh_alua",
    "scsi_debug",
    "sd_mod",
    "sg",
    "virtio_pci",
    "virtio_scsi",
    "virtio_console",
    "virtio_net",
    "9p",
    "9pnet_virtio",
    "af_packet",
    "loop",
    "iscsi_tcp",
    "target_core_mod",
    "target_core_file",
    "iscsi_target_mod",
    // Asked for by name when somebody logs in.
    "crc32c_generic",
];

/// Directories where programs, libraries and helpers lie, in either layout.
const PROGRAM_DIRS: [&str; 8] =
    ["usr/sbin", "sbin", "usr/bin", "bin", "usr/lib/udev", "lib/udev", "usr/lib/systemd", "lib/systemd"];
const LIBRARY_DIRS: [&str; 4] = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib", "lib"];

/// Finds a program below the unpacked packages.
pub fn find_program(sysroot: &Path, name: &str) -> Result<PathBuf> {
    find(sysroot, &PROGRAM_DIRS, name)
}

/// Finds the dynamic loader. The link in lib64 is absolute and would lead to the host's.
pub fn find_loader(sysroot: &Path) -> Result<PathBuf> {
    find(sysroot, &LIBRARY_DIRS, "ld-linux-x86-64.so.2")
}

fn find(sysroot: &Path, dirs: &[&str], name: &str) -> Result<PathBuf> {
    dirs.iter()
        .map(|dir| sysroot.join(dir).join(name))
        .find(|path| path.is_file())
        .with_context(|| format!("none of the unpacked packages has {name}"))
}

/// The loader's search path for the unpacked packages.
pub fn library_path(sysroot: &Path) -> String {
    let mut dirs: Vec<String> =
        LIBRARY_DIRS.iter().map(|dir| sysroot.join(dir).display().to_string()).collect();
    // QEMU's audio library is beside the others, in a directory that only its RUNPATH names.
    dirs.push(sysroot.join("usr/lib/x86_64-linux-gnu/pulseaudio").display().to_string());
    dirs.join(":")
}

/// A command that runs an unpacked program with the unpacked loader and libraries.
pub fn in_sysroot(sysroot: &Path, program: &Path) -> Result<Command> {
    let mut command = Command::new(find_loader(sysroot)?);
    command.arg("--library-path").arg(library_path(sysroot));
    // busybox and kmod look at their own name.
    command.arg("--argv0").arg(program.file_name().unwrap_or_default()).arg(program);
    Ok(command)
}

/// The ramdisk: `init` (the guest's first process), the programs, rules and modules above.
pub fn initrd(sysroot: &Path, kernel: &Path, init: &[u8]) -> Result<Vec<u8>> {
    let mut archive = Archive::default();
    // A merged /usr: every path of either layout leads to the same file.
    for (name, target) in
        [("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")]
    {
        archive.add(name, Node::Link(target.to_owned()));
    }
    for dir in [
        "proc",
        "sys",
        "dev",
        "run",
        "tmp",
        "host",
        "root",
        "etc/multipath",
        "etc/pathkeeper",
        "var/lib/pathkeeper",
    ] {
        archive.add(dir, Node::Directory);
    }
    archive.add("var/run", Node::Link("../run".to_owned()));
    archive.add("init", Node::File(init.to_vec(), 0o755));
    archive.add(
        "etc/passwd",
        Node::File(b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n".to_vec(), 0o644),
    );
    archive.add("etc/group", Node::File(guest_groups().into_bytes(), 0o644));
    for name in PROGRAMS {
        add_program(&mut archive, sysroot, &find_program(sysroot, name)?)?;
    }
    for name in LIBRARIES {
        add_file(&mut archive, sysroot, &find(sysroot, &LIBRARY_DIRS, name)?)?;
    }
    archive.add(
        "usr/lib64/ld-linux-x86-64.so.2",
        Node::Link("../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2".to_owned()),
    );
    for name in ["modprobe", "insmod", "lsmod", "rmmod"] {
        archive.add(&format!("usr/sbin/{name}"), Node::Link("../bin/kmod".to_owned()));
    }
    archive.add("usr/lib/systemd/systemd-udevd", Node::Link("/bin/udevadm".to_owned()));
    add_plugins(&mut archive, sysroot)?;
    for rule in UDEV_RULES {
        let path = ["usr/lib/udev/rules.d", "lib/udev/rules.d"]
            .map(|dir| sysroot.join(dir).join(format!("{rule}.rules")));
        // Which rules a release has differs; the ones that matter are checked by the guest's tests.
        if let Some(path) = path.iter().find(|path| path.is_file()) {
            add_file(&mut archive, sysroot, path)?;
        }
    }
    add_modules(&mut archive, sysroot, kernel)?;
    Ok(archive.bytes())
}

/// udev resolves the groups that its rules name.
fn guest_groups() -> String {
    let names = [
        "root", "disk", "tty", "dialout", "kmem", "lp", "cdrom", "floppy", "tape", "video", "audio", "input",
        "kvm", "render", "sgx",
    ];
    names.iter().enumerate().map(|(id, name)| format!("{name}:x:{id}:\n")).collect()
}

/// Path checkers and prioritizers, which multipathd loads by name.
fn add_plugins(archive: &mut Archive, sysroot: &Path) -> Result<()> {
    let dirs = ["lib/multipath", "usr/lib/multipath", "usr/lib/x86_64-linux-gnu/multipath"];
    let mut count = 0;
    for entry in dirs.iter().filter_map(|dir| fs::read_dir(sysroot.join(dir)).ok()).flatten() {
        add_program(archive, sysroot, &entry?.path())?;
        count += 1;
    }
    if count == 0 {
        bail!("multipath-tools has no checker plugins where they are looked for ({})", dirs.join(", "));
    }
    Ok(())
}

/// Adds a program or shared object and what the loader says that it needs.
fn add_program(archive: &mut Archive, sysroot: &Path, path: &Path) -> Result<()> {
    add_file(archive, sysroot, path)?;
    let listed = Command::new(find_loader(sysroot)?)
        .args(["--library-path", &library_path(sysroot), "--list"])
        .arg(path)
        .output()
        .context("run the unpacked loader")?;
    // A static program is no business of the loader: it says so and there is nothing to add.
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        if line.contains("not found") {
            bail!("{} needs a library that no package has: {}", path.display(), line.trim());
        }
        let Some(library) = line.split_whitespace().find(|word| word.starts_with('/')) else { continue };
        if Path::new(library).starts_with(sysroot) {
            add_file(archive, sysroot, Path::new(library))?;
        }
    }
    Ok(())
}

/// Adds a file under the path that it has below `root`, in the merged layout.
fn add_file(archive: &mut Archive, root: &Path, path: &Path) -> Result<()> {
    let inside = path.strip_prefix(root).with_context(|| format!("{} is outside", path.display()))?;
    let inside = inside.to_str().context("a path that is no text")?;
    let merged = ["bin/", "sbin/", "lib/"].iter().any(|dir| inside.starts_with(dir));
    let name = if merged { format!("usr/{inside}") } else { inside.to_owned() };
    if archive.has(&name) {
        return Ok(());
    }
    let bytes = fs::read(path).with_context(|| format!("read {}", path.display()))?;
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    archive.add(&name, Node::File(bytes, mode));
    Ok(())
}

fn add_modules(archive: &mut Archive, sysroot: &Path, kernel: &Path) -> Result<()> {
    let base = if kernel.join("usr/lib/modules").is_dir() { kernel.join("usr") } else { kernel.to_owned() };
    let release = fs::read_dir(base.join("lib/modules"))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .next()
        .context("the kernel package has no modules")?;
    let tree = base.join("lib/modules").join(&release);
    depmod(sysroot, &base, &release)?;
    let deps = fs::read_to_string(tree.join("modules.dep")).context("read what depmod wrote")?;
    let builtin = fs::read_to_string(tree.join("modules.builtin")).unwrap_or_default();
    for module in MODULES {
        // modules.dep: `kernel/drivers/md/dm-multipath.ko: kernel/drivers/md/dm-mod.ko …`, the closure on the right.
        let line = deps.lines().find(|line| {
            line.split(':').next().is_some_and(|path| module_name(path) == module.replace('-', "_"))
        });
        match line {
            Some(line) => {
                for path in line.split([':', ' ']).filter(|path| !path.is_empty()) {
                    add_module(archive, &tree, &release, path)?;
                }
            }
            None if builtin.lines().any(|path| module_name(path) == module.replace('-', "_")) => {}
            None => bail!("the kernel {release} has no module {module}"),
        }
    }
    // The guest's modprobe reads the whole list; a module that is not there is only an error when it is asked for.
    for file in [
        "modules.dep",
        "modules.dep.bin",
        "modules.alias.bin",
        "modules.builtin",
        "modules.builtin.bin",
        "modules.order",
    ] {
        if let Ok(bytes) = fs::read(tree.join(file)) {
            archive.add(&format!("usr/lib/modules/{release}/{file}"), Node::File(bytes, 0o644));
        }
    }
    Ok(())
}

fn add_module(archive: &mut Archive, tree: &Path, release: &str, path: &str) -> Result<()> {
    let bytes = fs::read(tree.join(path)).with_context(|| format!("read module {path}"))?;
    archive.add(&format!("usr/lib/modules/{release}/{path}"), Node::File(bytes, 0o644));
    Ok(())
}

/// `kernel/drivers/md/dm-multipath.ko.xz` → `dm_multipath`.
fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.split('.').next().unwrap_or(file).replace('-', "_")
}

/// Writes modules.dep, which the package leaves to its maintainer script.
fn depmod(sysroot: &Path, base: &Path, release: &str) -> Result<()> {
    let mut command = Command::new(find_loader(sysroot)?);
    command
        .arg("--library-path")
        .arg(library_path(sysroot))
        .args(["--argv0", "depmod"])
        .arg(find_program(sysroot, "kmod")?);
    super::run(command.arg("-b").arg(base).arg(release), "depmod")
}
