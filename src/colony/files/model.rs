//! A revision of a file as it is kept and shown (chapter 4, 3.2).

use crate::colony::table::Keyed;
use crate::ids::FileId;
use crate::time::Time;
use bincode::{Decode, Encode};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// What a client says about a file. All of it is kept as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
pub struct FileContent {
    /// The "directory": only a text.
    pub label: String,
    /// The name within the label.
    pub name: String,
    /// Bytes of the file, if the client is right.
    pub size: i64,
    /// The client's checksum.
    pub checksum: String,
    /// How that was computed.
    pub checksumalg: String,
    /// Where the content lies.
    pub object: S3Object,
}

/// Where a file's content lies, and with what keys it is read. Members of the colony are meant to see the keys.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize, Encode, Decode)]
#[serde(default)]
pub struct S3Object {
    /// Host, perhaps with its port.
    pub server: String,
    /// Port; 32 bits are kept.
    pub port: i64,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Name of the access key.
    pub accesskey: String,
    /// The secret key.
    pub secretkey: String,
    /// Region.
    pub region: String,
    /// Key with which the content is encrypted.
    pub encryptionkey: String,
    /// How the content is encrypted.
    pub encryptionalg: String,
    /// The object's name.
    pub object: String,
    /// The bucket.
    pub bucket: String,
}

/// Without the keys: they must not reach a log.
impl fmt::Debug for S3Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Object")
            .field("server", &self.server)
            .field("bucket", &self.bucket)
            .field("object", &self.object)
            .finish_non_exhaustive()
    }
}

/// About how many bytes of memory a revision takes beside its texts.
const FILE_BYTES: usize = 512;

impl FileContent {
    /// All texts, with what they are.
    pub fn texts(&self) -> [(&'static str, &str); 12] {
        let object = &self.object;
        [
            ("label", &self.label),
            ("name", &self.name),
            ("checksum", &self.checksum),
            ("checksum algorithm", &self.checksumalg),
            ("server", &object.server),
            ("access key", &object.accesskey),
            ("secret key", &object.secretkey),
            ("region", &object.region),
            ("encryption key", &object.encryptionkey),
            ("encryption algorithm", &object.encryptionalg),
            ("object", &object.object),
            ("bucket", &object.bucket),
        ]
    }

    /// Bytes of all texts.
    pub fn text_bytes(&self) -> usize {
        self.texts().iter().map(|(_, text)| text.len()).sum()
    }

    /// About how many bytes of memory it takes once it is kept, where label and name are keys too.
    pub fn bytes(&self) -> usize {
        FILE_BYTES + self.text_bytes() + self.label.len() + self.name.len()
    }
}

/// A revision of a file.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct File {
    /// Its id.
    pub id: FileId,
    /// Its number in the colony: grows from revision to revision, never repeats.
    pub sequencenr: u64,
    /// When it was added.
    pub added: Time,
    /// What the client said.
    pub content: FileContent,
}

impl Keyed for File {
    type Key = FileId;
    fn key(&self) -> &FileId {
        &self.id
    }
}

/// A revision on its way to the client.
pub struct ShownFile {
    /// The revision.
    pub file: Arc<File>,
    /// The colony's name.
    pub colony: Arc<str>,
}

impl Serialize for ShownFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Reference<'a> {
            protocol: &'static str,
            s3object: &'a S3Object,
        }
        let File { id, sequencenr, added, content } = &*self.file;
        let mut shown = serializer.serialize_struct("file", 10)?;
        shown.serialize_field("fileid", id)?;
        shown.serialize_field("colonyname", &self.colony)?;
        shown.serialize_field("label", &content.label)?;
        shown.serialize_field("name", &content.name)?;
        shown.serialize_field("size", &content.size)?;
        shown.serialize_field("sequencenr", sequencenr)?;
        shown.serialize_field("checksum", &content.checksum)?;
        shown.serialize_field("checksumalg", &content.checksumalg)?;
        // Whatever the client named, there is this one (chapter 4, 3.2).
        shown.serialize_field("ref", &Reference { protocol: "s3", s3object: &content.object })?;
        shown.serialize_field("added", added)?;
        shown.end()
    }
}
