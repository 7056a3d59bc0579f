//! Reads batches one after the other, checking each against itself and against the one before.

use std::io;

use crc32c::crc32c;

use super::batch::{self, ALIGNMENT, BadBatch, Frames, HEADER_BYTES, Header};
use super::segment;
use super::window::Window;

/// What the next batch of a log must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) log_id: u64,
    /// The epoch of the batch before; the next one's is that or a greater one.
    pub(crate) epoch: u32,
    /// The number of the next batch.
    pub(crate) next: u64,
    /// The checksum of the batch before.
    pub(crate) previous: u32,
}

/// A batch that was read and found good.
pub(crate) struct Batch<'a> {
    pub(crate) header: Header,
    body: &'a [u8],
}

impl<'a> Batch<'a> {
    pub(crate) fn frames(&self) -> Frames<'a> {
        Frames::new(self.body, self.header.frames)
    }
}

impl From<&segment::Header> for Chain {
    fn from(header: &segment::Header) -> Self {
        Chain { log_id: header.log_id, epoch: header.epoch, next: header.first_batch, previous: header.previous }
    }
}

impl Chain {
    /// Reads the next batch at `offset`. Nothing is allocated that the file could not fill.
    pub(crate) fn read<'a>(
        &mut self,
        window: &'a mut Window<'_>,
        offset: u64,
    ) -> io::Result<Result<Batch<'a>, BadBatch>> {
        let Some(head) = window.array(offset)? else {
            return Ok(Err(BadBatch::End));
        };
        let header = match Header::decode(head, self.log_id) {
            Ok(header) => header,
            Err(bad) => return Ok(Err(bad)),
        };
        if let Err(bad) = self.accepts(&header, window.end() - offset) {
            return Ok(Err(bad));
        }
        let body = window.get(offset, header.total_bytes())?.get(HEADER_BYTES..).unwrap_or_default();
        if crc32c(body) != header.body_checksum {
            return Ok(Err(BadBatch::BodyChecksum));
        }
        self.epoch = header.epoch;
        self.next = header.number + 1;
        self.previous = header.checksum;
        Ok(Ok(Batch { header, body }))
    }

    fn accepts(&self, header: &Header, rest: u64) -> Result<(), BadBatch> {
        if header.number != self.next {
            return Err(BadBatch::Number(header.number));
        }
        if header.epoch < self.epoch {
            return Err(BadBatch::Epoch(header.epoch));
        }
        if header.previous != self.previous {
            return Err(BadBatch::Chain);
        }
        if header.total_bytes() > rest || !(header.body_bytes as usize).is_multiple_of(ALIGNMENT) {
            return Err(BadBatch::Length);
        }
        Ok(())
    }
}

/// What lies behind the last good batch of a segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rest {
    /// Where the bytes end that are not zero; none if all are.
    pub(crate) end: Option<u64>,
    /// A batch that was written when the missing one was known to be synced, and where it is.
    pub(crate) proof: Option<(u64, Header)>,
    /// The greatest number of a batch whose header checks itself; zero if there is none.
    pub(crate) last_batch: u64,
    /// The greatest epoch of those.
    pub(crate) last_epoch: u32,
}

/// Looks through everything from `offset` to the end of the segment for bytes that are not zero, and for a batch that
/// proves that batch `missing` was synced.
pub(crate) fn survey(window: &mut Window<'_>, offset: u64, log_id: u64, missing: u64) -> io::Result<Rest> {
    const STEP_BYTES: u64 = 64 * 1024;
    let mut rest = Rest::default();
    let mut candidates = Vec::new();
    let mut at = offset;
    while at < window.end() {
        let bytes = window.get(at, STEP_BYTES)?;
        let step = bytes.len() as u64;
        for (index, word) in bytes.chunks(ALIGNMENT).enumerate() {
            if word.iter().all(|byte| *byte == 0) {
                continue;
            }
            let place = at + (index * ALIGNMENT) as u64;
            rest.end = Some(place + word.len() as u64);
            if word.starts_with(&batch::MAGIC) {
                candidates.push(place);
            }
        }
        for place in candidates.drain(..) {
            let header = window.array(place)?.and_then(|head| Header::decode(head, log_id).ok());
            if let Some(header) = &header {
                rest.last_batch = rest.last_batch.max(header.number);
                rest.last_epoch = rest.last_epoch.max(header.epoch);
            }
            if let Some(header) = header.filter(|header| header.number >= missing && header.synced >= missing) {
                rest.proof.get_or_insert((place, header));
            }
        }
        at += step;
    }
    Ok(rest)
}
