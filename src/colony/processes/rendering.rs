//! The JSON of a specification that many processes share.

use crate::json::{self, RawJson};
use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};
use serde::Serialize;
use std::sync::OnceLock;

/// A specification as one colony shows it, kept since it is shown again and again. No part of what the specification is:
/// it is not compared, not copied with it and not recorded.
#[derive(Debug, Default)]
pub struct Rendering(OnceLock<Kept>);

#[derive(Debug)]
struct Kept {
    /// Whose it is: its name is in the text, and colonies may share a specification.
    colony: Box<str>,
    text: RawJson,
}

impl Rendering {
    /// The JSON of what this belongs to, `shown`, which must be the same each time for one colony. `None` where that can't
    /// be written, and for every colony but the first.
    pub fn of(&self, colony: &str, shown: &impl Serialize) -> Option<&RawJson> {
        if self.0.get().is_none() {
            let mut text = Vec::new();
            json::write(&mut text, shown).ok()?;
            let text = RawJson::from_text(String::from_utf8(text).ok()?)?;
            self.0.get_or_init(|| Kept { colony: colony.into(), text });
        }
        self.0.get().filter(|kept| *kept.colony == *colony).map(|kept| &kept.text)
    }
}

impl Clone for Rendering {
    fn clone(&self) -> Self {
        Rendering::default()
    }
}

impl PartialEq for Rendering {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Encode for Rendering {
    fn encode<E: Encoder>(&self, _: &mut E) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl<Context> Decode<Context> for Rendering {
    fn decode<D: Decoder<Context = Context>>(_: &mut D) -> Result<Self, DecodeError> {
        Ok(Rendering::default())
    }
}

bincode::impl_borrow_decode!(Rendering);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_made_once_for_one_colony_and_is_nothing_of_its_own() {
        let rendering = Rendering::default();
        let first = rendering.of("c", &["a"]).expect("a list of texts can be written");
        assert_eq!(first.text(), r#"["a"]"#);
        assert!(std::ptr::eq(first, rendering.of("c", &["a"]).expect("it was written")));
        assert!(rendering.of("d", &["a"]).is_none());
        assert_eq!(rendering, Rendering::default());
        let copy = rendering.clone();
        assert_eq!(copy.of("d", &["b"]).map(RawJson::text), Some(r#"["b"]"#));
        let bytes = bincode::encode_to_vec(&rendering, bincode::config::standard());
        assert_eq!(bytes.expect("nothing can be encoded"), [0; 0]);
    }
}
