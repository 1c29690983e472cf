//! Framing on multipathd's socket: a native `size_t` with the length, then that many bytes of text ending in NUL; the
//! same both ways (multipath-tools libmpathcmd/mpath_cmd.c).

/// Bytes of the length that goes before every text: `size_t`, host endian.
pub const LENGTH_BYTES: usize = size_of::<usize>();

/// The longest reply that is read, bytes. multipathd itself has no limit; its own client library stops at 32 MiB.
pub const REPLY_BYTES_MAX: usize = 64 << 20;

/// A command as it goes over the wire: length including the final NUL, text, NUL.
pub fn encode(command: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(LENGTH_BYTES + command.len() + 1);
    out.extend_from_slice(&(command.len() + 1).to_ne_bytes());
    out.extend_from_slice(command.as_bytes());
    out.push(0);
    out
}

/// The length that a reply announces, or why it cannot be one: words for a person.
pub fn decode_length(bytes: [u8; LENGTH_BYTES]) -> Result<usize, String> {
    match usize::from_ne_bytes(bytes) {
        0 => Err("it announced a reply of no bytes".to_owned()),
        n if n > REPLY_BYTES_MAX => {
            Err(format!("it announced a reply of {n} bytes, more than the bound of {REPLY_BYTES_MAX}"))
        }
        n => Ok(n),
    }
}

/// A reply's text: what stands before the closing NUL.
pub fn text_of(payload: &[u8]) -> &[u8] {
    payload.strip_suffix(&[0]).unwrap_or(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_bears_its_length_with_the_nul() {
        let wire = encode("show daemon");
        assert_eq!(wire[..LENGTH_BYTES], 12usize.to_ne_bytes());
        assert_eq!(&wire[LENGTH_BYTES..], b"show daemon\0");
    }

    #[test]
    fn lengths() {
        for (n, ok) in [
            (0, false),
            (1, true),
            (REPLY_BYTES_MAX, true),
            (REPLY_BYTES_MAX + 1, false),
            (usize::MAX, false),
        ] {
            assert_eq!(decode_length(n.to_ne_bytes()).is_ok(), ok, "{n}");
        }
        assert_eq!(text_of(b"ok\n\0"), b"ok\n");
        assert_eq!(text_of(b"ok\n"), b"ok\n");
    }
}
