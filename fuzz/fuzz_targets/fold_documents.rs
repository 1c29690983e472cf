//! Whatever somebody feeds to `pathkeeper fold`: the answer is JSON, and two readers give the same as one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pathkeeper_model::fold_doc;

fuzz_target!(|line: &[u8]| {
    let mut out = Vec::new();
    let whole = fold_doc::fold_line(line, &mut out);
    if whole.is_ok() {
        serde_json::from_slice::<serde_json::Value>(&out).expect("rows are JSON");
    }
    let Ok(text) = std::str::from_utf8(line) else { return };
    // Any place may be guessed; the answer must not depend on it.
    for split in (0..text.len()).filter(|at| text.is_char_boundary(*at)).step_by(7) {
        let Ok(front) = fold_doc::read_front(text, split) else {
            assert!(whole.is_err(), "the front half refuses what the whole takes");
            continue;
        };
        let joined = fold_doc::join(front, fold_doc::read_back(text, split));
        assert_eq!(joined.is_ok(), whole.is_ok(), "split at {split}");
    }
});
