//! An object store that speaks S3, in a process of its own: the server of the crate `s3s-fs`, an object a file.
//!
//! The first run builds it under the target directory, which needs the package registry; later runs use it again. It is
//! no dependency of this package, so that its wishes (all of tokio, say) change nothing in the program that is tested.

use super::installed::{once, run};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use tempfile::TempDir;

const CRATE: (&str, &str) = ("s3s-fs", "0.14.1");

/// Who may ask.
pub const ACCESS_KEY: &str = "somebodys-access";
pub const SECRET_KEY: &str = "somebodys-secret";

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let (name, version) = CRATE;
    let dir = once(&format!("{name}-{version}"), |dir| {
        let (built, root) = (TempDir::new_in(dir).unwrap(), dir);
        let mut install = Command::new(env!("CARGO"));
        install.args(["install", name, "--version", version, "--locked", "--features", "binary", "--quiet"]);
        // Built in the least time; what it does here is little.
        install.arg("--debug").env("CARGO_PROFILE_DEV_DEBUG", "0");
        install.arg("--root").arg(root).arg("--target-dir").arg(built.path());
        run(&mut install);
    });
    dir.join("bin").join(name)
});

/// A store; killed when dropped.
pub struct ObjectStore {
    child: Child,
    address: SocketAddr,
    root: TempDir,
}

impl ObjectStore {
    /// An empty store on a free port.
    pub fn start() -> ObjectStore {
        let root = TempDir::with_prefix("store-").unwrap();
        let mut command = Command::new(&*PROGRAM);
        command.args(["--host", "127.0.0.1", "--port", "0", "--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY]);
        command.arg(root.path()).env("RUST_LOG", "s3s_fs=info").stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.split_once("running at http://").map(|(_, rest)| rest.to_owned()));
        let address = address.unwrap_or_else(|| panic!("the object store ended: {:?}", child.wait()));
        // Whatever else it says; a full pipe would hold it up.
        std::thread::spawn(move || lines.for_each(drop));
        ObjectStore { child, address: address.trim().parse().unwrap(), root }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a bucket is on its disk.
    pub fn bucket(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The files of all objects of a bucket. The store keeps notes of its own beside buckets.
    pub fn objects(&self, bucket: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.bucket(bucket)) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// What they contain, in order.
    pub fn contents(&self, bucket: &str) -> Vec<Vec<u8>> {
        let mut contents: Vec<_> = self.objects(bucket).iter().map(|path| std::fs::read(path).unwrap()).collect();
        contents.sort();
        contents
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
