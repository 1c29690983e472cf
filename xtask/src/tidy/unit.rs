//! The systemd unit as it is installed: an agent that observes cannot write, whatever its code does. And its drop-in on a
//! managed node, which opens what managing needs and nothing besides.

use super::{Complaint, Repo};

const UNIT: &str = "packaging/pathkeeper.service";

/// Lines that the unit must hold, and what each keeps.
const REQUIRED: &[(&str, &str)] = &[
    (
        "ReadOnlyPaths=-/etc/multipath -/etc/multipath.conf",
        "observe: multipath's configuration cannot be written",
    ),
    ("ProtectSystem=strict", "observe: nothing else can be written either"),
    ("ProtectHome=yes", "nothing of a person's is read or written"),
    ("PrivateTmp=yes", "no file in the common /tmp"),
    ("StateDirectory=pathkeeper", "the one place that lasts"),
    ("RuntimeDirectory=pathkeeper", "the socket of the command line"),
    ("NoNewPrivileges=yes", "nothing that is started gains rights"),
    ("Type=notify", "READY after the first read"),
    ("LimitMEMLOCK=infinity", "the agent locks itself into memory"),
];

/// Settings that would open what the lines above close, or break what the agent needs.
const FORBIDDEN: &[(&str, &str)] = &[
    ("ReadWritePaths=", "the state and run directories are the only writable ones"),
    ("PrivateNetwork=", "kernel uevents come by netlink of the host's network namespace"),
    ("PrivateDevices=", "/dev/mapper/control would be hidden"),
    ("BindPaths=", "a bind mount is a way around read-only paths"),
];

/// What `pathkeeper manage enable` writes beside the unit.
const DROP_IN: &str = "packaging/50-manage.conf";

/// The settings of it, all of them and in this order.
const OPENED: &[&str] = &[
    "[Service]",
    "Environment=PATHKEEPER_MODE=manage",
    "ReadOnlyPaths=",
    "ReadOnlyPaths=-/etc/multipath.conf",
    "ReadWritePaths=-/etc/multipath",
    "RestrictNamespaces=mnt",
    "SystemCallFilter=mount",
];

pub fn manage(repo: &Repo) -> Vec<Complaint> {
    let Some(text) = repo.texts.get(DROP_IN) else {
        return vec![Complaint::new(DROP_IN, 0, "the drop-in of a managed node is not there")];
    };
    let lines = (1..).zip(text.lines().map(str::trim));
    let settings: Vec<(usize, &str)> =
        lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect();
    let mut complaints: Vec<Complaint> = settings
        .iter()
        .filter(|(_, line)| !OPENED.contains(line))
        .map(|(at, line)| {
            Complaint::new(DROP_IN, *at, format!("{line}: a managed node needs no more than it had"))
        })
        .collect();
    if complaints.is_empty() && settings.iter().map(|(_, line)| *line).ne(OPENED.iter().copied()) {
        complaints.push(Complaint::new(DROP_IN, 0, format!("its settings are not {}", OPENED.join(", "))));
    }
    complaints
}

pub fn observe(repo: &Repo) -> Vec<Complaint> {
    let Some(text) = repo.texts.get(UNIT) else {
        return vec![Complaint::new(UNIT, 0, "the unit is not there")];
    };
    let mut complaints = Vec::new();
    for (required, what) in REQUIRED {
        if !text.lines().any(|line| line.trim() == *required) {
            complaints.push(Complaint::new(UNIT, 0, format!("no line {required} ({what})")));
        }
    }
    for (line, text) in (1..).zip(text.lines()) {
        if let Some((forbidden, why)) = FORBIDDEN.iter().find(|(start, _)| text.trim().starts_with(start)) {
            complaints.push(Complaint::new(UNIT, line, format!("{forbidden} {why}")));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_line_and_a_loosening_one_are_caught() {
        let good: String = REQUIRED.iter().map(|(line, _)| format!("{line}\n")).collect();
        let count = |text: &str| observe(&Repo::of(&[(UNIT, text)])).len();
        assert_eq!(count(&good), 0);
        for (line, _) in REQUIRED {
            assert_eq!(count(&good.replace(line, "")), 1, "{line}");
        }
        for (start, _) in FORBIDDEN {
            assert_eq!(count(&format!("{good}{start}x\n")), 1, "{start}");
        }
        assert_eq!(observe(&Repo::of(&[])).len(), 1);
    }

    #[test]
    fn a_drop_in_that_opens_more_or_less_is_caught() {
        let check = |text: &str, complaints: usize| {
            assert_eq!(manage(&Repo::of(&[(DROP_IN, text)])).len(), complaints, "{text}");
        };
        let good = OPENED.join("\n# why\n\n");
        check(&good, 0);
        check(&format!("{good}\nReadWritePaths=/etc"), 1);
        check(&good.replace("=-/etc/multipath\n", "=/etc\n"), 1);
        check(&good.replace("SystemCallFilter=mount", "SystemCallFilter=@mount"), 1);
        check(&good.replace("ReadOnlyPaths=-/etc/multipath.conf", ""), 1);
        // Reset after it was said.
        check(
            &good.replace("ReadOnlyPaths=\n", "").replace("ReadWritePaths", "ReadOnlyPaths=\nReadWritePaths"),
            1,
        );
        assert_eq!(manage(&Repo::of(&[])).len(), 1);
    }
}
