//! How a request is refused.

use std::borrow::Cow;

/// A refusal as the caller sees it: the HTTP status and the text of the protocol. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status, also told inside the error payload.
    pub status: u16,
    /// The protocol's text.
    pub message: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with this status and text.
    pub fn new(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Refusal { status, message: message.into() }
    }

    /// The caller's fault.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Refusal::new(400, message)
    }

    /// The caller may not do this.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Refusal::new(403, message)
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Refusal::new(404, message)
    }

    /// What the reference answers with 500 although nothing is wrong with the server: mostly "not found".
    pub fn odd(message: impl Into<Cow<'static, str>>) -> Self {
        Refusal::new(500, message)
    }

    /// The server can't take this now; the same request may succeed later.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Refusal::new(503, message)
    }
}
