//! One keep-alive connection with as little around it as can be: for the load generator, whose own cost must not hide
//! the server's.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

/// A connection on which one request follows the other.
pub struct Connection {
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    body: Vec<u8>,
    line: String,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Where nobody listens.
    pub fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream: BufReader::with_capacity(64 << 10, stream),
            request: Vec::new(),
            body: Vec::new(),
            line: String::new(),
        })
    }

    /// What ends this connection from another thread, also while it waits for a reply.
    ///
    /// # Errors
    /// Where the operating system has no room for one more handle.
    pub fn hang_up(&self) -> io::Result<HangUp> {
        self.stream.get_ref().try_clone().map(HangUp)
    }

    /// Posts a body to `/api`: the reply's HTTP status and body.
    ///
    /// # Errors
    /// Where the connection breaks, or what comes back is not HTTP with a length.
    pub fn post(&mut self, body: &[u8]) -> io::Result<(u16, &[u8])> {
        self.request.clear();
        write!(self.request, "POST /api HTTP/1.1\r\nhost: colonies\r\ncontent-length: {}\r\n\r\n", body.len())?;
        self.request.extend_from_slice(body);
        self.stream.get_mut().write_all(&self.request)?;
        let status = self.read_line()?.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| invalid("no status line"))?;
        let mut length = None;
        loop {
            let line = self.read_line()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
        }
        self.body.resize(length.ok_or_else(|| invalid("a reply without content-length"))?, 0);
        self.stream.read_exact(&mut self.body)?;
        Ok((status, &self.body))
    }

    fn read_line(&mut self) -> io::Result<&str> {
        self.line.clear();
        if self.stream.read_line(&mut self.line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(self.line.trim_end_matches(['\r', '\n']))
    }
}

/// Ends a connection.
pub struct HangUp(TcpStream);

impl HangUp {
    /// Ends it: whoever waits on it is told that it broke.
    pub fn now(&self) {
        // It may have ended by itself.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
