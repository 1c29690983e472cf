//! The three questions to device-mapper's control node, and the only `unsafe` of this module.
//!
//! Numbers and layouts: the kernel's include/uapi/linux/dm-ioctl.h (`struct dm_ioctl`, `dm_target_spec`,
//! `dm_name_list`). The kernel copies a buffer of `data_size` bytes in and the same buffer out; all else here is plain
//! reading and writing of those bytes.
#![allow(unsafe_code)]

use rustix::fd::AsFd;
use rustix::io::Errno;
use rustix::ioctl::{Ioctl, IoctlOutput, Opcode, opcode};
use std::ffi::c_void;

/// Bytes of `struct dm_ioctl`.
pub const HEADER_BYTES: usize = 312;
/// `DM_SUSPEND_FLAG`: the device is suspended.
pub const SUSPENDED: u32 = 1 << 1;
/// `DM_STATUS_TABLE_FLAG`: the table is wanted instead of the status.
pub const WANT_TABLE: u32 = 1 << 4;
/// `DM_BUFFER_FULL_FLAG`: there was not room for all.
pub const BUFFER_FULL: u32 = 1 << 8;
/// `DM_NOFLUSH_FLAG`: the status may not wait for I/O to be written back, which a queueing map would never finish.
pub const NO_FLUSH: u32 = 1 << 11;
/// `DM_UUID_FLAG`: UUIDs are wanted in the list of devices (since interface 4.45).
pub const WANT_UUID: u32 = 1 << 14;

/// What may be asked. None of these changes anything; the commands that do are not here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// `DM_LIST_DEVICES`.
    Devices = 2,
    /// `DM_DEV_STATUS`.
    Device = 7,
    /// `DM_TABLE_STATUS`.
    Table = 12,
}

/// `_IOWR(0xfd, ask, struct dm_ioctl)`.
struct Call<'a> {
    ask: Ask,
    buffer: &'a mut [u8],
}

// SAFETY: `as_ptr` gives a buffer that is writable for as many bytes as its header's `data_size` says ([`call`], the only
// maker, sets it to the buffer's length, at least HEADER_BYTES), which is all that the kernel reads and writes. Nothing
// is read back through the pointer in `output_from_ptr`.
unsafe impl Ioctl for Call<'_> {
    type Output = ();
    const IS_MUTATING: bool = true;
    fn opcode(&self) -> Opcode {
        opcode::read_write::<[u8; HEADER_BYTES]>(0xfd, self.ask as u8)
    }
    fn as_ptr(&mut self) -> *mut c_void {
        self.buffer.as_mut_ptr().cast()
    }
    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> rustix::io::Result<()> {
        Ok(())
    }
}

/// Asks about `dev` (the kernel's own encoding of major and minor; 0 for the list); the answer is in `buffer`, header
/// and data. The buffer's length is what the kernel may fill.
pub fn call(control: impl AsFd, ask: Ask, dev: u64, flags: u32, buffer: &mut [u8]) -> Result<(), Errno> {
    let size = u32::try_from(buffer.len()).map_err(|_| Errno::INVAL)?;
    let head = buffer.get_mut(..HEADER_BYTES).ok_or(Errno::INVAL)?;
    head.fill(0);
    // Interface 4.0.0 is what every kernel since 2.6 answers; a newer minor number would shut older kernels out.
    let header = [(0, 4u32), (12, size), (16, HEADER_BYTES as u32), (28, flags)];
    for (at, value) in header {
        head.get_mut(at..at + 4).ok_or(Errno::INVAL)?.copy_from_slice(&value.to_ne_bytes());
    }
    head.get_mut(40..48).ok_or(Errno::INVAL)?.copy_from_slice(&dev.to_ne_bytes());
    // SAFETY: the request is one of device-mapper's that take a `struct dm_ioctl`; on any other file it is ENOTTY. The
    // buffer is as long as the header says.
    unsafe { rustix::ioctl::ioctl(control, Call { ask, buffer }) }
}
