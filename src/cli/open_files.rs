//! The limit on open files: each connection is one.

use crate::limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a server with many connections needs.
const WANTED: u64 = 65_536;

/// Raises the soft limit to the hard one, and gives it.
pub fn raise() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit on open files could not be raised");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// The same for a server, which says so when that is low.
pub fn raise_limit() -> usize {
    let current = raise();
    if current < WANTED {
        tracing::warn!(
            limit = current,
            "few open files are allowed, and each connection is one: raise the hard limit (LimitNOFILE= in a systemd \
             unit, ulimit -Hn in a shell)"
        );
    }
    usize::try_from(current).unwrap_or(usize::MAX)
}

/// Connections that each of so many workers may hold where so many files may be open.
pub fn connections_per_worker(files: usize, workers: usize) -> usize {
    let of_connections = files.saturating_sub(limits::FILES_OF_ITS_OWN) / workers.max(1);
    of_connections.saturating_sub(limits::CONNECTIONS_IN_PASSING).clamp(1, limits::CONNECTIONS_PER_WORKER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_other_files() {
        assert_eq!(connections_per_worker(1 << 20, 2), limits::CONNECTIONS_PER_WORKER);
        let each = connections_per_worker(20_000, 2);
        assert_eq!(2 * (each + limits::CONNECTIONS_IN_PASSING) + limits::FILES_OF_ITS_OWN, 20_000);
        assert_eq!(connections_per_worker(100, 64), 1);
    }
}
