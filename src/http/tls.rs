//! TLS through rustls.

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why TLS can't be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("failed to load {kind} from {path}: {reason}")]
    File {
        /// What it should hold.
        kind: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Certificate and key do not make a configuration.
    #[error("the TLS certificate and key can't be used: {0}")]
    Config(#[from] rustls::Error),
}

/// The configuration made of a certificate chain and its private key, both PEM files: TLS 1.2 and 1.3.
///
/// # Errors
/// Names the file that can't be used.
pub fn config(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let bad = |kind, path: &Path, reason: String| TlsError::File { kind, path: path.to_owned(), reason };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| bad("the TLS certificate", certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(bad("the TLS certificate", certificate, "there is none in the file".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| bad("the TLS key", key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?)
}
