//! The command line: one file a command group.

mod about;
mod absent;
mod attribute;
mod backup;
mod bench;
mod blueprint;
mod channel;
mod colony;
mod confirm;
mod connection;
mod cron;
mod dev;
mod executor;
mod executor_view;
mod failure;
mod fs;
mod function;
mod generator;
mod given;
mod key;
mod key_file;
mod location;
mod log;
mod manual;
mod monitor;
mod open_files;
mod outcome;
mod output;
mod port;
mod process;
mod process_view;
mod progress;
mod server;
mod signals;
mod state_flags;
mod statistics;
mod table;
mod top;
mod usage;
mod user;
mod wal;
mod workflow;

use clap::{CommandFactory, Parser, Subcommand};
use connection::Global;
use std::process::ExitCode;

/// What somebody needs who sees the command for the first time.
const FIRST_STEPS: &str = "First steps:
  colonies dev --hello     starts a server, carries one job through it, and prints what to export
  colonies function exec   submits a job; colonies process psw lists those that wait

Commands read COLONIES_SERVER_HOST, COLONIES_SERVER_PORT, COLONIES_TLS, COLONIES_COLONY_NAME and
COLONIES_PRVKEY; flags win over them.";

/// A durable, signed job broker: server and command line.
#[derive(Parser)]
#[command(name = "colonies", version, about, propagate_version = true, max_term_width = 100, after_help = FIRST_STEPS)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a server, or ask one about itself
    #[command(subcommand)]
    Server(server::ServerCommand),
    /// Run a development server with a colony, a user and keys that are known to everybody
    Dev(dev::Dev),
    /// Make private keys and show their ids
    #[command(subcommand, alias = "security")]
    Key(key::KeyCommand),
    /// Add, list and remove colonies
    Colony(colony::ColonyGroup),
    /// Add, list and remove users
    User(user::UserGroup),
    /// Add, approve, list and remove executors
    Executor(executor::ExecutorGroup),
    /// Submit functions as processes; list and register functions
    Function(function::FunctionGroup),
    /// List, show and end processes, and work on them
    Process(process::ProcessGroup),
    /// Print, search and write logs
    Log(log::LogGroup),
    /// Add and show attributes of processes
    Attribute(attribute::AttributeGroup),
    /// Submit, list, show and end workflows
    Workflow(workflow::WorkflowGroup),
    /// Start workflows at their times
    Cron(cron::CronGroup),
    /// Gather arguments and start workflows with them
    Generator(generator::GeneratorGroup),
    /// Talk on the channels of a process
    Channel(channel::ChannelGroup),
    /// Say what should be, and have it reconciled
    Blueprint(blueprint::BlueprintGroup),
    /// Add, list and remove locations
    Location(location::LocationGroup),
    /// Move and list files, labels and snapshots
    Fs(fs::FsGroup),
    Backup(backup::Backup),
    Restore(backup::Restore),
    /// Look at, check, print and cut the log of a server that is stopped
    #[command(subcommand)]
    Wal(wal::WalCommand),
    /// Show the nodes of a server
    #[command(subcommand)]
    Cluster(about::ClusterCommand),
    /// Show which server, colony and keys are used
    Config(about::Config),
    /// Show the version of this program
    Version(about::Version),
    /// Serve the metrics of another server for Prometheus
    #[command(subcommand)]
    Monitor(monitor::MonitorCommand),
    /// Watch queues, executors, rates and latencies of a server
    Top(top::Top),
    /// Put load on a server and print what came of it
    Bench(Box<bench::Bench>),
    /// Print a script that completes commands in a shell
    Completion(manual::Completion),
    /// Write the manual, a page a command
    #[command(hide = true)]
    Man(manual::Manual),
    /// Say that there is no database
    #[command(subcommand, hide = true)]
    Database(absent::DatabaseCommand),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error, &Cli::command()),
    };
    // The servers that a load starts for itself have nothing to say unless something is wrong.
    let quiet = matches!(cli.command, Command::Bench(_));
    start_logging(cli.global.verbose, if quiet { "warn" } else { "info,actix_server=warn" });
    match cli.command.run(&cli.global) {
        Ok(code) => code,
        Err(error) => {
            if let Some(line) = failure::line(&error) {
                eprintln!("colonies: {line}");
            }
            ExitCode::FAILURE
        }
    }
}

impl Command {
    fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        match self {
            Command::Server(command) => return command.run(global),
            Command::Dev(command) => return command.run(),
            Command::Wal(command) => return command.run(global),
            Command::Monitor(command) => return command.run(global),
            Command::Bench(command) => return command.run(global),
            Command::Backup(command) => command.run(global)?,
            Command::Restore(command) => command.run(global)?,
            Command::Key(command) => command.run(global)?,
            Command::Colony(group) => group.run(global)?,
            Command::User(group) => group.run(global)?,
            Command::Executor(group) => group.run(global)?,
            Command::Function(group) => group.run(global)?,
            Command::Process(group) => group.run(global)?,
            Command::Log(group) => group.run(global)?,
            Command::Attribute(group) => group.run(global)?,
            Command::Workflow(group) => group.run(global)?,
            Command::Cron(group) => group.run(global)?,
            Command::Generator(group) => group.run(global)?,
            Command::Channel(group) => group.run(global)?,
            Command::Blueprint(group) => group.run(global)?,
            Command::Location(group) => group.run(global)?,
            Command::Fs(group) => group.run(global)?,
            Command::Cluster(command) => command.run(global)?,
            Command::Top(command) => command.run(global)?,
            Command::Config(command) => command.run(global)?,
            Command::Version(command) => command.run(global)?,
            Command::Completion(command) => command.run()?,
            Command::Man(command) => command.run()?,
            Command::Database(command) => command.run(),
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Logs go to stderr; `RUST_LOG` chooses, else `--verbose` or `COLONIES_VERBOSE=true`.
fn start_logging(verbose: bool, usual: &str) {
    use tracing_subscriber::EnvFilter;
    let verbose = verbose || std::env::var("COLONIES_VERBOSE").is_ok_and(|value| value == "true");
    let chosen = std::env::var("RUST_LOG").ok().and_then(|filter| EnvFilter::try_new(filter).ok());
    let filter = chosen.unwrap_or_else(|| EnvFilter::new(if verbose { "debug" } else { usual }));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .with_target(false)
        .init();
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn no_two_flags_are_in_each_others_way() {
        super::Cli::command().debug_assert();
    }
}
