//! Cargo features that the whole test command turns on, where this machine can build them.

use std::path::Path;

use crate::cmd;

/// What is turned on and what is not.
pub struct Features {
    /// Why etcd is left out; `None` where it is built.
    pub left_out: Option<String>,
}

/// Etcd's client is made from protocol definitions at build time, by protoc.
pub fn find() -> Features {
    let protoc = std::env::var_os("PROTOC").is_some_and(|path| Path::new(&path).is_file());
    let left_out = (!protoc && !cmd::on_path("protoc"))
        .then(|| "protoc is not installed (Debian: protobuf-compiler, libprotobuf-dev)".to_owned());
    Features { left_out }
}

impl Features {
    /// Arguments for cargo, the same for every step, so that nothing is built twice.
    pub fn args(&self) -> &'static [&'static str] {
        if self.left_out.is_none() { &["--features", "pathkeeper/etcd"] } else { &[] }
    }
}
