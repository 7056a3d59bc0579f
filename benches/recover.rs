//! What a signature costs: recovery by either library, from the memo, and the making of one.

use colonies::crypto::{
    Memo, PrivateKey, Signature, SignatureError, random_bytes, random_id, recover_with_k256, sha3_256, signer,
};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

/// A payload of the usual size, in base64 text.
fn payload() -> String {
    "eyJtc2d0eXBl".repeat(86)
}

fn signatures(c: &mut Criterion) {
    let (key, payload) = (PrivateKey::generate(), payload());
    let text = key.sign(&payload);
    let hash = sha3_256(payload.as_bytes());
    let signature = Signature::from_text(&text).unwrap_or(Signature([0; 65]));

    let mut group = c.benchmark_group("signature");
    group.bench_function("recover, k256", |b| b.iter(|| recover_with_k256(black_box(&hash), black_box(&signature))));
    #[cfg(feature = "libsecp256k1")]
    group.bench_function("recover, libsecp256k1", |b| {
        b.iter(|| colonies::crypto::recover_with_libsecp256k1(black_box(&hash), black_box(&signature)))
    });
    group.bench_function("sign, k256", |b| b.iter(|| key.sign(black_box(&payload))));
    group.bench_function("read the digits", |b| b.iter(|| Signature::from_text(black_box(&text))));
    group.finish();
}

fn memo(c: &mut Criterion) {
    let (key, payload) = (PrivateKey::generate(), payload());
    let hash = sha3_256(payload.as_bytes());
    // A full memo, whose lookups miss the processor's caches as they do in a server.
    let memo = Memo::default();
    let ids: Vec<_> = (0..colonies::crypto::DEFAULT_CAPACITY as u64)
        .map(|n| {
            let mut bytes = [0; 65];
            bytes[..32].copy_from_slice(&sha3_256(&n.to_be_bytes()));
            Signature(bytes)
        })
        .collect();
    for signature in &ids {
        memo.insert(&hash, signature, &key.id());
    }
    let text = key.sign(&payload);
    let first: Result<_, SignatureError> = signer(&memo, payload.as_bytes(), &text);
    assert_eq!(first, Ok(key.id()));

    let mut group = c.benchmark_group("memo");
    group.bench_function("signer of 1 KiB, remembered", |b| {
        b.iter(|| signer(&memo, black_box(payload.as_bytes()), black_box(&text)))
    });
    let disabled = Memo::disabled();
    group.bench_function("signer of 1 KiB, recovered", |b| {
        b.iter(|| signer(&disabled, black_box(payload.as_bytes()), black_box(&text)))
    });
    // Every other entry of the young generation, so that nothing moves between generations for long.
    let mut next = ids.iter().rev().step_by(2).take(ids.len() / 8).cycle();
    group.bench_function("lookup, hit", |b| b.iter(|| next.next().map(|signature| memo.get(&hash, signature))));
    let mut n = 0_u64;
    group.bench_function("insert into a full memo", |b| {
        b.iter(|| {
            n += 1;
            let mut bytes = [0; 65];
            bytes[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
            memo.insert(&hash, &Signature(bytes), &key.id());
        })
    });
    group.finish();
}

fn small_parts(c: &mut Criterion) {
    let kib = [0x65; 1024];
    c.bench_function("sha3 of 1 KiB", |b| b.iter(|| sha3_256(black_box(&kib))));
    c.bench_function("32 random bytes", |b| b.iter(random_bytes::<32>));
    c.bench_function("random id", |b| b.iter(random_id));
}

criterion_group!(benches, signatures, memo, small_parts);
criterion_main!(benches);
