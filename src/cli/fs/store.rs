//! The object store that the environment names.

use crate::client::{File, Reference, S3Object, Trust};
use crate::crypto::random_id;
use crate::hexadecimal;
use crate::object_store::{Digest, ObjectStore, Settings, digest_of};
use anyhow::{Context, bail};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// An object store, and what is written into the records of files that are put there.
pub struct Store {
    objects: ObjectStore,
    settings: Settings,
}

impl Store {
    /// The store of the environment.
    ///
    /// # Errors
    /// Names what is not set.
    pub fn from_environment() -> anyhow::Result<Store> {
        let needed = |name: &str| match variable(name) {
            Some(value) => Ok(value),
            None => {
                bail!("{name} is not set: export it; the contents of files are in an object store (see docs/cli.md)")
            }
        };
        let endpoint = needed("AWS_S3_ENDPOINT")?;
        if endpoint.contains("://") {
            bail!("AWS_S3_ENDPOINT is host:port without a scheme, not {endpoint}; AWS_S3_TLS=true asks for TLS");
        }
        let flag = |name: &str| variable(name).is_some_and(|value| value == "true");
        let settings = Settings {
            endpoint,
            tls: flag("AWS_S3_TLS"),
            trust: if flag("AWS_S3_SKIPVERIFY") { Trust::Anyone } else { Trust::Certificates },
            // The second is what documents of the reference call it.
            region: variable("AWS_S3_REGION").or_else(|| variable("AWS_S3_REGION_KEY")).unwrap_or_default(),
            bucket: needed("AWS_S3_BUCKET")?,
            access_key: needed("AWS_S3_ACCESSKEY")?,
            secret_key: needed("AWS_S3_SECRETKEY")?,
        };
        Ok(Store { objects: ObjectStore::new(&settings), settings })
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
    pub fn put(&self, path: &Path, digest: &Digest) -> anyhow::Result<Reference> {
        let object = hexadecimal::encode(random_id());
        if digest.size > 0 {
            let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            self.objects.put(&object, file, digest)?;
        }
        let (server, port) = match self.settings.endpoint.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().with_context(|| format!("AWS_S3_ENDPOINT has no port: {port}"))?),
            None => (self.settings.endpoint.as_str(), if self.settings.tls { 443 } else { 80 }),
        };
        // Keys stay out of records, which every member can read.
        let s3object = S3Object {
            server: server.to_owned(),
            port,
            tls: self.settings.tls,
            region: self.settings.region.clone(),
            bucket: self.settings.bucket.clone(),
            object,
            ..S3Object::default()
        };
        Ok(Reference { protocol: "s3".to_owned(), s3object })
    }

    /// Writes the contents of an object to a file, which is there as a whole or not at all.
    ///
    /// # Errors
    /// Where it can't be written, the store's, or where the contents are not what they should be.
    pub fn get(&self, object: &str, size: i64, sha256: &str, path: &Path) -> anyhow::Result<()> {
        let cannot = || format!("cannot write {}", path.display());
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).with_context(cannot)?;
        }
        let (part, mut file) = part_of(path).with_context(cannot)?;
        let expected = Expected { object, size: u64::try_from(size).unwrap_or(0), sha256 };
        let kept = self
            .fetch(&expected, &mut file)
            .and_then(|()| std::fs::rename(&part, path).with_context(cannot))
            .with_context(|| format!("fetching {}", path.display()));
        if kept.is_err() {
            // What is left over is no use; that it can't be removed is no news.
            let _ = std::fs::remove_file(&part);
        }
        kept
    }

    /// Writes what an object contains into a file, and no more than that should be.
    fn fetch(&self, expected: &Expected<'_>, file: &mut std::fs::File) -> anyhow::Result<()> {
        if expected.size == 0 {
            return Ok(());
        }
        let contents = self.objects.get(expected.object)?.take(expected.size + 1);
        let digest = digest_of(contents, |bytes| file.write_all(bytes))?;
        if digest.size != expected.size {
            bail!("the object store does not have what was put there: its size differs");
        }
        if !expected.sha256.is_empty() && digest.sha256 != expected.sha256 {
            bail!("the object store does not have what was put there: its checksum differs");
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

/// A file beside `path` for what is not complete yet.
fn part_of(path: &Path) -> std::io::Result<(PathBuf, std::fs::File)> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let file = std::fs::File::create(&part)?;
    Ok((part, file))
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
