//! The test vectors of the protocol: signatures that every client makes, and what a server says to wrong ones.

use colonies::crypto::{Identity, Memo, PrivateKey, Signature, recover_with_k256, sha3_256, signer};

const SERVER_OWNER: (&str, &str) = (
    "fcc79953d8a751bf41db661592dc34d30004b1a651ffa0725b03ac227641499d",
    "039231c7644e04b6895471dd5335cf332681c54e27f81fac54f9067b3f2c0103",
);
const COLONY_OWNER: (&str, &str) = (
    "ba949fa134981372d6da62b6a56f336ab4d843b22c02a4257dcf7d0d73097514",
    "4787a5071856a4acf702b2ffcea422e3237a679c681314113d86139461290cf4",
);
const EXECUTOR: (&str, &str) = (
    "ddf7f7791208083b6a9ed975a72684f6406a269cfa36f1b1c32045c0a71fff05",
    "3fc05cf3df4b494e95d6a3d297a34f19938f7daa7422ab0d4f794454133341ac",
);
const SMALLEST: (&str, &str) = (
    "0000000000000000000000000000000000000000000000000000000000000001",
    "2036f5bc759cfb3589fb4e2342bc9b3c843c5ef27dc8ded538de328a7567089b",
);
const LARGEST: (&str, &str) = (
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
    "8a1239501ae5ad811ed1de202778d48556f8977f597b971baa2d4e20deb49dd9",
);

/// `{"msgtype": "getcoloniesmsg"}`, of vector 1 and all that is made of it.
const SPACED: &str = "eyJtc2d0eXBlIjogImdldGNvbG9uaWVzbXNnIn0=";
/// `{"msgtype":"getcoloniesmsg"}`, of vector 2.
const COMPACT: &str = "eyJtc2d0eXBlIjoiZ2V0Y29sb25pZXNtc2cifQ==";

/// R and S of vector 1, whose V is 1.
const R: &str = "82a2287f7fa7aad2f7a476c2b91743d67792c4f1f580f7cad92ecc6c3504bc6f";
const S: &str = "2f542e984ed0d7d8b5a90a6fc1a381bb18e29dceabb6e97600395d37706732af";

struct Vector {
    name: &'static str,
    key: (&'static str, &'static str),
    payload: &'static str,
    hash: Option<&'static str>,
    signature: &'static str,
    /// Signed with another nonce than ours would be.
    other_nonce: bool,
}

const VECTOR: Vector =
    Vector { name: "", key: SERVER_OWNER, payload: COMPACT, hash: None, signature: "", other_nonce: false };

const VECTORS: &[Vector] = &[
    Vector {
        name: "1, JSON with blanks",
        payload: SPACED,
        hash: Some("eadda7cf07edf81c2803ef44e180181d037cc68dfce136f18b91891f1e39be17"),
        signature: "82a2287f7fa7aad2f7a476c2b91743d67792c4f1f580f7cad92ecc6c3504bc6f2f542e984ed0d7d8b5a90a6fc1a381bb18e29dceabb6e97600395d37706732af01",
        ..VECTOR
    },
    Vector {
        name: "2, compact JSON, V = 0",
        hash: Some("60505a7286296481b371f5f0d831f1065594d9be11e8acabeab18052712949b9"),
        signature: "3cf5209e35d24048f67652cb354ded5bed0d56bdce9cab433646942a47760353283e65a2cb764e22d9efa37e67a9ba485ade029f1405e5eed13365a82250a87300",
        ..VECTOR
    },
    Vector {
        name: "3, add an executor",
        key: COLONY_OWNER,
        payload: "eyJtc2d0eXBlIjoiYWRkZXhlY3V0b3Jtc2ciLCJleGVjdXRvciI6eyJleGVjdXRvcmlkIjoiM2ZjMDVjZjNkZjRiNDk0ZTk1ZDZhM2QyOTdhMzRmMTk5MzhmN2RhYTc0MjJhYjBkNGY3OTQ0NTQxMzMzNDFhYyIsImV4ZWN1dG9ydHlwZSI6ImNsaSIsImV4ZWN1dG9ybmFtZSI6ImUxIiwiY29sb255bmFtZSI6ImRldiJ9fQ==",
        hash: Some("2782b2bb38bcc10fe305819519be53d95a39c344bcaa60327bd42aabd3c5f4b3"),
        signature: "0b785ee266bf593866dd95bcb61db5df676da113dd4ee7379010684a178cd146077b0f49f482384139d93a1ddc800692d7fee1cf1f49c03cf09bde492fcd396c01",
        ..VECTOR
    },
    Vector {
        name: "4, raw UTF-8 in the message",
        key: EXECUTOR,
        payload: "eyJtc2d0eXBlIjoiYWRkbG9nbXNnIiwicHJvY2Vzc2lkIjoicDEiLCJtZXNzYWdlIjoiw6XDpMO2IOKYgyJ9",
        hash: Some("d70579d07448bdf4c39c6722f970daf348d55bd2466c90c41c4ce8d61ed2ad4e"),
        signature: "365a7dfbd201a7965c1a7b81ec0769ec6c57e8c1beb9e5fd73ef1682a950d94d065bf0f138a53bab1e0edcfb7e84e1e27b95b9f8d94c9a43da107678eaa166d500",
        ..VECTOR
    },
    Vector {
        name: "5, empty payload",
        key: EXECUTOR,
        payload: "",
        hash: Some("a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
        signature: "5ae435df7a32f445244ea068c06d946b7036039f1cc2626dafaced7456eca0ca4eb15e0712203cc0a82db459812463cc11d28d6cf05c8b6283fc790d4b8f64d001",
        ..VECTOR
    },
    Vector {
        name: "6, smallest key",
        key: SMALLEST,
        signature: "f552ddd95be2f22cd5ee85a8d8e05668985221cedaf70c89ec2d240bda91192677abff0883021f52ff093bd7df8b699aab715ddcbadcf9eaf3cf858fda8dab1c00",
        ..VECTOR
    },
    Vector {
        name: "7, largest key",
        key: LARGEST,
        signature: "8658fac3fa93098c1b14ee3110dd44431a573c648110547c1de9b1b191f1d42e526d9d58e4bd4a125b65076e5e28145e1edf4ffdd1658bd9a6fc6ebd6963b23201",
        ..VECTOR
    },
    Vector {
        name: "8, R starts with a zero byte",
        key: EXECUTOR,
        payload: "eyJtc2d0eXBlIjoiZ2V0cHJvY2Vzc21zZyIsInByb2Nlc3NpZCI6IjE1OCJ9",
        signature: "00a14ac41ef686655e3717009973333323ab3c282dccbe17aa9375c23715c88a65d97d9513cd1d4bd64607ca14ff875d70b8d54844af653e9420e8227479a0de01",
        ..VECTOR
    },
    Vector {
        name: "9, S starts with a zero byte",
        key: EXECUTOR,
        payload: "eyJtc2d0eXBlIjoiZ2V0cHJvY2Vzc21zZyIsInByb2Nlc3NpZCI6IjQ2In0=",
        signature: "aead9c2706cfbf37b342e4f84f13c77a184592de41b6295b3982362de89cf087005e8c3e1d4c8f87daf7a53c2c2907a7323eca338e85ab8cc7b98024e8b96ebe01",
        ..VECTOR
    },
    Vector {
        name: "10, a random nonce",
        signature: "0b890f635070134ee6bee1c78649fc60febb4b6796f0ab739f9b6c0b0b5192eb46d15015a9e36aa9c65fca0880d3b1a396ed75496360373924805cb0011bad9401",
        other_nonce: true,
        ..VECTOR
    },
    Vector {
        name: "another random nonce",
        signature: "83225fa135f43a0528197aea9cd0640c90518b77a2e73cf47887691ad872f1ba0df337dc2d7dcbc38ad7a4b7f4c8bb0abf6a04b90540bdba449715760c3e0b4900",
        other_nonce: true,
        ..VECTOR
    },
    Vector {
        name: "a nonce whose R starts with a zero byte",
        signature: "007196db4f148c5cb9a430ceb5e27d4feb8bf9e8cc7c6c0df0aabb40ac2ea1f654687db7622ef366342502b1604f1f01770b100c5a1549fcc572dd158019932c00",
        other_nonce: true,
        ..VECTOR
    },
    Vector {
        name: "the nonce 1, or its negative",
        signature: "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f817983284abd9a346cffbb9d8653e6b511a88d54a52248514207bd5bd6df8a258d66a01",
        other_nonce: true,
        ..VECTOR
    },
];

#[test]
fn keys_have_their_ids() {
    for (key, id) in [SERVER_OWNER, COLONY_OWNER, EXECUTOR, SMALLEST, LARGEST] {
        let made = PrivateKey::from_text(key).map(|key| key.id().to_string());
        assert_eq!(made, Ok(id.to_owned()));
    }
}

#[test]
fn good_signatures_name_their_signers() {
    let (memo, disabled) = (Memo::default(), Memo::disabled());
    for vector in VECTORS {
        let id = Identity::from_text(vector.key.1);
        let hash = sha3_256(vector.payload.as_bytes());
        if let Some(expected) = vector.hash {
            assert_eq!(hex::encode(hash), expected, "{}", vector.name);
        }
        for text in [vector.signature.to_owned(), vector.signature.to_uppercase()] {
            for memo in [&memo, &memo, &disabled] {
                let found = signer(memo, vector.payload.as_bytes(), &text);
                assert_eq!(found.as_ref(), Ok(&id), "{}", vector.name);
            }
            let signature = Signature::from_text(&text);
            let found = signature.and_then(|signature| recover_with_k256(&hash, &signature));
            assert_eq!(found.as_ref(), Ok(&id), "{}", vector.name);
        }
    }
}

#[test]
fn signing_makes_the_same_signatures_as_every_client() {
    for vector in VECTORS {
        let signed = PrivateKey::from_text(vector.key.0).map(|key| key.sign(vector.payload));
        let same = signed.as_deref() == Ok(vector.signature);
        assert_eq!(same, !vector.other_nonce, "{}", vector.name);
    }
}

/// What a server says to a signature of `payload`.
fn refusal(payload: &str, signature: &str) -> String {
    match signer(&Memo::default(), payload.as_bytes(), signature) {
        Ok(id) => format!("signed by {id}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_made_of_vector_1_is_refused() {
    let half = "Failed verify signature: Signature s value is over half the order";
    let twin = "d0abd167b12f28274a56f5903e5c7e43a1cc3f180391b6c5bf9901555fcf0e92";
    let reduced = "Failed to recover public key: invalid signature: signature R + N >= P";
    let code = |code: u8| {
        format!(
            "Failed to recover public key: invalid signature: public key recovery code {code} is not in the valid range [27, 34]"
        )
    };
    let length = "Invalid signature length";
    let byte = |byte: &str| format!("encoding/hex: invalid byte: {byte}");
    let odd = "encoding/hex: odd length hex string";
    for (signature, message) in [
        (format!("{R}{twin}00"), half.to_owned()),
        (format!("{R}{twin}01"), half.to_owned()),
        (format!("{R}{S}02"), reduced.to_owned()),
        (format!("{R}{S}03"), reduced.to_owned()),
        // The reference takes these four for 0..=3.
        (format!("{R}{S}04"), code(31)),
        (format!("{R}{S}05"), code(32)),
        (format!("{R}{S}07"), code(34)),
        (format!("{R}{S}08"), code(35)),
        (format!("{R}{S}1b"), code(54)),
        (format!("{R}{S}1c"), code(55)),
        (format!("{R}{S}ff"), code(26)),
        (format!("{R}{S}"), length.to_owned()),
        (format!("{R}{S}0100"), length.to_owned()),
        (String::new(), length.to_owned()),
        ("00".to_owned(), length.to_owned()),
        (format!("{R}{S}01{R}{S}01"), length.to_owned()),
        (format!("0x{R}{S}01"), byte("U+0078 'x'")),
        (format!("{R}{S}0"), odd.to_owned()),
        (format!("{R}{S}010"), odd.to_owned()),
        (format!("{R}{S}01 "), byte("U+0020 ' '")),
        (format!(" {R}{S}01"), byte("U+0020 ' '")),
        (format!("{R}\n{S}01"), byte("U+000A")),
        (format!("g{}{S}01", &R[1..]), byte("U+0067 'g'")),
        ("invalid".to_owned(), byte("U+0069 'i'")),
        (
            "gqIof3+nqtL3pHbCuRdD1neSxPH1gPfK2S7MbDUEvG8vVC6YTtDX2LWpCm/Bo4G7GOKdzqu26XYAOV03cGcyrwE=".to_owned(),
            byte("U+0067 'g'"),
        ),
    ] {
        assert_eq!(refusal(SPACED, &signature), message, "{signature}");
    }
}

#[test]
fn numbers_out_of_their_ranges_are_refused() {
    let invalid = |text| format!("Failed to recover public key: invalid signature: {text}");
    let g = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let half_plus_one = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a1";
    let hash = "60505a7286296481b371f5f0d831f1065594d9be11e8acabeab18052712949b9";
    let (all, zero, five) = ("f".repeat(64), "0".repeat(64), format!("{:0>64}", 5));
    for (r, s, message) in [
        (zero.as_str(), five.as_str(), invalid("R is 0")),
        (g, &zero, invalid("S is 0")),
        (order, &five, invalid("R >= group order")),
        (&order.replace("4141", "4146"), &five, invalid("R >= group order")),
        (&all, &all, invalid("R >= group order")),
        (g, order, invalid("S >= group order")),
        (g, &all, invalid("S >= group order")),
        (
            &five,
            "0000000000000000000000000000000000000000000000001234567890abcdef",
            invalid("not for a valid curve point"),
        ),
        // No point and a high S: the point comes first.
        (&five, half_plus_one, invalid("not for a valid curve point")),
        (g, half_plus_one, "Failed verify signature: Signature s value is over half the order".to_owned()),
        // R = G and S = the hash: the point at infinity.
        (g, hash, "Invalid signature".to_owned()),
    ] {
        assert_eq!(refusal(COMPACT, &format!("{r}{s}00")), message, "{r} {s}");
    }
}

#[test]
fn what_nobody_signed_may_still_be_well_formed() {
    let g = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
    let half = "7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0";
    let (one, two) = (format!("{:0>64}", 1), format!("{:0>64}", 2));
    let s = "0000000000000000000000000000000000000000000000001234567890abcdef";
    for (payload, signature) in [
        // R + N is the x of a point.
        (COMPACT, format!("{two}{s}02")),
        (COMPACT, format!("{two}{s}03")),
        // The lowest and the highest S.
        (COMPACT, format!("{g}{one}00")),
        (COMPACT, format!("{g}{half}00")),
        // Good ones but for the last byte or the payload.
        (SPACED, format!("{R}{S}00")),
        (COMPACT, format!("{R}{S}01")),
        ("eyJtc2d0eXBlIjogImdldGNvbG9uaWVzbXNnIiB9", format!("{R}{S}01")),
    ] {
        let answer = refusal(payload, &signature);
        assert!(answer.starts_with("signed by "), "{signature}: {answer}");
        assert!(!answer.contains(SERVER_OWNER.1), "{signature}");
    }
}
