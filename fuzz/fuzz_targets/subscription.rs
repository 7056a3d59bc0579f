//! Any bytes as a frame of a websocket: a subscription, a refusal, or nothing; and the same the second time.

#![no_main]

use colonies::realtime::subscribe::{Kind, read};
use colonies::rpc::envelope::Envelope;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|frame: &[u8]| {
    let Ok(envelope) = Envelope::read(frame) else { return };
    let message = envelope.message();
    // The payload by itself too: the fuzzer need not find base64 first.
    let payloads = [message.as_deref(), Some(envelope.payload.as_bytes()), Some(frame), None];
    for kind in [Kind::Process, Kind::Processes, Kind::Channel].into_iter().chain(Kind::of(&envelope.payloadtype)) {
        for payload in payloads {
            match (read(kind, payload), read(kind, payload)) {
                (Ok(request), Ok(again)) => assert_eq!(format!("{request:?}"), format!("{again:?}")),
                (Err(reason), Err(again)) => {
                    assert_eq!(reason, again);
                    assert!(matches!(kind.unreadable(reason).status, 400 | 403));
                }
                _ => panic!("read in one way and refused in the other"),
            }
        }
    }
});
