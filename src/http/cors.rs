//! Browsers from other origins (chapter 1, 1.3).

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// Whether a request with these headers comes from another origin than the server's own.
pub fn is_cross_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let origin = origin.as_bytes();
    let host = headers.get(header::HOST).map_or(&b""[..], HeaderValue::as_bytes);
    [&b"http://"[..], b"https://"].iter().all(|scheme| origin.strip_prefix(*scheme) != Some(host))
}

/// Lets a browser from another origin read the reply.
pub fn allow(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
}

/// The answer to a preflight, on any path.
pub fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "Origin,Content-Length,Content-Type"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "43200"))
        .finish()
}
