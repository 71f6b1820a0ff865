//! Where are the reference data? They are never part of the project: `GALERNA_SHARED` names their
//! folder, `../shared` by default. A test that does not find its file says so and passes; with
//! `GALERNA_REQUIRE_SHARED` set, as in CI beside the data, it fails.

use std::path::{Path, PathBuf};

/// The folder of all of them.
pub fn folder() -> PathBuf {
    let folder = std::env::var_os("GALERNA_SHARED").map(PathBuf::from);
    folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"))
}

/// One of them, or `None` with a message where it is not on this machine.
pub fn file(name: &str) -> Option<PathBuf> {
    let path = folder().join(name);
    if !path.exists() {
        let message = format!("skipped: there is no {} (set GALERNA_SHARED)", path.display());
        assert!(std::env::var_os("GALERNA_REQUIRE_SHARED").is_none(), "{message}");
        println!("{message}");
        return None;
    }
    Some(path)
}
