//! Batches: what is written and synced in one go. The byte tables are in `docs/wal-format.md`.

use crc32c::{crc32c, crc32c_append};

use crate::position::StreamId;

/// Every batch starts on a multiple of this.
pub(crate) const ALIGNMENT: usize = 8;

pub(crate) const HEADER_BYTES: usize = 48;

/// A frame without its bytes.
pub(crate) const FRAME_BYTES: usize = 21;

/// The most that a part takes besides its bytes: a batch of its own, a frame, padding.
pub(crate) const PART_OVERHEAD: usize = HEADER_BYTES + FRAME_BYTES + ALIGNMENT - 1;

pub(crate) const MAGIC: [u8; 4] = *b"WBAT";

/// The records of this batch were acknowledged before they were synced.
pub(crate) const RELAXED: u8 = 1;
/// The log was closed with this batch, everything before it being synced.
pub(crate) const CLOSING: u8 = 2;

const FIRST_PART: u8 = 1;
const LAST_PART: u8 = 2;

/// What the header of a batch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) epoch: u32,
    /// Counts the batches of the log, from 1, without gaps.
    pub(crate) number: u64,
    /// The last batch known to be synced when this one was written.
    pub(crate) synced: u64,
    /// The length of the body, padding included.
    pub(crate) body_bytes: u32,
    pub(crate) frames: u32,
    /// The checksum of the batch before.
    pub(crate) previous: u32,
    pub(crate) body_checksum: u32,
    pub(crate) flags: u8,
    /// Of the header, and so, through `body_checksum`, of the whole batch.
    pub(crate) checksum: u32,
}

impl Header {
    pub(crate) fn total_bytes(&self) -> u64 {
        HEADER_BYTES as u64 + u64::from(self.body_bytes)
    }

    /// Reads a header and checks it against itself. The log's id is part of the checksum, so that bytes of another log,
    /// sent by a client within a record perhaps, never pass.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES], log_id: u64) -> Result<Header, BadBatch> {
        let header = Header {
            epoch: u32_at(bytes, 4),
            number: u64_at(bytes, 8),
            synced: u64_at(bytes, 16),
            body_bytes: u32_at(bytes, 24),
            frames: u32_at(bytes, 28),
            previous: u32_at(bytes, 32),
            body_checksum: u32_at(bytes, 36),
            flags: bytes[40],
            checksum: u32_at(bytes, 44),
        };
        if bytes[..4] != MAGIC {
            return Err(if bytes.iter().all(|byte| *byte == 0) { BadBatch::Zeros } else { BadBatch::Magic });
        }
        if header.checksum != header_checksum(bytes, log_id) {
            return Err(BadBatch::HeaderChecksum);
        }
        Ok(header)
    }

    fn encode(&mut self, log_id: u64) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..8].copy_from_slice(&self.epoch.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.synced.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.body_bytes.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.frames.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.previous.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.body_checksum.to_le_bytes());
        bytes[40] = self.flags;
        self.checksum = header_checksum(&bytes, log_id);
        bytes[44..].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }
}

fn header_checksum(bytes: &[u8; HEADER_BYTES], log_id: u64) -> u32 {
    crc32c_append(crc32c(&log_id.to_le_bytes()), &bytes[..44])
}

/// What is wrong with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadBatch {
    #[error("there is nothing")]
    Zeros,
    #[error("the segment ends")]
    End,
    #[error("what is there is not the start of a batch")]
    Magic,
    #[error("the checksum of the batch header does not fit")]
    HeaderChecksum,
    #[error("there is batch {0}")]
    Number(u64),
    #[error("its epoch {0} is less than the one before")]
    Epoch(u32),
    #[error("it does not follow the batch before it")]
    Chain,
    #[error("it is longer than the rest of the segment")]
    Length,
    #[error("the checksum of the batch body does not fit")]
    BodyChecksum,
    #[error("its records do not fill it")]
    Frames,
}

/// One part of a record, mostly the whole of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) stream: StreamId,
    pub(crate) number: u64,
    pub(crate) first: bool,
    pub(crate) last: bool,
    pub(crate) bytes: &'a [u8],
}

/// Takes a checked body apart. Ends with an error if it is not made of exactly `frames` frames and padding.
pub(crate) struct Frames<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Frames<'a> {
    pub(crate) fn new(body: &'a [u8], frames: u32) -> Self {
        Frames { rest: body, left: frames }
    }

    fn read(&mut self) -> Option<Frame<'a>> {
        let (head, rest) = self.rest.split_first_chunk::<FRAME_BYTES>()?;
        let flags = head[16];
        let length = usize::try_from(u32_at(head, 17)).ok()?;
        if length > rest.len() || flags & !(FIRST_PART | LAST_PART) != 0 {
            return None;
        }
        let (bytes, rest) = rest.split_at(length);
        self.rest = rest;
        Some(Frame {
            stream: StreamId(u64_at(head, 0)),
            number: u64_at(head, 8),
            first: flags & FIRST_PART != 0,
            last: flags & LAST_PART != 0,
            bytes,
        })
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, BadBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            let padding = std::mem::take(&mut self.rest);
            let bad = padding.len() >= ALIGNMENT || padding.iter().any(|byte| *byte != 0);
            return bad.then_some(Err(BadBatch::Frames));
        }
        self.left -= 1;
        let frame = self.read();
        if frame.is_none() {
            (self.rest, self.left) = (&[], 0);
        }
        Some(frame.ok_or(BadBatch::Frames))
    }
}

/// What [`Builder::finish`] needs to know besides the frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seal {
    pub(crate) log_id: u64,
    pub(crate) epoch: u32,
    pub(crate) number: u64,
    pub(crate) synced: u64,
    pub(crate) previous: u32,
    pub(crate) flags: u8,
}

/// Encodes one batch after another into the same memory.
#[derive(Debug)]
pub(crate) struct Builder {
    bytes: Vec<u8>,
    frames: u32,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Builder { bytes: vec![0; HEADER_BYTES], frames: 0 }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(HEADER_BYTES);
        self.frames = 0;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames == 0
    }

    /// How many bytes a part can have that is to fit into a batch of at most `limit` bytes; `None` if not even an empty
    /// one fits.
    pub(crate) fn room(&self, limit: usize) -> Option<usize> {
        let limit = limit - limit % ALIGNMENT;
        limit.checked_sub(self.bytes.len() + FRAME_BYTES)
    }

    pub(crate) fn push(&mut self, frame: &Frame<'_>) {
        let mut head = [0; FRAME_BYTES];
        head[..8].copy_from_slice(&frame.stream.0.to_le_bytes());
        head[8..16].copy_from_slice(&frame.number.to_le_bytes());
        head[16] = u8::from(frame.first) * FIRST_PART + u8::from(frame.last) * LAST_PART;
        // A part is at most `MAX_PART_BYTES` long.
        head[17..].copy_from_slice(&(frame.bytes.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(&head);
        self.bytes.extend_from_slice(frame.bytes);
        self.frames += 1;
    }

    /// Pads and seals the batch. Returns its bytes and its checksum.
    pub(crate) fn finish(&mut self, seal: Seal) -> (&[u8], u32) {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
        let mut header = Header {
            epoch: seal.epoch,
            number: seal.number,
            synced: seal.synced,
            // A batch is at most a gigabyte.
            body_bytes: (self.bytes.len() - HEADER_BYTES) as u32,
            frames: self.frames,
            previous: seal.previous,
            body_checksum: crc32c(&self.bytes[HEADER_BYTES..]),
            flags: seal.flags,
            checksum: 0,
        };
        let bytes = header.encode(seal.log_id);
        self.bytes[..HEADER_BYTES].copy_from_slice(&bytes);
        (&self.bytes, header.checksum)
    }
}

/// Reads four bytes at a place that is within them.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut value = [0; 4];
    value.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(value)
}

/// Reads eight bytes at a place that is within them.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEAL: Seal = Seal { log_id: 77, epoch: 3, number: 9, synced: 8, previous: 0xdead_beef, flags: RELAXED };

    fn sample() -> (Vec<u8>, u32) {
        let mut builder = Builder::new();
        for (number, bytes) in [(1, &b"one"[..]), (2, b""), (3, b"three")] {
            builder.push(&Frame { stream: StreamId(5), number, first: true, last: number != 3, bytes });
        }
        let (bytes, checksum) = builder.finish(SEAL);
        (bytes.to_vec(), checksum)
    }

    #[test]
    fn a_batch_reads_back_as_it_was_written() {
        let (bytes, checksum) = sample();
        assert_eq!(bytes.len() % ALIGNMENT, 0);
        let (head, body) = bytes.split_first_chunk().expect("a header");
        let header = Header::decode(head, 77).expect("a valid header");
        assert_eq!((header.epoch, header.number, header.synced, header.frames), (3, 9, 8, 3));
        assert_eq!((header.previous, header.flags, header.checksum), (0xdead_beef, RELAXED, checksum));
        assert_eq!(header.total_bytes(), bytes.len() as u64);
        assert_eq!(header.body_checksum, crc32c(body));
        let frames: Vec<_> = Frames::new(body, header.frames).map(|frame| frame.expect("a frame")).collect();
        assert_eq!(frames[2], Frame { stream: StreamId(5), number: 3, first: true, last: false, bytes: b"three" });
        assert_eq!(frames.len(), 3);
    }

    #[test]
    fn any_changed_bit_of_a_header_is_noticed_and_so_is_another_log() {
        let (bytes, _) = sample();
        let head: [u8; HEADER_BYTES] = *bytes.first_chunk().expect("a header");
        assert_eq!(Header::decode(&head, 78), Err(BadBatch::HeaderChecksum));
        assert_eq!(Header::decode(&[0; HEADER_BYTES], 77), Err(BadBatch::Zeros));
        for bit in 0..HEADER_BYTES * 8 {
            let mut flipped = head;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&flipped, 77).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn frames_that_do_not_fill_the_body_are_an_error() {
        let (bytes, _) = sample();
        let body = &bytes[HEADER_BYTES..];
        for frames in [0, 1, 2, 4, u32::MAX] {
            assert!(Frames::new(body, frames).any(|frame| frame == Err(BadBatch::Frames)), "{frames}");
        }
        for end in 0..body.len() - ALIGNMENT {
            assert!(Frames::new(&body[..end], 3).any(|frame| frame == Err(BadBatch::Frames)), "{end}");
        }
    }

    #[test]
    fn a_part_as_long_as_the_room_fits_the_limit() {
        for limit in 200..300 {
            let mut builder = Builder::new();
            builder.push(&Frame { stream: StreamId(1), number: 1, first: true, last: true, bytes: b"x" });
            let bytes = vec![1; builder.room(limit).expect("room")];
            builder.push(&Frame { stream: StreamId(1), number: 2, first: true, last: true, bytes: &bytes });
            assert!(builder.finish(SEAL).0.len() <= limit);
        }
    }
}
