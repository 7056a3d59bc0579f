//! An object store in memory that checks what is signed over the body.

use colonies::object_store::digest_of;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The store; it serves until the test's process ends.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    buckets: HashSet<String>,
    /// By `/bucket/object`.
    objects: HashMap<String, Vec<u8>>,
    /// Breaks off after so many bytes of an answer with contents.
    breaks_off: Option<usize>,
    /// The ranges that were asked for.
    ranges: Vec<String>,
}

struct Request {
    method: String,
    path: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl MemoryStore {
    /// A store and its address.
    pub fn start() -> (MemoryStore, SocketAddr) {
        let store = MemoryStore::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = store.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let store = serving.clone();
                std::thread::spawn(move || store.serve(stream));
            }
        });
        (store, address)
    }

    /// The contents of all objects.
    pub fn contents(&self) -> Vec<Vec<u8>> {
        let mut contents: Vec<_> = self.state.lock().unwrap().objects.values().cloned().collect();
        contents.sort();
        contents
    }

    /// Changes what all objects contain.
    pub fn damage(&self, how: impl FnMut(&mut Vec<u8>)) {
        self.state.lock().unwrap().objects.values_mut().for_each(how);
    }

    /// Makes it break off after so many bytes of contents, or not any more.
    pub fn break_off(&self, after: Option<usize>) {
        self.state.lock().unwrap().breaks_off = after;
    }

    /// The ranges that were asked for so far.
    pub fn ranges(&self) -> Vec<String> {
        self.state.lock().unwrap().ranges.clone()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some(request) = read(&mut reader) {
            let (status, body) = self.answer(&request);
            let length = body.len();
            // A client that has gone needs no answer.
            let _ = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n");
            let breaks_off = self.state.lock().unwrap().breaks_off.filter(|_| request.method == "GET");
            if let Some(bytes) = breaks_off.filter(|&bytes| bytes < length) {
                let _ = stream.write_all(&body[..bytes]);
                return;
            }
            if request.method != "HEAD" {
                let _ = stream.write_all(&body);
            }
        }
    }

    fn answer(&self, request: &Request) -> (u16, Vec<u8>) {
        let header = |name: &str| request.headers.get(name).map(String::as_str).unwrap_or_default();
        let digest = digest_of(&request.body[..], |_| Ok(())).unwrap();
        let refusal = |code: &str| format!("<Error><Code>{code}</Code></Error>").into_bytes();
        if !header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=access/") {
            return (403, refusal("InvalidAccessKeyId"));
        }
        if header("x-amz-content-sha256") != digest.sha256 {
            return (400, refusal("XAmzContentSHA256Mismatch"));
        }
        let mut state = self.state.lock().unwrap();
        let bucket = request.path.split('/').nth(1).unwrap_or_default().to_owned();
        let is_bucket = request.path.matches('/').count() == 1;
        if !is_bucket && !state.buckets.contains(&bucket) {
            return (404, refusal("NoSuchBucket"));
        }
        match (request.method.as_str(), is_bucket) {
            ("HEAD", true) => (if state.buckets.contains(&bucket) { 200 } else { 404 }, Vec::new()),
            ("PUT", true) => {
                state.buckets.insert(bucket);
                (200, Vec::new())
            }
            ("PUT", false) => {
                state.objects.insert(request.path.clone(), request.body.clone());
                (200, Vec::new())
            }
            ("GET", false) => match state.objects.get(&request.path) {
                Some(contents) => match request.headers.get("range").cloned() {
                    Some(range) => {
                        let from = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')).unwrap();
                        let rest = contents[from.parse().unwrap()..].to_vec();
                        state.ranges.push(range);
                        (206, rest)
                    }
                    None => (200, contents.clone()),
                },
                None => (404, refusal("NoSuchKey")),
            },
            ("DELETE", false) => {
                state.objects.remove(&request.path);
                (204, Vec::new())
            }
            _ => (400, refusal("InvalidRequest")),
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&length| length > 0)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, headers, body })
}
