//! `colonies channel`.

use super::connection::{Global, InColony, Session};
use super::output::print;
use crate::client::{ChannelEntry, ChannelMessage, ClientError};
use clap::{Args, Subcommand};
use std::io::{self, Write};
use std::time::Duration;

/// Channels between the submitter of a process and the executor that runs it.
#[derive(Args)]
pub struct ChannelGroup {
    #[command(flatten)]
    place: InColony,
    #[command(subcommand)]
    command: ChannelCommand,
}

#[derive(Subcommand)]
enum ChannelCommand {
    /// Say something on a channel
    #[command(alias = "append")]
    Send {
        #[command(flatten)]
        channel: Channel,
        /// What to say
        #[arg(short, long)]
        msg: String,
        /// Your own count
        #[arg(long, default_value_t = 0)]
        sequence: i64,
        /// The sequence that this answers; 0 is none
        #[arg(long, default_value_t = 0)]
        inreplyto: i64,
        /// Type of what is said: data, end, error or any other word
        #[arg(long = "type", default_value = "data")]
        kind: String,
    },
    /// Print what was said on a channel
    Read {
        #[command(flatten)]
        channel: Channel,
        /// Leave out so many entries at the beginning
        #[arg(long, default_value_t = 0)]
        skip: usize,
        /// How many at most
        #[arg(long)]
        count: Option<usize>,
        /// Go on with what comes, until the process has ended
        #[arg(short, long, conflicts_with = "count")]
        follow: bool,
    },
}

#[derive(Args)]
struct Channel {
    /// Id of the process
    #[arg(short, long)]
    processid: String,
    /// Name of the channel
    #[arg(short, long)]
    name: String,
}

/// Between two looks at a channel that is followed.
const PAUSE: Duration = Duration::from_millis(200);

impl ChannelGroup {
    /// Runs the command.
    ///
    /// # Errors
    /// Says what is wrong, for a person.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let session = self.place.session(global)?;
        match self.command {
            ChannelCommand::Send { channel: Channel { processid, name }, msg, sequence, inreplyto, kind } => {
                let message = ChannelMessage { sequence, in_reply_to: inreplyto, payload: msg.as_bytes(), kind: &kind };
                session.client.append_to_channel(&session.member()?, &processid, &name, &message)?;
                Ok(session.out.done("Said on channel", &[("Channel", &name), ("ProcessId", &processid)])?)
            }
            ChannelCommand::Read { channel, skip, count: _, follow: true } => follow(&session, &channel, skip),
            ChannelCommand::Read { channel: Channel { processid, name }, skip, count, follow: false } => {
                let entries = session.client.read_channel(&session.member()?, &processid, &name, skip, count)?;
                if session.out.json {
                    return Ok(session.out.show(&entries, Vec::new)?);
                }
                Ok(entries.iter().try_for_each(print_payload)?)
            }
        }
    }
}

fn follow(session: &Session, channel: &Channel, mut skip: usize) -> anyhow::Result<()> {
    let member = session.member()?;
    let mut read_before = false;
    loop {
        let entries = match session.client.read_channel(&member, &channel.processid, &channel.name, skip, None) {
            // The channel goes when its process ends.
            Err(ClientError::Refused { status: 404, .. }) if read_before => return Ok(()),
            other => other?,
        };
        (read_before, skip) = (true, skip + entries.len());
        for entry in &entries {
            match session.out.json {
                true => print(&format!("{}\n", serde_json::to_string(entry)?))?,
                false => print_payload(entry)?,
            }
        }
        if entries.is_empty() {
            std::thread::sleep(PAUSE);
        }
    }
}

/// What was said, as it is, each on a line of its own.
fn print_payload(entry: &ChannelEntry) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(&entry.payload.0)?;
    if !entry.payload.0.ends_with(b"\n") {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()
}
