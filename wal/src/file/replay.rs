//! Reads the durable records back.

use std::ops::ControlFlow;

use super::assemble::Assembler;
use super::chain::Chain;
use super::scan::{Segment, read_header};
use super::segment;
use super::shared::Extent;
use super::window::Window;
use crate::error::{OpenError, ReadError};
use crate::log::Visit;
use crate::position::{Position, StreamId};
use crate::storage::Storage;

/// Visits the records in `extent` that `stream` and `from` let through.
pub(crate) fn replay(
    storage: &dyn Storage,
    extent: &Extent,
    stream: Option<StreamId>,
    from: Position,
    visit: &mut Visit<'_>,
) -> Result<(), ReadError> {
    let first_batch = extent.segments.first().map_or(1, |segment| segment.first_batch);
    let mut assembler = Assembler::new(true).beginning_with(first_batch);
    let mut chain: Option<Chain> = None;
    let mut chosen = |found: StreamId, position: Position, bytes: &[u8]| {
        if stream.is_none_or(|stream| stream == found) && position >= from {
            visit(found, position, bytes)
        } else {
            ControlFlow::Continue(())
        }
    };
    for (index, segment) in extent.segments.iter().enumerate() {
        let newest = index + 1 == extent.segments.len();
        let limit = newest.then_some(extent.end);
        if read_segment(storage, segment, limit, &mut chain, &mut assembler, &mut chosen)?.is_break() {
            break;
        }
    }
    Ok(())
}

fn read_segment(
    storage: &dyn Storage,
    segment: &Segment,
    limit: Option<u64>,
    chain: &mut Option<Chain>,
    assembler: &mut Assembler,
    visit: &mut Visit<'_>,
) -> Result<ControlFlow<()>, ReadError> {
    let failed = |source| ReadError::Io { action: "read", path: segment.path.clone(), source };
    let file = storage.open(&segment.path).map_err(failed)?;
    let size = file.size().map_err(failed)?;
    let header = read_header(&*file, segment).map_err(from_open)?;
    let chain = chain.get_or_insert_with(|| Chain::from(&header));
    let corrupt = |offset, batch, seen| ReadError::Corrupt { file: segment.path.clone(), offset, batch, seen };
    if header.first_batch != chain.next || header.previous != chain.previous || header.log_id != chain.log_id {
        return Err(corrupt(0, chain.next, "the segment is not the next one".to_owned()));
    }
    assembler.enter(header.epoch);
    let mut window = Window::new(&*file, limit.unwrap_or(size).min(size));
    let mut offset = segment::HEADER_BYTES as u64;
    while limit.is_none_or(|limit| offset < limit) {
        let batch = match chain.read(&mut window, offset).map_err(failed)? {
            Ok(batch) => batch,
            // Where older segments end was judged when the log was opened, or is known since it wrote them: the next
            // one must go on with the next batch, and is checked for that.
            Err(_) if limit.is_none() => break,
            Err(bad) => return Err(corrupt(offset, chain.next, bad.to_string())),
        };
        assembler.enter(batch.header.epoch);
        for frame in batch.frames() {
            let fed = frame.map_err(|bad| bad.to_string()).and_then(|frame| assembler.feed(&frame));
            let whole = fed.map_err(|seen| corrupt(offset, batch.header.number, seen))?;
            if let Some((stream, position, bytes)) = whole
                && visit(stream, position, bytes).is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
        offset += batch.header.total_bytes();
    }
    Ok(ControlFlow::Continue(()))
}

fn from_open(error: OpenError) -> ReadError {
    match error {
        OpenError::Io { action, path, source } => ReadError::Io { action, path, source },
        OpenError::Corrupt { file, offset, batch, seen, .. } => ReadError::Corrupt { file, offset, batch, seen },
        // A version that was good when the log was opened is not any more: the header has changed under it.
        other => ReadError::Corrupt { file: Default::default(), offset: 0, batch: 0, seen: other.to_string() },
    }
}
