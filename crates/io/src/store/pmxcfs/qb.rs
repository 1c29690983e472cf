//! libqb's client side, loaded when it is there, and the only `unsafe` of this store.
//!
//! Names, arguments and layouts: libqb's include/qb/qbipcc.h, soname libqb.so.100. A connection is used by one thread
//! at a time; nothing here waits longer than it is told to, except [`Connection::open`] with a libqb older than 2.0.3.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io::IoSlice;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::time::Duration;

use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::BorrowedFd;
use rustix::io::Errno;

/// The library's file, as the dynamic linker looks it up.
const SONAME: &str = "libqb.so.100";

/// `qb_ipcc_connection_t`, of which only libqb knows the inside.
type Raw = c_void;
type Connect = unsafe extern "C" fn(*const c_char, usize) -> *mut Raw;
type ConnectAsync = unsafe extern "C" fn(*const c_char, usize, *mut c_int) -> *mut Raw;
type ConnectContinue = unsafe extern "C" fn(*mut Raw) -> c_int;
// `IoSlice` has the layout of `struct iovec` on Unix (its documentation promises it).
type SendvRecv = unsafe extern "C" fn(*mut Raw, *const IoSlice<'_>, u32, *mut c_void, usize, i32) -> isize;
type Disconnect = unsafe extern "C" fn(*mut Raw);

/// The functions that we call.
#[derive(Debug)]
pub struct Library {
    connect: Connect,
    /// Since libqb 2.0.3.
    connect_steps: Option<(ConnectAsync, ConnectContinue)>,
    sendv_recv: SendvRecv,
    disconnect: Disconnect,
    /// Keeps the functions where they are; a static holds this, so that it is never closed.
    _handle: Handle,
}

impl Library {
    /// The library; loaded once and kept for the life of the process. `Err` says in words why it cannot be had; asking
    /// again tries again.
    pub fn get() -> Result<&'static Library, String> {
        static LOADED: OnceLock<Library> = OnceLock::new();
        if let Some(library) = LOADED.get() {
            return Ok(library);
        }
        let library = Self::load()?;
        Ok(LOADED.get_or_init(|| library))
    }

    /// As a libqb before 2.0.3 is: its connect waits for as long as the server is stopped.
    #[cfg(test)]
    pub fn old() -> &'static Library {
        Box::leak(Box::new(Library { connect_steps: None, ..Self::load().unwrap() }))
    }

    fn load() -> Result<Library, String> {
        // SAFETY: libqb's constructors only set up its own tables.
        let handle = unsafe { Handle::open(Some(SONAME), RTLD_NOW | RTLD_LOCAL) }
            .map_err(|e| format!("{SONAME} is not installed (Debian: libqb100): {e}"))?;
        let lacks = |e: libloading::Error| format!("{SONAME} is not the libqb that we know: {e}");
        // SAFETY: each name is bound to its type in qbipcc.h, which soname 100 keeps.
        unsafe {
            let connect_async = handle.get::<ConnectAsync>(b"qb_ipcc_connect_async\0").ok().map(|s| *s);
            let go_on = handle.get::<ConnectContinue>(b"qb_ipcc_connect_continue\0").ok().map(|s| *s);
            Ok(Library {
                connect: *handle.get::<Connect>(b"qb_ipcc_connect\0").map_err(lacks)?,
                connect_steps: connect_async.zip(go_on),
                sendv_recv: *handle.get::<SendvRecv>(b"qb_ipcc_sendv_recv\0").map_err(lacks)?,
                disconnect: *handle.get::<Disconnect>(b"qb_ipcc_disconnect\0").map_err(lacks)?,
                _handle: handle,
            })
        }
    }
}

/// A connection to a service. Dropping it disconnects, in at most 40 ms.
#[derive(Debug)]
pub struct Connection {
    library: &'static Library,
    raw: NonNull<Raw>,
}

// SAFETY: libqb keeps no thread-local state for a connection; `&mut self` on its calls lets one thread in at a time.
unsafe impl Send for Connection {}

impl Connection {
    /// Connects to `service` with rings for messages of up to `message_bytes_max`, within `within`.
    ///
    /// A server that is stopped takes connections and does not answer; with libqb 2.0.3 and later that ends as
    /// [`Errno::TIMEDOUT`]. With an older one the call stays until the server goes on: call it where that is bearable.
    pub fn open(
        library: &'static Library,
        service: &str,
        message_bytes_max: usize,
        within: Duration,
    ) -> Result<Self, Errno> {
        let name = CString::new(service).map_err(|_| Errno::INVAL)?;
        match library.connect_steps {
            Some(steps) => Self::open_in_steps(library, &name, message_bytes_max, within, steps),
            None => {
                // SAFETY: the name is NUL-terminated and outlives the call.
                let raw = unsafe { (library.connect)(name.as_ptr(), message_bytes_max) };
                Ok(Self { library, raw: NonNull::new(raw).ok_or_else(last_error)? })
            }
        }
    }

    fn open_in_steps(
        library: &'static Library,
        name: &CStr,
        message_bytes_max: usize,
        within: Duration,
        (connect_async, go_on): (ConnectAsync, ConnectContinue),
    ) -> Result<Self, Errno> {
        let mut fd: c_int = -1;
        // SAFETY: the name is NUL-terminated and `fd` is writable; both outlive the call.
        let raw = unsafe { connect_async(name.as_ptr(), message_bytes_max, &mut fd) };
        let raw = NonNull::new(raw).ok_or_else(last_error)?;
        // SAFETY: libqb holds this socket open until `go_on` is called below, and `socket` is not used after that.
        let socket = unsafe { BorrowedFd::borrow_raw(fd) };
        let answered = answers_within(socket, within);
        if !answered {
            // Then `go_on` finds the socket at its end, and takes all down that was set up: there is no call to cancel.
            let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
        }
        // SAFETY: `raw` came from connect_async and was not given to anything since. On failure it is freed in there.
        let result = unsafe { go_on(raw.as_ptr()) };
        match (result, answered) {
            (0, true) => Ok(Self { library, raw }),
            (0, false) => {
                // The answer came between the wait's end and the shutdown. It is late all the same.
                drop(Self { library, raw });
                Err(Errno::TIMEDOUT)
            }
            (_, false) => Err(Errno::TIMEDOUT),
            (error, true) => Err(errno(error as isize)),
        }
    }

    /// Sends `request` and waits `within` for the reply, which is put into `reply`; gives its bytes. Any error leaves
    /// the connection in doubt (a late reply would answer the next request): drop it.
    pub fn ask<'r>(
        &mut self,
        request: &[u8],
        reply: &'r mut [u8],
        within: Duration,
    ) -> Result<&'r [u8], Errno> {
        let vector = [IoSlice::new(request)];
        // libqb takes a negative number for "for ever".
        let within_ms = i32::try_from(within.as_millis()).unwrap_or(i32::MAX).max(1);
        // SAFETY: `raw` is connected; the vector and its bytes are readable and `reply` is writable for its length
        // throughout the call, and nothing is kept of them.
        let got = unsafe {
            (self.library.sendv_recv)(
                self.raw.as_ptr(),
                vector.as_ptr(),
                1,
                reply.as_mut_ptr().cast(),
                reply.len(),
                within_ms,
            )
        };
        if got < 0 {
            return Err(errno(got));
        }
        reply.get(..got.unsigned_abs()).ok_or(Errno::MSGSIZE)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: `raw` is connected, and nobody uses it after this.
        unsafe { (self.library.disconnect)(self.raw.as_ptr()) }
    }
}

fn answers_within(socket: BorrowedFd<'_>, within: Duration) -> bool {
    let timeout = Timespec::try_from(within).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
    // An interrupted wait counts as none: the next attempt is near.
    matches!(poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&timeout)), Ok(1..))
}

/// What a libqb call that gave NULL left in errno.
fn last_error() -> Errno {
    let code = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    // Some paths of libqb leave none.
    if code == 0 { Errno::NOTCONN } else { Errno::from_raw_os_error(code) }
}

/// The error in a negative return value.
fn errno(result: isize) -> Errno {
    match i32::try_from(result.unsigned_abs()) {
        Ok(code @ 1..=4095) => Errno::from_raw_os_error(code),
        _ => Errno::IO,
    }
}
