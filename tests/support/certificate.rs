//! A certificate of the test's own.

use rustls::pki_types::CertificateDer;
use std::fs;
use std::path::{Path, PathBuf};

/// A certificate for `localhost` that signed itself, and its key, as PEM files.
pub struct Certificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub der: CertificateDer<'static>,
}

impl Certificate {
    pub fn for_localhost(dir: &Path) -> Certificate {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (dir.join("certificate.pem"), dir.join("key.pem"));
        fs::write(&certificate, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        Certificate { certificate, key, der: made.cert.der().clone() }
    }
}
