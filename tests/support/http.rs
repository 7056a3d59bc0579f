//! A plain HTTP/1.1 client on a socket that the test holds in its hands.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A read that takes longer than this is a failure; longer than any poll of the tests.
pub const READ_TIMEOUT: Duration = Duration::from_secs(90);

/// A reply.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// A header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A connection that is kept alive between requests.
#[derive(Debug)]
pub struct Connection {
    pub stream: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        let reader = BufReader::new(stream.try_clone()?);
        Ok(Connection { stream, reader })
    }

    /// Writes bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Writes a request with these lines of headers beside `Host` and `Content-Length`.
    pub fn request(&mut self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> io::Result<()> {
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: server\r\n").into_bytes();
        for header in headers {
            bytes.extend_from_slice(format!("{header}\r\n").as_bytes());
        }
        if !body.is_empty() || method == "POST" {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        self.send(bytes)
    }

    pub fn read(&mut self) -> io::Result<Response> {
        read_response(&mut self.reader)
    }

    /// One request, one reply.
    pub fn round(&mut self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> io::Result<Response> {
        self.request(method, path, headers, body)?;
        if method == "HEAD" { read_head(&mut self.reader) } else { self.read() }
    }

    /// Waits until the server has closed the connection.
    pub fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.reader.read_to_end(&mut rest)?;
        Ok(rest)
    }

    /// Closes with a reset instead of a FIN, as a client that crashed with unread data.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// One request on a connection of its own.
pub fn once(address: SocketAddr, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Response {
    Connection::open(address).unwrap().round(method, path, headers, body).unwrap()
}

/// Reads a reply's status line and headers.
pub fn read_head(reader: &mut impl BufRead) -> io::Result<Response> {
    let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
    }
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| broken(&line))?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            return Ok(Response { status, headers, body: Vec::new() });
        }
        let (name, value) = line.split_once(':').ok_or_else(|| broken(line))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

/// Reads a whole reply.
pub fn read_response(reader: &mut impl BufRead) -> io::Result<Response> {
    let mut response = read_head(reader)?;
    let is_chunked = response.header("transfer-encoding") == Some("chunked");
    let length = response.header("content-length").map(|length| length.parse::<usize>().unwrap());
    if is_chunked {
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            let mut chunk = vec![0; length + 2];
            reader.read_exact(&mut chunk)?;
            if length == 0 {
                break;
            }
            response.body.extend_from_slice(&chunk[..length]);
        }
    } else if let Some(length) = length {
        response.body = vec![0; length];
        reader.read_exact(&mut response.body)?;
    }
    Ok(response)
}
