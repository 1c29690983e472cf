//! The closed list of what multipathd is ever asked: `show` verbs, which change nothing.

/// A question. There is no way to send any other text, so an observer cannot change anything by this socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Query {
    /// All maps with groups and paths, JSON.
    MapsJson,
    /// Every path device, also those that no map took, one line each ([`super::raw`]).
    PathsRaw,
    /// `pid N PHASE`; needs no lock, so a stuck daemon answers it too.
    Daemon,
    /// Counts of path states; short, and it needs the lock: a stuck daemon does not answer it.
    Status,
    /// The whole effective configuration, hardware table included (some 23 KB of text).
    Config,
    /// The part of it that concerns this node: devices in use, and a section for each map that exists, alias included.
    ConfigLocal,
    /// A bare `show`: no command, and the error text bears the version.
    Version,
}

impl Query {
    /// Every question there is.
    pub const ALL: [Query; 7] = [
        Query::MapsJson,
        Query::PathsRaw,
        Query::Daemon,
        Query::Status,
        Query::Config,
        Query::ConfigLocal,
        Query::Version,
    ];

    /// The text that is sent, without its NUL.
    pub const fn text(self) -> &'static str {
        match self {
            Query::MapsJson => "show maps json",
            Query::PathsRaw => super::raw::COMMAND,
            Query::Daemon => "show daemon",
            Query::Status => "show status",
            Query::Config => "show config",
            Query::ConfigLocal => "show config local",
            Query::Version => "show",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn every_question_only_shows() {
        for query in Query::ALL {
            assert_eq!(query.text().split(' ').next(), Some("show"));
            assert!(query.text().len() < 511, "multipathd takes 512 bytes with the NUL");
        }
    }
}
