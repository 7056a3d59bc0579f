//! Properties of the whole module, over random keys and payloads and damaged signatures.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn keys() -> impl Strategy<Value = PrivateKey> {
    // Zero and what is not below the order are no keys, and next to never drawn.
    any::<[u8; 32]>().prop_filter_map("no key", |bytes| PrivateKey::from_text(&hex::encode(bytes)).ok())
}

/// Numbers that are in a range by a hair or not at all, and others.
fn numbers() -> impl Strategy<Value = [u8; 32]> {
    let hex = |text: &str| {
        let mut bytes = [0; 32];
        hex::decode_to_slice(format!("{text:0>64}"), &mut bytes).map(|()| bytes)
    };
    let edges = [
        "0",
        "1",
        "2",
        // P - N - 1, P - N
        "14551231950b75fc4402da1722fc9baed",
        "14551231950b75fc4402da1722fc9baee",
        // N / 2, one more
        "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0",
        "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1",
        // N - 1, N, P - 1, P, all
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        // The generator's x: a point whose logarithm is known.
        "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
    ];
    let edges: Vec<[u8; 32]> = edges.into_iter().filter_map(|text| hex(text).ok()).collect();
    assert_eq!(edges.len(), 13);
    // Small numbers, that R + N may be in the field.
    let small = any::<u128>().prop_map(|low| {
        let mut bytes = [0; 32];
        bytes[16..].copy_from_slice(&low.to_be_bytes());
        bytes
    });
    prop_oneof![proptest::sample::select(edges), small, any::<[u8; 32]>()]
}

/// N - S: what makes the twin of a signature.
fn negated(s: &[u8]) -> Option<[u8; 32]> {
    let s = k256::NonZeroScalar::try_from(s).ok()?;
    Some((-*s).to_bytes().into())
}

/// What may become of a good signature.
#[derive(Clone, Debug)]
enum Damage {
    None,
    Bit(usize),
    R([u8; 32]),
    S([u8; 32]),
    V(u8),
    /// The twin with a high S, with the V that it recovers by.
    Twin,
}

fn damages() -> impl Strategy<Value = Damage> {
    prop_oneof![
        Just(Damage::None),
        (0..65_usize * 8).prop_map(Damage::Bit),
        numbers().prop_map(Damage::R),
        numbers().prop_map(Damage::S),
        prop_oneof![0..8_u8, any::<u8>()].prop_map(Damage::V),
        Just(Damage::Twin),
    ]
}

impl Damage {
    fn to(&self, signature: Signature) -> Signature {
        let Signature(mut bytes) = signature;
        match self {
            Damage::None => {}
            Damage::Bit(bit) => bytes[bit / 8] ^= 1 << (bit % 8),
            Damage::R(r) => bytes[..32].copy_from_slice(r),
            Damage::S(s) => bytes[32..64].copy_from_slice(s),
            Damage::V(v) => bytes[64] = *v,
            Damage::Twin => {
                if let Some(s) = negated(&bytes[32..64]) {
                    bytes[32..64].copy_from_slice(&s);
                    bytes[64] ^= 1;
                }
            }
        }
        Signature(bytes)
    }
}

/// Good signatures, damaged ones, and numbers that nobody signed with.
fn signatures(key: PrivateKey, payload: String) -> impl Strategy<Value = Signature> {
    let good = Signature::from_text(&key.sign(&payload)).unwrap_or(Signature([0; 65]));
    let damaged = damages().prop_map(move |damage| damage.to(good));
    let made_up = (numbers(), numbers(), 0..5_u8).prop_map(|(r, s, v)| {
        let mut bytes = [v; 65];
        bytes[..32].copy_from_slice(&r);
        bytes[32..64].copy_from_slice(&s);
        Signature(bytes)
    });
    prop_oneof![3 => damaged, 2 => made_up]
}

fn signed() -> impl Strategy<Value = (PrivateKey, String, Signature)> {
    (keys(), ".{0,60}").prop_flat_map(|(key, payload)| {
        let signatures = signatures(key.clone(), payload.clone());
        (Just(key), Just(payload), signatures)
    })
}

/// One request of a sequence: who sends which payload, and how its signature is damaged.
type Step = (usize, usize, Damage);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    vec((0..3_usize, 0..3_usize, damages()), 1..40)
}

/// What a client sends.
fn request(keys: &[PrivateKey], (key, payload, damage): &Step) -> (String, String) {
    let payload = format!("payload {payload}");
    let text = keys[*key].sign(&payload);
    let damaged = Signature::from_text(&text).map(|good| damage.to(good).to_string());
    (payload, damaged.unwrap_or(text))
}

proptest! {
    #[test]
    fn a_signer_is_recovered(key in keys(), payload in ".{0,200}") {
        let text = key.sign(&payload);
        prop_assert_eq!(text.len(), 130);
        prop_assert_eq!(&text, &key.sign(&payload));
        let memo = Memo::disabled();
        prop_assert_eq!(signer(&memo, payload.as_bytes(), &text), Ok(key.id()));
        prop_assert_eq!(signer(&memo, payload.as_bytes(), &text.to_uppercase()), Ok(key.id()));
    }

    /// Whatever is changed, no signature but the good one has the same signer.
    #[test]
    fn a_damaged_signature_is_not_the_signers((key, payload, signature) in signed()) {
        let good = signature.to_string() == key.sign(&payload);
        let found = recover(&sha3_256(payload.as_bytes()), &signature);
        prop_assert_eq!(found == Ok(key.id()), good);
    }

    #[test]
    fn another_payload_has_another_signer(key in keys(), a in ".{0,20}", b in ".{0,20}") {
        let found = signer(&Memo::default(), b.as_bytes(), &key.sign(&a));
        prop_assert_eq!(found == Ok(key.id()), a == b);
    }

    #[test]
    fn a_key_is_never_printed(key in keys()) {
        let printed = format!("{key} {key:?} {key:#?} {:?}", Some(&key)).to_lowercase();
        prop_assert!(!printed.contains(key.reveal().as_str()));
        // Nor as a list of numbers.
        let numbers = format!("{:?}", hex::decode(key.reveal().as_str())?);
        prop_assert!(!printed.contains(&numbers));
    }

    #[test]
    fn a_memo_changes_no_answer(
        keys in vec(keys(), 3), steps in steps(), capacity in prop_oneof![0..8_usize, Just(DEFAULT_CAPACITY)],
    ) {
        let (memo, disabled) = (Memo::new(capacity), Memo::disabled());
        for step in &steps {
            let (payload, signature) = request(&keys, step);
            prop_assert_eq!(
                signer(&memo, payload.as_bytes(), &signature),
                signer(&disabled, payload.as_bytes(), &signature)
            );
            prop_assert!(memo.len() <= capacity);
        }
        prop_assert_eq!(memo.hits() + memo.misses(), disabled.misses());
    }
}

#[cfg(feature = "libsecp256k1")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_libraries_agree(
        (_, payload, signature) in signed(),
        hash in prop_oneof![3 => Just(None), 1 => numbers().prop_map(Some)],
    ) {
        let hash = hash.unwrap_or_else(|| sha3_256(payload.as_bytes()));
        let found = recover_with_k256(&hash, &signature);
        prop_assert_eq!(&recover_with_libsecp256k1(&hash, &signature), &found);
        // Whatever is wrong with the numbers, it is not their text.
        if let Err(error) = found {
            prop_assert!(!matches!(
                error,
                SignatureError::InvalidByte(_) | SignatureError::OddLength | SignatureError::Length
            ));
        }
    }

    /// R = G and S = hash: the key would be the point at infinity.
    #[test]
    fn neither_library_gives_the_point_at_infinity_to_anyone(mut s in any::<[u8; 32]>(), v in 0..2_u8) {
        s[0] &= 0x3f;
        let mut bytes = [0; 65];
        hex::decode_to_slice(
            "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            &mut bytes[..32],
        )?;
        bytes[32..64].copy_from_slice(&s);
        bytes[64] = v;
        let found = recover_with_k256(&s, &Signature(bytes));
        prop_assert_eq!(&recover_with_libsecp256k1(&s, &Signature(bytes)), &found);
        // The generator's y is even.
        prop_assert_eq!(found.err(), (v == 0).then_some(SignatureError::NoKey));
    }
}
