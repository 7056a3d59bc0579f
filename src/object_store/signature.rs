//! Signatures of requests to an object store: AWS Signature Version 4, with all headers in one chunk.

use crate::hexadecimal;
use ring::{digest, hmac};

/// Who signs.
pub(super) struct Credentials {
    pub access_key: String,
    pub secret_key: String,
    pub region: String,
}

/// What is signed.
pub(super) struct Request<'a> {
    pub method: &'a str,
    /// Already encoded; without a query.
    pub path: &'a str,
    /// Names in lower case, in order.
    pub headers: &'a [(&'a str, &'a str)],
    /// Of the body.
    pub sha256: &'a str,
    /// As in `20130524T000000Z`.
    pub time: &'a str,
}

/// The header `Authorization`.
pub(super) fn authorization(credentials: &Credentials, request: &Request<'_>) -> String {
    let names: Vec<_> = request.headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let headers: String = request.headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let Request { method, path, sha256, time, .. } = request;
    let canonical = format!("{method}\n{path}\n\n{headers}\n{names}\n{sha256}");
    let day = time.get(..8).unwrap_or(time);
    let scope = format!("{day}/{}/s3/aws4_request", credentials.region);
    let hash = hexadecimal::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
    let secret = format!("AWS4{}", credentials.secret_key);
    let key = [day, &credentials.region, "s3", "aws4_request"]
        .iter()
        .fold(secret.into_bytes(), |key, part| mac(&key, part).as_ref().to_vec());
    let signature = hexadecimal::encode(mac(&key, &text));
    let access_key = &credentials.access_key;
    format!("AWS4-HMAC-SHA256 Credential={access_key}/{scope},SignedHeaders={names},Signature={signature}")
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

/// A path as it is signed: everything but letters, digits, `-._~` and `/` in percent signs.
pub(super) fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => text.push(char::from(byte)),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::digest::EMPTY;
    use super::*;

    /// The example of a GET in Amazon's documentation of the scheme.
    #[test]
    fn the_documented_example_is_signed_as_documented() {
        let credentials = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let time = "20130524T000000Z";
        let headers = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("range", "bytes=0-9"),
            ("x-amz-content-sha256", EMPTY),
            ("x-amz-date", time),
        ];
        let request = Request { method: "GET", path: "/test.txt", headers: &headers, sha256: EMPTY, time };
        let expected = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                        SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
                        Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        assert_eq!(authorization(&credentials, &request), expected);
    }

    #[test]
    fn paths_are_encoded_byte_by_byte() {
        assert_eq!(encoded("a b/ö~+"), "a%20b/%C3%B6~%2B");
    }
}
