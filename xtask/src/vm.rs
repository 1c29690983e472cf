//! The image of the test machine: Debian's kernel, udev, device-mapper tools and multipathd in an initial ramdisk,
//! and the QEMU that runs it.
//!
//! Nothing is installed on this machine. apt resolves the packages as if nothing were installed (an empty dpkg
//! status), downloads them, and they are unpacked below `target/vm/`. So no daemon starts here, no package of the
//! host is replaced or removed, root is not needed, and QEMU, multipathd and their C library come from one release.

mod cpio;
mod rootfs;
mod shell;

pub use shell::shell;

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

/// Packages whose dependencies apt closes over. The cloud kernel is smaller and has neither 9p nor ALUA. open-iscsi is
/// for machines whose SAN is another machine, lvm2 for what people do to LUNs (our agent never runs it).
const PACKAGES: [&str; 13] = [
    "qemu-system-x86",
    "linux-image-amd64",
    "multipath-tools",
    "kpartx",
    "busybox-static",
    "dmsetup",
    "udev",
    "sg3-utils",
    "open-iscsi",
    "lvm2",
    "kmod",
    "xz-utils",
    "zstd",
];

/// Dependencies that only maintainer scripts or a desktop would use: big, and never run by us.
const NOT_UNPACKED: [&str; 9] =
    ["perl", "libperl", "iso-codes", "coreutils", "dpkg_", "gstreamer", "libgst", "initramfs", "tzdata"];

/// Raise it when the layout of the image directory changes.
const LAYOUT: u32 = 1;

/// A built image.
#[derive(Clone, Debug)]
pub struct VmImage {
    /// `target/vm`, where the tests look for it: holds `qemu` (a script), `vmlinux` and `initrd.cpio`.
    pub dir: PathBuf,
}

/// Builds the image below the target directory, or finds it there unchanged (the list of packages, the guest's `init` and
/// the builder are in its stamp).
///
/// # Errors
/// When this machine cannot have it (no apt, no network, another architecture). The runner then counts the virtual
/// machine's tests as skipped, loudly.
pub fn build(workspace: &Path) -> Result<VmImage> {
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "the test machine is built for Linux on x86_64 only; run it there"
    );
    let dir = target_dir(workspace).join("vm");
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    // Two runs at once would tear each other's files: the second one waits, then finds everything built.
    let lock = File::create(dir.join("lock"))?;
    lock.lock().context("wait for another builder of the test machine")?;

    let began = Instant::now();
    let packages = stamp(&[&PACKAGES.join(" "), &NOT_UNPACKED.join(" "), &LAYOUT.to_string()]);
    if !stamped(&dir, "packages.stamp", &packages) {
        unpack_packages(&dir)?;
        write_stamp(&dir, "packages.stamp", &packages)?;
        println!("vm-image: packages unpacked after {:.1} s", began.elapsed().as_secs_f64());
    }
    let init_path = workspace.join("tests/vm/guest/init");
    let init = fs::read(&init_path).with_context(|| format!("read {}", init_path.display()))?;
    let rootfs = stamp(&[&packages, &String::from_utf8_lossy(&init), include_str!("vm/rootfs.rs")]);
    if !stamped(&dir, "rootfs.stamp", &rootfs) {
        let bytes = rootfs::initrd(&sysroot(&dir), &dir.join("kernel"), &init)?;
        fs::write(dir.join("initrd.cpio"), &bytes)?;
        write_stamp(&dir, "rootfs.stamp", &rootfs)?;
        println!(
            "vm-image: ramdisk of {} MB written after {:.1} s",
            bytes.len() / 1_000_000,
            began.elapsed().as_secs_f64()
        );
    }
    Ok(VmImage { dir })
}

/// Where cargo builds.
fn target_dir(workspace: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), |dir| workspace.join(dir))
}

fn sysroot(dir: &Path) -> PathBuf {
    dir.join("sysroot")
}

fn stamp(parts: &[&str]) -> String {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    format!("{:016x}\n", hasher.finish())
}

fn stamped(dir: &Path, name: &str, wanted: &str) -> bool {
    fs::read_to_string(dir.join(name)).is_ok_and(|found| found == wanted)
}

/// Written last, so that a build which was cut off is begun anew.
fn write_stamp(dir: &Path, name: &str, stamp: &str) -> Result<()> {
    fs::write(dir.join(name), stamp).with_context(|| format!("write {name}"))
}

fn unpack_packages(dir: &Path) -> Result<()> {
    for old in ["packages.stamp", "rootfs.stamp"] {
        let _ = fs::remove_file(dir.join(old));
    }
    for old in ["sysroot", "kernel"] {
        let _ = fs::remove_dir_all(dir.join(old));
    }
    let debs = download(dir)?;
    println!("vm-image: {} packages downloaded", debs.len());
    unpack(&debs, dir)?;
    let kernel = dir.join("kernel");
    extract_vmlinux(&sysroot(dir), &kernel, &dir.join("vmlinux"))?;
    // Modules and tools stay, the archives do not: they are half of the space.
    let _ = fs::remove_dir_all(dir.join("apt"));
    write_qemu_script(dir)
}

/// Lets apt resolve and download with its own state: lists, cache and an empty record of what is installed.
fn download(dir: &Path) -> Result<Vec<PathBuf>> {
    let apt = dir.join("apt");
    for sub in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(apt.join(sub))?;
    }
    fs::write(apt.join("status"), "")?;
    let set = |key: &str, value: &Path| format!("{key}={}", value.display());
    let options = [
        set("Dir::State", &apt),
        set("Dir::State::lists", &apt.join("lists")),
        set("Dir::State::status", &apt.join("status")),
        set("Dir::Cache", &apt.join("cache")),
        "APT::Sandbox::User=".to_owned(),
        "APT::Install-Recommends=false".to_owned(),
        "Acquire::Languages=none".to_owned(),
        "Acquire::Retries=3".to_owned(),
        "Acquire::http::Timeout=60".to_owned(),
        "Dpkg::Use-Pty=0".to_owned(),
    ];
    let apt_get = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C").arg("-qq");
        for option in &options {
            command.args(["-o", option]);
        }
        command.args(args);
        command
    };
    // A third-party source that cannot be reached is no reason to give up: what counts is whether the packages come.
    let updated = run(&mut apt_get(&["update"]), "apt-get update");
    let mut args = vec!["--yes", "--download-only", "install"];
    args.extend(PACKAGES);
    if let Err(error) = run(&mut apt_get(&args), "apt-get --download-only install") {
        return Err(match updated {
            Ok(()) => error,
            Err(first) => error.context(format!("{first:#}")),
        });
    }
    let mut debs: Vec<PathBuf> = fs::read_dir(apt.join("cache/archives"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension() == Some(OsStr::new("deb")))
        .collect();
    // The kernel takes longest: it goes first.
    debs.sort_by_key(|deb| std::cmp::Reverse(fs::metadata(deb).map(|m| m.len()).unwrap_or(0)));
    ensure!(!debs.is_empty(), "apt-get reported success and downloaded nothing");
    Ok(debs)
}

fn unpack(debs: &[PathBuf], dir: &Path) -> Result<()> {
    let (sysroot, kernel) = (sysroot(dir), dir.join("kernel"));
    fs::create_dir_all(&sysroot)?;
    fs::create_dir_all(&kernel)?;
    let next = Mutex::new(debs.iter());
    let unpack_some = || -> Result<()> {
        loop {
            let Some(deb) = next.lock().ok().and_then(|mut debs| debs.next()) else { return Ok(()) };
            let name = deb.file_name().unwrap_or_default().to_string_lossy();
            if NOT_UNPACKED.iter().any(|prefix| name.starts_with(prefix)) {
                continue;
            }
            let into = if name.starts_with("linux-image-") { &kernel } else { &sysroot };
            run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(into), "dpkg-deb -x")?;
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(unpack_some)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a thread that unpacked died")))
    })
}

/// Unpacks the ELF kernel inside the bzImage. QEMU starts it directly (PVH): decompressing under emulation costs 5 s.
fn extract_vmlinux(sysroot: &Path, kernel: &Path, out: &Path) -> Result<()> {
    let boot = kernel.join("boot");
    let bzimage = fs::read_dir(&boot)
        .with_context(|| format!("list {}", boot.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz-")))
        .context("the kernel package has no boot/vmlinuz-*")?;
    let bytes = fs::read(&bzimage)?;
    // Magic numbers: xz and gzip file format, RFC 8878 for zstd. The setup code before the payload may hold them by
    // chance, so each place is tried.
    let kinds: [(&[u8], &str, &[&str]); 3] = [
        (b"\xfd7zXZ\0", "xz", &["-dc", "--single-stream"]),
        (b"\x28\xb5\x2f\xfd", "zstd", &["-dcq"]),
        (b"\x1f\x8b\x08", "xz", &["-dc", "--format=gzip"]),
    ];
    let scratch = out.with_extension("payload");
    for (magic, tool, args) in kinds {
        let tool = if args.contains(&"--format=gzip") {
            PathBuf::from("gzip")
        } else {
            rootfs::find_program(sysroot, tool)?
        };
        for at in (0..bytes.len().saturating_sub(magic.len()))
            .filter(|&at| bytes.get(at..).is_some_and(|rest| rest.starts_with(magic)))
        {
            fs::write(&scratch, bytes.get(at..).unwrap_or_default())?;
            let mut command =
                if tool.is_absolute() { rootfs::in_sysroot(sysroot, &tool)? } else { Command::new(&tool) };
            command.args(args.iter().filter(|arg| **arg != "--format=gzip"));
            // What follows the payload makes every tool end with an error; the ELF header is the proof.
            let output = command.stdin(File::open(&scratch)?).stderr(Stdio::null()).output()?;
            if output.stdout.starts_with(b"\x7fELF") {
                fs::write(out, output.stdout)?;
                fs::remove_file(&scratch)?;
                return Ok(());
            }
        }
    }
    bail!("{} holds no xz, zstd or gzip payload that is an ELF kernel", bzimage.display())
}

/// Writes the script that runs the unpacked QEMU with the libraries, modules and firmware beside it.
fn write_qemu_script(dir: &Path) -> Result<()> {
    let sysroot = sysroot(dir);
    let qemu = rootfs::find_program(&sysroot, "qemu-system-x86_64")?;
    let loader = rootfs::find_loader(&sysroot)?;
    let script = format!(
        "#!/bin/sh\n\
         # Runs the unpacked QEMU with its own loader, libraries, modules and firmware.\n\
         S='{root}'\n\
         QEMU_MODULE_DIR=\"$S/usr/lib/x86_64-linux-gnu/qemu\"; export QEMU_MODULE_DIR\n\
         exec '{loader}' --library-path '{libraries}' '{qemu}' -L \"$S/usr/share/qemu\" -L \"$S/usr/share/seabios\" \"$@\"\n",
        root = sysroot.display(),
        loader = loader.display(),
        libraries = rootfs::library_path(&sysroot),
        qemu = qemu.display(),
    );
    let path = dir.join("qemu");
    fs::write(&path, script)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    run(Command::new(&path).arg("-version"), "the unpacked qemu-system-x86_64")
}

/// Runs a command to its end; its own words are in the error.
fn run(command: &mut Command, what: &str) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {what}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    let tail: Vec<&str> = said.lines().rev().take(8).collect();
    bail!("{what}: {}: {}", output.status, tail.into_iter().rev().collect::<Vec<_>>().join(" | "))
}
