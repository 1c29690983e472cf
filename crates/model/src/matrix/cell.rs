//! One cell in eight bytes, and the side table for what does not fit into them.

use crate::state::{Entry, State, Transport};

/// What a node reported about a LUN. Derived states (missing, unknown for an offline node) are not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Cell {
    /// Bits 0–2: the state; bit 3: there is an entry; bit 4: it lies in the side table; bits 5–6: which of the row's two
    /// sizes it has, 0 = none.
    head: u8,
    /// 0 = none, else a place in the dictionary of transports, from 1.
    transport: u8,
    /// `u16::MAX` = none.
    active: u16,
    /// As `active`.
    total: u16,
    /// As `active`.
    expected: u16,
}

const NAMED: u8 = 8;
const WIDE: u8 = 16;
const SIZE_SHIFT: u8 = 5;
const NO_COUNT: u16 = u16::MAX;

impl Cell {
    /// No entry.
    pub const NONE: Cell = Cell { head: 0, transport: 0, active: 0, total: 0, expected: 0 };

    /// An entry that fits; `None` where a count does not.
    pub fn pack(entry: &Entry, transport: u8, size_code: u8) -> Option<Cell> {
        Some(Cell {
            head: entry.state as u8 | NAMED | (size_code << SIZE_SHIFT),
            transport,
            active: pack_count(entry.paths_active)?,
            total: pack_count(entry.paths_total)?,
            expected: pack_count(entry.paths_expected)?,
        })
    }

    /// An entry that lies in the side table.
    pub fn wide(state: State) -> Cell {
        Cell { head: state as u8 | NAMED | WIDE, ..Cell::NONE }
    }

    /// The reported state; `None` if there is no entry.
    #[inline]
    pub fn state(self) -> Option<State> {
        if self.head & NAMED == 0 {
            return None;
        }
        Some(match self.head & 7 {
            0 => State::Optimal,
            1 => State::Degraded,
            2 => State::Missing,
            3 => State::Failed,
            _ => State::Unknown,
        })
    }

    #[inline]
    pub fn is_named(self) -> bool {
        self.head & NAMED != 0
    }

    #[inline]
    pub fn is_wide(self) -> bool {
        self.head & WIDE != 0
    }

    /// 0 = no size, 1 or 2 = the row's.
    #[inline]
    pub fn size_code(self) -> u8 {
        self.head >> SIZE_SHIFT
    }

    #[inline]
    pub fn transport(self) -> u8 {
        self.transport
    }

    #[inline]
    pub fn active(self) -> Option<u32> {
        unpack_count(self.active)
    }

    #[inline]
    pub fn total(self) -> Option<u32> {
        unpack_count(self.total)
    }

    #[inline]
    pub fn expected(self) -> Option<u32> {
        unpack_count(self.expected)
    }
}

#[inline]
fn pack_count(count: Option<u32>) -> Option<u16> {
    match count {
        None => Some(NO_COUNT),
        Some(n) => u16::try_from(n).ok().filter(|&n| n != NO_COUNT),
    }
}

#[inline]
fn unpack_count(count: u16) -> Option<u32> {
    (count != NO_COUNT).then_some(u32::from(count))
}

/// The words for transports that cells point to. Those that come when it is full go to the side table.
#[derive(Clone, Debug, Default)]
pub(super) struct Dictionary {
    words: Vec<Transport>,
}

impl Dictionary {
    const FULL: usize = u8::MAX as usize;

    /// The place of a transport; `None` if there is no room for it. `guess` is tried first.
    #[inline]
    pub fn place(&mut self, transport: Option<&Transport>, guess: u8) -> Option<u8> {
        let Some(transport) = transport else { return Some(0) };
        if self.get(guess) == Some(transport) {
            return Some(guess);
        }
        let found = self.words.iter().position(|t| t == transport);
        let at = match found {
            Some(at) => at,
            None if self.words.len() < Self::FULL => {
                self.words.push(transport.clone());
                self.words.len() - 1
            }
            None => return None,
        };
        u8::try_from(at + 1).ok()
    }

    #[inline]
    pub fn get(&self, place: u8) -> Option<&Transport> {
        self.words.get(usize::from(place).checked_sub(1)?)
    }
}
