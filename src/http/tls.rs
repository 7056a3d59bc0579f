//! TLS through rustls.

use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use std::os::unix::fs::PermissionsExt;
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

/// A certificate chain and its private key, in PEM files, as they were read last.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    /// Names the file that can't be used, or says that the two don't belong together.
    pub fn load(chain: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let current = RwLock::new(Arc::new(read(&chain, &key, &provider)?));
        Ok(Certificate { chain, key, provider, current })
    }

    /// Reads both files again, for connections from now on; those that are open stay as they are.
    ///
    /// # Errors
    /// As [`Certificate::load`]; what was read before is served on then.
    pub fn reload(&self) -> Result<(), TlsError> {
        let read = read(&self.chain, &self.key, &self.provider)?;
        *self.current.write() = Arc::new(read);
        Ok(())
    }

    /// The two files: chain, key.
    pub fn files(&self) -> [&Path; 2] {
        [&self.chain, &self.key]
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the certificate of {}", self.chain.display())
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().clone())
    }
}

/// The configuration that serves a certificate: TLS 1.3 and 1.2, nothing older.
///
/// # Errors
/// Where the versions can't be had.
pub fn config(certificate: Arc<Certificate>) -> Result<ServerConfig, TlsError> {
    Ok(ServerConfig::builder_with_provider(certificate.provider.clone())
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificate))
}

fn read(chain: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let bad = |kind, path: &Path, reason: String| TlsError::File { kind, path: path.to_owned(), reason };
    let bad_chain = |reason| bad("the TLS certificate", chain, reason);
    let bad_key = |reason| bad("the TLS key", key, reason);
    let certificates: Vec<_> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|error| bad_chain(error.to_string()))?;
    if certificates.is_empty() {
        return Err(bad_chain("there is none in the file".to_owned()));
    }
    let mode = std::fs::metadata(key).map_err(|error| bad_key(error.to_string()))?.permissions().mode();
    if mode & READABLE_BY_OTHERS != 0 {
        let mode = mode & 0o7777;
        return Err(bad_key(format!("everybody on this machine can read it (mode {mode:04o}): chmod o-r, or 0600")));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| bad_key(error.to_string()))?;
    Ok(CertifiedKey::from_der(certificates, private, provider)?)
}

/// The mode bit of a file that users other than its owner and its group may read.
const READABLE_BY_OTHERS: u32 = 0o004;
