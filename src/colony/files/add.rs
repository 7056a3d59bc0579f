//! `addfilemsg`: a member adds a file, or a revision of one (chapter 4, 3.3).

use super::FileEvent;
use super::model::{FileContent, S3Object, ShownFile};
use crate::colony::access::Access;
use crate::colony::event::Event;
use crate::colony::message::{Address, ColonyMessage, Decision, Texts, Turn};
use crate::colony::names::check_text;
use crate::ids::FileId;
use crate::limits;
use crate::refusal::Refusal;
use crate::texts;
use crate::time::Time;
use serde::Deserialize;

/// The request.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AddFile {
    file: Option<Box<Given>>,
}

/// A file as clients send it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Given {
    colonyname: String,
    label: String,
    name: String,
    size: i64,
    checksum: String,
    checksumalg: String,
    #[serde(rename = "ref")]
    reference: Reference,
    // The server's to say, but a value of a wrong type is refused.
    #[serde(rename = "fileid")]
    _fileid: String,
    #[serde(rename = "sequencenr")]
    _sequencenr: i64,
    #[serde(rename = "added")]
    _added: Time,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reference {
    #[serde(rename = "protocol")]
    _protocol: String,
    s3object: S3Object,
}

impl ColonyMessage for AddFile {
    const NAME: &'static str = "addfilemsg";
    // The first text is the reference's.
    const TEXTS: Texts = texts!("Failed to add log", "Failed to add file");
    const ACCESS: Access = Access::Member;

    fn check(&self) -> Result<(), Refusal> {
        match &self.file {
            Some(_) => Ok(()),
            None => Err(Refusal::bad_request("Failed to add file, msg.File is nil")),
        }
    }

    fn address(&self) -> Address<'_> {
        Address::Colony(self.file.as_ref().map_or("", |file| &file.colonyname))
    }

    fn decide(self, turn: &mut Turn<'_>) -> Result<Decision, Refusal> {
        let Given { label, name, size, checksum, checksumalg, reference, .. } = *self.file.unwrap_or_default();
        let content = FileContent { label, name, size, checksum, checksumalg, object: reference.s3object };
        let state = &turn.colony.state;
        if i32::try_from(content.object.port).is_err() {
            return Err(Refusal::bad_request("Failed to add file, port is out of range"));
        }
        content.texts().into_iter().try_for_each(|(kind, text)| check_text("Failed to add file", kind, text))?;
        if content.text_bytes() > limits::FILE_TEXT_BYTES {
            return Err(Refusal::bad_request("Failed to add file, its texts are too long"));
        }
        if state.files.len() >= limits::FILES_PER_COLONY {
            let name = &state.name;
            return Err(Refusal::bad_request(format!(
                "Failed to add file, Colony with name <{name}> has too many files"
            )));
        }
        turn.colony.check_bytes(content.bytes())?;
        let id = FileId::new(state.incarnation, turn.now, turn.ids.random());
        let events = vec![Event::File(FileEvent::Added { id, content: Box::new(content) })];
        Ok(Decision::reply(events, move |colony| {
            let file = colony.state.files.get(&id);
            Box::new(file.map(|file| ShownFile { file: file.clone(), colony: colony.state.name.clone() }))
        }))
    }
}
