//! Whatever stands in `storage.cfg` and `multipath.cfg`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pathkeeper_model::multipath_cfg::Reading;
use pathkeeper_model::section::Document;
use pathkeeper_model::storage_cfg::StorageCfg;

fuzz_target!(|bytes: &[u8]| {
    assert_eq!(Document::parse(bytes).bytes(), bytes);
    assert!(StorageCfg::parse(bytes).get("local").is_some());
    match Reading::parse(Some(bytes)) {
        Reading::Absent => assert!(bytes.is_empty()),
        Reading::Invalid(problems) => assert!(!problems.is_empty()),
        Reading::Good(cfg) => assert_eq!(cfg.write(), bytes),
    }
});
