//! Which source is compiled? Its fingerprint goes into the address of every kept result, so that
//! what another galerna computed is never taken for this one's.

use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let mut files = vec![PathBuf::from("Cargo.toml"), PathBuf::from("Cargo.lock")];
    collect(Path::new("src"), &mut files);
    files.sort();
    let mut hash = FNV_OFFSET;
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        // A package taken from a registry has no lock file.
        let Ok(text) = fs::read(&file) else { continue };
        let name = file.to_string_lossy().replace('\\', "/");
        let unix = text.into_iter().filter(|&byte| byte != b'\r');
        hash = name.bytes().chain([0]).chain(unix).fold(hash, fnv);
    }
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rustc-env=GALERNA_SOURCE={hash:016x}");
}

/// FNV-1a, 64 bits (Fowler, Noll and Vo): enough to tell versions of one program apart.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
