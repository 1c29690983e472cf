//! What happens to a machine from outside, by QEMU's monitor: a disk grows, a path is pulled, another LUN takes its place.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::qemu;

/// QEMU answers at once; a busy host takes longer, and a guest has to agree to lose a disk.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// The monitor of one machine (QEMU's docs/interop/qmp-spec.rst).
pub struct Monitor {
    stream: BufReader<TcpStream>,
    /// Events that came while something else was waited for.
    events: Vec<Value>,
}

impl Monitor {
    /// Over a new connection, on which QEMU speaks first.
    pub fn greet(stream: TcpStream) -> Result<Self> {
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let mut this = Self { stream: BufReader::new(stream), events: Vec::new() };
        let greeting = this.line()?;
        ensure!(greeting["QMP"].is_object(), "QEMU's monitor said {greeting}");
        this.ask("qmp_capabilities", json!({}))?;
        Ok(this)
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        let length = self.stream.read_line(&mut line).context("QEMU's monitor does not answer")?;
        ensure!(length > 0, "QEMU's monitor has gone");
        serde_json::from_str(&line).with_context(|| format!("QEMU's monitor said {line}"))
    }

    fn ask(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let asked = json!({"execute": command, "arguments": arguments});
        writeln!(self.stream.get_mut(), "{asked}")?;
        loop {
            let mut said = self.line()?;
            if said["event"].is_string() {
                self.events.push(said);
            } else if said["error"].is_object() {
                bail!("{asked}: {}", said["error"]);
            } else {
                return Ok(said["return"].take());
            }
        }
    }

    fn wait_for(&mut self, is: impl Fn(&Value) -> bool) -> Result<()> {
        if let Some(at) = self.events.iter().position(&is) {
            self.events.remove(at);
            return Ok(());
        }
        loop {
            let said = self.line()?;
            if is(&said) {
                return Ok(());
            }
        }
    }

    /// Gives LUN `lun` another size, of which this machine alone is told.
    pub fn resize(&mut self, lun: u16, bytes: u64) -> Result<()> {
        self.ask("block_resize", json!({"node-name": format!("lun{lun}"), "size": bytes}))?;
        Ok(())
    }

    /// Takes the path to LUN `lun` by adapter `path` away, and waits till it is gone.
    pub fn unplug(&mut self, lun: u16, path: u16) -> Result<()> {
        let id = qemu::device_id(lun, path);
        self.ask("device_del", json!({"id": id}))?;
        self.wait_for(|said| said["event"] == "DEVICE_DELETED" && said["data"]["device"] == id.as_str())
    }

    /// Maps a LUN with this serial number where [`Monitor::unplug`] took one away: under the same name, by the same adapter.
    pub fn plug(&mut self, lun: u16, path: u16, serial: &str) -> Result<()> {
        let device = json!({
            "driver": "scsi-hd", "id": qemu::device_id(lun, path), "bus": format!("hba{path}.0"),
            "drive": format!("lun{lun}"), "share-rw": true, "serial": serial, "wwn": qemu::naa(lun),
            "vendor": "LABSAN", "product": "VDISK", "ver": "1.0", "channel": 0, "scsi-id": 0, "lun": lun,
        });
        self.ask("device_add", device)?;
        Ok(())
    }
}
