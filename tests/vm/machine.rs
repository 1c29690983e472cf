//! One running test machine and the commands that are run in it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::qemu::{self, Console, Shape};
use crate::qmp::Monitor;

/// Nine seconds on an idle machine with two cores; this is for one that is busy with everything else.
const BOOT_LIMIT: Duration = Duration::from_secs(240);

/// A virtual machine; it ends with this value.
pub struct Machine {
    qemu: Child,
    control: BufReader<TcpStream>,
    monitor: Monitor,
    dir: PathBuf,
    commands: u32,
}

/// What a command in the guest left.
#[derive(Debug)]
pub struct Output {
    /// Its exit status.
    pub status: i32,
    /// Standard output and error as they came.
    pub text: String,
}

impl Machine {
    /// Starts a machine in `dir` (its own, empty) and waits till it takes commands.
    pub fn boot(image: &Path, dir: &Path, shape: &Shape) -> Result<Self> {
        for sub in ["share/cmd", "share/out"] {
            fs::create_dir_all(dir.join(sub))?;
        }
        fs::write(dir.join("share/lib.sh"), include_str!("guest/lib.sh"))?;
        for lun in 1..=shape.luns {
            // It may be another machine's too: what is on it stays.
            let mut file = File::options();
            file.write(true).create(true).truncate(false);
            file.open(dir.join(qemu::lun_file(lun)))?.set_len(shape.lun_bytes)?;
        }
        let (listener, monitor) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
        let console =
            Console::Commands { guest: listener.local_addr()?.port(), monitor: monitor.local_addr()?.port() };
        let log = File::create(dir.join("qemu.log"))?;
        let mut qemu = Command::new(image.join("qemu"))
            .args(qemu::arguments(image, shape, console))
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", image.join("qemu").display()))?;
        fs::write(dir.join("pid"), format!("{}\n", qemu.id()))?;
        let begun = accept(&listener, &mut qemu, dir).and_then(|stream| {
            let monitor = Monitor::greet(accept(&monitor, &mut qemu, dir)?)?;
            stream.set_nodelay(true)?;
            let mut control = BufReader::new(stream);
            let word = answer(&mut control, BOOT_LIMIT).context("wait for the guest to be ready")?;
            ensure!(word == "ready", "the guest said {word:?} in place of ready");
            Ok((control, monitor))
        });
        match begun {
            Ok((control, monitor)) => Ok(Self { qemu, control, monitor, dir: dir.to_owned(), commands: 0 }),
            Err(error) => {
                let _ = qemu.kill();
                let _ = qemu.wait();
                Err(error.context(logs(dir)))
            }
        }
    }

    /// Runs shell commands with the words of `guest/lib.sh`. An error means that the machine is lost.
    pub fn run(&mut self, commands: &str, limit: Duration) -> Result<Output> {
        self.commands += 1;
        let name = format!("{:03}", self.commands);
        fs::write(self.dir.join("share/cmd").join(&name), format!("{commands}\n"))?;
        let began = Instant::now();
        writeln!(self.control.get_mut(), "{name}").context("the test machine is gone")?;
        let line =
            answer(&mut self.control, limit).with_context(|| format!("no end in {limit:?}: {commands}"))?;
        let status = line
            .strip_prefix(&name)
            .and_then(|rest| rest.trim().parse().ok())
            .with_context(|| format!("the guest answered {line:?} to command {name}"))?;
        let text = fs::read(self.dir.join("share/out").join(&name))?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut transcript = File::options().create(true).append(true).open(self.dir.join("transcript"))?;
        writeln!(
            transcript,
            "### {name} ({:.1?}, status {status})\n{commands}\n---\n{text}",
            began.elapsed()
        )?;
        Ok(Output { status, text })
    }

    /// Runs commands that must succeed within five minutes of the host's time, which may be busy, and gives their output.
    pub fn ok(&mut self, commands: &str) -> Result<String> {
        let output = self.run(commands, Duration::from_secs(300))?;
        ensure!(
            output.status == 0,
            "in the guest: {commands}\nended with {}:\n{}",
            output.status,
            output.text
        );
        Ok(output.text)
    }

    /// What happens outside of the guest: its disks and cards.
    pub fn monitor(&mut self) -> &mut Monitor {
        &mut self.monitor
    }

    /// As when the power fails. The machine is lost; its files stay.
    pub fn power_off(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }

    /// The directory that the guest has as /host.
    pub fn share(&self) -> PathBuf {
        self.dir.join("share")
    }

    /// The ends of all logs, for a failure's report.
    pub fn logs(&self) -> String {
        logs(&self.dir)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // If we are killed instead, the closed connection makes the guest switch itself off.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

fn accept(listener: &TcpListener, qemu: &mut Child, dir: &Path) -> Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = qemu.try_wait()? {
            bail!("QEMU ended at once ({status}); its log is in {}", dir.display());
        }
        ensure!(Instant::now() < end, "QEMU has not opened its control port for a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One line from the guest.
fn answer(control: &mut BufReader<TcpStream>, limit: Duration) -> Result<String> {
    control.get_ref().set_read_timeout(Some(limit))?;
    let mut line = String::new();
    match control.read_line(&mut line) {
        Ok(0) => bail!("the test machine has ended"),
        Ok(_) => Ok(line.trim_end().to_owned()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            bail!("no answer from the guest within {limit:?}")
        }
        Err(error) => Err(error.into()),
    }
}

fn logs(dir: &Path) -> String {
    let mut text = format!("the machine's files are in {}", dir.display());
    for (name, lines) in [
        ("qemu.log", 20),
        ("console.log", 30),
        ("share/multipathd.log", 40),
        ("share/agent.log", 40),
        ("transcript", 60),
    ] {
        let log = fs::read(dir.join(name)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let all: Vec<&str> = log.lines().collect();
        let tail = all.get(all.len().saturating_sub(lines)..).unwrap_or_default();
        text.push_str(&format!(
            "\n=== {name}, last {} of {} lines\n{}",
            tail.len(),
            all.len(),
            tail.join("\n")
        ));
    }
    text
}
