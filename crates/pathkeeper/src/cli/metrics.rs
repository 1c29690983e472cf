//! `pathkeeper metrics`: what a scraper gets, on standard output or in a file for the node_exporter.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use pathkeeper_api::paths;

use super::{Failure, Globals, out};

/// Print what Prometheus gets from /metrics, or keep it in a file for the node_exporter
///
/// For machines whose agents are not to be scraped over the network: a timer writes the file, and the node_exporter's
/// textfile collector hands it out. The file is replaced as a whole, and everybody may read it. If the agent does not
/// answer, the file says that and nothing else: what is old must not look like what is.
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Exit status: 0, or 3 if the agent did not answer or the file could not be written.

Examples:
  pathkeeper metrics
  pathkeeper metrics --textfile /var/lib/prometheus/node-exporter/pathkeeper.prom
  pathkeeper metrics --cluster --textfile /var/lib/prometheus/node-exporter/pathkeeper-cluster.prom")]
pub struct MetricsArgs {
    /// The whole cluster, as the node that answers sees it, instead of that node alone
    #[arg(long)]
    cluster: bool,
    /// Write this file instead, whose name should end in .prom
    #[arg(long, value_name = "FILE")]
    textfile: Option<PathBuf>,
}

/// Asks the agent and hands on.
pub async fn run(args: MetricsArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    let (path, page) =
        if args.cluster { (paths::METRICS_CLUSTER, "cluster") } else { (paths::METRICS, "node") };
    let asked = async { Ok(globals.client()?.get_bytes(path).await?) };
    let answer: Result<_, Failure> = asked.await;
    let Some(file) = &args.textfile else {
        let text = answer?;
        out::print(&String::from_utf8_lossy(&text))?;
        return Ok(ExitCode::SUCCESS);
    };
    let mut text = match &answer {
        Ok(text) => text.to_vec(),
        Err(_) => Vec::new(),
    };
    let success = format!(
        "# HELP pathkeeper_textfile_success 1 if the agent answered when this file was written\n\
         # TYPE pathkeeper_textfile_success gauge\n\
         pathkeeper_textfile_success{{page=\"{page}\"}} {}\n",
        u8::from(answer.is_ok())
    );
    text.extend_from_slice(success.as_bytes());
    replace(file, &text).map_err(|e| Failure::new(format!("{} cannot be written: {e}", file.display())))?;
    answer.map(|_| ExitCode::SUCCESS)
}

/// Writes a file that appears as a whole or not at all. Its name while it is written ends in nothing that a collector reads.
fn replace(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new().prefix(".pathkeeper-").suffix(".tmp").tempfile_in(dir)?;
    new.write_all(text)?;
    new.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    new.persist(file).map(drop).map_err(|e| e.error)
}
