//! Prints a fold document for measurements: `make_fold_document NODES LUNS [SEED]`. The same arguments, the same bytes.
//!
//! Nearly every LUN is optimal on every node; one cell in 200 is not, one in 500 was never assembled, one node in 50 is
//! offline: a bad day of a big cluster.
#![allow(clippy::disallowed_methods, reason = "a tool of its own that takes arguments; the crate stays pure")]

use std::io::{self, BufWriter, Write};

/// xorshift64*: enough for a document, and no dependency.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % n
    }
}

fn wwid(lun: u64) -> String {
    format!("3600a0980383044{lun:06}3634c4870{:08x}", lun.wrapping_mul(2_654_435_761) & 0xFFFF_FFFF)
}

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>().map_err(io::Error::other));
    let nodes = args.next().transpose()?.unwrap_or(4);
    let luns = args.next().transpose()?.unwrap_or(24);
    let mut random = Random(args.next().transpose()?.unwrap_or(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let out = &mut BufWriter::new(io::stdout().lock());

    let comma = |i: u64| if i == 0 { "" } else { "," };
    write!(out, "{{\"allow\":[")?;
    for lun in 0..luns {
        write!(out, "{}\"{}\"", comma(lun), wwid(lun))?;
    }
    write!(out, "],\"aliases\":{{")?;
    for lun in 0..luns {
        write!(out, "{}\"{}\":\"lun-{lun:04}\"", comma(lun), wwid(lun))?;
    }
    write!(out, "}},\"online\":{{")?;
    for node in 0..nodes {
        write!(out, "{}\"node{node:04}\":{}", comma(node), node % 50 != 49)?;
    }
    write!(out, "}},\"reports\":{{")?;
    for node in 0..nodes {
        write!(out, "{}\"node{node:04}\":{{", comma(node))?;
        let mut first = 0;
        for lun in 0..luns {
            if random.below(500) == 0 {
                continue;
            }
            let (state, active) = match random.below(600) {
                0 => ("failed", 0),
                1 | 2 => ("degraded", 2),
                _ => ("optimal", 4),
            };
            write!(
                out,
                "{}\"{}\":{{\"state\":\"{state}\",\"paths-active\":{active},\"paths-total\":4,\"transport\":\"fc\",\"size\":{}}}",
                comma(first),
                wwid(lun),
                (lun % 8 + 1) << 38
            )?;
            first = 1;
        }
        write!(out, "}}")?;
    }
    writeln!(out, "}}}}")?;
    out.flush()
}
