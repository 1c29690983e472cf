//! The lab of one test: a machine, its scenarios one after the other, and the witnesses in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::agent::{DISKS, Report, STATUS};
use crate::machine::Machine;
use crate::qemu::{self, Shape};
use crate::views::{self, Maps};

/// How long a witness may take to say what it must.
const SETTLE_LIMIT: Duration = Duration::from_secs(240);

/// How long the agent may take, in the guest's seconds, to say what the witnesses say already: two polls, and as much again
/// twice for a busy host.
const SPEAK_LIMIT_S: u32 = 60;

/// How long it may take without multipathd. The contract says 10 s and the worst moment takes 9 on an idle host; the
/// guest's clock goes on while a busy host runs something else, so the test leaves room, and prints what is over.
const PROVE_LIMIT_S: u32 = 60;

/// By hand: only scenarios whose names have one of these words in them, with commas between, are played.
const ONLY_ENV: &str = "PATHKEEPER_VM_ONLY";

/// A machine with what was put into it.
pub struct Lab {
    /// The machine.
    pub machine: Machine,
    /// Its LUNs' names.
    pub wwids: Vec<String>,
    /// What the machine is called.
    pub node: &'static str,
}

/// A scenario: what it is called in the output, and what it does. It begins with every path of every map usable.
pub type Scenario = (&'static str, fn(&mut Lab) -> Result<()>);

/// Which witnesses are asked beside the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// `multipathd show maps json`, where it is there to answer.
    pub multipathd: bool,
    /// `multipath -ll`.
    pub listing: bool,
    /// Our agent's API.
    pub agent: bool,
}

/// Everybody.
pub const EVERYBODY: Ask = Ask { multipathd: true, listing: true, agent: true };
/// The kernel and our agent: multipathd is not there to answer.
pub const WITHOUT_MULTIPATHD: Ask = Ask { multipathd: false, listing: false, agent: true };

/// What each witness says at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// `dmsetup status` and `table`.
    pub kernel: Maps,
    /// `multipathd show maps json`.
    pub multipathd: Option<Maps>,
    /// `multipath -ll`.
    pub listing: Option<Maps>,
    /// Our agent.
    pub agent: Option<Report>,
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
    /// One test: boots, starts multipathd, plays. The machine's files stay where it failed.
    pub fn test(
        image: &Path,
        shape: &Shape,
        scenarios: &[Scenario],
        reset: fn(&mut Lab) -> Result<()>,
    ) -> Result<()> {
        kept_where_it_fails(|dir| {
            let mut lab = Self::start(image, dir, shape)?;
            let ready = lab.start_multipathd("fail").and_then(|()| lab.start_agent());
            ready.with_context(|| lab.machine.logs())?;
            lab.play(scenarios, reset)
        })
    }

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
        Ok(Self { machine, wwids: (1..=shape.luns).map(qemu::wwid).collect(), node: shape.node })
    }

    /// Starts multipathd and waits for all maps with all paths.
    pub fn start_multipathd(&mut self, no_path_retry: &str) -> Result<()> {
        self.machine.ok(&format!("mpd_conf {no_path_retry}; mpd_start; until_true 120 mpd_answers"))?;
        Ok(())
    }

    /// Starts our agent and waits till it is ready.
    pub fn start_agent(&mut self) -> Result<()> {
        self.machine.ok("agent_start; probe guest-probe ready 120")?;
        Ok(())
    }

    /// Plays the scenarios; those after a failed one are played too, once the lab is whole again.
    pub fn play(&mut self, scenarios: &[Scenario], reset: fn(&mut Lab) -> Result<()>) -> Result<()> {
        let mut failures = Vec::new();
        let played: Vec<_> = scenarios.iter().filter(|(name, _)| is_wanted(name)).collect();
        for (name, scenario) in &played {
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
        println!("{} scenarios passed", played.len());
        Ok(())
    }

    /// Asks witnesses in one command, so that they speak of one moment.
    pub fn snapshot(&mut self, ask: Ask) -> Result<Snapshot> {
        let asked = |ask: bool, command: &str| if ask { command.to_owned() } else { "true".to_owned() };
        let text = self.machine.ok(&format!(
            "dmsetup status --target multipath; echo @@; dmsetup table --target multipath; echo @@; {}; echo @@; {}; \
             echo @@; {}; echo",
            asked(ask.multipathd, "maps_json || echo failed"),
            asked(ask.listing, "multipath -ll"),
            if ask.agent { format!("api {STATUS} {DISKS}") } else { "echo @@".to_owned() },
        ))?;
        let parts: Vec<&str> = text.split("@@\n").collect();
        let [status, table, json, listing, agent_status, agent_disks] = parts[..] else {
            bail!("six parts were asked for: {text}")
        };
        Ok(Snapshot {
            kernel: views::device_mapper(status, table)?,
            multipathd: ask.multipathd.then(|| views::multipathd_json(json)).transpose()?,
            listing: ask.listing.then(|| views::multipath_ll(listing)).transpose()?,
            agent: ask.agent.then(|| Report::parse(self.node, agent_status, agent_disks)).transpose()?,
            text,
        })
    }

    /// First the witnesses must say `want` of each of the maps, then the agent must call them `state` within
    /// [`SPEAK_LIMIT_S`], and what it tells of them must be what the witnesses tell at that moment.
    pub fn all_agree(&mut self, wwids: &[String], want: Want, state: &str) -> Result<Snapshot> {
        self.witnesses_say(wwids, want)?;
        self.agent_says(wwids, state, SPEAK_LIMIT_S)?;
        // The state may have been right before, with other paths (one was deleted): so the whole is waited for too.
        let end = self.uptime_s()? + f64::from(SPEAK_LIMIT_S);
        loop {
            let snapshot = self.snapshot(EVERYBODY)?;
            let (Some(agent), Some(listing)) = (&snapshot.agent, &snapshot.listing) else {
                bail!("not asked")
            };
            let agreed = wwids.iter().try_for_each(|wwid| {
                let differs = snapshot.differs(wwid, want);
                ensure!(differs.is_none(), "a witness changed its mind: {differs:?}");
                agent.agrees(wwid, state, listing)
            });
            match agreed {
                Ok(()) => return Ok(snapshot),
                Err(error) if self.uptime_s()? > end => return Err(error.context(snapshot.text)),
                Err(_) => {}
            }
        }
    }

    /// The guest's clock, which stands still where the host has no time for it.
    fn uptime_s(&mut self) -> Result<f64> {
        let text = self.machine.ok("cut -d' ' -f1 /proc/uptime")?;
        text.trim().parse().with_context(|| format!("uptime {text:?}"))
    }

    /// multipathd does not answer: the agent must say so in `word`, and report `state`, which the kernel proves.
    pub fn kernel_proves(&mut self, wwid: &str, word: &str, state: &str) -> Result<Snapshot> {
        let ms = self.agent_says(&[wwid.to_owned()], state, PROVE_LIMIT_S)?;
        let over = if ms > 10_000 { ": over the contract's 10 s, is the host busy?" } else { "" };
        println!("         {word}: {state} after {ms} ms{over}");
        let snapshot = self.snapshot(WITHOUT_MULTIPATHD)?;
        let agent = snapshot.agent.as_ref().context("not asked")?;
        let said = agent.multipathd.clone();
        let checked = agent.proves(wwid, state, &snapshot.kernel);
        checked.with_context(|| snapshot.text.clone())?;
        ensure!(said == word, "multipathd is {word}, and the agent says {said:?}");
        Ok(snapshot)
    }

    /// Waits till each of the rows has this cluster-state in the API (`absent`: is not there); the milliseconds.
    pub fn agent_says(&mut self, wwids: &[String], state: &str, limit_s: u32) -> Result<u64> {
        let text =
            self.machine.ok(&format!("probe guest-probe wait {} {state} {limit_s}", wwids.join(",")))?;
        text.trim().parse().with_context(|| format!("the probe printed {text:?}"))
    }

    /// Waits till the kernel, multipathd and `multipath -ll` all say this of each of the maps.
    pub fn witnesses_say(&mut self, wwids: &[String], want: Want) -> Result<Snapshot> {
        let end = Instant::now() + SETTLE_LIMIT;
        // `multipath -ll` asks every path by itself, which takes seconds with eighty: it comes once the others agree.
        let mut ask = Ask { multipathd: true, listing: false, agent: false };
        loop {
            let differs = match self.snapshot(ask) {
                Ok(snapshot) => match wwids.iter().find_map(|wwid| snapshot.differs(wwid, want)) {
                    None if ask.listing => return Ok(snapshot),
                    None => {
                        ask.listing = true;
                        continue;
                    }
                    Some(differs) => format!("{differs}\n{}", snapshot.text),
                },
                // A map that vanishes under the daemon's hands makes one reply fail.
                Err(error) => format!("{error:#}"),
            };
            if Instant::now() > end {
                bail!("within {SETTLE_LIMIT:?} not every witness said {want:?} of {wwids:?}: {differs}");
            }
        }
    }
}

impl Snapshot {
    /// Which witness says something else of the map, if any.
    fn differs(&self, wwid: &str, want: Want) -> Option<String> {
        let witnesses = [
            ("dmsetup", Some(&self.kernel)),
            ("multipathd", self.multipathd.as_ref()),
            ("multipath -ll", self.listing.as_ref()),
        ];
        for (name, maps) in witnesses.into_iter().filter_map(|(name, maps)| Some((name, maps?))) {
            let Some(map) = maps.get(wwid) else { return Some(format!("{name} has no map {wwid}")) };
            let active = match name {
                "dmsetup" => map.paths.values().filter(|path| path.dm == "active").count(),
                _ => map.paths.values().filter(|path| path.usable()).count(),
            };
            let said = Want { active, total: map.paths.len(), queueing: map.queueing };
            if said != want {
                return Some(format!("{name} says {said:?} of {wwid}"));
            }
        }
        None
    }
}

/// Gives machines a folder; their files stay in it if they fail.
pub fn kept_where_it_fails(play: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let dir = tempfile::Builder::new().prefix("vm-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let played = play(dir.path());
    if played.is_err() {
        let _ = dir.keep();
    }
    played
}

/// Whether a scenario of this name is to be played.
pub fn is_wanted(name: &str) -> bool {
    std::env::var(ONLY_ENV).map_or(true, |only| only.split(',').any(|word| name.contains(word)))
}

/// Copies a program without its debug information: ten times less to carry.
fn strip(program: &Path, to: &Path) -> Result<()> {
    let status = Command::new("strip").arg("--strip-debug").arg("-o").arg(to).arg(program).status();
    if !status.is_ok_and(|status| status.success()) {
        std::fs::copy(program, to).with_context(|| format!("copy {}", program.display()))?;
    }
    Ok(())
}
