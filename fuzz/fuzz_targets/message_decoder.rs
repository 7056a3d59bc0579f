//! Any bytes as the payload of each message: decoded or refused with 400. The first byte chooses the message, so that
//! the fuzzer learns them one by one.

#![no_main]

use colonies::limits::LIST_ELEMENTS;
use colonies::realtime::subscribe::{Kind, read};
use colonies::rpc::dispatch::TABLE;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, payload)) = input.split_first() else { return };
    let choice = usize::from(choice);
    match TABLE.get(choice % (TABLE.len() + 2)) {
        Some(entry) => {
            if let Err(refusal) = entry.decode(Some(payload), LIST_ELEMENTS) {
                assert_eq!(refusal.status, 400, "{}", entry.name);
            }
        }
        None => {
            // What only websockets take.
            let kind = if choice % 2 == 0 { Kind::Process } else { Kind::Processes };
            let _ = read(kind, Some(payload));
        }
    }
});
