//! Ids that the server makes or computes: 32 bytes in memory and records, 64 lower-case hex digits on the wire.

use crate::hexadecimal;
use crate::time::Nanos;
use bincode::{Decode, Encode};
use serde::{Serialize, Serializer};
use std::fmt;
use std::hash::{Hash, Hasher};

/// Which life of a colony's name: a colony that is removed and added again under its name is another colony.
pub type Incarnation = u32;

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
        pub struct $name(pub [u8; 32]);

        /// By eight of its bytes, which are as good as all 32 and cost a fraction: the server chose them at random, or
        /// they are of a hash. Not the first ones, which tell the colony and the time.
        impl Hash for $name {
            fn hash<H: Hasher>(&self, hasher: &mut H) {
                let [.., a, b, c, d, e, f, g, h] = self.0;
                hasher.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
            }
        }

        impl $name {
            /// Reads 64 lower-case hex digits; `None` for any other text, which therefore names nothing.
            pub fn from_text(text: &str) -> Option<Self> {
                if text.bytes().any(|b| b.is_ascii_uppercase()) {
                    return None;
                }
                hexadecimal::read(text).map($name)
            }

            /// The 64 digits, written into `room`.
            fn text<'a>(&self, room: &'a mut [u8; 64]) -> &'a str {
                hexadecimal::write(&self.0, room);
                hexadecimal::as_text(room)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text(&mut [0; 64]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.text(&mut [0; 64]))
            }
        }
    };
}

hex_id! {
    /// A process. Its first four bytes name the colony's incarnation, so that a message that carries only the id finds
    /// its colony. The next six are milliseconds since the Unix epoch, as at the beginning of a UUIDv7 (RFC 9562): what
    /// is newer comes later in a sorted index, so that the history store adds to the end of one and not all over it. The
    /// other 22 are random.
    ProcessId
}

hex_id! {
    /// An attribute: SHA3-256 over `targetid + key + decimal(attributetype)` (chapter 2, 1.6). Clients may compute it.
    AttributeId
}

/// An id that begins with the colony's incarnation and the time, as a process's does.
macro_rules! id_of_colony {
    ($(#[$doc:meta])* $name:ident) => {
        hex_id! {
            $(#[$doc])*
            $name
        }

        impl $name {
            /// The id made of `random` for something of the colony with this incarnation that is made now.
            pub fn new(incarnation: Incarnation, now: Nanos, random: [u8; 32]) -> Self {
                $name(ProcessId::new(incarnation, now, random).0)
            }

            /// The colony that this id says it belongs to.
            pub fn incarnation(&self) -> Incarnation {
                ProcessId(self.0).incarnation()
            }
        }
    };
}

id_of_colony! {
    /// A workflow (process graph). Names its colony.
    GraphId
}

id_of_colony! {
    /// A revision of a file. Names its colony.
    FileId
}

id_of_colony! {
    /// A blueprint. Names its colony; but clients may choose any other text, so that blueprints keep theirs as text and
    /// are found through an index.
    BlueprintId
}

id_of_colony! {
    /// A snapshot. Names its colony.
    SnapshotId
}

id_of_colony! {
    /// A cron. Names its colony.
    CronId
}

id_of_colony! {
    /// A generator. Names its colony.
    GeneratorId
}

impl ProcessId {
    /// The id made of `random` for a process of the colony with this incarnation that is submitted now.
    pub fn new(incarnation: Incarnation, now: Nanos, mut random: [u8; 32]) -> Self {
        let [_, _, milliseconds @ ..] = (now / 1_000_000).to_be_bytes();
        random[..4].copy_from_slice(&incarnation.to_be_bytes());
        random[4..10].copy_from_slice(&milliseconds);
        ProcessId(random)
    }

    /// The colony that this id says it belongs to.
    pub fn incarnation(&self) -> Incarnation {
        Incarnation::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }
}

/// Where fresh ids and other random choices come from: an input of a turn, so that the core itself has no randomness.
pub trait IdSource {
    /// 32 bytes that nobody can guess and that never repeat.
    fn random(&mut self) -> [u8; 32];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_id_names_its_colony() {
        let id = ProcessId::new(0x0102_0304, 0, [0xAB; 32]);
        assert_eq!(id.incarnation(), 0x0102_0304);
        assert_eq!(ProcessId::from_text(&id.to_string()), Some(id));
    }

    #[test]
    fn what_is_submitted_later_has_the_greater_id() {
        // 2026-11-29, and the time in the example of RFC 9562, appendix A.6.
        for now in [1_795_910_400_000, 0x017F_22E2_79B0] {
            let earlier = ProcessId::new(1, now * 1_000_000, [0xFF; 32]);
            let later = ProcessId::new(1, (now + 1) * 1_000_000, [0; 32]);
            assert!(earlier < later, "{earlier} {later}");
        }
        let id = ProcessId::new(1, 0x017F_22E2_79B0 * 1_000_000, [0xAB; 32]).to_string();
        assert!(id.starts_with("00000001017f22e279b0abab"), "{id}");
    }

    #[test]
    fn other_texts_name_nothing() {
        let text = ProcessId([0xAB; 32]).to_string();
        for other in ["", &text[1..], &text.to_uppercase(), &text.replace('a', "g"), &format!("{text}0")] {
            assert_eq!(ProcessId::from_text(other), None);
        }
    }
}
