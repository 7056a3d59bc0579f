//! Any bytes as a request's body: read or refused, and read again the same.

#![no_main]

use colonies::rpc::envelope::Envelope;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let read =
        |body| Envelope::read(body).map(|envelope| (envelope.payloadtype.into_owned(), envelope.payload.into_owned()));
    match (read(body), Envelope::read(body)) {
        (Ok((name, payload)), Ok(again)) => {
            assert_eq!((name.as_str(), payload.as_str()), (&*again.payloadtype, &*again.payload));
            // Whether it is base64 or not.
            let _ = again.message();
        }
        (Err(refusal), Err(_)) => assert_eq!(refusal.status, 400),
        _ => panic!("read in one way and refused in the other"),
    }
});
