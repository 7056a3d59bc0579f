//! Any bytes in a log directory: opened (with a torn end cut at most) or refused, never a panic, never more memory than
//! the file has bytes; and what was opened is read back, event by event.

#![no_main]

use colonies::colony::event::Event;
use colonies::storage::codec;
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::ops::ControlFlow;
use std::sync::Arc;
use wal::storage::RealStorage;
use wal::{FileLog, Log, Options, Position};

fuzz_target!(|segment: &[u8]| {
    // Records as they are, too: the log's checksums keep most noise from getting that far.
    let _ = codec::decode::<Event>(segment);
    let dir = tempfile::tempdir().expect("a directory for temporary files");
    fs::write(dir.path().join("00000000000000000001.log"), segment).expect("room for a small file");
    if let Ok((log, _)) = FileLog::open(dir.path().to_owned(), Options::default(), Arc::new(RealStorage)) {
        let mut read = |_, _, record: &[u8]| {
            let _ = codec::decode::<Event>(record);
            ControlFlow::Continue(())
        };
        // Damage that only replay sees is refused there.
        let _ = log.replay(None, Position::ZERO, &mut read);
        log.close();
    }
});
