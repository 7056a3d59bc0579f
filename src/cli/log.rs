//! `colonies log`.

use super::connection::{Global, InColony, Session};
use super::output::{note, print};
use super::table::{Grid, when};
use crate::client::{Log, LogSource, LogWindow};
use crate::time::Time;
use clap::{Args, Subcommand};

/// Logs of processes and executors.
#[derive(Args)]
pub struct LogGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Subcommand)]
enum LogCommand {
    /// Add a line to the log of a process; for the executor that runs it
    Add {
        /// Id of the process
        #[arg(short, long)]
        processid: String,
        /// The line
        #[arg(short, long)]
        msg: String,
    },
    /// Print the log of a process or of an executor, as it was written
    Get(GetArgs),
    /// Search the logs of the colony
    Search(SearchArgs),
}

#[derive(Args)]
struct GetArgs {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    window: Window,
    /// How many at most, up to 500
    #[arg(long, default_value_t = 100)]
    count: i64,
    /// Go on with what comes, until interrupted
    #[arg(long)]
    follow: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// Id of the process
    #[arg(short, long)]
    processid: Option<String>,
    /// Name of the executor
    #[arg(short, long)]
    executorname: Option<String>,
}

#[derive(Args)]
#[group(multiple = false)]
struct Window {
    /// The oldest after this time, in nanoseconds since 1970
    #[arg(long)]
    since: Option<i64>,
    /// The newest
    #[arg(short, long)]
    latest: bool,
    /// The oldest; the default
    #[arg(short, long)]
    first: bool,
}

#[derive(Args)]
struct SearchArgs {
    /// What to look for; % stands for anything, _ for one character
    #[arg(short, long)]
    text: String,
    /// How many days to look back, up to 30
    #[arg(short, long, default_value_t = 1)]
    days: i64,
    /// How many at most, up to 100
    #[arg(long, default_value_t = 20)]
    count: i64,
    /// Print what was written around each hit
    #[arg(long)]
    print: bool,
    /// With --print: seconds before each hit to begin at
    #[arg(long, default_value_t = 1)]
    seconds: i64,
}

impl LogGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        match self.command {
            LogCommand::Add { processid, msg } => {
                session.client.add_log(&session.member()?, &processid, &msg)?;
                Ok(session.out.done("Log added", &[("ProcessId", &processid)])?)
            }
            LogCommand::Get(args) => get(&session, &args),
            LogCommand::Search(args) => search(&session, &args),
        }
    }
}

fn get(session: &Session, args: &GetArgs) -> anyhow::Result<()> {
    let member = session.member()?;
    let source = match (&args.source.processid, &args.source.executorname) {
        (Some(id), _) => LogSource::Process(id),
        (None, name) => LogSource::Executor { colony: session.colony()?, name: name.as_deref().unwrap_or_default() },
    };
    let window = match args.window {
        Window { latest: true, .. } => LogWindow::Latest,
        Window { since: Some(since), .. } => LogWindow::Since(since),
        Window { .. } => LogWindow::First,
    };
    if args.follow {
        // A line of JSON a line of the log: an endless list can't be one value.
        let line = |log: &Log| -> anyhow::Result<()> {
            match session.out.json {
                true => print(&format!("{}\n", serde_json::to_string(log)?))?,
                false => print(&log.message)?,
            }
            Ok(())
        };
        match session.client.follow_log(&member, source, window, line)? {}
    }
    let logs = session.client.logs(&member, source, window, args.count)?;
    if session.out.json {
        return Ok(session.out.show(&logs, Vec::new)?);
    }
    Ok(logs.iter().try_for_each(|log| print(&log.message))?)
}

fn search(session: &Session, args: &SearchArgs) -> anyhow::Result<()> {
    let (member, colony) = (session.member()?, session.colony()?);
    let hits = session.client.search_logs(&member, colony, &args.text, args.days, args.count)?;
    if session.out.json {
        return Ok(session.out.show(&hits, Vec::new)?);
    }
    if hits.is_empty() {
        note("No logs found", &[("Text", &args.text)]);
    }
    for hit in &hits {
        let grid = || vec![describe(hit)];
        session.out.show(hit, grid)?;
        if args.print {
            let since = LogWindow::Since(hit.timestamp.saturating_sub(args.seconds.saturating_mul(1_000_000_000)));
            let source = match hit.processid.as_str() {
                "" => LogSource::Executor { colony, name: &hit.executorname },
                id => LogSource::Process(id),
            };
            let around = session.client.logs(&member, source, since, args.count)?;
            around.iter().try_for_each(|log| print(&log.message))?;
            print("\n")?;
        }
    }
    Ok(())
}

fn describe(hit: &Log) -> Grid {
    Grid::of_pairs("Log")
        .pair("Timestamp", when(Time::from_nanos(hit.timestamp)))
        .pair("ExecutorName", &hit.executorname)
        .pair("ProcessID", &hit.processid)
        .pair("Text", hit.message.trim_end())
}

/// Prints what was written, each line after whose it is.
///
/// # Errors
/// Where stdout is closed.
pub fn print_prefixed(name: &str, message: &str) -> std::io::Result<()> {
    message.lines().try_for_each(|line| print(&format!("[{name}] {line}\n")))
}
