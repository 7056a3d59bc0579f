//! A websocket client that shows frames as they are (RFC 6455), close frames and their absence included.

use super::http::{Connection, Response, read_head};
use super::{PrivateKey, Reply, envelope};
use serde_json::Value;
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// What came from the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// A frame: opcode and payload.
    Data(u8, Vec<u8>),
    /// The connection ended without a close frame.
    End,
}

impl Frame {
    /// The envelope in a data frame of this opcode.
    #[track_caller]
    pub fn reply(&self, opcode: u8) -> Reply {
        match self {
            Frame::Data(found, bytes) => {
                assert_eq!(*found, opcode, "the opcode of the reply");
                Reply::of(0, std::str::from_utf8(bytes).unwrap())
            }
            Frame::End => panic!("the connection ended where a frame was expected"),
        }
    }
}

/// A websocket: one open file, so that a test can hold thousands.
pub struct WebSocket {
    reader: BufReader<TcpStream>,
}

/// The headers of a valid upgrade.
pub const UPGRADE: [&str; 4] = [
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

impl WebSocket {
    pub fn open(address: SocketAddr) -> WebSocket {
        let (socket, response) = WebSocket::handshake(address, &[]);
        assert_eq!(response.status, 101);
        socket
    }

    /// Upgrades with further headers.
    pub fn handshake(address: SocketAddr, headers: &[&str]) -> (WebSocket, Response) {
        let mut connection = Connection::open(address).unwrap();
        let headers: Vec<_> = UPGRADE.iter().chain(headers).copied().collect();
        connection.request("GET", "/pubsub", &headers, b"").unwrap();
        let mut reader = BufReader::new(connection.stream);
        let response = read_head(&mut reader).unwrap();
        (WebSocket { reader }, response)
    }

    /// Sends a frame, masked as clients must.
    pub fn send(&mut self, opcode: u8, payload: &[u8]) {
        let mask = [7, 77, 177, 217];
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            length @ 0..=125 => frame.push(0x80 | length as u8),
            length @ 126..=65_535 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frame.extend_from_slice(&mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.reader.get_mut().write_all(&frame).unwrap();
    }

    /// Sends a signed message as a text frame.
    pub fn say(&mut self, key: &PrivateKey, message: &Value) {
        self.send(TEXT, envelope(key, message).as_bytes());
    }

    /// The next frame.
    pub fn next(&mut self) -> Frame {
        match self.read_frame() {
            Ok(frame) => frame,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Frame::End,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Frame::End,
            Err(error) => panic!("reading a frame: {error}"),
        }
    }

    fn read_frame(&mut self) -> io::Result<Frame> {
        let mut head = [0; 2];
        self.reader.read_exact(&mut head)?;
        assert_eq!(head[0] & 0xF0, 0x80, "a whole frame without extension bits");
        assert_eq!(head[1] & 0x80, 0, "servers do not mask");
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.reader.read_exact(&mut length)?;
                usize::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.reader.read_exact(&mut length)?;
                u64::from_be_bytes(length) as usize
            }
            length => usize::from(length),
        };
        let mut payload = vec![0; length];
        self.reader.read_exact(&mut payload)?;
        Ok(Frame::Data(head[0] & 0x0F, payload))
    }

    /// Whether the connection still answers, and nothing else came before: a ping comes back.
    #[track_caller]
    pub fn assert_quiet(&mut self) {
        self.send(PING, b"still there?");
        assert_eq!(self.next(), Frame::Data(PONG, b"still there?".to_vec()));
    }
}
