//! `colonies wal verify`.

use super::{DataDir, good_until, verdict};
use crate::cli::connection::Global;
use crate::cli::output::{Output, print};
use clap::Args;
use serde_json::json;
use std::process::ExitCode;
use std::sync::Arc;
use wal::inspection::{End, Inspection};
use wal::{OpenError, ReadOnlyStorage};

/// Which log to check.
#[derive(Args)]
pub struct Verify {
    #[command(flatten)]
    datadir: DataDir,
}

impl Verify {
    /// Checks the log.
    ///
    /// # Errors
    /// Where it can't be read at all.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let (_log, inspection) = self.datadir.read(Arc::new(ReadOnlyStorage))?;
        let out = Output::new(global);
        let (records, batches) = counts(&inspection);
        if out.json {
            let end = end_name(&inspection.end);
            let verdict = verdict(&inspection);
            let good_until = good_until(&inspection);
            let found = json!({ "end": end, "verdict": verdict, "gooduntil": good_until, "records": records,
                                "batches": batches, "epoch": inspection.epoch });
            out.show(&found, Vec::new)?;
        } else {
            print(&format!("{}\n", self.said(&inspection)))?;
        }
        Ok(exit_code(&inspection))
    }

    /// What was read, and what is wrong.
    fn said(&self, inspection: &Inspection) -> String {
        let (records, batches) = counts(inspection);
        let mut said = format!("read {records} good records in {batches} batches\n{}", verdict(inspection));
        if !matches!(inspection.end, End::Damaged(_)) {
            return said;
        }
        if let Some((stream, position)) = inspection.last_record {
            let at = format!("{}/{}", position.epoch, position.number);
            said.push_str(&format!("\nthe last good record before it is {at} of stream {stream}"));
        }
        if let Some(place) = good_until(inspection) {
            let datadir = self.datadir.datadir.display();
            said.push_str(&format!(
                "\nto cut it there: colonies wal repair --datadir '{datadir}' --truncate-at {place}"
            ));
        }
        said
    }
}

fn counts(inspection: &Inspection) -> (u64, u64) {
    let sum = |of: fn(&wal::inspection::SegmentSummary) -> u64| inspection.segments.iter().map(of).sum();
    (sum(|segment| segment.records), sum(|segment| segment.batches))
}

/// The end in a word, for programs.
pub fn end_name(end: &End) -> &'static str {
    match end {
        End::Closed => "closed",
        End::Open => "open",
        End::Torn(_) => "torn",
        End::Damaged(OpenError::TooNew { .. }) => "too new",
        End::Damaged(_) => "damaged",
    }
}

/// 1 where a server would not start.
pub fn exit_code(inspection: &Inspection) -> ExitCode {
    if matches!(inspection.end, End::Damaged(_)) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
