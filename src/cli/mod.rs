//! The command line: one file a command group.

mod bench;
mod dev;
mod open_files;
mod server;
mod signals;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A durable, signed job broker.
#[derive(Parser)]
#[command(name = "colonies", version, about, propagate_version = true)]
struct Cli {
    /// Log more
    #[arg(short, long, global = true)]
    verbose: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a server
    #[command(subcommand)]
    Server(server::ServerCommand),
    /// Run a development server with a colony, a user and keys that are known to everybody
    Dev(dev::Dev),
    /// Put load on a running server and print what came of it
    Bench(bench::Bench),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    start_logging(cli.verbose);
    let done = match cli.command {
        Command::Server(command) => command.run(),
        Command::Dev(command) => command.run(),
        Command::Bench(command) => command.run(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("colonies: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Logs go to stderr; `RUST_LOG` chooses, else `--verbose` or `COLONIES_VERBOSE=true`.
fn start_logging(verbose: bool) {
    use tracing_subscriber::EnvFilter;
    let verbose = verbose || std::env::var("COLONIES_VERBOSE").is_ok_and(|value| value == "true");
    let chosen = std::env::var("RUST_LOG").ok().and_then(|filter| EnvFilter::try_new(filter).ok());
    let filter = chosen.unwrap_or_else(|| EnvFilter::new(if verbose { "debug" } else { "info,actix_server=warn" }));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}
