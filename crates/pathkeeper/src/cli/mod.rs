//! The command line.

/// Parses the arguments, runs the command and gives the exit status.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
