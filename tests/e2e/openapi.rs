//! The OpenAPI document that is committed is the one that the program serves and prints.

use std::path::Path;
use std::process::Command;

#[test]
fn the_committed_document_is_the_programs() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let printed = Command::new(env!("CARGO_BIN_EXE_pathkeeper")).arg("openapi").output().unwrap();
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    assert!(
        printed.stdout == std::fs::read(committed).unwrap(),
        "the API has changed: run `cargo xtask gen`, read the difference, commit it"
    );
}
