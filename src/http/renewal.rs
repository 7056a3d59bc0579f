//! A certificate that is renewed while the server runs.

use super::tls::Certificate;
use crate::limits;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// What tells one content of a file from another without reading it: where it is, how long, and when it was changed.
/// `None` where it is not there.
type Fingerprint = Option<(u64, u64, i64, i64)>;

/// Reads the certificate again on SIGHUP, and when its files have changed, for as long as the server runs. Must be
/// called inside an actix system; the signal is caught from then on.
///
/// # Errors
/// Where the signal can't be caught.
pub fn watch(certificate: Arc<Certificate>) -> io::Result<()> {
    let mut hang_up = signal(SignalKind::hangup())?;
    actix_rt::spawn(async move {
        let mut served = fingerprints(&certificate);
        let mut seen = served;
        loop {
            let asked = tokio::select! {
                received = hang_up.recv() => received.is_some(),
                () = tokio::time::sleep(limits::CERTIFICATE_LOOK) => false,
            };
            let before = std::mem::replace(&mut seen, fingerprints(&certificate));
            // Chain and key are two files: they are read once both have stayed the same from one look to the next.
            if asked || (seen != served && seen == before) {
                served = seen;
                reload(&certificate);
            }
        }
    });
    Ok(())
}

fn reload(certificate: &Certificate) {
    let [chain, key] = certificate.files().map(Path::display);
    match certificate.reload() {
        Ok(()) => tracing::info!(%chain, %key, "the TLS certificate was read again: new connections get it"),
        Err(error) => tracing::error!(
            %error,
            "the TLS certificate was not renewed: the one from before is served on. Put the files right; they are read \
             again when they change, or on SIGHUP"
        ),
    }
}

fn fingerprints(certificate: &Certificate) -> [Fingerprint; 2] {
    certificate.files().map(|path| {
        let file = std::fs::metadata(path).ok()?;
        Some((file.ino(), file.len(), file.mtime(), file.mtime_nsec()))
    })
}
