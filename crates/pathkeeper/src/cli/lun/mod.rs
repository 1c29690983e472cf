//! `pathkeeper lun`: single LUNs, what is expected of them, and LUNs that nobody watches yet.

mod allow;
mod discover;
pub(super) mod find;
#[cfg(test)]
mod fixtures;
mod guide;
mod list;
pub(super) mod named;
mod order;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Failure, Globals};

/// LUNs one by one: what is expected of each and remembered, what is seen and not watched, and which are allowed
#[derive(Args, Debug)]
pub struct LunArgs {
    #[command(subcommand)]
    command: LunCommand,
}

#[derive(Subcommand, Debug)]
enum LunCommand {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Discover(discover::DiscoverArgs),
    New(guide::NewArgs),
    Add(allow::AddArgs),
    Remove(allow::RemoveArgs),
    Set(allow::SetArgs),
    Alias(allow::AliasArgs),
    Resize(guide::ResizeArgs),
    AckPaths(order::AckPathsArgs),
    Retire(order::RetireArgs),
    Forget(order::ForgetArgs),
}

/// Runs the command.
pub async fn run(args: LunArgs, globals: &Globals) -> Result<ExitCode, Failure> {
    match args.command {
        LunCommand::List(args) => list::run(args, globals).await,
        LunCommand::Show(args) => show::run(args, globals).await,
        LunCommand::Discover(args) => discover::run(args, globals).await,
        LunCommand::Add(args) => allow::add(args, globals).await,
        LunCommand::Remove(args) => allow::remove(args, globals).await,
        LunCommand::Set(args) => allow::set(args, globals).await,
        LunCommand::Alias(args) => allow::alias(args, globals).await,
        LunCommand::New(args) => guide::new(args, globals).await,
        LunCommand::Resize(args) => guide::resize(args, globals).await,
        LunCommand::AckPaths(args) => order::ack_paths(args, globals).await,
        LunCommand::Retire(args) => order::retire(args, globals).await,
        LunCommand::Forget(args) => order::forget(args, globals).await,
    }
}
