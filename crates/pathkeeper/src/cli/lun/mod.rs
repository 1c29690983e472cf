//! `pathkeeper lun`: single LUNs, what is expected of them, and LUNs that nobody watches yet.

mod discover;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Failure, Globals};

/// LUNs one by one: what is seen and not watched
#[derive(Args, Debug)]
pub struct LunArgs {
    #[command(subcommand)]
    command: LunCommand,
}

#[derive(Subcommand, Debug)]
enum LunCommand {
    Discover(discover::DiscoverArgs),
}

/// Runs the command.
pub async fn run(args: LunArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    match args.command {
        LunCommand::Discover(args) => discover::run(args, globals).await,
    }
}
