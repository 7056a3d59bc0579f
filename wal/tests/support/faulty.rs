//! A disk in memory that forgets what was not synced, fails when told to, and can be looked at.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use wal::Storage;
use wal::storage::{StorageFile, StorageLock};

const SECTOR_BYTES: usize = 512;

/// What can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Create,
    Rename,
    Remove,
    SyncDir,
    Write,
    Sync,
    Allocate,
}

/// What to do to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails; a failed sync forgets what it should have synced, and later ones succeed, as on Linux.
    Io,
    /// It finds the disk full.
    NoSpace,
    /// From here on nothing works: the machine has stopped.
    Stop,
}

/// What of the unsynced writes a crash leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    Nothing,
    Everything,
    /// The first so many bytes of what was not synced in each file.
    Bytes(usize),
    /// Sectors drawn by this seed.
    Sectors(u64),
}

#[derive(Clone, Default)]
pub struct Faulty(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: Vec<File>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// The names after each change that is not durable.
    pending_names: Vec<BTreeMap<PathBuf, usize>>,
    locked: bool,
    /// The operation at which to fail: its kind (any, if none), how many of them go well before, and how.
    plan: Option<(Option<Op>, u64, Fault)>,
    stopped: bool,
    operations: u64,
    /// The most that all files together may take.
    capacity: Option<u64>,
    short_writes: bool,
    /// How long each sync takes.
    sync_takes: Duration,
}

#[derive(Clone, Default)]
struct File {
    live: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<(usize, Vec<u8>)>,
}

struct Handle {
    disk: Faulty,
    file: usize,
}

struct Held(Faulty);

impl StorageLock for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.lock().locked = false;
    }
}

impl Faulty {
    pub fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.clone())
    }

    /// Lets `well` operations of a kind (or of any) go well, then does `fault` to the next.
    pub fn fail(&self, op: Option<Op>, well: u64, fault: Fault) {
        self.0.lock().plan = Some((op, well, fault));
    }

    pub fn stop(&self) {
        self.0.lock().stopped = true;
    }

    pub fn limit(&self, capacity: Option<u64>) {
        self.0.lock().capacity = capacity;
    }

    /// From now on each sync takes this long.
    pub fn sync_slowly(&self, takes: Duration) {
        self.0.lock().sync_takes = takes;
    }

    pub fn write_short(&self) {
        self.0.lock().short_writes = true;
    }

    /// Operations so far that change something.
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    pub fn used(&self) -> u64 {
        self.0.lock().used()
    }

    /// The disk after the machine has lost power.
    pub fn crashed(&self, left: Left) -> Faulty {
        let state = self.0.lock();
        let names = match left {
            Left::Nothing => &state.durable_names,
            Left::Everything => &state.names,
            Left::Bytes(seed) => state.names_after(seed as u64),
            Left::Sectors(seed) => state.names_after(seed),
        };
        let files = state.files.iter().enumerate();
        let files = files.map(|(index, file)| File::settled(file.after(left, index as u64))).collect();
        Faulty(Arc::new(Mutex::new(State {
            files,
            names: names.clone(),
            durable_names: names.clone(),
            capacity: state.capacity,
            ..State::default()
        })))
    }

    /// The disk, and what the system has in memory, after the process has been killed.
    pub fn killed(&self) -> Faulty {
        let state = self.0.lock();
        Faulty(Arc::new(Mutex::new(State {
            files: state.files.clone(),
            names: state.names.clone(),
            durable_names: state.durable_names.clone(),
            pending_names: state.pending_names.clone(),
            capacity: state.capacity,
            ..State::default()
        })))
    }

    /// A copy that shares nothing, with everything synced.
    pub fn copy(&self) -> Faulty {
        self.crashed(Left::Everything)
    }

    /// The files whose name ends so.
    pub fn paths(&self, suffix: &str) -> Vec<PathBuf> {
        let state = self.0.lock();
        state.names.keys().filter(|path| path.to_string_lossy().ends_with(suffix)).cloned().collect()
    }

    pub fn read(&self, path: &Path) -> Vec<u8> {
        let state = self.0.lock();
        state.files[state.names[path]].live.clone()
    }

    /// Makes a file hold this, durably.
    pub fn put(&self, path: &Path, bytes: Vec<u8>) {
        let mut state = self.0.lock();
        state.files.push(File::settled(bytes));
        let file = state.files.len() - 1;
        state.names.insert(path.to_path_buf(), file);
        state.durable_names.insert(path.to_path_buf(), file);
    }

    pub fn delete(&self, path: &Path) {
        let mut state = self.0.lock();
        state.names.remove(path);
        state.durable_names.remove(path);
    }

    /// All files and what is in them.
    pub fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.0.lock();
        state.names.iter().map(|(path, file)| (path.clone(), state.files[*file].live.clone())).collect()
    }
}

impl State {
    fn begin(&mut self, op: Op) -> io::Result<()> {
        if self.stopped {
            return Err(io::Error::other("the machine has stopped"));
        }
        self.operations += 1;
        let Some((kind, well, fault)) = &mut self.plan else { return Ok(()) };
        if kind.is_some_and(|kind| kind != op) {
            return Ok(());
        }
        if *well > 0 {
            *well -= 1;
            return Ok(());
        }
        let fault = *fault;
        self.plan = None;
        match fault {
            Fault::Io => Err(io::Error::from_raw_os_error(5)),
            Fault::NoSpace => Err(io::ErrorKind::StorageFull.into()),
            Fault::Stop => {
                self.stopped = true;
                Err(io::Error::other("the machine has stopped"))
            }
        }
    }

    fn used(&self) -> u64 {
        self.names.values().map(|file| self.files[*file].live.len() as u64).sum()
    }

    fn grow(&mut self, file: usize, size: usize) -> io::Result<()> {
        let held = self.files[file].live.len();
        if size <= held {
            return Ok(());
        }
        let more = (size - held) as u64;
        if self.capacity.is_some_and(|capacity| self.used() + more > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.files[file].live.resize(size, 0);
        Ok(())
    }

    fn rename(&mut self, change: impl FnOnce(&mut BTreeMap<PathBuf, usize>)) {
        change(&mut self.names);
        self.pending_names.push(self.names.clone());
    }

    /// Changes of names reach the disk in order, but not all of them may have.
    fn names_after(&self, seed: u64) -> &BTreeMap<PathBuf, usize> {
        let kept = (mix(seed) % (self.pending_names.len() as u64 + 1)) as usize;
        if kept == 0 { &self.durable_names } else { &self.pending_names[kept - 1] }
    }
}

impl File {
    fn settled(bytes: Vec<u8>) -> File {
        File { live: bytes.clone(), durable: bytes, pending: Vec::new() }
    }

    fn after(&self, left: Left, index: u64) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        match left {
            Left::Nothing => return bytes,
            Left::Everything => return self.live.clone(),
            // The length is one of the two, too.
            Left::Bytes(seed) if seed % 2 == 0 => {}
            Left::Sectors(seed) if mix(seed ^ index).is_multiple_of(2) => {}
            _ => bytes.resize(self.live.len(), 0),
        }
        let mut budget = if let Left::Bytes(budget) = left { budget } else { usize::MAX };
        for (number, (offset, written)) in self.pending.iter().enumerate() {
            let mut at = *offset;
            let mut rest = &written[..];
            while !rest.is_empty() && budget > 0 {
                let piece = (SECTOR_BYTES - at % SECTOR_BYTES).min(rest.len()).min(budget);
                let keep = match left {
                    Left::Sectors(seed) => {
                        mix(seed ^ mix(index ^ mix((number as u64) << 32 | at as u64))).is_multiple_of(2)
                    }
                    _ => true,
                };
                if keep {
                    if bytes.len() < at + piece {
                        bytes.resize(at + piece, 0);
                    }
                    bytes[at..at + piece].copy_from_slice(&rest[..piece]);
                }
                rest = &rest[piece..];
                at += piece;
                budget = budget.saturating_sub(if budget == usize::MAX { 0 } else { piece });
            }
        }
        bytes
    }
}

/// Spreads the bits of a seed.
pub fn mix(seed: u64) -> u64 {
    let mut value = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl Storage for Faulty {
    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        let inside = state.names.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        let file = *self.0.lock().names.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(Handle { disk: self.clone(), file }))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn StorageFile>> {
        let mut state = self.0.lock();
        state.begin(Op::Create)?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.files.push(File::default());
        let file = state.files.len() - 1;
        state.rename(|names| {
            names.insert(path.to_path_buf(), file);
        });
        Ok(Box::new(Handle { disk: self.clone(), file }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.begin(Op::Rename)?;
        let file = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.rename(|names| {
            names.remove(from);
            names.insert(to.to_path_buf(), file);
        });
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.begin(Op::Remove)?;
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.rename(|names| {
            names.remove(path);
        });
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        let result = state.begin(Op::SyncDir);
        if result.is_ok() {
            state.durable_names = state.names.clone();
            state.pending_names.clear();
        }
        result
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn StorageLock>> {
        let mut state = self.0.lock();
        if std::mem::replace(&mut state.locked, true) {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, "someone"));
        }
        Ok(Box::new(Held(self.clone())))
    }
}

impl StorageFile for Handle {
    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.0.lock().files[self.file].live.len() as u64)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let state = self.disk.0.lock();
        let live = &state.files[self.file].live;
        let from = (offset as usize).min(live.len());
        let count = bytes.len().min(live.len() - from);
        bytes[..count].copy_from_slice(&live[from..from + count]);
        Ok(count)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.0.lock();
        state.begin(Op::Write)?;
        let count = if state.short_writes { bytes.len().min(100) } else { bytes.len() };
        let (from, bytes) = (offset as usize, &bytes[..count]);
        state.grow(self.file, from + count)?;
        let file = &mut state.files[self.file];
        file.live[from..from + count].copy_from_slice(bytes);
        file.pending.push((from, bytes.to_vec()));
        Ok(count)
    }

    fn sync_data(&self) -> io::Result<()> {
        let takes = self.disk.0.lock().sync_takes;
        if !takes.is_zero() {
            std::thread::sleep(takes);
        }
        let mut state = self.disk.0.lock();
        let result = state.begin(Op::Sync);
        let stopped = state.stopped;
        let file = &mut state.files[self.file];
        if result.is_ok() {
            let size = file.live.len();
            file.durable.resize(size, 0);
            for (offset, bytes) in std::mem::take(&mut file.pending) {
                file.durable[offset..offset + bytes.len()].copy_from_slice(&bytes);
            }
        } else if !stopped {
            // The pages are clean now, though they never reached the disk.
            file.pending.clear();
        }
        result
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        state.begin(Op::Allocate)?;
        state.grow(self.file, bytes as usize)
    }
}
