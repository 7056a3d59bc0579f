//! `getfilesmsg`: the files of a label (chapter 4, 3.5).

use super::File;
use crate::colony::access::Access;
use crate::colony::listing::fitting;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::refusal::Refusal;
use crate::texts;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetFiles {
    colonyname: String,
    label: String,
}

/// A file in a list: its newest revision.
struct Row(Arc<File>);

/// Bytes of a row's member names, marks and number, about.
const ROW_BYTES: usize = 96;

impl Row {
    fn bytes(file: &File) -> usize {
        let content = &file.content;
        ROW_BYTES + content.name.len() + content.checksum.len() + content.object.object.len()
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let content = &self.0.content;
        let mut shown = serializer.serialize_struct("row", 4)?;
        shown.serialize_field("name", &content.name)?;
        shown.serialize_field("checksum", &content.checksum)?;
        shown.serialize_field("size", &content.size)?;
        shown.serialize_field("s3filename", &content.object.object)?;
        shown.end()
    }
}

impl ColonyMessage for GetFiles {
    const NAME: &'static str = "getfilesmsg";
    const TEXTS: Texts = texts!("Failed to get files");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let files = turn.colony.state.files.in_label(&self.label);
        // An empty list, not `null`: this one differs from the others.
        Ok(Decision::answer(fitting(files, |file| Row::bytes(file)).cloned().map(Row).collect::<Vec<_>>()))
    }
}
