//! What a managed node's multipathd is told to do: two things, and never to take a map or a path away.
//!
//! This is no part of [`super::query`], which an observer uses and which only shows. An order can be sent by whoever holds
//! a [`Managing`], and there is no way to send any other text.

use super::reply::{self, Reply};
use super::{AskError, Connection, Deadline};
use crate::managing::Managing;
use thiserror::Error;

/// The name of a path device, as multipathd takes it: `sdb`, `nvme0n1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DeviceName(String);

impl DeviceName {
    /// Longest name that the kernel gives a disk, bytes (`DISK_NAME_LEN`, with its end).
    const BYTES_MAX: usize = 31;

    /// A name that can be nothing but one word of a command; `None` for any other text.
    pub fn new(text: &str) -> Option<Self> {
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let named = text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        (named && text.len() <= Self::BYTES_MAX && text.bytes().all(is_word)).then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What multipathd is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// Read the configuration anew and make the maps accord with it. The answer is `ok` whatever comes of it.
    Reconfigure,
    /// Take this path device, now that its WWID is allowed.
    AddPath(DeviceName),
}

impl Order {
    /// The text that is sent, without its NUL.
    pub fn text(&self) -> String {
        match self {
            Order::Reconfigure => "reconfigure".to_owned(),
            Order::AddPath(device) => format!("add path {}", device.as_str()),
        }
    }
}

/// Why multipathd did not take an order.
#[derive(Error, Debug)]
pub enum OrderError {
    /// No answer came. It may have taken the order all the same.
    #[error("multipathd did not answer `{order}`: {why}")]
    Unanswered {
        /// What it was told.
        order: String,
        /// What went wrong.
        why: AskError,
    },
    /// It said no.
    #[error("multipathd refused `{order}`: {why}")]
    Refused {
        /// What it was told.
        order: String,
        /// Its own words.
        why: String,
    },
}

impl Connection {
    /// Gives one order and waits for `ok`. What came of it only looking tells.
    ///
    /// # Errors
    /// Where it says no, or nothing. After no answer the connection is of no use.
    pub fn order(&mut self, _right: &Managing, order: &Order, deadline: Deadline) -> Result<(), OrderError> {
        let text = order.text();
        let mut buffer = Vec::new();
        let answer = match self.exchange(&text, &mut buffer, deadline) {
            Ok(bytes) => reply::classify(bytes),
            Err(why) => return Err(OrderError::Unanswered { order: text, why }),
        };
        let why = match answer {
            Reply::Ok => return Ok(()),
            Reply::Timeout => "it ran out of its own time".to_owned(),
            Reply::Fail(why) if why.is_empty() => "it says `fail` and no more".to_owned(),
            Reply::Fail(why) | Reply::Denied(why) => why,
            Reply::Text(text) => reply::clip(text.lines().next().unwrap_or_default()),
            Reply::Json(_) | Reply::Garbage => "its answer is none to an order".to_owned(),
        };
        Err(OrderError::Refused { order: text, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_one_word() {
        for good in ["sda", "sdaa", "nvme0n1", "dasd-x_1"] {
            assert_eq!(DeviceName::new(good).unwrap().as_str(), good);
        }
        let long = "s".repeat(32);
        for bad in [
            "",
            "sda sdb",
            "sda\nremove map x",
            "8:0",
            "../sda",
            "sda\0",
            "\"sda\"",
            "-k",
            "sdä",
            &long,
            "1a",
        ] {
            assert!(DeviceName::new(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn orders_are_these_two() {
        assert_eq!(Order::Reconfigure.text(), "reconfigure");
        assert_eq!(Order::AddPath(DeviceName::new("sdb").unwrap()).text(), "add path sdb");
    }
}
