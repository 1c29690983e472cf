//! A pull scanner for JSON text: strict, total, allocates only for strings with escapes.
//!
//! Reports and fold documents are read with it instead of a serde visitor for two reasons: a number that no integer
//! type holds (`1e999`) is one bad count and must not take the whole report with it, and a fold document of 1,000 nodes
//! has to be read at memory speed. Property tests compare it with serde_json.

use std::borrow::Cow;

/// Where and why a text is no JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{what} at byte {at}")]
pub struct JsonError {
    /// Offset in bytes from the start of the text.
    pub at: usize,
    /// What is wrong, in words.
    pub what: &'static str,
}

/// Any JSON value, as far as this program's formats look into it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scalar<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number written as digits alone, and within 64 bits.
    Unsigned(u64),
    /// Any other number.
    Number,
    /// A string.
    Text(Cow<'a, str>),
    /// An array; it was skipped.
    Array,
    /// An object; it was skipped.
    Object,
}

impl Scalar<'_> {
    /// What it is, with its article, for words to people.
    pub fn kind(&self) -> &'static str {
        match self {
            Scalar::Null => "null",
            Scalar::Bool(_) => "a boolean",
            Scalar::Unsigned(_) | Scalar::Number => "a number",
            Scalar::Text(_) => "a string",
            Scalar::Array => "an array",
            Scalar::Object => "an object",
        }
    }
}

/// Reads one JSON text from front to back.
#[derive(Clone, Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

type Read<T> = Result<T, JsonError>;

impl<'a> Scanner<'a> {
    /// Starts at the front of a text.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Starts in the middle of a text, for readers that know what stands there.
    pub fn from_offset(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    /// Offset of the next byte to read.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// What was read since that offset.
    pub fn since(&self, from: usize) -> &'a str {
        self.text.get(from..self.at).unwrap_or_default()
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips white space and shows the next byte without taking it.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(b) = self.byte() {
            if b > b' ' || !matches!(b, b' ' | b'\t' | b'\n' | b'\r') {
                return Some(b);
            }
            self.at += 1;
        }
        None
    }

    /// An error at the present place.
    #[cold]
    pub fn error<T>(&self, what: &'static str) -> Read<T> {
        Err(JsonError { at: self.at, what })
    }

    #[cold]
    fn unexpected<T>(&self, what: &'static str) -> Read<T> {
        if self.at >= self.text.len() { self.error("the text ends too early") } else { self.error(what) }
    }

    /// Takes `{` if it comes next.
    #[inline]
    pub fn open_object(&mut self) -> bool {
        let is = self.peek() == Some(b'{');
        self.at += usize::from(is);
        is
    }

    /// Takes `[` if it comes next.
    #[inline]
    pub fn open_array(&mut self) -> bool {
        let is = self.peek() == Some(b'[');
        self.at += usize::from(is);
        is
    }

    /// The next member's name, with its colon; `None` at the object's end. `first` is true before the first member.
    #[inline]
    pub fn next_key(&mut self, first: &mut bool) -> Read<Option<Cow<'a, str>>> {
        if self.next_member(first)? { self.key().map(Some) } else { Ok(None) }
    }

    /// Whether an object has a next member, before whose name the scanner then stands; see [`Self::key`].
    #[inline]
    pub fn next_member(&mut self, first: &mut bool) -> Read<bool> {
        match self.peek() {
            Some(b'}') => {
                self.at += 1;
                return Ok(false);
            }
            Some(b',') if !*first => {
                self.at += 1;
                self.peek();
            }
            Some(_) if *first => {}
            _ => return self.unexpected("a comma or } was expected"),
        }
        *first = false;
        Ok(true)
    }

    /// Whether an array has a next item, which then stands before the scanner. `first` is true before the first item.
    #[inline]
    pub fn next_item(&mut self, first: &mut bool) -> Read<bool> {
        match self.peek() {
            Some(b']') => {}
            Some(b',') if !*first => {
                self.at += 1;
                return Ok(true);
            }
            Some(_) if *first => {
                *first = false;
                return Ok(true);
            }
            _ => return self.unexpected("a comma or ] was expected"),
        }
        self.at += 1;
        Ok(false)
    }

    /// A member's name, with its colon.
    #[inline]
    pub fn key(&mut self) -> Read<Cow<'a, str>> {
        let key = self.string()?;
        if self.peek() != Some(b':') {
            return self.unexpected("a colon was expected");
        }
        self.at += 1;
        Ok(key)
    }

    /// A string; anything else is an error.
    #[inline]
    pub fn string(&mut self) -> Read<Cow<'a, str>> {
        if self.peek() != Some(b'"') {
            return self.unexpected("a string was expected");
        }
        let start = self.at + 1;
        let end = plain_run(self.text.as_bytes(), start);
        if self.text.as_bytes().get(end) == Some(&b'"') {
            self.at = end + 1;
            // The quotes are ASCII, so both ends are character boundaries and this never fails.
            return Ok(Cow::Borrowed(self.text.get(start..end).unwrap_or_default()));
        }
        self.at = start;
        self.string_with_escapes().map(Cow::Owned)
    }

    #[cold]
    fn string_with_escapes(&mut self) -> Read<String> {
        let mut out = String::new();
        loop {
            let end = plain_run(self.text.as_bytes(), self.at);
            out.push_str(self.text.get(self.at..end).unwrap_or_default());
            self.at = end;
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                _ => return self.unexpected("a control character stands in a string"),
            }
        }
    }

    /// One escape; the backslash has been taken.
    fn escape(&mut self) -> Read<char> {
        let plain = match self.byte() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let high = self.hex4()?;
                if !(0xD800..0xDC00).contains(&high) {
                    return match char::from_u32(high) {
                        Some(c) => Ok(c),
                        None => self.error("half of a surrogate pair"),
                    };
                }
                if self.text.as_bytes().get(self.at..self.at + 2) != Some(b"\\u") {
                    return self.unexpected("half of a surrogate pair");
                }
                self.at += 2;
                let low = self.hex4()?;
                if !(0xDC00..0xE000).contains(&low) {
                    return self.error("half of a surrogate pair");
                }
                return match char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)) {
                    Some(c) => Ok(c),
                    None => self.error("half of a surrogate pair"),
                };
            }
            _ => return self.unexpected("an unknown escape stands in a string"),
        };
        self.at += 1;
        Ok(plain)
    }

    fn hex4(&mut self) -> Read<u32> {
        let mut n = 0;
        for _ in 0..4 {
            let Some(digit) = self.byte().and_then(|b| char::from(b).to_digit(16)) else {
                return self.unexpected("four hex digits were expected");
            };
            n = n * 16 + digit;
            self.at += 1;
        }
        Ok(n)
    }

    /// A number that begins here: its value if it is digits alone and within 64 bits.
    #[inline]
    fn number(&mut self) -> Read<Option<u64>> {
        let negative = self.byte() == Some(b'-');
        self.at += usize::from(negative);
        let start = self.at;
        let mut value = Some(0u64);
        while let Some(digit @ b'0'..=b'9') = self.byte() {
            value = value.and_then(|v| v.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
            self.at += 1;
        }
        let digits = self.at - start;
        if digits == 0 || (digits > 1 && self.text.as_bytes().get(start) == Some(&b'0')) {
            return self.unexpected("a number is malformed");
        }
        if negative {
            value = None;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
            value = None;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
            value = None;
        }
        Ok(value)
    }

    fn digits(&mut self) -> Read<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at == start { self.unexpected("a number is malformed") } else { Ok(()) }
    }

    fn literal(&mut self, word: &'static str) -> Read<()> {
        if !self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return self.unexpected("a word is neither true, false nor null");
        }
        self.at += word.len();
        Ok(())
    }

    /// The next value, whatever it is. Arrays and objects are checked and skipped.
    #[inline]
    pub fn value(&mut self) -> Read<Scalar<'a>> {
        Ok(match self.peek() {
            Some(b'"') => Scalar::Text(self.string()?),
            Some(b'0'..=b'9' | b'-') => match self.number()? {
                Some(n) => Scalar::Unsigned(n),
                None => Scalar::Number,
            },
            Some(b'{') => {
                self.skip()?;
                Scalar::Object
            }
            Some(b'[') => {
                self.skip()?;
                Scalar::Array
            }
            Some(b't') => {
                self.literal("true")?;
                Scalar::Bool(true)
            }
            Some(b'f') => {
                self.literal("false")?;
                Scalar::Bool(false)
            }
            Some(b'n') => {
                self.literal("null")?;
                Scalar::Null
            }
            _ => return self.unexpected("a value was expected"),
        })
    }

    /// Checks and skips a string. Half a surrogate pair passes: nobody reads it.
    fn skip_string(&mut self) -> Read<()> {
        if self.peek() != Some(b'"') {
            return self.unexpected("a string was expected");
        }
        self.at += 1;
        loop {
            self.at = plain_run(self.text.as_bytes(), self.at);
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') if self.text.as_bytes().get(self.at + 1) == Some(&b'u') => {
                    self.at += 2;
                    self.hex4()?;
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                _ => return self.unexpected("a control character stands in a string"),
            }
        }
    }

    fn skip_key(&mut self) -> Read<()> {
        self.skip_string()?;
        if self.peek() != Some(b':') {
            return self.unexpected("a colon was expected");
        }
        self.at += 1;
        Ok(())
    }

    /// Checks and skips the next value. Depth costs one byte each, no stack.
    pub fn skip(&mut self) -> Read<()> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            match self.peek() {
                Some(b'{') => {
                    self.at += 1;
                    if self.peek() != Some(b'}') {
                        open.push(b'{');
                        self.skip_key()?;
                        continue;
                    }
                    self.at += 1;
                }
                Some(b'[') => {
                    self.at += 1;
                    if self.peek() != Some(b']') {
                        open.push(b'[');
                        continue;
                    }
                    self.at += 1;
                }
                Some(b'"') => self.skip_string()?,
                _ => {
                    self.value()?;
                }
            }
            // A value has ended; close whatever ends with it.
            loop {
                let Some(&inside) = open.last() else { return Ok(()) };
                match (inside, self.peek()) {
                    (b'{', Some(b',')) => {
                        self.at += 1;
                        self.skip_key()?;
                        break;
                    }
                    (_, Some(b',')) => {
                        self.at += 1;
                        break;
                    }
                    (b'{', Some(b'}')) | (b'[', Some(b']')) => {
                        self.at += 1;
                        open.pop();
                    }
                    (b'{', _) => return self.unexpected("a comma or } was expected"),
                    _ => return self.unexpected("a comma or ] was expected"),
                }
            }
        }
    }

    /// Nothing but white space may follow.
    pub fn end(&mut self) -> Read<()> {
        if self.peek().is_some() { self.error("something follows the end of the value") } else { Ok(()) }
    }
}

/// The first byte at or after `at` that a string cannot hold as it is: a quote, a backslash or a control character.
///
/// Eight bytes at a time: the well-known zero-byte test finds false hits only above a true one, so the lowest hit is true.
#[inline]
fn plain_run(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*eight);
        let quote = word ^ (ONES * 0x22);
        let slash = word ^ (ONES * 0x5C);
        let hits = ((quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word))
            & HIGHS;
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while let Some(&b) = bytes.get(at) {
        if b < 0x20 || b == b'"' || b == b'\\' {
            break;
        }
        at += 1;
    }
    at
}

/// Writes a string with its quotes, escaped as serde_json does.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut from = 0;
    loop {
        let to = plain_run(bytes, from);
        out.extend_from_slice(bytes.get(from..to).unwrap_or_default());
        let Some(&b) = bytes.get(to) else { break };
        match b {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0A => out.extend_from_slice(b"\\n"),
            0x0C => out.extend_from_slice(b"\\f"),
            0x0D => out.extend_from_slice(b"\\r"),
            _ => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX.get(usize::from(b >> 4)).copied().unwrap_or(b'0'));
                out.push(HEX.get(usize::from(b & 15)).copied().unwrap_or(b'0'));
            }
        }
        from = to + 1;
    }
    out.push(b'"');
}

/// Writes a number in decimal.
#[inline]
pub fn push_number(out: &mut Vec<u8>, n: u64) {
    if n < 10 {
        out.push(b'0' + n as u8);
        return;
    }
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = n;
    while rest > 0 {
        at -= 1;
        if let Some(digit) = digits.get_mut(at) {
            *digit = b'0' + (rest % 10) as u8;
        }
        rest /= 10;
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}
