//! Pathkeeper: the node agent, the API and the command line in one binary.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    pathkeeper::cli::main()
}
