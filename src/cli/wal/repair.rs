//! `colonies wal repair`.

use super::{DataDir, name};
use crate::cli::confirm::agree;
use crate::cli::connection::Global;
use crate::cli::output::Output;
use clap::Args;
use std::process::ExitCode;
use std::sync::Arc;
use wal::RealStorage;
use wal::inspection::CutPlan;

/// Where to cut.
#[derive(Args)]
pub struct Repair {
    #[command(flatten)]
    datadir: DataDir,
    /// The first byte that goes, as FILE:OFFSET; a batch must begin there, or the good ones end, as `wal verify` says
    #[arg(long, value_name = "FILE:OFFSET", value_parser = parse_place)]
    truncate_at: Place,
    /// Cut without asking
    #[arg(long)]
    yes: bool,
}

/// A byte of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    file: String,
    offset: u64,
}

impl Repair {
    /// Says what will be lost, asks, and cuts.
    ///
    /// # Errors
    /// Where the log can't be cut there, or it was not wanted.
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let (log, inspection) = self.datadir.read(Arc::new(RealStorage))?;
        let plan = log.plan_cut(&inspection, &self.truncate_at.file, self.truncate_at.offset)?;
        eprint!("{}", told(&plan));
        agree("Cut the log there?", self.yes)?;
        let cut = log.cut(&plan)?;
        let place = format!("{}:{}", name(&plan.file), plan.offset);
        let copies = cut.copies.iter().map(|copy| copy.display().to_string()).collect::<Vec<_>>().join(" ");
        Output::new(global)
            .done("Log cut", &[("At", &place), ("Epoch", &plan.epoch.to_string()), ("Copies", &copies)])?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a cut would do, for a person.
fn told(plan: &CutPlan) -> String {
    let batches = if plan.last_batch > plan.first_batch {
        format!("batches {} to {}", plan.first_batch, plan.last_batch)
    } else {
        format!("batch {}", plan.first_batch)
    };
    let mut told = format!(
        "This cuts {} at byte {}: {batches}, {} bytes of it, and {} later segments.\n",
        plan.file.display(),
        plan.offset,
        plan.bytes,
        plan.whole.len()
    );
    for file in &plan.whole {
        told.push_str(&format!("  all of {}\n", file.display()));
    }
    for lost in &plan.lost {
        let (first, last) = (lost.first, lost.last);
        let count = last.number - first.number + 1;
        told.push_str(&format!(
            "  lost of stream {}: {count} good records, {}/{} to {}/{}\n",
            lost.stream, first.epoch, first.number, last.epoch, last.number
        ));
    }
    if plan.more {
        told.push_str("  and every record in or behind what is damaged or torn, which can't be counted\n");
    }
    told.push_str("All of it is kept in files that end in .torn, which the server never reads.\n");
    told
}

/// A place as `verify` prints it; the directory of the file may stay in front.
fn parse_place(text: &str) -> Result<Place, String> {
    let parsed = text.rsplit_once(':').and_then(|(file, offset)| Some((file, offset.parse().ok()?)));
    let Some((file, offset)) = parsed.filter(|(file, _)| !file.is_empty()) else {
        return Err("a place is FILE:OFFSET, as in 00000000000000000001.log:4096".to_owned());
    };
    Ok(Place { file: file.rsplit('/').next().unwrap_or(file).to_owned(), offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_and_a_byte() {
        let place = Place { file: "00000000000000000001.log".to_owned(), offset: 4096 };
        assert_eq!(parse_place("00000000000000000001.log:4096"), Ok(place.clone()));
        assert_eq!(parse_place("data/wal/00000000000000000001.log:4096"), Ok(place));
        for wrong in ["", "4096", ":4096", "x.log:", "x.log:-1", "x.log"] {
            assert!(parse_place(wrong).is_err(), "{wrong}");
        }
    }
}
