//! Reads a file through a window, in large pieces, whatever the size of what is asked for.

use std::io;

use crate::storage::StorageFile;

const PIECE_BYTES: u64 = 256 * 1024;

/// A window onto a file.
pub(crate) struct Window<'a> {
    file: &'a dyn StorageFile,
    end: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    /// Nothing behind `end` is read; it must not be behind the end of the file.
    pub(crate) fn new(file: &'a dyn StorageFile, end: u64) -> Self {
        Window { file, end, start: 0, bytes: Vec::new() }
    }

    /// Where the file ends.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The bytes at `offset`, as many as asked for or as there are up to the end.
    pub(crate) fn get(&mut self, offset: u64, wanted: u64) -> io::Result<&[u8]> {
        let wanted = wanted.min(self.end.saturating_sub(offset));
        let held = self.start + self.bytes.len() as u64;
        if wanted > 0 && (offset < self.start || offset + wanted > held) {
            let piece = wanted.max(PIECE_BYTES).min(self.end - offset);
            self.bytes.clear();
            // A file in memory is the largest that a test has, and a piece is never longer than a segment.
            self.bytes.resize(usize::try_from(piece).map_err(|_| io::ErrorKind::OutOfMemory)?, 0);
            self.start = offset;
            if let Err(error) = self.file.read_exact_at(offset, &mut self.bytes) {
                self.bytes.clear();
                return Err(error);
            }
        }
        let from = (offset - self.start.min(offset)) as usize;
        Ok(self.bytes.get(from..from + wanted as usize).unwrap_or_default())
    }

    /// The `N` bytes at `offset`, if there are so many.
    pub(crate) fn array<const N: usize>(&mut self, offset: u64) -> io::Result<Option<&[u8; N]>> {
        Ok(self.get(offset, N as u64)?.first_chunk())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{RealStorage, Storage};

    #[test]
    fn any_range_can_be_read_and_none_behind_the_end() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = RealStorage.create(&dir.path().join("x")).expect("created");
        let bytes: Vec<u8> = (0..600_000u32).map(|n| (n % 251) as u8).collect();
        file.write_all_at(0, &bytes).expect("written");
        let mut window = Window::new(&*file, 599_990);
        for (offset, wanted) in [(0, 10), (262_140, 10), (5, 400_000), (599_980, 100), (3, 3), (599_990, 1)] {
            let end = (offset + wanted).min(599_990);
            assert_eq!(window.get(offset as u64, wanted as u64).expect("read"), &bytes[offset..end]);
        }
        assert_eq!(window.array::<8>(599_985).expect("read"), None);
    }
}
