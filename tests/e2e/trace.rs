//! Reads what `strace -f -y` wrote and finds every call that writes, or means to write, outside given places.
//!
//! A call that this file does not know is a finding too: it must be classified before the test passes. A failed call
//! counts like one that worked, for what was meant is what matters.

use std::path::{Component, Path, PathBuf};

/// What strace is told to show: every call with a path, sockets, processes, and what changes a file or the system
/// through a descriptor. `write` itself is not needed: a descriptor that can be written was opened for it.
pub const CALLS: &str = "trace=%file,%network,%process,ioctl,kill,tkill,fchmod,fchown,ftruncate,fallocate,fsetxattr,\
    fremovexattr,sethostname,setdomainname,settimeofday,clock_settime,adjtimex,clock_adjtime,init_module,finit_module,\
    delete_module,reboot,kexec_load,bpf,ptrace,process_vm_writev,mount,umount2,setns,unshare,pivot_root";

/// Calls that change nothing outside their process, whatever their arguments.
const HARMLESS: &[&str] = &[
    "accept",
    "accept4",
    "access",
    "chdir",
    "connect",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fgetxattr",
    "fstat",
    "fstatfs",
    "getcwd",
    "getpeername",
    "getsockname",
    "getsockopt",
    "getxattr",
    "inotify_add_watch",
    "lgetxattr",
    "listen",
    "listxattr",
    "llistxattr",
    "lstat",
    "newfstatat",
    "readlink",
    "readlinkat",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "socket",
    "socketpair",
    "stat",
    "statfs",
    "statx",
    "wait4",
    "waitid",
];

/// Requests of ioctl that ask and do not tell.
const ASKING_IOCTLS: &[&str] = &[
    "DM_DEV_STATUS",
    "DM_LIST_DEVICES",
    "DM_TABLE_DEPS",
    "DM_TABLE_STATUS",
    "DM_VERSION",
    "FIOCLEX",
    "FIONBIO",
    "FIONREAD",
    "TCGETS",
    "TIOCGWINSZ",
];

/// Which arguments of a call name a file: the directory's descriptor, where the call has one, and the path.
type Place = (Option<usize>, usize);

/// Calls that change what a path names.
const CHANGING: &[(&str, &[Place])] = &[
    ("chmod", &[(None, 0)]),
    ("chown", &[(None, 0)]),
    ("creat", &[(None, 0)]),
    ("fchmodat", &[(Some(0), 1)]),
    ("fchmodat2", &[(Some(0), 1)]),
    ("fchownat", &[(Some(0), 1)]),
    ("futimesat", &[(Some(0), 1)]),
    ("lchown", &[(None, 0)]),
    ("link", &[(None, 0), (None, 1)]),
    ("linkat", &[(Some(0), 1), (Some(2), 3)]),
    ("lremovexattr", &[(None, 0)]),
    ("lsetxattr", &[(None, 0)]),
    ("mkdir", &[(None, 0)]),
    ("mkdirat", &[(Some(0), 1)]),
    ("mknod", &[(None, 0)]),
    ("mknodat", &[(Some(0), 1)]),
    ("removexattr", &[(None, 0)]),
    ("rename", &[(None, 0), (None, 1)]),
    ("renameat", &[(Some(0), 1), (Some(2), 3)]),
    ("renameat2", &[(Some(0), 1), (Some(2), 3)]),
    ("rmdir", &[(None, 0)]),
    ("setxattr", &[(None, 0)]),
    ("symlink", &[(None, 1)]),
    ("symlinkat", &[(Some(1), 2)]),
    ("truncate", &[(None, 0)]),
    ("unlink", &[(None, 0)]),
    ("unlinkat", &[(Some(0), 1)]),
    ("utime", &[(None, 0)]),
    ("utimensat", &[(Some(0), 1)]),
    ("utimes", &[(None, 0)]),
];

/// Calls that change the file behind the descriptor in their first argument.
const CHANGING_BY_DESCRIPTOR: &[&str] =
    &["fallocate", "fchmod", "fchown", "fremovexattr", "fsetxattr", "ftruncate"];

/// Flags of open with which something may be written.
const WRITING_FLAGS: &[&str] = &["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND", "O_TMPFILE"];

/// Where a traced program may write.
pub struct Allowed<'a> {
    /// Folders with all that is in them.
    pub folders: &'a [PathBuf],
    /// Single files.
    pub files: &'a [&'a str],
    /// What a relative path starts from.
    pub working_dir: &'a Path,
}

/// What a trace showed.
#[derive(Default)]
pub struct Seen {
    /// Lines that write elsewhere than allowed, or that nobody has classified, each with its reason.
    pub violations: Vec<String>,
    /// How many calls wrote within the allowed places.
    pub allowed_writes: usize,
    /// How many calls there were.
    pub calls: usize,
}

/// Judges every line of a trace.
pub fn judge(trace: &str, allowed: &Allowed) -> Seen {
    let mut seen = Seen::default();
    let mut programs = 0;
    for line in trace.lines() {
        let Some((name, args)) = call(line) else { continue };
        seen.calls += 1;
        let arg = |index: usize| args.get(index).map_or("", String::as_str);
        let verdict = match name {
            "execve" | "execveat" => {
                programs += 1;
                if programs == 1 { Verdict::Harmless } else { Verdict::Broken("starts a program".to_owned()) }
            }
            "clone" | "clone3" if line.contains("CLONE_THREAD") => Verdict::Harmless,
            "open" => open(arg(1), allowed, None, arg(0)),
            "openat" | "openat2" => open(arg(2), allowed, Some(arg(0)), arg(1)),
            "bind" => bind(arg(1), allowed),
            "ioctl" if ASKING_IOCTLS.contains(&arg(1)) => Verdict::Harmless,
            name if HARMLESS.contains(&name) => Verdict::Harmless,
            name if CHANGING_BY_DESCRIPTOR.contains(&name) => allowed.judge(descriptor_path(arg(0))),
            name => match CHANGING.iter().find(|(changing, _)| *changing == name) {
                Some((_, places)) => places
                    .iter()
                    .map(|(dir, path)| allowed.judge(allowed.resolve(dir.map(arg), arg(*path))))
                    .reduce(Verdict::worse)
                    .unwrap_or(Verdict::Harmless),
                None => Verdict::Broken(
                    "is not known to be harmless: classify it in tests/e2e/trace.rs".to_owned(),
                ),
            },
        };
        match verdict {
            Verdict::Harmless => {}
            Verdict::Allowed => seen.allowed_writes += 1,
            Verdict::Broken(why) => seen.violations.push(format!("{name} {why}: {line}")),
        }
    }
    seen
}

enum Verdict {
    Harmless,
    Allowed,
    Broken(String),
}

impl Verdict {
    fn worse(self, other: Self) -> Self {
        match (self, other) {
            (broken @ Verdict::Broken(_), _) | (_, broken @ Verdict::Broken(_)) => broken,
            (Verdict::Allowed, _) | (_, Verdict::Allowed) => Verdict::Allowed,
            _ => Verdict::Harmless,
        }
    }
}

fn open(flags: &str, allowed: &Allowed, dir: Option<&str>, path: &str) -> Verdict {
    if flags
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .any(|flag| WRITING_FLAGS.contains(&flag))
    {
        allowed.judge(allowed.resolve(dir, path))
    } else {
        Verdict::Harmless
    }
}

/// A socket with a path is a file; an abstract one and netlink are none; the network is loopback alone.
fn bind(address: &str, allowed: &Allowed) -> Verdict {
    if address.contains("AF_NETLINK") || address.contains("sun_path=@") {
        return Verdict::Harmless;
    }
    if let Some((_, path)) = address.split_once("sun_path=") {
        return allowed.judge(allowed.resolve(None, path.trim_end_matches('}')));
    }
    if address.contains("inet_addr(\"127.") || address.contains("\"::1\"") {
        return Verdict::Harmless;
    }
    Verdict::Broken("listens beyond this machine".to_owned())
}

impl Allowed<'_> {
    fn judge(&self, path: Option<PathBuf>) -> Verdict {
        let Some(path) = path else {
            return Verdict::Broken("on a file that the trace does not name".to_owned());
        };
        let is_allowed = self.folders.iter().any(|folder| path.starts_with(folder))
            || self.files.iter().any(|file| path == Path::new(file));
        if is_allowed { Verdict::Allowed } else { Verdict::Broken(format!("on {}", path.display())) }
    }

    /// The absolute path that a call means. `None` where the trace does not tell.
    fn resolve(&self, dir: Option<&str>, path: &str) -> Option<PathBuf> {
        let dir = match dir {
            Some(dir) => descriptor_path(dir),
            None => Some(self.working_dir.to_path_buf()),
        };
        // A NULL path means the descriptor itself (utimensat).
        if path == "NULL" {
            return dir;
        }
        let path = path.strip_prefix('"')?.strip_suffix('"')?;
        if path.starts_with('/') { Some(plain(Path::new(path))) } else { Some(plain(&dir?.join(path))) }
    }
}

/// The path that `-y` writes behind a descriptor: `3</etc/passwd>`, `AT_FDCWD</tmp>`.
fn descriptor_path(descriptor: &str) -> Option<PathBuf> {
    let path = descriptor.split_once('<')?.1.strip_suffix('>')?;
    path.starts_with('/').then(|| plain(Path::new(path)))
}

/// Without `.` and `..`. Symbolic links are not followed: the allowed folders of the test hold none.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// Name and arguments of a line. `None` for the second half of an interrupted call (its arguments stood in the first),
/// for signals and for ends of processes.
fn call(line: &str) -> Option<(&str, Vec<String>)> {
    let line = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    let (name, rest) = line.split_once('(')?;
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then(|| (name, arguments(rest)))
}

/// Splits arguments at the commas that are in no quotes, brackets or `<…>`, up to the closing parenthesis.
fn arguments(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    let text = text.split_once(" <unfinished ...>").map_or(text, |(text, _)| text);
    for c in text.chars() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
        } else {
            match c {
                '"' => quoted = true,
                '(' | '[' | '{' | '<' => depth += 1,
                ')' if depth == 0 => break,
                ')' | ']' | '}' | '>' => depth = depth.saturating_sub(1),
                ',' if depth == 0 => {
                    found.push(String::new());
                    continue;
                }
                _ => {}
            }
        }
        if let Some(last) = found.last_mut() {
            last.push(c);
        }
    }
    found.into_iter().map(|arg| arg.trim().to_owned()).collect()
}

/// One line, judged: how many violations.
fn violations(line: &str) -> usize {
    let allowed =
        Allowed { folders: &[PathBuf::from("/s")], files: &["/dev/null"], working_dir: Path::new("/w") };
    // A first program, so that the line is what the traced one does.
    judge(&format!("1 execve(\"/p\", [\"p\"], 0x1 /* 2 vars */) = 0\n{line}\n"), &allowed).violations.len()
}

#[test]
fn each_way_of_writing_elsewhere_is_caught() {
    for line in [
        r#"7 openat(AT_FDCWD</w>, "/etc/x", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</etc/x>"#,
        r#"7 openat(AT_FDCWD</w>, "x", O_RDWR) = -1 ENOENT (No such file or directory)"#,
        r#"7 openat(4</etc>, "x", O_RDONLY|O_CREAT, 0600) = 7</etc/x>"#,
        r#"7 openat(AT_FDCWD</w>, "/s/../etc/x", O_WRONLY) = 3"#,
        r#"7 openat2(AT_FDCWD</w>, "/etc/x", {flags=O_RDWR|O_CREAT, mode=0600, resolve=0}, 24) = 3"#,
        r#"7 openat(AT_FDCWD</w>, "/tmp", O_RDWR|O_TMPFILE, 0600) = 3"#,
        r#"7 openat(AT_FDCWD</w>, "/sys/block/sda/device/state", O_WRONLY <unfinished ...>"#,
        r#"7 creat("/etc/x", 0600) = 3"#,
        r#"7 mkdir("/s2", 0777) = 0"#,
        r#"7 rename("/s/a", "/etc/a") = 0"#,
        r#"7 renameat2(AT_FDCWD</w>, "/etc/a", AT_FDCWD</w>, "/s/a", RENAME_NOREPLACE) = 0"#,
        r#"7 symlinkat("/s/a", AT_FDCWD</w>, "b") = 0"#,
        r#"7 linkat(AT_FDCWD</w>, "/etc/a", AT_FDCWD</w>, "/s/b", 0) = 0"#,
        r#"7 unlinkat(4</etc>, "x", 0) = 0"#,
        r#"7 utimensat(5</etc/x>, NULL, NULL, 0) = 0"#,
        r#"7 fchmod(5</etc/x>, 0755) = 0"#,
        r#"7 ftruncate(5</etc/x>, 0) = 0"#,
        r#"7 setxattr("/etc/x", "user.x", "1", 1, 0) = 0"#,
        r#"7 bind(3<socket:[1]>, {sa_family=AF_UNIX, sun_path="/run/x"}, 20) = 0"#,
        r#"7 bind(3<socket:[1]>, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("0.0.0.0")}, 16) = 0"#,
        r#"7 ioctl(3</dev/mapper/control>, DM_DEV_REMOVE, {version=[4, 0, 0]}) = 0"#,
        r#"7 execve("/sbin/vgs", ["vgs"], 0x1 /* 2 vars */) = 0"#,
        r#"7 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD) = 8"#,
        r#"7 mount("a", "/mnt", "ext4", 0, NULL) = 0"#,
        r#"7 kill(1, SIGTERM) = 0"#,
        r#"7 a_call_of_tomorrow(1) = 0"#,
    ] {
        assert_eq!(violations(line), 1, "{line}");
    }
}

#[test]
fn reading_anywhere_and_writing_at_home_pass() {
    for line in [
        r#"7 openat(AT_FDCWD</w>, "/etc/multipath.conf", O_RDONLY|O_CLOEXEC) = 3"#,
        r#"7 openat(AT_FDCWD</w>, "/s/a, (b", O_WRONLY|O_CREAT|O_CLOEXEC, 0666) = 3"#,
        r#"7 openat(AT_FDCWD</s>, "a", O_RDWR) = 3</s/a>"#,
        r#"7 openat(AT_FDCWD</w>, "/dev/null", O_RDWR) = 3"#,
        r#"7 renameat(AT_FDCWD</w>, "/s/a", 4</s>, "b") = 0"#,
        r#"7 bind(3<socket:[1]>, {sa_family=AF_UNIX, sun_path="/s/x"}, 20) = 0"#,
        r#"7 bind(3<socket:[1]>, {sa_family=AF_UNIX, sun_path=@"x"}, 20) = 0"#,
        r#"7 bind(3<socket:[1]>, {sa_family=AF_NETLINK, nl_pid=0, nl_groups=0x000001}, 12) = 0"#,
        r#"7 bind(3<socket:[1]>, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("127.0.0.1")}, 16) = 0"#,
        r#"7 ioctl(3</dev/mapper/control>, DM_TABLE_STATUS, {version=[4, 0, 0]}) = 0"#,
        r#"7 clone3({flags=CLONE_VM|CLONE_THREAD, exit_signal=0}, 88) = 8"#,
        r#"7 <... openat resumed>) = 3</etc/x>"#,
        r#"7 +++ exited with 0 +++"#,
        r#"7 readlink("/proc/self/exe", "/p", 4096) = 2"#,
    ] {
        assert_eq!(violations(line), 0, "{line}");
    }
}
