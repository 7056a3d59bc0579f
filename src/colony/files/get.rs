//! `getfilemsg`: one revision by id, or the revisions of a file (chapter 4, 3.4).

use super::ShownFile;
use crate::colony::access::Access;
use crate::colony::listing::fitting;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::ids::FileId;
use crate::refusal::Refusal;
use crate::texts;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetFile {
    colonyname: String,
    fileid: String,
    label: String,
    name: String,
    latest: bool,
}

impl ColonyMessage for GetFile {
    const NAME: &'static str = "getfilemsg";
    // The first text is the reference's.
    const TEXTS: Texts = texts!("Failed to add log", "Failed to get file");
    const ACCESS: Access = Access::Member;

    fn address(&self) -> Address<'_> {
        Address::Colony(&self.colonyname)
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let state = &turn.colony.state;
        let found = if !self.fileid.is_empty() {
            let file = FileId::from_text(&self.fileid).and_then(|id| state.files.get(&id));
            std::slice::from_ref(file.ok_or(Refusal::bad_request("Failed to get file"))?)
        } else if !self.label.is_empty() && !self.name.is_empty() {
            match state.files.revisions(&self.label, &self.name) {
                [] => return Err(Refusal::not_found("Failed to get file")),
                [.., newest] if self.latest => std::slice::from_ref(newest),
                all => all,
            }
        } else {
            return Err(Refusal::odd("malformatted get file msg"));
        };
        let newest_first = fitting(found.iter().rev(), |file| file.content.bytes());
        let shown = newest_first.map(|file| ShownFile { file: file.clone(), colony: state.name.clone() });
        Ok(Decision::answer(shown.collect::<Vec<_>>()))
    }
}
