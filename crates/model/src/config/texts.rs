//! The texts of the configurations that are rolled out: the document `pathkeeper/config-texts`,
//! `{"v":1,"texts":{"<digest>":"<text>"}}`.
//!
//! A rollout names digests alone, and `multipath.cfg` may have been changed since: then this is where a node that was away finds
//! what is in force, and where an abort finds what was before. Only what the newest rollout names is kept.

use std::collections::BTreeMap;

use super::rollout::Rollout;
use crate::json::Scalar;
use crate::node_value::{members, read_object, unsigned};
use crate::shell::Writer;

/// The document's name in the store.
pub const TEXTS_DOCUMENT: &str = "pathkeeper/config-texts";
/// A longer document is neither read nor written: it is what a store's document may hold.
pub const TEXTS_BYTES_MAX: usize = 1 << 20;
/// Both documents of this rollout, and of the one before.
const TEXTS_MAX: usize = 4;
const VERSION: u64 = 1;

/// Texts by the SHA-1, in hex, of their bytes. Nothing here has made sure of that: who reads one compares.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Texts(BTreeMap<String, String>);

impl Texts {
    /// Reads the document; nothing where there is none.
    ///
    /// # Errors
    /// In words, if it cannot be understood.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        if bytes.len() > TEXTS_BYTES_MAX {
            return Err(format!("it is longer than {TEXTS_BYTES_MAX} bytes"));
        }
        let (mut version, mut texts) = (None, BTreeMap::new());
        let read = read_object(bytes, |key, scan| match key {
            "v" => {
                version = unsigned(scan)?;
                Ok(())
            }
            "texts" => members(scan, |digest, scan| {
                if let Scalar::Text(text) = scan.value()?
                    && texts.len() < TEXTS_MAX
                {
                    texts.insert(digest.to_owned(), text.into_owned());
                }
                Ok(())
            }),
            _ => scan.skip(),
        });
        read.map_err(|e| e.to_string())?;
        match version {
            Some(VERSION) => Ok(Self(texts)),
            Some(v) => Err(format!("it is of version {v}, and this program knows version {VERSION}")),
            None => Err("it bears no version".to_owned()),
        }
    }

    /// Writes the document. The same texts always give the same bytes.
    pub fn encode(&self) -> Vec<u8> {
        let text = |out: Writer, (digest, text): (&String, &String)| out.text(digest, Some(text));
        let texts = self.0.iter().fold(Writer::new(), text).end();
        let mut bytes = Writer::new().raw("v", &VERSION.to_string()).raw("texts", &texts).end().into_bytes();
        bytes.push(b'\n');
        bytes
    }

    /// The text of a digest.
    pub fn of(&self, digest: &str) -> Option<&str> {
        self.0.get(digest).map(String::as_str)
    }

    /// Puts a text in.
    pub fn put(&mut self, digest: &str, text: &str) {
        self.0.insert(digest.to_owned(), text.to_owned());
    }

    /// Drops what the rollout does not name; where the rest is too much for one document, what was before it goes too.
    ///
    /// # Errors
    /// How many bytes the texts of this rollout alone have, if that is more than [`TEXTS_BYTES_MAX`].
    pub fn keep_for(&mut self, rollout: &Rollout) -> Result<(), usize> {
        let own = [&rollout.config, &rollout.overrides];
        let before = rollout.previous.iter().flat_map(|(config, overrides)| [config, overrides]);
        let named: Vec<&String> = own.into_iter().chain(before).collect();
        self.0.retain(|digest, _| named.contains(&digest));
        if self.encode().len() > TEXTS_BYTES_MAX {
            self.0.retain(|digest, _| own.contains(&digest));
        }
        let bytes = self.encode().len();
        if bytes > TEXTS_BYTES_MAX { Err(bytes) } else { Ok(()) }
    }
}
