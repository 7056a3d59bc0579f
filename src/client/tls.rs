//! Whom a client trusts.

use rustls_native_certs::load_native_certs;
use std::sync::Arc;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Whether a server has to prove who it is. Of no meaning without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// By a certificate that the system trusts (or the file in `SSL_CERT_FILE`).
    Certificates,
    /// Any certificate will do: for tests, and for servers that sign their own.
    Anyone,
}

impl Trust {
    /// The same for the HTTP client.
    pub(crate) fn config(self) -> TlsConfig {
        let config = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .disable_verification(self == Trust::Anyone);
        match self {
            Trust::Anyone => config.build(),
            Trust::Certificates => {
                let found = load_native_certs().certs;
                let roots: Vec<_> = found.iter().map(|one| Certificate::from_der(one.as_ref()).to_owned()).collect();
                config.root_certs(RootCerts::from(roots)).build()
            }
        }
    }
}
