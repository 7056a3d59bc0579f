//! Files as the server knows them (chapter 4, 3). Their contents are in an object store, which is not the server's.

use super::{Client, ClientError};
use crate::crypto::PrivateKey;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use crate::colony::files::model::S3Object;

/// One revision of a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct File {
    /// Its id.
    pub fileid: String,
    /// The colony's name.
    pub colonyname: String,
    /// Where it is, as in `/myfiles/sub`.
    pub label: String,
    /// Its name there.
    pub name: String,
    /// Bytes.
    pub size: i64,
    /// Its place among all revisions of all files.
    pub sequencenr: i64,
    /// The checksum of its contents.
    pub checksum: String,
    /// How that is computed.
    pub checksumalg: String,
    /// Where its contents are.
    #[serde(rename = "ref")]
    pub reference: Reference,
    /// When it was added.
    pub added: Time,
}

/// A file in a label, as its latest revision is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListedFile {
    /// Its name.
    pub name: String,
    /// The checksum of its contents.
    pub checksum: String,
    /// Bytes.
    pub size: i64,
    /// The object in the store that holds its contents.
    pub s3filename: String,
}

/// Where a file's contents are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// `s3`.
    pub protocol: String,
    /// The object.
    pub s3object: S3Object,
}

/// A label and what is in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Label {
    /// The label.
    pub name: String,
    /// Revisions of files that are directly in it.
    pub files: i64,
}

/// Which file is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSelector<'a> {
    /// One revision.
    Id(&'a str),
    /// All revisions of a name in a label.
    Name {
        /// The label.
        label: &'a str,
        /// The name.
        name: &'a str,
    },
}

impl FileSelector<'_> {
    fn members(self, colony: &str) -> Value {
        match self {
            FileSelector::Id(id) => json!({ "colonyname": colony, "fileid": id }),
            FileSelector::Name { label, name } => json!({ "colonyname": colony, "label": label, "name": name }),
        }
    }
}

impl Client {
    /// Adds a revision of a file; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn add_file(&self, member: &PrivateKey, file: &File) -> Result<File, ClientError> {
        self.ask(member, "addfilemsg", json!({ "file": file }))
    }

    /// The revisions of a file, the latest first, or only that one; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn file(
        &self,
        member: &PrivateKey,
        colony: &str,
        file: FileSelector<'_>,
        latest: bool,
    ) -> Result<Vec<File>, ClientError> {
        let mut members = file.members(colony);
        members["latest"] = latest.into();
        self.ask(member, "getfilemsg", members)
    }

    /// The files that are directly in a label; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn files(&self, member: &PrivateKey, colony: &str, label: &str) -> Result<Vec<ListedFile>, ClientError> {
        self.ask(member, "getfilesmsg", json!({ "colonyname": colony, "label": label }))
    }

    /// All labels, or those that begin with a text; for members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn labels(&self, member: &PrivateKey, colony: &str, prefix: &str) -> Result<Vec<Label>, ClientError> {
        self.ask(member, "getfilelabelsmsg", json!({ "colonyname": colony, "name": prefix, "exact": false }))
    }

    /// Removes a file; its contents stay in the object store. For members.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn remove_file(&self, member: &PrivateKey, colony: &str, file: FileSelector<'_>) -> Result<(), ClientError> {
        self.tell(member, "removefilemsg", file.members(colony))
    }
}
