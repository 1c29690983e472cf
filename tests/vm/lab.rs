//! The lab of one test: a machine, its scenarios one after the other, and the witnesses in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::machine::Machine;
use crate::qemu::{self, Shape};
use crate::views::{self, Maps};

/// How long a witness may take to say what it must.
const SETTLE_LIMIT: Duration = Duration::from_secs(45);

/// A machine with what was put into it.
pub struct Lab {
    /// The machine.
    pub machine: Machine,
    /// Its LUNs' names.
    pub wwids: Vec<String>,
}

/// A scenario: what it is called in the output, and what it does. It begins with every path of every map usable.
pub type Scenario = (&'static str, fn(&mut Lab) -> Result<()>);

/// What each witness says at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// `dmsetup status` and `table`.
    pub kernel: Maps,
    /// `multipathd show maps json`; `None` where it was not asked.
    pub multipathd: Option<Maps>,
    /// `multipath -ll`.
    pub listing: Maps,
    /// The text behind it all, for messages.
    pub text: String,
}

/// Usable paths, all paths, and whether I/O waits when there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Paths that carry I/O.
    pub active: usize,
    /// Paths of the map.
    pub total: usize,
    /// `queue_if_no_path`.
    pub queueing: bool,
}

/// A want without queueing.
pub fn want(active: usize, total: usize) -> Want {
    Want { active, total, queueing: false }
}

impl Lab {
    /// Boots a machine of this shape and puts the programs into it.
    pub fn start(image: &Path, dir: &Path, shape: &Shape) -> Result<Self> {
        let began = Instant::now();
        let mut machine = Machine::boot(image, dir, shape)?;
        println!("booted in {:.1} s", began.elapsed().as_secs_f64());
        let programs = [
            ("pathkeeper", PathBuf::from(env!("CARGO_BIN_EXE_pathkeeper"))),
            ("probe", std::env::current_exe()?),
        ];
        for (name, program) in programs {
            strip(&program, &machine.share().join(name))?;
            // Run from memory: every page over 9p would be slow.
            machine.ok(&format!("cp /host/{name} /usr/bin/{name} && chmod 755 /usr/bin/{name}"))?;
        }
        Ok(Self { machine, wwids: (1..=shape.luns).map(qemu::wwid).collect() })
    }

    /// Starts multipathd and waits for all maps with all paths.
    pub fn start_multipathd(&mut self, no_path_retry: &str) -> Result<()> {
        self.machine.ok(&format!("mpd_conf {no_path_retry}; mpd_start; until_true 60 mpd_answers"))?;
        Ok(())
    }

    /// Plays the scenarios; those after a failed one are played too, once the lab is whole again.
    pub fn play(&mut self, scenarios: &[Scenario], reset: fn(&mut Lab) -> Result<()>) -> Result<()> {
        let mut failures = Vec::new();
        for (name, scenario) in scenarios {
            let began = Instant::now();
            let result = scenario(self);
            let seconds = began.elapsed().as_secs_f64();
            match &result {
                Ok(()) => println!("ok     {seconds:5.1} s  {name}"),
                Err(error) => println!("FAILED {seconds:5.1} s  {name}: {error:#}"),
            }
            let Err(error) = result else { continue };
            failures.push(format!("{name}: {error:#}\n{}", self.machine.logs()));
            if let Err(error) = reset(self) {
                failures.push(format!("the lab could not be made whole, the rest was not played: {error:#}"));
                break;
            }
        }
        ensure!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n"));
        println!("{} scenarios passed", scenarios.len());
        Ok(())
    }

    /// Asks every witness in one command; multipathd only if it is there to answer.
    pub fn snapshot(&mut self, ask_multipathd: bool) -> Result<Snapshot> {
        let ask = if ask_multipathd { "maps_json || echo failed" } else { "echo not asked" };
        let text = self.machine.ok(&format!(
            "dmsetup status --target multipath; echo @@; dmsetup table --target multipath; echo @@; {ask}; echo @@; \
             multipath -ll"
        ))?;
        let parts: Vec<&str> = text.split("@@\n").collect();
        let [status, table, json, listing] = parts[..] else { bail!("four parts were asked for: {text}") };
        let multipathd = ask_multipathd.then(|| views::multipathd_json(json)).transpose()?;
        Ok(Snapshot {
            kernel: views::device_mapper(status, table)?,
            multipathd,
            listing: views::multipath_ll(listing)?,
            text,
        })
    }

    /// Waits till the kernel, multipathd and `multipath -ll` all say this of the map.
    pub fn witnesses_say(&mut self, wwid: &str, want: Want) -> Result<Snapshot> {
        let end = Instant::now() + SETTLE_LIMIT;
        loop {
            let differs = match self.snapshot(true) {
                Ok(snapshot) => match snapshot.differs(wwid, want) {
                    None => return Ok(snapshot),
                    Some(differs) => format!("{differs}\n{}", snapshot.text),
                },
                // A map that vanishes under the daemon's hands makes one reply fail.
                Err(error) => format!("{error:#}"),
            };
            if Instant::now() > end {
                bail!("within {SETTLE_LIMIT:?} not every witness said {want:?} of {wwid}: {differs}");
            }
        }
    }
}

impl Snapshot {
    /// Which witness says something else, if any.
    fn differs(&self, wwid: &str, want: Want) -> Option<String> {
        let witnesses = [
            ("dmsetup", Some(&self.kernel)),
            ("multipathd", self.multipathd.as_ref()),
            ("multipath -ll", Some(&self.listing)),
        ];
        for (name, maps) in witnesses.into_iter().filter_map(|(name, maps)| Some((name, maps?))) {
            let Some(map) = maps.get(wwid) else { return Some(format!("{name} has no such map")) };
            let active = match name {
                "dmsetup" => map.paths.values().filter(|path| path.dm == "active").count(),
                _ => map.paths.values().filter(|path| path.usable()).count(),
            };
            let said = Want { active, total: map.paths.len(), queueing: map.queueing };
            if said != want {
                return Some(format!("{name} says {said:?}"));
            }
        }
        None
    }
}

/// Copies a program without its debug information: ten times less to carry.
fn strip(program: &Path, to: &Path) -> Result<()> {
    let status = Command::new("strip").arg("--strip-debug").arg("-o").arg(to).arg(program).status();
    if !status.is_ok_and(|status| status.success()) {
        std::fs::copy(program, to).with_context(|| format!("copy {}", program.display()))?;
    }
    Ok(())
}
