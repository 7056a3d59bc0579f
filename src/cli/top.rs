//! `colonies top`: what a server does, live in the terminal.

mod figures;
mod frame;
mod live;
mod look;

use super::connection::{Global, InColony, Session};
use super::output::print;
use clap::Args;
use figures::Figures;
use look::Look;
use std::io::{IsTerminal, stdin, stdout};
use std::time::Duration;

/// Columns of a frame that is printed.
const PRINTED_WIDTH: u16 = 100;

/// Queues, executors, rates and latencies of a server, as they are now.
#[derive(Args)]
#[command(after_help = "Needs no key for the server; with those of a colony's member, the colony is shown too.\n\
                        q quits. Elsewhere than on a terminal one frame is printed.")]
pub struct Top {
    /// Print one frame as text
    #[arg(long)]
    once: bool,
    /// Seconds between two looks at the server, and what rates and latencies are of
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
    #[command(flatten)]
    place: InColony,
}

impl Top {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        let interval = Duration::from_secs(self.interval);
        // Whatever is wrong shows before the screen is taken.
        let first = Look::at(&session)?;
        if self.once || global.json || !stdout().is_terminal() || !stdin().is_terminal() {
            return print_one(&session, &first, interval);
        }
        live::run(session, first, interval)
    }
}

fn print_one(session: &Session, first: &Look, interval: Duration) -> anyhow::Result<()> {
    std::thread::sleep(interval);
    let figures = Figures::between(first, &Look::at(session)?);
    if session.out.json {
        return Ok(session.out.show(&figures, Vec::new)?);
    }
    Ok(print(&frame::text(&figures, PRINTED_WIDTH))?)
}
