//! Whatever arrives on the kernel's event socket.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pathkeeper_io::uevent;

fuzz_target!(|packet: &[u8]| {
    if let Some(event) = uevent::parse(packet) {
        let _ = uevent::trigger(&event);
    }
});
