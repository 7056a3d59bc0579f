//! The limit on open files: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a server with many connections needs.
const WANTED: u64 = 65_536;

/// Raises the soft limit to the hard one.
pub fn raise() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
}

/// The same for a server, which says so when that is low.
pub fn raise_limit() {
    raise();
    let current = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if current < WANTED {
        tracing::warn!(
            limit = current,
            "few open files are allowed, and each connection is one: raise the hard limit (LimitNOFILE= in a systemd \
             unit, ulimit -Hn in a shell)"
        );
    }
}
