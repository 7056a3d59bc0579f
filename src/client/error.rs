//! What can go wrong between a client and a server.

/// Why a request did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server can't be reached, or broke off.
    #[error("cannot reach the server at {url}: {reason}")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The server refused.
    #[error("{message} ({status})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The server's text.
        message: String,
    },
    /// What came back is no reply of a Colonies server.
    #[error("what came back is no reply of a Colonies server: {0}")]
    Strange(String),
}

impl ClientError {
    /// Whether it may go well a moment later: the server was away, was starting or ending, or had too much to do.
    pub fn may_pass(&self) -> bool {
        matches!(self, ClientError::Unreachable { .. } | ClientError::Refused { status: 429 | 503, .. })
    }

    /// Whether the server refused with this status.
    pub fn is_refused_with(&self, expected: u16) -> bool {
        matches!(self, ClientError::Refused { status, .. } if *status == expected)
    }
}
