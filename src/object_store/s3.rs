//! A client of object stores that speak S3: puts, gets and removes objects.

use super::digest::EMPTY;
use super::signature::{Credentials, Request, authorization, encoded};
use super::{Digest, StoreError};
use crate::client::{Trust, reason};
use jiff::Timestamp;
use std::io::Read;
use std::time::Duration;
use ureq::http::Response;
use ureq::{AsSendBody, Body, SendBody};

/// How long a store may take to be reached, and to begin its answer.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(120);

/// The status of an answer with a range.
const PARTIAL_CONTENT: u16 = 206;

/// Bytes of a refusal that are read.
const REFUSAL_BYTES: u64 = 64 << 10;

/// Where a store is, and who asks.
#[derive(Clone)]
pub struct S3Settings {
    /// Host and port, without a scheme.
    pub endpoint: String,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Whom to trust then.
    pub trust: Trust,
    /// The region; empty is `us-east-1`.
    pub region: String,
    /// The bucket that objects are put into.
    pub bucket: String,
    /// The name that goes with the secret.
    pub access_key: String,
    /// What is signed with.
    pub secret_key: String,
}

/// A store. Any number of threads may use it.
pub struct S3Store {
    url: String,
    host: String,
    bucket: String,
    credentials: Credentials,
    agent: ureq::Agent,
}

impl S3Store {
    /// A client of the store that the settings name. Nothing is asked yet.
    pub fn new(settings: &S3Settings) -> S3Store {
        let (scheme, default_port) = if settings.tls { ("https", ":443") } else { ("http", ":80") };
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(ANSWER));
        if settings.tls {
            config = config.tls_config(settings.trust.config());
        }
        let region = if settings.region.is_empty() { "us-east-1" } else { &settings.region };
        S3Store {
            url: format!("{scheme}://{}", settings.endpoint),
            host: settings.endpoint.strip_suffix(default_port).unwrap_or(&settings.endpoint).to_owned(),
            bucket: settings.bucket.clone(),
            credentials: Credentials {
                access_key: settings.access_key.clone(),
                secret_key: settings.secret_key.clone(),
                region: region.to_owned(),
            },
            agent: config.build().into(),
        }
    }

    pub(super) fn make_bucket(&self) -> Result<(), StoreError> {
        let path = format!("/{}", encoded(&self.bucket));
        let bucket = format!("the bucket {}", self.bucket);
        let found = self.send("HEAD", &path, EMPTY, SendBody::none())?;
        match found.status().as_u16() {
            200 => Ok(()),
            // An answer to HEAD has no text; what is wrong with a name or a region is said to whoever wants to make it.
            400 | 404 => {
                let made = self.send("PUT", &path, EMPTY, &[][..])?;
                // Somebody else may have made it in between.
                if made.status().as_u16() == 409 { Ok(()) } else { self.accepted(&bucket, made).map(|_| ()) }
            }
            _ => self.accepted(&bucket, found).map(|_| ()),
        }
    }

    pub(super) fn put(&self, object: &str, contents: &mut dyn Read, digest: &Digest) -> Result<(), StoreError> {
        let length = digest.size.to_string();
        let (path, body) = (self.path(object), SendBody::from_reader(contents));
        let answer = self.send_with("PUT", &path, &digest.sha256, Some(("content-length", &length)), body)?;
        self.accepted(&self.named(object), answer).map(|_| ())
    }

    /// A store that knows no ranges answers with everything, of which the front is passed over then.
    pub(super) fn get(&self, object: &str, from: u64) -> Result<Box<dyn Read>, StoreError> {
        let range = format!("bytes={from}-");
        let range = (from > 0).then_some(("range", range.as_str()));
        let answer = self.send_with("GET", &self.path(object), EMPTY, range, SendBody::none())?;
        let answer = self.accepted(&self.named(object), answer)?;
        let passed_over = if answer.status().as_u16() == PARTIAL_CONTENT { 0 } else { from };
        let mut contents = answer.into_body().into_reader();
        let unreachable =
            |error: std::io::Error| StoreError::Unreachable { url: self.url.clone(), reason: error.to_string() };
        std::io::copy(&mut contents.by_ref().take(passed_over), &mut std::io::sink()).map_err(unreachable)?;
        Ok(Box::new(contents))
    }

    pub(super) fn remove(&self, object: &str) -> Result<(), StoreError> {
        let answer = self.send("DELETE", &self.path(object), EMPTY, SendBody::none())?;
        self.accepted(&self.named(object), answer).map(|_| ())
    }

    fn path(&self, object: &str) -> String {
        format!("/{}/{}", encoded(&self.bucket), encoded(object))
    }

    /// An object for people.
    fn named(&self, object: &str) -> String {
        format!("{}/{object}", self.bucket)
    }

    /// Sends a signed request.
    fn send(
        &self,
        method: &str,
        path: &str,
        sha256: &str,
        body: impl AsSendBody,
    ) -> Result<Response<Body>, StoreError> {
        self.send_with(method, path, sha256, None, body)
    }

    /// The same with another header, which is not signed: whoever could change it could change the answer too.
    fn send_with(
        &self,
        method: &str,
        path: &str,
        sha256: &str,
        header: Option<(&str, &str)>,
        body: impl AsSendBody,
    ) -> Result<Response<Body>, StoreError> {
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let headers = [("host", self.host.as_str()), ("x-amz-content-sha256", sha256), ("x-amz-date", &time)];
        let signed = Request { method, path, headers: &headers, sha256, time: &time };
        let unreachable = |reason: String| StoreError::Unreachable { url: self.url.clone(), reason };
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request.header("authorization", authorization(&self.credentials, &signed)).body(body);
        let request = request.map_err(|error| unreachable(error.to_string()))?;
        self.agent.run(request).map_err(|error| unreachable(reason(&error)))
    }

    /// The answer, unless it is a refusal.
    fn accepted(&self, what: &str, mut answer: Response<Body>) -> Result<Response<Body>, StoreError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        // Without a readable text the status says it.
        let text = answer.body_mut().with_config().limit(REFUSAL_BYTES).read_to_string().unwrap_or_default();
        let reason = between(&text, "<Code>", "</Code>").unwrap_or(status.canonical_reason().unwrap_or("unknown"));
        Err(StoreError::Refused { what: what.to_owned(), status: status.as_u16(), reason: reason.to_owned() })
    }
}

fn between<'a>(text: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(behind).map(|(found, _)| found)
}
