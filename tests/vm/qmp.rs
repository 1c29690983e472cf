//! What happens to a machine from outside, by QEMU's monitor: a disk grows.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// QEMU answers at once; a busy host takes longer, and a guest has to agree to lose a disk.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);

/// The monitor of one machine (QEMU's docs/interop/qmp-spec.rst).
pub struct Monitor {
    stream: BufReader<TcpStream>,
}

impl Monitor {
    /// Over a new connection, on which QEMU speaks first.
    pub fn greet(stream: TcpStream) -> Result<Self> {
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        let mut this = Self { stream: BufReader::new(stream) };
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
                continue;
            }
            if said["error"].is_object() {
                bail!("{asked}: {}", said["error"]);
            } else {
                return Ok(said["return"].take());
            }
        }
    }

    /// Gives LUN `lun` another size, of which this machine alone is told.
    pub fn resize(&mut self, lun: u16, bytes: u64) -> Result<()> {
        self.ask("block_resize", json!({"node-name": format!("lun{lun}"), "size": bytes}))?;
        Ok(())
    }
}
