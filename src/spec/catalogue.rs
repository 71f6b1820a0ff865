//! The policy files that come with galerna, embedded so that they are always at hand.

use std::path::Path;

use include_dir::{Dir, include_dir};

static POLICIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/policies");

/// A bundled policy file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its name: path without `.toml`, e.g. `cloudsim-3.0.3/lr-mmt`.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

impl Entry {
    /// The first comment line: what it is.
    pub fn story(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches('#').trim()
    }
}

/// Every bundled policy file, by name.
pub fn catalogue() -> Vec<Entry> {
    let mut entries = Vec::new();
    collect(&POLICIES, &mut entries);
    entries.sort_by_key(|entry| entry.name);
    entries
}

fn collect(folder: &Dir<'static>, entries: &mut Vec<Entry>) {
    for file in folder.files() {
        let name = file.path().to_str().and_then(|path| path.strip_suffix(".toml"));
        if let (Some(name), Some(text)) = (name, file.contents_utf8()) {
            entries.push(Entry { name, text });
        }
    }
    folder.dirs().for_each(|inner| collect(inner, entries));
}

/// The bundled file that `path` names, with or without `policies/` and `.toml`.
pub fn named(path: &Path) -> Option<Entry> {
    let path = path.to_str()?.replace('\\', "/");
    let name = path.strip_prefix("policies/").unwrap_or(&path);
    let name = name.strip_suffix(".toml").unwrap_or(name);
    catalogue().into_iter().find(|entry| entry.name == name)
}

/// A policy in Python to start from, by the key that it fills.
pub fn template(role: &str) -> Option<&'static [u8]> {
    let path = format!("python/new/{}.py", role.replace('-', "_"));
    POLICIES.get_file(path).map(include_dir::File::contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundled_file_is_found_by_name_and_by_path() {
        let by_name = named(Path::new("cloudsim-3.0.3/lr-mmt")).unwrap();
        assert_eq!(named(Path::new("policies/cloudsim-3.0.3/lr-mmt.toml")), Some(by_name));
        assert_eq!(named(Path::new("no-such")), None);
        assert!(!by_name.story().is_empty());
    }
}
