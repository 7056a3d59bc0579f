//! `getfilelabelsmsg`: the labels of a colony, or those from one on (chapter 4, 3.6).

use crate::colony::access::Access;
use crate::colony::listing::fitting;
use crate::colony::message::{Address, ColonyMessage, Decision, NullIfEmpty, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::{Deserialize, Serialize};

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetFileLabels {
    colonyname: String,
    name: String,
    exact: bool,
}

/// A label in the list.
#[derive(Serialize)]
struct Row {
    name: String,
    /// Revisions of all files of exactly this label.
    files: usize,
}

/// Bytes of a row's member names, marks and number, about.
const ROW_BYTES: usize = 40;

impl ColonyMessage for GetFileLabels {
    const NAME: &'static str = "getfilelabelsmsg";
    const TEXTS: Texts = texts!("Failed to get files");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let files = &turn.colony.state.files;
        let labels: &mut dyn Iterator<Item = (&str, usize)> = if self.exact && !self.name.is_empty() {
            &mut files.tree(&self.name)
        } else {
            // The start of a text and no more: `/data` finds `/data2` (the CLI relies on it).
            &mut files.labels_from(&self.name)
        };
        let rows = fitting(labels, |(name, _)| ROW_BYTES + name.len());
        Ok(Decision::answer(NullIfEmpty(rows.map(|(name, files)| Row { name: name.to_owned(), files }).collect())))
    }
}
