//! Whatever multipathd (or who pretends to be it) replies to `show maps json`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pathkeeper_io::multipathd::{frame, json, reply};
use pathkeeper_model::judge;

fuzz_target!(|bytes: &[u8]| {
    if let Some(length) = bytes.first_chunk() {
        let _ = frame::decode_length(*length);
    }
    let text = frame::text_of(bytes);
    if let reply::Reply::Text(words) = reply::classify(text) {
        let _ = reply::parse_daemon(words);
        let _ = reply::parse_version(words);
    }
    let Ok(maps) = json::decode(text) else { return };
    for map in &maps.maps {
        let entry = judge::judge_map(map, None);
        assert!(entry.paths_active <= entry.paths_total);
        // Nothing is optimal without a usable path, whatever the words were.
        assert!(entry.state != pathkeeper_model::State::Optimal || entry.paths_active > Some(0));
    }
});
