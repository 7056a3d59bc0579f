//! The object store that the environment names.

use super::moved::Moved;
use crate::client::{File, Reference, S3Object, Trust};
use crate::crypto::random_id;
use crate::hexadecimal;
use crate::object_store::{Digest, DirectoryStore, Hasher, ObjectStore, S3Settings, S3Store, StoreError};
use anyhow::{Context, bail};
use std::fs::{OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// What an endpoint begins with that is a directory.
const DIRECTORY: &str = "file://";

/// The bucket of a directory where none is named.
const BUCKET: &str = "colonyfs";

/// What the name of a file ends with of which only a part has come.
pub const PART: &str = ".cfs-part";

/// An object store, and what is written into the records of files that are put there.
pub struct Store {
    objects: ObjectStore,
    record: Reference,
}

impl Store {
    /// The store of the environment.
    ///
    /// # Errors
    /// Names what is not set.
    pub fn from_environment() -> anyhow::Result<Store> {
        let endpoint = needed("AWS_S3_ENDPOINT")?;
        match endpoint.strip_prefix(DIRECTORY) {
            Some(path) => Store::in_directory(path),
            None => Store::that_speaks_s3(endpoint),
        }
    }

    fn in_directory(path: &str) -> anyhow::Result<Store> {
        if !path.starts_with('/') {
            bail!(
                "AWS_S3_ENDPOINT names no directory: it is file:// and a path that begins with /, as in file:///srv/files"
            );
        }
        let bucket = variable("AWS_S3_BUCKET").unwrap_or_else(|| BUCKET.to_owned());
        let objects = DirectoryStore::new(Path::new(path), &bucket).context("AWS_S3_BUCKET")?;
        let s3object = S3Object { server: format!("{DIRECTORY}{path}"), bucket, ..S3Object::default() };
        // The protocol knows no other kind of reference; the server's name tells them apart.
        let record = Reference { protocol: "s3".to_owned(), s3object };
        Ok(Store { objects: ObjectStore::Directory(objects), record })
    }

    fn that_speaks_s3(endpoint: String) -> anyhow::Result<Store> {
        if endpoint.contains("://") {
            bail!("AWS_S3_ENDPOINT is host:port without a scheme, not {endpoint}; AWS_S3_TLS=true asks for TLS");
        }
        let flag = |name: &str| variable(name).is_some_and(|value| value == "true");
        let settings = S3Settings {
            endpoint,
            tls: flag("AWS_S3_TLS"),
            trust: if flag("AWS_S3_SKIPVERIFY") { Trust::Anyone } else { Trust::Certificates },
            // The second is what documents of the reference call it.
            region: variable("AWS_S3_REGION").or_else(|| variable("AWS_S3_REGION_KEY")).unwrap_or_default(),
            bucket: needed("AWS_S3_BUCKET")?,
            access_key: needed("AWS_S3_ACCESSKEY")?,
            secret_key: needed("AWS_S3_SECRETKEY")?,
        };
        let (server, port) = match settings.endpoint.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().with_context(|| format!("AWS_S3_ENDPOINT has no port: {port}"))?),
            None => (settings.endpoint.as_str(), if settings.tls { 443 } else { 80 }),
        };
        // Keys stay out of records, which every member can read.
        let s3object = S3Object {
            server: server.to_owned(),
            port,
            tls: settings.tls,
            region: settings.region.clone(),
            bucket: settings.bucket.clone(),
            ..S3Object::default()
        };
        let record = Reference { protocol: "s3".to_owned(), s3object };
        Ok(Store { objects: ObjectStore::S3(S3Store::new(&settings)), record })
    }

    /// The same where the environment names one.
    ///
    /// # Errors
    /// Names what is missing beside the endpoint.
    pub fn if_any() -> anyhow::Result<Option<Store>> {
        variable("AWS_S3_ENDPOINT").map(|_| Store::from_environment()).transpose()
    }

    /// Makes the bucket if it is not there.
    ///
    /// # Errors
    /// The store's.
    pub fn make_bucket(&self) -> anyhow::Result<()> {
        Ok(self.objects.make_bucket()?)
    }

    /// Puts a file there, and gives where it is. Of an empty file there is nothing to put.
    ///
    /// # Errors
    /// Where it can't be read, or the store's.
    pub fn put(&self, path: &Path, digest: &Digest, moved: &Moved) -> anyhow::Result<Reference> {
        let object = hexadecimal::encode(random_id());
        if digest.size > 0 {
            let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            self.objects.put(&object, &mut moved.counting(file), digest)?;
        }
        let mut reference = self.record.clone();
        reference.s3object.object = object;
        Ok(reference)
    }

    /// Writes the contents of an object to a file, which is there as a whole or not at all. What has come of contents
    /// that broke off is kept beside it, and the next try goes on from there.
    ///
    /// # Errors
    /// Where it can't be written, the store's, or where the contents are not what they should be.
    pub fn get(&self, object: &str, size: i64, sha256: &str, path: &Path, moved: &Moved) -> anyhow::Result<()> {
        let cannot = || format!("cannot write {}", path.display());
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).with_context(cannot)?;
        }
        let expected = Expected { object, size: u64::try_from(size).unwrap_or(0), sha256 };
        let part = part_of(path, object);
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&part);
        let mut file = opened.with_context(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another program downloads {} already", path.display()),
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        let fetched = self.fetch(&expected, &mut file, moved);
        let worth_keeping = file.metadata().is_ok_and(|part| part.len() > 0);
        match fetched {
            Ok(()) => std::fs::rename(&part, path).with_context(cannot),
            Err(Fetch::BrokeOff(error)) if worth_keeping => {
                let kept = format!("fetching {}; what has come is kept, the next try goes on", path.display());
                Err(error.context(kept))
            }
            Err(Fetch::BrokeOff(error) | Fetch::Useless(error)) => {
                // What is left over is no use; that it can't be removed is no news.
                let _ = std::fs::remove_file(&part);
                Err(error.context(format!("fetching {}", path.display())))
            }
        }
    }

    /// Writes what an object contains into a file, behind what is there of it, and no more than that should be.
    fn fetch(&self, expected: &Expected<'_>, file: &mut std::fs::File, moved: &Moved) -> Result<(), Fetch> {
        let mut hasher = Hasher::default();
        hasher.read(moved.counting(&*file), |_| Ok(())).map_err(Fetch::broke_off)?;
        let there = hasher.size();
        if there < expected.size {
            let contents = self.objects.get(expected.object, there)?.take(expected.size - there + 1);
            hasher.read(moved.counting(contents), |bytes| file.write_all(bytes)).map_err(Fetch::broke_off)?;
        }
        let digest = hasher.finish();
        if digest.size != expected.size {
            return Err(Fetch::useless("its size differs"));
        }
        if !expected.sha256.is_empty() && digest.sha256 != expected.sha256 {
            return Err(Fetch::useless("its checksum differs"));
        }
        Ok(())
    }

    /// Removes what revisions of a file contain.
    ///
    /// # Errors
    /// The store's.
    pub fn remove(&self, revisions: &[File]) -> anyhow::Result<()> {
        let objects = revisions.iter().map(|file| &file.reference.s3object.object);
        objects.filter(|object| !object.is_empty()).try_for_each(|object| Ok(self.objects.remove(object)?))
    }
}

/// An object, and what its record says about it.
struct Expected<'a> {
    object: &'a str,
    size: u64,
    sha256: &'a str,
}

/// Why contents did not come.
enum Fetch {
    /// What has come is the front of what should.
    BrokeOff(anyhow::Error),
    /// What has come, or would come, is something else.
    Useless(anyhow::Error),
}

impl Fetch {
    fn broke_off(error: std::io::Error) -> Fetch {
        Fetch::BrokeOff(error.into())
    }

    fn useless(what: &str) -> Fetch {
        Fetch::Useless(anyhow::anyhow!("the object store does not have what was put there: {what}"))
    }
}

impl From<StoreError> for Fetch {
    fn from(error: StoreError) -> Fetch {
        match error {
            StoreError::Unreachable { .. } => Fetch::BrokeOff(error.into()),
            _ => Fetch::Useless(error.into()),
        }
    }
}

/// A file beside `path` for what is not complete yet of this object.
fn part_of(path: &Path, object: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    let id: String = object.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    name.push(format!(".{id}{PART}"));
    path.with_file_name(name)
}

fn needed(name: &str) -> anyhow::Result<String> {
    variable(name).with_context(|| {
        format!("{name} is not set: export it; the contents of files are in an object store (see docs/cli.md)")
    })
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
