//! The value `multipath-fresh`: "what I put still holds", for stores that keep a history of what is written.
//!
//! `{"instance","seq","time"}`; seq grows with every publication of the run, the report's and this one's alike, so the
//! highest one heard tells how fresh the node is. It counts as all values of that instance written again.

use crate::ids::{EpochS, Instance};
use crate::node_value::{epoch, read_object, text, unsigned};
use crate::report::{PartError, Stamp};

/// The store's key of [`Fresh`].
pub const FRESH_KEY: &str = "multipath-fresh";

/// The value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fresh {
    /// The run of the agent, and the how-manieth publication of it this is.
    pub stamp: Stamp,
    /// When the last successful read began, as a report's `time`.
    pub time: Option<EpochS>,
}

impl Fresh {
    /// Writes the value, at most 100 bytes.
    pub fn encode(&self) -> Vec<u8> {
        let Stamp { instance, seq } = self.stamp;
        match self.time {
            Some(EpochS(time)) => {
                format!("{{\"instance\":\"{instance}\",\"seq\":{seq},\"time\":{}}}", time.max(0))
            }
            None => format!("{{\"instance\":\"{instance}\",\"seq\":{seq}}}"),
        }
        .into_bytes()
    }

    /// Reads a value; a NUL and what follows it is cut, unknown keys are ignored.
    ///
    /// # Errors
    /// If it is no JSON object or says nothing of instance and seq.
    pub fn decode(value: &[u8]) -> Result<Self, PartError> {
        let (mut instance, mut seq, mut time) = (None, None, None);
        read_object(value, |key, scan| {
            match key {
                "instance" => instance = text(scan)?.as_deref().and_then(Instance::parse),
                "seq" => seq = unsigned(scan)?,
                "time" => time = epoch(scan)?,
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        match (instance, seq) {
            (Some(instance), Some(seq)) => Ok(Self { stamp: Stamp { instance, seq }, time }),
            _ => Err(PartError::BadParts { what: "it bears no instance and seq".into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_says_nothing_is_refused() {
        let stamp = Stamp { instance: Instance(0x9f), seq: 412 };
        for time in [None, Some(EpochS(1_783_082_400))] {
            let fresh = Fresh { stamp, time };
            let bytes = fresh.encode();
            assert!(bytes.len() <= 100);
            assert_eq!(Fresh::decode(&bytes), Ok(fresh));
        }
        for bad in ["", "[]", "{}", r#"{"instance":"x","seq":1}"#, r#"{"instance":"000000000000009f"}"#] {
            assert!(Fresh::decode(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
