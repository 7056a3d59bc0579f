//! `colonies wal dump`.

use super::verify::exit_code;
use super::{DataDir, verdict};
use crate::cli::connection::Global;
use crate::cli::output::note;
use crate::cli::table::plain;
use crate::colony::event::Event;
use crate::server::state::ServerEvent;
use crate::storage::codec::{self, CodecError};
use crate::storage::replay::SERVER_STREAM;
use crate::time::{Nanos, Time};
use clap::Args;
use serde::Serialize;
use std::fmt::Debug;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;
use wal::{Position, ReadOnlyStorage, StreamId};

/// Which records to print.
#[derive(Args)]
pub struct Dump {
    #[command(flatten)]
    datadir: DataDir,
    /// Only the records of this stream; 0 is the server itself, `wal inspect` shows the others
    #[arg(long)]
    stream: Option<u64>,
    /// Only records of this number or a greater one; each stream counts its own from 1
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// At most so many records
    #[arg(long)]
    limit: Option<u64>,
}

/// A record, for programs.
#[derive(Serialize)]
struct Record {
    stream: u64,
    epoch: u32,
    number: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    bytes: usize,
    events: Vec<String>,
    /// Why the events are not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Dump {
    /// Prints the records.
    ///
    /// # Errors
    /// Where the log can't be read, or stdout is closed.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let (log, inspection) = self.datadir.read(Arc::new(ReadOnlyStorage))?;
        let mut out = BufWriter::new(io::stdout().lock());
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut printed = Ok(());
        let mut unreadable = 0_u64;
        log.replay(&inspection, &mut |stream, position, bytes| {
            if left == 0 {
                return ControlFlow::Break(());
            }
            if self.stream.is_some_and(|wanted| wanted != stream.0) || position.number < self.from {
                return ControlFlow::Continue(());
            }
            left -= 1;
            let record = record(stream, position, bytes);
            unreadable += u64::from(record.error.is_some());
            printed = if global.json { write_json(&mut out, &record) } else { write_text(&mut out, &record) };
            if printed.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        printed.and_then(|()| out.flush())?;
        drop(out);
        if unreadable > 0 {
            note(&format!("{unreadable} records can't be decoded; a server would not start on them"), &[]);
            return Ok(ExitCode::FAILURE);
        }
        let code = exit_code(&inspection);
        if code != ExitCode::SUCCESS {
            note(&verdict(&inspection), &[]);
        }
        Ok(code)
    }
}

fn record(stream: StreamId, position: Position, bytes: &[u8]) -> Record {
    let decoded = if stream == SERVER_STREAM {
        codec::decode::<ServerEvent>(bytes).map(told)
    } else {
        codec::decode::<Event>(bytes).map(told)
    };
    let (time, events, error) = match decoded {
        Ok((time, events)) => (Some(time), events, None),
        Err(error) => (None, Vec::new(), Some(CodecError::to_string(&error))),
    };
    let Position { epoch, number } = position;
    Record { stream: stream.0, epoch, number, time, bytes: bytes.len(), events, error }
}

fn told<E: Debug>((now, events): (Nanos, Vec<E>)) -> (String, Vec<String>) {
    (Time::from_nanos(now).to_text(), events.iter().map(|event| format!("{event:?}")).collect())
}

fn write_json(out: &mut impl Write, record: &Record) -> io::Result<()> {
    serde_json::to_writer(&mut *out, record)?;
    out.write_all(b"\n")
}

fn write_text(out: &mut impl Write, record: &Record) -> io::Result<()> {
    let Record { stream, epoch, number, time, bytes, events, error } = record;
    let time = time.as_deref().unwrap_or("-");
    writeln!(out, "stream {stream} record {epoch}/{number} {time} {bytes} bytes")?;
    for line in events.iter().chain(error) {
        writeln!(out, "    {}", plain(line))?;
    }
    Ok(())
}
