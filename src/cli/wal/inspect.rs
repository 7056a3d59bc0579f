//! `colonies wal inspect`.

use super::verify::end_name;
use super::{DataDir, name, verdict};
use crate::cli::connection::Global;
use crate::cli::output::{Output, print};
use crate::cli::table::Grid;
use clap::Args;
use serde::Serialize;
use std::process::ExitCode;
use std::sync::Arc;
use wal::ReadOnlyStorage;
use wal::inspection::{Files, Inspection, SegmentState};

/// Which log to look at.
#[derive(Args)]
pub struct Inspect {
    #[command(flatten)]
    datadir: DataDir,
}

/// What is shown, for programs.
#[derive(Serialize)]
struct Shown {
    end: &'static str,
    verdict: String,
    epoch: u32,
    /// Bytes of all files of the log.
    bytes: u64,
    segments: Vec<Segment>,
    streams: Vec<Stream>,
    /// Streams whose last record is not finished.
    unfinished: Vec<u64>,
    checkpoints: Vec<Checkpoint>,
    prepared: Count,
    setaside: Count,
}

#[derive(Serialize)]
struct Checkpoint {
    file: String,
    bytes: u64,
    streams: u64,
    needsfrom: u64,
    unusable: Option<String>,
}

#[derive(Serialize)]
struct Segment {
    file: String,
    firstbatch: u64,
    batches: u64,
    records: u64,
    bytes: u64,
    end: u64,
    epoch: Option<u32>,
    state: &'static str,
}

#[derive(Serialize)]
struct Stream {
    stream: u64,
    epoch: u32,
    number: u64,
    records: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Count {
    files: u64,
    bytes: u64,
}

impl Inspect {
    /// Shows the log.
    ///
    /// # Errors
    /// Where it can't be read at all.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let (_log, inspection) = self.datadir.read(Arc::new(ReadOnlyStorage))?;
        let shown = shown(&inspection);
        let out = Output::new(global);
        out.show(&shown, || vec![segments(&shown), checkpoints(&shown), streams(&shown), summary(&shown)])?;
        if !out.json {
            print(&format!("{}\n", shown.verdict))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn shown(inspection: &Inspection) -> Shown {
    let count = |files: Files| Count { files: files.count, bytes: files.bytes };
    let segments: Vec<_> = inspection.segments.iter().map(segment).collect();
    let used: u64 = segments.iter().map(|segment| segment.bytes).sum();
    Shown {
        end: end_name(&inspection.end),
        verdict: verdict(inspection),
        epoch: inspection.epoch,
        bytes: used + inspection.prepared.bytes + inspection.set_aside.bytes,
        segments,
        streams: inspection.streams.iter().map(stream).collect(),
        unfinished: inspection.unfinished.iter().map(|stream| stream.0).collect(),
        checkpoints: inspection.checkpoints.iter().map(checkpoint).collect(),
        prepared: count(inspection.prepared),
        setaside: count(inspection.set_aside),
    }
}

fn segment(segment: &wal::inspection::SegmentSummary) -> Segment {
    Segment {
        file: name(&segment.path),
        firstbatch: segment.first_batch,
        batches: segment.batches,
        records: segment.records,
        bytes: segment.bytes,
        end: segment.end,
        epoch: segment.epoch,
        state: match segment.state {
            SegmentState::Full => "full",
            SegmentState::Current => "current",
            SegmentState::Torn => "torn",
            SegmentState::Damaged => "damaged",
            SegmentState::NotRead => "not read",
            SegmentState::Blank => "blank",
        },
    }
}

fn checkpoint(checkpoint: &wal::inspection::CheckpointSummary) -> Checkpoint {
    Checkpoint {
        file: name(&checkpoint.path),
        bytes: checkpoint.bytes,
        streams: checkpoint.streams,
        needsfrom: checkpoint.needs_from,
        unusable: checkpoint.unusable.clone(),
    }
}

fn stream(stream: &wal::inspection::StreamSummary) -> Stream {
    let wal::inspection::StreamSummary { stream, last, records, bytes } = *stream;
    Stream { stream, epoch: last.epoch, number: last.number, records, bytes }
}

fn segments(shown: &Shown) -> Grid {
    let headers = ["FILE", "FIRST BATCH", "BATCHES", "RECORDS", "GOOD BYTES", "OF", "EPOCH", "STATE"];
    let mut grid = Grid::with_headers(&headers).titled("Segments");
    for segment in &shown.segments {
        let numbers = [segment.firstbatch, segment.batches, segment.records, segment.end, segment.bytes];
        let epoch = segment.epoch.map_or_else(|| "-".to_owned(), |epoch| epoch.to_string());
        let cells = [segment.file.clone()].into_iter().chain(numbers.map(|number| number.to_string()));
        grid.row(cells.chain([epoch, segment.state.to_owned()]));
    }
    grid
}

fn checkpoints(shown: &Shown) -> Grid {
    let headers = ["FILE", "BYTES", "STREAMS", "NEEDS THE LOG FROM BATCH", "STATE"];
    let mut grid = Grid::with_headers(&headers).titled("Checkpoints, the newest first");
    for checkpoint in &shown.checkpoints {
        let numbers = [checkpoint.bytes, checkpoint.streams, checkpoint.needsfrom].map(|number| number.to_string());
        let state = checkpoint.unusable.clone().unwrap_or_else(|| "good".to_owned());
        grid.row([checkpoint.file.clone()].into_iter().chain(numbers).chain([state]));
    }
    grid
}

fn streams(shown: &Shown) -> Grid {
    let headers = ["STREAM", "LAST RECORD", "RECORDS", "BYTES"];
    let mut grid = Grid::with_headers(&headers).titled("Streams (0 is the server, the others are colonies)");
    for stream in &shown.streams {
        let last = format!("{}/{}", stream.epoch, stream.number);
        grid.row([stream.stream.to_string(), last, stream.records.to_string(), stream.bytes.to_string()]);
    }
    grid
}

fn summary(shown: &Shown) -> Grid {
    let files = |count: &Count| format!("{} files, {} bytes", count.files, count.bytes);
    let end = shown.segments.iter().rev().find(|segment| segment.end > 0);
    let end = end.map_or_else(|| "-".to_owned(), |segment| format!("{}:{}", segment.file, segment.end));
    let mut grid = Grid::of_pairs("Log")
        .pair("End of what is good", end)
        .pair("State", shown.end)
        .pair("Epoch", shown.epoch)
        .pair("Prepared segments", files(&shown.prepared))
        .pair("Set aside (.torn, .rejected)", files(&shown.setaside))
        .pair("Bytes of all files", shown.bytes);
    if !shown.unfinished.is_empty() {
        let streams = shown.unfinished.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
        grid = grid.pair("Unfinished last records", format!("of streams {streams}; a start drops them"));
    }
    grid
}
