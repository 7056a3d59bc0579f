//! The frames of one websocket, on its connection.
//!
//! It holds no buffer while nothing is under way: what comes is read on the stack and kept only until its frame is
//! whole. Ten thousand connections that wait for one event each are mostly buffers otherwise.

use crate::limits;
use actix_codec::{Decoder, Encoder};
use actix_http::ws::{CloseReason, Codec, Frame, Item, Message};
use actix_web::web::{Bytes, BytesMut};
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, timeout, timeout_at};

/// Bytes that are read at once.
const PIECE: usize = 4 << 10;
/// Bytes before a frame's payload, at most (RFC 6455, 5.2).
const FRAME_HEAD_BYTES: usize = 14;

/// A websocket after its handshake.
pub struct Socket<T> {
    io: T,
    codec: Codec,
    /// The beginning of a frame that is not whole.
    read: BytesMut,
    /// When that has to be whole.
    whole_by: Option<Instant>,
    /// The beginning of a message that comes in several frames, and whether it is binary.
    begun: Option<(bool, BytesMut)>,
}

/// What a client sent.
#[derive(Debug)]
pub enum Heard {
    /// A whole message; the flag says that it is binary. Where it is not, it is UTF-8.
    Message(bool, Bytes),
    /// To be answered with a pong of the same bytes.
    Ping(Bytes),
    /// It closes the connection.
    Close(Option<CloseReason>),
    /// The connection has ended without a close frame, or what came is no websocket message within its limits.
    Lost,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Socket<T> {
    /// A websocket on a connection of which these bytes were read already, after the handshake.
    pub fn new(io: T, read: BytesMut) -> Self {
        Socket { io, codec: Codec::new().max_size(limits::FRAME_BYTES), read, whole_by: None, begun: None }
    }

    /// Waits for what the client sends next. Nothing is lost where this is dropped before its end.
    pub async fn hear(&mut self) -> Heard {
        loop {
            match self.codec.decode(&mut self.read) {
                Ok(Some(frame)) => {
                    self.whole_by = None;
                    if let Some(heard) = self.take(frame) {
                        return heard;
                    }
                }
                // The codec looks at a frame's length when all of it is there.
                Ok(None) if self.read.len() > limits::FRAME_BYTES + FRAME_HEAD_BYTES => return Heard::Lost,
                Ok(None) => {
                    let more = if self.read.is_empty() {
                        // What the last frames took is not kept for the next ones.
                        self.read = BytesMut::new();
                        self.read_more().await
                    } else {
                        let by = *self.whole_by.get_or_insert_with(|| Instant::now() + limits::FRAME_TIMEOUT);
                        timeout_at(by, self.read_more()).await.unwrap_or(Ok(false))
                    };
                    match more {
                        Ok(true) => {}
                        Ok(false) | Err(_) => return Heard::Lost,
                    }
                }
                Err(_) => return Heard::Lost,
            }
        }
    }

    /// What a frame completes.
    fn take(&mut self, frame: Frame) -> Option<Heard> {
        Some(match frame {
            Frame::Text(bytes) => whole(false, bytes),
            Frame::Binary(bytes) => whole(true, bytes),
            Frame::Ping(bytes) => Heard::Ping(bytes),
            Frame::Pong(_) => return None,
            Frame::Close(reason) => Heard::Close(reason),
            Frame::Continuation(item) => {
                let (is_last, bytes) = match item {
                    Item::FirstText(bytes) => {
                        self.begun = Some((false, BytesMut::new()));
                        (false, bytes)
                    }
                    Item::FirstBinary(bytes) => {
                        self.begun = Some((true, BytesMut::new()));
                        (false, bytes)
                    }
                    Item::Continue(bytes) => (false, bytes),
                    Item::Last(bytes) => (true, bytes),
                };
                // The codec lets nothing go on that has not begun.
                let (binary, mut message) = self.begun.take()?;
                if message.len() + bytes.len() > limits::FRAME_BYTES {
                    return Some(Heard::Lost);
                }
                message.extend_from_slice(&bytes);
                if !is_last {
                    self.begun = Some((binary, message));
                    return None;
                }
                whole(binary, message.freeze())
            }
        })
    }

    /// Reads what there is, at least a byte; `false` at the end.
    async fn read_more(&mut self) -> io::Result<bool> {
        std::future::poll_fn(|context| {
            let mut piece = [0; PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut self.io).poll_read(context, &mut piece))?;
            self.read.extend_from_slice(piece.filled());
            Poll::Ready(Ok(!piece.filled().is_empty()))
        })
        .await
    }

    /// Writes a message, until the connection has taken all of it.
    ///
    /// # Errors
    /// Where the connection has broken; `TimedOut` where it has taken nothing for too long.
    pub async fn say(&mut self, message: Message) -> io::Result<()> {
        let mut bytes = BytesMut::new();
        self.codec.encode(message, &mut bytes).map_err(io::Error::other)?;
        while !bytes.is_empty() {
            timeout(limits::FRAME_TIMEOUT, self.io.write_buf(&mut bytes)).await??;
        }
        timeout(limits::FRAME_TIMEOUT, self.io.flush()).await?
    }

    /// Ends the connection, for what was written before to arrive.
    pub async fn end(mut self) {
        // Where the client has gone or does not read, there is nothing more to do.
        let _ = timeout(limits::UNHEARD_TIMEOUT, self.io.shutdown()).await;
    }
}

fn whole(binary: bool, bytes: Bytes) -> Heard {
    if binary || std::str::from_utf8(&bytes).is_ok() { Heard::Message(binary, bytes) } else { Heard::Lost }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    /// A websocket, and its client's end.
    fn pair() -> (Socket<DuplexStream>, DuplexStream) {
        let (server, client) = duplex(2 * limits::FRAME_BYTES);
        (Socket::new(server, BytesMut::new()), client)
    }

    /// Messages as a client sends them.
    fn sent(messages: impl IntoIterator<Item = Message>) -> BytesMut {
        let mut codec = Codec::new().client_mode();
        let mut bytes = BytesMut::new();
        messages.into_iter().for_each(|message| codec.encode(message, &mut bytes).expect("a message"));
        bytes
    }

    /// What is heard of these bytes, with what else was heard before the end.
    async fn heard(bytes: &[u8]) -> Vec<String> {
        let (mut socket, mut client) = pair();
        client.write_all(bytes).await.expect("room");
        drop(client);
        let mut all = Vec::new();
        loop {
            match socket.hear().await {
                Heard::Message(false, bytes) => all.push(format!("text {}", String::from_utf8_lossy(&bytes))),
                Heard::Message(true, bytes) => all.push(format!("binary {bytes:?}")),
                Heard::Ping(bytes) => all.push(format!("ping {bytes:?}")),
                Heard::Close(reason) => all.push(format!("close {:?}", reason.map(|reason| u16::from(reason.code)))),
                Heard::Lost => {
                    all.push("lost".to_owned());
                    return all;
                }
            }
        }
    }

    #[tokio::test]
    async fn messages_are_heard_in_order_to_the_end() {
        let bytes = sent([
            Message::Text("one".into()),
            Message::Pong(Bytes::new()),
            Message::Binary(Bytes::from_static(b"two")),
            Message::Ping(Bytes::from_static(b"three")),
            Message::Close(None),
        ]);
        assert_eq!(heard(&bytes).await, ["text one", "binary b\"two\"", "ping b\"three\"", "close None", "lost"]);
        // Without its last byte, the close is none.
        assert_eq!(heard(&bytes[..bytes.len() - 1]).await.last().map(String::as_str), Some("lost"));
    }

    #[tokio::test]
    async fn a_frame_that_is_too_long_is_not_waited_for() {
        // Binary, masked, of 256 GiB; of which as much comes as a frame may have, and a little more.
        let head = [0x82, 0xFF, 0, 0, 0, 0x40, 0, 0, 0, 0, 1, 2, 3, 4];
        let bytes = [&head[..], &vec![0; limits::FRAME_BYTES + 1]].concat();
        let (mut socket, mut client) = pair();
        client.write_all(&bytes).await.expect("room");
        assert!(matches!(socket.hear().await, Heard::Lost));
    }

    #[tokio::test]
    async fn the_time_of_a_frame_begins_with_its_first_byte_and_ends_with_its_last() {
        let (mut socket, mut client) = pair();
        let bytes = sent([Message::Text("hello".into())]);
        assert!(socket.hear().now_or_never().is_none() && socket.whole_by.is_none());
        client.write_all(&bytes[..3]).await.expect("room");
        assert!(socket.hear().now_or_never().is_none());
        let by = socket.whole_by.expect("a frame has begun");
        client.write_all(&bytes[3..5]).await.expect("room");
        assert!(socket.hear().now_or_never().is_none());
        assert_eq!(socket.whole_by, Some(by));
        client.write_all(&bytes[5..]).await.expect("room");
        assert!(matches!(socket.hear().await, Heard::Message(false, _)));
        assert!(socket.whole_by.is_none());
    }

    #[tokio::test]
    async fn frames_of_one_message_are_put_together() {
        let part = |bytes: &'static [u8]| Bytes::from_static(bytes);
        let bytes = sent([
            Message::Continuation(Item::FirstText(part(b"gr\xc3"))),
            Message::Ping(part(b"!")),
            Message::Continuation(Item::Continue(part(b"\xbc"))),
            Message::Continuation(Item::Last(part(b"n"))),
            Message::Continuation(Item::FirstBinary(part(b"\xff"))),
            Message::Continuation(Item::Last(part(b"\xfe"))),
        ]);
        assert_eq!(heard(&bytes).await, ["ping b\"!\"", "text grün", "binary b\"\\xff\\xfe\"", "lost"]);
    }

    #[tokio::test]
    async fn text_that_is_none_and_bytes_that_are_no_frame_end_it() {
        let in_one = sent([Message::Text("a".into())]);
        // The last byte of a masked frame is text under a mask: turned over, it is not ASCII any more.
        let mut broken = in_one.to_vec();
        *broken.last_mut().expect("a byte") ^= 0x80;
        assert_eq!(heard(&broken).await, ["lost"]);
        let in_two = [
            Message::Continuation(Item::FirstText(Bytes::from_static(b"\xc3"))),
            Message::Continuation(Item::Last(Bytes::from_static(b"a"))),
        ];
        assert_eq!(heard(&sent(in_two)).await, ["lost"]);
        assert_eq!(heard(b"GET / HTTP/1.1\r\n\r\n").await, ["lost"]);
    }

    #[tokio::test]
    async fn messages_have_a_limit_in_one_frame_and_in_many() {
        let half = Bytes::from(vec![b'a'; limits::FRAME_BYTES / 2]);
        let parts = |last: &'static [u8]| {
            [
                Message::Continuation(Item::FirstText(half.clone())),
                Message::Continuation(Item::Continue(half.clone())),
                Message::Continuation(Item::Last(Bytes::from_static(last))),
            ]
        };
        assert_eq!(heard(&sent(parts(b""))).await.len(), 2, "as much as there may be");
        assert_eq!(heard(&sent(parts(b"a"))).await, ["lost"]);
        let whole = vec![b'a'; limits::FRAME_BYTES];
        assert_eq!(heard(&sent([Message::Binary(whole.clone().into())])).await.len(), 2);
        let more = [&whole[..], b"a"].concat();
        assert_eq!(heard(&sent([Message::Binary(more.into())])).await, ["lost"]);
    }

    #[tokio::test]
    async fn what_was_read_with_the_handshake_is_heard() {
        let (server, mut client) = duplex(64);
        let bytes = sent([Message::Text("early".into()), Message::Text("late".into())]);
        let (first, rest) = bytes.split_at(bytes.len() - 3);
        let mut socket = Socket::new(server, BytesMut::from(first));
        assert!(matches!(socket.hear().now_or_never(), Some(Heard::Message(false, text)) if text == "early"));
        assert!(socket.hear().now_or_never().is_none(), "not whole yet");
        client.write_all(rest).now_or_never().expect("room").expect("written");
        assert!(matches!(socket.hear().now_or_never(), Some(Heard::Message(false, text)) if text == "late"));
        assert!(socket.hear().now_or_never().is_none());
        assert_eq!(socket.read.capacity(), 0, "nothing is kept");
    }

    #[tokio::test]
    async fn what_is_said_arrives_whole_and_before_the_end() {
        let (mut socket, mut client) = pair();
        socket.say(Message::Text("hello".into())).await.expect("said");
        socket.end().await;
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).await.expect("read");
        assert_eq!(bytes, b"\x81\x05hello");
    }
}
